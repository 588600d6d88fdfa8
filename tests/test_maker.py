"""A LedgerMaker opens one ledger again and again, cheaply and safely."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session

from custledger import LedgerMaker, open_ledger
from custledger.errors import (
    BadInputError,
    ClosedLedgerError,
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
    errors: list[BaseException] = []
    with LedgerMaker(location, owner="Olga") as ledgers:
        with ledgers.open(actor="Olga") as ledger:
            ann = ledger.customers.add("Ann")

        def work() -> None:
            try:
                for _ in range(5):
                    with ledgers.open(actor="Olga") as mine:
                        mine.interactions.record(ann.id, channel="phone")
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        with ledgers.open(actor="Olga") as ledger:
            assert len(ledger.interactions.of(ann)) == 20
            assert ledger.verify().ok


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


def test_closed_maker_opens_nothing(location: str) -> None:
    ledgers = LedgerMaker(location, owner="Olga")
    ledgers.close()
    ledgers.close()
    with pytest.raises(ClosedLedgerError):
        ledgers.open(actor="Olga")
