"""Moments are integers of microseconds; a day is what the zone's calendar showed."""

from __future__ import annotations

import importlib.resources
import struct
import zoneinfo
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.clock import (
    date_of_day,
    day_number,
    day_of,
    from_microseconds,
    local_to_utc,
    month_number,
    to_microseconds,
    zone,
)
from custledger.errors import BadInputError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = sorted(zoneinfo.available_timezones() - {"localtime", "Factory", "posixrules"})
zones = st.sampled_from(ZONES)
FIRST, LAST = (to_microseconds(datetime(year, 1, 2, tzinfo=UTC)) for year in (1900, 2199))
moments = st.integers(FIRST, LAST)


def day_by_calendar(microseconds: int, zone_name: str) -> int:
    moment = EPOCH + timedelta(microseconds=microseconds)
    return (moment.astimezone(zoneinfo.ZoneInfo(zone_name)).date() - date(1970, 1, 1)).days


@given(st.integers(to_microseconds(datetime(1, 1, 1, tzinfo=UTC)), LAST * 30))
def test_moment_leads_back_to_the_same_microsecond(microseconds: int) -> None:
    assert to_microseconds(from_microseconds(microseconds)) == microseconds


@given(
    st.datetimes(
        timezones=st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))
    )
)
def test_offset_of_a_moment_does_not_matter(moment: datetime) -> None:
    if 1 < moment.year < 9999:
        assert from_microseconds(to_microseconds(moment)) == moment


def test_naive_moment_is_refused_and_the_message_shows_how() -> None:
    with pytest.raises(BadInputError, match=r"no time zone.*datetime\(2026, 1, 31, 9, 30, tzinfo"):
        to_microseconds(datetime(2026, 1, 1))


@given(moments, zones)
def test_day_is_that_of_the_zones_calendar(microseconds: int, zone_name: str) -> None:
    assert day_of(microseconds, zone_name) == day_by_calendar(microseconds, zone_name)


@given(
    st.integers(day_number(date(1900, 1, 2)), day_number(date(2198, 12, 31))),
    zones,
    st.integers(-120, 120),
)
def test_day_changes_at_the_zones_midnight(day: int, zone_name: str, seconds: int) -> None:
    midnight = datetime.combine(date_of_day(day), datetime.min.time())
    near = midnight.replace(tzinfo=zoneinfo.ZoneInfo(zone_name)).astimezone(UTC)
    microseconds = to_microseconds(near) + seconds * 1_000_000
    assert day_of(microseconds, zone_name) == day_by_calendar(microseconds, zone_name)


@pytest.mark.parametrize(
    "name",
    [
        "Europe/Paris",
        "America/St_Johns",
        "Africa/Monrovia",
        "Pacific/Apia",
        "Asia/Gaza",
        "Antarctica/Casey",
    ],
)
def test_day_is_right_around_every_change_of_the_clocks(name: str) -> None:
    assert_days_around_changes(name)


@pytest.mark.slow
def test_day_is_right_around_every_change_of_every_zone() -> None:
    for name in ZONES:
        assert_days_around_changes(name)


def assert_days_around_changes(name: str) -> None:
    for change in changes_of(name):
        quarter = change // 900 * 900
        for second in (change - 1, change, change + 1, quarter, quarter + 899, change + 3600):
            microseconds = second * 1_000_000
            assert day_of(microseconds, name) == day_by_calendar(microseconds, name), second


def changes_of(name: str) -> list[int]:
    """When the clocks of a zone changed since 1900, in seconds (RFC 9636, the 64-bit block)."""
    path = importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    try:
        data = path.read_bytes()
    except OSError:
        return []
    start = 0
    for width in (4, 8):
        utc, wall, leaps, times, types, letters = struct.unpack(
            ">6l", data[start + 20 : start + 44]
        )
        body = start + 44
        start = body + times * (width + 1) + types * 6 + letters + leaps * (width + 4) + wall + utc
    return [t for t in struct.unpack(f">{times}q", data[body : body + 8 * times]) if t > -(2**31)]


@given(moments, zones)
def test_what_the_clocks_showed_leads_back_to_the_moment(microseconds: int, zone_name: str) -> None:
    moment = from_microseconds(microseconds)
    local = moment.astimezone(zoneinfo.ZoneInfo(zone_name))
    back = local_to_utc(local.replace(tzinfo=None), zone_name)
    if local.fold == 0:
        assert back == moment
    else:  # shown twice: of two such moments, the first
        assert back < moment


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Europe/Paris", "2026-03-29 02:00:00", "2026-03-29 02:59:59"),
        ("America/New_York", "2026-03-08 02:00:00", "2026-03-08 02:59:59"),
        ("Pacific/Apia", "2011-12-30 00:00:00", "2011-12-30 23:59:59"),
    ],
)
def test_time_that_the_clocks_skipped_is_refused(name: str, first: str, last: str) -> None:
    for text in (first, last):
        with pytest.raises(BadInputError, match=f"{text} did not exist in {name}"):
            local_to_utc(datetime.fromisoformat(text), name)
    second = timedelta(seconds=1)
    before = local_to_utc(datetime.fromisoformat(first) - second, name)
    after = local_to_utc(datetime.fromisoformat(last) + second, name)
    assert after - before == second


def test_of_two_moments_shown_alike_the_first_is_taken() -> None:
    for fold in (0, 1):
        twice = datetime(2026, 10, 25, 2, 30, fold=fold)
        assert local_to_utc(twice, "Europe/Paris") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("moment", [datetime.min, datetime.max])
def test_local_time_beyond_the_calendar_is_refused(moment: datetime) -> None:
    name = "Europe/Paris" if moment is datetime.min else "America/New_York"
    with pytest.raises(BadInputError, match="beyond the calendar"):
        local_to_utc(moment, name)


@pytest.mark.parametrize("name", ["Nowhere/City", "", "../etc/passwd", "europe paris", None, "\0"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(BadInputError, match="IANA name such as Europe/Paris"):
        zone(name)


@given(st.dates())
def test_day_number_and_date_lead_to_each_other(day: date) -> None:
    assert date_of_day(day_number(day)) == day


@given(st.dates(), st.dates())
def test_months_count_as_the_calendar_does(one: date, two: date) -> None:
    apart = month_number(day_number(two)) - month_number(day_number(one))
    assert apart == (two.year - one.year) * 12 + two.month - one.month
