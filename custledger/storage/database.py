"""One ledger's way to its database: transactions, and the rule about threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine

from custledger.errors import WrongThreadError
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

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection with one consistent snapshot (the open write's, if there is one)."""
        self._check_thread()
        if self._open is not None:
            with translated():
                yield self._open
            return
        options: dict[str, Any] = {} if self.engine.dialect.name == "sqlite" else _ONE_SNAPSHOT
        with translated(), self._connect(options) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a write transaction: committed at the end, rolled back on an error."""
        self._check_thread()
        if self._open is not None:
            with translated():
                yield self._open
            return
        with translated(), self._connect({WRITE: True}) as connection, connection.begin():
            self._open = connection
            try:
                yield connection
            finally:
                self._open = None

    def close(self) -> None:
        """Give back every connection."""
        self._check_thread()
        self.engine.dispose()

    def _connect(self, options: dict[str, Any]) -> Connection:
        return self.engine.connect().execution_options(**options)

    def _check_thread(self) -> None:
        if (os.getpid(), threading.get_ident()) != self._owner:
            raise WrongThreadError
