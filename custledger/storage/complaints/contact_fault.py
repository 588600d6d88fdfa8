"""The fault of a contact, corrected because somebody judged the matter."""

from __future__ import annotations

from typing import NamedTuple

from custledger.core.bodies import StoredEntry
from custledger.core.records import EntryRef, Fault
from custledger.errors import NotFoundError
from custledger.storage.context import Context
from custledger.storage.corrections import Current, current
from custledger.storage.journal import Draft, Journal
from custledger.storage.reading import stored_entries
from custledger.storage.tables import InteractionRow

__all__ = ["Contact", "contact_at", "correct_fault"]


class Contact(NamedTuple):
    """The current entry of a contact, and whose fault it says the matter was."""

    found: Current
    stored: StoredEntry
    fault: Fault


def contact_at(journal: Journal, context: Context, ref: EntryRef) -> Contact:
    """The contact of that id; NotFoundError if it was voided or erased."""
    connection = journal.connection
    found = current(connection, context, InteractionRow, ref)
    rows = [(found.entry_id, ref.seq)]
    [stored] = stored_entries(connection, context.identities, rows)
    if not stored.body:
        raise NotFoundError(f"The entry {ref} was erased.")
    return Contact(found, stored, Fault(stored.body.get("fault", Fault.UNKNOWN)))


def correct_fault(journal: Journal, contact: Contact, fault: Fault, reason: str) -> EntryRef:
    """Write a correction of the contact that changes its fault alone; returns its reference."""
    stored = contact.stored
    body = {**stored.body, "fault": fault.value, "reason": reason}
    if fault is Fault.UNKNOWN:
        del body["fault"]
    draft = Draft(
        contact.found.subject_id,
        stored.kind,
        body,
        stored.occurred_at,
        dict(stored.staff_body) or None,
        supersedes=contact.found.seq,
    )
    [entry] = journal.refs(journal.append([draft]))
    return entry
