"""Sealing: all ends of chains in one Merkle tree, and the seals in another.

A seal is made in one write transaction during which nobody else writes. It reads each chain's end
once, beside what the newest seal knew of that chain, in the order of the keys, which is the one
that the tables are in; the leaves are sorted by uuid afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CHAR,
    Connection,
    Select,
    bindparam,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.orm import aliased

from custledger.core.clock import from_microseconds
from custledger.core.records import EntryKind
from custledger.core.trail.growing import GrowingTree
from custledger.core.trail.merkle import HASH_BYTES, leaf_hash
from custledger.core.trail.seals import (
    CLOCK_TOLERANCE,
    Cited,
    SealBody,
    SealedHead,
    TreeRoot,
    head_leaf,
)
from custledger.errors import BadInputError
from custledger.storage.bulk import insert_rows, table_of
from custledger.storage.reading import ledger_bodies
from custledger.storage.tables import EntryRow, IdentityRow
from custledger.storage.truth_tables import SealHeadRow, SealRow

__all__ = [
    "Life",
    "Unsealed",
    "bodies_of",
    "heads_as_of",
    "life_of",
    "make_seal",
    "newest_body",
    "newest_seal",
    "seal_bodies",
    "seal_leaves",
    "unsealed",
]

_entry, _identity = table_of(EntryRow), table_of(IdentityRow)
_seal, _head = table_of(SealRow), table_of(SealHeadRow)
_last, _known = aliased(_entry), aliased(_head)
_ROWS: Final = 5_000
"""How many rows of a stream are in memory at a time."""

_LAST_SEQ: Final = (
    select(func.max(_last.c.seq)).where(_last.c.subject_id == _identity.c.id).scalar_subquery()
)
_LAST_SEALED: Final = (
    select(func.max(_known.c.n)).where(_known.c.subject_id == _identity.c.id).scalar_subquery()
)
_AS_OF: Final = (
    select(func.max(_known.c.n))
    .where(_known.c.subject_id == _identity.c.id, _known.c.n <= bindparam("n"))
    .scalar_subquery()
)
_HEADS: Final = (
    select(_identity.c.id, _entry.c.seq, _entry.c.hash, _head.c.seq, _head.c.hash)
    .select_from(_identity)
    .join(_entry, (_entry.c.subject_id == _identity.c.id) & (_entry.c.seq == _LAST_SEQ))
    .outerjoin(_head, (_head.c.subject_id == _identity.c.id) & (_head.c.n == _LAST_SEALED))
    .order_by(_identity.c.id)
)
_SEALED_HEADS: Final = (
    select(_identity.c.uuid, _head.c.seq, _head.c.hash)
    .select_from(_identity)
    .join(_head, (_head.c.subject_id == _identity.c.id) & (_head.c.n == _AS_OF))
    .order_by(_identity.c.uuid)
)
_NEWEST: Final = select(_seal.c.body, _seal.c.last_key).order_by(_seal.c.n.desc()).limit(1)


class Life(NamedTuple):
    """Which life of the ledger this is, after restores, and the checkpoint that a restore cited."""

    incarnation: int = 1
    cites: Cited | None = None


class Unsealed(NamedTuple):
    """How many entries no seal covers, counted up to a limit, and since when (microseconds)."""

    entries: int
    since: int


def make_seal(connection: Connection, ledger: UUID, key: int, sealed_at: int) -> SealBody | None:
    """Seal what is there; None if nothing moved since the newest seal.

    Call it in a write transaction, once writers are locked out. ``key`` is that of the ledger's own
    chain; ``sealed_at`` is microseconds since 1970 UTC. Raises BadInputError for a clock that was
    set back.
    """
    before = newest_seal(connection)
    if before is not None:
        _refuse_clock(before, sealed_at)
    found = _found(connection)
    if not found.moved:
        return None
    life = life_of(connection, key)
    seal = SealBody(
        ledger=ledger,
        n=1 if before is None else before.n + 1,
        sealed_at=sealed_at if before is None else max(sealed_at, before.sealed_at),
        prev=b"" if before is None else before.leaf(),
        heads=found.heads,
        changes=found.changes,
        entries=found.entries,
        incarnation=life.incarnation,
        cites=life.cites,
    )
    last_key = connection.scalar(select(func.max(_entry.c.id)))
    insert_rows(connection, SealRow, [(seal.n, seal.to_bytes(), last_key)])
    insert_rows(connection, SealHeadRow, [(seal.n, *head) for head in found.moved])
    return seal


def newest_seal(connection: Connection) -> SealBody | None:
    """The newest seal, if there is one."""
    row = connection.execute(_NEWEST).first()
    return None if row is None else SealBody.from_bytes(bytes(row.body))


def seal_bodies(connection: Connection, upto: int | None = None) -> Iterator[bytes]:
    """The exact bytes of the seals, oldest first, up to a number."""
    query = select(_seal.c.body).order_by(_seal.c.n)
    query = query if upto is None else query.where(_seal.c.n <= upto)
    return (bytes(body) for (body,) in _streamed(connection, query))


def seal_leaves(connection: Connection, upto: int | None = None) -> list[bytes]:
    """The leaf hashes of the seals in their order, up to a number: the tree of a checkpoint."""
    return [leaf_hash(body) for body in seal_bodies(connection, upto)]


def heads_as_of(connection: Connection, n: int) -> Iterator[SealedHead]:
    """The ends of all chains as seal ``n`` has them, sorted by uuid: for proofs against it."""
    for uuid, seq, digest in _streamed(connection, _SEALED_HEADS, {"n": n}):
        yield SealedHead(uuid, seq, bytes(digest))


def life_of(connection: Connection, key: int) -> Life:
    """Which life of the ledger this is; ``key`` is that of its own chain."""
    body = newest_body(connection, key, EntryKind.INCARNATION)
    if body is None:
        return Life()
    return Life(body["incarnation"], Cited(body["size"], bytes.fromhex(body["root"])))


def newest_body(connection: Connection, key: int, kind: EntryKind) -> dict[str, Any] | None:
    """The shared body of the newest entry of a kind in the ledger's own chain."""
    bodies = bodies_of(connection, key, kind, limit=1)
    return bodies[0] if bodies else None


def bodies_of(
    connection: Connection, key: int, kind: EntryKind, limit: int | None = None
) -> list[dict[str, Any]]:
    """The shared bodies of the entries of a kind in the ledger's own chain, the newest first."""
    mine = (_entry.c.subject_id == key) & (_entry.c.kind == kind)
    query = select(_entry.c.id).where(mine).order_by(_entry.c.seq.desc()).limit(limit)
    return ledger_bodies(connection, query)


def unsealed(connection: Connection, limit: int) -> Unsealed:
    """What no seal covers yet; it reads no more than ``limit`` entries.

    Where there is no seal at all, it is since the first entry.
    """
    row = connection.execute(_NEWEST).first()
    last_key = 0 if row is None else row.last_key
    new = select(literal(1)).select_from(_entry).where(_entry.c.id > last_key).limit(limit)
    count = connection.scalar(select(func.count()).select_from(new.subquery())) or 0
    if row is not None:
        return Unsealed(count, SealBody.from_bytes(bytes(row.body)).sealed_at)
    first = select(_entry.c.recorded_at).order_by(_entry.c.id).limit(1)
    return Unsealed(count, connection.scalar(first) or 0)


class _Found(NamedTuple):
    """All ends of chains, those that moved, with (key, seq, hash) of each, and all entries."""

    heads: TreeRoot
    changes: TreeRoot
    moved: list[tuple[int, int, bytes]]
    entries: int


def _found(connection: Connection) -> _Found:
    """Every chain's end, read once; about 100 bytes of memory a chain, and 300 a chain moved."""
    lines: list[bytes] = []
    moved_lines: list[bytes] = []
    moved: list[tuple[int, int, bytes]] = []
    entries = 0
    sqlite = connection.dialect.name == "sqlite"
    # The text as SQLite keeps it: to make a UUID of it and bytes of that takes three times as long.
    uuid: Any = type_coerce(_identity.c.uuid, CHAR(32)) if sqlite else _identity.c.uuid
    for key, seq, digest, known_seq, known_hash, name in _streamed(
        connection, _HEADS.add_columns(uuid)
    ):
        subject = bytes.fromhex(name) if sqlite else name.bytes
        line = subject + head_leaf(subject, seq, digest)
        lines.append(line)
        entries += seq
        if known_seq != seq or known_hash != digest:
            moved_lines.append(line)
            moved.append((key, seq, digest))
    return _Found(_tree(lines), _tree(moved_lines), moved, entries)


def _tree(lines: list[bytes]) -> TreeRoot:
    """The root over leaves, sorted by the uuid that stands before each."""
    lines.sort()
    tree = GrowingTree()
    for line in lines:
        tree.add(line[-HASH_BYTES:])
    return TreeRoot(tree.count, tree.root())


def _streamed(
    connection: Connection, query: Select[Any], values: dict[str, Any] | None = None
) -> Iterator[Any]:
    options = {"stream_results": True, "yield_per": _ROWS}
    result = connection.execute(query, values or {}, execution_options=options)
    for rows in result.partitions():
        yield from rows


def _refuse_clock(before: SealBody, sealed_at: int) -> None:
    if sealed_at < before.sealed_at - CLOCK_TOLERANCE:
        now, then = from_microseconds(sealed_at), from_microseconds(before.sealed_at)
        raise BadInputError(
            f"The clock says {now:%Y-%m-%d %H:%M} UTC, and seal {before.n} was made at "
            f"{then:%Y-%m-%d %H:%M} UTC, which would be later. Nothing was sealed. If the clock is "
            "wrong now, set it right. If it was ahead then: until that day nothing can be sealed, "
            "and what is recorded meanwhile is told as backdated. To go on at once, restore a "
            f"backup from before seal {before.n}, record again what is missing, and say so: "
            "`custledger resume`."
        )
