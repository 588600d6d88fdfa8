"""Rows as a table for people, as JSON or CSV for programs.

Programs get every field of the records; people get the columns that are chosen for them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import PurePath
from typing import Any, Final, Literal, TextIO
from uuid import UUID

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from custledger.core.money import Money
from custledger.core.records import EntryRef

__all__ = [
    "Column",
    "Format",
    "amount",
    "console_for",
    "plain",
    "printing",
    "safe",
    "table_of_rows",
    "write_json",
    "write_rows",
]

_PIPED_WIDTH: Final = 120
_UNLIMITED: Final = 10_000
# What would move the cursor, colour the screen, or turn the direction of what follows: a
# customer's words are shown, never obeyed. Lone surrogates cannot be written as UTF-8.
_UNSAFE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

_TRAILING: Final = re.compile(r" +$", re.MULTILINE)


class Format(StrEnum):
    """How a command prints its result."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True)
class Column:
    """A column of a text table: its header, and what it shows of a row (None shows as a dash).

    A ``spare`` column is left out where the table would be wider than the terminal; one that may
    ``wrap`` keeps the ``least`` width.
    """

    header: str
    show: Callable[[Any], str | Text | None]
    justify: Literal["left", "right"] = "left"
    wrap: bool = False
    spare: bool = False
    least: int = 12


def write_rows(
    rows: Sequence[Any],
    columns: Sequence[Column],
    out: TextIO,
    *,
    form: Format = Format.TEXT,
    kind: type | None = None,
) -> None:
    """Write records of one dataclass, ``kind`` (needed where there may be no rows)."""
    if form is Format.JSON:
        write_json(rows, out)
    elif form is Format.CSV:
        _write_csv(rows, kind or type(rows[0]), out)
    else:
        with printing(out) as console:
            table = table_of_rows(rows, columns)
            unlimited = console.options.update(max_width=_UNLIMITED)
            if console.measure(table, options=unlimited).minimum > console.width:
                table = table_of_rows(rows, [column for column in columns if not column.spare])
            # Lines that the terminal breaks are ugly; an amount without its end is false.
            widest = console.measure(table, options=unlimited).minimum
            console.print(table, width=max(widest, console.width), crop=False)


def write_json(value: object, out: TextIO) -> None:
    """Write any record, or rows of them, as indented JSON."""
    json.dump(plain(value), out, indent=2, ensure_ascii=False)
    out.write("\n")


def plain(value: object) -> Any:
    """A value as JSON can hold it: records as objects, days in ISO 8601, time spans in seconds.

    >>> plain({"amount": Money.of("12.50", "EUR"), "on": date(2026, 1, 31)})
    {'amount': {'amount': '12.50', 'currency': 'EUR'}, 'on': '2026-01-31'}
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Money):
        return {"amount": str(value.amount), "currency": value.currency}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID | EntryRef | Decimal | PurePath):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return _plain_many(value)


def _plain_many(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return str(value)


def safe(text: str) -> str:
    r"""The text without what a terminal would obey.

    >>> safe("red \x1b[31malert")
    'red �[31malert'
    """
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def amount(minor: int, currency: str) -> str:
    """An amount without its currency, for a column whose title names it.

    >>> amount(-123450, "EUR")
    '-1,234.50'
    """
    return str(Money(minor, currency)).removesuffix(f" {currency}")


def console_for(out: TextIO, *, plain: bool = False) -> Console:
    """A console on a stream: coloured on a terminal only, wide where there is none.

    ``plain``: never coloured, whatever the environment asks for; Jupyter sets FORCE_COLOR.
    """
    console = Console(
        file=out,
        highlight=False,
        markup=False,
        emoji=False,
        force_terminal=False if plain else None,
        force_jupyter=False,  # else rich would display its output itself, beside the stream
    )
    if not console.is_terminal and "COLUMNS" not in console._environ:
        console.width = _PIPED_WIDTH
    return console


@contextmanager
def printing(out: TextIO, *, plain: bool = False) -> Iterator[Console]:
    """A console whose output reaches the stream when the block ends, without trailing spaces."""
    console = console_for(out, plain=plain)
    with console.capture() as captured:
        yield console
    out.write(_TRAILING.sub("", captured.get()))


def table_of_rows(rows: Iterable[Any], columns: Sequence[Column]) -> Table:
    """The text table itself, to be printed by a console among other things."""
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
        header_style="bold",
    )
    for column in columns:
        table.add_column(
            column.header,
            justify=column.justify,
            no_wrap=not column.wrap,
            min_width=column.least if column.wrap else None,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(_cell(column.show(row)) for column in columns))
    return table


def _cell(shown: str | Text | None) -> Text:
    if shown is None:
        return Text("-")
    return shown if isinstance(shown, Text) else Text(safe(shown))


def _write_csv(rows: Iterable[Any], kind: type, out: TextIO) -> None:
    names = [field.name for field in fields(kind)]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_csv_cell(getattr(row, name)) for name in names])


def _csv_item(item: object) -> str:
    return json.dumps(item, ensure_ascii=False) if isinstance(item, dict | list) else str(item)


def _csv_cell(value: object) -> object:
    if isinstance(value, Money):
        return f"{value.amount} {value.currency}"
    found = plain(value)
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, list):
        return " ".join(map(_csv_item, found))
    return json.dumps(found, ensure_ascii=False) if isinstance(found, dict) else found
