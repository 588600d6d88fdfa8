"""What a decision lacks that it needs: evidence, a warning, and an incident that is new."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from custledger.core.decisions.events import (
    Cited,
    DecisionKind,
    DecisionMade,
    DecisionPolicy,
    Missing,
    NoticeGiven,
)
from custledger.core.decisions.scope import Limit
from custledger.core.decisions.state import CustomerDecisions, DecisionState

__all__ = ["missing_of"]

_OF_PAYMENT: Final = frozenset((Limit.CREDIT, Limit.PREPAYMENT_ONLY))


def missing_of(event: DecisionMade, state: CustomerDecisions) -> frozenset[Missing]:
    """What the decision lacks of evidence, warning, and an incident that is new.

    New is what came after the warning, and what no decision rests on that was as strict at the
    most, and overturned: an appeal is not undone by deciding the same once more.
    """
    lacking = set()
    if _rests_on_overturned(event, state):
        lacking.add(Missing.NEW_INCIDENT)
    if event.kind is DecisionKind.DO_NOT_SERVE and not _has_evidence(event, event.policy):
        lacking.add(Missing.EVIDENCE)
    if _needs_warning(event) and not event.bypass:
        warnings = [d for d in state.decisions if _warns(d, event.day)]
        if not warnings:
            lacking.add(Missing.WARNING)
        elif not any(_went_on(event, warning) for warning in warnings):
            lacking.add(Missing.NEW_INCIDENT)
    return frozenset(lacking)


def _has_evidence(event: DecisionMade, policy: DecisionPolicy) -> bool:
    if event.safety:
        return True
    if event.flag is None:
        return False
    return timedelta() <= event.day - event.flag.as_of <= timedelta(policy.flag_days)


def _needs_warning(event: DecisionMade) -> bool:
    """All that limits service, but for payment: there the reminders came before it."""
    if event.kind is DecisionKind.RESTRICTION:
        return not event.scope.limits <= _OF_PAYMENT
    return event.kind in (DecisionKind.BLOCK, DecisionKind.DO_NOT_SERVE)


def _rests_on_overturned(event: DecisionMade, state: CustomerDecisions) -> bool:
    kinds = [*DecisionKind]  # from the mildest to the strictest
    upheld_for_customer = {
        cited.ref
        for d in state.decisions
        if d.overturned and kinds.index(d.made.kind) <= kinds.index(event.kind)
        for cited in d.made.incidents
    }
    return bool(event.incidents) and {c.ref for c in event.incidents} <= upheld_for_customer


def _warns(decision: DecisionState, day: date) -> bool:
    told = decision.notice is not None
    return told and decision.made.kind is DecisionKind.WARNING and decision.in_force(day)


def _went_on(event: DecisionMade, warning: DecisionState) -> bool:
    notice = warning.notice
    assert notice is not None
    known = {c.ref for c in warning.made.incidents}
    return any(_came_after(c, notice) for c in event.incidents if c.ref not in known)


def _came_after(incident: Cited, notice: NoticeGiven) -> bool:
    """On a later day, or on the same day and not recorded before the notice was."""
    if incident.day != notice.day or notice.ref is None:
        return incident.day >= notice.day
    return incident.ref.subject != notice.ref.subject or incident.ref.seq > notice.ref.seq
