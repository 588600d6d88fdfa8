"""What is due: every line that was passed is told at least once, in order, and none is made up."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custledger import Ledger, Money, open_ledger
from custledger.core.due import DueKind
from custledger.core.records import Customer, EntryKind
from custledger.errors import BadInputError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event

MINUTE = timedelta(minutes=1)


def flag(ledger: Ledger, customer: Customer) -> None:
    """A flag as the record has it, whatever the score says."""
    figures = dict.fromkeys(("score", "score_low", "score_high"), "60.000000")
    body = {"event": "raised", "mark": "cost", "as_of_day": 20_000, "policy_version": 1, **figures}
    with ledger.context.write() as journal:
        append_event(journal, journal.key_of(customer.id), EntryKind.FLAG, body)


def test_a_clean_ledger_has_nothing_due(ledger: Ledger) -> None:
    found = ledger.due()
    assert found.items == ()
    assert ledger.due(since=found.cursor).items == ()


def test_each_line_that_is_passed_is_told_once_in_its_order(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    """A complaint nobody answered, and an invoice nobody paid."""
    ledger.score_policies.set(margin=0.4)
    cursor = ledger.due().cursor
    ledger.complaints.open(ann, channel="phone", customer_words="It came late.")
    ledger.money.record_invoice(ann, amount=Money.of("100", "EUR"), due_on=date(2026, 1, 6))
    told = []
    for _ in range(15):
        clock.advance(timedelta(days=4))
        found = ledger.due(since=cursor)
        cursor = found.cursor
        told += found.items
    kinds = {item.kind for item in told}
    assert {DueKind.RECEIVABLE_STEP, DueKind.COMPLAINT_OVERDUE} <= kinds
    assert len({item.key for item in told}) == len(told)
    assert told == sorted(told, key=lambda item: item.passed_at)
    assert {item.customer_id for item in told} == {ann.id}


def test_flag_is_brought_up_to_date_and_told_once_to_each_who_asks(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    one = ledger.due().cursor
    clock.advance(MINUTE)
    flag(ledger, ann)
    clock.advance(MINUTE)
    found = ledger.due(since=one)
    kinds = [item.kind for item in found.items]
    assert kinds == [DueKind.FLAG_RAISED, DueKind.FLAG_CLEARED]  # the score knows no reason for it
    assert ledger.due(since=found.cursor).items == ()
    assert [item.kind for item in ledger.due(since=one).items] == kinds
    assert ledger.due().items == ()  # nothing of it stands


def test_who_asks_for_the_first_time_is_told_what_stands_and_not_what_is_over(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    cursor = ledger.due().cursor
    complaint = ledger.complaints.open(ann, channel="phone", customer_words="It came late.")
    request = ledger.access.request(ann, how="mail")
    contest = ledger.contests.add(
        ledger.interactions.record(ann, channel="phone"), words="I never called"
    ).contest
    assert contest is not None
    clock.advance(timedelta(days=60))
    late = {DueKind.COMPLAINT_OVERDUE, DueKind.ACCESS_OVERDUE, DueKind.CONTEST_OVERDUE}
    standing = ledger.due().items
    assert {item.kind for item in standing} == late
    ledger.complaints.resolve(complaint, outcome="upheld", reasons="Late.", remedy="a new one")
    ledger.access.answer(request, how="mail")
    ledger.contests.refuse(contest, reasons="two heard it")
    assert ledger.due().items == ()
    told = ledger.due(since=cursor).items
    assert [item.key for item in told] == [item.key for item in standing]


def test_question_about_a_past_day_writes_nothing(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    flag(ledger, ann)
    before = clock()
    clock.advance(timedelta(days=1))
    assert [i.kind for i in ledger.due(as_of=before).items] == [DueKind.FLAG_RAISED]
    assert len(ledger.history(ann)) == 2


def test_cursor_of_another_ledger_and_a_naive_moment_are_refused(ledger: Ledger) -> None:
    with open_ledger(":memory:", actor="Olga") as other:
        cursor = other.due().cursor
    with pytest.raises(BadInputError, match="of the ledger"):
        ledger.due(since=cursor)
    with pytest.raises(BadInputError, match="time zone"):
        ledger.due(as_of=datetime(2026, 1, 5, 9))


def test_entry_that_was_committed_after_the_poll_is_told_all_the_same(
    location: str, ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    """PostgreSQL lets one transaction write while another reads; SQLite's writers take turns."""
    cursor = ledger.due().cursor
    slow = Clock(clock() + MINUTE)
    clock.advance(2 * MINUTE)
    with open_ledger(location, actor="Sam", now=slow) as other:
        if location.endswith(".sqlite"):
            polled = ledger.due(since=cursor)
            flag(other, ann)
        else:
            with other.transaction():
                flag(other, ann)
                polled = ledger.due(since=cursor)
    assert polled.items == ()
    clock.advance(MINUTE)
    found = ledger.due(since=polled.cursor)
    assert found.items[0].kind is DueKind.FLAG_RAISED
    assert found.items[0].passed_at == slow() < clock() - MINUTE


_LATE = st.integers(0, 23 * 60)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["flag", "poll"]), st.integers(0, 600), _LATE),
    min_size=1,
    max_size=8,
)


@given(steps=_STEPS)
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_crossing_is_told_at_least_once_whenever_it_was_recorded(
    location: str, ledger: Ledger, clock: Clock, steps: list[tuple[str, int, int]]
) -> None:
    """Entries come with the moments of a writer who is up to 23 hours behind."""
    customer = ledger.customers.add("Someone")
    polled = ledger.due()
    clock.advance(timedelta(days=2))
    cursor, late, told = ledger.due(since=polled.cursor).cursor, Clock(), []
    with open_ledger(location, actor="Sam", now=late) as other:
        for what, minutes, behind in [*steps, ("poll", 1, 0)]:
            clock.advance(minutes * MINUTE)
            if what == "flag":
                late.set(clock() - behind * MINUTE)
                flag(other, customer)
            else:
                found = ledger.due(since=cursor)
                places = [(item.passed_at, item.key) for item in found.items]
                assert places == sorted(places)
                cursor = found.cursor
                told += [item.ref for item in found.items]
    expected = [event.id for event in ledger.flags.of(customer)]
    assert sorted(told) == sorted(expected)


def test_program_of_a_scheduler_may_ask(location: str, ledger: Ledger, clock: Clock) -> None:
    ledger.staff.add("scheduler", role="program")
    with open_ledger(location, actor="scheduler", now=clock) as program:
        assert program.due().items == ()
