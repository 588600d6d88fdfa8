"""What a customer gets back: by the terms, by law, by fairness; never more than was paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.calendar.periods import Period, PeriodUnit
from custledger.core.money import Money
from custledger.core.refunds.assessment import (
    Conveyance,
    Paid,
    RefundAssessment,
    RefundCause,
    RefundRequest,
    Sold,
    assess_refund,
    share_of,
)
from custledger.core.refunds.floors import EU_WITHDRAWAL, NoWithdrawal
from custledger.core.refunds.terms import GoodsTerms, NoticeTier, RefundTerms, ServiceTerms
from custledger.errors import BadInputError

D, M = PeriodUnit.DAYS, PeriodUnit.MONTHS
NEW_YEAR = date(2026, 1, 1)
TIERS = ServiceTerms(
    (NoticeTier(Period(14, D), 100), NoticeTier(Period(7, D), 50)),
    no_withdrawal=frozenset({NoWithdrawal.DATED_LEISURE}),
)
TERMS = RefundTerms(1, NEW_YEAR, GoodsTerms(Period(1, M), percent=80), TIERS)
DEAL = datetime(2026, 1, 5, 10, tzinfo=UTC)
TOLD = (Conveyance(1, DEAL - timedelta(hours=1), "on the order page"),)
GOODS = Paid(Money(10_000, "EUR"), Sold.GOODS, DEAL, delivered_on=date(2026, 1, 31))
DINNER = Paid(Money(10_000, "EUR"), Sold.SERVICE, DEAL, service_on=date(2026, 3, 20))
END = date(2030, 1, 1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def assess(
    paid: Paid, asked: str, *, told: bool = True, zone_name: str = "UTC", **request: object
) -> RefundAssessment:
    wish = RefundRequest(at(asked), **request)  # type: ignore[arg-type]
    return assess_refund([TERMS], TOLD if told else (), paid, wish, END, zone_name=zone_name)


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


@pytest.mark.parametrize(
    ("asked", "minor"),
    [("2026-03-06", 10_000), ("2026-03-07", 5_000), ("2026-03-13", 5_000), ("2026-03-14", 0)],
)
def test_service_is_refunded_by_its_notice_tier(asked: str, minor: int) -> None:
    found = assess(DINNER, asked)
    assert (found.amount, found.allowed) == (euros(minor), minor > 0)


def test_assessment_says_version_clause_conveyance_and_reason() -> None:
    found = assess(DINNER, "2026-03-07")
    assert found == RefundAssessment(
        allowed=True,
        amount=euros(5_000),
        reasons=(
            "Version 1 of the terms was in force and conveyed before the deal (on the order page).",
            "Cancelled at least 7 days ahead, 50 % is paid back.",
        ),
        clauses=(("terms_service", "version 1 of the terms"),),  # type: ignore[arg-type]
        conveyed=True,
        version=1,
        until=date(2026, 3, 13),
    )


def test_refusal_gives_every_reason() -> None:
    found = assess(DINNER, "2026-03-19")
    assert not found.allowed
    assert found.reasons[1:] == (
        "Cancelled less than 7 days ahead, nothing is paid back.",
        "By law there is no right to withdraw here.",
    )


def test_day_is_that_of_the_ledgers_zone() -> None:
    assert assess(DINNER, "2026-03-06 23:30").amount == euros(10_000)
    assert assess(DINNER, "2026-03-06 23:30", zone_name="Europe/Berlin").amount == euros(5_000)


def test_delivered_service_is_not_refunded_if_it_was_as_agreed() -> None:
    assert not assess(DINNER, "2026-03-25").allowed
    cause = RefundCause.NOT_AS_AGREED
    part = assess(DINNER, "2026-03-25", cause=cause, received_percent=70)
    assert part.amount == euros(3_000)
    assert part.clauses[0].code == "not_received"
    assert not assess(DINNER, "2026-03-25", cause=cause).allowed


def test_trial_of_a_month_from_31_january_ends_on_28_february() -> None:
    assert assess(GOODS, "2026-02-28").amount == euros(8_000)
    assert assess(GOODS, "2026-02-28").until == date(2026, 2, 28)
    late = assess(GOODS, "2026-03-01")
    assert not late.allowed
    assert "ended on 28 February 2026" in late.reasons[1]


def test_trial_in_a_leap_year_ends_on_29_february() -> None:
    paid = replace(GOODS, delivered_on=date(2028, 1, 31))
    assert assess(paid, "2028-02-29").amount == euros(8_000)
    assert not assess(paid, "2028-03-01").allowed


def test_law_is_better_than_the_terms_in_the_first_14_days() -> None:
    found = assess(GOODS, "2026-02-14")
    assert found.amount == euros(10_000)
    assert found.clauses[0].code == "eu_withdrawal"
    assert found.clauses[0].source.startswith("Directive 2011/83/EU")


def test_withdrawal_that_ends_on_a_saturday_holds_to_monday() -> None:
    paid = replace(GOODS, delivered_on=date(2026, 1, 31))  # 14 February 2026 is a Saturday
    assert assess(paid, "2026-02-16").amount == euros(10_000)
    assert assess(paid, "2026-02-17").amount == euros(8_000)


@pytest.mark.parametrize(
    "facts",
    [
        {"at_distance": False},
        {"consumer": False},
        {"no_withdrawal": frozenset({NoWithdrawal.PERISHABLE})},
    ],
)
def test_law_has_its_exceptions(facts: dict[str, object]) -> None:
    assert assess(replace(GOODS, **facts), "2026-02-10").amount == euros(8_000)  # type: ignore[arg-type]


def test_seal_that_was_not_broken_leaves_the_right_of_withdrawal() -> None:
    """Article 16(e) takes the right away from goods that were unsealed, and from no others."""
    sealed = replace(
        TERMS,
        goods=GoodsTerms(
            Period(14, D), percent=0, no_withdrawal=frozenset({NoWithdrawal.UNSEALED_HYGIENE})
        ),
    )
    wish = RefundRequest(at("2026-02-10"))
    assert assess_refund([sealed], TOLD, GOODS, wish, END).amount == euros(10_000)
    broken = replace(GOODS, no_withdrawal=frozenset({NoWithdrawal.UNSEALED_HYGIENE}))
    assert not assess_refund([sealed], TOLD, broken, wish, END).allowed


def test_service_not_yet_performed_keeps_its_right_of_withdrawal() -> None:
    """Article 16(a) is about services that were performed in full."""
    terms = RefundTerms(
        1,
        NEW_YEAR,
        services=ServiceTerms(
            (NoticeTier(Period(99, D), 0),), frozenset({NoWithdrawal.SERVICE_PERFORMED})
        ),
    )
    wish = RefundRequest(at("2026-01-12"))
    assert assess_refund([terms], TOLD, DINNER, wish, END).amount == euros(10_000)
    done = replace(DINNER, service_on=date(2026, 1, 8))
    assert assess_refund([terms], TOLD, done, wish, END).amount == euros(10_000)
    asked_for = replace(done, begun_on_request=True)
    assert not assess_refund([terms], TOLD, asked_for, wish, END).allowed


def test_goods_in_another_condition_are_not_refunded_by_the_terms() -> None:
    assert not assess(GOODS, "2026-02-20", condition_met=False).allowed
    assert assess(GOODS, "2026-02-10", condition_met=False).clauses[0].code == "eu_withdrawal"


def test_terms_that_were_not_conveyed_are_not_held_against_anybody() -> None:
    found = assess(DINNER, "2026-03-19", told=False)
    assert (found.amount, found.conveyed, found.version) == (euros(10_000), False, 1)
    assert "not conveyed" in found.reasons[0]
    assert found.clauses[0].code == "nothing_agreed"


def test_without_conveyance_goods_have_only_the_law_which_is_a_year_longer() -> None:
    assert assess(GOODS, "2027-02-01", told=False).amount == euros(10_000)
    assert assess(GOODS, "2027-02-16", told=False).clauses[0].code == "eu_withdrawal"
    shop = replace(GOODS, at_distance=False)
    assert not assess(shop, "2026-02-01", told=False).allowed


def test_terms_conveyed_after_the_deal_do_not_bind_the_customer() -> None:
    late = (Conveyance(1, DEAL + timedelta(days=3)),)
    wish = RefundRequest(at("2026-03-19"))
    found = assess_refund([TERMS], late, DINNER, wish, END)
    assert not found.conveyed
    assert "only on 8 January 2026" in found.reasons[0]
    assert found.amount == euros(10_000)


def test_version_in_force_at_the_deal_counts_and_not_a_later_one() -> None:
    mean = replace(TERMS, version=2, effective_on=date(2026, 2, 1), services=ServiceTerms(()))
    found = assess_refund([TERMS, mean], TOLD, DINNER, RefundRequest(at("2026-03-06")), END)
    assert (found.version, found.amount) == (1, euros(10_000))


def test_deal_before_any_terms_has_law_and_fairness_only() -> None:
    old = replace(DINNER, deal_at=at("2025-12-01"))
    found = assess_refund([TERMS], TOLD, old, RefundRequest(at("2026-03-19")), END)
    assert found.version is None
    assert found.amount == euros(10_000)
    goods = replace(GOODS, deal_at=at("2025-12-01"))
    law = assess_refund([], (), goods, RefundRequest(at("2026-02-10")), END, law=EU_WITHDRAWAL)
    assert law.amount == euros(10_000)


def test_service_begun_on_request_is_paid_for_its_part_if_the_customer_was_told() -> None:
    lessons = RefundTerms(1, NEW_YEAR, services=ServiceTerms((NoticeTier(Period(99, D), 0),)))
    course = replace(DINNER, service_on=date(2026, 1, 8), begun_on_request=True)
    wish = RefundRequest(at("2026-01-12"), received_percent=33)
    found = assess_refund([lessons], TOLD, course, wish, END)
    assert found.amount == euros(6_700)
    assert assess_refund([lessons], (), course, wish, END).amount == euros(10_000)


def test_earlier_partial_refund_is_taken_off() -> None:
    part = replace(DINNER, refunded=euros(2_000))
    found = assess(part, "2026-03-07")
    assert found.amount == euros(3_000)
    assert "20.00 EUR of it was paid back already." in found.reasons
    assert not assess(replace(DINNER, refunded=euros(5_000)), "2026-03-07").allowed


def test_no_more_than_was_asked_for() -> None:
    found = assess(DINNER, "2026-03-07", amount=euros(1_000))
    assert found.amount == euros(1_000)
    assert "10.00 EUR was asked for; 50.00 EUR would be due." in found.reasons


def test_broken_calls_say_what_to_do() -> None:
    with pytest.raises(BadInputError, match="after the deal"):
        assess(DINNER, "2026-01-01")
    with pytest.raises(BadInputError, match="EUR"):
        assess(DINNER, "2026-03-07", amount=Money(1, "USD"))
    with pytest.raises(BadInputError, match="received_percent"):
        assess(DINNER, "2026-03-07", received_percent=101)
    with pytest.raises(BadInputError, match="service_on"):
        Paid(euros(1), Sold.SERVICE, DEAL)
    with pytest.raises(BadInputError, match="paid back of"):
        replace(DINNER, refunded=euros(10_001))
    with pytest.raises(BadInputError, match="time zone"):
        RefundRequest(datetime(2026, 3, 7))


percents = st.integers(0, 100)
tiers = st.lists(st.tuples(st.integers(1, 90), percents), min_size=1, max_size=4).map(
    lambda found: tuple(
        NoticeTier(Period(days, D), percent)
        for days, percent in zip(
            sorted({d for d, _ in found}, reverse=True),
            sorted((p for _, p in found), reverse=True),
            strict=False,
        )
    )
)
all_terms = st.builds(
    RefundTerms,
    version=st.just(1),
    effective_on=st.just(NEW_YEAR),
    goods=st.builds(GoodsTerms, st.builds(Period, st.integers(14, 90), st.just(D)), percents),
    services=st.builds(ServiceTerms, tiers),
    floor=st.sampled_from([None, EU_WITHDRAWAL]),
)
sales = st.builds(
    Paid,
    amount=st.integers(0, 10**9).map(euros),
    sold=st.sampled_from([*Sold]),
    deal_at=st.just(DEAL),
    delivered_on=st.none() | st.dates(date(2026, 1, 5), date(2026, 3, 31)),
    service_on=st.dates(date(2026, 1, 5), date(2026, 6, 30)),
    at_distance=st.booleans(),
    begun_on_request=st.booleans(),
)
requests = st.builds(
    RefundRequest,
    asked_at=st.integers(0, 400).map(lambda days: DEAL + timedelta(days)),
    cause=st.sampled_from([*RefundCause]),
    received_percent=st.none() | percents,
)
told = st.sampled_from([(), TOLD])


@given(all_terms, told, sales, requests, st.integers(0, 100))
def test_partial_refunds_never_exceed_what_was_paid(
    terms: RefundTerms, shown: tuple[Conveyance, ...], sale: Paid, wish: RefundRequest, part: int
) -> None:
    before = replace(sale, refunded=share_of(sale.amount, part))
    found = assess_refund([terms], shown, before, wish, END)
    assert found.amount.minor >= 0
    assert found.amount + before.already <= sale.amount
    assert found.allowed == (found.amount.minor > 0)
    assert found.reasons
    again = replace(sale, refunded=before.already + found.amount)
    assert not assess_refund([terms], shown, again, wish, END).allowed


@given(all_terms, sales, requests)
def test_law_is_never_undercut_by_terms(
    terms: RefundTerms, sale: Paid, wish: RefundRequest
) -> None:
    zero = replace(terms, goods=GoodsTerms(Period(14, D), 0), services=ServiceTerms(()))
    if sale.sold is Sold.SERVICE:
        zero = replace(zero, services=ServiceTerms((NoticeTier(Period(1, D), 0),)))
    by_law = assess_refund([zero], TOLD, sale, wish, END).amount
    assert assess_refund([terms], TOLD, sale, wish, END).amount >= by_law


@given(all_terms, sales, requests)
def test_who_was_told_nothing_gets_no_less_by_law_and_no_fee(
    terms: RefundTerms, sale: Paid, wish: RefundRequest
) -> None:
    if sale.sold is Sold.SERVICE:
        shown = assess_refund([terms], TOLD, sale, replace(wish, received_percent=0), END)
        unshown = assess_refund([terms], (), sale, replace(wish, received_percent=0), END)
        assert unshown.amount >= shown.amount


@given(all_terms, sales, requests, st.integers(0, 100))
def test_earlier_notice_never_returns_less(
    terms: RefundTerms, sale: Paid, wish: RefundRequest, sooner: int
) -> None:
    earlier = replace(wish, asked_at=max(DEAL, wish.asked_at - timedelta(sooner)))
    first = assess_refund([terms], TOLD, sale, earlier, END).amount
    assert first >= assess_refund([terms], TOLD, sale, wish, END).amount or (
        wish.received_percent is None and wish.cause is RefundCause.NOT_AS_AGREED
    )


@given(st.integers(0, 10**12), percents)
def test_share_is_rounded_up_by_less_than_a_minor_unit(minor: int, percent: int) -> None:
    found = share_of(euros(minor), percent).minor
    assert 0 <= found * 100 - minor * percent < 100
    assert found <= minor
