"""The commands of what complaints are dealt with by: plan, calendar, regimes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from custledger.cli.options import FormatOption, day_option, option
from custledger.cli.session import Session, command, day, tell
from custledger.core.calendar.opening_hours import WEEKDAYS, Holidays, OpeningHours
from custledger.core.calendar.time_limits import TimeLimit
from custledger.core.complaints.plan import Step
from custledger.core.complaints.regimes import Regime
from custledger.edges.complaint_files import plan_as_toml, read_plan, read_regime
from custledger.edges.holidays import national_holidays
from custledger.edges.tables import Column, Format, safe, write_json, write_rows
from custledger.edges.wording import words
from custledger.errors import BadInputError
from custledger.storage.complaints.policies import CalendarVersion

__all__ = ["calendar", "plan", "regimes"]

plan = typer.Typer(help="The plans for complaints: show, set, steps.", no_args_is_help=True)
calendar = typer.Typer(
    help="Opening hours and holidays, by which the clock runs: show, set.", no_args_is_help=True
)
regimes = typer.Typer(
    help="The firm's promise, and the laws a complaint may fall under: list, add.",
    no_args_is_help=True,
)
_SPAN: Final = re.compile(r"(\d{1,2}:\d{2})-(\d{1,2}:\d{2})")
_YEARS: Final = re.compile(r"(\d{4})(?:-(\d{4}))?")
_AHEAD: Final = 3
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="TOML.", show_default=False)]
WhyOption = Annotated[str, option("--reason", metavar="TEXT", text="Why it changes.")]
FromOption = Annotated[
    datetime | None,
    day_option("--effective-on", "The day from which it holds. Default: today."),
]


@command(plan, "show", "custledger complaint plan show", "custledger complaint plan show Complaint")
def show_plan(
    session: Session,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Default: list the plans.", show_default=False),
    ] = None,
    version: Annotated[
        int | None, option("--version", metavar="N", text="Default: the newest.")
    ] = None,
) -> None:
    """List the plans, or print one as a file that `plan set` takes."""
    with session.open() as ledger:
        if name is not None:
            typer.echo(safe(plan_as_toml(ledger.complaint_plans.get(name, version))), nl=False)
            return
        for one in ledger.complaint_plans.all():
            kind = ", for public complaints" if one.public else ""
            typer.echo(safe(f"{one.name}: version {one.version}, {len(one.steps)} steps{kind}"))


@command(plan, "steps", "custledger complaint plan steps Complaint")
def steps(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the plan.", show_default=False)],
    version: Annotated[
        int | None, option("--version", metavar="N", text="Default: the newest.")
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Show the steps of a plan, with guidance."""
    with session.open() as ledger:
        rows = ledger.complaint_plans.get(name, version).steps
    write_rows(rows, _STEP_COLUMNS, sys.stdout, form=form, kind=Step)


def _by(step: Step) -> str | None:
    if isinstance(step.due, TimeLimit):
        after = " after the end" if step.after_resolution else ""
        return f"{step.due}{after}"
    return None if step.due is None else words(step.due)


def _what(step: Step) -> str:
    when = f" ({step.when})" if step.when else ""
    return f"{step.title}{when}. {step.guidance}".rstrip()


_STEP_COLUMNS: Final = (
    Column("Step", lambda row: row.id),
    Column("By", _by),
    Column("Owner", lambda row: row.owner, spare=True),
    Column("What to do", _what, wrap=True, least=30),
)


@command(plan, "set", 'custledger complaint plan set plan.toml --reason "we call back first"')
def set_plan(session: Session, file: FileArgument, reason: WhyOption = "") -> None:
    """Add a version of a plan from a file; complaints that are open keep theirs."""
    found = read_plan(file)
    with session.open() as ledger:
        added = ledger.complaint_plans.set(
            found.name, found.steps, public=found.public, reason=reason
        )
    typer.echo(safe(f"{added.name}: version {added.version}, {len(added.steps)} steps."))


@command(calendar, "show", "custledger complaint calendar show")
def show_calendar(session: Session, form: FormatOption = Format.TEXT) -> None:
    """Show the opening hours and holidays that hold today."""
    with session.open() as ledger:
        found = ledger.calendars.current()
        today = ledger.today()
    if form is not Format.TEXT:
        if form is Format.CSV:
            raise BadInputError("A calendar is shown as text or json.")
        write_json(found, sys.stdout)
        return
    for line in _calendar_lines(found, today):
        typer.echo(safe(line))


def _calendar_lines(found: CalendarVersion, today: date) -> Iterator[str]:
    since = f", from {found.effective_on.isoformat()}" if found.effective_on else ""
    yield f"Calendar: version {found.version}{since}. Times of {found.zone}."
    for name, spans in zip(WEEKDAYS, found.hours.week, strict=True):
        yield f"  {name}  {', '.join(map(str, spans)) or 'closed'}"
    days = found.holidays
    if days.first_year is None and not days.days:
        yield "Holidays: none are loaded. Load them: calendar set --country CODE."
    else:
        first, last = days.first_year, days.last_year
        years = str(first) if first == last else f"{first or ''} to {last or ''}"
        yield f"Holidays: {len(days.days)} days, {years} ({days.source or 'no source named'})."
    ahead = sorted(day for day in (*days.days, *found.closed) if day >= today)
    if ahead:
        yield f"Closed next: {', '.join(day.isoformat() for day in ahead[:5])}."


@command(
    calendar,
    "set",
    'custledger complaint calendar set --hours "mon-fri 09:00-12:30 14:00-18:00" '
    '--hours "sat 10:00-13:00"',
    "custledger complaint calendar set --country GB --subdivision ENG --years 2026-2028",
    "custledger complaint calendar set --closed 2026-12-24 --closed 2026-12-31",
)
def set_calendar(
    session: Session,
    hours: Annotated[
        list[str] | None,
        option(
            "--hours",
            metavar="HOURS",
            text="As 'mon-fri 09:00-17:00'; repeat it for other days. Days not named are closed.",
        ),
    ] = None,
    country: Annotated[
        str | None, option("--country", metavar="CODE", text="Load its public holidays, as FR.")
    ] = None,
    subdivision: Annotated[
        str | None, option("--subdivision", metavar="CODE", text="Part of the country, as BY.")
    ] = None,
    years: Annotated[
        str | None,
        option("--years", metavar="YEARS", text="As 2026-2028. Default: this year and two more."),
    ] = None,
    closed: Annotated[
        list[datetime] | None,
        day_option("--closed", "A closed day of the firm's own; name all of them each time."),
    ] = None,
    effective_on: FromOption = None,
    reason: WhyOption = "",
) -> None:
    """Set opening hours, holidays or closed days; what is not named stays.

    Holidays come from a library (pip install 'custledger[calendar]') and are kept in the ledger, so
    that a deadline can be calculated again years later.
    """
    if country is None and (subdivision or years):
        raise BadInputError("--subdivision and --years go with --country.")
    with session.open() as ledger:
        found = ledger.calendars.set(
            _hours(hours) if hours else None,
            holidays=_holidays(country, subdivision, years, ledger.today()),
            closed=[one.date() for one in closed] if closed else None,
            effective_on=day(effective_on),
            reason=reason,
        )
        today = ledger.today()
    for line in _calendar_lines(found, today):
        typer.echo(safe(line))


def _holidays(
    country: str | None, subdivision: str | None, years: str | None, today: date
) -> Holidays | None:
    if country is None:
        return None
    wanted = range(today.year, today.year + _AHEAD)
    if years is not None:
        found = _YEARS.fullmatch(years.strip())
        if found is None:
            raise BadInputError(f"{years!r} are no years. Write them like 2026 or 2026-2028.")
        first, last = found[1], found[2] or found[1]
        wanted = range(int(first), int(last) + 1)
    return national_holidays(country, wanted, subdivision=subdivision)


def _hours(texts: list[str]) -> OpeningHours:
    table: dict[str, list[tuple[str, str]]] = {}
    for text in texts:
        days, *spans = text.split()
        found = [_SPAN.fullmatch(span) for span in spans]
        if not found or not all(found):
            raise BadInputError(
                f"{text!r} are no opening hours. Write them like 'mon-fri 09:00-12:30 14:00-18:00'."
            )
        for name in _days(days, text):
            table.setdefault(name, []).extend(
                (_padded(one[1]), _padded(one[2])) for one in found if one
            )
    return OpeningHours.of(table)


def _padded(time: str) -> str:
    return time.rjust(5, "0")


def _days(named: str, text: str) -> Iterator[str]:
    for part in named.lower().split(","):
        first, _, last = part.partition("-")
        ends = [name[:3] for name in (first, last or first)]
        if any(name not in WEEKDAYS for name in ends):
            raise BadInputError(
                f"{text!r}: days are {', '.join(WEEKDAYS)}, as 'mon-fri' or 'mon,wed'."
            )
        start, stop = map(WEEKDAYS.index, ends)
        yield from (
            WEEKDAYS[start : stop + 1]
            if start <= stop
            else (*WEEKDAYS[start:], *WEEKDAYS[: stop + 1])
        )


@dataclass(frozen=True)
class RegimeLine:
    """A regime as it is shown."""

    id: str
    version: int
    name: str
    acknowledgement: str
    first_response: str
    resolution: str
    extended: str
    read_on: date | None
    source: str


@command(regimes, "list", "custledger complaint regimes list")
def list_regimes(session: Session, form: FormatOption = Format.TEXT) -> None:
    """List the regimes that hold today, and on which day each law's text was read.

    Without a day, nobody compared the numbers with the text.
    """
    with session.open() as ledger:
        rows = [_regime_line(one) for one in ledger.regimes.all()]
    write_rows(rows, _REGIME_COLUMNS, sys.stdout, form=form, kind=RegimeLine)
    if form is Format.TEXT:
        tell("Laws change: read the source before you rely on it (--format json shows it).")


def _regime_line(one: Regime) -> RegimeLine:
    return RegimeLine(
        id=one.id,
        version=one.version,
        name=one.name,
        acknowledgement=_limit(one.acknowledgement),
        first_response=_limit(one.first_response),
        resolution=_limit(one.resolution),
        extended=_limit(one.extended),
        read_on=one.read_on,
        source=one.source,
    )


def _limit(limit: TimeLimit | None) -> str:
    return "" if limit is None else str(limit)


def _limits(row: RegimeLine) -> str | None:
    parts = {
        "acknowledge": row.acknowledgement,
        "answer": row.first_response,
        "resolve": row.resolution,
        "extended": row.extended,
    }
    return "; ".join(f"{name}: {limit}" for name, limit in parts.items() if limit) or None


_REGIME_COLUMNS: Final = (
    Column("Id", lambda row: row.id),
    Column("Name", lambda row: row.name, wrap=True, least=20),
    Column("Time limits", _limits, wrap=True, least=20),
    Column("Read on", lambda row: row.read_on.isoformat() if row.read_on else None, spare=True),
)


@command(regimes, "add", "custledger complaint regimes add guild.toml --effective-on 2027-01-01")
def add_regime(
    session: Session, file: FileArgument, effective_on: FromOption = None, reason: WhyOption = ""
) -> None:
    """Add a regime from a file, or the next version of one, such as the firm's own promise."""
    found = read_regime(file)
    with session.open() as ledger:
        added = ledger.regimes.set(found, effective_on=day(effective_on), reason=reason)
    typer.echo(safe(f"{added.id}: version {added.version}, {added.name}."))
