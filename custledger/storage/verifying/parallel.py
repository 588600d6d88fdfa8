"""Several processes that check chains at the same time, all over one snapshot of the ledger.

Each is a Python of its own that is told what to do over a pipe. It runs nothing of the program that
started it, so it works from scripts, notebooks and servers. On PostgreSQL they take over the
snapshot of the first transaction. On SQLite all begin to read while nobody may write.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from custledger import errors
from custledger.errors import CustledgerError, LedgerUnreadableError
from custledger.storage.bulk import table_of
from custledger.storage.chains import Range
from custledger.storage.context import Context
from custledger.storage.engine import WRITE
from custledger.storage.tables import EntryRow
from custledger.storage.transactions import EngineTransactions
from custledger.storage.verifying.chain_facts import Plan, Tally
from custledger.storage.verifying.worker import Failure, Job, settle

__all__ = ["Crew", "crew_for"]

_LARGE: Final = 100_000
"""From about so many entries on, other processes take less time than they need to start."""
_AHEAD: Final = 2
"""How many ranges a worker has at a time, so that it never waits for the next."""
_CODE: Final = """
import pickle, sys
try:
    sys.path[:] = pickle.load(sys.stdin.buffer)
except EOFError:
    sys.exit()
from custledger.storage.verifying.worker import serve
serve()
"""


class _WorkerEndedError(Exception):
    """A worker ended, or could not begin."""


class Crew:
    """The workers of one verification; with none of them the caller checks by itself."""

    def __init__(self, context: Context) -> None:
        self.workers: list[subprocess.Popen[bytes]] = []
        self._context = context
        self._answers: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._readers: list[threading.Thread] = []

    def start(self, job: bytes, count: int) -> None:
        """Start workers; they open the ledger while the caller goes on."""
        for number in range(count):
            # Isolated: the folder that somebody stands in must not give it a module. In a session
            # of its own: Ctrl-C is for this process, which ends the others.
            worker = subprocess.Popen(  # noqa: S603 (our own code)
                [sys.executable, "-I", "-c", _CODE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            self.workers.append(worker)
            reader = threading.Thread(target=self._read, args=(number, worker), daemon=True)
            reader.start()
            self._readers.append(reader)
        for worker in self.workers:
            self._write(worker, pickle.dumps(sys.path) + job)

    def begin(self, connection: Connection) -> None:
        """Let all see what a connection sees, which has read nothing yet.

        Where that cannot be, there are no workers afterwards.
        """
        if not self.workers:
            return
        try:
            self._wait_for_all("ready")
            if connection.dialect.name == "sqlite":
                self._begin_together(connection)
            else:
                snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
                self._tell_all(snapshot)
                self._wait_for_all("begun")
        except (_WorkerEndedError, DBAPIError):
            self.stop()

    def check(self, plan: Plan, spans: Sequence[Range]) -> Iterator[tuple[int, Tally]]:
        """The tallies of ranges as they come, each with its place among them."""
        self._tell_all(plan)
        # The largest first, so that no worker is left alone with one at the end.
        waiting = sorted(range(len(spans)), key=lambda place: spans[place].entries)
        under_way = 0
        for _ in range(_AHEAD):
            for number in range(len(self.workers)):
                under_way += self._give(number, waiting, spans)
        while under_way:
            try:
                number, answer = self._answer()
            except _WorkerEndedError as error:
                raise _told(error) from error
            under_way += self._give(number, waiting, spans) - 1
            yield answer

    def stop(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in self.workers:
            worker.kill()
        for reader in self._readers:
            reader.join()
        for worker in self.workers:
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what it was to be told, it will never be
                        pipe.close()
        self.workers.clear()
        self._readers.clear()

    def _begin_together(self, connection: Connection) -> None:
        with connection.engine.connect().execution_options(**{WRITE: True}) as lock, lock.begin():
            self._tell_all(None)
            settle(connection, None)
            self._wait_for_all("begun")

    def _give(self, number: int, waiting: list[int], spans: Sequence[Range]) -> int:
        if not waiting:
            return 0
        place = waiting.pop()
        self._write(self.workers[number], pickle.dumps((place, spans[place])))
        return 1

    def _tell_all(self, message: object) -> None:
        for worker in self.workers:
            self._write(worker, pickle.dumps(message))

    def _write(self, worker: subprocess.Popen[bytes], data: bytes) -> None:
        assert worker.stdin is not None
        with suppress(OSError):  # it ended, which its reader tells
            worker.stdin.write(data)
            worker.stdin.flush()

    def _wait_for_all(self, word: str) -> None:
        for _ in self.workers:
            _, answer = self._answer()
            if answer != word:
                raise _WorkerEndedError(Failure("", f"a worker said {answer!r}"))

    def _answer(self) -> tuple[int, Any]:
        number, answer = self._answers.get()
        if isinstance(answer, Failure):
            raise _WorkerEndedError(answer)
        return number, answer

    def _read(self, number: int, worker: subprocess.Popen[bytes]) -> None:
        assert worker.stdout is not None
        try:
            while True:
                self._answers.put((number, pickle.load(worker.stdout)))  # noqa: S301
        except Exception:  # the end, or half an answer of a worker that was killed
            said = f"it ended with the code {worker.wait()}"
            self._answers.put((number, Failure("", said)))


@contextmanager
def crew_for(context: Context, processes: int | None) -> Iterator[Crew]:
    """The workers that a verification of this ledger gets, ended when the block is left.

    None where it is small, in memory, a host's, or in the middle of a write, unless ``processes``
    says how many there are to be; a host's and an open write's are never seen by another process.
    """
    crew = Crew(context)
    try:
        job = _job(context)
        if job is not None and (count := _count(context, processes)) > 1:
            crew.start(job, count)
        yield crew
    finally:
        crew.stop()


def _job(context: Context) -> bytes | None:
    transactions = context.database.transactions
    if context.database.in_transaction or not isinstance(transactions, EngineTransactions):
        return None
    location = transactions.location
    if location is None or not sys.executable or getattr(sys, "frozen", False):
        return None
    job = Job(
        location=location,
        schema=transactions.schema,
        ledger=context.ledger,
        key=context.key,
        zone=context.zone,
        currency=context.currency,
        blobs=context.blobs,
        encryption=context.encryption,
    )
    try:
        return pickle.dumps(job)
    except Exception:  # keys of the caller's own kind, which may be tied to this process
        return None


def _count(context: Context, processes: int | None) -> int:
    if processes is not None:
        return processes
    with context.read() as connection:
        last = connection.scalar(select(func.max(table_of(EntryRow).c.id)))
    return _cores() if isinstance(last, int) and last >= _LARGE else 1


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # what this process may use, where that can be told
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _told(error: _WorkerEndedError) -> CustledgerError:
    failure: Failure = error.args[0]
    kind = getattr(errors, failure.kind, None) if failure.kind else None
    if kind is not None:
        return kind(failure.message)  # type: ignore[no-any-return]
    return LedgerUnreadableError(
        f"A process that checked a part of the ledger failed: {failure.message}. Nothing was "
        "decided; verify again, with processes=1 if it happens twice."
    )
