"""A complaint through its events: stories, refusals, and a machine that tries every order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from custledger.core.calendar.working_time import Pause
from custledger.core.complaints.events import (
    Acknowledged,
    ComplaintEvent,
    Escalated,
    Exposure,
    Extended,
    Opened,
    Outcome,
    Paused,
    Recovered,
    Reopened,
    Resolved,
    Responded,
    Resumed,
    SatisfactionGiven,
    StepDone,
    StepSkipped,
)
from custledger.core.complaints.plans_built_in import PLAN, PUBLIC_PLAN
from custledger.core.complaints.regimes import Milestone
from custledger.core.complaints.rules import refusals, state_of
from custledger.core.complaints.state import Complaint, Phase, StepMark
from custledger.errors import BadInputError

START = datetime(2026, 11, 16, 9, tzinfo=UTC)
ANN = UUID(int=1)
OPENED = Opened(
    at=START,
    by=ANN,
    channel="phone",  # type: ignore[arg-type]
    plan_name=PLAN.name,
    plan_version=PLAN.version,
    customer_words="The soup was cold.",
)
UPHELD: dict[str, Any] = {"outcome": Outcome.UPHELD, "reasons": "It was.", "remedy": "A voucher"}


def on(hours: float) -> dict[str, Any]:
    return {"at": START + timedelta(hours=hours), "by": ANN}


def after(*events: ComplaintEvent) -> Complaint:
    found = state_of((OPENED, *events), PLAN)
    assert found.ignored == ()
    return found


def codes(event: ComplaintEvent, *before: ComplaintEvent) -> list[str]:
    return [refusal.code for refusal in refusals(event, after(*before), PLAN)]


RESOLVED = Resolved(**on(8), **UPHELD)


def test_whole_story() -> None:
    found = after(
        Acknowledged(**on(1)),
        StepDone(**on(2), step="listen"),
        StepSkipped(**on(2), step="apologise", reason="Said on the telephone."),
        Paused(**on(3), reason="We asked for the receipt."),
        Resumed(**on(5)),
        Responded(**on(6), summary="A voucher"),
        Escalated(**on(7), reason="Not enough, they say."),
        RESOLVED,
        SatisfactionGiven(**on(9), satisfied=True),
        Recovered(**on(200), shown_by="a new order"),
    )
    assert found.phase is Phase.RESOLVED
    assert found.round.marks == (
        StepMark("answer", START + timedelta(hours=1)),
        StepMark("listen", START + timedelta(hours=2)),
        StepMark("apologise", START + timedelta(hours=2), "Said on the telephone."),
        StepMark("propose", START + timedelta(hours=6)),
        StepMark("escalate", START + timedelta(hours=7)),
    )
    assert found.pauses == (Pause(START + timedelta(hours=3), START + timedelta(hours=5)),)
    assert found.round.escalated_at == START + timedelta(hours=7)
    assert found.satisfied is True
    assert found.recovered is not None


def test_answer_acknowledges_and_a_resolution_is_an_answer() -> None:
    answered = after(Responded(**on(1), summary="Sorry!"))
    assert answered.round.met_at(Milestone.ACKNOWLEDGEMENT) == START + timedelta(hours=1)
    assert set(answered.marks) == {"answer", "propose"}
    done = after(RESOLVED)
    assert {done.round.met_at(m) for m in Milestone} == {RESOLVED.at}


def test_first_answer_counts() -> None:
    found = after(Responded(**on(1), summary="One"), Responded(**on(2), summary="Two"))
    assert found.round.responded_at == START + timedelta(hours=1)


def test_resolution_ends_the_waiting() -> None:
    found = after(Paused(**on(1), reason="A photograph"), RESOLVED)
    assert found.pauses == (Pause(START + timedelta(hours=1), RESOLVED.at),)
    assert found.phase is Phase.RESOLVED


def test_reopened_complaint_begins_a_new_round() -> None:
    found = after(
        Acknowledged(**on(1)),
        RESOLVED,
        SatisfactionGiven(**on(9), satisfied=False),
        Reopened(**on(30), reason="Cold again."),
    )
    assert found.phase is Phase.OPEN
    assert len(found.rounds) == 2
    assert found.rounds[0].resolution == RESOLVED
    assert found.round.marks == ()
    assert found.round.started_at == START + timedelta(hours=30)
    assert found.satisfied is None


def test_public_complaint_says_where_it_stands() -> None:
    opened = Opened(
        at=START,
        by=ANN,
        channel="social",  # type: ignore[arg-type]
        plan_name=PUBLIC_PLAN.name,
        plan_version=1,
        customer_words="Never again!",
        exposure=Exposure("mastodon", "@ann@example.org", 1200),
    )
    found = state_of([opened], PUBLIC_PLAN)
    assert found.exposure == Exposure("mastodon", "@ann@example.org", 1200)


@pytest.mark.parametrize(
    ("event", "before", "expected"),
    [
        (OPENED, (), ["twice"]),
        (Acknowledged(**on(-1)), (), ["order"]),
        (Acknowledged(**on(2)), (Acknowledged(**on(1)),), ["twice"]),
        (Acknowledged(**on(2)), (Responded(**on(1), summary="x"),), ["twice"]),
        (Acknowledged(**on(9)), (RESOLVED,), ["resolved", "twice"]),
        (StepDone(**on(1), step="dance"), (), ["unknown_step"]),
        (StepDone(**on(2), step="listen"), (StepDone(**on(1), step="listen"),), ["twice"]),
        (
            StepDone(**on(2), step="listen"),
            (StepSkipped(**on(1), step="listen", reason="x"),),
            ["twice"],
        ),
        (StepDone(**on(1), step="lesson"), (), ["not_resolved"]),
        (StepDone(**on(9), step="listen"), (RESOLVED,), ["resolved"]),
        (Resumed(**on(1)), (), ["not_paused"]),
        (Paused(**on(2), reason="x"), (Paused(**on(1), reason="x"),), ["paused"]),
        (Paused(**on(9), reason="x"), (RESOLVED,), ["resolved"]),
        (Escalated(**on(2), reason="x"), (Escalated(**on(1), reason="x"),), ["twice"]),
        (Extended(**on(2), reason="x"), (Extended(**on(1), reason="x"),), ["twice"]),
        (Resolved(**on(9), **UPHELD), (RESOLVED,), ["resolved"]),
        (SatisfactionGiven(**on(1), satisfied=True), (), ["not_resolved"]),
        (Reopened(**on(1), reason="x"), (), ["not_resolved"]),
        (Recovered(**on(1), shown_by="x"), (), ["not_resolved"]),
        (
            Recovered(**on(11), shown_by="x"),
            (RESOLVED, Recovered(**on(10), shown_by="x")),
            ["twice"],
        ),
    ],
)
def test_event_that_may_not_come_now_is_refused_with_reasons(
    event: ComplaintEvent, before: tuple[ComplaintEvent, ...], expected: list[str]
) -> None:
    assert codes(event, *before) == expected
    found = state_of((OPENED, *before, event), PLAN)
    assert [ignored for ignored, _ in found.ignored] == [event]
    assert found.rounds == after(*before).rounds


def test_every_refusal_is_a_sentence() -> None:
    for refusal in refusals(Acknowledged(**on(-1)), after(RESOLVED), PLAN):
        assert refusal.text[0].isupper()
        assert refusal.text.endswith(".")


def test_complaint_that_does_not_begin_with_its_opening_is_refused() -> None:
    with pytest.raises(BadInputError, match="begins with its opening"):
        state_of([], PLAN)
    with pytest.raises(BadInputError, match="not with 'acknowledged'"):
        state_of([Acknowledged(**on(1))], PLAN)


def test_complaint_is_judged_by_the_plan_it_was_opened_with() -> None:
    with pytest.raises(BadInputError, match="opened with version 1"):
        state_of([OPENED], PLAN.changed())
    with pytest.raises(BadInputError, match="Give that plan"):
        state_of([OPENED], PUBLIC_PLAN)


steps = st.sampled_from([step.id for step in PLAN.steps] + ["dance"])


class Machine(RuleBasedStateMachine):
    """Any event at any time: what was refused changed nothing, and no rule is ever broken."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[ComplaintEvent] = [OPENED]
        self.complaint = state_of(self.events, PLAN)
        self.hours = 0.0

    def happens(self, event: ComplaintEvent) -> None:
        allowed = not refusals(event, self.complaint, PLAN)
        before = self.complaint
        self.events.append(event)
        self.complaint = state_of(self.events, PLAN)
        if allowed:
            assert self.complaint.ignored == before.ignored
            assert self.complaint.last_at == event.at
        else:
            left_out = (*before.ignored, self.complaint.ignored[-1])
            assert self.complaint.ignored == left_out
            assert self.complaint.rounds == before.rounds
            assert self.complaint.pauses == before.pauses

    def now(self) -> dict[str, Any]:
        return on(self.hours)

    @rule(hours=st.floats(-2, 48))
    def time_goes_on(self, hours: float) -> None:
        self.hours = max(0.0, self.hours + hours)

    @rule(kind=st.sampled_from([Acknowledged, Resumed]))
    def plain(self, kind: type[Any]) -> None:
        self.happens(kind(**self.now()))

    @rule(kind=st.sampled_from([Paused, Escalated, Extended, Reopened]))
    def for_a_reason(self, kind: type[Any]) -> None:
        self.happens(kind(**self.now(), reason="So it is."))

    @rule(step=steps)
    def done(self, step: str) -> None:
        self.happens(StepDone(**self.now(), step=step))

    @rule(step=steps)
    def skipped(self, step: str) -> None:
        self.happens(StepSkipped(**self.now(), step=step, reason="Not needed."))

    @rule()
    def responded(self) -> None:
        self.happens(Responded(**self.now(), summary="We are sorry."))

    @rule(outcome=st.sampled_from(Outcome))
    def resolved(self, outcome: Outcome) -> None:
        self.happens(
            Resolved(**self.now(), outcome=outcome, reasons="So it is.", remedy="An apology")
        )

    @rule(satisfied=st.booleans())
    def satisfaction(self, satisfied: bool) -> None:
        self.happens(SatisfactionGiven(**self.now(), satisfied=satisfied))

    @rule()
    def recovered(self) -> None:
        self.happens(Recovered(**self.now(), shown_by="a new order"))

    @invariant()
    def milestones_come_in_their_order(self) -> None:
        for one in self.complaint.rounds:
            met = [at for m in Milestone if (at := one.met_at(m)) is not None]
            assert met == sorted(met)
            assert all(at >= one.started_at for at in met)

    @invariant()
    def only_the_last_round_is_open(self) -> None:
        assert all(one.resolution for one in self.complaint.rounds[:-1])

    @invariant()
    def pauses_follow_each_other_and_only_a_waiting_complaint_has_an_open_one(self) -> None:
        times = [t for pause in self.complaint.pauses for t in pause if t is not None]
        assert times == sorted(times)
        still = [pause for pause in self.complaint.pauses if pause.end is None]
        assert bool(still) is (self.complaint.phase is Phase.WAITING)
        assert still in ([], [*self.complaint.pauses[-1:]])

    @invariant()
    def each_step_is_marked_once_and_follow_up_comes_last(self) -> None:
        for one in self.complaint.rounds:
            ids = [mark.step for mark in one.marks]
            assert len(ids) == len(set(ids))
            for mark in one.marks:
                step = PLAN.step(mark.step)
                assert step is not None
                if step.after_resolution:
                    assert one.resolution is not None
                    assert mark.at >= one.resolution.at

    @invariant()
    def only_an_ended_complaint_is_satisfied_or_recovered(self) -> None:
        if self.complaint.phase is not Phase.RESOLVED:
            assert self.complaint.satisfied is None
            assert self.complaint.recovered is None


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
