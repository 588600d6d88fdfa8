"""The copies compared with the rows that the truth gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from functools import cache
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Table
from sqlmodel import SQLModel

from custledger.core.records import EntryRef
from custledger.core.trail.findings import Finding, FindingCode
from custledger.storage.bulk import portions, table_of
from custledger.storage.chains import Range
from custledger.storage.context import Context
from custledger.storage.copies import Placed, Places, copy_rows
from custledger.storage.naming import qualified
from custledger.storage.tables import (
    ContactPointRow,
    CustomerRow,
    EventRow,
    EvidenceRow,
    ExchangeRateRow,
    HourlyRateRow,
    ImportBatchRow,
    InteractionRow,
    LedgerRow,
    LegalHoldRow,
    MoneyRow,
    PolicyRow,
    ScorePolicyRow,
    StaffRow,
    VoidedRow,
)
from custledger.storage.verifying.raw import raw_rows

__all__ = ["CopyCheck"]

_BY_CUSTOMER: Final[dict[type[SQLModel], str]] = {
    CustomerRow: "id",
    ContactPointRow: "customer_id",
    InteractionRow: "customer_id",
    MoneyRow: "customer_id",
    EvidenceRow: "customer_id",
    VoidedRow: "customer_id",
    LegalHoldRow: "customer_id",
    EventRow: "customer_id",
}
_OF_LEDGER: Final[tuple[type[SQLModel], ...]] = (
    LedgerRow,
    StaffRow,
    HourlyRateRow,
    ExchangeRateRow,
    ScorePolicyRow,
    ImportBatchRow,
    PolicyRow,
)

_Expected = dict[Any, tuple[tuple[Any, ...], EntryRef]]


class CopyCheck:
    """Collects the rows that should stand in the copies, and compares them a range at a time."""

    def __init__(self, connection: Connection, context: Context, findings: list[Finding]) -> None:
        self.rows = 0
        self._connection = connection
        self._context = context
        self._findings = findings
        self._places = Places(context.zone, self._key_of)
        self._expected: dict[type[SQLModel], _Expected] = defaultdict(dict)

    def begin(self, findings: list[Finding]) -> None:
        """Begin anew, with another list for what is found."""
        self.rows, self._findings = 0, findings
        self._expected.clear()

    def expect(self, placed: Placed, body: Mapping[str, Any], ref: EntryRef) -> None:
        """Note the rows of a current entry."""
        try:
            rows = list(copy_rows(placed, body, self._places))
        except Exception as error:  # an edited payload can be anything
            said = f"the payload cannot be read as a {placed.kind.value} ({error!r})"
            self._findings.append(Finding(FindingCode.ENTRY_ALTERED, said, ref))
            return
        for model, row in rows:
            self._expected[model][_key_getter(model)(row)] = (row, ref)

    def compare(
        self,
        span: Range,
        after: int | None = None,
        upto: int | None = None,
        gone: Collection[int] = (),
    ) -> None:
        """Compare the copies of a range of customers.

        Only those of entries with ``after`` < key <= ``upto``, and of the keys ``gone``, which
        should have none; none of these lies between.
        """
        for model, column in _BY_CUSTOMER.items():
            where, values = span.where(column)
            found = self._rows(model, *_of_entries(where, values, "entry_id", after, upto))
            for chunk in portions(sorted(gone)):
                listed = f"{where} AND entry_id IN ({', '.join('?' * len(chunk))})"
                found += self._rows(model, listed, [*values, *chunk])
            self._compare(model, found)

    def compare_ledger(self, after: int | None = None) -> None:
        """Compare the copies of the ledger's own chain."""
        for model in _OF_LEDGER:
            entry = "entry_id" if "entry_id" in table_of(model).c else "id"
            self._compare(model, self._rows(model, *_of_entries("1 = 1", [], entry, after, None)))

    def _rows(self, model: type[SQLModel], where: str, values: list[Any]) -> list[tuple[Any, ...]]:
        table = table_of(model)
        names = ", ".join(column.name for column in table.columns)
        said = f"SELECT {names} FROM {qualified(self._connection, table.name)} WHERE {where}"
        return raw_rows(self._connection, said, values)

    def _compare(self, model: type[SQLModel], rows: list[tuple[Any, ...]]) -> None:
        table, key_of = table_of(model), _key_getter(model)
        expected = self._expected.pop(model, {})
        self.rows += len(rows)
        for row in rows:
            key = key_of(row)
            wanted = expected.pop(key, None)
            if wanted is None:
                said = f"a row of {table.name} {key} that no entry gives"
                self._find(FindingCode.COPY_EXTRA, said, self._ref_of(table, row))
            elif wanted[0] != row:
                self._find(FindingCode.COPY_CHANGED, _difference(table, wanted[0], row), wanted[1])
        for key, (_, ref) in expected.items():
            said = f"the row of {table.name} {key} is missing"
            self._find(FindingCode.COPY_MISSING, said, ref)

    def _find(self, code: FindingCode, message: str, ref: EntryRef | None) -> None:
        hint = "; `custledger rebuild` makes the copies again from the trail"
        self._findings.append(Finding(code, message + hint, ref))

    def _ref_of(self, table: Table, row: tuple[Any, ...]) -> EntryRef | None:
        values = dict(zip(table.columns.keys(), row, strict=True))
        if "seq" not in values:
            return None
        try:
            uuid = self._context.identities.uuid(self._connection, values["customer_id"])
        except (KeyError, ValueError, AttributeError, TypeError):
            return None  # that identity was removed or edited too
        return EntryRef(uuid, values["seq"])

    def _key_of(self, uuid: UUID) -> int:
        key = self._context.identities.key(self._connection, uuid)
        if key is None:
            raise ValueError(f"unknown identity {uuid}")
        return key


def _of_entries(
    where: str, values: list[Any], entry: str, after: int | None, upto: int | None
) -> tuple[str, list[Any]]:
    """A condition narrowed to the rows of entries with ``after`` < key <= ``upto``."""
    bounds = [(f"{entry} > ?", after), (f"{entry} <= ?", upto)]
    held = [(said, bound) for said, bound in bounds if bound is not None]
    said = " AND ".join([where, *(said for said, _ in held)])
    return said, [*values, *(bound for _, bound in held)]


@cache
def _key_getter(model: type[SQLModel]) -> Callable[[tuple[Any, ...]], Any]:
    """Takes the primary key out of a row."""
    table = table_of(model)
    keys = {column.name for column in table.primary_key.columns}
    return itemgetter(*(n for n, column in enumerate(table.columns) if column.name in keys))


def _difference(table: Table, wanted: tuple[Any, ...], found: tuple[Any, ...]) -> str:
    changed = [
        f"{column.name} is {now!r}, the trail says {then!r}"
        for column, then, now in zip(table.columns, wanted, found, strict=True)
        if then != now
    ]
    return f"a row of {table.name} was changed: {', '.join(changed)}"
