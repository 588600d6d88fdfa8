"""Where one complaint stands, and how each event changes that.

``custledger.core.complaints.rules`` says which event may come next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from custledger.core.calendar.working_time import Pause
from custledger.core.complaints.events import (
    Acknowledged,
    ComplaintEvent,
    Escalated,
    Exposure,
    Extended,
    Opened,
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
from custledger.core.complaints.plan import ESCALATE, ComplaintPlan, Step
from custledger.core.complaints.regimes import Milestone
from custledger.core.refusal import Refusal

__all__ = ["Complaint", "Phase", "Round", "StepMark", "applied"]


class Phase(StrEnum):
    """Where a complaint stands."""

    OPEN = "open"
    WAITING = "waiting"
    RESOLVED = "resolved"


class StepMark(NamedTuple):
    """A step that is done, or was skipped for a reason."""

    step: str
    at: datetime
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """From a complaint's receipt, or its reopening, to its resolution."""

    started_at: datetime
    acknowledged_at: datetime | None = None
    responded_at: datetime | None = None
    escalated_at: datetime | None = None
    extended_at: datetime | None = None
    resolution: Resolved | None = None
    marks: tuple[StepMark, ...] = ()

    def met_at(self, milestone: Milestone) -> datetime | None:
        """When the customer had it; an answer acknowledges too, and a final answer is both."""
        moments = {
            Milestone.ACKNOWLEDGEMENT: self.acknowledged_at,
            Milestone.FIRST_RESPONSE: self.responded_at,
            Milestone.RESOLUTION: self.resolution.at if self.resolution else None,
        }
        order = list(Milestone)
        it_or_later = (moments[m] for m in order[order.index(milestone) :])
        return min((at for at in it_or_later if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Complaint:
    """The state of one complaint; ``rounds`` has one more each time it was reopened."""

    opened: Opened
    rounds: tuple[Round, ...]
    last_at: datetime
    pauses: tuple[Pause, ...] = ()
    satisfied: bool | None = None
    recovered: Recovered | None = None
    ignored: tuple[tuple[ComplaintEvent, tuple[Refusal, ...]], ...] = ()

    @property
    def round(self) -> Round:
        """The latest round."""
        return self.rounds[-1]

    @property
    def phase(self) -> Phase:
        """Open, waiting for the customer, or resolved."""
        if self.round.resolution is not None:
            return Phase.RESOLVED
        waits = bool(self.pauses) and self.pauses[-1].end is None
        return Phase.WAITING if waits else Phase.OPEN

    @property
    def exposure(self) -> Exposure | None:
        """Where it can be read, if it is public."""
        return self.opened.exposure

    @property
    def marks(self) -> Mapping[str, StepMark]:
        """The steps of this round that are done or skipped, by id."""
        return {mark.step: mark for mark in self.round.marks}


def applied(complaint: Complaint, event: ComplaintEvent, plan: ComplaintPlan) -> Complaint:
    """The complaint after an event that is allowed."""
    now = replace(complaint, last_at=event.at)
    if isinstance(event, Paused):
        return replace(now, pauses=(*now.pauses, Pause(event.at)))
    if isinstance(event, Resumed):
        return _resumed(now, event.at)
    if isinstance(event, SatisfactionGiven):
        return replace(now, satisfied=event.satisfied)
    if isinstance(event, Recovered):
        return replace(now, recovered=event)
    if isinstance(event, Reopened):
        # What the customer said of the former end stays in the trail; this round has its own.
        rounds = (*now.rounds, Round(event.at))
        return replace(now, rounds=rounds, satisfied=None, recovered=None)
    changed = _with_closed_steps(_round_after(now.round, event), event.at, plan)
    now = replace(now, rounds=(*now.rounds[:-1], changed))
    return _resumed(now, event.at) if isinstance(event, Resolved) else now


def _round_after(now: Round, event: ComplaintEvent) -> Round:
    if isinstance(event, Acknowledged):
        return replace(now, acknowledged_at=event.at)
    if isinstance(event, Responded):
        return replace(now, responded_at=now.responded_at or event.at)
    if isinstance(event, Escalated):
        return replace(now, escalated_at=event.at)
    if isinstance(event, Extended):
        return replace(now, extended_at=event.at)
    if isinstance(event, Resolved):
        return replace(now, resolution=event)
    assert isinstance(event, StepDone | StepSkipped)
    skipped = event.reason if isinstance(event, StepSkipped) else ""
    return replace(now, marks=(*now.marks, StepMark(event.step, event.at, skipped)))


def _with_closed_steps(now: Round, at: datetime, plan: ComplaintPlan) -> Round:
    """The round with the steps done that a milestone, or the escalation, just did by itself."""
    marked = {mark.step for mark in now.marks}
    closed = [
        StepMark(step.id, at)
        for step in plan.steps
        if step.id not in marked and _is_closed(step, now)
    ]
    return replace(now, marks=(*now.marks, *closed))


def _is_closed(step: Step, now: Round) -> bool:
    if step.id == ESCALATE:
        return now.escalated_at is not None
    return step.closed_by is not None and now.met_at(step.closed_by) is not None


def _resumed(complaint: Complaint, at: datetime) -> Complaint:
    if not complaint.pauses or complaint.pauses[-1].end is not None:
        return complaint
    *before, last = complaint.pauses
    return replace(complaint, pauses=(*before, last._replace(end=at)))
