"""What the benchmarks need on PostgreSQL: a server, schemas that go away again, and the peers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
from sqlalchemy import Column, Engine, Index, MetaData, Table, UniqueConstraint, create_engine
from sqlalchemy.engine import make_url

from custledger.storage.bulk import table_of
from custledger.storage.tables import COPIES, TRUTH, InteractionRow
from tests.postgres import own_server

__all__ = [
    "OURS",
    "PLAIN",
    "copy_plain",
    "durable_database",
    "payloads_of",
    "plain_interactions",
    "size_of",
]

OURS, PLAIN = "custledger_benchmark", "custledger_benchmark_plain"
"""The schemas of the ledger and of its peers; both are dropped at the end."""


@contextlib.contextmanager
def durable_database(url: str | None) -> Iterator[str]:
    """The database of a URL, or one on a throwaway server that flushes each commit to the disk."""
    if url is None:
        with own_server() as server, server.database() as found:
            yield found
        return
    with _psycopg(url) as connection:
        for name in (OURS, PLAIN):
            taken = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
            if connection.execute(taken, (name,)).fetchone():
                raise SystemExit(f"The database has a schema {name} already. Drop it first.")
    try:
        yield url
    finally:
        with _psycopg(url) as connection:
            for name in (OURS, PLAIN):
                connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE".encode())


def _psycopg(url: str) -> psycopg.Connection[Any]:
    plain = make_url(url).set(drivername="postgresql")
    return psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True)


@contextlib.contextmanager
def copy_plain(url: str, script: str, table: str) -> Iterator[Callable[[Sequence[Any]], None]]:
    """Makes the plain table, and gives what copies rows into it and commits."""
    with _psycopg(url) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {PLAIN}".encode())
        connection.execute(f"SET search_path = {PLAIN}".encode())
        connection.execute(script.encode())

        def copy(rows: Sequence[Any]) -> None:
            statement = f"COPY {table} FROM STDIN".encode()
            with connection.transaction(), connection.cursor().copy(statement) as stream:
                for row in rows:
                    stream.write_row(row)

        yield copy


def plain_interactions(url: str) -> tuple[Engine, Table]:
    """The table of interactions with its indexes, but without foreign keys and guards."""
    ours = table_of(InteractionRow)
    columns = [Column(c.name, c.type, primary_key=c.primary_key) for c in ours.columns]
    unique = UniqueConstraint("source", "external_id")
    table = Table("interaction", MetaData(schema=PLAIN), *columns, unique)
    for index in ours.indexes:
        Index(f"plain_{index.name}", *(table.c[c.name] for c in index.columns))
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {PLAIN}")
        table.metadata.create_all(connection)
    return engine, table


def size_of(url: str, tables: Sequence[str] | None = None) -> int:
    """Bytes of tables with their indexes; of the ledger's, if none are named."""
    names = tables or [f"{OURS}.{table_of(model).name}" for model in (*TRUTH, *COPIES)]
    with _psycopg(url) as connection:
        size = "sum(pg_total_relation_size(CAST(n AS regclass)))"
        query = f"SELECT {size} FROM unnest(CAST(%s AS text[])) n".encode()
        found = connection.execute(query, (list(names),)).fetchone()
    assert found
    return int(found[0])


def payloads_of(url: str) -> bytes:
    """All stored payloads, in one piece."""
    with _psycopg(url) as connection:
        rows = connection.execute(f"SELECT body FROM {OURS}.custledger_payload".encode())
        return b"".join(row[0] for row in rows)
