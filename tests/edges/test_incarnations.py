"""A key signs a new incarnation of a ledger only after it was told to, and then never the old."""

from __future__ import annotations

from pathlib import Path

import pytest

from custledger.edges.keys import KeyFile, generate_key
from custledger.errors import BadInputError, SigningRefusedError
from tests.edges.signing_history import (
    ORIGIN,
    checkpoint_of,
    leaves_of,
    ledger,
    prover,
    sign,
    state_of,
    uuid_of,
)


def test_incarnation_that_nobody_opened_is_refused_whatever_its_seals(path: Path) -> None:
    signer = KeyFile(path)
    sign(signer, leaves_of("true", 5))
    before = state_of(path).read_bytes()
    for incarnation, name, size in ((2, "true", 6), (2, "false", 6), (9, "false", 2)):
        with pytest.raises(SigningRefusedError, match="was not told of a restore"):
            sign(signer, leaves_of(name, size), f"{ORIGIN}/{incarnation}")
    assert state_of(path).read_bytes() == before


def test_incarnation_that_was_opened_is_signed_and_the_one_before_never_again(path: Path) -> None:
    signer = KeyFile(path)
    cited = sign(signer, leaves_of("true", 5))
    assert signer.last(uuid_of(ORIGIN)) == cited
    for _ in range(2):
        signer.resume(uuid_of(ORIGIN), 2, cited)
    with pytest.raises(SigningRefusedError, match="was not told of a restore"):
        sign(signer, leaves_of("new", 4), f"{ORIGIN}/3")
    sign(signer, leaves_of("new", 4), f"{ORIGIN}/2")
    for origin, name, size in ((ORIGIN, "true", 5), (ORIGIN, "true", 6), (f"{ORIGIN}/2", "new", 3)):
        with pytest.raises(SigningRefusedError, match="rolled back"):
            sign(signer, leaves_of(name, size), origin)
    sign(signer, leaves_of("new", 5), f"{ORIGIN}/2")


def test_ledger_that_goes_on_after_all_closes_what_was_opened(path: Path) -> None:
    signer = KeyFile(path)
    signer.resume(uuid_of(ORIGIN), 2, sign(signer, leaves_of("true", 5)))
    sign(signer, leaves_of("true", 5))  # the same again takes nothing back
    signer.check(checkpoint_of(leaves_of("new", 4), f"{ORIGIN}/2"), lambda _: [])
    sign(signer, leaves_of("true", 6))
    with pytest.raises(SigningRefusedError, match="was not told of a restore"):
        sign(signer, leaves_of("new", 4), f"{ORIGIN}/2")


def test_only_what_was_signed_last_can_be_cited(path: Path, tmp_path: Path) -> None:
    signer, ledger_id = KeyFile(path), uuid_of(ORIGIN)
    older = sign(signer, leaves_of("true", 4))
    state = state_of(path).read_bytes()
    newest = sign(signer, leaves_of("true", 5))
    generate_key(tmp_path / "eve.key", "eve.example")
    forged = sign(KeyFile(tmp_path / "eve.key"), leaves_of("false", 9))
    for cited in (older, forged, newest._replace(text=forged.text)):
        with pytest.raises(SigningRefusedError, match="Leave the checkpoint out"):
            signer.resume(ledger_id, 2, cited)
    with pytest.raises(BadInputError, match="not of the ledger"):
        signer.resume(uuid_of(ledger(7)), 2, newest)
    with pytest.raises(BadInputError, match="not later"):
        signer.resume(ledger_id, 1, newest)
    # A state from a backup: the key's own signature shows that it signed that later.
    state_of(path).write_bytes(state)
    with pytest.raises(SigningRefusedError, match="Leave the checkpoint out"):
        signer.resume(ledger_id, 2, forged)
    signer.resume(ledger_id, 2, newest)
    with pytest.raises(SigningRefusedError, match="rolled back"):
        sign(signer, leaves_of("false", 4))


def test_check_says_what_signing_would_and_remembers_nothing(path: Path) -> None:
    signer, leaves = KeyFile(path), leaves_of("true", 6)
    signer.check(checkpoint_of(leaves), prover(leaves))
    assert not state_of(path).exists()
    sign(signer, leaves[:5])
    before = state_of(path).read_bytes()
    signer.check(checkpoint_of(leaves), prover(leaves))
    for other in (leaves[:4], leaves_of("false", 6)):
        with pytest.raises(SigningRefusedError):
            signer.check(checkpoint_of(other), prover(other))
    assert state_of(path).read_bytes() == before


@pytest.mark.parametrize("origin", ["", "a", f"{ORIGIN}/1", f"{ORIGIN}/02", f"{ORIGIN}/é"])
def test_what_is_not_of_a_ledger_is_never_signed(path: Path, origin: str) -> None:
    with pytest.raises(BadInputError, match=r"not the origin|is no checkpoint"):
        sign(KeyFile(path), leaves_of("true", 1), origin)
    assert not state_of(path).exists()
