"""Databases with nothing in them but the tables, and firms on PostgreSQL with their roles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.firms import Firm, told_firm, unshaken_firm
from tests.postgres import Server
from tests.storage.rows import unchecked_engine

__all__ = ["engine", "firm", "told"]


@pytest.fixture
def engine(location: str) -> Iterator[Engine]:
    """An engine whose database has the tables, without guards and foreign keys."""
    engine = unchecked_engine(location)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def told(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    """For attacks that are all refused."""
    with unshaken_firm(postgres_server, tmp_path_factory.mktemp("story")) as firm:
        yield firm


@pytest.fixture
def firm(postgres_url: str, tmp_path: Path) -> Iterator[Firm]:
    """A firm of the test's own."""
    with told_firm(postgres_url, tmp_path) as firm:
        yield firm
