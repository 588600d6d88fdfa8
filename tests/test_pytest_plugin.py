"""The fixtures for users' own tests, in a pytest run of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

from custledger import Ledger, Money
from custledger.pytest_plugin import START, Clock, custledger_clock, custledger_ledger

__all__ = ["custledger_clock", "custledger_ledger"]

TEST = """
    from datetime import UTC, datetime, timedelta
    from custledger import Money

    def test_clock_stands_still_until_it_is_moved(custledger_ledger, custledger_clock):
        ann = custledger_ledger.customers.add("Ann")
        custledger_clock.advance(timedelta(days=30))
        sale = custledger_ledger.money.record_sale(ann, amount=Money(1, "EUR"))
        assert sale.recorded_at == datetime(2026, 2, 4, 9, tzinfo=UTC)

    def test_ledger_is_fresh(custledger_ledger, tmp_path):
        assert custledger_ledger.customers.all() == []
        assert custledger_ledger.actor.name == "Test Owner"
        assert (tmp_path / "custledger.sqlite").exists()
"""


def test_fixtures_work_in_a_project_that_only_installs_custledger(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(textwrap.dedent(TEST), encoding="utf-8")
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "custledger.pytest_plugin", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        # Whether custledger is installed here or only checked out, it is loaded once.
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": root},
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_clock_can_be_set_and_moved() -> None:
    clock = Clock()
    assert clock() == clock() == START
    clock.advance(timedelta(hours=1))
    assert clock() - START == timedelta(hours=1)
    clock.set(datetime(2020, 1, 1, tzinfo=UTC))
    assert clock().year == 2020


def test_fixture_ledger_verifies(custledger_ledger: Ledger) -> None:
    ann = custledger_ledger.customers.add("Ann")
    custledger_ledger.money.record_sale(ann, amount=Money(1, "EUR"))
    assert custledger_ledger.verify().ok
