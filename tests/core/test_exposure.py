"""Exposure by word of mouth: each term with its source, and the firm's own figures first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger import Money
from custledger.core.refunds.advice import AdvicePolicy, CostItem, Estimate
from custledger.core.worth.exposure import ExposurePolicy, WordOfMouth, word_of_mouth
from custledger.errors import BadInputError

OWN = Estimate(500, "own ledger", 40)


def test_estimate_shows_each_term_with_its_source() -> None:
    policy = ExposurePolicy()
    assert word_of_mouth(3, 1_200, currency="EUR", policy=policy, worth=OWN) == WordOfMouth(
        policy_version=0,
        experiences=3,
        reach=1_200,
        customers_lost=0.96,
        worth=OWN,
        items=(
            CostItem(
                "word_of_mouth",
                "3 bad experiences x 1 told of each x 32% lost x 500.00 EUR that a customer brings",
                Money(480_00, "EUR"),
                (policy.people_told, policy.share_lost, OWN),
            ),
            CostItem(
                "readers",
                "1,200 readers of public complaints x 0 lost x 500.00 EUR that a customer brings",
                Money(0, "EUR"),
                (policy.readers_lost, OWN),
            ),
        ),
    )


def test_stated_defaults_agree_with_those_of_the_refund_advice() -> None:
    policy = ExposurePolicy()
    lost = policy.people_told.value * policy.share_lost.value
    assert lost == AdvicePolicy().customers_lost.value
    assert "Wharton" in policy.people_told.source
    assert "Wharton" in policy.share_lost.source


def test_readers_count_in_money_once_the_firm_says_how_many_stay_away() -> None:
    policy = ExposurePolicy(readers_lost=Estimate(0.001, "our own guess"))
    found = word_of_mouth(0, 3_000, currency="EUR", policy=policy, worth=OWN)
    assert (found.customers_lost, found.amount) == (3.0, Money(1_500_00, "EUR"))


def test_without_enough_customers_nothing_is_counted_in_money() -> None:
    for worth in (None, Estimate(500, "own ledger", 4)):
        found = word_of_mouth(1, 0, currency="EUR", policy=ExposurePolicy(), worth=worth)
        assert found.amount == Money(0, "EUR")
        assert found.worth is None
        assert "not known what a customer brings" in found.items[0].text
        assert found.customers_lost == 0.32


def test_figure_of_the_policy_goes_before_the_own_average() -> None:
    policy = ExposurePolicy(customer_worth=Estimate(1000, "our plan"))
    found = word_of_mouth(1, 0, currency="JPY", policy=policy, worth=OWN)
    assert (found.worth, found.amount) == (policy.customer_worth, Money(320, "JPY"))


def test_policy_is_read_back_as_it_was_written() -> None:
    policy = ExposurePolicy(
        version=3, people_told=Estimate(4, "asked 12", 12), customer_worth=Estimate(9.5, "x")
    )
    assert ExposurePolicy.from_body(policy.to_body(), 3) == policy


@pytest.mark.parametrize("name", ["share_lost", "readers_lost"])
def test_share_above_one_is_refused(name: str) -> None:
    with pytest.raises(BadInputError, match="at most 1"):
        ExposurePolicy(**{name: Estimate(1.5, "x")})  # type: ignore[arg-type]


def test_figure_without_a_source_is_refused() -> None:
    with pytest.raises(BadInputError, match="an Estimate"):
        ExposurePolicy(people_told=4)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="not a policy of exposure"):
        ExposurePolicy.from_body({"listeners": [1, "x", 0]}, 1)


@given(st.integers(0, 500), st.integers(0, 10**6), st.integers(0, 500))
def test_more_bad_experiences_never_cost_less(first: int, reach: int, more: int) -> None:
    policy = ExposurePolicy(readers_lost=Estimate(0.0003, "x"))
    one = word_of_mouth(first, reach, currency="EUR", policy=policy, worth=OWN)
    two = word_of_mouth(first + more, reach, currency="EUR", policy=policy, worth=OWN)
    assert Money(0, "EUR") <= one.amount <= two.amount
