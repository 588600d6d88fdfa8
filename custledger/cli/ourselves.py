"""The command about ourselves: whose fault it was, what was refunded, what was complained about."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated, Final

import typer

from custledger.cli.options import FormatOption, Top, day_option, option
from custledger.cli.session import Session, command, day, tell, tell_missing_rates
from custledger.core.worth.ourselves import By, Ourselves, OurselvesRow
from custledger.core.worth.shares import FEW
from custledger.edges.tables import Column, Format, amount, write_json, write_rows
from custledger.edges.wording import count

__all__ = ["app"]

app = typer.Typer()

_MARK: Final = "*"


@command(
    app,
    "ourselves",
    "custledger ourselves",
    "custledger ourselves --by cause --since 2026-01-01",
    "custledger ourselves --by product --by month --format csv > ourselves.csv",
)
def ourselves(
    session: Session,
    by: Annotated[
        list[By] | None,
        option("--by", metavar="WORD", text=f"{', '.join(By)}; may be repeated. Default: product."),
    ] = None,
    since: Annotated[
        datetime | None, day_option("--since", "From this day on. Default: from the beginning.")
    ] = None,
    until: Annotated[
        datetime | None, day_option("--until", "This day belongs to it. Default: today.")
    ] = None,
    top: Top = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Tell how often it was our own fault, by product or cause.

    Our own fault comes first. Each rate has its numbers beside it; a star marks a rate of few
    cases.
    """
    with session.open() as ledger:
        found = ledger.ourselves(day(since), day(until), by=by or [By.PRODUCT])
        if form is Format.JSON:
            write_json(found, sys.stdout)
        elif form is Format.CSV:
            write_rows(found.rows[:top], [], sys.stdout, form=form, kind=OurselvesRow)
        else:
            _print(found, top)
            tell_missing_rates(ledger)


def _print(found: Ourselves, top: int | None) -> None:
    if found.rows:
        write_rows([*found.rows[:top], found.total], _columns(found), sys.stdout)
    tell(_in_words(found))
    if any(row.few for row in found.rows):
        tell(f"{_MARK} of fewer than {FEW}: such a rate says little.")
    if By.CAUSE in found.by and found.total.sales:
        tell("A sale has no cause: the rates of a cause are of all sales.")


def _in_words(found: Ourselves) -> str:
    total = found.total
    if not total.judged and not total.unjudged and not total.complaints:
        return "Nothing is recorded that could have been our fault."
    unjudged = count(total.unjudged, "entry", "entries")
    if total.ours_share is None:
        return (
            f"Nobody has judged yet whose fault it was: {unjudged} (contacts, and money given "
            "back). Say it where you know it: --fault ours"
        )
    return (
        f"Of {count(total.judged, 'entry', 'entries')} that somebody judged, {total.ours:,} "
        f"({total.ours_share:.1%}) were our fault, {total.shared:,} shared. Not judged: "
        f"{unjudged}."
    )


def _columns(found: Ourselves) -> tuple[Column, ...]:
    names = [_named(by) for by in found.by]
    return (
        *names,
        Column("Our fault", _ours, justify="right"),
        Column("", lambda row: _rate(row.ours_share, "our share", row), justify="right"),
        Column("Refunds", lambda row: f"{row.refunds:,} of {row.sales:,}", justify="right"),
        Column("", lambda row: _rate(row.refund_rate, "refunds", row), justify="right"),
        Column("Refunded", _refunded, justify="right", spare=True),
        Column("Complaints", lambda row: f"{row.complaints:,}", justify="right"),
        Column("", lambda row: _rate(row.complaint_rate, "complaints", row), justify="right"),
        Column("Upheld", _upheld, justify="right", spare=True),
    )


def _named(by: By) -> Column:
    def show(row: OurselvesRow) -> str:
        value = getattr(row, by.value)
        return "All" if value is None else value or "(not named)"

    return Column(by.value.capitalize(), show, wrap=by is not By.MONTH)


def _ours(row: OurselvesRow) -> str:
    return f"{row.ours:,} of {row.judged:,}"


def _refunded(row: OurselvesRow) -> str:
    return amount(row.refunds_minor, row.currency)


def _upheld(row: OurselvesRow) -> str:
    return f"{row.upheld + row.partly_upheld:,}"


def _rate(rate: float | None, name: str, row: OurselvesRow) -> str | None:
    if rate is None:
        return None
    return f"{rate:.1%}{_MARK if name in row.few.split(', ') else ''}"
