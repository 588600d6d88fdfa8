"""The commands of complaints: open, what happens then, and who is left waiting."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from custledger.cli import complaint_steps
from custledger.cli.complaint_policies import calendar, plan, regimes
from custledger.cli.complaint_steps import ByStaff, record_happening
from custledger.cli.complaints_shown import (
    ComplaintLine,
    Told,
    answer,
    lasted,
    line_of,
    list_columns,
    tell_complaint,
    tell_next,
)
from custledger.cli.entries import (
    At,
    Cause,
    EntryArgument,
    Minutes,
    Note,
    Product,
    Reason,
    Summary,
    Words,
    given,
)
from custledger.cli.options import AsOf, CustomerArgument, FormatOption, OptionalCustomer, option
from custledger.cli.session import (
    Session,
    command,
    customer_of,
    day,
    entry_of,
    minutes,
    moment,
    say,
)
from custledger.core.complaints.records import OverdueComplaint, Recovery
from custledger.core.records import Channel, EntryRef
from custledger.edges.tables import Column, Format, safe, write_json, write_rows
from custledger.edges.wording import words
from custledger.errors import BadInputError
from custledger.ledger import Ledger

__all__ = ["app"]

app = typer.Typer(
    help="Open a complaint, record what is done, see who is left waiting.", no_args_is_help=True
)
app.add_typer(complaint_steps.app)
app.add_typer(plan, name="plan")
app.add_typer(calendar, name="calendar")
app.add_typer(regimes, name="regimes")


@command(
    app,
    "open",
    'custledger complaint open "Ann Miller" --channel phone --customer-words "The soup was cold."',
    'custledger complaint open "Ann Miller" --interaction "Ann Miller#7" --regime uk_fca',
    'custledger complaint open "Ann Miller" --platform mastodon --handle @ann --reach 1200 '
    '--customer-words "Never again!"',
)
def open_complaint(
    session: Session,
    customer: CustomerArgument,
    channel: Annotated[
        Channel | None,
        option("--channel", metavar="WORD", text=f"One of: {', '.join(Channel)}."),
    ] = None,
    customer_words: Words = None,
    summary: Summary = None,
    product: Product = None,
    cause: Cause = None,
    regime: Annotated[
        list[str] | None,
        option("--regime", metavar="ID", text="A law it falls under; may be repeated."),
    ] = None,
    plan: Annotated[
        str | None, option("--plan", metavar="NAME", text="Default: the usual or the public plan.")
    ] = None,
    interaction: Annotated[
        str | None,
        option("--interaction", metavar="ENTRY", text="The contact by which it came, if recorded."),
    ] = None,
    platform: Annotated[
        str | None, option("--platform", metavar="NAME", text="Where others can read it.")
    ] = None,
    handle: Annotated[
        str | None, option("--handle", metavar="NAME", text="The customer's name there.")
    ] = None,
    reach: Annotated[
        int | None, option("--reach", metavar="N", text="How many people may read it.", min=0)
    ] = None,
    minutes_: Minutes = None,
    staff: Annotated[
        str | None, option("--staff", metavar="NAME", text="Who took it. Default: you.")
    ] = None,
    at: At = None,
    staff_note: Note = None,
) -> None:
    """Record that a complaint was received, and say what comes first.

    Without --interaction, the contact is recorded with it, so that the score sees it.
    """
    if customer_words is None and summary is None and interaction is None:
        raise BadInputError(
            "Say what it is about: --customer-words or --summary, or both; or name the contact "
            "that has them: --interaction."
        )
    with session.open() as ledger:
        facts = given(
            channel=channel,
            customer_words=customer_words,
            staff_account=summary,
            product=product,
            cause=cause,
            plan=plan,
            staff=staff,
            staff_note=staff_note,
            handling_time=minutes(minutes_),
            occurred_at=moment(at, ledger),
            interaction=None if interaction is None else entry_of(ledger, interaction),
            exposure=_exposure(platform, handle, reach),
        )
        found = customer_of(ledger, customer)
        complaint = ledger.complaints.open(found, regimes=regime or (), **facts)
        name = Told(ledger).entry(complaint.id)
        typer.echo(safe(f"Opened: complaint {name}, by the plan {complaint.plan.name!r}."))
        for warning in complaint.warnings:
            say(safe(warning))
        tell_next(ledger, complaint)


def _exposure(platform: str | None, handle: str | None, reach: int | None) -> Any:
    if platform is None and handle is None and reach is None:
        return None
    if platform is None or handle is None:
        raise BadInputError("A public complaint needs --platform and --handle.")
    return (platform, handle, reach)


@command(
    app,
    "recovered",
    "custledger complaint recovered",
    'custledger complaint recovered "Ann Miller#8" --shown-by "came to the party"',
)
def recovered(
    session: Session,
    entry: Annotated[
        str | None,
        typer.Argument(
            metavar="ENTRY",
            help="Record it of this complaint, as 'Ann Miller#8'.",
            show_default=False,
        ),
    ] = None,
    shown_by: Annotated[
        str | None, option("--shown-by", metavar="TEXT", text="What shows that they came back.")
    ] = None,
    at: At = None,
    staff: ByStaff = None,
    staff_note: Note = None,
    as_of: AsOf = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """List the customers who came back after a complaint, or record that one did.

    Sales and invoices after the resolution are found without being told.
    """
    if entry is not None:
        facts = {"shown_by": shown_by or ""}
        record_happening(session, entry, "recovered", facts, at, staff, staff_note)
        return
    if shown_by is not None:
        raise BadInputError("Say of which complaint, as 'Ann Miller#8', to record it.")
    with session.open() as ledger:
        rows = ledger.complaints.recoveries(day(as_of))
        told = Told(ledger)
        _write(rows, _recovery_columns(told), form, Recovery, "Nobody has come back yet.")


def _recovery_columns(told: Told) -> tuple[Column, ...]:
    return (
        Column("Complaint", lambda row: told.entry(row.complaint)),
        Column("Resolved", lambda row: told.moment(row.resolved_at)),
        Column("Outcome", lambda row: words(row.outcome), spare=True),
        Column("Purchases", lambda row: str(row.purchases), justify="right"),
        Column("First", lambda row: told.moment(row.first_at)),
        Column("Recorded", lambda row: row.shown_by or None, wrap=True),
    )


@command(app, "void", 'custledger complaint void "Ann Miller#9" --reason "another customer\'s"')
def void(session: Session, entry: EntryArgument, reason: Reason) -> None:
    """Take back an event that was entered by mistake, or, by its first entry, a whole complaint.

    Refused where a later event rests on it. The history keeps it, and why it was taken back.
    """
    with session.open() as ledger:
        ref = entry_of(ledger, entry)
        change = ledger.complaints.void(ref, reason=reason)
        if change.done and change.complaint.id == ref:
            typer.echo(safe(f"Taken back: complaint {entry}, with all its events."))
            for remark in change.remarks:
                say(safe(remark))
            _say_contact(ledger, change.complaint.interaction)
            return
        answer(ledger, change, taken_back=True)


def _say_contact(ledger: Ledger, contact: EntryRef | None) -> None:
    if contact is not None:
        name = Told(ledger).entry(contact)
        say(safe(f"The contact {name} stays. If it was a mistake too: custledger record void."))


@command(
    app,
    "show",
    'custledger complaint show "Ann Miller#8"',
    'custledger complaint show "Ann Miller#8" --format json',
)
def show(session: Session, entry: EntryArgument, form: FormatOption = Format.TEXT) -> None:
    """Show one complaint: both sides, its deadlines, and what happened."""
    if form is Format.CSV:
        raise BadInputError("One complaint is shown as text or json; list has csv.")
    with session.open() as ledger:
        complaint = ledger.complaints.get(entry_of(ledger, entry))
        if form is Format.JSON:
            deadlines = ledger.complaints.deadlines(complaint)
            write_json({"complaint": complaint, "deadlines": deadlines}, sys.stdout)
            return
        tell_complaint(ledger, complaint)


@command(
    app,
    "list",
    "custledger complaint list --open",
    'custledger complaint list "Ann Miller" --format json',
)
def list_complaints(
    session: Session,
    customer: OptionalCustomer = None,
    open_only: Annotated[
        bool, typer.Option("--open", help="Only those that are not resolved.")
    ] = False,
    form: FormatOption = Format.TEXT,
) -> None:
    """List complaints, in the order in which they were recorded."""
    with session.open() as ledger:
        told = Told(ledger)
        if customer is None:
            found = ledger.complaints.all(open_only=open_only)
        else:
            found = ledger.complaints.of(customer_of(ledger, customer))
        rows = [line_of(told, one) for one in found if not open_only or one.outcome is None]
        _write(rows, list_columns(told), form, ComplaintLine, "There is no complaint.")


@dataclass(frozen=True)
class OverdueLine:
    """A deadline that passed, as lists show it."""

    complaint: str
    id: EntryRef
    waiting: float
    milestone: str
    regime: str
    due: datetime
    late: float
    late_working: float


@command(
    app, "overdue", "custledger complaint overdue", "custledger complaint overdue --format json"
)
def overdue(session: Session, as_of: AsOf = None, form: FormatOption = Format.TEXT) -> None:
    """List who has been left waiting: the longest first, with each deadline that passed.

    Waiting is real time from the receipt, without the times in which we waited for the customer.
    Programs get times in seconds.
    """
    with session.open() as ledger:
        told = Told(ledger)
        found = ledger.complaints.overdue(day(as_of))
        rows = [line for one in found for line in _overdue_lines(told, one)]
        nobody = "Nobody has been left waiting past a deadline."
        _write(rows, _overdue_columns(told), form, OverdueLine, nobody)
        notes = (note for one in found for note in (*one.complaint.warnings, *one.assumptions))
        for note in dict.fromkeys(notes):
            say(safe(note))


def _overdue_lines(told: Told, found: OverdueComplaint) -> list[OverdueLine]:
    lines = []
    for one in found.overdue:
        assert one.deadline.due is not None
        lines.append(
            OverdueLine(
                complaint=told.entry(found.complaint.id),
                id=found.complaint.id,
                waiting=found.waiting.total_seconds(),
                milestone=one.deadline.milestone.value,
                regime=one.deadline.regime.name,
                due=one.deadline.due,
                late=one.late.total_seconds(),
                late_working=one.late_working.total_seconds(),
            )
        )
    return lines


def _overdue_columns(told: Told) -> tuple[Column, ...]:
    return (
        Column("Complaint", lambda row: row.complaint),
        Column("Waiting", lambda row: _span(row.waiting), justify="right"),
        Column("Overdue", lambda row: words(row.milestone)),
        Column("Due", lambda row: told.moment(row.due)),
        Column("In open hours", lambda row: _span(row.late_working), justify="right", spare=True),
        Column("Regime", lambda row: row.regime, wrap=True),
    )


def _span(seconds: float) -> str:
    return lasted(timedelta(seconds=seconds))


@dataclass(frozen=True)
class StepLine:
    """A step that is left, as it is shown."""

    step: str
    title: str
    owner: str
    due: datetime | None
    when: str
    guidance: str


@command(app, "next", 'custledger complaint next "Ann Miller#8"')
def next_(session: Session, entry: EntryArgument, form: FormatOption = Format.TEXT) -> None:
    """List the steps that are left, in order, with guidance and by when."""
    with session.open() as ledger:
        ref = entry_of(ledger, entry)
        rows = [
            StepLine(s.id, s.title, s.owner.value, due, s.when, s.guidance)
            for s, due in ledger.complaints.next_steps(ref)
        ]
        _write(rows, _step_columns(Told(ledger)), form, StepLine, "No step is left.")


def _step_columns(told: Told) -> tuple[Column, ...]:
    return (
        Column("Step", lambda row: row.step),
        Column("By", lambda row: told.moment(row.due)),
        Column("Owner", lambda row: row.owner, spare=True),
        Column("What to do", _what_to_do, wrap=True, least=30),
    )


def _what_to_do(row: StepLine) -> str:
    when = f" ({row.when})" if row.when else ""
    return f"{row.title}{when}. {row.guidance}".rstrip()


def _write(
    rows: Sequence[Any], columns: Sequence[Column], form: Format, kind: type, nothing: str
) -> None:
    if rows or form is not Format.TEXT:
        write_rows(rows, columns, sys.stdout, form=form, kind=kind)
    else:
        typer.echo(nothing)
