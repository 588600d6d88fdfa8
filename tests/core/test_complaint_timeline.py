"""Events recorded late or taken back: refused only where the story would make no sense."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from custledger.core.complaints.events import (
    Acknowledged,
    ComplaintEvent,
    Opened,
    Outcome,
    Paused,
    Reopened,
    Resolved,
    Responded,
    Resumed,
    SatisfactionGiven,
    StepDone,
)
from custledger.core.complaints.plans_built_in import PLAN
from custledger.core.complaints.rules import state_of
from custledger.core.complaints.state import Phase
from custledger.core.complaints.timeline import judged, judged_without


def on(hour: int) -> dict[str, Any]:
    return {"at": datetime(2026, 11, 16, hour, tzinfo=UTC), "by": UUID(int=1)}


OPENED = Opened(
    **on(9),
    channel="phone",  # type: ignore[arg-type]
    plan_name=PLAN.name,
    plan_version=PLAN.version,
    customer_words="The soup was cold.",
)


def resolved(hour: int) -> Resolved:
    return Resolved(**on(hour), outcome=Outcome.NOT_UPHELD, reasons="It was hot.")


def codes(*events: ComplaintEvent, new: ComplaintEvent) -> list[str]:
    return [refusal.code for refusal in judged([OPENED, *events], new, PLAN).refusals]


def test_event_recorded_late_takes_its_place() -> None:
    found = judged([OPENED, Responded(**on(12), summary="Sorry!")], Acknowledged(**on(10)), PLAN)
    assert found.refusals == ()
    assert found.remarks == ()
    assert found.complaint.round.acknowledged_at == on(10)["at"]


def test_nothing_happens_before_the_opening() -> None:
    assert codes(new=Acknowledged(**on(8))) == ["before_opening"]


def test_what_comes_a_second_time_counts_no_more_and_that_is_said() -> None:
    found = judged([OPENED, Acknowledged(**on(12))], Acknowledged(**on(10)), PLAN)
    assert found.refusals == ()
    assert found.remarks == (
        "What was recorded as acknowledged on 2026-11-16 12:00 UTC counts no more, since this came "
        "before it.",
    )
    assert found.complaint.round.acknowledged_at == on(10)["at"]


def test_pause_recorded_late_and_then_its_end_leave_the_later_pause_as_it_was() -> None:
    events: list[ComplaintEvent] = [OPENED, Paused(**on(12), reason="A photograph")]
    late = Paused(**on(10), reason="The number of the order")
    found = judged(events, late, PLAN)
    assert found.refusals == ()
    events = [OPENED, late, events[1]]
    found = judged(events, Resumed(**on(11)), PLAN)
    assert found.refusals == ()
    assert [pause.start.hour for pause in found.complaint.pauses] == [10, 12]
    assert found.complaint.phase is Phase.WAITING


def test_resolution_before_what_came_later_is_refused_with_that() -> None:
    [refusal] = judged([OPENED, Responded(**on(12), summary="Sorry!")], resolved(11), PLAN).refusals
    assert refusal.code == "later"
    assert "responded on 2026-11-16 12:00 UTC" in refusal.text


def test_event_that_is_refused_where_it_stands_says_why() -> None:
    assert codes(resolved(12), new=Acknowledged(**on(13))) == ["resolved", "twice"]
    assert codes(new=StepDone(**on(10), step="dance")) == ["unknown_step"]


def test_event_that_others_rest_on_is_not_taken_back_before_them() -> None:
    end = resolved(12)
    events = [OPENED, end, SatisfactionGiven(**on(14), satisfied=True)]
    [refusal] = judged_without(events, end, PLAN).refusals
    assert refusal.code == "needed"
    assert "satisfaction on 2026-11-16 14:00 UTC" in refusal.text
    found = judged_without(events[:2], end, PLAN)
    assert found.refusals == ()
    assert found.complaint.phase is Phase.OPEN


some = st.sampled_from(["ack", "answer", "pause", "resume", "resolve", "reopen", "satisfied"])


def event(kind: str, hour: int) -> ComplaintEvent:
    return {
        "ack": lambda: Acknowledged(**on(hour)),
        "answer": lambda: Responded(**on(hour), summary="Sorry!"),
        "pause": lambda: Paused(**on(hour), reason="A photograph"),
        "resume": lambda: Resumed(**on(hour)),
        "resolve": lambda: resolved(hour),
        "reopen": lambda: Reopened(**on(hour), reason="Cold again."),
        "satisfied": lambda: SatisfactionGiven(**on(hour), satisfied=True),
    }[kind]()


@given(st.lists(st.tuples(some, st.integers(9, 22)), max_size=12))
def test_whatever_the_order_of_recording_only_what_came_twice_is_left_out(
    recorded: list[tuple[str, int]],
) -> None:
    events: list[ComplaintEvent] = [OPENED]
    for kind, hour in recorded:
        new = event(kind, hour)
        found = judged(events, new, PLAN)
        if not found.refusals:
            events = sorted([*events, new], key=lambda e: e.at)
            assert state_of(events, PLAN) == found.complaint
    harmless = {"twice", "paused", "not_paused"}
    for _, refusals in state_of(events, PLAN).ignored:
        assert {refusal.code for refusal in refusals} <= harmless
