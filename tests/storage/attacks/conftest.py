"""A ledger with a story, and an attacker of it, on SQLite and then on PostgreSQL."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from sqlalchemy.engine import make_url

from custledger import Ledger, open_ledger
from custledger.edges.keys import KeyFile
from custledger.pytest_plugin import START, Clock
from tests.attacker import Attacker, attack, found_in
from tests.postgres import Server
from tests.storage.attacks.forger import Scene
from tests.story import open_story, signer_of

__all__ = ["attacker", "clock", "location", "original", "pinned", "scene", "signer", "story"]


class Original(NamedTuple):
    """Where the story was told, and the folder with its key and its published checkpoints."""

    location: str
    folder: Path

    @contextlib.contextmanager
    def copied(self, name: str, folder: Path) -> Iterator[str]:
        """A copy of the database, as a backup of that moment would be."""
        if "://" not in self.location:
            shutil.copy(self.location, folder / f"{name}.sqlite")
            shutil.copytree(f"{self.location}.evidence", folder / f"{name}.sqlite.evidence")
            yield str(folder / f"{name}.sqlite")
            return
        address = make_url(self.location)
        copy = address.set(database=f"{address.database}_{name}")
        admin = address.set(drivername="postgresql", database="postgres")
        with psycopg.connect(
            admin.render_as_string(hide_password=False), autocommit=True
        ) as connection:
            template = f'TEMPLATE "{address.database}"'
            connection.execute(f'CREATE DATABASE "{copy.database}" {template}'.encode())
            try:
                yield copy.render_as_string(hide_password=False)
            finally:
                connection.execute(f'DROP DATABASE "{copy.database}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def original(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Original]:
    """The story told once; each test attacks a copy."""
    folder = tmp_path_factory.mktemp("story")
    if request.param == "sqlite":
        open_story(str(folder / "ledger.sqlite"), folder).close()
        yield Original(str(folder / "ledger.sqlite"), folder)
        return
    server: Server = request.getfixturevalue("postgres_server")
    with server.database() as url:
        open_story(url, folder).close()
        yield Original(url, folder)


@pytest.fixture
def location(original: Original, tmp_path: Path) -> Iterator[str]:
    with original.copied("ledger", tmp_path) as location:
        yield location


@pytest.fixture
def clock() -> Clock:
    # Later than the story: else what a test adds would be dated back to before its seals.
    return Clock(START + timedelta(days=30))


@pytest.fixture
def story(location: str, clock: Clock) -> Iterator[Ledger]:
    with open_ledger(location, actor="Olga", now=clock) as ledger:
        yield ledger


@pytest.fixture
def signer(original: Original, tmp_path: Path) -> KeyFile:
    """The key of the story, with what it remembers; a copy, so that each test signs on from it."""
    for file in original.folder.glob("story.key*"):
        shutil.copy(file, tmp_path)
    return KeyFile(tmp_path / "story.key")


@pytest.fixture
def pinned(original: Original) -> dict[str, Any]:
    """What a careful verifier always gives: the key that signs the story's checkpoints."""
    return {"keys": [signer_of(original.folder).key]}


@pytest.fixture
def attacker(story: Ledger, location: str, pinned: dict[str, Any]) -> Iterator[Attacker]:
    with attack(location) as attacker:
        assert found_in(story, **pinned) == []
        yield attacker


@pytest.fixture
def scene(
    story: Ledger, location: str, clock: Clock, signer: KeyFile, tmp_path: Path
) -> Iterator[Scene]:
    """The story with a third seal, over everything, and whoever attacks it."""
    with attack(location) as attacker:
        scene = Scene(story, attacker, clock, signer, tmp_path)
        scene.add_a_customer()
        scene.seal()
        assert scene.found(published=True) == []
        yield scene
