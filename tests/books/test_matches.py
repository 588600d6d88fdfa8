"""One person, several names: found, merged by a named person, taken back, and scored as one."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custledger import Ledger, Money, open_ledger
from custledger.core.matching import Strength
from custledger.core.merging import MergeOutcome
from custledger.core.records import Customer, EntryKind
from custledger.errors import BadInputError, LedgerBusyError, NotFoundError
from custledger.pytest_plugin import Clock

WHY = {"reason": "she told us so"}


@pytest.fixture
def annie(ledger: Ledger) -> Customer:
    return ledger.customers.add(
        "A. Miller", email="ann@example.org", source="shop", external_id="77"
    )


@pytest.fixture
def ben(ledger: Ledger) -> Customer:
    return ledger.customers.add("Ben Miller", phone="01 23 45 67 89")


def sizes(ledger: Ledger) -> int:
    return sum(len(ledger.history(customer.id)) for customer in ledger.customers.all())


def test_candidates_are_those_of_one_mailbox_and_name_and_a_household_is_none(
    ledger: Ledger, ann: Customer, annie: Customer, ben: Customer
) -> None:
    found = ledger.matches.candidates()
    [match] = found.matches
    assert (match.first, match.second, match.strength) == (ann.id, annie.id, Strength.FAIR)
    [shared] = found.shared
    assert shared.customers == (ann.id, ben.id)
    assert shared.normalised == "+33123456789"
    assert ledger.matches.candidates(annie).matches == found.matches
    assert ledger.matches.candidates(annie).shared == ()
    assert ledger.matches.candidates(ben).shared == found.shared


def test_who_was_merged_is_no_candidate_again_and_what_they_share_is_of_one(
    ledger: Ledger, ann: Customer, annie: Customer
) -> None:
    ledger.matches.merge(annie, into=ann, **WHY)
    assert ledger.matches.candidates().matches == ()
    third = ledger.customers.add("Ann Miller", source="till", external_id="5", email="x@a.org")
    ledger.customers.correct(annie, email="x@a.org", reason="new")
    [match] = ledger.matches.candidates(third).matches
    assert (match.first, match.strength) == (ann.id, Strength.STRONG)


def test_merge_is_an_entry_in_the_duplicates_chain_and_moves_nothing(
    ledger: Ledger, ann: Customer, annie: Customer
) -> None:
    ledger.interactions.record(annie, channel="phone", summary="hello")
    done = ledger.matches.merge(annie, into=ann, **WHY)
    assert done == MergeOutcome(True, (ann.id, annie.id), (), done.entry)
    entry = ledger.history(annie)[-1]
    assert (entry.kind, entry.ref) == (EntryKind.MERGE, done.entry)
    assert entry.facts == {"event": "merged", "other": str(ann.id), "reason": "she told us so"}
    assert len(ledger.history(ann)) == 1
    assert [i.summary for i in ledger.interactions.of(annie)] == ["hello"]
    assert ledger.matches.group(annie) == ledger.matches.group(ann) == [ann.id, annie.id]
    [merge] = ledger.matches.merged()
    assert (merge.customer_id, merge.into, merge.head) == (annie.id, ann.id, ann.id)
    assert (merge.reason, merge.merged_by) == ("she told us so", ledger.actor.id)


def test_old_name_finds_the_duplicate_which_says_who_stands_for_it(
    ledger: Ledger, ann: Customer, annie: Customer
) -> None:
    ledger.matches.merge(annie, into=ann, **WHY)
    assert ledger.customers.get("A. Miller") == replace(annie, merged_into=ann.id)
    assert ledger.customers.get("77").merged_into == ann.id
    assert ledger.customers.get("ann@example.org") == ann  # a mailbox of both, and so of one
    assert [c.merged_into for c in ledger.customers.find("ann@example.org")] == [None, ann.id]
    ledger.matches.unmerge(annie, **WHY)
    assert ledger.customers.get("A. Miller") == annie


def test_whoever_is_merged_into_a_merged_one_goes_to_who_stands_for_all(
    ledger: Ledger, ann: Customer, annie: Customer, ben: Customer
) -> None:
    ledger.matches.merge(annie, into=ann, **WHY)
    assert ledger.matches.merge(ben, into=annie, **WHY).group == (ann.id, annie.id, ben.id)
    assert ledger.customers.get(ben.id).merged_into == ann.id
    assert ledger.matches.merged(ben)[1].into == annie.id
    assert set(ledger.matches.unmerge(annie, **WHY).group) == {annie.id, ben.id}
    assert ledger.matches.group(ben) == [annie.id, ben.id]
    assert ledger.matches.group(ann) == [ann.id]


def test_group_that_is_merged_comes_along_and_goes_again(
    ledger: Ledger, clock: Clock, ann: Customer, annie: Customer, ben: Customer
) -> None:
    ledger.matches.merge(ben, into=annie, reason="the first")
    first = ledger.matches.merged()
    clock.advance(timedelta(days=1))
    assert set(ledger.matches.merge(annie, into=ann, **WHY).group) == {ann.id, annie.id, ben.id}
    of_ben = next(m for m in ledger.matches.merged() if m.customer_id == ben.id)
    assert (of_ben.into, of_ben.head) == (annie.id, ann.id)
    ledger.matches.unmerge(annie, **WHY)
    assert ledger.matches.merged() == first
    assert ledger.matches.group(ann) == [ann.id]


def test_what_cannot_be_merged_is_refused_in_words_and_nothing_is_written(
    ledger: Ledger, ann: Customer, annie: Customer, ben: Customer
) -> None:
    ledger.matches.merge(annie, into=ann, **WHY)
    before = sizes(ledger)
    cases = [
        (ledger.matches.merge(ann, into=ann, **WHY), "itself"),
        (ledger.matches.merge(annie, into=ann, **WHY), "already"),
        (ledger.matches.merge(ann, into=annie, **WHY), "circle"),
        (ledger.matches.merge(annie, into=ben, **WHY), "merged"),
        (ledger.matches.unmerge(ann, **WHY), "not_merged"),
        (ledger.matches.unmerge(ben, **WHY), "not_merged"),
    ]
    for outcome, code in cases:
        assert (outcome.done, [r.code for r in outcome.refusals]) == (False, [code])
        assert outcome.refusals[0].text.endswith(".")
    with pytest.raises(NotFoundError):
        ledger.matches.merge(uuid4(), into=ann, **WHY)
    with pytest.raises(BadInputError):
        ledger.matches.merge(ben, into=ann, reason=" ")
    gone = ledger.customers.add("Gone")
    ledger.customers.void(gone, reason="typing error")
    with pytest.raises(NotFoundError):
        ledger.matches.merge(ben, into=gone.id, **WHY)
    assert sizes(ledger) == before


def test_program_may_look_but_not_merge(location: str, ledger: Ledger, ann: Customer) -> None:
    ledger.staff.add("nightly", role="program")
    other = ledger.customers.add("Ann Miller", email="ann@example.org")
    with open_ledger(location, actor="nightly") as program:
        assert len(program.matches.candidates().matches) == 1
        assert program.matches.merge(other, into=ann, **WHY).refusals[0].code == "person"
        ledger.matches.merge(other, into=ann, **WHY)
        assert program.matches.unmerge(other, **WHY).refusals[0].code == "person"


def test_customer_who_is_one_with_another_cannot_be_voided(
    ledger: Ledger, ann: Customer, annie: Customer
) -> None:
    ledger.matches.merge(annie, into=ann, **WHY)
    for who in (ann, annie):
        with pytest.raises(BadInputError, match="match unmerge"):
            ledger.customers.void(who, reason="typing error")
    ledger.matches.unmerge(annie, **WHY)
    ledger.customers.void(annie, reason="typing error")


def test_imported_entries_stand_in_the_duplicates_chain_and_count_for_the_person(
    ledger: Ledger, ann: Customer, annie: Customer
) -> None:
    ledger.matches.merge(annie, into=ann, **WHY)
    sale = ledger.money.record_sale(
        ledger.customers.get("77"), amount=Money.of("12", "EUR"), source="shop", external_id="o1"
    )
    assert sale.customer_id == annie.id
    [row] = ledger.scores()
    assert (row.customer_id, row.revenue_minor) == (str(ann.id), 1_200)
    [ranked] = ledger.ranking()
    assert (ranked.customer_id, ranked.revenue_minor) == (str(ann.id), 1_200)
    assert ledger.score(annie) == ledger.score(ann)
    assert ledger.score(annie).customer_id == ann.id


def test_tenure_is_since_the_first_of_them_joined(ledger: Ledger) -> None:
    old = ledger.customers.add("Old", joined_on=date(2024, 1, 1), status="former")
    new = ledger.customers.add("New", joined_on=date(2026, 1, 1), status="prospect")
    ledger.matches.merge(old, into=new, **WHY)
    [row] = ledger.scores()
    assert (row.name, row.tenure_days) == ("New", (date(2026, 1, 5) - date(2024, 1, 1)).days)
    assert ledger.score(old).standing.tenure == row.tenure_days


def test_erasing_a_person_with_several_names_names_them_and_takes_all_when_told_to(
    ledger: Ledger, ann: Customer, annie: Customer
) -> None:
    ledger.interactions.record(annie, channel="phone", summary="a secret")
    ledger.matches.merge(annie, into=ann, **WHY)
    for who, other in ((ann, annie), (annie, ann)):
        outcome = ledger.privacy.erase_person(who, ground="objection")
        assert not outcome.done
        assert str(other.id) in outcome.reasons[0]
    hold = ledger.privacy.hold(annie, reason="a court asks")
    outcome = ledger.privacy.erase_person(ann, ground="objection", merged_too=True)
    assert (outcome.done, "legal hold" in outcome.reasons[0]) == (False, True)
    assert len(ledger.customers.all()) == 2
    ledger.privacy.release(hold, reason="over")
    outcome = ledger.privacy.erase_person(ann, ground="objection", merged_too=True)
    assert (outcome.done, outcome.entries) == (True, 6)
    assert ledger.customers.all() == []
    assert ledger.scores() == []


def test_two_who_merge_each_other_at_once_leave_no_circle(location: str, ledger: Ledger) -> None:
    for n in range(4):
        one, two = (ledger.customers.add(f"{side} {n}") for side in ("left", "right"))
        outcomes: list[object] = []

        def merge(child: UUID, parent: UUID, found: list[object] = outcomes) -> None:
            with open_ledger(location, actor="Olga") as own:
                try:
                    found.append(own.matches.merge(child, into=parent, **WHY).done)
                except LedgerBusyError:
                    found.append(False)

        threads = [
            threading.Thread(target=merge, args=pair)
            for pair in ((one.id, two.id), (two.id, one.id))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(bool, outcomes)) == [False, True]
        assert len(ledger.matches.merged(one)) == 1


@given(data=st.data())
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_one_step_leads_to_who_stands_for_all_and_unmerging_restores_exactly(
    ledger: Ledger, data: st.DataObject
) -> None:
    people = [ledger.customers.add(f"Person {n}").id for n in range(5)]
    states = [state(ledger, people)]
    merged: list[UUID] = []
    for _ in range(data.draw(st.integers(1, 6))):
        child, parent = (data.draw(st.sampled_from(people)) for _ in "ab")
        if ledger.matches.merge(child, into=parent, **WHY).done:
            states.append(state(ledger, people))
            merged.append(child)
        assert_one_step(ledger)
    while merged:
        assert state(ledger, people) == states.pop()
        assert ledger.matches.unmerge(merged.pop(), **WHY).done
        assert_one_step(ledger)
    assert state(ledger, people) == states.pop()


def state(ledger: Ledger, people: list[UUID]) -> list[object]:
    groups = [(ledger.matches.group(p)[0], frozenset(ledger.matches.group(p))) for p in people]
    scored = {row.customer_id for row in ledger.scores()} & {str(p) for p in people}
    return [groups, scored]


def assert_one_step(ledger: Ledger) -> None:
    merges = ledger.matches.merged()
    assert not {m.head for m in merges} & {m.customer_id for m in merges}
