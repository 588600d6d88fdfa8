"""Permissions, full disks, locks and kills: the right error, and nothing half written."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custledger import Ledger, open_ledger
from custledger.errors import LedgerBusyError, LedgerUnwritableError
from tests.story import open_story, picture

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with the story in it, closed."""
    open_story(str(tmp_path / "ledger.sqlite"), tmp_path).close()
    return tmp_path / "ledger.sqlite"


# Who may not write


def as_ordinary_user(act: Callable[[], Any]) -> str:
    """What an act raises, as text, when somebody does it who is not root."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            act()
            said = "done"
        except BaseException as error:
            said = f"{type(error).__name__} | {error}"
        os.write(writer, said.encode())
        os._exit(0)  # without anybody's clean-up
    os.close(writer)
    with open(reader, "rb") as answer:  # noqa: PTH123
        said = answer.read().decode()
    os.waitpid(child, 0)
    return said


def run(code: str, *arguments: object, **options: Any) -> str:
    prelude = """
        import sys
        sys.path[:] = {path!r}
        from custledger import Money, open_ledger
        def attempt(act):
            try:
                act()
                print("done")
            except Exception as error:
                print(type(error).__name__, "|", error)
    """
    text = textwrap.dedent(prelude).format(path=sys.path) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", text, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


OPEN = """
    attempt(lambda: open_ledger(sys.argv[1], actor="Olga").customers.add("Zoe"))
"""


@pytest.fixture
def reachable(tmp_path: Path) -> Iterator[Path]:
    """A ledger in a folder to which everybody finds the way."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.sqlite"
        open_story(str(file), tmp_path).close()
        file.parent.chmod(0o755)
        file.chmod(0o644)
        yield file
        file.parent.chmod(0o755)


def write_to(path: Path) -> None:
    open_ledger(path, actor="Olga").customers.add("Zoe")


needs_fork = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="left out: this system does not fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


class TestOrdinaryUser:
    """Root may write anywhere, so these run as somebody else."""

    pytestmark = needs_fork

    def test_is_told_of_a_folder_that_may_not_be_written(self, reachable: Path) -> None:
        reachable.parent.chmod(0o555)
        before = picture(reachable.parent)
        said = as_ordinary_user(lambda: write_to(reachable))
        assert said.startswith("LedgerUnwritableError | ")
        assert "may write to the file and its folder" in said
        assert picture(reachable.parent) == before

    def test_is_told_of_a_file_that_may_not_be_written(self, reachable: Path) -> None:
        reachable.chmod(0o444)
        reachable.parent.chmod(0o777)
        before = picture(reachable.parent)
        said = as_ordinary_user(lambda: write_to(reachable))
        assert said.startswith("LedgerUnwritableError | ")
        assert picture(reachable.parent) == before

    def test_is_told_of_a_file_that_may_not_be_read(self, reachable: Path) -> None:
        reachable.chmod(0)
        said = as_ordinary_user(lambda: write_to(reachable))
        assert said.startswith("LedgerUnwritableError | ")
        assert "Permission denied. Check the permissions" in said

    def test_is_told_of_a_folder_that_may_not_be_entered(self, reachable: Path) -> None:
        reachable.parent.chmod(0)
        said = as_ordinary_user(lambda: write_to(reachable))
        assert said.startswith("LedgerUnwritableError | ")

    def test_cannot_make_a_ledger_where_nothing_may_be_written(self, reachable: Path) -> None:
        reachable.parent.chmod(0o555)
        said = as_ordinary_user(lambda: write_to(reachable.parent / "new.sqlite"))
        assert said.startswith("LedgerUnwritableError | ")
        assert "Check that the folder exists and that this user may write to it" in said
        assert not (reachable.parent / "new.sqlite").exists()

    def test_is_told_of_an_evidence_folder_that_may_not_be_written(self, reachable: Path) -> None:
        reachable.parent.chmod(0o777)
        reachable.chmod(0o666)

        def attach() -> None:
            with open_ledger(reachable, actor="Olga") as ledger:
                ledger.evidence.attach("Ann Müller", file=io.BytesIO(b"x"))

        said = as_ordinary_user(attach)
        assert said.startswith("LedgerUnwritableError | The evidence cannot be stored in ")
        with open_ledger(reachable, actor="Olga") as ledger:
            assert ledger.verify().ok


# No room


def test_full_database_keeps_nothing_of_the_write(path: Path) -> None:
    with open_ledger(path, actor="Olga") as ledger:
        entries = ledger.verify().entries
        limit_pages(ledger)
        rows = [{"name": f"Customer {n}", "staff_note": "x" * 500} for n in range(2000)]
        with pytest.raises(LedgerUnwritableError, match=r"full.*make room and try again"):
            ledger.customers.add_many(rows)
        report = ledger.verify()
        assert (report.findings, report.entries) == ((), entries)
    with open_ledger(path, actor="Olga") as ledger:
        assert ledger.customers.add("Zoe").name == "Zoe"


def limit_pages(ledger: Ledger) -> None:
    with ledger.context.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with ledger.context.database.transactions.engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}")


def limit_files(size: int) -> Callable[[], None]:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def test_disk_that_fills_up_keeps_nothing_of_the_write(path: Path) -> None:
    with open_ledger(path, actor="Olga") as ledger:
        entries = ledger.verify().entries
    said = run(
        """
        ledger = open_ledger(sys.argv[1], actor="Olga")
        rows = [{"name": f"Customer {n}", "staff_note": "x" * 500} for n in range(3000)]
        attempt(lambda: ledger.customers.add_many(rows))
        print(len(ledger.customers.all()))
        """,
        path,
        preexec_fn=limit_files(path.stat().st_size + 100_000),
    )
    assert said.startswith("LedgerUnwritableError | ")
    assert said.splitlines()[-1] == "3"
    with open_ledger(path, actor="Olga") as ledger:
        assert ledger.verify().findings == ()
        assert ledger.verify().entries == entries


def test_new_ledger_on_a_full_disk_is_refused(tmp_path: Path) -> None:
    said = run(OPEN, tmp_path / "new.sqlite", preexec_fn=limit_files(10_000))
    assert said.startswith("LedgerUnwritableError | ")
    with open_ledger(tmp_path / "new.sqlite", actor="Olga") as ledger:  # what is left does no harm
        assert ledger.verify().ok


def test_evidence_on_a_full_disk_leaves_no_half_file(path: Path) -> None:
    before = picture(path.parent / "ledger.sqlite.evidence")
    said = run(
        """
        import io
        ledger = open_ledger(sys.argv[1], actor="Olga")
        attempt(lambda: ledger.evidence.attach("Ann Müller", file=io.BytesIO(b"x" * 10**7)))
        """,
        path,
        preexec_fn=limit_files(2_000_000),
    )
    assert said.startswith("LedgerUnwritableError | The evidence cannot be stored in ")
    assert "Nothing was written" in said
    assert picture(path.parent / "ledger.sqlite.evidence") == before
    with open_ledger(path, actor="Olga") as ledger:
        assert ledger.verify().ok


# Locks

SHORTLY = timedelta(milliseconds=100)


def test_locked_ledger_is_reported_as_busy_and_stays_as_it_is(path: Path) -> None:
    before = picture(path.parent)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with open_ledger(path, actor="Olga", wait=SHORTLY) as ledger:
            assert ledger.customers.get("Ann Müller")
            with pytest.raises(LedgerBusyError, match="Another process holds the ledger"):
                ledger.customers.add("Zoe")
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert picture(path.parent) == before


def test_ledger_locked_against_readers_is_reported_as_busy(path: Path) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(LedgerBusyError, match="try again"):
            open_ledger(path, actor="Olga", wait=SHORTLY)
    finally:
        holder.close()


def test_processes_that_make_a_ledger_at_once_make_one(location: str) -> None:
    code = """
        with open_ledger(sys.argv[1], actor="Olga") as ledger:
            ledger.customers.add(sys.argv[2])
    """
    text = (
        f"import sys; sys.path[:] = {sys.path!r}\nfrom custledger import open_ledger\n"
        + textwrap.dedent(code)
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", text, location, name]) for name in ("A", "B", "C")
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    with open_ledger(location, actor="Olga") as ledger:
        assert sorted(customer.name for customer in ledger.customers.all()) == ["A", "B", "C"]
        assert ledger.verify().ok


# Kills

WRITER = """
    import io, itertools
    ledger = open_ledger(sys.argv[1], actor="Olga")
    for n in itertools.count():
        with ledger.transaction():
            customer = ledger.customers.add(f"K{n}")
            ledger.money.record_many(
                {"kind": "sale", "customer": customer, "amount": Money(k, "EUR")} for k in range(20)
            )
            ledger.evidence.attach(customer, file=io.BytesIO(b"x" * 3_000_000))
        print(n, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="left out: this system has no SIGKILL")
@pytest.mark.parametrize("after", [0.0, 0.004, 0.011])
def test_killed_writer_leaves_whole_transactions_and_all_it_acknowledged(
    path: Path, after: float
) -> None:
    text = (
        f"import sys, time; sys.path[:] = {sys.path!r}\n"
        "from custledger import Money, open_ledger\n" + textwrap.dedent(WRITER)
    )
    process = subprocess.Popen(
        [sys.executable, "-c", text, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(4)]
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(after)
    process.kill()
    said += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    with open_ledger(path, actor="Olga") as ledger:
        assert ledger.verify().findings == ()
        kept = [c for c in ledger.customers.all() if c.name.startswith("K")]
        acknowledged = [f"K{line.strip()}" for line in said if line.endswith("\n")]
        assert [c.name for c in kept][: len(acknowledged)] == acknowledged
        assert len(acknowledged) <= len(kept) <= len(acknowledged) + 1
        for customer in kept:
            assert [m.amount.minor for m in ledger.money.of(customer)] == list(range(20))
            (tape,) = ledger.evidence.of(customer)
            assert sum(map(len, ledger.evidence.read(tape))) == 3_000_000
        assert ledger.customers.add("after all").name == "after all"
