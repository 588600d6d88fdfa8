"""The ends of chains: where the next entry goes, and how writers take turns at one chain.

On SQLite a writer holds the database's one write lock, and nobody comes in between. On PostgreSQL
the chains share 1,024 advisory locks that end with the transaction. One entry is written
optimistically: one statement tries the lock, reads the head and takes a key. It saw the head as it
was before the lock was granted, so that the insert finds out whether another writer came in
between. If so one reads again, now behind the lock; where the lock is taken one waits for it first.
A batch takes all its locks first, in sorted order, so that two batches never wait for each other in
a circle; it takes none for customers that it adds, whose chains nobody else knows of.

One lock more is the writers' own: each shares it from before it takes a key until its transaction
ends. A sealer takes it alone, so that whatever it does not see yet gets a later key and a later
moment: an entry that a host committed late is never mistaken for one that was dated back.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Connection, Row, any_, bindparam, case, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

from custledger.errors import LedgerBusyError
from custledger.storage.bulk import portions, table_of
from custledger.storage.engine import WAIT_SECONDS
from custledger.storage.identities import allocate, sequence_of
from custledger.storage.tables import CustomerRow, EntryRow, IdentityRow

__all__ = [
    "Head",
    "Heads",
    "head_for_one",
    "heads_for",
    "lock_chains",
    "lock_notes",
    "lock_writers_out",
]


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
_SPACE: Final = 2**31
_LOCKS: Final = 1024
"""Chains share this many locks: the server keeps the locks of all its transactions in one table."""
_WRITERS, _NOTES = _LOCKS, _LOCKS + 1
_LOCKED: Final = func.pg_try_advisory_xact_lock(bindparam("space"), bindparam("lock"))
_NOT_SEALING: Final = func.pg_try_advisory_xact_lock_shared(bindparam("space"), _WRITERS)
# CASE asks for the locks first: a writer who has to wait takes no key that would be lost, and no
# key from before a seal that is being made.
_KEY_IF_LOCKED: Final = case(
    (_NOT_SEALING, case((_LOCKED, func.nextval(bindparam("sequence"))))),
)
_HEAD_IF_LOCKED: Final = _HEAD.where(_identity.c.id == bindparam("subject")).add_columns(
    _KEY_IF_LOCKED
)
# The writers' lock before those of chains, and also where there is no chain to lock.
_LOCK: Final = text(
    f"WITH writer AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(:space, {_WRITERS})) "
    "SELECT pg_advisory_xact_lock(:space, k) "
    "FROM writer LEFT JOIN unnest(CAST(:locks AS int[])) k ON true"
)
_LOCK_ALONE: Final = text("SELECT pg_advisory_xact_lock(:space, :lock)")
_TIMEOUT: Final = text("SELECT setting FROM pg_settings WHERE name = 'lock_timeout'")
_SET_TIMEOUT: Final = text("SELECT set_config('lock_timeout', :milliseconds, true)")
_NOT_AVAILABLE: Final = "55P03"
_FIRST_STRETCH, _LONGEST_STRETCH = 0.1, 1.0
_STILL_WRITING: Final = (
    "A seal waits until every transaction that has written to the ledger has ended, a host "
    "application's too, and one has been open for too long. Nothing was sealed; try again when it "
    "has ended."
)


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


def lock_writers_out(connection: Connection, ledger: UUID, patience: float | None = None) -> None:
    """Wait until nobody is writing, and let nobody begin until the transaction ends.

    ``patience`` is how many seconds to wait at most; by default as long as any write waits. On
    SQLite a transaction that writes is alone already. Raises LedgerBusyError.
    """
    if connection.dialect.name == "sqlite":
        return
    before = connection.scalar(_TIMEOUT) or "0"
    wait = float(before) / 1000 or WAIT_SECONDS
    until = time.monotonic() + (wait if patience is None else min(wait, patience))
    stretch = _FIRST_STRETCH
    # Whoever queues for this lock holds up all who come to share it. Behind a host's transaction
    # that stays open for long, the others are let through again and again.
    while not _locked_alone(connection, ledger, stretch, before):
        if time.monotonic() + stretch > until:
            raise LedgerBusyError(_STILL_WRITING)
        time.sleep(stretch / 2)
        stretch = min(2 * stretch, _LONGEST_STRETCH)


def lock_notes(connection: Connection, ledger: UUID) -> None:
    """Wait for the lock of those who number notes and anchors; writers do not take it."""
    if connection.dialect.name != "sqlite":
        connection.execute(_LOCK_ALONE, {"space": _space(ledger), "lock": _NOTES})


def _locked_alone(connection: Connection, ledger: UUID, seconds: float, before: str) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(_SET_TIMEOUT, {"milliseconds": f"{seconds * 1000:.0f}"})
            connection.execute(_LOCK_ALONE, {"space": _space(ledger), "lock": _WRITERS})
            connection.execute(_SET_TIMEOUT, {"milliseconds": before})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _NOT_AVAILABLE:
            raise
        return False
    return True


def _head(row: Row[Any]) -> Head:
    found: Any = row  # the type of a row forgets columns that were added
    _, _, uuid, seq, digest, customer, *_ = found
    return Head(uuid, seq, digest, is_customer=customer is not None)


def _space(ledger: UUID) -> int:
    return ledger.int % _SPACE
