"""A LedgerMaker opens one ledger again and again, cheaply and safely."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session

from custledger import Ledger, LedgerMaker, open_ledger
from custledger.errors import (
    BadInputError,
    ClosedLedgerError,
    LedgerBusyError,
    NotFoundError,
    UnregisteredActorError,
)


@pytest.fixture
def engine(location: str) -> Iterator[Engine]:
    engine = create_engine(location if "://" in location else f"sqlite:///{location}")
    yield engine
    engine.dispose()


def test_owner_makes_the_ledger_and_everybody_registered_opens_it(location: str) -> None:
    with LedgerMaker(location, owner="Olga", currency="CHF") as ledgers:
        with ledgers.open(actor="Olga") as ledger:
            ledger.staff.add("Sam")
        with ledgers.open(actor="sam") as ledger:
            assert (ledger.currency, ledger.actor.name) == ("CHF", "Sam")
        with pytest.raises(UnregisteredActorError):
            ledgers.open(actor="Mallory")


def test_without_an_owner_nothing_is_made(location: str) -> None:
    with pytest.raises(NotFoundError, match="owner"):
        LedgerMaker(location)
    assert not Path(location).exists()


def test_settings_that_contradict_the_ledger_are_refused_at_the_start(location: str) -> None:
    open_ledger(location, actor="Olga", currency="CHF").close()
    with pytest.raises(BadInputError, match="currency is CHF"):
        LedgerMaker(location, currency="EUR")


@pytest.mark.parametrize("home", [":memory:", 7, None])
def test_what_cannot_be_opened_many_times_is_refused(home: Any) -> None:
    with pytest.raises(BadInputError, match="many times"):
        LedgerMaker(home, owner="Olga")


def test_ledger_for_a_session_joins_its_transaction(engine: Engine) -> None:
    ledgers = LedgerMaker(engine, owner="Olga")
    with Session(engine) as session, ledgers.open(session, actor="Olga") as ledger:
        ledger.customers.add("Ann")
        session.rollback()
    with Session(engine) as session, ledgers.open(session, actor="Olga") as ledger:
        ledger.customers.add("Ben")
        session.commit()
    with ledgers.open(actor="Olga") as ledger:
        assert [customer.name for customer in ledger.customers.all()] == ["Ben"]
        assert ledger.verify().ok


def test_opening_for_a_request_asks_one_thing(engine: Engine) -> None:
    ledgers = LedgerMaker(engine, owner="Olga")
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    with Session(engine) as session:
        ledgers.open(session, actor="Olga").close()
    assert len([s for s in said if s.startswith("SELECT")]) == 1


def test_threads_open_ledgers_of_their_own(location: str) -> None:
    with LedgerMaker(location, owner="Olga") as ledgers:

        def write(token: str) -> None:
            with ledgers.open(actor="Olga") as mine:
                record(mine, token)

        all_kept_once(ledgers, write)


def test_threads_write_through_an_engine_of_the_host(engine: Engine) -> None:
    ledgers = LedgerMaker(engine, owner="Olga")

    def write(token: str) -> None:
        with ledgers.open(actor="Olga") as mine:
            record(mine, token)

    all_kept_once(ledgers, write)


def test_threads_write_in_sessions_of_the_host(engine: Engine) -> None:
    ledgers = LedgerMaker(engine, owner="Olga")

    def write(token: str) -> None:
        with Session(engine) as session, ledgers.open(session, actor="Olga") as mine:
            record(mine, token)
            session.commit()

    all_kept_once(ledgers, write)


THREADS, WRITES = 8, 5


def record(ledger: Ledger, token: str) -> None:
    ledger.interactions.record("Ann", channel="phone", summary=token)


def all_kept_once(ledgers: LedgerMaker, write: Callable[[str], None]) -> None:
    """Each thread writes to the same chain; every token is there once, and nothing else is."""
    with ledgers.open(actor="Olga") as ledger:
        ledger.customers.add("Ann")
    tokens = [[f"{name} {n}" for n in range(WRITES)] for name in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in threads.map(lambda mine: [write(token) for token in mine], tokens):
            pass  # an error of a thread comes up here
    with ledgers.open(actor="Olga") as ledger:
        found = Counter(interaction.summary for interaction in ledger.interactions.of("Ann"))
        assert found == Counter(token for mine in tokens for token in mine)
        assert ledger.verify().findings == ()


@pytest.mark.parametrize("opening", [open_ledger, LedgerMaker])
def test_write_through_an_engine_of_the_host_waits_as_long_as_was_said(
    location: str, engine: Engine, opening: Any
) -> None:
    sqlite = engine.dialect.name == "sqlite"  # where the host says it, to its driver
    setting = "PRAGMA busy_timeout = 300" if sqlite else "SET lock_timeout = 10000"
    event.listen(engine, "connect", lambda c, _: (c.execute(setting), c.commit()))
    who = {"actor": "Olga"} if opening is open_ledger else {"owner": "Olga"}
    wait = timedelta(milliseconds=300)
    with open_ledger(location, actor="Olga") as other, opening(engine, wait=wait, **who) as home:
        other.customers.add("Ann")
        with home.open(actor="Olga") if isinstance(home, LedgerMaker) else nullcontext(home) as one:
            with other.transaction():
                record(other, "first")
                began = time.monotonic()
                with pytest.raises(LedgerBusyError):
                    record(one, "in vain")
                assert 0.25 < time.monotonic() - began < 5
            record(one, "second")
            assert one.verify().ok


def test_transaction_through_an_engine_of_the_host_keeps_others_out_from_the_start(
    tmp_path: Path,
) -> None:
    """SQLite would refuse it at its first write if another came in between, and it never waits."""
    for begins in (False, True):
        engine = create_engine(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
        if begins:
            event.listen(engine, "connect", lambda c, _: setattr(c, "isolation_level", None))
            event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))
        shortly = timedelta(milliseconds=10)
        with (
            open_ledger(engine, actor="Olga") as one,
            open_ledger(tmp_path / "ledger.sqlite", actor="Olga", wait=shortly) as other,
        ):
            with one.transaction():
                before = len(one.customers.all())
                with pytest.raises(LedgerBusyError):
                    other.customers.add("Ben")
                one.customers.add("Ann")
            assert len(other.customers.all()) == before + 1
        engine.dispose()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="left out: this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_maker_made_before_a_fork_works_on_both_sides(location: str) -> None:
    with LedgerMaker(location, owner="Olga") as ledgers:
        ledgers.open(actor="Olga").close()  # so that there is a connection to inherit
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with ledgers.open(actor="Olga") as ledger:
                    ledger.customers.add("of the child")
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with ledgers.open(actor="Olga") as ledger:
            ledger.customers.add("of the parent")
            assert len(ledger.customers.all()) == 2
            assert ledger.verify().ok


@pytest.mark.skipif(not hasattr(os, "fork"), reason="left out: this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_child_of_a_fork_opens_a_connection_of_its_own(postgres_url: str) -> None:
    """Two processes that spoke through one connection would read each other's answers."""

    def backend(ledgers: LedgerMaker) -> bytes:
        with ledgers.open(actor="Olga") as ledger, ledger._context.read() as connection:
            return str(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()).encode()

    with LedgerMaker(postgres_url, owner="Olga") as ledgers:
        of_the_parent = backend(ledgers)
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(sending, backend(ledgers))
            finally:
                os._exit(0)
        os.close(sending)
        with os.fdopen(receiving, "rb") as end:
            of_the_child = end.read()
        os.waitpid(child, 0)
        assert of_the_child.isdigit()
        assert of_the_child != of_the_parent == backend(ledgers)


@pytest.mark.parametrize("of_the_host", [False, True])
def test_closed_maker_opens_nothing(location: str, engine: Engine, of_the_host: bool) -> None:
    ledgers = LedgerMaker(engine if of_the_host else location, owner="Olga")
    ledgers.close()
    ledgers.close()
    with pytest.raises(ClosedLedgerError):
        ledgers.open(actor="Olga")
    with Session(engine) as session, pytest.raises(ClosedLedgerError):
        ledgers.open(session, actor="Olga")
