"""Signers: whatever keeps the key, none signs two histories of a ledger.

Each fulfils :class:`custledger.core.trail.signing.Signer`. The key comes from a file, from the
environment, or stays where no program reads it, in a device or a service that signs for you.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from custledger.core.trail.notes import Checkpoint, Note, Signature, VerifierKey
from custledger.core.trail.seals import incarnation_of
from custledger.core.trail.signing import Prove
from custledger.edges.private_keys import PrivateKey, generate_key, read_private_key
from custledger.edges.signer_state import SignerState
from custledger.errors import BadInputError, NotFoundError, SigningRefusedError

__all__ = ["CallableKey", "EnvironmentKey", "KeyFile", "generate_key"]


class CallableKey:
    """A key of which only a function knows, such as one of a hardware module or a cloud service.

    ``sign`` gets the bytes to sign and returns an Ed25519 signature of 64 bytes, which is checked
    against ``verifier_key`` before it is used; what it raises comes through. ``state`` is the file
    in which the signer remembers what it signed. Raises BadInputError for a key that is none.
    """

    def __init__(
        self,
        verifier_key: VerifierKey | str,
        sign: Callable[[bytes], bytes],
        *,
        state: Path | str,
    ) -> None:
        self._key, self._sign = _verifier_key(verifier_key), sign
        self._state = SignerState(state, self._key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._key.to_text()!r}, state={str(self._state.path)!r})"

    @property
    def key(self) -> VerifierKey:
        """The public key that checks the signatures."""
        return self._key

    def sign(self, checkpoint: Checkpoint, prove: Prove) -> Note:
        """The checkpoint as a signed note.

        What is signed is remembered before the signature is made, so that a crash in between loses
        a signature, which can be made again, and never the memory of one that was given out.
        """
        text = _text_of(checkpoint)
        self._state.advance(checkpoint, prove)
        return self._note(text)

    def check(self, checkpoint: Checkpoint, prove: Prove) -> None:
        """Raise SigningRefusedError where these seals do not continue what was signed last."""
        self._state.check(checkpoint, prove)

    def last(self, ledger: UUID) -> Note | None:
        """What was signed last of a ledger, signed again: even if it was never published."""
        last = self._state.last(ledger)
        return None if last is None else self._note(_text_of(last))

    def resume(self, ledger: UUID, incarnation: int, cited: Note) -> None:
        """Let an incarnation of a ledger begin after the checkpoint that is cited.

        That is what was signed last, or something newer that this very key signed: then the state
        file is from a backup too. It is remembered before this returns; until the incarnation is
        signed for the first time, the one before may go on instead.
        """
        checkpoint = Checkpoint.from_text(cited.text)
        if incarnation_of(checkpoint.origin, ledger) is None:
            raise BadInputError(f"{checkpoint.origin!r} is not of the ledger {ledger}.")
        vouched = cited.is_signed_by(self._key)
        self._state.open(incarnation, checkpoint, vouched=vouched)

    def _note(self, text: str) -> Note:
        signed: object = self._sign(text.encode())
        if isinstance(signed, bytes):
            note = Note(text, (Signature(self._key.name, self._key.id, signed),))
            if note.is_signed_by(self._key):
                return note
        raise SigningRefusedError(
            f"What came back is no signature of the key {self._key.to_text()}. It was not used; "
            "see that the device or service signs with that key, by Ed25519, the bytes that it is "
            "given."
        )


class KeyFile(CallableKey):
    """A key in a file that only its owner may read, as `custledger key new` makes it.

    The signer's state is kept beside it, as ``PATH.state``. Raises NotFoundError where there is no
    file, BadInputError if others may read it or it holds no key.
    """

    def __init__(self, path: Path | str) -> None:
        path = Path(path).resolve()  # a key has one state, by whatever link it is reached
        private = read_private_key(path)
        super().__init__(private.key, private.sign, state=path.with_name(f"{path.name}.state"))


class EnvironmentKey(CallableKey):
    """A key in an environment variable: the line that a key file holds.

    ``state`` is the file in which the signer remembers what it signed; it must outlive the
    container. Default: what the variable with _STATE behind its name says. Raises NotFoundError
    where a variable is not set, BadInputError if it holds no key.
    """

    def __init__(
        self, variable: str = "CUSTLEDGER_KEY", *, state: Path | str | None = None
    ) -> None:
        line = _variable(variable, "the line of a private key file")
        private = PrivateKey.from_text(line, f"The environment variable {variable}")
        where = state or _variable(f"{variable}_STATE", "the path of the signer's state file")
        super().__init__(private.key, private.sign, state=where)


def _verifier_key(given: VerifierKey | str) -> VerifierKey:
    try:
        return VerifierKey.from_text(given if isinstance(given, str) else given.to_text())
    except ValueError as error:
        raise BadInputError(str(error)) from error


def _text_of(checkpoint: Checkpoint) -> str:
    text = checkpoint.to_text()
    try:
        if tuple(checkpoint.extensions) == Checkpoint.from_text(text).extensions:
            return text
    except ValueError as error:
        raise BadInputError(f"{checkpoint!r} is no checkpoint. {error}") from error
    raise BadInputError(f"{checkpoint!r} is no checkpoint: a line of it holds a newline.")


def _variable(name: str, holds: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise NotFoundError(f"The environment variable {name} is not set. It holds {holds}.")
    return value
