"""Complaints from their opening to their end, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from custledger import EntryRef, Ledger, Money
from custledger.core.complaints.events import Exposure, Outcome, RegimeVersion
from custledger.core.complaints.records import ComplaintRecord
from custledger.core.complaints.state import Phase
from custledger.core.records import Customer, EntryKind, Fault, Purpose
from custledger.errors import BadInputError, CustledgerError, NotFoundError
from custledger.pytest_plugin import Clock
from tests.books.complaining import REFUSED, UPHELD, at, codes, entries, fault_of

broken: list[tuple[Callable[[Ledger, ComplaintRecord], object], type[CustledgerError], str]] = [
    (lambda b, c: b.complaints.resolve(c, outcome="upheld", reasons=""), BadInputError, "reasons"),
    (lambda b, c: b.complaints.resolve(c, outcome="upheld", reasons="x"), BadInputError, "remedy"),
    (lambda b, c: b.complaints.resolve(c, outcome="lost", reasons="x"), BadInputError, "lost"),
    (lambda b, c: b.complaints.respond(c, summary=" "), BadInputError, "summary"),
    (lambda b, c: b.complaints.acknowledge(c, staff="Nobody"), NotFoundError, "registered"),
    (lambda b, c: b.complaints.escalate(c, reason="x", to="Nobody"), NotFoundError, "registered"),
    (lambda b, c: b.complaints.acknowledge(c, who="Sam"), BadInputError, "who"),  # type: ignore[call-arg]
    (lambda b, c: b.complaints.acknowledge("Ann"), BadInputError, "Name a complaint"),  # type: ignore[arg-type]
    (
        lambda b, c: b.complaints.acknowledge(EntryRef(c.customer_id, 1)),
        NotFoundError,
        "no complaint",
    ),
    (lambda b, c: b.complaints.get(EntryRef(uuid4(), 1)), NotFoundError, "no complaint"),
    (
        lambda b, c: b.complaints.void(EntryRef(c.customer_id, 1), reason="x"),
        NotFoundError,
        "event",
    ),
    (lambda b, c: b.complaints.void(c, reason=" "), BadInputError, "reason"),
]
unopened: list[tuple[dict[str, Any], type[CustledgerError], str]] = [
    ({}, BadInputError, "channel"),
    ({"channel": "phone"}, BadInputError, "Say what it is about"),
    ({"channel": "pigeon", "customer_words": "x"}, BadInputError, "pigeon"),
    ({"regimes": ["moon_law"]}, NotFoundError, "No regime has the id 'moon_law'"),
    ({"regimes": "house"}, BadInputError, "list of ids"),
    ({"plan": "Dance"}, NotFoundError, "No plan is called 'Dance'"),
    ({"staff": "Nobody"}, NotFoundError, "registered"),
    ({"occurred_at": at(10, 6)}, BadInputError, "future"),
    ({"occurred_at": datetime(2026, 1, 1)}, BadInputError, "time zone"),
    ({"exposure": ("mastodon",)}, BadInputError, "platform, handle"),
    ({"exposure": ("mastodon", "@ann", -1)}, BadInputError, "reach"),
    ({"interaction": "7"}, BadInputError, "record or its id"),
    ({"handling_time": timedelta(days=-1)}, BadInputError, "handling_time"),
]


def test_whole_story(ledger: Ledger, clock: Clock, ann: Customer) -> None:
    book = ledger.complaints
    opened = book.open(
        ann,
        channel="email",
        customer_words="The soup was cold.",
        staff_account="The van broke down.",
        staff_note="third time",
        product="soup",
        cause="delivery",
    )
    assert opened.phase is Phase.OPEN
    assert opened.entries[0].staff_note == "third time"
    assert opened.opened.customer_words == "The soup was cold."
    assert opened.opened.staff_account == "The van broke down."
    assert [step.step.id for step in book.next_steps(opened)] == [
        *("answer", "listen", "apologise", "propose", "correct", "escalate")
    ]
    clock.advance(timedelta(hours=1))
    done = book.acknowledge(opened, note="Sam sees to it", staff="Sam")
    assert done.done
    assert done.entry == EntryRef(ann.id, 4)
    sam = ledger.staff.get("Sam").id
    assert (done.complaint.entries[1].event.by, done.complaint.entries[1].recorded_by) == (
        sam,
        ledger.actor.id,
    )
    book.step_done(opened, "listen", note="20 minutes")
    book.step_skipped(opened, "apologise", reason="Said at the door.")
    book.pause(opened, reason="We asked for a photograph.")
    assert book.get(opened).phase is Phase.WAITING
    clock.advance(timedelta(days=1))
    book.resume(opened, note="It came.")
    escalated = book.escalate(opened.id, reason="Sam is stuck.")
    assert escalated.complaint.entries[-1].escalated_to == ledger.actor.id
    assert escalated.remarks == ("Olga has it now.",)
    book.respond(opened, summary="We offered the money back.")
    book.step_done(opened, "correct")
    assert book.next_steps(opened) == ()
    ended = book.resolve(opened, **UPHELD)
    assert ended.complaint.outcome is Outcome.UPHELD
    assert book.missed_steps(opened) == ()
    assert [step.step.id for step in book.next_steps(opened)] == ["follow_up", "lesson"]
    book.satisfaction(opened, satisfied=True, customer_words="Thank you!")
    book.recovered(opened, shown_by="a new order")
    found = book.get(opened)
    assert found.state.satisfied is True
    assert found.state.ignored == ()
    assert [one.event.kind for one in found.entries] == [
        *("opened", "acknowledged", "step_done", "step_skipped", "paused", "resumed"),
        *("escalated", "responded", "step_done", "resolved", "satisfaction", "recovered"),
    ]
    again = book.reopen(opened, reason="Cold again.")
    assert again.complaint.phase is Phase.OPEN
    assert again.complaint.state.satisfied is None


def test_opening_records_the_contact_so_that_the_score_sees_it(
    ledger: Ledger, ann: Customer, cold: ComplaintRecord
) -> None:
    [contact] = ledger.interactions.of(ann)
    assert cold.interaction == contact.id
    assert (contact.purpose, contact.fault) == (Purpose.COMPLAINT, Fault.UNKNOWN)
    assert (contact.product, contact.cause) == ("soup", "delivery")
    # What was said stands once, so that it is erased once.
    assert (contact.summary, contact.customer_words) == ("", "")


def test_opening_may_name_the_contact_by_which_it_came(ledger: Ledger, ann: Customer) -> None:
    call = ledger.interactions.record(ann, channel="phone", customer_words="Cold soup!")
    complaint = ledger.complaints.open(ann, interaction=call)
    assert complaint.interaction == call.id
    assert complaint.opened.channel.value == "phone"
    assert ledger.interactions.of(ann) == [call]


def test_public_complaint_has_the_public_plan_and_says_where_it_stands(
    ledger: Ledger, ann: Customer
) -> None:
    seen = ledger.complaints.open(
        ann, customer_words="Never again!", exposure=Exposure("mastodon", "@ann@example.org", 1200)
    )
    assert seen.plan.public
    assert seen.opened.channel.value == "social"
    assert seen.state.exposure == ("mastodon", "@ann@example.org", 1200)
    named = ledger.complaints.open(
        ann, customer_words="Never!", exposure=("a forum", "ann"), plan="complaint"
    )
    assert named.plan.name == "Complaint"
    assert named.state.exposure == Exposure("a forum", "ann", None)


def test_complaint_stands_under_the_firms_promise_and_the_laws_named(
    ledger: Ledger, ann: Customer
) -> None:
    complaint = ledger.complaints.open(
        ann, channel="letter", customer_words="x", regimes=["uk_fca", ledger.regimes.get("eu_rail")]
    )
    assert complaint.opened.regimes == (
        RegimeVersion("eu_rail", 1),
        RegimeVersion("house", 1),
        RegimeVersion("uk_fca", 1),
    )
    assert [warning[:49] for warning in complaint.warnings] == [
        "No opening hours are set: the clock takes Monday ",
        "The time limits of eu_rail come with the package ",
    ]


def test_resolution_says_which_steps_were_left_out(ledger: Ledger, cold: ComplaintRecord) -> None:
    ended = ledger.complaints.resolve(cold, **REFUSED)
    assert ended.remarks == (
        "Neither done nor skipped: Listen (listen), Apologise, without excuses (apologise), "
        "Correct what can be corrected (correct).",
    )
    assert [step.id for step in ledger.complaints.missed_steps(cold)] == [
        *("listen", "apologise", "correct")
    ]


def test_event_recorded_late_takes_its_place(
    ledger: Ledger, clock: Clock, cold: ComplaintRecord
) -> None:
    book = ledger.complaints
    clock.set(at(15))
    book.respond(cold, summary="We are sorry.")
    late = book.acknowledge(cold, occurred_at=at(10))
    assert late.done
    kinds = [one.event.kind for one in book.get(cold).entries]
    assert kinds == ["opened", "acknowledged", "responded"]
    by = {(d.milestone.value, d.regime.id): d.met_at for d in book.deadlines(cold)}
    assert by["acknowledgement", "house"] == at(10)


def test_second_one_that_came_first_counts_and_that_is_said(
    ledger: Ledger, clock: Clock, cold: ComplaintRecord
) -> None:
    clock.set(at(15))
    ledger.complaints.acknowledge(cold)
    late = ledger.complaints.acknowledge(cold, occurred_at=at(10))
    assert late.done
    assert late.remarks == (
        "What was recorded as acknowledged on 2026-01-05 16:00 CET counts no more, since this came "
        "before it.",
    )


def refused(ledger: Ledger, cold: ComplaintRecord, clock: Clock) -> list[tuple[str, Any]]:
    book = ledger.complaints
    return [
        ("before_opening", lambda: book.acknowledge(cold, occurred_at=at(8))),
        ("future", lambda: book.acknowledge(cold, occurred_at=clock() + timedelta(minutes=1))),
        ("unknown_step", lambda: book.step_done(cold, "dance")),
        ("not_resolved", lambda: book.step_done(cold, "lesson")),
        ("not_resolved", lambda: book.satisfaction(cold, satisfied=True)),
        ("not_resolved", lambda: book.reopen(cold, reason="x")),
        ("not_resolved", lambda: book.recovered(cold, shown_by="x")),
        ("not_paused", lambda: book.resume(cold)),
        ("no_extension", lambda: book.extend(cold, reason="It takes longer.")),
        ("no_owner", lambda: book.escalate(cold, reason="Stuck.", to="Sam")),
    ]


@pytest.mark.parametrize("number", range(10))
def test_what_may_not_come_now_is_refused_and_nothing_is_written(
    ledger: Ledger, clock: Clock, cold: ComplaintRecord, number: int
) -> None:
    before = entries(ledger)
    code, call = refused(ledger, cold, clock)[number]
    change = call()
    assert codes(change) == [code]
    assert change.complaint == ledger.complaints.get(cold)
    assert change.entry is None
    assert all(refusal.text.endswith((".", ")")) for refusal in change.refusals)
    assert entries(ledger) == before


def test_what_was_done_is_refused_a_second_time(ledger: Ledger, cold: ComplaintRecord) -> None:
    book = ledger.complaints
    book.acknowledge(cold)
    book.step_done(cold, "listen")
    book.escalate(cold, reason="Stuck.")
    book.pause(cold, reason="A photograph")
    before = entries(ledger)
    assert codes(book.acknowledge(cold)) == ["twice"]
    assert codes(book.step_skipped(cold, "listen", reason="x")) == ["twice"]
    assert codes(book.escalate(cold, reason="Stuck.")) == ["twice"]
    assert codes(book.pause(cold, reason="Another")) == ["paused"]
    assert entries(ledger) == before
    book.resolve(cold, **REFUSED)
    before = entries(ledger)
    assert codes(book.resolve(cold, **UPHELD)) == ["resolved"]
    assert codes(book.respond(cold, summary="x")) == ["resolved"]
    assert entries(ledger) == before


@pytest.mark.parametrize(("call", "error", "says"), broken)
def test_broken_call_is_an_error_that_says_so_and_nothing_is_written(
    ledger: Ledger,
    cold: ComplaintRecord,
    call: Callable[[Ledger, ComplaintRecord], object],
    error: type[CustledgerError],
    says: str,
) -> None:
    before = entries(ledger)
    with pytest.raises(error, match=says):
        call(ledger, cold)
    assert entries(ledger) == before


@pytest.mark.parametrize(("facts", "error", "says"), unopened)
def test_broken_opening_is_an_error_that_says_so_and_nothing_is_written(
    ledger: Ledger, ann: Customer, facts: dict[str, Any], error: type[CustledgerError], says: str
) -> None:
    before = entries(ledger)
    short = says in ("channel", "Say what it is about")
    whole = facts if short else {"channel": "phone", "customer_words": "x"} | facts
    with pytest.raises(error, match=says):
        ledger.complaints.open(ann, **whole)
    assert entries(ledger) == before


def test_contact_of_another_customer_or_that_is_gone_is_refused(
    ledger: Ledger, ann: Customer
) -> None:
    ben = ledger.customers.add("Ben")
    call = ledger.interactions.record(ben, channel="phone")
    with pytest.raises(BadInputError, match="another customer's"):
        ledger.complaints.open(ann, interaction=call)
    ledger.interactions.void(call, reason="twice")
    with pytest.raises(NotFoundError, match="no current interaction"):
        ledger.complaints.open(ben, interaction=call)


def test_complaints_of_a_customer_and_all_that_are_open(ledger: Ledger, ann: Customer) -> None:
    ben = ledger.customers.add("Ben")
    one, two, three = (
        ledger.complaints.open(who, channel="phone", customer_words="x") for who in (ann, ben, ann)
    )
    ledger.complaints.resolve(one, **REFUSED)
    assert [c.id for c in ledger.complaints.of(ann)] == [one.id, three.id]
    assert [c.id for c in ledger.complaints.all()] == [one.id, two.id, three.id]
    assert [c.id for c in ledger.complaints.all(open_only=True)] == [two.id, three.id]


def test_event_is_taken_back_unless_another_rests_on_it(
    ledger: Ledger, cold: ComplaintRecord
) -> None:
    book = ledger.complaints
    ended = book.resolve(cold, **UPHELD)
    told = book.satisfaction(cold, satisfied=False)
    assert ended.entry is not None
    assert told.entry is not None
    before = entries(ledger)
    assert codes(book.void(ended.entry, reason="wrong customer")) == ["needed"]
    assert entries(ledger) == before
    assert book.void(told.complaint.entries[-1], reason="wrong customer").done
    gone = book.void(ended.entry, reason="wrong customer")
    assert gone.complaint.phase is Phase.OPEN
    assert [(f.before, f.after) for f in gone.faults] == [(Fault.OURS, Fault.UNKNOWN)]
    assert fault_of(ledger, cold) is Fault.UNKNOWN


def test_whole_complaint_is_taken_back_with_its_opening_and_the_contact_stays(
    ledger: Ledger, ann: Customer, cold: ComplaintRecord
) -> None:
    ledger.complaints.acknowledge(cold)
    ledger.complaints.resolve(cold, **UPHELD)
    gone = ledger.complaints.void(cold, reason="another firm's")
    assert gone.done
    assert ledger.complaints.of(ann) == []
    assert ledger.complaints.overdue() == []
    with pytest.raises(NotFoundError, match="voided"):
        ledger.complaints.get(cold)
    [contact] = ledger.interactions.of(ann)
    assert contact.fault is Fault.UNKNOWN
    voids = [e.supersedes for e in ledger.history(ann) if e.kind is EntryKind.VOID]
    assert voids == [3, 4, 6]


def test_erased_complaint_is_gone_with_all_its_events(
    ledger: Ledger, ann: Customer, cold: ComplaintRecord
) -> None:
    book = ledger.complaints
    book.acknowledge(cold, note="about her illness")
    book.respond(cold, summary="We are sorry.")
    assert ledger.privacy.erase(cold.id, ground="unlawful").entries == 3
    assert book.of(ann) == []
    assert book.all() == []
    assert book.overdue(at(10, 20)) == []
    ledger.privacy.erase_person(ann, ground="objection")
    assert book.all() == []


def test_recovered_customers_are_found_by_what_they_bought_since(
    ledger: Ledger, clock: Clock, ann: Customer, cold: ComplaintRecord
) -> None:
    book = ledger.complaints
    ledger.money.record_sale(ann, amount=Money.of("20", "EUR"))
    clock.advance(timedelta(hours=1))
    book.resolve(cold, **UPHELD)
    assert book.recoveries() == []
    clock.advance(timedelta(days=10))
    sale = ledger.money.record_sale(ann, amount=Money.of("30", "EUR"))
    ledger.money.record_invoice(ann, amount=Money.of("30", "EUR"), due_on=clock().date())
    [found] = book.recoveries()
    assert (found.complaint, found.purchases, found.first) == (cold.id, 2, sale.id)
    assert (found.first_at, found.shown_by) == (sale.occurred_at, "")
    assert book.recoveries(as_of=at(9, 14)) == []
    book.recovered(cold, shown_by="came to the party")
    assert book.recoveries()[0].shown_by == "came to the party"
    book.reopen(cold, reason="Cold again.")
    assert book.recoveries() == []


def test_recovery_without_a_purchase_is_what_somebody_recorded(
    ledger: Ledger, cold: ComplaintRecord
) -> None:
    ledger.complaints.resolve(cold, **UPHELD)
    ledger.complaints.recovered(cold, shown_by="came to the party")
    [found] = ledger.complaints.recoveries()
    assert (found.purchases, found.first, found.shown_by) == (0, None, "came to the party")


def test_recovered_merged_customer_bought_under_another_name(
    ledger: Ledger, clock: Clock, ann: Customer, cold: ComplaintRecord
) -> None:
    other = ledger.customers.add("A. Miller")
    again = ledger.complaints.open(other, channel="phone", customer_words="Cold again.")
    ledger.complaints.resolve(cold, **UPHELD)
    clock.advance(timedelta(hours=1))
    first = ledger.money.record_sale(other, amount=Money.of("20", "EUR"))
    ledger.complaints.resolve(again, **UPHELD)
    clock.advance(timedelta(hours=1))
    second = ledger.money.record_sale(ann, amount=Money.of("30", "EUR"))
    assert ledger.matches.merge(other, into=ann, reason="the same phone").done
    found = ledger.complaints.recoveries()
    assert [(r.complaint, r.purchases, r.first) for r in found] == [
        (again.id, 1, second.id),
        (cold.id, 2, first.id),
    ]
