"""``custledger verify`` with keys and checkpoints: words, exit codes, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from custledger import open_ledger
from custledger.edges.keys import KeyFile, generate_key
from tests.attacker import attack
from tests.commands import Shell


@pytest.fixture
def kept(shell: Shell, tmp_path: Path) -> Path:
    """A folder with a sealed ledger, its public key and its checkpoint."""
    generate_key(tmp_path / "signer.key", "shop.example")
    with open_ledger(tmp_path / "custledger.sqlite", actor="Olga") as ledger:
        ledger.customers.add("Ann")
        signer = KeyFile(tmp_path / "signer.key")
        ledger.trail.seal(signer)
        (tmp_path / "checkpoint.txt").write_text(ledger.trail.checkpoint() or "")
        (tmp_path / "shop.pub").write_text(f"{signer.key.to_text()}\n")
        ledger.customers.add("Ben")
    return tmp_path


def test_verify_says_what_is_sealed_and_until_when_it_is_anchored(shell: Shell, kept: Path) -> None:
    key = (kept / "shop.pub").read_text().strip()
    words = ("verify", "--actor", "Olga", "--checkpoint", "checkpoint.txt", "--key")
    for given in ("shop.pub", key):
        said = shell(*words, given)
        assert "Nothing is amiss (compared with the published checkpoint of 1 seal" in said
        assert "4 are sealed and 1 not yet" in said
        assert "Anchored outside until" in said


def test_verify_takes_a_directory_of_checkpoints(shell: Shell, kept: Path) -> None:
    (kept / "published").mkdir()
    words = ("verify", "--actor", "Olga", "--key", "shop.pub", "--checkpoint", "published")
    refused = shell.run(*words)
    assert refused.code == 2
    assert "holds no checkpoints" in refused.err
    (kept / "checkpoint.txt").rename(kept / "published" / "1.txt")
    assert "compared with the published checkpoint of 1 seal" in shell(*words)


def test_verify_from_a_checkpoint_says_what_it_trusted(shell: Shell, kept: Path) -> None:
    said = shell(
        "verify", "--actor", "Olga", "--since", "checkpoint.txt", "--key", "shop.pub", "-f", "json"
    )
    report = json.loads(said)
    assert (report["ok"], report["since"], report["entries"]) == (True, 1, 1)


def test_verify_of_a_ledger_that_was_rolled_back_exits_with_1(shell: Shell, kept: Path) -> None:
    with attack(str(kept / "custledger.sqlite")) as attacker:
        for table in ("checkpoint", "seal_head", "seal"):
            attacker.run(f"DELETE FROM custledger_{table}")
    shown = shell.run("verify", "--actor", "Olga", "--checkpoint", "checkpoint.txt")
    assert shown.code == 1
    assert "rolled-back: " in shown.out
    assert "[seal 1]" in shown.out


def test_verify_refuses_what_is_no_key_and_a_file_that_is_not_there(
    shell: Shell, kept: Path
) -> None:
    shell.refused(2, "verify", "--actor", "Olga", "--key", "checkpoint.txt")
    shell.refused(2, "verify", "--actor", "Olga", "--checkpoint", "nowhere.txt")
    shell.refused(2, "verify", "--actor", "Olga", "--since", "checkpoint.txt")
