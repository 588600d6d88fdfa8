"""The arithmetic that finishes the score, written once: for plain floats and for SQL columns.

A *stage* takes named values and returns new ones. In Python the values are floats in a namespace;
in SQL they are columns, and each stage becomes a common table expression. What a stage may do with
a value beyond + - * / and comparison is in ``Ops``. Truth values are 0 and 1, because not every
database has another kind. The letters of the formula are explained in docs/explanation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from custledger.core.score.policy import ScorePolicy

__all__ = ["LINE", "STAGES", "FloatOps", "Ops", "Terms", "Value"]

Value: TypeAlias = Any
"""A float, or an SQL column: only the carrier knows, and the operators of both agree."""

LINE: Final = 50.0
"""A score above it lies outside the unit circle: the fit is bad."""
_FAIR: Final = 25.0
_DAYS_A_MONTH: Final = 30.4375
_WORD_NONE: Final = ""


class Ops(Protocol):
    """What the formula needs of its carrier beyond the operators."""

    def power(self, base: Value, exponent: Value) -> Value:
        """``base`` to the ``exponent``."""

    def root(self, value: Value) -> Value:
        """The square root."""

    def where(self, condition: Value, then: Value, otherwise: Value) -> Value:
        """``then`` where the condition holds, else ``otherwise``."""

    def every(self, *conditions: Value) -> Value:
        """Whether all conditions hold."""

    def some(self, *conditions: Value) -> Value:
        """Whether at least one condition holds."""


class FloatOps:
    """The carrier of plain floats."""

    def power(self, base: float, exponent: float) -> float:
        """As ``math.pow``."""
        return math.pow(base, exponent)

    def root(self, value: float) -> float:
        """As ``math.sqrt``."""
        return math.sqrt(value)

    def where(self, condition: bool, then: Value, otherwise: Value) -> Value:
        """As the conditional expression, but both sides are computed."""
        return then if condition else otherwise

    def every(self, *conditions: bool) -> bool:
        """As ``all``."""
        return all(conditions)

    def some(self, *conditions: bool) -> bool:
        """As ``any``."""
        return any(conditions)


@dataclass(frozen=True)
class Terms:
    """The policy, and how many witnesses the ledger's staff can provide."""

    policy: ScorePolicy
    human_staff: int

    @property
    def witnesses(self) -> int:
        """How many witnesses a flag for conduct takes."""
        return min(self.policy.min_witnesses, self.human_staff)


Stage = Callable[[Ops, Terms, Value], Mapping[str, Value]]


def _gates(ops: Ops, terms: Terms, s: Value) -> Mapping[str, Value]:
    """Which axes have enough evidence behind them, and the denominators of both axes."""
    p = terms.policy
    conduct = ops.every(s.adverse_days >= p.min_days, s.adverse_months >= p.min_months)
    cost = ops.every(
        s.cost_months >= p.min_cost_months, s.tenure >= p.min_tenure_days, s.incomplete == 0
    )
    halvings = s.tenure * (1.0 / p.half_life_days)
    # PostgreSQL refuses a power that underflows; 2^-1000 is nothing as well.
    decay = ops.power(2.0, 0.0 - ops.where(halvings < 1000.0, halvings, 1000.0))
    months = (1.0 - decay) * (p.half_life_days / math.log(2) / _DAYS_A_MONTH)
    return {
        "conduct_open": ops.where(conduct, 1, 0),
        "cost_open": ops.where(cost, 1, 0),
        "witnessed": ops.where(s.witnesses >= terms.witnesses, 1, 0),
        "scale": s.margin + p.K,
        "tolerance": months * p.bt + s.orders * p.bo + s.neutral * p.bx + p.b0,
        "tenure_months": months,
    }


def _amounts(_ops: Ops, terms: Terms, s: Value) -> Mapping[str, Value]:
    """Cost and conduct with their priors: with the worst month, and without it."""
    p = terms.policy
    return {
        "cost_most": s.cost + p.K * p.r0,
        "cost_least": (s.cost - s.worst_cost) + p.K * p.r0,
        "conduct_most": s.adverse + p.a0,
        "conduct_least": (s.adverse - s.worst_adverse) + p.a0,
    }


def _axes(ops: Ops, terms: Terms, s: Value) -> Mapping[str, Value]:
    """v_c and v_h: the headline, and the bounds as quantiles of a gamma distribution."""
    p = terms.policy
    return {
        "cost_ratio": (s.cost_most - s.worst_cost * p.theta) / s.scale,
        "conduct_ratio": (s.conduct_most - s.worst_adverse * p.theta) / s.tolerance,
        "cost_low": _quantile(ops, s.cost_least / p.u, -p.z) * p.u / s.scale,
        "conduct_low": _quantile(ops, s.conduct_least, -p.z) / s.tolerance,
        "cost_high": _quantile(ops, s.cost_most / p.u, p.z) * p.u / s.scale,
        "conduct_high": _quantile(ops, s.conduct_most, p.z) / s.tolerance,
    }


def _quantile(ops: Ops, shape: Value, z: float) -> Value:
    """Wilson and Hilferty (1931): the quantile at ``z`` of a gamma with that shape and scale 1."""
    inner = 1.0 - 1.0 / (shape * 9.0) + z / (ops.root(shape) * 3.0)
    return shape * ops.power(ops.where(inner > 0.0, inner, 0.0), 3.0)


def _squares(ops: Ops, terms: Terms, s: Value) -> Mapping[str, Value]:
    """The squared axes; one whose gate is shut counts at most a half."""
    limit = terms.policy.gate_square

    def held(axis: Value, opened: Value) -> Value:
        square = axis * axis
        return ops.where(ops.some(opened == 1, square < limit), square, limit)

    return {
        "raw_square": s.cost_ratio * s.cost_ratio + s.conduct_ratio * s.conduct_ratio,
        "cost_square": held(s.cost_ratio, s.cost_open),
        "conduct_square": held(s.conduct_ratio, s.conduct_open),
        "cost_low_square": held(s.cost_low, s.cost_open),
        "conduct_low_square": held(s.conduct_low, s.conduct_open),
        "conduct_flag_square": held(s.conduct_low, s.conduct_open * s.witnessed),
        "high_square": s.cost_high * s.cost_high + s.conduct_high * s.conduct_high,
    }


def _scores(ops: Ops, terms: Terms, s: Value) -> Mapping[str, Value]:
    """The scores, and whether the evidence bound lies outside the circle."""
    headline = s.cost_square + s.conduct_square
    low = s.cost_low_square + s.conduct_low_square
    outside = ops.where(s.cost_low_square + s.conduct_flag_square > 1.0, 1, 0)
    return {
        "score": _score(headline),
        "score_low": _score(low),
        "score_high": _score(s.high_square),
        "score_raw": _score(s.raw_square),
        "above": ops.where(headline > 1.0, 1, 0),
        "low_above": ops.where(low > 1.0, 1, 0),
        "proved": outside,
        # Too low a margin accuses customers falsely: without one nobody is flagged.
        "flag": outside * (0 if terms.policy.margin is None else 1),
    }


def _score(square: Value) -> Value:
    return square * 100.0 / (square + 1.0)


def _verdicts(ops: Ops, terms: Terms, s: Value) -> Mapping[str, Value]:
    """Flag, watch and the words for them."""
    p = terms.policy
    cost, conduct = s.cost_low_square > 1.0, s.conduct_flag_square > 1.0
    of_one = ops.where(conduct, "conduct", ops.where(cost, "cost", "combined"))
    kind = ops.where(ops.every(cost, conduct), "both", of_one)
    strong = ops.some(
        ops.every(s.adverse_days >= p.strong_days, s.adverse_months >= p.strong_months),
        s.cost_months >= p.strong_cost_months,
    )
    some_gate = ops.some(s.conduct_open == 1, s.cost_open == 1)
    nothing = ops.every(s.adverse_days == 0, s.cost_months == 0)
    below = ops.where(s.score < _FAIR, "good", ops.where(s.above == 1, "watch", "fair"))
    return {
        "watch": ops.where(ops.every(s.above == 1, s.flag == 0), 1, 0),
        "uncorroborated": ops.where(ops.every(s.low_above == 1, s.proved == 0), 1, 0),
        "kind": ops.where(s.flag == 1, kind, _WORD_NONE),
        "band": ops.where(s.flag == 1, "flagged", below),
        "evidence": ops.where(
            strong,
            "strong",
            ops.where(some_gate, "moderate", ops.where(nothing, "none", "thin")),
        ),
    }


STAGES: Final[tuple[Stage, ...]] = (_gates, _amounts, _axes, _squares, _scores, _verdicts)
"""In this order each finds what it needs among the standing and the values of those before it."""
