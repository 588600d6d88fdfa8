"""What is owed and what is done about it, on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest

from custledger import EntryRef, Ledger, Money
from custledger.core.receivables.debts import Age
from custledger.core.records import Customer
from custledger.errors import BadInputError, NotFoundError
from tests.books.owing import TODAY, euros, moment, owe, written


def test_report_tells_count_amount_and_age_by_currency_and_customer(
    ledger: Ledger, ann: Customer
) -> None:
    ben, clear = ledger.customers.add("Ben"), ledger.customers.add("Cleo")
    owe(ledger, ann, 10)
    part = owe(ledger, ann, 40, "80")
    ledger.money.record_payment(ann, amount=euros("30"), applies_to=part.id)
    owe(ledger, ann, -5, "7")
    owe(ledger, ben, 95, "9", "USD")
    paid = owe(ledger, clear, 10)
    ledger.money.record_payment(clear, amount=euros("100"), applies_to=paid.id)
    report = ledger.receivables.as_of()
    assert report.as_of == TODAY
    assert [(x.currency, x.age, x.count, x.amount) for x in report.lines if x.count] == [
        ("EUR", Age.NOT_DUE, 1, euros("7")),
        ("EUR", Age.DAYS_1_30, 1, euros("100")),
        ("EUR", Age.DAYS_31_60, 1, euros("50")),
        ("USD", Age.OVER_90, 1, Money(900, "USD")),
    ]
    assert [c.name for c in report.customers] == ["Ann Miller", "Ben"]
    oldest = report.customers[0].receivables.open[0]
    assert (oldest.ref, oldest.paid, oldest.owed) == (part.id, euros("30"), euros("50"))
    assert ledger.receivables.as_of(customer=clear).customers[0].receivables.clear


def test_report_of_an_earlier_day_knows_what_was_known_then(ledger: Ledger, ann: Customer) -> None:
    invoice = owe(ledger, ann, 10)
    ledger.money.record_payment(ann, amount=euros("100"), applies_to=invoice.id)
    assert ledger.receivables.as_of().customers == ()
    [then] = ledger.receivables.as_of(TODAY - timedelta(1)).customers
    assert then.receivables.open[0].days_past_due == 9


def test_invoices_settle_one_another_as_the_whole_of_a_customer(
    ledger: Ledger, ann: Customer
) -> None:
    """Who paid more than one invoice asks for has paid some of the next; nobody is asked twice."""
    first = owe(ledger, ann, 40)
    owe(ledger, ann, 10)
    ledger.money.record_payment(ann, amount=euros("150"), applies_to=first.id)
    assert ledger.receivables.as_of().lines[1].amount == euros("50")
    ledger.money.record_payment(ann, amount=euros("60"))
    assert ledger.receivables.as_of().customers == ()
    assert ledger.receivables.statement(ann).receivables.credit == (euros("10"),)


def test_bad_calls_write_nothing(ledger: Ledger, ann: Customer) -> None:
    invoice, book = owe(ledger, ann, 30), ledger.receivables
    sale = ledger.money.record_sale(ann, amount=euros("1"))
    ben = ledger.customers.add("Ben")
    before = written(ledger, ann) + written(ledger, ben)
    calls: list[tuple[type[Exception], str, Callable[[], object]]] = [
        (BadInputError, "is not a ladderstep", lambda: book.take_step(ann, "sue")),
        (BadInputError, "Only the step", lambda: book.take_step(ann, "call", write_off=True)),
        (BadInputError, "time zone", lambda: book.take_step(ann, "call", occurred_at="now")),  # type: ignore[arg-type]
        (BadInputError, "reason", lambda: book.exempt(ann, until=date(2026, 2, 1), reason=" ")),
        (BadInputError, "until", lambda: book.exempt(ann, until="soon", reason="x")),  # type: ignore[arg-type]
        (
            BadInputError,
            "no current invoice",
            lambda: book.exempt(ben, until=date(2026, 2, 1), reason="x", invoice=invoice),
        ),
        (BadInputError, "no current invoice", lambda: book.dispute(sale, reason="x")),
        (BadInputError, "reason", lambda: book.dispute(invoice, reason="")),
        (BadInputError, "Name an entry", lambda: book.dispute("#2", reason="x")),  # type: ignore[arg-type]
        (
            BadInputError,
            "is not a outcome|is not an outcome",
            lambda: book.settle_dispute(invoice, outcome="lost", reason="x"),
        ),
        (NotFoundError, "no exemption", lambda: book.end_exemption(sale.id, reason="x")),
        (NotFoundError, "no dunning", lambda: book.void(sale.id, reason="x")),
        (NotFoundError, "No customer", lambda: book.take_step("Nobody", "call")),
        (NotFoundError, "No customer", lambda: book.dispute(EntryRef(UUID(int=1), 2), reason="x")),
    ]
    for error, text, call in calls:
        with pytest.raises(error, match=text):
            call()
    assert written(ledger, ann) + written(ledger, ben) == before


@pytest.mark.parametrize("seed", range(3))
def test_one_question_about_all_finds_what_asking_for_each_does(ledger: Ledger, seed: int) -> None:
    chance = random.Random(seed)
    people = [ledger.customers.add(f"Customer {n}") for n in range(12)]
    for who in people:
        for _ in range(chance.randrange(5)):
            owe(ledger, who, chance.randrange(-30, 120), "50", chance.choice(["EUR", "USD"]))
        for _ in range(chance.randrange(4)):
            record = chance.choice([ledger.money.record_payment, ledger.money.record_write_off])
            amount = Money(chance.choice([2500, 5000, 7500]), chance.choice(["EUR", "USD"]))
            record(who, amount=amount, occurred_at=moment(TODAY - timedelta(chance.randrange(9))))
    for day in (TODAY, TODAY - timedelta(4), TODAY + timedelta(60)):
        one_by_one = [ledger.receivables.as_of(day, customer=who).customers[0] for who in people]
        expected = [found for found in one_by_one if found.receivables.open]
        found = ledger.receivables.as_of(day).customers
        assert sorted(found, key=str) == sorted(expected, key=str)
        steps = {p.customer_id: p.next for p in ledger.receivables.due(day)}
        each = {who.id: ledger.receivables.next_step(who, as_of=day) for who in people}
        assert steps == {who: step for who, step in each.items() if step.due}
