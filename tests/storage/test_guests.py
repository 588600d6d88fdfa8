"""A guest in a host's transaction: the host keeps or drops what the ledger wrote, with its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, Integer, String, Uuid, create_engine, event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    scoped_session,
    sessionmaker,
)

from custledger import Money, open_ledger
from custledger.edges.hosting import customer_reference
from custledger.errors import BadInputError, NotFoundError, UnregisteredActorError
from tests.guests import call


class Base(DeclarativeBase):
    pass


class Ticket(Base):
    __tablename__ = "ticket"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    title: Mapped[str] = mapped_column(String)
    customer: Mapped[UUID | None] = mapped_column(Uuid, customer_reference())


def recipe_engine(url: str) -> Engine:
    """SQLite as SQLAlchemy's documentation sets it up, so that the driver begins nothing."""
    engine = create_engine(url)
    event.listen(engine, "connect", lambda c, _: setattr(c, "isolation_level", None))
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))
    return engine


@pytest.fixture(params=["sqlite", "sqlite with the recipe", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "postgresql":
        engine = create_engine(request.getfixturevalue("postgres_url"))
    else:
        make = create_engine if request.param == "sqlite" else recipe_engine
        engine = make(f"sqlite:///{tmp_path / 'host.sqlite'}")
    with open_ledger(engine, actor="Olga") as ledger:
        ledger.customers.add("Ann", external_id="7", source="shop")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def counts(engine: Engine) -> tuple[int, int, int]:
    """(Tickets, entries, current interactions), as a connection of its own sees them."""
    tables = ("ticket", "custledger_entry", "custledger_interaction")
    with engine.connect() as connection:
        found = [connection.execute(text(f"SELECT count(*) FROM {t}")).scalar_one() for t in tables]
    return found[0], found[1], found[2]


def sound(engine: Engine) -> bool:
    with open_ledger(engine, actor="Olga") as ledger:
        return ledger.verify().ok


def test_commit_of_a_session_keeps_row_and_entry(engine: Engine) -> None:
    before = counts(engine)
    with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
        session.add(Ticket(title="hours"))
        call(ledger)
        assert counts(engine) == before  # nothing is committed behind the host's back
        session.commit()
    assert counts(engine) == (before[0] + 1, before[1] + 1, before[2] + 1)
    assert sound(engine)


def test_rollback_of_a_session_drops_row_and_entry(engine: Engine) -> None:
    before = counts(engine)
    with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
        session.add(Ticket(title="hours"))
        call(ledger)
        with ledger.transaction():
            call(ledger)
            call(ledger)
        session.rollback()
        assert counts(engine) == before
        call(ledger)  # the same ledger goes on in the host's next transaction
        session.commit()
    assert counts(engine) == (before[0], before[1] + 1, before[2] + 1)
    assert sound(engine)


def test_closing_a_guest_commits_nothing_and_leaves_the_session_usable(engine: Engine) -> None:
    before = counts(engine)
    with Session(engine) as session:
        with open_ledger(session, actor="Olga") as ledger:
            call(ledger)
        session.add(Ticket(title="hours"))
        session.flush()
        assert counts(engine) == before
        session.rollback()
    assert counts(engine) == before


def test_rollback_to_a_savepoint_of_the_session_drops_what_came_after_it(engine: Engine) -> None:
    before = counts(engine)
    with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
        kept = call(ledger)
        with pytest.raises(RuntimeError), session.begin_nested():  # noqa: PT012
            session.add(Ticket(title="dropped"))
            call(ledger)
            raise RuntimeError
        with session.begin_nested():
            session.add(Ticket(title="kept"))
            call(ledger)
        assert len(ledger.interactions.of("7")) == 2
        assert ledger.interactions.get(kept).id == kept.id
        session.commit()
    assert counts(engine) == (before[0] + 1, before[1] + 2, before[2] + 2)
    assert sound(engine)


def test_write_that_fails_leaves_the_hosts_own_rows(engine: Engine) -> None:
    before = counts(engine)
    with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
        session.add(Ticket(title="kept"))
        session.flush()
        call(ledger)
        with pytest.raises(BadInputError):
            ledger.money.record_many(
                [
                    {"customer": "7", "kind": "sale", "amount": Money(100, "EUR")},
                    {"customer": "7", "kind": "sale", "amount": Money(-1, "EUR")},
                ]
            )
        with pytest.raises(NotFoundError):
            call(ledger, "nobody")
        session.commit()
    assert counts(engine) == (before[0] + 1, before[1] + 1, before[2] + 1)


def test_transaction_block_of_a_guest_is_a_savepoint_of_the_host(engine: Engine) -> None:
    before = counts(engine)
    with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
        with pytest.raises(RuntimeError), ledger.transaction():  # noqa: PT012
            session.add(Ticket(title="dropped"))
            session.flush()
            call(ledger)
            raise RuntimeError
        assert list(session) == []  # the session took its objects back too
        session.add(Ticket(title="kept"))
        session.commit()
    assert counts(engine) == (before[0] + 1, before[1], before[2])


def test_error_of_the_hosts_own_rows_stays_the_hosts(engine: Engine) -> None:
    with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
        session.add(Ticket(id=1, title="first"))
        session.commit()
        with pytest.raises(IntegrityError), ledger.transaction():  # noqa: PT012
            call(ledger)
            session.execute(text("INSERT INTO ticket (id, title) VALUES (1, 'again')"))
        with pytest.raises(IntegrityError), ledger.transaction():  # noqa: PT012
            call(ledger)
            session.add(Ticket(id=2))  # written when the block ends
        assert ledger.interactions.of("7") == []
        session.rollback()


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_guest_of_a_connection_follows_its_transaction(engine: Engine, ending: str) -> None:
    before = counts(engine)
    with engine.connect() as connection, open_ledger(connection, actor="Olga") as ledger:
        connection.execute(text("INSERT INTO ticket (id, title) VALUES (99, 'one')"))
        call(ledger)
        getattr(connection, ending)()
    assert counts(engine) == (before if ending == "rollback" else tuple(n + 1 for n in before))


def test_guest_of_a_connection_that_has_begun_nothing_leaves_the_commit_to_it(
    engine: Engine,
) -> None:
    before = counts(engine)
    with engine.connect() as connection, open_ledger(connection, actor="Olga") as ledger:
        call(ledger)
    assert counts(engine) == before


def test_guest_of_an_engine_leaves_it_open(engine: Engine) -> None:
    before = counts(engine)
    with open_ledger(engine, actor="Olga") as ledger:
        call(ledger)
    assert counts(engine) == (before[0], before[1] + 1, before[2] + 1)


def test_scoped_session_is_asked_anew_for_each_call(engine: Engine) -> None:
    before = counts(engine)
    sessions = scoped_session(sessionmaker(engine))
    with open_ledger(sessions, actor="Olga") as ledger:
        call(ledger)
        sessions.remove()  # rolls back, as at the end of a request
        call(ledger)
        sessions.commit()
    sessions.remove()
    assert counts(engine) == (before[0], before[1] + 1, before[2] + 1)


def test_ledger_made_in_a_hosts_transaction_goes_with_it(tmp_path: Path, postgres_url: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'new.sqlite'}", postgres_url):
        engine = create_engine(url)
        with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
            ledger.customers.add("Ann")
            session.rollback()
        with engine.connect() as connection:
            assert not engine.dialect.has_table(connection, "custledger_entry")
        with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
            ledger.customers.add("Ann")
            session.commit()
        assert sound(engine)
        engine.dispose()


def test_keys_that_a_rollback_freed_are_not_mixed_up(engine: Engine) -> None:
    with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
        gone = ledger.customers.add("Gone")
        ledger.customers.get(gone.id)
        session.rollback()
        kept = ledger.customers.add("Kept")
        ledger.interactions.record(kept, channel="phone")
        with pytest.raises(NotFoundError):
            ledger.customers.get(gone.id)
        session.commit()
    with open_ledger(engine, actor="Olga") as ledger:
        assert [entry.ref.subject for entry in ledger.history(kept)] == [kept.id] * 2
        assert ledger.verify().ok


def test_actor_whose_registration_was_rolled_back_writes_nothing(engine: Engine) -> None:
    with Session(engine) as session:
        with open_ledger(session, actor="Olga") as ledger:
            ledger.staff.add("Sam")
        with open_ledger(session, actor="Sam") as sams:
            session.rollback()
            with open_ledger(session, actor="Olga") as ledger:
                ledger.customers.add("Takes the freed key")
            with pytest.raises(UnregisteredActorError, match="rolled back"):
                sams.customers.add("Ben")
        session.commit()
    assert sound(engine)


def test_foreign_key_of_a_hosts_table_leads_to_a_customer(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA foreign_keys = ON"))
        engine.dispose()
    with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
        ann = ledger.customers.get("7")
        session.add(Ticket(title="hours", customer=ann.id))
        session.flush()
        ledger.customers.correct(ann, name="Anna", reason="misspelt")  # replaces the copy's row
        session.commit()
        session.add(Ticket(title="nobody's", customer=UUID(int=1)))
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
            session.flush()
        session.rollback()


def test_evidence_of_a_guest_goes_with_the_hosts_transaction(engine: Engine) -> None:
    with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
        dropped = ledger.evidence.attach("7", text="x" * 10)
        session.rollback()
        kept = ledger.evidence.attach("7", text="a letter")
        session.commit()
    with open_ledger(engine, actor="Olga") as ledger:
        assert b"".join(ledger.evidence.read(kept)) == b"a letter"
        assert len(ledger.evidence.of("7")) == 1
        assert dropped.size == 10
        assert ledger.verify().ok


def test_file_of_a_guest_is_read_by_whoever_opens_the_path(tmp_path: Path) -> None:
    path, scan = tmp_path / "shop.sqlite", tmp_path / "scan.png"
    scan.write_bytes(b"\x89PNG" + bytes(100))
    with open_ledger(path, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
        beside = ledger.evidence.attach(ann, path=scan)
    engine = create_engine(f"sqlite:///{path}")
    with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
        within = ledger.evidence.attach(ann, path=scan, allow_duplicate=True)
        session.commit()
        read = [b"".join(ledger.evidence.read(e)) for e in (beside, within)]
    engine.dispose()
    with open_ledger(path, actor="Olga") as ledger:
        assert read == [b"".join(ledger.evidence.read(e)) for e in (beside, within)]
        assert read[0] == read[1] == scan.read_bytes()
        assert ledger.verify().ok


def test_verify_of_a_guest_needs_one_snapshot_on_postgresql(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with Session(engine) as session, open_ledger(session, actor="Olga") as ledger:
        with pytest.raises(BadInputError, match="REPEATABLE READ"):
            ledger.verify()
        session.commit()
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        assert ledger.verify().ok
    engine.dispose()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_async_session_is_joined_through_run_sync(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if database == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path / 'host.sqlite'}"
    else:
        url = request.getfixturevalue("postgres_url")

    def record(session: Session, names: list[str]) -> list[str]:
        with open_ledger(session, actor="Olga") as ledger:
            ledger.customers.add_many([{"name": name} for name in names])
            ledger.customers.add(names[0] * 2)
            return [customer.name for customer in ledger.customers.all()]

    async def work() -> None:
        engine = create_async_engine(url)
        async with AsyncSession(engine) as session:
            assert await session.run_sync(record, ["Ann", "Ben"]) == ["Ann", "Ben", "AnnAnn"]
            await session.commit()
            await session.run_sync(record, [f"C{n}" for n in range(1500)])
            await session.rollback()
            assert len(await session.run_sync(record, ["Zoe"])) == 5
            await session.rollback()
        await engine.dispose()

    asyncio.run(work())
    with open_ledger(url.replace("+aiosqlite", ""), actor="Olga") as ledger:
        assert len(ledger.customers.all()) == 3
        assert ledger.verify().ok


@pytest.mark.parametrize("host", [7, None, object(), [], create_engine])
def test_what_is_no_home_is_refused_in_words(host: Any) -> None:
    with pytest.raises(BadInputError, match="path, a database URL"):
        open_ledger(host, actor="Olga")


def test_async_session_itself_is_refused_with_the_remedy(tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'host.sqlite'}")
    with pytest.raises(BadInputError, match="run_sync"):
        open_ledger(AsyncSession(engine), actor="Olga")  # type: ignore[arg-type]
