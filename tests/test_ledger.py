"""Opening a ledger, who writes, what is fixed, and several writes as one."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from custledger import Ledger, Money, open_ledger
from custledger.core.records import Customer, Evidence, StaffRole
from custledger.errors import (
    BadInputError,
    ClosedLedgerError,
    NotFoundError,
    UnregisteredActorError,
)
from custledger.pytest_plugin import START, Clock
from custledger.storage.evidence.blobs import CHUNK


def test_fresh_location_becomes_a_ledger_whose_owner_is_the_actor(location: str) -> None:
    with open_ledger(location, actor="Olga", now=Clock()) as ledger:
        assert (ledger.actor.name, ledger.actor.role) == ("Olga", StaffRole.OWNER)
        assert (ledger.zone, ledger.currency) == ("UTC", "EUR")
        assert [entry.kind for entry in ledger.history()] == ["ledger", "staff", "score_policy"]
        assert ledger.history()[0].recorded_at == START
        assert ledger.verify().ok


def test_ledger_is_found_again_as_it_was_left(location: str) -> None:
    with open_ledger(location, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
    with open_ledger(location, actor="Olga") as ledger:
        assert ledger.customers.all() == [ann]
        assert ledger.verify().ok


def test_ledger_in_memory_is_gone_when_it_is_closed() -> None:
    for location in (":memory:", "sqlite://"):
        for _ in range(2):
            with open_ledger(location, actor="Olga") as ledger:
                assert ledger.customers.all() == []
                ledger.customers.add("Ann")


def test_location_may_be_a_path_and_keeps_its_meaning_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_ledger(Path("a file? #1%20.ledger"), actor="Olga") as ledger:
        os.chdir("/")
        ann = ledger.customers.add("Ann")
        ledger.evidence.attach(ann, path=__file__)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "a file? #1%20.ledger",
        "a file? #1%20.ledger.evidence",
    ]
    with open_ledger(tmp_path / "a file? #1%20.ledger", actor="Olga") as ledger:
        assert ledger.customers.get("Ann") == ann


def test_actor_may_be_a_name_or_an_id(location: str) -> None:
    with open_ledger(location, actor="  Olga  Owner ") as ledger:
        sam = ledger.staff.add("Sam")
        owner = ledger.actor
    assert owner.name == "Olga Owner"
    for who, member in (("Sam", sam), (str(sam.id), sam), (str(owner.id), owner)):
        with open_ledger(location, actor=who) as ledger:
            assert ledger.actor == member
            call = ledger.interactions.record(ledger.customers.add("Ann").id, channel="chat")
            assert call.recorded_by == member.id


def test_nobody_writes_without_a_name(tmp_path: Path) -> None:
    for actor in ("", "  ", "a\0b", "\ud800", 5):
        with pytest.raises(BadInputError):
            open_ledger(tmp_path / "ledger", actor=actor)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_actor_who_is_not_registered_is_told_how_to_become_so(location: str) -> None:
    open_ledger(location, actor="Olga").close()
    with pytest.raises(UnregisteredActorError, match=r"'Mia' is not registered.*add staff Mia"):
        open_ledger(location, actor="Mia")
    with open_ledger(location, actor="Olga") as ledger:
        ledger.staff.add("Mia")
    with open_ledger(location, actor="Mia") as ledger:
        assert ledger.actor.name == "Mia"


def test_settings_are_fixed_when_a_ledger_is_made(location: str) -> None:
    made = {"zone": "Asia/Tokyo", "currency": "JPY", "region": "JP"}
    open_ledger(location, actor="Olga", **made).close()  # type: ignore[arg-type]
    for same in (made, {}, {"zone": "Asia/Tokyo"}):
        with open_ledger(location, actor="Olga", **same) as ledger:  # type: ignore[arg-type]
            assert (ledger.zone, ledger.currency) == ("Asia/Tokyo", "JPY")
            ledger.score_policies.current()
    for name, value in (("zone", "UTC"), ("currency", "EUR"), ("region", "FR")):
        with pytest.raises(
            BadInputError, match=f"This ledger's {name} is {made[name]}, not {value}"
        ):
            open_ledger(location, actor="Olga", **{name: value})  # type: ignore[arg-type]


def test_bad_setting_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    bad: list[dict[str, Any]] = [
        {"zone": "Nowhere/City"},
        {"currency": "EUX"},
        {"currency": "XAU"},
        {"region": "France"},
        {"now": lambda: datetime(2026, 1, 1)},
    ]
    for settings in bad:
        with pytest.raises(BadInputError):
            open_ledger(tmp_path / "ledger", actor="Olga", **settings)
    assert list(tmp_path.iterdir()) == []


def test_clock_that_fails_makes_no_ledger(tmp_path: Path) -> None:
    def broken() -> datetime:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        open_ledger(tmp_path / "ledger", actor="Olga", now=broken)
    assert list(tmp_path.iterdir()) == []


def test_wall_clock_is_used_where_none_is_given() -> None:
    before = datetime.now(UTC)
    with open_ledger(":memory:", actor="Olga") as ledger:
        recorded = ledger.history()[0].recorded_at
    assert before <= recorded <= datetime.now(UTC)


def test_today_is_a_day_of_the_ledgers_zone() -> None:
    clock = Clock(datetime(2026, 6, 30, 22, 30, tzinfo=UTC))
    with open_ledger(":memory:", actor="Olga", now=clock, zone="Europe/Paris") as ledger:
        assert ledger.today() == date(2026, 7, 1)
    with open_ledger(":memory:", actor="Olga", now=clock) as ledger:
        assert ledger.today() == date(2026, 6, 30)


@pytest.fixture
def ledger(location: str):  # type: ignore[no-untyped-def]
    with open_ledger(location, actor="Olga", now=Clock()) as ledger:
        yield ledger
        assert ledger.verify().findings == ()


def test_transaction_keeps_all_its_writes(ledger: Ledger) -> None:
    with ledger.transaction():
        ann = ledger.customers.add("Ann")
        sale = ledger.money.record_sale(ann, amount=Money(1, "EUR"))
        assert ledger.money.of(ann) == [sale]  # it reads what it wrote
        ledger.money.correct(sale, amount=Money(2, "EUR"), reason="r")
    assert [entry.amount.minor for entry in ledger.money.of(ann)] == [2]


class TooMuchError(Exception):
    """What the caller raises in the middle of a transaction."""


def write_and_fail(ledger: Ledger, ann: Customer) -> None:
    with ledger.transaction():
        ben = ledger.customers.add("Ben", source="s", external_id="1")
        sam = ledger.staff.add("Sam")
        ledger.interactions.record(ben, channel="chat", staff=sam)
        ledger.money.record_sale(ann, amount=Money(1, "EUR"))
        ledger.evidence.attach(ben, path=__file__)
        ledger.customers.correct(ann, name="Anne", reason="r")
        raise TooMuchError


def test_rolled_back_transaction_leaves_nothing(ledger: Ledger, location: str) -> None:
    ann = ledger.customers.add("Ann")
    entries = ledger.verify().entries
    with pytest.raises(TooMuchError):
        write_and_fail(ledger, ann)
    assert ledger.verify().entries == entries
    assert ledger.customers.all() == [ann]
    assert [member.name for member in ledger.staff.all()] == ["Olga"]
    for act in (lambda: ledger.customers.get("Ben"), lambda: ledger.staff.get("Sam")):
        with pytest.raises(NotFoundError):
            act()
    assert not any(Path(f"{location}.evidence").glob("*/*"))
    again = ledger.customers.add("Ben", source="s", external_id="1")
    assert ledger.interactions.record(again, channel="chat").id.seq == 2


def test_write_that_fails_inside_a_transaction_leaves_nothing_of_itself(ledger: Ledger) -> None:
    """The caller may go on with the others."""
    failures: list[Callable[[], Any]] = [
        lambda: ledger.staff.add("Sam", hourly_rate=Money(-1, "EUR")),
        lambda: ledger.customers.add_many([{"name": "Ben"}, {"name": ""}]),
        lambda: ledger.customers.add("Cy", source="s", external_id="1"),
    ]
    with ledger.transaction():
        ledger.customers.add("Ann", source="s", external_id="1")
        for failure in failures:
            with pytest.raises(BadInputError):
                failure()
        ledger.customers.add("Dan")
    assert [customer.name for customer in ledger.customers.all()] == ["Ann", "Dan"]
    assert [member.name for member in ledger.staff.all()] == ["Olga"]


def test_transaction_inside_a_transaction_joins_it(ledger: Ledger) -> None:
    ann = ledger.customers.add("Ann")

    def fail_outside() -> None:
        with ledger.transaction():
            with ledger.transaction():
                ledger.customers.add("Ben")
            raise TooMuchError

    with pytest.raises(TooMuchError):
        fail_outside()
    assert ledger.customers.all() == [ann]
    with ledger.transaction():
        ledger.customers.add("Cy")
        with pytest.raises(TooMuchError):
            write_and_fail(ledger, ann)
    assert [customer.name for customer in ledger.customers.all()] == ["Ann", "Cy"]


def test_error_of_another_database_leaves_a_transaction_as_it_is(ledger: Ledger) -> None:
    another = create_engine("sqlite://")

    def use_another() -> None:
        with ledger.transaction():
            ledger.customers.add("Ann")
            with another.connect() as connection:
                connection.exec_driver_sql("SELECT * FROM elsewhere")

    with pytest.raises(OperationalError, match="no such table: elsewhere"):
        use_another()
    another.dispose()
    assert ledger.customers.all() == []


def test_history_of_a_customer_tells_who_when_and_what(location: str) -> None:
    clock = Clock()
    with open_ledger(location, actor="Olga", now=clock) as ledger:
        ann = ledger.customers.add("Ann")
        ledger.staff.add("Sam")
    clock.advance(timedelta(days=1))
    with open_ledger(location, actor="Sam", now=clock) as ledger:
        ledger.interactions.record(
            ann, channel="chat", occurred_at=START - timedelta(days=2), summary="asked"
        )
        first, second = ledger.history(ann)
        assert [entry.ref.seq for entry in (first, second)] == [1, 2]
        assert first.actor_id == ledger.staff.get("Olga").id
        assert second.actor_id == ledger.staff.get("Sam").id
        assert (second.occurred_at, second.recorded_at) == (START - timedelta(days=2), clock())
        assert second.facts["summary"] == "asked"
        assert first.hash != second.hash
        assert ledger.history("Ann") == ledger.history(ann.id) == [first, second]


def test_history_of_nobody_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError):
        ledger.history("Zoe")


def test_closed_ledger_can_be_opened_again_at_once(tmp_path: Path) -> None:
    for _ in range(3):
        ledger = open_ledger(tmp_path / "ledger", actor="Olga")
        ledger.close()
    assert [p.name for p in tmp_path.iterdir()] == ["ledger"]


def test_progress_of_a_verification_counts_to_all_entries(ledger: Ledger) -> None:
    ledger.customers.add_many([{"name": f"C{n}"} for n in range(50)])
    seen: list[tuple[int, int]] = []
    ledger.verify(progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (53, 53)
    assert sorted(seen) == seen


def uses(ledger: Ledger, ann: Customer, note: Evidence) -> list[Callable[[], Any]]:
    return [
        lambda: ledger.customers.add("Ben"),
        lambda: ledger.money.record_sale(ann, amount=Money(1, "EUR")),
        lambda: ledger.evidence.attach(ann, text="x"),
        lambda: ledger.evidence.read(note),
        lambda: ledger.transaction().__enter__(),
        lambda: ledger.score(ann),
        lambda: ledger.actor,
        ledger.customers.all,
        ledger.scores,
        ledger.history,
        ledger.verify,
        ledger.rebuild,
    ]


@pytest.mark.parametrize("where", ["memory", "location"])
def test_closed_ledger_does_nothing_any_more(where: str, location: str) -> None:
    ledger = open_ledger(":memory:" if where == "memory" else location, actor="Olga")
    ann = ledger.customers.add("Ann")
    note = ledger.evidence.attach(ann, text="x")
    for _ in range(2):
        ledger.close()
        for use in uses(ledger, ann, note):
            with pytest.raises(ClosedLedgerError, match="open it again with `open_ledger`"):
                use()
    with open_ledger(location, actor="Olga") as again:
        assert [c.name for c in again.customers.all()] == ["Ann"] * (where == "location")
        assert again.verify().ok


def test_evidence_half_read_is_not_read_on_after_closing() -> None:
    with open_ledger(":memory:", actor="Olga") as ledger:
        tape = ledger.evidence.attach(
            ledger.customers.add("Ann"), file=io.BytesIO(bytes(CHUNK + 1))
        )
        chunks = ledger.evidence.read(tape)
        assert len(next(chunks)) == CHUNK
    with pytest.raises(ClosedLedgerError):
        next(chunks)


def test_ledger_is_not_closed_in_the_middle_of_a_transaction(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.customers.add("Ann")
        with pytest.raises(BadInputError, match="Leave its block, then close it"):
            ledger.close()
    assert [customer.name for customer in ledger.customers.all()] == ["Ann"]


@pytest.mark.parametrize(
    "call",
    [
        lambda book: book.interactions.record_many([{"customer": [1], "channel": "phone"}]),
        lambda book: book.interactions.record_many([5]),
        lambda book: book.interactions.record_many(5),
        lambda book: book.interactions.get("abc"),
        lambda book: book.money.get(None),
        lambda book: book.money.record_many([{"customer": None, "kind": "sale"}]),
        lambda book: book.customers.find(None),
        lambda book: book.customers.get(None),
        lambda book: book.customers.add_many([5]),
        lambda book: book.staff.add_many(5),
        lambda book: book.staff.add_many("Sam"),
        lambda book: book.staff.get(["Sam"]),
        lambda book: book.history(7),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(call: Callable[[Ledger], object]) -> None:
    with open_ledger(":memory:", actor="Olga") as ledger:
        entries = len(ledger.history())
        with pytest.raises(BadInputError, match="not "):
            call(ledger)
        assert len(ledger.history()) == entries
        assert ledger.verify().ok
