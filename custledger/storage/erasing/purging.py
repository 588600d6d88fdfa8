"""Making erased text really gone: out of a SQLite file and its log, out of PostgreSQL's data files.

A database deletes by forgetting where a row was. SQLite: secure_delete overwrites what is deleted,
but not the older copies that its pages keep in their gaps when rows were moved between them (a few
in a thousand were found so), so that VACUUM has to write the file anew; then the log is cut, for
the old pages are in it. PostgreSQL: VACUUM FULL writes a table anew; the planner's statistics hold
values too. All of it runs outside of a transaction, on a connection of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from custledger.core.privacy.erasure import Purge
from custledger.errors import CustledgerError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.engine import file_of_url
from custledger.storage.erasing.erased import destroyable_key, destroyable_keys
from custledger.storage.erasing.erasing import Erased
from custledger.storage.erasing.rights import may_read_evidence
from custledger.storage.erasing.targets import Subject
from custledger.storage.evidence.blobs import BlobStore, FolderStore
from custledger.storage.failures import translated
from custledger.storage.naming import qualified
from custledger.storage.tables import COPIES, BlobRow, PayloadRow
from custledger.storage.transactions import EngineTransactions

__all__ = ["Remains", "overwriting", "purge"]

IN_TRANSACTION: Final = (
    "The erasure is part of a transaction that is still open. Once it is committed, run "
    "`custledger purge` on the ledger (`ledger.privacy.purge()` on a path or an engine), so that "
    "the files go, and what the database kept of the deleted rows."
)
NOT_YET: Final = (
    "PostgreSQL keeps what was deleted until its tables are written anew: run `custledger purge` "
    "(`ledger.privacy.purge()`), at a quiet time, as the owner of the tables."
)
_TABLES: Final[tuple[type[SQLModel], ...]] = (PayloadRow, BlobRow, *COPIES)
_payload = table_of(PayloadRow)


@contextmanager
def overwriting(connection: Connection) -> Iterator[None]:
    """On SQLite deleted rows are overwritten with zeros, whatever a host's connection says."""
    if connection.dialect.name != "sqlite":
        yield
        return
    before = connection.exec_driver_sql("PRAGMA secure_delete").scalar() or 0
    connection.exec_driver_sql("PRAGMA secure_delete = ON").close()
    try:
        yield
    finally:
        word = ("OFF", "ON", "FAST")[before]
        connection.exec_driver_sql(f"PRAGMA secure_delete = {word}").close()


class _HasLeft(Protocol):
    @property
    def left(self) -> tuple[str, ...]: ...


_O = TypeVar("_O", bound=_HasLeft)


class Remains:
    """What is done once an erasure is committed: files, keys, and the database's own remains."""

    def __init__(self, context: Context) -> None:
        self._context, self._left = context, list[str]()

    def forget(self) -> None:
        """Drop what erasures in a transaction of the caller's left: they said to purge."""
        self._left.clear()

    def expect(self, connection: Connection, subject: Subject, erased: Erased) -> None:
        """Do it for this erasure, over the connection that made it."""
        if erased.seq is None:
            return
        person = subject.uuid if destroyable_key(connection, subject.key) else None
        database = self._context.database
        database.on_commit(partial(self._remove, erased.names, person))
        database.on_commit(self._purge)  # once, however many erasures the transaction has

    def told(self, outcome: _O) -> _O:
        """The outcome with what is left; after the write, which may be part of another one."""
        left = self._left
        if self._context.database.in_transaction and (outcome.left or _did(outcome)):
            left = [IN_TRANSACTION]
        return replace(outcome, left=tuple(dict.fromkeys((*outcome.left, *left))))  # type: ignore[type-var]

    def _remove(self, names: tuple[str, ...], person: UUID | None) -> None:
        try:
            self._context.blobs.remove_files(names)
            if person is not None and self._context.encryption is not None:
                self._context.encryption.destroy(person)
        except OSError as error:
            self._left.append(
                f"Files of evidence cannot be removed ({error.strerror}). Check the permissions of "
                "the evidence store, then run `custledger purge`."
            )
        except CustledgerError as error:
            self._left.append(f"{error} Then run `custledger purge`.")

    def _purge(self) -> None:
        transactions = self._context.database.transactions
        if not isinstance(transactions, EngineTransactions):
            return
        if transactions.engine.dialect.name == "sqlite":
            self._left += _purge_sqlite(transactions.engine)
        else:
            self._left.append(NOT_YET)


def _did(outcome: object) -> bool:
    return bool(getattr(outcome, "erased", 0) or getattr(outcome, "entries", 0))


def purge(context: Context) -> Purge:
    """Do all that can be done here; never inside a transaction."""
    transactions = context.database.transactions
    if context.database.in_transaction or not isinstance(transactions, EngineTransactions):
        return Purge(left=(IN_TRANSACTION,))
    removed, left = _sweep(context)
    if transactions.engine.dialect.name == "sqlite":
        left += _purge_sqlite(transactions.engine)
    else:
        left += _purge_postgresql(transactions.engine)
    return Purge(removed, left)


def _sweep(context: Context) -> tuple[int, tuple[str, ...]]:
    """Remove what a crash between the commit and the removal of files left; destroy keys too."""
    sqlite = context.database.transactions.engine.dialect.name == "sqlite"  # type: ignore[attr-defined]
    with context.database.write() as connection:
        if not may_read_evidence(connection):
            return 0, (
                "Left-over files of evidence were not looked for: this database user does not see "
                "the evidence. Run `custledger purge` as one who does.",
            )
        names = select(_payload.c.blob).where(_payload.c.blob.is_not(None))
        in_use = set(connection.scalars(names))
        gone = destroyable_keys(connection)
        # On SQLite whoever has the write lock is alone: every file without an entry is left over.
        # Not so in a folder of the user's choice, which a copy of the ledger may share.
        shared = isinstance(context.blobs, FolderStore)
        removed = context.blobs.sweep(in_use, at_once=sqlite and not shared)
        left = _young(context.blobs, in_use)
    if context.encryption is not None:
        try:
            for uuid in gone:
                context.encryption.destroy(uuid)
        except CustledgerError as error:
            left += (str(error),)
    return removed, left


def _young(store: BlobStore, in_use: Container[str]) -> tuple[str, ...]:
    """What to say of files in a folder of the user's choice that no entry names."""
    if not isinstance(store, FolderStore):
        return ()
    found = [p for p in store.folder.glob("??/*") if p.name.removesuffix(".partial") not in in_use]
    if not found:
        return ()
    return (
        f"{store.folder} has files that no entry names and that are younger than an hour: another "
        "ledger of that id, as a copy of this one, may be writing them. Run `custledger purge` "
        "again in an hour, on the ledger that is in use and never on a copy of it.",
    )


# SQLite


def _purge_sqlite(engine: Engine) -> tuple[str, ...]:
    path = file_of_url(engine.url)
    if path is None:  # in memory
        return ()
    left: list[str] = []
    wait = _wait_seconds(engine)
    with closing(sqlite3.connect(path, timeout=wait, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("VACUUM")
        except sqlite3.Error as error:
            left.append(
                f"The file {path} could not be written anew ({error}), so that it may still hold "
                "older copies of what was erased. Run `custledger purge` when nobody else writes "
                "and the disk has room for a second copy."
            )
        try:
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:
            busy = 1
    if busy:
        left.append(
            f"Another program reads the ledger, so that the log {path}-wal could not be cut and "
            "may still hold what was erased. Run `custledger purge` when it has finished."
        )
    journal = path.with_name(f"{path.name}-journal")
    if journal.exists() and journal.stat().st_size:
        left.append(f"{journal} is another program's log and may hold what was erased.")
    left += [
        f"{copy} is a copy of the ledger from before and may hold what was erased. Remove it once "
        "you need it no more, or replay the register of erasures after restoring it."
        for copy in _copies_beside(path)
    ]
    return tuple(left)


def _wait_seconds(engine: Engine) -> float:
    with closing(engine.raw_connection()) as raw:
        driver: Any = raw.driver_connection
        return float(driver.execute("PRAGMA busy_timeout").fetchone()[0]) / 1000


def _copies_beside(path: Path) -> list[Path]:
    """What upgrades leave beside a ledger."""
    return sorted(path.parent.glob(f"{_escaped(path.name)}.*.backup"))


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


# PostgreSQL

_MAY: Final = text(
    "SELECT pg_has_role(c.relowner, 'USAGE') OR pg_has_role(d.datdba, 'USAGE') "
    "FROM pg_class c, pg_database d "
    "WHERE c.oid = CAST(:table AS regclass) AND d.datname = current_database()"
)
_STALE: Final = text(
    "SELECT count(*) FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid "
    "WHERE s.starelid = CAST(:table AS regclass) AND c.reltuples = 0"
)
_DROP_STALE: Final = text(
    "DELETE FROM pg_catalog.pg_statistic WHERE starelid = CAST(:table AS regclass)"
)


def _purge_postgresql(engine: Engine) -> tuple[str, ...]:
    left: list[str] = []
    autocommit = {"isolation_level": "AUTOCOMMIT"}
    with translated(), engine.connect().execution_options(**autocommit) as connection:
        names = [qualified(connection, table_of(model).name) for model in _TABLES]
        if not all(connection.scalar(_MAY, {"table": name}) for name in names):
            return (
                "This database user does not own the tables, and so cannot have them written anew. "
                "Until their owner (or the database's) runs `custledger purge`, PostgreSQL keeps "
                "what was deleted.",
            )
        for name in names:
            _try(connection, f"VACUUM (FULL, ANALYZE) {name}", left)
        _purge_statistics(connection, names, left)
        _try(connection, "CHECKPOINT", left)
    return tuple(left)


def _purge_statistics(connection: Connection, names: list[str], left: list[str]) -> None:
    """The planner's statistics quote values; ANALYZE leaves those of a table that is now empty."""
    try:
        stale = [name for name in names if connection.scalar(_STALE, {"table": name})]
        for name in stale:
            connection.execute(_DROP_STALE, {"table": name})
    except DBAPIError as error:
        left.append(_could_not("DELETE FROM pg_statistic", error))
    _try(connection, "VACUUM FULL pg_catalog.pg_statistic", left)


def _try(connection: Connection, statement: str, left: list[str]) -> None:
    try:
        connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        left.append(_could_not(statement, error))


def _could_not(statement: str, error: DBAPIError) -> str:
    said = str(error.orig).splitlines()[0] if error.orig else ""
    what: dict[bool, Any] = {
        True: "Until the server's next checkpoint, files on its disk may hold what was erased",
        False: "What was erased may still be in the server's data files",
    }
    return (
        f"{what[statement == 'CHECKPOINT']}: {statement} could not be run ({said}). Ask an "
        "administrator of the server to run it, or run `custledger purge` again."
    )
