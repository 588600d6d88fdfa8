"""A program that upgrades a ledger among many, or until it kills itself, for tests of upgrades.

``together LOCATION COUNT`` forks that many processes, which upgrade at the same moment; printed is
what each reports, a line of JSON each.

``until LOCATION NUMBER`` sends SIGKILL to itself at that event, or with 0 goes on to the end;
printed is what each event was. Events are the beginning of a transaction, a statement that was
executed, a COMMIT that is about to be sent, a file that is about to be removed or renamed, and,
inside the copying of a SQLite file, every few steps of its machine.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command  # noqa: F401  (before the fork, once, and not in each child)
from sqlalchemy import Engine, event

from custledger.edges.upgrading import upgrade

KINDS = {"begin": "begin", "after_cursor_execute": "statement", "commit": "commit"}
FILES = {"os.remove": "remove", "os.rename": "rename"}
STEPS = 1000


class Deadline:
    """Listens to every engine, file and connection of the process."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder, self._number, self._seen = str(folder), number, 0
        for name, kind in KINDS.items():
            event.listen(Engine, name, self._listener(kind))
        sys.addaudithook(self._audit)
        self._plain = sqlite3.connect
        sqlite3.connect = self._connect  # SQLAlchemy has another name for it

    def _see(self, kind: str) -> None:
        self._seen += 1
        print(kind, flush=True)
        if self._seen == self._number:
            os.kill(os.getpid(), signal.SIGKILL)

    def _listener(self, kind: str) -> Callable[..., None]:
        return lambda *_: self._see(kind)

    def _audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name in FILES and str(arguments[0]).startswith(self._folder):
            self._see(FILES[name])

    def _connect(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = self._plain(*arguments, **options)
        connection.set_progress_handler(lambda: self._see("step"), STEPS)
        return connection


def until(location: str, number: int) -> None:
    """Upgrade, and be killed at that event."""
    Deadline(Path(location).parent, number)
    upgrade(location)


def together(location: str, number: int) -> None:
    """Upgrade in that many processes."""
    gate, opened = os.pipe()
    children = [fork(location, gate, opened) for _ in range(number)]
    os.close(gate)
    os.close(opened)  # the end of the file, for which all of them wait
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    sys.exit(max(ends, key=abs))


def fork(location: str, gate: int, opened: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        os.close(opened)
        os.read(gate, 1)
        report = upgrade(location)
        line = json.dumps([report.before, report.after, str(report.backup or "")]) + "\n"
        os.write(sys.stdout.fileno(), line.encode())
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    what, where, count = sys.argv[1:]
    {"together": together, "until": until}[what](where, int(count))
