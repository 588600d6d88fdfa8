"""Verification from a checkpoint on, of restored ledgers, and of clocks that were put right."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from custledger import Ledger, Money, open_ledger
from custledger.core.records import Customer, EntryRef
from custledger.core.trail.findings import Finding, FindingCode
from custledger.edges.keys import KeyFile, generate_key
from custledger.pytest_plugin import Clock
from custledger.storage import bulk
from tests.attacker import Attacker, attack, found_in, rehash

HOUR = timedelta(hours=1)


@dataclass
class Sealed:
    """Ann with a sale that is sealed and a call that is not yet, and Ben."""

    ledger: Ledger
    clock: Clock
    signer: KeyFile
    location: str
    ann: Customer
    ben: Customer
    note: str
    call: EntryRef

    def found(self, **against: Any) -> list[Finding]:
        return found_in(self.ledger, keys=[self.signer.key], since=self.note, **against)

    def codes(self) -> list[tuple[FindingCode, int | None]]:
        return [(finding.code, finding.seal) for finding in self.found()]

    def edit_call(self, attacker: Attacker) -> int:
        """Change what is not sealed yet, with its hash; returns the entry's key."""
        entry = int(attacker.value("SELECT max(id) FROM custledger_entry"))
        said = "UPDATE custledger_payload SET body = ? WHERE entry_id = ? AND part = 0"
        attacker.run(said, b'{"channel":"phone"}', entry)
        return entry


@pytest.fixture
def sealed(location: str, tmp_path: Path) -> Iterator[Sealed]:
    generate_key(tmp_path / "signer.key", "shop.example")
    signer, clock = KeyFile(tmp_path / "signer.key"), Clock()
    with open_ledger(location, actor="Olga", now=clock) as ledger:
        ann, ben = ledger.customers.add("Ann"), ledger.customers.add("Ben")
        ledger.money.record_sale(ann, amount=Money(10_000, "EUR"))
        clock.advance(HOUR)
        ledger.trail.seal(signer)
        note = ledger.trail.checkpoint() or ""
        clock.advance(HOUR)
        call = ledger.interactions.record(ann, channel="email", summary="not sealed")
        yield Sealed(ledger, clock, signer, location, ann, ben, note, call.id)


def test_key_beside_a_seal_that_was_raised_hides_nothing(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        entry = sealed.edit_call(attacker)
        for key in (1_000_000, entry):
            attacker.run("UPDATE custledger_seal SET last_key = ?", key)
            report = sealed.ledger.verify(keys=[sealed.signer.key], since=sealed.note)
            found = {(one.code, one.seal) for one in report.findings}
            assert (FindingCode.SEAL_ALTERED, 1) in found
            assert (FindingCode.ENTRY_ALTERED, None) in found
            assert (report.since, report.unsealed) == (None, 1)


def test_key_beside_a_seal_that_was_lowered_is_found(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        attacker.run("UPDATE custledger_seal SET last_key = last_key - 1")
        assert sealed.codes() == [(FindingCode.SEAL_ALTERED, 1)]


def test_entry_whose_key_was_moved_below_the_sealed_ones_is_looked_at(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        entry = sealed.edit_call(attacker)
        attacker.run("UPDATE custledger_payload SET entry_id = -7 WHERE entry_id = ?", entry)
        attacker.run("UPDATE custledger_entry SET id = -7 WHERE id = ?", entry)
        assert (FindingCode.ENTRY_ALTERED, sealed.call) in [
            (finding.code, finding.entry) for finding in sealed.found()
        ]


def test_end_of_a_chain_that_was_moved_beside_its_seal_hides_nothing(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        entry = sealed.edit_call(attacker)
        digest = rehash(attacker, entry)
        subject = attacker.value("SELECT subject_id FROM custledger_entry WHERE id = ?", entry)
        attacker.run("UPDATE custledger_seal SET last_key = ?", entry)
        moved = "UPDATE custledger_seal_head SET seq = ?, hash = ? WHERE subject_id = ?"
        attacker.run(moved, sealed.call.seq, digest, subject)
        assert (FindingCode.SEAL_ALTERED, 1) in sealed.codes()


def test_hash_of_a_sealed_end_that_is_a_text_is_a_finding(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        if not attacker.on_sqlite:
            return  # PostgreSQL keeps no text among bytes
        attacker.run("UPDATE custledger_seal_head SET hash = 'abc'")
        assert (FindingCode.SEAL_ALTERED, 1) in sealed.codes()


def test_scope_says_that_the_copies_of_what_is_trusted_were_trusted_too(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        attacker.run("UPDATE custledger_money SET amount_minor = 1")
        assert sealed.found() == []
        assert len(found_in(sealed.ledger)) == 1
    report = sealed.ledger.verify(keys=[sealed.signer.key], since=sealed.note)
    assert report.scope.endswith("was trusted, not checked, and so were the copies of it")


def test_more_corrections_than_a_statement_takes_values_are_checked(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, few = sealed.ledger, 100
    refs = ledger.interactions.record_many(
        [{"customer": sealed.ann, "channel": "phone"} for _ in range(3 * few)]
    )
    ledger.trail.seal(sealed.signer)
    sealed.note = ledger.trail.checkpoint() or ""
    with ledger.transaction():
        for ref in refs:
            ledger.interactions.correct(ref, reason="looked again", channel="email")
    monkeypatch.setattr(bulk, "CHUNK", few)
    engine = ledger.context.database.transactions.engine  # type: ignore[attr-defined]
    if engine.dialect.name == "sqlite":
        engine.dispose()

        @event.listens_for(engine, "checkout")
        def limit(connection: Any, *_: Any) -> None:
            connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 5 * few // 2)

    assert sealed.found() == []


def test_restore_that_nobody_signed_explains_no_lost_seals(tmp_path: Path) -> None:
    location = tmp_path / "shop.sqlite"
    generate_key(tmp_path / "signer.key", "shop.example")
    signer, clock = KeyFile(tmp_path / "signer.key"), Clock()
    with open_ledger(location, actor="Olga", now=clock) as ledger:
        ann = ledger.customers.add("Ann")
        ledger.trail.seal(signer)
    shutil.copy(location, tmp_path / "older")
    with open_ledger(location, actor="Olga", now=clock) as ledger:
        ledger.interactions.record(ann, channel="phone", summary="what is to vanish")
        ledger.trail.seal(signer)
        later = ledger.trail.checkpoint() or ""
    shutil.copy(tmp_path / "older", location)
    with open_ledger(location, actor="Olga", now=clock) as ledger:
        ledger.trail.resume(later, signer=signer, reason="a backup", keys=[signer.key])
        ledger.trail.seal(signer)
        with_key = ledger.verify(keys=[signer.key], checkpoints=[later])
        without = ledger.verify(checkpoints=[later])
    assert with_key.ok
    assert "before a restore" in with_key.notices[0]
    [finding] = without.findings
    assert finding.code in {FindingCode.ROLLED_BACK, FindingCode.REWRITTEN}
    assert "--key" in finding.message


def test_entry_of_a_clock_that_was_ahead_is_told_and_no_finding(sealed: Sealed) -> None:
    sealed.clock.advance(timedelta(days=1))
    ref = sealed.ledger.interactions.record(sealed.ben, channel="phone").id
    sealed.ledger.interactions.record(sealed.ann, channel="phone")
    sealed.clock.advance(-timedelta(days=1))
    sealed.ledger.trail.seal(sealed.signer)
    for processes in (1, 2):
        report = sealed.ledger.verify(keys=[sealed.signer.key], processes=processes)
        assert report.ok
        [notice] = report.notices
        assert notice.startswith("2 entries say that it was recorded after the seal")
        assert str(ref) in notice


@pytest.mark.parametrize("uuid", [b"\x01", 5, "", "no uuid"])
def test_identity_that_is_no_uuid_is_a_finding_where_a_copy_was_moved_too(
    tmp_path: Path, uuid: object
) -> None:
    location = str(tmp_path / "shop.sqlite")
    with open_ledger(location, actor="Olga") as ledger, attack(location) as attacker:
        ledger.interactions.record(ledger.customers.add("Ann"), channel="phone")
        last = "SELECT max(subject_id) FROM custledger_entry"
        attacker.run(f"UPDATE custledger_identity SET uuid = ? WHERE id = ({last})", uuid)
        attacker.run("UPDATE custledger_interaction SET id = id + 1000")
        ledger.context.identities.forget()
        codes = {finding.code for finding in found_in(ledger)}
    assert codes == {FindingCode.ENTRY_ALTERED, FindingCode.COPY_EXTRA, FindingCode.COPY_MISSING}


def test_brackets_of_any_depth_are_a_finding(tmp_path: Path) -> None:
    location = str(tmp_path / "shop.sqlite")
    with open_ledger(location, actor="Olga") as ledger, attack(location) as attacker:
        ref = ledger.interactions.record(ledger.customers.add("Ann"), channel="phone").id
        said = "UPDATE custledger_payload SET body = ? WHERE entry_id = ?"
        last = attacker.value("SELECT max(id) FROM custledger_entry")
        for depth in (30, 100, 300, *range(900, 1_000, 3)):
            attacker.run(said, b'{"a":' + b"[" * depth + b"]" * depth + b"}", last)
            assert {one.entry for one in found_in(ledger)} == {ref}
