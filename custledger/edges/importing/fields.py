"""The sources of a mapping, compiled once per file into functions from a row to a value."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from custledger.edges.importing.mapping import Condition, Field, Mapping, Source
from custledger.edges.importing.values import EXACT, RowRefusedError, number_of, reading_of
from custledger.edges.importing.vocabulary import How

__all__ = [
    "Columns",
    "Getter",
    "Occurrences",
    "Test",
    "compile_field",
    "compile_test",
    "row_digest",
]

Row = list[str]
Getter = Callable[[Row], Any]
"""The value of a fact in a row, or None where it is empty; raises RowRefusedError."""
Test = Callable[[Row], bool]

_CACHED: Final = 1 << 14


class Columns:
    """What compiling needs to know of a file: where its columns are, and the zones."""

    def __init__(self, header: tuple[str, ...], mapping: Mapping, ledger_zone: str) -> None:
        self.index = {name: position for position, name in enumerate(header)}
        self.time_zone, self.ledger_zone = mapping.time_zone, ledger_zone
        # An id made of the content does not change with columns that nobody reads.
        self.named = [self.index[name] for name in mapping.named_columns() if name in self.index]
        self.occurrences = Occurrences()


def compile_field(
    name: str, how: How, field: Field, columns: Columns, kind: str = ""
) -> Getter | None:
    """The getter of a fact in an entry of that kind, or None if no source of it applies.

    A source does not apply if it is only for other kinds, or optional and not in the file.
    """
    getters = [
        _getter(name, how, source, columns)
        for source in field
        if (not source.only_for or kind in source.only_for)
        and (not source.optional or all(c in columns.index for c in source.named_columns()))
    ]
    if len(getters) < 2:
        return getters[0] if getters else None

    def first_found(row: Row) -> Any:
        return next((value for get in getters if (value := get(row)) is not None), None)

    return first_found


def compile_test(condition: Condition, columns: Columns) -> Test:
    """Whether a row meets the condition."""
    at = columns.index[condition.column]
    if condition.equals is not None:
        wanted = condition.equals
        return lambda row: row[at].strip() in wanted
    if condition.not_equals is not None:
        unwanted = condition.not_equals
        return lambda row: row[at].strip() not in unwanted
    if condition.matches is not None:
        search = condition.matches.search
        return lambda row: search(row[at].strip()) is not None
    if condition.not_matches is not None:
        search = condition.not_matches.search
        return lambda row: search(row[at].strip()) is None
    empty = condition.empty
    return lambda row: (not row[at].strip()) is empty


def row_digest(row: Row) -> bytes:
    """Twelve bytes of BLAKE2b over the row's cells, each with its length before it."""
    parts = [part for cell in row for part in (str(len(cell)), ":", cell)]
    return hashlib.blake2b("".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).digest()


class Occurrences:
    """How often each row was seen: a temporary database, which moves to disk when it grows."""

    def __init__(self) -> None:
        self._database: sqlite3.Connection | None = None

    def count(self, row: Row) -> int:
        """One the first time, two the second time."""
        if self._database is None:
            self._database = sqlite3.connect("", isolation_level=None)
            self._database.execute(
                "CREATE TABLE seen (digest BLOB PRIMARY KEY, n INTEGER) WITHOUT ROWID"
            )
            self._database.execute("BEGIN")
        found = self._database.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1 RETURNING n",
            (row_digest(row),),
        ).fetchone()
        return int(found[0])

    def close(self) -> None:
        """Forget everything."""
        if self._database is not None:
            self._database.close()
            self._database = None


def _getter(name: str, how: How, source: Source, columns: Columns) -> Getter:
    read = reading_of(name, how, source, columns.time_zone, columns.ledger_zone)
    if source.constant is not None:
        value = source.constant if isinstance(source.constant, bool) else read(source.constant)
        return lambda _row: value
    if source.digest:
        return _digest_id(columns)
    if source.product:
        return _product(name, source, columns)
    value_of = _value_of(name, source, read)
    if how not in (How.TEXT, How.ID) or name == "customer":  # what comes again and again
        value_of = lru_cache(_CACHED)(value_of)
    if len(source.columns) == 1:
        at = columns.index[source.columns[0]]
        return lambda row: value_of(row[at])
    join = _template(source, columns) if source.template is not None else _joined(source, columns)
    return lambda row: value_of(join(row))


def _digest_id(columns: Columns) -> Getter:
    named, count = columns.named, columns.occurrences.count

    def digest_id(row: Row) -> str:
        content = [row[at].strip() for at in named]
        return f"{row_digest(content).hex()}-{count(content)}"

    return digest_id


def _value_of(name: str, source: Source, read: Callable[[str], Any]) -> Callable[[str], Any]:
    clean, default = _cleaner(source), source.default
    if not (clean or default or source.refuse or source.values is not None):
        return lambda cell: read(text) if (text := cell.strip()) else None

    def value_of(cell: str) -> Any:
        text = cell.strip()
        for pattern, reason in source.refuse:
            if pattern.search(text):
                raise RowRefusedError(reason or f"{name}: {text!r} is refused by the mapping.")
        text = clean(text) if clean else text
        if source.values is not None:
            text = _mapped(name, text, source, source.values)
        if not text:
            return None if default is None else read(default)
        return read(text)

    return value_of


def _cleaner(source: Source) -> Callable[[str], str] | None:
    pairs = list(source.replace)
    if source.remove is not None:
        pairs.insert(0, (source.remove, ""))
    empty_values = source.empty_values
    if not pairs and not empty_values:
        return None

    def clean(text: str) -> str:
        for pattern, replacement in pairs:
            text = pattern.sub(replacement, text)
        text = text.strip()
        return "" if text in empty_values else text

    return clean


def _mapped(name: str, text: str, source: Source, values: dict[str, str]) -> str:
    mapped = values.get(text, source.other)
    if mapped is not None:
        return mapped
    if not text:
        return text
    raise RowRefusedError(
        f"{name}: {text[:60]!r} is not among the `values` of the mapping. Add it, or `other`."
    )


def _product(name: str, source: Source, columns: Columns) -> Getter:
    @lru_cache(_CACHED)
    def number(cell: str) -> Decimal:
        return number_of(name, cell.strip(), source)

    places = [columns.index[column] for column in source.product]
    negate, multiply = source.negate, EXACT.multiply

    def product(row: Row) -> Decimal:
        total = number(row[places[0]])
        for at in places[1:]:
            total = multiply(total, number(row[at]))
        return EXACT.minus(total) if negate else total

    return product


def _template(source: Source, columns: Columns) -> Callable[[Row], str]:
    # Odd parts are column names. If one of them is empty there is no composite id.
    parts = re.split(r"\{([^{}]+)\}", source.template or "")
    pieces = [columns.index[part] if n % 2 else part for n, part in enumerate(parts)]

    def join(row: Row) -> str:
        cells = [row[piece].strip() if isinstance(piece, int) else piece for piece in pieces]
        return "".join(cells) if all(cells[1::2]) else ""

    return join


def _joined(source: Source, columns: Columns) -> Callable[[Row], str]:
    places = [columns.index[column] for column in source.columns]
    return lambda row: " ".join(row[at].strip() for at in places)
