"""What the readers' roles in PostgreSQL see, and what is out of their sight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from custledger import Ledger
from custledger.errors import (
    LedgerUnreadableError,
    LedgerUnwritableError,
)
from custledger.storage.erasing.rights import may_read_evidence
from custledger.storage.roles import Roles
from tests.firms import (
    TABLES,
    Firm,
    Refusal,
    accepted,
    columns_of,
    one,
)

CONTENT = "a note"  # what the story attaches as a text
READERS = ("reader", "evidence_reader")


@pytest.mark.parametrize("who", READERS)
@pytest.mark.parametrize("table", TABLES)
def test_reader_cannot_write(told: Firm, who: str, table: str) -> None:
    with told.connect(who) as connection:
        column = columns_of(connection, table)[0]
        statements = (
            f"INSERT INTO {table} SELECT * FROM {table}",
            f"INSERT INTO {table} DEFAULT VALUES",
            f"UPDATE {table} SET {column} = {column}",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"COPY {table} FROM STDIN",
            f"DO $$BEGIN LOCK TABLE {table} IN ROW EXCLUSIVE MODE; END$$",
            f"DROP TABLE {table} CASCADE",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            "SELECT nextval('custledger_entry_id_seq')",
        )
        assert accepted(connection, statements) == []


def test_reader_scores_ranks_briefs_and_looks_back(told: Firm) -> None:
    def seen(ledger: Ledger) -> tuple[object, ...]:
        ann = ledger.customers.get("Ann Müller")
        return (
            ledger.scores(),
            ledger.ranking(),
            ledger.score(ann),
            ledger.history(ann),
            ledger.history(),
            ledger.interactions.of(ann),
            ledger.money.of(ann),
            ledger.evidence.of(ann),
            ledger.staff.all(),
            ledger.briefings.team(),
            ledger.briefings.outstanding(),
            ledger.backing.report(),
        )

    with told.open("reader") as reader, told.open("owner") as owner:
        assert seen(reader) == seen(owner)
        with pytest.raises(LedgerUnwritableError, match="Recording needs the right to append"):
            reader.customers.add("Eve")


def test_reader_is_told_that_it_may_not_read_verify_or_sweep(told: Firm, tmp_path: Path) -> None:
    with told.open("reader") as ledger:
        for piece in ledger.evidence.of("Ann Müller"):
            with pytest.raises(LedgerUnreadableError, match="may not read"):
                ledger.evidence.read(piece)
        with pytest.raises(LedgerUnreadableError, match=r"^Verifying needs .* may not read"):
            ledger.verify()
        # A sweep removes what no entry names; of the entries of evidence it would see none.
        with pytest.raises(LedgerUnreadableError, match="may not read"):
            ledger.evidence.sweep()


def test_contents_of_evidence_are_out_of_the_readers_sight(told: Firm) -> None:
    with told.connect("owner") as connection:
        connection.execute(
            "ANALYZE custledger_payload"
        )  # what statistics hold, a reader could read
        (hidden,) = one(connection, "SELECT count(*) FROM custledger_payload WHERE part = 2")
        (shown,) = one(connection, "SELECT count(*) FROM custledger_payload WHERE part <> 2")
        (statistics,) = one(connection, "SELECT count(*) FROM pg_stats WHERE attname = 'body'")
    assert hidden == 3
    assert statistics == 1
    with told.connect("reader") as connection:
        assert one(connection, "SELECT count(*) FROM custledger_payload") == (shown,)
        assert one(connection, "SELECT count(*) FROM custledger_payload WHERE part = 2") == (0,)
        assert one(connection, "SELECT count(*) FROM pg_stats WHERE attname = 'body'") == (0,)
        for statement in attempts(told):
            assert CONTENT not in str(shown_by(connection, statement)), statement


def shown_by(connection: psycopg.Connection[Any], statement: str) -> list[tuple[Any, ...]]:
    """The rows that a statement gives; none where a right is wanting."""
    try:
        found = connection.execute(statement)
    except Refusal:
        return []
    return found.fetchall() if found.description else []


def attempts(firm: Firm) -> list[str]:
    """To see a text or a file past the rights."""
    body = "convert_from(body, 'UTF8')"
    return [
        "SELECT * FROM custledger_blob",
        "SELECT data FROM custledger_blob",
        "SELECT count(*) FROM custledger_blob",
        "COPY custledger_blob TO STDOUT",
        "TABLE custledger_blob",
        f"SELECT {body} FROM custledger_payload WHERE blob IS NULL",
        f"SELECT {body} FROM custledger_payload TABLESAMPLE SYSTEM (100)",
        f"SELECT {body} FROM custledger_payload WHERE ctid = ANY("
        "ARRAY(SELECT format('(0,%s)', n)::tid FROM generate_series(1, 200) n))",
        # A function of the session's own, so cheap that the planner would call it first.
        "CREATE FUNCTION pg_temp.peep(bytea) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS "
        f"$$BEGIN IF position('{CONTENT}'::bytea IN $1) > 0 THEN RAISE EXCEPTION 'seen'; END IF; "
        "RETURN true; END$$",
        "SELECT count(*) FROM custledger_payload WHERE pg_temp.peep(body)",
        # An error that tells.
        f"SELECT count(*) FROM custledger_payload WHERE 1 / position('{CONTENT}' IN {body}) > 0"
        " AND part = 2",
        "CREATE TEMP VIEW window_ AS SELECT * FROM custledger_payload",
        f"SELECT {body} FROM pg_temp.window_",
        "CREATE TEMP TABLE taken AS SELECT * FROM custledger_payload",
        f"SELECT {body} FROM pg_temp.taken",
        f"CREATE FUNCTION pg_temp.mine() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS "
        f"$$SELECT {body} FROM {firm.schema}.custledger_payload$$",
        "SELECT pg_temp.mine()",
        "SELECT query_to_xml('SELECT * FROM custledger_blob', true, true, '')",
        "SELECT table_to_xml('custledger_payload', true, true, '')",
        "SET row_security = off",
        f"SELECT {body} FROM custledger_payload",
        "SET row_security = on",
        "SELECT pg_relation_filepath('custledger_payload')",
        "SELECT pg_read_binary_file(pg_relation_filepath('custledger_payload'))",
        "SELECT * FROM pg_statistic",
        f"SET ROLE {firm.roles.evidence_reader}",
        f"SET ROLE {firm.roles.writer}",
    ]


def test_compressed_and_outlined_content_is_out_of_sight_too(firm: Firm) -> None:
    """A long text is not in the row but in a table of its own beside it."""
    with firm.open("writer") as ledger:
        ledger.evidence.attach("Ann Müller", text="".join(map(str, range(20_000))))
    with firm.connect(None) as connection:
        (toast,) = one(
            connection,
            "SELECT reltoastrelid::regclass::text FROM pg_class "
            "WHERE oid = 'custledger_payload'::regclass",
        )
        assert one(connection, f"SELECT count(*) > 0 FROM {toast}") == (True,)
    with firm.connect("reader") as connection, pytest.raises(Refusal):
        connection.execute(f"SELECT * FROM {toast}")


def test_reader_of_evidence_reads_it_and_verifies(told: Firm) -> None:
    with told.open("evidence_reader") as reader:
        contents = [b"".join(reader.evidence.read(e)) for e in reader.evidence.of("Ann Müller")]
        assert contents == [b"a mail\n" * 20, b"a note"]
        report = reader.verify()
        assert report.findings == ()
        assert report.evidence_files == 2
        with pytest.raises(LedgerUnwritableError):
            reader.customers.add("Eve")


def test_reader_who_is_granted_the_evidence_may_read_it_at_once(firm: Firm) -> None:
    with firm.open("reader") as ledger:
        with ledger.context.read() as connection:
            assert not may_read_evidence(connection)
        with firm.connect(None) as administrator:
            administrator.execute(f"GRANT {firm.roles.evidence_reader} TO {firm.user('reader')}")
        with ledger.context.read() as connection:
            assert may_read_evidence(connection)
        assert ledger.verify().findings == ()


def test_who_may_read_evidence_is_told_by_rights_and_policies(firm: Firm) -> None:
    def sees(who: str | None) -> bool:
        with firm.open(who) as ledger, ledger.context.read() as connection:
            return may_read_evidence(connection)

    assert {who: sees(who) for who in (None, *Roles._fields)} == {
        None: True,
        "owner": True,
        "writer": True,
        "reader": False,
        "evidence_reader": True,
    }
    with firm.connect(None) as connection:
        connection.execute(
            "CREATE POLICY narrower ON custledger_payload AS RESTRICTIVE "
            f"FOR SELECT TO {firm.roles.evidence_reader} USING (entry_id > 0)"
        )
    assert not sees("evidence_reader")
    assert sees("writer")
