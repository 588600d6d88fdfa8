"""Shares and rates with the number behind them: one of few cases is marked, never hidden."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

__all__ = ["FEW", "is_few", "share_of"]

FEW: Final = 20
"""A rate of fewer cases than this is marked: it says little.

By Wilson's interval (95 %) one case of 4 is compatible with anything from 5 % to 70 %, and 10 of 20
still with 30 % to 70 %.
"""
_DECIMALS: Final = 6


def share_of(part: int, whole: int) -> float | None:
    """``part / whole`` rounded to six decimals; None where there is no whole.

    >>> share_of(1, 3), share_of(0, 0)
    (0.333333, None)
    """
    return float(round(Fraction(part, whole), _DECIMALS)) if whole > 0 else None


def is_few(whole: int) -> bool:
    """Whether a rate of so many cases is to be marked.

    >>> is_few(19), is_few(20)
    (True, False)
    """
    return whole < FEW
