"""The staff book: who may write, and what an hour costs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.books.staff import SINCE_EVER
from custledger.core.records import HourlyRate, StaffRole
from custledger.errors import BadInputError, NotFoundError, UnregisteredActorError
from custledger.pytest_plugin import Clock


def test_owner_is_registered_when_the_ledger_is_made(ledger: Ledger) -> None:
    owner = ledger.staff.get("Olga")
    assert (owner.role, owner.active) == (StaffRole.OWNER, True)
    assert ledger.actor == owner


def test_staff_is_found_by_record_id_and_name(ledger: Ledger) -> None:
    sam = ledger.staff.get("Sam")
    for who in (sam, sam.id, str(sam.id), " Sam "):
        assert ledger.staff.get(who) == sam


def test_staff_that_is_not_registered_is_not_found(ledger: Ledger) -> None:
    for who in ("sa", "Nobody", "", "a\0b", "\ud800"):
        with pytest.raises(NotFoundError, match="not registered"):
            ledger.staff.get(who)


def test_unknown_id_and_the_id_of_a_customer_are_not_staff(ledger: Ledger) -> None:
    for who in (uuid4(), ledger.customers.add("Ann").id):
        with pytest.raises(NotFoundError):
            ledger.staff.get(who)


def test_everyone_is_listed_in_the_order_of_registration(ledger: Ledger) -> None:
    ledger.staff.add_many(["Zoe", "Bob"], role="program")
    assert [s.name for s in ledger.staff.all()] == ["Olga", "Sam", "Zoe", "Bob"]
    assert {s.role for s in ledger.staff.all()[2:]} == {StaffRole.PROGRAM}


def test_name_is_unique(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="registered already"):
        ledger.staff.add("  Sam ")
    with pytest.raises(BadInputError, match="registered already"):
        ledger.staff.add_many(["Zoe", "Zoe"])
    assert [s.name for s in ledger.staff.all()] == ["Olga", "Sam"]


def test_bad_name_is_refused(ledger: Ledger) -> None:
    for name in ("", " ", "a\0b", "\ud800", "x" * 100_001):
        with pytest.raises(BadInputError):
            ledger.staff.add(name)


def test_unknown_role_is_refused(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match=r"'boss' is not a staffrole.*owner, agent, program"):
        ledger.staff.add("Zoe", role="boss")


def test_bad_rate_registers_nobody(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="rate must not be negative"):
        ledger.staff.add("Zoe", hourly_rate=Money(-1, "EUR"))
    with ledger.transaction(), pytest.raises(BadInputError):
        ledger.staff.add("Zoe", hourly_rate=Money(-1, "EUR"))
    assert [s.name for s in ledger.staff.all()] == ["Olga", "Sam"]


def test_who_left_can_no_longer_open_the_ledger_to_write(ledger: Ledger, location: str) -> None:
    assert ledger.staff.deactivate("Sam").active is False
    assert ledger.staff.get("Sam").active is False
    with pytest.raises(UnregisteredActorError, match="registered as having left"):
        open_ledger(location, actor="Sam")
    kinds = [(entry.kind, entry.supersedes is not None) for entry in ledger.history()]
    assert kinds.count(("staff", True)) == 1


def test_who_left_keeps_what_they_did_and_may_be_named(ledger: Ledger) -> None:
    ledger.staff.deactivate("Sam")
    ann = ledger.customers.add("Ann")
    call = ledger.interactions.record(ann, channel="phone", staff="Sam")
    assert call.staff_id == ledger.staff.get("Sam").id


def test_nobody_deactivates_themselves(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="another member"):
        ledger.staff.deactivate("Olga")


def test_rates_are_listed_by_day(ledger: Ledger, clock: Clock) -> None:
    sam = ledger.staff.get("Sam").id
    ledger.staff.set_rate(Money(2000, "EUR"), effective_on=date(2025, 1, 1))
    set_today = ledger.staff.set_rate(Money(3500, "EUR"), staff="Sam")
    today = date(2026, 1, 5)
    assert set_today == HourlyRate(Money(3500, "EUR"), today, sam)
    assert ledger.staff.rates() == [
        HourlyRate(Money(3000, "EUR"), SINCE_EVER, sam),
        HourlyRate(Money(2000, "EUR"), date(2025, 1, 1)),
        HourlyRate(Money(3500, "EUR"), today, sam),
    ]


def test_first_rate_holds_since_ever_and_a_later_one_from_today_in_the_ledgers_zone(
    ledger: Ledger, clock: Clock
) -> None:
    assert ledger.staff.set_rate(Money(2, "EUR")).effective_on == SINCE_EVER
    clock.set(datetime.fromisoformat("2026-01-31T23:30:00+00:00"))
    assert ledger.staff.set_rate(Money(1, "EUR")).effective_on == date(2026, 2, 1)


def test_interaction_keeps_the_rate_of_its_day(ledger: Ledger, clock: Clock) -> None:
    ann = ledger.customers.add("Ann")
    ledger.staff.set_rate(Money(2000, "EUR"), effective_on=date(2025, 1, 1))
    ledger.staff.set_rate(Money(2500, "EUR"), effective_on=date(2026, 1, 3))
    ledger.staff.set_rate(Money(9900, "EUR"), effective_on=date(2026, 2, 1))

    def rate(day: str, staff: str | None) -> int | None:
        moment = datetime.fromisoformat(f"{day}:00+00:00")
        call = ledger.interactions.record(ann, channel="phone", occurred_at=moment, staff=staff)
        return None if call.hourly_rate is None else call.hourly_rate.minor

    assert rate("2024-12-31T22:59", None) is None  # an hour before midnight in Paris
    assert rate("2024-12-31T23:00", None) == 2000
    assert rate("2026-01-02T22:59", "Olga") == 2000
    assert rate("2026-01-02T23:00", "Olga") == 2500
    assert rate("2026-01-04T12:00", "Sam") == 3000  # Sam's own rate goes before everyone's
    ledger.staff.set_rate(Money(3100, "EUR"), staff="Sam", effective_on=date(2026, 1, 4))
    assert rate("2026-01-03T12:00", "Sam") == 3000
    assert rate("2026-01-04T12:00", "Sam") == 3100
    assert rate("2026-01-05T12:00", None) == 2500


def test_later_raise_rewrites_nothing(ledger: Ledger, clock: Clock) -> None:
    ann = ledger.customers.add("Ann")
    call = ledger.interactions.record(ann, channel="phone", staff="Sam")
    clock.advance(timedelta(days=1))
    ledger.staff.set_rate(Money(9900, "EUR"), staff="Sam", effective_on=date(2020, 1, 1))
    assert ledger.interactions.get(call).hourly_rate == Money(3000, "EUR")
    corrected = ledger.interactions.correct(call, summary="more", reason="r")
    assert corrected.hourly_rate == Money(3000, "EUR")


def test_last_rate_set_for_a_day_counts(ledger: Ledger) -> None:
    ledger.staff.set_rate(Money(4000, "EUR"), staff="Sam")
    call = ledger.interactions.record(ledger.customers.add("Ann"), channel="chat", staff="Sam")
    assert call.hourly_rate == Money(4000, "EUR")


def test_name_in_another_case_or_spacing_is_the_same_person(ledger: Ledger, location: str) -> None:
    jose = ledger.staff.add("José  Straße")
    for name in ("sam", " SAM ", "jose\u0301 strasse", "JOSÉ STRASSE"):
        with pytest.raises(BadInputError, match="registered already"):
            ledger.staff.add(name)
    with pytest.raises(BadInputError, match="'Zoe' is registered already"):
        ledger.staff.add_many(["Zoe", "ZOE"])
    assert [s.name for s in ledger.staff.all()] == ["Olga", "Sam", "José Straße"]
    assert ledger.staff.get(" jOSÉ strasse") == jose
    with open_ledger(location, actor="  oLGA ") as again:
        assert again.actor.name == "Olga"
