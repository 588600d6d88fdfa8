"""When the firm is open: a table of the week, and the holidays on which it is not.

Both are data that the firm keeps, so that a deadline can be calculated again years later, whatever
a library of holidays says by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise
from typing import Any, Final, NamedTuple, Self

from custledger.core.canonical import JsonValue
from custledger.core.checks import check_day, check_text
from custledger.core.clock import date_of_day, day_number
from custledger.errors import BadInputError

__all__ = ["NO_HOLIDAYS", "WEEKDAYS", "Holidays", "OpeningHours", "Span"]

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days of the week in the order of ``date.weekday``."""

_MINUTES_A_DAY: Final = 1440


class Span(NamedTuple):
    """Minutes since midnight, on the wall: from ``start`` up to, not including, ``end``."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """The weekly table: for each day from Monday to Sunday its open spans, in order.

    A span ends at 24:00 at the latest; who is open past midnight gives the rest to the next day
    (``fri 18:00-24:00``, ``sat 00:00-02:00``). BadInputError if spans overlap, or nothing is open.
    """

    week: tuple[tuple[Span, ...], ...]

    def __post_init__(self) -> None:
        if len(self.week) != len(WEEKDAYS):
            raise BadInputError("Opening hours name seven days, from Monday to Sunday.")
        if not any(self.week):
            raise BadInputError("Opening hours need one open span at least: no clock would run.")
        week = tuple(tuple(sorted(Span(*span) for span in day)) for day in self.week)
        for name, day in zip(WEEKDAYS, week, strict=True):
            _check_day(name, day)
        object.__setattr__(self, "week", week)

    @classmethod
    def of(cls, table: Mapping[str, Iterable[tuple[time | str, time | str]]]) -> Self:
        """The hours of a table of ``mon`` to ``sun``; a day that is not named is closed.

        An end of 00:00 or ``"24:00"`` is midnight at the end of the day.

        >>> hours = OpeningHours.of({"mon": [("09:00", "12:30"), ("14:00", "18:00")]})
        >>> [str(span) for span in hours.week[0]]
        ['09:00-12:30', '14:00-18:00']
        """
        unknown = table.keys() - set(WEEKDAYS)
        if unknown:
            raise BadInputError(
                f"Not a day of the week: {', '.join(sorted(map(repr, unknown)))}. "
                f"Days are: {', '.join(WEEKDAYS)}."
            )
        return cls(tuple(tuple(_spans(table.get(name, ()))) for name in WEEKDAYS))

    @classmethod
    def monday_to_friday(cls, start: time | str, end: time | str) -> Self:
        """The same span from Monday to Friday.

        >>> str(OpeningHours.monday_to_friday("09:00", "17:00").week[4][0])
        '09:00-17:00'
        """
        return cls.of({name: [(start, end)] for name in WEEKDAYS[:5]})

    def to_body(self) -> dict[str, JsonValue]:
        """Minutes since midnight for each day that is open."""
        days = zip(WEEKDAYS, self.week, strict=True)
        return {name: [list(span) for span in day] for name, day in days if day}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The hours that ``to_body`` wrote."""
        return cls(tuple(tuple(Span(*s) for s in body.get(name, ())) for name in WEEKDAYS))


@dataclass(frozen=True, slots=True)
class Holidays:
    """The days on which the firm, or the country, does not work, and the years that are known.

    ``first_year`` and ``last_year`` say for which years the days are complete (None: without
    bound); a question about another year is refused, since its answer would be silently wrong.
    ``source`` says where the days are from, such as a library, its version and the region.
    """

    days: frozenset[date] = frozenset()
    first_year: int | None = None
    last_year: int | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for day in self.days:
            check_day(day, "each holiday")
        first, last = self.first_year, self.last_year
        if first is not None and last is not None and first > last:
            raise BadInputError(f"Holidays cannot be known from {first} until {last}: swap them.")
        object.__setattr__(self, "days", frozenset(self.days))
        object.__setattr__(self, "source", check_text(self.source, "source"))

    def __contains__(self, day: date) -> bool:
        self.check_year(day.year)
        return day in self.days

    def knows(self, year: int) -> bool:
        """Whether the holidays of a year are complete."""
        early = self.first_year is not None and year < self.first_year
        late = self.last_year is not None and year > self.last_year
        return not (early or late)

    def check_year(self, year: int) -> None:
        """BadInputError if the holidays of a year are not known."""
        if not self.knows(year):
            raise BadInputError(
                f"The holidays of {year} are not known, only those of {self.first_year} to "
                f"{self.last_year}. Load them for more years, then ask again."
            )

    def with_closed(self, days: Iterable[date]) -> Holidays:
        """These holidays and further closed days, such as the firm's own.

        >>> date(2026, 12, 24) in Holidays().with_closed([date(2026, 12, 24)])
        True
        """
        more = self.days | frozenset(days)
        return Holidays(more, self.first_year, self.last_year, self.source)

    def completed(self, others: Iterable[Holidays]) -> Holidays:
        """These holidays, with those of the years that are not known here but in ``others``.

        The first of the others that knows a year is asked. A year that none knows has none: ask
        ``knows`` before you rely on it.
        """
        days, asked = set(self.days), [self]
        for other in others:
            days |= {d for d in other.days if not any(one.knows(d.year) for one in asked)}
            asked.append(other)
        return Holidays(frozenset(days), source=self.source)

    def to_body(self) -> dict[str, JsonValue]:
        """The days as numbers since 1970-01-01, sorted, with the years and the source."""
        return {
            "days": [day_number(day) for day in sorted(self.days)],
            "years": [self.first_year, self.last_year],
            "source": self.source,
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The holidays that ``to_body`` wrote."""
        first, last = body["years"]
        return cls(frozenset(map(date_of_day, body["days"])), first, last, body["source"])


NO_HOLIDAYS: Final = Holidays()
"""For whom no holiday is known, in any year."""


def _spans(pairs: Iterable[tuple[time | str, time | str]]) -> Iterable[Span]:
    for start, end in pairs:
        yield Span(_minutes(start), _minutes(end) or _MINUTES_A_DAY)


def _minutes(value: object) -> int:
    if isinstance(value, str):
        if value == "24:00":
            return _MINUTES_A_DAY
        try:
            value = time.fromisoformat(value)
        except ValueError as error:
            raise BadInputError(f"{value!r} is not a time of day. Write it like 09:30.") from error
    if not isinstance(value, time) or value.second or value.microsecond or value.tzinfo:
        raise BadInputError(f"{value!r} is not a time of day in whole minutes, such as 09:30.")
    return value.hour * 60 + value.minute


def _check_day(name: str, day: tuple[Span, ...]) -> None:
    for span in day:
        if any(type(minute) is not int for minute in span):
            raise BadInputError(f"{name}: {span!r} is not a pair of minutes since midnight.")
        if not 0 <= span.start < span.end <= _MINUTES_A_DAY:
            raise BadInputError(
                f"{name} {span}: a span starts before it ends, on the same day. Past midnight, "
                "give the rest to the next day: fri 18:00-24:00, sat 00:00-02:00."
            )
    for one, two in pairwise(day):
        if two.start < one.end:
            raise BadInputError(f"{name}: {one} and {two} overlap. Give one span for both.")
