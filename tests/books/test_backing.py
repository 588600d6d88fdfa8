"""What is done for staff who bore abuse is recorded apart from what the customer may see."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from custledger import Ledger
from custledger.core.backing import Backed, BackingKind, BackingRules
from custledger.core.records import Customer, EntryKind, EntryRef, Interaction
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import Clock
from tests.books.deciding import merge


@pytest.fixture
def call(ledger: Ledger, ann: Customer) -> Interaction:
    """Sam was insulted on the phone; Olga recorded it."""
    return ledger.interactions.record(ann, channel="phone", conduct="verbal_abuse", staff="Sam")


def refused(ledger: Ledger, answer: Backed, *codes: str) -> None:
    assert [refusal.code for refusal in answer.refusals] == [*codes]
    assert not answer.done
    assert answer.backing is None
    kinds = [
        entry.kind for customer in ledger.customers.all() for entry in ledger.history(customer)
    ]
    assert EntryKind.BACKING not in kinds


def test_backing_is_for_who_handled_the_contact(
    ledger: Ledger, clock: Clock, ann: Customer, call: Interaction
) -> None:
    clock.advance(timedelta(days=1))
    done = ledger.backing.add(call, "talked_to", words="an hour, with tea")
    assert done.done
    backing = done.backing
    assert backing is not None
    assert ledger.backing.of(ann) == [backing]
    assert backing.staff_id == ledger.staff.get("Sam").id
    assert backing.incident == call.id
    assert backing.recorded_by == ledger.actor.id
    assert (backing.kind, backing.words) == (BackingKind.TALKED_TO, "an hour, with tea")
    assert backing.day == date(2026, 1, 6)


def test_who_recorded_the_contact_bore_it_where_nobody_else_is_named(
    ledger: Ledger, ann: Customer
) -> None:
    chat = ledger.interactions.record(ann, channel="chat", conduct="threat")
    done = ledger.backing.add(chat.id, "took_over", staff="Sam", words="Sam heard it too").backing
    assert done is not None
    assert done.staff_id == ledger.staff.get("Sam").id
    done = ledger.backing.add(chat, "relieved").backing
    assert done is not None
    assert done.staff_id == ledger.actor.id


def test_what_was_done_is_in_the_part_for_staff_alone(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    ledger.backing.add(call, "time_off", words="two days, after a talk with the doctor")
    entry = ledger.history(ann)[-1]
    sam = str(ledger.staff.get("Sam").id)
    assert entry.kind is EntryKind.BACKING
    assert entry.facts == {"event": "backed", "of": call.id.seq, "other": sam}
    assert entry.staff_facts == {
        "kind": "time_off",
        "words": "two days, after a talk with the doctor",
    }


def test_contact_without_abuse_needs_no_backing(ledger: Ledger, ann: Customer) -> None:
    demand = ledger.interactions.record(
        ann, channel="phone", conduct="unreasonable_demand", staff="Sam"
    )
    answer = ledger.backing.add(demand, "talked_to")
    refused(ledger, answer, "no_abuse")
    assert answer.refusals[0].text == (
        "No abuse is recorded of the contact #2 (public attack, threat, verbal abuse). If there "
        "was, correct it first."
    )
    heard = ledger.interactions.correct(demand, conduct="threat", reason="heard the tape")
    assert ledger.backing.add(heard, "talked_to").done


def test_backing_is_after_the_contact_and_not_in_the_future(
    ledger: Ledger, clock: Clock, call: Interaction
) -> None:
    early, late = clock() - timedelta(days=1), clock() + timedelta(days=1)
    refused(ledger, ledger.backing.add(call, "relieved", occurred_at=early), "too_early")
    refused(ledger, ledger.backing.add(call, "relieved", occurred_at=late), "future")
    clock.advance(timedelta(days=5))
    then = ledger.backing.add(call, "relieved", occurred_at=late).backing
    assert then is not None
    assert then.day == date(2026, 1, 6)


def test_program_is_not_backed(ledger: Ledger, ann: Customer) -> None:
    ledger.staff.add("Web shop", role="program")
    chat = ledger.interactions.record(ann, channel="chat", conduct="threat", staff="Web shop")
    refused(ledger, ledger.backing.add(chat, "talked_to"), "program")


def test_broken_calls_are_errors(ledger: Ledger, ann: Customer, call: Interaction) -> None:
    with pytest.raises(BadInputError, match="'other' needs words"):
        ledger.backing.add(call, "other")
    with pytest.raises(BadInputError, match="talked_to"):
        ledger.backing.add(call, "cake")
    with pytest.raises(BadInputError, match="by its record or its id"):
        ledger.backing.add("Ann#2", "relieved")  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        ledger.backing.add(EntryRef(ann.id, 1), "relieved")
    with pytest.raises(NotFoundError, match="not registered"):
        ledger.backing.add(call, "relieved", staff="Nobody")


def test_report_tells_who_needs_relief_as_of_a_day(
    ledger: Ledger, clock: Clock, ann: Customer, call: Interaction
) -> None:
    assert [one.needs for one in ledger.backing.report().people] == [()]
    clock.advance(timedelta(days=4))
    [one] = ledger.backing.report().people
    assert one.name == "Sam"
    assert one.needs == ("1 incident without anything done for them, the first 4 days ago",)
    assert one.unbacked == (call.id,)
    ledger.backing.add(call, "talked_to")
    [one] = ledger.backing.report().people
    assert (one.needs, one.unbacked, len(one.done)) == ((), (), 1)
    [before] = ledger.backing.report(ledger.today() - timedelta(1)).people
    assert (before.unbacked, before.done) == ((call.id,), ())
    assert ledger.backing.report(date(2026, 1, 4)).people == ()
    assert ledger.backing.report(since=date(2026, 1, 6)).people == ()
    [strict] = ledger.backing.report(rules=BackingRules(many=1)).people
    assert strict.needs


def test_report_tells_where_one_person_alone_speaks_against_a_customer(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    [row] = ledger.backing.report().customers
    assert (row.customer, row.incidents, row.people, row.alone) == ("Ann Miller", 1, 1, "Sam")
    ledger.interactions.record(ann, channel="visit", conduct="unreasonable_demand", staff="Olga")
    [row] = ledger.backing.report().customers
    assert (row.incidents, row.people, row.alone) == (2, 2, "")


def test_voided_and_corrected_contacts_are_not_counted(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    ledger.backing.add(call, "talked_to")
    ledger.interactions.correct(call, conduct="none", reason="heard the tape")
    assert ledger.backing.report().people == ()
    ledger.interactions.void(call, reason="another customer")
    assert ledger.backing.report().customers == ()
    assert len(ledger.backing.of(ann)) == 1


def test_backing_that_was_recorded_by_mistake_is_voided(
    ledger: Ledger, clock: Clock, ann: Customer, call: Interaction
) -> None:
    done = ledger.backing.add(call, "time_off").backing
    assert done is not None
    ledger.backing.void(done, reason="it was Noor's day off")
    assert ledger.backing.of(ann) == []
    clock.advance(timedelta(days=4))
    assert ledger.backing.report().people[0].unbacked == (call.id,)
    with pytest.raises(NotFoundError):
        ledger.backing.void(done, reason="again")
    with pytest.raises(BadInputError, match="by its record or its id"):
        ledger.backing.void("x", reason="typo")  # type: ignore[arg-type]


def test_erased_customer_leaves_the_report_readable(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    ledger.backing.add(call, "talked_to")
    ledger.privacy.erase_person(ann, ground="objection")
    assert ledger.backing.report().people == ()


def test_two_names_of_one_person_are_one_customer_of_the_report(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    twin = ledger.customers.add("Ann M.")
    other = ledger.interactions.record(twin, channel="chat", conduct="threat", staff="Olga")
    ledger.backing.add(other, "talked_to")
    merge(ledger, twin, ann)
    [row] = ledger.backing.report().customers
    assert (row.customer_id, row.people) == (ann.id, 2)
    assert len(ledger.backing.of(ann)) == 1
