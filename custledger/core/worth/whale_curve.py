"""The whale curve: cumulative profit over the customers, those who bring the most first.

Customers are ranked by net contribution. The curve rises to a peak, stays flat over those who bring
as much as they cost, and falls to what the firm keeps: it looks like a whale above the water.
Source: R. S. Kaplan and V. G. Narayanan, Measuring and managing customer profitability, Journal of
Cost Management 15 (5), 2001; they found that the most profitable 20 % of customers often bring
150 % to 300 % of the profit.

It tells how the firm earns, and accuses nobody: who costs more than they bring may be new, unlucky,
or waiting for us.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

from custledger.core.worth.shares import share_of

__all__ = ["BEST_PERCENT", "Contributor", "WhaleCurve", "WhalePoint", "whale_curve"]

BEST_PERCENT: Final = 20
"""The part of the customers, in percent, whose share of the profit the curve tells."""
_ALL: Final = 100


class Contributor(NamedTuple):
    """A customer and the net contribution, in minor units."""

    customer_id: str
    name: str
    net_minor: int


@dataclass(frozen=True)
class WhalePoint:
    """One customer on the curve; amounts in minor units of ``currency``.

    ``cumulative_minor`` is the sum of the net contributions up to this rank. ``customers_share`` is
    rank / customers, ``profit_share`` the cumulative sum / the total, None without a total profit.
    """

    rank: int
    customer_id: str
    name: str
    currency: str
    net_minor: int
    cumulative_minor: int
    customers_share: float | None
    profit_share: float | None


@dataclass(frozen=True)
class WhaleCurve:
    """The curve and what it says; amounts are exact, in minor units of ``currency``.

    ``peak_minor`` is the highest point, reached with the first ``peak_customers``; 0 where everyone
    costs more than they bring. ``best_customers`` are the best 20 %, rounded up; ``best_share`` is
    ``best_minor`` / total. ``losses_minor`` (0 or less) is the sum over those who cost more than
    they bring; ``losses_share`` is its amount / peak. A share is None where it is of nothing.
    """

    as_of: str
    currency: str
    customers: int
    bring: int
    even: int
    cost: int
    total_minor: int
    peak_minor: int
    peak_customers: int
    best_customers: int
    best_minor: int
    best_share: float | None
    losses_minor: int
    losses_share: float | None
    points: tuple[WhalePoint, ...]

    def cumulative_of(self, percent: int) -> tuple[int, int]:
        """How many customers the best ``percent`` are, rounded up, and what they bring together."""
        count = _part(self.customers, percent)
        return count, self.points[count - 1].cumulative_minor if count else 0


def whale_curve(customers: Iterable[Contributor], *, as_of: str, currency: str) -> WhaleCurve:
    """The curve of these customers, in whatever order they come; of equals, by id.

    >>> two = [Contributor("1", "Ann", 900), Contributor("2", "Ben", -300)]
    >>> curve = whale_curve(two, as_of="2026-11-22", currency="EUR")
    >>> curve.total_minor, curve.peak_minor, curve.best_customers, curve.best_share
    (600, 900, 1, 1.5)
    """
    ranked = sorted(customers, key=lambda c: (-c.net_minor, c.customer_id))
    nets = [c.net_minor for c in ranked]
    sums = list(accumulate(nets))
    total = sums[-1] if sums else 0
    bring, cost = sum(n > 0 for n in nets), sum(n < 0 for n in nets)
    peak = sums[bring - 1] if bring else 0
    best = _part(len(nets), BEST_PERCENT)
    best_minor = sums[best - 1] if best else 0
    return WhaleCurve(
        as_of=as_of,
        currency=currency,
        customers=len(nets),
        bring=bring,
        even=len(nets) - bring - cost,
        cost=cost,
        total_minor=total,
        peak_minor=peak,
        peak_customers=bring,
        best_customers=best,
        best_minor=best_minor,
        best_share=share_of(best_minor, total),
        losses_minor=total - peak,
        losses_share=share_of(peak - total, peak),
        points=_points(ranked, sums, total, currency),
    )


def _points(
    ranked: Sequence[Contributor], sums: Sequence[int], total: int, currency: str
) -> tuple[WhalePoint, ...]:
    return tuple(
        WhalePoint(
            rank=rank,
            customer_id=customer.customer_id,
            name=customer.name,
            currency=currency,
            net_minor=customer.net_minor,
            cumulative_minor=cumulative,
            customers_share=share_of(rank, len(ranked)),
            profit_share=share_of(cumulative, total),
        )
        for rank, (customer, cumulative) in enumerate(zip(ranked, sums, strict=True), start=1)
    )


def _part(customers: int, percent: int) -> int:
    return -(-customers * percent // _ALL)
