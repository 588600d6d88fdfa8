"""Whole chains read from the truth, subject by subject, for verification and rebuilding.

Subjects come in groups, so memory holds the entries of one chain and the copies of one group.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, SmallInteger, select, type_coerce

from custledger.core.records import EntryKind, Part
from custledger.storage.bulk import table_of
from custledger.storage.copies import Placed
from custledger.storage.tables import EntryRow, PayloadRow

__all__ = ["Link", "Payload", "current_entries", "read_chains", "subject_groups"]

_GROUP: Final = 2_000
_entry = table_of(EntryRow)
_payload = table_of(PayloadRow)
_KINDS: Final = tuple(EntryKind)
_PARTS: Final = tuple(Part)


class Payload(NamedTuple):
    """A part of a payload as stored."""

    part: Part
    salt: bytes
    body: bytes | None
    blob: str | None


class Link(NamedTuple):
    """An entry as stored, with its payload's parts; ``kind`` None is a code that does not exist."""

    id: int
    subject_id: int
    seq: int
    kind: EntryKind | None
    recorded_at: int
    occurred_at: int | None
    actor_id: int
    supersedes: int | None
    batch_id: int | None
    hash: bytes
    parts: tuple[Payload, ...]

    def shared(self) -> bytes | None:
        """The bytes of the shared part, or None if it is missing."""
        return next((part.body for part in self.parts if part.part is Part.SHARED), None)


def subject_groups(connection: Connection) -> Iterator[list[int]]:
    """The keys of all subjects that have a chain, ascending, some thousands at a time."""
    query = select(_entry.c.subject_id).distinct().order_by(_entry.c.subject_id).limit(_GROUP)
    found = _numbers(connection.scalars(query))
    while found:
        yield found
        found = _numbers(connection.scalars(query.where(_entry.c.subject_id > found[-1])))


def read_chains(
    connection: Connection, subjects: Sequence[int]
) -> Generator[list[Link], None, None]:
    """The chains of a group of subjects, each in the order of its entries."""
    # Codes are read raw: an edited row may hold one that is in no vocabulary.
    columns = [c for c in _entry.columns if c is not _entry.c.kind]
    query = (
        select(
            *columns,
            type_coerce(_entry.c.kind, SmallInteger()).label("kind"),
            type_coerce(_payload.c.part, SmallInteger()).label("part"),
            _payload.c.salt,
            _payload.c.body,
            _payload.c.blob,
        )
        .outerjoin(_payload, _payload.c.entry_id == _entry.c.id)
        .where(_entry.c.subject_id >= subjects[0], _entry.c.subject_id <= subjects[-1])
        .order_by(_entry.c.subject_id, _entry.c.seq, _payload.c.part)
        .execution_options(yield_per=10_000)
    )
    with connection.execute(query) as result:
        rows: Iterator[Any] = iter(result)
        for _, chain in groupby(rows, key=lambda row: row.subject_id):
            yield [_link(list(parts)) for _, parts in groupby(chain, key=lambda row: row.id)]


def current_entries(
    chain: Sequence[Link], bodies: Mapping[int, Mapping[str, Any]]
) -> Iterator[tuple[Placed, Mapping[str, Any], int]]:
    """(Place, body, seq) of the entries of a chain that nothing supersedes and that have a body."""
    superseded = {link.supersedes for link in chain if link.supersedes is not None}
    first: dict[int, tuple[int, int]] = {}
    for link in chain:
        first[link.seq] = (link.id, link.seq)
        if link.supersedes is not None:
            first[link.seq] = first.get(link.supersedes, first[link.seq])
        body = bodies.get(link.seq)
        if link.seq in superseded or body is None or link.kind is None:
            continue
        placed = Placed(
            link.id,
            *first[link.seq],
            link.subject_id,
            link.kind,
            link.recorded_at,
            link.occurred_at,
        )
        yield placed, body, link.seq


def _link(rows: Sequence[Any]) -> Link:
    row = rows[0]
    parts = tuple(
        Payload(part, _bytes(r.salt), None if r.body is None else _bytes(r.body), r.blob)
        for r in rows
        if (part := _member(_PARTS, r.part)) is not None
    )
    kind = _member(_KINDS, row.kind)
    return Link(
        row.id,
        row.subject_id,
        row.seq,
        kind,
        row.recorded_at,
        row.occurred_at,
        row.actor_id,
        row.supersedes,
        row.batch_id,
        _bytes(row.hash),
        parts,
    )


def _numbers(keys: Iterable[object]) -> list[int]:
    # An edited cell may hold anything on SQLite; verify counts what is left out here.
    return [key for key in keys if isinstance(key, int)]


_M = TypeVar("_M")


def _member(members: Sequence[_M], code: object) -> _M | None:
    # SQLite keeps whatever an edited cell holds: a number out of range, even a text.
    return members[code] if isinstance(code, int) and 0 <= code < len(members) else None


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
