"""The design's list of attacks, 1 to 11: one entry edited, deleted, or erased by forgery.

Each is found as it is (L1), once the chain is hashed anew and once the seals are made anew (L2),
and, when those are signed with the right key (L3), against a published checkpoint.
"""

from __future__ import annotations

from typing import Any

import pytest

from custledger import EntryRef
from custledger.core.canonical import canonical_bytes, parse_canonical
from custledger.core.trail.chain import commitment
from custledger.core.trail.findings import FindingCode
from tests.attacker import ENTRY, PAYLOAD, rehash
from tests.storage.attacks.forger import Scene, close_gap, delete_entry, named

SALE, REFUND, CONCESSION = 2, 3, 4  # Dora's entries, which the third seal holds


def test_01_payload_edited(scene: Scene) -> None:
    published = scene.published
    entry = scene.entry("Ann", 2)
    scene.edit_body(entry, lambda body: body.replace("ça suffit".encode(), b"merci"))
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Ann", 2))
    scene.assert_stands_only_until_hashed(1, published)


def test_02_payload_and_salt_edited(scene: Scene) -> None:
    published = scene.published
    entry = scene.entry("Dora", SALE)
    scene.edit_body(entry, lambda body: body.replace(b"3000", b"1000"))
    scene.attacker.write(PAYLOAD, "salt", (entry, 0), b"s" * 32)
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Dora", SALE))
    scene.assert_stands_only_until_hashed(3, published)


@pytest.mark.parametrize("column", ["occurred_at", "actor_id", "batch_id", "supersedes"])
def test_03_header_edited(scene: Scene, column: str) -> None:
    published = scene.published
    entry = scene.entry("Dora", CONCESSION)
    now = scene.attacker.cell(ENTRY, "recorded_at", (entry,))
    sam = scene.attacker.value("SELECT id FROM custledger_staff WHERE name = 'Sam'")
    batch = scene.attacker.value("SELECT min(id) FROM custledger_import_batch")
    new: dict[str, int] = {"occurred_at": now - 1, "actor_id": sam, "batch_id": batch}
    scene.attacker.write(ENTRY, column, (entry,), new.get(column, REFUND))
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Dora", CONCESSION))
    scene.assert_stands_only_until_hashed(3, published)


def test_04_recorded_at_column_edited(scene: Scene) -> None:
    published = scene.published
    entry = (scene.entry("Ben", 4),)
    moment = scene.attacker.cell(ENTRY, "recorded_at", entry)
    scene.attacker.write(ENTRY, "recorded_at", entry, moment - 1)
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Ben", 4))
    scene.assert_stands_only_until_hashed(1, published)


def test_05_kind_column_edited(scene: Scene) -> None:
    published = scene.published
    concession = scene.attacker.cell(ENTRY, "kind", (scene.entry("Dora", CONCESSION),))
    scene.attacker.write(ENTRY, "kind", (scene.entry("Dora", REFUND),), concession)
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Dora", REFUND))
    scene.assert_stands_only_until_hashed(3, published)


def test_06_header_and_own_hash_edited(scene: Scene) -> None:
    published = scene.published
    entry = scene.entry("Ben", 4)
    moment = scene.attacker.cell(ENTRY, "recorded_at", (entry,))
    scene.attacker.write(ENTRY, "recorded_at", (entry,), moment - 1)
    rehash(scene.attacker, entry)
    # The next entry is linked to the one that was there.
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Ben", 5))
    scene.assert_stands_only_until_hashed(1, published)


def test_06_last_entrys_header_and_own_hash_edited(scene: Scene) -> None:
    """No entry comes after it, but a seal does."""
    entry = scene.entry("Dora", 5)
    moment = scene.attacker.cell(ENTRY, "recorded_at", (entry,))
    scene.attacker.write(ENTRY, "recorded_at", (entry,), moment - 1)
    rehash(scene.attacker, entry)
    assert named(scene.found())[0] == (
        FindingCode.SEALED_ENTRY_MISSING,
        scene.ref("Dora", 5),
        3,
    )


def test_07_white_space_alone_edited(scene: Scene) -> None:
    """Hashed anew it is still no canonical JSON, and found as such by whatever means."""
    entry = scene.entry("Ann", 2)
    scene.edit_body(entry, lambda body: body.replace(b",", b", ", 1))
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Ann", 2))
    scene.hash_chains()
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Ann", 2))


def test_08_middle_entry_deleted(scene: Scene) -> None:
    published = scene.published
    delete_entry(scene.attacker, scene.entry("Dora", REFUND))
    scene.assert_found(FindingCode.CHAIN_GAP, scene.ref("Dora", REFUND))
    close_gap(scene.attacker, scene.customer("Dora"), REFUND)
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Dora", REFUND))
    scene.assert_stands_only_until_hashed(3, published)


def test_09_payload_deleted(scene: Scene) -> None:
    entry = scene.entry("Ann", 2)
    scene.attacker.delete(PAYLOAD, (entry, 0))
    scene.assert_found(FindingCode.PAYLOAD_MISSING, scene.ref("Ann", 2))


def test_09_staff_only_part_deleted(scene: Scene) -> None:
    """Who deletes only one part leaves an entry whose hash does not fit what is left."""
    published = scene.published
    scene.attacker.delete(PAYLOAD, (scene.entry("Ann", 2), 1))
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Ann", 2))
    scene.assert_stands_only_until_hashed(1, published)


def test_10_payload_deleted_with_a_forged_erasure_row(scene: Scene) -> None:
    published = scene.published
    entry, erasure = scene.entry("Ann", 4), erasure_of_ann(scene)
    erase_by_row(scene, entry, erasure)
    scene.assert_found(FindingCode.ERASURE_WRONG, scene.ref("Ann", 4))
    # L2: the erasure that was recorded now names this entry as well.
    scene.edit_body(erasure, lambda body: naming(body, 4))
    scene.assert_stands_only_until_hashed(1, published)


def test_10_forged_erasure_by_an_entry_that_is_none(scene: Scene) -> None:
    entry = scene.entry("Ann", 4)
    erase_by_row(scene, entry, scene.entry("Ann", 5))
    scene.assert_found(FindingCode.ERASURE_WRONG, scene.ref("Ann", 4))


def test_11_erased_payload_resurrected(scene: Scene) -> None:
    ref, erasure, rows = erase_a_chat(scene)
    for row in rows:
        scene.attacker.insert(PAYLOAD, row)
    scene.assert_found(FindingCode.PAYLOAD_RESURRECTED, ref)
    # Without the row of the erasure, there is still the entry that tells of it.
    scene.attacker.run("DELETE FROM custledger_erasure WHERE entry_id = ?", rows[0][0])
    scene.assert_found(FindingCode.PAYLOAD_RESURRECTED, ref)
    # Without that entry too, the seal knows of one that is gone.
    published = scene.published
    delete_entry(scene.attacker, scene.entry("Dora", erasure.seq))
    scene.assert_found(FindingCode.SEALED_ENTRY_MISSING, erasure, 4)
    scene.assert_stands_only_until_sealed(4, published)


def erase_a_chat(scene: Scene) -> tuple[EntryRef, EntryRef, list[Any]]:
    """Record, erase and seal; returns what was erased, the erasure, and the rows from before."""
    chat = scene.ledger.interactions.record("Dora", channel="chat", summary="gossip")
    rows = scene.attacker.run(
        "SELECT * FROM custledger_payload WHERE entry_id = ?", scene.entry("Dora", chat.id.seq)
    )
    erased = scene.ledger.privacy.erase(chat, ground="unlawful")
    assert erased.entry is not None
    scene.seal()
    assert scene.found() == []
    return chat.id, erased.entry, rows


def erasure_of_ann(scene: Scene) -> int:
    """The key of the erasure in Ann's chain."""
    return int(scene.attacker.value("SELECT max(by_id) FROM custledger_erasure"))


def erase_by_row(scene: Scene, entry: int, by: int) -> None:
    """Delete a payload, and write the row that an erasure leaves, with the right commitment."""
    salt, body = scene.attacker.run(
        "SELECT salt, body FROM custledger_payload WHERE entry_id = ? AND part = 0", entry
    )[0]
    row = (entry, 0, commitment(bytes(salt), bytes(body)), by)
    scene.attacker.run("INSERT INTO custledger_erasure VALUES (?, ?, ?, ?)", *row)
    scene.attacker.delete(PAYLOAD, (entry, 0))


def naming(body: bytes, seq: int) -> bytes:
    """The body of an erasure that names one entry more."""
    said: dict[str, Any] = parse_canonical(body)
    return canonical_bytes({**said, "erases": sorted([*said["erases"], seq])})
