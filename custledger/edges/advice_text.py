"""Assessments, advice and its report as text for a terminal: what is due, and what it costs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final, TextIO

from rich.text import Text

from custledger.core.money import Money
from custledger.core.refunds.advice import CostItem
from custledger.core.refunds.assessment import RefundAssessment
from custledger.core.refunds.choices import RequestAdvice
from custledger.core.words import day_in_words
from custledger.edges.tables import Column, printing, safe, table_of_rows

__all__ = ["assessment_in_words", "print_advice"]

_WIDTH: Final = 88


def assessment_in_words(found: RefundAssessment) -> str:
    """What is due, why, and on what it rests."""
    last = "" if found.until is None else f" The last day to ask: {day_in_words(found.until)}."
    due = f"{found.amount} is due." if found.allowed else "Nothing is due."
    clauses = "; ".join(dict.fromkeys(clause.source for clause in found.clauses))
    lines = [textwrap.fill(due + last, _WIDTH), *_items(found.reasons)]
    return "\n".join([*lines, textwrap.fill(f"It rests on: {clauses}.", _WIDTH)])


def print_advice(advised: RequestAdvice, out: TextIO) -> None:
    """The two costs as tables, where each figure comes from, and what they speak for."""
    advice = advised.advice
    with printing(out) as console:
        for title, items, total in (
            ("Refund now", advice.refund, advice.refund_cost),
            ("Contest", advice.contest, advice.contest_cost),
        ):
            if items:
                rows = [*items, CostItem("total", f"{title}, in all", total)]
                console.print(Text(title, style="bold"))
                console.print(table_of_rows(rows, _COLUMNS))
                console.print()
        for reason in advice.reasons:
            console.print(Text(safe(reason)))


_COLUMNS: Final = (
    Column("Cost", lambda item: item.text, wrap=True, least=24),
    Column("Amount", lambda item: _amount(item.amount), justify="right"),
    Column("Where the figures come from", lambda item: _sources(item), wrap=True, least=24),
)


def _sources(item: CostItem) -> str:
    return "; ".join(dict.fromkeys(source.source for source in item.sources))


def _amount(amount: Money) -> str:
    return str(amount)


def _items(texts: tuple[str, ...]) -> Iterator[str]:
    for text in texts:
        yield textwrap.fill(safe(text), _WIDTH, initial_indent="- ", subsequent_indent="  ")
