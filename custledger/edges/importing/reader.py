"""Rows of a CSV file, one at a time, each with the line on which it starts.

Memory is bounded whatever the file holds: a line is read in pieces, a field ends at the limit of
the standard library's reader, and what is longer is refused as one row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from custledger.edges.importing.detect import FileFacts, dialect_of, inspect, open_bytes
from custledger.edges.importing.mapping import Mapping
from custledger.errors import ImportFileError

__all__ = ["Reject", "Row", "TableFile", "check_columns", "open_table"]

Row = tuple[int, list[str]]
Reject = Callable[[int, str, list[str]], None]
"""Called with the line, the reason and the content of a row that cannot be used."""

_PIECE: Final = 1 << 20
_SAMPLE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class TableFile:
    """A CSV file ready to be read: its facts, its dialect and its header."""

    facts: FileFacts
    delimiter: str
    quote: str
    escape: str | None
    header: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.facts.path.name

    def rows(
        self, reject: Reject, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[Row]:
        """Every row after the header; blank lines are passed over, unusable rows rejected.

        ``progress`` is called now and then with the bytes read and the bytes in all.
        """
        with _text(self.facts) as (stream, position):
            yield from _rows(self, stream, reject, lambda: _tell(progress, position, self.facts))


def open_table(
    path: Path, *, delimiter: str | None = None, encoding: str | None = None
) -> TableFile:
    """Inspect the file and read its header, or raise ImportFileError that names the remedy."""
    facts = inspect(path, encoding)
    with _text(facts) as (stream, _):
        sample = stream.read(_SAMPLE)
    found = dialect_of(sample, delimiter)
    bare = TableFile(facts, *found, header=())
    with _text(facts) as (stream, _):
        reader = _reader(bare, iter([stream.readline(_PIECE), stream.readline(_PIECE)]))
        try:
            header = tuple(name.strip() for name in next(reader))
        except (csv.Error, StopIteration) as error:
            raise ImportFileError(f"{path.name} has no readable header line: {error}.") from error
    return TableFile(facts, *found, header=header)


def check_columns(table: TableFile, mapping: Mapping) -> None:
    """Refuse a file that lacks a column the mapping names, or has one of them twice."""
    header = table.header
    missing = [name for name in mapping.needed_columns() if name not in header]
    if missing:
        raise ImportFileError(
            f"{table.name} has no column {_quoted(missing)}, which {mapping.name} names. "
            f"It has: {_quoted(header)}. Correct the mapping, or the delimiter "
            f"({table.delimiter!r})."
        )
    named = mapping.named_columns()
    twice = [name for name in named if header.count(name) > 1]
    if twice:
        raise ImportFileError(
            f"{table.name} has more than one column {_quoted(twice)}. Rename or remove one of them."
        )
    if mapping.refuse_other_columns:
        others = [name for name in header if name not in named and name not in ("line", "reason")]
        if others:
            raise ImportFileError(
                f"{table.name} has the column {_quoted(others)}, which is none of this layout. "
                f"Known are: {_quoted(named)}. Rename or remove it, or write a mapping."
            )


@contextmanager
def _text(facts: FileFacts) -> Iterator[tuple[TextIO, Callable[[], int]]]:
    with open_bytes(facts.path, packed=facts.packed) as (data, position):
        # newline="": the csv module needs the line ends inside quoted fields as they are.
        yield io.TextIOWrapper(data, encoding=facts.encoding, newline=""), position


class _Lines:
    """The physical lines handed to the csv reader, remembered for the row at hand."""

    def __init__(self, stream: TextIO, *, pieces: bool) -> None:
        self.number = 0
        self.held: list[str] = []
        self._lines = _pieces(stream) if pieces else iter(stream)

    def __iter__(self) -> Iterator[str]:
        held = self.held
        for line in self._lines:
            self.number += 1
            held.append(line)
            yield line

    def skip_open_quote(self, quote: str) -> None:
        """Pass over the lines up to the end of a quotation that the csv reader gave up on."""
        # Otherwise the rest of an overlong quoted text would be read as rows of its own.
        quotes = sum(line.count(quote) for line in self.held)
        for line in self._lines if quotes % 2 else ():
            self.number += 1
            quotes += line.count(quote)
            if quotes % 2 == 0:
                return


def _pieces(stream: TextIO) -> Iterator[str]:
    """Lines, of which one longer than a piece is cut and marked so that it is refused."""
    while line := stream.readline(_PIECE):
        if len(line) == _PIECE and line[-1] not in "\r\n":
            start, quotes = line, 0
            while line and line[-1] not in "\r\n":
                line = stream.readline(_PIECE)
                quotes += line.count('"')
            line = start + ('"' if quotes % 2 else "") + "\0\n"
        yield line


def _rows(
    table: TableFile, stream: TextIO, reject: Reject, progress: Callable[[], None]
) -> Iterator[Row]:
    lines = _Lines(stream, pieces=table.facts.long_lines)
    held, width = lines.held, len(table.header)
    reader = _reader(table, iter(lines))
    next(reader)
    while True:
        held.clear()
        first = lines.number + 1
        try:
            row = next(reader)
        except StopIteration:
            progress()
            return
        except csv.Error as error:
            _reject_unreadable(table, lines, first, error, reject)
            continue
        if len(row) != width or any("\0" in line for line in held):
            if row:
                reject(first, _ragged(row, width), row)
            continue
        if not first & 0xFFF:
            progress()
        yield first, row


def _reject_unreadable(
    table: TableFile, lines: _Lines, first: int, error: csv.Error, reject: Reject
) -> None:
    held = [line[:1000].rstrip() for line in lines.held[:20]]
    if "field limit" in str(error):
        lines.skip_open_quote(table.quote)
        cause = f"a field is longer than {csv.field_size_limit():,} characters"
    else:
        cause = f"the quotation marks do not pair ({error})"
    extent = f"Lines {first} to {lines.number}: " if lines.number > first else ""
    reject(
        first,
        f"{extent}{cause}; perhaps a quotation is never closed. Correct it in the file.",
        held,
    )


def _ragged(row: list[str], width: int) -> str:
    if len(row) == width:
        return "The row holds a NUL character or a line too long to read. Remove it."
    return (
        f"The row has {len(row)} fields, the header {width}. Put a text that holds the delimiter "
        "in quotation marks."
    )


def _reader(table: TableFile, lines: Iterator[str]) -> Iterator[list[str]]:
    # strict: where the quotation marks are in disorder the row is refused rather than guessed.
    return csv.reader(
        lines,
        delimiter=table.delimiter,
        quotechar=table.quote,
        escapechar=table.escape,
        strict=True,
    )


def _tell(
    progress: Callable[[int, int], None] | None, position: Callable[[], int], facts: FileFacts
) -> None:
    if progress is not None:
        progress(position(), facts.size)


def _quoted(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
