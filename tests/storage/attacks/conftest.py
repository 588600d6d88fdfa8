"""A ledger with a story, and an attacker of it, on SQLite and then on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from custledger import Ledger, open_ledger
from custledger.pytest_plugin import Clock
from tests.attacker import Attacker, attack, found_in
from tests.postgres import Server
from tests.story import open_story

__all__ = ["attacker", "location", "original", "story"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def original(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where the story was told once; each test attacks a copy."""
    folder = tmp_path_factory.mktemp("story")
    if request.param == "sqlite":
        open_story(str(folder / "ledger.sqlite"), folder).close()
        yield str(folder / "ledger.sqlite")
        return
    server: Server = request.getfixturevalue("postgres_server")
    with server.database() as url:
        open_story(url, folder).close()
        yield url


@pytest.fixture
def location(original: str, tmp_path: Path) -> Iterator[str]:
    if "://" not in original:
        shutil.copy(original, tmp_path)
        shutil.copytree(f"{original}.evidence", tmp_path / "ledger.sqlite.evidence")
        yield str(tmp_path / "ledger.sqlite")
        return
    address = make_url(original)
    copy = address.set(database=f"{address.database}_copy")
    admin = address.set(drivername="postgresql", database="postgres")
    with psycopg.connect(
        admin.render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(f'CREATE DATABASE "{copy.database}" TEMPLATE "{address.database}"')
        try:
            yield copy.render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{copy.database}" WITH (FORCE)')


@pytest.fixture
def story(location: str) -> Iterator[Ledger]:
    with open_ledger(location, actor="Olga", now=Clock()) as ledger:
        yield ledger


@pytest.fixture
def attacker(story: Ledger, location: str) -> Iterator[Attacker]:
    with attack(location) as attacker:
        assert found_in(story) == []
        yield attacker
