"""K, r0 and u of the score from what the ledger's own customers are like; computed rarely."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median
from typing import Final, NamedTuple

from custledger.core.score.policy import ScorePolicy
from custledger.errors import BadInputError

__all__ = ["CalibrationRow", "calibrate"]

_PRIOR_MONTHS: Final = 4.0
_LEAST_R0: Final = 0.02
_MOST_R0: Final = 0.5
_WINSOR: Final = 0.99


class CalibrationRow(NamedTuple):
    """A customer's decayed margin M, decayed tenure T in months, and decayed cost C."""

    margin: float
    tenure_months: float
    cost: float

    @property
    def usable(self) -> bool:
        """Whether there is revenue, over more than a month."""
        return self.margin > 0 and self.tenure_months > 1


def calibrate(
    policy: ScorePolicy, customers: Iterable[CalibrationRow], month_costs: Sequence[float]
) -> ScorePolicy:
    """The policy with K, r0 and u measured; its version is for the caller to count up.

    Only usable customers count, and ``month_costs`` are the decayed costs of their months. K is
    four months of the median customer's margin; r0 the median share of cost in margin, held within
    .02 and .5; u half of sum(c^2)/sum(c) over the months with cost, winsorised at the 99th
    percentile (linear interpolation).
    """
    if policy.margin is None:
        raise BadInputError("Set the gross margin first: calibration measures cost against margin.")
    usable = [row for row in customers if row.usable]
    costs = sorted(c for c in month_costs if c > 0)
    if not usable or not costs:
        raise BadInputError(
            "There is not enough to calibrate on: it takes a customer of more than a month with "
            "revenue, and one month with cost. Go on with the policy there is."
        )
    r0 = median(row.cost / row.margin for row in usable)
    return replace(
        policy,
        K=_PRIOR_MONTHS * median(row.margin / row.tenure_months for row in usable),
        r0=min(_MOST_R0, max(_LEAST_R0, r0)),
        u=_unit(costs),
        calibrated=True,
    )


def _unit(costs: list[float]) -> float:
    most = _quantile(costs, _WINSOR)
    held = [min(cost, most) for cost in costs]
    return 0.5 * math.fsum(c * c for c in held) / math.fsum(held)


def _quantile(ordered: list[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
