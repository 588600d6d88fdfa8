"""What would bring a score back under the line, and what is out of proportion to be named."""

from __future__ import annotations

from dataclasses import replace

from custledger.core.money import Money
from custledger.core.records import MoneyKind
from custledger.core.score.contributions import History, ScoredInteraction
from custledger.core.score.counterfactual import Change
from custledger.core.score.fit import fit
from tests.core.histories import AS_OF, POLICY, contact, history, months, paid


def costly(sales_minor: int, number: int = 8) -> History:
    """Hours of calls every month, and one sale at the beginning."""
    calls: list[ScoredInteraction] = [
        contact(n, day, seconds=12_000) for n, day in enumerate(months(number), 1)
    ]
    return history(*calls, paid(98, months(number)[-1], MoneyKind.SALE, sales_minor))


def changes(found: History) -> dict[str, Change]:
    result = fit(found, POLICY, AS_OF)
    assert result.score_low > 50
    return {change.code: change for change in result.changes}


def test_revenue_that_would_do_is_the_least_that_does() -> None:
    found = costly(60_000)
    needed = changes(found)["revenue"].money
    assert needed is not None
    for less, outside in ((0, False), (100, True)):
        sale = paid(99, AS_OF, MoneyKind.SALE, needed.minor - less)
        more = replace(found, money=[*found.money, sale])
        assert (fit(more, POLICY, AS_OF).score_low > 50) is outside


def test_sale_larger_than_all_sales_so_far_is_not_named() -> None:
    needed = changes(costly(60_000))["revenue"].money
    assert needed is not None
    assert needed <= Money(60_000, "EUR")
    assert "revenue" not in changes(costly(3_000))
    assert "revenue" not in changes(costly(0))


def test_quiet_longer_than_the_customer_has_been_one_is_not_named() -> None:
    found = costly(0)
    days = changes(found)["quiet"].amount
    for tenure, named in ((days, True), (days - 1, False)):
        joined = replace(found, joined_day=AS_OF - tenure)
        assert ("quiet" in changes(joined)) is named
