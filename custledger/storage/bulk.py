"""Rows and keys in bulk: the driver's own executemany, and lists that fit into one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table
from sqlmodel import SQLModel

__all__ = ["CHUNK", "insert_rows", "portions", "table_of"]

CHUNK: Final = 5_000
"""How many values a statement lists at most; both databases take more than twice as many."""

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

    No type is converted on the way: vocabularies as codes, moments and days as integers.
    """
    if rows:
        marker = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        connection.exec_driver_sql(_statement(model, marker), list(rows))


@lru_cache(maxsize=64)
def _statement(model: type[SQLModel], marker: str) -> str:
    table = table_of(model)
    names = ", ".join(column.name for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) VALUES ({', '.join([marker] * len(table.columns))})"
