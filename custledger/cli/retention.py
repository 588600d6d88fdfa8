"""Commands about retention: set, show, run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from custledger.cli.options import AsOf, FormatOption, option
from custledger.cli.progress import progress_bar
from custledger.cli.session import Session, command, day, say, tell
from custledger.core.privacy.retention import KINDS, Kept, RetentionSchedule
from custledger.core.privacy.retention_plan import Going, RetentionPlan, RetentionRun, Staying
from custledger.edges.retention_file import TEMPLATE, read_schedule
from custledger.edges.tables import Column, Format, plain, safe, write_json, write_rows
from custledger.edges.without import ScoreChange, score_changes
from custledger.edges.wording import count, day_in_words

__all__ = ["app"]

app = typer.Typer(
    help="How long what is kept: set periods, see what would go, erase.",
    no_args_is_help=True,
)

_MOST: Final = 20


@dataclass(frozen=True)
class RuleRow:
    """One period as it is shown."""

    kind: str
    period: str
    ground: str


_RULES: Final = (
    Column("Kind", lambda row: row.kind),
    Column("Kept for", lambda row: row.period),
    Column("Ground", lambda row: row.ground, wrap=True),
)
_GOING: Final = (
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Kind", lambda row: row.kind),
    Column("Records", lambda row: f"{row.records:,}", justify="right"),
    Column("Entries", lambda row: f"{row.entries:,}", justify="right"),
    Column("Oldest", lambda row: row.oldest.isoformat()),
)
_STAYING: Final = (
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Kind", lambda row: row.kind),
    Column("Oldest", lambda row: row.oldest.isoformat()),
    Column("Why it stays", lambda row: row.text, wrap=True),
)
_SCORES: Final = (
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Score", lambda row: f"{row.score:.1f}", justify="right"),
    Column("After", lambda row: f"{row.after:.1f}", justify="right"),
    Column("Flag", lambda row: _flag(row)),
)


@command(
    app,
    "set",
    "custledger retention set periods.toml",
    'custledger retention set periods.toml --reason "new law on taxes"',
)
def set_schedule(
    session: Session,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A TOML file; `custledger retention show --template` prints one.",
            show_default=False,
        ),
    ],
    reason: Annotated[
        str, option("--reason", metavar="TEXT", text="Why; it stays in the history.")
    ] = "",
) -> None:
    """Set how long what is kept: a new version. By itself it erases nothing."""
    rules = read_schedule(file)
    with session.open() as ledger:
        schedule = ledger.retention.set(rules, reason=reason)
    typer.echo(
        f"Set: retention schedule, version {schedule.version}, with "
        f"{count(len(schedule.rules), 'period')}. See what would go: custledger retention run"
    )


@command(
    app,
    "show",
    "custledger retention show",
    "custledger retention show --template",
)
def show(
    session: Session,
    template: Annotated[
        bool, typer.Option("--template", help="Print a file to start from, instead.")
    ] = False,
    form: FormatOption = Format.TEXT,
) -> None:
    """Show how long what is kept, and what has no period."""
    if template:
        typer.echo(TEMPLATE, nl=False)
        return
    with session.open() as ledger:
        schedule = ledger.retention.schedule()
    rows = [RuleRow(rule.kind.value, str(rule), rule.ground) for rule in schedule.rules]
    if form is not Format.TEXT:
        write_rows(rows, _RULES, sys.stdout, form=form, kind=RuleRow)
        return
    if not rows:
        typer.echo("No periods are set: nothing is erased unless somebody asks for it.")
        say("A file to start from: custledger retention show --template > periods.toml")
        return
    write_rows(rows, _RULES, sys.stdout, form=form, kind=RuleRow)
    tell(f"Retention schedule: version {schedule.version}. {_without_end(schedule)}")


@command(
    app,
    "run",
    "custledger retention run",
    "custledger retention run --as-of 2027-01-01",
    "custledger retention run --yes",
)
def run(
    session: Session,
    as_of: AsOf = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase it. Without this, only say what would go.")
    ] = False,
    form: FormatOption = Format.TEXT,
) -> None:
    """Say what would go because its period is over, what stays and why; with --yes, erase it.

    What stands against erasing is looked at again for each customer just before. If it breaks off,
    what was erased stays erased: run it again.
    """
    with session.open() as ledger, progress_bar("Erasing") as progress:
        if not yes:
            plan = ledger.retention.due(day(as_of))
            changes = score_changes(ledger, plan)
            _show(plan, changes, form)
            return
        done = ledger.retention.apply(day(as_of), dry_run=False, progress=progress)
    if form is not Format.TEXT:
        write_json(done, sys.stdout)
    else:
        _tell(done)
    for line in done.left:
        say(safe(line))
    if not done.done:
        raise typer.Exit(1)


def _tell(done: RetentionRun) -> None:
    for refusal in done.refusals:
        typer.echo(safe(refusal.text))
    if done.refusals:
        say("Nothing was erased.")
        return
    files = f" and {count(done.files, 'file')} of evidence" if done.files else ""
    entries = count(done.entries, "entry", "entries")
    typer.echo(f"Erased {entries}{files} of {count(done.customers, 'customer')}.")
    if done.plan.staying:
        say(f"Kept although the period is over: {_records(len(done.plan.staying))}.")


def _show(plan: RetentionPlan, changes: Sequence[ScoreChange], form: Format) -> None:
    if form is Format.JSON:
        found = plain(plan)
        for row in (*found["going"], *found["staying"]):
            del row["group"]  # keys inside the database
        write_json({"plan": found, "scores": changes}, sys.stdout)
        return
    if form is Format.CSV:
        write_rows(plan.going, _GOING, sys.stdout, form=form, kind=Going)
        return
    if not plan.schedule.rules:
        typer.echo("No periods are set, so nothing goes.")
        say("A file to start from: custledger retention show --template > periods.toml")
        return
    _table("This would go", plan.going, _GOING, Going)
    _table("This stays although its period is over", plan.staying, _STAYING, Staying)
    _table("Scores that change by it", changes, _SCORES, ScoreChange)
    tell(_summary(plan))


def _table(title: str, rows: Sequence[object], columns: Sequence[Column], kind: type) -> None:
    if not rows:
        return
    typer.echo(f"\n{title}:")
    write_rows(rows[:_MOST], columns, sys.stdout, kind=kind)
    if len(rows) > _MOST:
        typer.echo(f"... and {len(rows) - _MOST:,} more; --format json lists all.")


def _summary(plan: RetentionPlan) -> str:
    on, version = day_in_words(plan.as_of), plan.schedule.version
    if not plan.going:
        return f"As of {on} nothing goes (retention schedule, version {version})."
    kinds = ", ".join(f"{kind} ({n:,})" for kind, n in plan.by_kind.items())
    entries = count(plan.entries, "entry", "entries")
    return (
        f"As of {on}, by version {version} of the schedule, {entries} of "
        f"{count(plan.customers, 'customer')} would go: {kinds}. Nothing was erased. It cannot be "
        "taken back; to do it: custledger retention run --yes"
    )


def _without_end(schedule: RetentionSchedule) -> str:
    kinds = [kind for kind in schedule.without_end if kind is not Kept.PROSPECT]
    if not kinds:
        return "Every kind has a period."
    return f"Without a period: {'; '.join(KINDS[kind] for kind in kinds)}."


def _records(number: int) -> str:
    return count(number, "record")


def _flag(row: ScoreChange) -> str:
    if row.flag == row.flag_after:
        return "stays" if row.flag else ""
    return "raised" if row.flag_after else "cleared"
