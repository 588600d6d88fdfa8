"""Commands about the staff: staff list, staff deactivate."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import typer

from custledger.cli.options import FormatOption
from custledger.cli.session import Session, command
from custledger.core.money import Money
from custledger.core.records import Staff, StaffRole
from custledger.edges.tables import Column, Format, safe, write_rows
from custledger.edges.wording import short_id
from custledger.ledger import Ledger

__all__ = ["app"]

app = typer.Typer(help="List the staff, or note that someone left.", no_args_is_help=True)


@dataclass(frozen=True)
class StaffMember:
    """One member of staff; ``hourly_rate`` is today's, ``own_rate`` whether it is theirs alone."""

    id: UUID
    name: str
    role: StaffRole
    active: bool
    hourly_rate: Money | None
    own_rate: bool


@command(app, "list", "custledger staff list", "custledger staff list --format csv")
def list_staff(session: Session, form: FormatOption = Format.TEXT) -> None:
    """List everyone registered, programs too, with what an hour of them costs today."""
    with session.open() as ledger:
        rows = _members(ledger)
    write_rows(rows, _COLUMNS, sys.stdout, form=form, kind=StaffMember)


@command(app, "deactivate", "custledger staff deactivate Sam")
def deactivate(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
) -> None:
    """Note that someone left: they can no longer write; what they did stays."""
    with session.open() as ledger:
        left = ledger.staff.deactivate(name)
    typer.echo(f"{safe(left.name)} can no longer write; what they did stays.")


def _members(ledger: Ledger) -> list[StaffMember]:
    today = ledger.today()
    # Oldest first, so that the last one of a member is the one that holds.
    rates = {r.staff_id: r.rate for r in ledger.staff.rates() if r.effective_on <= today}
    return [_member(staff, rates) for staff in ledger.staff.all()]


def _member(staff: Staff, rates: dict[UUID | None, Money]) -> StaffMember:
    return StaffMember(
        id=staff.id,
        name=staff.name,
        role=staff.role,
        active=staff.active,
        hourly_rate=rates.get(staff.id, rates.get(None)),
        own_rate=staff.id in rates,
    )


def _rate(row: StaffMember) -> str | None:
    if row.hourly_rate is None:
        return None
    return f"{row.hourly_rate}{'' if row.own_rate else ', as everyone'}"


_COLUMNS: Final = (
    Column("Name", lambda row: row.name, wrap=True),
    Column("Id", lambda row: short_id(row.id), spare=True),
    Column("Role", lambda row: row.role),
    Column("An hour costs", _rate),
    Column("Active", lambda row: "yes" if row.active else "no, has left"),
)
