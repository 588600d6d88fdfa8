"""What a ledger can be opened on: a path, a database URL, or what a host application has open."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from custledger.errors import BadInputError, LedgerUnwritableError
from custledger.storage.borrowing import engine_on
from custledger.storage.engine import engine_for, file_of, file_of_url, refuse_foreign_file
from custledger.storage.failures import translated
from custledger.storage.naming import check_schema
from custledger.storage.tables import EntryRow
from custledger.storage.transactions import EngineTransactions, HostTransaction, Transactions

__all__ = ["Home", "Host", "Place", "home_of", "is_location"]

Place = str | os.PathLike[str]
"""A path of a SQLite file, ``:memory:``, or a database URL."""
Host = Engine | Connection | Session | scoped_session[Any]
"""What a host application has: SQLAlchemy's, or a psycopg Connection."""


class Home(NamedTuple):
    """Where a ledger is; ``path`` is the SQLite file, if there is one, ``fresh`` if we make it."""

    transactions: Transactions
    path: Path | None
    fresh: bool = False


def home_of(home: Place | Host, schema: str | None, wait_seconds: float) -> Home:
    """The home that an argument names; BadInputError says what may be given."""
    with translated():
        return _home_of(home, schema, wait_seconds)


def _home_of(home: Place | Host, schema: str | None, wait_seconds: float) -> Home:
    if schema is not None:
        check_schema(schema)
    if is_location(home):
        return _own(os.fspath(home), schema, wait_seconds)
    if isinstance(home, Engine):
        _check_host(home, schema)
        _check_pool(home)
        transactions = EngineTransactions(
            home, owned=False, disposes=False, schema=schema, wait_seconds=wait_seconds
        )
        return Home(transactions, file_of_url(home.url))
    return _guest(home, schema)


def is_location(home: object) -> TypeGuard[Place]:
    """Whether a ledger is named by a place, and not by what a host has open."""
    return isinstance(home, str | os.PathLike)


def _own(location: str, schema: str | None, wait_seconds: float) -> Home:
    path = file_of(location)
    if path is not None:
        refuse_foreign_file(path, wait_seconds)
        if not path.parent.is_dir():
            raise LedgerUnwritableError(
                f"The folder {path.parent} does not exist. Create it first."
            )
    engine = engine_for(location, wait_seconds, schema)
    fresh = path is not None and not path.exists()
    return Home(EngineTransactions(engine), path, fresh)


def _guest(host: Any, schema: str | None) -> Home:
    if isinstance(host, Session | scoped_session):
        try:
            bound = host.get_bind(mapper=EntryRow)
        except UnboundExecutionError as error:
            raise BadInputError(
                "The Session cannot say in which database the ledger is. Give it a bind for all "
                "tables, or open the ledger on the Session's Connection."
            ) from error
        _check_host(bound, schema)

        def connect() -> Connection:
            return host.connection(bind_arguments={"mapper": EntryRow})

        return Home(HostTransaction(connect, schema, host), file_of_url(bound.engine.url))
    if isinstance(host, Connection):
        _check_host(host, schema)
        return Home(HostTransaction(lambda: host, schema), file_of_url(host.engine.url))
    psycopg = sys.modules.get("psycopg")
    if psycopg is not None and isinstance(host, psycopg.Connection):
        connection = engine_on(host).connect()
        lent = HostTransaction(lambda: connection, schema, give_back=connection.close)
        return Home(lent, None)
    raise BadInputError(
        "A ledger is opened on a path, a database URL, or a host's Engine, Connection, Session or "
        f"psycopg connection, not on {type(host).__name__}. {_remedy(host)}"
    )


def _remedy(host: object) -> str:
    if type(host).__name__.startswith("Async"):
        return "Open it inside run_sync: `await session.run_sync(work)`, where work(session) does."
    if type(host).__module__.startswith("django."):
        return "Give Django's own connection: `connection.connection` inside transaction.atomic()."
    return "Give one of these."


def _check_pool(engine: Engine) -> None:
    # To begin, commit or give back a connection that a host is using would end the host's own
    # transaction on it.
    if engine.dialect.name == "sqlite" and isinstance(
        engine.pool, StaticPool | SingletonThreadPool
    ):
        raise BadInputError(
            f"Your engine lends the same connection to all ({type(engine.pool).__name__}, as for a "
            "database in memory). Give the ledger a Session or Connection of it, or use a file."
        )


def _check_host(bind: Engine | Connection, schema: str | None) -> None:
    dialect = bind.dialect
    if dialect.name == "sqlite":
        if schema is not None:
            raise BadInputError("A SQLite file has no schemas: give each firm a file of its own.")
    elif dialect.name != "postgresql":
        raise BadInputError(
            f"custledger keeps ledgers in SQLite and PostgreSQL, not {dialect.name}. Give the "
            "ledger a file of its own."
        )
    elif dialect.driver not in ("psycopg", "psycopg_async"):
        raise BadInputError(
            f"custledger speaks to PostgreSQL through psycopg 3, not {dialect.driver}: begin the "
            "URL of your engine with postgresql+psycopg://."
        )
