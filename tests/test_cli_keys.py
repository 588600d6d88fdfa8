"""custledger key: made once, shown without its secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from custledger.core.trail.notes import VerifierKey
from tests.commands import Shell


def test_key_is_made_with_its_public_half_beside_it(shell: Shell) -> None:
    line = shell("key", "new", "bakery.key", "--name", "bakery.example").strip()
    assert VerifierKey.from_text(line).name == "bakery.example"
    assert Path("bakery.key.pub").read_text() == f"{line}\n"
    assert shell("key", "show", "bakery.key").strip() == line
    assert shell("key", "show", "bakery.key.pub").strip() == line


def test_making_a_key_says_where_it_is_and_never_prints_it(shell: Shell) -> None:
    shown = shell.run("key", "new", "bakery.key", "--name", "bakery.example")
    secret = Path("bakery.key").read_text().strip().split("+", 4)[4]
    assert "Made the private key bakery.key" in shown.err
    assert "bakery.key.pub" in shown.err
    assert secret not in shown.out + shown.err + shell("key", "show", "bakery.key")


def test_key_is_not_made_over_another_file(shell: Shell) -> None:
    shell("key", "new", "bakery.key", "--name", "bakery.example")
    before = Path("bakery.key").read_text()
    said = shell.refused(2, "key", "new", "bakery.key", "--name", "bakery.example")
    assert "never overwritten" in said
    assert Path("bakery.key").read_text() == before


def test_name_with_a_space_is_refused(shell: Shell) -> None:
    assert "cannot name a key" in shell.refused(2, "key", "new", "k", "--name", "The bakery")


def test_file_without_a_key_is_told(shell: Shell) -> None:
    Path("notes.txt").write_text("PeterNeumann is no key")
    assert "holds no key" in shell.refused(2, "key", "show", "notes.txt")
    assert "There is no key at absent" in shell.refused(3, "key", "show", "absent")


@pytest.mark.skipif(os.name != "posix", reason="left out: permissions are of POSIX")
def test_key_that_others_may_read_is_refused_with_the_remedy(shell: Shell) -> None:
    shell("key", "new", "bakery.key", "--name", "bakery.example")
    Path("bakery.key").chmod(0o644)
    assert "chmod 600 bakery.key" in shell.refused(2, "key", "show", "bakery.key")
    shell("key", "show", "bakery.key.pub")
