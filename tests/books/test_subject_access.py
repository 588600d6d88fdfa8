"""Requests for access and disputed entries, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from custledger import EntryRef, Ledger, open_ledger
from custledger.core.due import DueKind
from custledger.core.privacy.subject_access import AccessRequest, AccessState, Contest, ContestState
from custledger.core.records import Customer, EntryKind, Interaction
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from custledger.storage.lookup import customer_key

DIGEST = "ab" * 32


@pytest.fixture
def request_(ledger: Ledger, ann: Customer) -> AccessRequest:
    return ledger.access.request(ann, how="mail", note="by a lawyer")


@pytest.fixture
def call(ledger: Ledger, ann: Customer) -> Interaction:
    return ledger.interactions.record(
        ann, channel="phone", conduct="verbal_abuse", fault="customer", summary="shouted"
    )


@pytest.fixture
def contest(ledger: Ledger, call: Interaction) -> Contest:
    step = ledger.contests.add(call, words="I did not shout")
    assert step.contest is not None
    return step.contest


def entries(ledger: Ledger) -> int:
    return sum(len(ledger.history(c.id)) for c in ledger.customers.all())


def test_request_is_due_a_month_after_it_arrived_in_the_zone_of_the_ledger(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    late = datetime(2026, 1, 30, 23, 30, tzinfo=UTC)  # in Paris it is the 31st
    clock.set(late + timedelta(days=2))
    found = ledger.access.request(ann, how="at the counter", received_at=late)
    assert (found.received_on, found.due_on) == (date(2026, 1, 31), date(2026, 2, 28))
    assert ledger.access.get(found) == found
    assert ledger.access.of(ann) == [found]


def test_answer_closes_a_request_and_keeps_what_was_handed_out(
    ledger: Ledger, request_: AccessRequest, clock: Clock
) -> None:
    assert ledger.access.open() == [request_]
    clock.advance(timedelta(days=3))
    step = ledger.access.answer(request_, how="mail", digest=DIGEST)
    assert step.done
    assert step.request is not None
    assert (step.request.state, step.request.digest) == (AccessState.ANSWERED, DIGEST)
    assert step.request.closed_on == date(2026, 1, 8)
    assert ledger.access.open() == []
    assert ledger.access.open(date(2026, 1, 6)) == [step.request]
    assert ledger.access.all() == [step.request]


def test_extension_gives_two_months_more_and_is_refused_late_and_twice(
    ledger: Ledger, ann: Customer, request_: AccessRequest, clock: Clock
) -> None:
    step = ledger.access.extend(request_, reason="ten years of mail")
    assert step.request is not None
    assert step.request.due_on == date(2026, 4, 5)
    number = entries(ledger)
    again = ledger.access.extend(request_, reason="more")
    assert (again.done, again.refusals[0].code) == (False, "twice")
    other = ledger.access.request(ann, how="mail")
    clock.advance(timedelta(days=40))
    late = ledger.access.extend(other, reason="forgotten")
    assert (late.done, late.refusals[0].code) == (False, "late")
    assert entries(ledger) == number + 1
    assert ledger.access.overdue() == [other]


def test_second_answer_and_an_answer_after_a_refusal_are_refused_and_write_nothing(
    ledger: Ledger, ann: Customer, request_: AccessRequest
) -> None:
    ledger.access.answer(request_, how="mail")
    refused = ledger.access.request(ann, how="mail")
    ledger.access.refuse(refused, reason="the fifth time this week")
    number = entries(ledger)
    for closed in (request_, refused):
        step = ledger.access.answer(closed, how="mail")
        assert (step.done, step.refusals[0].code) == (False, "closed")
    assert ledger.access.get(refused).refusal == "the fifth time this week"
    assert entries(ledger) == number


@pytest.mark.parametrize(
    "call_",
    [
        lambda ledger, ann: ledger.access.request(ann, how=" "),
        lambda ledger, ann: ledger.access.request(
            ann, how="mail", received_at=datetime(2030, 1, 1, tzinfo=UTC)
        ),
        lambda ledger, ann: ledger.access.request(ann, how="mail", received_at="yesterday"),
        lambda ledger, ann: ledger.access.answer("Ann#2", how="mail"),
        lambda ledger, ann: ledger.access.answer(EntryRef(ann.id, 1), how="mail", digest="abc"),
        lambda ledger, ann: ledger.contests.add("Ann#2", words="wrong"),
        lambda ledger, ann: ledger.contests.add(EntryRef(ann.id, 1), words=""),
    ],
)
def test_bad_input_writes_nothing(ledger: Ledger, ann: Customer, call_: object) -> None:
    number = entries(ledger)
    with pytest.raises(BadInputError):
        call_(ledger, ann)  # type: ignore[operator]
    assert entries(ledger) == number


def test_unknown_requests_contests_and_entries_are_not_found(
    ledger: Ledger, ann: Customer, request_: AccessRequest, contest: Contest
) -> None:
    for wrong in (EntryRef(ann.id, 1), EntryRef(ann.id, 99), contest.id):
        with pytest.raises(NotFoundError):
            ledger.access.answer(wrong, how="mail")
    with pytest.raises(NotFoundError):
        ledger.contests.refuse(request_.id, reasons="no")
    with pytest.raises(NotFoundError):
        ledger.contests.add(EntryRef(ann.id, 99), words="wrong")


def test_overdue_request_and_contest_pass_their_lines_once(
    ledger: Ledger, request_: AccessRequest, contest: Contest, clock: Clock
) -> None:
    start = clock()
    clock.advance(timedelta(days=60))
    [item] = ledger.access.passed(since=start, as_of=clock())
    assert (item.kind, item.ref) == (DueKind.ACCESS_OVERDUE, request_.id)
    assert item.passed_at == datetime(2026, 2, 5, 23, tzinfo=UTC)
    [item] = ledger.contests.passed(since=start, as_of=clock())
    assert (item.kind, item.ref) == (DueKind.CONTEST_OVERDUE, contest.id)
    assert ledger.access.passed(since=item.passed_at, as_of=clock()) == []
    assert ledger.contests.overdue() == [contest]


def test_what_was_answered_in_time_passes_no_line(
    ledger: Ledger, request_: AccessRequest, contest: Contest, clock: Clock
) -> None:
    ledger.access.answer(request_, how="mail")
    ledger.contests.refuse(contest, reasons="two witnesses")
    start = clock()
    clock.advance(timedelta(days=60))
    assert ledger.access.passed(since=start, as_of=clock()) == []
    assert ledger.contests.passed(since=start, as_of=clock()) == []


def test_merged_customers_share_their_requests_and_contests(
    ledger: Ledger, ann: Customer, request_: AccessRequest, contest: Contest
) -> None:
    anna = ledger.customers.add("Anna Miller")
    context = ledger.context
    with context.write() as journal:
        key = customer_key(journal.connection, context, ann)
        body = {"event": "merged", "other": str(anna.id)}
        append_event(journal, key, EntryKind.MERGE, body)
    assert ledger.access.of(anna) == [request_]
    assert ledger.contests.of(anna) == [contest]


def test_contest_is_rectified_by_the_correction_that_came_after_it(
    ledger: Ledger, call: Interaction, contest: Contest
) -> None:
    step = ledger.contests.rectify(contest, reasons="the tape")
    assert [r.code for r in step.refusals] == ["not_corrected"]
    corrected = ledger.interactions.correct(call, conduct="none", reason="the tape")
    step = ledger.contests.rectify(contest, reasons="the tape shows it")
    assert step.contest is not None
    assert step.contest.state is ContestState.RECTIFIED
    assert step.contest.correction == corrected.entry
    assert ledger.contests.open() == []


def test_void_and_erasure_put_it_right_too(
    ledger: Ledger, ann: Customer, call: Interaction, contest: Contest
) -> None:
    ledger.interactions.void(call, reason="another customer's")
    step = ledger.contests.rectify(contest, reasons="it was somebody else")
    assert step.contest is not None
    assert step.contest.correction is not None
    assert step.contest.correction.seq == 4
    other = ledger.interactions.record(ann, channel="phone")
    again = ledger.contests.add(other, words="never called").contest
    assert again is not None
    erased = ledger.privacy.erase(other, ground="unlawful")
    step = ledger.contests.rectify(again, reasons="erased")
    assert step.contest is not None
    assert step.contest.correction == erased.entry


def test_correction_can_be_named_and_has_to_come_after_the_contest(
    ledger: Ledger, ann: Customer, contest: Contest
) -> None:
    with pytest.raises(BadInputError, match="no entry of this customer that came after"):
        ledger.contests.rectify(contest, reasons="so", correction=EntryRef(ann.id, 1))
    note = ledger.interactions.record(ann, channel="email", summary="as it really was")
    step = ledger.contests.rectify(contest, reasons="noted", correction=note)
    assert step.contest is not None
    assert step.contest.correction == note.id


def test_entry_is_disputed_once_at_a_time_and_again_after_the_decision(
    ledger: Ledger, call: Interaction, contest: Contest
) -> None:
    step = ledger.contests.add(call, words="once more")
    assert [r.code for r in step.refusals] == ["twice"]
    ledger.contests.refuse(contest, reasons="two witnesses")
    assert ledger.contests.refuse(contest, reasons="again").refusals[0].code == "closed"
    assert ledger.contests.add(call, words="I say it again").done


def test_what_counts_no_longer_cannot_be_disputed(
    ledger: Ledger, ann: Customer, call: Interaction, request_: AccessRequest
) -> None:
    assert ledger.contests.add(request_.id, words="x").refusals[0].code == "kind"
    ledger.interactions.void(call, reason="wrong")
    assert ledger.contests.add(call, words="x").refusals[0].code == "void"
    gone = ledger.interactions.record(ann, channel="phone")
    done = ledger.privacy.erase(gone, ground="unlawful")
    assert ledger.contests.add(gone, words="x").refusals[0].code == "erased"
    assert ledger.contests.add(done.entry, words="x").refusals[0].code == "kind"


def test_program_decides_nothing(
    location: str, ledger: Ledger, contest: Contest, clock: Clock
) -> None:
    ledger.staff.add("Web shop", role="program")
    with open_ledger(location, actor="Web shop", now=clock) as shop:
        step = shop.contests.refuse(contest.id, reasons="computed")
    assert [r.code for r in step.refusals] == ["person"]
    assert ledger.contests.get(contest).state is ContestState.OPEN


def test_erased_person_has_no_requests_and_no_contests(
    ledger: Ledger, ann: Customer, request_: AccessRequest, contest: Contest
) -> None:
    assert ledger.privacy.erase_person(ann, ground="objection").done
    assert ledger.access.all() == []
    assert ledger.contests.of(ann.id) == []


def test_what_was_recorded_by_mistake_is_taken_back_with_all_that_came_of_it(
    ledger: Ledger, request_: AccessRequest, contest: Contest
) -> None:
    ledger.access.extend(request_, reason="much to read")
    ledger.access.void(request_, reason="another customer asked")
    assert ledger.access.all() == []
    ledger.contests.refuse(contest, reasons="two witnesses")
    ledger.contests.void(contest, reason="another customer")
    assert ledger.contests.all() == []
    with pytest.raises(NotFoundError):
        ledger.contests.void(contest, reason="again")


def test_case_that_was_erased_is_none(
    ledger: Ledger, ann: Customer, request_: AccessRequest, contest: Contest
) -> None:
    ledger.access.extend(request_, reason="much to read")
    ledger.contests.refuse(contest, reasons="two witnesses")
    for opening in (request_.id, contest.id):
        assert ledger.privacy.erase(opening, ground="unlawful").entries == 2
    assert ledger.access.of(ann) == []
    assert ledger.contests.of(ann) == []
