"""One person, several names: which customers were merged, and so count as one.

A merge is an event in the chain of the customer that was merged. Its ``other`` is the customer who
stands for the group; ``into`` in its body is the one whom a person named, where that is another.
Unmerging voids it. The book sees to it that nobody stands for others who was merged: one step leads
from any customer to the one who stands for all.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import CTE, Connection, select

from custledger.core.records import EntryKind
from custledger.storage.bulk import table_of
from custledger.storage.tables import CustomerRow, EventRow

__all__ = ["any_merged", "group_of", "heads", "persons", "stands_for"]

_event, _customer = table_of(EventRow), table_of(CustomerRow)
# Who stands for others may be gone, where a register of erasures was replayed on part of a group:
# then each of them counts alone.
_MERGED: Final = (
    select(_event.c.customer_id, _event.c.other_id.label("head_id"))
    .join(_customer, _customer.c.id == _event.c.other_id)
    .where(_event.c.kind == EntryKind.MERGE)
)


def stands_for(connection: Connection, customer: int) -> int:
    """The key of the customer who stands for this one: itself, unless it was merged."""
    row = connection.execute(_MERGED.where(_event.c.customer_id == customer)).first()
    return customer if row is None else int(row.head_id)


def group_of(connection: Connection, customer: int) -> list[int]:
    """The keys of all customers who are one with this one: first who stands for them."""
    head = stands_for(connection, customer)
    members = _MERGED.where(_event.c.other_id == head).order_by(_event.c.id)
    return [head, *connection.scalars(members)]


def any_merged(connection: Connection) -> bool:
    """Whether anybody was merged; where nobody was, a question about all is asked without it."""
    return connection.execute(_MERGED.limit(1)).first() is not None


def heads() -> CTE:
    """Customers who were merged (``customer_id``), and who stands for each (``head_id``)."""
    return _MERGED.cte("heads")


def persons(connection: Connection) -> dict[int, int]:
    """Who stands for each customer that was merged, by key; all others stand for themselves."""
    return {row.customer_id: row.head_id for row in connection.execute(_MERGED)}
