"""What a host may be: engines and connections in every state, and what those that won't do hear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import StaticPool

from custledger import LedgerMaker, Money, open_ledger
from custledger.errors import (
    BadInputError,
    ClosedLedgerError,
    LedgerBusyError,
    LedgerUnwritableError,
    SchemaVersionError,
)
from custledger.storage.journal import Journal


@pytest.fixture
def engine(location: str) -> Iterator[Engine]:
    engine = create_engine(location if "://" in location else f"sqlite:///{location}")
    with open_ledger(engine, actor="Olga") as ledger:
        ledger.customers.add("Ann")
    yield engine
    engine.dispose()


class TestEngines:
    def test_engine_that_commits_every_statement_writes_whole_entries(
        self, location: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = location if "://" in location else f"sqlite:///{location}"
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with open_ledger(engine, actor="Olga") as ledger:
            with ledger.transaction():
                ledger.customers.add("Ann")
            monkeypatch.setattr(Journal, "_copies", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                ledger.customers.add_many([{"name": "Ben"}, {"name": "Bob"}])
            assert [customer.name for customer in ledger.customers.all()] == ["Ann"]
            assert ledger.verify().ok
        engine.dispose()

    def test_engine_of_repeatable_reads_writes_after_others(self, postgres_url: str) -> None:
        engine = create_engine(postgres_url, isolation_level="REPEATABLE READ")
        with open_ledger(engine, actor="Olga") as one, open_ledger(engine, actor="Olga") as other:
            ann = one.customers.add("Ann")
            with one.transaction():
                one.money.record_sale(ann, amount=Money(100, "EUR"))
                other.customers.add("Ben")
                other.interactions.record("Ben", channel="phone")
                one.interactions.record("Ben", channel="phone")
            assert one.verify().ok
        engine.dispose()

    @pytest.mark.parametrize("pool", [None, StaticPool])
    def test_engine_that_lends_all_the_same_connection_is_refused(self, pool: Any) -> None:
        engine = create_engine("sqlite://", poolclass=pool)
        with pytest.raises(BadInputError, match="same connection"):
            open_ledger(engine, actor="Olga")
        with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
            ledger.customers.add("Ann")
            session.commit()
            assert ledger.verify().ok
        engine.dispose()


class TestGuests:
    def test_connection_with_the_recipe_is_joined_again_after_a_commit(
        self, tmp_path: Path
    ) -> None:
        engine = create_engine(f"sqlite:///{tmp_path / 'host.sqlite'}")
        event.listen(engine, "connect", lambda c, _: setattr(c, "isolation_level", None))
        event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
        with engine.connect() as connection, open_ledger(connection, actor="Olga") as ledger:
            for name in ("Ann", "Ben", "Bob"):
                ledger.customers.add(name)
                connection.commit()
            ledger.customers.add("Gone")
            connection.rollback()
            assert len(ledger.customers.all()) == 3
        engine.dispose()

    def test_connection_that_commits_every_statement_is_refused(self, engine: Engine) -> None:
        with (
            engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
            open_ledger(connection, actor="Olga") as ledger,
        ):
            assert len(ledger.customers.all()) == 1
            with pytest.raises(BadInputError, match="commits every statement"):
                ledger.customers.add("Ben")

    def test_savepoint_that_comes_first_is_rolled_back_too(
        self, tmp_path: Path, postgres_url: str
    ) -> None:
        # With Python's default driver for SQLite it would be the outermost transaction: see the
        # guide for the recipe.
        sqlite = create_engine(f"sqlite:///{tmp_path / 'host.sqlite'}")
        event.listen(sqlite, "connect", lambda c, _: setattr(c, "isolation_level", None))
        event.listen(sqlite, "begin", lambda c: c.exec_driver_sql("BEGIN"))
        for engine in (sqlite, create_engine(postgres_url)):
            ledgers = LedgerMaker(engine, owner="Olga")
            with Session(engine) as session:
                with session.begin_nested(), ledgers.open(session, actor="Olga") as ledger:
                    ledger.customers.add("Ben")
                session.rollback()
            with ledgers.open(actor="Olga") as ledger:
                assert ledger.customers.all() == []
            engine.dispose()

    def test_session_that_knows_no_database_for_the_ledger_is_told_so(self, engine: Engine) -> None:
        class Base(DeclarativeBase):
            pass

        with Session(binds={Base: engine}) as session, pytest.raises(BadInputError, match="bind"):
            open_ledger(session, actor="Olga")

    def test_closed_connection_is_told_so(self, engine: Engine) -> None:
        connection = engine.connect()
        connection.close()
        with pytest.raises(ClosedLedgerError):
            open_ledger(connection, actor="Olga")


class TestMakers:
    def test_ledger_that_was_made_anew_is_noticed(self, location: str) -> None:
        ledgers = LedgerMaker(location, owner="Olga")
        engine = ledgers._engine.engine
        with engine.begin() as connection:
            forget_everything(connection)
        open_ledger(location, actor="Olga").close()
        with pytest.raises(BadInputError, match="Another ledger"):
            ledgers.open(actor="Olga")
        ledgers.close()

    def test_session_of_another_database_is_refused(self, engine: Engine, tmp_path: Path) -> None:
        other = create_engine(f"sqlite:///{tmp_path / 'other.sqlite'}")
        open_ledger(other, actor="Olga").close()
        ledgers = LedgerMaker(engine)
        with Session(other) as session, pytest.raises(BadInputError, match="Another ledger"):
            ledgers.open(session, actor="Olga")
        other.dispose()

    def test_schema_of_the_url_holds_for_sessions_too(self, postgres_url: str) -> None:
        engine = create_engine(postgres_url)
        open_ledger(engine, actor="Olga").close()
        with LedgerMaker(f"{postgres_url}&schema=firm_a", owner="Olga") as ledgers:
            with Session(engine) as session, ledgers.open(session, actor="Olga") as ledger:
                ledger.customers.add("Ann")
                session.commit()
            with ledgers.open(actor="Olga") as ledger:
                assert len(ledger.customers.all()) == 1
        engine.dispose()

    def test_tables_that_were_upgraded_meanwhile_are_noticed(self, engine: Engine) -> None:
        ledgers = LedgerMaker(engine)
        with engine.begin() as connection:
            connection.execute(text("UPDATE custledger_version SET version_num = '9999'"))
        with pytest.raises(SchemaVersionError, match="9999"):
            ledgers.open(actor="Olga")


class TestServers:
    """What a server can run out of, or be behind with."""

    def test_batch_for_many_customers_leaves_locks_to_others(self, postgres_url: str) -> None:
        with open_ledger(postgres_url, actor="Olga") as ledger:
            ids = ledger.customers.add_many([{"name": f"C{n}"} for n in range(25_000)])
            with ledger.transaction():
                ledger.interactions.record_many(
                    [{"customer": uuid, "channel": "phone"} for uuid in ids]
                )
                engine = create_engine(postgres_url)
                with engine.begin() as connection:
                    locks = connection.execute(text("SELECT count(*) FROM pg_locks")).scalar_one()
                engine.dispose()
        assert 1_000 < locks < 2_000

    def test_sequence_that_is_behind_is_told_so(self, postgres_url: str) -> None:
        with open_ledger(postgres_url, actor="Olga") as ledger:
            ann = ledger.customers.add("Ann")
            engine = create_engine(postgres_url)
            with engine.begin() as connection:
                connection.execute(text("SELECT setval('custledger_entry_id_seq', 1)"))
            engine.dispose()
            with pytest.raises(LedgerUnwritableError, match="sequences are behind"):
                ledger.interactions.record(ann, channel="phone")

    def test_refund_of_a_sale_that_is_voided_meanwhile_is_refused(self, postgres_url: str) -> None:
        with open_ledger(postgres_url, actor="Olga") as ledger:
            ann = ledger.customers.add("Ann")
            sale = ledger.money.record_sale(ann, amount=Money(900, "EUR"))
            with open_ledger(postgres_url, actor="Olga") as other:
                refused = refund_while(ledger, lambda: other.money.void(sale, reason="a mistake"))
                error = refused(ann, sale)
                assert isinstance(error, BadInputError)
                assert "meanwhile" in str(error)
            assert ledger.verify().ok

    def test_host_that_began_before_another_write_is_told_to_run_again(
        self, postgres_url: str
    ) -> None:
        engine = create_engine(postgres_url, isolation_level="REPEATABLE READ")
        with open_ledger(postgres_url, actor="Olga") as ledger:
            ann = ledger.customers.add("Ann")
            with Session(engine) as session, open_ledger(session, actor="Olga") as guest:
                guest.customers.all()
                ledger.interactions.record(ann, channel="phone")
                with pytest.raises(LedgerBusyError, match="run the transaction again"):
                    guest.interactions.record(ann, channel="phone")
                session.rollback()
                guest.interactions.record(ann, channel="phone")
                session.commit()
            assert len(ledger.interactions.of(ann)) == 2
            assert ledger.verify().ok
        engine.dispose()


def refund_while(ledger: Any, act: Any) -> Any:
    """Record a refund whose target was looked up before ``act`` ran, and written after it."""
    drafts = ledger.money._drafts

    def after(*args: Any) -> Any:
        made = drafts(*args)
        act()
        return made

    def refund(customer: Any, sale: Any) -> BaseException | None:
        ledger.money._drafts = after
        try:
            ledger.money.record_refund(customer, amount=Money(100, "EUR"), applies_to=sale)
        except BadInputError as error:
            return error
        finally:
            ledger.money._drafts = drafts
        return None

    return refund


def forget_everything(connection: Any) -> None:
    from custledger.storage import guards
    from custledger.storage.tables import metadata

    guards.drop(connection)
    metadata.drop_all(connection)
    connection.execute(text("DROP TABLE custledger_version"))
