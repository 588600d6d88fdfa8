"""The refunds book: assessed from the ledger, advised, chosen by a person; on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from custledger import Ledger, Money
from custledger.core.calendar.periods import Period, PeriodUnit
from custledger.core.records import Customer, MoneyEntry
from custledger.core.refunds.advice import Choice, Estimate
from custledger.core.refunds.assessment import RefundCause, RefundRequest
from custledger.core.refunds.cases import RefundCase
from custledger.core.refunds.choices import Chosen, Ended, RequestAdvice
from custledger.core.refunds.floors import NoWithdrawal
from custledger.core.refunds.terms import GoodsTerms, NoticeTier, ServiceTerms
from custledger.errors import BadInputError
from custledger.pytest_plugin import START, Clock

D = PeriodUnit.DAYS
DATED = frozenset({NoWithdrawal.DATED_LEISURE})
TIERS = ServiceTerms((NoticeTier(Period(14, D), 100), NoticeTier(Period(7, D), 50)), DATED)
DINNER = date(2026, 3, 20)


def euros(text: str) -> Money:
    return Money.of(text, "EUR")


def entries(ledger: Ledger, *customers: Customer) -> int:
    return len(ledger.history()) + sum(len(ledger.history(customer)) for customer in customers)


def codes(found: Chosen | Ended) -> list[str]:
    assert not found.done
    assert found.case is None
    return [refusal.code for refusal in found.refusals]


@pytest.fixture
def dinner(ledger: Ledger, ann: Customer, clock: Clock) -> MoneyEntry:
    """A dinner on 20 March, paid on 5 January an hour after the terms were shown."""
    ledger.terms.set(GoodsTerms(Period(30, D)), TIERS)
    ledger.terms.convey(ann, how="on the order page")
    clock.advance(timedelta(hours=1))
    return ledger.money.record_sale(ann, amount=euros("100"))


def asked(text: str, **facts: object) -> RefundRequest:
    return RefundRequest(datetime.fromisoformat(text).replace(tzinfo=UTC), **facts)  # type: ignore[arg-type]


def advised(ledger: Ledger, ann: Customer, dinner: MoneyEntry) -> RequestAdvice:
    """Asked for all of it ten days ahead, when half is owed."""
    return ledger.refunds.advise(ann, dinner, sold="service", service_on=DINNER)


@pytest.fixture
def march(dinner: MoneyEntry, clock: Clock) -> datetime:
    clock.set(datetime(2026, 3, 10, 10, tzinfo=UTC))
    return clock()


def chosen(
    ledger: Ledger, advice: RequestAdvice, choice: str = "refund", **how: bool
) -> RefundCase:
    found = ledger.refunds.choose(advice, choice, reason="to part well", **how)
    assert found.done
    assert found.case is not None
    return found.case


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


def test_advice_itemises_two_costs_with_their_sources(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    ledger.staff.set_rate(euros("30"))
    found = advised(ledger, ann, dinner)
    assert (found.asked, found.advice.owed, found.advice.question) == (
        euros("100"),
        euros("50"),
        euros("50"),
    )
    assert {i.code: str(i.amount) for i in (*found.advice.refund, *found.advice.contest)} == {
        "amount": "50.00 EUR",
        "handling": "5.00 EUR",
        "contesting": "30.00 EUR",
        "chargeback_fee": "3.75 EUR",
        "losing": "23.00 EUR",
        "word_of_mouth": "0.00 EUR",
    }
    assert found.advice.choice is Choice.REFUND
    for item in (*found.advice.refund[1:], *found.advice.contest):
        assert all(source.source and source.sample == 0 for source in item.sources)


def test_advice_needs_to_know_what_an_hour_costs(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    with pytest.raises(BadInputError, match="custledger add hourly-rate"):
        advised(ledger, ann, dinner)


def test_rate_in_another_currency_is_converted_or_missed(
    ledger: Ledger, ann: Customer, march: datetime
) -> None:
    ledger.staff.set_rate(euros("46"))
    dollars = ledger.money.record_sale(ann, amount=Money.of("100", "USD"))
    with pytest.raises(BadInputError, match="without an exchange rate"):
        ledger.refunds.advise(ann, dollars, sold="service", service_on=DINNER)
    ledger.exchange_rates.set("USD", "0.92")
    found = ledger.refunds.advise(ann, dollars, sold="service", service_on=DINNER)
    assert found.hourly_rate == Money.of("50", "USD")


def test_more_than_what_is_left_cannot_be_asked_for_as_a_refund(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    wish = RefundRequest(march, amount=euros("100.01"))
    with pytest.raises(BadInputError, match="another claim"):
        ledger.refunds.advise(
            ann, dinner, wish, sold="service", service_on=DINNER, hourly_rate=euros("30")
        )


def test_own_history_counts_from_five_requests_on(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    ledger.staff.set_rate(euros("30"))
    for number in range(5):
        customer = ledger.customers.add(f"Customer {number}")
        for minutes in (4, 6):
            ledger.interactions.record(
                customer,
                channel="email",
                purpose="refund_request",
                handling_time=timedelta(minutes=minutes + number),
            )
        ledger.money.record_refund(customer, amount=euros("5"))
        other = ledger.customers.add(f"Other {number}")
        ledger.interactions.record(
            other, channel="email", purpose="refund_request", handling_time=timedelta(minutes=40)
        )
        if number < 2:
            ledger.money.record_chargeback(other, amount=euros("5"))
    sale = ledger.money.record_sale(ann, amount=euros("100"))
    clock.advance(timedelta(days=121))
    advice = ledger.refunds.advise(ann, sale, sold="service", service_on=date(2026, 12, 1)).advice
    by_code = {item.code: item for item in (*advice.refund, *advice.contest)}
    assert advice.question == euros("0")
    assert by_code == {}
    assert advice.losing == Estimate(0.4, "own history: 5 contested requests", 5)
    assert advice.chargeback == Estimate(0.4, "own history: 5 contested requests", 5)
    ledger.terms.set(services=ServiceTerms((NoticeTier(Period(1, D), 0),), DATED))
    ledger.terms.convey(ann, how="at the counter")
    later = ledger.money.record_sale(ann, amount=euros("100"), occurred_at=clock())
    advice = ledger.refunds.advise(ann, later, sold="service", service_on=date(2026, 12, 1)).advice
    by_code = {item.code: item for item in (*advice.refund, *advice.contest)}
    assert by_code["handling"].sources == (
        Estimate(14.0, "own history: 5 requests refunded without a dispute", 5),
    )
    assert by_code["contesting"].sources == (
        Estimate(40.0, "own history: 5 contested requests", 5),
    )


def test_worth_of_a_customer_is_counted_once_the_margin_is_known(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    ledger.staff.set_rate(euros("30"))
    for number in range(4):
        ledger.money.record_sale(ledger.customers.add(f"C {number}"), amount=euros("400"))
    assert "not known" in advised(ledger, ann, dinner).advice.contest[-1].text
    ledger.score_policies.set(margin=0.5)
    [*_, lost, worth] = advised(ledger, ann, dinner).advice.contest[-1].sources
    assert lost.sample == 0
    assert worth == Estimate(170.0, "own history: net contribution of 5 customers", 5)


def test_stated_defaults_are_versioned_and_can_be_replaced(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    own = Estimate(0.8, "what our bank told us")
    policy = ledger.refunds.set_policy(losing=own, reason="a letter of the bank")
    assert (policy.version, policy.losing) == (1, own)
    assert ledger.refunds.policy() == policy
    assert ledger.refunds.policy(date(2026, 3, 9)).version == 0
    second = ledger.refunds.set_policy(fee=Estimate(20, "our contract"), reason="a new contract")
    assert (second.version, second.losing) == (2, own)
    assert [p.version for p in ledger.refunds.policies()] == [0, 1, 2]
    found = ledger.refunds.advise(
        ann, dinner, sold="service", service_on=DINNER, hourly_rate=euros("30")
    )
    assert (found.advice.policy_version, found.advice.losing) == (2, own)
    before = entries(ledger)
    with pytest.raises(BadInputError, match="is no figure"):
        ledger.refunds.set_policy(loosing=own, reason="a typing error")
    with pytest.raises(BadInputError, match="probability"):
        ledger.refunds.set_policy(losing=Estimate(1.5, "too sure"), reason="a typing error")
    assert entries(ledger) == before


def test_not_as_agreed_returns_what_was_not_received(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, clock: Clock
) -> None:
    clock.set(datetime(2026, 3, 21, tzinfo=UTC))
    wish = RefundRequest(clock(), cause=RefundCause.NOT_AS_AGREED, received_percent=67)
    found = ledger.refunds.assess(ann, dinner, wish, sold="service", service_on=DINNER)
    assert found.amount == euros("33")
