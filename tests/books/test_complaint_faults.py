"""Whose fault a contact was, as the end of a complaint says; on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from custledger import Ledger, Money
from custledger.core.complaints.records import ComplaintRecord
from custledger.core.records import Customer, Fault
from custledger.pytest_plugin import Clock
from tests.books.complaining import REFUSED, UPHELD, fault_of


def test_upheld_complaint_sets_the_fault_to_ours_and_the_score_changes_at_once(
    ledger: Ledger, clock: Clock, ann: Customer
) -> None:
    ledger.score_policies.set(margin=0.4)
    ledger.money.record_sale(ann, amount=Money.of("20", "EUR"))
    complaint = ledger.complaints.open(
        ann, channel="phone", customer_words="Cold!", handling_time=timedelta(hours=3), staff="Sam"
    )
    before = ledger.score(ann)
    ended = ledger.complaints.resolve(complaint, **UPHELD)
    assert ended.done
    [fault] = ended.faults
    assert (fault.interaction, fault.before, fault.after) == (
        complaint.interaction,
        Fault.UNKNOWN,
        Fault.OURS,
    )
    assert fault.reason == "complaint #4 was upheld"
    assert ended.remarks[0] == (
        "Whose fault contact #3 was: ours now, not known before, because complaint #4 was upheld. "
        "Entry #5 corrects it, and the score counts it so at once."
    )
    [contact] = ledger.interactions.of(ann)
    assert (contact.fault, contact.entry) == (Fault.OURS, fault.entry)
    assert contact.handling_time == timedelta(hours=3)
    assert ledger.score(ann).score < before.score
    history = {entry.ref: entry for entry in ledger.history(ann)}
    assert history[fault.entry].facts["reason"] == "complaint #4 was upheld"
    assert (
        history[fault.entry].recorded_at == history[ended.entry or ended.complaint.id].recorded_at
    )


def test_partly_upheld_is_a_shared_fault(ledger: Ledger, cold: ComplaintRecord) -> None:
    ledger.complaints.resolve(cold, **{**UPHELD, "outcome": "partly_upheld"})
    assert fault_of(ledger, cold) is Fault.SHARED


@pytest.mark.parametrize("outcome", ["not_upheld", "withdrawn"])
def test_other_ends_say_nothing_of_the_fault(
    ledger: Ledger, cold: ComplaintRecord, outcome: str
) -> None:
    ended = ledger.complaints.resolve(cold, **{**REFUSED, "outcome": outcome})
    assert ended.faults == ()
    assert fault_of(ledger, cold) is Fault.UNKNOWN


def test_reopening_leaves_the_fault_and_another_end_corrects_it_again(
    ledger: Ledger, ann: Customer
) -> None:
    book = ledger.complaints
    call = ledger.interactions.record(ann, channel="phone", fault="third_party")
    complaint = book.open(ann, interaction=call)
    outcomes = ["upheld", "partly_upheld", "withdrawn", "not_upheld", "upheld", "not_upheld"]
    faults = []
    for outcome in outcomes:
        assert book.resolve(complaint, **{**UPHELD, "outcome": outcome}).done
        faults.append(fault_of(ledger, complaint).value)
        assert book.reopen(complaint, reason="Not content.").done
        assert fault_of(ledger, complaint).value == faults[-1]
    assert faults == ["ours", "shared", "shared", "third_party", "ours", "third_party"]


def test_what_somebody_else_corrected_meanwhile_stays(
    ledger: Ledger, cold: ComplaintRecord
) -> None:
    book = ledger.complaints
    book.resolve(cold, **UPHELD)
    assert cold.interaction is not None
    ledger.interactions.correct(cold.interaction, fault="customer", reason="saw the film")
    book.reopen(cold, reason="There is a film.")
    ended = book.resolve(cold, **REFUSED)
    assert ended.faults == ()
    assert "was corrected since, and stays as it is" in ended.remarks[0]
    assert fault_of(ledger, cold) is Fault.CUSTOMER


def test_contact_that_is_our_fault_already_is_not_corrected_again(
    ledger: Ledger, ann: Customer
) -> None:
    call = ledger.interactions.record(ann, channel="phone", fault="ours")
    complaint = ledger.complaints.open(ann, interaction=call)
    ended = ledger.complaints.resolve(complaint, **UPHELD)
    assert ended.faults == ()
    assert ended.remarks[0] == (
        "Whose fault contact #2 was: ours already, so nothing changes, though complaint #3 was "
        "upheld."
    )
    assert len(ledger.history(ann)) == 4


@pytest.mark.parametrize("how", ["voided", "erased"])
def test_contact_that_is_gone_is_said_and_does_not_stand_in_the_way(
    ledger: Ledger, ann: Customer, cold: ComplaintRecord, how: str
) -> None:
    assert cold.interaction is not None
    if how == "voided":
        ledger.interactions.void(cold.interaction, reason="twice")
    else:
        ledger.privacy.erase(cold.interaction, ground="unlawful")
    ended = ledger.complaints.resolve(cold, **UPHELD)
    assert ended.done
    assert ended.faults == ()
    assert ended.remarks[0] == (
        "Contact #2, by which the complaint came, was voided or erased since: there is no fault to "
        "correct."
    )


@pytest.fixture
def two(ledger: Ledger, ann: Customer) -> tuple[ComplaintRecord, ComplaintRecord]:
    """Two complaints that came by one contact."""
    call = ledger.interactions.record(ann, channel="phone", fault="third_party")
    return tuple(ledger.complaints.open(ann, interaction=call) for _ in range(2))  # type: ignore[return-value]


def test_contact_stays_our_fault_while_one_of_its_complaints_is_upheld(
    ledger: Ledger, two: tuple[ComplaintRecord, ComplaintRecord]
) -> None:
    book, (one, other) = ledger.complaints, two
    book.resolve(one, **UPHELD)
    assert book.resolve(other, **{**UPHELD, "outcome": "partly_upheld"}).faults == ()
    book.reopen(other, reason="Both were ours.")
    book.resolve(other, **UPHELD)
    book.reopen(one, reason="There is a film.")
    assert book.resolve(one, **REFUSED).faults == ()
    assert fault_of(ledger, one) is Fault.OURS
    book.reopen(other, reason="There is a film.")
    book.resolve(other, **REFUSED)
    assert fault_of(ledger, one) is Fault.THIRD_PARTY


def test_complaint_that_is_taken_back_leaves_what_another_says_of_the_contact(
    ledger: Ledger, two: tuple[ComplaintRecord, ComplaintRecord]
) -> None:
    book, (one, other) = ledger.complaints, two
    book.resolve(one, **UPHELD)
    book.resolve(other, **{**UPHELD, "outcome": "partly_upheld"})
    assert [(f.before, f.after) for f in book.void(one, reason="twice").faults] == [
        (Fault.OURS, Fault.SHARED)
    ]
    book.void(other, reason="twice")
    assert fault_of(ledger, one) is Fault.THIRD_PARTY
