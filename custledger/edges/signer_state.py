"""What a signer remembers: for each ledger, the incarnation, seals and root that it signed last.

It is what keeps a key from signing two histories of one ledger. One JSON object in a file that is
replaced as a whole, and holds no secret::

    {"check": "5f0c...", "key": "bakery.example+530d903a+AekyeRrm...", "v": 1,
     "ledgers": {"0198...": {"incarnation": 1, "opened": 0, "root": "a1b2...", "size": 7}}}

``check`` is SHA-256 of the rest as sorted JSON without spaces: damage must not look like a
rewritten ledger. ``opened`` is the incarnation that may begin after a restore, 0 without one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NoReturn
from uuid import UUID

from custledger.core.trail.merkle import HASH_BYTES
from custledger.core.trail.notes import Checkpoint, VerifierKey
from custledger.core.trail.seals import origin_of
from custledger.core.trail.signing import Prove
from custledger.edges.continuing import Signed, read_origin, refuse_unless_continued, resumed
from custledger.errors import LedgerUnwritableError, SigningRefusedError
from custledger.storage.files import locked, replace_file

__all__ = ["SignerState"]

_VERSION: Final = 1
_WAIT_SECONDS: Final = 60.0


class SignerState:
    """The file in which the signer with this key remembers what it signed.

    A file that is not there is a first use: whatever comes first is trusted.
    """

    def __init__(self, path: Path | str, key: VerifierKey) -> None:
        # The same file by whatever name, and from whatever folder the program moves to.
        self.path, self._key = Path(path).resolve(), key

    def advance(self, checkpoint: Checkpoint, prove: Prove) -> None:
        """Remember the checkpoint, durably, if it continues what is remembered of its ledger.

        Raises SigningRefusedError if it does not, LedgerUnwritableError where nothing can be kept.
        """
        ledger, incarnation = read_origin(checkpoint.origin)
        new = Signed(incarnation, checkpoint.size, checkpoint.root)

        def step(last: Signed | None) -> Signed:
            if last is not None:
                refuse_unless_continued(checkpoint, last, prove)
            # To sign the same again takes nothing back: what was opened stays so.
            return last if last is not None and last._replace(opened=0) == new else new

        self._change(ledger, step)

    def check(self, checkpoint: Checkpoint, prove: Prove) -> None:
        """Raise what ``advance`` would raise for this checkpoint; remember nothing."""
        ledger, _ = read_origin(checkpoint.origin)
        with self._locked():
            last = self.read().get(ledger)
        if last is not None:
            refuse_unless_continued(checkpoint, last, prove)

    def last(self, ledger: UUID) -> Checkpoint | None:
        """The checkpoint of a ledger that is remembered."""
        with self._locked():
            last = self.read().get(ledger)
        return last and Checkpoint(origin_of(ledger, last.incarnation), last.size, last.root)

    def open(self, incarnation: int, cited: Checkpoint, *, vouched: bool) -> None:
        """Remember that an incarnation may begin after what is cited, which is what was signed.

        ``vouched`` says that the key itself signed what is cited: then it may be newer than what is
        remembered, as where this file came from a backup too.
        """
        ledger, _ = read_origin(cited.origin)
        self._change(ledger, lambda last: resumed(last, incarnation, cited, vouched=vouched))

    def read(self) -> dict[UUID, Signed]:
        """What was signed last, by ledger; SigningRefusedError if the file is damaged."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            found = json.loads(data)
            check = found.pop("check")
            if found["v"] != _VERSION or check != _check(found):
                self._refuse_damaged()
            known = {UUID(ledger): _signed(last) for ledger, last in found["ledgers"].items()}
            owner = found["key"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._refuse_damaged()
        if owner != self._key.to_text():
            raise SigningRefusedError(
                f"{self.path} remembers what another key signed: {owner}. Nothing was signed; give "
                "each key a state file of its own."
            )
        return known

    def _change(self, ledger: UUID, step: Callable[[Signed | None], Signed]) -> None:
        while True:
            with self._locked():
                last = self.read().get(ledger)
            # A proof is made from the database: no lock of ours is held while it may wait.
            new = step(last)
            if last == new or self._replace(ledger, last, new):
                return

    def _replace(self, ledger: UUID, last: Signed | None, new: Signed) -> bool:
        """Remember what is new, unless something else is last by now."""
        with self._locked():
            known = self.read()
            if known.get(ledger) != last:
                return False
            replace_file(self.path, self._bytes_of({**known, ledger: new}))
        return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with locked(self.path.with_name(f"{self.path.name}.lock"), _WAIT_SECONDS):
                yield
        except OSError as error:
            raise LedgerUnwritableError(
                f"The signer cannot keep its state in {self.path}: {error.strerror or error}. "
                "Nothing was signed; make the folder, and let this user write in it."
            ) from error

    def _bytes_of(self, known: dict[UUID, Signed]) -> bytes:
        body: dict[str, Any] = {
            "v": _VERSION,
            "key": self._key.to_text(),
            "ledgers": {
                str(ledger): {**last._asdict(), "root": last.root.hex()}
                for ledger, last in known.items()
            },
        }
        return json.dumps({**body, "check": _check(body)}, indent=1, sort_keys=True).encode()

    def _refuse_damaged(self) -> NoReturn:
        raise SigningRefusedError(
            f"The signer's state {self.path} is damaged. Nothing was signed. Put back a copy of "
            "it; or check the ledger against the newest published checkpoint (custledger verify "
            "--checkpoint FILE), and if nothing is found, remove the file: then the next "
            "checkpoint is trusted as the first was."
        ) from None


def _check(body: dict[str, Any]) -> str:
    return sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _signed(found: dict[str, Any]) -> Signed:
    root = bytes.fromhex(found["root"])
    numbers = [found[name] for name in ("incarnation", "size", "opened")]
    if any(type(number) is not int for number in numbers) or len(root) != HASH_BYTES:
        raise ValueError("no incarnation, size and root")
    return Signed(found["incarnation"], found["size"], root, found["opened"])
