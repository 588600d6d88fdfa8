"""Whatever one cell of any table is changed to: verify finds it and names the entry."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table

from custledger import Ledger
from custledger.storage.bulk import table_of
from custledger.storage.tables import TRUTH
from tests.attacker import REFUSED, TABLES, Attacker, attack, found_in
from tests.story import open_story, signer_of

NAMES_NO_ENTRY = {
    # An identity's row belongs to no single entry: its whole chain is found.
    ("custledger_identity", "id"),
    ("custledger_identity", "uuid"),
    # An entry moved to another chain is found, and named, where it lies now.
    ("custledger_entry", "subject_id"),
}

OUTSIDE = {
    # A note of where a checkpoint was published, and when: the proof of it is at that place, where
    # the checkpoint is, and not in these two columns.
    ("custledger_anchor", "place"),
    ("custledger_anchor", "anchored_at"),
}


def test_untouched_ledger_verifies_and_says_how_far_that_reaches(story: Ledger) -> None:
    report = story.verify()
    assert report.ok
    assert (report.entries, report.chains, report.evidence_files) == (52, 5, 2)
    assert (report.sealed, report.unsealed, report.erased) == (51, 1, 2)
    assert report.scope.startswith("internal consistency only; signatures not checked")


def test_story_has_a_row_in_every_table(attacker: Attacker) -> None:
    empty = {table.name for table in TABLES if not attacker.keys(table)}
    # Files lie in a folder beside a SQLite file, and in a table on PostgreSQL.
    assert empty == ({"custledger_blob"} if attacker.on_sqlite else set())


def test_edited_cell_of_every_column_of_every_table_is_found_and_its_entry_named(
    story: Ledger, attacker: Attacker, pinned: dict[str, Any]
) -> None:
    assert list(unnoticed_edits(story, attacker, pinned, rows=1)) == []


@pytest.mark.slow
def test_edited_cell_of_every_row_of_every_table_is_found_and_its_entry_named(
    story: Ledger, attacker: Attacker, pinned: dict[str, Any]
) -> None:
    assert list(unnoticed_edits(story, attacker, pinned, rows=1000)) == []


def unnoticed_edits(
    ledger: Ledger, attacker: Attacker, pinned: dict[str, Any], rows: int
) -> Iterator[tuple[Any, ...]]:
    for table in TABLES:
        for column in [c.name for c in table.columns if (table.name, c.name) not in OUTSIDE]:
            keys = attacker.keys(table)
            values = [attacker.cell(table, column, key) for key in keys]
            # From the end: the first rows are those about the ledger itself.
            for key in keys[::-1][:rows]:
                for new in other_values(attacker.cell(table, column, key), values):
                    if noticed(ledger, attacker, pinned, table, column, key, new) is False:
                        yield table.name, column, key, new
    assert found_in(ledger, **pinned) == []


def noticed(
    ledger: Ledger,
    attacker: Attacker,
    pinned: dict[str, Any],
    table: Table,
    column: str,
    key: tuple[Any, ...],
    new: Any,
) -> bool | None:
    """Whether an edit is found, and its entry named; None if the column takes no such value."""
    old, ref = attacker.cell(table, column, key), attacker.entry_named(table, key)
    try:
        moved = attacker.write(table, column, key, new)
    except REFUSED:
        return None
    findings = found_in(ledger, **pinned)
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


GARBAGE = (
    "x'00ff'",
    "'text'",
    "CAST(x'c3' AS TEXT)",
    "CAST(x'edb080' AS TEXT)",  # a lone surrogate
    "-5",
    "9223372036854775807",
    "1.5",
)


@pytest.mark.parametrize(
    "garbage",
    [*GARBAGE[:2], *(pytest.param(value, marks=pytest.mark.slow) for value in GARBAGE[2:])],
)
def test_garbage_that_sqlite_lets_into_any_cell_is_a_finding_and_not_an_exception(
    tmp_path: Path, garbage: str
) -> None:
    location = str(tmp_path / "ledger.sqlite")
    unnoticed = []
    with open_story(location, tmp_path) as ledger, attack(location) as attacker:
        pinned = {"keys": [signer_of(tmp_path).key]}
        first = ledger.trail.checkpoints()[0].note
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
                    found_in(ledger, **pinned, since=first)  # it may trust; it must not fail
                    if not found_in(ledger, **pinned) and (table.name, column) not in OUTSIDE:
                        unnoticed.append((table.name, column, key))
                    attacker.run(f"DELETE FROM {table.name}")
                    attacker.run(f"INSERT INTO {table.name} SELECT * FROM before_{table.name}")
        assert found_in(ledger, **pinned) == []
    assert unnoticed == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_one_bit_flipped_in_the_truth_is_found(
    story: Ledger, attacker: Attacker, pinned: dict[str, Any], data: st.DataObject
) -> None:
    tables = [table for table in map(table_of, TRUTH) if attacker.keys(table)]
    table = data.draw(st.sampled_from(tables))
    key = data.draw(st.sampled_from(attacker.keys(table)))
    columns = [c.name for c in table.columns if (table.name, c.name) not in OUTSIDE]
    column = data.draw(st.sampled_from(columns))
    old = attacker.cell(table, column, key)
    if old is None or old == b"":
        return
    new = flipped(data, old)
    try:
        moved = attacker.write(table, column, key, new)
    except REFUSED:  # a text that is no UTF-8, a number out of the column's range
        return
    findings = found_in(story, **pinned)
    attacker.write(table, column, moved, old)
    assert findings, (table.name, column, key, old, new)


def flipped(data: st.DataObject, value: Any) -> Any:
    if isinstance(value, UUID):
        return UUID(int=value.int ^ 1 << data.draw(st.integers(0, 127)))
    if isinstance(value, int):
        return value ^ 1 << data.draw(st.integers(0, 14))
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 6))
    return raw.decode("latin-1") if isinstance(value, str) else bytes(raw)
