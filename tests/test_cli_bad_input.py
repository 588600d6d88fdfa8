"""Bad input at the command line: an exit code, a cause, a remedy, and the ledger as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import ACTOR, Shell

ROOT = Path(__file__).resolve().parents[1]
ORDINARY_USER = 65534
MONEY = "customer,kind,amount,currency,occurred_at\n"
CUSTOMERS = "external_id,name,staff_note\n"
DECLARED = 'layout = "customers"\nsource = "shop"\nencoding = "utf-8"\n'

# A disk on which not one page is left.
FULL_DISK = """
import sys
from sqlalchemy import event
from sqlalchemy.pool import Pool
from custledger.cli import main

@event.listens_for(Pool, "connect")
def fill(connection, _record):
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")

sys.exit(main(sys.argv[1:]))
"""

# Everything is loaded by a first run, since an ordinary user may not reach the tests' environment.
ORDINARY = f"""
import os, pkgutil, sys
import custledger
from custledger.cli import main

for module in pkgutil.walk_packages(custledger.__path__, "custledger."):
    if not module.name.endswith(("__main__", "pytest_plugin")):
        __import__(module.name)
assert main(["--ledger", sys.argv[1], "record", "sale", "Ann", "1"]) == 0
if os.getuid() == 0:
    os.setgroups([])
    os.setgid({ORDINARY_USER})
    os.setuid({ORDINARY_USER})
sys.exit(main(sys.argv[2:]))
"""

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """A shell in the folder of a ledger with one customer."""
    shell = Shell(tmp_path, monkeypatch, capsys)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    shell("init")
    shell("add", "customer", "Ann")
    return shell


def process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, prepared by some code."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# Files that cannot be imported


@pytest.mark.parametrize(
    ("content", "cause", "remedy"),
    [
        (b"", "is empty", "Export it again"),
        (MONEY.encode(), "no rows", "nothing to import"),
        (b"customer,kind,amount,amount,currency,occurred_at\n1,sale,5,5,EUR,2026-01-31\n",
         'more than one column "amount"', "Rename or remove"),
        (b"customer,kind,amount,currency,date\n1,sale,5,EUR,2026-01-31\n",
         'nearest to money, which also needs "occurred_at", and does not know "date"', "rename"),
        (b"who,what\n1,2\n", "none of custledger's own layouts", "customers: external_id, name"),
    ],
    ids=["empty", "header only", "duplicated header", "nearly a layout", "no layout"],
)  # fmt: skip
def test_file_that_is_no_table_of_ours_is_refused(
    shop: Shell, content: bytes, cause: str, remedy: str
) -> None:
    before = shop("export")
    (shop.folder / "file.csv").write_bytes(content)
    said = shop.refused(2, "import", "file.csv")
    assert cause in said
    assert remedy in said
    assert shop("export") == before


def test_file_in_another_encoding_than_was_declared_is_refused(shop: Shell) -> None:
    before = shop("export")
    (shop.folder / "file.csv").write_bytes(f"{CUSTOMERS}1,Zoë,\n".encode("latin-1"))
    (shop.folder / "shop.toml").write_text(DECLARED, encoding="utf-8")
    said = shop.refused(2, "import", "file.csv", "--mapping", "shop.toml")
    assert "utf-8" in said
    assert "encoding" in said
    assert shop("export") == before


@pytest.mark.parametrize(
    ("content", "cause", "remedy"),
    [
        (f"{CUSTOMERS}1,Bob\n", "The row has 2 fields, the header 3", "quotation marks"),
        (f"{MONEY}1,sale,-5,EUR,2026-01-31\n", "-5", "kind"),
        (f"{MONEY}1,sale,5,XYZ,2026-01-31\n", "'XYZ' is not a currency", "three-letter code"),
        (f"{MONEY}1,sale,5,EUR,2026-01-31 09:30\n", "2026-01-31 09:30", "time_zone"),
        (
            f"{MONEY}1,sale,5,EUR,2026-02-30\n",
            "'2026-02-30' is not a date that exists",
            "written like",
        ),
        (f'{CUSTOMERS}1,Bob,"{"x" * 10_000_000}"\n', "a field is longer than", "Correct it"),
    ],
    ids=["ragged", "negative", "currency", "naive", "impossible", "10 MB"],
)
def test_row_that_cannot_be_used_is_refused_with_its_line(
    shop: Shell, content: str, cause: str, remedy: str
) -> None:
    before = shop("export")
    (shop.folder / "file.csv").write_text(content, encoding="utf-8")
    shown = shop.run("import", "file.csv", "--strict")
    assert shown.code == 2
    assert "Traceback" not in shown.err
    [told] = [line for line in shown.err.splitlines() if line.startswith("Line 2: ")]
    assert len(told) < 1_000
    assert cause in told
    assert remedy in told
    assert "Nothing was imported" in shown.err
    assert shop("export") == before


def test_mapping_that_is_not_there_is_refused_with_those_that_are(shop: Shell) -> None:
    (shop.folder / "file.csv").write_text(f"{MONEY}1,sale,5,EUR,2026-01-31\n", encoding="utf-8")
    for name in ("onlineretail", "online-retail", "my-shop.toml"):
        said = shop.refused(2, "import", "file.csv", "--mapping", name)
        assert f"no mapping file {name}" in said
        assert "It ships: bank_calls, online_retail;" in said


# Values that cannot be recorded


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("record sale Ann -- -5", "must not be negative"),
        ("record sale Ann 5 --currency XYZ", "three-letter code"),
        ("record sale Ann 5 --at 2026-02-30", "Write it like 2026-01-31"),
        ("record interaction Ann --channel phone --minutes nan", "--minutes takes a number"),
        ("record interaction Ann --channel phone --minutes inf", "--minutes takes a number"),
        ("record interaction Ann --channel phone --minutes -5", "--minutes 5, not -5"),
        ("record interaction Ann --channel phone --minutes 1e300", "--minutes takes a number"),
        ("add rate -- -5", "An hour of staff time cannot cost -5.00 EUR"),
        ("add staff Sam --hourly-rate -5", "An hour of staff time cannot cost -5.00 EUR"),
        ("record sale Ann 5 --wait nan", "--wait takes a number"),
        ("--wait -1 record sale Ann 5", "--wait 5, not -1"),
    ],
)
def test_value_that_cannot_be_recorded_is_refused_by_its_name(
    shop: Shell, line: str, said: str
) -> None:
    before = shop("export")
    assert said in shop.refused(2, *line.split())
    assert shop("export") == before


def test_actor_who_is_not_registered_writes_nothing(shop: Shell) -> None:
    before = shop("export")
    assert "add staff Bob" in shop.refused(4, "record", "sale", "Ann", "5", "--actor", "Bob")
    assert shop("export") == before


# Places where nothing can be written


@pytest.mark.parametrize(
    "line", ["init notes.txt", "score -l notes.txt", "upgrade notes.txt", "demo notes.txt"]
)
def test_file_that_is_not_a_ledger_stays_as_it_is(shop: Shell, line: str) -> None:
    path = shop.folder / "notes.txt"
    path.write_text("not a ledger", encoding="utf-8")
    shown = shop.run(*line.split())
    assert shown.code in (2, 5)
    assert "notes.txt" in shown.err
    assert "Traceback" not in shown.err
    assert path.read_text(encoding="utf-8") == "not a ledger"
    assert list(shop.folder.glob("notes.txt?*")) == []


def test_locked_ledger_is_left_alone_after_the_wait_that_was_asked_for(shop: Shell) -> None:
    before = shop("export")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, "custledger.sqlite"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said = shop.refused(7, "--wait", "0.1", "record", "sale", "Ann", "5")
        assert "Another process" in said
        assert "ry again" in said
        shop.refused(7, "import", "--example", "--wait", "0.1")
        assert shop("export") == before
        holder.communicate("")
    assert shop("export") == before
    shop("record", "sale", "Ann", "5")


def test_full_disk_is_told_and_nothing_is_written(shop: Shell) -> None:
    before = shop("export")
    done = process(FULL_DISK, "import", "--example")
    assert done.returncode == 8, done.stderr
    assert "full" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert shop("export") == before
    assert "Nothing is amiss" in shop("verify")
    shop("import", "--example")


@pytest.fixture
def locked_folder(shop: Shell) -> Iterator[Path]:
    """A ledger in a folder that anybody may look into, and its owner alone may write to."""
    folder = Path(tempfile.mkdtemp())
    try:
        shutil.copy(shop.folder / "custledger.sqlite", folder)
        (folder / "custledger.sqlite").chmod(0o444)
        (folder / "file.csv").write_text(f"{CUSTOMERS}1,Bob,\n", encoding="utf-8")
        folder.chmod(0o555)
        yield folder
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.skipif(os.name == "nt", reason="left out: Windows has other permissions")
@pytest.mark.parametrize(
    "line",
    [
        "record sale Ann 5",
        "import {folder}/file.csv",
        "init {folder}/new.sqlite",
        "demo {folder}/demo.sqlite",
        "rebuild",
    ],
)
def test_ordinary_user_is_told_where_nothing_can_be_written(
    shop: Shell, locked_folder: Path, line: str
) -> None:
    ledger = locked_folder / "custledger.sqlite"
    before = digest(ledger)
    done = process(
        ORDINARY,
        str(shop.folder / "custledger.sqlite"),
        *("--ledger", str(ledger), "--actor", ACTOR),
        *line.format(folder=locked_folder).split(),
    )
    assert done.returncode == 8, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot be opened" in done.stderr
    assert "Check that" in done.stderr
    assert "this user may write" in done.stderr
    assert digest(ledger) == before
    assert sorted(path.name for path in locked_folder.iterdir()) == [
        "custledger.sqlite", "file.csv",
    ]  # fmt: skip
