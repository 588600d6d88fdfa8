"""Ledgers to sign, and a program that signs until it is killed or against others, for tests.

``race KEY PATH ROUNDS WHO`` waits for a line, then signs, for one ledger after the other, a history
that is its own; printed is a line of JSON for each: the note, or null where it was refused.

``until KEY PATH NUMBER SIZE`` signs SIZE seals and sends SIGKILL to itself at that event: a file
of the signer's is opened or renamed, or the signature is to be made. Printed is the note.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from custledger.core.trail.merkle import prove_consistency, root
from custledger.core.trail.notes import Checkpoint, Note
from custledger.core.trail.signing import Prove, Signer
from custledger.edges.keys import CallableKey
from custledger.edges.private_keys import read_private_key
from custledger.errors import SigningRefusedError

ORIGIN = "custledger/ledger/01980000-0000-7000-8000-000000000000"


def leaves_of(name: str, size: int) -> list[bytes]:
    """The leaves of a history, which is another for each name."""
    return [sha256(f"{name} {n}".encode()).digest() for n in range(size)]


def ledger(number: int) -> str:
    """The origin of one of many ledgers."""
    return f"{ORIGIN[:-4]}{number:04}"


def uuid_of(origin: str) -> UUID:
    return UUID(origin.rpartition("/")[2])


def checkpoint_of(leaves: list[bytes], origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin, len(leaves), root(leaves))


def prover(leaves: list[bytes]) -> Prove:
    return lambda old_size: prove_consistency(leaves, old_size)


def sign(signer: Signer, leaves: list[bytes], origin: str = ORIGIN) -> Note:
    return signer.sign(checkpoint_of(leaves, origin), prover(leaves))


def state_of(path: Path) -> Path:
    """Where the signer of a key file remembers what it signed."""
    return path.with_name(f"{path.name}.state")


def race(key: Path, rounds: int, who: str) -> None:
    private = read_private_key(key)
    signer = CallableKey(private.key, private.sign, state=f"{key}.state")
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(rounds):
        leaves = leaves_of(who, 1 + number % 3)
        try:
            note = signer.sign(checkpoint_of(leaves, ledger(number)), prover(leaves))
            print(json.dumps(note.to_text()))
        except SigningRefusedError:
            print("null")


def until(key: Path, number: int, size: int) -> None:
    private = read_private_key(key)
    seen = 0

    def event() -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def sign(message: bytes) -> bytes:
        event()
        return private.sign(message)

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        if name in ("open", "os.rename") and str(arguments[0]).startswith(f"{key}.state"):
            event()

    signer = CallableKey(private.key, sign, state=f"{key}.state")
    leaves = leaves_of("true", size)
    sys.addaudithook(hook)
    print(json.dumps(signer.sign(checkpoint_of(leaves), prover(leaves)).to_text()))


if __name__ == "__main__":
    what, path, first, second = sys.argv[1:]
    if what == "race":
        race(Path(path), int(first), second)
    else:
        until(Path(path), int(first), int(second))
