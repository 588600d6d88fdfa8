"""A time limit as data: how much time, by which clock, and whether the clock can stand still.

Each clock answers the same question: given when something began, by when is it due?
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from custledger.core.calendar.periods import Period, PeriodUnit, last_day_in_eu_law, last_moment
from custledger.core.calendar.wall_clock import end_of_day, local_day
from custledger.core.calendar.working_time import (
    MONDAY_TO_FRIDAY,
    MONDAY_TO_SATURDAY,
    Calendar,
    Pause,
)
from custledger.core.canonical import JsonValue
from custledger.core.checks import check_flag, check_member
from custledger.core.reading import built
from custledger.errors import BadInputError

__all__ = ["Clock", "TimeLimit"]


class Clock(StrEnum):
    """What a time limit is counted in."""

    WORKING_MINUTES = "working_minutes"
    WORKING_DAYS = "working_days"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


# Whatever the opening hours: a deadline lies within the years that the calendar can count.
_MOST: Final = {
    Clock.WORKING_MINUTES: 200_000,
    Clock.WORKING_DAYS: 10_000,
    Clock.DAYS: 36_525,
    Clock.WEEKS: 5_200,
    Clock.MONTHS: 1_200,
}
_DIGITS: Final = 6
_CALENDAR: Final = frozenset((Clock.DAYS, Clock.WEEKS, Clock.MONTHS))


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """An amount of time by a clock.

    ``pausable``: the clock stands still while we wait for the customer; only working minutes can,
    since no law that we know stops its days. ``saturdays``: Saturday is a working day (French
    *jours ouvrables*). ``eu_law``: a last day that is no working day gives way to the next one
    (Regulation (EEC, Euratom) 1182/71, article 3(4)). BadInputError where these do not fit.

    >>> str(TimeLimit.working_hours(4)), str(TimeLimit(8, Clock.WEEKS))
    ('4 working hours', '8 weeks')
    """

    amount: int
    clock: Clock
    pausable: bool = False
    saturdays: bool = False
    eu_law: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "clock", check_member(Clock, self.clock))
        most, unit = _MOST[self.clock], self.clock.replace("_", " ")
        if type(self.amount) is not int or not 1 <= self.amount <= most:
            raise BadInputError(f"A time limit is 1 to {most:,} {unit}, not {self.amount!r}.")
        for name in ("pausable", "saturdays", "eu_law"):
            object.__setattr__(self, name, check_flag(getattr(self, name), name))
        if self.pausable and self.clock is not Clock.WORKING_MINUTES:
            raise BadInputError(
                "Only working minutes can pause; give the limit in working minutes."
            )
        if self.saturdays and self.clock is not Clock.WORKING_DAYS:
            raise BadInputError("Saturdays matter to a limit in working days only.")
        if self.eu_law and self.clock not in _CALENDAR:
            raise BadInputError("eu_law moves the end of days, weeks and months only.")

    @classmethod
    def working_hours(cls, hours: int, *, pausable: bool = True) -> Self:
        """So many hours of business; they stand still while we wait for the customer."""
        return cls(hours * 60, Clock.WORKING_MINUTES, pausable)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The time limit that a text names; working hours and minutes wait for the customer.

        >>> TimeLimit.parse("4 working hours").amount, str(TimeLimit.parse("8 weeks"))
        (240, '8 weeks')
        """
        amount, _, unit = " ".join(text.lower().split()).partition(" ")
        if amount.isascii() and amount.isdigit() and len(amount) <= _DIGITS:
            plural = unit if unit.endswith("s") else f"{unit}s"
            if plural == "working hours":
                return cls.working_hours(int(amount))
            if plural.replace(" ", "_") in list(Clock):
                clock = Clock(plural.replace(" ", "_"))
                return cls(int(amount), clock, pausable=clock is Clock.WORKING_MINUTES)
        raise BadInputError(
            f"{text!r} is not a time limit. Write it like '4 working hours', '5 working days', "
            "'14 days', '8 weeks' or '2 months'."
        )

    @property
    def asks_for_holidays(self) -> bool:
        """Whether its end depends on which days are holidays."""
        return self.eu_law or self.clock not in _CALENDAR

    def due(
        self, start: datetime, calendar: Calendar, pauses: Iterable[Pause] = ()
    ) -> datetime | None:
        """By when, in UTC; None while a pause without end stops the clock.

        Days, weeks and months end at 24:00 in the calendar's zone; the day of ``start`` is not
        counted.

        >>> from custledger.core.calendar.opening_hours import OpeningHours
        >>> office = Calendar(OpeningHours.monday_to_friday("09:00", "17:00"), "Europe/London")
        >>> monday = datetime.fromisoformat("2026-11-02 10:00+00:00")
        >>> TimeLimit(8, Clock.WEEKS).due(monday, office).isoformat()
        '2026-12-29T00:00:00+00:00'
        """
        if self.clock is Clock.WORKING_MINUTES:
            stopped = pauses if self.pausable else ()
            return calendar.add_working_time(start, timedelta(minutes=self.amount), stopped)
        if self.clock is Clock.WORKING_DAYS:
            weekdays = MONDAY_TO_SATURDAY if self.saturdays else MONDAY_TO_FRIDAY
            return calendar.add_working_days(start, self.amount, weekdays)
        period = Period(self.amount, PeriodUnit(self.clock.value))
        if self.eu_law:
            event = local_day(start, calendar.zone)
            return end_of_day(last_day_in_eu_law(event, period, calendar), calendar.zone)
        return last_moment(start, period, calendar.zone)

    def __str__(self) -> str:
        amount, words = self.amount, self.clock.value.replace("_", " ")
        if self.clock is Clock.WORKING_MINUTES and amount % 60 == 0:
            amount, words = amount // 60, "working hours"
        return f"{amount} {words if amount > 1 else words[:-1]}"

    def to_body(self) -> dict[str, JsonValue]:
        """Amount and clock, and what is not at its default."""
        body: dict[str, JsonValue] = {"amount": self.amount, "clock": self.clock.value}
        flags = ("pausable", "saturdays", "eu_law")
        return body | {name: True for name in flags if getattr(self, name)}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The time limit that ``to_body`` wrote."""
        return built(cls, body, "time limit")
