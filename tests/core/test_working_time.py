"""The clock of business hours: cases from published calendars, and properties."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custledger.core.calendar.open_time import open_year
from custledger.core.calendar.opening_hours import Holidays, OpeningHours, Span
from custledger.core.calendar.wall_clock import first_moment
from custledger.core.calendar.working_time import MONDAY_TO_SATURDAY, Calendar, Pause
from custledger.core.canonical import canonical_bytes
from custledger.errors import BadInputError
from tests.core.calendars import ALWAYS, BERLIN, EDINBURGH, LONDON, OFFICE, PARIS

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
UTC_OFFICE = Calendar(OFFICE)


def at(text: str, zone_name: str = "UTC") -> datetime:
    """The moment when clocks in the zone showed that time, of two the first."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone_name)).astimezone(UTC)


# -- fixed cases ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calendar", "last"),
    [
        # Easter 2026: Good Friday is 3 April, Easter Monday 6 April.
        (BERLIN, "2026-04-11"),  # both are holidays: 2, 7, 8, 9, 10 April
        (LONDON, "2026-04-11"),  # both are: 2, 7, 8, 9, 10
        (EDINBURGH, "2026-04-10"),  # Good Friday only: 2, 6, 7, 8, 9
        (PARIS, "2026-04-10"),  # Easter Monday only: 2, 3, 7, 8, 9
    ],
)
def test_five_working_days_over_easter(calendar: Calendar, last: str) -> None:
    wednesday = at("2026-04-01 10:00", calendar.zone)
    assert calendar.add_working_days(wednesday, 5) == at(last, calendar.zone)


def test_fifteen_business_days_over_easter_in_england() -> None:
    """FCA DISP 1.6.2A: 23-27 and 30-31 March, 1-2, 7-10 and 13-14 April."""
    assert LONDON.add_working_days(at("2026-03-20 12:00"), 15) == at("2026-04-15", "Europe/London")


def test_ten_jours_ouvrables_count_saturdays() -> None:
    """Saturdays count, Sundays and Easter Monday do not: 2, 3, 4, 7, 8, 9, 10, 11, 13, 14 April."""
    start = at("2026-04-01 10:00", "Europe/Paris")
    due = PARIS.add_working_days(start, 10, MONDAY_TO_SATURDAY)
    assert due == at("2026-04-15", "Europe/Paris")


@pytest.mark.parametrize(
    ("zone_name", "start", "due"),
    [
        # Clocks go forward on 29 March 2026 in Europe, on 8 March in the United States, by half an
        # hour on 4 October on Lord Howe Island (its summer time begins); then back.
        ("Europe/London", "2026-03-26 10:00", "2026-04-03"),
        ("Europe/London", "2026-10-22 10:00", "2026-10-30"),
        ("America/New_York", "2026-03-05 10:00", "2026-03-13"),
        ("America/New_York", "2026-10-29 10:00", "2026-11-06"),
        ("Australia/Lord_Howe", "2026-10-01 10:00", "2026-10-09"),
        ("Australia/Lord_Howe", "2026-04-02 10:00", "2026-04-10"),
    ],
)
def test_five_working_days_over_a_change_of_clocks(zone_name: str, start: str, due: str) -> None:
    calendar = Calendar(OFFICE, zone_name)
    assert calendar.add_working_days(at(start, zone_name), 5) == at(due, zone_name)


@pytest.mark.parametrize(
    ("zone_name", "friday", "monday"),
    [
        ("Europe/London", "2026-03-27", "2026-03-30"),
        ("America/New_York", "2026-03-06", "2026-03-09"),
        ("America/New_York", "2026-10-30", "2026-11-02"),
        ("Australia/Lord_Howe", "2026-10-02", "2026-10-05"),
        ("Australia/Lord_Howe", "2026-04-03", "2026-04-06"),
    ],
)
def test_change_of_clocks_over_the_weekend_moves_no_office_hour(
    zone_name: str, friday: str, monday: str
) -> None:
    calendar = Calendar(OFFICE, zone_name)
    start, due = at(f"{friday} 16:00", zone_name), at(f"{monday} 16:00", zone_name)
    assert calendar.add_working_time(start, 8 * HOUR) == due
    assert calendar.working_time_between(start, due) == 8 * HOUR


@pytest.mark.parametrize(
    ("zone_name", "day", "hours"),
    [
        ("Europe/London", "2026-03-29", 5.0),
        ("Europe/London", "2026-10-25", 7.0),
        ("America/New_York", "2026-03-08", 5.0),
        ("America/New_York", "2026-11-01", 7.0),
        ("Australia/Lord_Howe", "2026-10-04", 5.5),
        ("Australia/Lord_Howe", "2026-04-05", 6.5),
        ("Europe/London", "2026-06-14", 6.0),
    ],
)
def test_night_shift_is_as_long_as_it_really_is(zone_name: str, day: str, hours: float) -> None:
    night = Calendar(OpeningHours.of({"sun": [("00:00", "06:00")]}), zone_name)
    start, end = at(f"{day} 00:00", zone_name), at(f"{day} 06:00", zone_name)
    assert night.working_time_between(start, end) == hours * HOUR
    assert night.add_working_time(start, hours * HOUR) == end
    assert night.add_working_time(start, HOUR / 2) == start + HOUR / 2


def test_span_that_clocks_skip_is_not_open_that_day() -> None:
    night = Calendar(OpeningHours.of({"sun": [("02:15", "02:45")]}), "Europe/Berlin")
    before = at("2026-03-28 12:00")
    assert night.next_opening(before) == at("2026-04-05 02:15", "Europe/Berlin")


def test_open_at_the_opening_and_closed_at_the_closing() -> None:
    assert LONDON.is_open(at("2026-11-20 09:00"))
    assert LONDON.is_open(at("2026-11-20 17:00") - MICROSECOND)
    assert not LONDON.is_open(at("2026-11-20 17:00"))
    assert not LONDON.is_open(at("2026-11-20 09:00") - MICROSECOND)
    assert not LONDON.is_open(at("2026-12-25 12:00"))


def test_deadline_may_be_the_moment_of_closing() -> None:
    assert LONDON.add_working_time(at("2026-11-20 16:00"), HOUR) == at("2026-11-20 17:00")
    assert LONDON.add_working_time(at("2026-11-20 17:00"), HOUR) == at("2026-11-23 10:00")


def test_last_closing_of_the_year_needs_nothing_of_the_next() -> None:
    assert LONDON.add_working_time(at("2026-12-31 16:00"), HOUR) == at("2026-12-31 17:00")


def test_nothing_runs_over_christmas() -> None:
    eve = at("2026-12-24 16:30")
    assert LONDON.add_working_time(eve, HOUR) == at("2026-12-29 09:30")
    assert LONDON.next_opening(at("2026-12-24 17:00")) == at("2026-12-29 09:00")


def test_clock_stands_still_while_a_pause_without_end_lasts() -> None:
    monday = at("2026-11-16 09:00")
    waiting = Pause(at("2026-11-16 11:00"))
    assert UTC_OFFICE.add_working_time(monday, 3 * HOUR, [waiting]) is None
    assert UTC_OFFICE.add_working_time(monday, 2 * HOUR, [waiting]) == at("2026-11-16 11:00")
    until = at("2026-11-18 12:00")
    assert UTC_OFFICE.working_time_between(monday, until, [waiting]) == 2 * HOUR


def test_pauses_that_overlap_or_lie_outside_open_hours_count_once_or_not_at_all() -> None:
    monday = at("2026-11-16 09:00")
    pauses = [
        Pause(at("2026-11-16 12:00"), at("2026-11-16 14:00")),
        Pause(at("2026-11-16 10:00"), at("2026-11-16 13:00")),
        Pause(at("2026-11-16 18:00"), at("2026-11-17 08:00")),
        Pause(at("2026-11-10 09:00"), at("2026-11-13 09:00")),
        Pause(at("2026-11-16 10:30"), at("2026-11-16 11:00")),
    ]
    assert UTC_OFFICE.add_working_time(monday, 5 * HOUR, pauses) == at("2026-11-17 10:00")


def test_a_day_that_clocks_never_showed_is_no_working_day() -> None:
    """Samoa went from Thursday 29 to Saturday 31 December 2011."""
    samoa = Calendar(OFFICE, "Pacific/Apia")
    assert not samoa.is_working_day(date(2011, 12, 30))
    due = samoa.add_working_days(at("2011-12-28 12:00", "Pacific/Apia"), 2)
    assert due == at("2012-01-03", "Pacific/Apia")


def test_calendar_reads_back_from_canonical_json() -> None:
    body = json.loads(canonical_bytes(BERLIN.to_body()))
    assert Calendar.from_body(body) == BERLIN
    del body["zone"]
    with pytest.raises(BadInputError, match="not a calendar"):
        Calendar.from_body(body)


# -- refusals ------------------------------------------------------------------------------------


def test_year_without_an_open_hour_is_refused_rather_than_searched_for_ever() -> None:
    closed = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(365))
    shut = Calendar(OFFICE, "UTC", Holidays(closed))
    with pytest.raises(BadInputError, match="no open hour in 2026"):
        shut.next_opening(at("2026-06-01 12:00"))
    every_day = (date(2026, 1, 1) + timedelta(days=n) for n in range(63_552))
    everything = Holidays(frozenset(every_day))  # until 31 December 2199
    with pytest.raises(BadInputError, match="after the year 2199"):
        Calendar(OFFICE, "UTC", everything).add_working_days(at("2026-06-01 12:00"), 1)


def test_year_whose_holidays_are_not_known_is_refused() -> None:
    with pytest.raises(BadInputError, match="holidays of 2027 are not known"):
        BERLIN.add_working_time(at("2026-12-30 12:00"), 100 * HOUR)
    with pytest.raises(BadInputError, match="holidays of 2027 are not known"):
        BERLIN.add_working_days(at("2026-12-30 12:00"), 5)


def test_broken_calls_are_refused() -> None:
    noon, later = at("2026-11-20 12:00"), at("2026-11-20 13:00")
    with pytest.raises(BadInputError, match="no time zone"):
        UTC_OFFICE.is_open(datetime(2026, 11, 20, 12))
    with pytest.raises(BadInputError, match="swap them"):
        UTC_OFFICE.working_time_between(later, noon)
    with pytest.raises(BadInputError, match="swap them"):
        UTC_OFFICE.add_working_time(noon, HOUR, [Pause(later, noon)])
    for duration in (timedelta(), -HOUR, 3600):
        with pytest.raises(BadInputError, match="above 0"):
            UTC_OFFICE.add_working_time(noon, duration)  # type: ignore[arg-type]
    for days in (0, -1, 1.5, True, 10_001):
        with pytest.raises(BadInputError, match="whole number"):
            UTC_OFFICE.add_working_days(noon, days)  # type: ignore[arg-type]
    for weekdays in (frozenset[int](), frozenset({7})):
        with pytest.raises(BadInputError, match="Monday"):
            UTC_OFFICE.add_working_days(noon, 1, weekdays)
    with pytest.raises(BadInputError, match="after the year 2199"):
        UTC_OFFICE.add_working_time(noon, timedelta(days=400_000))
    with pytest.raises(BadInputError, match="known time zone"):
        Calendar(OFFICE, "Nowhere/City")


# -- properties ----------------------------------------------------------------------------------


@st.composite
def weeks(draw: st.DrawFn) -> OpeningHours:
    def day() -> tuple[Span, ...]:
        cuts = sorted(draw(st.sets(st.integers(0, 1440), max_size=6)))
        return tuple(Span(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False))

    week = [day() for _ in range(7)]
    if not any(week):
        week[draw(st.integers(0, 6))] = (Span(0, 1440),)
    return OpeningHours(tuple(week))


zones = st.sampled_from(
    ("UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
)
holidays = st.sets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=20).map(
    lambda found: Holidays(frozenset(found))
)
calendars = st.builds(Calendar, weeks(), zones, holidays)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 30), timezones=st.just(UTC))
durations = st.timedeltas(MICROSECOND, timedelta(days=30))
pauses = st.lists(
    st.builds(
        lambda start, lasts: Pause(start, start + lasts),
        moments,
        st.timedeltas(timedelta(), timedelta(days=60)),
    ),
    max_size=4,
)


def slowly(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Working time, day by day, span by span."""
    total, day = timedelta(), start.date() - timedelta(days=2)
    while day <= end.date() + timedelta(days=2):
        for span in () if day in calendar.holidays.days else calendar.hours.week[day.weekday()]:
            midnight = datetime.combine(day, time())
            opening, closing = (
                first_moment(midnight + timedelta(minutes=m), calendar.zone) for m in span
            )
            total += max(min(closing, end) - max(opening, start), timedelta())
        day += timedelta(days=1)
    return total


@given(calendars, moments, moments)
@settings(max_examples=50, deadline=None)
def test_working_time_is_what_the_table_says_day_by_day(
    calendar: Calendar, one: datetime, two: datetime
) -> None:
    start, end = sorted((one, two))
    assert calendar.working_time_between(start, end) == slowly(calendar, start, end)


@given(calendars, moments, durations, pauses)
@settings(max_examples=60, deadline=None)
def test_adding_and_measuring_undo_each_other(
    calendar: Calendar, start: datetime, duration: timedelta, stopped: list[Pause]
) -> None:
    due = calendar.add_working_time(start, duration, stopped)
    assert due is not None
    assert calendar.working_time_between(start, due, stopped) == duration
    just_before = due - MICROSECOND
    assert calendar.working_time_between(start, just_before, stopped) == duration - MICROSECOND


@given(calendars, moments, durations, pauses)
@settings(max_examples=60, deadline=None)
def test_deadline_is_never_earlier_than_the_opening(
    calendar: Calendar, start: datetime, duration: timedelta, stopped: list[Pause]
) -> None:
    due = calendar.add_working_time(start, duration, stopped)
    assert due is not None
    assert due > calendar.next_opening(start) >= start
    assert calendar.is_open(due - MICROSECOND)
    assert calendar.is_open(calendar.next_opening(start))


@given(calendars, moments, moments, durations, durations, pauses)
@settings(max_examples=60, deadline=None)
def test_deadline_grows_with_start_and_duration(
    calendar: Calendar,
    one: datetime,
    two: datetime,
    short: timedelta,
    more: timedelta,
    stopped: list[Pause],
) -> None:
    early, late = sorted((one, two))
    first = calendar.add_working_time(early, short, stopped)
    second = calendar.add_working_time(late, short, stopped)
    longer = calendar.add_working_time(early, short + more, stopped)
    assert first is not None
    assert second is not None
    assert longer is not None
    assert first <= second
    assert first < longer


@given(calendars, moments, durations, pauses)
@settings(max_examples=60, deadline=None)
def test_pause_adds_exactly_its_working_time(
    calendar: Calendar, start: datetime, duration: timedelta, stopped: list[Pause]
) -> None:
    due = calendar.add_working_time(start, duration, stopped)
    assert due is not None
    unpaused = calendar.working_time_between(start, due)
    paused = unpaused - calendar.working_time_between(start, due, stopped)
    assert calendar.add_working_time(start, duration + paused) == due


@given(calendars, moments, durations, moments)
@settings(max_examples=60, deadline=None)
def test_pause_without_end_lets_only_earlier_deadlines_stand(
    calendar: Calendar, start: datetime, duration: timedelta, paused_at: datetime
) -> None:
    due = calendar.add_working_time(start, duration)
    assert due is not None
    stopped = calendar.add_working_time(start, duration, [Pause(paused_at)])
    assert stopped == (
        due if calendar.working_time_between(start, max(start, paused_at)) >= duration else None
    )


@given(calendars, moments, st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_working_days_follow_each_other(
    calendar: Calendar, start: datetime, one: int, two: int
) -> None:
    step = calendar.add_working_days(start, one)
    assert calendar.add_working_days(step - MICROSECOND, two) == calendar.add_working_days(
        start, one + two
    )


def test_years_are_laid_out_once() -> None:
    start, duration = at("2026-01-01"), timedelta(hours=8 * 5 * 52 * 10)
    due = UTC_OFFICE.add_working_time(start, duration)
    assert due is not None
    assert due.year == 2035
    laid_out = open_year.cache_info().misses
    assert UTC_OFFICE.working_time_between(start, due) == duration
    assert UTC_OFFICE.add_working_time(start, duration) == due
    assert open_year.cache_info().misses == laid_out


def test_round_the_clock_is_real_time() -> None:
    always = Calendar(ALWAYS, "Europe/London")
    start = at("2026-01-01")
    assert always.add_working_time(start, timedelta(days=365)) == at("2027-01-01")
