"""Which steps became due when, each told once; on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from custledger import Ledger
from custledger.core.due import DueKind
from custledger.core.records import Customer
from custledger.pytest_plugin import Clock
from tests.books.owing import BEFORE, euros, owe


def passed(ledger: Ledger, since: datetime, as_of: datetime) -> list[tuple[str, datetime]]:
    found = ledger.receivables.passed(since=since, as_of=as_of)
    assert {item.kind for item in found} <= {DueKind.RECEIVABLE_STEP}
    return [(item.key.split("/", 2)[2], item.passed_at) for item in found]


def test_step_passes_its_line_once_at_the_start_of_its_day(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    owe(ledger, ann, 6)
    start = clock()
    assert passed(ledger, BEFORE, start) == []
    clock.advance(timedelta(days=1))
    line = datetime(2026, 1, 5, 23, tzinfo=UTC)  # midnight in Paris
    assert passed(ledger, start, clock()) == [("reminder/2026-01-06", line)]
    assert passed(ledger, line, clock()) == []
    later = clock() + timedelta(days=4)
    assert passed(ledger, start, later) == [("reminder/2026-01-06", line)]
    [item] = ledger.receivables.passed(since=start, as_of=later)
    assert (item.customer_id, item.text.partition(":")[0]) == (ann.id, "Ann Miller")
    ledger.receivables.take_step(ann, "reminder")
    assert passed(ledger, start, clock()) == []


def test_what_is_recorded_late_is_told_late_and_not_lost(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    clock.advance(timedelta(days=1))
    cursor = clock()
    clock.advance(timedelta(hours=1))
    owe(ledger, ann, 60)
    assert passed(ledger, cursor, clock()) == [("reminder/2025-11-13", clock())]


@pytest.mark.parametrize("undone", ["payment", "exemption", "dispute", "step"])
def test_what_is_taken_back_is_told_again(
    ledger: Ledger, ann: Customer, clock: Clock, undone: str
) -> None:
    invoice, book = owe(ledger, ann, 60), ledger.receivables
    undo: dict[str, Callable[[], object]] = {
        "payment": lambda: ledger.money.void(payment, reason="it bounced"),
        "exemption": lambda: book.end_exemption(pause, reason="she is well"),  # type: ignore[arg-type]
        "dispute": lambda: book.settle_dispute(invoice, outcome="withdrawn", reason="she called"),
        "step": lambda: book.void(step, reason="nobody was reminded"),  # type: ignore[arg-type]
    }
    if undone == "payment":
        payment = ledger.money.record_payment(ann, amount=euros("100"))
    elif undone == "exemption":
        pause = book.exempt(ann, until=date(2027, 1, 1), reason="ill").exemption
    elif undone == "dispute":
        book.dispute(invoice, reason="corked wine")
    else:
        step = book.take_step(ann, "reminder").step
    clock.advance(timedelta(days=1))
    cursor = clock()
    assert passed(ledger, BEFORE, cursor) == []
    clock.advance(timedelta(hours=1))
    undo[undone]()
    [(key, at)] = passed(ledger, cursor, clock())
    assert key.startswith("reminder/")
    assert at == clock()


def test_pause_that_runs_out_is_a_line_of_its_own(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    owe(ledger, ann, 60)
    [(first, _)] = passed(ledger, BEFORE, clock())
    ledger.receivables.exempt(ann, until=date(2026, 1, 10), reason="She pays on 9 January.")
    clock.advance(timedelta(days=6))
    [(second, at)] = passed(ledger, BEFORE, clock())
    assert (first, second) == ("reminder/2025-11-13", "reminder/2026-01-10")
    assert at == datetime(2026, 1, 9, 23, tzinfo=UTC)
