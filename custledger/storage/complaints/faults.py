"""What a complaint's end says of the contact by which it came: whose fault the matter was.

Upheld is our fault, partly upheld a shared one. A complaint that was upheld, reopened and then not
upheld gives the contact back the fault that it had before; one that is withdrawn leaves it, and so
does reopening: a judgement stands until there is another one. Where several complaints came by one
contact, the one that speaks most for the customer counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from custledger.core.complaints.events import Outcome, Resolved
from custledger.core.complaints.records import ComplaintEntry, ComplaintRecord, FaultChange
from custledger.core.records import EntryKind, EntryRef, Fault
from custledger.core.words import words
from custledger.errors import NotFoundError
from custledger.storage.complaints.complaints import complaints_from
from custledger.storage.complaints.contact_fault import Contact, contact_at, correct_fault
from custledger.storage.complaints.policies import ComplaintPolicies
from custledger.storage.context import Context
from custledger.storage.events import events_of
from custledger.storage.journal import Journal

__all__ = ["Corrected", "after_resolution", "after_void"]


class Corrected(NamedTuple):
    """What was corrected, what to say of it, and the fault before the complaint was judged."""

    changes: tuple[FaultChange, ...] = ()
    remarks: tuple[str, ...] = ()
    fault_before: Fault | None = None


def after_resolution(
    journal: Journal,
    context: Context,
    policies: ComplaintPolicies,
    complaint: ComplaintRecord,
    end: Resolved,
) -> Corrected:
    """Correct the contact's fault as the resolution says; the contact may be gone."""
    own_so_far = verdict(one.event for one in complaint.entries)
    own_now = verdict([*(one.event for one in complaint.entries), end])
    if own_now is None and own_so_far is None:
        return Corrected()
    contact = _contact(journal, context, complaint)
    if isinstance(contact, str):
        return Corrected(remarks=(contact,))
    said = f"complaint #{complaint.id.seq} was {words(end.outcome)}"
    others = _others(journal, context, policies, complaint)
    now = _gentlest(own_now, *others)
    if own_now is None:
        target = _before(complaint.entries) if now is None else now
        return _given_back(journal, contact, _gentlest(own_so_far, *others), target, said)
    if now is None or contact.fault is now:
        found = Corrected(remarks=(_as_it_was(contact, said),))
    else:
        found = _corrected(journal, contact, now, said)
    if own_so_far is not None:
        return found
    return found._replace(fault_before=next(iter(others.values()), contact.fault))


def after_void(
    journal: Journal,
    context: Context,
    policies: ComplaintPolicies,
    complaint: ComplaintRecord,
    left: Iterable[ComplaintEntry],
) -> Corrected:
    """Correct the contact's fault as what is left of the complaint says."""
    own_before = verdict(one.event for one in complaint.entries)
    own_after = verdict(one.event for one in left)
    if own_before is own_after:
        return Corrected()
    contact = _contact(journal, context, complaint)
    if isinstance(contact, str):
        return Corrected(remarks=(contact,))
    said = f"the end of complaint #{complaint.id.seq} was taken back"
    others = _others(journal, context, policies, complaint)
    after = _gentlest(own_after, *others)
    target = _before(complaint.entries) if after is None else after
    return _given_back(journal, contact, _gentlest(own_before, *others), target, said)


def verdict(events: Iterable[object]) -> Fault | None:
    """Whose fault the complaint's resolutions say it was; None where none of them says so."""
    found: Fault | None = None
    for event in events:
        if isinstance(event, Resolved) and event.outcome is not Outcome.WITHDRAWN:
            found = event.outcome.fault
    return found


def _others(
    journal: Journal, context: Context, policies: ComplaintPolicies, complaint: ComplaintRecord
) -> dict[Fault, Fault]:
    """What other complaints say of the contact, each with the fault that it had before them."""
    key = journal.key_of(complaint.id.subject)
    events = events_of(journal.connection, context, EntryKind.COMPLAINT, [key])
    found = {}
    for other in complaints_from(events, policies):
        if other.id != complaint.id and other.interaction == complaint.interaction:
            judged = verdict(one.event for one in other.entries)
            if judged is not None:
                found[judged] = _before(other.entries)
    return found


def _gentlest(*verdicts: Fault | None) -> Fault | None:
    """Of several judgements, the one that says most that the customer was right."""
    return next((fault for fault in (Fault.OURS, Fault.SHARED) if fault in verdicts), None)


def _before(entries: Iterable[ComplaintEntry]) -> Fault:
    """The fault before the complaint was judged, as the latest first judgement kept it."""
    kept = [one.fault_before for one in entries if one.fault_before is not None]
    return kept[-1] if kept else Fault.UNKNOWN


def _given_back(
    journal: Journal, contact: Contact, ours: Fault | None, target: Fault, said: str
) -> Corrected:
    if contact.fault is not ours:
        left = f"Contact #{contact.stored.id.seq} was corrected since, and stays as it is: {said}."
        return Corrected(remarks=(left,))
    if contact.fault is target:
        return Corrected(remarks=(_as_it_was(contact, said),))
    return _corrected(journal, contact, target, said)


def _corrected(journal: Journal, contact: Contact, fault: Fault, said: str) -> Corrected:
    entry = correct_fault(journal, contact, fault, said)
    ref = contact.stored.id
    remark = (
        f"Whose fault contact #{ref.seq} was: {_WHOSE[fault]} now, {_WHOSE[contact.fault]} before, "
        f"because {said}. Entry #{entry.seq} corrects it, and the score counts it so at once."
    )
    return Corrected((FaultChange(ref, entry, contact.fault, fault, said),), (remark,))


def _contact(journal: Journal, context: Context, complaint: ComplaintRecord) -> Contact | str:
    ref = complaint.interaction
    if ref is None:
        return "No contact is linked to the complaint: there is no fault to correct."
    try:
        return contact_at(journal, context, EntryRef(ref.subject, ref.seq))
    except NotFoundError:
        return (
            f"Contact #{ref.seq}, by which the complaint came, was voided or erased since: there "
            "is no fault to correct."
        )


def _as_it_was(contact: Contact, said: str) -> str:
    seq, whose = contact.stored.id.seq, _WHOSE[contact.fault]
    return f"Whose fault contact #{seq} was: {whose} already, so nothing changes, though {said}."


_WHOSE: Final = {
    Fault.OURS: "ours",
    Fault.CUSTOMER: "the customer's",
    Fault.SHARED: "shared",
    Fault.THIRD_PARTY: "a third party's",
    Fault.UNKNOWN: "not known",
}
