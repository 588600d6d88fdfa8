"""The commands record correct and record void."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from custledger.cli.entries import (
    Cause,
    ConductOption,
    EntryArgument,
    FaultOption,
    Minutes,
    PurposeOption,
    Reason,
    StaffOption,
    Summary,
    Words,
    given,
)
from custledger.cli.options import day_option, option
from custledger.cli.session import Session, command, day, entry_of, minutes, moment, money_of
from custledger.core.records import EntryRef, Evidence, Interaction, MoneyEntry
from custledger.edges.tables import safe
from custledger.edges.wording import described
from custledger.errors import BadInputError, NotFoundError
from custledger.ledger import Ledger

__all__ = ["app"]

app = typer.Typer()


@command(
    app,
    "correct",
    'custledger record correct "Ann Miller#7" --fault ours --reason "we sent the wrong one"',
    'custledger record correct "Ann Miller#3" --amount 12.50 --reason "typing error"',
)
def correct(
    session: Session,
    entry: EntryArgument,
    reason: Reason,
    minutes_: Minutes = None,
    staff: StaffOption = None,
    purpose: PurposeOption = None,
    conduct: ConductOption = None,
    fault: FaultOption = None,
    amount: Annotated[
        str | None, option("--amount", metavar="AMOUNT", text="In the entry's currency.")
    ] = None,
    due: Annotated[datetime | None, day_option("--due", "When an invoice is to be paid.")] = None,
    goods_returned: Annotated[
        bool | None,
        typer.Option("--goods-returned/--goods-kept", help="Of a refund.", show_default=False),
    ] = None,
    at: Annotated[str | None, option("--at", metavar="TIME", text="When it happened.")] = None,
    summary: Summary = None,
    customer_words: Words = None,
    cause: Cause = None,
) -> None:
    """Record how it really was.

    A new entry, which names the one it corrects and says why; the old one stays in the history.
    """
    with session.open() as ledger:
        found = _record_of(ledger, entry_of(ledger, entry))
        facts = given(
            handling_time=minutes(minutes_),
            staff=staff,
            purpose=purpose,
            conduct=conduct,
            fault=fault,
            due_on=day(due),
            goods_returned=goods_returned,
            occurred_at=moment(at, ledger),
            summary=summary,
            customer_words=customer_words,
            cause=cause,
        )
        if amount is not None:
            currency = found.amount.currency if isinstance(found, MoneyEntry) else None
            facts["amount"] = money_of(amount, currency, ledger)
        if not facts:
            raise BadInputError("Nothing to correct: name a fact, such as --fault ours.")
        if isinstance(found, Evidence):
            raise BadInputError("Evidence is not corrected: void it and attach it again.")
        book: Any = ledger.interactions if isinstance(found, Interaction) else ledger.money
        typer.echo(f"Corrected: {safe(described(book.correct(found, reason=reason, **facts)))}.")


@command(app, "void", 'custledger record void "Ann Miller#7" --reason "recorded twice"')
def void(session: Session, entry: EntryArgument, reason: Reason) -> None:
    """Take back an entry recorded by mistake.

    The history keeps it, and why it was voided.
    """
    with session.open() as ledger:
        found = _record_of(ledger, entry_of(ledger, entry))
        if isinstance(found, Interaction):
            ledger.interactions.void(found, reason=reason)
        elif isinstance(found, MoneyEntry):
            ledger.money.void(found, reason=reason)
        else:
            ledger.evidence.void(found, reason=reason)
    typer.echo(f"Voided: {safe(entry)}.")


def _record_of(ledger: Ledger, ref: EntryRef) -> Interaction | MoneyEntry | Evidence:
    for book in (ledger.interactions, ledger.money, ledger.evidence):
        try:
            return book.get(ref)
        except NotFoundError:
            continue
    raise NotFoundError(
        f"#{ref.seq} is no contact, money or evidence of that customer, or it was voided. See: "
        "custledger history CUSTOMER"
    )
