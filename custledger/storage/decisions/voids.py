"""Taking back a step of a decision that was entered by mistake, without a way round the rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from custledger.core.decisions.events import AppealDecided, Appealed, DecisionMade, is_human
from custledger.core.decisions.state import OVER, CustomerDecisions, DecisionState
from custledger.core.decisions.steps import DecisionVoid
from custledger.core.records import EntryRef
from custledger.core.refusal import Refusal
from custledger.errors import NotFoundError
from custledger.storage.corrections import current, void_draft
from custledger.storage.decisions.decisions import RecordedEvent
from custledger.storage.decisions.desk import DecisionDesk
from custledger.storage.tables import EventRow

__all__ = ["void_step"]

_SLIP: Final = "Only who recorded it can take it back, on the same day."


def void_step(desk: DecisionDesk, entry: EntryRef, reason: str) -> DecisionVoid:
    """Void a step; a decision goes with all that came of it. NotFoundError for no such step.

    What speaks for the customer (an appeal, an end, a decision overturned) is not taken back later
    by somebody else: that would be a way to bring a decision back without deciding anew.
    """
    target = next((e for e in desk.group.events if e.entry == entry), None)
    if target is None:
        raise NotFoundError(
            f"There is no step {entry} of a decision that stands. `custledger history` shows it."
        )
    whole = isinstance(target.event, DecisionMade)
    gone = [e for e in desk.group.events if (e.case == target.case if whole else e is target)]
    after = desk.group.state(desk.today, {e.entry for e in gone})
    found = tuple(_refusals(desk, target, after))
    if found:
        return DecisionVoid(found)
    lines = [current(desk.connection, desk.context, EventRow, e.entry) for e in gone]
    desk.journal.append([void_draft(line, reason) for line in lines])
    return DecisionVoid((), tuple(e.entry for e in gone), _fallen(desk, target, after))


def _refusals(
    desk: DecisionDesk,
    target: RecordedEvent,
    after: CustomerDecisions,
) -> Iterable[Refusal]:
    event = target.event
    if not is_human(desk.writer):
        yield Refusal("no_person", f"A named person takes it back; {desk.writer.name} is none.")
    if isinstance(event, Appealed) and any(
        isinstance(e.event, AppealDecided) and e.case == target.case for e in desk.group.events
    ):
        yield Refusal("decided", "The appeal was decided; it can no longer be taken back.")
    slip = event.by.id == desk.journal.actor_id and event.day == desk.today
    if slip:
        return
    if isinstance(event, Appealed):
        yield Refusal("appeal", f"It is the customer's appeal. {_SLIP}")
    if any(_is_back(desk, d) for d in after.still_open):
        yield Refusal(
            "brings_back",
            f"Without it, a decision would hold again, or longer. {_SLIP} Decide anew, if there "
            "are reasons.",
        )


def _is_back(desk: DecisionDesk, decision: DecisionState) -> bool:
    before = desk.state.get(decision.made.ref)
    if before is None or before.phase(desk.today) in OVER:
        return True
    return decision.review_on > before.review_on


def _fallen(
    desk: DecisionDesk, target: RecordedEvent, after: CustomerDecisions
) -> tuple[DecisionState, ...]:
    left = {d.made.ref for d in after.still_open} | {target.case}
    return tuple(d for d in desk.state.still_open if d.made.ref not in left)
