"""Events of cases: what happened to a complaint, a decision, a debt, as entries of its customer.

The body of an event has ``event``, a word for what happened; ``of``, the number of the entry that
opened the case, where it does not open one itself; and, where they apply, ``other`` (the id of
another customer, or of a member of staff), ``until_day`` and ``mark``. These are columns of
``EventRow`` too. An event of the firm, about no single customer, has ``firm`` and no row; it stands
in the ledger's own chain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from custledger.core.bodies import StoredEntry
from custledger.core.facts import Body
from custledger.core.records import EntryKind, EntryRef
from custledger.errors import NotFoundError
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.journal import Draft, Journal
from custledger.storage.reading import stored_entries
from custledger.storage.tables import EntryRow, EventRow

__all__ = [
    "append_event",
    "case_of",
    "cases",
    "events_of",
    "events_where",
    "firm_events",
    "listed",
]

_event, _entry = table_of(EventRow), table_of(EntryRow)


def append_event(
    journal: Journal,
    customer_id: int,
    kind: EntryKind,
    body: Mapping[str, Any],
    *,
    occurred_at: int | None = None,
    staff_body: Body | None = None,
) -> StoredEntry:
    """Write an event at the end of a customer's chain (or the ledger's); returns it as read."""
    draft = Draft(customer_id, kind, dict(body), occurred_at, staff_body)
    [written] = journal.append([draft])
    return journal.stored(draft, written)


def events_of(
    connection: Connection, context: Context, kind: EntryKind, customers: Iterable[int]
) -> list[StoredEntry]:
    """The current events of a kind about customers (by key), in the order of recording."""
    found: list[StoredEntry] = []
    for portion in portions(sorted(customers)):
        condition = _event.c.customer_id.in_(portion)
        found += events_where(connection, context, _event.c.kind == kind, condition)
    return found


def events_where(
    connection: Connection, context: Context, *conditions: ColumnElement[bool]
) -> list[StoredEntry]:
    """The current events that fulfil conditions on ``EventRow``, in the order of recording."""
    query = select(_event.c.entry_id, _event.c.seq).where(*conditions).order_by(_event.c.id)
    rows = [(entry, seq) for entry, seq in connection.execute(query)]
    return stored_entries(connection, context.identities, rows)


def case_of(stored: StoredEntry) -> EntryRef:
    """The reference of the case that an event belongs to: of the entry that opened it."""
    return EntryRef(stored.id.subject, stored.body.get("of", stored.id.seq))


def cases(events: Iterable[StoredEntry]) -> dict[EntryRef, list[StoredEntry]]:
    """Events by the case they belong to; both in the order given."""
    found: dict[EntryRef, list[StoredEntry]] = defaultdict(list)
    for stored in events:
        found[case_of(stored)].append(stored)
    return dict(found)


def listed(
    connection: Connection, context: Context, kind: EntryKind, case: EntryRef
) -> list[StoredEntry]:
    """The current events of one case in the order of recording; NotFoundError if there is none."""
    key = context.identities.key(connection, case.subject)
    found = []
    if key is not None:
        place = (_event.c.customer_id == key) & (_event.c.case_seq == case.seq)
        found = events_where(connection, context, _event.c.kind == kind, place)
    if not found or found[0].id != case:
        name = kind.value.replace("_", " ")
        raise NotFoundError(
            f"There is no {name} {case}. It may have been voided or erased, or be of another kind; "
            "`custledger history` shows it."
        )
    return found


def firm_events(connection: Connection, context: Context, kind: EntryKind) -> list[StoredEntry]:
    """The current events of a kind in the ledger's own chain, in the order of recording."""
    later = _entry.alias("later")
    superseded = (
        select(later.c.id)
        .where(later.c.subject_id == _entry.c.subject_id, later.c.supersedes == _entry.c.seq)
        .exists()
    )
    query = (
        select(_entry.c.id, _entry.c.seq)
        .where(_entry.c.subject_id == context.key, _entry.c.kind == kind, ~superseded)
        .order_by(_entry.c.seq)
    )
    rows = [(entry, seq) for entry, seq in connection.execute(query)]
    return stored_entries(connection, context.identities, rows)
