"""Commands about referrals: referral add, list, void."""

from __future__ import annotations

import sys
from typing import Annotated, Final
from uuid import UUID

import typer

from custledger.cli.entries import At, EntryArgument, Reason
from custledger.cli.options import AsOf, CustomerArgument, FormatOption, OptionalCustomer, option
from custledger.cli.session import Session, command, customer_of, day, entry_of, moment, tell
from custledger.core.refusal import Refusal
from custledger.core.worth.earning import Brought, Referral, ReferredRow
from custledger.edges.tables import Column, Format, amount, safe, write_json, write_rows
from custledger.edges.wording import count, local_day, short_id
from custledger.errors import NotFoundError
from custledger.ledger import Ledger

__all__ = ["app", "name_of", "refused"]

app = typer.Typer(help="Who came because somebody spoke well of us.", no_args_is_help=True)


@command(
    app,
    "add",
    'custledger referral add "Ben Moss" --by "Ann Miller"',
    'custledger referral add "Ben Moss" --by "Ann Miller" --note "at the market" --at 2026-05-04',
)
def add(
    session: Session,
    customer: CustomerArgument,
    by: Annotated[str, option("--by", metavar="CUSTOMER", text="Who spoke well of us.")],
    note: Annotated[str, option("--note", metavar="TEXT", text="How it came about.")] = "",
    at: At = None,
) -> None:
    """Record who brought a customer: not themselves, once, and never in a circle.

    What is refused exits with 1, and nothing is written.
    """
    with session.open() as ledger:
        came, referrer = customer_of(ledger, customer), customer_of(ledger, by)
        answer = ledger.referrals.record(
            came, referred_by=referrer, note=note, occurred_at=moment(at, ledger)
        )
    if answer.referral is None:
        refused(answer.refusals)
    else:
        number = answer.referral.id.seq
        typer.echo(
            safe(f"Recorded as {came.name}#{number}: {came.name} came through {referrer.name}.")
        )


@command(
    app,
    "list",
    "custledger referral list",
    'custledger referral list "Ann Miller" --as-of 2026-06-30',
)
def list_referrals(
    session: Session,
    customer: OptionalCustomer = None,
    as_of: AsOf = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """List referrals; of one customer: whom they brought, and what these are worth."""
    with session.open() as ledger:
        if customer is None:
            _list_all(ledger, form)
        else:
            who = customer_of(ledger, customer)
            _list_brought(ledger.referrals.brought(who, day(as_of)), who.name, form)


def _list_all(ledger: Ledger, form: Format) -> None:
    found = ledger.referrals.all()
    columns = (
        Column("Entry", lambda row: f"{short_id(row.customer_id)}#{row.id.seq}"),
        Column("Customer", lambda row: name_of(ledger, row.customer_id), wrap=True),
        Column("Came through", lambda row: name_of(ledger, row.referred_by), wrap=True),
        Column("On", lambda row: local_day(row.occurred_at, ledger.zone).isoformat()),
        Column("Note", lambda row: row.note or None, wrap=True, spare=True),
    )
    if found or form is not Format.TEXT:
        write_rows(found, columns, sys.stdout, form=form, kind=Referral)
    else:
        typer.echo("No referral is recorded.")


def _list_brought(found: Brought, name: str, form: Format) -> None:
    if form is Format.JSON:
        write_json(found, sys.stdout)
        return
    if found.customers or form is Format.CSV:
        write_rows(found.customers, _BROUGHT, sys.stdout, form=form, kind=ReferredRow)
    if form is Format.TEXT:
        tell(_brought_in_words(found, name))


def _brought_in_words(found: Brought, name: str) -> str:
    if not found.customers:
        return f"{name} has brought nobody that we know of."
    said = f"{name} brought {count(found.direct, 'customer')}, worth"
    said += f" {amount(found.direct_minor, found.currency)} {found.currency}"
    others = len(found.customers) - found.direct
    if others:
        whole = amount(found.all_minor, found.currency)
        said += f"; with {others:,} more who came through them, {whole} {found.currency}"
    return f"{said}. Say thank you."


@command(app, "void", 'custledger referral void "Ben Moss#2" --reason "it was somebody else"')
def void(session: Session, entry: EntryArgument, reason: Reason) -> None:
    """Take a referral recorded by mistake out of the current state; the trail keeps it."""
    with session.open() as ledger:
        ledger.referrals.void(entry_of(ledger, entry), reason=reason)
    typer.echo(f"Voided: {safe(entry)}.")


def name_of(ledger: Ledger, customer: UUID) -> str:
    """The name of a customer, also of one who is gone."""
    try:
        return ledger.customers.get(customer).name
    except NotFoundError:
        return f"{short_id(customer)} (voided or erased)"


def refused(refusals: tuple[Refusal, ...]) -> None:
    """Say why something was refused, and exit with 1."""
    for refusal in refusals:
        typer.echo(safe(refusal.text))
    typer.echo("Nothing was recorded.")
    raise typer.Exit(1)


_BROUGHT: Final = (
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Id", lambda row: short_id(row.customer_id), spare=True),
    Column("Steps", lambda row: str(row.steps), justify="right"),
    Column("Brings", lambda row: amount(row.net_minor, row.currency), justify="right"),
)
