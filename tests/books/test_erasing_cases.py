"""A case is erased as a whole: no step of it alone, so that the rest never says something else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from custledger import EntryRef, Ledger
from custledger.core.records import Customer, EntryKind
from custledger.core.worth.praise import Praise
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from tests.books.deciding import banned


@pytest.fixture
def praise(ledger: Ledger, ann: Customer) -> Praise:
    found = ledger.praise.record(ann, words="The best bread.", channel="phone").praise
    assert found is not None
    return found


def newest(ledger: Ledger, customer: Customer) -> EntryRef:
    return ledger.history(customer)[-1].ref


def refused(ledger: Ledger, entry: EntryRef) -> str:
    """The reason why an entry is not erased; nothing was written."""
    before = len(ledger.history(entry.subject))
    outcome = ledger.privacy.erase(entry, ground="unlawful")
    assert (outcome.done, outcome.entry) == (False, None)
    assert len(ledger.history(entry.subject)) == before
    [reason] = outcome.reasons
    return reason


def test_withdrawal_cannot_be_erased_alone_which_would_revive_the_consent(
    ledger: Ledger, ann: Customer, praise: Praise
) -> None:
    ledger.praise.may_quote(praise, how="on the phone", shown_name="full")
    ledger.praise.withdraw(praise, note="she moved")
    assert refused(ledger, newest(ledger, ann)) == (
        f"#4 belongs to the praise #{praise.id.seq}: without it, what is left would say something "
        "else. Erase #2, and all that came of it goes with it."
    )
    assert ledger.praise.quotable() == []
    assert ledger.privacy.erase(praise.id, ground="unlawful").entries == 3
    assert ledger.praise.all() == []
    assert ledger.verify().ok


def test_case_goes_with_its_steps_that_were_taken_back_and_no_other_case_does(
    ledger: Ledger, ann: Customer
) -> None:
    one = ledger.complaints.open(ann, channel="letter", customer_words="cold soup")
    two = ledger.complaints.open(ann, channel="letter", customer_words="cold tea")
    told = ledger.complaints.acknowledge(one, note="about her illness")
    ledger.complaints.respond(two, summary="We are sorry.")
    assert told.entry is not None
    ledger.complaints.void(told.entry, reason="another customer's")
    assert ledger.privacy.erase(one.id, ground="unlawful").done
    left = [e for e in ledger.history(ann) if e.facts and e.kind is EntryKind.COMPLAINT]
    assert "illness" not in str(ledger.history(ann))
    assert [e.ref.seq for e in left] == [e.ref.seq for e in ledger.complaints.get(two).entries]
    assert ledger.verify().ok


def test_what_was_taken_back_goes_alone(ledger: Ledger, ann: Customer, praise: Praise) -> None:
    ledger.praise.void(praise, reason="another bakery")
    assert ledger.privacy.erase(praise.id, ground="unlawful").entries == 2


def test_cleared_flag_is_not_raised_again_by_an_erasure(ledger: Ledger, ann: Customer) -> None:
    figures = dict.fromkeys(("score", "score_low", "score_high"), "60.000000")
    body = {"event": "raised", "mark": "cost", "as_of_day": 20_000, "policy_version": 1, **figures}
    with ledger.context.write() as journal:
        append_event(journal, journal.key_of(ann.id), EntryKind.FLAG, body)
    ledger.flags.update()
    assert "flag #2" in refused(ledger, newest(ledger, ann))
    assert ledger.flags.standing() == []


def test_merge_that_stands_is_unmerged_before_it_is_erased(ledger: Ledger, ann: Customer) -> None:
    other = ledger.customers.add("A. Miller")
    merged = ledger.matches.merge(other, into=ann, reason="she told us").entry
    assert merged is not None
    assert "unmerge the customer first" in refused(ledger, merged)
    ledger.matches.unmerge(other, reason="another person")
    assert ledger.privacy.erase(merged, ground="unlawful").entries == 2


def test_decisions_go_the_last_first_so_that_none_holds_again_or_loses_its_ground(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    banned(ledger, ann, clock)
    before, after = (state.made.ref for state in ledger.decisions.of(ann).decisions)
    clock.advance(timedelta(days=20))
    assert ledger.decisions.reinstate(ann, reasons="He paid, and was sorry.").done
    lifted = newest(ledger, ann)
    assert f"Without #{before.seq}, the do-not-serve #{after.seq}" in refused(ledger, before)
    texts = ledger.privacy.erase(lifted, ground="unlawful").reasons
    assert [f"#{after.seq} would stand" in text for text in texts] == [False, True]
    assert ledger.decisions.of(ann).in_force == ()
    for ref in (after, before, lifted):
        assert ledger.privacy.erase(ref, ground="unlawful").done
    assert ledger.decisions.of(ann).decisions == ()
    assert ledger.verify().ok
