"""Bringing an older ledger's tables to this version of custledger, after a backup.

The lock comes first, then the backup, then the migrations, and the commit last. So of several that
upgrade at once one does the work, the others wait and find nothing to do; the backup holds all that
was written before; and whenever the process is killed, the ledger is the old one or the new one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from custledger.errors import LedgerUnwritableError, NotFoundError
from custledger.storage import schema
from custledger.storage.database import Database
from custledger.storage.engine import WAIT_SECONDS, engine_for, file_of, refuse_foreign_file, shown
from custledger.storage.files import sync_folder
from custledger.storage.opening import wall_clock
from custledger.storage.transactions import EngineTransactions

__all__ = ["WAIT", "UpgradeReport", "has_ledger", "upgrade"]

WAIT: Final = timedelta(minutes=10)
"""How long an upgrade waits for others to finish: another upgrade may be copying a large ledger."""

_PARTIAL: Final = ".backup.partial"


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
            where = shown(self.location)
            return f"{where} is up to date (schema {self.after}); nothing was changed."
        kept = f" The ledger as it was is in {self.backup}." if self.backup else ""
        return f"{shown(self.location)} went from schema {self.before} to {self.after}.{kept}"


def upgrade(
    location: str,
    *,
    backup: bool = True,
    now: Callable[[], datetime] | None = None,
    wait: timedelta = WAIT,
    tell: Callable[[str], None] | None = None,
) -> UpgradeReport:
    """Run every migration that the ledger lacks, in one transaction: all of them or none.

    A SQLite file is copied first, beside itself, under its name and the time (UTC) of ``now``; back
    up a PostgreSQL database with its own tools. ``wait`` is how long to wait for whoever writes to
    the ledger or upgrades it; ``tell`` is called with a line before each step that may take long.

    Raises NotFoundError where there is no ledger, SchemaVersionError where a newer custledger made
    it, LedgerBusyError, and LedgerUnwritableError where there is no room for the backup.
    """
    if not has_ledger(location, wait=wait):
        raise NotFoundError(f"No ledger at {shown(location)}: there is nothing to upgrade.")
    with _database(location, wait) as database:
        with database.read() as connection:
            before = _version(connection)
        if before == schema.head_version():
            return UpgradeReport(location, before, before)
        say = tell or _say_nothing
        say(f"{shown(location)} has schema {before}. Waiting until nobody else writes to it.")
        with database.write() as connection:
            path = file_of(location) if backup else None
            return _upgrade(connection, location, path, now or wall_clock, say)


def has_ledger(location: str, *, wait: timedelta = timedelta(seconds=WAIT_SECONDS)) -> bool:
    """Whether there is a ledger at a path or database URL; makes nothing.

    Raises NotALedgerError where something else is at the path.
    """
    path = file_of(location)
    if path is not None:
        refuse_foreign_file(path, wait.total_seconds())
        if not path.is_file() or not path.stat().st_size:
            return False
    with _database(location, wait) as database, database.read() as connection:
        return schema.current_version(connection) is not None


@contextmanager
def _database(location: str, wait: timedelta) -> Iterator[Database]:
    database = Database(EngineTransactions(engine_for(location, wait.total_seconds())))
    try:
        yield database
    finally:
        database.close()


def _upgrade(
    connection: Connection,
    location: str,
    path: Path | None,
    now: Callable[[], datetime],
    say: Callable[[str], None],
) -> UpgradeReport:
    schema.lock(connection)
    before, after = _version(connection), schema.head_version()
    if before == after:  # another process did it meanwhile
        return UpgradeReport(location, before, after)
    older = before < after
    saved = _back_up(path, now(), say) if older and path is not None else None
    say(f"Upgrading from schema {before} to {after}.")
    schema.upgrade(connection)
    return UpgradeReport(location, before, after, saved)


def _version(connection: Connection) -> str:
    return schema.current_version(connection) or ""


# The backup of a file. The caller holds the write lock, so nothing is added to the ledger meanwhile
# and what an unfinished backup left behind is nobody's.


def _back_up(path: Path, moment: datetime, say: Callable[[str], None]) -> Path:
    target, partial = _free_name(path, moment), path.with_name(path.name + _PARTIAL)
    say(f"Copying it to {target} first ({path.stat().st_size / 1e6:,.1f} MB).")
    try:
        _remove(partial)
        _copy(path, partial)
        partial.rename(target)
        sync_folder(target.parent)
    except BaseException as error:
        with suppress(OSError):
            _remove(partial)
        if not isinstance(error, OSError | sqlite3.Error):
            raise
        raise LedgerUnwritableError(
            f"The backup {target} could not be written ({error}); the ledger was not touched. Make "
            "room in its folder, or back it up yourself and upgrade with --no-backup."
        ) from error
    return target


def _free_name(path: Path, moment: datetime) -> Path:
    stamp = moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{path.name}.{stamp}{'' if n == 1 else f'-{n}'}.backup" for n in count(1))
    return next(name for name in map(path.with_name, names) if not name.exists())


def _copy(path: Path, partial: Path) -> None:
    # The file is there before the copy, so that nobody may read it who may not read the ledger.
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    shutil.copymode(path, partial)
    with closing(sqlite3.connect(path)) as connection:
        # Unlike a copy of the file, this includes what is still in the write-ahead log.
        connection.execute("VACUUM INTO ?", (str(partial),))
    with partial.open("r+b") as file:
        os.fsync(file.fileno())


def _remove(partial: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        partial.with_name(partial.name + end).unlink(missing_ok=True)


def _say_nothing(_line: str) -> None:
    return
