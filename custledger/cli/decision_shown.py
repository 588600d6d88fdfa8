"""How commands about decisions answer: a step, a refusal, a list, one decision with all it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import typer

from custledger.core.decisions.events import DecisionKind
from custledger.core.decisions.report import ErrorReport
from custledger.core.decisions.state import DecisionState, Phase
from custledger.core.decisions.steps import DecisionStep
from custledger.core.records import EntryRef
from custledger.core.refusal import Refusal
from custledger.edges.tables import Column, safe
from custledger.edges.wording import count, day_in_words, words
from custledger.ledger import Ledger

__all__ = [
    "DECISIONS",
    "RATES",
    "DecisionRow",
    "RateRow",
    "decision_lines",
    "decision_rows",
    "name_of",
    "rate_rows",
    "refused",
    "report_lines",
    "say_step",
]


@dataclass(frozen=True)
class DecisionRow:
    """One decision, flat; days are ISO dates."""

    decision: str
    customer: str
    kind: str
    phase: str
    made_on: str
    by: str
    effective_on: str | None
    review_on: str | None
    marks: str


DECISIONS: Final = (
    Column("Decision", lambda row: row.decision, wrap=True),
    Column("What", lambda row: row.kind),
    Column("Now", lambda row: row.phase),
    Column("Made on", lambda row: row.made_on, spare=True),
    Column("By", lambda row: row.by, spare=True),
    Column("From", lambda row: row.effective_on),
    Column("Review", lambda row: row.review_on),
)


@dataclass(frozen=True)
class RateRow:
    """How often decisions of one sort were overturned; ``of`` is all, kind, rule or decider."""

    of: str
    name: str
    decisions: int
    appealed: int
    decided: int
    overturned: int
    overturn_rate: float | None


RATES: Final = (
    Column("Of", lambda row: row.of),
    Column("Name", lambda row: row.name, wrap=True),
    Column("Decisions", lambda row: str(row.decisions), justify="right"),
    Column("Appealed", lambda row: str(row.appealed), justify="right"),
    Column("Decided", lambda row: str(row.decided), justify="right"),
    Column("Overturned", lambda row: str(row.overturned), justify="right"),
    Column(
        "Rate",
        lambda row: None if row.overturn_rate is None else f"{row.overturn_rate:.0%}",
        justify="right",
    ),
)

_PHASES: Final = {
    Phase.DECIDED: "waits for its notice",
    Phase.ANNOUNCED: "announced",
    Phase.IN_FORCE: "in force",
    Phase.LAPSED: "lapsed",
    Phase.ENDED: "ended",
    Phase.OVERTURNED: "overturned",
}


def refused(refusals: Iterable[Refusal]) -> None:
    """Print why nothing was written, and exit with 1; nothing where there is no refusal."""
    texts = [refusal.text for refusal in refusals]
    for text in texts:
        typer.echo(safe(text))
    if texts:
        typer.echo("Nothing was written.")
        raise typer.Exit(1)


def say_step(ledger: Ledger, step: DecisionStep, what: str) -> None:
    """Print what was recorded, where the decision stands now, and what comes next."""
    refused(step.refusals)
    assert step.decision is not None
    assert step.entry is not None
    decision, name = step.decision, name_of(ledger, step.entry)
    typer.echo(safe(f"{what}: {name}#{step.entry.seq}. {_standing(decision, ledger.today())}"))
    for mark in decision.marks:
        typer.echo(safe(f"Marked: {mark}."))
    if decision.phase(ledger.today()) is Phase.DECIDED:
        case = f"'{name}#{decision.made.ref.seq}'"
        typer.echo(
            safe(
                "It does not hold before the customer was told. The letter: custledger decision "
                f"letter {case} --appeal-route ... Then: custledger decision notice {case} ..."
            )
        )
    for duty in decision.duties:
        what = "Tell the customer" if duty.what == "notice" else "Review it"
        typer.echo(f"{what} by {day_in_words(duty.due_on)}.")


def _standing(decision: DecisionState, today: date) -> str:
    kind = words(decision.made.kind).capitalize()
    phase = decision.phase(today)
    if decision.made.kind is DecisionKind.REINSTATEMENT:
        return "What it names has ended."
    if phase is Phase.ANNOUNCED and decision.effective_on is not None:
        return (
            f"{kind}, in force from {day_in_words(decision.effective_on)}; lapses on "
            f"{day_in_words(decision.review_on)} unless extended."
        )
    if phase is Phase.IN_FORCE:
        return f"{kind}, in force; lapses on {day_in_words(decision.review_on)} unless extended."
    return f"{kind}, {_PHASES[phase]}."


def name_of(ledger: Ledger, ref: EntryRef) -> str:
    """The name of the customer whose chain an entry is in, or their id."""
    try:
        return ledger.customers.get(ref.subject).name
    except LookupError:
        return str(ref.subject)


def decision_rows(
    ledger: Ledger, decisions: Iterable[DecisionState], day: date
) -> list[DecisionRow]:
    """Decisions as flat rows, in their order."""
    return [
        DecisionRow(
            decision=f"{name_of(ledger, d.made.ref)}#{d.made.ref.seq}",
            customer=str(d.made.ref.subject),
            kind=words(d.made.kind),
            phase=_PHASES[d.phase(day)],
            made_on=d.made.day.isoformat(),
            by=d.made.by.name,
            effective_on=_iso(d.effective_on),
            review_on=None
            if d.made.kind is DecisionKind.REINSTATEMENT
            else d.review_on.isoformat(),
            marks="; ".join(d.marks),
        )
        for d in decisions
    ]


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def decision_lines(ledger: Ledger, decision: DecisionState, day: date) -> Iterator[str]:
    """One decision with all that came of it, in words."""
    made = decision.made
    yield (
        f"{words(made.kind).capitalize()} {name_of(ledger, made.ref)}#{made.ref.seq}: "
        + _PHASES[decision.phase(day)]
    )
    yield f"Decided on {day_in_words(made.day)} by {made.by.name}: {made.reasons}"
    if made.incidents:
        numbers = ", ".join(f"#{c.ref.seq} of {day_in_words(c.day)}" for c in made.incidents)
        yield f"Rests on: {numbers}"
    if made.flag is not None:
        yield (
            f"The score flagged the customer on {day_in_words(made.flag.as_of)} (score policy "
            f"{made.flag.policy_version})"
        )
    if made.staff_text:
        yield f"Staff: {made.staff_text}"
    if made.customer_text:
        yield f"The customer: {made.customer_text}"
    for mark in decision.marks:
        yield f"Marked: {mark}"
    if made.bypass:
        yield f"Why at once: {made.bypass}"
    if made.override is not None:
        yield f"Why the owner went on: {made.override.reasons}"
    yield from _came_of_it(decision)


def _came_of_it(decision: DecisionState) -> Iterator[str]:
    if (notice := decision.notice) is not None:
        yield f"Notice on {day_in_words(notice.day)} by {notice.how}; appeal: {notice.appeal_route}"
    if decision.ended_on is not None:
        yield f"Ended on {day_in_words(decision.ended_on)}"
    elif decision.effective_on is not None and decision.made.kind is not DecisionKind.REINSTATEMENT:
        first, last = day_in_words(decision.effective_on), day_in_words(decision.review_on)
        yield f"Holds from {first} on, and lapses on {last} unless it is extended"
    for review in decision.reviews:
        until = "ended" if review.review_on is None else f"until {day_in_words(review.review_on)}"
        yield f"Review of {day_in_words(review.day)} by {review.by.name}, {until}: {review.reasons}"
    if (appeal := decision.appeal) is not None:
        yield f'Appeal received on {day_in_words(appeal.received_on)}: "{appeal.words}"'
    if (decided := decision.appeal_decided) is not None:
        how = "overturned" if decided.overturned else "upheld"
        who = decided.outsider or decided.by.name
        yield f"Appeal decided on {day_in_words(decided.day)} by {who}, {how}: {decided.reasons}"
    for duty in decision.duties:
        yield f"Owed by {day_in_words(duty.due_on)}: {duty.what}"


def rate_rows(ledger: Ledger, report: ErrorReport) -> list[RateRow]:
    """The rates of a report as flat rows."""
    names = {str(staff.id): staff.name for staff in ledger.staff.all()}
    groups = (
        ("all", (report.all,)),
        ("kind", report.by_kind),
        ("rule", report.by_rule),
        ("decider", report.by_decider),
    )
    return [
        RateRow(
            of,
            "" if of == "all" else names.get(rate.name, words(rate.name)),
            rate.decisions,
            rate.appealed,
            rate.decided,
            rate.overturned,
            rate.overturn_rate,
        )
        for of, rates in groups
        for rate in rates
    ]


def report_lines(report: ErrorReport) -> Iterator[str]:
    """What else a report counts, in words."""
    for lacking, number in report.overrides:
        yield f"An owner went on without {words(lacking)}: {count(number, 'time')}."
    yield (
        f"At once for safety: {report.bypasses}; of what that owed, missed: "
        f"{report.duties_missed}. Appeals decided by the decider: {report.own_appeals}. Lapsed "
        f"without a review: {report.lapsed_unreviewed}."
    )
