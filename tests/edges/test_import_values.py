"""Cells to values: numbers, dates, durations, words."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.edges.importing.mapping import Source
from custledger.edges.importing.values import RowRefusedError, number_of, reading_of
from custledger.edges.importing.vocabulary import How


def read(
    how: How, text: str, source: Source | None = None, zone: str | None = None, name: str = "fact"
) -> Any:
    return reading_of(name, how, source or Source(), zone, "Europe/Paris")(text)


@pytest.mark.parametrize(
    ("text", "source", "number"),
    [
        ("12.50", Source(), "12.50"),
        ("-3", Source(), "-3"),
        ("1,234.50", Source(thousands=","), "1234.50"),
        ("1.234,50", Source(decimal=",", thousands="."), "1234.50"),
        ("1\u202f234\u00a0567,5", Source(decimal=",", thousands=" "), "1234567.5"),
        ("1'000", Source(thousands="'"), "1000"),
    ],
)
def test_numbers_are_read_with_the_declared_signs(text: str, source: Source, number: str) -> None:
    assert number_of("amount", text, source) == Decimal(number)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("1,234.50", Source()),
        ("1.5", Source(decimal=",")),
        ("12,34", Source(thousands=",")),
        ("1e5", Source()),
        ("NaN", Source()),
        ("12 EUR", Source()),
        ("١٢", Source()),
        ("9" * 50, Source()),
    ],
)
def test_a_number_that_could_mean_two_things_is_refused(text: str, source: Source) -> None:
    with pytest.raises(RowRefusedError, match="is not a number written like"):
        number_of("amount", text, source)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=3, min_value=-(10**12), max_value=10**12
    )
)
def test_every_number_survives_being_written_with_other_signs(number: Decimal) -> None:
    text = f"{number:,}".translate({ord(","): ".", ord("."): ","})
    assert number_of("amount", text, Source(decimal=",", thousands=".")) == number


@pytest.mark.parametrize(
    ("text", "source", "zone", "moment"),
    [
        ("2026-01-31T09:30:00+01:00", Source(), None, datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("2026-01-31T09:30:00Z", Source(), None, datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31", Source(), None, datetime(2026, 1, 30, 23, 0, tzinfo=UTC)),
        ("2026-01-31", Source(), "UTC", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31 09:30", Source(), "UTC", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31 09:30", Source(), "ledger", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("31.01.26", Source(format=("%d.%m.%y",)), None, datetime(2026, 1, 30, 23, tzinfo=UTC)),
        ("990101 0:31:09", Source(format=("%y%m%d %H:%M:%S",)), "Asia/Jerusalem",
         datetime(1998, 12, 31, 22, 31, 9, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_moments_are_read_in_their_zone(
    text: str, source: Source, zone: str | None, moment: datetime
) -> None:
    assert read(How.MOMENT, text, source, zone) == moment


@pytest.mark.parametrize(
    ("text", "source", "zone", "told"),
    [
        ("2026-01-31 09:30", Source(), None, "has no time zone"),
        ("2026-02-30", Source(), None, "is not a date that exists"),
        ("31/02/2026", Source(format=("%d/%m/%Y",)), None, "is not a date that exists"),
        ("yesterday", Source(), None, "is not a date that exists"),
        ("2026-03-29 02:30", Source(), "Europe/Paris", "the clocks skipped it"),
        ("0026-01-31", Source(), None, "is in the year 26"),
        ("9999-12-31", Source(), None, "is in the year 9999"),
    ],
)
def test_naive_and_impossible_moments_are_refused(
    text: str, source: Source, zone: str | None, told: str
) -> None:
    with pytest.raises(RowRefusedError, match=told):
        read(How.MOMENT, text, source, zone)


def test_a_day_may_be_some_days_after_the_one_in_the_column() -> None:
    assert read(How.DAY, "2026-01-31", Source(add_days=30)) == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "unit", "seconds"),
    [("90", "seconds", 90), ("7.7", "minutes", 462), ("1.5", "hours", 5400),
     ("1:02:03", "h:mm:ss", 3723), ("75:30", "m:ss", 4530)],
)  # fmt: skip
def test_durations_are_read_in_their_unit(text: str, unit: str, seconds: int) -> None:
    assert read(How.DURATION, text, Source(unit=unit)) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "unit"), [("-1", "seconds"), ("800", "hours"), ("1:02", "h:mm:ss"), ("x", "minutes")]
)
def test_impossible_durations_are_refused(text: str, unit: str) -> None:
    with pytest.raises(RowRefusedError, match="fact: "):
        read(How.DURATION, text, Source(unit=unit))


def test_words_are_recognised_however_they_are_written() -> None:
    assert read(How.WORD, "Verbal abuse", name="conduct") == "verbal_abuse"
    with pytest.raises(RowRefusedError, match="is not one of none, verbal_abuse"):
        read(How.WORD, "rude", name="conduct")


def test_flags_tags_and_currencies_say_what_they_accept() -> None:
    assert read(How.FLAG, "Yes") is True
    assert read(How.TAGS, "Hardship; vip") == ("hardship", "vip")
    assert read(How.CURRENCY, "eur") == "EUR"
    for how, text, told in [
        (How.FLAG, "maybe", "is not yes or no"),
        (How.TAGS, "a/b", "is not a tag"),
        (How.CURRENCY, "EURO", "not a currency of ISO 4217"),
        (How.TEXT, "x" * 100_001, "more than 100,000"),
    ]:
        with pytest.raises(RowRefusedError, match=told):
            read(how, text)
