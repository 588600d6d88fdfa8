"""What drivers say by themselves, and what SQLAlchemy says of itself: the same clear errors.

COPY, for one, does not go through SQLAlchemy, which wraps what it sent itself and nothing else.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from custledger.errors import (
    BadInputError,
    ClosedLedgerError,
    ConnectionLostError,
    CustledgerError,
    LedgerBusyError,
    LedgerUnreadableError,
    LedgerUnwritableError,
)
from custledger.storage.failures import is_of_database, translated
from tests.guests import plain

Session = Callable[[str], object]


@contextmanager
def through_psycopg(url: str) -> Iterator[Session]:
    with psycopg.connect(plain(url)) as connection:
        yield connection.execute  # type: ignore[misc]


@contextmanager
def through_sqlalchemy(url: str) -> Iterator[Session]:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        yield connection.exec_driver_sql


END = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.mark.parametrize("through", [through_psycopg, through_sqlalchemy])
@pytest.mark.parametrize(
    ("statements", "kind", "words"),
    [
        ((END,), ConnectionLostError, "acknowledged is kept.*Try again"),
        ((END, "SELECT 1"), ConnectionLostError, "acknowledged is kept.*Try again"),
        (
            ("SET statement_timeout = 20", "SELECT pg_sleep(9)"),
            LedgerBusyError,
            "cancelled.*try again",
        ),
        (
            ("SET TRANSACTION READ ONLY", "CREATE TABLE t (i int)"),
            LedgerUnwritableError,
            "read-only.*primary",
        ),
        (("SELECT 1/0",), BadInputError, "division by zero.*Nothing was written"),
        (("SELECT 1/0", "SELECT 1"), LedgerUnwritableError, "roll the transaction back"),
        (("CREATE TABLE none.t (i int)",), LedgerUnreadableError, "schema .none. does not exist"),
        (("SELECT * FROM is_locked",), LedgerUnreadableError, "not in the database"),
    ],
)
def test_what_postgresql_says_is_told_alike_with_and_without_sqlalchemy(
    postgres_url: str,
    through: Callable[[str], AbstractContextManager[Session]],
    statements: tuple[str, ...],
    kind: type[CustledgerError],
    words: str,
) -> None:
    with through(postgres_url) as execute:
        for statement in statements[:-1]:
            with suppress(Exception):
                execute(statement)
        with pytest.raises(kind, match=words) as caught, translated():
            execute(statements[-1])
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


def test_transaction_that_began_before_another_write_is_to_be_run_again(postgres_url: str) -> None:
    with psycopg.connect(plain(postgres_url), autocommit=True) as other:
        other.execute("CREATE TABLE t (i int)")
        other.execute("INSERT INTO t VALUES (1)")
        with psycopg.connect(plain(postgres_url)) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute("SELECT * FROM t")
            other.execute("UPDATE t SET i = 2")
            with pytest.raises(LedgerBusyError, match="run the transaction again"), translated():
                connection.execute("UPDATE t SET i = 3")


def test_connection_that_ends_in_the_middle_of_a_copy_is_told(postgres_url: str) -> None:
    with (
        psycopg.connect(plain(postgres_url), autocommit=True) as other,
        psycopg.connect(plain(postgres_url)) as connection,
    ):
        connection.execute("CREATE TEMPORARY TABLE t (i int)")

        def copy_until_the_end() -> None:
            me = [connection.info.backend_pid]
            with connection.cursor() as cursor, cursor.copy("COPY t FROM STDIN") as copy:
                copy.write("1\n")
                other.execute("SELECT pg_terminate_backend(%s, 5000)", me)
                for _ in range(100):
                    copy.write("1\n" * 10_000)

        with pytest.raises(ConnectionLostError), translated():
            copy_until_the_end()


def test_connection_of_sqlalchemy_that_was_lost_stays_lost_until_it_is_rolled_back(
    postgres_url: str,
) -> None:
    with create_engine(postgres_url, poolclass=NullPool).connect() as connection:
        with pytest.raises(ConnectionLostError), translated():
            connection.exec_driver_sql(END)
        with pytest.raises(ConnectionLostError), translated():
            connection.exec_driver_sql("SELECT 1")
        connection.rollback()
        with translated():
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        connection.close()
        with pytest.raises(ClosedLedgerError, match="open the ledger with one"), translated():
            connection.exec_driver_sql("SELECT 1")


def test_pool_of_a_host_that_is_used_up_is_busy(tmp_path: Path) -> None:
    engine = create_engine(
        f"sqlite:///{tmp_path / 'x'}", pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    with engine.connect(), pytest.raises(LedgerBusyError, match="pool"), translated():
        engine.connect()
    engine.dispose()


def test_errors_of_other_origin_pass_as_they_are_and_psycopg_is_not_asked_for() -> None:
    program = """
import sys
from custledger import open_ledger
from custledger.storage.failures import is_of_database, translated
open_ledger(":memory:", actor="Olga").close()
try:
    with translated():
        raise KeyError("mine")
except KeyError as error:
    print(is_of_database(error), "psycopg" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False False\n", "")
    assert is_of_database(psycopg.OperationalError())
