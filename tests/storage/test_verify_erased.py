"""What of an erased entry may be there: nothing but a content that the erasure says it kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from custledger import Ledger, open_ledger
from custledger.core.canonical import canonical_bytes
from custledger.core.facts import Body
from custledger.core.records import EntryKind, EntryRef, Part
from custledger.core.trail.chain import commitment
from custledger.core.trail.findings import FindingCode
from custledger.pytest_plugin import Clock
from custledger.storage.bulk import insert_rows
from custledger.storage.evidence.data_keys import KeyFolder
from custledger.storage.evidence.encryption import CIPHER
from custledger.storage.journal import Draft
from custledger.storage.tables import ErasureRow
from custledger.storage.types import CODES
from tests.attacker import Attacker, attack, found_in

RESURRECTED = FindingCode.PAYLOAD_RESURRECTED


@dataclass
class Ann:
    """A customer with a call that has a note for the staff, and two pieces of evidence."""

    ledger: Ledger
    location: str
    call: EntryRef
    text: EntryRef
    file: EntryRef

    def found(self) -> list[tuple[FindingCode, EntryRef | None]]:
        return [(finding.code, finding.entry) for finding in found_in(self.ledger)]

    def key(self, attacker: Attacker, ref: EntryRef) -> int:
        uuid = ref.subject.hex if attacker.on_sqlite else ref.subject
        said = "SELECT e.id FROM custledger_entry e JOIN custledger_identity i "
        said += "ON i.id = e.subject_id WHERE i.uuid = ? AND e.seq = ?"
        return int(attacker.value(said, uuid, ref.seq))

    def parts(self, attacker: Attacker, ref: EntryRef) -> list[Any]:
        said = "SELECT * FROM custledger_payload WHERE entry_id = ? ORDER BY part"
        return attacker.run(said, self.key(attacker, ref))


@pytest.fixture
def ann(location: str, tmp_path: Path) -> Iterator[Ann]:
    keys = KeyFolder(tmp_path / "keys")
    with open_ledger(location, actor="Olga", now=Clock(), encryption=keys) as ledger:
        customer = ledger.customers.add("Ann")
        call = ledger.interactions.record(
            customer, channel="phone", summary="a call", staff_note="she is ill"
        )
        text = ledger.evidence.attach(customer, text="a text of evidence")
        (tmp_path / "tape").write_bytes(b"tape" * 50_000)
        file = ledger.evidence.attach(customer, path=tmp_path / "tape", caption="her voice")
        yield Ann(ledger, location, call.id, text.id, file.id)


@pytest.mark.parametrize("part", [1, 2])
def test_part_that_comes_back_without_its_erasure_row_is_found(ann: Ann, part: int) -> None:
    ref = ann.call if part == 1 else ann.text
    with attack(ann.location) as attacker:
        entry = ann.key(attacker, ref)
        [row] = [row for row in ann.parts(attacker, ref) if row[1] == part]
        ann.ledger.privacy.erase(ref, ground="objection")
        assert ann.found() == []
        attacker.run("DELETE FROM custledger_erasure WHERE entry_id = ? AND part = ?", entry, part)
        attacker.run("INSERT INTO custledger_payload VALUES (?, ?, ?, ?, ?)", *row)
        assert (RESURRECTED, ref) in ann.found()


def test_entry_that_comes_back_whole_is_found_where_no_erasure_row_is_left(ann: Ann) -> None:
    with attack(ann.location) as attacker:
        rows = ann.parts(attacker, ann.call)
        ann.ledger.privacy.erase(ann.call, ground="objection")
        attacker.run("DELETE FROM custledger_erasure")
        for row in rows:
            attacker.run("INSERT INTO custledger_payload VALUES (?, ?, ?, ?, ?)", *row)
        assert (RESURRECTED, ann.call) in ann.found()


def test_content_that_an_erasure_says_it_kept_is_read_with_the_cipher_it_names(ann: Ann) -> None:
    with attack(ann.location) as attacker:
        erase_without_content(ann, attacker, kept(ann.file, cipher=CIPHER))
        assert ann.found() == []
        assert ann.ledger.verify().erased == 1


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"kept": []},
        {"kept": [{"seq": 3, "part": "content"}]},
        {"kept": [{"seq": 4, "part": "shared"}]},
        {"kept": [{"seq": "4", "part": "content"}, 5, None]},
        {"kept": {"seq": 4}},
    ],
)
def test_content_that_no_erasure_says_it_kept_is_found(ann: Ann, said: Body) -> None:
    with attack(ann.location) as attacker:
        erase_without_content(ann, attacker, said)
        assert (RESURRECTED, ann.file) in ann.found()


def test_kept_content_that_a_later_erasure_took_may_not_come_back(ann: Ann) -> None:
    with attack(ann.location) as attacker:
        [*_, content] = ann.parts(attacker, ann.file)
        erase_without_content(ann, attacker, kept(ann.file, cipher=CIPHER))
        entry = ann.key(attacker, ann.file)
        attacker.run("DELETE FROM custledger_payload WHERE entry_id = ?", entry)
        digest = commitment(bytes(content[2]), b"tape" * 50_000)
        append_erasure(ann, entry, {}, [(entry, Part.CONTENT, digest)])
        assert ann.found() == []
        attacker.run("DELETE FROM custledger_erasure WHERE entry_id = ? AND part = 2", entry)
        attacker.run("INSERT INTO custledger_payload VALUES (?, ?, ?, ?, ?)", *content)
        assert ann.found() == [(RESURRECTED, ann.file)]


def kept(ref: EntryRef, cipher: str) -> Body:
    return {"kept": [{"seq": ref.seq, "part": "content", "cipher": cipher}]}


def erase_without_content(ann: Ann, attacker: Attacker, said: Body) -> None:
    """Erase what describes a file, and leave the file, as where its key is not at hand."""
    shared, _ = ann.parts(attacker, ann.file)
    assert b"cipher" in bytes(shared[3])
    digest = commitment(bytes(shared[2]), bytes(shared[3]))
    append_erasure(ann, shared[0], said, [(shared[0], Part.SHARED, digest)])
    attacker.run("DELETE FROM custledger_payload WHERE entry_id = ? AND part = 0", shared[0])
    attacker.run("DELETE FROM custledger_evidence WHERE id = ?", shared[0])


def append_erasure(ann: Ann, entry: int, said: Body, parts: list[tuple[int, Part, bytes]]) -> None:
    body: Body = {"ground": "objection", **said, "erases": [ann.file.seq]}
    assert canonical_bytes(body)
    context = ann.ledger.context
    with context.write() as journal:
        subject = context.identities.key(journal.connection, ann.file.subject)
        assert subject is not None
        written = journal.append([Draft(subject, EntryKind.ERASURE, body)])[0]
        rows = [(key, CODES[Part][part], digest, written.entry_id) for key, part, digest in parts]
        insert_rows(journal.connection, ErasureRow, rows)
