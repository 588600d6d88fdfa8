"""Commands for a scheduler and for whoever looks in: due, flags."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from custledger.cli.options import AsOf, FormatOption, OptionalCustomer, option
from custledger.cli.session import Session, command, customer_of, day, say, tell
from custledger.core.due import DueItem
from custledger.core.polling import Due
from custledger.core.score.flagging import Flag, FlagChange, FlagEvent
from custledger.edges.tables import Column, Format, printing, safe, write_json, write_rows
from custledger.edges.wording import count, local_day, short_id, words
from custledger.errors import BadInputError
from custledger.ledger import Ledger
from custledger.storage.files import replace_file

__all__ = ["app"]

app = typer.Typer()

_EXPLAIN: Final = (
    "A flag decides nothing. For the reasons of one: custledger explain CUSTOMER. For what it does "
    "to staff: custledger brief."
)
_NONE: Final = (
    "No flag stands. The record of flags is brought up to date by `custledger due`, or now: "
    "custledger flags --update"
)


@command(
    app,
    "due",
    "custledger due",
    "custledger due --remember due.cursor",
    "custledger due --since CURSOR --format json",
)
def due(
    session: Session,
    since: Annotated[
        str | None,
        option("--since", metavar="CURSOR", text="Only what is new since a call gave this out."),
    ] = None,
    remember: Annotated[
        Path | None,
        option("--remember", metavar="FILE", text="Keep the cursor in this file, and begin at it."),
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """List what passed a line: deadlines, flags, reviews, debts.

    For a scheduler: with --remember, each item is told once, and again if the program is killed
    before it has printed all. Without a cursor, everything that stands now is told.
    """
    if since is not None and remember is not None:
        raise BadInputError("Give --since or --remember, not both: each says where to begin.")
    begin = _remembered(remember) if remember is not None else since
    with session.open() as ledger:
        found = ledger.due(since=begin)
        _print(ledger, found, form, begin)
    sys.stdout.flush()
    if remember is not None:
        replace_file(remember, f"{found.cursor}\n".encode())
    elif form is not Format.JSON:
        say(f"Next time only what is new: custledger due --since {found.cursor}")


def _remembered(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise BadInputError(
            f"{safe(str(file))} holds no cursor. Name another file, or remove it to be told "
            "everything that stands."
        ) from error


def _print(ledger: Ledger, found: Due, form: Format, begin: str | None) -> None:
    if form is Format.JSON:
        write_json(found, sys.stdout)
    elif form is Format.CSV:
        write_rows(found.items, [], sys.stdout, form=form, kind=DueItem)
    elif not found.items:
        typer.echo("Nothing is due." if begin is None else "Nothing new is due.")
    else:
        with printing(sys.stdout) as console:
            for item in found.items:
                on = local_day(item.passed_at, ledger.zone).isoformat()
                console.print(f"{on}  {safe(item.text)}")


@command(app, "flags", "custledger flags --update", 'custledger flags "Ann Miller"')
def flags(
    session: Session,
    customer: OptionalCustomer = None,
    as_of: AsOf = None,
    update: Annotated[
        bool, typer.Option("--update", help="Score everybody first, and record what changed.")
    ] = False,
    form: FormatOption = Format.TEXT,
) -> None:
    """List the flags that stand, or what became of one customer's.

    A flag is raised by the score and cleared when the lower bound falls below 40, so that a figure
    near the line does not raise and clear it from day to day.
    """
    with session.open() as ledger:
        changes = ledger.flags.update(day(as_of)) if update else []
        if customer is not None:
            events = ledger.flags.of(customer_of(ledger, customer))
            if form is Format.TEXT and not events:
                typer.echo("Never flagged.")
                return
            write_rows(events, _events(ledger), sys.stdout, form=form, kind=FlagEvent)
            return
        found = ledger.flags.standing(day(as_of))
        if form is not Format.TEXT:
            write_rows(found, [], sys.stdout, form=form, kind=Flag)
            return
        if update:
            typer.echo(_changed(changes))
        if not found:
            typer.echo("No flag stands." if update else _NONE)
            return
        write_rows(found, _flags(ledger), sys.stdout)
        tell(_EXPLAIN)


def _changed(changes: list[FlagEvent]) -> str:
    raised = sum(change.change is FlagChange.RAISED for change in changes)
    return f"{count(raised, 'flag')} raised, {len(changes) - raised} cleared."


def _flags(ledger: Ledger) -> tuple[Column, ...]:
    return (
        Column("Customer", lambda flag: ledger.customers.get(flag.customer_id).name, wrap=True),
        Column("Id", lambda flag: short_id(flag.customer_id), spare=True),
        Column("Since", lambda flag: _day(flag.raised[0], ledger)),
        Column("For", lambda flag: words(flag.kind)),
        Column("Score then", lambda flag: f"{flag.raised[-1].score:.1f}", justify="right"),
        Column("Low", lambda flag: f"{flag.raised[-1].score_low:.1f}", justify="right"),
    )


def _events(ledger: Ledger) -> tuple[Column, ...]:
    return (
        Column("Entry", lambda event: f"{short_id(event.id.subject)}#{event.id.seq}"),
        Column("Recorded", lambda event: _day(event, ledger)),
        Column("What", lambda event: event.change.value),
        Column("For", lambda event: words(event.kind)),
        Column("As of", lambda event: event.as_of.isoformat()),
        Column("Score", lambda event: f"{event.score:.1f}", justify="right"),
        Column("Low", lambda event: f"{event.score_low:.1f}", justify="right"),
        Column("Policy", lambda event: str(event.policy_version), justify="right"),
    )


def _day(event: FlagEvent, ledger: Ledger) -> str:
    return local_day(event.recorded_at, ledger.zone).isoformat()
