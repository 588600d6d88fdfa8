"""Reports over complaints: who is overdue, what passed its line, and who came back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, select

from custledger.core.clock import from_microseconds, to_microseconds, zone
from custledger.core.complaints.events import Extended, Opened, Paused, Reopened, Resumed
from custledger.core.complaints.records import (
    ComplaintDeadline,
    ComplaintRecord,
    OverdueComplaint,
    Recovery,
)
from custledger.core.due import DueItem, DueKind
from custledger.core.records import EntryKind, EntryRef, MoneyKind
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
from custledger.storage.context import Context
from custledger.storage.merges import group_of
from custledger.storage.reading import bodies_of
from custledger.storage.tables import EntryRow, EventRow, MoneyRow

__all__ = ["overdue_complaints", "passed_lines", "recoveries"]

_event, _entry, _money = table_of(EventRow), table_of(EntryRow), table_of(MoneyRow)
_void = _entry.alias("void")
_BOUGHT: Final = (MoneyKind.SALE, MoneyKind.INVOICE)
_MOVES_THE_CLOCK: Final = (Opened, Paused, Resumed, Reopened, Extended)
_MICROSECOND: Final = timedelta(microseconds=1)


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
    connection: Connection, context: Context, since: datetime, as_of: datetime
) -> list[DueItem]:
    """The deadlines that passed unmet after ``since``, until ``as_of``, in their order."""
    policies = complaint_policies(connection, context)
    begin = to_microseconds(since)
    taken_back = _taken_back(connection, begin)
    wanted = open_cases(connection, begin) | touched_cases(connection, begin) | taken_back.keys()
    found: dict[str, DueItem] = {}
    for complaint in complaints_of_cases(connection, context, policies, wanted):
        key = context.identities.key(connection, complaint.id.subject)
        void = taken_back.get((key or 0, complaint.id.seq))
        for then in _rounds(complaint, as_of):
            for item in _lines(then, policies, void):
                if since < item.passed_at <= as_of:
                    found[item.key] = item
    return sorted(found.values(), key=lambda item: (item.passed_at, item.key))


def _rounds(complaint: ComplaintRecord, as_of: datetime) -> Iterator[ComplaintRecord]:
    """The complaint as it stood when each round ended, and at the moment that is asked about."""
    ends = [e.event.at - _MICROSECOND for e in complaint.entries if isinstance(e.event, Reopened)]
    for moment in (*(end for end in ends if end < as_of), as_of):
        then = complaint.on(moment)
        if then is not None:
            yield then


def _lines(
    complaint: ComplaintRecord, policies: ComplaintPolicies, void: datetime | None
) -> Iterator[DueItem]:
    for one in complaint_deadlines(complaint, policies):
        if one.due is None or (one.met_at is not None and one.met_at <= one.due):
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
    found = []
    for complaint in complaints:
        end = complaint.state.round.resolution
        if end is None:
            continue
        count, first = _bought(connection, context, complaint, end.at, until)
        told = complaint.state.recovered
        if not count and told is None:
            continue
        found.append(
            Recovery(
                complaint=complaint.id,
                outcome=end.outcome,
                resolved_at=end.at,
                satisfied=complaint.state.satisfied,
                purchases=count,
                first=None if first is None else first[0],
                first_at=None if first is None else first[1],
                shown_by="" if told is None else told.shown_by,
            )
        )
    return sorted(found, key=lambda one: (one.resolved_at, str(one.complaint)), reverse=True)


def _bought(
    connection: Connection,
    context: Context,
    complaint: ComplaintRecord,
    after: datetime,
    until: datetime,
) -> tuple[int, tuple[EntryRef, datetime] | None]:
    """How many sales and invoices there were, and the first of them."""
    key = context.identities.key(connection, complaint.id.subject)
    bought: Any = (
        _money.c.customer_id.in_([] if key is None else group_of(connection, key)),
        _money.c.kind.in_(_BOUGHT),
        _money.c.occurred_at > to_microseconds(after),
        _money.c.occurred_at <= to_microseconds(until),
    )
    count = connection.scalar(select(func.count()).select_from(_money).where(*bought)) or 0
    if not count:
        return 0, None
    columns = (_money.c.customer_id, _money.c.seq, _money.c.occurred_at)
    query = select(*columns).where(*bought).order_by(_money.c.occurred_at, _money.c.id).limit(1)
    customer, seq, at = connection.execute(query).one()
    uuid = context.identities.uuid(connection, customer)
    return count, (EntryRef(uuid, seq), from_microseconds(at))
