"""Refund or contest: items that add up, sources that are said, advice that is scored."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.canonical import canonical_bytes
from custledger.core.money import Money
from custledger.core.refunds.advice import (
    AdvicePolicy,
    Choice,
    Estimate,
    RefundAdvice,
    RefundHistory,
    advise_refund,
)
from custledger.core.refunds.advice_report import AdviceOutcome, advice_report
from custledger.errors import BadInputError

POLICY = AdvicePolicy()
RATE = Money(6_000, "EUR")
NOTHING = Money(0, "EUR")


def own(value: float, sample: int = 20) -> Estimate:
    return Estimate(value, "own history", sample)


def advise(asked: int, owed: int = 0, **facts: object) -> RefundAdvice:
    given: dict[str, object] = {"policy": POLICY, **facts}
    return advise_refund(Money(asked, "EUR"), Money(owed, "EUR"), RATE, **given)  # type: ignore[arg-type]


def minor_of(advice: RefundAdvice) -> dict[str, int]:
    return {i.code: i.amount.minor for i in (*advice.refund, *advice.contest)}


def test_costs_are_itemised_from_the_stated_defaults() -> None:
    assert minor_of(advise(10_000)) == {
        "amount": 10_000,
        "handling": 1_000,
        "contesting": 6_000,
        "chargeback_fee": 375,
        "losing": 4_600,
        "word_of_mouth": 0,
    }


def test_small_sum_is_refunded_and_a_large_one_may_be_contested() -> None:
    assert advise(2_000).choice is Choice.REFUND
    assert advise(100_000).choice is Choice.CONTEST


def test_break_even_is_the_risk_at_which_both_cost_the_same() -> None:
    found = advise(10_000)
    assert found.break_even == pytest.approx((11_000 - 6_375) / 10_000)
    assert "Contesting pays only if the risk of losing is below 46%." in found.reasons
    even = advise(10_000, history=RefundHistory(losing=own(found.break_even or 0)))
    assert even.contest_cost == even.refund_cost
    assert even.choice is Choice.REFUND


def test_what_is_owed_is_refunded_whatever_it_costs() -> None:
    found = advise(100_000, owed=100_000)
    assert (found.choice, found.question, found.break_even) == (Choice.REFUND, NOTHING, None)
    assert found.reasons == ("1,000.00 EUR is owed, and refunded whatever it costs.",)


def test_only_what_goes_beyond_the_owed_is_in_question() -> None:
    found = advise(12_000, owed=2_000)
    assert minor_of(found)["amount"] == 10_000
    assert found.reasons[0] == "20.00 EUR is owed in any case."


def test_own_history_counts_from_five_cases_on() -> None:
    few = advise(10_000, history=RefundHistory(losing=own(1.0, 4)))
    assert few.losing.value == POLICY.losing.value
    assert few.losing.source.endswith("(own history: 4, fewer than 5)")
    enough = advise(10_000, history=RefundHistory(losing=own(1.0, 5)))
    assert (enough.losing.value, enough.losing.sample) == (1.0, 5)


def test_every_uncertain_item_names_its_sources() -> None:
    found = advise(10_000, history=RefundHistory(customer_worth=own(500.0)))
    for item in (*found.refund[1:], *found.contest):
        assert item.sources
        assert all(s.source for s in item.sources)
    assert minor_of(found)["word_of_mouth"] == 16_000


def test_unknown_worth_of_a_customer_is_said_and_not_guessed() -> None:
    assert "not known" in advise(10_000).contest[-1].text


def test_goods_that_come_back_make_a_refund_cheaper() -> None:
    found = advise(10_000, goods_back=Money(9_000, "EUR"))
    assert found.refund_cost == Money(2_000, "EUR")
    assert found.choice is Choice.REFUND


def test_payment_that_cannot_be_charged_back_has_no_fee() -> None:
    assert minor_of(advise(10_000, by_card=False))["chargeback_fee"] == 0


def test_fee_is_scaled_where_a_currency_has_no_minor_unit() -> None:
    yen = Money(10_000, "JPY")
    found = advise_refund(yen, Money(0, "JPY"), Money(6_000, "JPY"), policy=POLICY)
    assert minor_of(found)["chargeback_fee"] == 375


def test_different_currencies_are_a_broken_call() -> None:
    with pytest.raises(BadInputError, match="different currencies"):
        advise_refund(Money(1, "EUR"), Money(0, "USD"), RATE, policy=POLICY)
    with pytest.raises(BadInputError, match="probability"):
        AdvicePolicy(losing=own(1.5))
    with pytest.raises(BadInputError):
        Estimate(float("nan"), "a guess")
    with pytest.raises(BadInputError, match="source"):
        Estimate(1.0, "")


def test_policy_reads_back_from_canonical_json() -> None:
    policy = AdvicePolicy(version=3, losing=own(0.1))
    assert AdvicePolicy.from_body(json.loads(canonical_bytes(policy.to_body()))) == policy


shares = st.floats(0, 1)
histories = st.builds(
    RefundHistory,
    losing=st.none() | shares.map(own),
    chargeback=st.none() | shares.map(own),
    customer_worth=st.none() | st.floats(0, 1000).map(own),
)


@given(st.integers(0, 10**8), st.integers(0, 10**8), histories)
def test_advice_is_the_cheaper_cost_and_its_break_even_agrees(
    asked: int, owed: int, history: RefundHistory
) -> None:
    found = advise(asked, owed, history=history)
    assert found.owed + found.question == Money(asked, "EUR")
    cheapest = min(found.refund_cost, found.contest_cost)
    assert found.cost_of(found.choice) == cheapest
    if found.break_even is not None:
        rounding = 1 / found.question.minor
        if found.losing.value < found.break_even - rounding:
            assert found.choice is Choice.CONTEST
        if found.losing.value > found.break_even + rounding:
            assert found.choice is Choice.REFUND


@given(st.integers(1, 10**8), shares, shares)
def test_higher_risk_never_turns_a_refund_into_a_contest(asked: int, p: float, q: float) -> None:
    low, high = sorted((p, q))
    contest = advise(asked, history=RefundHistory(losing=own(high))).choice is Choice.CONTEST
    if contest:
        assert advise(asked, history=RefundHistory(losing=own(low))).choice is Choice.CONTEST


def test_report_holds_predictions_against_what_happened() -> None:
    contested, refunded = advise(100_000), advise(2_000)
    outcomes = [
        AdviceOutcome(contested, Choice.CONTEST, Money(7_000, "EUR")),
        AdviceOutcome(
            contested, Choice.CONTEST, Money(110_000, "EUR"), lost=True, charged_back=True
        ),
        AdviceOutcome(contested, Choice.REFUND, Money(101_000, "EUR")),
        AdviceOutcome(refunded, Choice.REFUND, Money(3_500, "EUR")),
    ]
    report = advice_report(outcomes)
    assert (report.cases, report.followed, report.contested) == (4, 3, 2)
    assert (report.losses, report.chargebacks) == (1, 1)
    assert report.losses_expected == pytest.approx(0.92)
    assert report.brier == pytest.approx((0.46**2 + 0.54**2) / 2)
    contest = report.lines[0]
    assert (contest.choice, contest.cases) == (Choice.CONTEST, 2)
    assert contest.actual == Money(117_000, "EUR")
    assert contest.predicted.minor == 2 * contested.contest_cost.minor
    assert report.in_words[0] == "The advice was followed in 3 of 4 cases."


def test_report_without_contests_has_no_brier_score() -> None:
    report = advice_report([])
    assert (report.cases, report.brier) == (0, None)
    assert replace(report, cases=1).in_words == ("The advice was followed in 0 of 1 case.",)
