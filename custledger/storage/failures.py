"""What a database driver says, in words that name the cause and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError

from custledger.errors import (
    CustledgerError,
    LedgerBusyError,
    LedgerUnreadableError,
    LedgerUnwritableError,
    NotALedgerError,
)

__all__ = ["translated"]

_SAYINGS: Final[tuple[tuple[str, type[CustledgerError], str], ...]] = (
    ("is locked", LedgerBusyError, ""),
    ("lock timeout", LedgerBusyError, ""),
    ("deadlock detected", LedgerBusyError, ""),
    (
        "duplicate key value",
        LedgerBusyError,
        "Another writer entered the same record at the same moment. Nothing was written; try "
        "again.",
    ),
    (
        "disk is full",
        LedgerUnwritableError,
        "The disk (or the size limit of the file) is full. Nothing of this write was kept; make "
        "room and try again.",
    ),
    (
        "readonly database",
        LedgerUnwritableError,
        "The ledger is read-only for this user. Nothing was written; check the permissions of the "
        "file and its folder.",
    ),
    (
        "unable to open database file",
        LedgerUnwritableError,
        "The ledger cannot be opened or created there. Check that the folder exists and that this "
        "user may write to it.",
    ),
    ("disk I/O error", LedgerUnwritableError, ""),
    ("file is not a database", NotALedgerError, ""),
    ("malformed", LedgerUnreadableError, ""),
    (
        "connection failed",
        LedgerUnreadableError,
        "The database server cannot be reached. Check that it runs, and the host, database and "
        "user of the URL.",
    ),
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise a driver's complaint as the CustledgerError that says what to do next."""
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig)
        for saying, kind, message in _SAYINGS:
            if saying in said:
                raise kind(message or None) from error
        if isinstance(error, OperationalError):
            raise LedgerUnreadableError(f"The database reported: {said.strip()}") from error
        raise
