"""An import killed at any moment and run again ends as if it had never been interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import custledger
from custledger.edges.export import canonical_export
from tests.edges.import_help import canonical, write

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="left out: this system has no fork")

EXTRACT = Path(custledger.__file__).parent / "data" / "online_retail_extract.csv.gz"
PROGRAM = Path(__file__).with_name("import_until.py")
ROOT = Path(custledger.__file__).parent.parent
CALLS = "customer,channel,occurred_at,handling_minutes,staff\n" + "".join(
    f"C{number % 17},phone,2026-01-{number % 28 + 1:02},{number % 9},Staff {number % 5}\n"
    for number in range(200)
)


def run(folder: Path, path: Path, kills: int) -> list[list[str]]:
    """The ledgers that the program made: path, number and kind of the event that ended it."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder), str(path), str(kills)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.rsplit(maxsplit=2) for line in done.stdout.splitlines()]


def state(path: str) -> object:
    """The trail without what is random, the canonical export, and the batches."""
    now = datetime(2026, 6, 1, tzinfo=UTC)
    with custledger.open_ledger(path, actor="Olga", now=lambda: now) as ledger:
        assert not ledger.verify().findings
        batches = [(b.number, b.status, b.entries) for b in ledger.imports.all()]
        return canonical(ledger), list(canonical_export(ledger)), batches


@pytest.mark.parametrize("kind", ["grouped sales", "calls without ids"])
@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_a_killed_import_resumes_to_the_same_ledger(tmp_path: Path, kind: str, kills: int) -> None:
    path = EXTRACT if kind == "grouped sales" else write(tmp_path, CALLS)
    (whole, events, _), *killed = run(tmp_path, path, kills)
    assert len(killed) == min(kills, int(events))
    assert {"commit", "statement"} <= {event for _, _, event in killed}
    expected = state(whole)
    for ledger, number, event in killed:
        assert state(ledger) == expected, f"killed at event {number} of {events}, a {event}"
