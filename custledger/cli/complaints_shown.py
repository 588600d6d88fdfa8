"""How complaints are printed: what came of a step, one complaint, and lists of them."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from custledger.cli.session import say
from custledger.core.complaints.events import Opened, body_of
from custledger.core.complaints.records import (
    ComplaintChange,
    ComplaintDeadline,
    ComplaintEntry,
    ComplaintRecord,
)
from custledger.core.complaints.state import Phase
from custledger.core.records import EntryRef
from custledger.edges.tables import Column, safe, write_rows
from custledger.edges.wording import words
from custledger.edges.wording_complaints import complaint_words
from custledger.errors import NotFoundError
from custledger.ledger import Ledger

__all__ = [
    "ComplaintLine",
    "DeadlineLine",
    "Told",
    "answer",
    "deadline_lines",
    "lasted",
    "line_of",
    "list_columns",
    "tell_complaint",
    "tell_next",
]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SHORT: Final = 120


class Told:
    """Names and moments as the ledger's people read them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._zone = ZoneInfo(ledger.zone)
        self._staff = {one.id: one.name for one in ledger.staff.all()}
        self._names: dict[UUID, str] = {}

    def moment(self, moment: datetime | None) -> str:
        """A moment in the ledger's zone, to the minute."""
        return "-" if moment is None else f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def staff(self, who: UUID | None) -> str:
        """The name of a member of staff."""
        return "-" if who is None else self._staff.get(who, str(who))

    def customer(self, who: UUID) -> str:
        """The name of a customer."""
        if who not in self._names:
            try:
                self._names[who] = self._ledger.customers.get(who).name
            except NotFoundError:
                self._names[who] = f"{who} (voided or erased)"
        return self._names[who]

    def entry(self, ref: EntryRef) -> str:
        """An entry as commands take it."""
        return f"{self.customer(ref.subject)}#{ref.seq}"

    def event(self, entry: ComplaintEntry) -> str:
        """What happened, in a line; what was said at first stands above."""
        said = complaint_words(body_of(entry.event))
        if isinstance(entry.event, Opened):
            return said.what
        owner = entry.escalated_to
        return str(said if owner is None else said._replace(what=f"taken to {self.staff(owner)}"))


def lasted(span: timedelta) -> str:
    """A stretch of real time in its two largest units.

    >>> lasted(timedelta(days=3, hours=4, minutes=59)), lasted(timedelta(minutes=5))
    ('3 d 4 h', '5 min')
    """
    seconds = int(span.total_seconds())
    days, rest = divmod(seconds, _DAY)
    hours, rest = divmod(rest, _HOUR)
    if days:
        return f"{days} d {hours} h"
    minutes = rest // _MINUTE
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def answer(ledger: Ledger, change: ComplaintChange, *, taken_back: bool = False) -> None:
    """Say what was recorded, or taken back, and what is next, or why nothing was (exit code 1)."""
    told = Told(ledger)
    if not change.done:
        for refusal in change.refusals:
            typer.echo(safe(refusal.text))
        typer.echo("Nothing was recorded.")
        raise typer.Exit(1)
    found = change.complaint
    what = "Taken back" if taken_back else "Recorded"
    written = "" if change.entry is None else f" as {told.entry(change.entry)}"
    typer.echo(safe(f"{what}{written}. Complaint {told.entry(found.id)} is {_stands(found)}."))
    for fault in change.faults:
        where = told.entry(fault.interaction)
        typer.echo(safe(f"Corrected: contact {where}, {_faults(fault.before, fault.after)}."))
    for remark in change.remarks:
        say(safe(remark))
    tell_next(ledger, found)


def _faults(before: str, after: str) -> str:
    return f"fault {words(before)} -> {words(after)}"


def _stands(complaint: ComplaintRecord) -> str:
    if complaint.phase is Phase.WAITING:
        return "waiting for the customer"
    outcome = complaint.outcome
    return "open" if outcome is None else f"resolved ({words(outcome)})"


def tell_next(ledger: Ledger, complaint: ComplaintRecord) -> None:
    """Say which step comes next, and by when."""
    steps = ledger.complaints.next_steps(complaint)
    if steps:
        step, due = steps[0]
        by = f", by {Told(ledger).moment(due)}" if due else ""
        typer.echo(safe(f"Next: {step.title}{by}. {step.guidance}".rstrip()))


@dataclass(frozen=True)
class ComplaintLine:
    """A complaint as lists show it."""

    complaint: str
    id: EntryRef
    received_at: datetime
    state: str
    outcome: str
    public: bool
    about: str


def line_of(told: Told, complaint: ComplaintRecord) -> ComplaintLine:
    """A complaint as lists show it; ``about`` is what either side said."""
    opened = complaint.opened
    seen = complaint.outcome
    return ComplaintLine(
        complaint=told.entry(complaint.id),
        id=complaint.id,
        received_at=opened.at,
        state=complaint.phase.value,
        outcome="" if seen is None else seen.value,
        public=complaint.state.exposure is not None,
        about=opened.customer_words or opened.staff_account,
    )


@dataclass(frozen=True)
class DeadlineLine:
    """A deadline as it is shown."""

    milestone: str
    due: datetime | None
    met_at: datetime | None
    regime: str
    state: str
    assumption: str


def deadline_lines(found: Iterable[ComplaintDeadline], now: datetime) -> list[DeadlineLine]:
    """Deadlines with a word on each."""
    return [
        DeadlineLine(
            one.milestone.value,
            one.due,
            one.met_at,
            one.regime.name,
            _kept(one, now),
            one.assumption,
        )
        for one in found
    ]


def _kept(one: ComplaintDeadline, now: datetime) -> str:
    if one.met_at is not None:
        return "late" if one.was_met_late else "in time"
    if one.due is None:
        return "the clock stands still"
    return "overdue" if one.is_overdue(now) else "ahead"


def tell_complaint(ledger: Ledger, complaint: ComplaintRecord) -> None:
    """One complaint with both sides of the story, its deadlines, and what happened."""
    told = Told(ledger)
    state, opened = complaint.state, complaint.opened
    typer.echo(safe(f"Complaint {told.entry(complaint.id)}: {_stands(complaint)}."))
    plan = f"{complaint.plan.name}, version {complaint.plan.version}"
    laws = ", ".join(f"{r.id} (version {r.version})" for r in complaint.regimes)
    facts = {
        "Received": f"{told.moment(opened.at)}, by {words(opened.channel)}",
        "Contact": f"#{opened.interaction}" if opened.interaction else "",
        "Public": _public(state.exposure),
        "About": ", ".join(filter(None, (opened.product, opened.cause))),
        "Customer": f'"{opened.customer_words}"' if opened.customer_words else "",
        "Staff": opened.staff_account,
        "Plan": plan,
        "Regimes": laws,
        "Satisfied": {None: "", True: "yes", False: "no"}[state.satisfied],
    }
    for name, text in facts.items():
        if text:
            typer.echo(safe(f"  {name + ':':<11}{text}"))
    typer.echo()
    rows = deadline_lines(ledger.complaints.deadlines(complaint), ledger.context.now())
    write_rows(rows, _deadline_columns(told), sys.stdout, kind=DeadlineLine)
    typer.echo()
    write_rows(complaint.entries, _story_columns(told), sys.stdout, kind=ComplaintEntry)
    for said in (*complaint.warnings, *dict.fromkeys(r.assumption for r in rows if r.assumption)):
        say(safe(said))


def _public(exposure: Any) -> str:
    if exposure is None:
        return ""
    reach = "reach unknown" if exposure.reach is None else f"reach {exposure.reach:,}"
    return f"{exposure.platform}, {exposure.handle}, {reach}"


def _deadline_columns(told: Told) -> tuple[Column, ...]:
    return (
        Column("Deadline", lambda row: words(row.milestone)),
        Column("Due", lambda row: told.moment(row.due)),
        Column("Met", lambda row: told.moment(row.met_at)),
        Column("Kept", lambda row: row.state),
        Column("Regime", lambda row: row.regime, wrap=True),
    )


def _story_columns(told: Told) -> tuple[Column, ...]:
    return (
        Column("#", lambda row: str(row.ref.seq), justify="right"),
        Column("When", lambda row: told.moment(row.event.at)),
        Column("Who", lambda row: told.staff(row.event.by)),
        Column("What", told.event, wrap=True, least=30),
    )


def list_columns(told: Told) -> tuple[Column, ...]:
    """The columns of a list of complaints."""
    return (
        Column("Complaint", lambda row: row.complaint),
        Column("Received", lambda row: told.moment(row.received_at), spare=True),
        Column("State", lambda row: words(row.outcome or row.state)),
        Column("Public", lambda row: "yes" if row.public else None, spare=True),
        Column(
            "About", lambda row: textwrap.shorten(row.about, _SHORT, placeholder=" ..."), wrap=True
        ),
    )
