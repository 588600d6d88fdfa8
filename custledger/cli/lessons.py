"""Commands about lessons and house rules: lesson add, list, void; rule set, list, show ..."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final

import typer

from custledger.cli.entries import EntryArgument, Reason, Summary
from custledger.cli.options import AsOf, FormatOption, day_option, option
from custledger.cli.session import Session, command, day, entry_of, tell
from custledger.core.lessons import HouseRule, IncidentCost, Lesson
from custledger.core.records import EntryRef
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words
from custledger.edges.tables import Column, Format, safe, write_json, write_rows
from custledger.edges.wording import count, hours, local_day
from custledger.ledger import Ledger

__all__ = ["lessons", "rules"]

lessons = typer.Typer(help="What incidents cost and taught: add, list, void.", no_args_is_help=True)
rules = typer.Typer(
    help="The rules of the house: set, list, show, check, withdraw.", no_args_is_help=True
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="What the rule is called.", show_default=False)
]
LessonNumber = Annotated[
    int,
    typer.Argument(
        metavar="NUMBER", help="As `custledger lesson list` shows it.", show_default=False
    ),
]
Effective = Annotated[
    datetime | None, day_option("--effective", "From this day on. Default: today.")
]


@dataclass(frozen=True)
class RuleRow:
    """A rule as it is now, with the decisions that named it and those of them overturned."""

    name: str
    version: int
    text: str
    effective_on: date
    answers: str
    decisions: int
    overturned: int


@command(
    lessons,
    "add",
    'custledger lesson add "Ann Miller#7" --change "Confirm the menu in writing."',
    'custledger lesson add "Ann Miller#7" --entry "Ann Miller#8" --change "Ask for a deposit."',
)
def add_lesson(
    session: Session,
    entry: EntryArgument,
    change: Annotated[
        str, option("--change", metavar="TEXT", text="What to change. No personal data: it stays.")
    ],
    summary: Summary = None,
    entries: Annotated[
        list[str] | None,
        option("--entry", metavar="ENTRY", text="What belongs to it, too. May be repeated."),
    ] = None,
) -> None:
    """Close an incident with a lesson: what it cost, and what to change."""
    with session.open() as ledger:
        others = [entry_of(ledger, other) for other in entries or []]
        outcome = ledger.lessons.add(
            entry_of(ledger, entry), change=change, summary=summary or "", entries=others
        )
    _say_refusals(outcome.refusals)
    assert outcome.lesson is not None
    typer.echo(
        f"Recorded as lesson #{outcome.lesson.id.seq}. The incident cost "
        f"{_cost(outcome.lesson.cost)}."
    )
    unpriced = outcome.lesson.cost.unpriced
    if unpriced:
        tell(
            f"{hours(unpriced)} of it cost nothing here, because no hourly rate was set. Say what "
            "an hour of staff time costs you: custledger add rate 30"
        )


@command(lessons, "list", "custledger lesson list", "custledger lesson list --format json")
def list_lessons(session: Session, form: FormatOption = Format.TEXT) -> None:
    """List the lessons, oldest first."""
    with session.open() as ledger:
        found, zone = ledger.lessons.all(), ledger.zone
    if form is Format.TEXT and not found:
        typer.echo("No lesson is recorded.")
        return
    columns = (
        Column("Number", lambda row: f"#{row.id.seq}", justify="right"),
        Column("Day", lambda row: local_day(row.recorded_at, zone).isoformat()),
        Column("It cost", lambda row: _cost(row.cost), wrap=True),
        Column("To change", lambda row: row.change, wrap=True, least=24),
    )
    write_rows(found, columns, sys.stdout, form=form, kind=Lesson)


@command(lessons, "void", 'custledger lesson void 12 --reason "it was another incident"')
def void_lesson(session: Session, number: LessonNumber, reason: Reason) -> None:
    """Take back a lesson that was recorded by mistake."""
    with session.open() as ledger:
        ledger.lessons.void(_lesson(ledger, number), reason=reason)
    typer.echo(f"Voided: lesson #{number}. The history keeps it.")


@command(
    rules,
    "set",
    'custledger rule set "deposit" "Half of the price is paid before we order." --answers 12',
    'custledger rule set "deposit" "A third is paid before." --effective 2026-09-01',
)
def set_rule(
    session: Session,
    name: Name,
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT", help="What it says. No personal data: it stays.", show_default=False
        ),
    ],
    effective: Effective = None,
    answers: Annotated[
        int | None, option("--answers", metavar="NUMBER", text="The lesson that it answers.")
    ] = None,
    reason: Annotated[str, option("--reason", metavar="TEXT", text="Why, if that is of use.")] = "",
) -> None:
    """Add a rule, or a new version of one; it is never applied to what happened before it."""
    with session.open() as ledger:
        outcome = ledger.lessons.set_rule(
            name,
            text,
            effective_on=day(effective),
            answers=None if answers is None else _lesson(ledger, answers),
            reason=reason,
        )
    _say_refusals(outcome.refusals)
    assert outcome.rule is not None
    typer.echo(
        f"Set: {safe(outcome.rule.name)}, version {outcome.rule.version}, from "
        f"{day_in_words(outcome.rule.effective_on)} on."
    )


@command(rules, "list", "custledger rule list", "custledger rule list --as-of 2026-06-30")
def list_rules(session: Session, as_of: AsOf = None, form: FormatOption = Format.TEXT) -> None:
    """List the rules in force on a day, with the decisions that named them."""
    with session.open() as ledger:
        found = _rows(ledger, ledger.lessons.rules(day(as_of)))
    if form is Format.TEXT and not found:
        typer.echo("No rule is in force.")
        return
    write_rows(found, _RULES, sys.stdout, form=form, kind=RuleRow)
    overturned = sum(row.overturned for row in found)
    if form is Format.TEXT and overturned:
        tell(
            f"{count(overturned, 'decision')} that named one of these rules did not stand on "
            "appeal. Look at the rule again before it is used again."
        )


@command(rules, "show", "custledger rule show deposit")
def show_rule(session: Session, name: Name, form: FormatOption = Format.TEXT) -> None:
    """Show every version of a rule, oldest first."""
    with session.open() as ledger:
        found = ledger.lessons.versions(name)
        [record] = [r for r in ledger.lessons.report() if r.rule.name == found[0].name]
    if form is Format.JSON:
        write_json(found, sys.stdout)
        return
    write_rows(found, _VERSIONS, sys.stdout, form=form, kind=HouseRule)
    if form is Format.TEXT:
        named = f"{count(record.decisions, 'decision')} named it" if record.decisions else ""
        fallen = f"{named}; {record.overturned:,} of them did not stand on appeal."
        tell(fallen if named else "No decision named it.")


@command(rules, "check", 'custledger rule check deposit "Ann Miller#7"')
def check_rule(session: Session, name: Name, entry: EntryArgument) -> None:
    """Say whether a rule may be applied to an incident; exits with 1 where it may not."""
    with session.open() as ledger:
        found = ledger.lessons.applies(name, entry_of(ledger, entry))
    typer.echo(safe(found.reason))
    if not found.applies:
        raise typer.Exit(1)


@command(rules, "withdraw", 'custledger rule withdraw deposit --reason "it scared people away"')
def withdraw_rule(
    session: Session, name: Name, reason: Reason, effective: Effective = None
) -> None:
    """Take a rule back; its versions stay for the days on which they held."""
    with session.open() as ledger:
        outcome = ledger.lessons.withdraw_rule(name, reason=reason, effective_on=day(effective))
    _say_refusals(outcome.refusals)
    assert outcome.rule is not None
    typer.echo(
        f"Withdrawn: {safe(outcome.rule.name)}, from {day_in_words(outcome.rule.effective_on)} on."
    )


def _lesson(ledger: Ledger, number: int) -> EntryRef:
    return EntryRef(ledger.context.ledger, number)


def _rows(ledger: Ledger, found: Sequence[HouseRule]) -> list[RuleRow]:
    records = {record.rule.name: record for record in ledger.lessons.report()}
    return [
        RuleRow(
            rule.name,
            rule.version,
            rule.text,
            rule.effective_on,
            _answers(rule),
            records[rule.name].decisions,
            records[rule.name].overturned,
        )
        for rule in found
    ]


def _answers(rule: HouseRule) -> str:
    return f"lesson #{rule.answers.seq}" if rule.answers else ""


def _cost(cost: IncidentCost) -> str:
    parts = [hours(cost.handling_time)] if cost.handling_time else []
    parts += [str(amount) for amount in cost.total]
    return ", ".join(parts) or "nothing that is recorded"


def _say_refusals(refusals: Sequence[Refusal]) -> None:
    for refusal in refusals:
        typer.echo(safe(refusal.text))
    if refusals:
        typer.echo("Nothing was written.")
        raise typer.Exit(1)


_RULES: Final = (
    Column("Rule", lambda row: row.name, wrap=True),
    Column("Since", lambda row: row.effective_on.isoformat()),
    Column("Says", lambda row: row.text, wrap=True, least=24),
    Column("Answers", lambda row: row.answers or None, spare=True),
    Column("Decisions", lambda row: str(row.decisions), justify="right"),
    Column("Overturned", lambda row: str(row.overturned), justify="right"),
)
_VERSIONS: Final = (
    Column("Version", lambda row: str(row.version), justify="right"),
    Column("From", lambda row: row.effective_on.isoformat()),
    Column("Says", lambda row: row.text or "(withdrawn)", wrap=True, least=24),
    Column("Answers", lambda row: _answers(row) or None),
    Column("Reason", lambda row: row.reason or None, wrap=True),
)
