"""After an erasure a byte search finds nothing: of a thousand secrets, in any file there is."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from custledger import open_ledger
from tests.postgres import Server
from tests.storage.secrets_planted import below, plant, traces

ROOT = Path(__file__).resolve().parents[2]


def test_of_a_thousand_secrets_no_trace_is_left_in_any_file_of_a_sqlite_ledger(
    tmp_path: Path,
) -> None:
    """While the ledger is open, and after it was closed: database, log, evidence, temporary."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.storage.secrets_planted", tmp_path / "shop.sqlite", tmp_path],
        env={**os.environ, "TMPDIR": str(temporary), "SQLITE_TMPDIR": str(temporary)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    planted, before, after, kept, others = map(int, first.split())
    assert planted >= 1000
    assert (before, after) == (planted, 0)
    assert kept == others
    assert second == "0 0"
    assert (tmp_path / "shop.sqlite").is_file()


def test_of_a_thousand_secrets_no_trace_is_left_in_the_data_files_of_postgresql(
    durable_server: Server, tmp_path: Path
) -> None:
    """Its write-ahead log keeps them for a while: that is the limit which the docs state."""
    assert durable_server.cluster is not None
    data = durable_server.cluster.folder / "data"
    with durable_server.database() as url, open_ledger(url, actor="Olga") as ledger:
        planted = plant(ledger, tmp_path)
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("ANALYZE")  # the planner's statistics quote values
            connection.execute("CHECKPOINT")
        secrets = planted.secrets
        assert len(secrets) >= 1000
        assert traces(secrets, below(data)) == set(secrets)
        for ann in planted.concerned:
            outcome = ledger.privacy.erase_person(ann, ground="objection")
            assert outcome.done
            assert "custledger purge" in outcome.left[0]
        assert ledger.privacy.purge().left == ()
        files = below(data)
        log = [file for file in files if "pg_wal" in file.parts]
        assert traces(secrets, [file for file in files if file not in log]) == set()
        assert traces(planted.others, below(data / "base")) == set(planted.others)
        assert traces(secrets, log) != set()
        assert ledger.verify().findings == ()


def test_statistics_of_a_table_that_is_empty_now_are_purged_too(
    durable_server: Server, tmp_path: Path
) -> None:
    assert durable_server.cluster is not None
    data = durable_server.cluster.folder / "data"
    with durable_server.database() as url, open_ledger(url, actor="Olga") as ledger:
        names = [f"zx{number:08d}" for number in range(40)]
        ids = ledger.customers.add_many(
            [{"name": name, "email": f"{name}@a.org"} for name in names]
        )
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("ANALYZE")
            connection.execute("CHECKPOINT")
        for customer in ids:
            ledger.privacy.erase_person(customer, ground="objection")
        assert ledger.privacy.purge().left == ()
        files = [file for file in below(data) if "pg_wal" not in file.parts]
        assert traces([name.encode() for name in names], files) == set()


def test_reader_in_another_process_keeps_the_log_and_the_outcome_says_so(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite"
    with open_ledger(path, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann zq4711")
        ledger.close()
    with open_ledger(path, actor="Olga", wait=timedelta(seconds=0.2)) as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM custledger_entry").fetchone()
            [said] = ledger.privacy.erase_person(ann, ground="objection").left
            assert "Another program reads the ledger" in said
            assert "custledger purge" in said
            assert not ledger.privacy.purge().done
        assert traces([b"zq4711"], below(tmp_path)) == {b"zq4711"}
        assert ledger.privacy.purge().done
        assert traces([b"zq4711"], below(tmp_path)) == set()


def test_copies_that_an_upgrade_left_beside_are_named(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "shop.sqlite", actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
        (tmp_path / "shop.sqlite.20260630T120000Z.backup").write_bytes(b"older")
        [said] = ledger.privacy.erase_person(ann, ground="objection").left
    assert "shop.sqlite.20260630T120000Z.backup" in said


def test_file_is_written_anew_for_pages_keep_older_copies_of_rows_that_moved(
    tmp_path: Path,
) -> None:
    """secure_delete overwrites a row, and not the copies of it in the gaps of split pages."""
    path = tmp_path / "shop.sqlite"
    with open_ledger(path, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
        ledger.evidence.attach(ann, text="a long letter " * 20_000)
        full = path.stat().st_size + path.with_name("shop.sqlite-wal").stat().st_size
        ledger.privacy.erase_person(ann, ground="objection")
        assert path.with_name("shop.sqlite-wal").stat().st_size == 0
        assert path.stat().st_size < full / 2
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
