"""With the guards in place, plain SQL changes nothing; the library's own work goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Table, UniqueConstraint, create_engine, event

from custledger import Ledger, Money, open_ledger
from custledger.storage import guards
from custledger.storage.bulk import table_of
from custledger.storage.tables import BlobRow
from tests.attacker import TABLES, Attacker
from tests.story import open_story

REFUSAL = "the trail is append-only; record a correction instead"
ERRORS = (sqlite3.IntegrityError, psycopg.IntegrityError)


@pytest.fixture
def story(location: str, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger that no refused statement has changed in the end."""
    with open_story(location, tmp_path) as ledger:
        entries = ledger.verify().entries
        yield ledger
        assert ledger.verify().findings == ()
        assert ledger.verify().entries >= entries


@pytest.fixture
def outsider(story: Ledger, location: str) -> Iterator[Attacker]:
    """Somebody with a plain connection, who leaves the guards alone."""
    outsider = Attacker(location)
    yield outsider
    outsider.close()


def filled(outsider: Attacker) -> list[Table]:
    tables = [table for table in TABLES if outsider.keys(table)]
    assert len(tables) >= len(TABLES) - 1
    return tables


def test_update_of_every_column_of_every_table_is_refused(outsider: Attacker) -> None:
    for table in filled(outsider):
        for column in table.columns:
            with pytest.raises(ERRORS, match=REFUSAL):
                outsider.run(f"UPDATE {table.name} SET {column.name} = {column.name}")


def test_delete_from_every_table_is_refused(outsider: Attacker) -> None:
    for table in filled(outsider):
        with pytest.raises(ERRORS, match=REFUSAL):
            outsider.run(f"DELETE FROM {table.name}")
        for key in outsider.keys(table):
            with pytest.raises(ERRORS, match=REFUSAL):
                outsider.delete(table, key)


def test_replacing_a_row_of_every_table_is_refused(outsider: Attacker) -> None:
    """By every unique key; SQLite replaces without firing the guards against DELETE."""
    for table in filled(outsider):
        names = [column.name for column in table.columns]
        key = outsider.keys(table)[-1]
        row = dict(zip(names, outsider.row(table, key), strict=True))
        for unique in unique_keys(table):
            if any(row[name] is None for name in unique):
                continue
            other = {
                name: value + 1000 if isinstance(value, int) and name not in unique else value
                for name, value in row.items()
            }
            replace(outsider, table, other, unique)


def replace(outsider: Attacker, table: Table, row: dict[str, object], unique: list[str]) -> None:
    marks = ", ".join("?" * len(row))
    columns = ", ".join(row)
    statements = [f"INSERT OR REPLACE INTO {table.name} ({columns}) VALUES ({marks})"]
    if not outsider.on_sqlite:
        sets = ", ".join(f"{name} = excluded.{name}" for name in row)
        statements = [
            f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) "
            f"ON CONFLICT ({', '.join(unique)}){where(table, unique)} DO UPDATE SET {sets}"
        ]
    for statement in statements:
        with pytest.raises(ERRORS, match=REFUSAL):
            outsider.run(statement, *row.values())


def where(table: Table, unique: list[str]) -> str:
    partial = "supersedes" in unique
    return " WHERE supersedes IS NOT NULL" if partial else ""


def unique_keys(table: Table) -> Iterator[list[str]]:
    yield [column.name for column in table.primary_key]
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield [column.name for column in constraint.columns]
    for index in table.indexes:
        if index.unique:
            yield [column.name for column in index.columns]


def test_correction_is_not_replaced_by_another_correction_of_the_same_entry(
    outsider: Attacker,
) -> None:
    entry = outsider.value("SELECT max(id) FROM custledger_entry WHERE supersedes IS NOT NULL")
    table = next(table for table in TABLES if table.name == "custledger_entry")
    row = list(outsider.row(table, (entry,)))
    row[0], row[2] = 9999, 9999
    statement = "INSERT OR REPLACE" if outsider.on_sqlite else "INSERT"
    with pytest.raises(ERRORS):
        outsider.run(
            f"{statement} INTO custledger_entry VALUES ({', '.join('?' * len(row))})", *row
        )
    assert outsider.value("SELECT count(*) FROM custledger_entry WHERE id = ?", entry) == 1


def test_row_is_not_replaced_by_the_number_that_sqlite_gave_it(tmp_path: Path) -> None:
    """Tables with a key of several columns have a rowid beside it, and REPLACE goes by it too."""
    location = str(tmp_path / "ledger.sqlite")
    with open_story(location, tmp_path):
        outsider = Attacker(location)
        for table in TABLES:
            if len(table.primary_key) < 2 or not table.dialect_options["sqlite"]["with_rowid"]:
                continue
            for key in outsider.keys(table)[-1:]:
                row = outsider.row(table, key)
                other = [value + 1000 if isinstance(value, int) else value for value in row]
                columns = ", ".join(column.name for column in table.columns)
                rowid = outsider.value(f"SELECT max(rowid) FROM {table.name}")
                with pytest.raises(ERRORS, match=REFUSAL):
                    outsider.run(
                        f"INSERT OR REPLACE INTO {table.name} (rowid, {columns}) "
                        f"VALUES (?, {', '.join('?' * len(row))})",
                        rowid,
                        *other,
                    )
        outsider.close()


def test_replacing_update_is_refused_on_sqlite(tmp_path: Path) -> None:
    location = str(tmp_path / "ledger.sqlite")
    with open_story(location, tmp_path):
        outsider = Attacker(location)
        with pytest.raises(ERRORS, match=REFUSAL):
            outsider.run("UPDATE OR REPLACE custledger_entry SET id = 1")
        outsider.close()


def test_truncate_is_refused_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    with open_story(postgres_url, tmp_path):
        outsider = Attacker(postgres_url)
        for table in TABLES:
            with pytest.raises(psycopg.IntegrityError, match=REFUSAL):
                outsider.run(f"TRUNCATE {table.name} CASCADE")
        # A replica's role switches ordinary triggers off; these are ENABLE ALWAYS.
        outsider.run("SET session_replication_role = replica")
        with pytest.raises(psycopg.IntegrityError, match=REFUSAL):
            outsider.run("UPDATE custledger_entry SET recorded_at = 0")
        outsider.close()


def test_blob_that_no_payload_names_may_leave(location: str, tmp_path: Path) -> None:
    with open_story(location, tmp_path) as ledger:
        outsider = Attacker(location)
        outsider.insert(table_of(BlobRow), ("left over", 0, b"x"))
        outsider.run("DELETE FROM custledger_blob WHERE name = ?", "left over")
        outsider.close()
        assert ledger.verify().ok


def test_corrections_voids_undo_and_rebuild_work_with_the_guards_in_place(story: Ledger) -> None:
    """The story holds all of them; here once more after it, and after a rebuild."""
    with story._context.read() as connection:
        assert guards.missing(connection) == []
    story.rebuild()
    with story._context.read() as connection:
        assert guards.missing(connection) == []
    (sale, *_) = story.money.of("Ben Bäcker")
    sale = story.money.correct(sale, amount=Money(1, "USD"), reason="r")
    story.money.void(sale, reason="r")
    story.imports.undo(1, reason="r")
    story.customers.correct("Ann Müller", phone="+33 1 11 11 11 11", reason="moved")


def test_guards_are_put_back_whatever_stood_in_their_place(story: Ledger, location: str) -> None:
    outsider = Attacker(location)
    outsider.drop_guards()
    outsider.close()
    with story._context.write() as journal:
        assert len(guards.missing(journal.connection)) >= 3 * len(TABLES)
        guards.apply(journal.connection)
        guards.apply(journal.connection)
        assert guards.missing(journal.connection) == []


@pytest.mark.parametrize("name", ["public", "two words", "with.dot", "it's", "ON x"])
def test_guards_are_known_in_a_schema_of_any_name(postgres_url: str, name: str) -> None:
    """The search path of a role may lead to a schema that custledger would not have named so."""
    outsider = Attacker(postgres_url)
    outsider.run(f'CREATE SCHEMA IF NOT EXISTS "{name}"')
    outsider.close()
    engine = create_engine(postgres_url)
    event.listen(
        engine, "do_connect", lambda *a: a[3].update(options=f'-c search_path="{escaped(name)}"')
    )
    with open_ledger(engine, actor="Olga") as ledger:
        assert ledger.verify().findings == ()
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER custledger_guard_entry_update ON custledger_entry")
        assert guards.missing(connection) == ["custledger_guard_entry_update"]
    engine.dispose()


def escaped(name: str) -> str:
    """A value inside libpq's word of options."""
    return name.replace(" ", "\\ ")
