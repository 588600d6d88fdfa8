"""Upgrades inside a host application: in its transaction, its migrations, or a script."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from custledger import open_ledger
from custledger.storage import guards, schema
from tests.releases import ACTOR, RELEASES, Release, dump, facts_of, query

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "upgrading.md"
SCRIPT, MIGRATION = re.findall(r"```python\n(.+?)```", GUIDE.read_text("utf-8"), re.DOTALL)
RELEASE: Release = RELEASES[0]
HEAD = schema.head_version()
VERSION = "SELECT version_num FROM custledger_version"

# As `alembic init` makes it, without the logging.
ENVIRONMENT = """
from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
TICKETS = """
    import sqlalchemy as sa
    customer = sa.ForeignKey("custledger_identity.uuid", name="fk_ticket_customer")
    op.create_table("ticket", sa.Column("customer", sa.Uuid, customer))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger of the first release, in the host's words."""
    if request.param == "sqlite":
        return f"sqlite:///{RELEASE.sqlite(tmp_path)}"
    return RELEASE.postgresql(request.getfixturevalue("postgres_url"))


def test_deploy_script_of_the_guide_upgrades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(RELEASE.sqlite(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in (path, path.with_name(f"{path.name}.evidence")):
        name.rename(str(name).replace("ledger.db", "shop.sqlite"))
    exec(SCRIPT, {})
    assert_upgraded("shop.sqlite")


def test_migration_of_the_guide_upgrades_among_the_hosts_own(url: str, tmp_path: Path) -> None:
    migrate(url, tmp_path, MIGRATION.replace("\n\n\ndef downgrade", f"{TICKETS}\n\ndef downgrade"))
    assert_upgraded(url)
    assert rows(url, "SELECT * FROM ticket") == []
    assert rows(url, "SELECT version_num FROM alembic_version") == [("8c1f",)]


def test_migration_that_fails_takes_the_upgrade_back(url: str, tmp_path: Path) -> None:
    before = content(url)
    with pytest.raises(ZeroDivisionError):
        migrate(url, tmp_path, MIGRATION.replace("op.get_bind())", "op.get_bind())\n    1 / 0"))
    assert content(url) == before


def test_host_that_rolls_back_has_the_old_ledger(url: str) -> None:
    before = content(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        schema.upgrade(connection)
        assert schema.current_version(connection) == HEAD
        connection.rollback()
    engine.dispose()
    assert content(url) == before


def test_migration_in_an_empty_database_makes_tables_for_a_ledger(
    location: str, tmp_path: Path
) -> None:
    fresh = location if "://" in location else f"sqlite:///{location}"
    migrate(fresh, tmp_path, MIGRATION)
    with open_ledger(fresh, actor="Olga", currency="GBP") as ledger:
        ledger.customers.add("Ann")
        assert ledger.currency == "GBP"
        assert ledger.verify().findings == ()
    with open_ledger(fresh, actor="Olga") as ledger:
        assert [customer.name for customer in ledger.customers.all()] == ["Ann"]


def test_host_upgrades_the_schema_of_its_choice(postgres_url: str) -> None:
    RELEASE.postgresql(postgres_url, search_path="firm_a")
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execution_options(schema_translate_map={None: "firm_a"})
        schema.upgrade(connection)
        assert schema.current_version(connection) == HEAD
        assert guards.missing(connection) == []
    engine.dispose()
    tables = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'custledger%'"
    assert query(postgres_url, tables) == [("firm_a",)]


def migrate(url: str, folder: Path, migration: str) -> None:
    """Run the migration as an application does that has Alembic."""
    scripts = folder / "scripts"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text(ENVIRONMENT, encoding="utf-8")
    (scripts / "versions" / "8c1f_ledger.py").write_text(migration, encoding="utf-8")
    config = Config(attributes={"url": url})
    config.set_main_option("script_location", str(scripts))
    command.upgrade(config, "head")


def assert_upgraded(location: str) -> None:
    assert rows(location, VERSION) == [(HEAD,)]
    with open_ledger(location, actor=ACTOR) as ledger:
        assert ledger.verify().findings == ()
        assert facts_of(ledger)["export"] == RELEASE.facts["export"]


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    return query(url.removeprefix("sqlite:///"), statement)


def content(url: str) -> object:
    """All of ours that is in the file, or what an upgrade changes in the database."""
    if url.startswith("sqlite"):
        lines = dump(url.removeprefix("sqlite:///"))
        return [line for line in lines if "alembic_version" not in line]
    functions = (
        "SELECT proname, prosrc, proconfig::text FROM pg_proc WHERE proname LIKE 'custledger%'"
    )
    triggers = "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
    return [
        query(url, VERSION),
        query(url, functions + " ORDER BY 1"),
        query(url, triggers),
    ]
