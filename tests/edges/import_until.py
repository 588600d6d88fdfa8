"""A program that imports a file and kills itself, for the tests of interrupted imports.

Arguments: ledger, file, and at which reading of the clock to send SIGKILL to itself (0: never). The
clock is read at the start of each transaction, so that the kill comes in the middle of one.
"""

import os
import signal
import sys
from datetime import UTC, datetime

import custledger
from custledger.edges.importing import import_csv, write

__all__ = ["main"]


class Clock:
    """The same moment always; its deadline is the last."""

    def __init__(self, deadline: int) -> None:
        self.readings, self._deadline = 0, deadline

    def __call__(self) -> datetime:
        self.readings += 1
        if self.readings == self._deadline:
            os.kill(os.getpid(), signal.SIGKILL)
        return datetime(2026, 6, 1, tzinfo=UTC)


def main(ledger: str, path: str, deadline: str) -> None:
    """Import in small chunks, and print how often the clock was read."""
    write._CHUNK = 40  # type: ignore[misc]
    clock = Clock(int(deadline))
    mapping = "online_retail" if path.endswith(".gz") else None
    with custledger.open_ledger(ledger, actor="Olga", now=clock) as opened:
        import_csv(opened, path, mapping=mapping)
    print(clock.readings)


if __name__ == "__main__":
    main(*sys.argv[1:])
