"""What is owed and what is done about it, on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from custledger import EntryRef, Ledger, Money, open_ledger
from custledger.core.due import DueKind
from custledger.core.receivables.debts import Age
from custledger.core.receivables.ladder import LadderStep, Rung
from custledger.core.records import Customer, EntryKind, MoneyEntry, PolicyTopic
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event

TODAY = date(2026, 1, 5)
BEFORE = datetime(2000, 1, 1, tzinfo=UTC)


def euros(amount: str) -> Money:
    return Money.of(amount, "EUR")


def moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 8, tzinfo=UTC)


def owe(
    ledger: Ledger, who: Customer, days: int, amount: str = "100", currency: str = "EUR"
) -> MoneyEntry:
    """An invoice that is so many days past its due date today, known since it was made."""
    due = TODAY - timedelta(days)
    issued = min(due - timedelta(14), TODAY)
    return ledger.money.record_invoice(
        who,
        amount=Money.of(amount, currency),
        due_on=due,
        occurred_at=moment(issued),
        known_at=moment(issued),
    )


def written(ledger: Ledger, who: Customer) -> int:
    return len(ledger.history(who.id)) + len(ledger.history())


def codes(outcome: object) -> list[str]:
    assert not outcome.done  # type: ignore[attr-defined]
    return [refusal.code for refusal in outcome.refusals]  # type: ignore[attr-defined]


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


def test_steps_are_proposed_in_order_the_longest_due_first(ledger: Ledger, ann: Customer) -> None:
    ben = ledger.customers.add("Ben")
    owe(ledger, ann, 9)
    owe(ledger, ben, 60)
    owe(ledger, ledger.customers.add("Cleo"), 6)
    found = ledger.receivables.due()
    assert [(p.name, p.next.step) for p in found] == [
        ("Ben", LadderStep.REMINDER),
        ("Ann Miller", LadderStep.REMINDER),
    ]
    assert ledger.receivables.next_step(ann) == found[1].next


def test_step_that_was_taken_is_in_the_statement_with_what_it_was_about(
    ledger: Ledger, ann: Customer
) -> None:
    invoice = owe(ledger, ann, 9)
    outcome = ledger.receivables.take_step(
        ann, "reminder", summary="by mail", staff_note="she was friendly"
    )
    assert (outcome.done, outcome.refusals, outcome.write_offs) == (True, (), ())
    said = ledger.receivables.statement(ann)
    assert said.steps == (outcome.step,)
    step = said.steps[0]
    assert (step.step, step.day, step.invoices) == (LadderStep.REMINDER, TODAY, (invoice.id,))
    assert (step.owed, step.summary) == ((euros("100"),), "by mail")
    assert (step.staff_note, step.recorded_by) == ("she was friendly", ledger.actor.id)
    assert "friendly" not in str(ledger.history(ann)[-1].facts)
    assert (said.next.step, said.next.due) == (LadderStep.CALL, False)
    assert not said.clear


@pytest.mark.parametrize(
    ("days", "step", "code"),
    [
        (9, "call", "not_next"),
        (300, "write_off", "not_next"),
        (6, "reminder", "not_due"),
        (-3, "reminder", "nothing_to_do"),
    ],
)
def test_step_that_is_not_due_is_refused_and_nothing_written(
    ledger: Ledger, ann: Customer, days: int, step: str, code: str
) -> None:
    owe(ledger, ann, days)
    before = written(ledger, ann)
    assert codes(ledger.receivables.take_step(ann, step)) == [code]
    assert written(ledger, ann) == before


def test_step_is_not_taken_twice_nor_before_an_earlier_one(ledger: Ledger, ann: Customer) -> None:
    owe(ledger, ann, 30)
    book = ledger.receivables
    assert book.take_step(ann, "reminder", occurred_at=moment(date(2025, 12, 20))).done
    before = written(ledger, ann)
    assert codes(book.take_step(ann, "reminder")) == ["not_next"]
    late = moment(date(2025, 12, 18))
    assert codes(book.take_step(ann, "call", occurred_at=late)) == ["earlier_than_last"]
    ahead = moment(date(2026, 1, 6))
    assert codes(book.take_step(ann, "call", occurred_at=ahead)) == ["in_future"]
    assert written(ledger, ann) == before
    assert book.take_step(ann, "call").done


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


def test_exemption_pauses_until_its_day_and_can_end_before(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    owe(ledger, ann, 30)
    book = ledger.receivables
    outcome = book.exempt(ann, until=date(2026, 2, 1), reason="She pays on 31 January.")
    assert outcome.exemption is not None
    assert book.next_step(ann).reasons == ("Exempt until 1 February 2026: She pays on 31 January.",)
    assert book.due() == []
    assert book.next_step(ann, as_of=date(2026, 2, 1)).due
    clock.advance(timedelta(days=3))
    ended = book.end_exemption(outcome.exemption, reason="She asked to be reminded.")
    assert ended.exemption is not None
    assert (ended.exemption.ended_on, ended.done) == (date(2026, 1, 8), True)
    assert book.statement(ann).exemptions == (ended.exemption,)
    assert book.next_step(ann).due
    assert not book.next_step(ann, as_of=date(2026, 1, 7)).due
    assert codes(book.end_exemption(outcome.exemption, reason="again")) == ["ended_already"]


def test_exemption_that_ends_today_or_before_is_refused(ledger: Ledger, ann: Customer) -> None:
    before = written(ledger, ann)
    for until in (TODAY, date(2020, 1, 1)):
        assert codes(ledger.receivables.exempt(ann, until=until, reason="ill")) == ["until_passed"]
    assert written(ledger, ann) == before


def test_exemption_of_one_invoice_leaves_the_others(ledger: Ledger, ann: Customer) -> None:
    promised, other = owe(ledger, ann, 30), owe(ledger, ann, 20)
    ledger.receivables.exempt(
        ann, until=date(2026, 2, 1), reason="paid by instalments", invoice=promised
    )
    assert ledger.receivables.next_step(ann).invoices == (other.id,)


def test_hardship_pauses_the_ladder_for_a_time(ledger: Ledger, ann: Customer) -> None:
    owe(ledger, ann, 30)
    told = TODAY - timedelta(10)
    call = ledger.interactions.record(
        ann, channel="phone", tags=["hardship"], occurred_at=moment(told)
    )
    assert ledger.receivables.next_step(ann).reasons == (
        "Exempt until 25 January 2026: hardship, told on 26 December 2025.",
    )
    before = written(ledger, ann)
    assert codes(ledger.receivables.take_step(ann, "reminder")) == ["nothing_to_do"]
    assert written(ledger, ann) == before
    assert ledger.receivables.next_step(ann, as_of=date(2026, 1, 25)).due
    ledger.interactions.correct(call, tags=["accommodation"], reason="it was her hearing")
    assert ledger.receivables.next_step(ann).due


def test_how_long_hardship_pauses_is_the_firms_to_say(ledger: Ledger, ann: Customer) -> None:
    owe(ledger, ann, 30)
    ledger.interactions.record(ann, channel="phone", tags=["hardship"], occurred_at=moment(TODAY))
    ledger.receivables.set_ladder(ledger.receivables.ladder().rungs, hardship_days=0)
    assert ledger.receivables.next_step(ann).due


def test_disputed_invoice_is_left_out_until_the_dispute_is_settled(
    ledger: Ledger, ann: Customer
) -> None:
    invoice, book = owe(ledger, ann, 30), ledger.receivables
    outcome = book.dispute(
        invoice, reason="corked wine", customer_words="I do not pay for vinegar."
    )
    assert outcome.dispute is not None
    assert (outcome.dispute.amount, outcome.dispute.customer_words) == (
        euros("100"),
        "I do not pay for vinegar.",
    )
    report = book.as_of()
    assert report.lines == ()
    assert [i.ref for i in report.disputed] == [invoice.id]
    assert book.next_step(ann).step is None
    assert book.statement(ann).clear
    before = written(ledger, ann)
    assert codes(book.dispute(invoice, reason="again")) == ["disputed_already"]
    assert written(ledger, ann) == before
    settled = book.settle_dispute(invoice, outcome="not_upheld", reason="two others tasted it")
    assert settled.dispute == book.statement(ann).disputes[0]
    assert book.next_step(ann).due
    assert codes(book.settle_dispute(invoice, outcome="withdrawn", reason="x")) == [
        "no_open_dispute"
    ]


def test_customer_who_was_right_is_not_asked_again(ledger: Ledger, ann: Customer) -> None:
    invoice, book = owe(ledger, ann, 30), ledger.receivables
    book.dispute(invoice, reason="corked wine")
    before = written(ledger, ann)
    for outcome in ("upheld", "partly_upheld"):
        refused = book.settle_dispute(invoice, outcome=outcome, reason="we tasted it")
        assert codes(refused) == ["still_owed"]
    assert written(ledger, ann) == before
    ledger.money.correct(invoice, amount=euros("60"), reason="three of five bottles")
    assert codes(book.settle_dispute(invoice, outcome="upheld", reason="x")) == ["still_owed"]
    assert book.settle_dispute(invoice, outcome="partly_upheld", reason="we tasted it").done
    assert book.as_of().lines[1].amount == euros("60")


def test_upheld_dispute_is_settled_once_the_invoice_is_void(ledger: Ledger, ann: Customer) -> None:
    invoice = owe(ledger, ann, 30)
    ledger.receivables.dispute(invoice, reason="corked wine")
    ledger.money.void(invoice, reason="the wine was corked")
    assert ledger.receivables.settle_dispute(invoice.id, outcome="upheld", reason="we agree").done


def test_paid_invoice_is_not_disputed(ledger: Ledger, ann: Customer) -> None:
    invoice = owe(ledger, ann, 30)
    ledger.money.record_payment(ann, amount=euros("100"))
    assert codes(ledger.receivables.dispute(invoice, reason="x")) == ["nothing_owed"]


def climbed(ledger: Ledger, ann: Customer) -> MoneyEntry:
    """An invoice with every step taken but the last, which is due."""
    invoice = owe(ledger, ann, 400)
    for step, days in (("reminder", 390), ("call", 370), ("prepayment_only", 350)):
        day = moment(TODAY - timedelta(days))
        assert ledger.receivables.take_step(ann, step, occurred_at=day).done
    assert ledger.receivables.take_step(
        ann, "collection", occurred_at=moment(TODAY - timedelta(300))
    ).done
    return invoice


def test_write_off_is_proposed_and_writes_nothing_off_by_itself(
    ledger: Ledger, ann: Customer
) -> None:
    climbed(ledger, ann)
    outcome = ledger.receivables.take_step(ann, "write_off")
    assert (outcome.done, outcome.write_offs) == (True, ())
    assert ledger.receivables.next_step(ann).reasons == ("The ladder has no further step.",)
    assert ledger.receivables.as_of().lines[-1].amount == euros("100")


def test_write_off_gives_up_what_is_owed_where_that_is_said(ledger: Ledger, ann: Customer) -> None:
    invoice = climbed(ledger, ann)
    ledger.money.record_payment(ann, amount=euros("30"), applies_to=invoice.id)
    [ref] = ledger.receivables.take_step(ann, "write_off", write_off=True).write_offs
    entry = ledger.money.get(ref)
    assert (entry.kind, entry.amount, entry.applies_to) == ("write_off", euros("70"), invoice.id)
    assert ledger.receivables.statement(ann).clear


def test_void_takes_back_what_was_recorded_by_mistake(ledger: Ledger, ann: Customer) -> None:
    invoice, book = owe(ledger, ann, 30), ledger.receivables
    step = book.take_step(ann, "reminder", occurred_at=moment(TODAY - timedelta(20))).step
    call = book.take_step(ann, "call").step
    assert step
    assert call
    with pytest.raises(BadInputError, match="later step"):
        book.void(step, reason="it was another customer")
    book.void(call, reason="nobody was called")
    book.void(step, reason="it was another customer")
    assert book.statement(ann).steps == ()
    dispute = book.dispute(invoice, reason="corked wine").dispute
    book.settle_dispute(invoice, outcome="withdrawn", reason="she called")
    assert dispute
    book.void(dispute, reason="it was another customer")
    assert book.statement(ann).disputes == ()


def test_merged_customer_has_one_account_and_steps_go_to_the_name_that_is_given(
    ledger: Ledger, ann: Customer
) -> None:
    other = ledger.customers.add("A. Miller")
    owe(ledger, ann, 30)
    theirs = owe(ledger, other, 20, "50")
    ledger.money.record_payment(ann, amount=euros("100"))
    context = ledger.context
    with context.write() as journal:
        body = {"event": "merge", "other": str(ann.id)}
        append_event(journal, journal.key_of(other.id), EntryKind.MERGE, body)
    report = ledger.receivables.as_of()
    assert [(c.customer_id, c.name) for c in report.customers] == [(ann.id, "Ann Miller")]
    assert report.lines[1].amount == euros("50")
    assert ledger.receivables.take_step(ann, "reminder").done
    assert codes(ledger.receivables.take_step(other, "reminder")) == ["not_next"]
    [step] = ledger.receivables.statement(other).steps
    assert (step.id.subject, step.invoices) == (ann.id, (theirs.id,))
    refused = ledger.receivables.dispute(theirs, reason="corked wine")
    assert refused.dispute is not None
    assert refused.dispute.id.subject == other.id


def test_erased_event_leaves_the_rest_readable(ledger: Ledger, ann: Customer) -> None:
    owe(ledger, ann, 30)
    book = ledger.receivables
    exemption = book.exempt(ann, until=date(2026, 2, 1), reason="ill").exemption
    assert exemption
    book.end_exemption(exemption, reason="well again")
    ledger.privacy.erase(exemption.id, ground="objection")
    assert book.statement(ann).exemptions == ()
    assert book.next_step(ann).due
    book.take_step(ann, "reminder")
    ledger.privacy.erase_person(ann, ground="objection")
    assert book.as_of().customers == ()
    assert book.due() == []


def test_ladder_is_versioned_and_holds_from_its_day_on(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    owe(ledger, ann, 9)
    book = ledger.receivables
    assert (book.ladder().version, book.ladders()) == (0, [])
    rungs = [Rung(LadderStep.CALL, 8), Rung(LadderStep.COLLECTION, 90, (euros("50"),))]
    outcome = book.set_ladder(rungs, effective_on=date(2026, 1, 7), reason="our terms")
    assert (outcome.done, outcome.ladder) == (True, book.ladder(date(2026, 1, 7)))
    assert book.next_step(ann).step is LadderStep.REMINDER
    assert book.next_step(ann, as_of=date(2026, 1, 7)).step is LadderStep.CALL
    again = book.set_ladder(rungs, effective_on=date(2026, 3, 1))
    assert again.ladder is not None
    assert again.ladder.version == 2
    clock.advance(timedelta(days=5))
    assert book.take_step(ann, "call").done


def test_ladder_that_contradicts_itself_or_another_is_refused(
    ledger: Ledger, ann: Customer
) -> None:
    book = ledger.receivables
    good = [Rung(LadderStep.CALL, 8)]
    book.set_ladder(good, effective_on=date(2026, 3, 1))
    before = written(ledger, ann)
    mixed = [Rung(LadderStep.CALL, 9), Rung(LadderStep.REMINDER, 8)]
    assert codes(book.set_ladder(mixed, effective_on=date(2026, 4, 1))) == ["contradiction"] * 2
    assert codes(book.set_ladder([], effective_on=date(2026, 4, 1))) == ["contradiction"]
    assert codes(book.set_ladder(good, effective_on=date(2026, 1, 4))) == ["effective_in_past"]
    assert codes(book.set_ladder(good, effective_on=date(2026, 2, 1))) == ["overlap"]
    with pytest.raises(BadInputError, match="whole days"):
        book.set_ladder([Rung(LadderStep.CALL, -1)])
    with pytest.raises(BadInputError, match="hardship_days"):
        book.set_ladder(good, hardship_days=-1)
    assert written(ledger, ann) == before


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


def test_two_at_once_take_a_step_once(ledger: Ledger, ann: Customer, location: str) -> None:
    owe(ledger, ann, 9)
    start = threading.Barrier(4)

    def take() -> bool:
        with open_ledger(location, actor="Sam", now=ledger.context.now) as other:
            start.wait(30)
            return other.receivables.take_step(ann.id, "reminder").done

    with ThreadPoolExecutor(4) as pool:
        done = [future.result() for future in [pool.submit(take) for _ in range(4)]]
    assert sorted(done) == [False, False, False, True]
    assert len(ledger.receivables.statement(ann).steps) == 1


def test_policy_of_the_ladder_is_an_entry_of_the_ledgers_own_chain(ledger: Ledger) -> None:
    ledger.receivables.set_ladder([Rung(LadderStep.CALL, 8)], reason="our terms")
    facts = ledger.history()[-1].facts
    assert (facts["topic"], facts["version"]) == (PolicyTopic.LADDER, 1)
    assert facts["reason"] == "our terms"
