"""Upgrading: a backup first, all migrations or none, and nothing at all when there is no need."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from custledger import open_ledger
from custledger.edges.upgrading import has_ledger, upgrade
from custledger.errors import NotFoundError, SchemaVersionError
from custledger.storage import schema

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
NEXT = '''"""What a next release might bring."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table("custledger_next", sa.Column("id", sa.Integer, primary_key=True))
    {more}
'''


@pytest.fixture
def ledger_path(tmp_path: Path) -> str:
    path = str(tmp_path / "shop.sqlite")
    with open_ledger(path, actor="Olga") as ledger:
        ledger.customers.add("Ann")
    return path


@pytest.fixture
def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package as a next release would be, with one migration more."""
    folder = tmp_path / "migrations"
    shutil.copytree(schema.migrations_path(), folder)
    file = folder / "versions" / "9999_next.py"
    file.write_text(NEXT.format(head=schema.head_version(), more="pass"), encoding="utf-8")
    monkeypatch.setattr(schema, "migrations_path", lambda: folder)
    monkeypatch.setattr(schema, "_HEAD", "9999")
    return file


def test_upgrade_of_a_current_ledger_changes_nothing(ledger_path: str) -> None:
    before = Path(ledger_path).read_bytes()
    report = upgrade(ledger_path)
    assert not report.changed
    assert "up to date" in str(report)
    assert Path(ledger_path).read_bytes() == before
    assert sorted(p.name for p in Path(ledger_path).parent.iterdir()) == ["shop.sqlite"]


def test_upgrade_of_an_older_ledger_makes_a_backup_that_opens_as_before(
    ledger_path: str, next_release: Path
) -> None:
    with pytest.raises(SchemaVersionError, match="custledger upgrade"):
        open_ledger(ledger_path, actor="Olga")
    report = upgrade(ledger_path, now=lambda: NOW)
    assert (report.before, report.after) == ("0001", "9999")
    assert report.backup is not None
    assert report.backup.name == "shop.sqlite.20260630T120000Z.backup"
    assert version_of(report.backup) == "0001"
    with open_ledger(ledger_path, actor="Olga") as ledger:
        assert ledger.customers.get("Ann").name == "Ann"
        assert ledger.verify().ok


def test_upgrade_that_fails_leaves_the_ledger_as_it_was(
    ledger_path: str, next_release: Path
) -> None:
    broken = NEXT.format(head="0001", more='raise RuntimeError("half way")')
    next_release.write_text(broken, encoding="utf-8")
    with pytest.raises(RuntimeError, match="half way"):
        upgrade(ledger_path, backup=False)
    assert version_of(Path(ledger_path)) == "0001"
    with sqlite3.connect(ledger_path) as connection:
        query = "SELECT count(*) FROM sqlite_master WHERE name = 'custledger_next'"
        assert connection.execute(query).fetchone() == (0,)
    connection.close()


def test_where_there_is_no_ledger_nothing_is_made(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite"
    for location in (str(path), f"sqlite:///{path}"):
        with pytest.raises(NotFoundError):
            upgrade(location)
    path.touch()
    assert not has_ledger(str(path))
    assert path.stat().st_size == 0


def test_ledger_in_postgresql_is_found_and_told_apart_from_an_empty_database(
    postgres_url: str,
) -> None:
    assert not has_ledger(postgres_url)
    open_ledger(postgres_url, actor="Olga").close()
    assert has_ledger(postgres_url)
    assert not upgrade(postgres_url).changed


def version_of(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        found = str(connection.execute("SELECT version_num FROM custledger_version").fetchone()[0])
    connection.close()
    return found
