"""A TOML table whose keys are all known; it says where it is when one of them is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from custledger.core.clock import zone
from custledger.errors import BadInputError, MappingError

__all__ = ["Table"]


class Table:
    """A TOML table whose keys are all known; reads with types, and says where it is."""

    def __init__(self, value: object, name: str, where: str, known: Iterable[str]) -> None:
        self.name, self.where = name, where
        if not isinstance(value, dict):
            raise self.error(None, f'write a table, such as {{ column = "..." }}, not {value!r}')
        self.values: dict[str, Any] = value
        unknown = sorted(set(value) - set(known))
        if unknown:
            choices = ", ".join(sorted(known))
            raise self.error(None, f"unknown: {', '.join(unknown)}. Known here are: {choices}")

    def error(self, key: str | None, text: str) -> MappingError:
        """A MappingError that names the file, this table and the key."""
        place = ".".join(part for part in (self.where, key) if part)
        return MappingError(f"{self.name}: {place + ': ' if place else ''}{text}.")

    def text(self, key: str, default: str | None = None) -> str | None:
        """The text under the key, or the default."""
        value = self.values.get(key, default)
        if value is not None and not isinstance(value, str):
            raise self.error(key, f"write text in quotes, not {value!r}")
        return value

    def required(self, key: str) -> str:
        """The text under the key, which must be there."""
        value = self.text(key)
        if not value:
            raise self.error(key, "is missing")
        return value

    def flag(self, key: str) -> bool:
        """True or false under the key; false where it is absent."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"write true or false, not {value!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """One text or a list of texts, as a tuple."""
        value = self.values.get(key, [])
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self.error(key, f'write a list of texts, such as ["a", "b"], not {value!r}')
        return tuple(found)

    def choice(self, key: str, choices: Iterable[str], default: str | None = None) -> str | None:
        """The text under the key, which must be one of the choices."""
        value = self.text(key, default)
        if value is not None and value not in choices:
            raise self.error(key, f"{value!r} is not one of: {', '.join(choices)}")
        return value

    def pattern(self, key: str) -> re.Pattern[str] | None:
        """The regular expression under the key."""
        text = self.text(key)
        try:
            return None if text is None else re.compile(text)
        except re.error as error:
            raise self.error(key, f"{text!r} is not a regular expression: {error}") from error

    def zone(self, key: str) -> str | None:
        """The name of a time zone, or ``ledger`` for that of the ledger."""
        name = self.text(key)
        if name is not None and name != "ledger":
            with _told(self, key):
                zone(name)
        return name

    def tables(self, key: str) -> list[tuple[str, Any]]:
        """The tables of a list, each with its place for messages."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise self.error(key, f"write it as a list of tables: [[{key}]]")
        place = f"{self.where}.{key}" if self.where else key
        return [(f"{place}[{number}]", item) for number, item in enumerate(value, 1)]


@contextmanager
def _told(table: Table, key: str) -> Iterator[None]:
    try:
        yield
    except BadInputError as error:
        raise table.error(key, str(error).rstrip(".")) from error
