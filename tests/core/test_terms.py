"""The refund terms: what contradicts itself, which version holds, and how they read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.calendar.opening_hours import OpeningHours
from custledger.core.calendar.periods import Period, PeriodUnit
from custledger.core.calendar.working_time import Calendar
from custledger.core.canonical import canonical_bytes
from custledger.core.refunds.floors import EU_WITHDRAWAL, NoWithdrawal
from custledger.core.refunds.terms import (
    Condition,
    GoodsTerms,
    NoticeTier,
    Payer,
    RefundTerms,
    ServiceTerms,
    refusals_of,
    suggested_trial,
    version_on,
)
from custledger.core.refunds.terms_words import terms_in_words
from custledger.errors import BadInputError

D, W, M = PeriodUnit.DAYS, PeriodUnit.WEEKS, PeriodUnit.MONTHS
NEW_YEAR = date(2026, 1, 1)
GOODS = GoodsTerms(Period(30, D))
TIERS = ServiceTerms((NoticeTier(Period(14, D), 100), NoticeTier(Period(7, D), 50)))
TERMS = RefundTerms(1, NEW_YEAR, GOODS, TIERS)
WEEKDAYS = Calendar(OpeningHours.monday_to_friday("09:00", "17:00"))


def refused(**changes: object) -> str:
    found = refusals_of(replace(TERMS, **changes))
    return " ".join(found)


def of_tiers(*tiers: tuple[Period, int]) -> str:
    return refused(services=ServiceTerms(tuple(NoticeTier(*tier) for tier in tiers)))


def test_good_terms_are_accepted() -> None:
    assert refusals_of(TERMS) == ()


def test_shorter_notice_that_returns_more_is_refused_and_both_are_named() -> None:
    said = of_tiers((Period(14, D), 50), (Period(7, D), 100))
    assert "14 days ahead: 50 % and 7 days ahead: 100 % contradict each other" in said


def test_tiers_out_of_order_or_named_twice_are_refused() -> None:
    assert "not in order" in of_tiers((Period(7, D), 50), (Period(14, D), 50))
    assert "each once" in of_tiers((Period(7, D), 50), (Period(1, W), 50))


def test_tiers_of_a_month_and_of_days_that_a_month_can_have_are_refused() -> None:
    assert "same day" in of_tiers((Period(1, M), 100), (Period(30, D), 50))
    assert of_tiers((Period(1, M), 100), (Period(27, D), 50)) == ""
    assert of_tiers((Period(32, D), 100), (Period(1, M), 50)) == ""


@pytest.mark.parametrize("percent", [-1, 101])
def test_share_outside_0_to_100_is_refused(percent: int) -> None:
    assert str(percent) in of_tiers((Period(14, D), percent))
    assert str(percent) in refused(goods=replace(GOODS, percent=percent))


def test_trial_below_the_floor_is_refused_and_names_both() -> None:
    said = refused(goods=GoodsTerms(Period(13, D)))
    assert "13 days" in said
    assert "14 days of the right of withdrawal (Directive 2011/83/EU" in said
    assert refused(goods=GoodsTerms(Period(2, W))) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"at_distance": False},
        {"to_consumers": False},
        {"floor": None},
        {"goods": GoodsTerms(Period(2, D), no_withdrawal=frozenset({NoWithdrawal.PERISHABLE}))},
    ],
)
def test_trial_may_be_short_where_the_floor_does_not_apply(changes: dict[str, object]) -> None:
    assert refused(**{"goods": GoodsTerms(Period(2, D)), **changes}) == ""


def test_terms_that_say_nothing_or_end_before_they_begin_are_refused() -> None:
    assert "say nothing" in refused(goods=None, services=None)
    assert "before they begin" in refused(until=date(2025, 12, 31))
    assert "at least one" in refused(services=ServiceTerms(()))


def test_overlapping_versions_are_refused() -> None:
    second = replace(TERMS, version=2, effective_on=date(2026, 7, 1))
    assert refusals_of(second, [TERMS]) == ()
    ends = replace(TERMS, until=date(2026, 7, 1))
    assert "overlap" in " ".join(refusals_of(second, [ends]))
    same_day = replace(second, effective_on=NEW_YEAR)
    assert "both take effect on 1 January 2026" in " ".join(refusals_of(same_day, [TERMS]))
    reaching_back = replace(second, effective_on=date(2025, 7, 1))
    assert "never reaches back" in " ".join(refusals_of(reaching_back, [TERMS]))
    assert "already" in " ".join(refusals_of(replace(second, version=1), [TERMS]))


def test_version_is_the_last_in_force_on_the_day() -> None:
    second = replace(TERMS, version=2, effective_on=date(2026, 7, 1), until=date(2026, 7, 31))
    versions = [second, TERMS]
    assert version_on(versions, date(2025, 12, 31)) is None
    assert version_on(versions, date(2026, 6, 30)) == TERMS
    assert version_on(versions, date(2026, 7, 1)) == second
    assert version_on(versions, date(2026, 8, 1)) is None


def test_value_of_the_wrong_kind_is_a_broken_call() -> None:
    with pytest.raises(BadInputError):
        GoodsTerms(Period(1, M), percent=0.5)  # type: ignore[arg-type]
    with pytest.raises(BadInputError):
        RefundTerms(1, "2026-01-01")  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="condition"):
        GoodsTerms(Period(1, M), condition="mint")  # type: ignore[arg-type]


periods = st.builds(Period, st.integers(1, 60), st.sampled_from([*PeriodUnit]))
exceptions = st.frozensets(st.sampled_from([*NoWithdrawal]))
goods_terms = st.builds(
    GoodsTerms,
    periods,
    st.integers(0, 100),
    st.sampled_from([*Condition]),
    st.sampled_from([*Payer]),
    exceptions,
)
service_terms = st.builds(
    ServiceTerms,
    st.lists(st.builds(NoticeTier, periods, st.integers(0, 100)), max_size=4).map(tuple),
    exceptions,
)
days = st.dates(date(2020, 1, 1), date(2040, 1, 1))
any_terms = st.builds(
    RefundTerms,
    st.integers(1, 99),
    days,
    st.none() | goods_terms,
    st.none() | service_terms,
    st.none() | days,
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, EU_WITHDRAWAL]),
)


@given(any_terms)
def test_terms_read_back_exactly_from_canonical_json(terms: RefundTerms) -> None:
    body = json.loads(canonical_bytes(terms.to_body()))
    assert RefundTerms.from_body(body) == terms


@given(any_terms)
def test_every_version_can_be_said_in_sentences(terms: RefundTerms) -> None:
    for sentence in terms_in_words(terms):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "_" not in sentence


def test_terms_read_like_a_page_for_a_website() -> None:
    goods = GoodsTerms(suggested_trial(Period(2, W)), condition=Condition.UNUSED)
    services = replace(TIERS, no_withdrawal=frozenset({NoWithdrawal.DATED_LEISURE}))
    assert terms_in_words(RefundTerms(1, NEW_YEAR, goods, services)) == [
        "These terms apply to orders from 1 January 2026 on.",
        "You may try what you bought for 4 weeks after delivery and then return it.",
        "We pay back the full price if it comes back unused and complete.",
        "We pay for sending it back.",
        "As a consumer who orders at a distance or away from our premises you have by law a right "
        "of withdrawal of 14 days from delivery, without giving reasons (Directive 2011/83/EU, "
        "articles 9 to 16); nothing here takes it away.",
        "If you cancel at least 14 days before the agreed day, we pay back the full price.",
        "If you cancel at least 7 days before the agreed day, we pay back 50 % of the price.",
        "If you cancel later than that, we cannot pay anything back.",
        "Once the service was delivered as agreed, nothing is paid back.",
        "There is no right of withdrawal by law here, because the service is for a set date "
        "(lodging, transport of goods, car rental, catering or leisure).",
        "If you did not get what you paid for, we pay back the part you did not get.",
        "Amounts are rounded up to the smallest coin, in your favour.",
    ]


def test_floor_of_who_was_not_told_is_a_year_longer() -> None:
    start = date(2026, 3, 2)
    usual = EU_WITHDRAWAL.last_day(start, start, WEEKDAYS)
    assert usual == date(2026, 3, 16)
    assert EU_WITHDRAWAL.last_day(start, None, WEEKDAYS) == date(2027, 3, 16)
    assert EU_WITHDRAWAL.last_day(start, date(2026, 6, 1), WEEKDAYS) == date(2026, 6, 15)
    assert EU_WITHDRAWAL.last_day(start, date(2027, 3, 10), WEEKDAYS) == date(2027, 3, 16)


def test_who_is_told_within_12_months_of_the_start_has_14_days_from_then() -> None:
    """Article 10(2): 12 months from the day of article 9(2), and never cut short by 10(1)."""
    start = date(2028, 2, 20)  # 14 days on is 5 March, since 2028 has a 29 February
    assert EU_WITHDRAWAL.last_day(start, None, WEEKDAYS) == date(2029, 3, 5)
    assert EU_WITHDRAWAL.last_day(start, date(2029, 2, 20), WEEKDAYS) == date(2029, 3, 6)
    assert EU_WITHDRAWAL.last_day(start, date(2029, 2, 21), WEEKDAYS) == date(2029, 3, 5)


def test_exception_that_holds_only_afterwards_leaves_the_floor_in_place() -> None:
    """Article 16(a), (e), (f), (i), (m): sealed goods may be returned while the seal is whole."""
    sealed = GoodsTerms(Period(2, D), no_withdrawal=frozenset({NoWithdrawal.UNSEALED_HYGIENE}))
    assert "less than the 14 days" in refused(goods=sealed)
    said = terms_in_words(replace(TERMS, goods=replace(sealed, trial=Period(14, D))))
    assert "That right ends once a seal that is there for health or hygiene is broken." in said
    assert any(s.startswith("As a consumer who orders at a distance") for s in said)


def test_terms_of_a_limited_time_name_both_days() -> None:
    limited = replace(TERMS, until=date(2026, 1, 31))
    assert terms_in_words(limited)[0] == (
        "These terms apply to orders from 1 January 2026 to 31 January 2026, both days included."
    )
    assert terms_in_words(replace(TERMS, until=NEW_YEAR))[0] == (
        "These terms apply to orders on 1 January 2026."
    )


@given(days, st.none() | st.integers(-30, 800))
def test_floor_is_never_shorter_than_its_period(start: date, told: int | None) -> None:
    told_on = None if told is None else start + timedelta(told)
    last = EU_WITHDRAWAL.last_day(start, told_on, WEEKDAYS)
    assert last >= start + timedelta(14)
    assert last.weekday() < 5
