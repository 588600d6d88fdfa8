"""A schedule of retention as a TOML file: a table for each kind that has a period."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final

from custledger.core.calendar.periods import Period, PeriodUnit
from custledger.core.checks import words_of
from custledger.core.privacy.retention import WHOLE, Kept, RetentionRule, Since
from custledger.errors import BadInputError

__all__ = ["TEMPLATE", "read_schedule", "rules_from"]

TEMPLATE: Final = """\
# How long what is kept. Nothing goes unless it is named here; the periods are examples, and no
# advice on law. `custledger retention run` shows what would go, and erases nothing.

[interaction]
period = "3 years"
ground = "Claims from a contract lapse after three years."

[evidence]
period = "3 years"
ground = "Claims from a contract lapse after three years."

[money]
period = "10 years"
since = "year_end"
ground = "The law on taxes asks for ten years, from the end of the year."

[complaint]
period = "3 years"
ground = "Claims from a contract lapse after three years."

[decision]
period = "3 years"
ground = "To account for decisions while they can be contested."

[access]
period = "3 years"
ground = "To show that requests were answered in time."

[prospect]
period = "1 year"
since = "last_activity"
ground = "Who did not become a customer within a year is not likely to."

[customer]
period = "10 years"
since = "last_activity"
ground = "Nothing has happened for ten years."
"""
"""A suggestion to start from, with the periods of many countries of Europe."""

_KEYS: Final = frozenset(("period", "since", "ground"))


def read_schedule(path: str | os.PathLike[str]) -> list[RetentionRule]:
    """The rules in a file; BadInputError names the file, the table and the remedy."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path} is not text in UTF-8.") from error
    try:
        return rules_from(text)
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from error


def rules_from(text: str) -> list[RetentionRule]:
    """The rules in a text.

    >>> [str(rule) for rule in rules_from(TEMPLATE)][:1]
    ['3 years from the day of the record']
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"This is not TOML: {error}.") from error
    return [_rule(name, table) for name, table in tables.items()]


def _rule(name: str, table: Any) -> RetentionRule:
    if name not in set(Kept):
        raise BadInputError(f"[{name}] is no kind of record. Use one of: {words_of(Kept)}.")
    if not isinstance(table, dict):
        raise BadInputError(f'[{name}] is a table with period and ground, not "{table}".')
    unknown = sorted(table.keys() - _KEYS)
    if unknown:
        raise BadInputError(
            f"[{name}] has {', '.join(unknown)}, which is not known here: period, since, ground."
        )
    kind = Kept(name)
    since = table.get("since", Since.LAST_ACTIVITY if kind in WHOLE else Since.OWN_DATE)
    if since not in set(Since):
        raise BadInputError(f"[{name}] since is one of: {words_of(Since)}; not {since!r}.")
    try:
        return RetentionRule(kind, _period(table.get("period")), table.get("ground", ""), since)
    except BadInputError as error:
        raise BadInputError(f"[{name}] {error}") from error


def _period(value: object) -> Period:
    count, _, unit = value.partition(" ") if isinstance(value, str) else ("", "", "")
    unit = unit.strip() if unit.strip().endswith("s") else f"{unit.strip()}s"
    if not (count.isascii() and count.isdigit()) or unit not in set(PeriodUnit):
        raise BadInputError(f'period is written like "3 years" or "18 months", not {value!r}.')
    return Period(int(count), PeriodUnit(unit))
