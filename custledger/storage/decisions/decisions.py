"""Decisions read back: the events of each person under all names, and what they add up to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.bodies import StoredEntry
from custledger.core.clock import date_of_day, day_of
from custledger.core.decisions.bodies import EventContext, event_from
from custledger.core.decisions.events import DecisionMade, DecisionPolicy, Event
from custledger.core.decisions.rules import KnownEvent, state_of_group
from custledger.core.decisions.state import CustomerDecisions
from custledger.core.records import EntryKind, EntryRef, Part, Staff
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.decisions.periods import all_periods
from custledger.storage.events import case_of
from custledger.storage.reading import bodies_of, stored_entries
from custledger.storage.tables import CustomerRow, EventRow, IdentityRow, StaffRow

__all__ = ["DecisionReader", "GroupEvents", "RecordedEvent", "registered_staff"]

_event, _staff, _identity = table_of(EventRow), table_of(StaffRow), table_of(IdentityRow)
_customer = table_of(CustomerRow)
_decision: Final = _event.c.kind == EntryKind.DECISION
_merge: Final = _event.c.kind == EntryKind.MERGE
_PLACE: Final = (_event.c.entry_id, _event.c.seq, _event.c.customer_id)


class RecordedEvent(NamedTuple):
    """An event with its own entry, who the customer was known as then, and when it was recorded.

    ``recorded_at`` is in microseconds since 1970 UTC.
    """

    event: Event
    entry: EntryRef
    known: frozenset[UUID]
    recorded_at: int

    @property
    def case(self) -> EntryRef:
        """The decision that it belongs to."""
        return self.event.ref if isinstance(self.event, DecisionMade) else self.event.decision


@dataclass(frozen=True, slots=True)
class GroupEvents:
    """All events of decisions about one person, in the order of recording.

    ``keys`` are the person's names, first who stands for them; ``ids`` are their uuids.
    """

    keys: tuple[int, ...]
    ids: frozenset[UUID]
    events: tuple[RecordedEvent, ...] = ()

    def state(self, as_of: date, without: Collection[EntryRef] = ()) -> CustomerDecisions:
        """Where the decisions stand on the day, as if some entries had not been made."""
        kept: Iterable[KnownEvent] = (
            (e.event, e.known) for e in self.events if e.entry not in without
        )
        return state_of_group(kept, as_of)


class DecisionReader:
    """Reads decisions over one connection; policies and staff are looked up once."""

    def __init__(self, connection: Connection, context: Context) -> None:
        self._connection, self._context = connection, context

    def group(self, keys: Sequence[int]) -> GroupEvents:
        """The events about a person of whom these are all names, first who stands for them."""
        found: list[tuple[int, int, int]] = []
        for portion in portions(keys):
            query = select(*_PLACE).where(_decision, _event.c.customer_id.in_(portion))
            found += [(entry, seq, key) for entry, seq, key in self._connection.execute(query)]
        return self._groups([(tuple(keys), sorted(found))])[0]

    def groups(self) -> list[GroupEvents]:
        """All that was ever decided, a person at a time, by the first event about them."""
        query = select(*_PLACE).where(_decision).order_by(_event.c.id)
        merged = select(_event.c.customer_id, _event.c.other_id).join(
            _customer, _customer.c.id == _event.c.other_id
        )
        heads = {row[0]: row[1] for row in self._connection.execute(merged.where(_merge))}
        places: dict[int, list[tuple[int, int, int]]] = {}
        for entry, seq, key in self._connection.execute(query):
            places.setdefault(heads.get(key, key), []).append((entry, seq, key))
        members: dict[int, list[int]] = {head: [head] for head in places}
        for key, head in heads.items():
            if head in members:
                members[head].append(key)
        return self._groups([(tuple(members[head]), rows) for head, rows in places.items()])

    @cached_property
    def policies(self) -> dict[int, DecisionPolicy]:
        """The policies of decisions by version; 0 is built in."""
        return all_periods(self._connection, self._context)

    @cached_property
    def _people(self) -> dict[UUID, Staff]:
        # Who wrote an event was active then: the journal lets nobody else write.
        return {s.id: Staff(s.id, s.name, s.role) for s in registered_staff(self._connection)}

    def _edges(self, keys: Iterable[int]) -> list[tuple[int, int, int]]:
        """Who was merged, into whom a person said, and the key of the first entry that says so."""
        rows: list[Any] = []
        columns = (_event.c.customer_id, _event.c.other_id, _event.c.id, _event.c.entry_id)
        for portion in portions(sorted(keys)):
            query = select(*columns).where(_merge, _event.c.customer_id.in_(portion))
            rows += self._connection.execute(query).all()
        bodies = bodies_of(self._connection, [row.entry_id for row in rows])
        found = []
        for key, head, at, entry in rows:
            into = bodies.get(entry, {}).get(Part.SHARED, {}).get("into")
            named = into and self._context.identities.key(self._connection, UUID(into))
            found.append((key, named or head, at))
        return found

    def _groups(
        self, found: Sequence[tuple[tuple[int, ...], list[tuple[int, int, int]]]]
    ) -> list[GroupEvents]:
        rows = [(entry, seq) for _, places in found for entry, seq, _ in places]
        stored = iter(stored_entries(self._connection, self._context.identities, rows))
        every = {key for keys, _ in found for key in keys}
        uuids = self._context.identities.uuids(self._connection, every)
        edges = self._edges(key for keys, _ in found if len(keys) > 1 for key in keys)
        groups = []
        for keys, places in found:
            events = [
                self._recorded(read, _known(edges, key, entry, uuids))
                for (entry, _, key), read in zip(places, stored, strict=False)
                if read.body  # what was erased leaves a hole
            ]
            groups.append(GroupEvents(keys, frozenset(uuids[key] for key in keys), tuple(events)))
        return groups

    def _recorded(self, stored: StoredEntry, known: frozenset[UUID]) -> RecordedEvent:
        moment = stored.recorded_at if stored.occurred_at is None else stored.occurred_at
        day = date_of_day(day_of(moment, self._context.zone))
        by = self._people[stored.actor]
        place = EventContext(stored.id, day, by, self.policies)
        event = event_from(stored.body, place, stored.staff_body or None)
        assert case_of(stored) == (event.ref if isinstance(event, DecisionMade) else event.decision)
        return RecordedEvent(event, stored.id, known, stored.recorded_at)


def registered_staff(connection: Connection) -> list[Staff]:
    """Everybody who was ever registered, as they are now."""
    columns = (_identity.c.uuid, _staff.c.name, _staff.c.role, _staff.c.active)
    # Sorted here: with an ORDER BY, SQLite reads all identities in their order to find these few.
    query = select(_staff.c.id, *columns).join(_identity, _identity.c.id == _staff.c.id)
    return [
        Staff(uuid, name, role, bool(active))
        for _, uuid, name, role, active in sorted(connection.execute(query), key=_first)
    ]


def _first(row: Any) -> int:
    return int(row[0])


def _known(
    edges: Iterable[tuple[int, int, int]], key: int, entry: int, uuids: dict[int, UUID]
) -> frozenset[UUID]:
    """The ids of all who were one person with a customer when an entry was made."""
    pairs = [(child, into) for child, into, at in edges if at < entry]
    found, size = {key}, 0
    while len(found) > size:
        size = len(found)
        for pair in pairs:
            if not found.isdisjoint(pair):
                found.update(pair)
    return frozenset(uuids[k] for k in found if k in uuids)
