"""Since when a briefing is as it is: for what a host should look at.

No entry says when a briefing changed: it changes when an entry is taken that bears on it, or when a
day begins on which a decision takes effect or lapses, or a score crosses its line.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from typing import Final, NamedTuple, Self
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select

from custledger.core.briefings.acknowledgements import Outstanding
from custledger.core.clock import date_of_day, day_of, from_microseconds, local_to_utc
from custledger.core.clock import to_microseconds as micros
from custledger.core.due import DueItem, DueKind
from custledger.core.records import EntryKind, MoneyKind
from custledger.storage.briefings.facts import BriefingFacts
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.merges import group_of
from custledger.storage.tables import EntryRow, StaffRow

__all__ = ["Window", "due_items"]

_entry, _staff = table_of(EntryRow), table_of(StaffRow)
_OF_CUSTOMERS: Final = (
    EntryKind.CUSTOMER,
    EntryKind.INTERACTION,
    *(EntryKind(kind.value) for kind in MoneyKind),
    EntryKind.VOID,
    EntryKind.ERASURE,
    EntryKind.DECISION,
    EntryKind.MERGE,
)
_OF_THE_FIRM: Final = (
    EntryKind.STAFF,
    EntryKind.HOURLY_RATE,
    EntryKind.EXCHANGE_RATE,
    EntryKind.SCORE_POLICY,
    EntryKind.IMPORT_UNDONE,
)


class Window(NamedTuple):
    """A period: after ``since``, up to ``until`` (microseconds), and the days on which they lie."""

    since: int
    until: int
    first_day: int
    last_day: int
    zone: str

    @classmethod
    def of(cls, context: Context, since: datetime, as_of: datetime) -> Self:
        """The period between two moments, by the calendar of the ledger's zone."""
        start, end = micros(since), micros(as_of)
        return cls(start, end, day_of(start, context.zone), day_of(end, context.zone), context.zone)

    def holds(self, moment: int) -> bool:
        """Whether the moment lies in it."""
        return self.since < moment <= self.until


def due_items(
    facts: BriefingFacts, outstanding: Iterable[Outstanding], window: Window
) -> list[DueItem]:
    """The items of what became outstanding in the window, by moment."""
    changed: dict[UUID, int] = {}
    registered = _registered(facts.connection, facts.context)
    found = []
    for row in outstanding:
        if row.customer_id not in changed:
            changed[row.customer_id] = _changed_at(facts, row, window)
        moment = max(changed[row.customer_id], registered[row.staff_id])
        if window.holds(moment):
            found.append(_item(row, moment))
    return sorted(found, key=lambda item: (item.passed_at, item.key))


def _item(row: Outstanding, moment: int) -> DueItem:
    about = f"the briefing on {row.name} ({str(row.customer_id)[:8]})"
    return DueItem(
        passed_at=from_microseconds(moment),
        kind=DueKind.BRIEFING_OUTSTANDING,
        key=f"briefing/{row.customer_id}/{row.version}/{row.staff_id}",
        text=f"{row.staff} has not acknowledged {about}, version {row.version}.",
        customer_id=row.customer_id,
    )


def _changed_at(facts: BriefingFacts, row: Outstanding, window: Window) -> int:
    """When an entry was last taken that may have changed it, or the day began that did."""
    connection, context = facts.connection, facts.context
    key = context.identities.key(connection, row.customer_id)
    assert key is not None
    chain = (_entry.c.subject_id.in_(group_of(connection, key)), _entry.c.kind.in_(_OF_CUSTOMERS))
    firm = (_entry.c.subject_id == context.key, _entry.c.kind.in_(_OF_THE_FIRM))
    written = max(_last(connection, *chain), _last(connection, *firm))
    if window.holds(written):
        return written
    return max(written, _day_began(facts, key, row.version, window))


def _last(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.max(_entry.c.recorded_at)).where(*conditions)) or 0


def _day_began(facts: BriefingFacts, key: int, version: str, window: Window) -> int:
    """The beginning of the day in the window with which the version came, or 0."""

    def had_come(day: int) -> bool:
        found = facts.customer(key, day)
        return found is not None and found.version == version

    before, since = window.first_day, window.last_day
    if before >= since or had_come(before):
        return 0
    while since - before > 1:
        middle = (before + since) // 2
        before, since = (before, middle) if had_come(middle) else (middle, since)
    midnight = datetime.combine(date_of_day(since), time())
    return micros(local_to_utc(midnight, window.zone))


def _registered(connection: Connection, context: Context) -> dict[UUID, int]:
    """When each member of staff was registered, or their entry last changed."""
    query = select(_staff.c.id, _entry.c.recorded_at).join(_entry, _entry.c.id == _staff.c.entry_id)
    rows = [(key, moment) for key, moment in connection.execute(query)]
    uuids = context.identities.uuids(connection, [key for key, _ in rows])
    return {uuids[key]: moment for key, moment in rows}
