"""Handing over from one key to another: both sign once, and the old one never again."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from custledger import Ledger
from custledger.core.records import EntryKind
from custledger.core.trail.notes import Note
from custledger.edges.keys import KeyFile
from custledger.errors import BadInputError
from tests.trails import Broken, CrashedError, new_key


@pytest.fixture
def key(tmp_path: Path) -> KeyFile:
    return new_key(tmp_path)


def test_rotation_is_signed_by_both_keys_and_named_in_the_trail(
    ledger: Ledger, key: KeyFile, tmp_path: Path
) -> None:
    ledger.trail.seal(key)
    old_note = Note.from_text(ledger.trail.checkpoint() or "")
    new = new_key(tmp_path, "new.example")
    rotated = ledger.trail.rotate(key, new)
    note = Note.from_text(rotated.checkpoint or "")
    assert (rotated.n, rotated.changes, len(note.signatures)) == (2, 1, 2)
    assert note.is_signed_by(key.key)
    assert note.is_signed_by(new.key)
    assert old_note.is_signed_by(key.key)
    entry = ledger.history()[-1]
    names = {"verifier_key": new.key.to_text(), "replaces": key.key.to_text()}
    assert (entry.kind, entry.facts) == (EntryKind.KEY, names)
    ledger.customers.add("Ann")
    with pytest.raises(BadInputError, match="was replaced by"):
        ledger.trail.seal(key)
    after = ledger.trail.seal(new)
    assert after is not None
    assert not Note.from_text(after.checkpoint or "").is_signed_by(key.key)


def test_rotation_that_was_cut_off_is_finished_by_the_next_call(
    ledger: Ledger, key: KeyFile, tmp_path: Path
) -> None:
    new = new_key(tmp_path, "new.example")
    with pytest.raises(CrashedError):
        ledger.trail.rotate(key, Broken(new))
    rotated = ledger.trail.rotate(key, new)
    assert len(Note.from_text(rotated.checkpoint or "").signatures) == 2
    assert [entry.kind for entry in ledger.history()].count(EntryKind.KEY) == 1
    assert ledger.trail.rotate(key, new) == rotated


def test_key_does_not_replace_itself(ledger: Ledger, key: KeyFile) -> None:
    with pytest.raises(BadInputError, match="custledger key new"):
        ledger.trail.rotate(key, key)


def test_key_that_was_replaced_long_ago_signs_nothing_by_any_way(
    ledger: Ledger, key: KeyFile, tmp_path: Path
) -> None:
    second, third, fourth = (new_key(tmp_path, f"{name}.example") for name in "bcd")
    ledger.trail.seal(key)
    ledger.trail.rotate(key, second)
    ledger.trail.rotate(second, third)
    ledger.customers.add("Ann")
    ledger.trail.seal(third)
    notes, entries = ledger.trail.checkpoints(), len(ledger.history())
    seals = ledger.trail.seals()
    ledger.customers.add("Ben")
    every = timedelta(days=9)
    for old in (key, second):
        for what in (
            partial(ledger.trail.seal, old),
            partial(ledger.trail.seal_if_due, old, every=every, entries=1000),
            partial(ledger.trail.rotate, old, fourth),
            partial(ledger.trail.rotate, third, old),
        ):
            with pytest.raises(BadInputError, match="was replaced by"):
                what()
    assert (ledger.trail.checkpoints(), len(ledger.history())) == (notes, entries)
    assert ledger.trail.seals() == seals


def test_handover_that_is_done_is_not_signed_again(
    ledger: Ledger, key: KeyFile, tmp_path: Path
) -> None:
    new = new_key(tmp_path, "new.example")
    handed = ledger.trail.rotate(key, new)
    ledger.customers.add("Ann")
    assert ledger.trail.rotate(key, new) == handed
    assert len(ledger.trail.seals()) == 1
    assert ledger.trail.seal(new) is not None
    assert ledger.trail.rotate(key, new) == handed


def test_key_that_does_not_sign_this_ledger_hands_nothing_over(
    ledger: Ledger, key: KeyFile, tmp_path: Path
) -> None:
    stranger, new = (new_key(tmp_path, f"{name}.example") for name in ("stranger", "new"))
    ledger.trail.seal(key)
    entries = len(ledger.history())
    with pytest.raises(BadInputError, match="is not the one that signs this ledger now"):
        ledger.trail.rotate(stranger, new)
    assert len(ledger.history()) == entries
    ledger.customers.add("Ann")
    assert ledger.trail.seal(stranger) is not None  # such as after the old key was lost
    assert ledger.trail.rotate(stranger, new).n == 3
