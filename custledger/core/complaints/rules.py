"""One complaint as its events made it, and which event may come next.

``state_of`` folds the events; one that was not allowed when it came is left out and kept with the
refusals, so that no sequence of events gets round the rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from custledger.core.complaints.events import (
    Acknowledged,
    ComplaintEvent,
    Escalated,
    Extended,
    Opened,
    Paused,
    Recovered,
    Reopened,
    Resumed,
    SatisfactionGiven,
    StepDone,
    StepSkipped,
)
from custledger.core.complaints.plan import ComplaintPlan
from custledger.core.complaints.regimes import Milestone
from custledger.core.complaints.state import Complaint, Phase, Round, applied
from custledger.core.refusal import Refusal
from custledger.errors import BadInputError

__all__ = ["refusals", "state_of"]


def state_of(events: Iterable[ComplaintEvent], plan: ComplaintPlan) -> Complaint:
    """The complaint after its events, in their order; the first one opens it.

    BadInputError if it does not, or the plan is not the one that it was opened with.
    """
    complaint: Complaint | None = None
    for event in events:
        if complaint is None:
            complaint = _opened(event, plan)
            continue
        found = refusals(event, complaint, plan)
        if found:
            ignored = (*complaint.ignored, (event, found))
            complaint = replace(complaint, ignored=ignored)
        else:
            complaint = applied(complaint, event, plan)
    if complaint is None:
        raise BadInputError("A complaint begins with its opening; there is no event.")
    return complaint


def _opened(event: ComplaintEvent, plan: ComplaintPlan) -> Complaint:
    if not isinstance(event, Opened):
        raise BadInputError(f"A complaint begins with its opening, not with {event.kind!r}.")
    if (event.plan_name, event.plan_version) != (plan.name, plan.version):
        raise BadInputError(
            f"The complaint was opened with version {event.plan_version} of the plan "
            f"{event.plan_name!r}. Give that plan, not version {plan.version} of {plan.name!r}."
        )
    return Complaint(event, (Round(event.at),), event.at)


def refusals(
    event: ComplaintEvent, complaint: Complaint, plan: ComplaintPlan
) -> tuple[Refusal, ...]:
    """Why the event is not allowed after what happened so far; empty where it is allowed."""
    found = []
    if event.at < complaint.last_at:
        found.append(
            Refusal("order", f"It has a later event ({complaint.last_at}); sort them by time.")
        )
    if isinstance(event, Opened):
        return (*found, Refusal("twice", "The complaint is open already; record what came next."))
    found += _of_phase(event, complaint)
    if isinstance(event, StepDone | StepSkipped):
        found += _of_step(event, complaint, plan)
    elif isinstance(event, Acknowledged) and complaint.round.met_at(Milestone.ACKNOWLEDGEMENT):
        found.append(Refusal("twice", "The customer has an acknowledgement or an answer already."))
    elif isinstance(event, Escalated) and complaint.round.escalated_at:
        found.append(Refusal("twice", "The owner has it already."))
    elif isinstance(event, Extended) and complaint.round.extended_at:
        found.append(Refusal("twice", "It was extended before, and once is all that a law allows."))
    elif isinstance(event, Recovered) and complaint.recovered:
        found.append(Refusal("twice", "The recovery is recorded already."))
    return tuple(found)


_AFTER_RESOLUTION: Final = (SatisfactionGiven, Reopened, Recovered)
_ANY_PHASE: Final = (StepDone, StepSkipped)


def _of_phase(event: ComplaintEvent, complaint: Complaint) -> Iterable[Refusal]:
    phase = complaint.phase
    if isinstance(event, _AFTER_RESOLUTION):
        if phase is not Phase.RESOLVED:
            yield Refusal("not_resolved", "The complaint is not resolved yet; resolve it first.")
    elif isinstance(event, _ANY_PHASE):
        return
    elif phase is Phase.RESOLVED:
        yield Refusal("resolved", "The complaint is resolved; reopen it first.")
    elif isinstance(event, Paused) and phase is Phase.WAITING:
        yield Refusal("paused", "We are waiting for the customer already.")
    elif isinstance(event, Resumed) and phase is not Phase.WAITING:
        yield Refusal("not_paused", "We are not waiting for the customer; nothing to resume.")


def _of_step(
    event: StepDone | StepSkipped, complaint: Complaint, plan: ComplaintPlan
) -> Iterable[Refusal]:
    step = plan.step(event.step)
    if step is None:
        ids = ", ".join(s.id for s in plan.steps)
        yield Refusal("unknown_step", f"The plan has no step {event.step!r}. Steps are: {ids}.")
        return
    if step.id in complaint.marks:
        yield Refusal("twice", f"The step {step.id!r} is done or skipped already.")
    resolved = complaint.phase is Phase.RESOLVED
    if step.after_resolution and not resolved:
        yield Refusal("not_resolved", f"The step {step.id!r} comes after the resolution.")
    if resolved and not step.after_resolution:
        yield Refusal("resolved", "The complaint is resolved; reopen it first.")
