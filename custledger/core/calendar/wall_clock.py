"""What clocks on the wall show, and the moments at which they show it.

Twice a year, in many countries, clocks skip some time and repeat some. Here a wall time always has
one moment: the first at which clocks show it or, where they skip it, a later time. So a later wall
time never has an earlier moment, and a day lasts 23, 24 or 25 hours, as it really does.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from custledger.core.clock import from_microseconds, to_microseconds, zone
from custledger.errors import BadInputError

__all__ = ["day_exists", "end_of_day", "first_moment", "local_day", "start_of_day"]

_DAY: Final = timedelta(days=1)
_SECOND: Final = 1_000_000  # microseconds


def first_moment(naive: datetime, zone_name: str) -> datetime:
    """The first moment, in UTC, at which clocks in the zone show ``naive`` or a later time.

    Whole seconds where clocks skip. BadInputError beyond the calendar.

    >>> first_moment(datetime(2026, 3, 29, 2, 30), "Europe/Berlin").isoformat()
    '2026-03-29T01:00:00+00:00'
    >>> first_moment(datetime(2026, 10, 25, 2, 30), "Europe/Berlin").isoformat()
    '2026-10-25T00:30:00+00:00'
    """
    local = naive.replace(tzinfo=zone(zone_name), fold=0)
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    naive_utc = naive.replace(tzinfo=UTC, fold=0)
    try:
        if after > before:  # PEP 495: clocks skip this time
            return _end_of_gap(naive, naive_utc - after, naive_utc - before, zone_name)
        return naive_utc - before
    except OverflowError as error:
        raise BadInputError(f"{naive.isoformat(sep=' ')} is beyond the calendar.") from error


def _end_of_gap(naive: datetime, early: datetime, late: datetime, zone_name: str) -> datetime:
    """The moment, after ``early`` and at most ``late``, from which clocks show a later time."""
    low, high = to_microseconds(early) // _SECOND, -(-to_microseconds(late) // _SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        shown = from_microseconds(middle * _SECOND).astimezone(zone(zone_name))
        if shown.replace(tzinfo=None) < naive:
            low = middle
        else:
            high = middle
    return from_microseconds(high * _SECOND)


@lru_cache(maxsize=4096)
def start_of_day(day: date, zone_name: str) -> datetime:
    """The first moment of a day; not always midnight, where clocks skip midnight.

    >>> start_of_day(date(2026, 9, 6), "America/Santiago").isoformat()
    '2026-09-06T04:00:00+00:00'
    """
    return first_moment(datetime.combine(day, time()), zone_name)


def end_of_day(day: date, zone_name: str) -> datetime:
    """The expiry of the last hour of a day: 24:00, which is the first moment of the next day.

    >>> end_of_day(date(2026, 10, 25), "Europe/Berlin").isoformat()
    '2026-10-25T23:00:00+00:00'
    """
    return start_of_day(day + _DAY, zone_name)


def day_exists(day: date, zone_name: str) -> bool:
    """Whether clocks showed the day at all: Samoa went from 29 to 31 December 2011.

    >>> day_exists(date(2011, 12, 30), "Pacific/Apia")
    False
    """
    return start_of_day(day, zone_name) < end_of_day(day, zone_name)


def local_day(moment: datetime, zone_name: str) -> date:
    """The day that calendars in the zone show at an aware moment.

    >>> local_day(datetime(2026, 1, 1, 3, tzinfo=UTC), "America/New_York").isoformat()
    '2025-12-31'
    """
    return moment.astimezone(zone(zone_name)).date()
