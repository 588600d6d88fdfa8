"""A ledger serves one thread at a time, in the process that opened it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from custledger import Ledger, Money, open_ledger
from custledger.errors import BadInputError, ClosedLedgerError, LedgerBusyError, WrongThreadError
from tests.guests import plain

SHORTLY = timedelta(milliseconds=100)


@pytest.fixture
def ledger(location: str):  # type: ignore[no-untyped-def]
    with open_ledger(location, actor="Olga") as ledger:
        yield ledger


def acts(ledger: Ledger) -> list[Callable[[], Any]]:
    return [
        lambda: ledger.customers.add("Ben"),
        ledger.customers.all,
        ledger.verify,
        ledger.rebuild,
        ledger.history,
        ledger.close,
        lambda: ledger.transaction().__enter__(),
    ]


def test_use_by_two_threads_at_once_is_refused_and_harms_nothing(ledger: Ledger) -> None:
    refused: list[BaseException] = []

    def work() -> None:
        for act in acts(ledger):
            try:
                act()
            except BaseException as error:
                refused.append(error)

    with ledger.transaction():
        ledger.customers.add("Ann")
        in_thread(work)
        ledger.customers.add("Zoe")
    assert [type(error) for error in refused] == [WrongThreadError] * len(acts(ledger))
    assert "Open one ledger per thread" in str(refused[0])
    assert [customer.name for customer in ledger.customers.all()] == ["Ann", "Zoe"]
    assert ledger.verify().ok


def test_threads_that_take_turns_may_share_a_ledger(location: str) -> None:
    # A framework may open what a request needs in one thread and use it in another.
    opened: list[Ledger] = []
    in_thread(lambda: opened.append(open_ledger(location, actor="Olga")))
    in_thread(lambda: opened[0].customers.add("Ann"))
    assert [customer.name for customer in opened[0].customers.all()] == ["Ann"]
    in_thread(opened[0].close)
    with pytest.raises(ClosedLedgerError):
        opened[0].customers.all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="left out: this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_use_after_a_fork_is_refused_and_harms_nothing(ledger: Ledger) -> None:
    child = os.fork()
    if child == 0:  # leave without running anybody's clean-up
        code = 1
        try:
            for act in acts(ledger):
                try:
                    act()
                except WrongThreadError:
                    continue
                break
            else:
                code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ledger.customers.add("Ann").name == "Ann"
    assert ledger.verify().ok


def test_threads_with_a_ledger_each_write_to_one_chain(ledger: Ledger, location: str) -> None:
    ann = ledger.customers.add("Ann")
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with open_ledger(location, actor="Olga") as mine:
                for _ in range(15):
                    mine.money.record_sale(ann.id, amount=Money(1, "EUR"))
                    mine.customers.add("Somebody")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [entry.ref.seq for entry in ledger.history(ann)] == list(range(1, 47))
    assert len(ledger.customers.all()) == 46
    assert ledger.verify().findings == ()


def test_two_ledgers_in_one_process_know_nothing_of_each_other(tmp_path: Path) -> None:
    with (
        open_ledger(tmp_path / "one", actor="Olga") as one,
        open_ledger(tmp_path / "two", actor="Bob", currency="USD") as two,
    ):
        with one.transaction():
            ann = one.customers.add("Ann")
            two.customers.add("Ben")
        assert [c.name for c in one.customers.all()] == ["Ann"]
        assert [c.name for c in two.customers.all()] == ["Ben"]
        with pytest.raises(LookupError):
            two.customers.get(ann)
        assert (one.currency, two.currency) == ("EUR", "USD")
        assert one.verify().ok
        assert two.verify().ok


def test_writer_that_waits_too_long_is_told_that_the_ledger_is_busy(tmp_path: Path) -> None:
    with (
        open_ledger(tmp_path / "l", actor="Olga") as one,
        open_ledger(tmp_path / "l", actor="Olga", wait=SHORTLY) as two,
    ):
        with one.transaction():
            one.customers.add("Ann")
            assert two.customers.all() == []  # readers do not wait
            with pytest.raises(LedgerBusyError, match=r"Nothing was written; try again"):
                two.customers.add("Ben")
        assert two.customers.add("Ben").name == "Ben"
        assert one.verify().ok


def test_writer_to_the_same_chain_waits_on_postgresql(postgres_url: str) -> None:
    with (
        open_ledger(postgres_url, actor="Olga") as one,
        open_ledger(postgres_url, actor="Olga", wait=SHORTLY) as two,
    ):
        ann, ben = one.customers.add("Ann"), one.customers.add("Ben")
        with one.transaction():
            one.money.record_sale(ann, amount=Money(1, "EUR"))
            two.money.record_sale(ben, amount=Money(1, "EUR"))  # another chain
            with pytest.raises(LedgerBusyError):
                two.money.record_sale(ann, amount=Money(1, "EUR"))
        two.money.record_sale(ann, amount=Money(1, "EUR"))
        assert one.verify().ok


@pytest.mark.parametrize("rows", [1, 2])
def test_keys_ascend_along_a_chain_because_a_writer_who_waits_has_taken_none(
    postgres_url: str, rows: int
) -> None:
    with (
        open_ledger(postgres_url, actor="Olga") as one,
        open_ledger(postgres_url, actor="Olga") as two,
        psycopg.connect(plain(postgres_url), autocommit=True) as outsider,
    ):
        ann = one.customers.add("Ann")

        def ask(query: str) -> list[Any]:
            return [row[0] for row in outsider.execute(query.encode())]

        def work() -> None:
            two.interactions.record_many([{"customer": ann.id, "channel": "phone"}] * rows)

        waiting = (
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted"
        )
        last_key = "SELECT last_value FROM pg_sequences WHERE sequencename ~ 'entry'"
        thread = threading.Thread(target=work)
        with one.transaction():
            one.interactions.record(ann, channel="phone")
            before = ask(last_key)
            thread.start()
            while ask(waiting) == [0]:
                assert thread.is_alive()
            assert ask(last_key) == before
            one.interactions.record(ann, channel="phone")
        thread.join()
        chain = ask(
            "SELECT e.id FROM custledger_entry e JOIN custledger_identity i ON i.id = e.subject_id "
            f"WHERE i.uuid = '{ann.id}' ORDER BY e.seq"
        )
        assert len(chain) == 3 + rows
        assert chain == sorted(chain)


def test_same_external_id_from_two_writers_at_once_enters_once(postgres_url: str) -> None:
    with open_ledger(postgres_url, actor="Olga") as one:
        ann, ben = one.customers.add("Ann"), one.customers.add("Ben")
        outcome: list[object] = []
        started = threading.Event()

        def work() -> None:
            with open_ledger(postgres_url, actor="Olga") as two:
                started.set()
                try:
                    two.money.record_sale(
                        ben.id, amount=Money(2, "EUR"), source="till", external_id="1"
                    )
                    outcome.append("kept")
                except Exception as error:
                    outcome.append(error)

        with one.transaction():
            one.money.record_sale(ann, amount=Money(1, "EUR"), source="till", external_id="1")
            thread = threading.Thread(target=work)
            thread.start()
            started.wait()
            thread.join(0.5)  # it waits for this transaction
        thread.join()
        assert [type(o) for o in outcome] == [LedgerBusyError], outcome
        assert one.money.of(ben) == []
        with pytest.raises(BadInputError, match="'1' of 'till' is in the ledger already"):
            one.money.record_sale(ben, amount=Money(2, "EUR"), source="till", external_id="1")
        assert one.verify().ok


def in_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
