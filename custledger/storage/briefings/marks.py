"""Acknowledgements of briefings read back, under the names that customers have now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection

from custledger.core.bodies import StoredEntry
from custledger.core.briefings.acknowledgements import Acknowledgement
from custledger.core.clock import from_microseconds
from custledger.core.records import EntryKind, Staff
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.events import events_of, events_where, firm_events
from custledger.storage.merges import stands_for
from custledger.storage.tables import EventRow

__all__ = ["AcknowledgementReader"]

_event = table_of(EventRow)


@dataclass(frozen=True)
class AcknowledgementReader:
    """Reads over one connection; ``people`` are everyone registered."""

    connection: Connection
    context: Context
    people: Sequence[Staff]
    _heads: dict[UUID, UUID] = field(default_factory=dict)

    def all(self) -> list[Acknowledgement]:
        """Every acknowledgement: the team's, then those of customers."""
        every = _event.c.kind == EntryKind.BRIEFING
        stored = events_where(self.connection, self.context, every)
        return [*self.of_team(), *self._records(stored)]

    def of_team(self) -> list[Acknowledgement]:
        """The team's, in the order of recording."""
        return self._records(firm_events(self.connection, self.context, EntryKind.BRIEFING))

    def of_customers(self, keys: Iterable[int]) -> list[Acknowledgement]:
        """Those of customers, by key, in the order of recording."""
        return self._records(events_of(self.connection, self.context, EntryKind.BRIEFING, keys))

    def record(self, stored: StoredEntry) -> Acknowledgement:
        """The acknowledgement that an event records."""
        body, names = stored.body, {person.id: person.name for person in self.people}
        member = UUID(body["other"])
        return Acknowledgement(
            ref=stored.id,
            staff_id=member,
            staff=names[member],
            customer_id=None if "firm" in body else self._head(stored.id.subject),
            version=body["mark"],
            at=from_microseconds(stored.recorded_at),
            recorded_by=stored.actor,
            on_paper=body.get("on_paper", False),
            covers={self._head(UUID(c)): v for c, v in body.get("covers", {}).items()},
        )

    def _records(self, stored: Iterable[StoredEntry]) -> list[Acknowledgement]:
        # What was erased leaves a hole.
        return [self.record(event) for event in stored if event.body]

    def _head(self, customer: UUID) -> UUID:
        """Who stands for a customer now."""
        if customer not in self._heads:
            identities = self.context.identities
            key = identities.key(self.connection, customer)
            stands = None if key is None else stands_for(self.connection, key)
            uuid = customer if stands is None else identities.uuid(self.connection, stands)
            self._heads[customer] = uuid
        return self._heads[customer]
