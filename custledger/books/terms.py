"""The terms book: refund and cancellation terms in numbered versions, and who was shown which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from custledger.core.checks import check_day, check_flag, check_reason, check_required, check_text
from custledger.core.clock import date_of_day, day_of, to_microseconds
from custledger.core.facts import Body
from custledger.core.records import EntryKind, EntryRef, Evidence, MoneyEntry, PolicyTopic
from custledger.core.refunds.conveyances import ConveyedTerms, conveyed_from
from custledger.core.refunds.floors import EU_WITHDRAWAL, Floor
from custledger.core.refunds.terms import GoodsTerms, RefundTerms, ServiceTerms, refusals_of
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import current, void
from custledger.storage.events import append_event, events_of
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.merges import group_of
from custledger.storage.policies import add_policy
from custledger.storage.refunds.deals import DEALS
from custledger.storage.refunds.terms import (
    TermsVersion,
    add_end,
    next_number,
    terms_on,
    terms_versions,
)
from custledger.storage.tables import EntryRow, EventRow, EvidenceRow, MoneyRow

__all__ = ["Conveying", "TermsBook", "TermsSet"]

_entry = table_of(EntryRow)
_TOPIC: Final = PolicyTopic.REFUND_TERMS
_DAY: Final = timedelta(days=1)
_DEALS: Final = frozenset(EntryKind(kind.value) for kind in DEALS)


@dataclass(frozen=True, slots=True)
class TermsSet:
    """What came of setting or ending terms; where ``done`` is false, nothing was written."""

    done: bool
    version: TermsVersion | None = None
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Conveying:
    """What came of recording that terms were shown; if not ``done``, nothing was written."""

    done: bool
    conveyance: ConveyedTerms | None = None
    refusals: tuple[Refusal, ...] = ()


class TermsBook:
    """Versions are added, never changed: a deal is judged by the one in force on its day."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def set(
        self,
        goods: GoodsTerms | None = None,
        services: ServiceTerms | None = None,
        *,
        effective_on: date | None = None,
        until: date | None = None,
        at_distance: bool = True,
        to_consumers: bool = True,
        floor: Floor | None = EU_WITHDRAWAL,
        reason: str = "",
        former: bool = False,
    ) -> TermsSet:
        """Add a version, in force from ``effective_on`` to ``until`` or to the next version.

        Default: from today, or from tomorrow where other terms are in force today, because a deal
        of this morning is judged by those. Never from an earlier day, with one exception: terms
        that the firm had before it began with custledger are ``former``. They are recorded before
        any others, begin on or before the day on which the ledger was made, need a ``reason``, and
        every assessment by them says that they were recorded afterwards. Refused: terms that
        contradict themselves, undercut ``floor``, or overlap another version.
        """
        if check_flag(former, "former") and effective_on is None:
            raise BadInputError("Say from when on the former terms were in force: effective_on.")
        why = check_reason(reason) if former else check_text(reason, "reason")
        with self._context.write() as journal:
            connection, today = self._locked(journal), date_of_day(self._context.today())
            known = terms_versions(connection, self._context)
            if effective_on is None:
                inside = terms_on(known, today)
                effective_on = today if inside is None else today + _DAY
            check_day(effective_on, "effective_on")
            terms = RefundTerms(
                next_number(connection, self._context),
                effective_on,
                goods,
                services,
                until,
                at_distance,
                to_consumers,
                floor,
            )
            refusals = [
                *self._of_day(connection, effective_on, today, known, former=former),
                *(Refusal("contradiction", t) for t in refusals_of(terms, _terms_of(known))),
            ]
            if refusals:
                return TermsSet(done=False, refusals=tuple(refusals))
            return TermsSet(done=True, version=self._add(journal, terms, why, former=former))

    def end(self, version: int, *, on: date | None = None, reason: str) -> TermsSet:
        """Let a version end sooner: ``on`` is its last day, default today.

        One that is not in force yet never comes into force. What was in force up to today stays so.
        """
        why = check_reason(reason)
        with self._context.write() as journal:
            connection, today = self._locked(journal), date_of_day(self._context.today())
            last = today if on is None else on
            check_day(last, "on")
            ended = self._named(terms_versions(connection, self._context), version)
            found = _refusals_of_end(ended.terms, last, today)
            if found:
                return TermsSet(done=False, refusals=tuple(found))
            add_end(journal, self._context, version, last, why)
            known = terms_versions(connection, self._context)
            left = next((v for v in known if v.terms.version == version), None)
            return TermsSet(done=True, version=left)

    def current(self, day: date | None = None) -> TermsVersion | None:
        """The version in force on a day (default today), or None."""
        with self._context.read() as connection:
            return terms_on(
                terms_versions(connection, self._context), date_of_day(self._context.day(day))
            )

    def get(self, version: int) -> TermsVersion:
        """The version with that number, or NotFoundError."""
        return self._named(self.all(), version)

    def all(self) -> list[TermsVersion]:
        """Every version that was, is or will be in force, oldest first."""
        with self._context.read() as connection:
            return terms_versions(connection, self._context)

    def convey(
        self,
        customer: CustomerLike,
        *,
        how: str,
        version: int | None = None,
        conveyed_at: datetime | None = None,
        evidence: Evidence | EntryRef | None = None,
        deal: MoneyEntry | EntryRef | None = None,
    ) -> Conveying:
        """Record that the terms were shown to a customer or prospect: ``how``, and when.

        ``version`` defaults to the one in force on that day. With ``deal`` (a sale, invoice or
        payment) it holds for that deal alone, else for every later one. ``evidence``, such as the
        page that was sent, and ``deal`` are entries of the same customer. Refused: a version that
        did not exist yet, a time to come, and a time without any terms.
        """
        said = check_required(how, "how")
        with self._context.write() as journal:
            key = customer_key(journal.connection, self._context, customer)
            at = journal.recorded_at if conveyed_at is None else to_microseconds(conveyed_at)
            known = terms_versions(journal.connection, self._context)
            shown = self._shown(known, version, at)
            refusals = [*_refusals_of_showing(shown, at, journal.recorded_at, self._context.zone)]
            if shown is None or refusals:
                return Conveying(done=False, refusals=tuple(refusals))
            body: Body = {"event": "conveyed", "version": shown.terms.version, "how": said}
            body["mark"] = str(shown.terms.version)
            for name, model, named in (
                ("evidence", EvidenceRow, evidence),
                ("deal", MoneyRow, deal),
            ):
                if named is not None:
                    ref = _ref(named, name)
                    found = current(journal.connection, self._context, model, ref)
                    _refuse_foreign(name, ref, same=found.subject_id == key)
                    _refuse_no_deal(name, ref, found.kind)
                    body[name] = ref.seq
            when = None if conveyed_at is None else at
            stored = append_event(journal, key, EntryKind.CONVEYANCE, body, occurred_at=when)
            return Conveying(done=True, conveyance=conveyed_from(stored))

    def conveyances(self, customer: CustomerLike) -> list[ConveyedTerms]:
        """What a customer was shown, in the order in which it was; under all of their names."""
        with self._context.read() as connection:
            key = customer_key(connection, self._context, customer)
            group = group_of(connection, key)
            stored = events_of(connection, self._context, EntryKind.CONVEYANCE, group)
            found = [conveyed_from(s) for s in stored if s.body]
            return sorted(found, key=lambda c: c.conveyed_at)

    def void(self, conveyance: ConveyedTerms | EntryRef, *, reason: str) -> None:
        """Take back a conveyance that was recorded by mistake; the trail keeps it."""
        ref = _ref(conveyance, "conveyance")
        with self._context.write() as journal:
            found = current(journal.connection, self._context, EventRow, ref)
            if found.kind is not EntryKind.CONVEYANCE:
                raise BadInputError(f"{ref} is no conveyance; each book voids its own entries.")
            void(journal, self._context, EventRow, ref, reason)

    def _locked(self, journal: Journal) -> Connection:
        # Two versions at once would each be checked without the other.
        lock_chains(journal.connection, self._context.ledger, [self._context.key])
        return journal.connection

    def _add(
        self, journal: Journal, terms: RefundTerms, reason: str, *, former: bool
    ) -> TermsVersion:
        body = terms.to_body() | ({"former": True} if former else {})
        day = check_day(terms.effective_on, "effective_on")
        add_policy(
            journal, self._context, _TOPIC, terms.version, body, effective_day=day, reason=reason
        )
        found = terms_versions(journal.connection, self._context)
        return self._named(found, terms.version)

    def _of_day(
        self,
        connection: Connection,
        day: date,
        today: date,
        known: Sequence[TermsVersion],
        *,
        former: bool,
    ) -> list[Refusal]:
        if former:
            return self._of_former(connection, day, known)
        inside = terms_on(known, today)
        if day < today:
            text = (
                f"Terms cannot take effect on {day_in_words(day)}, before today: a deal is judged "
                "by what was in force then. Terms that you had before you began with custledger "
                "are recorded as former."
            )
            return [Refusal("before_today", text)]
        if day == today and inside is not None:
            text = (
                f"Version {inside.terms.version} is in force today, and deals of today are judged "
                f"by it. Let the new terms take effect on {day_in_words(today + _DAY)} or later."
            )
            return [Refusal("today_taken", text)]
        return []

    def _of_former(
        self, connection: Connection, day: date, known: Sequence[TermsVersion]
    ) -> list[Refusal]:
        made = select(_entry.c.recorded_at).where(
            _entry.c.subject_id == self._context.key, _entry.c.seq == 1
        )
        first = date_of_day(day_of(connection.scalar(made) or 0, self._context.zone))
        if day > first:
            text = (
                f"Former terms begin on or before {day_in_words(first)}, the day on which this "
                "ledger was made. Record newer ones as they take effect."
            )
            return [Refusal("not_former", text)]
        if any(not version.former for version in known):
            text = "Former terms are recorded before any others, and there are others already."
            return [Refusal("too_late_for_former", text)]
        return []

    def _named(self, known: Sequence[TermsVersion], version: int) -> TermsVersion:
        for found in known:
            if found.terms.version == version:
                return found
        raise NotFoundError(
            f"There is no version {version} of the terms. `custledger terms show` lists them."
        )

    def _shown(
        self, known: Sequence[TermsVersion], version: int | None, at: int
    ) -> TermsVersion | None:
        if version is not None:
            return self._named(known, version)
        return terms_on(known, date_of_day(day_of(at, self._context.zone)))


def _terms_of(known: Sequence[TermsVersion]) -> list[RefundTerms]:
    return [version.terms for version in known]


def _refusals_of_end(terms: RefundTerms, last: date, today: date) -> list[Refusal]:
    if terms.until is not None and terms.until <= last:
        text = f"Version {terms.version} ends on {day_in_words(terms.until)} already."
        return [Refusal("ends_already", text)]
    if terms.effective_on <= today and last < today:
        text = (
            f"Version {terms.version} is in force, and deals up to today are judged by it. Let it "
            f"end on {day_in_words(today)} or later."
        )
        return [Refusal("before_today", text)]
    return []


def _refusals_of_showing(shown: TermsVersion | None, at: int, now: int, zone: str) -> list[Refusal]:
    day = date_of_day(day_of(at, zone))
    if shown is None:
        text = (
            f"No terms were in force on {day_in_words(day)}. Set them first (`custledger terms "
            "set`), or name the version that was shown."
        )
        return [Refusal("no_terms", text)]
    found = []
    if at > now:
        text = "It cannot have been shown in time to come. Record it when it has happened."
        found.append(Refusal("in_future", text))
    known_on = date_of_day(day_of(to_microseconds(shown.recorded_at), zone))
    if not shown.former and day < known_on:
        text = (
            f"Version {shown.terms.version} was recorded on {day_in_words(known_on)}; it cannot "
            f"have been shown on {day_in_words(day)}."
        )
        found.append(Refusal("before_version", text))
    return found


def _refuse_no_deal(name: str, ref: EntryRef, kind: EntryKind) -> None:
    if name == "deal" and kind not in _DEALS:
        raise BadInputError(
            f"{ref} is a {kind.replace('_', ' ')}. Name the sale, invoice or payment it is about."
        )


def _refuse_foreign(name: str, ref: EntryRef, *, same: bool) -> None:
    if not same:
        raise BadInputError(
            f"{name}: {ref} is an entry of another customer. Name that customer, or another entry."
        )


def _ref(named: ConveyedTerms | Evidence | MoneyEntry | EntryRef, name: str) -> EntryRef:
    ref = getattr(named, "id", named)
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"{name} must be a record or its id (an EntryRef), not {named!r}.")
    return ref
