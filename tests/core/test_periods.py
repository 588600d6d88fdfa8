"""Periods of the calendar, by the cases of the rules they come from."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.calendar.periods import (
    Period,
    PeriodUnit,
    days_ahead,
    last_day,
    last_day_before,
    last_day_in_eu_law,
    last_moment,
    nth_day,
)
from custledger.core.calendar.working_time import Calendar
from custledger.core.canonical import canonical_bytes
from custledger.errors import BadInputError
from tests.core.calendars import ALWAYS, BERLIN, PARIS

DAYS, WEEKS, MONTHS, YEARS = PeriodUnit
FORTNIGHT = Period(14, DAYS)
MONTH = Period(1, MONTHS)

days = st.dates(date(1950, 1, 1), date(2090, 1, 1))
periods = st.builds(Period, st.integers(1, 100), st.sampled_from([DAYS, WEEKS, MONTHS]))


@pytest.mark.parametrize(
    ("event", "period", "last"),
    [
        # Regulation 1182/71, article 3(1): the day of the event does not count.
        ("2026-11-02", Period(1, DAYS), "2026-11-03"),
        ("2026-11-02", FORTNIGHT, "2026-11-16"),
        # Article 3(2)(c): the same day of the week, the same date ...
        ("2026-11-02", Period(8, WEEKS), "2026-12-28"),
        ("2026-11-30", Period(3, MONTHS), "2027-02-28"),
        ("2026-03-31", MONTH, "2026-04-30"),
        # ... or, where the last month has no such date, its last day.
        ("2026-01-31", MONTH, "2026-02-28"),
        ("2028-01-31", MONTH, "2028-02-29"),
        ("2028-02-29", Period(1, YEARS), "2029-02-28"),
        ("2028-02-29", Period(4, YEARS), "2032-02-29"),
        ("2027-02-28", Period(1, YEARS), "2028-02-28"),
    ],
)
def test_last_day_of_a_period(event: str, period: Period, last: str) -> None:
    assert last_day(date.fromisoformat(event), period) == date.fromisoformat(last)


@pytest.mark.parametrize(
    ("calendar", "delivered", "last"),
    [
        # Directive 2011/83/EU, article 9(2): 14 days from delivery; recital 41: by Regulation
        # 1182/71, so over Easter 2026 (Good Friday 3 April) it depends on the country.
        (BERLIN, "2026-03-20", "2026-04-07"),
        (PARIS, "2026-03-20", "2026-04-03"),
        # 25 and 26 December 2026 are holidays in Germany, a Friday and a Saturday.
        (BERLIN, "2026-12-11", "2026-12-28"),
        (PARIS, "2026-12-11", "2026-12-28"),
        # Calendar days: holidays within the period change nothing.
        (BERLIN, "2026-03-30", "2026-04-13"),
        (BERLIN, "2026-11-02", "2026-11-16"),
        # A Saturday, a Sunday.
        (BERLIN, "2026-11-07", "2026-11-23"),
        (BERLIN, "2026-11-08", "2026-11-23"),
    ],
)
def test_fourteen_days_of_withdrawal(calendar: Calendar, delivered: str, last: str) -> None:
    day = last_day_in_eu_law(date.fromisoformat(delivered), FORTNIGHT, calendar)
    assert day == date.fromisoformat(last)


def test_two_days_or_more_include_two_working_days() -> None:
    """Article 3(5): from Maundy Thursday 2026 in Germany the first is Tuesday, 7 April."""
    thursday = date(2026, 4, 2)
    assert last_day_in_eu_law(thursday, Period(1, DAYS), BERLIN) == date(2026, 4, 7)
    assert last_day_in_eu_law(thursday, Period(2, DAYS), BERLIN) == date(2026, 4, 8)
    assert last_day_in_eu_law(thursday, Period(6, DAYS), BERLIN) == date(2026, 4, 8)


def test_monthly_steps_do_not_drift_over_short_months() -> None:
    steps = [nth_day(date(2026, 1, 31), MONTH, n) for n in range(5)]
    assert [(d.month, d.day) for d in steps] == [(1, 31), (2, 28), (3, 31), (4, 30), (5, 31)]


def test_period_ends_at_midnight_of_the_zone_also_over_a_change_of_clocks() -> None:
    event = datetime(2026, 3, 16, 9, tzinfo=UTC)
    assert last_moment(event, FORTNIGHT, "Europe/Paris") == datetime(2026, 3, 30, 22, tzinfo=UTC)
    late = datetime(2026, 3, 16, 23, 30, tzinfo=UTC)  # the 17th in Paris
    assert last_moment(late, FORTNIGHT, "Europe/Paris") == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_notice_is_counted_in_days_of_the_zone() -> None:
    event = date(2026, 11, 20)
    assert last_day_before(event, FORTNIGHT) == date(2026, 11, 6)
    assert days_ahead(datetime(2026, 11, 6, 22, 59, tzinfo=UTC), event, "Europe/Berlin") == 14
    assert days_ahead(datetime(2026, 11, 6, 23, 0, tzinfo=UTC), event, "Europe/Berlin") == 13
    assert days_ahead(datetime(2026, 11, 21, 12, tzinfo=UTC), event, "Europe/Berlin") == -1


@given(days, periods)
def test_period_backwards_never_gives_more_notice_than_forwards(day: date, period: Period) -> None:
    before = last_day_before(day, period)
    assert before < day
    assert last_day(before, period) <= day
    if period.unit is not MONTHS:
        assert last_day(before, period) == day


@given(days, days, periods)
def test_later_event_never_ends_earlier(one: date, two: date, period: Period) -> None:
    early, late = sorted((one, two))
    assert last_day(early, period) <= last_day(late, period)
    calendar = Calendar(ALWAYS)
    last = last_day_in_eu_law(early, period, calendar)
    assert last_day(early, period) <= last <= last_day_in_eu_law(late, period, calendar)
    assert last.weekday() < 5


@given(days, st.integers(1, 1000))
def test_days_and_weeks_are_what_subtraction_says(day: date, count: int) -> None:
    assert last_day(day, Period(count, DAYS)) - day == timedelta(days=count)
    assert last_day(day, Period(count, WEEKS)) - day == timedelta(weeks=count)


def test_period_reads_back_from_canonical_json() -> None:
    body = json.loads(canonical_bytes({"period": FORTNIGHT.to_body()}))["period"]
    assert body == [14, "days"]
    assert Period.from_body(body) == FORTNIGHT


@pytest.mark.parametrize("text", ["14 days", "1 week", "8 weeks", "1 month", "2 years"])
def test_period_reads_back_as_it_is_written(text: str) -> None:
    assert str(Period.parse(text)) == text
    assert Period.parse(f"  {text.upper().replace(' ', '')} ") == Period.parse(text)


@pytest.mark.parametrize("text", ["", "14", "days", "-1 day", "1.5 days", "2 hours", "0 days"])
def test_text_that_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        Period.parse(text)


@pytest.mark.parametrize("wrong", [(0, DAYS), (-1, DAYS), (1.5, DAYS), (True, DAYS), (1, "hours")])
def test_period_that_makes_no_sense_is_refused(wrong: Any) -> None:
    with pytest.raises(BadInputError):
        Period(*wrong)


def test_what_lies_beyond_the_calendar_is_refused() -> None:
    for day in (date(2199, 12, 31), date(1900, 1, 1)):
        with pytest.raises(BadInputError):
            nth_day(day, MONTH, 1 if day.year > 2000 else -1)
    with pytest.raises(BadInputError, match="beyond the calendar"):
        last_day(date(2026, 1, 1), Period(36_525, YEARS))
    with pytest.raises(BadInputError, match="must be a date"):
        last_day(datetime(2026, 1, 1, tzinfo=UTC), MONTH)
