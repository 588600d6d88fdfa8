"""Bringing an older ledger's tables to this version of custledger, after a backup."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from custledger.errors import LedgerUnwritableError, NotFoundError
from custledger.storage import schema
from custledger.storage.database import Database
from custledger.storage.engine import engine_for, file_of, refuse_foreign_file

__all__ = ["UpgradeReport", "has_ledger", "upgrade"]


@dataclass(frozen=True)
class UpgradeReport:
    """What an upgrade did: the versions of the tables before and after, and the backup, if any."""

    location: str
    before: str
    after: str
    backup: Path | None = None

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return self.before != self.after

    def __str__(self) -> str:
        if not self.changed:
            return f"{self.location} is up to date (schema {self.after}); nothing was changed."
        kept = f" The ledger as it was is in {self.backup}." if self.backup else ""
        return f"{self.location} went from schema {self.before} to {self.after}.{kept}"


def upgrade(
    location: str, *, backup: bool = True, now: Callable[[], datetime] | None = None
) -> UpgradeReport:
    """Run every migration that the ledger lacks, in one transaction: all of them or none.

    A SQLite file is copied first, beside itself, under its name and the time (UTC) of ``now``; back
    up a PostgreSQL database with its own tools. Raises NotFoundError where there is no ledger, and
    SchemaVersionError where a newer custledger made it.
    """
    if not has_ledger(location):
        raise NotFoundError(f"No ledger at {location}: there is nothing to upgrade.")
    database = Database(engine_for(location))
    try:
        with database.read() as connection:
            before = schema.current_version(connection) or ""
        wanted = before != schema.head_version()
        saved = _back_up(location, now or _wall_clock) if wanted and backup else None
        if wanted:
            with database.write() as connection:
                schema.upgrade(connection)
    finally:
        database.close()
    return UpgradeReport(location, before, schema.head_version(), saved)


def has_ledger(location: str) -> bool:
    """Whether there is a ledger at a path or database URL; makes nothing.

    Raises NotALedgerError where something else is at the path.
    """
    path = file_of(location)
    if path is not None:
        refuse_foreign_file(path)
        if not path.is_file() or not path.stat().st_size:
            return False
    database = Database(engine_for(location))
    try:
        with database.read() as connection:
            return schema.current_version(connection) is not None
    finally:
        database.close()


def _back_up(location: str, now: Callable[[], datetime]) -> Path | None:
    path = file_of(location)
    if path is None:
        return None
    stamp = now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = path.with_name(f"{path.name}.{stamp}.backup")
    if target.exists():
        raise LedgerUnwritableError(f"{target} exists already. Move it away and try again.")
    connection = sqlite3.connect(path)
    try:
        # Unlike a copy of the file, this includes what is still in the write-ahead log.
        connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise LedgerUnwritableError(
            f"The backup {target} could not be written ({error}); the ledger was not touched."
        ) from error
    finally:
        connection.close()
    return target


def _wall_clock() -> datetime:
    return datetime.now(UTC)
