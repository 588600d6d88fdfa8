"""Making the tables in a new database and upgrading old ones, on the connection that is given.

Everything here runs in the caller's transaction and leaves the commit to the caller, so that a
failed upgrade leaves the database as it was. On SQLite the caller begins with ``BEGIN IMMEDIATE``;
on PostgreSQL a lock that ends with the transaction is taken here. Either way two processes that
upgrade at once queue up, and the second finds nothing to do.

A version is the four-digit name of a migration; versions sort as text. The version of a database
is in its table ``custledger_version``. Where the connection carries a schema of choice, on
PostgreSQL, all of this happens there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import CreateSchema

from custledger.errors import CustledgerError, SchemaVersionError
from custledger.storage import guards
from custledger.storage.naming import qualified, schema_of
from custledger.storage.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic takes a third of a second to import: only what makes or upgrades tables waits for it.

__all__ = [
    "VERSION_TABLE",
    "check_version",
    "create",
    "current_version",
    "has_table",
    "head_version",
    "lock",
    "migrations_path",
    "upgrade",
]

VERSION_TABLE: Final = "custledger_version"

_HEAD: Final = "0004"  # The newest file in migrations/versions; a test compares the two.
_LOCK: Final = 0x6375_7374_6C65_6467  # "custledg" in ASCII: the advisory lock of upgrades.


def head_version() -> str:
    """The version of the tables that this release reads and writes."""
    return _HEAD


def current_version(connection: Connection) -> str | None:
    """The version of the database's tables; None where there is no ledger."""
    if not has_table(connection, VERSION_TABLE):
        return None
    table = qualified(connection, VERSION_TABLE)
    return connection.execute(text(f"SELECT version_num FROM {table}")).scalar()


def has_table(connection: Connection, name: str) -> bool:
    """Whether the ledger's schema holds a table."""
    return inspect(connection).has_table(name, schema=schema_of(connection))


def check_version(current: str | None) -> None:
    """Raise SchemaVersionError unless a database's version is the one that this release reads."""
    head = head_version()
    if current == head:
        return
    if current is not None and current > head:
        raise SchemaVersionError(
            f"A newer custledger made this ledger (schema {current}, this one knows {head}). "
            "Upgrade the package: pip install --upgrade custledger."
        )
    raise SchemaVersionError(
        f"This ledger has the older schema {current} (now {head}). Run `custledger upgrade` on it; "
        "that makes a backup first."
    )


def create(connection: Connection) -> None:
    """Make all tables and guards in a database that holds no ledger, at the newest version.

    The schema of choice is made too, if there is none.
    """
    lock(connection)
    _make_schema(connection)
    metadata.create_all(connection, checkfirst=False)
    _stamp(connection)
    guards.apply(connection)


def upgrade(connection: Connection) -> None:
    """Run every migration that the database lacks, then put the guards back.

    The guards go back because a migration that rebuilds a table on SQLite drops its triggers. A
    database made by a newer release raises SchemaVersionError.
    """
    from alembic import command

    lock(connection)
    current = current_version(connection)
    if current is not None and current > head_version():
        raise SchemaVersionError(
            f"The ledger's schema is {current}; this custledger knows up to {head_version()}. "
            "Install the newer release of custledger that wrote it."
        )
    if current != head_version():
        if current is not None:
            guards.drop(connection)
        else:
            _make_schema(connection)
        with _hosts_alembic_kept():
            command.upgrade(_config(connection), "head")
    # To replace a guard locks its table: an upgrade that has nothing to do stops nobody.
    if current != head_version() or guards.missing(connection):
        guards.apply(connection)


def migrations_path() -> Path:
    """The folder of the migrations: inside the installed package, or of the checkout beside it."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise CustledgerError(f"No migrations beside {package}. Install custledger again.")


def lock(connection: Connection) -> None:
    """Let one process at a time make or upgrade tables, until the transaction ends.

    On SQLite the write transaction itself does that; it is begun if the caller's driver has not.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    elif not getattr(connection.connection.driver_connection, "in_transaction", True):
        # A host's engine, left to itself, begins at the first INSERT: tables would be made outside.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _make_schema(connection: Connection) -> None:
    schema = schema_of(connection)
    # IF NOT EXISTS would ask for the right to make one even where it is there.
    if schema is not None and not inspect(connection).has_schema(schema):
        connection.execute(CreateSchema(schema))


def _stamp(connection: Connection) -> None:
    from alembic import command

    with _hosts_alembic_kept():
        command.stamp(_config(connection), "head")


@contextmanager
def _hosts_alembic_kept() -> Iterator[None]:
    """Alembic's ``op`` and ``context`` serve one run at a time: give them back to the host's.

    Else a host's migration that upgrades the ledger could call neither afterwards.
    """
    from alembic import context, op

    before = [getattr(module, "_proxy", None) for module in (context, op)]
    try:
        yield
    finally:
        for proxy in before:
            if proxy is not None:
                proxy._install_proxy()


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_path()).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    config.attributes["schema"] = schema_of(connection)
    return config
