"""The commands record correct and record void."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import typer

from custledger.cli.entries import (
    Cause,
    ConductOption,
    EntryArgument,
    FaultOption,
    Minutes,
    Note,
    PurposeOption,
    Reason,
    StaffOption,
    Summary,
    Words,
    given,
)
from custledger.cli.options import day_option, option
from custledger.cli.session import (
    Session,
    command,
    day,
    entry_of,
    minutes,
    money_of,
    occurrence,
)
from custledger.core.records import (
    Customer,
    CustomerStatus,
    EntryKind,
    EntryRef,
    Evidence,
    Interaction,
    MoneyEntry,
)
from custledger.edges.tables import safe
from custledger.edges.wording import customer_in_words, described
from custledger.errors import BadInputError, NotFoundError
from custledger.ledger import Ledger

__all__ = ["app"]

app = typer.Typer()

_Record = Customer | Interaction | MoneyEntry | Evidence

# The facts that the options give, under the names of the options, by what they are facts of.
_BOTH: Final = frozenset(("--fault", "--at", "--summary", "--cause", "--staff-note"))
_OF_CONTACT: Final = _BOTH | {"--minutes", "--staff", "--purpose", "--conduct", "--customer-words"}
_OF_MONEY: Final = _BOTH | {"--amount", "--due", "--goods-returned"}
_OF_CUSTOMER: Final = frozenset(
    ("--name", "--email", "--phone", "--status", "--joined", "--staff-note")
)
_FACTS: Final = {
    "--minutes": "handling_time",
    "--due": "due_on",
    "--at": "occurred_at",
    "--joined": "joined_on",
}


@command(
    app,
    "correct",
    'custledger record correct "Ann Miller#7" --fault ours --reason "we sent the wrong one"',
    'custledger record correct "Ann Miller#3" --amount 12.50 --reason "typing error"',
    'custledger record correct "Ann Miller#1" --email ann@example.org --reason "new address"',
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
    staff_note: Note = None,
    name: Annotated[str | None, option("--name", metavar="NAME", text="Of a customer.")] = None,
    email: Annotated[
        list[str] | None,
        option("--email", metavar="ADDRESS", text="Of a customer; replaces the addresses so far."),
    ] = None,
    phone: Annotated[
        list[str] | None,
        option("--phone", metavar="NUMBER", text="Of a customer; replaces the numbers so far."),
    ] = None,
    status: Annotated[
        CustomerStatus | None,
        option("--status", metavar="prospect|active|former", text="Of a customer."),
    ] = None,
    joined: Annotated[
        datetime | None, day_option("--joined", "Of a customer: the first day as one.")
    ] = None,
) -> None:
    """Record how it really was.

    A new entry, which names the one it corrects and says why; the old one stays in the history.
    A customer's own entry, such as #1, has the name, contact points, status and first day.
    """
    with session.open() as ledger:
        found = _record_of(ledger, entry_of(ledger, entry))
        facts = {
            "--minutes": minutes(minutes_),
            "--staff": staff,
            "--purpose": purpose,
            "--conduct": conduct,
            "--fault": fault,
            "--amount": amount,
            "--due": day(due),
            "--goods-returned": goods_returned,
            "--at": occurrence(at, ledger),
            "--summary": summary,
            "--customer-words": customer_words,
            "--cause": cause,
            "--staff-note": staff_note,
            "--name": name,
            "--email": email or None,
            "--phone": phone or None,
            "--status": status,
            "--joined": day(joined),
        }
        typer.echo(f"Corrected: {safe(_correct(ledger, found, reason, given(**facts)))}.")


def _correct(ledger: Ledger, found: _Record, reason: str, options: dict[str, Any]) -> str:
    """Correct the record, and say how it is now."""
    _refuse_unfitting(found, options)
    facts = {_FACTS.get(name, name[2:].replace("-", "_")): v for name, v in options.items()}
    if isinstance(found, Customer):
        facts |= _contact_points(found, facts)
        return customer_in_words(ledger.customers.correct(found, reason=reason, **facts))
    if isinstance(found, Interaction):
        return described(ledger.interactions.correct(found, reason=reason, **facts))
    if isinstance(found, Evidence):
        raise BadInputError("Evidence is not corrected: void it and attach it again.")
    if "amount" in facts:
        facts["amount"] = money_of(facts["amount"], found.amount.currency, ledger)
    return described(ledger.money.correct(found, reason=reason, **facts))


def _refuse_unfitting(found: _Record, options: dict[str, Any]) -> None:
    what, fitting = _options_of(found)
    unfit = sorted(options.keys() - fitting)
    known = ", ".join(sorted(fitting))
    if fitting and unfit:
        raise BadInputError(f"{what} has no {', '.join(unfit)}. It has: {known}.")
    if fitting and not options:
        raise BadInputError(f"Nothing to correct. {what} has: {known}. Name what was wrong.")


def _options_of(found: _Record) -> tuple[str, frozenset[str]]:
    if isinstance(found, Customer):
        return "A customer", _OF_CUSTOMER
    if isinstance(found, Interaction):
        return "A contact", _OF_CONTACT
    if isinstance(found, MoneyEntry):
        return "An entry of money", _OF_MONEY
    return "Evidence", frozenset()


def _contact_points(customer: Customer, facts: dict[str, Any]) -> dict[str, Any]:
    """All contact points, of which one kind is replaced: the library replaces all or none."""
    kinds = {"email", "phone"} & facts.keys()
    if not kinds:
        return {}
    others = [(p.kind, p.value) for p in customer.contact_points if p.kind not in kinds]
    return {"contact_points": others}


@command(
    app,
    "void",
    'custledger record void "Ann Miller#7" --reason "recorded twice"',
    'custledger record void "Ann Miller#1" --reason "a test"',
)
def void(session: Session, entry: EntryArgument, reason: Reason) -> None:
    """Take back an entry recorded by mistake.

    The history keeps it, and why it was voided. A customer is voided by the own entry, such as #1,
    once nothing else stands under the name.
    """
    with session.open() as ledger:
        found = _record_of(ledger, entry_of(ledger, entry))
        if isinstance(found, Customer):
            ledger.customers.void(found, reason=reason)
        elif isinstance(found, Interaction):
            ledger.interactions.void(found, reason=reason)
        elif isinstance(found, MoneyEntry):
            ledger.money.void(found, reason=reason)
        else:
            ledger.evidence.void(found, reason=reason)
    typer.echo(f"Voided: {safe(entry)}.")


def _record_of(ledger: Ledger, ref: EntryRef) -> _Record:
    for book in (ledger.interactions, ledger.money, ledger.evidence):
        try:
            return book.get(ref)
        except NotFoundError:
            continue
    for entry in ledger.history(ref.subject):
        if entry.ref.seq == ref.seq and entry.kind is EntryKind.CUSTOMER:
            return ledger.customers.get(ref.subject)
    raise NotFoundError(
        f"#{ref.seq} is no entry of that customer, or it was voided. See: "
        "custledger history CUSTOMER"
    )
