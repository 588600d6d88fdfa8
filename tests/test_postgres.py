"""The tests' own PostgreSQL server: which one it is, and that it can crash and come back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests.postgres import ADDRESS_VARIABLE, LentServerError, Server, own_server, running_server
from tests.postgres_cluster import binaries, version_of

ROOT = Path(__file__).parent.parent


def install(root: Path, place: str, version: str) -> Path:
    """Programs that only tell their version, where a package of some system would put them."""
    folder = root / place
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version} (Debian)'\n")
        (folder / name).chmod(0o755)
    return folder.resolve()


def test_machines_newest_binaries_come_first_and_the_wheel_last(tmp_path: Path) -> None:
    without = list(binaries(tmp_path))
    older = install(tmp_path, "usr/lib/postgresql/14/bin", "14.11")
    newer = install(tmp_path, "usr/pgsql-18/bin", "18beta1")
    found = list(binaries(tmp_path))
    assert [folder for folder in found if folder not in without] == [newer, older]
    assert found[-1] == without[-1]


def test_binaries_older_than_postgresql_14_are_passed_over(tmp_path: Path) -> None:
    without = list(binaries(tmp_path))
    old = install(tmp_path, "usr/lib/postgresql/9.6/bin", "9.6.24")
    assert version_of(old) == 9
    install(tmp_path, "usr/lib/postgresql/13/bin", "13.14")
    assert list(binaries(tmp_path)) == without


def test_address_in_the_environment_comes_before_all_binaries(
    postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = postgres_server.address.set(drivername="postgresql")
    monkeypatch.setenv(ADDRESS_VARIABLE, given.render_as_string(hide_password=False))
    with running_server() as server:
        assert server.address == given.set(drivername="postgresql+psycopg")
        with server.database() as url:
            assert make_url(url).host == given.host
        with pytest.raises(LentServerError, match="not ours to stop"):
            server.crash()
    with pytest.raises(LentServerError, match="not ours to stop"), own_server():
        pass
    assert postgres_server.run("SELECT 1") == [(1,)]


def test_durable_server_crashes_and_keeps_what_it_committed(durable_server: Server) -> None:
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert durable_server.run(f"SHOW {setting}") == [("on",)]
    with durable_server.database() as url:
        plain = url.replace("+psycopg", "")
        with psycopg.connect(plain) as connection:
            connection.execute("CREATE TABLE kept (id int)")
            connection.commit()
            durable_server.crash()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(plain)
        durable_server.start()
        with psycopg.connect(plain) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchall() == [(0,)]


def test_database_is_dropped_though_the_test_left_the_server_stopped(
    durable_server: Server,
) -> None:
    with durable_server.database() as url:
        durable_server.crash()
    name = make_url(url).database
    assert durable_server.run("SELECT 1 FROM pg_database WHERE datname = %s", name) == []


def test_server_of_a_process_that_is_killed_does_not_outlive_it(postgres_server: Server) -> None:
    if postgres_server.cluster is None:
        pytest.skip(f"left out: {ADDRESS_VARIABLE} names the server")
    program = """
import time
from tests.postgres import own_server
with own_server() as server:
    print(server.cluster.folder, flush=True)
    time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        process.kill()
    deadline = time.monotonic() + 30
    while (folder.exists() or runs(server)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()
    assert not runs(server)


def runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
