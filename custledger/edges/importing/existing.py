"""What the ledger has already under the external ids of a chunk of rows, and whether it differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select
from sqlmodel import SQLModel

from custledger.core.records import Part
from custledger.edges.importing.convert import ReadRecord
from custledger.storage.bulk import portions, table_of
from custledger.storage.copies import table_for
from custledger.storage.drafting import Wording
from custledger.storage.reading import bodies_of
from custledger.storage.tables import CustomerRow, VoidedRow

__all__ = [
    "VOIDED",
    "Known",
    "Prepared",
    "differing_facts",
    "known_under",
    "voided_under",
]

VOIDED: Final = "voided"
"""Named among the facts in which a row differs from an entry that was voided by hand."""
_FACT_OF: Final = {
    "due_day": "due_on",
    "external": "external_id",
    "joined_day": "joined_on",
    "rate": "hourly_rate",
    "returned": "goods_returned",
    "seconds": "handling_time",
    "words": "customer_words",
}
"""What a body calls a fact, where it is not the fact's own name (``custledger.core.facts``)."""


class Prepared(NamedTuple):
    """A read record with the wording of the entry that would be written for it."""

    record: ReadRecord
    wording: Wording


class Known(NamedTuple):
    """The current state of an entry: what a prepared record is compared with."""

    customer_key: int
    kind: str | None
    occurred_at: int | None
    body: Mapping[str, Any]
    staff_body: Mapping[str, Any]


def known_under(
    connection: Connection, model: type[SQLModel], source: str, external_ids: Iterable[str]
) -> dict[str, Known]:
    """The current entries of a table under external ids of a source."""
    table = table_of(model)
    owner = table.c.id if model is CustomerRow else table.c.customer_id
    columns = [table.c.external_id, table.c.entry_id, owner.label("owner")]
    columns += [table.c[name] for name in ("kind", "occurred_at") if name in table.c]
    rows = _rows(connection, columns, source, external_ids)
    bodies = bodies_of(connection, [row.entry_id for row in rows])
    return {
        row.external_id: Known(
            row.owner,
            getattr(row, "kind", None),
            getattr(row, "occurred_at", None),
            bodies.get(row.entry_id, {}).get(Part.SHARED, {}),
            bodies.get(row.entry_id, {}).get(Part.STAFF, {}),
        )
        for row in rows
    }


def voided_under(
    connection: Connection, model: type[SQLModel], source: str, external_ids: Iterable[str]
) -> set[str]:
    """The external ids of a source under which an entry of a table was voided by hand."""
    table = table_of(VoidedRow)
    rows = _rows(connection, [table.c.external_id, table.c.kind], source, external_ids)
    return {row.external_id for row in rows if model in table_for(row.kind)}


def differing_facts(known: Known, found: Prepared, customer_key: int) -> tuple[str, ...]:
    """The names of the facts in which a row differs from the ledger; empty if it says the same.

    What the row leaves to the import (when it was known, the hourly rate of the day, when a
    customer joined) is not compared: it would differ on each day.
    """
    facts, wording = found.record.facts, found.wording
    left_out = {"reason"}
    left_out |= set() if "known_at" in facts else {"known_at"}
    left_out |= set() if "hourly_rate" in facts else {"rate"}
    left_out |= set() if "joined_on" in facts else {"joined_day"}
    names = {n for n in known.body.keys() | wording.body.keys() if n not in left_out}
    differing = {
        _FACT_OF.get(name, name) for name in names if known.body.get(name) != wording.body.get(name)
    }
    if dict(known.staff_body) != (wording.staff_body or {}):
        differing.add("staff_note")
    if known.occurred_at != wording.occurred_at:
        differing.add("occurred_at")
    if known.kind is not None and known.kind != wording.kind.value:
        differing.add("kind")
    if known.customer_key != customer_key:
        differing.add("customer")
    return tuple(sorted(differing))


def _rows(
    connection: Connection, columns: list[Any], source: str, external_ids: Iterable[str]
) -> list[Any]:
    wanted = list(dict.fromkeys(external_ids))
    table = columns[0].table
    rows: list[Any] = []
    for portion in portions(wanted):
        query = select(*columns).where(table.c.source == source, table.c.external_id.in_(portion))
        rows += connection.execute(query).all()
    return rows
