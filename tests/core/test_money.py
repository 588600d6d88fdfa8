"""Money is exact: integers of minor units, one rounding, half to even."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.money import (
    MAX_MINOR,
    Money,
    exponent_of,
    parse_decimal,
    round_half_even,
)
from custledger.errors import BadInputError

CURRENCIES = sorted(c.code for c in iso4217.Currency if c.exponent is not None)
currencies = st.sampled_from(CURRENCIES)
minors = st.integers(-MAX_MINOR, MAX_MINOR)
halves = st.integers(-(MAX_MINOR // 2), MAX_MINOR // 2)


def test_currencies_have_the_decimals_of_iso_4217() -> None:
    known = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0, "KWD": 3, "CLF": 4}
    assert {code: exponent_of(code) for code in known} == known


@pytest.mark.parametrize("code", ["EUX", "eur", "", "EURO", "XAU", "XXX", "€", None, 978])
def test_what_is_no_currency_with_minor_units_is_refused(code: str) -> None:
    with pytest.raises(BadInputError, match="three-letter code, such as EUR"):
        exponent_of(code)


@given(minors, currencies)
def test_amount_in_major_units_leads_back_to_the_same_money(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.of(money.amount, currency) == money
    assert Money.of(str(money.amount), currency) == money
    assert Money.of(format(money.amount, "f"), currency) == money


@given(minors, currencies)
def test_shown_amount_reads_as_the_exact_one(minor: int, currency: str) -> None:
    shown, code = str(Money(minor, currency)).split()
    assert code == currency
    assert Fraction(shown.replace(",", "")) * 10 ** exponent_of(currency) == minor


@given(halves, halves, currencies)
def test_sums_and_differences_are_those_of_integers(a: int, b: int, currency: str) -> None:
    one, two = Money(a, currency), Money(b, currency)
    assert (one + two).minor == a + b
    assert (one - two).minor == a - b
    assert one + two - two == one
    assert (-one).minor == -a
    assert one - one == Money(0, currency)


@given(st.decimals(-(10**11), 10**11, allow_nan=False), currencies)
def test_amount_is_rounded_once_half_to_even(amount: Decimal, currency: str) -> None:
    exact = Fraction(amount) * 10 ** exponent_of(currency)
    assert Money.of(amount, currency).minor == round(exact)  # a Fraction rounds half to even


@given(st.integers(0, 10**6), st.integers(1, 200))
def test_long_decimals_are_rounded_once_too(cents: int, zeros: int) -> None:
    """A tie that is none: rounding to fewer digits first would make it one."""
    above = f"{cents // 100}.{cents % 100:02}5" + "0" * zeros + "1"
    assert Money.of(above, "EUR").minor == cents + 1
    assert Money.of(f"-{above}", "EUR").minor == -cents - 1


@given(st.decimals(-(10**9), 10**9, allow_nan=False))
def test_round_half_even_is_the_rounding_of_fractions(value: Decimal) -> None:
    assert round_half_even(value) == round(Fraction(value))


@pytest.mark.parametrize("text", ["", " ", "a lot", "1,5", "1 000", "nan", "inf", "--1", "0x10"])
def test_what_is_no_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match=r"Write it like 1234.56"):
        parse_decimal(text)


@given(st.floats())
def test_float_is_refused(amount: float) -> None:
    with pytest.raises(BadInputError, match="a float cannot hold cents"):
        Money.of(amount, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize("minor", [1.0, "1", True, None, Decimal(1)])
def test_minor_units_are_an_integer(minor: int) -> None:
    with pytest.raises(BadInputError, match="integer of minor units"):
        Money(minor, "EUR")


@pytest.mark.parametrize("amount", [2**53, -(2**53), 10**30])
def test_more_than_json_and_doubles_can_hold_is_refused(amount: int) -> None:
    with pytest.raises(BadInputError, match="more than custledger can hold"):
        Money(amount, "EUR")
    with pytest.raises(BadInputError, match="more than custledger can hold"):
        Money.of(amount, "JPY")


def test_huge_exponent_is_refused_at_once() -> None:
    with pytest.raises(BadInputError, match="more than custledger can hold"):
        Money.of("1e999999999", "EUR")
    assert Money.of("1e-999999999", "EUR") == Money(0, "EUR")


def test_sum_beyond_the_limit_is_refused() -> None:
    with pytest.raises(BadInputError, match="more than custledger can hold"):
        Money(MAX_MINOR, "EUR") + Money(1, "EUR")


def test_two_currencies_are_not_added() -> None:
    with pytest.raises(BadInputError, match="EUR and USD are different currencies: convert one"):
        Money(1, "EUR") + Money(1, "USD")
    with pytest.raises(BadInputError, match="EUR and USD"):
        Money(1, "EUR") - Money(1, "USD")


def test_amounts_of_one_currency_are_ordered_and_of_two_are_not() -> None:
    assert sorted([Money(2, "EUR"), Money(1, "EUR")]) == [Money(1, "EUR"), Money(2, "EUR")]
    assert Money(1, "EUR") <= Money(1, "EUR") < Money(2, "EUR")
    with pytest.raises(BadInputError, match="EUR and USD"):
        _ = Money(1, "EUR") < Money(2, "USD")
