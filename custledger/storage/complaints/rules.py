"""What escalating, extending, pausing and resolving bring with them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from custledger.core.complaints.clock import missed_steps
from custledger.core.complaints.events import Extended, Paused, Resolved
from custledger.core.complaints.records import ComplaintRecord
from custledger.core.complaints.regimes import Milestone
from custledger.core.complaints.rules import state_of
from custledger.core.records import Staff, StaffRole
from custledger.core.refusal import Refusal
from custledger.storage.bulk import table_of
from custledger.storage.complaints.complaints import complaint_deadlines
from custledger.storage.complaints.faults import after_resolution
from custledger.storage.complaints.policies import ComplaintPolicies
from custledger.storage.complaints.writing import Also, Consequences
from custledger.storage.context import Context
from custledger.storage.journal import Journal
from custledger.storage.lookup import StaffLike, staff_key
from custledger.storage.tables import StaffRow

__all__ = ["escalation", "extension", "pause", "resolution"]

_staff = table_of(StaffRow)


def escalation(context: Context, to: StaffLike | None) -> Also:
    """Whom it is escalated to: an owner who is still there."""

    def also(journal: Journal, _: ComplaintRecord, __: Any, ___: Any) -> Consequences:
        connection = journal.connection
        owners = _owners(connection)
        if to is not None:
            key = staff_key(connection, context, to)
            owners = {key: owners[key]} if key in owners else {}
        if not owners:
            name = to.name if isinstance(to, Staff) else to or "Nobody"
            text = (
                f"{name} is not an owner who is still here. A complaint goes up to an owner, who "
                "decides and answers; custledger staff list shows who that is."
            )
            return Consequences((Refusal("no_owner", text),))
        key, name = min(owners.items())
        uuid = context.identities.uuid(connection, key)
        return Consequences(body={"other": str(uuid)}, remarks=(f"{name} has it now.",))

    return also


def _owners(connection: Connection) -> dict[int, str]:
    query = select(_staff.c.id, _staff.c.name).where(
        _staff.c.role == StaffRole.OWNER, _staff.c.active == 1
    )
    return {row.id: row.name for row in connection.execute(query)}


def extension(
    _: Journal, complaint: ComplaintRecord, policies: ComplaintPolicies, event: Extended
) -> Consequences:
    """Refused unless a regime allows it; too late is recorded, and does not help."""
    if not any(regime.extended for regime in complaint.regimes):
        named = ", ".join(regime.name for regime in complaint.regimes)
        text = (
            f"Nothing that the complaint stands under lets the time be extended ({named}). Answer "
            "with what you know now, and say when the rest comes."
        )
        return Consequences((Refusal("no_extension", text),))
    late = [
        one.regime.name
        for one in complaint_deadlines(complaint, policies)
        if one.milestone is Milestone.RESOLUTION and one.regime.extended and _passed(one, event)
    ]
    said = (
        f"It was told after the time was over, and gives no more time: {name}." for name in late
    )
    return Consequences(remarks=tuple(said))


def _passed(one: Any, event: Extended) -> bool:
    return one.due is not None and bool(one.due < event.at)


def pause(_: Journal, complaint: ComplaintRecord, __: Any, ___: Paused) -> Consequences:
    """Says which clocks go on meanwhile."""
    going = [
        regime.name
        for regime in complaint.regimes
        if any((limit := regime.limit_of(m)) and not limit.pausable for m in Milestone)
    ]
    said = (f"This clock does not wait, and goes on: {name}." for name in going)
    return Consequences(remarks=tuple(said))


def resolution(context: Context) -> Also:
    """Whose fault it was, for the score; and what of the plan was left out."""

    def also(
        journal: Journal, complaint: ComplaintRecord, policies: ComplaintPolicies, end: Resolved
    ) -> Consequences:
        found = after_resolution(journal, context, policies, complaint, end)
        body = {} if found.fault_before is None else {"fault_before": found.fault_before.value}
        left = missed_steps(_resolved(complaint, end), complaint.plan)
        titles = ", ".join(f"{step.title} ({step.id})" for step in left)
        said = (f"Neither done nor skipped: {titles}.",) if left else ()
        return Consequences((), body, found.changes, (*found.remarks, *said))

    return also


def _resolved(complaint: ComplaintRecord, end: Resolved) -> Any:
    events = sorted([*(e.event for e in complaint.entries), end], key=lambda event: event.at)
    return state_of(events, complaint.plan)
