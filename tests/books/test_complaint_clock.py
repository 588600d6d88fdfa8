"""Deadlines through the book, by the library's holidays: fixed cases, lines passed, who waits."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from custledger import Ledger, open_ledger
from custledger.core.calendar.opening_hours import Holidays, OpeningHours
from custledger.core.calendar.time_limits import Clock as TimeClock
from custledger.core.calendar.time_limits import TimeLimit
from custledger.core.complaints.records import ComplaintRecord
from custledger.core.complaints.regimes import Milestone, Regime
from custledger.core.due import DueItem, DueKind
from custledger.core.records import Customer, EntryKind
from custledger.edges.holidays import national_holidays
from custledger.errors import BadInputError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from custledger.storage.lookup import customer_key

OFFICE = OpeningHours.monday_to_friday("09:00", "17:00")
SECOND = timedelta(seconds=1)


def regime(name: str, resolution: TimeLimit) -> Regime:
    return Regime(id=name, name=name, source="a test", on_expiry="Say so.", resolution=resolution)


FIVE_DAYS = regime("five_days", TimeLimit(5, TimeClock.WORKING_DAYS))
FOURTEEN = regime("fourteen", TimeLimit(14, TimeClock.DAYS))
FOURTEEN_EU = regime("fourteen_eu", TimeLimit(14, TimeClock.DAYS, eu_law=True))


def local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "place", "received", "law", "due", "promised"),
    [
        # Easter 2026: Good Friday is 3 April, Easter Monday 6 April; both are holidays in England
        # and Germany, only the second one is in France.
        ("Europe/London", "GB-ENG", "2026-04-01 10:00", FIVE_DAYS, "2026-04-11", "2026-04-10 10"),
        ("Europe/Berlin", "DE", "2026-04-01 10:00", FIVE_DAYS, "2026-04-11", "2026-04-10 10"),
        ("Europe/Paris", "FR", "2026-04-01 10:00", FIVE_DAYS, "2026-04-10", "2026-04-09 10"),
        # Clocks change on 29 March and 25 October in Europe, on 8 March in New York, and by half an
        # hour on 4 October on Lord Howe Island, where 5 October is a holiday (Labour Day).
        ("Europe/London", "GB-ENG", "2026-03-26 10:00", FIVE_DAYS, "2026-04-03", "2026-04-02 10"),
        ("Europe/Berlin", "DE", "2026-10-22 10:00", FIVE_DAYS, "2026-10-30", "2026-10-29 10"),
        ("America/New_York", "US", "2026-03-05 10:00", FIVE_DAYS, "2026-03-13", "2026-03-12 10"),
        (
            *("Australia/Lord_Howe", "AU-NSW", "2026-10-01 10:00"),
            *(FIVE_DAYS, "2026-10-10", "2026-10-09 10"),
        ),
        # 8 weeks end at 24:00 of the same day of the week, whatever clocks and holidays do.
        ("Europe/London", "GB-ENG", "2026-03-02 10:00", "uk_fca", "2026-04-28", "2026-03-09 10"),
        ("Europe/London", "GB-ENG", "2026-11-02 10:00", "uk_fca", "2026-12-29", "2026-11-09 10"),
        # 14 days end on Good Friday; in the Union's own law the next working day takes its place.
        ("Europe/Berlin", "DE", "2026-03-20 10:00", FOURTEEN, "2026-04-04", "2026-03-27 10"),
        ("Europe/Berlin", "DE", "2026-03-20 10:00", FOURTEEN_EU, "2026-04-08", "2026-03-27 10"),
    ],
)
def test_published_cases_through_the_book(
    location: str,
    zone: str,
    place: str,
    received: str,
    law: Regime | str,
    due: str,
    promised: str,
) -> None:
    """``promised`` is the end of the 40 working hours of the firm's own promise."""
    country, _, part = place.partition("-")
    clock = Clock(local(received, zone))
    with open_ledger(location, actor="Olga", now=clock, zone=zone) as ledger:
        holidays = national_holidays(country, [2026], subdivision=part or None)
        ledger.calendars.set(OFFICE, holidays=holidays)
        named = law if isinstance(law, str) else ledger.regimes.set(law).id
        ann = ledger.customers.add("Ann")
        complaint = ledger.complaints.open(
            ann, channel="phone", customer_words="x", regimes=[named]
        )
        assert complaint.warnings == ()
        found = {
            one.regime.id: one
            for one in ledger.complaints.deadlines(complaint)
            if one.milestone is Milestone.RESOLUTION
        }
        assert found[named].due == local(due, zone)
        assert found["house"].due == local(promised, zone)
        assert {one.assumption for one in found.values()} == {""}
        assert named not in overdue_ids(ledger, local(due, zone))
        assert named in overdue_ids(ledger, local(due, zone) + SECOND)


def overdue_ids(ledger: Ledger, as_of: datetime) -> list[str]:
    return [
        one.deadline.regime.id
        for row in ledger.complaints.overdue(as_of)
        for one in row.overdue
        if one.deadline.milestone is Milestone.RESOLUTION
    ]


def opened(ledger: Ledger, who: Customer, **facts: object) -> ComplaintRecord:
    return ledger.complaints.open(who, channel="phone", customer_words="x", **facts)  # type: ignore[arg-type]


def on(day: int, hour: int, *, minute: int = 0) -> datetime:
    """A moment of January 2026 in UTC; in Paris it is an hour later."""
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


def test_who_has_waited_longest_comes_first(ledger: Ledger, clock: Clock, ann: Customer) -> None:
    ben = ledger.customers.add("Ben")
    first = opened(ledger, ann)
    clock.set(on(5, 10))
    second = opened(ledger, ben)
    clock.set(on(5, 12))
    # Two hours in which we waited for Ann are no waiting of hers.
    ledger.complaints.pause(first, reason="A photograph")
    clock.set(on(6, 12))
    ledger.complaints.resume(first)
    late = ledger.complaints.overdue(on(8, 9))
    assert [(row.complaint.id, row.waiting) for row in late] == [
        (second.id, timedelta(days=2, hours=23)),
        (first.id, timedelta(days=2)),
    ]
    assert [one.deadline.milestone.value for one in late[0].overdue] == [
        *("acknowledgement", "first_response")
    ]
    ledger.complaints.resolve(second, outcome="withdrawn", reasons="x")
    assert [row.complaint.id for row in ledger.complaints.overdue(on(8, 9))] == [first.id]
    assert [row.complaint.id for row in ledger.complaints.overdue(on(6, 11))] == [second.id]


def test_day_means_its_end_and_today_means_now(ledger: Ledger, clock: Clock, ann: Customer) -> None:
    opened(ledger, ann)
    assert ledger.complaints.overdue(date(2026, 1, 5)) == []
    assert ledger.complaints.overdue(date(2026, 1, 4)) == []
    [row] = ledger.complaints.overdue(date(2026, 1, 6))
    assert row.waiting == on(6, 23) - on(5, 9)
    with pytest.raises(BadInputError, match="as_of"):
        ledger.complaints.overdue("today")  # type: ignore[arg-type]


def test_pause_moves_the_promise_by_the_business_time_it_took(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    complaint = opened(ledger, ann)
    [before, *_] = ledger.complaints.deadlines(complaint)
    assert before.due == on(5, 13)
    clock.set(on(5, 10))
    change = ledger.complaints.pause(complaint, reason="A photograph")
    assert change.remarks == ()
    assert ledger.complaints.deadlines(complaint)[0].due is None
    clock.set(on(6, 9))
    ledger.complaints.resume(complaint)
    assert ledger.complaints.deadlines(complaint)[0].due == on(6, 12)


def test_pause_says_which_clocks_go_on_and_an_extension_which_are_too_late(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    complaint = opened(ledger, ann, regimes=["uk_fca_payments"])
    change = ledger.complaints.pause(complaint, reason="A photograph")
    assert change.remarks == (
        "This clock does not wait, and goes on: United Kingdom: payment services and electronic "
        "money.",
    )
    in_time = ledger.complaints.extend(complaint, reason="The bank looks into it.")
    assert in_time.done
    assert in_time.remarks == ()
    other = opened(ledger, ann, regimes=["uk_fca_payments"])
    clock.advance(timedelta(days=60))
    late = ledger.complaints.extend(other, reason="The bank looks into it.")
    assert late.remarks[0].startswith("It was told after the time was over")


def test_complaint_keeps_the_calendar_plan_and_promise_of_its_day(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    ledger.calendars.set(OFFICE, reason="our hours")
    old = opened(ledger, ann)
    clock.advance(timedelta(days=1))
    ledger.calendars.set(OpeningHours.monday_to_friday("09:00", "11:00"))
    house = ledger.regimes.get("house")
    ledger.regimes.set(house.changed(acknowledgement=TimeLimit.working_hours(1)))
    plan = ledger.complaint_plans.get("Complaint")
    ledger.complaint_plans.set("Complaint", plan.steps[:2])
    new = opened(ledger, ann)
    late = opened(ledger, ann, occurred_at=on(5, 9))
    assert [c.opened.calendar_version for c in (old, new, late)] == [1, 2, 1]
    assert [dict(c.opened.regimes)["house"] for c in (old, new, late)] == [1, 2, 1]
    assert [c.opened.plan_version for c in (old, new, late)] == [1, 2, 2]
    assert [len(ledger.complaints.get(c).plan.steps) for c in (old, new)] == [8, 2]
    first = [ledger.complaints.deadlines(c)[0].due for c in (old, new, late)]
    assert first == [on(5, 13), on(6, 10), on(5, 13)]


def test_holidays_of_a_year_that_only_a_newer_calendar_knows_are_taken_from_it(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    clock.set(datetime(2026, 12, 31, 15, tzinfo=UTC))  # 16:00 in Paris
    ledger.calendars.set(OFFICE, holidays=national_holidays("FR", [2026]))
    complaint = opened(ledger, ann)
    [before, *_] = ledger.complaints.deadlines(complaint)
    assert before.due == datetime(2027, 1, 1, 11, tzinfo=UTC)
    assert before.assumption == (
        "The holidays of 2027 are not loaded, so none are counted: it may be later. Load them: "
        "custledger complaint calendar set --country CODE --years FIRST-LAST."
    )
    clock.advance(timedelta(days=3))
    [row] = ledger.complaints.overdue()
    assert row.assumptions == (before.assumption,)
    ledger.calendars.set(holidays=national_holidays("FR", [2026, 2027]))
    [after, *_] = ledger.complaints.deadlines(complaint)
    assert after.due == datetime(2027, 1, 4, 11, tzinfo=UTC)
    assert after.assumption == ""
    assert ledger.complaints.get(complaint).opened.calendar_version == 1


def test_law_that_asks_for_no_holidays_assumes_none(ledger: Ledger, ann: Customer) -> None:
    ledger.calendars.set(OFFICE, holidays=Holidays(frozenset(), 2025, 2025))
    complaint = opened(ledger, ann, regimes=["uk_fca"])
    said = {d.regime.id: bool(d.assumption) for d in ledger.complaints.deadlines(complaint)}
    assert said == {"house": True, "uk_fca": False}


def passed(ledger: Ledger, since: datetime, as_of: datetime) -> list[DueItem]:
    return ledger.complaints.passed(since=since, as_of=as_of)


def steps(items: Iterable[DueItem]) -> list[tuple[str, datetime]]:
    return [(item.key.split("/")[4], item.passed_at) for item in items]


def test_line_is_told_once_it_passed_and_once_only(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    complaint = opened(ledger, ann)
    assert passed(ledger, on(5, 9), on(5, 12)) == []
    [item] = passed(ledger, on(5, 12), on(5, 14))
    assert (item.passed_at, item.kind) == (on(5, 13), DueKind.COMPLAINT_OVERDUE)
    assert (item.customer_id, item.ref) == (ann.id, complaint.id)
    assert item.text == (
        "Complaint #3: the acknowledgement was due on 2026-01-05 14:00 (The firm's own promise)."
    )
    assert passed(ledger, on(5, 13), on(5, 14)) == []
    assert [item.key] == [one.key for one in passed(ledger, on(5, 1), on(5, 14))]
    everything = passed(ledger, on(5, 1), on(20, 1))
    assert [step for step, _ in steps(everything)] == [
        *("acknowledgement", "first_response", "resolution")
    ]


def test_line_that_was_kept_is_not_told_and_one_met_late_is(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    complaint = opened(ledger, ann)
    clock.set(on(5, 10))
    ledger.complaints.acknowledge(complaint)
    clock.set(on(8, 10))
    ledger.complaints.respond(complaint, summary="Sorry!")
    ledger.complaints.resolve(complaint, outcome="withdrawn", reasons="x")
    [item] = passed(ledger, on(5, 9), on(20, 9))
    assert item.text == (
        "Complaint #3: the first response was due on 2026-01-06 10:00 (The firm's own promise); it "
        "came on 2026-01-08 11:00."
    )


def test_what_is_recorded_late_is_told_late_and_not_lost(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    clock.set(on(7, 9))
    complaint = opened(ledger, ann, occurred_at=on(5, 9))
    assert complaint.warnings[1:] == (
        "The acknowledgement is overdue already (The firm's own promise). See to it first.",
        "The first response is overdue already (The firm's own promise). See to it first.",
    )
    assert passed(ledger, on(5, 1), on(7, 8)) == []
    assert steps(passed(ledger, on(7, 8), on(7, 9))) == [
        ("acknowledgement", on(7, 9)),
        ("first_response", on(7, 9)),
    ]


def test_pause_taken_back_tells_the_line_that_it_hid(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    complaint = opened(ledger, ann)
    clock.set(on(5, 10))
    wrong = ledger.complaints.pause(complaint, reason="A photograph")
    assert passed(ledger, on(5, 9), on(7, 9)) == []
    clock.set(on(8, 9))
    assert wrong.entry is not None
    ledger.complaints.void(wrong.entry, reason="another complaint's")
    assert ("acknowledgement", on(8, 9)) in steps(passed(ledger, on(7, 9), on(8, 10)))


def test_line_of_a_round_that_ended_meanwhile_is_told(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    complaint = opened(ledger, ann)
    clock.set(on(5, 15))
    ledger.complaints.resolve(complaint, outcome="withdrawn", reasons="x")
    clock.set(on(5, 16))
    ledger.complaints.reopen(complaint, reason="x")
    assert steps(passed(ledger, on(5, 12), on(5, 16))) == [("acknowledgement", on(5, 13))]


def test_two_who_acknowledge_at_once_are_not_both_told_that_it_was_done(location: str) -> None:
    clock = Clock()
    with open_ledger(location, actor="Olga", now=clock) as ledger:
        complaint = opened(ledger, ledger.customers.add("Ann"))
    answers: list[bool] = []
    start = threading.Barrier(2)

    def acknowledge() -> None:
        with open_ledger(location, actor="Olga", now=clock) as mine:
            start.wait()
            answers.append(mine.complaints.acknowledge(complaint).done)

    threads = [threading.Thread(target=acknowledge) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, True]


def test_complaints_show_under_either_name_of_a_merged_customer(
    ledger: Ledger, ann: Customer
) -> None:
    other = ledger.customers.add("A. Miller")
    complaint = opened(ledger, other)
    context = ledger.context
    with context.write() as journal:
        key = customer_key(journal.connection, context, other)
        body = {"event": "merged", "other": str(ann.id)}
        append_event(journal, key, EntryKind.MERGE, body)
    assert [c.id for c in ledger.complaints.of(ann)] == [complaint.id]
    assert [c.id for c in ledger.complaints.of(other)] == [complaint.id]
