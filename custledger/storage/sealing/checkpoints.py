"""Signed checkpoints and where they were anchored, as rows."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Table, func, select

from custledger.core.clock import from_microseconds
from custledger.core.trail.notes import Note, VerifierKey
from custledger.core.trail.seals import Anchored, PublishedNote, Seal, SealBody
from custledger.storage.bulk import insert_rows, table_of
from custledger.storage.heads import lock_notes
from custledger.storage.sealing.sealing import newest_seal, seal_leaves
from custledger.storage.truth_tables import AnchorRow, CheckpointRow, SealRow

__all__ = [
    "Tree",
    "add_anchor",
    "add_note",
    "anchors",
    "handover",
    "is_signed",
    "newest_note",
    "newest_tree",
    "notes",
    "seals",
]

_seal = table_of(SealRow)
_note = table_of(CheckpointRow)
_anchor = table_of(AnchorRow)
_NOTES: Final = select(_note.c.n, _note.c.note).order_by(_note.c.n, _note.c.number)
_NEWEST: Final = (
    select(_note.c.n, _note.c.note).order_by(_note.c.n.desc(), _note.c.number.desc()).limit(1)
)


class Tree(NamedTuple):
    """The newest seal, and the leaves of all."""

    seal: SealBody
    leaves: list[bytes]


def newest_tree(connection: Connection) -> Tree | None:
    """What a checkpoint made now would be over; None before the first seal."""
    seal = newest_seal(connection)
    return None if seal is None else Tree(seal, seal_leaves(connection, seal.n))


def seals(connection: Connection, *, newest: bool = False) -> list[Seal]:
    """All seals, oldest first, each with the newest note over it; or only the newest."""
    query = select(_seal.c.n, _seal.c.body).order_by(_seal.c.n)
    query = query.order_by(None).order_by(_seal.c.n.desc()).limit(1) if newest else query
    rows = connection.execute(query).all()
    found = _NOTES.where(_note.c.n == rows[0].n) if newest and rows else _NOTES
    signed = {row.n: row.note for row in connection.execute(found)}
    return [_shown(SealBody.from_bytes(bytes(row.body)), signed.get(row.n)) for row in rows]


def notes(connection: Connection) -> list[PublishedNote]:
    """All signed checkpoints, oldest first."""
    return [PublishedNote(n, note) for n, note in connection.execute(_NOTES)]


def newest_note(connection: Connection) -> PublishedNote | None:
    """The newest signed checkpoint."""
    row = connection.execute(_NEWEST).first()
    return None if row is None else PublishedNote(row.n, row.note)


def is_signed(connection: Connection, n: int, keys: set[VerifierKey]) -> bool:
    """Whether one note over the seals 1 to n has a line of each of these keys.

    The lines are not checked: that is the work of ``verify``.
    """
    wanted = {(key.name, key.id) for key in keys}
    texts = connection.scalars(select(_note.c.note).where(_note.c.n == n))
    return any(wanted <= _signers(text) for text in texts)


def handover(connection: Connection, keys: set[VerifierKey]) -> Seal | None:
    """The first seal that all of these keys signed in one note; None where there is none."""
    wanted = {(key.name, key.id) for key in keys}
    for n, note in connection.execute(_NOTES):
        if wanted <= _signers(note):
            body = connection.scalar(select(_seal.c.body).where(_seal.c.n == n))
            return None if body is None else _shown(SealBody.from_bytes(bytes(body)), note)
    return None


def add_note(connection: Connection, ledger: UUID, n: int, note: Note) -> None:
    """Keep a signed checkpoint, unless that very note is there."""
    lock_notes(connection, ledger)
    text = note.to_text()
    if text not in connection.scalars(select(_note.c.note).where(_note.c.n == n)).all():
        insert_rows(connection, CheckpointRow, [(n, _next(connection, _note, n), text)])


def add_anchor(connection: Connection, ledger: UUID, anchored: Anchored, moment: int) -> None:
    """Keep where a checkpoint was published; ``moment`` is microseconds since 1970 UTC."""
    lock_notes(connection, ledger)
    number = _next(connection, _anchor, anchored.n)
    row = (anchored.n, number, anchored.kind, anchored.place, anchored.token, moment)
    insert_rows(connection, AnchorRow, [row])


def anchors(connection: Connection, of: int | None = None) -> list[Anchored]:
    """Where checkpoints were published, oldest first; all, or those of one number of seals."""
    c = _anchor.c
    query = select(c.n, c.kind, c.place, c.token, c.anchored_at).order_by(c.n, c.number)
    query = query if of is None else query.where(c.n == of)
    return [
        Anchored(n, kind, place, bytes(token), from_microseconds(moment))
        for n, kind, place, token, moment in connection.execute(query)
    ]


def _shown(seal: SealBody, note: str | None) -> Seal:
    """The seal for people, with the note that was signed over it."""
    # Not a method: a dossier's verify.py holds SealBody, and knows of no time zones.
    return Seal(
        n=seal.n,
        sealed_at=from_microseconds(seal.sealed_at),
        heads=seal.heads.count,
        changes=seal.changes.count,
        entries=seal.entries,
        incarnation=seal.incarnation,
        checkpoint=note,
    )


def _next(connection: Connection, table: Table, n: int) -> int:
    last: Any = connection.scalar(select(func.max(table.c.number)).where(table.c.n == n))
    return (last or 0) + 1


def _signers(text: str) -> set[tuple[str, bytes]]:
    try:
        return {(line.name, line.key_id) for line in Note.from_text(text).signatures}
    except ValueError:  # damaged, and `verify` says so
        return set()
