"""A file read through a mapping: a stream of checked entries, and a tally of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

from custledger.core.clock import zone
from custledger.core.records import EntryKind
from custledger.edges.importing.convert import CustomerConverter, ReadRecord, RecordConverter
from custledger.edges.importing.fields import Columns, Occurrences, Row, Test, compile_test
from custledger.edges.importing.grouping import Group, Groups
from custledger.edges.importing.mapping import Mapping
from custledger.edges.importing.parsing import LAYOUTS, load_mapping
from custledger.edges.importing.reader import TableFile, check_columns, open_table
from custledger.edges.importing.report import Tally
from custledger.edges.importing.values import RowRefusedError
from custledger.errors import ImportFileError

__all__ = ["Progress", "Reading", "open_reading"]

Progress = Callable[[int, int], None]
"""Called now and then with the bytes read and the bytes in all."""

_NO_RECORD: Final = "no record applies"
_NEAR: Final = 0.5
"""The share of its required columns that a header has in common with a layout it is near."""


def open_reading(
    path: str | Path, mapping: Mapping | str | Path | None, *, zone_name: str
) -> Reading:
    """Inspect a file and make it ready to be read; without a mapping its header tells the layout.

    ``zone_name`` is the ledger's time zone. Raises ImportFileError or MappingError.
    """
    file = Path(path)
    found = mapping if isinstance(mapping, Mapping) or mapping is None else load_mapping(mapping)
    encoding, delimiter = (found.encoding, found.delimiter) if found else (None, None)
    table = open_table(file, delimiter=delimiter, encoding=encoding)
    found = found or _own_layout(table)
    check_columns(table, found)
    reading = Reading(table, found, zone_name)
    if not reading.has_rows():
        raise ImportFileError(f"{table.name} has a header and no rows. There is nothing to import.")
    return reading


class Reading:
    """A file and its mapping, compiled. Each pass over the records tells a tally of its own."""

    def __init__(self, table: TableFile, mapping: Mapping, zone_name: str) -> None:
        self.table, self.mapping = table, mapping
        self._columns = Columns(table.header, mapping, zone_name)
        self._customer = CustomerConverter(mapping, self._columns)
        self._converters = [RecordConverter(mapping, r, self._columns) for r in mapping.records]
        self._skips = [(s.name, compile_test(s.condition, self._columns)) for s in mapping.skips]
        self._refusals = [
            (r.reason, compile_test(r.condition, self._columns)) for r in mapping.refusals
        ]
        self._day = lru_cache(1 << 14)(lambda moment: moment.astimezone(zone(zone_name)).date())

    @property
    def fingerprint(self) -> str:
        """What tells one import from another: the digests of the file and of the mapping."""
        return f"{self.table.facts.sha256[:32]}{self.mapping.digest[:32]}"

    def has_rows(self) -> bool:
        """Whether there is anything after the header, usable or not."""
        refused: list[int] = []
        first = next(self.table.rows(lambda line, _reason, _row: refused.append(line)), None)
        return first is not None or bool(refused)

    def records(self, tally: Tally, progress: Progress | None = None) -> Iterator[ReadRecord]:
        """The entries of the file; a customer comes before its first record, marked as implied.

        The order is that of the lines, groups after the other records, and is the same each time.
        """
        try:
            if self._converters:
                yield from self._entries(tally, progress)
            else:
                yield from self._customers(tally, progress)
        finally:
            self._columns.occurrences.close()

    def _entries(self, tally: Tally, progress: Progress | None) -> Iterator[ReadRecord]:
        introduced = _Introduced(self._customer, self._days_if_lines())
        groups = Groups(self._customer.places)
        for line, row in self._wanted(tally, groups, progress):
            for record in self._of_line(line, row, tally, groups):
                yield from introduced.before(record)
                yield record
        introduced.days = introduced.days or self._days_of(groups)
        for group in groups:
            for record in self._of_group(group, tally):
                yield from introduced.before(record)
                yield record

    def _customers(self, tally: Tally, progress: Progress | None) -> Iterator[ReadRecord]:
        for line, row in self._wanted(tally, None, progress):
            try:
                customer = self._customer.external_id(row)
                facts = self._customer.facts(row, customer)
            except RowRefusedError as refusal:
                tally.reject(line, str(refusal), row)
            else:
                yield ReadRecord(line, EntryKind.CUSTOMER, customer, facts, row)

    def _wanted(
        self, tally: Tally, groups: Groups | None, progress: Progress | None
    ) -> Iterator[tuple[int, Row]]:
        """The rows that are not duplicates (where these are dropped), skipped or refused."""
        seen = Occurrences()
        drop, skips, refusals = self.mapping.drop_duplicates, self._skips, self._refusals
        for line, row in self.table.rows(tally.reject_unread, progress):
            tally.rows += 1
            if drop and seen.count(row) > 1:
                tally.duplicates += 1
                continue
            name = _first_true(skips, row)
            if name is not None:
                tally.skipped[name] += 1
                continue
            reason = _first_true(refusals, row)
            if reason is None:
                yield line, row
            else:
                tally.reject(line, reason, row)
                self._spoil(groups, line, row)
        seen.close()

    def _of_line(self, line: int, row: Row, tally: Tally, groups: Groups) -> list[ReadRecord]:
        """The entries of a line; what belongs to a group is added to it."""
        found = []
        try:
            customer = self._customer.external_id(row)
            converters = [c for c in self._converters if c.wants(row)]
            for converter in converters:
                if not converter.group_by:
                    found.append(converter.convert(row, line, customer))
            for converter in converters:
                if converter.group_by:
                    groups.add(converter, line, row)
        except RowRefusedError as refusal:
            tally.reject(line, str(refusal), row)
            self._spoil(groups, line, row)
            return []
        if not converters:
            tally.skipped[_NO_RECORD] += 1
        return found

    def _of_group(self, group: Group, tally: Tally) -> list[ReadRecord]:
        if group.spoiled and not group.count:
            return []
        lines = f" All {group.count} lines of the group are left out." if group.count > 1 else ""
        try:
            if group.spoiled:
                raise RowRefusedError(f"{group.spoiled} Correct that line and import both again.")
            customer = self._customer.external_id(group.row)
            return [group.converter.convert(group.row, group.line, customer, group.total)]
        except RowRefusedError as refusal:
            tally.reject(group.line, f"{refusal}{lines}", group.row)
            return []

    def _spoil(self, groups: Groups | None, line: int, row: Row) -> None:
        if groups is None:
            return
        for converter in self._converters:
            if converter.group_by and converter.wants(row):
                groups.spoil(converter, line, row)

    def _days_if_lines(self) -> dict[str, date]:
        """First days from a pass over the file, where entries come out before its end is seen."""
        grouped = all(converter.group_by for converter in self._converters)
        if grouped or not self.mapping.customer.first_seen:
            return {}
        quiet = _Quiet(self.table.header)
        rows = (
            (row, converter)
            for _, row in self._wanted(quiet, None, None)
            for converter in self._converters
            if converter.wants(row)
        )
        return self._first_days(rows)

    def _days_of(self, groups: Groups) -> dict[str, date]:
        if not self.mapping.customer.first_seen:
            return {}
        return self._first_days((group.row, group.converter) for group in groups)

    def _first_days(self, rows: Iterable[tuple[Row, RecordConverter]]) -> dict[str, date]:
        """The day of each customer's first entry; one item a customer."""
        days: dict[str, date] = {}
        for row, converter in rows:
            try:
                customer, moment = self._customer.external_id(row), converter.occurred_at(row)
            except RowRefusedError:
                continue
            if moment is not None:
                day = self._day(moment)
                days[customer] = min(days.get(customer, day), day)
        return days


class _Quiet(Tally):
    """Of a pass that only looks ahead; what it cannot use is told by the next one."""

    def reject(self, line: int, reason: str, row: list[str]) -> None:
        """Pass over it."""


class _Introduced:
    """Customers that have come before one of their records."""

    def __init__(self, converter: CustomerConverter, days: dict[str, date]) -> None:
        self._converter, self.days = converter, days
        self._known: set[str] = set()

    def before(self, record: ReadRecord) -> Iterator[ReadRecord]:
        """The record's customer, the first time."""
        customer = record.customer
        if customer in self._known or not self._converter.create:
            return
        self._known.add(customer)
        facts = self._converter.facts(record.row, customer)
        if customer in self.days:
            facts["joined_on"] = self.days[customer]
        yield ReadRecord(record.line, EntryKind.CUSTOMER, customer, facts, record.row, implied=True)


def _first_true(tests: list[tuple[str, Test]], row: Row) -> str | None:
    """What the first test that a row meets is called."""
    for name, test in tests:
        if test(row):
            return name
    return None


def _own_layout(table: TableFile) -> Mapping:
    """The layout of custledger's own whose columns the header has."""
    mappings = [load_mapping(name) for name in LAYOUTS]
    for mapping in mappings:
        if set(mapping.needed_columns()) <= set(table.header):
            return mapping
    raise ImportFileError(
        f"{table.name} is in none of custledger's own layouts ({', '.join(LAYOUTS)}). "
        f"{_hint(table.header, mappings)} Its columns are: {', '.join(table.header)}. Or write a "
        "mapping and name it with `mapping`."
    )


def _hint(header: tuple[str, ...], layouts: list[Mapping]) -> str:
    """What a header lacks to be the layout it comes nearest to."""

    def share(layout: Mapping) -> float:
        needed = layout.needed_columns()
        return sum(name in header for name in needed) / len(needed)

    nearest = max(layouts, key=share)
    if share(nearest) < _NEAR:
        needs = (f"{layout.name}: {', '.join(layout.needed_columns())}" for layout in layouts)
        return f"These need the columns: {'; '.join(needs)}. Rename them so."
    missing = [f'"{name}"' for name in nearest.needed_columns() if name not in header]
    known = nearest.named_columns()
    others = [f'"{name}"' for name in header if name not in known]
    unknown = f", and does not know {', '.join(others)}" if others else ""
    return (
        f"It comes nearest to {nearest.name}, which also needs {', '.join(missing)}{unknown}: "
        "rename or add the column."
    )
