"""Plans for complaints: what they take and refuse, and the two to start from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from custledger.core.calendar.time_limits import Clock, TimeLimit
from custledger.core.canonical import canonical_bytes
from custledger.core.complaints.plan import ComplaintPlan, Step
from custledger.core.complaints.plans_built_in import PLAN, PUBLIC_PLAN
from custledger.core.complaints.regimes import Milestone
from custledger.core.records import StaffRole
from custledger.errors import BadInputError

CALL = Step(id="call", title="Call them")


@pytest.mark.parametrize("plan", [PLAN, PUBLIC_PLAN], ids=lambda p: p.name)
def test_plan_reads_back_from_canonical_json(plan: ComplaintPlan) -> None:
    assert ComplaintPlan.from_body(json.loads(canonical_bytes(plan.to_body()))) == plan


def test_default_plans_go_the_way_the_design_says() -> None:
    assert [step.id for step in PLAN.steps] == [
        "answer",
        "listen",
        "apologise",
        "propose",
        "correct",
        "escalate",
        "follow_up",
        "lesson",
    ]
    assert [step.id for step in PUBLIC_PLAN.steps] == [
        "answer",
        "invite",
        "listen",
        "propose",
        "correct",
        "escalate",
        "walk_away",
        "follow_up",
        "lesson",
    ]
    assert PUBLIC_PLAN.public
    for plan in (PLAN, PUBLIC_PLAN):
        owners = {step.id for step in plan.steps if step.owner is StaffRole.OWNER}
        assert {"escalate", "lesson"} <= owners
        assert all(step.guidance for step in plan.steps)


def test_change_is_the_next_version_and_leaves_the_former_alone() -> None:
    longer = PLAN.with_step(CALL, after="listen")
    assert longer.version == 2
    assert [step.id for step in longer.steps][:3] == ["answer", "listen", "call"]
    assert longer.without_step("call") == replace(PLAN, version=3)
    assert PLAN.with_step(CALL).steps[-1] == CALL
    assert PLAN.version == 1


def test_step_of_an_id_that_is_there_takes_its_place() -> None:
    other = replace(PLAN.steps[1], title="Hear them out")
    assert PLAN.with_step(other).steps == (PLAN.steps[0], other, *PLAN.steps[2:])
    moved = PLAN.with_step(other, after="answer")
    assert moved.steps == (PLAN.steps[0], other, *PLAN.steps[2:])


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "Call them"},
        {"id": ""},
        {"title": ""},
        {"owner": StaffRole.PROGRAM},
        {"owner": "boss"},
        {"due": "soon"},
        {"closed_by": "soon"},
        {"after_resolution": True, "due": Milestone.RESOLUTION},
        {"after_resolution": True, "closed_by": Milestone.RESOLUTION},
        {"after_resolution": "yes"},
        {"guidance": 3},
    ],
)
def test_step_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        replace(CALL, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": ()},
        {"steps": (CALL, CALL)},
        {"steps": tuple(replace(CALL, id=f"s{n}") for n in range(51))},
        {"name": ""},
        {"version": 0},
        {"public": 1},
    ],
)
def test_plan_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        replace(PLAN, **wrong)


def test_unknown_step_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInputError, match="Steps are: answer, listen"):
        PLAN.without_step("dance")
    with pytest.raises(BadInputError, match="Steps are: answer, listen"):
        PLAN.with_step(CALL, after="dance")
    assert PLAN.step("dance") is None


def test_body_that_is_no_plan_is_refused() -> None:
    for body in ({}, {"name": "x", "steps": [{"id": "a"}]}, {**PLAN.to_body(), "owner": "me"}):
        with pytest.raises(BadInputError, match="not a"):
            ComplaintPlan.from_body(body)
    with pytest.raises(BadInputError):
        Step.from_body({"id": "a", "title": "A", "due": "soon"})


def test_step_keeps_its_own_time_limit() -> None:
    step = Step(id="gift", title="Send flowers", due=TimeLimit(3, Clock.DAYS), when="if we can")
    assert Step.from_body(step.to_body()) == step
    assert not step.is_always_needed
    assert CALL.is_always_needed
