"""Customers to compare with each other: those who have something in common, found set by set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Select, func, select

from custledger.core.matching import Party, Point
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.merges import heads
from custledger.storage.tables import ContactPointRow, CustomerRow

__all__ = ["parties_alike"]

_customer, _point = table_of(CustomerRow).c, table_of(ContactPointRow).c
_SHARED: Final[tuple[tuple[Any, Any], ...]] = (
    (_point.normalised, _point.customer_id),
    (_customer.name_folded, _customer.id),
    (_customer.external_id, _customer.id),
)
"""Columns in which two customers may be equal, and whose they are."""


def parties_alike(
    connection: Connection, context: Context, group: Collection[int] | None = None
) -> list[Party]:
    """Who shares a contact point, a name or an id of some source with somebody else.

    With ``group``: these customers, and who shares one with them. In the order in which they were
    added; several who were merged are one.
    """
    keys: set[int] = set(group or ())
    for value, owner in _SHARED:
        for found in _equal(value, owner, group):
            keys.update(connection.scalars(found))
    return _parties(connection, context, keys)


def _equal(value: Any, owner: Any, group: Collection[int] | None) -> Iterable[Select[Any]]:
    if group is None:
        twice = select(value).group_by(value).having(func.min(owner) < func.max(owner))
        yield select(owner).where(value.in_(twice), value != "")
        return
    for portion in portions(sorted(group)):
        theirs = select(value).where(owner.in_(portion), value != "")
        yield select(owner).where(value.in_(theirs))


def _parties(connection: Connection, context: Context, keys: set[int]) -> list[Party]:
    head_of = _heads_of(connection)
    members: dict[int, list[int]] = defaultdict(list)
    for customer, head in head_of.items():
        members[head].append(customer)
    groups = {head: [head, *members[head]] for head in {head_of.get(key, key) for key in keys}}
    everybody = [key for group in groups.values() for key in group]
    rows, points = _rows(connection, everybody), _points(connection, everybody)
    uuids = context.identities.uuids(connection, groups)
    return [
        _party(uuids[head], [rows[key] for key in groups[head] if key in rows], points)
        for head in sorted(groups.keys() & rows.keys())
    ]


def _party(uuid: UUID, members: list[Any], points: dict[int, set[Point]]) -> Party:
    return Party(
        uuid,
        members[0].name,
        frozenset(point for member in members for point in points[member.id]),
        frozenset((m.source, m.external_id) for m in members if m.source and m.external_id),
    )


def _heads_of(connection: Connection) -> dict[int, int]:
    merged = heads()
    found = connection.execute(select(merged.c.customer_id, merged.c.head_id))
    return {row.customer_id: row.head_id for row in found}


def _rows(connection: Connection, keys: Iterable[int]) -> dict[int, Any]:
    columns = (_customer.id, _customer.name, _customer.source, _customer.external_id)
    found: dict[int, Any] = {}
    for portion in portions(sorted(keys)):
        query = select(*columns).where(_customer.id.in_(portion))
        found.update((row.id, row) for row in connection.execute(query))
    return found


def _points(connection: Connection, keys: Iterable[int]) -> dict[int, set[Point]]:
    columns = (_point.customer_id, _point.kind, _point.normalised)
    found: dict[int, set[Point]] = defaultdict(set)
    for portion in portions(sorted(keys)):
        query = select(*columns).where(_point.customer_id.in_(portion))
        for row in connection.execute(query):
            found[row.customer_id].add(Point(row.kind, row.normalised))
    return found
