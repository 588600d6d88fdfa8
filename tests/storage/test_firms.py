"""Several firms in one PostgreSQL database: neither sees, changes or holds up another's ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from custledger import Ledger, Money, open_ledger
from custledger.core.trail.findings import FindingCode
from custledger.errors import CustledgerError, LedgerBusyError, NotFoundError
from custledger.pytest_plugin import Clock
from custledger.storage import guards, schema
from custledger.storage.bulk import table_of
from custledger.storage.roles import Roles
from custledger.storage.tables import COPIES, TRUTH
from tests.firms import Firm, Refusal, firm_in, run_roles
from tests.postgres import Server
from tests.story import tell

TABLES = [*(table_of(model).name for model in (*TRUTH, *COPIES)), schema.VERSION_TABLE]


class Firms(NamedTuple):
    """Two firms in one database; the same story was told in both, under the same external ids."""

    ours: Firm
    theirs: Firm


@pytest.fixture
def firms(postgres_url: str, tmp_path: Path) -> Iterator[Firms]:
    """Two firms of the test's own."""
    with two_firms(postgres_url, tmp_path) as firms:
        yield firms


@pytest.fixture(scope="module")
def guarded(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firms]:
    """Two firms for attacks that are all refused."""
    folder = tmp_path_factory.mktemp("story")
    with postgres_server.database() as address, two_firms(address, folder) as firms:
        yield firms
        for firm in firms:
            with firm.open("writer") as ledger:
                assert ledger.verify().findings == ()


@contextmanager
def two_firms(address: str, folder: Path) -> Iterator[Firms]:
    with firm_in(address) as ours, firm_in(address) as theirs:
        for firm in (ours, theirs):
            clock = Clock()
            with firm.open("owner", now=clock):
                pass
            run_roles(firm)
            with firm.open("writer", now=clock) as ledger:
                tell(ledger, clock, folder)
        yield Firms(ours, theirs)


@pytest.mark.parametrize("who", Roles._fields)
def test_nobody_of_one_firm_reaches_a_table_of_another(guarded: Firms, who: str) -> None:
    ours, theirs = guarded
    with ours.connect(who) as connection:
        for name in TABLES:
            table = f"{theirs.schema}.{name}"
            for statement in (
                f"SELECT count(*) FROM {table}",
                f"COPY {table} TO STDOUT",
                f"INSERT INTO {table} SELECT * FROM {name}",
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
                f"DROP TABLE {table}",
                f"ALTER TABLE {table} DISABLE TRIGGER ALL",
                f"DO $$BEGIN LOCK TABLE {table} IN ACCESS SHARE MODE; END$$",
                f"SELECT '{table}'::regclass",
            ):
                with pytest.raises(Refusal, match=theirs.schema):
                    connection.execute(statement)


@pytest.mark.parametrize("who", Roles._fields)
def test_nobody_of_one_firm_becomes_somebody_of_another(guarded: Firms, who: str) -> None:
    ours, theirs = guarded
    with ours.connect(who) as connection:
        for role in theirs.roles:
            for statement in (
                f"SET ROLE {role}",
                f"GRANT {role} TO CURRENT_USER",
                f"DROP OWNED BY {role}",
                f"ALTER ROLE {role} LOGIN",
            ):
                with pytest.raises(Refusal):
                    connection.execute(statement)
        for statement in (
            f"CREATE TABLE {theirs.schema}.more (id int)",
            f"DROP SCHEMA {theirs.schema} CASCADE",
            f"SELECT nextval('{theirs.schema}.custledger_entry_id_seq')",
            f"CREATE TRIGGER more BEFORE INSERT ON custledger_entry FOR EACH ROW "
            f"EXECUTE FUNCTION {theirs.schema}.custledger_refuse()",
        ):
            with pytest.raises(Refusal):
                connection.execute(statement)


@pytest.mark.parametrize("who", Roles._fields)
def test_catalogue_tells_nothing_that_the_tables_of_another_hold(guarded: Firms, who: str) -> None:
    ours, theirs = guarded
    with theirs.connect("owner") as connection:
        connection.execute("ANALYZE")
    views = {
        "information_schema.tables": "table_schema",
        "information_schema.columns": "table_schema",
        "pg_stats": "schemaname",
    }
    with ours.connect(who) as connection:
        for view, column in views.items():
            query = f"SELECT count(*) FROM {view} WHERE {column} = %s"
            assert connection.execute(query, [theirs.schema]).fetchone() == (0,), view
        query = "SELECT count(last_value) FROM pg_sequences WHERE schemaname = %s"
        assert connection.execute(query, [theirs.schema]).fetchone() == (0,)
        # No right to look in, so that an unqualified name finds nothing either.
        connection.execute(f"SET search_path = {theirs.schema}")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM custledger_entry")


def test_ledger_of_another_firm_does_not_open(guarded: Firms) -> None:
    ours, theirs = guarded
    for who in ("owner", "writer", "reader"):
        location = ours.url(who).replace(f"schema={ours.schema}", f"schema={theirs.schema}")
        assert location != ours.url(who)
        with pytest.raises(CustledgerError, match="custledger roles"):
            open_ledger(location, actor="Olga")


def test_two_firms_keep_the_same_ids_apart(firms: Firms) -> None:
    with firms.ours.open("writer") as ours, firms.theirs.open("writer") as theirs:
        assert ours.context.ledger != theirs.context.ledger
        ann, other = ours.customers.get("Ann Müller"), theirs.customers.get("Ann Müller")
        assert ann.external_id == other.external_id == "17"
        assert ann.id != other.id
        with pytest.raises(NotFoundError):
            theirs.customers.get(ann.id)
        before = theirs.scores()
        ours.money.record_sale(ann, amount=Money(100_000, "EUR"))
        ours.customers.add("Dora", source="shop", external_id="18")
        assert theirs.scores() == before
        theirs.customers.add("Dora", source="shop", external_id="18")
        for ledger in (ours, theirs):
            assert ledger.verify().findings == ()


def test_damage_to_one_ledger_is_found_there_and_nowhere_else(firms: Firms) -> None:
    with firms.theirs.connect(None) as attacker:
        for table, name in attacker.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger "
            "WHERE tgname LIKE 'custledger%' AND tgrelid::regclass::text NOT LIKE '%.%'"
        ).fetchall():
            attacker.execute(f"DROP TRIGGER {name} ON {table}")
        attacker.execute("UPDATE custledger_entry SET recorded_at = recorded_at + 1")
        attacker.execute("DELETE FROM custledger_money")
    with firms.theirs.open("writer") as theirs:
        found = {finding.code for finding in theirs.verify().findings}
        assert {FindingCode.GUARD_MISSING, FindingCode.ENTRY_ALTERED} < found
    with firms.ours.open("writer") as ours:
        assert ours.verify().findings == ()
        assert ours.money.of("Ann Müller")


def test_rebuild_of_one_ledger_leaves_the_other_as_it_is(firms: Firms) -> None:
    def rows(firm: Firm) -> list[Any]:
        with firm.connect(None) as connection:
            return [
                connection.execute(f"SELECT ctid, t.* FROM {t} t ORDER BY 1").fetchall()
                for t in TABLES
            ]

    before = rows(firms.theirs)
    with firms.ours.open("owner") as ours:
        ours.rebuild()
    assert rows(firms.theirs) == before
    with firms.theirs.open("owner") as theirs, theirs.context.read() as connection:
        assert guards.missing(connection) == []


def test_write_of_one_firm_does_not_wait_for_another(firms: Firms) -> None:
    """The locks are the database's and the two Anns have one key; the ledger's uuid parts them."""

    def hurried(firm: Firm) -> Ledger:
        return open_ledger(firm.url("writer"), actor="Olga", wait=timedelta(seconds=0.2))

    def key(ledger: Ledger) -> int | None:
        with ledger.context.read() as connection:
            ann = ledger.customers.get("Ann Müller").id
            return ledger.context.identities.key(connection, ann)

    sale = Money(100, "EUR")
    with firms.ours.open("writer") as ours, hurried(firms.theirs) as theirs:
        assert key(ours) == key(theirs)
        with ours.transaction():
            ours.money.record_sale("Ann Müller", amount=sale)
            theirs.money.record_sale("Ann Müller", amount=sale)
            with hurried(firms.ours) as colleague, pytest.raises(LedgerBusyError):
                colleague.money.record_sale("Ann Müller", amount=sale)
        for ledger in (ours, theirs):
            assert ledger.verify().findings == ()
