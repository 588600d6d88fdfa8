"""The score's figures for one customer, finished from the standing."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Final

from custledger.core.score.formula import STAGES, FloatOps, Terms
from custledger.core.score.standing import Standing

__all__ = ["DECIMALS", "Verdict", "verdict_of"]

DECIMALS: Final = 9
"""Scores and ratios are published with so many decimals, rounded once, half to even."""


@dataclass(frozen=True)
class Verdict:
    """What the formula says, not yet rounded; truth values are 0 and 1."""

    score: float
    score_low: float
    score_high: float
    score_raw: float
    cost_ratio: float
    conduct_ratio: float
    scale: float
    tolerance: float
    tenure_months: float
    conduct_open: int
    cost_open: int
    witnessed: int
    low_above: int
    proved: int
    flag: int
    watch: int
    uncorroborated: int
    kind: str
    band: str
    evidence: str


_NAMES: Final = tuple(f.name for f in fields(Verdict))


def verdict_of(standing: Standing, terms: Terms) -> Verdict:
    """The stages of the formula, one after the other, over plain floats."""
    values = SimpleNamespace(**vars(standing))
    ops = FloatOps()
    for stage in STAGES:
        vars(values).update(stage(ops, terms, values))
    return Verdict(*(getattr(values, name) for name in _NAMES))
