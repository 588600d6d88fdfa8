"""What cannot be opened: the right error class, and the file as it was, byte for byte."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import StatementError

from custledger import Ledger, open_ledger
from custledger.cli import main
from custledger.errors import (
    BadInputError,
    ConnectionLostError,
    CustledgerError,
    LedgerBusyError,
    LedgerUnreadableError,
    LedgerUnwritableError,
    NotALedgerError,
    SchemaVersionError,
    UnregisteredActorError,
)
from custledger.storage.bulk import table_of
from custledger.storage.tables import IdentityRow
from tests.story import open_story, picture


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with the story in it, closed."""
    open_story(str(tmp_path / "ledger.sqlite"), tmp_path).close()
    return tmp_path / "ledger.sqlite"


def assert_refused(location: Path | str, error: type[CustledgerError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        open_ledger(location, actor="Olga")
    assert type(caught.value) is error
    assert str(caught.value)[-1] in ".`"


# What is not a ledger


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name,amount\nAnn,5\n", "is not a ledger. Give another path; it was left as it was"),
        (b"\0" * 5000, "is not a ledger"),
        (b"SQLite", "is not a ledger"),
        (b"SQLite format 3\0" + b"\xff" * 5000, "damaged or no ledger.*Restore a backup"),
        (b"SQLite format 3\0", "damaged or no ledger"),
    ],
)
@pytest.mark.parametrize("as_url", [False, True])
def test_file_that_is_no_ledger_is_refused_and_stays_as_it_is(
    tmp_path: Path, content: bytes, words: str, as_url: bool
) -> None:
    file = tmp_path / "notes.csv"
    file.write_bytes(content)
    assert_refused(f"sqlite:///{file}" if as_url else file, NotALedgerError, words)
    assert picture(tmp_path) == {"notes.csv": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize("as_url", [False, True])
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_database_of_another_program_is_refused_and_stays_as_it_is(
    tmp_path: Path, journal: str, as_url: bool
) -> None:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.close()
    before = picture(tmp_path)
    assert_refused(
        f"sqlite:///{file}" if as_url else file,
        NotALedgerError,
        "SQLite database of another program",
    )
    assert picture(tmp_path)["shop.db"] == before["shop.db"]


def test_folder_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path, NotALedgerError, "is a folder. Give the path of a file")


def test_missing_folder_is_named_and_not_made(tmp_path: Path) -> None:
    assert_refused(
        tmp_path / "none" / "ledger.sqlite", LedgerUnwritableError, "none does not exist. Create it"
    )
    assert list(tmp_path.iterdir()) == []


def test_other_databases_are_refused(tmp_path: Path) -> None:
    for url, words in (
        ("mysql://host/db", "SQLite and PostgreSQL, not mysql"),
        ("nonsense://host/db", "nonsense"),
        ("://", "is not a database URL"),
    ):
        with pytest.raises(BadInputError, match=words):
            open_ledger(url, actor="Olga")


def test_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    file.touch()
    with open_ledger(file, actor="Olga") as ledger:
        assert ledger.verify().ok


def test_url_of_a_sqlite_file_opens_the_same_ledger(path: Path) -> None:
    with open_ledger(f"sqlite:///{path}", actor="Olga") as ledger:
        assert ledger.verify().ok  # its evidence lies in the same folder
        assert ledger.customers.get("Ann Müller")


# What was a ledger


@pytest.mark.parametrize("length", [100, 4096, 5000, 20_000])
def test_truncated_ledger_is_refused_or_fails_verification(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    before = picture(path.parent)
    with pytest.raises((NotALedgerError, LedgerUnreadableError), match=r"(?i)backup"):
        open_ledger(path, actor="Olga")
    assert picture(path.parent) == before


def test_garbage_in_the_middle_of_a_ledger_never_ends_in_an_error_of_another_kind(
    path: Path,
) -> None:
    content = path.read_bytes()
    for start in range(4096, len(content), len(content) // 12):
        path.write_bytes(content[:start] + os.urandom(2048) + content[start + 2048 :])
        try:
            with open_ledger(path, actor="Olga") as ledger:
                ledger.verify()
                ledger.rebuild()
        except CustledgerError:
            continue
        # The page belonged to an index or to free space, and nobody asked for it.


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("0000", "older schema 0000.*Run `custledger upgrade` on it; that makes a backup first"),
        ("9999", "newer custledger made this ledger.*pip install --upgrade custledger"),
    ],
)
def test_other_schema_version_is_refused_and_the_ledger_stays_as_it_is(
    path: Path, version: str, words: str
) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE custledger_version SET version_num = ?", (version,))
    connection.close()
    before = picture(path.parent)
    assert_refused(path, SchemaVersionError, words)
    assert picture(path.parent) == before


def test_unregistered_actor_is_refused_and_the_ledger_stays_as_it_is(path: Path) -> None:
    before = picture(path.parent)
    for actor in ("Mallory", "Olg", "Ann Müller", "Olga\0", "\ud800"):
        with pytest.raises((UnregisteredActorError, BadInputError)):
            open_ledger(path, actor=actor)
    with pytest.raises(UnregisteredActorError, match=r"'Mallory' is not registered.*add staff"):
        open_ledger(path, actor="Mallory")
    assert picture(path.parent) == before


# What nobody foresaw


def broken(statement: str, parameters: Any = ()) -> Callable[[Ledger], None]:
    def act(ledger: Ledger) -> None:
        with ledger.context.write() as journal:
            journal.connection.exec_driver_sql(statement, parameters)

    return act


def insert(**values: object) -> Callable[[Ledger], None]:
    def act(ledger: Ledger) -> None:
        with ledger.context.write() as journal:
            table = table_of(IdentityRow)
            journal.connection.execute(table.insert().values(**values))

    return act


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (broken("DELETE FROM custledger_entry"), LedgerUnreadableError, "contradict.*append-only"),
        (broken("SELECT * FROM custledger_nothing"), LedgerUnreadableError, "custledger upgrade"),
        (broken("SELECT no_such FROM custledger_entry"), LedgerUnreadableError, "not in the data"),
        (broken("no SQL at all"), LedgerUnreadableError, "custledger verify"),
        (insert(id=1, uuid=UUID(int=1)), CustledgerError, "Nothing was written"),
        (insert(id=99, uuid="no uuid"), BadInputError, "Nothing was written"),
        (insert(id=[1], uuid=UUID(int=1)), BadInputError, "Nothing was written"),
    ],
)
def test_whatever_a_database_says_ends_in_an_error_that_says_what_to_do(
    location: str, act: Callable[[Ledger], None], kind: type[CustledgerError], words: str
) -> None:
    with open_ledger(location, actor="Olga") as ledger:
        with pytest.raises(kind, match=words) as caught:
            act(ledger)
        assert isinstance(caught.value.__cause__, StatementError)
        assert "\n" not in str(caught.value)
        assert str(caught.value)[-1] == "."
        assert ledger.customers.add("Ann").name == "Ann"
        assert ledger.verify().ok


def test_user_without_rights_is_told_so(postgres_url: str) -> None:
    def delete_as_nobody(ledger: Ledger) -> None:
        with ledger.context.write() as journal:
            journal.connection.exec_driver_sql("CREATE ROLE nobody_at_all")
            journal.connection.exec_driver_sql("SET LOCAL ROLE nobody_at_all")
            journal.connection.exec_driver_sql("DELETE FROM custledger_entry")

    with open_ledger(postgres_url, actor="Olga") as ledger:
        with pytest.raises(LedgerUnwritableError, match="lacks a right"):
            delete_as_nobody(ledger)
        assert ledger.verify().ok


# The server


def test_postgresql_that_cannot_be_reached_is_reported(tmp_path: Path) -> None:
    for place in (f"/none?host={tmp_path}", "127.0.0.1:1/none", "host.invalid/none"):
        assert_refused(
            f"postgresql+psycopg://nobody@{place}", ConnectionLostError, "cannot be reached: .*URL"
        )


def test_command_line_tells_a_script_that_the_server_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUSTLEDGER_ACTOR", "Olga")
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    assert main(["--ledger", url, "verify"]) == ConnectionLostError.exit_code == 10
    assert "Connection refused. Nothing was written; check that it runs" in capsys.readouterr().err


def test_postgresql_that_refuses_the_connection_is_reported_with_its_reason(
    postgres_url: str,
) -> None:
    here = make_url(postgres_url)
    for url, words in (
        (here.set(database="no_such"), 'refused the connection: database "no_such" does not exist'),
        (here.set(username="no_such"), "refused the connection: .*user and the password"),
    ):
        location = url.render_as_string(hide_password=False)
        assert_refused(location, LedgerUnreadableError, words)


def test_server_without_a_free_connection_is_busy(postgres_url: str) -> None:
    plain = postgres_url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE ROLE custledger_crowd LOGIN PASSWORD 'x' CONNECTION LIMIT 0")
        try:
            crowd = make_url(postgres_url).set(username="custledger_crowd", password="x")
            location = crowd.render_as_string(hide_password=False)
            assert_refused(location, LedgerBusyError, "no connection left to give")
        finally:
            connection.execute("DROP ROLE custledger_crowd")


def test_postgresql_ledger_of_another_version_is_refused(postgres_url: str) -> None:
    with open_ledger(postgres_url, actor="Olga") as ledger, ledger.context.write() as journal:
        journal.connection.exec_driver_sql("UPDATE custledger_version SET version_num = '9999'")
    assert_refused(postgres_url, SchemaVersionError, "newer custledger")
