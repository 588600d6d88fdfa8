"""The ends of chains: where the next entry goes, and how writers take turns at one chain.

On SQLite a writer holds the database's one write lock, and nobody comes in between. On PostgreSQL
the chains share 1,024 advisory locks that end with the transaction. One entry is written
optimistically: one statement tries the lock, reads the head and takes a key. It saw the head as it
was before the lock was granted, so that the insert finds out whether another writer came in
between. If so one reads again, now behind the lock; where the lock is taken one waits for it first.
A batch takes all its locks first, in sorted order, so that two batches never wait for each other in
a circle; it takes none for customers that it adds, whose chains nobody else knows of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Connection, Row, any_, bindparam, case, func, select, text
from sqlalchemy.orm import aliased

from custledger.storage.bulk import portions, table_of
from custledger.storage.identities import allocate, sequence_of
from custledger.storage.tables import CustomerRow, EntryRow, IdentityRow

__all__ = ["Head", "Heads", "head_for_one", "heads_for", "lock_chains"]


class Head(NamedTuple):
    """The end of one chain: its last number and hash, None where it is empty, and whose it is."""

    uuid: UUID
    seq: int | None
    hash: bytes | None
    is_customer: bool


class Heads(NamedTuple):
    """The heads of chains by subject key, unused entry keys, and who the actor's key belongs to."""

    of: dict[int, Head]
    keys: Sequence[int]
    actor: UUID | None


_identity, _customer, _entry = table_of(IdentityRow), table_of(CustomerRow), table_of(EntryRow)
_last, _actor = aliased(_entry), aliased(_identity)
_WHO: Final = select(_actor.c.uuid).where(_actor.c.id == bindparam("actor")).scalar_subquery()
_HEAD: Final = (
    select(_identity.c.id, _WHO, _identity.c.uuid, _entry.c.seq, _entry.c.hash, _customer.c.id)
    .select_from(_identity)
    .outerjoin(
        _entry,
        (_entry.c.subject_id == _identity.c.id)
        & (
            _entry.c.seq
            == select(func.max(_last.c.seq))
            .where(_last.c.subject_id == _identity.c.id)
            .scalar_subquery()
        ),
    )
    .outerjoin(_customer, _customer.c.id == _identity.c.id)
)
# An array is one parameter, however many there are; SQLite has none.
_ARRAY: Final = any_(bindparam("subjects", type_=ARRAY(BigInteger)))
_HEADS: Final = _HEAD.where(_identity.c.id == _ARRAY)
_LAST_KEY: Final = select(func.coalesce(func.max(_last.c.id), 0)).scalar_subquery()
_HEADS_AND_KEY: Final = _HEAD.where(
    _identity.c.id.in_(bindparam("subjects", expanding=True))
).add_columns(_LAST_KEY)
_LOCKED: Final = func.pg_try_advisory_xact_lock(bindparam("space"), bindparam("lock"))
# CASE asks for the lock first: a writer who has to wait takes no key that would be lost.
_KEY_IF_LOCKED: Final = case((_LOCKED, func.nextval(bindparam("sequence"))))
_HEAD_IF_LOCKED: Final = _HEAD.where(_identity.c.id == bindparam("subject")).add_columns(
    _KEY_IF_LOCKED
)
_LOCK: Final = text("SELECT pg_advisory_xact_lock(:space, k) FROM unnest(CAST(:locks AS int[])) k")
_SPACE: Final = 2**31
_LOCKS: Final = 1024
"""Chains share this many locks: the server keeps the locks of all its transactions in one table."""


def heads_for(connection: Connection, subjects: Sequence[int], actor: int, count: int) -> Heads:
    """The heads of chains that nobody else can write to until the transaction ends.

    ``subjects`` are sorted keys; on PostgreSQL the locks of all but new ones are held already.
    """
    sqlite = connection.dialect.name == "sqlite"
    of: dict[int, Head] = {}
    who, last = None, 0
    for chunk in portions(subjects):
        asked = {"subjects": chunk, "actor": actor}
        for row in connection.execute(_HEADS_AND_KEY if sqlite else _HEADS, asked):
            of[row[0]], who = _head(row), row[1]
            last = row[-1] if sqlite else 0
    keys = range(last + 1, last + 1 + count) if sqlite else allocate(connection, EntryRow, count)
    return Heads(of, keys, who)


def head_for_one(connection: Connection, ledger: UUID, subject: int, actor: int) -> Heads | None:
    """The head of one chain on PostgreSQL, perhaps out of date; None where the lock is taken."""
    asked = {
        "space": _space(ledger),
        "lock": subject % _LOCKS,
        "sequence": sequence_of(connection, EntryRow),
        "subject": subject,
        "actor": actor,
    }
    (row,) = connection.execute(_HEAD_IF_LOCKED, asked)
    return None if row[-1] is None else Heads({subject: _head(row)}, (row[-1],), row[1])


def lock_chains(connection: Connection, ledger: UUID, subjects: Sequence[int]) -> None:
    """Wait for the chains' locks, one after the other; on SQLite there is nothing to wait for."""
    if connection.dialect.name != "sqlite":
        locks = sorted({key % _LOCKS for key in subjects})
        connection.execute(_LOCK, {"space": _space(ledger), "locks": locks})


def _head(row: Row[Any]) -> Head:
    found: Any = row  # the type of a row forgets columns that were added
    _, _, uuid, seq, digest, customer, *_ = found
    return Head(uuid, seq, digest, is_customer=customer is not None)


def _space(ledger: UUID) -> int:
    return ledger.int % _SPACE
