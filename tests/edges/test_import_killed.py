"""An import killed at any moment and run again ends as if it had never been interrupted."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import custledger
from tests.edges.import_help import canonical, write

EXTRACT = Path(custledger.__file__).parent / "data" / "online_retail_extract.csv.gz"
PROGRAM = Path(__file__).with_name("import_until.py")
ROOT = Path(custledger.__file__).parent.parent
CALLS = "customer,channel,occurred_at,handling_minutes,staff\n" + "".join(
    f"C{number % 17},phone,2026-01-{number % 28 + 1:02},{number % 9},Staff {number % 5}\n"
    for number in range(200)
)


def run(ledger: Path, path: Path, deadline: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), str(ledger), str(path), str(deadline)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def state(path: Path) -> object:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    with custledger.open_ledger(str(path), actor="Olga", now=lambda: now) as ledger:
        assert not ledger.verify().findings
        return canonical(ledger), [(b.number, b.status, b.entries) for b in ledger.imports.all()]


@pytest.mark.parametrize("kind", ["grouped sales", "calls without ids"])
def test_a_killed_import_resumes_to_the_same_ledger(tmp_path: Path, kind: str) -> None:
    path = EXTRACT if kind == "grouped sales" else write(tmp_path, CALLS)
    whole = tmp_path / "whole.sqlite"
    told = run(whole, path, 0)
    assert told.returncode == 0, told.stderr
    readings = int(told.stdout.split()[0])
    assert readings > 8
    expected = state(whole)
    for deadline in (readings // 2, readings):
        killed = tmp_path / f"killed{deadline}.sqlite"
        assert run(killed, path, deadline).returncode == -9
        again = run(killed, path, 0)
        assert again.returncode == 0, again.stderr
        assert state(killed) == expected, f"killed at reading {deadline} of {readings}"
