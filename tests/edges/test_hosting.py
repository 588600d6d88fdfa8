"""A host's Alembic leaves the ledger alone, and the host's tables lead to its customers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Engine, Integer, MetaData, Table, Uuid, create_engine, inspect, text

from custledger import open_ledger
from custledger.edges.hosting import customer_reference, include_name


@pytest.fixture(params=["sqlite", "postgresql", "postgresql schema"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Engine, str | None]]:
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path / 'host.sqlite'}")
    else:
        engine = create_engine(request.getfixturevalue("postgres_url"))
    schema = "crm" if request.param == "postgresql schema" else None
    open_ledger(engine, actor="Olga", schema=schema).close()
    yield engine, schema
    engine.dispose()


def tickets(schema: str | None) -> MetaData:
    metadata = MetaData()
    Table(
        "ticket",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("customer", Uuid, customer_reference(schema)),
    )
    return metadata


def test_autogenerate_neither_sees_nor_drops_the_ledger(host: tuple[Engine, str | None]) -> None:
    engine, schema = host
    metadata = tickets(schema)
    with engine.begin() as connection:
        options = {"include_name": include_name, "include_schemas": schema is not None}
        context = MigrationContext.configure(connection, opts={**options, "compare_type": True})
        script = produce_migrations(context, metadata)
        assert [type(op).__name__ for op in script.upgrade_ops.ops] == ["CreateTableOp"]
        code = render_python_code(script.upgrade_ops)
        assert "custledger_identity.uuid" in code
        assert "drop" not in code
        metadata.create_all(connection)
        assert compare_metadata(context, metadata) == []


def test_without_the_helper_it_would_drop_the_ledger(host: tuple[Engine, str | None]) -> None:
    # So that the test above can fail.
    engine, schema = host
    with engine.begin() as connection:
        opts = {"include_schemas": schema is not None}
        context = MigrationContext.configure(connection, opts=opts)
        code = render_python_code(produce_migrations(context, MetaData()).upgrade_ops)
        assert "drop_table('custledger_entry'" in code


def test_migration_of_a_host_can_lead_to_a_customer(host: tuple[Engine, str | None]) -> None:
    engine, schema = host
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        operations.create_table(
            "ticket",
            Column("id", Integer, primary_key=True),
            Column("customer", Uuid, customer_reference(schema)),
        )
    with open_ledger(engine, actor="Olga", schema=schema) as ledger:
        ann = ledger.customers.add("Ann")
    with engine.begin() as connection:
        insert = "INSERT INTO ticket (id, customer) VALUES (1, :customer)"
        value = ann.id.hex if engine.dialect.name == "sqlite" else ann.id
        connection.execute(text(insert), {"customer": value})
        (key,) = inspect(connection).get_foreign_keys("ticket")
        assert (key["referred_table"], key["referred_columns"]) == ("custledger_identity", ["uuid"])
