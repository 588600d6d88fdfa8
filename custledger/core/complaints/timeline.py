"""Events that are recorded late, or taken back: does the story still make sense?

Events are sorted by when they happened. One that is recorded late takes its place among them; it
is refused only where it, or what came after it, would make no sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from custledger.core.clock import zone
from custledger.core.complaints.events import ComplaintEvent
from custledger.core.complaints.plan import ComplaintPlan
from custledger.core.complaints.rules import state_of
from custledger.core.complaints.state import Complaint
from custledger.core.refusal import Refusal
from custledger.core.words import words

__all__ = ["Judged", "judged", "judged_without"]

# What comes a second time does no harm: it counts no more, and stays in the trail.
_HARMLESS: Final = frozenset(("twice", "paused", "not_paused"))


class Judged(NamedTuple):
    """The complaint as it would be, why that is refused, and what to know where it is not."""

    complaint: Complaint
    refusals: tuple[Refusal, ...]
    remarks: tuple[str, ...] = ()


def judged(
    events: Sequence[ComplaintEvent],
    new: ComplaintEvent,
    plan: ComplaintPlan,
    zone_name: str = "UTC",
) -> Judged:
    """A complaint with one event more, which happened whenever; ``events`` are sorted by time.

    The texts have their times in the zone.
    """
    before = state_of(events, plan)
    if new.at < events[0].at:
        received = _moment(events[0], zone_name)
        text = f"It was received on {received}: nothing can have happened before that."
        return Judged(before, (Refusal("before_opening", text),))
    place = sum(event.at <= new.at for event in events)
    after = state_of([*events[:place], new, *events[place:]], plan)
    own = [found for event, found in after.ignored if event is new]
    if own:
        return Judged(before, own[0])
    harmful = [(e, found) for e, found in after.ignored if _is_harmed(e, found, before)]
    if harmful:
        return Judged(before, tuple(_no_place(event, found, zone_name) for event, found in harmful))
    remarks = tuple(
        f"What was {_recorded(event, zone_name)} counts no more, since this came before it."
        for event, _ in _lost(before, after)
    )
    return Judged(after, (), remarks)


def judged_without(
    events: Sequence[ComplaintEvent],
    gone: ComplaintEvent,
    plan: ComplaintPlan,
    zone_name: str = "UTC",
) -> Judged:
    """A complaint without one of its events, which must not be its opening."""
    before = state_of(events, plan)
    after = state_of([event for event in events if event is not gone], plan)
    lost = _lost(before, after)
    if lost:
        return Judged(before, tuple(_needs_it(event, found, zone_name) for event, found in lost))
    return Judged(after, ())


def _lost(before: Complaint, after: Complaint) -> list[tuple[ComplaintEvent, tuple[Refusal, ...]]]:
    known = {id(event) for event, _ in before.ignored}
    return [(event, found) for event, found in after.ignored if id(event) not in known]


def _is_harmed(event: ComplaintEvent, found: tuple[Refusal, ...], before: Complaint) -> bool:
    """Whether an event that made sense, be it as a second one, makes none now."""
    known = {r.code for one, refusals in before.ignored if one is event for r in refusals}
    return bool({refusal.code for refusal in found} - _HARMLESS - known)


def _no_place(event: ComplaintEvent, found: tuple[Refusal, ...], zone_name: str) -> Refusal:
    return Refusal(
        "later",
        f"It does not go with what was {_recorded(event, zone_name)}: {found[0].text} "
        "Check the times; take that back first if it is wrong.",
    )


def _needs_it(event: ComplaintEvent, found: tuple[Refusal, ...], zone_name: str) -> Refusal:
    return Refusal(
        "needed",
        f"What was {_recorded(event, zone_name)} rests on it: {found[0].text} "
        "Take that back first.",
    )


def _recorded(event: ComplaintEvent, zone_name: str) -> str:
    return f"recorded as {words(event.kind)} on {_moment(event, zone_name)}"


def _moment(event: ComplaintEvent, zone_name: str) -> str:
    at = event.at.astimezone(zone(zone_name))
    return f"{at:%Y-%m-%d %H:%M} {at.tzname()}"
