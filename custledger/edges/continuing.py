"""What continues what a signer signed: the rules by which it signs or refuses.

A ledger has one life, unless it is restored from a backup that is older than what was signed. Then
it may go on only in a new incarnation, which the signer was told to open (``custledger resume``)
and which cites what was signed last. Nobody else opens one: whoever can write to the database, and
has no key, cannot pass an old copy off as a restore.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from uuid import UUID

from custledger.core.trail.merkle import check_consistency
from custledger.core.trail.notes import Checkpoint
from custledger.core.trail.seals import incarnation_of, origin_of
from custledger.core.trail.signing import Prove
from custledger.errors import BadInputError, SigningRefusedError

__all__ = ["Signed", "read_origin", "refuse_unless_continued", "resumed"]

_ORIGIN: Final = re.compile(re.escape(origin_of(UUID(int=0))[:-36]) + "([0-9a-f-]{36})(?:/.*)?")
_RESUME: Final = "If you restored a backup, go on explicitly: custledger resume."


class Signed(NamedTuple):
    """What was signed last of a ledger, and which incarnation may begin next, 0 if none may."""

    incarnation: int
    size: int
    root: bytes
    opened: int = 0


def read_origin(origin: str) -> tuple[UUID, int]:
    """The ledger and the incarnation that an origin names; BadInputError where it is no origin."""
    named = _ORIGIN.fullmatch(origin)
    try:
        ledger = UUID(named[1]) if named else None
    except ValueError:
        ledger = None
    incarnation = None if ledger is None else incarnation_of(origin, ledger)
    if ledger is None or incarnation is None:
        raise BadInputError(f"{origin!r} is not the origin of a custledger ledger.")
    return ledger, incarnation


def refuse_unless_continued(checkpoint: Checkpoint, last: Signed, prove: Prove) -> None:
    """Raise SigningRefusedError unless a checkpoint continues what was signed last."""
    _, incarnation = read_origin(checkpoint.origin)
    if incarnation > last.incarnation:
        if incarnation != last.opened:
            raise SigningRefusedError(_not_opened(checkpoint, incarnation, last))
        return
    if incarnation < last.incarnation:
        raise SigningRefusedError(
            f"The ledger was rolled back: this key signed incarnation {last.incarnation} of it, "
            f"and this is incarnation {incarnation}. Nothing was signed. {_RESUME} If not, "
            "somebody put an older ledger in its place: verify it against the newest published "
            "checkpoint."
        )
    if checkpoint.size < last.size:
        raise SigningRefusedError(
            f"The ledger was rolled back: this key signed {last.size} seals of "
            f"{checkpoint.origin}, and now there are {checkpoint.size}. Nothing was signed. "
            f"{_RESUME} If not, somebody put an older ledger in its place: verify it against the "
            "newest published checkpoint."
        )
    # Of the same number of seals only the same root is consistent, whatever the proof.
    same = checkpoint.size == last.size and checkpoint.root == last.root
    if not same and (checkpoint.size == last.size or not _continues(checkpoint, last, prove)):
        raise SigningRefusedError(
            f"The ledger's seals were rewritten: the {last.size} seals of {checkpoint.origin} that "
            f"this key signed are not the first of the {checkpoint.size} there are now. Nothing "
            f"was signed. {_RESUME} If not, verify the ledger against the newest published "
            "checkpoint, and restore the last backup that agrees with it."
        )


def resumed(last: Signed | None, incarnation: int, cited: Checkpoint, *, vouched: bool) -> Signed:
    """What is remembered once an incarnation may begin after the checkpoint that is cited.

    ``vouched`` says that this key signed the checkpoint. Raises SigningRefusedError where it is not
    what was signed last.
    """
    _, lived = read_origin(cited.origin)
    new = Signed(lived, cited.size, cited.root, incarnation)
    if incarnation <= lived:
        raise BadInputError(f"Incarnation {incarnation} is not later than {lived}, which is cited.")
    if last is None or last._replace(opened=0) == new._replace(opened=0):
        return new
    if last.incarnation == incarnation:  # begun already
        return last
    # Older than what the key itself signed: the memory came from a backup, like the ledger. When
    # the key signed, it saw that this continues what is remembered now.
    if vouched and last[:2] < new[:2] and last.incarnation < incarnation:
        return new
    raise SigningRefusedError(
        f"This key signed {last.size} seals of incarnation {last.incarnation} last, and what is "
        f"cited is {cited.size} seals of incarnation {lived}. Nothing was written. Leave the "
        "checkpoint out: then what this key signed last is cited, even if it was never published."
    )


def _continues(checkpoint: Checkpoint, last: Signed, prove: Prove) -> bool:
    proof = prove(last.size)
    return check_consistency(last.size, last.root, checkpoint.size, checkpoint.root, proof)


def _not_opened(checkpoint: Checkpoint, incarnation: int, last: Signed) -> str:
    return (
        f"The ledger says that it is incarnation {incarnation}, and this key, which signed "
        f"{last.size} seals of incarnation {last.incarnation} ({checkpoint.origin} is new to it), "
        f"was not told of a restore. Nothing was signed. {_RESUME} If not, somebody put an older "
        "ledger in its place: verify it against the newest published checkpoint."
    )
