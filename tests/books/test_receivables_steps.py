"""Steps against unpaid invoices, and the ladder that says which; on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from custledger import Ledger, open_ledger
from custledger.core.receivables.ladder import LadderStep, Rung
from custledger.core.records import Customer, EntryKind, MoneyEntry, PolicyTopic
from custledger.errors import BadInputError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from tests.books.owing import TODAY, codes, euros, moment, owe, written


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


def test_what_was_paid_since_is_not_written_off(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    invoice = climbed(ledger, ann)
    clock.advance(timedelta(days=10))
    ledger.money.record_payment(ann, amount=euros("60"), applies_to=invoice)
    before, earlier = written(ledger, ann), clock() - timedelta(days=3)
    late = ledger.receivables.take_step(ann, "write_off", write_off=True, occurred_at=earlier)
    assert codes(late) == ["settled_since"]
    assert written(ledger, ann) == before
    assert ledger.receivables.take_step(ann, "write_off", occurred_at=earlier).done


def test_step_is_not_taken_back_before_a_later_one_under_another_name(
    ledger: Ledger, ann: Customer
) -> None:
    book, other = ledger.receivables, ledger.customers.add("A. Miller")
    owe(ledger, ann, 60)
    step = book.take_step(ann, "reminder", occurred_at=moment(TODAY - timedelta(30))).step
    assert step is not None
    assert ledger.matches.merge(other, into=ann, reason="the same phone").done
    call = book.take_step(other, "call").step
    assert call is not None
    with pytest.raises(BadInputError, match="later step"):
        book.void(step, reason="it was another customer")
    book.void(call, reason="nobody was called")
    book.void(step, reason="it was another customer")
    assert book.statement(ann).steps == ()
