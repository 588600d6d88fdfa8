"""Opening hours and holidays: what they take, refuse, and write."""

from __future__ import annotations

import json
from datetime import date, time
from typing import Any

import pytest

from custledger.core.calendar.opening_hours import WEEKDAYS, Holidays, OpeningHours, Span
from custledger.core.canonical import canonical_bytes
from custledger.errors import BadInputError

CAFE = OpeningHours.of(
    {
        "fri": [("18:00", "24:00"), (time(9), time(14, 30))],
        "sat": [("00:00", "02:00"), ("18:00", "00:00")],
    }
)
XMAS = Holidays(frozenset({date(2026, 12, 25)}), 2026, 2027, "made up")


def test_spans_are_sorted_and_midnight_ends_the_day() -> None:
    assert CAFE.week[4] == (Span(540, 870), Span(1080, 1440))
    assert CAFE.week[5] == (Span(0, 120), Span(1080, 1440))
    assert CAFE.week[0] == ()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({}, "one open span at least"),
        ({"mon": []}, "one open span at least"),
        ({"monday": [("09:00", "17:00")]}, "Not a day of the week: 'monday'"),
        ({"mon": [("22:00", "02:00")]}, "give the rest to the next day"),
        ({"mon": [("09:00", "09:00")]}, "starts before it ends"),
        ({"mon": [("24:00", "24:00")]}, "starts before it ends"),
        ({"mon": [("09:00", "12:00"), ("11:59", "17:00")]}, "overlap"),
        ({"mon": [("9 o'clock", "12:00")]}, "not a time of day"),
        ({"mon": [("09:00:30", "12:00")]}, "whole minutes"),
        ({"mon": [(9, 17)]}, "whole minutes"),
    ],
)
def test_hours_that_make_no_sense_are_refused(table: dict[str, object], says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        OpeningHours.of(table)  # type: ignore[arg-type]


@pytest.mark.parametrize("week", [((),) * 6, ((Span(0, 1),),), (((0.0, 60),),) * 7])
def test_week_of_another_form_is_refused(week: Any) -> None:
    with pytest.raises(BadInputError):
        OpeningHours(week)


def test_spans_that_touch_do_not_overlap() -> None:
    hours = OpeningHours.of({"mon": [("09:00", "12:00"), ("12:00", "17:00")]})
    assert len(hours.week[WEEKDAYS.index("mon")]) == 2


def test_hours_and_holidays_read_back_from_canonical_json() -> None:
    body = json.loads(canonical_bytes(CAFE.to_body()))
    assert body == {"fri": [[540, 870], [1080, 1440]], "sat": [[0, 120], [1080, 1440]]}
    assert OpeningHours.from_body(body) == CAFE
    body = json.loads(canonical_bytes(XMAS.to_body()))
    assert body == {"days": [20812], "source": "made up", "years": [2026, 2027]}
    assert Holidays.from_body(body) == XMAS


def test_year_of_which_nothing_is_known_is_refused_rather_than_taken_for_free() -> None:
    assert date(2027, 12, 25) not in XMAS
    for year in (2025, 2028):
        with pytest.raises(BadInputError, match=f"holidays of {year} are not known"):
            assert date(year, 12, 25) in XMAS


def test_own_closed_days_are_added() -> None:
    closed = XMAS.with_closed([date(2026, 12, 24)])
    assert date(2026, 12, 24) in closed
    assert date(2026, 12, 25) in closed
    assert (closed.first_year, closed.last_year, closed.source) == (2026, 2027, "made up")


def test_holidays_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BadInputError, match="swap"):
        Holidays(frozenset(), 2027, 2026)
    with pytest.raises(BadInputError, match="must be a date"):
        Holidays(frozenset({"2026-12-25"}))  # type: ignore[arg-type]


def test_year_that_is_not_known_is_taken_from_others_the_first_that_knows_it() -> None:
    own = Holidays(frozenset({date(2026, 12, 25)}), 2026, 2026, "own")
    newer = Holidays(frozenset({date(2026, 1, 1), date(2027, 1, 1)}), 2026, 2027)
    newest = Holidays(frozenset({date(2027, 5, 1), date(2028, 1, 1)}), 2027, 2028)
    found = own.completed([newer, newest])
    assert found.days == {date(2026, 12, 25), date(2027, 1, 1), date(2028, 1, 1)}
    assert date(2040, 1, 1) not in found
    assert (found.source, own.knows(2026), own.knows(2027)) == ("own", True, False)
