"""Periods of the calendar: days, weeks, months and years, and the day on which they end.

The rules are those of Regulation (EEC, Euratom) No 1182/71, article 3, which most laws of Europe
share: the day of the event does not count (paragraph 1); a period ends with the last hour of its
last day (2(b), 2(c)); a month without that date ends on its last day (2(c)). That a last day that
is no working day gives way to the next one (4), and that two days or more hold two working days
(5), are for acts that the regulation governs: ``last_day_in_eu_law``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from dateutil.relativedelta import relativedelta

from custledger.core.calendar.wall_clock import end_of_day, local_day
from custledger.core.calendar.working_time import Calendar
from custledger.core.canonical import JsonValue
from custledger.core.checks import check_day, check_member, check_moment
from custledger.errors import BadInputError

__all__ = [
    "Period",
    "PeriodUnit",
    "days_ahead",
    "last_day",
    "last_day_before",
    "last_day_in_eu_law",
    "last_moment",
    "nth_day",
]

_MOST: Final = 36_525
_WRITTEN: Final = re.compile(r"([0-9]{1,6}) *(day|week|month|year)s?")
_DAY: Final = timedelta(days=1)


class PeriodUnit(StrEnum):
    """What a period is counted in."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


@dataclass(frozen=True, slots=True)
class Period:
    """A number of calendar days, weeks, months or years.

    >>> str(Period(8, PeriodUnit.WEEKS)), str(Period(1, PeriodUnit.MONTHS))
    ('8 weeks', '1 month')
    """

    count: int
    unit: PeriodUnit

    def __post_init__(self) -> None:
        if type(self.count) is not int or not 1 <= self.count <= _MOST:
            raise BadInputError(f"A period counts 1 to {_MOST} units, not {self.count!r}.")
        object.__setattr__(self, "unit", check_member(PeriodUnit, self.unit))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The period written as ``14 days`` or ``1 month``, or BadInputError.

        >>> Period.parse("1 month") == Period(1, PeriodUnit.MONTHS)
        True
        """
        found = _WRITTEN.fullmatch(text.strip().lower())
        if found is None:
            raise BadInputError(f"{text!r} is not a period. Write it like '14 days' or '1 month'.")
        return cls(int(found[1]), PeriodUnit(f"{found[2]}s"))

    def __str__(self) -> str:
        return f"{self.count} {self.unit if self.count > 1 else self.unit[:-1]}"

    def to_body(self) -> list[JsonValue]:
        """The count and the word of the unit."""
        return [self.count, self.unit.value]

    @classmethod
    def from_body(cls, body: list[Any]) -> Self:
        """The period that ``to_body`` wrote."""
        return cls(*body)


def nth_day(event: date, period: Period, n: int) -> date:
    """The last day of the n-th of periods that follow each other; n 0 is the event's own day.

    Each is counted from the event, so a shorter month on the way changes nothing after it.

    >>> [nth_day(date(2028, 1, 31), Period(1, PeriodUnit.MONTHS), n).isoformat() for n in (1, 2)]
    ['2028-02-29', '2028-03-31']
    """
    return _moved(event, period, n)


def last_day(event: date, period: Period) -> date:
    """The last day of a period that an event on a day sets off; that day is not counted.

    >>> last_day(date(2026, 1, 31), Period(1, PeriodUnit.MONTHS)).isoformat()
    '2026-02-28'
    >>> last_day(date(2026, 11, 2), Period(14, PeriodUnit.DAYS)).isoformat()
    '2026-11-16'
    """
    return _moved(event, period, 1)


def last_day_before(event: date, period: Period) -> date:
    """The last day on which something is still done that long before an event.

    The counterpart of ``last_day``, for notice: cancelled 14 days ahead of the 20th is cancelled on
    the 6th at the latest. Weekends and holidays move nothing: article 3(4) of the regulation does
    not apply to periods that are calculated backwards.

    >>> last_day_before(date(2026, 3, 31), Period(1, PeriodUnit.MONTHS)).isoformat()
    '2026-02-28'
    """
    return _moved(event, period, -1)


def days_ahead(said: datetime, event: date, zone_name: str) -> int:
    """Whole calendar days, in the zone, from the day of a moment to a day; negative after it.

    >>> days_ahead(datetime.fromisoformat("2026-11-06 23:30+00:00"), date(2026, 11, 20), "UTC")
    14
    >>> days_ahead(
    ...     datetime.fromisoformat("2026-11-06 23:30+00:00"), date(2026, 11, 20), "Europe/Berlin"
    ... )
    13
    """
    check_moment(said, "said")
    check_day(event, "event")
    return (event - local_day(said, zone_name)).days


def last_moment(event: datetime, period: Period, zone_name: str) -> datetime:
    """The expiry, in UTC, of a period from an event: 24:00 of its last day in the zone.

    >>> last_moment(
    ...     datetime.fromisoformat("2026-10-12 10:00+00:00"),
    ...     Period(14, PeriodUnit.DAYS),
    ...     "Europe/Paris",
    ... ).isoformat()
    '2026-10-26T23:00:00+00:00'
    """
    check_moment(event, "event")
    return end_of_day(last_day(local_day(event, zone_name), period), zone_name)


def last_day_in_eu_law(event: date, period: Period, calendar: Calendar) -> date:
    """The last day of a period under an act of the Union, such as a right of withdrawal.

    A last day that is a public holiday, Sunday or Saturday gives way to the following working day;
    a period of two days or more includes at least two working days. Sources: Regulation (EEC,
    Euratom) 1182/71, article 3(4) and (5); Directive 2011/83/EU, recital 41 and article 9.

    >>> from custledger.core.calendar.opening_hours import OpeningHours
    >>> office = Calendar(OpeningHours.monday_to_friday("09:00", "17:00"))
    >>> last_day_in_eu_law(date(2026, 11, 7), Period(14, PeriodUnit.DAYS), office).isoformat()
    '2026-11-23'
    """
    day = calendar.working_day_from(last_day(event, period))
    if period == Period(1, PeriodUnit.DAYS):
        return day
    first = calendar.working_day_from(event + _DAY)
    return max(day, calendar.working_day_from(first + _DAY))


def _moved(event: date, period: Period, times: int) -> date:
    check_day(event, "event")
    try:
        delta = relativedelta(**{period.unit.value: period.count * times})  # type: ignore[arg-type]
        day = event + delta
    except (OverflowError, ValueError) as error:
        raise BadInputError(f"{period} from {event} is beyond the calendar.") from error
    check_day(day, f"the day {period} from {event}")
    return day
