"""Upgrades that meet, and upgrades that are killed: the ledger is the old one or the new one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import custledger
from custledger import open_ledger
from custledger.edges.upgrading import upgrade
from custledger.storage import schema
from tests.postgres import Server
from tests.releases import ACTOR, RELEASES, Release, dump, facts_of, query

PROGRAM = Path(__file__).with_name("upgrade_until.py")
ROOT = Path(custledger.__file__).parent.parent
RELEASE: Release = RELEASES[0]
MANY = 24
TOLD = ("entries", "trail", "export", "evidence", "imports")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="left out: this system has no fork")


def run(what: str, location: str, number: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), what, location, str(number)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a ledger of the first release is."""
    if request.param == "sqlite":
        return RELEASE.sqlite(tmp_path)
    return RELEASE.postgresql(request.getfixturevalue("postgres_url"))


def test_of_24_upgrades_at_once_one_does_it_and_none_fails(old: str, tmp_path: Path) -> None:
    before = dump(old) if "://" not in old else None
    done = run("together", old, MANY)
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    head = schema.head_version()
    nothing = [head, head, ""]
    [worker] = [report for report in reports if report != nothing]
    assert worker[:2] == [RELEASE.schema, head]
    assert len(reports) == MANY
    backups = [str(path) for path in tmp_path.glob("*.backup*")]
    assert backups == ([worker[2]] if before else [])
    assert [dump(path) for path in backups] == ([before] if before else [])
    assert_whole(old)


@pytest.mark.parametrize("kills", [3, pytest.param(24, marks=pytest.mark.slow)])
def test_killed_upgrade_of_a_file_leaves_the_old_or_the_new_ledger(
    tmp_path: Path, kills: int
) -> None:
    def fresh(name: str) -> str:
        (tmp_path / name).mkdir()
        return RELEASE.sqlite(tmp_path / name)

    kinds = all_events(fresh("whole"))
    assert {"begin", "statement", "commit", "rename", "remove", "step"} == set(kinds)
    for number in moments(kinds, kills):
        old = fresh(str(number))
        before = dump(old)
        was_new = killed(old, number, kinds)
        backups = list((tmp_path / str(number)).glob("*.backup"))
        assert all(dump(backup) == before for backup in backups)
        assert backups or not was_new
        finish(old, was_new)
        assert not list((tmp_path / str(number)).glob("*partial*"))


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_upgrade_of_a_database_leaves_the_old_or_the_new_ledger(
    postgres_server: Server, kills: int
) -> None:
    with postgres_server.database() as url:
        kinds = all_events(RELEASE.postgresql(url))
    assert {"begin", "statement", "commit"} == set(kinds)
    for number in moments(kinds, kills):
        with postgres_server.database() as url:
            old = RELEASE.postgresql(url)
            finish(old, killed(old, number, kinds))


def all_events(location: str) -> list[str]:
    """What each event of an upgrade is that nobody kills."""
    done = run("until", location, 0)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def moments(kinds: list[str], kills: int) -> list[int]:
    """The numbers of events to be killed at: the last of each kind, and some all over."""
    last = {kind: number for number, kind in enumerate(kinds, 1)}
    step = max(1, len(kinds) // max(1, kills - len(last)))
    return sorted({*last.values(), *range(1, len(kinds) + 1, step)})


def killed(old: str, number: int, kinds: list[str]) -> bool:
    """Kill an upgrade at that event; whether the ledger is the new one."""
    done = run("until", old, number)
    assert done.returncode == -signal.SIGKILL, f"event {number}, a {kinds[number - 1]}: {done}"
    version = query(old, "SELECT version_num FROM custledger_version")[0][0]
    assert version in (RELEASE.schema, schema.head_version())
    return bool(version == schema.head_version())


def finish(old: str, was_new: bool) -> None:
    assert upgrade(old).changed is not was_new
    assert_whole(old)


def assert_whole(location: str) -> None:
    with open_ledger(location, actor=ACTOR) as ledger:
        assert ledger.verify().findings == ()
        found = facts_of(ledger)
    assert [found[n] for n in TOLD] == [RELEASE.facts[n] for n in TOLD]
