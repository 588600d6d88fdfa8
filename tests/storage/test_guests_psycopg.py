"""A guest of a psycopg connection, whose host has no SQLAlchemy, such as Django."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import rows
from psycopg.pq import TransactionStatus

from custledger import LedgerMaker, open_ledger
from custledger.errors import (
    BadInputError,
    ConnectionLostError,
    LedgerUnwritableError,
    NotFoundError,
    UnregisteredActorError,
)
from custledger.storage import borrowing
from tests.guests import call, plain
from tests.postgres import Server


@pytest.fixture
def connection(postgres_url: str) -> Iterator[psycopg.Connection]:
    with open_ledger(postgres_url, actor="Olga") as ledger:
        ledger.customers.add("Ann", external_id="7", source="shop")
    with psycopg.connect(plain(postgres_url)) as connection:
        connection.execute("CREATE TABLE orders (id int)")
        connection.commit()
        yield connection


def test_host_commits_and_rolls_back(connection: psycopg.Connection, postgres_url: str) -> None:
    for keep in (False, True):
        with open_ledger(connection, actor="Olga") as ledger:
            connection.execute("INSERT INTO orders VALUES (1)")
            call(ledger)
            with pytest.raises(NotFoundError):
                call(ledger, "nobody")
            ledger.customers.add_many([{"name": f"C{n}"} for n in range(2000)])
        connection.commit() if keep else connection.rollback()
    (orders,) = connection.execute("SELECT count(*) FROM orders").fetchone() or ()
    with open_ledger(postgres_url, actor="Olga") as ledger:
        assert (orders, len(ledger.interactions.of("7"))) == (1, 1)
        assert len(ledger.customers.all()) == 2001
        assert ledger.verify().ok


def test_opening_neither_ends_the_transaction_nor_changes_the_connection(
    connection: psycopg.Connection,
) -> None:
    before = (connection.autocommit, connection.row_factory, connection.cursor_factory)
    connection.execute("INSERT INTO orders VALUES (1)")
    with open_ledger(connection, actor="Olga") as ledger:
        ledger.customers.all()
    gc.collect()
    assert connection.info.transaction_status == TransactionStatus.INTRANS
    assert before == (connection.autocommit, connection.row_factory, connection.cursor_factory)
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_write_outside_a_transaction_is_refused(connection: psycopg.Connection) -> None:
    connection.autocommit = True
    with open_ledger(connection, actor="Olga") as ledger:
        with pytest.raises(BadInputError, match=r"transaction\.atomic"):
            call(ledger)
        with connection.transaction():
            call(ledger)
        assert len(ledger.interactions.of("7")) == 1


@pytest.mark.parametrize(
    "factories",
    [
        {"row_factory": rows.dict_row},
        {"row_factory": rows.namedtuple_row},
        {"row_factory": rows.scalar_row},
        {"cursor_factory": psycopg.ClientCursor},
        {
            "cursor_factory": psycopg.RawCursor,
            "server_cursor_factory": psycopg.RawServerCursor,
            "row_factory": rows.dict_row,
        },
    ],
)
def test_factories_of_the_host_decide_over_its_own_cursors_only(
    postgres_url: str, factories: dict[str, Any]
) -> None:
    with psycopg.connect(plain(postgres_url)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for name, factory in factories.items():
            setattr(connection, name, factory)
        with open_ledger(connection, actor="Olga") as ledger:  # which makes it, too
            ledger.customers.add("Ann", external_id="7", source="shop")
            call(ledger)
            with ledger.transaction():
                ledger.customers.add_many([{"name": f"C{n}"} for n in range(1500)])
            assert len(ledger.history("7")) == 2
            assert ledger.verify().ok
        assert {name: getattr(connection, name) for name in factories} == factories
        connection.commit()
    with open_ledger(postgres_url, actor="Olga") as ledger:
        assert len(ledger.customers.all()) == 1501


def test_opening_again_and_again_leaves_no_handler_of_notices(
    connection: psycopg.Connection,
) -> None:
    for _ in range(50):
        open_ledger(connection, actor="Olga").close()
    assert connection._notice_handlers == []


def test_opening_for_a_request_asks_one_thing(
    connection: psycopg.Connection, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    execute = psycopg.Cursor.execute

    def spy(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(query)
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", spy)
    with LedgerMaker(postgres_url) as ledgers:
        asked.clear()
        ledgers.open(connection, actor="Olga").close()
    assert len(asked) == 1
    assert "custledger_staff" in asked[0]


def test_ends_of_transaction_and_connection_are_left_to_the_host(
    connection: psycopg.Connection,
) -> None:
    with borrowing.engine_on(connection).begin() as guest:
        guest.exec_driver_sql("INSERT INTO orders VALUES (1)")
    with borrowing.engine_on(connection).connect() as guest:
        guest.invalidate()  # as SQLAlchemy does when a statement is interrupted
    assert connection.info.transaction_status == TransactionStatus.INTRANS
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_what_was_compiled_for_one_connection_serves_the_next(postgres_url: str) -> None:
    def compiled() -> int:
        with psycopg.connect(plain(postgres_url)) as connection:
            with open_ledger(connection, actor="Olga") as ledger:
                ledger.customers.add("Ann")
            connection.commit()
        return len(borrowing._compiled)

    compiled()
    assert 0 < compiled() == compiled()


def test_reading_outside_a_transaction_begins_none(connection: psycopg.Connection) -> None:
    with open_ledger(connection, actor="Olga") as ledger:
        call(ledger)
    connection.commit()
    connection.autocommit = True
    with open_ledger(connection, actor="Olga") as ledger:
        assert len(ledger.history("7")) == 2
        assert len(ledger.interactions.of("7")) == 1
    with pytest.raises(UnregisteredActorError):  # the whole trail was searched for her
        open_ledger(connection, actor="Mallory")
    assert connection.info.transaction_status == TransactionStatus.IDLE


def test_transaction_that_failed_is_to_be_rolled_back(connection: psycopg.Connection) -> None:
    with open_ledger(connection, actor="Olga") as ledger:
        with pytest.raises(psycopg.DataError):
            connection.execute("SELECT 1/0")
        with pytest.raises(LedgerUnwritableError, match="roll the transaction back"):
            call(ledger)
        with pytest.raises(LedgerUnwritableError, match="roll the transaction back"):
            open_ledger(connection, actor="Olga")
        connection.rollback()
        call(ledger)


def test_closed_connection_is_told(connection: psycopg.Connection) -> None:
    ledger = open_ledger(connection, actor="Olga")
    connection.close()
    with pytest.raises(ConnectionLostError):
        call(ledger)
    with pytest.raises(ConnectionLostError):
        open_ledger(connection, actor="Olga")
    ledger.close()


def test_pipeline_is_refused_and_harms_nothing(connection: psycopg.Connection) -> None:
    with open_ledger(connection, actor="Olga") as ledger:
        with connection.pipeline():
            connection.execute("INSERT INTO orders VALUES (1)")
            for refused in (
                lambda: open_ledger(connection, actor="Olga"),
                lambda: call(ledger),
                lambda: ledger.customers.add_many([{"name": "Ben"}, {"name": "Zoe"}]),
                ledger.customers.all,
                ledger.history,
            ):
                with pytest.raises(BadInputError, match="leave the pipeline"):
                    refused()
        call(ledger)
        assert len(ledger.interactions.of("7")) == 1
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_connection_that_was_lost_is_left_to_the_host_to_close(
    connection: psycopg.Connection, postgres_server: Server, postgres_url: str
) -> None:
    with open_ledger(connection, actor="Olga") as ledger:
        postgres_server.terminate_backends(postgres_url)
        with pytest.raises(ConnectionLostError):
            call(ledger)
        with pytest.raises(ConnectionLostError):
            call(ledger)
    assert connection.broken
