"""Rows and keys in bulk: PostgreSQL's COPY, the driver's executemany, and lists for statements."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from custledger.storage.naming import qualified

if TYPE_CHECKING:
    import psycopg

__all__ = ["CHUNK", "insert_rows", "insert_unless_taken", "portions", "table_of"]

CHUNK: Final = 5_000
"""How many values a statement lists at most; both databases take more than twice as many."""

_COPY_FROM: Final = 20
"""From so many rows on, COPY takes less time than executemany; a third of it with 10,000 rows."""

_T = TypeVar("_T")


def portions(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The items in their order, as many at a time as a statement lists."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def table_of(model: type[SQLModel]) -> Table:
    """The Core table behind a SQLModel class."""
    return model.__table__  # type: ignore[attr-defined,no-any-return]


def insert_rows(
    connection: Connection, model: type[SQLModel], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert tuples in the order of the model's columns, as the database stores them.

    No type is converted on the way: vocabularies as codes, moments and days as integers. On
    PostgreSQL many rows go by COPY, in the same transaction; what the driver raises comes out as
    SQLAlchemy's errors either way.
    """
    if not rows:
        return
    driver = _driver_for_copy(connection) if len(rows) >= _COPY_FROM else None
    if driver is None:
        connection.exec_driver_sql(_insert(connection, model), list(rows))
    elif _has_row_security(connection, model):
        columns = tuple(map(list, zip(*rows, strict=True)))
        connection.exec_driver_sql(_insert_arrays(connection, model), columns)
    else:
        _copy(connection, driver, model, rows)


def insert_unless_taken(
    connection: Connection,
    rows: Sequence[tuple[type[SQLModel], tuple[Any, ...]]],
    key: tuple[str, ...],
) -> bool:
    """Insert a row and others that belong to it, or none of them if another row has its key.

    One statement, of PostgreSQL's; says whether the rows went in. ``key`` are the columns of a
    unique key of the first row; where any other key is taken, that is an error, as ever.
    """
    models = tuple(model for model, _ in rows)
    names = tuple(qualified(connection, table_of(model).name) for model in models)
    values = tuple(value for _, row in rows for value in row)
    return connection.exec_driver_sql(_together_text(models, names, key), values).scalar() == 1


@lru_cache(maxsize=512)
def _together_text(
    models: tuple[type[SQLModel], ...], names: tuple[str, ...], key: tuple[str, ...]
) -> str:
    first = f"{_insert_text(models[0], names[0], '%s')} ON CONFLICT ({', '.join(key)}) DO NOTHING"
    parts = [f"first AS ({first} RETURNING 1)"]
    for number, (model, name) in enumerate(zip(models[1:], names[1:], strict=True)):
        columns = ", ".join(column.name for column in table_of(model).columns)
        marks = ", ".join(f"%s::{kind}" for kind in _types(model))
        parts.append(f"r{number} AS (INSERT INTO {name} ({columns}) SELECT {marks} FROM first)")
    return f"WITH {', '.join(parts)} SELECT count(*) FROM first"


def _types(model: type[SQLModel]) -> list[str]:
    speech = postgresql.dialect()  # type: ignore[no-untyped-call]
    return [c.type.compile(speech).partition("(")[0] for c in table_of(model).columns]


def _insert(connection: Connection, model: type[SQLModel]) -> str:
    marker = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    return _insert_text(model, qualified(connection, table_of(model).name), marker)


@lru_cache(maxsize=512)
def _insert_text(model: type[SQLModel], name: str, marker: str) -> str:
    columns = table_of(model).columns
    names = ", ".join(column.name for column in columns)
    return f"INSERT INTO {name} ({names}) VALUES ({', '.join([marker] * len(columns))})"


@lru_cache(maxsize=512)
def _copy_text(model: type[SQLModel], name: str) -> str:
    names = ", ".join(column.name for column in table_of(model).columns)
    # As text. In the binary format psycopg (3.3) cuts a number that is too large for its column
    # down to the column's width without a word; as text the server refuses it. It costs a tenth.
    return f"COPY {name} ({names}) FROM STDIN"


def _has_row_security(connection: Connection, model: type[SQLModel]) -> bool:
    """Whether policies decide which rows the role may write: PostgreSQL then refuses COPY."""
    name = qualified(connection, table_of(model).name)
    query = "SELECT row_security_active(CAST(%s AS regclass))"
    return bool(connection.exec_driver_sql(query, (name,)).scalar())


def _insert_arrays(connection: Connection, model: type[SQLModel]) -> str:
    return _arrays_text(model, qualified(connection, table_of(model).name))


@lru_cache(maxsize=512)
def _arrays_text(model: type[SQLModel], name: str) -> str:
    """One statement for all rows, given column by column: twice as fast as executemany."""
    names = ", ".join(column.name for column in table_of(model).columns)
    marks = ", ".join(f"%{'b' if t == 'BYTEA' else 's'}::{t}[]" for t in _types(model))
    return f"INSERT INTO {name} ({names}) SELECT * FROM unnest({marks})"


def _driver_for_copy(connection: Connection) -> psycopg.Connection[Any] | None:
    """The psycopg connection underneath, or None where there is none that can COPY."""
    psycopg = sys.modules.get("psycopg")  # never imported: then no connection is one of its own
    driver = connection.connection.driver_connection
    if psycopg is None or not isinstance(driver, psycopg.Connection):
        return None
    # A COPY past SQLAlchemy does not begin its transaction; in a pipeline PostgreSQL refuses one.
    in_pipeline = driver.pgconn.pipeline_status != psycopg.pq.PipelineStatus.OFF
    return driver if connection.in_transaction() and not in_pipeline else None


def _copy(
    connection: Connection,
    driver: psycopg.Connection[Any],
    model: type[SQLModel],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    import psycopg

    statement = _copy_text(model, qualified(connection, table_of(model).name))
    try:
        # Not driver.cursor(): a host's own factory of cursors may give one that cannot COPY.
        with psycopg.Cursor(driver) as cursor, cursor.copy(statement) as copy:
            write = copy.write_row
            for row in rows:
                write(row)
    except Exception as error:
        raise _wrapped(connection, statement, error, psycopg.Error) from error


def _wrapped(
    connection: Connection, statement: str, error: Exception, kind: type[Exception]
) -> BaseException:
    """The error as SQLAlchemy would have raised it; a connection that was lost is given up."""
    driver = connection.connection.dbapi_connection
    lost = connection.dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]
    if lost:
        connection.invalidate(error)
    wrapped = DBAPIError.instance(
        statement, None, error, kind, connection_invalidated=lost, dialect=connection.dialect
    )
    assert isinstance(wrapped, BaseException)
    return wrapped
