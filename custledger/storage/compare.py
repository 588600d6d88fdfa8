"""The copies compared with the rows that the truth gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, SmallInteger, Table, select, true, type_coerce
from sqlmodel import SQLModel

from custledger.core.findings import Finding, FindingCode
from custledger.core.records import EntryRef
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.copies import Placed, Places, copy_rows
from custledger.storage.tables import (
    ContactPointRow,
    CustomerRow,
    EvidenceRow,
    ExchangeRateRow,
    HourlyRateRow,
    ImportBatchRow,
    InteractionRow,
    LedgerRow,
    MoneyRow,
    ScorePolicyRow,
    StaffRow,
    VoidedRow,
)
from custledger.storage.types import Coded

__all__ = ["CopyCheck"]

_BY_CUSTOMER: Final[dict[type[SQLModel], str]] = {
    CustomerRow: "id",
    ContactPointRow: "customer_id",
    InteractionRow: "customer_id",
    MoneyRow: "customer_id",
    EvidenceRow: "customer_id",
    VoidedRow: "customer_id",
}
_OF_LEDGER: Final[tuple[type[SQLModel], ...]] = (
    LedgerRow,
    StaffRow,
    HourlyRateRow,
    ExchangeRateRow,
    ScorePolicyRow,
    ImportBatchRow,
)

_Expected = dict[tuple[Any, ...], tuple[tuple[Any, ...], EntryRef]]


class CopyCheck:
    """Collects the rows that should stand in the copies, and compares them a range at a time."""

    def __init__(self, connection: Connection, context: Context, findings: list[Finding]) -> None:
        self.rows = 0
        self._connection = connection
        self._context = context
        self._findings = findings
        self._places = Places(context.zone, self._key_of)
        self._expected: dict[type[SQLModel], _Expected] = defaultdict(dict)
        self._compared_to: int | None = None

    def expect(self, placed: Placed, body: Mapping[str, Any], ref: EntryRef) -> None:
        """Note the rows of a current entry."""
        try:
            rows = list(copy_rows(placed, body, self._places))
        except Exception as error:  # an edited payload can be anything
            said = f"the payload cannot be read as a {placed.kind.value} ({error!r})"
            self._findings.append(Finding(FindingCode.ENTRY_ALTERED, said, ref))
            return
        for model, row in rows:
            self._expected[model][_key(table_of(model), row)] = (row, ref)

    def compare(self, to_subject: int) -> None:
        """Compare the copies of all customers up to a key that were not compared yet."""
        for model, column in _BY_CUSTOMER.items():
            customer = table_of(model).c[column]
            self._compare(model, self._beyond(customer) & (customer <= to_subject))
        self._compared_to = to_subject

    def finish(self) -> None:
        """Compare the ledger's own copies, and find rows of customers beyond the last chain."""
        for model, column in _BY_CUSTOMER.items():
            self._compare(model, self._beyond(table_of(model).c[column]))
        for model in _OF_LEDGER:
            self._compare(model, None)

    def _beyond(self, customer: Any) -> Any:
        return true() if self._compared_to is None else customer > self._compared_to

    def _compare(self, model: type[SQLModel], condition: Any) -> None:
        table = table_of(model)
        expected = self._expected.pop(model, {})
        query = select(*(_raw(column) for column in table.columns))
        if condition is not None:
            query = query.where(condition)
        for found in self._connection.execute(query.execution_options(yield_per=10_000)):
            self.rows += 1
            row = tuple(found)
            wanted = expected.pop(_key(table, row), None)
            if wanted is None:
                said = f"a row of {table.name} {_key(table, row)} that no entry gives"
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
        except (KeyError, ValueError):  # that identity was removed or edited too
            return None
        return EntryRef(uuid, values["seq"])

    def _key_of(self, uuid: UUID) -> int:
        key = self._context.identities.key(self._connection, uuid)
        if key is None:
            raise ValueError(f"unknown identity {uuid}")
        return key


def _raw(column: Any) -> Any:
    # As stored: a vocabulary's code even where an edited row holds one that does not exist.
    return type_coerce(column, SmallInteger()) if isinstance(column.type, Coded) else column


def _key(table: Table, row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(row[place] for place in _key_places(table))


@cache
def _key_places(table: Table) -> tuple[int, ...]:
    keys = {column.name for column in table.primary_key.columns}
    return tuple(n for n, column in enumerate(table.columns) if column.name in keys)


def _difference(table: Table, wanted: tuple[Any, ...], found: tuple[Any, ...]) -> str:
    changed = [
        f"{column.name} is {now!r}, the trail says {then!r}"
        for column, then, now in zip(table.columns, wanted, found, strict=True)
        if then != now
    ]
    return f"a row of {table.name} was changed: {', '.join(changed)}"
