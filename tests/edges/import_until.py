"""A program that imports a file again and again and kills itself, for tests of interrupted imports.

Arguments: folder, file, and a number of kills. It imports once in peace, then forks a child for
each kill: the child sends SIGKILL to itself at one event of the database, and another child imports
the same file into what is left. Printed are the paths of the ledgers, the peaceful one first, each
with the event and what it was.

Events are the beginning of a transaction, a statement that was executed, and a COMMIT that is about
to be sent. Those of making the ledger count too.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

import custledger
from custledger.edges.importing import import_csv, write

__all__ = ["main"]

KINDS = {"begin": "begin", "after_cursor_execute": "statement", "commit": "commit"}


class Deadline:
    """Listens to every engine of the process; its number of events is the last."""

    def __init__(self, number: int = 0) -> None:
        self.seen: list[str] = []
        self._number = number
        for name, kind in KINDS.items():
            event.listen(Engine, name, self._listener(kind))

    def _listener(self, kind: str) -> Callable[..., None]:
        def listener(*_: Any) -> None:
            self.seen.append(kind)
            if len(self.seen) == self._number:
                os.kill(os.getpid(), signal.SIGKILL)

        return listener


def moments(seen: list[str], kills: int) -> list[int]:
    """The numbers of events spread over the whole import: half of them COMMITs, if there are."""
    commits = [number for number, kind in enumerate(seen, 1) if kind == "commit"]
    others = [number for number, kind in enumerate(seen, 1) if kind != "commit"]
    half = min(kills // 2, len(commits))
    return sorted([*spread(commits, half), *spread(others, min(kills - half, len(others)))])


def spread(numbers: list[int], count: int) -> list[int]:
    """As many of the numbers, evenly spread, the last among them."""
    return [numbers[len(numbers) * (place + 1) // count - 1] for place in range(count)]


def take_in(ledger: Path, path: str) -> None:
    """Import in small chunks, at a moment that is the same always."""
    write._CHUNK = 40  # type: ignore[misc]
    mapping = "online_retail" if path.endswith(".gz") else None
    clock = datetime(2026, 6, 1, tzinfo=UTC)
    with custledger.open_ledger(ledger, actor="Olga", now=lambda: clock) as opened:
        import_csv(opened, path, mapping=mapping)


def in_child(work: Callable[[], None]) -> int:
    """What became of a process that does the work: 0, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_and_resumed(ledger: Path, path: str, number: int) -> None:
    """Import until that event, then once more without one."""

    def until() -> None:
        Deadline(number)
        take_in(ledger, path)

    assert in_child(until) == -signal.SIGKILL
    assert in_child(lambda: take_in(ledger, path)) == 0


def main(folder: str, path: str, kills: str) -> None:
    """One ledger in peace, and one for each kill."""
    whole, kinds = Path(folder, "whole.sqlite"), Path(folder, "kinds")

    def peaceful() -> None:
        deadline = Deadline()
        take_in(whole, path)
        kinds.write_text(" ".join(deadline.seen))

    # In a child too: what a process that has opened a ledger forks is not what a fresh one is.
    assert in_child(peaceful) == 0
    seen = kinds.read_text().split()
    print(whole, len(seen), "end")
    for number in moments(seen, int(kills)):
        ledger = Path(folder, f"killed{number}.sqlite")
        killed_and_resumed(ledger, path, number)
        print(ledger, number, seen[number - 1])


if __name__ == "__main__":
    main(*sys.argv[1:])
