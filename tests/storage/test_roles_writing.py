"""What the writer's role in PostgreSQL may do, and all that it may not."""

from __future__ import annotations

import psycopg
import pytest

from custledger import Money
from custledger.core.trail.findings import FindingCode
from custledger.edges.upgrading import upgrade
from custledger.errors import (
    LedgerUnwritableError,
)
from custledger.storage import schema
from tests.firms import (
    REPLACED,
    TABLES,
    Firm,
    Refusal,
    accepted,
    as_of_the_release_before,
    columns_of,
    firm_in,
    run_roles,
)

GUARD = "the trail is append-only; record a correction instead"


def test_writer_can_do_all_that_a_book_does(firm: Firm) -> None:
    """The story of the fixtures has every operation; here what goes in by the thousand."""
    with firm.open("writer") as ledger:
        many = ledger.customers.add_many([{"name": f"Customer {n}"} for n in range(60)])
        assert len(many) == 60
        batch = ledger.imports.start(source="till", file_name="3.csv", fingerprint="3" * 64)
        with ledger.imports.writing(batch):
            dora = ledger.customers.add("Dora", source="till", external_id="d")
            ledger.money.record_sale(dora, amount=Money(1, "EUR"))
        ledger.imports.finish(batch, counts={"money": 1})
        ledger.imports.undo(batch.number, reason="a trial")
        ledger.evidence.sweep()
        assert b"".join(ledger.evidence.read(ledger.evidence.of("Ann Müller")[1])) == b"a note"
        assert ledger.verify().findings == ()


@pytest.mark.parametrize("table", TABLES)
def test_writer_cannot_change_a_table(told: Firm, table: str) -> None:
    with told.connect("writer") as connection:
        columns = columns_of(connection, table)
        statements = (
            *(f"UPDATE {table} SET {column} = {column}" for column in columns),
            f"SELECT * FROM {table} FOR UPDATE",
            f"TRUNCATE {table}",
            f"DROP TABLE {table} CASCADE",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} ADD COLUMN more text",
            f"ALTER TABLE {table} OWNER TO CURRENT_USER",
            f"ALTER TABLE {table} RENAME TO custledger_other",
            f"CREATE TRIGGER more BEFORE INSERT ON {table} FOR EACH ROW "
            "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            f"CREATE RULE more AS ON INSERT TO {table} DO INSTEAD NOTHING",
            f"CREATE INDEX ON {table} ({columns[0]})",
            f"CREATE POLICY more ON {table} USING (true)",
            f"CREATE TEMP TABLE heir () INHERITS ({table})",
            f"COPY {table} TO PROGRAM 'cat'",
            f"COPY {table} FROM PROGRAM 'true'",
            f"COPY {table} FROM '/etc/hostname'",
        )
        assert accepted(connection, statements) == []
        connection.execute(f"GRANT UPDATE ON {table} TO CURRENT_USER")  # no more than a warning
        assert accepted(connection, [f"UPDATE {table} SET {columns[0]} = {columns[0]}"]) == []
        if table in REPLACED:  # a right of the writer's, row by row at the guard's mercy
            with pytest.raises(psycopg.errors.IntegrityError, match=GUARD):
                connection.execute(f"DELETE FROM {table}")
        else:
            assert accepted(connection, [f"DELETE FROM {table}"]) == []


@pytest.mark.parametrize("table", ["custledger_ledger", schema.VERSION_TABLE])
def test_writer_adds_nothing_to_what_only_the_owner_writes(told: Firm, table: str) -> None:
    with told.connect("writer") as connection, pytest.raises(Refusal):
        connection.execute(f"INSERT INTO {table} SELECT * FROM {table}")


def test_rights_alone_hold_where_the_guards_are_gone(firm: Firm) -> None:
    with firm.connect(None) as connection:
        for table, name in connection.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE 'custledger%'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name} ON {table}")
    with firm.connect("writer") as connection:
        for table in TABLES:
            column = columns_of(connection, table)[0]
            statements = [f"UPDATE {table} SET {column} = {column}", f"TRUNCATE {table}"]
            statements += [] if table in REPLACED else [f"DELETE FROM {table}"]
            assert accepted(connection, statements) == []
    with firm.open("writer") as ledger:
        found = {finding.code for finding in ledger.verify().findings}
        assert found == {FindingCode.GUARD_MISSING}


def test_table_of_the_sessions_own_does_not_stand_in_for_the_trail(told: Firm) -> None:
    """The guard of a copy asks custledger_entry whether its row was superseded: which one?"""
    with told.connect("writer") as connection:
        connection.execute(
            "CREATE TEMP TABLE custledger_entry AS SELECT * FROM custledger_entry; "
            "UPDATE pg_temp.custledger_entry SET supersedes = seq - 1; "
            f"SET search_path = pg_temp, {told.schema}"
        )
        for table in sorted(REPLACED):
            with pytest.raises(psycopg.errors.IntegrityError, match=GUARD):
                connection.execute(f"DELETE FROM {told.schema}.{table}")


def test_operator_of_the_sessions_own_does_not_stand_in_for_equality(told: Firm) -> None:
    with told.connect(None) as connection:
        connection.execute(
            f"CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO {told.user('writer')};"
            "CREATE FUNCTION trap.yes(bigint, bigint) RETURNS bool LANGUAGE sql RETURN true;"
            "CREATE FUNCTION trap.yes(int, int) RETURNS bool LANGUAGE sql RETURN true;"
            "CREATE OPERATOR trap.= (FUNCTION = trap.yes, LEFTARG = bigint, RIGHTARG = bigint);"
            "CREATE OPERATOR trap.= (FUNCTION = trap.yes, LEFTARG = int, RIGHTARG = int)"
        )
    with told.connect("writer") as connection:
        connection.execute(f"SET search_path = trap, {told.schema}, pg_catalog")
        assert connection.execute("SELECT 1::bigint = 2::bigint").fetchone() == (True,)
        with pytest.raises(psycopg.errors.IntegrityError, match=GUARD):
            connection.execute("DELETE FROM custledger_money")


def test_what_needs_the_owner_says_so_to_the_writer(firm: Firm) -> None:
    needs_owner = pytest.raises(LedgerUnwritableError, match="need the owner of the tables")
    with firm.open("writer") as ledger, needs_owner:
        ledger.rebuild()
    as_of_the_release_before(firm)
    with needs_owner:
        upgrade(firm.url("writer"))
    upgrade(firm.url("owner"))
    run_roles(firm)
    with firm.open("writer") as ledger:
        assert ledger.customers.add("Dora") in ledger.customers.all()


def test_writer_makes_no_ledger(postgres_url: str) -> None:
    with firm_in(postgres_url) as firm:
        with pytest.raises(LedgerUnwritableError, match="need the owner of the tables"):
            firm.open("writer")
        with firm.open("owner"):
            pass
        # Nobody has any right to the tables until the statements run again.
        with pytest.raises(LedgerUnwritableError, match="custledger roles"):
            firm.open("writer")
