"""Verification by several processes over one snapshot: the same report, and a clean end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.core.trail.findings import FindingCode
from custledger.errors import BadInputError, LedgerUnreadableError
from custledger.pytest_plugin import START, Clock
from custledger.storage import chains
from custledger.storage.chains import NewOf, ranges
from custledger.storage.verifying import parallel as verify_parallel
from custledger.storage.verifying.chain_facts import Plan
from custledger.storage.verifying.parallel import crew_for
from tests.attacker import attack
from tests.postgres import Server
from tests.storage.attacks.conftest import Original
from tests.story import open_story


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges of a few entries, so that a small ledger has many, and long chains have pages."""
    monkeypatch.setattr(chains, "PAGE", 3)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Original]:
    """The story told once; each test checks a copy."""
    folder = tmp_path_factory.mktemp("story")
    with contextlib.ExitStack() as stack:
        location = str(folder / "ledger.sqlite")
        if request.param == "postgresql":
            server: Server = request.getfixturevalue("postgres_server")
            location = stack.enter_context(server.database())
        open_story(location, folder).close()
        yield Original(location, folder)


@pytest.fixture
def location(told: Original, tmp_path: Path) -> Iterator[str]:
    with told.copied("copy", tmp_path) as location:
        yield location


@pytest.fixture
def story(location: str) -> Iterator[Ledger]:
    with open_ledger(location, actor="Olga", now=Clock(START + timedelta(days=30))) as ledger:
        yield ledger


@pytest.mark.usefixtures("small_pages")
def test_report_of_many_pages_is_that_of_one(
    story: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_pages = story.verify()
    monkeypatch.setattr(chains, "PAGE", 5_000)
    assert in_pages == story.verify()


@pytest.mark.usefixtures("small_pages")
def test_report_of_several_processes_is_that_of_one_findings_included(
    story: Ledger, location: str
) -> None:
    assert story.verify(processes=2) == story.verify(processes=1)
    with attack(location) as attacker:
        attacker.run("UPDATE custledger_entry SET occurred_at = 7 WHERE seq = 2")
        attacker.run("UPDATE custledger_customer SET name = 'Mallory'")
        one, several = story.verify(processes=1), story.verify(processes=3)
    # In the workers a page is a page, so what they find of a long chain comes in another order.
    assert sorted(map(str, one.findings)) == sorted(map(str, several.findings))
    assert replace(one, findings=()) == replace(several, findings=())
    assert {FindingCode.ENTRY_ALTERED, FindingCode.COPY_CHANGED} <= {f.code for f in one.findings}


@pytest.mark.usefixtures("small_pages")
def test_workers_see_the_snapshot_and_not_what_is_written_meanwhile(
    story: Ledger, location: str
) -> None:
    def write(_done: int, _total: int) -> None:
        with open_ledger(location, actor="Olga") as other:
            other.money.record_sale("Ann Müller", amount=Money(100, "EUR"))
            other.customers.add(f"Newcomer {time.monotonic_ns()}")

    before = story.verify().entries
    report = story.verify(processes=2, progress=write)
    assert (report.findings, report.entries) == ((), before)
    assert story.verify().entries > before


def test_workers_are_started_once_the_ledger_is_large(
    story: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with crew_for(story.context, None) as crew:
        assert not crew.workers
    monkeypatch.setattr(verify_parallel, "_LARGE", 10)
    monkeypatch.setattr(verify_parallel, "_cores", lambda: 2)
    with crew_for(story.context, None) as crew:
        assert len(crew.workers) == 2
        begun = list(crew.workers)
    assert [worker.poll() is not None for worker in begun] == [True, True]
    assert not crew.workers


def test_ledger_that_no_other_process_can_see_is_checked_by_this_one(tmp_path: Path) -> None:
    with open_ledger(":memory:", actor="Olga") as ledger:
        assert ledger.verify(processes=2).ok
    with open_ledger(tmp_path / "l.sqlite", actor="Olga") as ledger, ledger.transaction():
        ledger.customers.add("Ann")
        report = ledger.verify(processes=2)
        assert (report.findings, report.chains) == ((), 2)


def test_worker_that_dies_ends_the_verification_with_words(story: Ledger) -> None:
    with crew_for(story.context, 2) as crew, story.context.snapshot() as connection:
        crew.begin(connection)
        assert len(crew.workers) == 2
        os.kill(crew.workers[0].pid, signal.SIGKILL)
        spans = ranges(connection) * 50
        with pytest.raises(LedgerUnreadableError, match="processes=1"):
            list(crew.check(Plan(), spans))
    assert story.verify(processes=2).ok


def test_worker_that_fails_says_why(story: Ledger) -> None:
    with crew_for(story.context, 2) as crew, story.context.snapshot() as connection:
        crew.begin(connection)
        nonsense: Any = (object,)
        with pytest.raises(BadInputError, match="no database takes"):
            list(crew.check(Plan(), [NewOf(nonsense, 0, 1)]))


SCRIPT = """
    import sys
    from custledger import open_ledger

    print("once")
    with open_ledger(sys.argv[1], actor="Olga") as ledger:
        print(ledger.verify(processes=2).ok)
"""


def test_script_without_a_guard_around_its_main_part_runs_once(tmp_path: Path) -> None:
    """Where workers came with the program that starts them, each would run the script again."""
    location = tmp_path / "ledger.sqlite"
    open_ledger(location, actor="Olga", now=Clock(START)).close()
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    run = subprocess.run(
        [sys.executable, str(script), str(location)], capture_output=True, text=True, check=True
    )
    assert (run.stdout.split(), run.stderr) == (["once", "True"], "")


WAITING = """
    import signal, sys
    from custledger import open_ledger

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a job in the background

    with open_ledger(sys.argv[1], actor="Olga") as ledger:
        def wait(done, total):
            print("begun", flush=True)
            import time
            time.sleep(60)
        ledger.verify(processes=2, progress=wait)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="left out: no such signal there")
def test_ctrl_c_ends_the_workers_too(tmp_path: Path) -> None:
    location = tmp_path / "ledger.sqlite"
    open_ledger(location, actor="Olga").close()
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(WAITING))
    run = subprocess.Popen(
        [sys.executable, str(script), str(location)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "begun\n"
    os.killpg(run.pid, signal.SIGINT)
    _, said = run.communicate(timeout=60)  # ends once nobody holds the pipe: no worker is left
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert said.count("Traceback") == 1


def test_folder_that_somebody_stands_in_gives_the_workers_no_module(tmp_path: Path) -> None:
    location = tmp_path / "ledger.sqlite"
    open_ledger(location, actor="Olga").close()
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    ran = "open('ran', 'w').close()\nraise SystemExit\n"
    for name in ("pickle", "custledger", "signal", "sqlite3"):
        (downloads / f"{name}.py").write_text(ran)
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    run = subprocess.run(
        [sys.executable, str(script), str(location)],
        cwd=downloads,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (run.stdout.split(), run.stderr) == (["once", "True"], "")
    assert not (downloads / "ran").exists()


STARTING = """
    import os, signal, sys
    from custledger import open_ledger
    from custledger.storage.verifying import parallel as verify_parallel

    start = verify_parallel.subprocess.Popen

    def interrupted(*args, **kwargs):
        worker = start(*args, **kwargs)
        if interrupted.left == 0:
            os.killpg(0, signal.SIGINT)
        interrupted.left -= 1
        return worker

    interrupted.left = int(sys.argv[2])
    verify_parallel.subprocess.Popen = interrupted
    with open_ledger(sys.argv[1], actor="Olga") as ledger:
        ledger.verify(processes=3)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="left out: no such signal there")
@pytest.mark.parametrize("left", [0, 2])
def test_ctrl_c_while_workers_start_shows_one_traceback(tmp_path: Path, left: int) -> None:
    location = tmp_path / "ledger.sqlite"
    open_ledger(location, actor="Olga").close()
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(STARTING))
    run = subprocess.run(
        [sys.executable, str(script), str(location), str(left)],
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    assert run.stderr.rstrip().endswith("KeyboardInterrupt")
    assert run.stderr.count("Traceback") == 1
