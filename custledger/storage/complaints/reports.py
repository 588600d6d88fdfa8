"""Reports over complaints: who is overdue, what passed its line, and who came back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.clock import day_of, from_microseconds, to_microseconds, zone
from custledger.core.complaints.events import Extended, Opened, Paused, Reopened, Resumed
from custledger.core.complaints.records import (
    ComplaintDeadline,
    ComplaintRecord,
    OverdueComplaint,
    Recovery,
)
from custledger.core.due import DueItem, DueKind
from custledger.core.records import EntryKind, EntryRef
from custledger.core.words import words
from custledger.storage.bulk import table_of
from custledger.storage.complaints.complaints import (
    Case,
    complaint_deadlines,
    complaints_of_cases,
    open_cases,
    overdue_complaint,
    touched_cases,
)
from custledger.storage.complaints.policies import ComplaintPolicies, complaint_policies
from custledger.storage.complaints.resolutions import bought_by
from custledger.storage.context import Context
from custledger.storage.merges import persons
from custledger.storage.reading import bodies_of
from custledger.storage.tables import EntryRow

__all__ = ["overdue_complaints", "passed_lines", "recoveries"]

_entry = table_of(EntryRow)
_void = _entry.alias("void")
_MOVES_THE_CLOCK: Final = (Opened, Paused, Resumed, Reopened, Extended)
_MICROSECOND: Final = timedelta(microseconds=1)
_EVER: Final = from_microseconds(0)


def overdue_complaints(
    connection: Connection, context: Context, as_of: datetime
) -> list[OverdueComplaint]:
    """The complaints with deadlines passed unmet at that moment, who waits longest first."""
    policies = complaint_policies(connection, context)
    wanted = open_cases(connection, to_microseconds(as_of))
    found = []
    for complaint in complaints_of_cases(connection, context, policies, wanted):
        then = complaint.on(as_of)
        late = None if then is None else overdue_complaint(then, policies, as_of)
        if late is not None:
            found.append(late)
    return sorted(found, key=lambda one: (-one.waiting, str(one.complaint.id)))


def passed_lines(
    connection: Connection, context: Context, since: datetime | None, as_of: datetime
) -> list[DueItem]:
    """The deadlines that passed unmet after ``since``, until ``as_of``, in their order.

    With ``since=None``, those that are unmet at ``as_of``.
    """
    policies = complaint_policies(connection, context)
    begin = to_microseconds(since or _EVER)
    taken_back = _taken_back(connection, begin)
    wanted = open_cases(connection, begin) | touched_cases(connection, begin) | taken_back.keys()
    found: dict[str, DueItem] = {}
    for complaint in complaints_of_cases(connection, context, policies, wanted):
        key = context.identities.key(connection, complaint.id.subject)
        void = taken_back.get((key or 0, complaint.id.seq))
        for then in _rounds(complaint, as_of, ended=since is not None):
            for item in _lines(then, policies, void, met=since is not None):
                if (since or _EVER) < item.passed_at <= as_of:
                    found[item.key] = item
    return sorted(found.values(), key=lambda item: (item.passed_at, item.key))


def _rounds(
    complaint: ComplaintRecord, as_of: datetime, *, ended: bool
) -> Iterator[ComplaintRecord]:
    """The complaint at the moment that is asked about; before it, as each round ``ended``."""
    ends = [e.event.at - _MICROSECOND for e in complaint.entries if isinstance(e.event, Reopened)]
    for moment in (*(end for end in ends if ended and end < as_of), as_of):
        then = complaint.on(moment)
        if then is not None:
            yield then


def _lines(
    complaint: ComplaintRecord, policies: ComplaintPolicies, void: datetime | None, *, met: bool
) -> Iterator[DueItem]:
    """The deadlines that passed unmet; with ``met``, those that were met too late as well."""
    for one in complaint_deadlines(complaint, policies):
        if one.due is None or (one.met_at is not None and (not met or one.met_at <= one.due)):
            continue
        # What was recorded, or taken back, after the line had passed makes it known late.
        known = [
            entry.recorded_at
            for entry in complaint.entries
            if isinstance(entry.event, _MOVES_THE_CLOCK) and entry.event.at <= one.due
        ]
        yield DueItem(
            passed_at=max([one.due, *known, *([void] if void else [])]),
            kind=DueKind.COMPLAINT_OVERDUE,
            key=f"{DueKind.COMPLAINT_OVERDUE}/{complaint.id}/{one.regime.id}/{one.milestone}/"
            f"{one.due.isoformat()}",
            text=_in_words(complaint, one, policies),
            customer_id=complaint.customer_id,
            ref=complaint.id,
        )


def _in_words(
    complaint: ComplaintRecord, one: ComplaintDeadline, policies: ComplaintPolicies
) -> str:
    clock = zone(policies.calendars[complaint.opened.calendar_version].calendar.zone)
    due, met = one.due, one.met_at
    assert due is not None
    told = f"; it came on {met.astimezone(clock):%Y-%m-%d %H:%M}" if met else ""
    return (
        f"Complaint #{complaint.id.seq}: the {words(one.milestone)} was due on "
        f"{due.astimezone(clock):%Y-%m-%d %H:%M} ({one.regime.name}){told}."
    )


def _taken_back(connection: Connection, since: int) -> dict[Case, datetime]:
    """When an event of each case was last voided, of those voided after a moment."""
    query = (
        select(_entry.c.id, _entry.c.subject_id, _void.c.recorded_at)
        .join(
            _void,
            (_void.c.subject_id == _entry.c.subject_id) & (_void.c.supersedes == _entry.c.seq),
        )
        .where(
            _void.c.kind == EntryKind.VOID,
            _void.c.recorded_at > since,
            _entry.c.kind == EntryKind.COMPLAINT,
        )
    )
    rows = connection.execute(query).all()
    bodies = bodies_of(connection, [row.id for row in rows])
    found: dict[Case, datetime] = {}
    for key, subject, recorded_at in rows:
        of = next((body["of"] for body in bodies.get(key, {}).values() if "of" in body), None)
        if of is not None:
            moment = from_microseconds(recorded_at)
            found[subject, of] = max(found.get((subject, of), moment), moment)
    return found


def recoveries(
    connection: Connection, context: Context, complaints: Iterable[ComplaintRecord], until: datetime
) -> list[Recovery]:
    """Those of resolved complaints whose customers came back by that moment, latest end first."""
    ended = [(one, end) for one in complaints if (end := one.state.round.resolution) is not None]
    person, last = persons(connection), to_microseconds(until)
    heads: dict[UUID, int] = {}
    for uuid in {one.customer_id for one, _ in ended}:
        key = context.identities.key(connection, uuid) or 0
        heads[uuid] = person.get(key, key)
    bought = bought_by(connection, set(heads.values()), day_of(last, context.zone))
    uuids = context.identities.uuids(connection, {p.customer for b in bought.values() for p in b})
    found = []
    for complaint, end in ended:
        over, mine = to_microseconds(end.at), bought[heads[complaint.customer_id]]
        since = [one for one in mine if over < one.at <= last]
        told = complaint.state.recovered
        if not since and told is None:
            continue
        first = since[0] if since else None
        found.append(
            Recovery(
                complaint=complaint.id,
                outcome=end.outcome,
                resolved_at=end.at,
                satisfied=complaint.state.satisfied,
                purchases=len(since),
                first=None if first is None else EntryRef(uuids[first.customer], first.seq),
                first_at=None if first is None else from_microseconds(first.at),
                shown_by="" if told is None else told.shown_by,
            )
        )
    return sorted(found, key=lambda one: (one.resolved_at, str(one.complaint)), reverse=True)
