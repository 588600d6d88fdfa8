"""Every release's ledger is carried over by an upgrade: its facts, its trail, its guards."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.edges.upgrading import upgrade
from custledger.errors import SchemaVersionError
from custledger.storage import schema
from tests.postgres import Server
from tests.releases import ACTOR, RELEASES, Release, dump, facts_of, query

pytestmark = pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.folder.name)


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, release: Release, tmp_path: Path) -> str:
    """Where the release's ledger is."""
    if request.param == "sqlite":
        return release.sqlite(tmp_path)
    return release.postgresql(request.getfixturevalue("postgres_url"))


def test_old_ledger_is_refused_with_the_remedy_and_stays_as_it_is(
    release: Release, old: str
) -> None:
    before = content(old)
    with pytest.raises(SchemaVersionError, match=f"{release.schema}.*Run `custledger upgrade`"):
        open_ledger(old, actor=ACTOR)
    assert content(old) == before


def test_upgrade_keeps_every_fact(release: Release, old: str) -> None:
    report = upgrade(old)
    assert (report.before, report.after) == (release.schema, schema.head_version())
    with open_ledger(old, actor=ACTOR) as ledger:
        assert_tells(ledger, release.facts)


def test_upgraded_ledger_is_written_to_and_verifies(release: Release, old: str) -> None:
    upgrade(old)
    with open_ledger(old, actor=ACTOR) as ledger:
        assert ledger.verify().findings == ()
        write_to_every_book(ledger)
        assert ledger.rebuild() > 0
        report = ledger.verify()
        assert report.findings == ()
        assert report.entries >= release.facts["entries"] + 8


def test_guards_of_an_upgraded_ledger_are_those_of_a_fresh_one(
    release: Release, old: str, tmp_path: Path, postgres_server: Server
) -> None:
    upgrade(old)
    if "://" not in old:
        fresh = str(tmp_path / "fresh.sqlite")
        open_ledger(fresh, actor=ACTOR).close()
        assert guards_in(old) == guards_in(fresh)
        return
    with postgres_server.database() as fresh:
        open_ledger(fresh, actor=ACTOR).close()
        assert guards_in(old) == guards_in(fresh)


def test_guards_of_an_upgraded_ledger_refuse(release: Release, old: str) -> None:
    upgrade(old)
    for statement in (
        "UPDATE custledger_entry SET kind = kind",
        "DELETE FROM custledger_payload",
        "UPDATE custledger_customer SET name = 'X'",
        "DELETE FROM custledger_money",
    ):
        with pytest.raises(Exception, match="trail is append-only"):
            query(old, statement)


def test_backup_is_the_whole_ledger_of_the_old_release(release: Release, tmp_path: Path) -> None:
    old = release.sqlite(tmp_path)
    before = dump(old)
    backup = upgrade(old).backup
    assert backup is not None
    assert dump(backup) == before != dump(old)
    # Put back in its place, it is the ledger again, with its evidence.
    backup.rename(old)
    assert upgrade(old, backup=False).changed
    with open_ledger(old, actor=ACTOR) as ledger:
        assert ledger.verify().findings == ()
        assert_tells(ledger, release.facts)


def test_ledger_found_by_a_search_path_is_upgraded_in_its_schema(
    release: Release, postgres_url: str
) -> None:
    old = release.postgresql(postgres_url, search_path="firm_a")
    assert upgrade(old).changed
    tables = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'custledger%'"
    assert query(old, tables) == [("firm_a",)]
    with open_ledger(old, actor=ACTOR) as ledger:
        assert ledger.verify().findings == ()
        assert_tells(ledger, release.facts)


def test_ledger_in_a_schema_is_upgraded_by_naming_the_schema(
    release: Release, postgres_url: str
) -> None:
    release.postgresql(postgres_url, search_path="firm_a")
    named = f"{postgres_url}{'&' if '?' in postgres_url else '?'}schema=firm_a"
    with pytest.raises(SchemaVersionError):
        open_ledger(named, actor=ACTOR)
    assert upgrade(named).changed
    with open_ledger(named, actor=ACTOR) as ledger:
        assert ledger.verify().findings == ()
        assert_tells(ledger, release.facts)
        write_to_every_book(ledger)


def test_release_knows_every_kind_of_fact_of_its_time(release: Release) -> None:
    """So that no kind is left out of an upgrade's test."""
    empty = {"custledger_blob"}  # files are in the folder beside
    tables = release.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    counts = {t: release.rows(f"SELECT count(*) FROM {t}")[0][0] for (t,) in tables}
    assert {table for table, count in counts.items() if not count} <= empty
    assert release.facts["evidence_files"] >= 3


def assert_tells(ledger: Ledger, told: dict[str, Any]) -> None:
    """Figures with a fraction may differ in the last places: another database computed them."""
    found = facts_of(ledger)
    for name in ("scores", "ranking"):
        assert rounded(found.pop(name)) == rounded(told[name])
    assert found == {name: v for name, v in told.items() if name not in ("scores", "ranking")}


def rounded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()} for row in rows]


def write_to_every_book(ledger: Ledger) -> None:
    ledger.staff.add("Newcomer", hourly_rate=Money.of("31", "EUR"))
    ledger.exchange_rates.set("CHF", "1.05")
    ledger.score_policies.set(margin=0.35)
    customer = ledger.customers.add("After the upgrade", email="after@example.org")
    call = ledger.interactions.record(
        customer, channel="phone", handling_time=timedelta(minutes=5), staff="Newcomer"
    )
    ledger.interactions.correct(call, fault="ours", reason="heard again")
    ledger.money.record_sale("Ann Müller", amount=Money.of("12", "EUR"))
    ledger.evidence.attach(call, text="a note")
    ledger.evidence.attach(call, file=io.BytesIO(b"a file" * 100), media_type="text/plain")
    ledger.imports.undo(1, reason="an import of the old release")


def content(location: str) -> object:
    if "://" not in location:
        return dump(location)
    return guards_in(location), query(location, "SELECT version_num FROM custledger_version")


def guards_in(location: str) -> list[tuple[Any, ...]]:
    """Every guard word for word, switched on or off, with the body of its function."""
    if "://" not in location:
        return query(
            location, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY 1"
        )
    return query(
        location,
        "SELECT t.tgname, c.relname, t.tgenabled, pg_get_triggerdef(t.oid), "
        "pg_get_functiondef(t.tgfoid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE NOT t.tgisinternal ORDER BY c.relname, t.tgname",
    )
