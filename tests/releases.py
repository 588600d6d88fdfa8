"""The ledgers that each release left behind (``tests/data/releases``), on both databases."""

from __future__ import annotations

import json
import runpy
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, Table, Uuid, create_engine, func, select, text

from custledger import Ledger
from custledger.storage import schema

__all__ = ["ACTOR", "RELEASES", "Release", "dump", "facts_of", "query"]

FOLDER = Path(__file__).parent / "data" / "releases"
MAKE_RELEASE = runpy.run_path(str(FOLDER / "make_release.py"))
ACTOR: str = MAKE_RELEASE["ACTOR"]
NAME: str = MAKE_RELEASE["NAME"]
CHUNK = 1 << 20
"""How many bytes of a file of evidence are in a row of the table, in every release so far."""


def facts_of(ledger: Ledger) -> dict[str, Any]:
    """The facts as this version tells them, from the program that wrote down the release's."""
    facts: Callable[[Ledger], dict[str, Any]] = MAKE_RELEASE["facts"]
    return facts(ledger)


@dataclass(frozen=True)
class Release:
    """A folder of ``tests/data/releases``, which ``make_release.py`` made with that release."""

    folder: Path

    @property
    def told(self) -> dict[str, Any]:
        """What the release said of itself and its ledger."""
        return dict(json.loads((self.folder / "facts.json").read_text(encoding="utf-8")))

    @property
    def facts(self) -> dict[str, Any]:
        """The ledger's facts as the release told them."""
        return {name: v for name, v in self.told.items() if name not in ("release", "schema")}

    @property
    def schema(self) -> str:
        """The version of the release's tables."""
        return str(self.told["schema"])

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of the file as the release left it."""
        with _file(self.folder / NAME) as file:
            return file.execute(statement).fetchall()

    def sqlite(self, folder: Path) -> str:
        """A copy of the file and its evidence in a folder; the path."""
        shutil.copy(self.folder / NAME, folder / NAME)
        shutil.copytree(self.folder / f"{NAME}.evidence", folder / f"{NAME}.evidence")
        return str(folder / NAME)

    def postgresql(self, url: str, search_path: str | None = None) -> str:
        """The same ledger, put into an empty database by the release's migrations; the URL.

        With ``search_path`` the tables are in a schema of that name, which the URL says in the way
        of the first release.
        """
        if search_path is not None:
            url = f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{search_path}"
        engine = create_engine(url)
        with engine.begin() as connection, _file(self.folder / NAME) as file:
            if search_path is not None:
                connection.execute(text(f"CREATE SCHEMA {search_path}"))
            _migrate(connection, self.schema)
            for table in _tables(connection):
                _copy_rows(file, connection, table)
            _copy_evidence(self.folder / f"{NAME}.evidence", connection)
            guards = (self.folder / "guards.sql").read_text(encoding="utf-8")
            place = search_path or "public"
            # The driver's own cursor: it alone takes several statements, and marks as they stand.
            driver: Any = connection.connection.driver_connection
            driver.execute(guards.replace("public.", f"{place}."))
        engine.dispose()
        return url


RELEASES = sorted(
    (Release(folder) for folder in FOLDER.iterdir() if (folder / "facts.json").is_file()),
    key=lambda release: release.folder.name,
)


def query(location: str, statement: str) -> list[tuple[Any, ...]]:
    """Rows as the database has them, without custledger."""
    if "://" not in location:
        with closing(sqlite3.connect(location)) as connection:
            return connection.execute(statement).fetchall()
    engine = create_engine(location)
    try:
        with engine.begin() as connection:
            found = connection.execute(text(statement))
            return [tuple(row) for row in found] if found.returns_rows else []
    finally:
        engine.dispose()


def dump(path: Path | str) -> list[str]:
    """Everything that is in a SQLite file, as statements."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@contextmanager
def _file(path: Path) -> Iterator[sqlite3.Connection]:
    # Immutable: a file kept in tests gets neither a write-ahead log nor a lock.
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as connection:
        yield connection


def _migrate(connection: Connection, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.migrations_path()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def _tables(connection: Connection) -> list[Table]:
    """The release's tables as the database has them, each after those that it points at."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != schema.VERSION_TABLE]


def _copy_rows(file: sqlite3.Connection, connection: Connection, table: Table) -> None:
    names = [column.name for column in table.columns]
    uuids = {column.name for column in table.columns if isinstance(column.type, Uuid)}
    rows = [
        {n: UUID(v) if n in uuids else v for n, v in zip(names, row, strict=True)}
        for row in file.execute(f"SELECT {', '.join(names)} FROM {table.name}")
    ]
    if rows:
        connection.execute(table.insert(), rows)
    for column in table.primary_key:
        if column.server_default is not None:  # a sequence, which goes on after what was copied
            _advance(connection, column)


def _advance(connection: Connection, column: Any) -> None:
    sequence = func.pg_get_serial_sequence(column.table.name, column.name)
    last = select(func.max(column)).scalar_subquery()
    connection.execute(select(func.setval(sequence, last)).where(last.is_not(None)))


def _copy_evidence(folder: Path, connection: Connection) -> None:
    """Files beside a SQLite file are rows of a table in PostgreSQL."""
    insert = text("INSERT INTO custledger_blob VALUES (:name, :number, :data)")
    for path in sorted(folder.glob("??/*")):
        data = path.read_bytes()
        for number, start in enumerate(range(0, max(len(data), 1), CHUNK)):
            row = {"name": path.name, "number": number, "data": data[start : start + CHUNK]}
            connection.execute(insert, row)
