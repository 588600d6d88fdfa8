"""Where a customer's decisions stand on a day, as a function of the events: no clock job is needed.

A decision lapses by itself on its review date ("once that date has been reached the restriction
will be lifted unless there are good grounds to extend": Stockton Council, guidance on unreasonable
complainant behaviour, 7.1). An appeal does not suspend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from custledger.core.decisions.events import (
    AppealDecided,
    Appealed,
    DecisionKind,
    DecisionMade,
    Event,
    Missing,
    NoticeGiven,
    Reviewed,
)
from custledger.core.records import EntryRef
from custledger.core.refusal import Refusal

__all__ = ["OVER", "CustomerDecisions", "DecisionState", "Duty", "Phase", "applied"]


class Phase(StrEnum):
    """Where a decision stands; ``decided`` waits for its notice, ``announced`` for its first day.

    A reinstatement is ``ended`` from the start: what it ends shows it.
    """

    DECIDED = "decided"
    ANNOUNCED = "announced"
    IN_FORCE = "in_force"
    LAPSED = "lapsed"
    ENDED = "ended"
    OVERTURNED = "overturned"


OVER: Final = (Phase.LAPSED, Phase.ENDED, Phase.OVERTURNED)
"""The phases in which it no longer holds; what lapses today can be extended today, and never after.
"""


class Duty(NamedTuple):
    """Something the firm still owes the customer, at the latest on a day."""

    what: str
    due_on: date


@dataclass(frozen=True, slots=True)
class DecisionState:
    """One decision with what came of it."""

    made: DecisionMade
    overridden: frozenset[Missing] = frozenset()
    notice: NoticeGiven | None = None
    appeal: Appealed | None = None
    appeal_decided: AppealDecided | None = None
    reviews: tuple[Reviewed, ...] = ()
    reinstated_on: date | None = None
    decided_by_decider: bool = False

    @property
    def bypassed(self) -> bool:
        """Whether it took effect at once for somebody's safety."""
        return bool(self.made.bypass)

    @property
    def overturned(self) -> bool:
        """Whether its appeal was decided for the customer."""
        return self.appeal_decided is not None and self.appeal_decided.overturned

    @property
    def deciders(self) -> frozenset[UUID]:
        """Who made or extended it; none of them decides its appeal."""
        return frozenset((self.made.by.id, *(r.by.id for r in self.reviews if r.review_on)))

    @property
    def decider_names(self) -> frozenset[str]:
        """Their names, to be told apart from an outsider's."""
        return frozenset((self.made.by.name, *(r.by.name for r in self.reviews if r.review_on)))

    @property
    def review_on(self) -> date:
        """The day on which it lapses; it is no longer in force on that day."""
        dates = [r.review_on for r in self.reviews if r.review_on]
        return dates[-1] if dates else self.made.review_on or self.made.day

    @property
    def reminder_on(self) -> date:
        """The day from which its review is near, by the policy that it was made under."""
        return self.review_on - timedelta(self.made.policy.reminder_days)

    @property
    def last_day(self) -> date:
        """The day of the last thing that happened to it."""
        events = (self.notice, self.appeal, self.appeal_decided, *self.reviews)
        days = [event.day for event in events if event is not None]
        return max([self.made.day, *days, self.reinstated_on or self.made.day])

    @property
    def effective_on(self) -> date | None:
        """The first day in force, or None while the customer was not told.

        A warning holds from its notice; a bypass at once; anything else ``notice_days`` after the
        notice at the earliest, unless an owner went on without notice.
        """
        first = self.made.effective_from or self.made.day
        if self.bypassed or Missing.NOTICE in self.overridden:
            return first
        if self.notice is None:
            return None
        wait = 0 if self.made.kind is DecisionKind.WARNING else self.made.policy.notice_days
        return max(first, self.notice.day + timedelta(wait))

    @property
    def ended_on(self) -> date | None:
        """The day from which somebody ended it, or None; a lapse is nobody's doing."""
        days = [r.day for r in self.reviews if r.review_on is None]
        if self.appeal_decided is not None and self.appeal_decided.overturned:
            days.append(self.appeal_decided.day)
        if self.reinstated_on is not None:
            days.append(self.reinstated_on)
        return min(days, default=None)

    def in_force(self, day: date) -> bool:
        """Whether it holds on the day, by what was recorded so far."""
        return self.phase(day) is Phase.IN_FORCE

    def phase(self, day: date) -> Phase:
        """Where it stands on the day, by what was recorded so far."""
        ended = self.ended_on
        if ended is not None and ended <= min(day, self.review_on):
            overturned = self.appeal_decided is not None and self.appeal_decided.overturned
            return Phase.OVERTURNED if overturned else Phase.ENDED
        if self.made.kind is DecisionKind.REINSTATEMENT:
            return Phase.ENDED
        if day >= self.review_on:
            return Phase.OVERTURNED if self.overturned else Phase.LAPSED
        effective = self.effective_on
        if effective is None:
            return Phase.DECIDED
        return Phase.IN_FORCE if effective <= day else Phase.ANNOUNCED

    def is_open(self, day: date) -> bool:
        """Whether it holds on the day, or will once its notice or first day has come."""
        return self.phase(day) not in OVER

    @property
    def duties(self) -> tuple[Duty, ...]:
        """What an immediate measure still owes the customer: notice and review, within days."""
        if not self.bypassed or self.ended_on is not None:
            return ()
        due = self.made.day + timedelta(self.made.policy.bypass_days)
        owed = {"notice": self.notice, "review": self.reviews}
        return tuple(Duty(what, due) for what, done in owed.items() if not done)

    @property
    def marks(self) -> tuple[str, ...]:
        """What was out of the ordinary, in words, to be shown wherever the decision is."""
        found = ["took effect at once for somebody's safety"] if self.bypassed else []
        if self.overridden:
            lacking = ", ".join(sorted(self.overridden)).replace("_", " ")
            found.append(f"the owner went on without: {lacking}")
        return (*found, *self._appeal_marks())

    def _appeal_marks(self) -> list[str]:
        decided = self.appeal_decided
        if decided is None:
            return []
        if decided.override is not None:
            return ["the appeal was decided under the owner's override"]
        if decided.outsider:
            return [f"the appeal was decided by an outsider, {decided.outsider}"]
        if self.decided_by_decider:
            return ["the appeal was reviewed again by the decider, the only person registered"]
        return []


@dataclass(frozen=True, slots=True)
class CustomerDecisions:
    """All decisions about one customer, under whatever names, as of a day.

    ``ignored`` are events that were not allowed when they came, with the reasons: they change
    nothing.
    """

    as_of: date
    decisions: tuple[DecisionState, ...] = ()
    ignored: tuple[tuple[Event, tuple[Refusal, ...]], ...] = ()

    @property
    def in_force(self) -> tuple[DecisionState, ...]:
        """The decisions that hold on the day."""
        return tuple(d for d in self.decisions if d.in_force(self.as_of))

    @property
    def still_open(self) -> tuple[DecisionState, ...]:
        """The decisions that hold on the day, or will once their notice or first day has come."""
        return tuple(d for d in self.decisions if d.is_open(self.as_of))

    @property
    def last_day(self) -> date | None:
        """The day of the last step, None before the first."""
        return max((d.last_day for d in self.decisions), default=None)

    def known_as(self, known: frozenset[UUID] | None) -> CustomerDecisions:
        """The same with what was decided about some of the customer's names only."""
        if known is None:
            return self
        kept = tuple(d for d in self.decisions if d.made.ref.subject in known)
        return replace(self, decisions=kept)

    def get(self, ref: EntryRef) -> DecisionState | None:
        """The decision of that reference."""
        return next((d for d in self.decisions if d.made.ref == ref), None)


def applied(
    state: CustomerDecisions, event: Event, overridden: frozenset[Missing] = frozenset()
) -> CustomerDecisions:
    """The state after an event that is allowed (see ``custledger.core.decisions.rules``)."""
    if isinstance(event, DecisionMade):
        decisions = (*state.decisions, DecisionState(event, overridden))
        if event.kind is DecisionKind.REINSTATEMENT:
            decisions = _reinstated(decisions, event)
    else:
        decisions = tuple(
            _with(d, event) if d.made.ref == event.decision else d for d in state.decisions
        )
    return replace(state, decisions=decisions)


def _reinstated(
    decisions: Sequence[DecisionState], event: DecisionMade
) -> tuple[DecisionState, ...]:
    return tuple(
        replace(d, reinstated_on=event.day)
        if d.made.kind is not DecisionKind.REINSTATEMENT
        and (not event.ends or d.made.ref in event.ends)
        and d.reinstated_on is None
        else d
        for d in decisions
    )


def _with(state: DecisionState, event: Event) -> DecisionState:
    if isinstance(event, NoticeGiven):
        return replace(state, notice=event)
    if isinstance(event, Appealed):
        return replace(state, appeal=event)
    if isinstance(event, AppealDecided):
        by_decider = event.by.id in state.deciders
        return replace(state, appeal_decided=event, decided_by_decider=by_decider)
    assert isinstance(event, Reviewed)
    return replace(state, reviews=(*state.reviews, event))
