"""Wall times and their moments, held against what clocks show minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.calendar.wall_clock import (
    day_exists,
    end_of_day,
    first_moment,
    local_day,
    start_of_day,
)
from custledger.errors import BadInputError

ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Asia/Kathmandu",
)
zones = st.sampled_from(ZONES)
walls = st.datetimes(datetime(1985, 1, 1), datetime(2060, 1, 1))
MINUTE = timedelta(minutes=1)


def shown(moment: datetime, zone_name: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone_name)).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("zone_name", "changed"),
    [
        ("Europe/London", datetime(2026, 3, 29, 1)),
        ("Europe/London", datetime(2026, 10, 25, 1)),
        ("America/New_York", datetime(2026, 3, 8, 2)),
        ("America/New_York", datetime(2026, 11, 1, 1)),
        ("Australia/Lord_Howe", datetime(2026, 4, 5, 1, 30)),
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 2)),
        ("America/Santiago", datetime(2026, 9, 6, 0)),
        ("America/Santiago", datetime(2026, 4, 4, 23)),
        ("America/St_Johns", datetime(2006, 4, 2, 0, 1)),
        ("America/St_Johns", datetime(2006, 10, 28, 23, 1)),
        ("Antarctica/Troll", datetime(2026, 3, 29, 1)),
        ("Antarctica/Troll", datetime(2026, 10, 25, 1)),
    ],
)
def test_first_moment_is_the_first_minute_that_shows_the_time_or_a_later_one(
    zone_name: str, changed: datetime
) -> None:
    near = first_moment(changed, zone_name)
    minutes = [near + n * MINUTE for n in range(-400, 400)]
    for n in range(-180, 180):
        wall = changed + n * MINUTE
        first = next(m for m in minutes if shown(m, zone_name) >= wall)
        assert first_moment(wall, zone_name) == first


@given(walls, walls, zones)
def test_a_later_wall_time_never_has_an_earlier_moment(
    one: datetime, two: datetime, zone_name: str
) -> None:
    early, late = sorted((one, two))
    assert first_moment(early, zone_name) <= first_moment(late, zone_name)


@given(walls, zones)
def test_clocks_show_the_time_or_have_skipped_it(wall: datetime, zone_name: str) -> None:
    moment = first_moment(wall, zone_name)
    assert moment.tzinfo is UTC
    if shown(moment, zone_name) != wall:
        assert shown(moment, zone_name) > wall > shown(moment - MINUTE / 60_000_000, zone_name)


@given(st.datetimes(datetime(1985, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)), zones)
def test_a_moment_lies_within_its_own_day(moment: datetime, zone_name: str) -> None:
    day = local_day(moment, zone_name)
    assert start_of_day(day, zone_name) <= moment
    assert day_exists(day, zone_name)


def test_days_last_as_long_as_they_really_do() -> None:
    def hours(day: date, zone_name: str) -> float:
        lasts = end_of_day(day, zone_name) - start_of_day(day, zone_name)
        return lasts / timedelta(hours=1)

    assert hours(date(2026, 3, 29), "Europe/London") == 23
    assert hours(date(2026, 10, 25), "Europe/London") == 25
    assert hours(date(2026, 4, 5), "Australia/Lord_Howe") == 24.5
    assert hours(date(2026, 10, 4), "Australia/Lord_Howe") == 23.5
    assert hours(date(2026, 9, 6), "America/Santiago") == 23
    assert hours(date(2011, 12, 30), "Pacific/Apia") == 0


def test_what_lies_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(BadInputError, match="beyond the calendar"):
        first_moment(datetime.max, "America/New_York")
    with pytest.raises(BadInputError, match="known time zone"):
        first_moment(datetime(2026, 1, 1), "Nowhere/City")
