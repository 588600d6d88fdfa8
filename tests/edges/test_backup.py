"""Backups by all three ways, restored: everything is there, and it verifies."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import make_url

from custledger import open_ledger
from custledger.edges.backup import back_up, dump_command, restore
from custledger.edges.export import canonical_export
from custledger.errors import BadInputError, LedgerUnwritableError, NotALedgerError, NotFoundError
from tests.commands import Shell
from tests.postgres import Server
from tests.postgres_cluster import binaries
from tests.storage.secrets_planted import below, traces
from tests.story import open_story, picture

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["custledger"])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which the story has been told, once for all tests here."""
    folder = tmp_path_factory.mktemp("story")
    open_story(str(folder / "shop.sqlite"), folder).close()
    return folder / "shop.sqlite"


@pytest.fixture
def shop(told: Path, tmp_path: Path) -> Path:
    """A copy of it, for this test to do with as it likes."""
    shutil.copytree(f"{told}.evidence", tmp_path / "shop.sqlite.evidence")
    return Path(shutil.copy(told, tmp_path))


def contents(location: str | Path) -> list[str]:
    with open_ledger(str(location), actor="Olga") as ledger:
        assert ledger.verify().findings == ()
        return list(canonical_export(ledger))


def test_backup_and_restore_give_the_same_ledger_with_its_evidence(
    shop: Path, tmp_path: Path
) -> None:
    before = contents(shop)
    copied = back_up(str(shop), tmp_path / "backup")
    assert copied.path == tmp_path / "backup"
    assert copied.missing == ()
    assert copied.files == len(list((tmp_path / "backup.evidence").rglob("??/*"))) > 0
    restored = restore(tmp_path / "backup", tmp_path / "again.sqlite", actor="Olga")
    assert restored.replayed is None
    assert contents(tmp_path / "again.sqlite") == before
    assert picture(tmp_path / "again.sqlite.evidence") == picture(tmp_path / "backup.evidence")
    assert not list(tmp_path.glob("*.partial*"))


def test_backup_shares_no_bytes_with_the_ledger(shop: Path, tmp_path: Path) -> None:
    back_up(str(shop), tmp_path / "backup")
    originals = {p.stat().st_ino for p in below(Path(f"{shop}.evidence"))}
    copies = {p.stat().st_ino for p in below(tmp_path / "backup.evidence")}
    assert copies
    assert originals.isdisjoint(copies)


@pytest.mark.skipif(os.name != "posix", reason="left out: permissions are those of POSIX")
def test_backup_may_be_read_by_nobody_who_may_not_read_the_ledger(
    shop: Path, tmp_path: Path
) -> None:
    shop.chmod(0o640)
    back_up(str(shop), tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o640


def test_vacuum_into_gives_a_copy_that_restores(shop: Path, tmp_path: Path) -> None:
    before = contents(shop)
    with closing(sqlite3.connect(shop)) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "copy.sqlite"),))
    shutil.copytree(f"{shop}.evidence", tmp_path / "copy.sqlite.evidence")
    restore(tmp_path / "copy.sqlite", tmp_path / "again.sqlite", actor="Olga")
    assert contents(tmp_path / "again.sqlite") == before


def test_backup_of_sqlite3s_own_gives_a_copy_that_restores(shop: Path, tmp_path: Path) -> None:
    """What the ``.backup`` of SQLite's shell does."""
    before = contents(shop)
    with (
        closing(sqlite3.connect(shop)) as source,
        closing(sqlite3.connect(tmp_path / "copy.sqlite")) as copy,
    ):
        source.backup(copy)
    shutil.copytree(f"{shop}.evidence", tmp_path / "copy.sqlite.evidence")
    restore(tmp_path / "copy.sqlite", tmp_path / "again.sqlite", actor="Olga")
    assert contents(tmp_path / "again.sqlite") == before


def test_backup_leaves_what_is_there_as_it_is(shop: Path, tmp_path: Path) -> None:
    for taken in ("a", "b.evidence", "c"):
        (tmp_path / taken).write_text("mine")
    for target in ("a", "b"):
        with pytest.raises(BadInputError, match="exists already"):
            back_up(str(shop), tmp_path / target)
    back_up(str(shop), tmp_path / "backup")
    with pytest.raises(BadInputError, match="exists already"):
        restore(tmp_path / "backup", tmp_path / "c", actor="Olga")
    with pytest.raises(BadInputError, match="exists already"):
        restore(tmp_path / "backup", shop, actor="Olga")
    assert (tmp_path / "a").read_text() == (tmp_path / "c").read_text() == "mine"


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_log_that_a_lost_ledger_left_is_not_written_into_the_one_that_is_restored(
    shop: Path, tmp_path: Path, end: str
) -> None:
    back_up(str(shop), tmp_path / "backup")
    log = tmp_path / f"again{end}"
    log.write_bytes(b"of another ledger")
    for make in (
        lambda: restore(tmp_path / "backup", tmp_path / "again", actor="Olga"),
        lambda: back_up(str(shop), tmp_path / "again"),
    ):
        with pytest.raises(BadInputError, match="move it away together"):
            make()
    assert log.read_bytes() == b"of another ledger"
    assert sorted(path.name for path in tmp_path.glob("again*")) == [log.name]


@pytest.mark.parametrize("end", ["", "-wal", ".evidence"])
def test_what_came_to_the_place_while_the_copy_was_made_is_left_as_it_is(
    shop: Path, tmp_path: Path, end: str
) -> None:
    late = tmp_path / f"backup{end}"

    def come(_done: int, _total: int) -> None:
        late.write_text("mine")

    with pytest.raises(BadInputError):
        back_up(str(shop), tmp_path / "backup", progress=come)
    assert late.read_text() == "mine"
    assert [path.name for path in tmp_path.glob("backup*")] == [late.name]


@pytest.mark.parametrize("late", [False, True])
def test_disk_without_links_gets_a_backup_too_and_nothing_is_replaced_there(
    shop: Path, tmp_path: Path, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_source: object, target: Path) -> None:
        if late:
            target.write_text("mine")
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    if late:
        with pytest.raises(BadInputError, match="exists already"):
            back_up(str(shop), tmp_path / "backup")
        assert (tmp_path / "backup").read_text() == "mine"
        assert not (tmp_path / "backup.evidence").exists()
    else:
        back_up(str(shop), tmp_path / "backup")
        assert contents(tmp_path / "backup") == contents(shop)


@pytest.mark.skipif(os.name != "posix", reason="left out: permissions are those of POSIX")
def test_evidence_of_a_backup_and_of_what_is_restored_is_no_more_open_than_the_original(
    shop: Path, tmp_path: Path
) -> None:
    evidence = Path(f"{shop}.evidence")
    for path in (evidence, *evidence.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    back_up(str(shop), tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "again", actor="Olga")
    restore(tmp_path / "backup", tmp_path / "third", actor="Olga", evidence=tmp_path / "files")
    copies = [tmp_path / "backup.evidence", tmp_path / "again.evidence", tmp_path / "files"]
    found = [path for folder in copies for path in (folder, *folder.rglob("*"))]
    assert len(found) > 6
    assert [path for path in found if path.stat().st_mode & 0o077] == []


def test_backup_of_nothing_or_into_nowhere_is_refused_in_words(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing to back up"):
        back_up(str(tmp_path / "none.sqlite"), tmp_path / "backup")
    with pytest.raises(NotFoundError, match="nothing to back up"):
        back_up(":memory:", tmp_path / "backup")
    with pytest.raises(LedgerUnwritableError, match="Create it first"):
        back_up(str(shop), tmp_path / "no" / "backup")
    with pytest.raises(NotFoundError, match="nothing to restore"):
        restore(tmp_path / "none", tmp_path / "to", actor="Olga")
    (tmp_path / "text").write_text("no ledger")
    with pytest.raises(NotALedgerError):
        restore(tmp_path / "text", tmp_path / "to", actor="Olga")
    assert not (tmp_path / "to").exists()


def test_damaged_ledger_gives_no_backup(shop: Path, tmp_path: Path) -> None:
    data = bytearray(shop.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 20_000] = os.urandom(20_000)
    shop.write_bytes(data)
    with pytest.raises((NotALedgerError, LedgerUnwritableError)):
        back_up(str(shop), tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
    assert not (tmp_path / "backup.partial").exists()


def test_file_that_is_missing_is_told(shop: Path, tmp_path: Path) -> None:
    file = next(path for path in below(Path(f"{shop}.evidence")))
    file.unlink()
    assert back_up(str(shop), tmp_path / "backup").missing == (file.name,)


def test_progress_is_told_until_all_pages_are_copied(shop: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    back_up(str(shop), tmp_path / "backup", progress=lambda *now: told.append(now))
    done, total = told[-1]
    assert done == total > 0


def write_on(location: str, started: Any, stop: Any) -> None:
    with open_ledger(location, actor="Olga") as ledger:
        while not stop.is_set():
            call = ledger.interactions.record(ledger.customers.all()[0], channel="chat")
            ledger.evidence.attach(call, text="a note")
            started.release()


def test_backup_while_others_write_is_one_moment_of_the_ledger(shop: Path, tmp_path: Path) -> None:
    started, stop = _context.Semaphore(0), _context.Event()
    writer = _context.Process(target=write_on, args=(str(shop), started, stop))
    writer.start()
    try:
        assert started.acquire(timeout=120)
        for number in range(3):
            back_up(str(shop), tmp_path / f"backup{number}")
            assert started.acquire(timeout=120)
    finally:
        stop.set()
        writer.join(60)
    entries = []
    for number in range(3):
        with open_ledger(str(tmp_path / f"backup{number}"), actor="Olga") as ledger:
            report = ledger.verify()
            assert report.findings == ()
            entries.append(report.entries)
    assert entries[0] < entries[1] < entries[2]


def test_folder_of_evidence_of_the_users_own_is_backed_up_and_restored(tmp_path: Path) -> None:
    path, files = tmp_path / "shop.sqlite", tmp_path / "files"
    (tmp_path / "tape").write_bytes(b"a tape")
    with open_ledger(path, actor="Olga", evidence=files) as ledger:
        ann = ledger.customers.add("Ann")
        tape = ledger.evidence.attach(ann, path=tmp_path / "tape")
    assert back_up(str(path), tmp_path / "backup", evidence=files).files == 1
    restore(tmp_path / "backup", tmp_path / "again", actor="Olga", evidence=tmp_path / "others")
    with open_ledger(tmp_path / "again", actor="Olga", evidence=tmp_path / "others") as ledger:
        assert b"".join(ledger.evidence.read(tape)) == b"a tape"
        assert ledger.verify().findings == ()


@pytest.fixture
def erased_since(tmp_path: Path) -> tuple[Path, list[str]]:
    """A backup, and the register of what was erased after it was made."""
    path = tmp_path / "shop.sqlite"
    (tmp_path / "tape").write_bytes(b"zq4711 on a tape")
    with open_ledger(path, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann zq4712", email="zq4713@example.org")
        ben = ledger.customers.add("Ben")
        ledger.evidence.attach(ann, path=tmp_path / "tape", caption="zq4714")
        call = ledger.interactions.record(ben, channel="chat", summary="zq4715")
        hold = ledger.privacy.hold(ann, reason="zq4716")
        back_up(str(path), tmp_path / "backup")
        ledger.privacy.release(hold, reason="over")
        ledger.interactions.record(ann, channel="phone")  # not in the backup
        ledger.privacy.erase(call, ground="unlawful")
        ledger.privacy.erase_person(ann, ground="objection")
        register = ledger.privacy.register()
    (tmp_path / "tape").unlink()
    return tmp_path / "backup", register


def test_what_was_erased_since_a_backup_is_erased_again_by_the_restore(
    erased_since: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """A hold that was released since does not bring the person back."""
    backup, register = erased_since
    done = restore(backup, tmp_path / "again.sqlite", actor="Olga", erasures=register).replayed
    assert done is not None
    assert (done.erased, done.gone, done.kept, done.left) == (4, 0, (), ())
    assert len(done.missing) == 2  # the void of the hold and the call that came after the backup
    files = [path for path in below(tmp_path) if path.name.startswith("again")]
    files += below(tmp_path / "again.sqlite.evidence")
    assert traces([b"zq471"], files) == set()
    with open_ledger(tmp_path / "again.sqlite", actor="Olga") as ledger:
        assert [customer.name for customer in ledger.customers.all()] == ["Ben"]
        assert ledger.privacy.holds() == []
        erasures = [json.loads(line) for line in ledger.privacy.register()]
        cited = [ledger.history(UUID(e["subject"]))[e["entry"] - 1].facts for e in erasures]
        assert [facts["register"] for facts in cited] == [
            {"entry": e["entry"], "hash": e["hash"]} for e in map(json.loads, register)
        ]
        assert ledger.verify().findings == ()


def test_command_for_postgresql_is_told_without_the_password(tmp_path: Path) -> None:
    url = "postgresql+psycopg://olga:secret@db:5433/shop?schema=firm_a"
    with pytest.raises(BadInputError) as refused:
        back_up(url, tmp_path / "shop.dump")
    assert dump_command(url, tmp_path / "shop.dump") in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "schema" not in dump_command("postgresql://olga@db/shop", "x")


PROGRAMS = [folder for folder in binaries() if (folder / "pg_restore").is_file()][:1]


@pytest.mark.parametrize("folder", PROGRAMS, ids=lambda folder: "pg_dump")
def test_pg_dump_as_told_and_pg_restore_give_the_same_ledger(
    folder: Path, durable_server: Server, tmp_path: Path
) -> None:
    with durable_server.database() as url, durable_server.database() as other:
        open_story(url, tmp_path).close()
        before = contents(url)
        dump = shlex.split(dump_command(url, tmp_path / "shop.dump"))
        subprocess.run([folder / dump[0], *dump[1:]], check=True)
        plain = make_url(other).set(drivername="postgresql").render_as_string(hide_password=False)
        subprocess.run(
            [folder / "pg_restore", "--exit-on-error", f"--dbname={plain}", tmp_path / "shop.dump"],
            check=True,
        )
        assert contents(other) == before
        with open_ledger(other, actor="Olga") as ledger:
            ledger.customers.add("Somebody new")
            assert ledger.verify().findings == ()


def test_command_line_backs_up_and_restores(shell: Shell) -> None:
    shell("init", "shop.sqlite")
    shell("--ledger", "shop.sqlite", "add", "customer", "Ann Miller")
    assert "0 files of evidence" in shell("--ledger", "shop.sqlite", "backup", "shop.backup")
    shell.refused(2, "--ledger", "shop.sqlite", "backup", "shop.backup")
    told = shell("--ledger", "shop.sqlite", "erase", "Ann Miller", "--ground", "objection", "--yes")
    assert re.search(r"Erased 1 entry; entry #2 records it", told)
    shell("--ledger", "shop.sqlite", "erasures", "export", "erasures.jsonl")
    told = shell("restore", "shop.backup", "--to", "new.sqlite", "--erasures", "erasures.jsonl")
    assert "Erased again: 1 entry." in told
    assert "Ann" not in shell("--ledger", "new.sqlite", "ranking")
    told = shell("restore", "shop.backup", "--to", "newer.sqlite")
    assert "Gone already: 0." in shell(
        "--ledger", "newer.sqlite", "erasures", "replay", "erasures.jsonl"
    )
    assert "Gone already: 1." in shell(
        "--ledger", "newer.sqlite", "erasures", "replay", "erasures.jsonl"
    )
