"""What can go wrong, and what to do next.

The docstring of each class is its default message: one sentence that names the cause, one that
names the remedy. Expected refusals are return values, not exceptions (see the glossary).
"""

from __future__ import annotations

__all__ = [
    "AmbiguousMatchError",
    "BadInputError",
    "ClosedLedgerError",
    "ConnectionLostError",
    "CustledgerError",
    "EvidenceAlteredError",
    "EvidenceLockedError",
    "ExtraNeededError",
    "ImportFileError",
    "LedgerBusyError",
    "LedgerUnreadableError",
    "LedgerUnwritableError",
    "MappingError",
    "NotALedgerError",
    "NotFoundError",
    "NotPublishedError",
    "NotSentError",
    "SchemaVersionError",
    "SigningRefusedError",
    "UnregisteredActorError",
    "WrongThreadError",
]


class CustledgerError(Exception):
    """custledger could not do what was asked; the message says why and what to do next."""

    exit_code = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))


class BadInputError(CustledgerError, ValueError):
    """A value was not accepted. Correct the value that the message names and call again."""

    exit_code = 2


class NotFoundError(CustledgerError, LookupError):
    """Nothing in this ledger has that name or id. Search with `customers.find` first."""

    exit_code = 3


class AmbiguousMatchError(NotFoundError):
    """More than one record matches. Use the id, which is unique."""


class UnregisteredActorError(CustledgerError):
    """The actor is not registered in this ledger.

    An existing member adds it: `custledger add staff NAME`.
    """

    exit_code = 4


class NotALedgerError(CustledgerError):
    """The file exists and is not a custledger ledger.

    Give another path; the file was left as it was.
    """

    exit_code = 5


class SchemaVersionError(CustledgerError):
    """The ledger's schema does not fit this version of custledger.

    Run `custledger upgrade` on it.
    """

    exit_code = 6


class LedgerBusyError(CustledgerError):
    """Another process holds the ledger. Nothing was written; try again when it has finished."""

    exit_code = 7


class LedgerUnwritableError(CustledgerError):
    """The ledger cannot be written here.

    Check the folder, its permissions and the free disk space.
    """

    exit_code = 8


class LedgerUnreadableError(CustledgerError):
    """The database reported an error while it was read.

    Restore a backup if `custledger verify` fails.
    """

    exit_code = 9


class EvidenceAlteredError(LedgerUnreadableError):
    """The encrypted file of the evidence is not as it was written: it does not decrypt.

    Restore the file from a backup; `custledger verify` lists what was changed.
    """


class EvidenceLockedError(LedgerUnreadableError):
    """The evidence is encrypted, and its customer's key is not there.

    If the key was destroyed, the contents are erased for good; if not, open the ledger with the
    folder of keys that it was written with.
    """


class ConnectionLostError(CustledgerError):
    """The connection to the database server was lost: it stopped, restarted or ended the session.

    Every write that was acknowledged is kept; of the one under way nothing is, unless it was
    committing just then. Try again when the server is back; if the write was a commit, look first
    whether it is there (a record with an external_id never enters twice).
    """

    exit_code = 10


class SigningRefusedError(CustledgerError):
    """The checkpoint does not continue what this key signed before. Nothing was signed.

    Either the ledger was restored from a backup (`custledger resume` goes on explicitly), or its
    seals were changed: verify it against a published checkpoint.
    """

    exit_code = 11


class NotPublishedError(CustledgerError):
    """The checkpoint could not be published there, and nothing counts as published.

    See that the place can be reached, then publish again; the checkpoint itself is kept.
    """

    exit_code = 12


class NotSentError(CustledgerError):
    """A briefing could not be sent, and nobody counts as told.

    See that the server can be reached and the settings are right, then send it again.
    """

    exit_code = 13


class ExtraNeededError(BadInputError):
    """This needs a package that is not installed. Install it: pip install 'custledger[trail]'."""


class ImportFileError(BadInputError):
    """The file cannot be imported as it is. Nothing was written."""


class MappingError(BadInputError):
    """The mapping file cannot be used.

    Correct the key that the message names; nothing was written.
    """


class ClosedLedgerError(CustledgerError):
    """This Ledger was closed. Nothing was written; open it again with `open_ledger`."""


class WrongThreadError(CustledgerError):
    """A Ledger serves one thread at a time, in the process that opened it.

    Open one ledger per thread (or process).
    """
