"""One ledger's way to its database: nested writes, and the rule about threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection

from custledger.errors import BadInputError, ClosedLedgerError, WrongThreadError
from custledger.storage.failures import translated
from custledger.storage.transactions import Transactions

__all__ = ["Database"]


class Database:
    """At most one open write, used by one thread at a time in the process that opened it.

    A write inside an open write joins it: both are kept or neither.
    """

    def __init__(self, transactions: Transactions) -> None:
        self.transactions = transactions
        self._open: Connection | None = None
        self._closed = False
        self._undo: list[Callable[[], None]] = []
        self._after: list[Callable[[], None]] = []
        self.after_commit: Callable[[], None] | None = None
        """Called after each commit of our own, when nothing can undo it any more."""
        self._process = os.getpid()
        self._user, self._uses, self._turn = 0, 0, threading.Lock()

    @property
    def joins_host(self) -> bool:
        """Whether the writes are part of a host's transaction, which may still be rolled back."""
        return self.transactions.joins_host

    @property
    def in_transaction(self) -> bool:
        """Whether what is written now is committed later, together with other writes."""
        return self.joins_host or self._open is not None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read from (the open write's, if there is one).

        It is one consistent snapshot, except for a guest on PostgreSQL, who sees what the host's
        transaction sees.
        """
        with self._reading(self.transactions.reading) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection with one consistent snapshot; BadInputError where a guest has none."""
        with self._reading(self.transactions.snapshot) as connection:
            yield connection

    @contextmanager
    def write(self, patience: float | None = None) -> Iterator[Connection]:
        """A connection in a write transaction: committed at the end, rolled back on an error.

        Inside an open write, or as a host's guest, it is a savepoint: a write that failed leaves
        nothing, even where the caller goes on with the others. ``patience`` is how many seconds to
        wait for SQLite's one writer, by default as long as any write waits.
        """
        with (
            self._transaction(patience=patience) as connection,
            self.transactions.speaking(connection),
        ):
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Several writes as one; between them a host's connection speaks as the host left it."""
        with self._transaction(with_host=True):
            yield

    def on_rollback(self, undo: Callable[[], None]) -> None:
        """Call ``undo`` if the open write fails: for what the database cannot roll back itself."""
        self._undo.append(undo)

    def on_commit(self, act: Callable[[], None]) -> None:
        """Call ``act`` once the open write is committed; never for a guest, whose host commits."""
        self._after.append(act)

    def close(self) -> None:
        """Give back what is ours, for good; a second time there is nothing to do."""
        with self._use():
            if self._open is not None:
                raise BadInputError(
                    "The ledger is in the middle of a transaction. Leave its block, then close it."
                )
            self._closed = True
            self.transactions.close()

    @contextmanager
    def _reading(
        self, begin: Callable[[], AbstractContextManager[Connection]]
    ) -> Iterator[Connection]:
        with self._use(), translated():
            self._check_open()
            if self._open is not None:
                with self.transactions.speaking(self._open):
                    yield self._open
            else:
                with begin() as connection, self.transactions.speaking(connection):
                    yield connection

    @contextmanager
    def _transaction(
        self, *, with_host: bool = False, patience: float | None = None
    ) -> Iterator[Connection]:
        with self._use(), translated():
            self._check_open()
            if self._open is not None:
                savepoint = self.transactions.savepoint(self._open, with_host=with_host)
                with savepoint, self._undoing():
                    yield self._open
                return
            try:
                with self.transactions.writing(
                    with_host=with_host, patience=patience
                ) as connection:
                    self._open = connection
                    try:
                        with self._undoing():
                            yield connection
                    finally:
                        self._open = None
                        self._undo.clear()
            finally:
                acts, self._after = self._after, []
            if not self.joins_host:
                # What several registered runs once, after the last of them.
                for act in [*dict.fromkeys(reversed(acts))][::-1]:
                    act()
        if self.after_commit is not None and not self.joins_host:
            self.after_commit()

    @contextmanager
    def _undoing(self) -> Iterator[None]:
        mark, after = len(self._undo), len(self._after)
        try:
            yield
        except BaseException:
            del self._after[after:]
            # Not after a commit that failed: then nobody can say whether the entry was kept.
            while len(self._undo) > mark:
                self._undo.pop()()
            raise

    @contextmanager
    def _use(self) -> Iterator[None]:
        if os.getpid() != self._process:
            raise WrongThreadError
        me = threading.get_ident()
        with self._turn:
            if self._uses and self._user != me:
                raise WrongThreadError
            self._user, self._uses = me, self._uses + 1
        try:
            yield
        finally:
            with self._turn:
                self._uses -= 1

    def _check_open(self) -> None:
        # An engine connects again after it was disposed of: a closed ledger would go on writing,
        # and one in memory would be another, empty one.
        if self._closed:
            raise ClosedLedgerError
