"""Single values checked: each function returns what is kept, or raises BadInputError.

The message names the field and the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final, TypeVar

from custledger.core.clock import day_number, to_microseconds
from custledger.core.money import Money
from custledger.errors import BadInputError

__all__ = [
    "MAX_TEXT",
    "check_day",
    "check_flag",
    "check_member",
    "check_moment",
    "check_money",
    "check_name",
    "check_reason",
    "check_required",
    "check_seconds",
    "check_tags",
    "check_text",
    "check_word",
    "words_of",
]

MAX_TEXT: Final = 100_000
_MAX_HANDLING: Final = timedelta(days=31)
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2199
_TAG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_E = TypeVar("_E", bound=StrEnum)


def check_text(value: object, name: str) -> str:
    """A text without white space around it, fit to be stored anywhere."""
    if not isinstance(value, str):
        raise BadInputError(f"{name} must be text, not {value!r}.")
    if len(value) > MAX_TEXT:
        raise BadInputError(
            f"{name} has {len(value):,} characters, more than {MAX_TEXT:,}. Attach it as evidence."
        )
    if "\x00" in value:
        raise BadInputError(f"{name} holds a NUL character; remove it.")
    if not value.isascii() and _SURROGATE.search(value):
        raise BadInputError(f"{name} holds half a surrogate pair: it was read in a wrong encoding.")
    return value.strip()


def check_required(value: object, name: str) -> str:
    """A text that is not empty."""
    text = check_text(value, name)
    if not text:
        raise BadInputError(f"{name} must not be empty.")
    return text


def check_reason(reason: object) -> str:
    """Why something is corrected or voided; must not be empty."""
    return check_required(reason, "reason")


def check_name(name: object) -> str:
    """A name with single spaces; must not be empty."""
    return " ".join(check_required(name, "name").split())


def check_money(value: object, name: str) -> Money:
    """An amount that is not negative: the field or the kind of entry says what it means."""
    if not isinstance(value, Money):
        raise BadInputError(
            f"{name} must be Money, such as Money.of('12.50', 'EUR'), not {value!r}."
        )
    if value.minor < 0:
        remedy = (
            "the kind of entry says which way money went."
            if name == "amount"
            else "give what an hour costs, zero or more."
        )
        raise BadInputError(f"{name} must not be negative ({value}): {remedy}")
    return value


def check_flag(value: object, name: str) -> bool:
    """True or False; None, where it was not said, is False."""
    # No other value is taken for one of them: the text "no" would count as True.
    if value is not None and not isinstance(value, bool):
        raise BadInputError(f"{name} must be True or False, not {value!r}.")
    return bool(value)


def check_moment(moment: object, name: str) -> int:
    """Microseconds of an aware datetime between the years 1900 and 2199."""
    if not isinstance(moment, datetime):
        raise BadInputError(f"{name} must be a datetime with a time zone, not {moment!r}.")
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise BadInputError(f"{name} is in the year {moment.year}; is it a typing error?")
    return to_microseconds(moment)


def check_day(day: object, name: str) -> int:
    """The day number of a date between the years 1900 and 2199."""
    if not isinstance(day, date) or isinstance(day, datetime):
        raise BadInputError(f"{name} must be a date, such as date(2026, 1, 31), not {day!r}.")
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise BadInputError(f"{name} is in the year {day.year}; is it a typing error?")
    return day_number(day)


def check_member(vocabulary: type[_E], value: object) -> _E:
    """The member of a vocabulary, given as itself or as its word."""
    return vocabulary(check_word(vocabulary, value))


def words_of(vocabulary: type[StrEnum]) -> str:
    """The words of a vocabulary, for a message."""
    return ", ".join(vocabulary)


@cache
def _plain(vocabulary: type[StrEnum]) -> dict[str, str]:
    return {member.value: member.value for member in vocabulary}


def check_word(vocabulary: type[StrEnum], value: object) -> str:
    """The word of a member of a vocabulary, given as itself or as its word."""
    # A dictionary takes a member and its plain text alike, ten times as fast as calling the enum.
    word = _plain(vocabulary).get(value) if isinstance(value, str) else None
    if word is None:
        name = vocabulary.__name__.lower()
        raise BadInputError(f"{value!r} is not a {name}. Use one of: {words_of(vocabulary)}.")
    return word


def check_seconds(value: object) -> int:
    """Whole seconds of a handling time of at most 31 days."""
    if not isinstance(value, timedelta):
        raise BadInputError(
            f"handling_time must be a timedelta, not {value!r}: write it like timedelta(minutes=5)."
        )
    if not timedelta() <= value <= _MAX_HANDLING:
        raise BadInputError(f"handling_time must lie between 0 and 31 days, not {value}.")
    return round(value.total_seconds())


def check_tags(tags: object) -> list[str]:
    """Tags, sorted and each once, of one tag or several."""
    given = (tags,) if isinstance(tags, str) else tags
    if not isinstance(given, Iterable):
        raise BadInputError(f"tags must be a list of texts, such as ['vip'], not {tags!r}.")
    found = sorted({check_text(tag, "each of tags") for tag in given})
    for tag in found:
        if not _TAG.fullmatch(tag):
            raise BadInputError(f"{tag!r} is not a tag: use lower-case letters, digits, _ and -.")
    return found
