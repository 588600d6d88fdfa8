"""Requests for access and contests: the dates, and what may come next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.privacy.subject_access import (
    AccessRequest,
    AccessState,
    Contest,
    ContestState,
    answer_refusals,
    check_digest,
    decision_refusals,
    extension_refusals,
)
from custledger.core.records import EntryRef
from custledger.errors import BadInputError

ANN = UUID(int=1)
REQUEST = AccessRequest(
    id=EntryRef(ANN, 5),
    customer_id=ANN,
    received_on=date(2026, 1, 31),
    how="mail",
    recorded_at=datetime(2026, 1, 31, 9, tzinfo=UTC),
    recorded_by=UUID(int=2),
)
CONTEST = Contest(
    id=EntryRef(ANN, 6),
    customer_id=ANN,
    entry=EntryRef(ANN, 2),
    words="not me",
    received_on=date(2026, 1, 31),
    recorded_at=datetime(2026, 1, 31, 9, tzinfo=UTC),
    recorded_by=UUID(int=2),
)


@pytest.mark.parametrize(
    ("received", "due", "longest"),
    [
        ("2026-01-31", "2026-02-28", "2026-04-30"),
        ("2028-01-31", "2028-02-29", "2028-04-30"),
        ("2026-08-25", "2026-09-25", "2026-11-25"),
        ("2026-12-31", "2027-01-31", "2027-03-31"),
    ],
)
def test_answer_is_due_within_a_month_and_within_three_once_extended(
    received: str, due: str, longest: str
) -> None:
    request = replace(REQUEST, received_on=date.fromisoformat(received))
    assert request.due_on == date.fromisoformat(due)
    extended = replace(request, extended_on=request.received_on)
    assert extended.due_on == date.fromisoformat(longest)


def test_last_day_is_in_time_and_the_next_is_not() -> None:
    assert not REQUEST.overdue(date(2026, 2, 28))
    assert REQUEST.overdue(date(2026, 3, 1))
    closed = replace(REQUEST, state=AccessState.ANSWERED, closed_on=date(2026, 2, 28))
    assert not closed.overdue(date(2030, 1, 1))


def test_extension_is_allowed_on_the_last_day_of_the_month_and_refused_after_it() -> None:
    assert extension_refusals(REQUEST, date(2026, 2, 28)) == ()
    [refusal] = extension_refusals(REQUEST, date(2026, 3, 1))
    assert refusal.code == "late"
    assert "28 February 2026" in refusal.text


def test_extension_is_refused_a_second_time_and_after_the_answer() -> None:
    extended = replace(REQUEST, extended_on=date(2026, 2, 2))
    assert [r.code for r in extension_refusals(extended, date(2026, 2, 3))] == ["twice"]
    closed = replace(REQUEST, state=AccessState.ANSWERED, closed_on=date(2026, 2, 2))
    assert [r.code for r in extension_refusals(closed, date(2026, 2, 3))] == ["closed"]


def test_answer_is_refused_twice_and_before_the_request() -> None:
    closed = replace(REQUEST, state=AccessState.REFUSED, closed_on=date(2026, 2, 2))
    assert [r.code for r in answer_refusals(closed, date(2026, 2, 3))] == ["closed"]
    assert [r.code for r in answer_refusals(REQUEST, date(2026, 1, 30))] == ["order"]
    assert answer_refusals(REQUEST, date(2030, 1, 1)) == ()


def test_contest_is_decided_once() -> None:
    assert decision_refusals(CONTEST, date(2026, 2, 1)) == ()
    closed = replace(CONTEST, state=ContestState.REFUSED, closed_on=date(2026, 2, 2))
    assert [r.code for r in decision_refusals(closed, date(2026, 2, 3))] == ["closed"]


@pytest.mark.parametrize("digest", ["abc", "A" * 64, 5, None])
def test_digest_that_is_none_is_bad_input(digest: object) -> None:
    with pytest.raises(BadInputError, match="64 hexadecimal digits"):
        check_digest(digest)


@given(st.dates(date(1950, 1, 1), date(2150, 1, 1)))
def test_month_has_28_to_31_days_and_the_extension_adds_two_more(received: date) -> None:
    request = replace(REQUEST, received_on=received)
    assert timedelta(28) <= request.due_on - received <= timedelta(31)
    assert timedelta(59) <= request.longest_due_on - request.due_on <= timedelta(64)
