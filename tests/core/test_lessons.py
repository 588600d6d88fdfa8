"""What an incident cost, and which rule applies to what."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from custledger.core.lessons import (
    CostEntry,
    HouseRule,
    IncidentCost,
    applies_at,
    cost_of,
    rule_on,
)
from custledger.core.money import Money
from custledger.core.records import MoneyKind

START = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def rule(version: int, days: int, text: str = "None at night.", hours: int = 0) -> HouseRule:
    made = NOON + timedelta(hours=hours)
    return HouseRule("calls", version, text, START + timedelta(days), made)


def at(days: int, hour: int = 0) -> tuple[datetime, date]:
    moment = datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days)
    return moment, moment.date()


def test_cost_is_time_at_its_rate_and_what_was_given_back_or_up() -> None:
    entries = [
        CostEntry(1800, Money(3001, "EUR")),
        CostEntry(600),
        CostEntry(),
        CostEntry(kind=MoneyKind.REFUND, amount=Money(500, "EUR")),
        CostEntry(kind=MoneyKind.CONCESSION, amount=Money(7, "USD")),
        CostEntry(kind=MoneyKind.PAYMENT, amount=Money(9999, "EUR")),
        CostEntry(kind=MoneyKind.INVOICE, amount=Money(9999, "EUR")),
    ]
    found = cost_of(entries)
    assert found == IncidentCost(
        timedelta(minutes=40),
        (Money(1500, "EUR"),),
        (Money(500, "EUR"), Money(7, "USD")),
        timedelta(minutes=10),
    )
    assert found.total == (Money(2000, "EUR"), Money(7, "USD"))
    assert cost_of([]) == IncidentCost()


@given(
    st.lists(
        st.tuples(
            st.integers(0, 50_000), st.integers(0, 9_999), st.sampled_from(["EUR", "JPY", "KWD"])
        )
    )
)
def test_time_is_added_exactly_and_rounded_once(rows: list[tuple[int, int, str]]) -> None:
    found = cost_of(CostEntry(s, Money(rate, currency)) for s, rate, currency in rows)
    for cost in found.time_cost:
        exact = sum(Fraction(s * rate, 3600) for s, rate, c in rows if c == cost.currency)
        assert abs(cost.minor - exact) <= Fraction(1, 2)
    assert found.unpriced == timedelta()
    assert found.handling_time == timedelta(seconds=sum(s for s, _, _ in rows))


def test_rule_is_in_force_from_its_day_until_the_next_version() -> None:
    versions = [rule(1, 0), rule(2, 10, "Until nine."), rule(3, 20, "")]
    found = [rule_on(versions, START + timedelta(n)) for n in (-1, 0, 9, 10, 19, 20)]
    assert [None if r is None else r.version for r in found] == [None, 1, 1, 2, 2, None]


def test_rule_is_never_applied_to_what_happened_before_it() -> None:
    versions = [rule(1, 0)]
    before = applies_at(versions, *at(-1))
    assert before.reason == (
        "The rule 'calls' takes effect on 1 March 2026, and this was on 28 February 2026: a rule "
        "is never applied to what happened before it."
    )
    same_day = applies_at(versions, *at(0, 11))
    assert "earlier on that day" in same_day.reason
    assert (before.applies, same_day.applies) == (False, False)
    after = applies_at(versions, *at(0, 12))
    assert (after.applies, after.rule) == (True, versions[0])


def test_rule_that_was_withdrawn_applies_no_more() -> None:
    versions = [rule(1, 0), rule(2, 5, "", hours=1)]
    assert applies_at(versions, *at(4)).applies
    found = applies_at(versions, *at(5))
    assert (found.applies, found.reason) == (
        False,
        "The rule 'calls' had been withdrawn on 6 March 2026.",
    )


@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.integers(0, 500)), min_size=1),
    st.integers(-5, 40),
    st.integers(0, 23),
)
def test_no_version_judges_what_came_before_its_day_or_its_making(
    made: list[tuple[int, bool, int]], days: int, hour: int
) -> None:
    versions = [
        rule(number, day, "Text." if kept else "", hours)
        for number, (day, kept, hours) in enumerate(made, 1)
    ]
    moment, day = at(days, hour)
    found = applies_at(versions, moment, day)
    assert found.applies == (found.rule is not None)
    if found.rule is not None:
        assert found.rule.effective_on <= day
        assert found.rule.recorded_at <= moment
        assert not found.rule.withdrawn
