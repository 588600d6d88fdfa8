"""A process that checks ranges of chains for a verification in another one.

It speaks pickles over its standard input and output with the process that started it: a job, then a
moment to look at, then a plan and ranges, of which it gives a tally each, until nobody asks.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from datetime import UTC, datetime
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from custledger.errors import CustledgerError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.database import Database
from custledger.storage.engine import engine_for
from custledger.storage.evidence.blobs import BlobStore
from custledger.storage.evidence.data_keys import DataKeys
from custledger.storage.failures import translated
from custledger.storage.naming import qualified
from custledger.storage.tables import EntryRow
from custledger.storage.transactions import EngineTransactions
from custledger.storage.verifying.chain_check import RangeCheck
from custledger.storage.verifying.raw import any_text

__all__ = ["Failure", "Job", "serve", "settle"]


class Job(NamedTuple):
    """The ledger that a worker opens, and what stays true of it."""

    location: str
    schema: str | None
    ledger: UUID
    key: int
    zone: str
    currency: str
    blobs: BlobStore
    encryption: DataKeys | None


class Failure(NamedTuple):
    """What ended a worker: the name of an error of ours, or "" for another, and what it says."""

    kind: str
    message: str


def serve() -> None:
    """Serve until the standard input ends; errors are sent, not raised."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that ends this one
    source = sys.stdin.buffer
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints must not disturb
        try:
            with translated():
                _serve(source, answers)
        except EOFError:
            return
        except CustledgerError as error:
            _send(answers, Failure(type(error).__name__, str(error)))
        except Exception as error:
            _send(answers, Failure("", f"{type(error).__name__}: {error}"))


def settle(connection: Connection, snapshot: str | None) -> None:
    """Let a transaction see what it sees from now on; on PostgreSQL what another one saw."""
    if snapshot is not None:
        connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
    entries = qualified(connection, table_of(EntryRow).name)
    connection.execute(text(f"SELECT 1 FROM {entries} LIMIT 1"))


def _serve(source: BinaryIO, answers: BinaryIO) -> None:
    job: Job = pickle.load(source)  # noqa: S301 (from our own process)
    engine = engine_for(job.location, schema=job.schema)
    level = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    context = _context(job, EngineTransactions(engine))
    with engine.connect().execution_options(**level) as connection:
        _send(answers, "ready")
        snapshot = pickle.load(source)  # noqa: S301
        with connection.begin(), any_text(connection):
            settle(connection, snapshot)
            _send(answers, "begun")
            check = RangeCheck(connection, context, pickle.load(source))  # noqa: S301
            while True:
                place, span = pickle.load(source)  # noqa: S301
                _send(answers, (place, check.check(span)))


def _send(answers: BinaryIO, message: Any) -> None:
    pickle.dump(message, answers)
    answers.flush()


def _context(job: Job, transactions: EngineTransactions) -> Context:
    return Context(
        database=Database(transactions),
        ledger=job.ledger,
        key=job.key,
        zone=job.zone,
        currency=job.currency,
        region=None,
        actor=0,
        actor_id=job.ledger,
        now=lambda: datetime.now(UTC),
        blobs=job.blobs,
        encryption=job.encryption,
    )
