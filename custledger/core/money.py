"""Money: integer minor units and an ISO 4217 currency.

No float and no bare Decimal crosses a boundary: SQLite's ``NUMERIC`` is silently lossy, and binary
floats cannot hold a cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from functools import cache, total_ordering
from typing import Final, Self

import iso4217

from custledger.errors import BadInputError

__all__ = ["MAX_MINOR", "Money", "exponent_of", "parse_decimal", "round_half_even"]

MAX_MINOR: Final = 2**53 - 1
"""The largest amount, in minor units: integers up to here survive JSON (RFC 8785) and doubles."""


@cache
def exponent_of(currency: str) -> int:
    """How many decimals the currency has by ISO 4217: EUR 2, JPY 0, KWD 3.

    Raises BadInputError for a code that is not in the table, or that has no minor unit (gold, XAU).

    >>> exponent_of("EUR"), exponent_of("JPY")
    (2, 0)
    """
    try:
        exponent = iso4217.Currency(currency).exponent
    except ValueError:
        exponent = None
    if exponent is None:
        raise BadInputError(
            f"{currency!r} is not a currency of ISO 4217. Use its three-letter code, such as EUR."
        )
    return int(exponent)


def parse_decimal(text: str) -> Decimal:
    """A finite decimal number written with a point, or BadInputError.

    >>> parse_decimal("12.50")
    Decimal('12.50')
    """
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise BadInputError(f"{text!r} is not a number. Write it like 1234.56.")
    return number


def round_half_even(value: Decimal) -> int:
    """The nearest integer; a tie goes to the even one, so that many roundings do not drift.

    >>> [round_half_even(Decimal(x)) for x in ("0.5", "1.5", "2.5", "-0.5")]
    [0, 2, 2, 0]
    """
    return int(value.to_integral_value(rounding=ROUND_HALF_EVEN))


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An amount of money, exact: ``minor`` integer minor units (cents) of ``currency``.

    >>> Money.of("12.34", "EUR") + Money(66, "EUR")
    Money(minor=1300, currency='EUR')
    >>> str(Money(123456789, "EUR"))
    '1,234,567.89 EUR'
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent_of(self.currency)
        if type(self.minor) is not int:
            raise BadInputError(f"An amount is an integer of minor units, not {self.minor!r}.")
        if abs(self.minor) > MAX_MINOR:
            raise BadInputError(f"{self.minor} minor units is more than custledger can hold.")

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str) -> Self:
        """An amount in major units, rounded once, half to even, to the currency's minor unit.

        A float is refused: it has lost the amount already.

        >>> Money.of("0.125", "EUR"), Money.of(7, "JPY")
        (Money(minor=12, currency='EUR'), Money(minor=7, currency='JPY'))
        """
        if isinstance(amount, float):
            raise BadInputError(f"Give {amount!r} as text or Decimal; a float cannot hold cents.")
        number = parse_decimal(str(amount))
        with localcontext() as context:
            context.prec = 60 + len(number.as_tuple().digits)  # scaling must not round
            if number.adjusted() > 20:
                raise BadInputError(f"{amount} is more than custledger can hold.")
            return cls(round_half_even(number.scaleb(exponent_of(currency))), currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-exponent_of(self.currency))

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __str__(self) -> str:
        return f"{self.amount:,.{exponent_of(self.currency)}f} {self.currency}"

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise BadInputError(
                f"{self.currency} and {other.currency} are different currencies: convert one of "
                "them first."
            )
        return other.minor
