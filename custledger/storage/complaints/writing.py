"""How an event of a complaint is recorded, or taken back: judged behind the chain's lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.checks import check_moment, check_reason, check_text
from custledger.core.clock import from_microseconds, to_microseconds
from custledger.core.complaints.events import ComplaintEvent, body_of
from custledger.core.complaints.records import (
    ComplaintChange,
    ComplaintEntry,
    ComplaintRecord,
    FaultChange,
)
from custledger.core.complaints.timeline import judged, judged_without
from custledger.core.facts import Body
from custledger.core.records import EntryKind, EntryRef
from custledger.core.refusal import Refusal
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.complaints.complaints import complaint_from
from custledger.storage.complaints.faults import after_void
from custledger.storage.complaints.policies import ComplaintPolicies, complaint_policies
from custledger.storage.context import Context
from custledger.storage.corrections import current, void_draft
from custledger.storage.events import append_event, listed
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import StaffLike, StaffMembers
from custledger.storage.tables import EventRow

__all__ = [
    "Also",
    "ComplaintLike",
    "Consequences",
    "Happened",
    "Make",
    "Said",
    "read_complaint",
    "record_event",
    "said_of",
    "void_entry",
]

_event = table_of(EventRow)

ComplaintLike = ComplaintRecord | ComplaintEntry | EntryRef
"""A complaint's record, or the reference of an entry; an event of it where that is asked for."""

Make = Callable[[datetime, UUID], ComplaintEvent]
"""Makes the event of when it happened and who did it."""


class Happened(TypedDict, total=False):
    """When it happened (default: now), who did it (default: who records it), and a note for staff.

    What is recorded late takes its place among the events of the complaint.
    """

    occurred_at: datetime | None
    staff: StaffLike | None
    staff_note: str


class Consequences(NamedTuple):
    """What an event brings with it: reasons against it, more in its body, corrections, remarks."""

    refusals: tuple[Refusal, ...] = ()
    body: Mapping[str, Any] = {}
    faults: tuple[FaultChange, ...] = ()
    remarks: tuple[str, ...] = ()


Also = Callable[[Journal, ComplaintRecord, ComplaintPolicies, Any], Consequences]


def read_complaint(
    connection: Connection,
    context: Context,
    complaint: ComplaintLike,
    policies: ComplaintPolicies | None = None,
) -> ComplaintRecord:
    """The complaint as it stands; NotFoundError if there is none."""
    events = listed(connection, context, EntryKind.COMPLAINT, _ref(complaint))
    return complaint_from(events, policies or complaint_policies(connection, context))


def record_event(
    journal: Journal,
    context: Context,
    complaint: ComplaintLike,
    make: Make,
    happened: Mapping[str, Any],
    also: Also | None = None,
) -> ComplaintChange:
    """Record an event, with what it brings along, unless it may not come now."""
    connection, ref = journal.connection, _ref(complaint)
    _lock(journal, context, ref)
    policies = complaint_policies(connection, context)
    found = read_complaint(connection, context, ref, policies)
    said = said_of(journal, context, happened)
    event = make(said.at, said.by)
    verdict = judged([one.event for one in found.entries], event, found.plan, context.zone)
    refusals = (*_in_future(journal, event), *verdict.refusals)
    if refusals:
        return ComplaintChange(False, found, refusals=refusals)
    more = Consequences() if also is None else also(journal, found, policies, event)
    if more.refusals:
        return ComplaintChange(False, found, refusals=more.refusals)
    key = journal.key_of(ref.subject)
    body = {**body_of(event), "of": ref.seq, **said.body, **more.body}
    stored = append_event(
        journal,
        key,
        EntryKind.COMPLAINT,
        body,
        occurred_at=said.occurred_at,
        staff_body=said.staff_body,
    )
    now = read_complaint(connection, context, ref, policies)
    remarks = (*verdict.remarks, *more.remarks)
    return ComplaintChange(True, now, stored.entry, (), more.faults, remarks)


def void_entry(
    journal: Journal, context: Context, entry: ComplaintLike, reason: str
) -> ComplaintChange:
    """Void an event, or with its opening a whole complaint; refused where others rest on it."""
    text, ref = check_reason(reason), _ref(entry)
    connection = journal.connection
    _lock(journal, context, ref)
    case = EntryRef(ref.subject, _case_of(connection, context, ref))
    policies = complaint_policies(connection, context)
    found = read_complaint(connection, context, case, policies)
    gone = [one for one in found.entries if ref in (case, one.ref)]
    if ref != case:
        events = [one.event for one in found.entries]
        verdict = judged_without(events, gone[0].event, found.plan, context.zone)
        if verdict.refusals:
            return ComplaintChange(False, found, refusals=verdict.refusals)
    left = [e for e in found.entries if e not in gone]
    fixed = after_void(journal, context, policies, found, left)
    places = [current(connection, context, EventRow, one.ref) for one in gone]
    written = journal.refs(journal.append([void_draft(place, text) for place in places]))
    now = found if ref == case else read_complaint(connection, context, case, policies)
    return ComplaintChange(True, now, written[-1], (), fixed.changes, fixed.remarks)


class Said(NamedTuple):
    """When an event happened, who did it, and what its bodies keep of that."""

    at: datetime
    by: UUID
    occurred_at: int | None
    body: Body
    staff_body: Body | None


def said_of(journal: Journal, context: Context, happened: Mapping[str, Any]) -> Said:
    """What was said of when an event happened and who did it, checked."""
    unknown = happened.keys() - Happened.__annotations__.keys()
    if unknown:
        raise BadInputError(f"Not a fact of an event: {', '.join(sorted(unknown))}.")
    when, who = happened.get("occurred_at"), happened.get("staff")
    occurred = None if when is None else check_moment(when, "occurred_at")
    at = from_microseconds(journal.recorded_at if occurred is None else occurred)
    body: Body = {}
    by = journal.actor_id
    if who is not None:
        by = StaffMembers(journal.connection, context).member(who).uuid
        body["staff"] = str(by)
    note = check_text(happened.get("staff_note") or "", "staff_note")
    return Said(at, by, occurred, body, {"staff_note": note} if note else None)


def _in_future(journal: Journal, event: ComplaintEvent) -> tuple[Refusal, ...]:
    if to_microseconds(event.at) <= journal.recorded_at:
        return ()
    text = "That lies in the future. Record it when it has happened."
    return (Refusal("future", text),)


def _lock(journal: Journal, context: Context, ref: EntryRef) -> None:
    # Before anything is read: what another writer adds meanwhile could make this senseless.
    key = context.identities.key(journal.connection, ref.subject)
    if key is not None:
        lock_chains(journal.connection, journal.ledger, [key])


def _case_of(connection: Connection, context: Context, ref: EntryRef) -> int:
    key = context.identities.key(connection, ref.subject)
    query = select(_event.c.case_seq).where(
        _event.c.kind == EntryKind.COMPLAINT, _event.c.customer_id == key, _event.c.seq == ref.seq
    )
    case = connection.scalar(query)
    if case is None:
        raise NotFoundError(
            f"There is no event of a complaint {ref}. It may have been voided or erased; "
            "`custledger history` shows it."
        )
    return int(case)


def _ref(complaint: object) -> EntryRef:
    name = "ref" if isinstance(complaint, ComplaintEntry) else "id"
    ref = getattr(complaint, name, complaint)
    if not isinstance(ref, EntryRef):
        raise BadInputError(
            f"Name a complaint by its record or its id (an EntryRef), not by {complaint!r}."
        )
    return ref
