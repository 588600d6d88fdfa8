"""Sealing and signing as one: all that is signed goes through here, whoever asked for it.

A signer is asked before a seal is made, so that a restored ledger gets no seal that nobody signs;
then the seal is committed, and signed afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from custledger.core.clock import to_microseconds
from custledger.core.facts import Body
from custledger.core.records import EntryKind
from custledger.core.trail.merkle import prove_consistency, root
from custledger.core.trail.notes import Checkpoint, Note
from custledger.core.trail.seals import Seal, origin_of
from custledger.core.trail.signing import Signer
from custledger.errors import BadInputError, LedgerBusyError, SigningRefusedError
from custledger.storage.context import Context
from custledger.storage.heads import lock_writers_out
from custledger.storage.journal import Draft
from custledger.storage.sealing import checkpoints, sealing
from custledger.storage.sealing.checkpoints import Tree

__all__ = ["hand_over", "seal", "sign_newest"]

_TRIES: Final = 10


def seal(context: Context, signer: Signer, patience: float | None = None) -> Seal | None:
    """Seal what is there and sign it; None if all of it is sealed and signed already.

    ``patience`` is how many seconds to wait at most for those who write.
    """
    made = _make(context, [signer], patience=patience)
    signed = sign_newest(context, [signer], patience=patience)
    return _newest(context) if made or signed else None


def sign_newest(
    context: Context,
    signers: Sequence[Signer],
    *,
    handover: bool = False,
    patience: float | None = None,
) -> bool:
    """Sign the newest seal; says whether that was to be done.

    The only place where anything is signed: a key that was replaced is refused, but for the
    ``handover`` itself, which the old key and the new one sign.
    """
    keys = {signer.key for signer in signers}
    for _ in range(_TRIES):
        with context.read() as connection:
            _refuse_replaced(connection, context.key, signers[1:] if handover else signers)
            tree = checkpoints.newest_tree(connection)
            if tree is None or checkpoints.is_signed(connection, tree.seal.n, keys):
                return False
        try:
            note = _signed(tree, signers)
        except SigningRefusedError:
            # Somebody may have sealed and signed more since we looked: then that is ours too.
            with context.read() as connection:
                latest = sealing.newest_seal(connection)
            if latest is None or latest.n == tree.seal.n:
                raise
            continue
        with context.database.write(patience) as connection:
            checkpoints.add_note(connection, context.ledger, tree.seal.n, note)
        return True
    raise LedgerBusyError


def hand_over(context: Context, old: Signer, new: Signer) -> Seal:
    """Name the new key and the old one in the trail, and let both sign the seal over that."""
    if old.key == new.key:
        raise BadInputError("The new key is the old one. Make another: `custledger key new`.")
    names: Body = {"verifier_key": new.key.to_text(), "replaces": old.key.to_text()}
    with context.write() as journal:
        connection, key = journal.connection, context.key
        lock_writers_out(connection, context.ledger)
        said = sealing.newest_body(connection, key, EntryKind.KEY)
        done = checkpoints.handover(connection, {old.key, new.key}) if said == names else None
        if done is None:
            if said != names:
                _refuse_replaced(connection, key, [old, new])
                _refuse_not_current(connection, said, old)
            _ask(connection, context, [old, new])
            if said != names:
                journal.append([Draft(key, EntryKind.KEY, names)])
    if done is not None:  # once is enough: the old key signs nothing more
        return done
    _make(context, [old, new], handover=True)
    sign_newest(context, [old, new], handover=True)
    return _newest(context)


def _make(
    context: Context,
    signers: Sequence[Signer],
    *,
    handover: bool = False,
    patience: float | None = None,
) -> bool:
    """Make a seal, unless nothing moved or it would stay unsigned; says whether there is one."""
    with context.database.write(patience) as connection:
        lock_writers_out(connection, context.ledger, patience)
        _refuse_replaced(connection, context.key, signers[1:] if handover else signers)
        # While nobody else seals: what the signers remember is of seals that are here, or were.
        _ask(connection, context, signers)
        now = to_microseconds(context.now())
        return sealing.make_seal(connection, context.ledger, context.key, now) is not None


def _ask(connection: Connection, context: Context, signers: Sequence[Signer]) -> None:
    """Let each signer refuse what is there, before a seal is added that it would not sign."""
    leaves = sealing.seal_leaves(connection)
    life = sealing.life_of(connection, context.key)
    origin = origin_of(context.ledger, life.incarnation)
    checkpoint = Checkpoint(origin, len(leaves), root(leaves))
    for signer in signers:
        signer.check(checkpoint, lambda size: prove_consistency(leaves, size))


def _signed(tree: Tree, signers: Sequence[Signer]) -> Note:
    """One note over all seals, with a line of each signer."""
    newest, leaves = tree
    origin = origin_of(newest.ledger, newest.incarnation)
    checkpoint = Checkpoint(origin, newest.n, root(leaves))
    found = [
        signer.sign(checkpoint, lambda size: prove_consistency(leaves, size)) for signer in signers
    ]
    lines = tuple(line for note in found for line in note.signatures)
    return Note(checkpoint.to_text(), lines)


def _newest(context: Context) -> Seal:
    with context.read() as connection:
        [found] = checkpoints.seals(connection, newest=True)
    return found


def _refuse_replaced(connection: Connection, key: int, signers: Sequence[Signer]) -> None:
    """Refuse a key that any entry of the ledger's own chain says was replaced, however long ago."""
    said = sealing.bodies_of(connection, key, EntryKind.KEY)
    by = {body["replaces"]: body["verifier_key"] for body in said}
    for signer in signers:
        replaced = signer.key.to_text()
        if replaced in by:
            raise BadInputError(
                f"The key {replaced} was replaced by {by[replaced]}. Nothing was signed; sign with "
                "the newest key."
            )


def _refuse_not_current(connection: Connection, said: Body | None, old: Signer) -> None:
    """Refuse a handover by a key that neither the trail nor the newest checkpoint knows."""
    newest = checkpoints.newest_note(connection)
    signed = newest is not None and checkpoints.is_signed(connection, newest.n, {old.key})
    named = said is not None and said["verifier_key"] == old.key.to_text()
    if not (signed or named or (newest is None and said is None)):
        raise BadInputError(
            f"The key {old.key.to_text()} is not the one that signs this ledger now, so it cannot "
            "hand over. Nothing was written; name the key that signed the newest checkpoint."
        )
