"""Entries that an incident consists of: whether they are there, when it was, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, select

from custledger.core.lessons import CostEntry
from custledger.core.money import Money
from custledger.core.records import EntryRef
from custledger.errors import NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.tables import (
    EntryRow,
    EventRow,
    EvidenceRow,
    InteractionRow,
    MoneyRow,
)

__all__ = ["cost_entries", "moment_of_incident"]

_entry, _evidence = table_of(EntryRow), table_of(EvidenceRow)
_interaction, _money, _event = table_of(InteractionRow), table_of(MoneyRow), table_of(EventRow)


def moment_of_incident(connection: Connection, context: Context, ref: EntryRef) -> int:
    """When it happened, in microseconds; NotFoundError where nothing current has that number."""
    key = context.identities.key(connection, ref.subject)
    for table in (_interaction, _money, _event):
        query = select(table.c.occurred_at).where(
            table.c.customer_id == key, table.c.seq == ref.seq
        )
        if (moment := connection.scalar(query)) is not None:
            return int(moment)
    query = (
        select(_entry.c.occurred_at, _entry.c.recorded_at)
        .join(_evidence, _evidence.c.entry_id == _entry.c.id)
        .where(_evidence.c.customer_id == key, _evidence.c.seq == ref.seq)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(
            f"There is no current entry {ref} that could be an incident: an interaction, money, "
            "evidence, or what happened in a case. `custledger history` lists those there are."
        )
    return int(row.recorded_at if row.occurred_at is None else row.occurred_at)


def cost_entries(
    connection: Connection, context: Context, refs: Iterable[EntryRef]
) -> Iterator[CostEntry]:
    """What each of the entries cost; NotFoundError for one that is not there."""
    for ref in refs:
        key = context.identities.key(connection, ref.subject)
        if (row := _row(connection, _interaction, key, ref.seq)) is not None:
            rate = None if row.rate_minor is None else Money(row.rate_minor, row.rate_currency)
            yield CostEntry(seconds=row.handling_seconds, rate=rate)
        elif (row := _row(connection, _money, key, ref.seq)) is not None:
            yield CostEntry(kind=row.kind, amount=Money(row.amount_minor, row.currency))
        else:
            moment_of_incident(connection, context, ref)


def _row(connection: Connection, table: Any, key: int | None, seq: int) -> Any:
    query = select(table).where(table.c.customer_id == key, table.c.seq == seq)
    return connection.execute(query).one_or_none()
