"""Checkpoints checked: the notes that a ledger keeps, and those that were published.

What a note says is compared with the seals; who signed it with the keys that the caller pinned. A
published checkpoint is the one thing that somebody with write access, or with the key, cannot
change: it shows whether the ledger was rolled back or written anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Table, select

from custledger.core.trail.findings import Finding, FindingCode
from custledger.core.trail.notes import Checkpoint, Note, VerifierKey, published_note
from custledger.core.trail.seals import incarnation_of
from custledger.storage.bulk import table_of
from custledger.storage.truth_tables import CheckpointRow
from custledger.storage.verifying.seal_check import Find, Seals

__all__ = [
    "Fit",
    "Kept",
    "Published",
    "check_notes",
    "check_numbers",
    "is_over",
    "judge",
    "notes_by_seal",
    "read_published",
]

_note = table_of(CheckpointRow)


@dataclass(frozen=True, slots=True)
class Kept:
    """The notes of a ledger: how many, and how many seals those cover that a pinned key signed."""

    count: int
    signed: int


class Published(NamedTuple):
    """A checkpoint that somebody kept outside the ledger, or a note inside."""

    checkpoint: Checkpoint
    incarnation: int
    signed: bool


class Fit(Enum):
    """How a published checkpoint compares with the seals."""

    FITS = "fits"
    LEFT_BEHIND = "left behind"
    """Cited by a life after a restore: it was told, so it is no finding."""
    BEFORE_CITED = "before what is cited"
    """Smaller than what such a life cites, and beyond the backup.

    That it is a part of what is cited cannot be proved, because those seals are lost; both are
    signed, and the key signs nothing that does not continue. It was told that all are gone.
    """
    ROLLED_BACK = "rolled back"
    REWRITTEN = "rewritten"


class _WrongError(Exception):
    """Why a note is of no use: a code and words."""

    def __init__(self, code: FindingCode, said: str) -> None:
        super().__init__(said)
        self.code = code


def read_published(text: str, ledger: UUID, keys: Sequence[VerifierKey]) -> Published | Finding:
    """The checkpoint of this ledger in the text of a note, or what is wrong with it."""
    try:
        note, checkpoint = published_note(text)
    except (ValueError, TypeError, AttributeError) as error:
        return Finding(FindingCode.CHECKPOINT_WRONG, f"a published checkpoint: {error}")
    try:
        found = _checked(note, checkpoint, ledger, keys)
    except _WrongError as error:
        return Finding(error.code, f"a published checkpoint: {error}")
    if keys and not found.signed:
        said = "a published checkpoint: none of the keys that were given signed it"
        return Finding(FindingCode.CHECKPOINT_WRONG, said, seal=found.checkpoint.size)
    return found


def _read(text: str, ledger: UUID, keys: Sequence[VerifierKey]) -> Published:
    try:
        note = Note.from_text(text)
        checkpoint = Checkpoint.from_text(note.text)
    except (ValueError, TypeError, AttributeError) as error:
        raise _WrongError(FindingCode.CHECKPOINT_WRONG, f"it cannot be read. {error}") from error
    return _checked(note, checkpoint, ledger, keys)


def _checked(
    note: Note, checkpoint: Checkpoint, ledger: UUID, keys: Sequence[VerifierKey]
) -> Published:
    incarnation = incarnation_of(checkpoint.origin, ledger)
    if incarnation is None:
        said = f"it is of another ledger, {checkpoint.origin}"
        raise _WrongError(FindingCode.CHECKPOINT_WRONG, said)
    signed = False
    for key in keys:
        if any((line.name, line.key_id) == (key.name, key.id) for line in note.signatures):
            if not note.is_signed_by(key):
                said = f"the signature of {key.name} does not fit it"
                raise _WrongError(FindingCode.SIGNATURE_WRONG, said)
            signed = True
    return Published(checkpoint, incarnation, signed)


def judge(seals: Seals, found: Published, signed: int) -> Fit:
    """Compare a checkpoint with the seals, of which the first ``signed`` can be believed."""
    size, root = found.checkpoint.size, found.checkpoint.root
    within = size <= seals.up_to_life(found.incarnation)
    if within and seals.roots[size] == root:
        return Fit.FITS
    lives = {body.incarnation for body in seals.bodies if body}
    later = [
        body
        for body in seals.bodies[:signed]
        if body and body.cites and body.incarnation > found.incarnation
    ]
    # What a signed seal cites was told openly, even where an earlier life sealed on without it.
    if any(body.cites == (size, root) for body in later):
        return Fit.LEFT_BEHIND
    if within:
        return Fit.REWRITTEN
    for body in later:
        if found.incarnation < body.incarnation - 1 not in lives:
            # A second restore took back all that the first one's life had sealed: what is cited
            # here is of that life, and what that one cited is gone with it.
            return Fit.BEFORE_CITED
        if body.cites and body.cites.size == size:
            return Fit.REWRITTEN
        if body.cites and body.cites.size > size:
            return Fit.BEFORE_CITED
    return Fit.ROLLED_BACK


def check_notes(
    connection: Connection, seals: Seals, keys: Sequence[VerifierKey], find: Find
) -> Kept:
    """Check every note that the ledger keeps."""
    by_seal = notes_by_seal(connection)
    check_numbers(connection, _note, FindingCode.CHECKPOINT_WRONG, find)
    signed, fits = 0, True
    for n, texts in by_seal.items():
        found = [one for text in texts if (one := _note_of(seals, n, text, keys, find))]
        if keys and found and not any(one.signed for one in found):
            said = "none of the keys that were given signed the checkpoint"
            find(Finding(FindingCode.SIGNATURE_WRONG, said, seal=n))
        if any(one.checkpoint.root != seals.roots[n] for one in found):
            if fits:  # what lies above does not fit either, and that is the same fault
                said = "the seals up to this one are not those that its checkpoint was signed over"
                find(Finding(FindingCode.SEAL_ALTERED, said, seal=n))
            fits = False
        elif any(one.signed for one in found):
            signed = n
    if keys and seals.size > 1 and not by_seal:
        said = f"there are {seals.size} seals, and nobody has signed any of them"
        find(Finding(FindingCode.SIGNATURE_WRONG, said, seal=seals.size))
    return Kept(sum(map(len, by_seal.values())), signed if keys else seals.size)


def notes_by_seal(connection: Connection) -> dict[Any, list[Any]]:
    """The texts of the notes with each seal."""
    query = select(_note.c.n, _note.c.note).order_by(_note.c.n, _note.c.number)
    found: dict[Any, list[Any]] = {}
    for n, text in connection.execute(query):
        found.setdefault(n, []).append(text)
    return found


def check_numbers(connection: Connection, table: Table, code: FindingCode, find: Find) -> None:
    """See that the rows with each seal are numbered 1, 2, and so on, as they were written."""
    numbers: dict[Any, list[Any]] = {}
    for n, number in connection.execute(select(table.c.n, table.c.number)):
        numbers.setdefault(n, []).append(number)
    for n, found in numbers.items():
        if set(found) != set(range(1, len(found) + 1)):
            said = f"of the rows of {table.name} with the seal some are gone, or were renumbered"
            find(Finding(code, said, seal=n if isinstance(n, int) else None))


def _note_of(
    seals: Seals, n: Any, text: Any, keys: Sequence[VerifierKey], find: Find
) -> Published | None:
    """A note that the ledger keeps with a seal, if it is one over the seals up to it."""
    body = seals.body(n) if isinstance(n, int) else None
    if not isinstance(n, int) or not 0 < n <= seals.size:
        return None  # of a seal that is missing, which is found there
    try:
        found = _read(text, seals.ledger, keys)
        if found.checkpoint.size != n:
            said = f"it is over {found.checkpoint.size} seals"
            raise _WrongError(FindingCode.CHECKPOINT_WRONG, said)
        if body is not None and body.incarnation != found.incarnation:
            said = "it is of another life of the ledger than the seal"
            raise _WrongError(FindingCode.CHECKPOINT_WRONG, said)
    except _WrongError as error:
        find(Finding(error.code, f"the checkpoint kept with the seal: {error}", seal=n))
        return None
    return found


def is_over(seals: Seals, n: int, texts: Sequence[str]) -> bool:
    """Whether a note with a seal is over the seals that are here."""
    for text in texts:
        try:
            found = _read(text, seals.ledger, ())
        except _WrongError:
            continue
        if found.checkpoint.size == n <= seals.size and found.checkpoint.root == seals.roots[n]:
            return True
    return False
