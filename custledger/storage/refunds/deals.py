"""What was paid for a deal and what went back already, as the current money entries have it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from custledger.core.money import Money
from custledger.core.records import EntryKind, EntryRef, MoneyKind
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import current
from custledger.storage.events import events_of
from custledger.storage.tables import MoneyRow

__all__ = ["DEALS", "Deal", "deal_of"]

_money = table_of(MoneyRow)
DEALS: Final = frozenset((MoneyKind.SALE, MoneyKind.INVOICE, MoneyKind.PAYMENT))
_BACK: Final = frozenset((MoneyKind.REFUND, MoneyKind.CHARGEBACK))


class Deal(NamedTuple):
    """A deal and its money: a sale, an invoice with its payments, or a payment of no invoice.

    ``refunded`` counts refunds and chargebacks that name the deal, ``unlinked`` those of the
    customer since then of which nothing says what they were for. ``occurred_at`` is in microseconds
    since 1970 UTC. ``refs`` are the entries that stand for it: itself, and an invoice's payments.
    """

    ref: EntryRef
    customer: int
    kind: MoneyKind
    occurred_at: int
    paid: Money
    refunded: Money
    unlinked: Money
    refs: tuple[EntryRef, ...]

    @property
    def left(self) -> Money:
        """What of the payment is still with the firm."""
        return max(self.paid - self.refunded, Money(0, self.paid.currency))


def deal_of(
    connection: Connection,
    context: Context,
    ref: EntryRef,
    *,
    customers: Collection[int],
    as_of_day: int,
) -> Deal:
    """The deal that an entry of one of these customers (by key) is about, as of a day.

    A payment that names its invoice stands for the invoice. A refund of a payment without one can
    name nothing: the case in which it was chosen does. Raises NotFoundError for a voided entry,
    BadInputError for one of another customer or kind, and for mixed currencies.
    """
    found = current(connection, context, MoneyRow, ref)
    if found.subject_id not in customers:
        raise BadInputError(
            f"{ref} is an entry of another customer. Name that customer, or the right entry."
        )
    rows = _rows(connection, found.subject_id)
    entry = rows[ref.seq]
    if entry.kind not in DEALS:
        kind = entry.kind.value.replace("_", " ")
        raise BadInputError(f"{ref} is a {kind}. Name the sale, invoice or payment it is about.")
    if entry.kind is MoneyKind.PAYMENT and entry.applies_to in rows:
        entry = rows[entry.applies_to]
    known = [row for row in rows.values() if row.occurred_day <= as_of_day]
    own = {entry.seq, *(row.seq for row in rows.values() if _pays(row, entry.seq))}
    chosen = _chosen(connection, context, found.subject_id)
    about = [r for r in known if r.applies_to == entry.seq or chosen.get(r.seq) in own]
    paid = _sum(entry, [entry])
    if entry.kind is MoneyKind.INVOICE:
        paid = _sum(entry, [row for row in known if _pays(row, entry.seq)])
    back = [row for row in about if row.kind in _BACK]
    loose = [
        row
        for row in known
        if row.kind in _BACK
        and row.applies_to is None
        and row.seq not in chosen
        and row.currency == entry.currency
        and row.occurred_at >= entry.occurred_at
    ]
    return Deal(
        ref=EntryRef(ref.subject, entry.seq),
        customer=found.subject_id,
        kind=entry.kind,
        occurred_at=entry.occurred_at,
        paid=paid,
        refunded=_sum(entry, back),
        unlinked=_sum(entry, loose),
        refs=tuple(EntryRef(ref.subject, seq) for seq in sorted(own)),
    )


def _pays(row: Any, seq: int) -> bool:
    return row.kind is MoneyKind.PAYMENT and row.applies_to == seq


def _chosen(connection: Connection, context: Context, customer: int) -> dict[int, int]:
    """The refunds that were recorded along with a choice, each with the entry it was about."""
    events = events_of(connection, context, EntryKind.REFUND_ADVICE, [customer])
    return {e.body["refund"]: e.body["payment"] for e in events if "refund" in e.body}


def _rows(connection: Connection, customer: int) -> dict[int, Any]:
    c = _money.c
    columns = (
        c.seq,
        c.kind,
        c.amount_minor,
        c.currency,
        c.occurred_at,
        c.occurred_day,
        c.applies_to,
    )
    query = select(*columns).where(c.customer_id == customer)
    return {row.seq: row for row in connection.execute(query)}


def _sum(entry: Any, rows: list[Any]) -> Money:
    foreign = next((row for row in rows if row.currency != entry.currency), None)
    if foreign is not None:
        raise BadInputError(
            f"Entry #{foreign.seq} is in {foreign.currency}, and what it belongs to in "
            f"{entry.currency}. Correct one of the two; amounts are not converted here."
        )
    return Money(sum(row.amount_minor for row in rows), entry.currency)
