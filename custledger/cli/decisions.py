"""Commands about what comes of a decision: its letter, notice, appeal, review; and lists."""

from __future__ import annotations

import sys
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from custledger.cli.deciding import app, override_of
from custledger.cli.decision_shown import (
    DECISIONS,
    RATES,
    DecisionRow,
    RateRow,
    decision_lines,
    decision_rows,
    rate_rows,
    refused,
    report_lines,
    say_step,
)
from custledger.cli.entries import EntryArgument, Reason
from custledger.cli.options import AsOf, FormatOption, OptionalCustomer, day_option, option
from custledger.cli.session import Session, command, customer_of, day, entry_of, tell
from custledger.core.decisions.events import DecisionPolicy, Missing
from custledger.edges.letters import notice_letter
from custledger.edges.review_calendar import review_calendar
from custledger.edges.tables import Format, safe, write_json, write_rows
from custledger.edges.wording import count, day_in_words
from custledger.errors import BadInputError
from custledger.storage.files import replace_file

__all__ = ["app"]

DecisionArgument = Annotated[
    str,
    typer.Argument(
        metavar="DECISION",
        help="The entry that made it, as CUSTOMER#NUMBER: 'Ann Miller#7'.",
        show_default=False,
    ),
]
Route = Annotated[
    str, option("--appeal-route", metavar="TEXT", text="How and to whom the customer appeals.")
]
Told = Annotated[
    str | None,
    option("--reasons", metavar="TEXT", text="As the customer is told. Default: the decision's."),
]
Why = Annotated[str, option("--reasons", metavar="TEXT", text="Why, in words.")]


@command(
    app,
    "letter",
    "custledger decision letter 'Ann Miller#8' --appeal-route \"Write to Rita Bell, Lille.\"",
)
def letter(
    session: Session,
    decision: DecisionArgument,
    appeal_route: Route,
    reasons: Told = None,
    signed: Annotated[
        str, option("--signed", metavar="NAME", text="Who signs. Default: who decided.")
    ] = "",
    page: Annotated[
        Path | None, option("--html", metavar="FILE", text="Write it as a page to this file.")
    ] = None,
) -> None:
    """Print the letter that gives notice of a decision; record it with `decision notice`."""
    with session.open() as ledger:
        found = notice_letter(
            ledger,
            entry_of(ledger, decision),
            appeal_route=appeal_route,
            reasons=reasons,
            signed=signed,
        )
    if page is None:
        typer.echo(safe(found.text), nl=False)
        return
    replace_file(page, found.html.encode())
    typer.echo(safe(f"Wrote the letter to {page}."))


@command(
    app,
    "notice",
    "custledger decision notice 'Ann Miller#8' --how letter "
    '--appeal-route "Write to Rita Bell, 1 High Street."',
)
def notice(
    session: Session,
    decision: DecisionArgument,
    how: Annotated[str, option("--how", metavar="TEXT", text="A letter, a mail, a call.")],
    appeal_route: Route,
    reasons: Told = None,
    review_on: Annotated[
        datetime | None, day_option("--review-on", "As told. Default: the decision's.")
    ] = None,
) -> None:
    """Record that the customer was told of a decision, with reasons, review and appeal route."""
    with session.open() as ledger:
        step = ledger.decisions.notice(
            entry_of(ledger, decision),
            how=how,
            appeal_route=appeal_route,
            reasons=reasons,
            review_on=day(review_on),
        )
        say_step(ledger, step, "Notice recorded")


@command(app, "appeal", "custledger decision appeal 'Ann Miller#8' --words \"It was not me.\"")
def appeal(
    session: Session,
    decision: DecisionArgument,
    customer_words: Annotated[
        str, option("--words", metavar="TEXT", text="The customer's own words.")
    ],
    received_on: Annotated[
        datetime | None, day_option("--received-on", "When it came in. Default: today.")
    ] = None,
) -> None:
    """Record a customer's appeal against a decision."""
    with session.open() as ledger:
        step = ledger.decisions.appeal(
            entry_of(ledger, decision), words=customer_words, received_on=day(received_on)
        )
        say_step(ledger, step, "Appeal recorded")
    typer.echo("Another registered person decides it: custledger decision decide-appeal ...")


@command(
    app,
    "decide-appeal",
    "custledger decision decide-appeal 'Ann Miller#8' --overturn "
    '--reasons "The voice on the tape is another one."',
)
def decide_appeal(
    session: Session,
    decision: DecisionArgument,
    overturn: Annotated[
        bool, typer.Option("--overturn/--uphold", help="For the customer, or for the decision.")
    ],
    reasons: Why,
    outsider: Annotated[
        str,
        option("--outsider", metavar="NAME", text="Who decided, where nobody else is registered."),
    ] = "",
    without_reasons: Annotated[
        str,
        option("--without-reasons", metavar="TEXT", text="Why an owner goes on without another."),
    ] = "",
) -> None:
    """Decide an appeal, as another person than who made or extended the decision."""
    override = override_of([Missing.OTHER_PERSON] if without_reasons else None, without_reasons)
    with session.open() as ledger:
        step = ledger.decisions.decide_appeal(
            entry_of(ledger, decision),
            overturned=overturn,
            reasons=reasons,
            outsider=outsider,
            override=override,
        )
        say_step(ledger, step, "Appeal decided")


@command(
    app,
    "extend",
    "custledger decision extend 'Ann Miller#8' --review-on 2026-12-01 --reasons \"Rude in May.\"",
)
def extend(
    session: Session,
    decision: DecisionArgument,
    review_on: Annotated[datetime, day_option("--review-on", "The new review date.")],
    reasons: Why,
) -> None:
    """Review a decision and let it hold until another date."""
    with session.open() as ledger:
        found = entry_of(ledger, decision)
        step = ledger.decisions.extend(found, review_on=review_on.date(), reasons=reasons)
        say_step(ledger, step, "Extended")


@command(app, "end", "custledger decision end 'Ann Miller#8' --reasons \"Friendly since June.\"")
def end(session: Session, decision: DecisionArgument, reasons: Why) -> None:
    """Review a decision and end it today; also for unblocking."""
    with session.open() as ledger:
        step = ledger.decisions.end(entry_of(ledger, decision), reasons=reasons)
        say_step(ledger, step, "Ended")


@command(app, "void", "custledger decision void 'Ann Miller#8' --reason \"meant Ben Moss\"")
def void(session: Session, entry: EntryArgument, reason: Reason) -> None:
    """Take back a step that was entered by mistake, a decision with all that came of it."""
    with session.open() as ledger:
        gone = ledger.decisions.void(entry_of(ledger, entry), reason=reason)
        refused(gone.refusals)
        typer.echo(f"Taken back: {count(len(gone.entries), 'entry', 'entries')}.")
        for fallen in gone.fallen:
            [row] = decision_rows(ledger, [fallen], ledger.today())
            typer.echo(safe(f"The {row.kind} {row.decision} rested on it, and no longer holds."))


@command(
    app,
    "list",
    "custledger decision list",
    'custledger decision list "Ann Miller" --as-of 2026-06-30',
    "custledger decision list --all --format csv",
)
def list_(
    session: Session,
    customer: OptionalCustomer = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that lapsed or ended, too.")
    ] = False,
    due: Annotated[bool, typer.Option("--due", help="Only those whose review is near.")] = False,
    as_of: AsOf = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """List the decisions that hold, or wait for their notice or first day."""
    with session.open() as ledger:
        on = day(as_of) or ledger.today()
        if customer is not None:
            state = ledger.decisions.of(customer_of(ledger, customer), as_of=on)
            found = list(state.decisions if everything else state.still_open)
        else:
            found = ledger.decisions.all(as_of=on)
            if not everything:
                found = [d for d in found if d.is_open(on)]
        if due:
            near = {d.made.ref for d in ledger.decisions.reviews_due(as_of=on)}
            found = [d for d in found if d.made.ref in near]
        rows = decision_rows(ledger, found, on)
    if not rows and form is Format.TEXT:
        typer.echo("No decision." if everything or due else "No decision is open.")
        return
    write_rows(rows, DECISIONS, sys.stdout, form=form, kind=DecisionRow)


@command(app, "show", "custledger decision show 'Ann Miller#8'")
def show(session: Session, decision: DecisionArgument, as_of: AsOf = None) -> None:
    """Show one decision with all that came of it, for staff."""
    with session.open() as ledger:
        on = day(as_of) or ledger.today()
        found = ledger.decisions.get(entry_of(ledger, decision), as_of=on)
        for line in decision_lines(ledger, found, on):
            typer.echo(safe(line))


@command(app, "calendar", "custledger decision calendar reviews.ics")
def calendar(
    session: Session,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write it.", show_default=False)
    ],
) -> None:
    """Write the review dates to come as a file for calendar programs (iCalendar)."""
    with session.open() as ledger:
        text = review_calendar(ledger)
    replace_file(file, text)
    typer.echo(safe(f"Wrote {count(text.count(b'BEGIN:VEVENT'), 'review')} to {file}."))


@command(
    app, "report", "custledger decision report", "custledger decision report --as-of 2026-06-30"
)
def report(session: Session, as_of: AsOf = None, form: FormatOption = Format.TEXT) -> None:
    """Count what our own decisions got wrong: overturned, overridden, never looked at."""
    with session.open() as ledger:
        found = ledger.decisions.error_report(as_of=day(as_of))
        rows = rate_rows(ledger, found)
    if form is Format.JSON:
        write_json(found, sys.stdout)
        return
    write_rows(rows, RATES, sys.stdout, form=form, kind=RateRow)
    if form is Format.TEXT:
        tell(" ".join(report_lines(found)))


_PERIODS: Final = tuple(f.name for f in fields(DecisionPolicy) if f.name != "version")


@command(
    app,
    "policy",
    "custledger decision policy",
    'custledger decision policy --set appeal_days=30 --reason "A month is fairer."',
)
def policy(
    session: Session,
    changes: Annotated[
        list[str] | None,
        option("--set", metavar="NAME=DAYS", text="Change a period in a new version; repeat."),
    ] = None,
    effective_on: Annotated[
        datetime | None, day_option("--effective-on", "When it begins. Default: today.")
    ] = None,
    reason: Annotated[
        str, option("--reason", metavar="TEXT", text="Why; it stays in the history.")
    ] = "",
) -> None:
    """Show the periods of decisions, in days, or change them for decisions to come."""
    with session.open() as ledger:
        if changes:
            found = ledger.decisions.set_policy(
                reason=reason, effective_on=day(effective_on), **dict(map(_change, changes))
            )
        else:
            found = ledger.decisions.policy(on=day(effective_on))
    begins = f", from {day_in_words(effective_on.date())} on" if changes and effective_on else ""
    typer.echo(f"Version {found.version}{begins}:")
    for name in _PERIODS:
        typer.echo(f"  {name:16} {getattr(found, name):4}")


def _change(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not number.strip().isdecimal():
        raise BadInputError(f"{text!r} changes no period. Write it like appeal_days=30.")
    return name.strip(), int(number)
