"""The clock of business hours: it runs while the firm is open, and nobody waits for the customer.

Working time is real time that passed within open hours, counted in UTC: an hour that clocks skip
does not count, one that they repeat counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from custledger.core.calendar.open_time import OpenYear, check_year, open_year
from custledger.core.calendar.opening_hours import NO_HOLIDAYS, Holidays, OpeningHours
from custledger.core.calendar.wall_clock import day_exists, end_of_day, local_day
from custledger.core.canonical import JsonValue
from custledger.core.checks import check_moment
from custledger.core.clock import from_microseconds
from custledger.core.clock import zone as zone_of
from custledger.core.reading import built
from custledger.errors import BadInputError

__all__ = ["MONDAY_TO_FRIDAY", "MONDAY_TO_SATURDAY", "Calendar", "Pause"]

MONDAY_TO_FRIDAY: Final = frozenset(range(5))
"""Working days of most laws: all days but holidays, Sundays and Saturdays (Regulation (EEC,
Euratom) 1182/71, article 2(2))."""
MONDAY_TO_SATURDAY: Final = frozenset(range(6))
"""Working days where Saturday is one, as the French *jours ouvrables*."""

_MICROSECOND: Final = timedelta(microseconds=1)
_FOREVER: Final = 2**62
_MAX_DAYS: Final = 10_000


class Pause(NamedTuple):
    """A time in which the clock stands still; ``end`` None is a pause that still lasts."""

    start: datetime
    end: datetime | None = None


class _Interval(NamedTuple):
    start: int
    end: int


@dataclass(frozen=True)
class Calendar:
    """Opening hours, holidays and the time zone of the firm.

    Every moment is an aware datetime; results are in UTC. BadInputError for a naive datetime, one
    before 1900 or after 2199, and a year in which holidays leave no open hour.
    """

    hours: OpeningHours
    zone: str = "UTC"
    holidays: Holidays = NO_HOLIDAYS

    def __post_init__(self) -> None:
        zone_of(self.zone)

    def check(self) -> None:
        """BadInputError for a year in which holidays leave no open hour: no deadline would end."""
        for year in sorted({day.year for day in self.holidays.days}):
            if self.holidays.knows(year):
                self._open(year)

    def is_open(self, moment: datetime) -> bool:
        """Whether the firm is open; at the moment of closing it is not.

        >>> nine_to_five = Calendar(OpeningHours.monday_to_friday("09:00", "17:00"))
        >>> nine_to_five.is_open(datetime.fromisoformat("2026-11-20 17:00+00:00"))
        False
        """
        instant = check_moment(moment, "moment")
        return self.next_opening(moment) == from_microseconds(instant)

    def next_opening(self, moment: datetime) -> datetime:
        """The first moment, not before this one, at which the firm is open.

        >>> nine_to_five = Calendar(OpeningHours.monday_to_friday("09:00", "17:00"))
        >>> nine_to_five.next_opening(datetime.fromisoformat("2026-11-20 17:00+00:00")).isoformat()
        '2026-11-23T09:00:00+00:00'
        """
        instant = check_moment(moment, "moment")
        year = self._year(instant)
        while (opening := self._open(year).opening(instant)) is None:
            year += 1
        return from_microseconds(opening)

    def add_working_time(
        self, start: datetime, duration: timedelta, pauses: Iterable[Pause] = ()
    ) -> datetime | None:
        """The earliest moment at which that much working time has passed since ``start``.

        It may be the moment of closing, and is always later than the next opening. None while a
        pause without end stops the clock. BadInputError unless the duration is above 0.

        >>> nine_to_five = Calendar(OpeningHours.monday_to_friday("09:00", "17:00"))
        >>> friday = datetime.fromisoformat("2026-11-20 16:00+00:00")
        >>> nine_to_five.add_working_time(friday, timedelta(hours=2)).isoformat()
        '2026-11-23T10:00:00+00:00'
        """
        left, instant = _microseconds(duration), check_moment(start, "start")
        for pause in _merged(pauses, after=instant, before=None):
            worked = self._worked(instant, pause.start)
            if worked >= left:
                break
            if pause.end == _FOREVER:
                return None
            left, instant = left - worked, pause.end
        return from_microseconds(self._after(instant, left))

    def working_time_between(
        self, start: datetime, end: datetime, pauses: Iterable[Pause] = ()
    ) -> timedelta:
        """The time in which the firm was open between two moments, without the pauses.

        >>> nine_to_five = Calendar(OpeningHours.monday_to_friday("09:00", "17:00"))
        >>> nine_to_five.working_time_between(
        ...     datetime.fromisoformat("2026-11-20 16:00+00:00"),
        ...     datetime.fromisoformat("2026-11-23 10:00+00:00"),
        ... )
        datetime.timedelta(seconds=7200)
        """
        first, last = check_moment(start, "start"), check_moment(end, "end")
        if last < first:
            raise BadInputError(f"end ({end}) is before start ({start}): swap them.")
        stopped = _merged(pauses, after=first, before=last)
        paused = sum(self._worked(pause.start, pause.end) for pause in stopped)
        return timedelta(microseconds=self._worked(first, last) - paused)

    def is_working_day(self, day: date, weekdays: frozenset[int] = MONDAY_TO_FRIDAY) -> bool:
        """Whether law counts the day: one of the weekdays, no holiday; opening hours do not matter.

        A day that clocks never showed (Samoa, 30 December 2011) is none.
        """
        return day.weekday() in weekdays and day not in self.holidays and day_exists(day, self.zone)

    def working_day_from(self, day: date, weekdays: frozenset[int] = MONDAY_TO_FRIDAY) -> date:
        """The day itself if it is a working day, else the next one that is."""
        if not weekdays or not weekdays <= set(range(7)):
            raise BadInputError("weekdays are some of 0 (Monday) to 6 (Sunday).")
        while not self.is_working_day(day, weekdays):
            day += timedelta(days=1)
            check_year(day.year)
        return day

    def add_working_days(
        self, start: datetime, days: int, weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    ) -> datetime:
        """The end (24:00) of the n-th working day after the day of ``start``, which is not counted.

        Source: Regulation (EEC, Euratom) 1182/71, articles 2(2) and 3(1) to (3).

        >>> office = Calendar(OpeningHours.monday_to_friday("09:00", "17:00"), "Europe/London")
        >>> friday = datetime.fromisoformat("2026-11-20 16:00+00:00")
        >>> office.add_working_days(friday, 1).isoformat()
        '2026-11-24T00:00:00+00:00'
        """
        if type(days) is not int or not 1 <= days <= _MAX_DAYS:
            raise BadInputError(f"days is a whole number from 1 to {_MAX_DAYS}, not {days!r}.")
        check_moment(start, "start")
        day = local_day(start, self.zone)
        for _ in range(days):
            day = self.working_day_from(day + timedelta(days=1), weekdays)
        return end_of_day(day, self.zone)

    def to_body(self) -> dict[str, JsonValue]:
        """Hours, zone and holidays, as a trail entry keeps them."""
        return {
            "hours": self.hours.to_body(),
            "zone": self.zone,
            "holidays": self.holidays.to_body(),
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Calendar:
        """The calendar that ``to_body`` wrote."""
        return built(_calendar_of, body, "calendar")

    def _open(self, year: int) -> OpenYear:
        return open_year(self.hours, self.zone, self.holidays, year)

    def _year(self, instant: int) -> int:
        return local_day(from_microseconds(instant), self.zone).year

    def _worked(self, start: int, end: int) -> int:
        first, last = self._year(start), self._year(end)
        whole = sum(self._open(year).total for year in range(first, last))
        return whole + self._open(last).worked(end) - self._open(first).worked(start)

    def _after(self, instant: int, duration: int) -> int:
        year = self._year(instant)
        left = self._open(year).worked(instant) + duration
        while left > self._open(year).total:
            left -= self._open(year).total
            year += 1
        return self._open(year).moment(left)


def _calendar_of(hours: Mapping[str, Any], zone: str, holidays: Mapping[str, Any]) -> Calendar:
    return Calendar(OpeningHours.from_body(hours), zone, Holidays.from_body(holidays))


def _microseconds(duration: object) -> int:
    if not isinstance(duration, timedelta) or duration <= timedelta():
        raise BadInputError(f"duration must be a timedelta above 0, not {duration!r}.")
    return duration // _MICROSECOND


def _merged(pauses: Iterable[Pause], *, after: int, before: int | None) -> list[_Interval]:
    """The pauses within two instants, sorted, those that touch as one."""
    merged: list[_Interval] = []
    latest = _FOREVER if before is None else before
    for pause in sorted(_interval(*pause) for pause in pauses):
        start, end = max(pause.start, after), min(pause.end, latest)
        if start >= end:
            continue
        if merged and start <= merged[-1].end:
            end = max(end, merged[-1].end)
            start = merged.pop().start
        merged.append(_Interval(start, end))
    return merged


def _interval(start: datetime, end: datetime | None = None) -> _Interval:
    first = check_moment(start, "start of the pause")
    last = _FOREVER if end is None else check_moment(end, "end of the pause")
    if last < first:
        raise BadInputError(f"The pause ends ({end}) before it starts ({start}): swap them.")
    return _Interval(first, last)
