"""Records and what they belong to: no void leaves a record of nobody, or a refund of nothing.

The journal asks while it holds the chains' locks, so that two writers cannot do together what each
is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select, true, tuple_
from sqlmodel import SQLModel

from custledger.core.records import EntryKind
from custledger.errors import BadInputError
from custledger.storage.bulk import portions, table_of
from custledger.storage.copies import ABOUT_THE_FIRM, table_for
from custledger.storage.tables import EventRow, EvidenceRow, InteractionRow, MoneyRow

__all__ = ["OWNED_KINDS", "has_records", "refuse_owners", "refuse_targets_gone"]

_money, _event = table_of(MoneyRow), table_of(EventRow)
_OWNED: Final[tuple[tuple[type[SQLModel], str, str], ...]] = (
    (InteractionRow, "interaction", "interactions"),
    (MoneyRow, "money entry", "money entries"),
    (EvidenceRow, "piece of evidence", "pieces of evidence"),
    (EventRow, "event of a case", "events of cases"),
)
OWNED_KINDS: Final = (
    frozenset(
        kind
        for kind in EntryKind
        if not {model for model, *_ in _OWNED}.isdisjoint(table_for(kind))
    )
    - ABOUT_THE_FIRM
)
"""The kinds of entries that belong to a customer."""


def has_records(customer: Any) -> ColumnElement[bool]:
    """Whether a customer, by a column of keys, is one who cannot be voided (``refuse_owners``)."""
    owned = [
        exists().where(table_of(model).c.customer_id == customer, _counts(model))
        for model, *_ in _OWNED
    ]
    named = exists().where(_event.c.other_id == customer, _event.c.kind == EntryKind.MERGE)
    return or_(*owned, named)


def _counts(model: type[SQLModel]) -> ColumnElement[bool]:
    """Which rows keep their customer; a flag is only the firm's own note."""
    return _event.c.kind != EntryKind.FLAG if model is EventRow else true()


def refuse_owners(connection: Connection, customers: Sequence[int]) -> None:
    """Raise BadInputError if one of these customers, who are being voided, has current records."""
    _refuse_merged(connection, customers)
    counts = []
    for model, one, many in _OWNED if customers else ():
        owner = table_of(model).c.customer_id
        kept = _counts(model)
        queries = (select(func.count()).where(owner.in_(p), kept) for p in portions(customers))
        count = sum(connection.scalar(query) or 0 for query in queries)
        if count:
            counts.append(f"{count:,} {one if count == 1 else many}")
    if counts:
        raise BadInputError(
            f"The customer still has {_listed(counts)}. Void these first, or undo the import that "
            "brought them in; then void the customer."
        )


def _refuse_merged(connection: Connection, customers: Sequence[int]) -> None:
    for portion in portions(customers):
        named = or_(_event.c.customer_id.in_(portion), _event.c.other_id.in_(portion))
        query = select(_event.c.id).where(_event.c.kind == EntryKind.MERGE, named).limit(1)
        if connection.scalar(query) is not None:
            raise BadInputError(
                "The customer is one person with another by a merge. Take that back first "
                "(custledger match unmerge, or matches.unmerge); then void the customer."
            )


def refuse_targets_gone(connection: Connection, places: Collection[tuple[int, int]]) -> None:
    """Raise BadInputError unless a current money entry is at each (customer key, seq)."""
    found = 0
    for portion in portions(sorted(places)):
        at = tuple_(_money.c.customer_id, _money.c.seq).in_(portion)
        found += connection.scalar(select(func.count()).where(at)) or 0
    if found < len(places):
        raise BadInputError(
            "applies_to: the invoice or sale was voided meanwhile. Nothing was written; look at it "
            "again."
        )


def _listed(counts: Sequence[str]) -> str:
    return counts[0] if len(counts) == 1 else f"{', '.join(counts[:-1])} and {counts[-1]}"
