"""Complaints read back from their events, and what of them is due."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, case, func, select, tuple_

from custledger.core.bodies import StoredEntry
from custledger.core.calendar.wall_clock import local_day
from custledger.core.clock import from_microseconds
from custledger.core.complaints.clock import deadlines, overdue, step_due
from custledger.core.complaints.events import Opened, event_from
from custledger.core.complaints.records import (
    ComplaintDeadline,
    ComplaintEntry,
    ComplaintRecord,
    NextStep,
    OverdueComplaint,
)
from custledger.core.complaints.rules import state_of
from custledger.core.records import EntryKind, Fault
from custledger.storage.bulk import portions, table_of
from custledger.storage.complaints.policies import BUILT_IN_CALENDAR, ComplaintPolicies
from custledger.storage.context import Context
from custledger.storage.events import cases, events_where
from custledger.storage.tables import EntryRow, EventRow

__all__ = [
    "IN_EVENT",
    "Case",
    "complaint_deadlines",
    "complaint_from",
    "complaints_from",
    "complaints_of_cases",
    "open_cases",
    "overdue_complaint",
    "steps_left",
    "touched_cases",
]

_event, _entry = table_of(EventRow), table_of(EntryRow)
_complaint = _event.c.kind == EntryKind.COMPLAINT

IN_EVENT: Final = ("of", "staff", "other", "fault_before")
"""What the body of an event has beside the event itself: the case, who did it if not who recorded
it, the owner who has it now, and what the fault of the contact was."""

Case = tuple[int, int]
"""(Key of the customer, number of the entry that opened it)."""

_NO_CALENDAR: Final = (
    "No opening hours are set: the clock takes Monday to Friday, 9:00 to 17:00, and no holidays. "
    "Set yours: custledger complaint calendar set."
)


def complaints_from(
    events: Iterable[StoredEntry], policies: ComplaintPolicies
) -> list[ComplaintRecord]:
    """The complaints that events make, in the order of recording.

    A case whose opening was erased has lost what it was about, and is left out.
    """
    return [
        complaint_from(of_case, policies)
        for ref, of_case in cases(events).items()
        if of_case[0].id == ref
    ]


def complaint_from(events: Sequence[StoredEntry], policies: ComplaintPolicies) -> ComplaintRecord:
    """The complaint that its events make, the opening first among them."""
    entries = sorted(map(_entry_of, events), key=lambda e: (e.event.at, e.ref.seq))
    opened = entries[0].event
    assert isinstance(opened, Opened)
    plan = policies.plans[opened.plan_name, opened.plan_version]
    state = state_of([one.event for one in entries], plan)
    regimes = tuple(policies.regimes[version][0] for version in opened.regimes)
    warnings = (_NO_CALENDAR,) if opened.calendar_version == BUILT_IN_CALENDAR else ()
    return ComplaintRecord(events[0].id, state, plan, regimes, tuple(entries), warnings)


def _entry_of(stored: StoredEntry) -> ComplaintEntry:
    body = {name: value for name, value in stored.body.items() if name not in IN_EVENT}
    occurred = stored.recorded_at if stored.occurred_at is None else stored.occurred_at
    who, owner, before = (stored.body.get(name) for name in ("staff", "other", "fault_before"))
    by = UUID(who) if who else stored.actor
    return ComplaintEntry(
        ref=stored.id,
        event=event_from(body, at=from_microseconds(occurred), by=by),
        recorded_at=from_microseconds(stored.recorded_at),
        recorded_by=stored.actor,
        staff_note=stored.staff_body.get("staff_note", ""),
        escalated_to=UUID(owner) if owner else None,
        fault_before=Fault(before) if before else None,
    )


def open_cases(connection: Connection, at: int) -> set[Case]:
    """The cases that were open at a moment (microseconds): resolved no more often than reopened."""
    ends = func.sum(case((_event.c.event == "resolved", 1), else_=0))
    begins = func.sum(case((_event.c.event == "reopened", 1), else_=0))
    query = (
        select(_event.c.customer_id, _event.c.case_seq)
        .where(_complaint, _event.c.occurred_at <= at)
        .group_by(_event.c.customer_id, _event.c.case_seq)
        .having(ends <= begins)
    )
    return {(customer, seq) for customer, seq in connection.execute(query)}


def touched_cases(connection: Connection, since: int) -> set[Case]:
    """The cases of which something was recorded after a moment (microseconds)."""
    query = (
        select(_event.c.customer_id, _event.c.case_seq)
        .join(_entry, _entry.c.id == _event.c.entry_id)
        .where(_complaint, _entry.c.recorded_at > since)
        .distinct()
    )
    return {(customer, seq) for customer, seq in connection.execute(query)}


def complaints_of_cases(
    connection: Connection, context: Context, policies: ComplaintPolicies, wanted: Iterable[Case]
) -> list[ComplaintRecord]:
    """The complaints that these cases are."""
    events: list[StoredEntry] = []
    for portion in portions(sorted(wanted)):
        place = tuple_(_event.c.customer_id, _event.c.case_seq).in_(portion)
        events += events_where(connection, context, _complaint, place)
    return complaints_from(events, policies)


def complaint_deadlines(
    complaint: ComplaintRecord, policies: ComplaintPolicies
) -> tuple[ComplaintDeadline, ...]:
    """Its deadlines, by the calendar of its day; an assumption says whose holidays are missing."""
    version = complaint.opened.calendar_version
    calendar = policies.clock(version)
    found = []
    for one in deadlines(complaint.state, complaint.regimes, calendar):
        said = ""
        limits = (one.regime.limit_of(one.milestone), one.regime.extended)
        if one.due is not None and any(limit and limit.asks_for_holidays for limit in limits):
            first, last = (local_day(m, calendar.zone) for m in (complaint.opened.at, one.due))
            years = policies.unknown_years(version, first.year, last.year)
            said = _assumed(years) if years else ""
        values = {f.name: getattr(one, f.name) for f in fields(one)}
        found.append(ComplaintDeadline(**values, assumption=said))
    return tuple(found)


def overdue_complaint(
    complaint: ComplaintRecord, policies: ComplaintPolicies, as_of: datetime
) -> OverdueComplaint | None:
    """What of a complaint, as it stood at that moment, has passed unmet; None if nothing has."""
    due = complaint_deadlines(complaint, policies)
    calendar = policies.clock(complaint.opened.calendar_version)
    late = overdue(complaint.state, due, calendar, as_of=as_of)
    return OverdueComplaint(complaint, late[0].waiting, late) if late else None


def steps_left(
    complaint: ComplaintRecord, policies: ComplaintPolicies, left: Iterable[Any]
) -> tuple[NextStep, ...]:
    """Steps of the plan with the moment by which each is due."""
    due = complaint_deadlines(complaint, policies)
    calendar = policies.clock(complaint.opened.calendar_version)
    return tuple(NextStep(step, step_due(step, complaint.state, due, calendar)) for step in left)


def _assumed(years: Sequence[int]) -> str:
    named = ", ".join(map(str, years))
    return (
        f"The holidays of {named} are not loaded, so none are counted: it may be later. Load them: "
        "custledger complaint calendar set --country CODE --years FIRST-LAST."
    )
