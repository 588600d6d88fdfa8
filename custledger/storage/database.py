"""One ledger's way to its database: transactions, and the rule about threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine

from custledger.errors import BadInputError, ClosedLedgerError, WrongThreadError
from custledger.storage.engine import WRITE
from custledger.storage.failures import translated

__all__ = ["Database"]

# PostgreSQL gives each statement a snapshot of its own unless told otherwise; SQLite never does.
_ONE_SNAPSHOT: Final = {"isolation_level": "REPEATABLE READ"}


class Database:
    """An engine, and at most one open transaction, used by the thread that made it.

    A write inside an open write joins it: both are kept or neither.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._owner = (os.getpid(), threading.get_ident())
        self._open: Connection | None = None
        self._closed = False
        self._undo: list[Callable[[], None]] = []

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection with one consistent snapshot (the open write's, if there is one)."""
        self._check_usable()
        if self._open is not None:
            with translated():
                yield self._open
            return
        options: dict[str, Any] = {} if self.engine.dialect.name == "sqlite" else _ONE_SNAPSHOT
        with translated(), self._connect(options) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a write transaction: committed at the end, rolled back on an error.

        Inside an open write it is a savepoint: a write that failed leaves nothing, even where the
        caller goes on with the others.
        """
        self._check_usable()
        if self._open is not None:
            with translated(), self._open.begin_nested(), self._undoing():
                yield self._open
            return
        with translated(), self._connect({WRITE: True}) as connection, connection.begin():
            self._open = connection
            try:
                with self._undoing():
                    yield connection
            finally:
                self._open = None
                self._undo.clear()

    def on_rollback(self, undo: Callable[[], None]) -> None:
        """Call ``undo`` if the open write fails: for what the database cannot roll back itself."""
        self._undo.append(undo)

    @contextmanager
    def _undoing(self) -> Iterator[None]:
        mark = len(self._undo)
        try:
            yield
        except BaseException:
            # Not after a commit that failed: then nobody can say whether the entry was kept.
            while len(self._undo) > mark:
                self._undo.pop()()
            raise

    def close(self) -> None:
        """Give back every connection, for good; a second time there is nothing to do."""
        self._check_thread()
        if self._open is not None:
            raise BadInputError(
                "The ledger is in the middle of a transaction. Leave its block, then close it."
            )
        self._closed = True
        self.engine.dispose()

    def _connect(self, options: dict[str, Any]) -> Connection:
        return self.engine.connect().execution_options(**options)

    def _check_usable(self) -> None:
        self._check_thread()
        # An engine connects again after it was disposed of: a closed ledger would go on writing,
        # and one in memory would be another, empty one.
        if self._closed:
            raise ClosedLedgerError

    def _check_thread(self) -> None:
        if (os.getpid(), threading.get_ident()) != self._owner:
            raise WrongThreadError
