"""The commands record invoice, sale, refund, payment, chargeback, write-off, concession."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from custledger.cli.entries import (
    Amount,
    AppliesTo,
    At,
    Cause,
    FaultOption,
    Known,
    Note,
    Product,
    Summary,
    given,
    say_recorded,
)
from custledger.cli.options import CurrencyOption, CustomerArgument, day_option
from custledger.cli.session import (
    Session,
    command,
    customer_of,
    entry_of,
    moment,
    money_of,
    occurrence,
)
from custledger.core.records import MoneyKind

__all__ = ["app"]

app = typer.Typer()


@command(
    app,
    "invoice",
    'custledger record invoice "Ann Miller" 120.00 --due 2026-07-31',
)
def invoice(
    session: Session,
    customer: CustomerArgument,
    amount: Amount,
    due: Annotated[datetime, day_option("--due", "When it is to be paid.")],
    currency: CurrencyOption = None,
    at: At = None,
    known_at: Known = None,
    summary: Summary = None,
    staff_note: Note = None,
    product: Product = None,
) -> None:
    """Record an invoice: what the customer owes until it is paid."""
    _money(
        session, MoneyKind.INVOICE, customer, amount, currency, at, known_at,
        due_on=due.date(), summary=summary, staff_note=staff_note, product=product,
    )  # fmt: skip


@command(
    app,
    "sale",
    'custledger record sale "Ann Miller" 120.00',
    'custledger record sale "Ann Miller" 15000 --currency JPY --at 2026-06-01',
)
def sale(
    session: Session,
    customer: CustomerArgument,
    amount: Amount,
    currency: CurrencyOption = None,
    at: At = None,
    known_at: Known = None,
    summary: Summary = None,
    staff_note: Note = None,
    product: Product = None,
) -> None:
    """Record a sale that was paid at once."""
    _money(
        session, MoneyKind.SALE, customer, amount, currency, at, known_at,
        summary=summary, staff_note=staff_note, product=product,
    )  # fmt: skip


@command(
    app,
    "refund",
    'custledger record refund "Ann Miller" 40.00 --applies-to "#3" --goods-returned',
    'custledger record refund "Ann Miller" 40.00 --fault ours --cause packaging',
)
def refund(
    session: Session,
    customer: CustomerArgument,
    amount: Amount,
    goods_returned: Annotated[
        bool, typer.Option("--goods-returned", help="Then only the margin is lost.")
    ] = False,
    applies_to: AppliesTo = None,
    fault: FaultOption = None,
    currency: CurrencyOption = None,
    at: At = None,
    known_at: Known = None,
    summary: Summary = None,
    staff_note: Note = None,
    product: Product = None,
    cause: Cause = None,
) -> None:
    """Record a refund.

    Where the fault was ours, it counts against nobody.
    """
    _money(
        session, MoneyKind.REFUND, customer, amount, currency, at, known_at, applies_to,
        goods_returned=goods_returned or None, fault=fault, summary=summary,
        staff_note=staff_note, product=product, cause=cause,
    )  # fmt: skip


def _other_money(kind: MoneyKind, sentence: str, *examples: str) -> None:
    def record(
        session: Session,
        customer: CustomerArgument,
        amount: Amount,
        applies_to: AppliesTo = None,
        fault: FaultOption = None,
        currency: CurrencyOption = None,
        at: At = None,
        known_at: Known = None,
        summary: Summary = None,
        staff_note: Note = None,
        cause: Cause = None,
    ) -> None:
        _money(
            session, kind, customer, amount, currency, at, known_at, applies_to,
            fault=fault, summary=summary, staff_note=staff_note, cause=cause,
        )  # fmt: skip

    record.__doc__ = sentence
    command(app, kind.value.replace("_", "-"), *examples)(record)


_other_money(
    MoneyKind.PAYMENT,
    "Record what a customer paid on invoices.",
    'custledger record payment "Ann Miller" 120.00 --applies-to "#3"',
)
_other_money(
    MoneyKind.CHARGEBACK,
    "Record a payment that the card issuer took back.",
    'custledger record chargeback "Ann Miller" 59.90 --applies-to "#3"',
)
_other_money(
    MoneyKind.WRITE_OFF,
    "Record what you no longer expect to be paid.",
    'custledger record write-off "Ann Miller" 80.00 --applies-to "#3"',
)
_other_money(
    MoneyKind.CONCESSION,
    "Record what you gave of your own accord.",
    'custledger record concession "Ann Miller" 10.00 --summary "for the long wait"',
)


def _money(
    session: Session,
    kind: MoneyKind,
    customer: str,
    amount: str,
    currency: str | None,
    at: str | None,
    known_at: str | None,
    applies_to: str | None = None,
    **facts: Any,
) -> None:
    with session.open() as ledger:
        who = customer_of(ledger, customer)
        target = None
        if applies_to is not None:
            # The number alone is enough: it can only be an entry of the same customer.
            named = applies_to.lstrip("#").isdigit()
            target = entry_of(ledger, f"{who.id}#{applies_to.lstrip('#')}" if named else applies_to)
        row = given(
            **facts,
            occurred_at=occurrence(at, ledger),
            known_at=moment(known_at, ledger),
            applies_to=target,
        )
        row |= {"kind": kind, "customer": who, "amount": money_of(amount, currency, ledger)}
        [ref] = ledger.money.record_many([row])
        say_recorded(who.name, ledger.money.get(ref))
