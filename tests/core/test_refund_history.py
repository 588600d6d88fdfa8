"""What the firm's own entries say of requests for money back, and cases read back from entries."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from custledger.core.bodies import StoredEntry
from custledger.core.canonical import canonical_bytes
from custledger.core.clock import from_microseconds
from custledger.core.money import Money
from custledger.core.records import EntryKind, EntryRef, MoneyKind
from custledger.core.refunds.advice import AdvicePolicy, Choice, Estimate, advise_refund
from custledger.core.refunds.assessment import RefundAssessment
from custledger.core.refunds.cases import case_from, cost_in_the_end
from custledger.core.refunds.choices import RequestAdvice, choice_bodies
from custledger.core.refunds.history import (
    WINDOW,
    RefundContact,
    Request,
    refund_history,
    requests_of,
)

DAY = 86_400_000_000
LATER = 400 * DAY
SUBJECT = UUID(int=7)


def contact(day: float, minutes: int | None = None) -> RefundContact:
    return RefundContact(int(day * DAY), None if minutes is None else minutes * 60)


def money(day: float, kind: MoneyKind) -> RefundContact:
    return RefundContact(int(day * DAY), None, kind)


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def test_refund_after_contacts_ends_a_request_without_a_dispute() -> None:
    happened = [contact(1, 10), contact(3, 5), money(3, MoneyKind.REFUND)]
    assert list(requests_of(happened, LATER)) == [Request(DAY, 3 * DAY, False, False, False, 15.0)]


def test_chargeback_after_contacts_is_a_contest_that_was_lost() -> None:
    happened = [money(50, MoneyKind.CHARGEBACK), contact(1, 10)]
    assert list(requests_of(happened, LATER)) == [Request(DAY, DAY, True, True, True, 10.0)]


def test_request_that_nothing_followed_was_contested_and_kept_once_the_time_is_over() -> None:
    assert list(requests_of([contact(1)], 121 * DAY)) == []
    assert list(requests_of([contact(1)], 121 * DAY + 1)) == [
        Request(DAY, DAY, True, False, False, None)
    ]


def test_money_long_after_a_request_or_before_any_belongs_to_none() -> None:
    happened = [money(0, MoneyKind.REFUND), contact(1, 1), money(122, MoneyKind.CHARGEBACK)]
    assert list(requests_of(happened, LATER)) == [Request(DAY, DAY, True, False, False, 1.0)]


def test_contacts_long_apart_are_two_requests() -> None:
    happened = [contact(1, 1), contact(122, 2), money(123, MoneyKind.REFUND)]
    assert [request.contested for request in requests_of(happened, LATER)] == [True, False]


def test_what_comes_after_the_moment_is_not_known() -> None:
    happened = [contact(1, 1), money(2, MoneyKind.REFUND)]
    assert list(requests_of(happened, DAY)) == []


happenings = st.lists(
    st.builds(
        RefundContact,
        st.integers(0, 1000).map(lambda day: day * DAY),
        st.none() | st.integers(0, 3600),
        st.none() | st.sampled_from([MoneyKind.REFUND, MoneyKind.CHARGEBACK]),
    ),
    max_size=12,
)


@given(happenings)
def test_each_contact_belongs_to_one_request_and_none_overlap(
    happened: list[RefundContact],
) -> None:
    found = list(requests_of(happened, 2000 * DAY))
    for one, two in pairwise(found):
        assert one.first <= one.last <= two.first
    for each in happened:
        if each.kind is None:
            assert any(r.first <= each.at <= r.last for r in found)
    assert all(r.contested or not r.lost for r in found)


def test_history_has_means_with_their_samples() -> None:
    requests = [
        Request(0, 0, False, False, False, 10.0),
        Request(0, 0, False, False, False, None),
        Request(0, 0, True, True, True, 50.0),
        Request(0, 0, True, False, False, 70.0),
    ]
    found = refund_history(requests, [euros(1500)])
    assert found.refund_minutes == Estimate(
        10.0, "own history: 1 request refunded without a dispute", 1
    )
    assert found.contest_minutes == Estimate(60.0, "own history: 2 contested requests", 2)
    assert found.losing == found.chargeback == Estimate(0.5, "own history: 2 contested requests", 2)
    assert found.fee == Estimate(15.0, "own history: 1 fee of a chargeback", 1)
    assert refund_history([]).losing is None


def test_window_is_what_a_buyer_has_for_a_dispute() -> None:
    assert timedelta(days=120) == WINDOW


def advised(asked: int, owed: int) -> RequestAdvice:
    advice = advise_refund(euros(asked), euros(owed), euros(3000), policy=AdvicePolicy())
    assessment = RefundAssessment(True, euros(owed), (), (), True)
    return RequestAdvice(
        EntryRef(SUBJECT, 3), from_microseconds(DAY), euros(asked), euros(3000), assessment, advice
    )


def stored(seq: int, body: Any, staff: Any) -> StoredEntry:
    plain = [json.loads(canonical_bytes(part)) for part in (body, staff)]
    ref = EntryRef(SUBJECT, seq)
    return StoredEntry(ref, ref, EntryKind.REFUND_ADVICE, 2 * DAY, None, UUID(int=1), *plain)


@given(st.integers(1, 10**7), st.integers(0, 10**7), st.sampled_from([*Choice]))
def test_choice_reads_back_with_the_advice_it_was_made_on(
    asked: int, owed: int, choice: Choice
) -> None:
    advice = advised(asked, owed)
    case = case_from([stored(5, *choice_bodies(advice, choice, "to part well"))])
    assert case is not None
    assert (case.advice, case.choice, case.reason) == (advice.advice, choice, "to part well")
    assert (case.asked, case.owed) == (advice.asked, advice.advice.owed)
    assert case.payment == advice.payment
    assert case.scored is None


def test_choice_without_the_part_for_staff_is_told_without_the_advice() -> None:
    body, _ = choice_bodies(advised(100, 0), Choice.REFUND, "to part well")
    case = case_from([stored(5, body, {})])
    assert case is not None
    assert (case.advice, case.reason, case.hourly_rate) == (None, "", euros(0))


def test_case_whose_beginning_was_erased_is_none() -> None:
    assert (
        case_from([stored(6, {"event": "outcome", "of": 5, "paid_back": [0, "EUR"]}, {})]) is None
    )


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**5))
def test_cost_in_the_end_counts_only_what_goes_beyond_what_is_owed(
    back: int, owed: int, seconds: int, fee: int
) -> None:
    cost = cost_in_the_end(
        paid_back=euros(back),
        owed=euros(owed),
        handling_time=timedelta(seconds=seconds),
        hourly_rate=euros(3600),
        fee=euros(fee),
        goods_back=euros(0),
    )
    assert cost.minor == max(back - owed, 0) + seconds + fee
