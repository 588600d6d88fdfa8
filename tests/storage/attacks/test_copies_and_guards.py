"""Copies edited by plain SQL, and guards dropped or made harmless: verify finds it."""

from __future__ import annotations

from sqlalchemy import Table

from custledger import Ledger, open_ledger
from custledger.core.trail.findings import FindingCode
from custledger.storage import guards
from custledger.storage.bulk import table_of
from custledger.storage.tables import COPIES, InteractionRow
from tests.attacker import MONEY, TABLES, Attacker, assert_found, attack, codes, found_in


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
        if table.name == "custledger_policy":
            row[list(table.columns.keys()).index("version")] = 2
        if table.name == "custledger_staff":
            row[list(table.columns.keys()).index("name_folded")] = "mallory"
        attacker.insert(
            table, [str(v) if v == 99 and "external_id" in table.columns else v for v in row]
        )
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


def key_places(table: Table) -> list[int]:
    return [n for n, column in enumerate(table.columns) if column.primary_key]


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
