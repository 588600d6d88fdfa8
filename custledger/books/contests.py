"""The book of contests: entries that a customer says are wrong, and what a person decided on them.

An open contest is shown wherever the entry is read (Article 18(1)(a) GDPR): the entry goes on to
count in the score, and the score without it stands beside (``custledger.edges.disputed``). Leaving
it out in silence would let anybody be judged on less than is known, and nobody would see why.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from custledger.core.calendar.wall_clock import end_of_day, local_day
from custledger.core.checks import check_moment, check_reason, check_required
from custledger.core.clock import date_of_day, from_microseconds
from custledger.core.due import DueItem, DueKind
from custledger.core.privacy.erasure import STAYS
from custledger.core.privacy.subject_access import (
    Contest,
    ContestState,
    ContestStep,
    contest_from,
    decision_refusals,
    is_contest,
)
from custledger.core.records import EntryKind, EntryRef, StaffRole
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import void
from custledger.storage.erasing.erased import erased_by
from custledger.storage.erasing.targets import Target, line_of, numbered
from custledger.storage.events import append_event, cases, events_of, events_where, listed
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, customer_key, subject_key
from custledger.storage.merges import group_of
from custledger.storage.tables import EventRow, StaffRow

__all__ = ["ContestBook"]

_event, _staff = table_of(EventRow), table_of(StaffRow)
_KIND = EntryKind.SUBJECT_ACCESS
_NOT_DISPUTED: Final = STAYS | {EntryKind.SUBJECT_ACCESS, EntryKind.LEGAL_HOLD, EntryKind.MERGE}


class ContestBook:
    """Rectification (Article 16 GDPR): the customer disputes, a person decides, with reasons.

    What is agreed to is put right by a correction or a void of the entry, which the decision names.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, entry: object, *, words: str, received_at: datetime | None = None) -> ContestStep:
        """Record that a customer disputes an entry (a record or its id), in their own words.

        Refused where it is disputed already, was taken back, or says what was erased or refused.
        """
        said, ref = check_required(words, "words"), _ref(entry)
        with self._context.write() as journal:
            at, day = self._when(journal, received_at, "received_at")
            connection = journal.connection
            key = self._chain(connection, ref)
            lock_chains(connection, self._context.ledger, [key])
            line = line_of(connection, key, ref.seq)
            refusals = tuple(self._refusals(connection, key, ref, line))
            if refusals:
                return ContestStep(False, None, refusals)
            first = line[0].seq
            body = {"event": "contested", "entry": first, "mark": str(first)}
            body |= {"words": said, "received_day": day}
            written = append_event(journal, key, _KIND, body, occurred_at=at)
            return ContestStep(True, contest_from([written]))

    def rectify(
        self,
        contest: Contest | EntryRef,
        *,
        reasons: str,
        correction: object = None,
        at: datetime | None = None,
    ) -> ContestStep:
        """Record that the customer was right, after the entry was corrected, voided or erased.

        ``correction`` names the entry that put it right; by default the newest one of the disputed
        record that came after the contest. Refused where there is none, and for programs.
        """
        named = None if correction is None else _ref(correction)
        return self._decide(contest, "contest_rectified", reasons, at, named)

    def refuse(
        self, contest: Contest | EntryRef, *, reasons: str, at: datetime | None = None
    ) -> ContestStep:
        """Record that the entry stays as it is, and why, in words that the customer was told.

        Tell them of the supervisory authority and the courts too (Art. 12(4) GDPR).
        """
        return self._decide(contest, "contest_refused", reasons, at, None)

    def void(self, contest: Contest | EntryRef, *, reason: str) -> None:
        """Take a contest that was recorded by mistake back, with all that came of it."""
        ref, why = _ref(contest), check_reason(reason)
        with self._context.write() as journal:
            self._read(journal.connection, ref)
            for event in listed(journal.connection, self._context, _KIND, ref):
                void(journal, self._context, EventRow, event.id, why)

    def get(self, contest: Contest | EntryRef) -> Contest:
        """The contest as it stands; NotFoundError if there is none."""
        with self._context.read() as connection:
            return self._read(connection, _ref(contest))

    def of(self, customer: CustomerLike) -> list[Contest]:
        """A customer's contests, oldest first; those of merged customers too."""
        with self._context.read() as connection:
            key = subject_key(connection, self._context, customer)
            key = customer_key(connection, self._context, customer) if key is None else key
            found = cases(events_of(connection, self._context, _KIND, group_of(connection, key)))
            return [contest_from(events) for events in found.values() if is_contest(events)]

    def open(self, as_of: date | None = None) -> list[Contest]:
        """The contests that wait for a decision as of a day, the earliest due first."""
        day = date_of_day(self._context.day(as_of))
        waiting = [
            c
            for c in self.all()
            if c.received_on <= day and (c.closed_on is None or c.closed_on > day)
        ]
        return sorted(waiting, key=lambda c: (c.due_on, c.id))

    def overdue(self, as_of: date | None = None) -> list[Contest]:
        """Those of the open ones whose last day is over as of a day."""
        day = date_of_day(self._context.day(as_of))
        return [c for c in self.open(as_of) if day > c.due_on]

    def passed(self, *, since: datetime | None, as_of: datetime) -> list[DueItem]:
        """The contests that became overdue after ``since`` and by ``as_of``.

        With ``since=None``, those that are overdue still.
        """
        found = []
        for contest in self.all():
            at = max(end_of_day(contest.due_on, self._context.zone), contest.recorded_at)
            closed = contest.closed_on
            over = closed is not None and (since is None or closed <= contest.due_on)
            if (since is None or since < at) and at <= as_of and not over:
                text = (
                    f"The customer disputes #{contest.entry.seq}; a decision was due by "
                    f"{day_in_words(contest.due_on)}."
                )
                kind, key = DueKind.CONTEST_OVERDUE, f"contest:{contest.id}"
                found.append(DueItem(at, kind, key, text, contest.customer_id, contest.id))
        return sorted(found, key=lambda item: (item.passed_at, item.key))

    def all(self) -> list[Contest]:
        """Every one, oldest first."""
        with self._context.read() as connection:
            found = cases(events_where(connection, self._context, _event.c.kind == _KIND))
        return [contest_from(events) for events in found.values() if is_contest(events)]

    def _refusals(
        self, connection: Connection, key: int, ref: EntryRef, line: Sequence[Target]
    ) -> list[Refusal]:
        if not line:
            raise NotFoundError(
                f"There is no entry {ref}. `custledger history` lists those there are."
            )
        first = line[0]
        if first.kind in _NOT_DISPUTED:
            said = first.kind.replace("_", " ")
            return [Refusal("kind", f"#{first.seq} is a {said}: it is not about the customer.")]
        if first.seq in erased_by(connection, key):
            return [Refusal("erased", f"#{first.seq} was erased: nothing of it is held.")]
        if line[-1].kind is EntryKind.VOID:
            return [Refusal("void", f"#{first.seq} was taken back and counts for nothing.")]
        place = (_event.c.customer_id == key) & (_event.c.kind == _KIND)
        events = events_where(connection, self._context, place)
        contests = [contest_from(e) for e in cases(events).values() if is_contest(e)]
        return [
            Refusal(
                "twice",
                f"#{first.seq} is disputed already (#{c.id.seq}, not decided yet). Record what the "
                "customer adds as a contact.",
            )
            for c in contests
            if c.state is ContestState.OPEN and c.entry.seq == first.seq
        ]

    def _decide(
        self,
        contest: Contest | EntryRef,
        event: str,
        reasons: str,
        at: datetime | None,
        named: EntryRef | None,
    ) -> ContestStep:
        said, ref = check_required(reasons, "reasons"), _ref(contest)
        with self._context.write() as journal:
            moment, day = self._when(journal, at, "at")
            connection = journal.connection
            key = self._chain(connection, ref)
            lock_chains(connection, self._context.ledger, [key])
            before = self._read(connection, ref)
            refusals = [*decision_refusals(before, date_of_day(day)), *self._of_decider(connection)]
            body: dict[str, Any] = {"event": event, "of": ref.seq, "reason": said, "on_day": day}
            if event == "contest_rectified":
                body["correction"] = self._correction(connection, key, before, named)
                if body["correction"] is None:
                    refusals.append(_NOT_CORRECTED)
            if refusals:
                return ContestStep(False, before, tuple(refusals))
            append_event(journal, key, _KIND, body, occurred_at=moment)
            return ContestStep(True, self._read(connection, ref))

    def _of_decider(self, connection: Connection) -> list[Refusal]:
        query = select(_staff.c.role).where(_staff.c.id == self._context.actor)
        if connection.scalar(query) is StaffRole.PROGRAM:
            text = "A person decides what a customer disputes; a program does not (Art. 22 GDPR)."
            return [Refusal("person", text)]
        return []

    def _correction(
        self, connection: Connection, key: int, contest: Contest, named: EntryRef | None
    ) -> int | None:
        """The number of the entry that put it right; None where there is none."""
        if named is not None:
            found = numbered(connection, key, [named.seq])
            if named.subject != contest.customer_id or named.seq <= contest.id.seq or not found:
                raise BadInputError(
                    f"{named} is no entry of this customer that came after the contest "
                    f"#{contest.id.seq}."
                )
            return named.seq
        line = line_of(connection, key, contest.entry.seq)
        erased = erased_by(connection, key).get(contest.entry.seq, 0)
        later = [seq for seq in (*(t.seq for t in line), erased) if seq > contest.id.seq]
        return max(later, default=None)

    def _read(self, connection: Connection, ref: EntryRef) -> Contest:
        events = listed(connection, self._context, _KIND, ref)
        if not is_contest(events):
            raise NotFoundError(f"{ref} is no contest. See `custledger contest list`.")
        return contest_from(events)

    def _chain(self, connection: Connection, ref: EntryRef) -> int:
        key = subject_key(connection, self._context, ref.subject)
        assert key is not None  # an id either finds one or is NotFoundError
        return key

    def _when(self, journal: Journal, at: datetime | None, name: str) -> tuple[int, int]:
        """The moment in microseconds and the day in the ledger's zone; never one to come."""
        moment = journal.recorded_at if at is None else check_moment(at, name)
        if moment > journal.recorded_at:
            raise BadInputError(f"{name} lies in the future; give the time when it happened.")
        return moment, self._context.day(local_day(from_microseconds(moment), self._context.zone))


_NOT_CORRECTED: Final = Refusal(
    "not_corrected",
    "The entry is still as the customer disputes it. Correct it (custledger record correct), void "
    "or erase it first; then decide.",
)


def _ref(entry: object) -> EntryRef:
    ref = getattr(entry, "ref", None) or getattr(entry, "id", entry)
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name an entry by its record or its id (an EntryRef), not {entry!r}.")
    return ref
