"""What is due for a complaint, what is next, and who has been left waiting.

All is calculated from the folded events, so fold those up to the day that you ask about.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from custledger.core.calendar.time_limits import TimeLimit
from custledger.core.calendar.working_time import Calendar
from custledger.core.checks import check_moment
from custledger.core.complaints.plan import ComplaintPlan, Step
from custledger.core.complaints.regimes import Milestone, Regime
from custledger.core.complaints.state import Complaint, Phase, Round

__all__ = [
    "Deadline",
    "Overdue",
    "deadlines",
    "missed_steps",
    "next_steps",
    "overdue",
    "step_due",
    "waiting_time",
]


@dataclass(frozen=True, slots=True)
class Deadline:
    """By when a milestone is due under a regime, and when it was met.

    ``due`` None: the clock stands still while we wait for the customer. ``met_at`` None: not yet.
    """

    milestone: Milestone
    due: datetime | None
    met_at: datetime | None
    regime: Regime

    def is_overdue(self, as_of: datetime) -> bool:
        """Whether it was due before that moment and had not been met by then."""
        met = self.met_at is not None and self.met_at <= as_of
        return not met and self.due is not None and self.due < as_of

    @property
    def was_met_late(self) -> bool:
        """Whether it was met, but after it was due."""
        return self.met_at is not None and self.due is not None and self.met_at > self.due


@dataclass(frozen=True, slots=True)
class Overdue:
    """A deadline that has passed: how late we are, and how long the customer has been waiting.

    ``late`` is real time, ``late_working`` the part of it in which the firm was open; ``waiting``
    is real time from the receipt, without the times in which we waited for the customer.
    """

    deadline: Deadline
    late: timedelta
    late_working: timedelta
    waiting: timedelta


def deadlines(
    complaint: Complaint, regimes: Iterable[Regime], calendar: Calendar
) -> tuple[Deadline, ...]:
    """The deadlines under each regime, in the order of milestones.

    Where a regime does not restart with a complaint that is reopened, its limits run from the first
    receipt, and what the customer had in an earlier round counts.
    """
    regimes = tuple(regimes)
    return tuple(
        Deadline(milestone, _due(complaint, regime, milestone, limit, calendar), met_at, regime)
        for milestone in Milestone
        for regime in regimes
        if (limit := regime.limit_of(milestone)) is not None
        for met_at in [_met_at(complaint, regime, milestone)]
    )


def overdue(
    complaint: Complaint, due: Iterable[Deadline], calendar: Calendar, *, as_of: datetime
) -> tuple[Overdue, ...]:
    """The deadlines that have passed unmet, the one that is latest first."""
    check_moment(as_of, "as_of")
    waiting = waiting_time(complaint, as_of)
    found = [
        Overdue(
            deadline,
            as_of - deadline.due,
            calendar.working_time_between(deadline.due, as_of),
            waiting,
        )
        for deadline in due
        if deadline.due is not None and deadline.is_overdue(as_of)
    ]
    return tuple(sorted(found, key=lambda one: one.late, reverse=True))


def waiting_time(complaint: Complaint, as_of: datetime) -> timedelta:
    """How long the customer has waited for the end of this round, without what they owed us.

    Real time from the receipt, or the reopening, to the resolution or ``as_of``.
    """
    now = complaint.round
    end = min(as_of, now.resolution.at) if now.resolution else as_of
    waited = end - now.started_at
    for pause in complaint.pauses:
        start, stop = max(pause.start, now.started_at), min(pause.end or end, end)
        waited -= max(stop - start, timedelta())
    return max(waited, timedelta())


def next_steps(complaint: Complaint, plan: ComplaintPlan) -> tuple[Step, ...]:
    """The steps that are left, in the plan's order; a step with ``when`` only if that is so."""
    resolved = complaint.phase is Phase.RESOLVED
    done = complaint.marks
    return tuple(s for s in plan.steps if s.after_resolution is resolved and s.id not in done)


def missed_steps(complaint: Complaint, plan: ComplaintPlan) -> tuple[Step, ...]:
    """The steps, of those always needed, that a resolved complaint left neither done nor skipped.

    A resolution does not wait for them: the customer comes first. They show in the report.
    """
    if complaint.phase is not Phase.RESOLVED:
        return ()
    needed = (s for s in plan.steps if s.is_always_needed and not s.after_resolution)
    return tuple(s for s in needed if s.id not in complaint.marks)


def step_due(
    step: Step, complaint: Complaint, due: Iterable[Deadline], calendar: Calendar
) -> datetime | None:
    """By when a step is due: the earliest deadline of its milestone, or by its own time limit.

    None if it has no deadline, or its clock stands still.
    """
    if isinstance(step.due, TimeLimit):
        now = complaint.round
        if not step.after_resolution:
            return step.due.due(now.started_at, calendar, complaint.pauses)
        return step.due.due(now.resolution.at, calendar) if now.resolution else None
    moments = [d.due for d in due if d.milestone is step.due and d.due is not None]
    return min(moments, default=None)


def _rounds(complaint: Complaint, regime: Regime) -> tuple[Round, ...]:
    return complaint.rounds[-1:] if regime.restarts else complaint.rounds


def _met_at(complaint: Complaint, regime: Regime, milestone: Milestone) -> datetime | None:
    met = (one.met_at(milestone) for one in _rounds(complaint, regime))
    return min((at for at in met if at is not None), default=None)


def _due(
    complaint: Complaint,
    regime: Regime,
    milestone: Milestone,
    limit: TimeLimit,
    calendar: Calendar,
) -> datetime | None:
    rounds = _rounds(complaint, regime)
    due = limit.due(rounds[0].started_at, calendar, complaint.pauses)
    if milestone is not Milestone.RESOLUTION or regime.extended is None:
        return due
    # Only who is told in time has to wait longer.
    told = [one.extended_at for one in rounds if one.extended_at is not None]
    if not any(due is None or at <= due for at in told):
        return due
    return regime.extended.due(rounds[0].started_at, calendar, complaint.pauses)
