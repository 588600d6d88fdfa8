"""One person, several names: which customers were merged, and so count as one.

A merge is an event in the chain of the customer that was merged; its ``other`` is the customer into
whom. Unmerging voids it. Nobody is merged into somebody who was merged: the book sees to that, so
that one step leads from any customer to the one who stands for the group.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from custledger.core.records import EntryKind
from custledger.storage.bulk import table_of
from custledger.storage.tables import EventRow

__all__ = ["group_of", "stands_for"]

_event = table_of(EventRow)
_merge = _event.c.kind == EntryKind.MERGE


def stands_for(connection: Connection, customer: int) -> int:
    """The key of the customer who stands for this one: itself, unless it was merged."""
    query = select(_event.c.other_id).where(_event.c.customer_id == customer, _merge)
    into = connection.scalar(query)
    return customer if into is None else int(into)


def group_of(connection: Connection, customer: int) -> list[int]:
    """The keys of all customers who are one with this one: first who stands for them."""
    head = stands_for(connection, customer)
    query = select(_event.c.customer_id).where(_event.c.other_id == head, _merge)
    return [head, *connection.scalars(query.order_by(_event.c.id))]
