"""The trail book: seals, signed checkpoints, and where they were published."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from custledger.core.clock import to_microseconds
from custledger.core.trail.anchoring import Anchor
from custledger.core.trail.notes import VerifierKey
from custledger.core.trail.seals import Anchored, PublishedNote, Seal
from custledger.core.trail.signing import Signer
from custledger.errors import BadInputError, NotPublishedError
from custledger.storage.context import Context
from custledger.storage.sealing import checkpoints, sealing, signing
from custledger.storage.sealing.keeper import SealKeeper, check_terms, is_due, warn
from custledger.storage.sealing.publishing import publish, publish_where_missing
from custledger.storage.sealing.resuming import resume

__all__ = ["TrailBook"]

_NO_SIGNER: Final = (
    "Nobody is named to sign. Make a key with `custledger key new PATH --name NAME`, away from the "
    "database, and give it: KeyFile(PATH) in Python, --key PATH on the command line."
)
_INSIDE: Final = (
    "A seal cannot be made inside a transaction: nobody else could write until that ends. Seal "
    "after it, with a ledger opened on the engine, the file or the URL."
)
_PATIENCE_SECONDS: Final = 1.0
"""How long a seal that nobody asked for keeps a write that is done from returning."""


class TrailBook:
    """What makes the trail stand up before a third party.

    A seal hashes the ends of all chains; a checkpoint, signed with a key that is not in the
    database, says how many seals there are and what their Merkle root is.
    """

    def __init__(self, context: Context, keeper: SealKeeper | None = None) -> None:
        self._context, self._keeper = context, keeper
        if keeper is not None and not context.database.joins_host:
            context.wrote = keeper.wrote
            context.database.after_commit = self._after_commit

    def seal(self, signer: Signer | None = None) -> Seal | None:
        """Seal what is there and sign it; None if all of it is sealed and signed already.

        Signed with the key that the ledger was opened with (``sealing=``), unless another is given;
        published through the anchors given there, and where that fails a SealingWarning says so.
        The seal is committed before it is signed: if signing fails, the next call signs it. Waits
        for whoever is writing, and nobody writes meanwhile.

        Raises SigningRefusedError where this ledger does not continue what the key signed before
        (then no seal is made), LedgerBusyError where a transaction stays open for too long, and
        BadInputError without a key, with one that was replaced, inside a transaction, or for a
        clock that was set back.
        """
        signer = self._signer(signer)
        self._refuse_inside()
        sealed = signing.seal(self._context, signer)
        self._publish()
        return sealed

    def seal_if_due(
        self, signer: Signer | None = None, *, every: timedelta, entries: int
    ) -> Seal | None:
        """Seal where the newest seal is as old as ``every``, or leaves so many ``entries`` out.

        Also signs a seal that is not signed yet. For a scheduler, beside an application whose
        transactions the ledger joins; otherwise as ``seal``.
        """
        check_terms(every, entries)
        sealed = self._if_due(self._signer(signer), every, entries)
        self._publish()
        return sealed

    def seals(self) -> list[Seal]:
        """All seals, oldest first."""
        with self._context.read() as connection:
            return checkpoints.seals(connection)

    def latest(self) -> Seal | None:
        """The newest seal, None before the first."""
        with self._context.read() as connection:
            found = checkpoints.seals(connection, newest=True)
        return found[0] if found else None

    def checkpoints(self) -> list[PublishedNote]:
        """All signed checkpoints, oldest first."""
        with self._context.read() as connection:
            return checkpoints.notes(connection)

    def checkpoint(self) -> str | None:
        """The newest signed checkpoint, as it is published; None before the first."""
        with self._context.read() as connection:
            newest = checkpoints.newest_note(connection)
        return None if newest is None else newest.note

    def rotate(self, old: Signer, new: Signer) -> Seal:
        """Hand over from one key to another; from then on the old one is refused, for ever.

        An entry of the ledger's own chain names both, and the checkpoint that covers it carries a
        signature of each: whoever trusts the old key learns of the new one. What the old one signed
        before keeps its worth. A call that was cut off is finished by the same call.

        Raises BadInputError where either was replaced before, or the old one does not sign now.
        """
        self._refuse_inside()
        sealed = signing.hand_over(self._context, old, new)
        self._publish()
        return sealed

    def resume(
        self,
        last_checkpoint: str | None = None,
        *,
        reason: str,
        signer: Signer | None = None,
        keys: Iterable[VerifierKey | str] = (),
    ) -> int:
        """Go on after a restore from a backup that is older than what was signed.

        The signer, by default that of ``sealing=``, is told first: only so does it sign a new
        incarnation of the ledger, whose number is returned. An entry of the ledger's own chain
        cites a checkpoint and the reason, and all later seals cite it too. It is what the signer
        signed last, published or not; ``last_checkpoint`` gives it where the signer remembers
        nothing, and ``keys`` the public keys that signed it, if another key did. Asking twice does
        nothing more.

        Raises BadInputError unless the checkpoint is of this ledger, signed, and not continued by
        what is here; SigningRefusedError where the signer signed another one last.
        """
        return resume(self._context, self._signer(signer), last_checkpoint, reason, keys)

    def anchor(self, anchor: Anchor) -> Anchored:
        """Publish the newest signed checkpoint outside, and keep what proves that it is there."""
        return publish(self._context, anchor)

    def anchors(self) -> list[Anchored]:
        """Where checkpoints were published, oldest first."""
        with self._context.read() as connection:
            return checkpoints.anchors(connection)

    def _if_due(
        self, signer: Signer, every: timedelta, entries: int, patience: float | None = None
    ) -> Seal | None:
        self._refuse_inside()
        with self._context.read() as connection:
            found = sealing.unsealed(connection, entries)
            newest = sealing.newest_seal(connection)
            done = newest is None or checkpoints.is_signed(connection, newest.n, {signer.key})
        if is_due(found, to_microseconds(self._context.now()), every, entries):
            return signing.seal(self._context, signer, patience)
        if done or not signing.sign_newest(self._context, [signer], patience=patience):
            return None
        return self.latest()

    def _after_commit(self) -> None:
        keeper, now = self._keeper, to_microseconds(self._context.now())
        if keeper is not None and keeper.may_be_due(now):
            keeper.run(lambda: self._seal_by_itself(keeper), now)

    def _seal_by_itself(self, keeper: SealKeeper) -> None:
        terms = keeper.sealing
        self._if_due(terms.signer, terms.every, terms.entries, _PATIENCE_SECONDS)
        wrong = publish_where_missing(self._context, terms.anchors)
        if wrong:
            raise NotPublishedError("; ".join(wrong))
        with self._context.read() as connection:
            keeper.looked(sealing.unsealed(connection, terms.entries))

    def _publish(self) -> None:
        """Publish through the anchors that the ledger was opened with."""
        if self._keeper is not None:
            for wrong in publish_where_missing(self._context, self._keeper.sealing.anchors):
                warn(f"The ledger is sealed, and its checkpoint was not published: {wrong}")

    def _signer(self, signer: Signer | None) -> Signer:
        if signer is None and self._keeper is not None:
            return self._keeper.sealing.signer
        if signer is None:
            raise BadInputError(_NO_SIGNER)
        return signer

    def _refuse_inside(self) -> None:
        if self._context.database.in_transaction:
            raise BadInputError(_INSIDE)
