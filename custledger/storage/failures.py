"""What a database driver says, in words that name the cause and the remedy."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from sqlalchemy.exc import (
    DBAPIError,
    PendingRollbackError,
    ResourceClosedError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from custledger.errors import (
    BadInputError,
    ClosedLedgerError,
    ConnectionLostError,
    CustledgerError,
    LedgerBusyError,
    LedgerUnreadableError,
    LedgerUnwritableError,
    NotALedgerError,
)

__all__ = ["is_of_database", "translated"]

_UNFIT: Final = (
    "A value is of a type that no database takes. Nothing was written; check the types of the "
    "arguments."
)
_ENDED: Final = (
    "An error before this one ended the database transaction. Nothing was written; roll the "
    "transaction back and run it again."
)


class _Saying(NamedTuple):
    """What a driver may say, and the error for it; "{}" in a message is its first line.

    A PostgreSQL server that spoke is known by its SQLSTATE (a whole code, with the constraint's
    name behind a colon where there is one, or how these begin), because it may speak any language
    and quote any value; all others are known by their words.
    """

    kind: type[CustledgerError]
    message: str
    states: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


# The first that fits is told, so the particular come before the general.
_SAYINGS: Final = (
    _Saying(
        ConnectionLostError,
        "The database server is starting, stopping or recovering and takes no connection yet. "
        "Nothing was written; try again in a moment.",
        ("57P03",),
        ("the database system is",),
    ),
    _Saying(
        LedgerBusyError,
        "The database server has no connection left to give. Nothing was written; try again when "
        "others have closed theirs, or raise the server's max_connections.",
        ("53300",),
        ("too many clients", "too many connections", "connection slots are reserved"),
    ),
    _Saying(
        ConnectionLostError,
        "",
        ("08", "25P03", "25P04", "57P01", "57P02", "57P04", "57P05"),
        (
            "server closed the connection",
            "connection is closed",
            "connection is lost",
            "terminating connection",
            "consuming input failed",
            "sending query failed",
            "sending copy data failed",
            "no connection to the server",
            "data from server",
            "data to server",
            "SSL connection has been closed",
            "SSL SYSCALL error",
            "EOF detected",
        ),
    ),
    _Saying(
        LedgerUnreadableError,
        "The database server refused the connection: {}. Check the database, the user and the "
        "password of the URL.",
        ("28", "3D000"),
        ("authentication failed", "pg_hba.conf", "no password supplied", "FATAL:"),
    ),
    _Saying(
        ConnectionLostError,
        "The database server cannot be reached: {}. Nothing was written; check that it runs, and "
        "the host and port of the URL, then try again.",
        (),
        ("connection failed", "connection is bad", "failed to resolve host", "connection timeout"),
    ),
    _Saying(
        LedgerBusyError,
        "The transaction began before another write that it would have to follow. Nothing of it "
        "was written; run the transaction again.",
        ("40001",),
    ),
    _Saying(
        LedgerBusyError,
        "Two transactions waited for each other, so the database ended this one. Nothing of it "
        "was written; run the transaction again.",
        ("40P01",),
    ),
    _Saying(LedgerBusyError, "", ("55P03",), ("is locked",)),
    _Saying(
        LedgerBusyError,
        "The database cancelled the statement, on request or at a time limit. Nothing was "
        "written; try again.",
        ("57014",),
    ),
    _Saying(
        LedgerUnwritableError,
        "The database gives out keys of the trail that are in use: its sequences are behind, as "
        "after a restore of the data alone. Nothing was written; set them to the greatest id of "
        "their tables.",
        ("23505:pk_custledger_entry", "23505:pk_custledger_identity"),
    ),
    _Saying(
        LedgerUnwritableError,
        "The server has no room for more locks. Nothing was written; write fewer at a time, or "
        "raise the server's max_locks_per_transaction.",
        ("53200",),
    ),
    _Saying(
        LedgerBusyError,
        "Another writer entered the same record at the same moment. Nothing was written; try "
        "again.",
        ("23505",),
    ),
    _Saying(
        LedgerUnwritableError,
        "The disk (or the size limit of the file) is full. Nothing of this write was kept; make "
        "room and try again.",
        ("53100",),
        ("disk is full",),
    ),
    _Saying(
        LedgerUnwritableError,
        "The ledger is read-only for this user. Nothing was written; check the permissions of the "
        "file and its folder.",
        (),
        ("readonly database",),
    ),
    _Saying(
        LedgerUnwritableError,
        "The database takes no writes: it is a standby, or the transaction is read-only. Nothing "
        "was written; connect to the primary server.",
        ("25006",),
    ),
    _Saying(
        LedgerUnwritableError,
        "The ledger cannot be opened or created there. Check that the folder exists and that this "
        "user may write to it.",
        (),
        ("unable to open database file",),
    ),
    _Saying(LedgerUnwritableError, "", (), ("disk I/O error",)),
    _Saying(NotALedgerError, "", (), ("file is not a database",)),
    _Saying(LedgerUnreadableError, "", (), ("malformed",)),
    _Saying(
        LedgerUnwritableError,
        "This database user lacks a right: {}. Nothing was written. Recording needs the right "
        "to append; making, upgrading and rebuilding need the owner of the tables: connect as one "
        "who has it (`custledger roles` prints the rights).",
        ("42501",),
    ),
    _Saying(LedgerUnwritableError, _ENDED, ("25P02",)),
    _Saying(
        LedgerUnreadableError,
        "A part of the ledger is not in the database: {}. Check the schema that was named; else "
        "run `custledger upgrade`, or restore a backup.",
        ("42P01", "42703", "42883", "3F000"),
        ("no such table", "no such column"),
    ),
    _Saying(
        BadInputError,
        _UNFIT,
        ("42804", "42846"),
        ("binding parameter", "cannot adapt"),
    ),
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise a driver's complaint as the CustledgerError that says what to do next."""
    try:
        yield
    except Exception as error:
        if not is_of_database(error):
            raise
        raise _told(error) from error


def is_of_database(error: BaseException) -> bool:
    """Whether SQLAlchemy or a driver raised an error because of what a database did or said."""
    kinds: tuple[type[BaseException], ...] = (
        StatementError,
        PendingRollbackError,
        ResourceClosedError,
        PoolTimeoutError,
        sqlite3.Error,
    )
    if psycopg := sys.modules.get("psycopg"):  # nobody raises its errors who has not imported it
        kinds += (psycopg.Error,)
    return isinstance(error, kinds)


def _told(error: Exception) -> CustledgerError:
    if isinstance(error, SQLAlchemyError) and not isinstance(error, StatementError):
        return _told_of_use(error)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return ConnectionLostError()
    cause = error.orig if isinstance(error, StatementError) else error
    said, state = str(cause).strip(), _state(cause)
    for saying in _SAYINGS:
        if state.startswith(saying.states) if state else any(w in said for w in saying.words):
            return saying.kind(saying.message.replace("{}", _first_line(said)) or None)
    return _told_unforeseen(cause, _first_line(said))


def _state(cause: Any) -> str:
    state = getattr(cause, "sqlstate", None) or ""
    constraint = getattr(getattr(cause, "diag", None), "constraint_name", None)
    return f"{state}:{constraint}" if state and constraint else state


def _told_of_use(error: SQLAlchemyError) -> CustledgerError:
    """What SQLAlchemy says of itself: the state its connection, or its pool, is in."""
    if isinstance(error, PoolTimeoutError):
        return LedgerBusyError(
            "All connections of the engine's pool are in use. Nothing was written; try again when "
            "others have given theirs back, or make the pool larger."
        )
    if isinstance(error, ResourceClosedError):
        return ClosedLedgerError(
            "The connection that the ledger was opened with is closed. Nothing was written; open "
            "the ledger with one that is open."
        )
    # https://sqlalche.me/e/21/8s2b: the connection was lost under a transaction that is still open.
    return ConnectionLostError() if error.code == "8s2b" else LedgerUnwritableError(_ENDED)


def _told_unforeseen(cause: Any, said: str) -> CustledgerError:
    """The rest; what they have in common is that the statement did nothing."""
    kinds = {kind.__name__ for kind in type(cause).__mro__}  # as PEP 249 names them
    if not kinds & {"Error", "Warning"}:
        return BadInputError(_UNFIT)
    if "DataError" in kinds:
        return BadInputError(
            f"The database does not take a value: {said}. Nothing was written; correct the value."
        )
    if "IntegrityError" in kinds:
        return LedgerUnreadableError(
            f"The ledger's tables contradict what was to be written: {said}. Nothing was written; "
            "run `custledger verify`, and `custledger rebuild` if it finds damaged copies."
        )
    return LedgerUnreadableError(
        f"The database reported: {said}. Run `custledger verify`, and restore a backup if it fails."
    )


def _first_line(said: str) -> str:
    """The cause alone: libpq begins with every address that it tried."""
    line = (said.splitlines() or ["nothing"])[0].rstrip(".")
    return re.sub(r"^(.*\bFATAL:\s+|connection (failed|is bad): )", "", line)
