"""A database with the tables and nothing in them, on SQLite and then on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.storage.rows import unchecked_engine

__all__ = ["engine"]


@pytest.fixture
def engine(location: str) -> Iterator[Engine]:
    """An engine whose database has the tables, without guards and foreign keys."""
    engine = unchecked_engine(location)
    yield engine
    engine.dispose()
