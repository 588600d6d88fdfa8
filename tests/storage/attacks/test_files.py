"""Files of evidence altered, truncated, swapped or removed, in the folder and in the database."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from custledger import open_ledger
from custledger.core.trail.findings import FindingCode
from tests.attacker import BLOB, assert_found, attack, codes
from tests.story import open_story


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
