"""Commands about backing the staff: backing add, backing report."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated, Final

import typer

from custledger.cli.entries import At, EntryArgument
from custledger.cli.options import AsOf, FormatOption, day_option, option
from custledger.cli.session import Session, command, day, entry_of, moment, tell
from custledger.core.backing import BackingKind, BackingReport, BackingRules, Borne, SingleSource
from custledger.edges.tables import Column, Format, safe, write_json, write_rows
from custledger.edges.wording import short_id, words

__all__ = ["app"]

app = typer.Typer(
    help="Back the staff who bore abuse; see who needs relief.",
    no_args_is_help=True,
)
_DEFAULT: Final = BackingRules()


@command(
    app,
    "add",
    "custledger backing add 'Ann Miller#7' talked_to --words \"an hour, with tea\"",
    "custledger backing add 'Ann Miller#7' time_off --staff Sam --at 2026-01-31",
)
def add(
    session: Session,
    entry: EntryArgument,
    kind: Annotated[
        BackingKind,
        typer.Argument(
            metavar="KIND", help=f"One of: {', '.join(BackingKind)}.", show_default=False
        ),
    ],
    said: Annotated[
        str, option("--words", metavar="TEXT", text="What was done; for staff only.")
    ] = "",
    staff: Annotated[
        str | None,
        option("--staff", metavar="NAME", text="For whom. Default: who handled the contact."),
    ] = None,
    at: At = None,
) -> None:
    """Record what was done for a member of staff who bore abuse in a contact.

    Exits with 1 where no abuse is recorded of that contact; nothing is written then.
    """
    with session.open() as ledger:
        answer = ledger.backing.add(
            entry_of(ledger, entry),
            kind,
            words=said,
            staff=staff,
            occurred_at=moment(at, ledger),
        )
        for refusal in answer.refusals:
            typer.echo(safe(refusal.text))
        if answer.backing is None:
            raise typer.Exit(1)
        name = ledger.staff.get(answer.backing.staff_id).name
    typer.echo(safe(f"Recorded for {name}: {words(kind)}, on {answer.backing.day}."))


@command(
    app,
    "report",
    "custledger backing report",
    "custledger backing report --since 2026-01-01 --many 2 --within-days 7",
)
def report(
    session: Session,
    since: Annotated[
        datetime | None,
        day_option("--since", "First day of the period. Default: the ledger's first."),
    ] = None,
    as_of: AsOf = None,
    wait_days: Annotated[
        int,
        option("--wait-days", metavar="N", text="Something is done within N days. Default: 3."),
    ] = _DEFAULT.wait_days,
    many: Annotated[
        int, option("--many", metavar="N", text="So many incidents call for relief. Default: 3.")
    ] = _DEFAULT.many,
    within_days: Annotated[
        int, option("--within-days", metavar="N", text="Counted over N days. Default: 14.")
    ] = _DEFAULT.within_days,
    form: FormatOption = Format.TEXT,
) -> None:
    """Tell who bore abuse, what was done for them, and who needs relief.

    And against which customers one person alone speaks: that may be true, and somebody else should
    hear it before anything rests on it.
    """
    rules = BackingRules(wait_days, many, within_days)
    with session.open() as ledger:
        found = ledger.backing.report(day(as_of), since=day(since), rules=rules)
    if form is Format.JSON:
        write_json(found, sys.stdout)
    else:
        if found.people or form is not Format.TEXT:
            write_rows(found.people, _PEOPLE, sys.stdout, form=form, kind=Borne)
    if form is Format.TEXT:
        _tell(found)


def _tell(found: BackingReport) -> None:
    if not found.people:
        typer.echo("Nobody is recorded to have borne abuse in this period.")
    for one in found.people:
        if one.needs:
            tell(f"{one.name} needs relief: {'; '.join(one.needs)}.")
    alone = [row for row in found.customers if row.alone]
    if alone:
        typer.echo()
        write_rows(alone, _ALONE, sys.stdout, form=Format.TEXT, kind=SingleSource)
        tell(
            "What is recorded against these customers comes from one person alone. It may be true; "
            "let somebody else hear it before anything rests on it."
        )


def _done(row: Borne) -> str | None:
    return ", ".join(f"{words(b.kind)} {b.day.isoformat()}" for b in row.done) or None


_PEOPLE: Final = (
    Column("Who", lambda row: row.name, wrap=True),
    Column("Incidents", lambda row: str(row.incidents), justify="right"),
    Column("Days", lambda row: str(row.days), justify="right"),
    Column(
        "What",
        lambda row: ", ".join(f"{words(kind)} ({number})" for kind, number in row.conduct),
        wrap=True,
    ),
    Column("Without backing", lambda row: str(len(row.unbacked)), justify="right"),
    Column("Done", _done, wrap=True),
    Column("Relief", lambda row: "needed" if row.needs else None),
)

_ALONE: Final = (
    Column("Customer", lambda row: row.customer, wrap=True),
    Column("Id", lambda row: short_id(row.customer_id), spare=True),
    Column("Contacts", lambda row: str(row.incidents), justify="right"),
    Column("Recorded by", lambda row: row.alone, wrap=True),
)
