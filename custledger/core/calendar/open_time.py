"""The open intervals of a year, laid out once, and searched by bisection.

All in microseconds UTC, so that sums are exact and hours that clocks skip or repeat count as they
really passed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from custledger.core.calendar.opening_hours import Holidays, OpeningHours, Span
from custledger.core.calendar.wall_clock import first_moment, start_of_day
from custledger.core.clock import to_microseconds
from custledger.errors import BadInputError

__all__ = ["OpenYear", "check_year", "open_year"]

_LAST_YEAR: Final = 2199
_DAY: Final = timedelta(days=1)
_MINUTE: Final = 60_000_000  # microseconds
_MINUTES_A_DAY: Final = 1440


class OpenYear(NamedTuple):
    """The open intervals of one local year: starts, ends, and the sum of lengths up to each end."""

    starts: list[int]
    ends: list[int]
    sums: list[int]

    @property
    def total(self) -> int:
        """The open time of the year."""
        return self.sums[-1]

    def opening(self, instant: int) -> int | None:
        """The first open instant of this year, not before the given one; None if there is none."""
        i = bisect_right(self.ends, instant)
        return max(instant, self.starts[i]) if i < len(self.ends) else None

    def worked(self, instant: int) -> int:
        """The open time of this year up to an instant."""
        i = bisect_right(self.starts, instant)
        return self.sums[i - 1] - max(0, self.ends[i - 1] - instant) if i else 0

    def moment(self, worked: int) -> int:
        """The first instant up to which that much open time, above 0, has passed."""
        i = bisect_left(self.sums, worked)
        return self.ends[i] - (self.sums[i] - worked)


@lru_cache(maxsize=256)
def open_year(hours: OpeningHours, zone_name: str, holidays: Holidays, year: int) -> OpenYear:
    """The open intervals of a local year; BadInputError if there are none, or none are known."""
    check_year(year)
    holidays.check_year(year)
    found = OpenYear([], [], [])
    worked = 0
    for start, end in _intervals(hours, zone_name, holidays, year):
        worked += end - start
        found.starts.append(start)
        found.ends.append(end)
        found.sums.append(worked)
    if not worked:
        raise BadInputError(f"Holidays leave no open hour in {year}; name only the closed days.")
    return found


def check_year(year: int) -> None:
    """BadInputError after 2199, so that no search goes on for ever."""
    if year > _LAST_YEAR:
        raise BadInputError(
            f"That deadline lies after the year {_LAST_YEAR}; is a duration or a holiday mistyped?"
        )


def _intervals(
    hours: OpeningHours, zone_name: str, holidays: Holidays, year: int
) -> Iterator[tuple[int, int]]:
    day, start = date(year, 1, 1), _midnight(date(year, 1, 1), zone_name)
    while day.year == year:
        end = _midnight(day + _DAY, zone_name)
        spans = () if day in holidays.days else hours.week[day.weekday()]
        for span in spans:
            if end - start == _MINUTES_A_DAY * _MINUTE:  # clocks did not change: nearly always
                yield start + span.start * _MINUTE, start + span.end * _MINUTE
            elif (changed := _over_a_change(day, span, zone_name)) is not None:
                yield changed
        day, start = day + _DAY, end


def _over_a_change(day: date, span: Span, zone_name: str) -> tuple[int, int] | None:
    """The interval of a span on a day when clocks change; None if they skip it altogether."""
    midnight = datetime.combine(day, time())
    start, end = (
        to_microseconds(first_moment(midnight + timedelta(minutes=minute), zone_name))
        for minute in span
    )
    return (start, end) if start < end else None


def _midnight(day: date, zone_name: str) -> int:
    return to_microseconds(start_of_day(day, zone_name))
