"""Time limits by every clock, by cases of published rules."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from custledger.core.calendar.opening_hours import OpeningHours
from custledger.core.calendar.time_limits import Clock, TimeLimit
from custledger.core.calendar.working_time import Calendar, Pause
from custledger.core.canonical import canonical_bytes
from custledger.errors import BadInputError
from tests.core.calendars import BERLIN, LONDON, PARIS


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (utc(2026, 1, 30, 16), utc(2026, 3, 28)),
        (utc(2026, 2, 20, 16), utc(2026, 4, 17, 23)),  # British Summer Time by then
        (utc(2026, 8, 31, 23, 30), utc(2026, 10, 28)),  # 1 September in London
        (utc(2026, 10, 30, 12), utc(2026, 12, 26)),  # Christmas Day: the rule moves nothing
    ],
)
def test_eight_weeks_for_a_final_response(received: datetime, due: datetime) -> None:
    """FCA DISP 1.6.2R: by the end of eight weeks after its receipt."""
    assert TimeLimit(8, Clock.WEEKS).due(received, LONDON) == due


@pytest.mark.parametrize(
    ("limit", "calendar", "due"),
    [
        (TimeLimit(1, Clock.MONTHS), PARIS, utc(2026, 4, 5, 22)),
        (TimeLimit(1, Clock.MONTHS, eu_law=True), PARIS, utc(2026, 4, 7, 22)),
        (TimeLimit(30, Clock.DAYS), PARIS, utc(2026, 4, 4, 22)),
        (TimeLimit(10, Clock.WORKING_DAYS), PARIS, utc(2026, 3, 19, 23)),
        (TimeLimit(10, Clock.WORKING_DAYS, saturdays=True), PARIS, utc(2026, 3, 17, 23)),
        (TimeLimit(90, Clock.WORKING_MINUTES), BERLIN, utc(2026, 3, 6, 9, 30)),
    ],
)
def test_limit_by_each_clock(limit: TimeLimit, calendar: Calendar, due: datetime) -> None:
    """Received on Thursday, 5 March 2026, at 17:00 local time; 5 April is Easter Sunday."""
    assert limit.due(utc(2026, 3, 5, 16), calendar) == due


def test_only_a_pausable_limit_waits_for_the_customer() -> None:
    start, paused = utc(2026, 11, 16, 9), [Pause(utc(2026, 11, 16, 10), utc(2026, 11, 17, 10))]
    pausable = TimeLimit.working_hours(2)
    assert pausable.due(start, LONDON, paused) == utc(2026, 11, 17, 11)
    assert pausable.due(start, LONDON, [Pause(utc(2026, 11, 16, 10))]) is None
    fixed = TimeLimit.working_hours(2, pausable=False)
    assert fixed.due(start, LONDON, paused) == utc(2026, 11, 16, 11)
    by_law = TimeLimit(5, Clock.WORKING_DAYS)
    assert by_law.due(start, LONDON, paused) == by_law.due(start, LONDON)


@pytest.mark.parametrize(
    "limit",
    [
        TimeLimit.working_hours(4),
        TimeLimit(90, Clock.WORKING_MINUTES),
        TimeLimit(10, Clock.WORKING_DAYS, saturdays=True),
        TimeLimit(1, Clock.MONTHS, eu_law=True),
    ],
)
def test_limit_reads_back_from_canonical_json(limit: TimeLimit) -> None:
    assert TimeLimit.from_body(json.loads(canonical_bytes(limit.to_body()))) == limit


def test_limits_are_said_in_words() -> None:
    limits = (
        TimeLimit.working_hours(1),
        TimeLimit(90, Clock.WORKING_MINUTES),
        TimeLimit(15, Clock.WORKING_DAYS),
        TimeLimit(1, Clock.MONTHS),
    )
    assert [str(limit) for limit in limits] == [
        "1 working hour",
        "90 working minutes",
        "15 working days",
        "1 month",
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 0, "clock": "days"},
        {"amount": 1.5, "clock": "days"},
        {"amount": 1, "clock": "hours"},
        {"amount": 1, "clock": "days", "pausable": True},
        {"amount": 1, "clock": "days", "saturdays": True},
        {"amount": 1, "clock": "working_days", "eu_law": True},
        {"amount": 1, "clock": "working_days", "saturdays": "no"},
        {"amount": 1},
        {"amount": 1, "clock": "days", "note": "soon"},
        {"amount": 36_526, "clock": "days"},
        {"amount": 1_201, "clock": "months"},
        {"amount": 10_001, "clock": "working_days"},
    ],
)
def test_limit_that_makes_no_sense_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        TimeLimit.from_body(body)


@pytest.mark.parametrize(
    ("amount", "clock"),
    [
        (200_000, Clock.WORKING_MINUTES),
        (10_000, Clock.WORKING_DAYS),
        (36_525, Clock.DAYS),
        (5_200, Clock.WEEKS),
        (1_200, Clock.MONTHS),
    ],
)
def test_longest_limit_that_is_accepted_can_be_calculated(amount: int, clock: Clock) -> None:
    """Else it would be found out when a complaint is opened, and no other could be listed."""
    one_hour_a_week = Calendar(OpeningHours.of({"mon": [("09:00", "10:00")]}), "Europe/Paris")
    due = TimeLimit(amount, clock).due(utc(2026, 3, 5, 16), one_hour_a_week)
    assert due is not None
    assert due.year < 2130
    with pytest.raises(BadInputError, match=f"1 to {amount:,} "):
        TimeLimit(amount + 1, clock)


def test_only_limits_that_count_or_end_on_working_days_ask_for_holidays() -> None:
    asking = [TimeLimit.working_hours(4), TimeLimit(5, Clock.WORKING_DAYS)]
    asking.append(TimeLimit(1, Clock.MONTHS, eu_law=True))
    assert all(limit.asks_for_holidays for limit in asking)
    assert not TimeLimit(8, Clock.WEEKS).asks_for_holidays


def test_limit_is_read_from_words() -> None:
    for limit in (
        TimeLimit.working_hours(4),
        TimeLimit(1, Clock.WORKING_DAYS),
        TimeLimit(14, Clock.DAYS),
        TimeLimit(8, Clock.WEEKS),
        TimeLimit(2, Clock.MONTHS),
        TimeLimit(90, Clock.WORKING_MINUTES, pausable=True),
    ):
        assert TimeLimit.parse(str(limit)) == limit
    for text in (
        "",
        "soon",
        "4",
        "4 hours",
        "-1 days",
        "9999999999 days",
        "0 days",
        "4 fortnights",
    ):
        with pytest.raises(BadInputError):
            TimeLimit.parse(text)
