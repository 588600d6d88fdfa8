"""Somebody with a plain SQL connection of their own, who takes the guards away first."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row
from sqlalchemy import Table
from sqlalchemy.engine import make_url

from custledger import EntryRef, Ledger
from custledger.core.findings import Finding, FindingCode
from custledger.storage.bulk import table_of
from custledger.storage.tables import (
    COPIES,
    TRUTH,
    BlobRow,
    EntryRow,
    IdentityRow,
    MoneyRow,
    PayloadRow,
)

__all__ = [
    "BLOB",
    "ENTRY",
    "IDENTITY",
    "MONEY",
    "PAYLOAD",
    "TABLES",
    "Attacker",
    "assert_found",
    "attack",
    "codes",
    "found_in",
    "refs",
]

TABLES = tuple(table_of(model) for model in (*TRUTH, *COPIES))
ENTRY, PAYLOAD, IDENTITY, BLOB, MONEY = map(
    table_of, (EntryRow, PayloadRow, IdentityRow, BlobRow, MoneyRow)
)
Row = tuple[Any, ...]


class Attacker:
    """Plain SQL with ``?`` for values, on SQLite and PostgreSQL alike."""

    def __init__(self, location: str) -> None:
        self.on_sqlite = "://" not in location
        self._connection: Any
        if self.on_sqlite:
            self._connection = sqlite3.connect(location, isolation_level=None)
        else:
            plain = make_url(location).set(drivername="postgresql")
            self._connection = psycopg.connect(
                plain.render_as_string(hide_password=False), autocommit=True, row_factory=tuple_row
            )

    def run(self, statement: str, *values: Any) -> list[Row]:
        marked = statement if self.on_sqlite else statement.replace("?", "%s")
        cursor = (
            self._connection.execute(marked, values or None)
            if not self.on_sqlite
            else (self._connection.execute(marked, values))
        )
        return cursor.fetchall() if cursor.description else []

    def rowcount(self, statement: str, *values: Any) -> int:
        marked = statement if self.on_sqlite else statement.replace("?", "%s")
        return int(self._connection.execute(marked, values).rowcount)

    def value(self, statement: str, *values: Any) -> Any:
        return self.run(statement, *values)[0][0]

    def guards(self) -> list[tuple[str, str]]:
        """(Name, table) of every guard in place."""
        if self.on_sqlite:
            rows = self.run("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'")
        else:
            rows = self.run(
                "SELECT tgname, relname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid "
                "WHERE NOT tgisinternal"
            )
        return [(name, table) for name, table in rows]

    def drop_guards(self) -> None:
        """Guards, foreign keys: everything that refuses."""
        for name, table in self.guards():
            self.run(f"DROP TRIGGER {name}" + ("" if self.on_sqlite else f" ON {table}"))
        if not self.on_sqlite:
            self.run("SET session_replication_role = replica")

    def close(self) -> None:
        self._connection.close()

    def keys(self, table: Table) -> list[Row]:
        """The primary keys of a table's rows."""
        names = ", ".join(column.name for column in table.primary_key)
        return self.run(f"SELECT {names} FROM {table.name} ORDER BY {names}")

    def cell(self, table: Table, column: str, key: Row) -> Any:
        return self.value(f"SELECT {column} FROM {table.name} WHERE {_where(table)}", *key)

    def write(self, table: Table, column: str, key: Row, value: Any) -> Row:
        """Change a cell; returns the row's key afterwards."""
        self.run(f"UPDATE {table.name} SET {column} = ? WHERE {_where(table)}", value, *key)
        names = [c.name for c in table.primary_key]
        return tuple(value if n == column else v for n, v in zip(names, key, strict=True))

    def delete(self, table: Table, key: Row) -> None:
        self.run(f"DELETE FROM {table.name} WHERE {_where(table)}", *key)

    def insert(self, table: Table, row: Sequence[Any]) -> None:
        marks = ", ".join("?" * len(row))
        self.run(f"INSERT INTO {table.name} VALUES ({marks})", *row)

    def row(self, table: Table, key: Row) -> Row:
        return self.run(f"SELECT * FROM {table.name} WHERE {_where(table)}", *key)[0]

    def ref_of(self, entry_id: int) -> EntryRef:
        """The public reference of an entry."""
        uuid, seq = self.run(
            "SELECT i.uuid, e.seq FROM custledger_entry e "
            "JOIN custledger_identity i ON i.id = e.subject_id WHERE e.id = ?",
            entry_id,
        )[0]
        return EntryRef(uuid if isinstance(uuid, UUID) else UUID(uuid), seq)

    def entry_named(self, table: Table, key: Row) -> EntryRef | None:
        """The entry to which a row belongs; an identity belongs to none."""
        if table is ENTRY:
            return self.ref_of(key[0])
        names = [column.name for column in table.columns]
        if table.name == "custledger_blob":
            return self.ref_of(
                self.value("SELECT entry_id FROM custledger_payload WHERE blob = ?", key[0])
            )
        if "entry_id" in names:
            return self.ref_of(self.cell(table, "entry_id", key))
        return None if table.name == "custledger_identity" else self.ref_of(key[0])


@contextlib.contextmanager
def attack(location: str) -> Iterator[Attacker]:
    """An attacker who has taken the guards away."""
    attacker = Attacker(location)
    try:
        attacker.drop_guards()
        yield attacker
    finally:
        attacker.close()


def found_in(ledger: Ledger) -> list[Finding]:
    """What verify finds beside the missing guards."""
    return [f for f in ledger.verify().findings if f.code is not FindingCode.GUARD_MISSING]


def codes(ledger: Ledger) -> list[FindingCode]:
    return [finding.code for finding in found_in(ledger)]


def refs(findings: Any) -> list[EntryRef | None]:
    return [finding.entry for finding in findings]


def assert_found(ledger: Ledger, code: FindingCode, ref: EntryRef) -> None:
    findings = found_in(ledger)
    assert (code, ref) in [(finding.code, finding.entry) for finding in findings], findings


def _where(table: Table) -> str:
    return " AND ".join(f"{column.name} = ?" for column in table.primary_key)
