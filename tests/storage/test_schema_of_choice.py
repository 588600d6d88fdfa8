"""A schema of choice on PostgreSQL: one database, several firms, nothing mixed up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.orm import Session

from custledger import open_ledger
from custledger.errors import BadInputError
from tests.guests import plain


def test_tables_go_there_and_nowhere_else(postgres_url: str) -> None:
    with open_ledger(postgres_url, actor="Olga", schema="firm_a") as ledger:
        ledger.customers.add("Ann")
        assert ledger.verify().ok
    with psycopg.connect(plain(postgres_url)) as connection:
        query = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename ~ '^custledger'"
        assert connection.execute(query).fetchall() == [("firm_a",)]


def test_url_can_name_it(postgres_url: str) -> None:
    for firm in ("firm_a", "firm_b"):
        with open_ledger(f"{postgres_url}&schema={firm}", actor="Olga") as ledger:
            ledger.customers.add(firm)
    with open_ledger(postgres_url, actor="Olga", schema="firm_b") as ledger:
        assert [customer.name for customer in ledger.customers.all()] == ["firm_b"]


def test_host_speaks_to_its_own_schema_meanwhile(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE note (id int)"))
    with Session(engine) as session, open_ledger(session, actor="Olga", schema="crm") as ledger:
        with ledger.transaction():
            ledger.customers.add("Ann")
            session.execute(text("INSERT INTO note VALUES (1)"))
            assert map_of(session.connection()) is None
            ledger.customers.add_many([{"name": f"C{n}"} for n in range(1500)])
        assert map_of(session.connection()) is None
        ann = ledger.customers.get("Ann")
        ledger.customers.correct(ann, name="Anna", reason="misspelt")
        session.commit()
    with open_ledger(engine, actor="Olga", schema="crm") as ledger:
        assert ledger.verify().ok
        assert ledger.rebuild() > 1500
        assert ledger.verify().ok
    engine.dispose()


def test_two_firms_in_one_transaction_keep_apart(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with (
        Session(engine) as session,
        open_ledger(session, actor="Olga", schema="firm_a") as one,
        open_ledger(session, actor="Otto", schema="firm_b") as other,
    ):
        with one.transaction():
            one.customers.add("Ann")
            with other.transaction():
                other.customers.add("Ben")
                one.customers.add("Ada")
                assert map_of(session.connection()) is None
            other.customers.add("Bob")
        session.commit()
    for firm, actor, names in (("firm_a", "Olga", "Ann Ada"), ("firm_b", "Otto", "Ben Bob")):
        with open_ledger(engine, actor=actor, schema=firm) as ledger:
            assert [c.name for c in ledger.customers.all()] == names.split()
            assert ledger.verify().ok
    engine.dispose()


@pytest.mark.parametrize("name", ["Firm", "pg_temp", "a b", 'x"; DROP', "", 7])
def test_name_that_needs_quotes_is_refused(postgres_url: str, name: Any) -> None:
    with pytest.raises(BadInputError, match="schema must be"):
        open_ledger(postgres_url, actor="Olga", schema=name)


def test_sqlite_has_none(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="file of its own"):
        open_ledger(tmp_path / "shop.sqlite", actor="Olga", schema="firm_a")
    assert list(tmp_path.iterdir()) == []


def map_of(connection: Connection) -> Any:
    return connection.get_execution_options().get("schema_translate_map")
