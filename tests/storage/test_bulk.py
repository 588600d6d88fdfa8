"""Many rows at once: COPY on PostgreSQL and executemany do the same, in the same transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Connection, Engine, create_engine, func, make_url, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, StatementError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from custledger import open_ledger
from custledger.edges.importing import import_csv
from custledger.storage.bulk import insert_rows, insert_unless_taken, table_of
from custledger.storage.naming import options_for
from custledger.storage.scoring.statistics import MANY as MANY_ENTRIES
from custledger.storage.tables import (
    COPIES,
    TRUTH,
    BlobRow,
    EntryRow,
    IdentityRow,
    PayloadRow,
    metadata,
)

MANY = 60
IDENTITY = table_of(IdentityRow)


@pytest.fixture
def server(postgres_url: str) -> Iterator[Engine]:
    """An engine of the host's making; the tables are there, without guards."""
    engine = create_engine(postgres_url, poolclass=NullPool)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def identities(count: int, first: int = 1) -> list[tuple[int, UUID]]:
    return [(first + n, uuid4()) for n in range(count)]


def keys(connection: Connection) -> list[int]:
    return list(connection.scalars(select(IDENTITY.c.id).order_by(IDENTITY.c.id)))


def statements(connection: Connection) -> set[str]:
    """The first words of what the server was told, by pg_stat_activity's own account."""
    query = (
        "SELECT query FROM pg_stat_activity "
        "WHERE state = 'idle in transaction' AND datname = current_database()"
    )
    with create_engine(connection.engine.url, poolclass=NullPool).connect() as other:
        return {said.split()[0] for said in other.scalars(text(query))}


def value_of(column: Any, row: int) -> Any:
    """A value that is different in each row, and the greatest that the type takes in the last."""
    kind = column.type.compile().partition("(")[0]
    last = row == MANY - 1
    if column.nullable and row % 3 == 0:
        return None
    if kind in ("SMALLINT", "INTEGER", "BIGINT"):
        bits = {"SMALLINT": 15, "INTEGER": 31, "BIGINT": 63}[kind]
        code = hasattr(column.type, "vocabulary")
        return 1 if code else 2**bits - 1 if last else row
    if kind in ("BLOB", "BYTEA"):
        return bytes([row]) * row
    if kind == "CHAR":
        return UUID(int=row)
    text_of = f"\\N\t{row}\n\"ä€😀'"
    length = getattr(column.type, "length", None)
    return f"{row:0{length}}" if length else text_of


@pytest.mark.parametrize("model", [*TRUTH, *COPIES])
def test_copy_stores_in_every_table_what_executemany_stores(
    server: Engine, model: type[Any]
) -> None:
    table = table_of(model)
    rows = [tuple(value_of(column, row) for column in table.columns) for row in range(MANY)]
    with server.connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.commit()
        insert_rows(connection, model, rows[:1])  # begins the transaction, as a statement does
        insert_rows(connection, model, rows[1:])
        assert statements(connection) == {"COPY"}
        names = ", ".join(column.name for column in table.columns)
        query = f"SELECT {names} FROM {table.name} ORDER BY {names}"
        copied = connection.exec_driver_sql(query).all()
        connection.rollback()
        for row in rows:
            insert_rows(connection, model, [row])
        assert statements(connection) == {"INSERT"}
        assert connection.exec_driver_sql(query).all() == copied
        assert len(copied) == MANY


def test_duplicate_key_in_a_savepoint_leaves_what_the_host_wrote_before(server: Engine) -> None:
    with server.begin() as connection:
        insert_rows(connection, IdentityRow, identities(MANY))
        for bad in (identities(MANY, first=MANY), identities(MANY, first=MANY + 1) * 2):
            with pytest.raises(IntegrityError, match="duplicate key"), connection.begin_nested():
                insert_rows(connection, IdentityRow, bad)
        insert_rows(connection, IdentityRow, identities(MANY, first=MANY + 1))
    with server.connect() as connection:
        assert keys(connection) == list(range(1, 2 * MANY + 1))


def test_host_rolls_back_what_was_copied(server: Engine) -> None:
    with server.connect() as connection:
        with connection.begin():
            insert_rows(connection, IdentityRow, identities(MANY))
            assert keys(connection) == list(range(1, MANY + 1))
            connection.get_transaction().rollback()  # type: ignore[union-attr]
        assert keys(connection) == []


def test_rows_before_any_transaction_are_part_of_the_one_that_begins(server: Engine) -> None:
    for end, expected in (("rollback", []), ("commit", list(range(1, MANY + 1)))):
        with server.connect() as connection:
            insert_rows(connection, IdentityRow, identities(MANY))
            getattr(connection, end)()
            assert keys(connection) == expected


@pytest.mark.parametrize("count", [1, MANY])
def test_values_that_do_not_fit_are_errors_of_sqlalchemy(server: Engine, count: int) -> None:
    """Whichever way the rows go: a library's user sees no error of the driver."""
    good = ("b", 1, b"")
    for bad, kind in (
        (("x" * 65, 1, b""), DataError),
        (("nul\0", 1, b""), DataError),
        (("a", 2**31, b""), DataError),
        (("a", 2**63, b""), DataError),
        (("a", None, b""), IntegrityError),
        (("a", 1, object()), StatementError),
    ):
        rows = [("a", n, b"") for n in range(count - 1)] + [bad]
        with server.begin() as connection:
            with pytest.raises(kind), connection.begin_nested():
                insert_rows(connection, BlobRow, rows)
            insert_rows(connection, BlobRow, [good])
            assert connection.scalar(select(func.count()).select_from(table_of(BlobRow))) == 1
            connection.rollback()


def test_lost_connection_is_given_up_and_the_next_one_works(server: Engine) -> None:
    with server.connect() as connection:
        backend = connection.scalar(select(func.pg_backend_pid()))
        with server.connect() as other:
            other.execute(select(func.pg_terminate_backend(backend, 5000)))
        with pytest.raises(DBAPIError) as caught:
            insert_rows(connection, IdentityRow, identities(MANY))
        connection.rollback()
        assert isinstance(caught.value, OperationalError)
        assert caught.value.connection_invalidated
        with connection.begin():
            insert_rows(connection, IdentityRow, identities(MANY))
        assert len(keys(connection)) == MANY


def test_rows_go_to_the_schema_of_the_connection(server: Engine) -> None:
    firms = ("firm_a", "firm_b")
    for firm in firms:
        with server.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {firm}"))
            metadata.create_all(connection.execution_options(**options_for(firm)))
    everywhere: tuple[str | None, ...] = (*firms, None)
    for schema in everywhere:
        with server.execution_options(**options_for(schema)).begin() as connection:
            insert_rows(connection, IdentityRow, identities(MANY))
            insert_rows(connection, IdentityRow, identities(1, first=MANY + 1))
            assert insert_unless_taken(connection, [(IdentityRow, (MANY + 2, uuid4()))], ("uuid",))
            assert keys(connection) == list(range(1, MANY + 3))


def test_pipeline_takes_many_rows(server: Engine) -> None:
    with server.begin() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with driver.pipeline():
            insert_rows(connection, IdentityRow, identities(MANY))
        assert len(keys(connection)) == MANY


def test_asynchronous_host_takes_many_rows(server: Engine) -> None:
    async def write() -> list[int]:
        engine = create_async_engine(server.url, poolclass=NullPool)
        async with engine.begin() as connection:
            await connection.run_sync(insert_rows, IdentityRow, identities(MANY))
            found = await connection.run_sync(keys)
        await engine.dispose()
        return found

    assert len(asyncio.run(write())) == MANY


# Rows, unless the first is taken


def test_taken_key_is_reported_and_breaks_no_transaction(server: Engine) -> None:
    uuid = uuid4()
    row = (2, uuid)
    with server.begin() as connection:
        assert insert_unless_taken(connection, [(IdentityRow, (1, uuid))], ("uuid",))
        assert not insert_unless_taken(connection, [(IdentityRow, row)], ("uuid",))
        assert insert_unless_taken(connection, [(IdentityRow, (3, uuid4()))], ("uuid",))
        assert keys(connection) == [1, 3]


def test_another_key_that_is_taken_is_an_error(server: Engine) -> None:
    with server.begin() as connection:
        assert insert_unless_taken(connection, [(IdentityRow, (1, uuid4()))], ("uuid",))
        with pytest.raises(IntegrityError, match="pk_custledger"):
            insert_unless_taken(connection, [(IdentityRow, (1, uuid4()))], ("uuid",))


def test_other_contradictions_are_errors_all_the_same(server: Engine) -> None:
    with server.begin() as connection, pytest.raises(IntegrityError, match="foreign key"):
        insert_unless_taken(
            connection, [(PayloadRow, (1, 0, b"", b"", None))], ("entry_id", "part")
        )


PLACE = ("subject_id", "seq")


def test_rows_that_belong_to_a_taken_one_stay_out_with_it(server: Engine) -> None:
    uuid = uuid4()
    with server.begin() as connection:
        insert_rows(connection, IdentityRow, [(1, uuid)])
        entry = (1, 1, 1, 0, 5, None, 1, None, None, b"hash")
        payloads = [(PayloadRow, (1, part, b"salt", b"body", None)) for part in (0, 1)]
        assert insert_unless_taken(connection, [(EntryRow, entry), *payloads], PLACE)
        later = [(PayloadRow, (2, part, b"salt", b"body", None)) for part in (0, 1)]
        assert not insert_unless_taken(connection, [(EntryRow, (2, *entry[1:])), *later], PLACE)
        assert connection.scalar(select(func.count()).select_from(table_of(PayloadRow))) == 2


# The planner's statistics after an import


def file_of_contacts(folder: Path, count: int) -> Path:
    path = folder / "interactions.csv"
    rows = (f"{n % 50},2026-01-31T09:00:00Z,phone,{n}\n" for n in range(count))
    path.write_text("customer,occurred_at,channel,external_id\n" + "".join(rows))
    return path


def known_rows(url: str) -> dict[str, float]:
    """How many rows PostgreSQL's planner believes in; -1 where nobody ever counted."""
    query = "SELECT relname, reltuples FROM pg_class WHERE relname LIKE 'custledger_%'"
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return {row[0]: row[1] for row in connection.execute(text(query))}


def test_import_of_many_rows_leaves_statistics(postgres_url: str, tmp_path: Path) -> None:
    with open_ledger(postgres_url, actor="Olga") as ledger:
        report = import_csv(ledger, file_of_contacts(tmp_path, MANY_ENTRIES))
        assert report.entries_added == MANY_ENTRIES
        found = known_rows(postgres_url)
        assert found["custledger_interaction"] == MANY_ENTRIES
        assert min(found[table_of(model).name] for model in (*TRUTH, *COPIES)) >= 0


def test_import_of_few_rows_leaves_the_statistics_to_the_server(
    postgres_url: str, tmp_path: Path
) -> None:
    with open_ledger(postgres_url, actor="Olga") as ledger:
        import_csv(ledger, file_of_contacts(tmp_path, MANY_ENTRIES - 1))
    assert known_rows(postgres_url)["custledger_interaction"] == -1


def test_open_transaction_is_not_analyzed(postgres_url: str, tmp_path: Path) -> None:
    with open_ledger(postgres_url, actor="Olga") as ledger, ledger.transaction():
        import_csv(ledger, file_of_contacts(tmp_path, MANY_ENTRIES))
    assert known_rows(postgres_url)["custledger_interaction"] == -1


def test_transaction_of_a_host_is_not_analyzed(postgres_url: str, tmp_path: Path) -> None:
    open_ledger(postgres_url, actor="Olga").close()
    host = create_engine(postgres_url, poolclass=NullPool)
    with host.begin() as connection, open_ledger(connection, actor="Olga") as ledger:
        import_csv(ledger, file_of_contacts(tmp_path, MANY_ENTRIES))
    assert known_rows(postgres_url)["custledger_interaction"] == -1


def test_writer_who_does_not_own_the_tables_imports_without_statistics(
    postgres_url: str, tmp_path: Path
) -> None:
    open_ledger(postgres_url, actor="Olga").close()
    role = f"custledger_writer_{uuid4().hex[:12]}"
    owner = create_engine(postgres_url, poolclass=NullPool)
    with owner.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role}"))
        rights = "SELECT, INSERT, DELETE ON ALL TABLES"
        connection.execute(text(f"GRANT {rights} IN SCHEMA public TO {role}"))
        connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"))
    try:
        writer = make_url(postgres_url).update_query_dict({"options": f"-c role={role}"})
        with open_ledger(writer.render_as_string(hide_password=False), actor="Olga") as ledger:
            assert import_csv(ledger, file_of_contacts(tmp_path, MANY_ENTRIES)).written
        assert known_rows(postgres_url)["custledger_interaction"] == -1
    finally:
        with owner.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
