"""A guest behaves from the first line on: importing custledger does nothing to its host."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROBE = """
import logging, threading, warnings
import sqlalchemy, sqlmodel

from sqlalchemy.engine import Engine

handlers, filters = list(logging.root.handlers), list(warnings.filters)
threads = threading.active_count()
made = []
original = Engine.__init__
Engine.__init__ = lambda self, *a, **k: (made.append(a), original(self, *a, **k))[1]
import custledger, custledger.edges.hosting, custledger.edges.importing, custledger.cli
assert made == [], "an engine"
assert sqlmodel.SQLModel.metadata.tables == {}, "tables in the host's metadata"
assert logging.root.handlers == handlers, "a handler"
assert list(warnings.filters) == filters, "a filter"
assert threading.active_count() == threads, "a thread"
"""


def test_import_makes_no_engine_no_file_and_touches_nothing_of_the_host(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
