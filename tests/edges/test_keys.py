"""A key signs what continues what it signed, and refuses every other history."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

import custledger
from custledger.core.trail.merkle import check_consistency
from custledger.core.trail.notes import Checkpoint, Note, VerifierKey
from custledger.edges import signer_state
from custledger.edges.keys import CallableKey, EnvironmentKey, KeyFile, generate_key
from custledger.edges.private_keys import read_private_key
from custledger.edges.signer_state import SignerState
from custledger.errors import (
    BadInputError,
    LedgerBusyError,
    LedgerUnwritableError,
    NotFoundError,
    SigningRefusedError,
)
from custledger.storage.files import locked
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

PROGRAM = Path(__file__).with_name("signing_history.py")
ROOT = Path(custledger.__file__).parent.parent
FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="left out: this system has no SIGKILL")


def test_signed_checkpoint_is_a_note_that_its_key_verifies(path: Path) -> None:
    signer, leaves = KeyFile(path), leaves_of("true", 7)
    note = Note.from_text(sign(signer, leaves).to_text())
    assert note.is_signed_by(signer.key)
    assert [s.name for s in note.signatures] == ["bakery.example"]
    assert Checkpoint.from_text(note.text) == checkpoint_of(leaves)


def test_every_growth_is_signed_and_the_same_again_whoever_asks(path: Path) -> None:
    for size in range(1, 20):
        leaves = leaves_of("true", size)
        first, again = sign(KeyFile(path), leaves), sign(KeyFile(path), leaves)
        assert first == again
        assert first.is_signed_by(KeyFile(path).key)


def test_rolled_back_ledger_is_refused_as_rolled_back(path: Path) -> None:
    sign(KeyFile(path), leaves_of("true", 5))
    before = state_of(path).read_bytes()
    with pytest.raises(SigningRefusedError, match=r"rolled back: .* 5 seals .* there are 4\."):
        sign(KeyFile(path), leaves_of("true", 4))
    assert state_of(path).read_bytes() == before


@pytest.mark.parametrize("size", [5, 6, 8, 13])
def test_other_history_is_refused_as_rewritten(path: Path, size: int) -> None:
    sign(KeyFile(path), leaves_of("true", 5))
    before = state_of(path).read_bytes()
    with pytest.raises(SigningRefusedError, match="rewritten"):
        sign(KeyFile(path), leaves_of("false", size))
    assert state_of(path).read_bytes() == before
    sign(KeyFile(path), leaves_of("true", 6))


def test_growth_without_its_proof_is_refused(path: Path) -> None:
    signer, leaves = KeyFile(path), leaves_of("true", 6)
    sign(signer, leaves[:5])
    for proof in ([], [bytes(32)], prover(leaves)(4), prover(leaves)(5)[:-1]):
        with pytest.raises(SigningRefusedError, match="rewritten"):
            signer.sign(checkpoint_of(leaves), lambda _, proof=proof: proof)  # type: ignore[misc]


def test_ledgers_are_remembered_apart(path: Path) -> None:
    signer = KeyFile(path)
    for number, size in ((1, 5), (2, 3)):
        sign(signer, leaves_of(ledger(number), size), ledger(number))
    with pytest.raises(SigningRefusedError, match="rolled back"):
        sign(signer, leaves_of(ledger(2), 2), ledger(2))
    sign(signer, leaves_of(ledger(1), 6), ledger(1))
    known = SignerState(state_of(path), signer.key).read()
    assert [known[uuid_of(ledger(number))].size for number in (1, 2)] == [6, 3]


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=6),
    st.data(),
)
def test_honest_growth_is_always_signed_and_no_fork_ever(
    steps: list[int], data: st.DataObject
) -> None:
    secret = Ed25519PrivateKey.generate()
    key = VerifierKey("bakery.example", secret.public_key().public_bytes_raw())
    with tempfile.TemporaryDirectory() as folder:
        size = 1
        for step in steps:
            size += step
            signer = CallableKey(key, secret.sign, state=Path(folder) / "state")
            sign(signer, leaves_of("true", size))
        # A fork agrees with what was signed up to some leaf before its end, and then differs.
        shared = data.draw(st.integers(0, size - 1), "leaves shared")
        more = data.draw(st.integers(1, 20), "leaves of its own")
        fork = leaves_of("true", shared) + leaves_of("false", more)
        with pytest.raises(SigningRefusedError):
            sign(signer, fork)
        sign(signer, leaves_of("true", size + 1))


def test_state_file_that_is_not_there_is_a_first_use(path: Path) -> None:
    sign(KeyFile(path), leaves_of("true", 5))
    state_of(path).unlink()
    sign(KeyFile(path), leaves_of("false", 3))


def test_state_with_any_byte_changed_or_cut_is_refused_as_damaged(path: Path) -> None:
    sign(KeyFile(path), leaves_of("true", 5))
    whole = state_of(path).read_bytes()
    honest = json.loads(whole)
    damaged = [whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in range(len(whole))]
    damaged += [whole[:n] for n in range(0, len(whole), 7)]
    for data in (*damaged, b"[" * 100_000, b"null", b"{}", b'{"check": 1}'):
        state_of(path).write_bytes(data)
        try:
            same = json.loads(data) == honest  # white space that changed to other white space
        except (ValueError, RecursionError):
            same = False
        if same:
            continue
        with pytest.raises(SigningRefusedError, match=r"is damaged\. Nothing was signed\."):
            sign(KeyFile(path), leaves_of("true", 6))
        assert state_of(path).read_bytes() == data


def test_state_of_another_key_is_refused(path: Path, tmp_path: Path) -> None:
    sign(KeyFile(path), leaves_of("true", 5))
    other = tmp_path / "other.key"
    generate_key(other, "other.example")
    state_of(other).write_bytes(state_of(path).read_bytes())
    with pytest.raises(SigningRefusedError, match=r"another key signed: bakery\.example\+"):
        sign(KeyFile(other), leaves_of("true", 6))


def test_key_has_one_state_by_whatever_name_and_folder(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    near = KeyFile("bakery.key")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    sign(near, leaves_of("true", 5))
    (tmp_path / "elsewhere" / "link").symlink_to(path)
    with pytest.raises(SigningRefusedError, match="rolled back"):
        sign(KeyFile("link"), leaves_of("true", 4))
    assert list((tmp_path / "elsewhere").iterdir()) == [tmp_path / "elsewhere" / "link"]


def test_nothing_is_signed_where_the_state_cannot_be_kept(path: Path, tmp_path: Path) -> None:
    private, asked = read_private_key(path), list[bytes]()

    def signing(message: bytes) -> bytes:
        asked.append(message)
        return private.sign(message)

    signer = CallableKey(private.key, signing, state=tmp_path / "absent" / "state")
    with pytest.raises(LedgerUnwritableError, match="Nothing was signed"):
        sign(signer, leaves_of("true", 1))
    assert asked == []


def test_no_lock_is_held_while_the_proof_is_made(path: Path) -> None:
    signer, leaves = KeyFile(path), leaves_of("true", 9)
    sign(signer, leaves[:3])

    def prove(old_size: int) -> list[bytes]:
        if old_size == 3:  # somebody else is faster
            sign(KeyFile(path), leaves[:5])
        return prover(leaves)(old_size)

    assert signer.sign(checkpoint_of(leaves), prove).is_signed_by(signer.key)
    with pytest.raises(OSError, match="the disk of the database"):
        signer.sign(checkpoint_of(leaves_of("true", 10)), broken_proof)


def broken_proof(_old_size: int) -> list[bytes]:
    raise OSError("the disk of the database")


def test_state_holds_no_secret(path: Path) -> None:
    sign(KeyFile(path), leaves_of("true", 5))
    secret = path.read_text().strip().split("+", 4)[4]
    assert secret not in state_of(path).read_text()


def test_state_is_written_before_the_signature_is_made(path: Path) -> None:
    private = read_private_key(path)
    seen: list[int] = []

    def signing(message: bytes) -> bytes:
        seen.append(SignerState(state_of(path), private.key).read()[uuid_of(ORIGIN)].size)
        return private.sign(message)

    signer = CallableKey(private.key, signing, state=state_of(path))
    for size in (1, 2, 2, 9):
        sign(signer, leaves_of("true", size))
    assert seen == [1, 2, 2, 9]


def test_error_of_a_service_comes_through_and_the_same_is_signed_later(path: Path) -> None:
    private = read_private_key(path)

    def broken(message: bytes) -> bytes:
        raise ConnectionError("the service is away")

    with pytest.raises(ConnectionError, match="the service is away"):
        sign(CallableKey(private.key, broken, state=state_of(path)), leaves_of("true", 3))
    with pytest.raises(SigningRefusedError):
        sign(KeyFile(path), leaves_of("false", 3))
    sign(KeyFile(path), leaves_of("true", 3))


@pytest.mark.parametrize("answer", [b"", bytes(64), bytes(65), "text", None, 7])
def test_signature_that_does_not_fit_the_key_is_not_used(path: Path, answer: object) -> None:
    key = KeyFile(path).key
    signer = CallableKey(key, lambda _: answer, state=state_of(path))  # type: ignore[arg-type,return-value]
    with pytest.raises(SigningRefusedError, match=r"no signature of the key bakery\.example"):
        sign(signer, leaves_of("true", 3))


def test_service_that_signs_with_another_key_is_found_out(path: Path) -> None:
    other = Ed25519PrivateKey.generate()
    signer = CallableKey(KeyFile(path).key, other.sign, state=state_of(path))
    with pytest.raises(SigningRefusedError, match="no signature of the key"):
        sign(signer, leaves_of("true", 3))


def test_callable_key_takes_the_published_line(path: Path) -> None:
    private = read_private_key(path)
    signer = CallableKey(private.key.to_text(), private.sign, state=state_of(path))
    assert signer.key == private.key
    with pytest.raises(BadInputError, match="no verifier key"):
        CallableKey("bakery.example", private.sign, state=state_of(path))


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("a\n5\nb", 1, bytes(32)),
        Checkpoint("", 1, bytes(32)),
        Checkpoint("a", -1, bytes(32)),
        Checkpoint("a", 1, bytes(31)),
        Checkpoint("a", 1, bytes(32), ("b\nc",)),
    ],
)
def test_what_is_no_checkpoint_is_never_signed(path: Path, checkpoint: Checkpoint) -> None:
    with pytest.raises(BadInputError, match="is no checkpoint"):
        KeyFile(path).sign(checkpoint, lambda _: [])
    assert not state_of(path).exists()


def test_environment_key_signs_as_the_file_does(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTLEDGER_KEY", path.read_text())
    monkeypatch.setenv("CUSTLEDGER_KEY_STATE", str(state_of(path)))
    sign(KeyFile(path), leaves_of("true", 4))
    for signer in (EnvironmentKey(), EnvironmentKey("CUSTLEDGER_KEY", state=state_of(path))):
        assert sign(signer, leaves_of("true", 5)).is_signed_by(KeyFile(path).key)
        with pytest.raises(SigningRefusedError, match="rolled back"):
            sign(signer, leaves_of("true", 3))


@pytest.mark.parametrize("missing", ["CUSTLEDGER_KEY", "CUSTLEDGER_KEY_STATE"])
def test_variable_that_is_not_set_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setenv("CUSTLEDGER_KEY", path.read_text())
    monkeypatch.setenv("CUSTLEDGER_KEY_STATE", str(state_of(path)))
    monkeypatch.delenv(missing)
    with pytest.raises(NotFoundError, match=f"variable {missing} is not set"):
        EnvironmentKey()


def test_lock_that_is_never_given_back_ends_in_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signer_state, "_WAIT_SECONDS", 0.05)
    with (
        locked(path.with_name(f"{path.name}.state.lock"), 0),
        pytest.raises(LedgerBusyError, match="Another program holds"),
    ):
        sign(KeyFile(path), leaves_of("true", 1))
    sign(KeyFile(path), leaves_of("true", 1))


def test_threads_that_sign_two_histories_get_one(path: Path) -> None:
    signer, notes = KeyFile(path), list[Note]()

    def work(name: str) -> None:
        for size in range(1, 30):
            try:
                notes.append(sign(signer, leaves_of(name, size)))
            except SigningRefusedError:
                return

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_one_history(notes)


def test_processes_that_sign_two_histories_at_once_get_one_of_them(path: Path) -> None:
    rounds = 60
    programs = [program("race", path, rounds, who) for who in ("one", "two", "three")]
    for one in programs:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in programs:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    outputs = [one.communicate()[0].splitlines() for one in programs]
    assert [one.returncode for one in programs] == [0, 0, 0]
    signed = [[json.loads(line) for line in answers] for answers in zip(*outputs, strict=True)]
    assert len(signed) == rounds
    assert [sum(note is not None for note in notes) for notes in signed] == [1] * rounds


@FORK
def test_crash_at_any_moment_loses_a_signature_and_never_the_memory_of_one(path: Path) -> None:
    sign(KeyFile(path), leaves_of("true", 2))
    before = state_of(path).read_bytes()
    states = []
    for number in range(1, 20):
        state_of(path).write_bytes(before)
        done = program("until", path, number, "5")
        output = done.communicate()[0]
        states.append(SignerState(state_of(path), KeyFile(path).key).read()[uuid_of(ORIGIN)].size)
        if done.returncode == 0:
            break
        assert output == ""
        # Whatever was remembered, the true history goes on; a fork at what is remembered does not.
        with pytest.raises(SigningRefusedError):
            sign(KeyFile(path), leaves_of("true", states[-1] - 1) + leaves_of("false", 4))
        assert sign(KeyFile(path), leaves_of("true", 5)).is_signed_by(KeyFile(path).key)
    assert done.returncode == 0
    # twice the lock and the old state, the half-written state, renaming; then the signature
    assert states == [2, 2, 2, 2, 2, 2, 5, 5]
    assert json.loads(output) == sign(KeyFile(path), leaves_of("true", 5)).to_text()


def program(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def assert_one_history(notes: list[Note]) -> None:
    found = sorted({Checkpoint.from_text(note.text)[:3] for note in notes}, key=lambda c: c[1])
    assert len({size for _, size, _ in found}) == len(found) > 0
    roots = {name: checkpoint_of(leaves_of(name, found[0][1])).root for name in ("one", "two")}
    [name] = [name for name, digest in roots.items() if digest == found[0][2]]
    for (_, old, old_root), (_, new, new_root) in pairwise(found):
        proof = prover(leaves_of(name, new))(old)
        assert check_consistency(old, old_root, new, new_root, proof)
