"""The book of flags: who was flagged and cleared, when, and by which version of the score.

The score has no memory; this record has. A flag accuses nobody by itself and decides nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, select

from custledger.core.bodies import StoredEntry
from custledger.core.clock import date_of_day, from_microseconds, to_microseconds
from custledger.core.due import DueItem, DueKind
from custledger.core.facts import Body
from custledger.core.records import EntryKind
from custledger.core.score.flagging import Flag, FlagChange, FlagEvent, flag_change
from custledger.core.score.policy import ScorePolicy
from custledger.errors import BadInputError
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.events import case_of, events_of, events_where
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Draft, Journal
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.merges import group_of, heads
from custledger.storage.scoring.standings import ScoreRow, score_rows
from custledger.storage.tables import CustomerRow, EventRow

__all__ = ["FlagBook"]

_event, _customer = table_of(EventRow), table_of(CustomerRow)
_KIND: Final = EntryKind.FLAG
_IS_FLAG: Final = _event.c.kind == _KIND
_KINDS: Final = {
    "cost": "cost",
    "conduct": "conduct",
    "both": "cost and conduct, each by itself",
    "combined": "cost and conduct taken together",
}
_DUE: Final = {
    FlagChange.RAISED: (
        DueKind.FLAG_RAISED,
        "{name} is flagged, for {why}. A flag decides nothing: look at the reasons (custledger "
        "explain) before anything is decided.",
    ),
    FlagChange.CLEARED: (
        DueKind.FLAG_CLEARED,
        "{name} is no longer flagged. See whether what was decided still has its reason.",
    ),
}


class FlagBook:
    """Flags raised and cleared: a figure near the line does not change them from day to day."""

    def __init__(self, context: Context, policy: Callable[[], ScorePolicy]) -> None:
        self._context, self._policy = context, policy

    def update(self, as_of: date | None = None) -> list[FlagEvent]:
        """Score everybody as of a day (default today), and record which flags changed.

        Done again, it changes nothing more. The changes are one transaction; an entry of each names
        the figures and the version of the score policy. BadInputError for a day to come.
        """
        day = self._context.day(as_of)
        if day > self._context.today():
            raise BadInputError("What is not known yet flags nobody: give a day that has come.")
        policy = self._policy()
        with self._context.read() as connection:
            rows = score_rows(
                connection, policy=policy, as_of_day=day, currency=self._context.currency
            )
            wanted = self._changes(connection, rows)
        if not wanted:
            return []
        with self._context.write() as journal:
            return self._record(journal, wanted, day)

    def standing(self, as_of: date | None = None) -> list[Flag]:
        """The flags that stood at the end of a day (default today), the oldest first.

        By when they were recorded. Of a person with several names, one flag under the head.
        """
        with self._context.read() as connection:
            return self._flags(connection, _event.c.occurred_day <= self._context.day(as_of))

    def of(self, customer: CustomerLike) -> list[FlagEvent]:
        """What became of a person's flags, under all names, in the order of recording."""
        with self._context.read() as connection:
            keys = group_of(connection, customer_key(connection, self._context, customer))
            return _events(events_of(connection, self._context, _KIND, keys))

    def passed(self, *, since: datetime | None, as_of: datetime) -> list[DueItem]:
        """The flags raised and cleared after ``since`` and by ``as_of``, in their order.

        With ``since=None``, those that stand.
        """
        until = _event.c.occurred_at <= to_microseconds(as_of)
        with self._context.read() as connection:
            if since is None:
                found = [e for flag in self._flags(connection, until) for e in flag.raised]
            else:
                after = _event.c.occurred_at > to_microseconds(since)
                found = self._recorded(connection, until, after)
            names = self._names(connection, {event.customer_id for event in found})
        return [_due(event, names) for event in found if event.customer_id in names]

    def _changes(
        self, connection: Connection, rows: Iterable[ScoreRow]
    ) -> list[tuple[ScoreRow, FlagChange]]:
        standing = {flag.customer_id for flag in self._flags(connection)}
        found = []
        for row in rows:
            stands = UUID(row.customer_id) in standing
            change = flag_change(flagged=row.flag, score_low=row.score_low, standing=stands)
            if change is not None:
                found.append((row, change))
        return found

    def _record(
        self, journal: Journal, wanted: Sequence[tuple[ScoreRow, FlagChange]], day: int
    ) -> list[FlagEvent]:
        connection, uuids = journal.connection, [UUID(row.customer_id) for row, _ in wanted]
        lock_chains(connection, journal.ledger, sorted(map(journal.key_of, uuids)))
        # Somebody else may have updated, merged or erased while the locks were waited for.
        there = self._names(connection, uuids)
        standing = {flag.customer_id: flag.raised for flag in self._flags(connection)}
        drafts: list[Draft] = []
        for row, change in wanted:
            who = UUID(row.customer_id)
            raised = standing.get(who, ())
            if who in there and bool(raised) is (change is FlagChange.CLEARED):
                drafts += self._drafts(journal, row, change, raised, day)
        written = journal.append(drafts)
        stored = [journal.stored(d, w) for d, w in zip(drafts, written, strict=True)]
        return [_from(s) for s in stored]

    def _drafts(
        self,
        journal: Journal,
        row: ScoreRow,
        change: FlagChange,
        raised: Sequence[FlagEvent],
        day: int,
    ) -> list[Draft]:
        body: Body = {
            "event": change.value,
            "as_of_day": day,
            "policy_version": row.policy_version,
            **{name: f"{getattr(row, name):.6f}" for name in _FIGURES},
        }
        if change is FlagChange.RAISED:
            key = journal.key_of(UUID(row.customer_id))
            return [Draft(key, _KIND, body | {"mark": row.kind})]
        return [
            Draft(
                journal.key_of(event.customer_id),
                _KIND,
                body | {"mark": event.kind, "of": event.id.seq},
            )
            for event in raised
        ]

    def _recorded(
        self, connection: Connection, *conditions: ColumnElement[bool]
    ) -> list[FlagEvent]:
        return _events(events_where(connection, self._context, _IS_FLAG, *conditions))

    def _flags(self, connection: Connection, *conditions: ColumnElement[bool]) -> list[Flag]:
        """The flags that stand, by person; who was voided has none."""
        events = self._recorded(connection, *conditions)
        cleared = {event.of for event in events if event.change is FlagChange.CLEARED}
        open_ = [e for e in events if e.change is FlagChange.RAISED and e.id not in cleared]
        whose = self._persons(connection, {event.customer_id for event in open_})
        found: dict[UUID, list[FlagEvent]] = defaultdict(list)
        for event in open_:
            if event.customer_id in whose:
                found[whose[event.customer_id]].append(event)
        return [Flag(who, tuple(raised)) for who, raised in found.items()]

    def _persons(self, connection: Connection, customers: Iterable[UUID]) -> dict[UUID, UUID]:
        """Who stands for each of these customers, those who are gone left out."""
        wanted = set(customers)
        if not wanted:
            return {}
        merged = heads()
        pairs = connection.execute(select(merged.c.customer_id, merged.c.head_id))
        head_of = {row.customer_id: row.head_id for row in pairs}
        identities, found = self._context.identities, {}
        for uuid in self._names(connection, wanted):
            key = identities.key(connection, uuid)
            if key is not None:
                found[uuid] = head_of.get(key, key)
        uuids = identities.uuids(connection, found.values())
        return {uuid: uuids[head] for uuid, head in found.items()}

    def _names(self, connection: Connection, customers: Iterable[UUID]) -> dict[UUID, str]:
        keys = {self._context.identities.key(connection, u): u for u in customers}
        found: dict[UUID, str] = {}
        for portion in portions([key for key in keys if key is not None]):
            query = select(_customer.c.id, _customer.c.name).where(_customer.c.id.in_(portion))
            found.update((keys[key], name) for key, name in connection.execute(query))
        return found


_FIGURES: Final = ("score", "score_low", "score_high")


def _events(found: Iterable[StoredEntry]) -> list[FlagEvent]:
    return [_from(stored) for stored in found if "event" in stored.body]


def _from(stored: StoredEntry) -> FlagEvent:
    body = stored.body
    return FlagEvent(
        id=stored.id,
        of=case_of(stored),
        customer_id=stored.id.subject,
        change=FlagChange(body["event"]),
        kind=body.get("mark", ""),
        as_of=date_of_day(body["as_of_day"]),
        **{name: float(body[name]) for name in _FIGURES},
        policy_version=body["policy_version"],
        recorded_at=from_microseconds(stored.recorded_at),
        recorded_by=stored.actor,
    )


def _due(event: FlagEvent, names: dict[UUID, str]) -> DueItem:
    kind, words = _DUE[event.change]
    text = words.format(name=names[event.customer_id], why=_KINDS.get(event.kind, event.kind))
    return DueItem(
        event.recorded_at, kind, f"{kind.value}:{event.id}", text, event.customer_id, event.id
    )
