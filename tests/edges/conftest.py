"""A key's file, and a firm with a customer whose dossier can be written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from custledger.edges.keys import generate_key
from tests.edges.dossier_help import Case, case
from tests.edges.posting import Start, mail_servers

__all__ = ["firm", "path", "start", "to"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key's file."""
    path = tmp_path / "bakery.key"
    generate_key(path, "bakery.example")
    return path


@pytest.fixture
def firm(location: str, tmp_path: Path) -> Iterator[Case]:
    """The firm, its signer, and what it published."""
    with case(location, tmp_path / "keys") as made:
        yield made


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Where a dossier is written."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "ann.zip"


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts mail servers; returns how to reach them."""
    with mail_servers() as run:
        yield run
