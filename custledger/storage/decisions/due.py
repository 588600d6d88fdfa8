"""Which lines decisions passed: a review that comes up, a lapse, a duty of an immediate measure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from custledger.core.calendar.wall_clock import local_day, start_of_day
from custledger.core.clock import from_microseconds, to_microseconds
from custledger.core.decisions.events import DecisionKind, DecisionMade, Reviewed
from custledger.core.decisions.state import DecisionState, Phase
from custledger.core.due import DueItem, DueKind
from custledger.core.records import EntryRef
from custledger.core.words import day_in_words, words
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.decisions.decisions import DecisionReader, GroupEvents
from custledger.storage.tables import CustomerRow

__all__ = ["due_items"]

_customer = table_of(CustomerRow)


class _Line(NamedTuple):
    """A line that a decision passes: the day on which it begins, and what is told then."""

    kind: DueKind
    day: date
    what: str
    text: str
    made_at: int


def due_items(
    connection: Connection, context: Context, since: datetime | None, as_of: datetime
) -> list[DueItem]:
    """What passed after ``since`` and by ``as_of``, the oldest first; for None, what stands."""
    for moment in (since, as_of):
        if moment is not None:
            to_microseconds(moment)  # refuses a moment without a time zone
    day = local_day(as_of, context.zone)
    groups = DecisionReader(connection, context).groups()
    found = [
        (start, line, decision)
        for group in groups
        for decision in group.state(day).decisions
        if decision.made.kind is not DecisionKind.REINSTATEMENT
        for line in _lines(decision, group, day)
        if (start := _passed_at(line, context.zone)) <= as_of
        and (line.kind is not DueKind.DECISION_LAPSED if since is None else since < start)
    ]
    names = _names(connection, context, {d.made.ref for _, _, d in found})
    items = [_item(start, line, d, names[d.made.ref]) for start, line, d in found]
    return sorted(items, key=lambda item: (item.passed_at, item.key))


def _lines(decision: DecisionState, group: GroupEvents, day: date) -> Iterator[_Line]:
    phase, review_on = decision.phase(day), decision.review_on
    kind, on = words(decision.made.kind), day_in_words(review_on)
    made_at = _made_at(group, decision.made.ref, review_on)
    if phase in (Phase.DECIDED, Phase.ANNOUNCED, Phase.IN_FORCE):
        yield _Line(
            DueKind.DECISION_REVIEW,
            decision.reminder_on,
            review_on.isoformat(),
            f"The {kind} about {{name}} lapses on {on} unless somebody extends it with reasons.",
            made_at,
        )
    if phase is Phase.LAPSED:
        text = f"The {kind} about {{name}} lapsed on {on}: it no longer holds."
        yield _Line(DueKind.DECISION_LAPSED, review_on, review_on.isoformat(), text, made_at)
    for duty in decision.duties:
        due = day_in_words(duty.due_on)
        text = (
            f"The {kind} about {{name}} took effect at once: {_OWED[duty.what]} is owed by {due} "
            "at the latest."
        )
        made = _made_at(group, decision.made.ref, decision.made.review_on)
        yield _Line(DueKind.DECISION_DUTY, decision.made.day, duty.what, text, made)


_OWED = {"notice": "telling the customer", "review": "a review"}


def _made_at(group: GroupEvents, ref: EntryRef, review_on: date | None) -> int:
    """When the ledger took the entry that set the review date."""
    return max(
        event.recorded_at
        for event in group.events
        if event.case == ref
        and isinstance(event.event, DecisionMade | Reviewed)
        and event.event.review_on == review_on
    )


def _passed_at(line: _Line, zone_name: str) -> datetime:
    return max(start_of_day(line.day, zone_name), from_microseconds(line.made_at))


def _names(
    connection: Connection, context: Context, refs: Iterable[EntryRef]
) -> dict[EntryRef, str]:
    keys = {ref: context.identities.key(connection, ref.subject) for ref in refs}
    names: dict[int, str] = {}
    for portion in portions(sorted({key for key in keys.values() if key is not None})):
        query = select(_customer.c.id, _customer.c.name).where(_customer.c.id.in_(portion))
        names.update((key, name) for key, name in connection.execute(query))
    return {ref: names.get(key or 0, str(ref.subject)[:8]) for ref, key in keys.items()}


def _item(start: datetime, line: _Line, decision: DecisionState, name: str) -> DueItem:
    ref = decision.made.ref
    return DueItem(
        passed_at=start,
        kind=line.kind,
        key=f"{line.kind}:{ref}:{line.what}",
        text=line.text.replace("{name}", name),
        customer_id=ref.subject,
        ref=ref,
    )
