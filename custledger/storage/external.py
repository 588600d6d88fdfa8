"""External ids: what is known already under (source, external id), so that nothing enters twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import SQLModel

from custledger.errors import BadInputError
from custledger.storage.bulk import portions, table_of

__all__ = ["external_keys", "refuse_known"]


def external_keys(
    connection: Connection, model: type[SQLModel], source: str, external_ids: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """(Key, current entry's key) of the rows of a copy under external ids of a source."""
    table = table_of(model)
    found: dict[str, tuple[int, int]] = {}
    for chunk in portions(external_ids):
        query = select(table.c.external_id, table.c.id, table.c.entry_id).where(
            table.c.source == source, table.c.external_id.in_(chunk)
        )
        found.update((external, (key, entry)) for external, key, entry in connection.execute(query))
    return found


def refuse_known(
    connection: Connection,
    model: type[SQLModel],
    bodies: Iterable[Mapping[str, Any]],
    *,
    but: int | None = None,
) -> None:
    """Raise BadInputError if a body's external id is in the ledger already, or stands twice.

    ``but`` is the key of the entry that is about to be superseded.
    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for body in bodies:
        if "external" in body:
            source, external_id = body["external"]
            wanted[source].append(external_id)
    for source, external_ids in wanted.items():
        known = external_keys(connection, model, source, external_ids)
        taken = [external for external, (_, entry) in known.items() if entry != but]
        taken += [external for external, times in Counter(external_ids).items() if times > 1]
        if taken:
            raise BadInputError(
                f"{taken[0]!r} of {source!r} is in the ledger already ({len(taken)} such). "
                "Leave it out, or correct the record that is there."
            )
