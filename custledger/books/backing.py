"""The book of backing: what was done for staff who bore abuse, and who needs relief."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.backing import (
    ABUSE,
    Backed,
    Backing,
    BackingKind,
    BackingReport,
    BackingRules,
    Incident,
    backing_report,
)
from custledger.core.bodies import StoredEntry, interaction_from
from custledger.core.checks import check_member, check_moment, check_text
from custledger.core.clock import date_of_day, day_of
from custledger.core.facts import Body
from custledger.core.records import Conduct, EntryKind, EntryRef, Interaction, Staff, StaffRole
from custledger.core.refusal import Refusal
from custledger.core.words import words as in_words
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import current, void_draft
from custledger.storage.decisions.decisions import registered_staff
from custledger.storage.events import append_event, events_of, events_where
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, StaffLike, customer_key, staff_key
from custledger.storage.merges import group_of, stands_for
from custledger.storage.reading import stored_entries
from custledger.storage.tables import CustomerRow, EventRow, InteractionRow

__all__ = ["BackingBook"]

_event, _interaction = table_of(EventRow), table_of(InteractionRow)
_customer = table_of(CustomerRow)
_EVENT: Final = "backed"
_DEFAULT: Final = BackingRules()


class BackingBook:
    """Nobody who bears abuse at work is left alone with it.

    What was done, and the words about it, are kept apart from what the customer may see.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(
        self,
        incident: Interaction | EntryRef,
        kind: BackingKind | str,
        *,
        words: str = "",
        staff: StaffLike | None = None,
        occurred_at: datetime | None = None,
    ) -> Backed:
        """Record what was done for whoever handled a contact, or for another member of ``staff``.

        Refused, and nothing written, where no abuse is recorded of the contact, or where it was
        done before the contact or in the future. The kind ``other`` needs words.
        """
        what = check_member(BackingKind, kind)
        text = check_text(words, "words")
        if what is BackingKind.OTHER and not text:
            raise BadInputError("The kind 'other' needs words. Say in a sentence what was done.")
        at = None if occurred_at is None else check_moment(occurred_at, "occurred_at")
        ref = _ref(incident)
        with self._context.write() as journal:
            key = journal.key_of(ref.subject)
            lock_chains(journal.connection, journal.ledger, [key])
            contact = self._contact(journal.connection, ref)
            person = self._person(journal.connection, contact, staff)
            refusals = tuple(self._refusals(journal, contact, person, at))
            if refusals:
                return Backed(False, refusals)
            body: Body = {"event": _EVENT, "of": ref.seq, "other": str(person.id)}
            private: Body = {"kind": what.value, "words": text} if text else {"kind": what.value}
            stored = append_event(
                journal, key, EntryKind.BACKING, body, occurred_at=at, staff_body=private
            )
            return Backed(True, (), self._record(stored))

    def void(self, backing: Backing | EntryRef, *, reason: str) -> None:
        """Take back what was recorded by mistake; the trail keeps it."""
        ref = backing.ref if isinstance(backing, Backing) else _ref(backing)
        with self._context.write() as journal:
            found = current(journal.connection, self._context, EventRow, ref)
            if found.kind is not EntryKind.BACKING:
                raise BadInputError(f"The entry {ref} is no backing. Name one of `backing.of`.")
            journal.append([void_draft(found, reason)])

    def of(self, customer: CustomerLike) -> list[Backing]:
        """What was done after incidents with a customer, in the order of recording."""
        with self._context.read() as connection:
            key = customer_key(connection, self._context, customer)
            keys = group_of(connection, key)
            return self._records(events_of(connection, self._context, EntryKind.BACKING, keys))

    def report(
        self,
        as_of: date | None = None,
        *,
        since: date | None = None,
        rules: BackingRules = _DEFAULT,
    ) -> BackingReport:
        """Who bore abuse by a day, what was done for them, and who needs relief.

        And for each customer with adverse conduct in the period, whether all of it comes from one
        person alone. ``since`` is the first day of the period, by default the first of the ledger.
        """
        last = self._context.day(as_of)
        first = None if since is None else self._context.day(since)
        with self._context.read() as connection:
            found = list(self._incidents(connection, first, last))
            of_kind = _event.c.kind == EntryKind.BACKING
            until = _event.c.occurred_day <= last
            done = events_where(connection, self._context, of_kind, until)
            return backing_report(
                found,
                self._records(done),
                registered_staff(connection),
                as_of=date_of_day(last),
                since=None if first is None else date_of_day(first),
                rules=rules,
            )

    def _refusals(
        self, journal: Journal, contact: Interaction, person: Staff, at: int | None
    ) -> Iterator[Refusal]:
        if contact.conduct not in ABUSE:
            kinds = ", ".join(sorted(map(in_words, ABUSE)))
            yield Refusal(
                "no_abuse",
                f"No abuse is recorded of the contact #{contact.id.seq} ({kinds}). If there was, "
                "correct it first.",
            )
        if person.role is StaffRole.PROGRAM:
            yield Refusal(
                "program", f"{person.name} is a program: name the person it was done for."
            )
        moment = journal.recorded_at if at is None else at
        zone = self._context.zone
        day = date_of_day(day_of(moment, zone))
        if day < self._day(contact):
            yield Refusal("too_early", f"On {day} the contact had not taken place yet.")
        if moment > journal.recorded_at:
            yield Refusal("future", "It lies in the future. Record it once it was done.")

    def _contact(self, connection: Connection, ref: EntryRef) -> Interaction:
        found = current(connection, self._context, InteractionRow, ref)
        rows = [(found.entry_id, ref.seq)]
        return interaction_from(stored_entries(connection, self._context.identities, rows)[0])

    def _person(
        self, connection: Connection, contact: Interaction, staff: StaffLike | None
    ) -> Staff:
        if staff is None:
            wanted = _borne_by(contact)
        else:
            key = staff_key(connection, self._context, staff)
            wanted = self._context.identities.uuid(connection, key)
        return next(person for person in registered_staff(connection) if person.id == wanted)

    def _incidents(
        self, connection: Connection, first: int | None, last: int
    ) -> Iterator[Incident]:
        t = _interaction
        query = (
            select(t.c.entry_id, t.c.seq)
            .where(t.c.conduct != Conduct.NONE, t.c.occurred_day <= last, t.c.known_day <= last)
            .order_by(t.c.occurred_at, t.c.id)
        )
        if first is not None:
            query = query.where(t.c.occurred_day >= first)
        rows = [(entry, seq) for entry, seq in connection.execute(query)]
        people: dict[UUID, tuple[UUID, str]] = {}
        for stored in stored_entries(connection, self._context.identities, rows):
            contact = interaction_from(stored)
            if contact.customer_id not in people:
                people[contact.customer_id] = self._named(connection, contact.customer_id)
            whose = people[contact.customer_id]
            day = self._day(contact)
            yield Incident(contact.id, *whose, day, contact.conduct, _borne_by(contact))

    def _named(self, connection: Connection, customer: UUID) -> tuple[UUID, str]:
        """The id and the name of who stands for a customer."""
        key = self._context.identities.key(connection, customer)
        assert key is not None
        head = stands_for(connection, key)
        name = connection.scalar(select(_customer.c.name).where(_customer.c.id == head))
        return self._context.identities.uuid(connection, head), str(name)

    def _day(self, contact: Interaction) -> date:
        return date_of_day(self._context.day(contact.occurred_at))

    def _records(self, events: list[StoredEntry]) -> list[Backing]:
        # What was erased leaves a hole.
        return [self._record(event) for event in events if event.body]

    def _record(self, stored: StoredEntry) -> Backing:
        moment = stored.recorded_at if stored.occurred_at is None else stored.occurred_at
        return Backing(
            ref=stored.id,
            incident=EntryRef(stored.id.subject, stored.body["of"]),
            staff_id=UUID(stored.body["other"]),
            kind=BackingKind(stored.staff_body.get("kind", BackingKind.OTHER)),
            words=str(stored.staff_body.get("words", "")),
            day=date_of_day(day_of(moment, self._context.zone)),
            recorded_by=stored.actor,
        )


def _borne_by(contact: Interaction) -> UUID:
    return contact.staff_id or contact.recorded_by


def _ref(incident: object) -> EntryRef:
    ref = getattr(incident, "id", incident)
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name a contact by its record or its id, not {incident!r}.")
    return ref
