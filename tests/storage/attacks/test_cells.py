"""Whatever one cell of any table is changed to: verify finds it and names the entry."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table

from custledger import Ledger
from tests.attacker import BLOB, ENTRY, PAYLOAD, TABLES, Attacker, attack, found_in
from tests.story import open_story

REFUSED = (sqlite3.IntegrityError, psycopg.Error)

NAMES_NO_ENTRY = {
    # An identity's row belongs to no single entry: its whole chain is found.
    ("custledger_identity", "id"),
    ("custledger_identity", "uuid"),
    # An entry moved to another chain is found, and named, where it lies now.
    ("custledger_entry", "subject_id"),
}


def test_untouched_ledger_verifies_and_says_how_far_that_reaches(story: Ledger) -> None:
    report = story.verify()
    assert report.ok
    assert (report.entries, report.chains, report.evidence_files) == (40, 5, 2)
    assert report.scope == "internal consistency only"


def test_story_has_a_row_in_every_table(attacker: Attacker) -> None:
    empty = {table.name for table in TABLES if not attacker.keys(table)}
    # Files lie in a folder beside a SQLite file, and in a table on PostgreSQL.
    assert empty == ({"custledger_blob"} if attacker.on_sqlite else set())


def test_edited_cell_of_every_column_of_every_table_is_found_and_its_entry_named(
    story: Ledger, attacker: Attacker
) -> None:
    assert list(unnoticed_edits(story, attacker, rows=1)) == []


@pytest.mark.slow
def test_edited_cell_of_every_row_of_every_table_is_found_and_its_entry_named(
    story: Ledger, attacker: Attacker
) -> None:
    assert list(unnoticed_edits(story, attacker, rows=1000)) == []


def unnoticed_edits(ledger: Ledger, attacker: Attacker, rows: int) -> Iterator[tuple[Any, ...]]:
    for table in TABLES:
        for column in [column.name for column in table.columns]:
            keys = attacker.keys(table)
            values = [attacker.cell(table, column, key) for key in keys]
            # From the end: the first rows are those about the ledger itself.
            for key in keys[::-1][:rows]:
                for new in other_values(attacker.cell(table, column, key), values):
                    if noticed(ledger, attacker, table, column, key, new) is False:
                        yield table.name, column, key, new
    assert found_in(ledger) == []


def noticed(
    ledger: Ledger, attacker: Attacker, table: Table, column: str, key: tuple[Any, ...], new: Any
) -> bool | None:
    """Whether an edit is found, and its entry named; None if the column takes no such value."""
    old, ref = attacker.cell(table, column, key), attacker.entry_named(table, key)
    try:
        moved = attacker.write(table, column, key, new)
    except REFUSED:
        return None
    findings = found_in(ledger)
    attacker.write(table, column, moved, old)
    if (table.name, column) in NAMES_NO_ENTRY:
        return bool(findings)
    return ref in [finding.entry for finding in findings]


def other_values(old: Any, values: list[Any]) -> Iterator[Any]:
    """A value that is nowhere else, and one that another row holds."""
    match old:
        case None:
            yield from ("x", 7, b"x")
        case int():
            yield old + 1000
        case bytes():
            yield bytes([old[0] ^ 1]) + old[1:] if old else b"x"
        case UUID():
            yield UUID(int=old.int ^ 1)
        case str():
            yield old[:-1] + ("b" if old.endswith("c") else "c")
    yield from [value for value in dict.fromkeys(values) if value != old][:1]


@pytest.mark.parametrize(
    "garbage", ["CAST(x'c3' AS TEXT)", "'text'", "-5", "4611686018427387904", "1.5", "x'00ff'"]
)
def test_garbage_that_sqlite_lets_into_any_cell_is_a_finding_and_not_an_exception(
    tmp_path: Path, garbage: str
) -> None:
    location = str(tmp_path / "ledger.sqlite")
    unnoticed = []
    with open_story(location, tmp_path) as ledger, attack(location) as attacker:
        for table in TABLES:
            attacker.run(f"CREATE TEMP TABLE before_{table.name} AS SELECT * FROM {table.name}")
        for table in TABLES:
            names = [column.name for column in table.columns]
            for column in names:
                for key in attacker.keys(table)[-1:]:
                    where = " AND ".join(f"{c.name} = ?" for c in table.primary_key)
                    edit = f"UPDATE {table.name} SET {column} = {garbage} WHERE {where}"
                    try:
                        attacker.run(edit, *key)
                    except sqlite3.IntegrityError:
                        continue
                    if not found_in(ledger):
                        unnoticed.append((table.name, column, key))
                    attacker.run(f"DELETE FROM {table.name}")
                    attacker.run(f"INSERT INTO {table.name} SELECT * FROM before_{table.name}")
        assert found_in(ledger) == []
    assert unnoticed == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_one_bit_flipped_in_the_truth_is_found(
    story: Ledger, attacker: Attacker, data: st.DataObject
) -> None:
    table = data.draw(st.sampled_from([t for t in (ENTRY, PAYLOAD, BLOB) if attacker.keys(t)]))
    key = data.draw(st.sampled_from(attacker.keys(table)))
    column = data.draw(st.sampled_from([c.name for c in table.columns]))
    old = attacker.cell(table, column, key)
    if old is None or old == b"":
        return
    new = flipped(data, old)
    try:
        moved = attacker.write(table, column, key, new)
    except REFUSED:  # a text that is no UTF-8, a number out of the column's range
        return
    findings = found_in(story)
    attacker.write(table, column, moved, old)
    assert findings, (table.name, column, key, old, new)


def flipped(data: st.DataObject, value: Any) -> Any:
    if isinstance(value, int):
        return value ^ 1 << data.draw(st.integers(0, 14))
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 6))
    return raw.decode("latin-1") if isinstance(value, str) else bytes(raw)
