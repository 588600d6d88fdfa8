"""What leaves the ladder waiting: exemptions, hardship and disputes; on both databases."""

from __future__ import annotations

from datetime import date, timedelta

from custledger import Ledger
from custledger.core.records import Customer
from custledger.pytest_plugin import Clock
from tests.books.owing import TODAY, codes, euros, moment, owe, written


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


def test_erased_exemption_is_gone_with_its_end_and_the_rest_stays(
    ledger: Ledger, ann: Customer
) -> None:
    owe(ledger, ann, 30)
    book = ledger.receivables
    exemption = book.exempt(ann, until=date(2026, 2, 1), reason="ill").exemption
    assert exemption
    book.end_exemption(exemption, reason="well again")
    assert ledger.privacy.erase(exemption.id, ground="objection").entries == 2
    assert book.statement(ann).exemptions == ()
    assert book.next_step(ann).due
    book.take_step(ann, "reminder")
    ledger.privacy.erase_person(ann, ground="objection")
    assert book.as_of().customers == ()
    assert book.due() == []


def test_part_that_was_paid_since_is_no_correction_of_a_disputed_invoice(
    ledger: Ledger, ann: Customer
) -> None:
    invoice = owe(ledger, ann, 30)
    book = ledger.receivables
    dispute = book.dispute(invoice, reason="corked wine").dispute
    assert dispute is not None
    assert (dispute.amount, dispute.claim) == (euros("100"), euros("100"))
    ledger.money.record_payment(ann, amount=euros("40"), applies_to=invoice)
    before = written(ledger, ann)
    refused = book.settle_dispute(invoice, outcome="partly_upheld", reason="one bottle")
    assert codes(refused) == ["still_owed"]
    assert written(ledger, ann) == before
    ledger.money.record_write_off(ann, amount=euros("10"), applies_to=invoice)
    assert book.settle_dispute(invoice, outcome="partly_upheld", reason="one bottle").done
