"""custledger seal, checkpoint, anchor and resume."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from custledger import open_ledger
from custledger.core.trail.notes import Checkpoint, Note, VerifierKey
from tests.commands import ACTOR, Shell


@pytest.fixture
def sealed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> VerifierKey:
    """A ledger that was sealed, and the public key."""
    monkeypatch.delenv("CUSTLEDGER_KEY", raising=False)
    shell("init")
    key = shell("key", "new", "bakery.key", "--name", "bakery.example").strip()
    said = shell("seal", "--key", "bakery.key")
    assert said == "Seal 1 covers 3 entries in 1 chain, of which 1 moved. Signed.\n"
    return VerifierKey.from_text(key)


def test_checkpoint_is_printed_as_it_was_signed(shell: Shell, sealed: VerifierKey) -> None:
    note = Note.from_text(shell("checkpoint"))
    assert note.is_signed_by(sealed)
    assert Checkpoint.from_text(note.text).size == 1


def test_second_seal_says_that_nothing_is_new(shell: Shell, sealed: VerifierKey) -> None:
    assert shell("seal", "--key", "bakery.key") == "Nothing is new since the last seal.\n"


def test_key_comes_from_the_environment_as_a_file_or_as_the_line_itself(
    shell: Shell, sealed: VerifierKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("add", "customer", "Ann")
    monkeypatch.setenv("CUSTLEDGER_KEY", "bakery.key")
    assert "Seal 2" in shell("seal")
    shell("add", "customer", "Ben")
    monkeypatch.setenv("CUSTLEDGER_KEY", Path("bakery.key").read_text().strip())
    monkeypatch.setenv("CUSTLEDGER_KEY_STATE", "bakery.key.state")
    assert "Seal 3" in shell("seal")


def test_without_a_key_it_says_how_to_make_one(shell: Shell, sealed: VerifierKey) -> None:
    assert "custledger key new" in shell.refused(2, "seal")


def test_before_the_first_seal_there_is_no_checkpoint(shell: Shell) -> None:
    shell("init")
    assert "custledger seal" in shell.refused(3, "checkpoint")


def test_anchor_publishes_in_a_directory(shell: Shell, sealed: VerifierKey) -> None:
    Path("out").mkdir()
    said = shell("anchor", "--directory", "out")
    assert said == "Published the checkpoint of seal 1: directory, out.\n"
    [file] = Path("out").glob("*.txt")
    assert file.read_text(encoding="utf-8") == shell("checkpoint")
    assert "--directory PATH" in shell.refused(2, "anchor")


def test_older_backup_is_refused_until_it_is_resumed(shell: Shell, sealed: VerifierKey) -> None:
    shutil.copy("custledger.sqlite", "backup.sqlite")
    shell("add", "customer", "Ann")
    shell("seal", "--key", "bakery.key")
    Path("last.txt").write_text(shell("checkpoint"), encoding="utf-8")
    shutil.copy("backup.sqlite", "custledger.sqlite")
    shell("add", "customer", "Ben")
    shell("add", "customer", "Cem")
    for _ in range(2):
        assert "custledger resume" in shell.refused(11, "seal", "--key", "bakery.key")
    words = ("--checkpoint", "last.txt", "--reason", "the disk failed")
    assert "--key FILE" in shell.refused(2, "resume", *words)
    said = shell("resume", *words, "--key", "bakery.key")
    assert said == "The ledger goes on as incarnation 2.\n"
    assert "Seal 2" in shell("seal", "--key", "bakery.key")
    assert shell("checkpoint").splitlines()[0].endswith("/2")
    assert "the disk failed" in shell("history", "--format", "json")
    with open_ledger("custledger.sqlite", actor=ACTOR) as ledger:
        assert ledger.verify().findings == ()


def test_without_a_checkpoint_what_the_key_signed_last_is_cited(
    shell: Shell, sealed: VerifierKey
) -> None:
    shutil.copy("custledger.sqlite", "backup.sqlite")
    shell("add", "customer", "Ann")
    shell("seal", "--key", "bakery.key")
    last = shell("checkpoint")  # of which nobody has a copy
    shutil.copy("backup.sqlite", "custledger.sqlite")
    shell("resume", "--key", "bakery.key", "--reason", "the disk failed")
    assert "Seal 2" in shell("seal", "--key", "bakery.key")
    with open_ledger("custledger.sqlite", actor=ACTOR) as ledger:
        report = ledger.verify(keys=[sealed], checkpoints=[last])
    assert (report.findings, len(report.notices)) == ((), 1)


@pytest.mark.parametrize("change", [b"\xef\xbb\xbf%s", b"%s\r\n"])
def test_checkpoint_is_read_however_an_editor_kept_it(
    shell: Shell, sealed: VerifierKey, change: bytes
) -> None:
    kept = change % shell("checkpoint").strip().replace("\n", "\r\n").encode()
    Path("kept.txt").write_bytes(kept)
    words = ("--reason", "why", "--key", "bakery.key", "--checkpoint", "kept.txt")
    assert "nothing to resume" in shell.refused(2, "resume", *words)


def test_file_that_is_no_checkpoint_is_told(shell: Shell, sealed: VerifierKey) -> None:
    Path("photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    words = ("--reason", "why", "--key", "bakery.key")
    assert "no signed checkpoint" in shell.refused(2, "resume", "--checkpoint", "photo.jpg", *words)
    assert "absent.txt" in shell.refused(8, "resume", "--checkpoint", "absent.txt", *words)
