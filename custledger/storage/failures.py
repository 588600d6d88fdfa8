"""What a database driver says, in words that name the cause and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from custledger.errors import (
    BadInputError,
    CustledgerError,
    LedgerBusyError,
    LedgerUnreadableError,
    LedgerUnwritableError,
    NotALedgerError,
)

__all__ = ["translated"]

_UNFIT: Final = (
    "A value is of a type that no database takes. Nothing was written; check the types of the "
    "arguments."
)
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
        "permission denied",
        LedgerUnwritableError,
        "The database's user lacks a right to the ledger's tables. Nothing was written; grant it, "
        "or connect as the user who made the ledger.",
    ),
    ("binding parameter", BadInputError, _UNFIT),
    ("cannot adapt", BadInputError, _UNFIT),
    ("cannot cast", BadInputError, _UNFIT),
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
    except StatementError as error:
        raise _told(error) from error


def _told(error: StatementError) -> CustledgerError:
    said = str(error.orig).strip()
    for saying, kind, message in _SAYINGS:
        if saying in said:
            return kind(message or None)
    # The rest are not foreseen; what they have in common is that the statement did nothing.
    if not isinstance(error, DBAPIError):
        return BadInputError(_UNFIT)
    if isinstance(error, DataError):
        return BadInputError(
            f"The database does not take a value: {_first_line(said)}. Nothing was written; "
            "correct the value."
        )
    if isinstance(error, IntegrityError):
        return LedgerUnreadableError(
            f"The ledger's tables contradict what was to be written: {_first_line(said)}. Nothing "
            "was written; run `custledger verify`, and `custledger rebuild` if it finds damaged "
            "copies."
        )
    return LedgerUnreadableError(
        f"The database reported: {_first_line(said)}. Run `custledger verify`, and restore a "
        "backup if it fails."
    )


def _first_line(said: str) -> str:
    return (said.splitlines() or ["nothing"])[0].rstrip(".")
