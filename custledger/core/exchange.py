"""Amounts in the base currency, exactly: integers far below a minor unit, never floats.

Sums that should cancel then cancel, whatever the currencies and the order of the entries.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, Self

from custledger.core.money import exponent_of

__all__ = ["UNITS_A_MINOR", "Exchange", "minor_of"]

_RATE_UNITS: Final = 10**12
_MOST_DECIMALS: Final = 4
# ISO 4217 knows no currency with more than four decimals (CLF, UYW).
UNITS_A_MINOR: Final = _RATE_UNITS * 10**_MOST_DECIMALS
"""How many units of worth are one minor unit of the base currency."""

_day_of_rate: Final = itemgetter(0)


@dataclass(frozen=True)
class Exchange:
    """The base currency and the dated rates towards it: (effective day, base units x 10^12)."""

    base: str
    rates: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, base: str, rows: Iterable[tuple[str, int, int]]) -> Self:
        """From (currency, effective day, rate x 10^12); of two rates of a day the later counts."""
        found: dict[str, dict[int, int]] = {}
        for currency, day, rate_e12 in rows:
            found.setdefault(currency, {})[day] = rate_e12
        return cls(base, {c: tuple(sorted(rates.items())) for c, rates in found.items()})

    @property
    def minor_units(self) -> int:
        """How many minor units make one of the base currency."""
        return int(10 ** exponent_of(self.base))

    def worth(self, amount_minor: int, currency: str, day: int) -> int | None:
        """The amount in base minor units x 10^16, at the last rate known on the day.

        None where no rate was known.

        >>> dollars = Exchange.of("EUR", [("USD", 0, 920_000_000_000)])
        >>> dollars.worth(100, "USD", 5) == 92 * UNITS_A_MINOR, dollars.worth(100, "USD", -1)
        (True, None)
        """
        if currency == self.base:
            return amount_minor * UNITS_A_MINOR
        rates = self.rates.get(currency, ())
        place = bisect_right(rates, day, key=_day_of_rate)
        if place == 0:
            return None
        decimals = _MOST_DECIMALS + exponent_of(self.base) - exponent_of(currency)
        return amount_minor * rates[place - 1][1] * int(10**decimals)


def minor_of(worth: int) -> int:
    """The nearest minor unit of a worth (in minor units x 10^16), a tie to the even one.

    >>> [minor_of(halves * UNITS_A_MINOR // 2) for halves in (1, 3, 5, -1)]
    [0, 2, 2, 0]
    """
    whole, rest = divmod(worth, UNITS_A_MINOR)
    up = rest * 2 > UNITS_A_MINOR or (rest * 2 == UNITS_A_MINOR and whole % 2 == 1)
    return whole + up
