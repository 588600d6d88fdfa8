"""Seals, checkpoints and erasures verified: what is found, and what an honest ledger looks like."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from custledger import Ledger, open_ledger
from custledger.core.records import Customer, EntryRef
from custledger.core.trail.chain import commitment
from custledger.core.trail.findings import FindingCode
from custledger.core.trail.notes import Note
from custledger.edges.anchors import DirectoryAnchor
from custledger.edges.keys import KeyFile, generate_key
from custledger.errors import BadInputError
from custledger.pytest_plugin import Clock
from tests.attacker import Attacker, attack, found_in, rehash, rehash_from, reseal

HOUR = timedelta(hours=1)


@dataclass
class Sealed:
    """A ledger with three seals over Ann and Ben, and what was published of it."""

    ledger: Ledger
    clock: Clock
    signer: KeyFile
    location: str
    ann: Customer
    ben: Customer
    notes: list[str]

    def found(self, *checkpoints: str) -> list[tuple[FindingCode, int | None]]:
        findings = found_in(self.ledger, keys=[self.signer.key], checkpoints=checkpoints)
        return [(finding.code, finding.seal) for finding in findings]

    def key_of(self, attacker: Attacker, customer: Customer) -> int:
        uuid = customer.id.hex if attacker.on_sqlite else customer.id
        return int(attacker.value("SELECT id FROM custledger_identity WHERE uuid = ?", uuid))

    def entry(self, attacker: Attacker, customer: Customer, seq: int) -> int:
        said = "SELECT id FROM custledger_entry WHERE subject_id = ? AND seq = ?"
        return int(attacker.value(said, self.key_of(attacker, customer), seq))


@pytest.fixture
def sealed(location: str, tmp_path: Path) -> Iterator[Sealed]:
    generate_key(tmp_path / "signer.key", "shop.example")
    signer, clock, notes = KeyFile(tmp_path / "signer.key"), Clock(), []
    with open_ledger(location, actor="Olga", now=clock) as ledger:
        ann, ben = ledger.customers.add("Ann"), ledger.customers.add("Ben")
        for number in range(3):
            clock.advance(HOUR)
            ledger.interactions.record(ann, channel="phone", summary=f"call {number}")
            if number != 1:
                ledger.interactions.record(ben, channel="chat", summary=f"chat {number}")
            ledger.trail.seal(signer)
            notes.append(ledger.trail.checkpoint() or "")
        clock.advance(HOUR)
        ledger.interactions.record(ann, channel="email", summary="not sealed")
        yield Sealed(ledger, clock, signer, location, ann, ben, notes)


def test_honest_ledger_says_what_is_sealed_and_what_it_was_compared_with(sealed: Sealed) -> None:
    report = sealed.ledger.verify(keys=[sealed.signer.key.to_text()], checkpoints=sealed.notes)
    assert report.ok
    assert (report.sealed, report.unsealed, report.entries) == (10, 1, 11)
    assert (report.seals, report.checkpoints, report.erased) == (3, 3, 0)
    assert report.anchored_until == sealed.clock() - HOUR
    assert report.scope == (
        "compared with 3 published checkpoints, the newest of 3 seals; signatures checked by the "
        "key of shop.example"
    )


def test_without_a_checkpoint_from_outside_it_is_internal_consistency_only(sealed: Sealed) -> None:
    report = sealed.ledger.verify()
    assert report.ok
    assert report.anchored_until is None
    assert report.scope == (
        "internal consistency only; signatures not checked, because no key was given"
    )


def test_unsealed_tail_edited_and_rehashed_is_told_as_unsealed(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        entry = sealed.entry(attacker, sealed.ann, 5)
        attacker.run("UPDATE custledger_entry SET occurred_at = 5 WHERE id = ?", entry)
        attacker.run(
            "UPDATE custledger_interaction SET occurred_at = 5, occurred_day = 0, "
            "occurred_month = (SELECT min(occurred_month) FROM custledger_interaction), "
            "known_day = known_day WHERE id = ?",
            entry,
        )
        rehash(attacker, entry)
        codes = {code for code, _ in sealed.found(sealed.notes[-1])}
    assert codes <= {FindingCode.COPY_CHANGED}
    assert sealed.ledger.verify().unsealed == 1


def test_sealed_entry_edited_and_the_chain_rehashed_is_found(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        entry = sealed.entry(attacker, sealed.ann, 2)
        attacker.run(
            "UPDATE custledger_payload SET body = ? WHERE entry_id = ?",
            b'{"channel":"phone"}',
            entry,
        )
        rehash_from(attacker, entry)
        [finding] = found_in(sealed.ledger)
    assert finding.code is FindingCode.SEALED_ENTRY_MISSING
    assert (finding.entry, finding.seal) == (EntryRef(sealed.ann.id, 2), 1)
    assert finding.customer == sealed.ann.id


def test_sealed_tail_cut_off_is_found(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        for seq in (5, 4):
            cut(attacker, sealed.entry(attacker, sealed.ann, seq))
        [finding] = found_in(sealed.ledger)
    assert finding.code is FindingCode.SEALED_ENTRY_MISSING
    assert (finding.entry, finding.seal) == (EntryRef(sealed.ann.id, 4), 3)


def test_customer_deleted_with_the_ends_that_seals_hold_is_found(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        forget(attacker, sealed.key_of(attacker, sealed.ben))
        assert sealed.found() == [(FindingCode.SEAL_ALTERED, 1), (FindingCode.SEAL_ALTERED, 3)]


def test_entry_dated_back_is_found(sealed: Sealed) -> None:
    sealed.clock.advance(-timedelta(hours=3))
    sealed.ledger.interactions.record(sealed.ben, channel="phone")
    [finding] = found_in(sealed.ledger)
    assert (finding.code, finding.entry) == (
        FindingCode.BACKDATED,
        EntryRef(sealed.ben.id, 4),
    )


def test_entry_of_a_clock_that_is_four_minutes_slow_is_no_finding(sealed: Sealed) -> None:
    sealed.clock.advance(-HOUR - timedelta(minutes=4))
    sealed.ledger.interactions.record(sealed.ben, channel="phone")
    assert sealed.found() == []


def test_seal_that_was_removed_from_the_middle_is_found(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        for name in ("checkpoint", "seal_head", "seal"):
            attacker.run(f"DELETE FROM custledger_{name} WHERE n = 2")
        assert (FindingCode.SEAL_MISSING, 2) in sealed.found()


def test_newest_seal_that_was_removed_is_found_by_a_published_checkpoint(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        for name in ("checkpoint", "seal_head", "seal"):
            attacker.run(f"DELETE FROM custledger_{name} WHERE n = 3")
        assert sealed.found() == []
        assert sealed.found(sealed.notes[-1]) == [(FindingCode.ROLLED_BACK, 3)]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_seal_whose_time_was_edited_is_one_finding(sealed: Sealed, n: int) -> None:
    with attack(sealed.location) as attacker:
        body = bytes(attacker.value("SELECT body FROM custledger_seal WHERE n = ?", n))
        at = body.index(b'"sealed_at":') + 16
        edited = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        attacker.run("UPDATE custledger_seal SET body = ? WHERE n = ?", edited, n)
        found = [one for one in sealed.found() if one[0] is not FindingCode.BACKDATED]
    assert found == [(FindingCode.SEAL_ALTERED, n)]


def test_notes_of_two_seals_swapped_are_found(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        for n, note in ((1, sealed.notes[1]), (2, sealed.notes[0])):
            attacker.run("UPDATE custledger_checkpoint SET note = ? WHERE n = ?", note, n)
        assert sealed.found() == [(FindingCode.CHECKPOINT_WRONG, n) for n in (1, 2)]


def test_seals_made_anew_and_signed_with_another_key_are_found(
    sealed: Sealed, tmp_path: Path
) -> None:
    generate_key(tmp_path / "other.key", "shop.example")
    with attack(sealed.location) as attacker:
        entry = sealed.entry(attacker, sealed.ann, 2)
        attacker.run(
            "UPDATE custledger_payload SET body = ? WHERE entry_id = ?",
            b'{"channel":"phone"}',
            entry,
        )
        rehash_from(attacker, entry)
        reseal(attacker, KeyFile(tmp_path / "other.key"))
        assert found_in(sealed.ledger) == []
        assert sealed.found() == [(FindingCode.SIGNATURE_WRONG, n) for n in (1, 2, 3)]


def test_what_the_holder_of_the_key_wrote_anew_is_found_by_a_published_checkpoint(
    sealed: Sealed, tmp_path: Path
) -> None:
    stolen = tmp_path / "stolen.key"
    shutil.copy(tmp_path / "signer.key", stolen)
    stolen.chmod(0o600)
    with attack(sealed.location) as attacker:
        forget(attacker, sealed.key_of(attacker, sealed.ben))
        reseal(attacker, KeyFile(stolen))
        assert sealed.found() == []
        assert sealed.found(sealed.notes[0]) == [(FindingCode.REWRITTEN, 1)]


def test_checkpoint_of_a_later_state_shows_that_the_ledger_was_rolled_back(
    sealed: Sealed, tmp_path: Path
) -> None:
    sealed.ledger.trail.seal(sealed.signer)
    later = sealed.ledger.trail.checkpoint() or ""
    with attack(sealed.location) as attacker:
        cut(attacker, sealed.entry(attacker, sealed.ann, 5))
        for name in ("checkpoint", "seal_head", "seal"):
            attacker.run(f"DELETE FROM custledger_{name} WHERE n = 4")
        assert sealed.found(later, sealed.notes[0]) == [(FindingCode.ROLLED_BACK, 4)]
        sealed.ledger.trail.resume(later, reason="a backup", signer=sealed.signer)
        sealed.ledger.trail.seal(sealed.signer)
        report = sealed.ledger.verify(keys=[sealed.signer.key], checkpoints=[later])
    assert {f.code for f in report.findings} <= {FindingCode.GUARD_MISSING}
    assert "before a restore" in report.notices[0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: "nonsense", FindingCode.CHECKPOINT_WRONG),
        (lambda text: text.replace("custledger/ledger/", "other/"), FindingCode.CHECKPOINT_WRONG),
        (lambda text: text.replace("\n3\n", "\n4\n"), FindingCode.SIGNATURE_WRONG),
        (lambda text: text.replace("— shop", "— stop"), FindingCode.CHECKPOINT_WRONG),
    ],
)
def test_published_checkpoint_that_cannot_be_used_is_a_finding(
    sealed: Sealed, change: object, code: FindingCode
) -> None:
    assert callable(change)
    assert [found for found, _ in sealed.found(change(sealed.notes[-1]))] == [code]


def test_signature_that_was_damaged_in_the_ledger_is_found(sealed: Sealed) -> None:
    note = Note.from_text(sealed.notes[0])
    [line] = note.signatures
    damaged = line._replace(signature=bytes(64))
    with attack(sealed.location) as attacker:
        text = note._replace(signatures=(damaged,)).to_text()
        attacker.run("UPDATE custledger_checkpoint SET note = ? WHERE n = 1", text)
        assert sealed.found() == [(FindingCode.SIGNATURE_WRONG, 1)]
    assert sealed.ledger.verify().scope.endswith("signatures not checked, because no key was given")


def test_anchor_whose_file_was_changed_or_removed_is_found(sealed: Sealed, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    sealed.ledger.trail.anchor(DirectoryAnchor(tmp_path / "kept"))
    assert sealed.found() == []
    [file] = (tmp_path / "kept").glob("*.txt")
    file.write_text(sealed.notes[0])
    assert sealed.found() == [(FindingCode.ANCHOR_WRONG, 3)]
    file.unlink()
    assert sealed.found() == [(FindingCode.ANCHOR_WRONG, 3)]


def test_erased_entry_is_counted_and_no_finding(sealed: Sealed) -> None:
    sealed.ledger.privacy.erase(EntryRef(sealed.ann.id, 2), ground="unlawful", reason="a mistake")
    report = sealed.ledger.verify(keys=[sealed.signer.key], checkpoints=sealed.notes)
    assert (report.findings, report.erased) == ((), 1)


def test_erased_payload_brought_back_is_found(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        entry = sealed.entry(attacker, sealed.ann, 2)
        row = attacker.run("SELECT * FROM custledger_payload WHERE entry_id = ?", entry)[0]
        sealed.ledger.privacy.erase(EntryRef(sealed.ann.id, 2), ground="unlawful", reason="wrong")
        attacker.run("INSERT INTO custledger_payload VALUES (?, ?, ?, ?, ?)", *row)
        [finding] = found_in(sealed.ledger)
    assert (finding.code, finding.entry) == (
        FindingCode.PAYLOAD_RESURRECTED,
        EntryRef(sealed.ann.id, 2),
    )


def test_payload_deleted_behind_a_forged_erasure_row_is_found(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        entry, later = (sealed.entry(attacker, sealed.ann, seq) for seq in (2, 3))
        salt, body = attacker.run(
            "SELECT salt, body FROM custledger_payload WHERE entry_id = ?", entry
        )[0]
        digest = commitment(bytes(salt), bytes(body))
        attacker.run("INSERT INTO custledger_erasure VALUES (?, 0, ?, ?)", entry, digest, later)
        attacker.run("DELETE FROM custledger_payload WHERE entry_id = ?", entry)
        attacker.run("DELETE FROM custledger_interaction WHERE id = ?", entry)
        [finding] = found_in(sealed.ledger)
    assert (finding.code, finding.entry) == (
        FindingCode.ERASURE_WRONG,
        EntryRef(sealed.ann.id, 2),
    )


def test_verification_from_a_checkpoint_looks_at_newer_entries_alone(sealed: Sealed) -> None:
    keys, counted = [sealed.signer.key], []
    for note in sealed.notes:
        report = sealed.ledger.verify(keys=keys, since=note)
        assert report.ok
        counted.append((report.since, report.entries, report.sealed, report.unsealed))
    assert counted == [(1, 4, 3, 1), (2, 3, 2, 1), (3, 1, 0, 1)]
    assert "what seal 3 and those before it hold was trusted" in report.scope


def test_verification_from_a_checkpoint_trusts_older_entries_and_finds_newer_edits(
    sealed: Sealed,
) -> None:
    keys = [sealed.signer.key]
    with attack(sealed.location) as attacker:
        edit = "UPDATE custledger_entry SET recorded_at = recorded_at + 1 WHERE id = ?"
        attacker.run(edit, sealed.entry(attacker, sealed.ann, 2))
        assert found_in(sealed.ledger, keys=keys, since=sealed.notes[0]) == []
        attacker.run(edit, sealed.entry(attacker, sealed.ann, 3))
        [finding] = found_in(sealed.ledger, keys=keys, since=sealed.notes[0])
        assert (finding.code, finding.entry) == (
            FindingCode.ENTRY_ALTERED,
            EntryRef(sealed.ann.id, 3),
        )


def test_verification_from_a_checkpoint_compares_corrected_and_voided_copies(
    sealed: Sealed,
) -> None:
    ledger, keys = sealed.ledger, [sealed.signer.key]
    first, second = EntryRef(sealed.ann.id, 2), EntryRef(sealed.ann.id, 3)
    ledger.interactions.correct(first, fault="ours", reason="looked again")
    ledger.interactions.correct(first, fault="customer", reason="and again")
    with attack(sealed.location) as attacker:
        row = attacker.run(
            "SELECT * FROM custledger_interaction WHERE id = ?",
            sealed.entry(attacker, sealed.ann, 3),
        )[0]
        ledger.interactions.void(second, reason="of somebody else")
        assert found_in(ledger, keys=keys, since=sealed.notes[1]) == []
        marks = ", ".join("?" * len(row))
        attacker.run(f"INSERT INTO custledger_interaction VALUES ({marks})", *row)
        [finding] = found_in(ledger, keys=keys, since=sealed.notes[1])
    assert finding.code is FindingCode.COPY_EXTRA


def test_checkpoint_that_does_not_fit_is_found_and_everything_is_checked(sealed: Sealed) -> None:
    with attack(sealed.location) as attacker:
        for name in ("checkpoint", "seal_head", "seal"):
            attacker.run(f"DELETE FROM custledger_{name} WHERE n = 3")
    report = sealed.ledger.verify(keys=[sealed.signer.key], since=sealed.notes[-1])
    assert FindingCode.ROLLED_BACK in [finding.code for finding in report.findings]
    assert (report.since, report.entries) == (None, 11)


def test_since_needs_a_key_and_says_so(sealed: Sealed) -> None:
    with pytest.raises(BadInputError, match="keys="):
        sealed.ledger.verify(since=sealed.notes[0])
    with pytest.raises(BadInputError, match="verifier key"):
        sealed.ledger.verify(keys=["nonsense"])


def cut(attacker: Attacker, entry: int) -> None:
    for name, column in (("payload", "entry_id"), ("entry", "id"), ("interaction", "id")):
        attacker.run(f"DELETE FROM custledger_{name} WHERE {column} = ?", entry)


def forget(attacker: Attacker, customer: int) -> None:
    """Remove a customer from everywhere, the seals too."""
    mine = "SELECT id FROM custledger_entry WHERE subject_id = ?"
    attacker.run(f"DELETE FROM custledger_payload WHERE entry_id IN ({mine})", customer)
    for name, column in (
        ("interaction", "customer_id"),
        ("customer", "id"),
        ("seal_head", "subject_id"),
        ("entry", "subject_id"),
        ("identity", "id"),
    ):
        attacker.run(f"DELETE FROM custledger_{name} WHERE {column} = ?", customer)
