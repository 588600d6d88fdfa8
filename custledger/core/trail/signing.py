"""Who signs checkpoints: what a signer is, whatever keeps its key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from custledger.core.trail.notes import Checkpoint, Note, VerifierKey

__all__ = ["Prove", "Signer"]

Prove = Callable[[int], list[bytes]]
"""Gives the consistency proof from an older number of seals to that of the checkpoint."""


class Signer(Protocol):
    """Signs what continues what it signed before, and refuses the rest.

    It remembers, durably and for each ledger, the incarnation, size and root that it signed last,
    before it gives a signature away. The same is signed again. A smaller size, another root, a
    proof that does not hold, a lower incarnation, and a higher one that ``resume`` did not open
    raise SigningRefusedError.
    """

    @property
    def key(self) -> VerifierKey:
        """The public key that checks the signatures."""

    def sign(self, checkpoint: Checkpoint, prove: Prove) -> Note:
        """The checkpoint as a signed note."""

    def check(self, checkpoint: Checkpoint, prove: Prove) -> None:
        """Raise what ``sign`` would raise for what goes on from these seals; remember nothing."""

    def last(self, ledger: UUID) -> Note | None:
        """What was signed last of a ledger, as a signed note; None where nothing was."""

    def resume(self, ledger: UUID, incarnation: int, cited: Note) -> None:
        """Remember, durably, that an incarnation may begin after the checkpoint that is cited.

        Raises SigningRefusedError unless that is what was signed last of the ledger.
        """
