"""The interaction book: each contact with a customer, what it was for, and what it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.bodies import interaction_from
from custledger.core.checks import check_reason
from custledger.core.clock import day_of
from custledger.core.facts import InteractionFacts, interaction_body, staff_part
from custledger.core.money import Money
from custledger.core.records import EntryKind, EntryRef, Interaction
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import current, void
from custledger.storage.external import refuse_known
from custledger.storage.journal import Draft, Journal, Written
from custledger.storage.lookup import CustomerLike, customer_key, customers_by_id, staff_key
from custledger.storage.moments import moments_of
from custledger.storage.rates import Rates
from custledger.storage.reading import stored_entries
from custledger.storage.tables import InteractionRow

__all__ = ["InteractionBook"]

_table = table_of(InteractionRow)


class InteractionBook:
    """Contacts by phone, mail, chat, visit ...; the unit in which staff time is recorded."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def record(self, customer: CustomerLike, **facts: Unpack[InteractionFacts]) -> Interaction:
        """Record a contact; ``channel`` is required, the moments default to now.

        The hourly rate of the staff's day is kept as a snapshot unless ``hourly_rate`` is given.
        """
        with self._context.write() as journal:
            draft, written = self._append(journal, [{**facts, "customer": customer}])[0]
            return interaction_from(journal.stored(draft, written))

    def record_many(self, rows: Iterable[Mapping[str, Any]]) -> list[EntryRef]:
        """Record contacts from mappings of named facts with ``customer``, in one transaction."""
        with self._context.write() as journal:
            return journal.refs([written for _, written in self._append(journal, list(rows))])

    def _append(
        self, journal: Journal, rows: Sequence[Mapping[str, Any]]
    ) -> list[tuple[Draft, Written]]:
        scribe = _Scribe(journal, self._context, (row.get("customer") for row in rows))
        drafts = [scribe.draft(row) for row in rows]
        refuse_known(journal.connection, InteractionRow, (draft.body for draft in drafts))
        return list(zip(drafts, journal.append(drafts), strict=True))

    def get(self, interaction: Interaction | EntryRef) -> Interaction:
        """The current state of an interaction, or NotFoundError once it was voided."""
        with self._context.read() as connection:
            ref = _ref(interaction)
            found = current(connection, self._context, InteractionRow, ref)
            return self._read(connection, [(found.entry_id, ref.seq)])[0]

    def of(self, customer: CustomerLike) -> list[Interaction]:
        """A customer's interactions, in the order they happened."""
        with self._context.read() as connection:
            key = customer_key(connection, self._context, customer)
            query = (
                select(_table.c.entry_id, _table.c.seq)
                .where(_table.c.customer_id == key)
                .order_by(_table.c.occurred_at, _table.c.seq)
            )
            return self._read(
                connection, [(entry, seq) for entry, seq in connection.execute(query)]
            )

    def correct(
        self,
        interaction: Interaction | EntryRef,
        *,
        reason: str,
        **changes: Unpack[InteractionFacts],
    ) -> Interaction:
        """Record how it really was; facts that are not named stay, as does the old entry."""
        ref = _ref(interaction)
        with self._context.write() as journal:
            found = current(journal.connection, self._context, InteractionRow, ref)
            facts = _facts_of(self.get(ref)) | dict(changes)
            scribe = _Scribe(journal, self._context)
            draft = scribe.draft(facts | {"customer": ref.subject})
            draft.body["reason"] = check_reason(reason)
            refuse_known(journal.connection, InteractionRow, [draft.body], but=found.entry_id)
            journal.append([draft._replace(supersedes=found.seq)])
        return self.get(ref)

    def void(self, interaction: Interaction | EntryRef, *, reason: str) -> None:
        """Take an interaction recorded by mistake out of the current state; the trail keeps it."""
        with self._context.write() as journal:
            void(journal, self._context, InteractionRow, _ref(interaction), reason)

    def _read(self, connection: Connection, rows: list[tuple[int, int]]) -> list[Interaction]:
        stored = stored_entries(connection, self._context.identities, rows)
        return [interaction_from(entry) for entry in stored]


class _Scribe:
    """Turns facts into drafts; looks up each customer, member of staff and rate once."""

    def __init__(
        self, journal: Journal, context: Context, customers: Iterable[object] = ()
    ) -> None:
        self._journal = journal
        self._context = context
        self._rates: Rates | None = None
        self._staff: dict[Any, tuple[int, UUID]] = {}
        self._customers = customers_by_id(journal.connection, customers)

    def draft(self, row: Mapping[str, Any]) -> Draft:
        facts = dict(row)
        subject = self._customer(facts.pop("customer", ""))
        occurred, known = moments_of(facts, self._journal.recorded_at)
        who = facts.get("staff")
        key, uuid = (None, None) if who is None else self._member(who)
        rate = facts.get("hourly_rate")
        if rate is None:
            rate = self._rate(key, day_of(occurred, self._context.zone))
        body = interaction_body(facts, occurred_at=occurred, known_at=known, staff=uuid, rate=rate)
        return Draft(subject, EntryKind.INTERACTION, body, occurred, staff_part(facts))

    def _customer(self, who: CustomerLike) -> int:
        if who not in self._customers:
            connection = self._journal.connection
            self._customers[who] = customer_key(connection, self._context, who)
        return self._customers[who]

    def _member(self, who: Any) -> tuple[int, UUID]:
        if who not in self._staff:
            connection = self._journal.connection
            key = staff_key(connection, self._context, who)
            self._staff[who] = (key, self._context.identities.uuid(connection, key))
        return self._staff[who]

    def _rate(self, staff: int | None, day: int) -> Money | None:
        if self._rates is None:
            self._rates = Rates(self._journal.connection)
        return self._rates.on(staff, day)


def _ref(interaction: Interaction | EntryRef) -> EntryRef:
    return interaction.id if isinstance(interaction, Interaction) else interaction


def _facts_of(interaction: Interaction) -> dict[str, Any]:
    facts: dict[str, Any] = {
        name: getattr(interaction, name)
        for name in InteractionFacts.__annotations__
        if name != "staff"
    }
    return facts | {"staff": interaction.staff_id}
