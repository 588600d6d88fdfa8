"""The design's list of attacks, 19 and 22 to 30: seals, notes, and whole ledgers put back.

The attacks that the design marks with * leave a ledger that is consistent in itself: each is shown
to be clean without a published checkpoint, which is the stated limit, and found with one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from custledger import open_ledger
from custledger.core.trail.findings import FindingCode
from custledger.core.trail.seals import SealBody
from custledger.errors import SigningRefusedError
from tests.attacker import found_in
from tests.storage.attacks.conftest import Original
from tests.storage.attacks.forger import (
    Scene,
    chain,
    delete_customer,
    make_seals,
    named,
    sign_notes,
)

OF_SEAL = ("anchor", "checkpoint", "seal_head", "seal")


def test_19_edit_and_seals_signed_with_another_key(scene: Scene) -> None:
    published = scene.published
    edit_and_seal_anew(scene)
    sign_notes(scene.attacker, scene.another_key())
    expected = [(FindingCode.SIGNATURE_WRONG, None, n) for n in (1, 2, 3)]
    assert named(scene.found()) == expected
    # Whoever pins no key is told so, and finds it by the checkpoint alone.
    assert scene.found(keyless=True) == []
    assert "signatures not checked" in scene.ledger.verify().scope
    assert FindingCode.REWRITTEN in [f.code for f in scene.found(published)]
    assert [f.code for f in scene.found(published, keyless=True)] == [FindingCode.REWRITTEN] * 3


def test_19_note_with_a_signature_that_does_not_fit_it(scene: Scene) -> None:
    """The line of the right key, from the note that was there, below another text."""
    before = notes(scene)
    edit_and_seal_anew(scene)
    sign_notes(scene.attacker, scene.private)
    for n, (old, new) in enumerate(zip(before, notes(scene), strict=True), 1):
        write_note(scene, n, new.partition("\n\n")[0] + "\n\n" + old.partition("\n\n")[2])
    expected = [(FindingCode.SIGNATURE_WRONG, None, n) for n in (1, 2, 3)]
    assert named(scene.found()) == expected


def test_22_newest_seal_deleted(scene: Scene) -> None:
    """*: what it held is unsealed again, and only whoever kept its checkpoint knows of it."""
    published = scene.published
    scene.attacker.run("DELETE FROM custledger_seal WHERE n = 3")
    scene.assert_found(FindingCode.SEAL_MISSING, seal=3)  # its heads and its note are still there
    delete_seal(scene, 3)
    report = scene.report()
    assert (report.seals, report.unsealed) == (2, 6)
    assert scene.found() == []
    assert scene.found(published[:2]) == []
    assert named(scene.found(published)) == [(FindingCode.ROLLED_BACK, None, 3)]


def test_22_newest_seal_made_anew_and_its_note_deleted(scene: Scene) -> None:
    """* too: a seal that nobody signed covers nothing, and what is below it counts as unsealed."""
    published = scene.published
    entry = scene.entry("Dora", 2)
    scene.edit_body(entry, lambda body: body.replace(b"3000", b"1000"))
    scene.hash_chains()
    make_seals(scene.attacker)
    scene.attacker.run("DELETE FROM custledger_checkpoint WHERE n = 3")
    report = scene.report()
    assert (report.seals, report.checkpoints, report.unsealed) == (3, 2, 6)
    assert scene.found() == []
    assert named(scene.found(published)) == [(FindingCode.REWRITTEN, None, 3)]


def test_22_all_notes_deleted(scene: Scene) -> None:
    """Of several seals somebody must have signed one."""
    edit_and_seal_anew(scene)
    scene.attacker.run("DELETE FROM custledger_anchor")
    scene.attacker.run("DELETE FROM custledger_checkpoint")
    assert named(scene.found()) == [(FindingCode.SIGNATURE_WRONG, None, 3)]


def test_23_middle_seal_deleted(scene: Scene) -> None:
    published = scene.published
    delete_seal(scene, 2)
    scene.assert_found(FindingCode.SEAL_MISSING, seal=2)
    # L2: the seal after it takes its number, and all are linked anew.
    take_number(scene, 3, 2)
    make_seals(scene.attacker)
    assert (FindingCode.CHECKPOINT_WRONG, None, 2) in named(scene.found())
    # L3: that one is signed as the second.
    sign_notes(scene.attacker, scene.private)
    assert scene.found() == []
    assert named(scene.found(published)) == [
        (FindingCode.REWRITTEN, None, 2),
        (FindingCode.ROLLED_BACK, None, 3),
    ]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_24_seal_time_edited(scene: Scene, n: int) -> None:
    published = scene.published
    edit_seal(scene, n, lambda body: replace(body, sealed_at=body.sealed_at + 1_000_000))
    assert named(scene.found()) == [(FindingCode.SEAL_ALTERED, None, n)]
    make_seals(scene.attacker)
    assert named(scene.found()) == [(FindingCode.SEAL_ALTERED, None, n)]
    scene.assert_stands_only_until_published(n, published)


def test_24_seal_time_edited_to_before_its_entries(scene: Scene) -> None:
    """Even whoever holds the key cannot date a seal to before the one before."""
    year = timedelta(days=365) // timedelta(microseconds=1)
    edit_seal(scene, 3, lambda body: replace(body, sealed_at=body.sealed_at - year))
    make_seals(scene.attacker)
    sign_notes(scene.attacker, scene.private)
    assert {(f.code, f.seal) for f in scene.found()} == {(FindingCode.SEAL_ALTERED, 3)}


@pytest.mark.parametrize("change", ["hash = ?", "seq = seq - 1, hash = ?"])
def test_25_old_seal_head_edited(scene: Scene, change: str) -> None:
    last = len(chain(scene.attacker, scene.customer("Ben")))
    other = scene.attacker.value("SELECT hash FROM custledger_entry WHERE id = 3")
    scene.attacker.run(
        f"UPDATE custledger_seal_head SET {change} WHERE n = 1 AND subject_id = ?",
        bytes(other),
        scene.customer("Ben"),
    )
    scene.assert_found(FindingCode.SEAL_ALTERED, seal=1)
    named_seq = last if change.startswith("hash") else last - 1
    scene.assert_found(FindingCode.SEALED_ENTRY_MISSING, scene.ref("Ben", named_seq), 1)


def test_26_notes_swapped(scene: Scene) -> None:
    first, second, _ = notes(scene)
    write_note(scene, 1, second)
    write_note(scene, 2, first)
    found = named(scene.found())
    assert (FindingCode.CHECKPOINT_WRONG, None, 1) in found
    assert (FindingCode.CHECKPOINT_WRONG, None, 2) in found


def test_27_whole_database_rolled_back(scene: Scene, original: Original, tmp_path: Path) -> None:
    """*: an older copy of the ledger is as consistent as it was."""
    published = scene.published
    with original.copied("older", tmp_path) as older, open_ledger(older, actor="Olga") as ledger:
        keys = [scene.signer.key]
        assert found_in(ledger, keys=keys) == []
        assert found_in(ledger, keys=keys, checkpoints=published[:2]) == []
        found = found_in(ledger, keys=keys, checkpoints=published)
        assert named(found) == [(FindingCode.ROLLED_BACK, None, 3)]
        # Going on from there as if nothing had been is refused by whoever signs.
        ledger.customers.add("Emil")
        with pytest.raises(SigningRefusedError, match="rolled back"):
            ledger.trail.seal(scene.signer)


def test_28_key_holder_rewrites_a_payload_and_all_seals(scene: Scene) -> None:
    """*: the key alone forges the whole past; what was published before it does not change."""
    published = scene.published
    edit_and_seal_anew(scene)
    scene.assert_stands_only_until_published(1, published)


def test_28_directory_beside_the_ledger_shows_what_the_key_holder_rewrote(scene: Scene) -> None:
    """Where the notes of the place to which an anchor leads are within reach of a verification."""
    anchors = scene.attacker.run("SELECT * FROM custledger_anchor ORDER BY n")
    edit_and_seal_anew(scene)
    sign_notes(scene.attacker, scene.private)
    for row in anchors:
        marks = ", ".join("?" * len(row))
        scene.attacker.run(f"INSERT INTO custledger_anchor VALUES ({marks})", *row)
    assert named(scene.found()) == [(FindingCode.ANCHOR_WRONG, None, n) for n in (1, 2)]


def test_28_signer_refuses_to_sign_a_past_that_was_rewritten(scene: Scene) -> None:
    """L2 cannot become L3 by asking: the signer remembers what it signed."""
    edit_and_seal_anew(scene)
    scene.attacker.run("DELETE FROM custledger_checkpoint")
    with pytest.raises(SigningRefusedError, match="rewritten"):
        scene.ledger.trail.seal(scene.signer)
    scene.ledger.customers.add("Emil")
    with pytest.raises(SigningRefusedError, match="rewritten"):
        scene.ledger.trail.seal(scene.signer)


def test_29_key_holder_deletes_a_customer(scene: Scene) -> None:
    """*: of a customer who is gone from everywhere, a published checkpoint still has the trace."""
    published = scene.published
    delete_customer(scene.attacker, scene.customer("Ben"), identity=True)
    scene.assert_found(FindingCode.SEALED_ENTRY_MISSING, seal=1)
    scene.attacker.run(
        "DELETE FROM custledger_seal_head WHERE hash NOT IN (SELECT hash FROM custledger_entry)"
    )
    make_seals(scene.attacker)
    scene.assert_stands_only_until_published(1, published)


def test_30_unsealed_tail_edited_and_rehashed(scene: Scene) -> None:
    """The stated limit: what no seal holds yet is counted as that, and can be rewritten."""
    tail = scene.ledger.interactions.record("Dora", channel="phone", summary="first").id
    rewrite(scene, tail.seq, b"first", b"other")
    report = scene.report(scene.published)
    assert scene.found(published=True) == []
    assert (report.sealed + report.unsealed, report.unsealed) == (report.entries, 1)
    scene.seal()
    assert scene.found(published=True) == []
    assert scene.report().unsealed == 0
    # The same once more, after the next seal.
    rewrite(scene, tail.seq, b"other", b"third")
    assert named(scene.found()) == [(FindingCode.SEALED_ENTRY_MISSING, tail, 4)]


def rewrite(scene: Scene, seq: int, old: bytes, new: bytes) -> None:
    scene.edit_body(scene.entry("Dora", seq), lambda body: body.replace(old, new))
    scene.hash_chains()


def edit_and_seal_anew(scene: Scene) -> None:
    """Edit an entry below the first seal; hash all chains and make all seals anew."""
    scene.edit_body(scene.entry("Ben", 2), lambda body: body.replace(b"2000", b"9000"))
    scene.hash_chains()
    make_seals(scene.attacker)


def edit_seal(scene: Scene, n: int, change: Callable[[SealBody], SealBody]) -> None:
    data = scene.attacker.value("SELECT body FROM custledger_seal WHERE n = ?", n)
    body = change(SealBody.from_bytes(bytes(data)))
    scene.attacker.run("UPDATE custledger_seal SET body = ? WHERE n = ?", body.to_bytes(), n)


def delete_seal(scene: Scene, n: int) -> None:
    for name in OF_SEAL:
        scene.attacker.run(f"DELETE FROM custledger_{name} WHERE n = ?", n)


def take_number(scene: Scene, old: int, new: int) -> None:
    for name in OF_SEAL:
        scene.attacker.run(f"UPDATE custledger_{name} SET n = ? WHERE n = ?", new, old)


def notes(scene: Scene) -> list[str]:
    return [
        note for (note,) in scene.attacker.run("SELECT note FROM custledger_checkpoint ORDER BY n")
    ]


def write_note(scene: Scene, n: int, text: str) -> None:
    scene.attacker.run("UPDATE custledger_checkpoint SET note = ? WHERE n = ?", text, n)
