"""From the text of a cell to a value; every refusal names a remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, Inexact
from typing import Any, Final

from custledger.core.checks import MAX_TEXT
from custledger.core.clock import local_to_utc, zone
from custledger.core.money import exponent_of, round_half_even
from custledger.edges.importing.mapping import OCCURRED_AT, Source
from custledger.edges.importing.vocabulary import WORDS, How
from custledger.errors import BadInputError

__all__ = ["EXACT", "RowRefusedError", "number_of", "reading_of"]

EXACT: Final = Context(prec=100, traps=[Inexact])
"""Arithmetic that fails rather than rounds."""

_DAY_ONLY: Final = 10
_SECOND: Final = 19
_LAST_YEAR: Final = 2199
_FIRST_YEAR: Final = 1900
_MAX_SECONDS: Final = 31 * 86_400
_SECONDS_OF: Final = {"seconds": 1, "minutes": 60, "hours": 3600}
_ISO_FORMATS: Final = {
    "%Y-%m-%d": _DAY_ONLY,
    "%Y-%m-%d %H:%M:%S": _SECOND,
    "%Y-%m-%dT%H:%M:%S": _SECOND,
}
_CLOCK: Final = re.compile(r"(?:(\d+):)?(\d{1,6}):([0-5]\d)", re.ASCII)
_PLAIN: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_TAG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_YES: Final = frozenset({"1", "true", "yes", "y"})
_NO: Final = frozenset({"0", "false", "no", "n"})


class RowRefusedError(Exception):
    """A row cannot be used; the message is the reason that the reject report gives."""


def reading_of(
    name: str, how: How, source: Source, default_zone: str | None, ledger_zone: str
) -> Callable[[str], Any]:
    """The function that turns a fact's cleaned text into its value."""
    zone_name = source.time_zone or default_zone
    if zone_name == "ledger":
        zone_name = ledger_zone
    moments = _Moments(name, source.format, zone_name, ledger_zone)
    readings: dict[How, Callable[[str], Any]] = {
        How.TEXT: lambda text: _text(name, text),
        How.ID: lambda text: _text(name, text),
        How.WORD: lambda text: _word(name, text),
        How.MOMENT: lambda text: text if text in (OCCURRED_AT, "now") else moments.moment(text),
        How.DAY: lambda text: moments.day(text) + timedelta(days=source.add_days),
        How.NUMBER: lambda text: _signed(number_of(name, text, source), source),
        How.CURRENCY: _currency,
        How.DURATION: lambda text: _duration(name, text, source),
        How.FLAG: lambda text: _flag(name, text),
        How.TAGS: lambda text: _tags(text),
    }
    return readings[how]


def number_of(name: str, text: str, source: Source) -> Decimal:
    """The exact number written with the signs that the mapping declares.

    >>> number_of("amount", "1.234,50", Source(decimal=",", thousands="."))
    Decimal('1234.50')
    """
    plain = text
    if source.thousands:
        plain = _without_thousands(name, plain, source)
    if source.decimal == ",":
        if "." in plain:
            raise RowRefusedError(_no_number(name, text, source))
        plain = plain.replace(",", ".")
    if not _PLAIN.fullmatch(plain) or len(plain) > 40:
        raise RowRefusedError(_no_number(name, text, source))
    return Decimal(plain)


def _without_thousands(name: str, text: str, source: Source) -> str:
    sign = source.thousands
    plain = (
        re.sub(r"\s", " ", text) if sign == " " else text
    )  # no-break spaces, as Excel writes them
    whole, decimal, rest = plain.partition(source.decimal)
    groups = whole.split(sign)
    if len(groups) > 1 and (not groups[0].lstrip("+-") or any(len(g) != 3 for g in groups[1:])):
        raise RowRefusedError(_no_number(name, text, source))
    return "".join(groups) + decimal + rest


def _no_number(name: str, text: str, source: Source) -> str:
    example = f"1{source.thousands}234{source.decimal}50"
    return (
        f"{name}: {_short(text)} is not a number written like {example}. Correct it, or the signs "
        "`decimal` and `thousands` in the mapping."
    )


def _signed(number: Decimal, source: Source) -> Decimal:
    return EXACT.minus(number) if source.negate else number


def _duration(name: str, text: str, source: Source) -> timedelta:
    unit = source.unit or "seconds"
    if ":" in unit:
        seconds = _clock_seconds(name, text, unit)
    else:
        seconds = round_half_even(
            EXACT.multiply(number_of(name, text, source), Decimal(_SECONDS_OF[unit]))
        )
    if not 0 <= seconds <= _MAX_SECONDS:
        raise RowRefusedError(
            f"{name}: {_short(text)} {unit} is not between 0 and 31 days. Correct it or its `unit`."
        )
    return timedelta(seconds=seconds)


def _clock_seconds(name: str, text: str, unit: str) -> int:
    found = _CLOCK.fullmatch(text)
    if found is None or (unit == "h:mm:ss") != (found[1] is not None):
        raise RowRefusedError(
            f"{name}: {_short(text)} is not written like {unit}. Correct it or its `unit`."
        )
    return int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])


def _currency(text: str) -> str:
    code = text.upper()
    try:
        exponent_of(code)
    except BadInputError as error:
        raise RowRefusedError(f"currency: {error}") from error
    return code


def _word(name: str, text: str) -> str:
    vocabulary = WORDS[name]
    word = re.sub(r"[\s-]+", "_", text.casefold())
    if word not in vocabulary.__members__.values():
        raise RowRefusedError(
            f"{name}: {_short(text)} is not one of {', '.join(vocabulary)}. Use one of these, or "
            "map it with `values`."
        )
    return str(vocabulary(word))


def _text(name: str, text: str) -> str:
    if len(text) > MAX_TEXT:
        raise RowRefusedError(
            f"{name} has {len(text):,} characters, more than {MAX_TEXT:,}. Attach it as evidence."
        )
    return text


def _flag(name: str, text: str) -> bool:
    word = text.casefold()
    if word not in _YES | _NO:
        raise RowRefusedError(f"{name}: {_short(text)} is not yes or no. Map it with `values`.")
    return word in _YES


def _tags(text: str) -> tuple[str, ...]:
    tags = tuple(tag for tag in re.split(r"[;,|\s]+", text.casefold()) if tag)
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise RowRefusedError(f"tags: {_short(tag)} is not a tag. Use a-z, digits, _ and -.")
    return tags


class _Moments:
    """Dates and times in the formats of one fact."""

    def __init__(
        self, name: str, formats: tuple[str, ...], zone_name: str | None, ledger_zone: str
    ) -> None:
        self._name, self._formats = name, formats
        self._zone, self._day_zone = zone_name, zone_name or ledger_zone

    def moment(self, text: str) -> datetime:
        """The moment in UTC; a time of day needs a zone, a day alone begins at its midnight."""
        found, day_only = self._read(text)
        try:
            if found.tzinfo is UTC:
                moment = found
            elif found.tzinfo is not None:
                moment = found.astimezone(UTC)
            elif day_only:
                moment = _start_of_day(found, self._day_zone)
            elif self._zone is None:
                raise RowRefusedError(
                    f"{self._name}: {text} has no time zone. Write it like "
                    f"{found.isoformat()}+01:00, or declare `time_zone` in a mapping."
                )
            else:
                moment = local_to_utc(found, self._zone)
        except (BadInputError, OverflowError) as error:
            raise RowRefusedError(f"{self._name}: {error}") from error
        return moment

    def day(self, text: str) -> date:
        """The calendar day; of a moment with an offset, the day that the zone's calendar shows."""
        found, _ = self._read(text)
        return (found if found.tzinfo is None else found.astimezone(zone(self._day_zone))).date()

    def _read(self, text: str) -> tuple[datetime, bool]:
        found, day_only = self._parse(text)
        if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
            raise RowRefusedError(f"{self._name}: {text} is in the year {found.year}. Correct it.")
        return found, day_only

    def _parse(self, text: str) -> tuple[datetime, bool]:
        for pattern in self._formats or ("",):
            try:
                if not pattern:
                    return datetime.fromisoformat(text), len(text) <= _DAY_ONLY
                if _ISO_FORMATS.get(pattern) == len(text):
                    return datetime.fromisoformat(text), len(text) == _DAY_ONLY
                found = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is added later
                return found, not re.search(r"%[HIcXfspM]", pattern)
            except ValueError:
                continue
        expected = " or ".join(self._formats) or "2026-01-31 or 2026-01-31T09:30:00+01:00"
        raise RowRefusedError(
            f"{self._name}: {_short(text)} is not a date that exists, written like {expected}. "
            "Correct it, or `format` in the mapping."
        )


def _start_of_day(midnight: datetime, zone_name: str) -> datetime:
    try:
        return local_to_utc(midnight, zone_name)
    except BadInputError:
        # Some zones change their clocks at midnight: that day begins an hour later.
        return local_to_utc(midnight + timedelta(hours=1), zone_name)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
