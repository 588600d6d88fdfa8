"""Somebody edits the database with plain SQL, guards removed: verify finds it and names the entry.

The attacks of the design that concern what exists now, by someone who does not calculate hashes
anew; what only a published checkpoint can show (a cut tail, a rewritten chain) comes with those.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table
from sqlalchemy.engine import make_url

from custledger import EntryRef, Ledger, Money, open_ledger
from custledger.core.canonical import canonical_bytes
from custledger.core.findings import FindingCode
from custledger.core.trail import commitment
from custledger.pytest_plugin import Clock
from custledger.storage import guards
from custledger.storage.bulk import table_of
from custledger.storage.chains import read_chains
from custledger.storage.tables import (
    COPIES,
    TRUTH,
    BlobRow,
    EntryRow,
    IdentityRow,
    InteractionRow,
    MoneyRow,
    PayloadRow,
)
from custledger.storage.verify import _Check
from tests.attacker import TABLES, Attacker, attack, found_in
from tests.postgres import Server
from tests.story import open_story

ENTRY, PAYLOAD, IDENTITY, BLOB, MONEY = map(
    table_of, (EntryRow, PayloadRow, IdentityRow, BlobRow, MoneyRow)
)
REFUSED = (sqlite3.IntegrityError, psycopg.Error)

NAMES_NO_ENTRY = {
    # An identity's row belongs to no single entry: its whole chain is found.
    ("custledger_identity", "id"),
    ("custledger_identity", "uuid"),
    # An entry moved to another chain is found, and named, where it lies now.
    ("custledger_entry", "subject_id"),
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def original(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where the story was told once; each test attacks a copy."""
    folder = tmp_path_factory.mktemp("story")
    if request.param == "sqlite":
        open_story(str(folder / "ledger.sqlite"), folder).close()
        yield str(folder / "ledger.sqlite")
        return
    server: Server = request.getfixturevalue("postgres_server")
    with server.database() as url:
        open_story(url, folder).close()
        yield url


@pytest.fixture
def location(original: str, tmp_path: Path) -> Iterator[str]:
    if "://" not in original:
        shutil.copy(original, tmp_path)
        shutil.copytree(f"{original}.evidence", tmp_path / "ledger.sqlite.evidence")
        yield str(tmp_path / "ledger.sqlite")
        return
    address = make_url(original)
    copy = address.set(database=f"{address.database}_copy")
    admin = address.set(drivername="postgresql", database="postgres")
    with psycopg.connect(
        admin.render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(f'CREATE DATABASE "{copy.database}" TEMPLATE "{address.database}"')
        try:
            yield copy.render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{copy.database}" WITH (FORCE)')


@pytest.fixture
def story(location: str) -> Iterator[Ledger]:
    with open_ledger(location, actor="Olga", now=Clock()) as ledger:
        yield ledger


@pytest.fixture
def attacker(story: Ledger, location: str) -> Iterator[Attacker]:
    with attack(location) as attacker:
        assert found_in(story) == []
        yield attacker


def test_untouched_ledger_verifies_and_says_how_far_that_reaches(story: Ledger) -> None:
    report = story.verify()
    assert report.ok
    assert (report.entries, report.chains, report.evidence_files) == (40, 5, 2)
    assert report.scope == "internal consistency only"


def test_story_has_a_row_in_every_table(attacker: Attacker) -> None:
    empty = {table.name for table in TABLES if not attacker.keys(table)}
    # Files lie in a folder beside a SQLite file, and in a table on PostgreSQL.
    assert empty == ({"custledger_blob"} if attacker.on_sqlite else set())


# Every table, every column


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


# The truth


def test_deleted_row_of_every_table_is_found(story: Ledger, attacker: Attacker) -> None:
    unnoticed = []
    for table in TABLES:
        for key in attacker.keys(table)[::-1][:3]:
            row, ref = attacker.row(table, key), attacker.entry_named(table, key)
            attacker.delete(table, key)
            findings = found_in(story)
            attacker.insert(table, row)
            if not findings or (ref and table is not ENTRY and ref not in refs(findings)):
                unnoticed.append((table.name, key))
    # The newest entry of a chain, cut off with its payload, is what a checkpoint is for; without
    # its payload, that one is left over and found.
    assert unnoticed == []


def test_edited_payload_is_found(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "ca suffit", "ça suffit")
    body = attacker.cell(PAYLOAD, "body", key)
    attacker.write(PAYLOAD, "body", key, body.replace("ça suffit".encode(), "merci".encode()))
    assert_found(story, FindingCode.ENTRY_ALTERED, attacker.ref_of(key[0]))


def test_payload_edited_together_with_its_salt_is_found(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "ça suffit")
    attacker.write(PAYLOAD, "body", key, canonical_bytes({"channel": "chat"}))
    attacker.write(PAYLOAD, "salt", key, b"s" * 32)
    assert FindingCode.ENTRY_ALTERED in codes(story)
    assert attacker.ref_of(key[0]) in refs(found_in(story))


@pytest.mark.parametrize("change", [(b",", b", "), (b"{", b" {"), (b"}", b"}\n")])
def test_white_space_alone_is_found(
    story: Ledger, attacker: Attacker, change: tuple[bytes, bytes]
) -> None:
    key = body_of(attacker, "ça suffit")
    body = attacker.cell(PAYLOAD, "body", key)
    attacker.write(PAYLOAD, "body", key, body.replace(*change, 1))
    assert attacker.ref_of(key[0]) in refs(found_in(story))


def test_payload_that_is_nested_without_end_is_a_finding(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "ça suffit")
    attacker.write(PAYLOAD, "body", key, b'{"a":' + b"[" * 90_000)
    assert attacker.ref_of(key[0]) in refs(found_in(story))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"name":5}', b'{"channel":[]}', b""])
def test_payload_of_another_shape_is_a_finding(
    story: Ledger, attacker: Attacker, body: bytes
) -> None:
    for key in attacker.keys(PAYLOAD)[:: 1 if attacker.on_sqlite else 6]:
        old = attacker.cell(PAYLOAD, "body", key)
        attacker.write(PAYLOAD, "body", key, body)
        if body != old:
            assert attacker.ref_of(key[0]) in refs(found_in(story))
        attacker.write(PAYLOAD, "body", key, old)


def test_recorded_time_moved_by_a_microsecond_is_found(story: Ledger, attacker: Attacker) -> None:
    key = attacker.keys(ENTRY)[-1]
    attacker.write(ENTRY, "recorded_at", key, attacker.cell(ENTRY, "recorded_at", key) - 1)
    assert_found(story, FindingCode.ENTRY_ALTERED, attacker.ref_of(key[0]))


def test_kind_edited_to_another_kind_is_found(story: Ledger, attacker: Attacker) -> None:
    key = entry_of_kind(attacker, 12)  # a payment
    attacker.write(ENTRY, "kind", key, 16)  # a concession, which never counts
    assert attacker.ref_of(key[0]) in refs(found_in(story))


def test_hash_edited_alone_is_found_at_that_entry_and_at_the_next(
    story: Ledger, attacker: Attacker
) -> None:
    key = entry_of_kind(attacker, 9)
    ref = attacker.ref_of(key[0])
    attacker.write(ENTRY, "hash", key, b"h" * 32)
    assert {ref, EntryRef(ref.subject, ref.seq + 1)} <= set(refs(found_in(story)))


def test_header_edited_with_its_own_hash_is_found_at_the_next_entry(
    story: Ledger, attacker: Attacker
) -> None:
    key = entry_of_kind(attacker, 9)
    ref = attacker.ref_of(key[0])
    attacker.write(ENTRY, "recorded_at", key, attacker.cell(ENTRY, "recorded_at", key) - 1)
    rehash(story, attacker, key[0])
    assert refs(found_in(story)) == [EntryRef(ref.subject, ref.seq + 1)]


def test_middle_entry_deleted_is_found(story: Ledger, attacker: Attacker) -> None:
    key = middle_entry(attacker)
    ref = attacker.ref_of(key[0])
    attacker.run("DELETE FROM custledger_payload WHERE entry_id = ?", key[0])
    attacker.delete(ENTRY, key)
    assert_found(story, FindingCode.CHAIN_GAP, ref)


def test_middle_entry_deleted_and_the_rest_renumbered_is_found(
    story: Ledger, attacker: Attacker
) -> None:
    key = middle_entry(attacker)
    subject, seq = attacker.cell(ENTRY, "subject_id", key), attacker.cell(ENTRY, "seq", key)
    ref = attacker.ref_of(key[0])
    attacker.run("DELETE FROM custledger_payload WHERE entry_id = ?", key[0])
    attacker.delete(ENTRY, key)
    later = "SELECT id FROM custledger_entry WHERE subject_id = ? AND seq > ? ORDER BY seq"
    for (entry,) in attacker.run(later, subject, seq):
        attacker.run("UPDATE custledger_entry SET seq = seq - 1 WHERE id = ?", entry)
    assert_found(story, FindingCode.ENTRY_ALTERED, ref)


def test_payload_deleted_is_found(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "ça suffit")
    attacker.delete(PAYLOAD, key)
    assert_found(story, FindingCode.PAYLOAD_MISSING, attacker.ref_of(key[0]))


def test_staff_only_part_deleted_is_found(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "was upset")
    attacker.delete(PAYLOAD, key)
    assert_found(story, FindingCode.ENTRY_ALTERED, attacker.ref_of(key[0]))


def test_staff_only_part_added_is_found(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "a typo")
    attacker.insert(PAYLOAD, (key[0], 1, b"s" * 32, b'{"staff_note":"x"}', None))
    assert_found(story, FindingCode.ENTRY_ALTERED, attacker.ref_of(key[0]))


@pytest.mark.parametrize("entry_id", ["an entry", "none"])
def test_payload_that_belongs_to_no_entry_is_found(
    story: Ledger, attacker: Attacker, entry_id: str
) -> None:
    entry = attacker.keys(ENTRY)[-1][0] + (0 if entry_id == "an entry" else 1)
    attacker.insert(PAYLOAD, (entry, 7, b"s" * 32, b"{}", None))
    assert codes(story) == [FindingCode.PAYLOAD_EXTRA]


def test_two_entries_swapped_are_found(story: Ledger, attacker: Attacker) -> None:
    one, two = neighbours(attacker)
    refs_before = {attacker.ref_of(one), attacker.ref_of(two)}
    swap = "UPDATE custledger_entry SET seq = ? WHERE id = ?"
    seqs = [attacker.cell(ENTRY, "seq", (key,)) for key in (one, two)]
    for seq, key in ((9999, one), (seqs[0], two), (seqs[1], one)):
        attacker.run(swap, seq, key)
    assert refs_before <= set(refs(found_in(story)))


def test_payloads_of_two_entries_swapped_are_found(story: Ledger, attacker: Attacker) -> None:
    one, two = neighbours(attacker)
    swap = "UPDATE custledger_payload SET entry_id = ? WHERE entry_id = ?"
    for new, old in ((9999, one), (one, two), (two, 9999)):
        attacker.run(swap, new, old)
    assert {attacker.ref_of(one), attacker.ref_of(two)} <= set(refs(found_in(story)))


def test_entry_moved_to_the_end_of_another_customers_chain_is_found(
    story: Ledger, attacker: Attacker
) -> None:
    key = entry_of_kind(attacker, 10)  # Ann's invoice
    ref = attacker.ref_of(key[0])
    ben = attacker.value("SELECT id FROM custledger_customer WHERE name LIKE 'Ben%'")
    end = "SELECT max(seq) + 1 FROM custledger_entry WHERE subject_id = ?"
    attacker.run(
        "UPDATE custledger_entry SET subject_id = ?, seq = ? WHERE id = ?",
        ben,
        attacker.value(end, ben),
        key[0],
    )
    assert_found(story, FindingCode.CHAIN_GAP, ref)
    assert_found(story, FindingCode.ENTRY_ALTERED, attacker.ref_of(key[0]))


def test_middle_entry_inserted_without_new_hashes_is_found(
    story: Ledger, attacker: Attacker
) -> None:
    key = middle_entry(attacker)
    row = list(attacker.row(ENTRY, key))
    ref = attacker.ref_of(key[0])
    later = (
        "SELECT id FROM custledger_entry WHERE subject_id = ? AND seq >= ? ORDER BY seq DESC"
    )
    for (entry,) in attacker.run(later, row[1], row[2]):
        attacker.run("UPDATE custledger_entry SET seq = seq + 1 WHERE id = ?", entry)
    row[0], row[9] = 9999, b"h" * 32
    attacker.insert(ENTRY, row)
    attacker.insert(PAYLOAD, (9999, 0, b"s" * 32, b'{"amount":[1,"EUR"],"due_day":1}', None))
    assert_found(story, FindingCode.ENTRY_ALTERED, ref)
    assert EntryRef(ref.subject, ref.seq + 1) in refs(found_in(story))


def test_middle_entry_inserted_with_its_own_hash_is_found_at_the_next(
    story: Ledger, attacker: Attacker
) -> None:
    key = middle_entry(attacker)
    row = list(attacker.row(ENTRY, key))
    ref = attacker.ref_of(key[0])
    later = (
        "SELECT id FROM custledger_entry WHERE subject_id = ? AND seq >= ? ORDER BY seq DESC"
    )
    for (entry,) in attacker.run(later, row[1], row[2]):
        attacker.run("UPDATE custledger_entry SET seq = seq + 1 WHERE id = ?", entry)
    attacker.insert(ENTRY, [9999, *row[1:]])
    attacker.insert(PAYLOAD, (9999, 0, b"s" * 32, b'{"amount":[1,"EUR"],"due_day":1}', None))
    rehash(story, attacker, 9999)
    assert EntryRef(ref.subject, ref.seq + 1) in refs(found_in(story))


def test_correction_turned_into_an_entry_of_its_own_is_found(
    story: Ledger, attacker: Attacker
) -> None:
    entry = attacker.value("SELECT max(id) FROM custledger_entry WHERE supersedes IS NOT NULL")
    attacker.run("UPDATE custledger_entry SET supersedes = NULL WHERE id = ?", entry)
    assert attacker.ref_of(entry) in refs(found_in(story))


def test_customer_deleted_with_the_whole_chain_is_found_while_the_identity_stays(
    story: Ledger, attacker: Attacker
) -> None:
    ann = attacker.value("SELECT id FROM custledger_customer WHERE name LIKE 'Ann%'")
    delete_customer(attacker, ann)
    assert codes(story) == [FindingCode.CHAIN_EMPTY]


def test_customer_deleted_with_the_identity_too_is_what_a_checkpoint_is_for(
    story: Ledger, attacker: Attacker
) -> None:
    """The stated limit: chains alone cannot show it, and the report says so."""
    ann = attacker.value("SELECT id FROM custledger_customer WHERE name LIKE 'Ann%'")
    delete_customer(attacker, ann)
    attacker.run("DELETE FROM custledger_identity WHERE id = ?", ann)
    assert found_in(story) == []
    assert story.verify().scope == "internal consistency only"


def test_identity_given_another_uuid_is_found(story: Ledger, attacker: Attacker) -> None:
    for key in attacker.keys(IDENTITY):
        old = attacker.cell(IDENTITY, "uuid", key)
        new = uuid4()
        attacker.write(IDENTITY, "uuid", key, new.hex if attacker.on_sqlite else new)
        assert found_in(story), f"identity {key}"
        attacker.write(IDENTITY, "uuid", key, old)


def test_chain_given_to_another_customer_is_found(story: Ledger, attacker: Attacker) -> None:
    ids = attacker.run("SELECT id FROM custledger_customer ORDER BY id")[:2]
    (one,), (two,) = ids
    move = "UPDATE custledger_entry SET subject_id = ? WHERE subject_id = ?"
    for new, old in ((9999, one), (one, two), (two, 9999)):
        attacker.run(move, new, old)
    assert FindingCode.ENTRY_ALTERED in codes(story)


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


# Copies


def test_copy_row_added_to_every_table_is_found(story: Ledger, attacker: Attacker) -> None:
    unnoticed = []
    for table in map(table_of, COPIES):
        key = attacker.keys(table)[-1]
        row = [
            value + 1000 if column.primary_key else value
            for column, value in zip(table.columns, attacker.row(table, key), strict=True)
        ]
        for unique in ("external_id", "number"):
            if unique in table.columns:
                row[list(table.columns.keys()).index(unique)] = 99
        attacker.insert(table, [str(v) if v == 99 and "external_id" in table.columns else v
                                for v in row])
        if FindingCode.COPY_EXTRA not in codes(story):
            unnoticed.append(table.name)
        attacker.delete(table, tuple(row[n] for n in key_places(table)))
    assert found_in(story) == []
    assert unnoticed == []


def test_copy_of_a_customer_before_the_first_is_found(story: Ledger, attacker: Attacker) -> None:
    key = attacker.keys(MONEY)[0]
    row = dict(zip(MONEY.columns.keys(), attacker.row(MONEY, key), strict=True))
    attacker.insert(MONEY, list((row | {"id": -7, "customer_id": -7, "external_id": "9"}).values()))
    assert codes(story) == [FindingCode.COPY_EXTRA]


def test_copy_of_a_corrected_state_brought_back_is_found(story: Ledger, attacker: Attacker) -> None:
    """As if the correction had never happened: the row that it superseded, put back."""
    table = table_of(InteractionRow)
    key = attacker.keys(table)[-1]
    first = attacker.cell(table, "id", key)
    attacker.write(table, "entry_id", key, first)
    attacker.write(table, "fault", key, 1)
    assert FindingCode.COPY_CHANGED in codes(story)


def test_copy_of_a_voided_record_brought_back_is_found(story: Ledger, attacker: Attacker) -> None:
    voided = attacker.value(
        "SELECT o.id FROM custledger_entry v JOIN custledger_entry o "
        "ON o.subject_id = v.subject_id AND o.seq = v.supersedes WHERE v.kind = 18 AND o.kind = 9"
    )
    table = table_of(InteractionRow)
    row = dict(
        zip(table.columns.keys(), attacker.row(table, attacker.keys(table)[-1]), strict=True)
    )
    ghost = {"id": voided, "entry_id": voided, "seq": 3, "external_id": "ghost"}
    attacker.insert(table, list((row | ghost).values()))
    assert_found(story, FindingCode.COPY_EXTRA, attacker.ref_of(voided))


# Guards


def test_every_dropped_guard_is_reported_by_name(story: Ledger, location: str) -> None:
    assert story.verify().ok
    with attack(location):
        said = " ".join(finding.message for finding in story.verify().findings)
    with story._context.read() as connection:
        names = guards.missing(connection)
    assert len(names) >= 3 * len(TABLES)
    assert [name for name in names if name not in said] == []


def test_guard_replaced_by_one_that_does_nothing_is_found(story: Ledger, location: str) -> None:
    attacker = Attacker(location)
    name, table = "custledger_guard_entry_update", "custledger_entry"
    if attacker.on_sqlite:
        attacker.run(f"DROP TRIGGER {name}")
        attacker.run(f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} BEGIN SELECT 1; END")
    else:
        attacker.run(
            "CREATE OR REPLACE FUNCTION custledger_refuse() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RETURN NEW; END $$"
        )
    attacker.close()
    assert FindingCode.GUARD_MISSING in [finding.code for finding in story.verify().findings]
    assert any(name in finding.message for finding in story.verify().findings)


def test_guard_switched_off_is_found(postgres_url: str) -> None:
    with open_ledger(postgres_url, actor="Olga") as ledger:
        attacker = Attacker(postgres_url)
        attacker.run("ALTER TABLE custledger_entry DISABLE TRIGGER custledger_guard_entry_update")
        attacker.close()
        assert [f.code for f in ledger.verify().findings] == [FindingCode.GUARD_MISSING]


# Evidence


@pytest.fixture
def evidence_file(tmp_path: Path) -> Path:
    """Ann's mail as it lies in the evidence folder of a SQLite ledger."""
    location = str(tmp_path / "evidence-ledger.sqlite")
    with open_story(location, tmp_path):
        pass
    folder = tmp_path / "evidence-ledger.sqlite.evidence"
    return next(path for path in folder.glob("??/*") if path.stat().st_size > 0)


def damages() -> dict[str, Any]:
    return {
        "altered": lambda path: path.write_bytes(b"B" + path.read_bytes()[1:]),
        "one byte longer": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
        "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
        "emptied": lambda path: path.write_bytes(b""),
    }


@pytest.mark.parametrize("damage", damages())
def test_altered_evidence_file_is_found(evidence_file: Path, tmp_path: Path, damage: str) -> None:
    damages()[damage](evidence_file)
    assert_mail_found(tmp_path, FindingCode.EVIDENCE_ALTERED)


def test_missing_evidence_file_is_found(evidence_file: Path, tmp_path: Path) -> None:
    evidence_file.unlink()
    assert_mail_found(tmp_path, FindingCode.EVIDENCE_MISSING)


def test_evidence_file_that_is_a_folder_is_found(evidence_file: Path, tmp_path: Path) -> None:
    evidence_file.unlink()
    evidence_file.mkdir()
    assert_mail_found(tmp_path, FindingCode.EVIDENCE_MISSING)


def test_missing_evidence_folder_is_found(evidence_file: Path, tmp_path: Path) -> None:
    shutil.rmtree(evidence_file.parents[1])
    assert_mail_found(tmp_path, FindingCode.EVIDENCE_MISSING)


def test_two_evidence_files_swapped_are_found(evidence_file: Path, tmp_path: Path) -> None:
    other = next(p for p in evidence_file.parents[1].glob("??/*") if p != evidence_file)
    mail, tape = evidence_file.read_bytes(), other.read_bytes()
    evidence_file.write_bytes(tape)
    other.write_bytes(mail)
    assert_mail_found(tmp_path, FindingCode.EVIDENCE_ALTERED)


def assert_mail_found(tmp_path: Path, code: FindingCode) -> None:
    with open_ledger(tmp_path / "evidence-ledger.sqlite", actor="Olga") as ledger:
        mail = next(e for e in ledger.evidence.of("Ann Müller") if e.file_name == "mail.txt")
        assert_found(ledger, code, mail.id)


def test_edited_chunk_of_a_file_in_the_database_is_found(postgres_url: str, tmp_path: Path) -> None:
    with open_story(postgres_url, tmp_path) as ledger, attack(postgres_url) as attacker:
        mail = next(e for e in ledger.evidence.of("Ann Müller") if e.file_name == "mail.txt")
        name, number = next(k for k in attacker.keys(BLOB) if attacker.cell(BLOB, "data", k))
        attacker.write(BLOB, "data", (name, number), b"another mail")
        assert_found(ledger, FindingCode.EVIDENCE_ALTERED, mail.id)
        attacker.delete(BLOB, (name, number))
        assert_found(ledger, FindingCode.EVIDENCE_MISSING, mail.id)


def test_chunk_added_to_a_file_in_the_database_is_found(postgres_url: str, tmp_path: Path) -> None:
    with open_story(postgres_url, tmp_path) as ledger, attack(postgres_url) as attacker:
        name, number = next(k for k in attacker.keys(BLOB) if attacker.cell(BLOB, "data", k))
        attacker.insert(BLOB, (name, number + 1, b"more"))
        assert FindingCode.EVIDENCE_ALTERED in codes(ledger)


@pytest.mark.parametrize("name", ["/etc/hostname", "../../ledger.sqlite", "/dev/zero", "..", ""])
def test_blob_name_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    location = str(tmp_path / "ledger.sqlite")
    with open_story(location, tmp_path) as ledger, attack(location) as attacker:
        mail = next(e for e in ledger.evidence.of("Ann Müller") if e.file_name == "mail.txt")
        attacker.run(
            "UPDATE custledger_payload SET blob = ? WHERE entry_id = (SELECT entry_id FROM "
            "custledger_evidence WHERE seq = ? AND size = ?)",
            name,
            mail.id.seq,
            mail.size,
        )
        assert_found(ledger, FindingCode.EVIDENCE_MISSING, mail.id)


# While others write


def test_what_others_write_during_a_verification_is_no_finding(
    story: Ledger, location: str
) -> None:
    """One snapshot: an entry that came after it began is neither extra nor missing."""

    def write(_done: int, _total: int) -> None:
        with open_ledger(location, actor="Olga") as other:
            ann = other.customers.get("Ann Müller")
            other.money.record_sale(ann, amount=Money(100, "EUR"))
            other.staff.add("Newcomer")

    assert story.verify(progress=write).findings == ()
    assert story.verify().entries == 42


# What the tests above share


def codes(ledger: Ledger) -> list[FindingCode]:
    return [finding.code for finding in found_in(ledger)]


def refs(findings: Any) -> list[EntryRef | None]:
    return [finding.entry for finding in findings]


def assert_found(ledger: Ledger, code: FindingCode, ref: EntryRef) -> None:
    findings = found_in(ledger)
    assert (code, ref) in [(finding.code, finding.entry) for finding in findings], findings


def body_of(attacker: Attacker, *texts: str) -> tuple[Any, ...]:
    """The key of the first payload that holds one of the texts."""
    return next(
        key
        for key in attacker.keys(PAYLOAD)
        if any(text.encode() in (attacker.cell(PAYLOAD, "body", key) or b"") for text in texts)
    )


def entry_of_kind(attacker: Attacker, kind: int) -> tuple[Any, ...]:
    return (attacker.value("SELECT min(id) FROM custledger_entry WHERE kind = ?", kind),)


def middle_entry(attacker: Attacker) -> tuple[Any, ...]:
    return entry_of_kind(attacker, 10)  # Ann's invoice: the fourth of her entries


def neighbours(attacker: Attacker) -> tuple[int, int]:
    one = middle_entry(attacker)[0]
    two = attacker.value(
        "SELECT b.id FROM custledger_entry a JOIN custledger_entry b "
        "ON b.subject_id = a.subject_id AND b.seq = a.seq + 1 WHERE a.id = ?",
        one,
    )
    return one, two


def key_places(table: Table) -> list[int]:
    return [n for n, column in enumerate(table.columns) if column.primary_key]


def delete_customer(attacker: Attacker, customer: int) -> None:
    mine = "SELECT id FROM custledger_entry WHERE subject_id = ?"
    attacker.run(f"DELETE FROM custledger_payload WHERE entry_id IN ({mine})", customer)
    attacker.run("DELETE FROM custledger_entry WHERE subject_id = ?", customer)
    for name in ("contact_point", "interaction", "money", "evidence"):
        attacker.run(f"DELETE FROM custledger_{name} WHERE customer_id = ?", customer)
    attacker.run("DELETE FROM custledger_customer WHERE id = ?", customer)


def rehash(ledger: Ledger, attacker: Attacker, entry: int) -> None:
    """Give an edited entry the hash that fits it, as someone would who can read the source."""
    subject = attacker.cell(ENTRY, "subject_id", (entry,))
    with ledger._context.read() as connection:
        check = _Check(connection, ledger._context)
        prev = b""
        for link in next(iter(read_chains(connection, [subject]))):
            if link.id == entry:
                commits = {p.part.value: commitment(p.salt, p.body or b"") for p in link.parts}
                digest = check._header(link, prev, commits).hash()
                break
            prev = link.hash
    attacker.write(ENTRY, "hash", (entry,), digest)
