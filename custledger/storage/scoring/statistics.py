"""The planner's statistics, brought up to date after many rows came in at once.

PostgreSQL gathers them by itself a minute or more later; until then whatever is asked is planned
with guesses. On SQLite the score of all takes as long with them as without.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from sqlalchemy import Connection, text

from custledger.errors import CustledgerError
from custledger.storage.bulk import table_of
from custledger.storage.database import Database
from custledger.storage.engine import WRITE
from custledger.storage.naming import qualified
from custledger.storage.tables import COPIES, TRUTH, EntryRow

__all__ = ["MANY", "refresh_statistics"]

MANY: Final = 1_000
"""Fewer new entries than this are left to the server."""
_SHARE: Final = 10
"""So many times the new entries must outnumber those that the statistics know of."""

_KNOWN: Final = text("SELECT reltuples FROM pg_class WHERE oid = CAST(:name AS regclass)")


def refresh_statistics(database: Database, new_entries: int) -> None:
    """Analyze the ledger's tables if the new, committed entries are many of what is there.

    In a transaction of its own, so that it waits for nobody; inside an open write, and as a host's
    guest, nothing is done. Nothing is raised: the entries are kept, whatever becomes of this.
    """
    if new_entries < MANY or database.joins_host:
        return
    with suppress(CustledgerError):
        with database.read() as connection:
            due = connection.dialect.name == "postgresql" and _due(connection, new_entries)
        if due:
            with database.write() as connection:
                _analyze(connection)


def _due(connection: Connection, new_entries: int) -> bool:
    if connection.get_execution_options().get(WRITE):
        return False  # an open write: its rows may still be rolled back
    known = connection.scalar(_KNOWN, {"name": qualified(connection, table_of(EntryRow).name)})
    return new_entries * _SHARE >= (known or 0)


def _analyze(connection: Connection) -> None:
    # Of another's tables the server says in a warning that it skips them. A table that is being
    # analyzed already is skipped too: that will do.
    names = (qualified(connection, table_of(model).name) for model in (*TRUTH, *COPIES))
    connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {', '.join(names)}")
