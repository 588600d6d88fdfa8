"""Making the tables in a new database and upgrading old ones, on the connection that is given.

Everything here runs in the caller's transaction and leaves the commit to the caller, so that a
failed upgrade leaves the database as it was. On SQLite the caller begins with ``BEGIN IMMEDIATE``;
on PostgreSQL a lock that ends with the transaction is taken here. Either way two processes that
upgrade at once queue up, and the second finds nothing to do.

A version is the four-digit name of a migration; versions sort as text. The version of a database
is in its table ``custledger_version``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from custledger.errors import CustledgerError, SchemaVersionError
from custledger.storage import guards
from custledger.storage.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic takes a third of a second to import: only what makes or upgrades tables waits for it.

__all__ = [
    "VERSION_TABLE",
    "create",
    "current_version",
    "head_version",
    "lock",
    "migrations_path",
    "upgrade",
]

VERSION_TABLE: Final = "custledger_version"

_HEAD: Final = "0001"  # The newest file in migrations/versions; a test compares the two.
_LOCK: Final = 0x6375_7374_6C65_6467  # "custledg" in ASCII: the advisory lock of upgrades.


def head_version() -> str:
    """The version of the tables that this release reads and writes."""
    return _HEAD


def current_version(connection: Connection) -> str | None:
    """The version of the database's tables; None where there is no ledger."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def create(connection: Connection) -> None:
    """Make all tables and guards in a database that holds no ledger, at the newest version."""
    lock(connection)
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
        command.upgrade(_config(connection), "head")
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

    On SQLite the write transaction itself does that.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _stamp(connection: Connection) -> None:
    from alembic import command

    command.stamp(_config(connection), "head")


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_path()).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config
