"""Taking payloads out of the truth: what an erasure names goes, and its commitments stay.

The order is the one that the guards allow: the entry that says on which ground, the erasure rows
with the commitments, then the payloads, the copies, and the files in the database. Files in a
folder go once all of that is committed. Whether it may be done is asked in ``erasure_rules``, which
is the way here. The caller has locked the chain before it was read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, delete, select, tuple_
from sqlmodel import SQLModel

from custledger.core.canonical import JsonValue
from custledger.core.facts import Body
from custledger.core.records import EntryKind, Part
from custledger.storage.bulk import insert_rows, portions, table_of
from custledger.storage.context import Context
from custledger.storage.copies import table_for
from custledger.storage.erasing.commitments import CommitmentReader, Commits, Kept
from custledger.storage.erasing.targets import Subject, Target
from custledger.storage.journal import Draft, Journal
from custledger.storage.tables import BlobRow, ErasureRow, PayloadRow
from custledger.storage.types import CODES

__all__ = ["Erased", "erase_targets"]

_payload, _blob = table_of(PayloadRow), table_of(BlobRow)
_FEW: Final = 200
"""Entries whose payloads are in memory at once."""


class Erased(NamedTuple):
    """What was erased by which entry, the names of the files to remove, and what could not be."""

    seq: int | None
    entries: int
    files: int
    names: tuple[str, ...]
    unreadable: tuple[str, ...]


def erase_targets(
    journal: Journal,
    context: Context,
    subject: Subject,
    targets: Sequence[Target],
    said: Mapping[str, JsonValue],
    known: Commits | None = None,
) -> Erased:
    """Erase the payloads of entries of a chain, of which there is at least one.

    ``said`` is what the erasure's entry says beside the numbers and the contents that it keeps.
    ``known`` are commitments for contents that cannot be read any more; without one such a
    content's row stays, with its salt.
    """
    connection = journal.connection
    reader = CommitmentReader(connection, context, subject, known or {})
    parts = [part for portion in _few(targets) for part in reader.doomed(portion)]
    if not parts:
        return Erased(None, 0, 0, (), tuple(reader.unreadable))
    gone = {part.entry_id for part in parts}
    doomed = [target for target in targets if target.id in gone]
    written = journal.append(
        [Draft(subject.key, EntryKind.ERASURE, {**said, **_account(doomed, reader.kept)})]
    )[0]
    codes = CODES[Part]
    rows = [(p.entry_id, codes[p.part], p.commitment, written.entry_id) for p in parts]
    insert_rows(connection, ErasureRow, rows)
    _delete_payloads(connection, [(p.entry_id, p.part) for p in parts])
    _delete_copies(connection, doomed)
    names = [p.blob for p in parts if p.blob is not None]
    removed = _delete_blobs(connection, names)
    return Erased(written.seq, len(doomed), len(names), tuple(removed), tuple(reader.unreadable))


def _account(doomed: Sequence[Target], kept: Sequence[Kept]) -> Body:
    """The entries that are erased, and which content of theirs stays; verify holds us to it."""
    seqs: list[JsonValue] = [target.seq for target in doomed]
    named = set(seqs)
    stays: list[JsonValue] = [
        {"seq": k.seq, "part": k.part.value, **({"cipher": k.cipher} if k.cipher else {})}
        for k in sorted(kept)
        if k.seq in named
    ]
    return {"erases": seqs, "kept": stays} if stays else {"erases": seqs}


def _delete_payloads(connection: Connection, parts: Sequence[tuple[int, Part]]) -> None:
    place = tuple_(_payload.c.entry_id, _payload.c.part)
    for portion in portions(parts):
        connection.execute(delete(_payload).where(place.in_(portion)))


def _delete_copies(connection: Connection, targets: Iterable[Target]) -> None:
    by_table: dict[type[SQLModel], list[int]] = defaultdict(list)
    for target in targets:
        for model in table_for(target.kind):
            by_table[model].append(target.id)
    for model, keys in by_table.items():
        table: Any = table_of(model)
        column = table.c.get("entry_id", table.c.get("id"))
        for portion in portions(keys):
            connection.execute(delete(table).where(column.in_(portion)))


def _delete_blobs(connection: Connection, names: Sequence[str]) -> list[str]:
    """Delete what no payload names any more from the database; the names that may be files."""
    free: list[str] = []
    for portion in portions(names):
        named = select(_payload.c.blob).where(_payload.c.blob.in_(portion))
        still = set(connection.scalars(named))
        going = [name for name in portion if name not in still]
        free += going
        connection.execute(delete(_blob).where(_blob.c.name.in_(going)))
    return free


def _few(targets: Sequence[Target]) -> Iterator[Sequence[Target]]:
    for start in range(0, len(targets), _FEW):
        yield targets[start : start + _FEW]
