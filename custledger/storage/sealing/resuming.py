"""Going on after a restore from a backup that is older than what was signed: a new incarnation."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from custledger.core.checks import check_text
from custledger.core.facts import Body
from custledger.core.records import EntryKind
from custledger.core.trail.merkle import root
from custledger.core.trail.notes import Checkpoint, Note, VerifierKey, published_note
from custledger.core.trail.seals import incarnation_of, origin_of
from custledger.core.trail.signing import Signer
from custledger.errors import BadInputError
from custledger.storage.context import Context
from custledger.storage.journal import Draft
from custledger.storage.sealing import sealing

__all__ = ["resume"]


def resume(
    context: Context,
    signer: Signer,
    last_checkpoint: str | None,
    reason: str,
    keys: Iterable[VerifierKey | str],
) -> int:
    """Open a new incarnation that cites a checkpoint, by default what the signer signed last.

    The signer is told first, durably: after a crash in between the same call goes on.
    """
    trusted = [signer.key, *_keys(keys)]
    reason = check_text(reason, "reason").strip()
    if not reason:
        raise BadInputError("Say why the ledger goes on from a backup; the trail keeps it.")
    note, cited = _cited(context, signer, last_checkpoint)
    lived = incarnation_of(cited.origin, context.ledger)
    if lived is None:
        raise BadInputError(
            f"The checkpoint is of {cited.origin}, and this ledger is "
            f"{origin_of(context.ledger)}. Nothing was written."
        )
    if not any(note.is_signed_by(key) for key in trusted):
        raise BadInputError(
            "None of the keys signed that checkpoint. Nothing was written; name the public key "
            "that did, or compare the checkpoint with where it was published."
        )
    with context.write() as journal:
        life = sealing.life_of(journal.connection, context.key)
        if life.cites == (cited.size, cited.root) and life.incarnation > lived:
            signer.resume(context.ledger, life.incarnation, note)
            return life.incarnation
        if life.incarnation <= lived and _continues(journal.connection, cited):
            raise BadInputError(
                "This ledger continues that checkpoint, so there is nothing to resume. Nothing "
                "was written. If the key refuses to sign all the same, it signed more than that: "
                "leave the checkpoint out."
            )
        incarnation = max(life.incarnation, lived) + 1
        signer.resume(context.ledger, incarnation, note)
        body: Body = {
            "incarnation": incarnation,
            "size": cited.size,
            "root": cited.root.hex(),
            "checkpoint": note.to_text(),
            "reason": reason,
        }
        journal.append([Draft(context.key, EntryKind.INCARNATION, body)])
    return incarnation


def _cited(context: Context, signer: Signer, text: str | None) -> tuple[Note, Checkpoint]:
    if text is None:
        last = signer.last(context.ledger)
        if last is None:
            raise BadInputError(
                "This key remembers no checkpoint of this ledger. Nothing was written; give the "
                "newest one that was published."
            )
        return last, Checkpoint.from_text(last.text)
    try:
        return published_note(text)
    except ValueError as error:
        raise BadInputError(f"That is no signed checkpoint. {error}") from error


def _keys(keys: Iterable[VerifierKey | str]) -> list[VerifierKey]:
    try:
        return [VerifierKey.from_text(k) if isinstance(k, str) else k for k in keys]
    except ValueError as error:
        raise BadInputError(str(error)) from error


def _continues(connection: Connection, cited: Checkpoint) -> bool:
    leaves = sealing.seal_leaves(connection, cited.size)
    return len(leaves) == cited.size and root(leaves) == cited.root
