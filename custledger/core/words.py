"""Words that are the same on every page, report and screen, and in every dossier.

A dossier's ``verify.py`` holds this module, so it keeps to what Python 3.9 has, and to nothing that
differs between machines: no locale, no table of currencies that is installed.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Final

__all__ = [
    "FAULTS",
    "count",
    "day_in_words",
    "hours",
    "moment_in_words",
    "money_in_words",
    "short_id",
    "words",
]

FAULTS: Final = {
    "ours": "our fault",
    "customer": "customer's fault",
    "shared": "shared fault",
    "third_party": "a third party's fault",
}
_ID_DIGITS: Final = 8
_HYPHENED: Final = {"write_off": "write-off", "do_not_serve": "do-not-serve"}
_YEAR: Final = (
    "January February March April May June July August September October November December"
)
_MONTHS: Final = _YEAR.split()
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a clock that stands at the offset given
# ISO 4217; all others have two. The tests compare this with the table that Money uses.
_NO_DECIMALS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS: Final = "BHD IQD JOD KWD LYD OMR TND"
_DECIMALS: Final = {
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
    "CLF": 4,
    "UYW": 4,
}


def words(value: str) -> str:
    """A word of the vocabulary as it is read: ``verbal_abuse`` is "verbal abuse".

    >>> words("refund_request")
    'refund request'
    """
    return _HYPHENED.get(value, value.replace("_", " "))


def short_id(identity: object) -> str:
    """The first digits of an id: enough to tell customers of one firm apart.

    >>> short_id("3f0c8e1a-0000-4000-8000-000000000000")
    '3f0c8e1a'
    """
    return str(identity)[:_ID_DIGITS]


def count(number: int, one: str, many: str = "") -> str:
    """A number and its noun.

    >>> count(1, "day"), count(2, "day"), count(2, "loss", "losses")
    ('1 day', '2 days', '2 losses')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def hours(span: timedelta) -> str:
    """Staff time in hours and minutes, rounded to the minute.

    >>> hours(timedelta(minutes=135)), hours(timedelta(minutes=20))
    ('2 h 15 min', '20 min')
    """
    minutes = round(span.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


def day_in_words(day: date | int) -> str:
    """A day, or a number of days since 1970-01-01, read the same in every country.

    >>> day_in_words(date(2026, 6, 3)), day_in_words(0)
    ('3 June 2026', '1 January 1970')
    """
    if isinstance(day, int):
        day = date.fromordinal(_EPOCH_DAY + day)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def moment_in_words(microseconds: int, offset: int = 0) -> str:
    """A moment on a clock that is ``offset`` minutes ahead of UTC; the clock is named.

    >>> moment_in_words(0), moment_in_words(0, -90)
    ('1 January 1970, 00:00 UTC', '31 December 1969, 22:30 UTC-01:30')
    """
    shown = _EPOCH + timedelta(microseconds=microseconds, minutes=offset)
    clock = str(timezone(timedelta(minutes=offset)))
    return f"{day_in_words(shown.date())}, {shown.hour:02}:{shown.minute:02} {clock}"


def money_in_words(minor: int, currency: str) -> str:
    """An amount of minor units as ``Money`` writes it, with the decimals of ISO 4217.

    >>> money_in_words(123456, "EUR"), money_in_words(5, "JPY"), money_in_words(-5, "KWD")
    ('1,234.56 EUR', '5 JPY', '-0.005 KWD')
    """
    decimals = _DECIMALS.get(currency, 2)
    whole, part = divmod(abs(minor), 10**decimals)
    fraction = f".{part:0{decimals}}" if decimals else ""
    return f"{'-' if minor < 0 else ''}{whole:,}{fraction} {currency}"
