"""Commands about entries that customers dispute: contest add, decide, list."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

import typer

from custledger.cli.access import AllOption, ReceivedAt, ToldAt, name_of, refused
from custledger.cli.entries import EntryArgument
from custledger.cli.options import AsOf, FormatOption, option
from custledger.cli.session import Session, command, day, entry_of, moment
from custledger.core.privacy.subject_access import Contest, ContestState
from custledger.core.words import day_in_words
from custledger.edges.tables import Column, Format, safe, write_rows
from custledger.errors import BadInputError
from custledger.ledger import Ledger

__all__ = ["app"]

app = typer.Typer(
    help="Entries that customers dispute: record, decide, list.", no_args_is_help=True
)


@dataclass(frozen=True)
class ContestRow:
    """A contest as it is listed."""

    entry: str
    name: str
    disputes: str
    received_on: date
    due_on: date
    state: str
    overdue: bool
    words: str


_CONTESTS: Final = (
    Column("Contest", lambda row: row.entry),
    Column("Disputes", lambda row: row.disputes),
    Column("Due", lambda row: row.due_on.isoformat()),
    Column("State", lambda row: f"{row.state}, overdue" if row.overdue else row.state),
    Column("In the customer's words", lambda row: row.words, wrap=True),
)


@command(
    app,
    "add",
    'custledger contest add "Ann Miller#7" --words "I was not in your shop that day"',
)
def add(
    session: Session,
    entry: EntryArgument,
    words: Annotated[
        str, option("--words", metavar="TEXT", text="What the customer says, word for word.")
    ],
    received: ReceivedAt = None,
) -> None:
    """Record that a customer disputes an entry; it is marked as disputed until you decide."""
    with session.open() as ledger:
        ref = entry_of(ledger, entry)
        step = ledger.contests.add(ref, words=words, received_at=moment(received, ledger))
    refused(step.refusals)
    if step.contest is not None:
        who = entry.rpartition("#")[0] or entry.rpartition("/")[0]
        due = day_in_words(step.contest.due_on)
        typer.echo(safe(f"Recorded as {who}#{step.contest.id.seq}. Decide by {due}."))


@command(
    app,
    "decide",
    'custledger contest decide "Ann Miller#9" --rectified --reasons "the tape shows it"',
    'custledger contest decide "Ann Miller#9" --refused --reasons "two witnesses saw it"',
)
def decide(
    session: Session,
    entry: Annotated[
        str,
        typer.Argument(
            metavar="CONTEST", help="As CUSTOMER#NUMBER: 'Ann Miller#9'.", show_default=False
        ),
    ],
    reasons: Annotated[str, option("--reasons", metavar="TEXT", text="As you told the customer.")],
    rectified: Annotated[
        bool | None,
        typer.Option(
            "--rectified/--refused",
            help="Whether the customer was right. Correct or void the entry first.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        option(
            "--by",
            metavar="ENTRY",
            text="The entry that put it right. Default: the newest correction.",
        ),
    ] = None,
    at: ToldAt = None,
) -> None:
    """Record what a person decided on what a customer disputes, with reasons."""
    if rectified is None:
        raise BadInputError("Say --rectified or --refused; nothing was written.")
    if by is not None and not rectified:
        raise BadInputError("--by names what put it right: it goes with --rectified.")
    with session.open() as ledger:
        ref, when = entry_of(ledger, entry), moment(at, ledger)
        if rectified:
            correction = None if by is None else entry_of(ledger, by)
            step = ledger.contests.rectify(ref, reasons=reasons, correction=correction, at=when)
        else:
            step = ledger.contests.refuse(ref, reasons=reasons, at=when)
    refused(step.refusals)
    if step.contest is not None and step.contest.correction is not None:
        typer.echo(safe(f"Rectified by #{step.contest.correction.seq}: {entry}."))
    else:
        typer.echo(safe(f"It stays as it is: {entry}."))


@command(app, "list", "custledger contest list", "custledger contest list --all")
def list_contests(
    session: Session,
    as_of: AsOf = None,
    everything: AllOption = False,
    form: FormatOption = Format.TEXT,
) -> None:
    """List the entries that customers dispute and nobody decided on, the earliest due first."""
    with session.open() as ledger:
        on = day(as_of) or ledger.today()
        found = ledger.contests.all() if everything else ledger.contests.open(on)
        rows = [_contest_row(ledger, c, on) for c in found]
    if not rows and form is Format.TEXT:
        typer.echo("Nothing was disputed." if everything else "Nothing waits for a decision.")
        return
    write_rows(rows, _CONTESTS, sys.stdout, form=form, kind=ContestRow)


def _contest_row(ledger: Ledger, c: Contest, on: date) -> ContestRow:
    name = name_of(ledger, c)
    late = c.state is ContestState.OPEN and c.overdue(on)
    return ContestRow(
        entry=f"{name}#{c.id.seq}",
        name=name,
        disputes=f"#{c.entry.seq}",
        received_on=c.received_on,
        due_on=c.due_on,
        state=c.state.value,
        overdue=late,
        words=c.words,
    )
