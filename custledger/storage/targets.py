"""What a payment or refund applies to: a current invoice or sale of the same customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, select, tuple_

from custledger.core.records import EntryRef, MoneyKind
from custledger.errors import BadInputError
from custledger.storage.bulk import portions, table_of
from custledger.storage.identities import Identities
from custledger.storage.tables import MoneyRow

__all__ = ["Target", "target_ref", "targets_at", "targets_under"]

_money = table_of(MoneyRow)
_OWED: Final = frozenset({MoneyKind.INVOICE, MoneyKind.SALE})


class Target(NamedTuple):
    """A current invoice or sale, and the key of the customer whose it is."""

    customer_id: int
    ref: EntryRef


def targets_at(
    connection: Connection, identities: Identities, refs: Iterable[EntryRef]
) -> dict[EntryRef, Target]:
    """The invoices and sales among these references."""
    wanted = {(identities.key(connection, ref.subject), ref.seq) for ref in refs}
    places = [(key, seq) for key, seq in wanted if key is not None]
    found: dict[EntryRef, Target] = {}
    for portion in portions(places):
        place = tuple_(_money.c.customer_id, _money.c.seq).in_(portion)
        found.update((t.ref, t) for _, t in _targets(connection, identities, place))
    return found


def targets_under(
    connection: Connection, identities: Identities, source: str, external_ids: Sequence[str]
) -> dict[str, Target]:
    """The invoices and sales among the entries under external ids of a source."""
    found: dict[str, Target] = {}
    for portion in portions(external_ids):
        named = (_money.c.source == source) & _money.c.external_id.in_(portion)
        found.update(_targets(connection, identities, named))
    return found


def target_ref(name: object, found: Target | None, customer_id: int | None) -> EntryRef:
    """The reference of what an entry of that customer applies to, or BadInputError.

    ``name`` is how the caller named it.
    """
    if found is None:
        raise BadInputError(
            f"applies_to: {name} is no current invoice or sale in the ledger. Record or import it "
            "first, or leave applies_to empty."
        )
    if found.customer_id != customer_id:
        raise BadInputError(
            f"applies_to: {name} is an entry of another customer. Correct one of the two."
        )
    return found.ref


def _targets(
    connection: Connection, identities: Identities, condition: ColumnElement[bool]
) -> list[tuple[str, Target]]:
    query = select(_money.c.external_id, _money.c.customer_id, _money.c.seq).where(
        condition, _money.c.kind.in_(_OWED)
    )
    rows = connection.execute(query).all()
    uuids = identities.uuids(connection, {row.customer_id for row in rows})
    return [
        (row.external_id, Target(row.customer_id, EntryRef(uuids[row.customer_id], row.seq)))
        for row in rows
    ]
