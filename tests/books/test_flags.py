"""The record of flags: raised and cleared with a hysteresis, once, and by whole persons."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.core.due import DueKind
from custledger.core.records import Customer, EntryKind
from custledger.core.score.flagging import FlagChange
from custledger.errors import BadInputError
from custledger.pytest_plugin import Clock

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


@pytest.fixture
def ledger(ledger: Ledger, clock: Clock) -> Ledger:
    ledger.staff.add("Tom")
    ledger.score_policies.set(margin=0.4)
    clock.set(NOW)
    return ledger


def abuse(ledger: Ledger, customer: Customer, *months: int) -> None:
    """Two abusive calls a month, seen by two."""
    for month in months:
        for day, staff in ((3, "Sam"), (17, "Tom")):
            ledger.interactions.record(
                customer,
                channel="phone",
                conduct="verbal_abuse",
                fault="customer",
                staff=staff,
                occurred_at=datetime(2026, month, day, 10, tzinfo=UTC),
            )


@pytest.fixture
def bad(ledger: Ledger, clock: Clock) -> Customer:
    clock.set(datetime(2026, 1, 5, 9, tzinfo=UTC))
    customer = ledger.customers.add("Max Power", joined_on=date(2025, 1, 1))
    clock.set(NOW)
    abuse(ledger, customer, 2, 3, 4, 5, 6)
    return customer


def test_update_records_each_change_once_with_its_figures(ledger: Ledger, bad: Customer) -> None:
    ledger.customers.add("Good")
    [raised] = ledger.flags.update()
    row = next(row for row in ledger.scores() if row.flag)
    assert (raised.customer_id, raised.change, raised.kind) == (bad.id, FlagChange.RAISED, row.kind)
    assert (raised.score, raised.score_low) == (round(row.score, 6), round(row.score_low, 6))
    assert (raised.as_of, raised.policy_version) == (NOW.date(), row.policy_version)
    assert raised.of == raised.id
    assert ledger.flags.update() == []
    [flag] = ledger.flags.standing()
    assert (flag.customer_id, flag.raised, flag.kind) == (bad.id, (raised,), row.kind)
    assert ledger.flags.of(bad) == [raised]
    assert ledger.flags.standing(date(2026, 6, 29)) == []


def test_flag_stands_between_40_and_50_and_is_cleared_below(
    ledger: Ledger, clock: Clock, bad: Customer
) -> None:
    [raised] = ledger.flags.update()
    lows = []
    for _ in range(60):
        clock.advance(timedelta(days=7))
        low = ledger.score(bad).score_low
        changes = ledger.flags.update()
        if changes:
            break
        lows.append(low)
    assert any(40 <= low <= 50 for low in lows)
    assert min(lows) >= 40
    [cleared] = changes
    assert low < 40
    assert (cleared.change, cleared.of, cleared.kind) == (
        FlagChange.CLEARED,
        raised.id,
        raised.kind,
    )
    assert ledger.flags.standing() == []
    assert [flag.raised for flag in ledger.flags.standing(NOW.date())] == [(raised,)]


def test_flag_is_cleared_at_once_when_a_correction_takes_its_evidence(
    ledger: Ledger, bad: Customer
) -> None:
    ledger.flags.update()
    for contact in ledger.interactions.of(bad):
        ledger.interactions.correct(contact, staff="Sam", reason="it was Sam every time")
    fit = ledger.score(bad)
    assert (fit.uncorroborated, fit.score_low > 50) == (True, True)
    [cleared] = ledger.flags.update()
    assert cleared.change is FlagChange.CLEARED


def test_new_policy_may_clear_and_the_entry_names_its_version(
    ledger: Ledger, bad: Customer
) -> None:
    ledger.flags.update()
    version = ledger.score_policies.set(b0=50.0).version
    [cleared] = ledger.flags.update()
    assert (cleared.change, cleared.policy_version) == (FlagChange.CLEARED, version)


def test_persons_flag_stands_with_the_head_whoever_was_flagged(
    ledger: Ledger, bad: Customer
) -> None:
    good = ledger.customers.add("M. Power", joined_on=date(2024, 1, 1))
    [raised] = ledger.flags.update()
    ledger.matches.merge(bad, into=good, reason="the same passport")
    assert ledger.flags.update() == []
    [flag] = ledger.flags.standing()
    assert (flag.customer_id, flag.raised) == (good.id, (raised,))
    assert ledger.flags.of(good) == [raised]
    ledger.matches.unmerge(bad, reason="it was another one")
    [flag] = ledger.flags.standing()
    assert flag.customer_id == bad.id


def test_clearing_a_person_clears_what_was_raised_under_each_name(
    ledger: Ledger, clock: Clock, bad: Customer
) -> None:
    other = ledger.customers.add("Max Powers", joined_on=date(2025, 1, 1))
    abuse(ledger, other, 2, 3, 4, 5, 6)
    assert len(ledger.flags.update()) == 2
    ledger.matches.merge(other, into=bad, reason="one person")
    [flag] = ledger.flags.standing()
    assert len(flag.raised) == 2
    clock.set(NOW + timedelta(days=1500))
    assert {e.customer_id for e in ledger.flags.update()} == {bad.id, other.id}
    assert ledger.flags.standing() == []


def test_two_flags_of_halves_are_one_of_the_whole(ledger: Ledger) -> None:
    left = ledger.customers.add("Left", joined_on=date(2025, 1, 1))
    right = ledger.customers.add("Right", joined_on=date(2025, 1, 1))
    abuse(ledger, left, 2, 4)
    abuse(ledger, right, 3, 5, 6)
    ledger.customers.add("Nobody")
    ledger.flags.update()
    ledger.matches.merge(right, into=left, reason="one person")
    ledger.flags.update()
    assert [flag.customer_id for flag in ledger.flags.standing()] == [left.id]


def test_passed_tells_what_was_raised_and_cleared_in_between(
    ledger: Ledger, clock: Clock, bad: Customer
) -> None:
    [raised] = ledger.flags.update()
    clock.set(NOW + timedelta(days=1500))
    [cleared] = ledger.flags.update()
    found = ledger.flags.passed(since=NOW - timedelta(days=1), as_of=clock())
    assert [(i.kind, i.ref, i.customer_id) for i in found] == [
        (DueKind.FLAG_RAISED, raised.id, bad.id),
        (DueKind.FLAG_CLEARED, cleared.id, bad.id),
    ]
    assert found[0].passed_at == NOW
    assert found[0].text.startswith("Max Power is flagged, for conduct.")
    assert len({i.key for i in found}) == 2
    assert ledger.flags.passed(since=NOW, as_of=NOW + timedelta(days=1)) == []
    assert [i.ref for i in ledger.flags.passed(since=None, as_of=NOW)] == [raised.id]
    assert ledger.flags.passed(since=None, as_of=clock()) == []


def test_day_to_come_flags_nobody(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="has come"):
        ledger.flags.update(date(2026, 7, 1))


def test_customer_who_was_erased_or_voided_has_no_flag_left(ledger: Ledger, bad: Customer) -> None:
    ledger.flags.update()
    ledger.privacy.erase_person(bad, ground="objection")
    assert ledger.flags.standing() == []
    assert ledger.flags.update() == []
    assert ledger.flags.passed(since=None, as_of=NOW) == []


def test_two_who_update_at_once_raise_one_flag(
    location: str, ledger: Ledger, clock: Clock, bad: Customer
) -> None:
    with open_ledger(location, actor="Sam", now=clock) as other:
        wanted = ledger.flags._changes
        with ledger.context.read() as connection:
            changes = wanted(connection, ledger.scores())
        assert len(other.flags.update()) == 1
        with ledger.context.write() as journal:
            assert ledger.flags._record(journal, changes, ledger.context.today()) == []
    kinds = [entry.kind for entry in ledger.history(bad)]
    assert kinds.count(EntryKind.FLAG) == 1


def test_flag_of_a_past_day_is_recorded_as_of_that_day(
    ledger: Ledger, clock: Clock, bad: Customer
) -> None:
    clock.advance(timedelta(days=3))
    [raised] = ledger.flags.update(NOW.date())
    assert raised.as_of == NOW.date()
    assert raised.recorded_at == clock()
    assert raised.score == round(ledger.score(bad, as_of=NOW.date()).score, 6)


def test_a_sale_does_not_change_the_record_until_the_next_update(
    ledger: Ledger, bad: Customer
) -> None:
    ledger.flags.update()
    ledger.money.record_sale(bad, amount=Money.of("90000", "EUR"))
    assert len(ledger.flags.standing()) == 1
