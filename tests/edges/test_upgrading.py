"""Upgrading: a lock, a backup, all migrations or none, and nothing at all when there is no need."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine

import custledger
from custledger import open_ledger
from custledger.edges.upgrading import has_ledger, upgrade
from custledger.errors import (
    LedgerBusyError,
    LedgerUnwritableError,
    NotFoundError,
    SchemaVersionError,
)
from custledger.storage import schema
from tests.commands import Shell
from tests.releases import RELEASES, dump, query

ROOT = Path(custledger.__file__).parent.parent
RELEASE = RELEASES[0]
ORDINARY_USER = 65534
SOON, NEVER = timedelta(seconds=0.2), timedelta(seconds=60)
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
HEAD = schema.head_version()
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
    assert (report.before, report.after) == (HEAD, "9999")
    assert report.backup is not None
    assert report.backup.name == "shop.sqlite.20260630T120000Z.backup"
    assert version_of(report.backup) == HEAD
    with open_ledger(ledger_path, actor="Olga") as ledger:
        assert ledger.customers.get("Ann").name == "Ann"
        assert ledger.verify().ok


def test_upgrade_that_fails_leaves_the_ledger_as_it_was(
    ledger_path: str, next_release: Path
) -> None:
    broken = NEXT.format(head=HEAD, more='raise RuntimeError("half way")')
    next_release.write_text(broken, encoding="utf-8")
    with pytest.raises(RuntimeError, match="half way"):
        upgrade(ledger_path, backup=False)
    assert version_of(Path(ledger_path)) == HEAD
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


@pytest.fixture
def old(tmp_path: Path) -> str:
    """A file of the first release."""
    return RELEASE.sqlite(tmp_path)


# The lock


def test_upgrade_waits_for_a_writer_and_backs_up_what_they_wrote(old: str) -> None:
    told: list[str] = []
    writer = sqlite3.connect(old, isolation_level=None, check_same_thread=False)
    with closing(writer):
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO custledger_identity (uuid) VALUES (?)", (uuid4().hex,))

        def tell(line: str) -> None:
            told.append(line)
            if "Waiting" in line:
                threading.Timer(0.3, writer.execute, ["COMMIT"]).start()

        report = upgrade(old, tell=tell)
    known = "SELECT count(*) FROM custledger_identity"
    assert report.backup is not None
    assert query(str(report.backup), known) == [(RELEASE.rows(known)[0][0] + 1,)]
    assert [line.split()[0] for line in told] == [old, "Copying", "Upgrading"]
    assert "has schema 0001. Waiting until nobody else writes to it." in told[0]


def test_upgrade_gives_up_when_it_has_waited_long_enough(old: str, tmp_path: Path) -> None:
    before = dump(old)
    with writing(old), pytest.raises(LedgerBusyError):
        upgrade(old, wait=SOON)
    assert dump(old) == before
    assert not list(tmp_path.glob("*.backup*"))


def test_upgrade_of_postgresql_waits_for_another_upgrade_and_gives_up(postgres_url: str) -> None:
    old = RELEASE.postgresql(postgres_url)
    engine = create_engine(old)
    with engine.begin() as other:
        schema.lock(other)
        with pytest.raises(LedgerBusyError):
            upgrade(old, wait=SOON)
    engine.dispose()
    assert upgrade(old).changed


def test_upgrade_that_waited_finds_nothing_to_do_in_any_isolation(postgres_url: str) -> None:
    database = RELEASE.postgresql(postgres_url)
    query(database, f'ALTER DATABASE "{database_of(database)}" SET {STRICT}')
    engine = create_engine(database)
    other = engine.connect()
    transaction = other.begin()

    def finish(line: str) -> None:
        if "Waiting" in line:
            schema.upgrade(other)
            threading.Timer(0.5, transaction.commit).start()

    assert not upgrade(database, tell=finish, wait=NEVER).changed
    other.close()
    engine.dispose()


STRICT = "default_transaction_isolation = 'repeatable read'"


def database_of(url: str) -> str:
    return str(query(url, "SELECT current_database()")[0][0])


# The backup


def test_second_backup_of_a_second_gets_a_name_of_its_own(old: str, tmp_path: Path) -> None:
    first = upgrade(old, now=lambda: NOW).backup
    assert first is not None
    shutil.copy(first, old)
    second = upgrade(old, now=lambda: NOW).backup
    assert second is not None
    assert first.name == "ledger.db.20260630T120000Z.backup"
    assert second.name == "ledger.db.20260630T120000Z-2.backup"
    assert dump(first) == dump(second)


def test_what_a_crashed_backup_left_is_replaced(old: str, tmp_path: Path) -> None:
    before = dump(old)
    for end in ("", "-journal"):
        (tmp_path / f"ledger.db.backup.partial{end}").write_bytes(b"half of it")
    backup = upgrade(old).backup
    assert backup is not None
    assert dump(backup) == before
    assert sorted(p.name for p in tmp_path.glob("*.backup*")) == [backup.name]


@pytest.mark.skipif(os.name != "posix", reason="left out: this system has no such permissions")
def test_nobody_may_read_a_backup_who_may_not_read_the_ledger(old: str) -> None:
    Path(old).chmod(0o640)
    backup = upgrade(old).backup
    assert backup is not None
    assert stat.S_IMODE(backup.stat().st_mode) == 0o640


def test_without_room_for_the_backup_the_ledger_is_not_touched(old: str, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="left out: no limit of file sizes here")
    before = dump(old)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(LedgerUnwritableError, match="the ledger was not touched"):
            upgrade(old)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert dump(old) == before
    assert not list(tmp_path.glob("*.backup*"))
    assert upgrade(old).changed


def test_without_room_for_the_migration_the_ledger_is_the_old_one(old: str) -> None:
    resource = pytest.importorskip("resource", reason="left out: no limit of file sizes here")
    before = dump(old)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (33_000, limits[1]))
    try:
        with pytest.raises(LedgerUnwritableError):
            upgrade(old, backup=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert dump(old) == before
    assert upgrade(old).changed


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="left out: this system has no such users")
def test_in_a_folder_that_is_not_ours_the_ledger_is_not_touched(old: str, tmp_path: Path) -> None:
    before = dump(old)
    tmp_path.chmod(0o555)
    Path(old).chmod(0o666)
    done = subprocess.run(
        [sys.executable, "-c", ORDINARY, old], capture_output=True, text=True, check=False, cwd=ROOT
    )
    tmp_path.chmod(0o755)
    assert done.returncode == LedgerUnwritableError.exit_code, done
    assert done.stderr.count("\n") == 1
    assert "folder" in done.stderr
    assert dump(old) == before
    assert not list(tmp_path.glob("*.backup*"))


ORDINARY = f"""
import os, pathlib, pkgutil, sys
import alembic.command, custledger
from custledger.edges.upgrading import upgrade

# All that is needed is imported first: the ordinary user may not reach the environment.
for module in pkgutil.walk_packages(custledger.__path__, "custledger."):
    if not module.name.endswith(("__main__", "pytest_plugin")):
        __import__(module.name)
if os.getuid() == 0:
    for folder in list(pathlib.Path(sys.argv[1]).parents)[1:-2]:
        folder.chmod(0o755)
    os.setgroups([])
    os.setgid({ORDINARY_USER})
    os.setuid({ORDINARY_USER})
try:
    upgrade(sys.argv[1])
except custledger.CustledgerError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def test_ledger_of_a_newer_release_is_refused_without_a_backup(old: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE custledger_version SET version_num = '9999'")
    with pytest.raises(SchemaVersionError, match="newer"):
        upgrade(old)
    assert not list(tmp_path.glob("*.backup*"))


# The command


def test_command_upgrades_and_says_where_the_backup_is(
    old: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shell = Shell(tmp_path, monkeypatch, capsys)
    out = shell("upgrade", "ledger.db")
    [backup] = tmp_path.glob("*.backup")
    assert f"from schema 0001 to {HEAD}. The ledger as it was is in {backup}." in out
    assert "up to date" in shell("upgrade", "ledger.db")
    shutil.copy(backup, old)
    backup.unlink()
    shell("--ledger", "ledger.db", "upgrade", "--no-backup")
    assert not list(tmp_path.glob("*.backup"))


def test_command_waits_as_long_as_it_is_told(
    old: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shell = Shell(tmp_path, monkeypatch, capsys)
    with writing(old):
        assert "Another process" in shell.refused(7, "upgrade", "ledger.db", "--wait", "0.2")


def test_command_tells_a_person_what_it_does_and_nobody_else(old: str, tmp_path: Path) -> None:
    shutil.copy(old, tmp_path / "other.db")
    master, terminal = pytest.importorskip("pty", reason="left out: no terminals here").openpty()
    command = [sys.executable, "-m", "custledger", "upgrade"]
    to_person = subprocess.run(
        [*command, old], cwd=ROOT, stdout=subprocess.PIPE, stderr=terminal, text=True, check=True
    )
    os.close(terminal)
    said = os.read(master, 10_000).decode()
    os.close(master)
    assert said.count("\n") == 3
    assert re.search(r"Copying it to .*\.backup first \(0\.\d MB\)", said)
    assert "Upgrading from schema 0001 to" in said
    assert to_person.stdout.count("\n") == 1
    to_file = subprocess.run(
        [*command, str(tmp_path / "other.db")], cwd=ROOT, capture_output=True, check=True
    )
    assert to_file.stderr == b""


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Somebody in the middle of a write."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def version_of(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        found = str(connection.execute("SELECT version_num FROM custledger_version").fetchone()[0])
    connection.close()
    return found
