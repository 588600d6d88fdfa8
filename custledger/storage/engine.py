"""Our own engines: SQLite set up for durability, PostgreSQL through psycopg 3. Nothing global."""

from __future__ import annotations

import math
import re
import selectors
import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import StaticPool

from custledger.errors import BadInputError, LedgerUnwritableError, NotALedgerError
from custledger.storage.naming import check_schema, options_for

__all__ = [
    "PATIENCE",
    "WAIT_SECONDS",
    "WRITE",
    "begin_sqlite",
    "engine_for",
    "file_of",
    "file_of_url",
    "is_url",
    "refuse_foreign_file",
    "shown",
    "supply_functions",
]

WRITE: Final = "custledger_write"
"""Execution option of a connection whose next transaction will write."""

PATIENCE: Final = "custledger_patience"
"""Execution option: how many seconds such a transaction waits at most for others, on SQLite."""

_MEMORY: Final = ":memory:"
# By pattern, not by parsing: a URL with a typing error is shown as well. A password may hold an @.
_PASSWORD: Final = re.compile(r"(://[^:/?#@]*):[^@]*@(?:[^/?#@]*@)*")
_IN_QUERY: Final = re.compile(r"([?&][^=&]*password=)[^&]*", re.IGNORECASE)
_SCHEMA: Final = "schema"
WAIT_SECONDS: Final = 10.0
"""How long a write waits for another process's to end, unless told otherwise."""
_SQLITE_MAGIC: Final = b"SQLite format 3\x00"
_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "recursive_triggers = ON",  # so that REPLACE fires the guards against DELETE
    "secure_delete = ON",  # what is deleted is overwritten; an erasure needs more (see purging)
    "cache_size = -65536",
)


def is_url(location: str) -> bool:
    """Whether a location is a database URL and not a path."""
    return "://" in location


def engine_for(
    location: str, wait_seconds: float = WAIT_SECONDS, schema: str | None = None
) -> Engine:
    """An engine for a path, ``:memory:`` or a database URL; connects lazily.

    The tables are in ``schema``, or in the one that the URL names (``?schema=firm_a``).
    """
    url = _url(location) if is_url(location) else None
    backend = "sqlite" if url is None else url.get_backend_name()
    if backend == "postgresql" and url is not None:
        return _postgresql(url, wait_seconds, schema)
    if backend != "sqlite":
        raise BadInputError(f"custledger keeps ledgers in SQLite and PostgreSQL, not {backend}.")
    if schema is not None:
        raise BadInputError("A SQLite file has no schemas: give each firm a file of its own.")
    return _sqlite(location if url is None else url.database or _MEMORY, wait_seconds)


def shown(location: str) -> str:
    """A path or database URL as it may be printed: without a password.

    >>> shown("postgresql://olga:secret@host/shop"), shown("shop.sqlite")
    ('postgresql://olga:***@host/shop', 'shop.sqlite')
    """
    if not is_url(location):
        return location
    return _IN_QUERY.sub(r"\1***", _PASSWORD.sub(r"\1:***@", location))


def file_of(location: str) -> Path | None:
    """The SQLite file that a location names, as a path or as a URL; None if there is no file."""
    if not is_url(location):
        return None if location == _MEMORY else Path(location).absolute()
    return file_of_url(_url(location))


def file_of_url(url: URL) -> Path | None:
    """The SQLite file that a database URL names; None if there is no file."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", _MEMORY):
        return None
    return Path(str(url.database)).absolute()


def _url(location: str) -> URL:
    try:
        return make_url(location)
    except (ArgumentError, ValueError):
        raise BadInputError(f"{shown(location)!r} is not a database URL.") from None


def refuse_foreign_file(path: Path, wait_seconds: float = WAIT_SECONDS) -> None:
    """Raise NotALedgerError if something that is no ledger lies at the path; touch nothing."""
    try:
        _refuse_foreign_file(path, wait_seconds)
    except OSError as error:
        raise LedgerUnwritableError(
            f"{path} cannot be opened: {error.strerror}. Check the permissions of the file and its "
            "folder."
        ) from error


def _refuse_foreign_file(path: Path, wait_seconds: float) -> None:
    if path.is_dir():
        raise NotALedgerError(f"{path} is a folder. Give the path of a file for the ledger.")
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        if file.read(len(_SQLITE_MAGIC)) != _SQLITE_MAGIC:
            raise NotALedgerError(
                f"{path} is not a ledger. Give another path; it was left as it was."
            )
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=wait_seconds
    )
    try:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            return
        if isinstance(error, sqlite3.OperationalError):
            raise LedgerUnwritableError(
                f"{path} cannot be opened ({error}). Check that this user may write to the file "
                "and its folder: SQLite needs both."
            ) from error
        raise NotALedgerError(
            f"{path} is damaged or no ledger ({error}). Restore a backup."
        ) from error
    finally:
        connection.close()
    if names and "custledger_entry" not in names:
        raise NotALedgerError(
            f"{path} is a SQLite database of another program. Give another path; "
            "it was left as it was."
        )


def _sqlite(database: str, wait_seconds: float) -> Engine:
    memory = database == _MEMORY
    engine = create_engine(
        URL.create("sqlite", database=database),
        connect_args={"timeout": wait_seconds, "check_same_thread": False},
        **({"poolclass": StaticPool} if memory else {}),
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # custledger begins its transactions itself
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    supply_functions(connection)


def supply_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the mathematical functions that its SQLite was built without."""
    try:
        connection.execute("SELECT power(2, 1)")
    except sqlite3.OperationalError:
        connection.create_function("power", 2, _power, deterministic=True)
        connection.create_function("sqrt", 1, _sqrt, deterministic=True)


def _power(base: float | None, exponent: float | None) -> float | None:
    return None if base is None or exponent is None else math.pow(base, exponent)


def _sqrt(value: float | None) -> float | None:
    return None if value is None or value < 0 else math.sqrt(value)


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: a transaction that reads a head and then writes can
    # never find, half way, that another writer was there in between.
    begin_sqlite(connection, writes=connection.get_execution_options().get(WRITE, False))


def begin_sqlite(connection: Connection, *, writes: bool) -> None:
    """Begin; a writer waits for the others no longer than its execution option says, if any."""
    patience = connection.get_execution_options().get(PATIENCE)
    if not writes or patience is None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        return
    before = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    wait = min(before, int(patience * 1000))
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {before}")


def _postgresql(url: URL, wait_seconds: float, schema: str | None) -> Engine:
    url, named = _without_schema(url)
    if schema is not None and named is not None and schema != named:
        raise BadInputError(f"The URL names the schema {named!r}, and schema says {schema!r}.")
    schema = schema or named
    said = str(url.query.get("options", ""))
    if "lock_timeout" not in said:
        said = f"{said} -c lock_timeout={wait_seconds * 1000:.0f}".strip()
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"), connect_args={"options": said}
        )
    except ModuleNotFoundError as error:
        raise BadInputError(
            "PostgreSQL needs the driver: pip install 'custledger[postgres]'."
        ) from error
    event.listen(engine, "checkout", _refuse_dead)
    return engine if schema is None else engine.execution_options(**options_for(schema))


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    # On an idle connection there is something to read once the server has closed it. To look costs
    # microseconds, where a statement to try it would cost a round trip each time.
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        if selector.select(0):
            raise DisconnectionError


def _without_schema(url: URL) -> tuple[URL, str | None]:
    # ``schema`` is custledger's own word in a URL: libpq would refuse it.
    named = url.query.get(_SCHEMA)
    if named is None:
        return url, None
    if not isinstance(named, str):
        raise BadInputError("The URL names more than one schema.")
    return url.difference_update_query([_SCHEMA]), check_schema(named)
