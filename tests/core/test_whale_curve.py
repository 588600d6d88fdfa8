"""The whale curve: whole records, and what holds for every set of customers."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from custledger.core.worth.whale_curve import Contributor, WhaleCurve, WhalePoint, whale_curve

DAY = "2026-11-22"


def curve_of(*nets: int) -> WhaleCurve:
    customers = (Contributor(f"{n:04}", f"C{n}", net) for n, net in enumerate(nets))
    return whale_curve(customers, as_of=DAY, currency="EUR")


def test_curve_of_three_customers_is_told_whole() -> None:
    people = [
        Contributor("b", "Ben", -3_00),
        Contributor("a", "Ann", 9_00),
        Contributor("c", "Cleo", 0),
    ]
    assert whale_curve(people, as_of=DAY, currency="EUR") == WhaleCurve(
        as_of=DAY,
        currency="EUR",
        customers=3,
        bring=1,
        even=1,
        cost=1,
        total_minor=6_00,
        peak_minor=9_00,
        peak_customers=1,
        best_customers=1,
        best_minor=9_00,
        best_share=1.5,
        losses_minor=-3_00,
        losses_share=0.333333,
        points=(
            WhalePoint(1, "a", "Ann", "EUR", 9_00, 9_00, 0.333333, 1.5),
            WhalePoint(2, "c", "Cleo", "EUR", 0, 9_00, 0.666667, 1.5),
            WhalePoint(3, "b", "Ben", "EUR", -3_00, 6_00, 1.0, 1.0),
        ),
    )


def test_curve_of_nobody_has_no_shares() -> None:
    curve = curve_of()
    assert curve == WhaleCurve(DAY, "EUR", 0, 0, 0, 0, 0, 0, 0, 0, 0, None, 0, None, ())
    assert curve.cumulative_of(20) == (0, 0)


def test_curve_of_one_customer_is_that_customer() -> None:
    curve = curve_of(7_00)
    assert (curve.total_minor, curve.peak_minor, curve.best_minor) == (7_00, 7_00, 7_00)
    assert (curve.best_customers, curve.best_share, curve.losses_share) == (1, 1.0, 0.0)


def test_where_everyone_costs_more_the_peak_is_at_nobody() -> None:
    curve = curve_of(-1, -5, -3)
    assert (curve.peak_minor, curve.peak_customers, curve.total_minor) == (0, 0, -9)
    assert (curve.losses_minor, curve.losses_share, curve.best_share) == (-9, None, None)
    assert [point.net_minor for point in curve.points] == [-1, -3, -5]
    assert {point.profit_share for point in curve.points} == {None}


def test_share_of_the_best_is_above_one_where_others_lose_what_they_bring() -> None:
    curve = curve_of(100, 0, 0, 0, -60)
    assert (curve.best_customers, curve.best_share, curve.losses_share) == (1, 2.5, 0.6)


def test_best_fifth_is_rounded_up() -> None:
    assert [curve_of(*[1] * n).best_customers for n in (1, 5, 6, 10, 11)] == [1, 1, 2, 2, 3]


nets = st.lists(st.integers(-(10**12), 10**12), max_size=40)


@given(nets)
def test_curve_is_concave_rises_to_its_peak_and_ends_at_the_total(found: list[int]) -> None:
    curve = curve_of(*found)
    sums = [0, *(point.cumulative_minor for point in curve.points)]
    steps = [after - before for before, after in pairwise(sums)]
    assert steps == sorted(steps, reverse=True)
    assert curve.peak_minor == max(sums) == sums[curve.peak_customers]
    assert all(step > 0 for step in steps[: curve.peak_customers])
    assert sums[-1] == curve.total_minor == sum(found)
    assert curve.peak_minor + curve.losses_minor == curve.total_minor
    assert curve.bring + curve.even + curve.cost == curve.customers == len(found)


@given(nets, st.randoms())
def test_curve_does_not_depend_on_the_order(found: list[int], random: Random) -> None:
    people = [Contributor(f"{n:04}", "", net) for n, net in enumerate(found)]
    shuffled = random.sample(people, len(people))
    assert whale_curve(people, as_of=DAY, currency="JPY") == whale_curve(
        shuffled, as_of=DAY, currency="JPY"
    )


@given(nets, st.integers(1, 99))
def test_no_other_customers_bring_more_than_the_best(found: list[int], percent: int) -> None:
    curve = curve_of(*found)
    count, together = curve.cumulative_of(percent)
    assert together == sum(sorted(found, reverse=True)[:count])
    assert count * 100 >= percent * len(found) > (count - 1) * 100 or not found
