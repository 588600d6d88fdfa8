"""Advice on refunds from the ledger: the two costs and where their figures come from."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from custledger import Ledger, Money
from custledger.core.calendar.periods import Period
from custledger.core.records import Customer, MoneyEntry
from custledger.core.refunds.advice import Choice, Estimate
from custledger.core.refunds.assessment import RefundRequest
from custledger.core.refunds.terms import NoticeTier, ServiceTerms
from custledger.errors import BadInputError
from custledger.pytest_plugin import Clock
from tests.books.refunding import (
    DATED,
    DINNER,
    D,
    advised,
    entries,
    euros,
)


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


@pytest.mark.parametrize("recorded", ["at once", "late"])
def test_advice_as_of_a_past_day_knows_nothing_of_what_came_later(
    ledger: Ledger, clock: Clock, ann: Customer, recorded: str
) -> None:
    sale, then = ledger.money.record_sale(ann, amount=euros("100")), clock()
    clock.advance(timedelta(days=10))
    for number in range(5):
        customer = ledger.customers.add(f"Customer {number}")
        at = then - timedelta(days=1) if recorded == "late" else clock()
        ledger.interactions.record(
            customer,
            channel="email",
            purpose="refund_request",
            handling_time=timedelta(minutes=50),
            occurred_at=at,
        )
        ledger.money.record_refund(customer, amount=euros("5"), occurred_at=at)
    clock.advance(timedelta(days=1))

    def sample(day: date | None) -> int:
        wish = RefundRequest(then)
        facts = {"no_withdrawal": ["perishable"], "delivered_on": then.date()}
        found = ledger.refunds.advise(
            ann, sale, wish, as_of=day, sold="goods", hourly_rate=euros("30"), **facts
        )
        return found.advice.refund[1].sources[0].sample

    assert (sample(then.date()), sample(None)) == (0, 5)
