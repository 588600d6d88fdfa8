"""Commands that add who and what a ledger knows: customers, staff, rates."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from custledger.cli.options import CurrencyOption, HourlyRateOption, day_option, option
from custledger.cli.session import Session, command, day, rate_of
from custledger.core.records import CustomerStatus, StaffRole
from custledger.edges.tables import safe
from custledger.edges.wording import short_id

__all__ = ["app"]

app = typer.Typer(help="Add a customer, a member of staff, or a rate.", no_args_is_help=True)


@command(
    app,
    "customer",
    'custledger add customer "Ann Miller" --email ann@example.org',
    'custledger add customer "Acme Ltd" --phone "+33 1 23 45 67 89" --joined 2025-03-01',
)
def add_customer(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    email: Annotated[
        list[str] | None, option("--email", metavar="ADDRESS", text="May be repeated.")
    ] = None,
    phone: Annotated[
        list[str] | None, option("--phone", metavar="NUMBER", text="May be repeated.")
    ] = None,
    joined: Annotated[
        datetime | None,
        day_option("--joined", "First day as a customer. Default: today."),
    ] = None,
    status: Annotated[
        CustomerStatus,
        typer.Option("--status", metavar="prospect|active|former", help="Where you stand."),
    ] = CustomerStatus.ACTIVE,
    note: Annotated[str, option("--staff-note", metavar="TEXT", text="For staff only.")] = "",
) -> None:
    """Add a customer."""
    facts: dict[str, Any] = {"email": email or (), "phone": phone or (), "staff_note": note}
    if joined is not None:
        facts["joined_on"] = joined.date()
    with session.open() as ledger:
        added = ledger.customers.add(name, status=status, **facts)
    typer.echo(f"Added {safe(added.name)} ({short_id(added.id)}).")


@command(
    app,
    "staff",
    "custledger add staff Sam",
    "custledger add staff Noor --hourly-rate 34",
    'custledger add staff "web shop" --role program',
)
def add_staff(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    role: Annotated[
        StaffRole,
        typer.Option("--role", metavar="agent|owner|program", help="A program is no witness."),
    ] = StaffRole.AGENT,
    hourly_rate: HourlyRateOption = None,
) -> None:
    """Register someone who handles customers, or a program that writes: it may act from now on."""
    with session.open() as ledger:
        rate = None if hourly_rate is None else rate_of(hourly_rate, None, ledger.currency)
        added = ledger.staff.add(name, role=role, hourly_rate=rate)
    typer.echo(f"Registered {safe(added.name)} as {added.role}.")


@command(
    app,
    "rate",
    "custledger add rate 32 --from 2020-01-01",
    "custledger add rate 36.50 --staff Noor --from 2026-07-01",
)
def add_rate(
    session: Session,
    rate: Annotated[str, typer.Argument(metavar="AMOUNT", show_default=False)],
    staff: Annotated[
        str | None, option("--staff", metavar="NAME", text="Default: everyone without their own.")
    ] = None,
    since: Annotated[
        datetime | None,
        day_option("--from", "The first day it holds. Default: today."),
    ] = None,
    currency: CurrencyOption = None,
) -> None:
    """Set what an hour of staff time costs, all told, from a day on.

    Contacts keep the rate of their day. Set one from an early day before you import old contacts.
    """
    with session.open() as ledger:
        money = rate_of(rate, currency, ledger.currency)
        found = ledger.staff.set_rate(money, staff=staff, effective_on=day(since))
    who = "everyone without a rate of their own" if staff is None else safe(staff)
    typer.echo(f"An hour costs {found.rate} for {who}, from {found.effective_on}.")


@command(
    app,
    "exchange-rate",
    "custledger add exchange-rate USD 0.92",
    "custledger add exchange-rate GBP 1.17 --from 2026-01-01",
)
def add_exchange_rate(
    session: Session,
    currency: Annotated[str, typer.Argument(metavar="CODE", show_default=False)],
    rate: Annotated[str, typer.Argument(metavar="RATE", show_default=False)],
    since: Annotated[
        datetime | None,
        day_option("--from", "The first day it holds. Default: since ever."),
    ] = None,
) -> None:
    """Set what one unit of another currency is worth in the ledger's own."""
    with session.open() as ledger:
        found = ledger.exchange_rates.set(currency.upper(), rate, effective_on=day(since))
        base = ledger.currency
    typer.echo(f"1 {found.currency} is {found.rate} {base}.")
