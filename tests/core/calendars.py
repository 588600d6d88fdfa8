"""Calendars for tests; holidays by hand, each with its source."""

from __future__ import annotations

from datetime import date

from custledger.core.calendar.opening_hours import Holidays, OpeningHours
from custledger.core.calendar.working_time import Calendar

OFFICE = OpeningHours.monday_to_friday("09:00", "17:00")
ALWAYS = OpeningHours.of(
    {day: [("00:00", "24:00")] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
)


def days(year: int, *month_and_day: tuple[int, int]) -> frozenset[date]:
    return frozenset(date(year, month, day) for month, day in month_and_day)


# Feiertagsgesetze der Länder: days of all sixteen.
GERMANY = Holidays(
    days(2026, (1, 1), (4, 3), (4, 6), (5, 1), (5, 14), (5, 25), (10, 3), (12, 25), (12, 26)),
    2026,
    2026,
    "by hand",
)
# gov.uk/bank-holidays: England and Wales.
ENGLAND = Holidays(
    days(2026, (1, 1), (4, 3), (4, 6), (5, 4), (5, 25), (8, 31), (12, 25), (12, 28)),
    2026,
    2026,
    "by hand",
)
# gov.uk/bank-holidays: Scotland has no Easter Monday.
SCOTLAND = Holidays(
    days(
        2026, (1, 1), (1, 2), (4, 3), (5, 4), (5, 25), (6, 15), (8, 3), (11, 30), (12, 25), (12, 28)
    ),
    2026,
    2026,
    "by hand",
)
# Code du travail, article L3133-1: Good Friday is none (but in Alsace and Moselle).
FRANCE = Holidays(
    days(
        2026,
        (1, 1),
        (4, 6),
        (5, 1),
        (5, 8),
        (5, 14),
        (5, 25),
        (7, 14),
        (8, 15),
        (11, 1),
        (11, 11),
        (12, 25),
    ),
    2026,
    2026,
    "by hand",
)

BERLIN = Calendar(OFFICE, "Europe/Berlin", GERMANY)
LONDON = Calendar(OFFICE, "Europe/London", ENGLAND)
EDINBURGH = Calendar(OFFICE, "Europe/London", SCOTLAND)
PARIS = Calendar(OFFICE, "Europe/Paris", FRANCE)
