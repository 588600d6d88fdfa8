"""Whatever dies in the middle of a write: what was acknowledged is kept, and nothing is half there.

The writer is a process of its own. A strike comes at a moment at which the writer was told to
pause, or at any time while it runs; then it tries the same write again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from custledger import open_ledger
from tests.postgres import Server
from tests.storage.writer import CUSTOMERS, KINDS, Answer, Write, Writer, settle, tokens_in

STRIKES = [3, pytest.param(10, marks=pytest.mark.slow)]
"""How many there are in a test, for each kind of write."""

KILLED = Answer("killed")
KNOWN = "in the ledger already"


@pytest.mark.parametrize("strikes", STRIKES)
def test_writer_whose_backend_is_terminated_loses_nothing(
    durable_server: Server, tmp_path: Path, strikes: int
) -> None:
    with durable_server.database() as url, Struck(url, tmp_path) as struck:
        struck.go_through(strikes, lambda: durable_server.terminate_backends(url))


@pytest.mark.parametrize("strikes", STRIKES)
def test_writer_whose_server_stops_at_once_and_restarts_loses_nothing(
    durable_server: Server, tmp_path: Path, strikes: int
) -> None:
    with durable_server.database() as url, Struck(url, tmp_path) as struck:
        struck.go_through(strikes, durable_server.crash, durable_server.start)


@pytest.mark.parametrize("strikes", STRIKES)
def test_writer_that_is_killed_loses_nothing_on_postgresql(
    durable_server: Server, tmp_path: Path, strikes: int
) -> None:
    with durable_server.database() as url, Struck(url, tmp_path) as struck:
        struck.go_through(strikes, struck.kill)


@pytest.mark.parametrize("strikes", STRIKES)
def test_writer_that_is_killed_loses_nothing_on_sqlite(tmp_path: Path, strikes: int) -> None:
    with Struck(str(tmp_path / "ledger.sqlite"), tmp_path) as struck:
        struck.go_through(strikes, struck.kill)


def test_first_write_after_idle_connections_were_ended_is_kept(
    postgres_server: Server, postgres_url: str
) -> None:
    """What ended them came between two writes, so that nobody need hear of it."""
    with open_ledger(postgres_url, actor="Olga") as ledger:
        for name in ("Ann", "Ben"):
            assert postgres_server.terminate_backends(postgres_url) > 0
            while postgres_server.terminate_backends(postgres_url):
                time.sleep(0.01)
            assert ledger.customers.add(name).name == name
        assert ledger.verify().ok


class Struck:
    """A ledger, its writer, what was acknowledged, and what must be true after every strike."""

    def __init__(self, location: str, folder: Path) -> None:
        self._location, self._folder = location, folder
        self._kept: list[Write] = []
        self._hits: list[str] = []
        self._killed = False

    def __enter__(self) -> Struck:
        settle(self._location)
        self._writer = Writer(self._location, self._folder)
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.end()

    def kill(self) -> None:
        """SIGKILL the writer."""
        self._killed = True
        self._writer.kill()

    def go_through(
        self, strikes: int, blow: Callable[[], object], mend: Callable[[], None] | None = None
    ) -> None:
        """Strike while a write of each kind is under way; ``mend`` brings back what was down."""
        for kind in KINDS:
            moments, seconds = self._rehearse(kind)
            for number, pause_at in enumerate(places(strikes, moments)):
                write = Write(kind, 2 + 2 * number)
                self._strike(write, pause_at, seconds, blow)
                if mend:
                    assert self._attempt(Write(kind, 1000)).what == "ConnectionLostError"
                    mend()
                self._check(write)
                self._write(write)
                self._write(Write(kind, 3 + 2 * number))  # the strike may have met it between two
            self._check(write)
        assert {"commit", "return", "any time"} <= set(self._hits)

    def _rehearse(self, kind: str) -> tuple[list[str], float]:
        """The moments of such a write, and how long it takes, once it has warmed up."""
        for number in (0, 1):
            began = time.perf_counter()
            answer = self._attempt(Write(kind, number))
            assert answer.what == "kept", answer
        return list(answer.moments), time.perf_counter() - began

    def _strike(
        self, write: Write, pause_at: int, seconds: float, blow: Callable[[], object]
    ) -> Answer:
        """Begin the write, strike at the moment or at any time, and see what became of it."""
        self._writer.begin(write, pause_at)
        answer = self._writer.answer() if pause_at else Answer("any time", "any time")
        self._hits.append(answer.message)
        if not pause_at:
            time.sleep(random.uniform(0, seconds))
        blow()
        if answer.what in ("paused", "any time"):
            if answer.what == "paused":
                self._writer.go()
            answer = self._answer()
        return self._judged(write, answer)

    def _answer(self) -> Answer:
        try:
            return self._writer.answer()
        except (EOFError, ConnectionResetError):
            return KILLED

    def _attempt(self, write: Write) -> Answer:
        self._writer.begin(write)
        return self._judged(write, self._answer())

    def _judged(self, write: Write, answer: Answer) -> Answer:
        """It was acknowledged, or the error is the clear one, or there is nobody to ask."""
        if answer.what == "kept" or KNOWN in answer.message:
            self._kept.append(write)
        elif answer.what == "ConnectionLostError":
            assert "ry again" in answer.message
            assert "\n" not in answer.message
        else:
            assert answer == KILLED
            assert self._killed, "the writer died of an error"
        if self._killed:
            self._writer.end()
            self._writer, self._killed = Writer(self._location, self._folder), False
        return answer

    def _write(self, write: Write) -> None:
        """Once more with the same Ledger, which finds out once that its connection is gone."""
        for _ in range(2):
            if write in self._kept:
                return
            self._attempt(write)
        assert write in self._kept

    def _check(self, under_way: Write) -> None:
        """Look with other eyes: nothing acknowledged is lost, nothing there twice, nothing half."""
        with open_ledger(self._location, actor="Olga") as ledger:
            found = tokens_in(ledger)
            assert ledger.verify().findings == ()
        assert found.total() == len(found)
        acknowledged = {token for write in self._kept for token in write.tokens}
        assert acknowledged <= found.keys()
        others = found.keys() - acknowledged
        assert others <= set(under_way.tokens)
        # An import is cut into transactions; the first one holds the file's customers too.
        whole = len(CUSTOMERS) if under_way.kind == "import" else len(under_way.tokens)
        assert len(others) % whole == 0


def places(strikes: int, moments: list[str]) -> list[int]:
    """Which moments to strike at: the last COMMIT, the one after it, then all over.

    Every other one is 0, at any time.
    """
    last = len(moments) - moments[::-1].index("commit")
    chance = random.Random(strikes)
    found = [last, 0, last + 1]
    while len(found) < strikes:
        found += [0, chance.randrange(len(moments)) + 1]
    return found[:strikes]
