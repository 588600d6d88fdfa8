"""What is unpaid, as tables and paragraphs at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from custledger.cli.session import tell
from custledger.core.money import Money
from custledger.core.receivables.debts import Age, AgeLine, OpenInvoice
from custledger.core.receivables.dunning import (
    DebtStatement,
    DisputeRecord,
    ExemptionRecord,
    Proposal,
    ReceivablesReport,
    StepRecord,
)
from custledger.core.receivables.ladder import LadderPolicy, LadderStep, Rung
from custledger.core.words import day_in_words
from custledger.edges.tables import Column, amount, write_rows
from custledger.edges.wording import count, short_id, words

__all__ = [
    "DUE",
    "LADDER",
    "DueStep",
    "Owed",
    "Step",
    "due_rows",
    "ladder_in_words",
    "owed_rows",
    "print_report",
    "statement_lines",
    "step_rows",
]


@dataclass(frozen=True)
class Owed:
    """What one customer owes in one currency, by age; ``customer_id`` None is everyone."""

    customer_id: UUID | None
    name: str
    currency: str
    invoices: int
    not_due: Money
    days_1_30: Money
    days_31_60: Money
    days_61_90: Money
    over_90: Money
    total: Money
    disputed: int = 0


@dataclass(frozen=True)
class DueStep:
    """A step that is due for one customer, and the debt that it is about."""

    customer_id: UUID
    name: str
    step: LadderStep
    due_on: date
    invoices: int
    owed: str


@dataclass(frozen=True)
class Step:
    """A step of the ladder as it is shown."""

    step: LadderStep
    days_past_due: int
    minimum: str
    invoices: int


def owed_rows(report: ReceivablesReport) -> list[Owed]:
    """A row a customer and currency; customers with nothing but disputes have one, too."""
    rows = []
    for customer in report.customers:
        disputed = [i.amount.currency for i in customer.receivables.disputed]
        currencies = {line.currency for line in customer.lines} | set(disputed)
        for currency in sorted(currencies):
            lines = [line for line in customer.lines if line.currency == currency]
            number = disputed.count(currency)
            rows.append(_owed(customer.customer_id, customer.name, currency, lines, number))
    return rows


def due_rows(found: list[Proposal]) -> list[DueStep]:
    """A row a proposed step."""
    return [
        DueStep(p.customer_id, p.name, n.step, n.due_on, len(n.invoices), _sums(n.amount))
        for p in found
        for n in [p.next]
        if n.step is not None and n.due_on is not None
    ]


def print_report(report: ReceivablesReport) -> None:
    """The table, a total for each currency, and what was left out."""
    rows = owed_rows(report)
    if not rows:
        print_nothing(report.as_of)
        return
    for currency in sorted({row.currency for row in rows}):
        lines = [line for line in report.lines if line.currency == currency]
        rows.append(_owed(None, f"All, {currency}", currency, lines, 0))
    write_rows(rows, _REPORT, sys.stdout)
    disputed = len(report.disputed)
    left_out = f" {count(disputed, 'invoice')} with an open dispute left out." if disputed else ""
    tell(
        f"As of {day_in_words(report.as_of)}, in days past the due date; in brackets the number of "
        f"invoices.{left_out}"
    )


def print_nothing(as_of: date) -> None:
    """That nobody owes anything."""
    sys.stdout.write(f"Nothing is unpaid as of {day_in_words(as_of)}.\n")


def statement_lines(found: DebtStatement) -> Iterator[str]:
    """How one customer stands, in sentences and lists."""
    state = "Nothing is overdue." if found.clear else "Something is overdue."
    yield f"{found.name}, as of {day_in_words(found.receivables.as_of)}. {state}"
    yield from _listed("Unpaid", map(_invoice, found.receivables.open))
    yield from _listed("Disputed, and not asked for", map(_invoice, found.receivables.disputed))
    yield from _listed("Paid in advance", map(str, found.receivables.credit))
    yield from _listed("Steps taken", map(_step, found.steps))
    yield from _listed("Exemptions", map(_exemption, found.exemptions))
    yield from _listed("Disputes", map(_dispute, found.disputes))
    yield ""
    yield f"Next: {' '.join(found.next.reasons)}"


def ladder_in_words(ladder: LadderPolicy) -> str:
    """Which version it is, and what pauses it."""
    version = (
        "The built-in ladder; the firm has set none"
        if ladder.version == 0
        else f"Version {ladder.version}, in force from {day_in_words(ladder.effective_on)} on"
    )
    pause = (
        f"A contact with the tag hardship pauses it for {count(ladder.hardship_days, 'day')}."
        if ladder.hardship_days
        else "The tag hardship does not pause it."
    )
    return f"{version}. {pause} A step is proposed, and taken by a person."


def step_rows(ladder: LadderPolicy) -> list[Step]:
    """The steps of a ladder as they are shown."""
    return [_step_row(rung) for rung in ladder.rungs]


def _step_row(rung: Rung) -> Step:
    least = " or ".join(map(str, rung.minimum)) or "any amount"
    return Step(rung.step, rung.days_past_due, least, rung.invoices)


def _owed(
    customer: UUID | None, name: str, currency: str, lines: list[AgeLine], disputed: int
) -> Owed:
    by_age = {line.age: line for line in lines}
    sums = {age: by_age[age].amount if age in by_age else Money(0, currency) for age in Age}
    total = Money(sum(m.minor for m in sums.values()), currency)
    number = sum(line.count for line in lines)
    return Owed(
        customer_id=customer,
        name=name,
        currency=currency,
        invoices=number,
        not_due=sums[Age.NOT_DUE],
        days_1_30=sums[Age.DAYS_1_30],
        days_31_60=sums[Age.DAYS_31_60],
        days_61_90=sums[Age.DAYS_61_90],
        over_90=sums[Age.OVER_90],
        total=total,
        disputed=disputed,
    )


def _listed(title: str, items: Iterator[str]) -> Iterator[str]:
    found = list(items)
    if found:
        yield ""
        yield f"{title}:"
        yield from (f"  {item}" for item in found)


def _invoice(invoice: OpenInvoice) -> str:
    late = invoice.days_past_due
    days = f"{count(late, 'day')} past due" if late > 0 else "not due yet"
    part = "" if invoice.owed == invoice.amount else f" of {invoice.amount}"
    due = day_in_words(invoice.due_on)
    return f"#{invoice.ref.seq}  {invoice.owed}{part}, due {due}, {days}"


def _step(step: StepRecord) -> str:
    owed = _sums(step.owed)
    said = f": {step.summary}" if step.summary else ""
    return f"#{step.id.seq}  {day_in_words(step.day)}, {words(step.step)}, {owed} owed{said}"


def _exemption(exemption: ExemptionRecord) -> str:
    about = f", invoice #{exemption.invoice.seq}" if exemption.invoice else ""
    since, until = map(day_in_words, (exemption.since, exemption.until))
    end = (
        f"; ended {day_in_words(exemption.ended_on)}: {exemption.end_reason}"
        if exemption.ended_on
        else ""
    )
    return f"#{exemption.id.seq}  {since} until {until}{about}: {exemption.reason}{end}"


def _dispute(dispute: DisputeRecord) -> str:
    said = f' "{dispute.customer_words}"' if dispute.customer_words else ""
    if dispute.outcome is None or dispute.closed_on is None:
        end = "; open"
    else:
        when = day_in_words(dispute.closed_on)
        end = f"; {words(dispute.outcome)} on {when}: {dispute.outcome_reason}"
    opened = day_in_words(dispute.opened_on)
    return (
        f"#{dispute.id.seq}  {opened}, invoice #{dispute.invoice.seq}, {dispute.amount}: "
        f"{dispute.reason}{said}{end}"
    )


def _amount(money: Money) -> str | None:
    return amount(money.minor, money.currency) if money.minor else None


def _total(row: Owed) -> str:
    return f"{amount(row.total.minor, row.currency)} ({row.invoices})"


def _sums(amounts: Iterable[Money]) -> str:
    return " and ".join(map(str, amounts))


_REPORT: Final = (
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Id", lambda row: short_id(row.customer_id) if row.customer_id else "", spare=True),
    Column("", lambda row: row.currency),
    Column("Not due", lambda row: _amount(row.not_due), justify="right"),
    Column("1-30", lambda row: _amount(row.days_1_30), justify="right"),
    Column("31-60", lambda row: _amount(row.days_31_60), justify="right"),
    Column("61-90", lambda row: _amount(row.days_61_90), justify="right"),
    Column("Over 90", lambda row: _amount(row.over_90), justify="right"),
    Column(
        "Owed", lambda row: f"{amount(row.total.minor, row.currency)} ({row.invoices})", "right"
    ),
)
DUE: Final = (
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Id", lambda row: short_id(row.customer_id), spare=True),
    Column("Step", lambda row: words(row.step)),
    Column("Due since", lambda row: row.due_on.isoformat()),
    Column("Invoices", lambda row: str(row.invoices), justify="right"),
    Column("Owed", lambda row: row.owed, justify="right"),
)
LADDER: Final = (
    Column("Step", lambda row: words(row.step)),
    Column("Days past due", lambda row: str(row.days_past_due), justify="right"),
    Column("From", lambda row: row.minimum),
    Column("Invoices", lambda row: str(row.invoices), justify="right"),
)
