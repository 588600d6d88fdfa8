"""A fresh schema and a migrated one are the same, on both databases."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from custledger.errors import SchemaVersionError
from custledger.storage import guards, schema
from custledger.storage.engine import WRITE, engine_for
from custledger.storage.tables import metadata


@pytest.fixture
def connection(location: str) -> Iterator[Connection]:
    engine = engine_for(location)
    with engine.connect().execution_options(**{WRITE: True}) as connection, connection.begin():
        yield connection
    engine.dispose()


def test_migrated_schema_equals_the_declared_one(connection: Connection) -> None:
    schema.upgrade(connection)
    context = MigrationContext.configure(
        connection, opts={"version_table": schema.VERSION_TABLE, "compare_type": True}
    )
    assert compare_metadata(context, metadata) == []


def test_migrated_schema_equals_a_fresh_one(connection: Connection) -> None:
    schema.create(connection)
    fresh = shape(connection)
    drop_everything(connection)
    schema.upgrade(connection)
    assert shape(connection) == fresh


def test_fresh_ledger_is_at_the_newest_version_with_all_guards(connection: Connection) -> None:
    schema.create(connection)
    assert schema.current_version(connection) == schema.head_version()
    assert guards.missing(connection) == []


def test_upgrade_of_a_current_ledger_only_puts_the_guards_back(connection: Connection) -> None:
    schema.create(connection)
    before = shape(connection)
    guards.drop(connection)
    schema.upgrade(connection)
    assert shape(connection) == before
    assert guards.missing(connection) == []


def test_database_without_a_ledger_has_no_version(connection: Connection) -> None:
    assert schema.current_version(connection) is None


def test_schema_of_a_newer_release_is_refused(connection: Connection) -> None:
    schema.create(connection)
    connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(SchemaVersionError, match="9999"):
        schema.upgrade(connection)


def test_interrupted_upgrade_leaves_nothing(location: str) -> None:
    engine = engine_for(location)
    with engine.connect().execution_options(**{WRITE: True}) as connection:
        with connection.begin() as transaction:
            schema.upgrade(connection)
            transaction.rollback()
        assert inspect(connection).get_table_names() == []
    engine.dispose()


def test_tables_of_the_host_application_are_left_alone(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE shop_order (id INTEGER PRIMARY KEY)"))
    schema.upgrade(connection)
    assert "shop_order" in inspect(connection).get_table_names()


def test_history_is_one_line_that_ends_at_the_declared_head() -> None:
    scripts = ScriptDirectory(str(schema.migrations_path()))
    assert scripts.get_heads() == [schema.head_version()]
    assert len(scripts.get_bases()) == 1
    assert not any(s.is_merge_point or s.is_branch_point for s in scripts.walk_revisions())


def test_versions_are_four_digits_and_sort_as_text() -> None:
    scripts = ScriptDirectory(str(schema.migrations_path()))
    names = [script.revision for script in scripts.walk_revisions()]
    assert names == sorted(names, reverse=True)
    assert all(len(name) == 4 and name.isdigit() for name in names)


def test_migrations_import_nothing_of_the_package() -> None:
    for path in (schema.migrations_path() / "versions").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.split(".")[0] == "custledger"], path.name


def shape(connection: Connection) -> dict[str, Any]:
    """All that the database says about our tables, free of the order in which it says it."""
    inspector = inspect(connection)
    return {
        name: {
            "columns": [
                (c["name"], str(c["type"]), c["nullable"], plain_default(c["default"]))
                for c in inspector.get_columns(name)
            ],
            "primary key": inspector.get_pk_constraint(name),
            "foreign keys": sorted(inspector.get_foreign_keys(name), key=lambda k: str(k["name"])),
            "unique": sorted(inspector.get_unique_constraints(name), key=lambda k: str(k["name"])),
            "indexes": [
                {**index, "dialect_options": {k: str(v) for k, v in options.items()}}
                for index in sorted(inspector.get_indexes(name), key=lambda k: str(k["name"]))
                for options in [index.get("dialect_options", {})]
            ],
            "checks": inspector.get_check_constraints(name),
        }
        for name in inspector.get_table_names()
    }


def plain_default(default: Any) -> str | None:
    return None if default is None else str(default)


def drop_everything(connection: Connection) -> None:
    guards.drop(connection)
    metadata.drop_all(connection)
    connection.execute(text(f"DROP TABLE {schema.VERSION_TABLE}"))
