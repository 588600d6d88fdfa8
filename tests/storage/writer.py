"""A process that writes to a ledger at the tests' command, and can be told to pause at any moment.

A ``Writer`` is the tests' handle of such a process. A write is a kind and a number: the rows of the
same number are the same in every attempt, and each carries a token of its own as its summary. The
process answers a command after the call has returned: that is the acknowledgement.

The moments are those of SQLAlchemy: a transaction that begins, a statement that was executed, a
COMMIT that is about to be sent, and a connection that was given back after it.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from contextlib import suppress
from multiprocessing.connection import Connection as Link
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, Pool, event

from custledger import Ledger, open_ledger
from custledger.edges.importing import import_csv, write
from custledger.errors import CustledgerError

__all__ = ["CUSTOMERS", "KINDS", "Answer", "Write", "Writer", "settle", "tokens_in"]

KINDS = ("single", "batch", "import")
CUSTOMERS = tuple(f"C{number}" for number in range(5))
CHUNK = 10
"""How many records of an import are one transaction, its customers among them."""

_ROWS = {"single": 1, "batch": 30, "import": 3 * CHUNK}
_MOMENTS = {"begin": "begin", "after_cursor_execute": "statement", "commit": "commit"}
_SOURCE = "crash"


class Write(NamedTuple):
    """What is to be written."""

    kind: str
    number: int

    @property
    def tokens(self) -> list[str]:
        """What its rows are known by."""
        return [f"{self.kind} {self.number} {row}" for row in range(_ROWS[self.kind])]


class Answer(NamedTuple):
    """What became of a command: "kept", "paused" (inside the call), or an error's class."""

    what: str
    message: str = ""
    moments: tuple[str, ...] = ()


class Writer:
    """A process that writes, as the tests see it."""

    def __init__(self, location: str, folder: Path) -> None:
        # Not by fork: what a process that has opened a ledger forks is not what a fresh one is.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["custledger", "custledger.edges.importing"])
        self._link, other = context.Pipe()
        self._process = context.Process(target=serve, args=(location, folder, other), daemon=True)
        self._process.start()
        other.close()

    def begin(self, write: Write, pause_at: int = 0) -> None:
        """Let it write; it stops at that moment (the first is 1) and waits for ``go``."""
        self._link.send((write, pause_at))

    def go(self) -> None:
        """Let it go on, if it lives."""
        with suppress(BrokenPipeError):
            self._link.send("go")

    def answer(self) -> Answer:
        """Wait for the answer; EOFError if the process is gone."""
        return self._link.recv()  # type: ignore[no-any-return]

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        self._process.kill()
        self._process.join()

    def end(self) -> None:
        """Let go of the process, whatever it does."""
        self.kill()
        self._process.close()
        self._link.close()


def settle(location: str) -> None:
    """Make the ledger, with the customers that are written to."""
    with open_ledger(location, actor="Olga") as ledger:
        ledger.customers.add_many(
            [{"name": name, "source": _SOURCE, "external_id": name} for name in CUSTOMERS]
        )


def tokens_in(ledger: Ledger) -> Counter[str]:
    """How often each token is in the ledger."""
    return Counter(
        interaction.summary
        for customer in ledger.customers.all()
        for interaction in ledger.interactions.of(customer)
    )


# In the other process


def serve(location: str, folder: Path, link: Link) -> None:
    """Write what is asked for, always with the same Ledger."""
    write._CHUNK = CHUNK  # type: ignore[misc]
    moments = Moments(link)
    with open_ledger(location, actor="Olga") as ledger:
        ids = [ledger.customers.get(name).id for name in CUSTOMERS]
        for wanted, pause_at in iter(link.recv, None):
            moments.start(pause_at)
            try:
                _write(ledger, ids, wanted, folder)
            except CustledgerError as error:
                link.send(Answer(type(error).__name__, str(error)))
            else:
                link.send(Answer("kept", "", tuple(moments.seen)))


class Moments:
    """Listens to every engine of the process, and pauses at the moment of a number."""

    def __init__(self, link: Link) -> None:
        self.seen: list[str] = []
        self._link, self._pause_at = link, 0
        for name, kind in _MOMENTS.items():
            event.listen(Engine, name, self._listener(kind))
        event.listen(Pool, "checkin", self._listener("return"))

    def start(self, pause_at: int) -> None:
        self.seen, self._pause_at = [], pause_at

    def _listener(self, kind: str) -> Any:
        def listener(*_: Any) -> None:
            self.seen.append(kind)
            if len(self.seen) == self._pause_at:
                self._link.send(Answer("paused", kind))
                assert self._link.recv() == "go"

        return listener


def _write(ledger: Ledger, ids: list[Any], wanted: Write, folder: Path) -> None:
    if wanted.kind == "import":
        path = folder / f"{wanted.number}.csv"
        if not path.exists():
            path.write_text(_file(wanted))
        import_csv(ledger, path)
        return
    rows = [
        {
            "customer": ids[(wanted.number + place * 3) % len(ids)],
            "channel": "phone",
            "summary": token,
            "source": _SOURCE,
            "external_id": token,
        }
        for place, token in enumerate(wanted.tokens)
    ]
    if wanted.kind == "batch":
        ledger.interactions.record_many(rows)
    else:
        ledger.interactions.record(rows[0].pop("customer"), **rows[0])


def _file(wanted: Write) -> str:
    lines = ["customer,channel,occurred_at,handling_minutes,staff,summary"]
    for place, token in enumerate(wanted.tokens):
        lines.append(f"Imported {place % 5},phone,2026-01-{place % 28 + 1:02},5,Sam,{token}")
    return "\n".join(lines) + "\n"
