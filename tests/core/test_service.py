"""The one door: what each decision allows, and that the strictest wins."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.decisions.events import (
    Cited,
    DecisionKind,
    DecisionMade,
    DecisionPolicy,
    NoticeGiven,
)
from custledger.core.decisions.scope import EVERYTHING, RIGHTS, Action, Hours, Limit, Scope
from custledger.core.decisions.service import Attempt, Verdict, check_service
from custledger.core.decisions.state import DecisionState
from custledger.core.records import Channel, EntryRef, Staff, StaffRole

ANN = UUID(int=7)
OLGA = Staff(UUID(int=1), "Olga", StaffRole.OWNER)
MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WHY = "Insulted two drivers on the phone."
ORDER = Attempt(Action.ORDER)


def standing(
    kind: DecisionKind, scope: Scope = EVERYTHING, number: int = 1, since: int = -10
) -> DecisionState:
    made_on = MONDAY + timedelta(since)
    ref = EntryRef(ANN, number)
    review_on = made_on + timedelta(90)
    made = DecisionMade(
        ref,
        made_on,
        OLGA,
        kind,
        WHY,
        incidents=(Cited(EntryRef(ANN, 99), made_on),),
        scope=scope,
        staff_text=f"Staff text {number}",
        customer_text=f"Customer text {number}",
        review_on=review_on,
        policy=DecisionPolicy(notice_days=0),
    )
    told = NoticeGiven(ref, made_on, OLGA, "letter", WHY, review_on, "Write to Olga.")
    return DecisionState(made, notice=told)


def limited(*limits: Limit, **parts: object) -> DecisionState:
    return standing(DecisionKind.RESTRICTION, Scope(limits=frozenset(limits), **parts))  # type: ignore[arg-type]


BAN = standing(DecisionKind.DO_NOT_SERVE)
WARNING = standing(DecisionKind.WARNING, number=2)


def verdict(decision: DecisionState, attempt: Attempt, moment: datetime = NOON) -> Verdict:
    return check_service([decision], attempt, moment).verdict


def test_without_decisions_everything_is_allowed() -> None:
    answer = check_service([], ORDER, NOON)
    assert (answer.verdict, answer.decision) == (Verdict.ALLOW, None)
    assert answer.reasons == ("No decision is in force.",)


def test_answer_names_decision_scope_and_both_texts() -> None:
    answer = check_service([BAN, WARNING], ORDER, NOON)
    assert answer.verdict is Verdict.DENY
    assert answer.decision == BAN.made.ref
    assert (answer.staff_text, answer.customer_text) == ("Staff text 1", "Customer text 1")
    assert answer.reasons == (
        "Do-not-serve (1): the firm no longer works with this customer.",
        "Warning (2): the customer was warned; see what staff are to do.",
    )


@pytest.mark.parametrize("action", sorted(RIGHTS))
def test_rights_are_never_denied(action: Action) -> None:
    assert verdict(BAN, Attempt(action)) is Verdict.WARN


def test_what_is_paid_already_goes_through() -> None:
    assert verdict(BAN, Attempt(Action.ORDER, already_paid=True)) is Verdict.WARN
    assert verdict(BAN, Attempt(Action.DELIVERY)) is Verdict.WARN
    assert verdict(BAN, Attempt(Action.ORDER, prepaid=True)) is Verdict.DENY


def test_do_not_serve_can_be_narrowed_to_actions() -> None:
    narrow = standing(DecisionKind.DO_NOT_SERVE, Scope(actions=frozenset({Action.BOOKING})))
    assert verdict(narrow, Attempt(Action.BOOKING)) is Verdict.DENY
    assert verdict(narrow, ORDER) is Verdict.WARN


@pytest.mark.parametrize(
    ("limit", "attempt", "expected"),
    [
        (Limit.PREPAYMENT_ONLY, ORDER, Verdict.DENY),
        (Limit.PREPAYMENT_ONLY, Attempt(Action.ORDER, prepaid=True), Verdict.ALLOW),
        (Limit.PREPAYMENT_ONLY, Attempt(Action.CREDIT, prepaid=True), Verdict.DENY),
        (Limit.PREPAYMENT_ONLY, Attempt(Action.CALL), Verdict.ALLOW),
        (Limit.CREDIT, Attempt(Action.CREDIT), Verdict.DENY),
        (Limit.CREDIT, ORDER, Verdict.WARN),
        (Limit.CREDIT, Attempt(Action.ORDER, prepaid=True), Verdict.ALLOW),
    ],
)
def test_restriction_of_payment(limit: Limit, attempt: Attempt, expected: Verdict) -> None:
    assert verdict(limited(limit), attempt) is expected


def test_restriction_of_channel_closes_that_channel_only() -> None:
    closed = limited(Limit.CHANNEL, channels=frozenset({Channel.PHONE}))
    assert verdict(closed, Attempt(Action.CALL)) is Verdict.DENY
    assert verdict(closed, Attempt(Action.TICKET, Channel.PHONE)) is Verdict.DENY
    assert verdict(closed, Attempt(Action.MAIL)) is Verdict.ALLOW
    assert verdict(closed, Attempt(Action.TICKET)) is Verdict.WARN
    assert verdict(closed, ORDER) is Verdict.ALLOW


def test_block_closes_the_social_channel() -> None:
    blocked = standing(DecisionKind.BLOCK, Scope(channels=frozenset({Channel.SOCIAL})))
    assert verdict(blocked, Attempt(Action.POST)) is Verdict.DENY
    assert verdict(blocked, Attempt(Action.MAIL)) is Verdict.ALLOW


def test_single_contact_is_named() -> None:
    single = limited(Limit.SINGLE_CONTACT, contact="Olga")
    answer = check_service([single], Attempt(Action.CALL), NOON)
    assert answer.verdict is Verdict.WARN
    assert "only Olga speaks with this customer" in answer.reasons[0]
    assert verdict(single, ORDER) is Verdict.ALLOW


def test_hours_are_those_of_the_ledgers_zone_across_daylight_saving() -> None:
    hours = (Hours(0, time(9), time(10)),)
    restricted = limited(Limit.HOURS, hours=hours)
    winter = datetime(2026, 3, 23, 8, 30, tzinfo=UTC)
    summer = datetime(2026, 3, 30, 8, 30, tzinfo=UTC)

    def of(moment: datetime) -> Verdict:
        return check_service([restricted], Attempt(Action.CALL), moment, "Europe/Berlin").verdict

    assert of(winter) is Verdict.ALLOW
    assert of(summer) is Verdict.DENY
    assert of(summer - timedelta(hours=1)) is Verdict.ALLOW
    assert of(summer - timedelta(days=1)) is Verdict.DENY


def test_several_limits_count_together() -> None:
    both = limited(Limit.SINGLE_CONTACT, Limit.CREDIT, contact="Olga")
    assert verdict(both, Attempt(Action.CALL)) is Verdict.WARN
    assert verdict(both, Attempt(Action.CREDIT)) is Verdict.DENY


def test_day_of_the_zone_decides_whether_it_lapsed() -> None:
    last_evening = datetime(2026, 5, 20, 23, 30, tzinfo=UTC)
    assert BAN.review_on == date(2026, 5, 21)
    assert check_service([BAN], ORDER, last_evening).verdict is Verdict.DENY
    assert check_service([BAN], ORDER, last_evening, "Europe/Berlin").verdict is Verdict.ALLOW


scopes = st.builds(
    Scope,
    limits=st.frozensets(st.sampled_from([*Limit]), min_size=1),
    channels=st.frozensets(st.sampled_from([*Channel]), min_size=1),
    hours=st.just((Hours(0, time(9), time(17)),)),
    contact=st.just("Olga"),
)
decisions = st.builds(
    standing,
    st.sampled_from([k for k in DecisionKind if k is not DecisionKind.REINSTATEMENT]),
    scopes,
    st.integers(1, 9),
    st.integers(-100, 5),
)
attempts = st.builds(
    Attempt,
    st.sampled_from([*Action]),
    st.none() | st.sampled_from([*Channel]),
    st.booleans(),
    st.booleans(),
)
moments = st.datetimes(datetime(2026, 2, 1), datetime(2026, 4, 1), timezones=st.just(UTC))
STRICTNESS = [*Verdict]


@given(st.lists(decisions, max_size=5), decisions, attempts, moments)
def test_strictest_wins_and_more_decisions_are_never_milder(
    some: list[DecisionState], more: DecisionState, attempt: Attempt, moment: datetime
) -> None:
    of = [STRICTNESS.index(check_service([d], attempt, moment).verdict) for d in (*some, more)]
    together = check_service([*some, more], attempt, moment)
    assert STRICTNESS.index(together.verdict) == max(of)
    assert check_service([more, *some], attempt, moment).verdict is together.verdict


@given(st.lists(decisions, max_size=5), attempts, moments)
def test_answer_explains_itself(
    some: list[DecisionState], attempt: Attempt, moment: datetime
) -> None:
    answer = check_service(some, attempt, moment)
    in_force = [d for d in some if d.in_force(moment.date())]
    assert len(answer.reasons) == max(len(in_force), 1)
    assert (answer.verdict is Verdict.ALLOW) == (answer.decision is None)
    if answer.decision is not None:
        assert answer.staff_text
        assert answer.decision in {d.made.ref for d in in_force}
    if attempt.action in RIGHTS or attempt.already_paid:
        assert answer.verdict is not Verdict.DENY
