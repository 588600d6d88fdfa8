"""What is due for a complaint, and who has been left waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from custledger.core.calendar.working_time import Calendar
from custledger.core.complaints.clock import (
    deadlines,
    missed_steps,
    next_steps,
    overdue,
    step_due,
    waiting_time,
)
from custledger.core.complaints.events import (
    Acknowledged,
    ComplaintEvent,
    Extended,
    Opened,
    Outcome,
    Paused,
    Reopened,
    Resolved,
    Responded,
    Resumed,
    StepDone,
)
from custledger.core.complaints.plans_built_in import PLAN
from custledger.core.complaints.regimes import Milestone
from custledger.core.complaints.regimes_built_in import BUILT_IN, HOUSE
from custledger.core.complaints.rules import state_of
from custledger.core.complaints.state import Complaint
from tests.core.calendars import LONDON, OFFICE

ANN = UUID(int=1)
FCA, PAYMENTS = BUILT_IN["uk_fca"], BUILT_IN["uk_fca_payments"]


def on(day: int, hour: int = 12, *, month: int = 11, year: int = 2026) -> dict[str, Any]:
    return {"at": datetime(year, month, day, hour, tzinfo=UTC), "by": ANN}


def complaint(*events: ComplaintEvent, **opened: Any) -> Complaint:
    first = Opened(
        **(opened or on(16, 9)),  # a Monday
        channel="phone",  # type: ignore[arg-type]
        plan_name=PLAN.name,
        plan_version=PLAN.version,
        customer_words="The soup was cold.",
    )
    found = state_of((first, *events), PLAN)
    assert found.ignored == ()
    return found


def resolved(day: int, hour: int = 12, **more: Any) -> Resolved:
    return Resolved(**on(day, hour, **more), outcome=Outcome.NOT_UPHELD, reasons="It was hot.")


def test_deadlines_under_the_firms_own_promise_and_the_law() -> None:
    found = deadlines(complaint(Acknowledged(**on(16, 10))), [HOUSE, FCA], LONDON)
    assert [(d.milestone.value, d.regime.id, d.due, d.met_at) for d in found] == [
        ("acknowledgement", "house", on(16, 13)["at"], on(16, 10)["at"]),
        ("first_response", "house", on(16, 17)["at"], None),
        ("resolution", "house", on(20, 17)["at"], None),
        # 8 weeks from Monday, 16 November 2026: Monday, 11 January 2027, 24:00 - not by the
        # holidays, so their years are not asked for.
        ("resolution", "uk_fca", on(12, 0, month=1, year=2027)["at"], None),
    ]


def test_who_is_left_waiting_is_overdue_the_latest_first() -> None:
    found = complaint(Acknowledged(**on(16, 10)))
    due = deadlines(found, [HOUSE, FCA], LONDON)
    assert overdue(found, due, LONDON, as_of=on(16, 17)["at"]) == ()
    late = overdue(found, due, LONDON, as_of=on(23, 10)["at"])
    assert [one.deadline.milestone for one in late] == [
        Milestone.FIRST_RESPONSE,
        Milestone.RESOLUTION,
    ]
    assert late[0].late == timedelta(days=6, hours=17)
    assert late[0].late_working == timedelta(hours=4 * 8 + 1)
    assert late[0].waiting == timedelta(days=7, hours=1)


def test_who_had_an_answer_late_is_overdue_no_more_but_it_shows() -> None:
    found = complaint(Responded(**on(17, 10), summary="Sorry!"))
    acknowledged, responded, _ = deadlines(found, [HOUSE], LONDON)
    assert acknowledged.was_met_late
    assert responded.was_met_late
    assert responded.is_overdue(on(17, 9)["at"])
    assert not responded.is_overdue(on(17, 10)["at"])


def test_clock_of_the_promise_stands_still_while_we_wait_but_not_the_laws() -> None:
    waiting = complaint(Paused(**on(16, 11), reason="A photograph"))
    due = deadlines(waiting, [HOUSE, PAYMENTS], LONDON)
    assert [d.due for d in due] == [None, None, None, on(8, 0, month=12)["at"]]
    assert overdue(waiting, due, LONDON, as_of=on(30)["at"]) == ()
    assert waiting_time(waiting, on(30)["at"]) == timedelta(hours=2)
    answered = complaint(Paused(**on(16, 11), reason="A photograph"), Resumed(**on(18, 11)))
    assert [d.due for d in deadlines(answered, [HOUSE], LONDON)] == [
        on(18, 13)["at"],
        on(18, 17)["at"],
        on(24, 11 + 6)["at"],
    ]
    assert waiting_time(answered, on(18, 12)["at"]) == timedelta(hours=3)


def test_law_gives_more_time_only_to_who_says_so_in_time() -> None:
    """FCA DISP 1.6.2A: 15 business days, 35 with a holding response within the 15."""
    opened = on(1, 9, month=6)
    in_time = complaint(Extended(**on(22, month=6), reason="The bank looks into it."), **opened)
    assert deadlines(in_time, [PAYMENTS], LONDON)[0].due == on(20, 23, month=7)["at"]
    too_late = complaint(Extended(**on(23, month=6), reason="The bank looks into it."), **opened)
    assert deadlines(too_late, [PAYMENTS], LONDON)[0].due == on(22, 23, month=6)["at"]


def test_reopened_complaint_has_the_promise_anew_and_the_law_as_before() -> None:
    found = complaint(resolved(17), Reopened(**on(23, 9), reason="Cold again."))
    by_id = {(d.milestone, d.regime.id): d for d in deadlines(found, [HOUSE, FCA], LONDON)}
    ours = by_id[Milestone.RESOLUTION, "house"]
    assert (ours.due, ours.met_at) == (on(27, 17)["at"], None)
    law = by_id[Milestone.RESOLUTION, "uk_fca"]
    assert law.met_at == on(17)["at"]
    assert waiting_time(found, on(23, 10)["at"]) == timedelta(hours=1)


def test_waiting_counts_only_pauses_of_this_round_and_up_to_the_day() -> None:
    found = complaint(
        Paused(**on(16, 10), reason="A photograph"),
        resolved(17, 9),
        Reopened(**on(23, 9), reason="Cold again."),
        Paused(**on(23, 11), reason="A photograph"),
        Resumed(**on(23, 15)),
    )
    assert waiting_time(found, on(23, 10)["at"]) == timedelta(hours=1)
    assert waiting_time(found, on(23, 12)["at"]) == timedelta(hours=2)
    assert waiting_time(found, on(23, 17)["at"]) == timedelta(hours=4)


def test_next_steps_are_those_left_in_order() -> None:
    found = complaint(Acknowledged(**on(16, 10)), StepDone(**on(16, 11), step="apologise"))
    left = [step.id for step in next_steps(found, PLAN)]
    assert left == ["listen", "propose", "correct", "escalate"]
    ended = complaint(resolved(17))
    assert [step.id for step in next_steps(ended, PLAN)] == ["follow_up", "lesson"]


def test_resolution_does_not_wait_for_steps_but_shows_those_it_left_out() -> None:
    ended = complaint(StepDone(**on(16, 11), step="apologise"), resolved(17))
    assert [step.id for step in missed_steps(ended, PLAN)] == ["listen", "correct"]
    assert missed_steps(complaint(), PLAN) == ()


def test_steps_are_due_by_their_own_clock() -> None:
    found = complaint()
    due = deadlines(found, [FCA, HOUSE], LONDON)
    moments = {s.id: step_due(s, found, due, LONDON) for s in PLAN.steps}
    assert moments == {
        "answer": on(16, 13)["at"],
        "listen": on(16, 17)["at"],
        "apologise": on(16, 17)["at"],
        "propose": on(16, 17)["at"],
        "correct": on(20, 17)["at"],
        "escalate": on(20, 17)["at"],
        "follow_up": None,
        "lesson": None,
    }
    ended = complaint(resolved(17))
    follow_up = next_steps(ended, PLAN)[0]
    assert step_due(follow_up, ended, (), LONDON) == on(2, 0, month=12)["at"]


hours = st.lists(st.integers(1, 200), min_size=1, max_size=6)


@given(hours, st.integers(0, 2000))
@settings(max_examples=60, deadline=None)
def test_pauses_never_make_a_deadline_earlier_or_somebody_wait_longer(
    gaps: list[int], later: int
) -> None:
    now, events = on(16, 9)["at"], []
    for n, gap in enumerate(gaps):
        now += timedelta(hours=gap)
        common: dict[str, Any] = {"at": now, "by": ANN}
        events.append(Resumed(**common) if n % 2 else Paused(**common, reason="A photograph"))
    calendar = Calendar(OFFICE, "Europe/London")
    paused, plain = complaint(*events), complaint()
    before = deadlines(plain, [HOUSE], calendar)
    for one, other in zip(before, deadlines(paused, [HOUSE], calendar), strict=True):
        assert one.due is not None
        assert other.due is None or other.due >= one.due
    as_of = now + timedelta(hours=later)
    assert timedelta() <= waiting_time(paused, as_of) <= waiting_time(plain, as_of)
