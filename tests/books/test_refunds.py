"""What is due on a request for money back, assessed from the ledger; on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from custledger import Ledger, Money
from custledger.core.calendar.periods import Period
from custledger.core.records import Customer, MoneyEntry
from custledger.core.refunds.assessment import RefundCause, RefundRequest
from custledger.core.refunds.terms import GoodsTerms
from custledger.errors import BadInputError
from custledger.pytest_plugin import START, Clock
from tests.books.refunding import (
    DINNER,
    TIERS,
    D,
    advised,
    asked,
    chosen,
    entries,
    euros,
)


def test_assessment_has_amount_reasons_and_clauses_from_the_ledger(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    found = ledger.refunds.assess(ann, dinner, sold="service", service_on=DINNER)
    assert (found.allowed, found.amount) == (True, euros("50"))
    assert found.reasons == (
        "Version 1 of the terms was in force and conveyed before the deal (on the order page).",
        "Cancelled at least 7 days ahead, 50 % is paid back.",
    )
    assert (found.conveyed, found.version, found.until) == (True, 1, date(2026, 3, 13))
    assert found.clauses[0].source == "version 1 of the terms"


def test_assessment_writes_nothing(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    ledger.staff.set_rate(euros("30"))
    before = entries(ledger, ann)
    ledger.refunds.assess(ann, dinner, sold="service", service_on=DINNER)
    advised(ledger, ann, dinner)
    assert entries(ledger, ann) == before


def test_assessment_says_when_the_terms_were_not_conveyed_before_the_deal(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.terms.set(services=TIERS)
    sale = ledger.money.record_sale(ann, amount=euros("100"))
    clock.advance(timedelta(days=3))
    ledger.terms.convey(ann, how="by letter")
    wish = asked("2026-03-19")
    clock.set(datetime(2026, 3, 19, 12, tzinfo=UTC))
    found = ledger.refunds.assess(ann, sale, wish, sold="service", service_on=DINNER)
    assert (found.conveyed, found.amount) == (False, euros("100"))
    assert "not conveyed before the deal, only on 8 January 2026" in found.reasons[0]


def test_conveyance_for_one_deal_says_nothing_of_another(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.terms.set(services=TIERS)
    one = ledger.money.record_sale(ann, amount=euros("10"), occurred_at=START + timedelta(hours=2))
    two = ledger.money.record_sale(ann, amount=euros("20"), occurred_at=START + timedelta(hours=2))
    ledger.terms.convey(ann, how="with the order", deal=one)
    clock.set(datetime(2026, 3, 19, tzinfo=UTC))
    found = [
        ledger.refunds.assess(ann, sale, sold="service", service_on=DINNER) for sale in (one, two)
    ]
    assert [f.conveyed for f in found] == [True, False]
    assert [f.allowed for f in found] == [False, True]


def test_conveyance_that_was_recorded_only_after_the_request_is_told(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, clock: Clock
) -> None:
    [shown] = ledger.terms.conveyances(ann)
    ledger.terms.void(shown, reason="recorded anew below")
    clock.set(datetime(2026, 3, 12, 10, tzinfo=UTC))
    ledger.terms.convey(ann, how="on the order page", conveyed_at=START)
    wish = asked("2026-03-10")
    found = ledger.refunds.assess(ann, dinner, wish, sold="service", service_on=DINNER)
    assert found.conveyed
    assert found.reasons[-1] == (
        "That it was conveyed was recorded on 12 March 2026, after the request."
    )


def test_former_terms_are_told_as_such(ledger: Ledger, ann: Customer, clock: Clock) -> None:
    ledger.terms.set(
        services=TIERS, effective_on=date(2020, 1, 1), former=True, reason="on our website"
    )
    ledger.terms.convey(ann, how="on the website", conveyed_at=datetime(2025, 12, 1, tzinfo=UTC))
    deal = datetime(2025, 12, 2, tzinfo=UTC)
    sale = ledger.money.record_sale(ann, amount=euros("100"), occurred_at=deal)
    clock.set(datetime(2026, 3, 10, tzinfo=UTC))
    found = ledger.refunds.assess(ann, sale, sold="service", service_on=DINNER)
    assert found.amount == euros("50")
    assert found.reasons[-1] == (
        "Version 1 was recorded on 5 January 2026, as the terms that were in force before this "
        "ledger was made."
    )


def test_deal_before_any_terms_has_law_and_fairness_only(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    deal = datetime(2025, 12, 1, tzinfo=UTC)
    sale = ledger.money.record_sale(ann, amount=euros("100"), occurred_at=deal)
    ledger.terms.set(services=TIERS)
    found = ledger.refunds.assess(ann, sale, sold="goods", delivered_on=date(2026, 1, 4))
    assert (found.version, found.amount) == (None, euros("100"))
    assert found.clauses[0].code == "eu_withdrawal"
    lawless = ledger.refunds.assess(
        ann, sale, sold="goods", delivered_on=date(2026, 1, 4), law=None
    )
    assert not lawless.allowed


def test_what_went_back_already_is_taken_off(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    ledger.money.record_refund(ann, amount=euros("20"), applies_to=dinner)
    found = ledger.refunds.assess(ann, dinner, sold="service", service_on=DINNER)
    assert found.amount == euros("30")
    ledger.money.record_chargeback(ann, amount=euros("80"), applies_to=dinner)
    again = ledger.refunds.assess(ann, dinner, sold="service", service_on=DINNER)
    assert not again.allowed
    early = ledger.refunds.assess(
        ann,
        dinner,
        asked("2026-03-01"),
        sold="service",
        service_on=DINNER,
        as_of=date(2026, 3, 9),
    )
    assert early.amount == euros("100")


def test_refund_that_names_nothing_is_pointed_out_and_not_guessed(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    ledger.money.record_refund(ann, amount=euros("20"))
    found = ledger.refunds.assess(ann, dinner, sold="service", service_on=DINNER)
    assert found.amount == euros("50")
    assert found.reasons[-1].startswith("20.00 EUR went back to the customer since then without")


def test_refund_of_another_payment_is_not_pointed_out(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.staff.set_rate(euros("30"))
    one, other = (ledger.money.record_payment(ann, amount=euros(text)) for text in ("100", "70"))
    today = clock().date()
    advice = ledger.refunds.advise(ann, other, sold="goods", delivered_on=today)
    chosen(ledger, advice, record_refund=True)
    found = ledger.refunds.assess(ann, one, sold="goods", delivered_on=today)
    assert found.amount == euros("100")
    assert not any("went back" in reason for reason in found.reasons)


def test_terms_that_were_conveyed_for_a_payment_hold_for_its_invoice(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.terms.set(GoodsTerms(Period(30, D)))
    shown, today = clock(), clock().date()
    clock.advance(timedelta(hours=1))
    invoice = ledger.money.record_invoice(ann, amount=euros("100"), due_on=today)
    payment = ledger.money.record_payment(ann, amount=euros("100"), applies_to=invoice)
    ledger.terms.convey(ann, how="by mail", conveyed_at=shown, deal=payment)
    for named in (payment, invoice):
        assert ledger.refunds.assess(ann, named, sold="goods", delivered_on=today).conveyed


def test_invoice_counts_with_what_was_paid_of_it(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    invoice = ledger.money.record_invoice(
        ann, amount=euros("100"), due_on=date(2026, 2, 1), occurred_at=START
    )
    kind = {"sold": "service", "service_on": DINNER}
    unpaid = ledger.refunds.assess(ann, invoice, **kind)  # type: ignore[arg-type]
    assert not unpaid.allowed
    assert unpaid.reasons[-1].startswith("No payment names this invoice")
    first = ledger.money.record_payment(ann, amount=euros("30"), applies_to=invoice)
    ledger.money.record_payment(ann, amount=euros("20"), applies_to=invoice)
    for named in (invoice, first.id):
        found = ledger.refunds.assess(ann, named, **kind)  # type: ignore[arg-type]
        assert found.amount == euros("50")


def test_payment_that_names_no_invoice_stands_for_itself(ledger: Ledger, ann: Customer) -> None:
    payment = ledger.money.record_payment(ann, amount=euros("30"))
    advice = ledger.refunds.advise(
        ann, payment, sold="service", service_on=DINNER, hourly_rate=euros("30")
    )
    assert advice.asked == euros("30")
    case = chosen(ledger, advice, record_refund=True)
    assert case.refund is not None
    assert ledger.money.get(case.refund).applies_to is None
    left = ledger.refunds.assess(ann, payment, sold="service", service_on=DINNER)
    assert not left.allowed
    assert "30.00 EUR of it was paid back already." in left.reasons


def test_payment_of_another_customer_is_refused(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry
) -> None:
    ben = ledger.customers.add("Ben Moss")
    before = entries(ledger, ann, ben)
    with pytest.raises(BadInputError, match="another customer"):
        ledger.refunds.assess(ben, dinner, sold="service", service_on=DINNER)
    with pytest.raises(BadInputError, match="another customer"):
        ledger.refunds.advise(ben, dinner, sold="service", service_on=DINNER)
    assert entries(ledger, ann, ben) == before


def test_entries_that_are_no_deal_and_mixed_currencies_are_refused(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry
) -> None:
    refund = ledger.money.record_refund(ann, amount=euros("1"), applies_to=dinner)
    with pytest.raises(BadInputError, match="is a refund"):
        ledger.refunds.assess(ann, refund, sold="service", service_on=DINNER)
    with pytest.raises(BadInputError, match="Ask for EUR"):
        ledger.refunds.assess(
            ann,
            dinner,
            RefundRequest(START + timedelta(hours=1), amount=Money.of(1, "USD")),
            sold="service",
            service_on=DINNER,
        )
    ledger.money.record_refund(ann, amount=Money.of(1, "USD"), applies_to=dinner)
    with pytest.raises(BadInputError, match="in USD, and what it belongs to in EUR"):
        ledger.refunds.assess(ann, dinner, sold="service", service_on=DINNER)
    with pytest.raises(BadInputError, match="Say what was sold"):
        ledger.refunds.assess(ann, dinner)
    with pytest.raises(BadInputError, match="Not a fact of a deal: delivred_on"):
        ledger.refunds.assess(ann, dinner, sold="goods", delivred_on=DINNER)  # type: ignore[call-arg]


def test_corrected_payment_counts_with_its_new_amount(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    ledger.money.correct(dinner, amount=euros("60"), reason="it was for one")
    found = ledger.refunds.assess(ann, dinner, sold="service", service_on=DINNER)
    assert found.amount == euros("30")


def test_shop_that_sells_over_the_counter_owes_no_withdrawal(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.terms.set(GoodsTerms(Period(2, D)), at_distance=False)
    ledger.terms.convey(ann, how="on the wall")
    sale = ledger.money.record_sale(ann, amount=euros("40"), occurred_at=START + timedelta(hours=1))
    clock.advance(timedelta(days=5))
    delivered = {"sold": "goods", "delivered_on": date(2026, 1, 5)}
    assert not ledger.refunds.assess(ann, sale, **delivered).allowed  # type: ignore[arg-type]
    by_mail = ledger.refunds.assess(ann, sale, **delivered, at_distance=True)  # type: ignore[arg-type]
    assert by_mail.clauses[0].code == "eu_withdrawal"


def test_not_as_agreed_returns_what_was_not_received(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, clock: Clock
) -> None:
    clock.set(datetime(2026, 3, 21, tzinfo=UTC))
    wish = RefundRequest(clock(), cause=RefundCause.NOT_AS_AGREED, received_percent=67)
    found = ledger.refunds.assess(ann, dinner, wish, sold="service", service_on=DINNER)
    assert found.amount == euros("33")
