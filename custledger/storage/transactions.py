"""Where a ledger's transactions come from: an engine, or the transaction of a host application.

With an engine the ledger begins and commits its own. As a guest of a host's Connection or Session
it makes savepoints inside the host's transaction and commits nothing: the host keeps or drops what
was written, together with its own rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session, scoped_session

from custledger.errors import BadInputError
from custledger.storage.engine import PATIENCE, WRITE, begin_sqlite, supply_functions
from custledger.storage.naming import options_for, schema_of

__all__ = ["EngineTransactions", "HostTransaction", "Transactions"]

# PostgreSQL gives each statement a snapshot of its own unless told otherwise; SQLite never does.
_ONE_SNAPSHOT: Final = {"isolation_level": "REPEATABLE READ"}
# A writer that waited for a chain must see what the other wrote, whatever the engine's own level.
_NEWEST: Final = {"isolation_level": "READ COMMITTED"}
_COMES_APART: Final = (
    "Your connection commits every statement by itself, so a record and its trail entry could come "
    "apart. Begin a transaction first (in Django: `transaction.atomic()`)."
)
_PREPARED: Final = "custledger_prepared"


class Transactions(Protocol):
    """What a Database asks of its source of transactions."""

    joins_host: bool
    """Whether somebody else decides if what was written is kept."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection to read from."""

    def snapshot(self) -> AbstractContextManager[Connection]:
        """A connection whose statements all see the same moment."""

    def writing(
        self, *, with_host: bool, patience: float | None = None
    ) -> AbstractContextManager[Connection]:
        """A connection to write to: what was written is undone if the block fails.

        ``with_host`` says that code of the host runs in the block too; ``patience`` how many
        seconds to wait at most for SQLite's other writers, where the transaction is our own.
        """

    def savepoint(
        self, connection: Connection, *, with_host: bool
    ) -> AbstractContextManager[object]:
        """A part of an open write that is undone by itself if it fails."""

    def flush(self) -> None:
        """Let a Session write what the host has given it, so that its errors stay the host's."""

    def speaking(self, connection: Connection) -> AbstractContextManager[None]:
        """While in the block, statements go to the ledger's schema."""

    def close(self) -> None:
        """Give back what is ours."""


class EngineTransactions:
    """Transactions of the ledger's own.

    ``owned`` says that the engine is one of ours (``engine_for``), which begins as the ledger needs
    it; another's may have been set up in any way. ``disposes`` says that nobody else uses it.
    """

    joins_host = False

    def __init__(
        self,
        engine: Engine,
        *,
        owned: bool = True,
        disposes: bool = True,
        schema: str | None = None,
        wait_seconds: float | None = None,
    ) -> None:
        self.engine = engine if schema is None else engine.execution_options(**options_for(schema))
        self._owned, self._disposes, self._wait = owned, disposes, wait_seconds

    def reading(self) -> AbstractContextManager[Connection]:
        """One snapshot, always."""
        sqlite = self.engine.dialect.name == "sqlite"
        return self._transaction({} if sqlite else _ONE_SNAPSHOT, write=False)

    def snapshot(self) -> AbstractContextManager[Connection]:
        """The same."""
        return self.reading()

    def writing(
        self, *, with_host: bool, patience: float | None = None
    ) -> AbstractContextManager[Connection]:
        """A transaction that is committed at the end, rolled back on an error."""
        level = {} if self.engine.dialect.name == "sqlite" else _NEWEST
        return self._transaction({WRITE: True, PATIENCE: patience, **level}, write=True)

    def savepoint(
        self, connection: Connection, *, with_host: bool
    ) -> AbstractContextManager[object]:
        """A savepoint."""
        return connection.begin_nested()

    def flush(self) -> None:
        """Nothing to do: there is no Session."""

    def speaking(self, connection: Connection) -> AbstractContextManager[None]:
        """Nothing to do: the engine's connections speak so from the start."""
        return nullcontext()

    @property
    def schema(self) -> str | None:
        """The schema of choice, however it was named."""
        return schema_of(self.engine)

    @property
    def location(self) -> str | None:
        """The path or URL, with its password, for another process; None where it is not ours."""
        url = self.engine.url
        if not self._owned or url.database in (None, "", ":memory:"):
            return None
        return url.render_as_string(hide_password=False)

    def lent(self) -> EngineTransactions:
        """The same, for one of several users: closing it leaves the engine open."""
        return EngineTransactions(
            self.engine, owned=self._owned, disposes=False, wait_seconds=self._wait
        )

    def start_anew(self) -> None:
        """After a fork: leave the connections to the parent, and open new ones when asked."""
        if self._owned:
            self.engine.dispose(close=False)

    def close(self) -> None:
        """Give every connection back, for good; another's engine is left as it is."""
        if self._disposes:
            self.engine.dispose()

    @contextmanager
    def _transaction(self, options: dict[str, Any], *, write: bool) -> Iterator[Connection]:
        with (
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            if not self._owned:
                self._prepare(connection, write=write)
            yield connection

    def _prepare(self, connection: Connection, *, write: bool) -> None:
        if connection.dialect.name == "sqlite":
            _supply_functions(connection)
            if _in_transaction(connection):  # begun by the driver or a listener, and still empty
                if not write:
                    return
                connection.exec_driver_sql("ROLLBACK")
            begin_sqlite(connection, writes=write)
        elif write and self._wait is not None:
            wait = {"wait": f"{self._wait * 1000:.0f}"}
            connection.execute(text("SELECT set_config('lock_timeout', :wait, true)"), wait)


class HostTransaction:
    """The open transaction of a host: ``connect`` gives its Connection, anew for each call.

    Where the host has a Session, savepoints around its own code are the Session's, which takes its
    objects back too when one fails.
    """

    joins_host = True

    def __init__(
        self,
        connect: Callable[[], Connection],
        schema: str | None = None,
        session: Session | scoped_session[Any] | None = None,
        give_back: Callable[[], None] | None = None,
    ) -> None:
        self._connect, self._options = connect, options_for(schema)
        self._session, self._give_back = session, give_back

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The host's connection, with what the host has written; no snapshot on PostgreSQL."""
        connection = self._connect()
        if connection.dialect.name != "sqlite":
            yield connection
            return
        _supply_functions(connection)
        with connection.begin_nested():  # on SQLite a savepoint is a snapshot, at no cost
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """The host's connection, where its transaction has one snapshot; else BadInputError."""
        with self.reading() as connection:
            if connection.dialect.name == "postgresql":
                level = connection.exec_driver_sql("SHOW transaction_isolation").scalar_one()
                if level not in ("repeatable read", "serializable"):
                    raise BadInputError(
                        "This needs one view of the whole ledger, and each statement of your "
                        f"transaction ({level}) has its own. Open the ledger with the engine, or "
                        "begin the transaction as REPEATABLE READ."
                    )
            yield connection

    @contextmanager
    def writing(self, *, with_host: bool, patience: float | None = None) -> Iterator[Connection]:
        """A savepoint: released at the end, rolled back to on an error; never a commit."""
        connection = self._connect()
        if connection.dialect.name == "sqlite":
            _supply_functions(connection)
            if not connection.in_transaction():
                connection.begin()  # where a listener of the host's may begin the driver's
            if not _in_transaction(connection):
                _refuse_no_transactions(connection)
                # A savepoint outside a transaction would commit when it is released. IMMEDIATE, so
                # that no other writer can come in between a head that was read and its follower.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            _refuse_autocommit(connection)
        with self.savepoint(connection, with_host=with_host):
            yield connection

    @contextmanager
    def savepoint(self, connection: Connection, *, with_host: bool) -> Iterator[None]:
        """A savepoint of the Session where the host uses it inside, else of the Connection."""
        if with_host and self._session is not None:
            with self._session.begin_nested():
                self._connect()  # a Session makes a savepoint only once it is asked
                yield
        else:
            with connection.begin_nested():
                yield

    def flush(self) -> None:
        """Flush the host's Session."""
        if self._session is not None:
            self._session.flush()

    @contextmanager
    def speaking(self, connection: Connection) -> Iterator[None]:
        """Map the host's connection to the ledger's schema, and give it back as it was."""
        if not self._options:
            yield
            return
        before = connection.get_execution_options()
        connection.execution_options(**self._options)
        try:
            yield
        finally:
            if not connection.closed:
                connection.execution_options(**{name: before.get(name) for name in self._options})

    def close(self) -> None:
        """Give back what was wrapped around the host's connection, which stays open."""
        if self._give_back is not None:
            self._give_back()


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _in_transaction(connection: Connection) -> bool:
    return bool(_driver(connection).in_transaction)


def _supply_functions(connection: Connection) -> None:
    driver = _driver(connection)
    if isinstance(driver, sqlite3.Connection) and _PREPARED not in connection.info:
        supply_functions(driver)
        connection.info[_PREPARED] = True


def _refuse_no_transactions(connection: Connection) -> None:
    # Python's driver in its way of old begins at a change, unless it was told not to begin at all.
    driver = _driver(connection)
    if getattr(driver, "autocommit", -1) is True or driver.isolation_level is None:
        raise BadInputError(_COMES_APART)


def _refuse_autocommit(connection: Connection) -> None:
    driver = _driver(connection)
    status = getattr(getattr(driver, "info", None), "transaction_status", None)
    if getattr(driver, "autocommit", False) and getattr(status, "name", "IDLE") == "IDLE":
        raise BadInputError(_COMES_APART)
