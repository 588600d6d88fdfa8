"""The customer book: who they are, how to reach them, and where the firm stands with them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Unpack
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.bodies import customer_from
from custledger.core.checks import check_reason
from custledger.core.facts import CustomerDetails, CustomerFacts
from custledger.core.records import Customer, EntryKind
from custledger.errors import BadInputError
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.corrections import Current, pair_or_none, void_by_hand
from custledger.storage.drafting import Drafting
from custledger.storage.entries import check_changes, check_rows
from custledger.storage.external import refuse_known
from custledger.storage.lookup import CustomerLike, customer_key, customer_keys
from custledger.storage.reading import stored_entries
from custledger.storage.tables import CustomerRow, EntryRow, EventRow

__all__ = ["CustomerBook"]

_customer = table_of(CustomerRow)
_entry = table_of(EntryRow)
_merge, _head = table_of(EventRow), _customer.alias("head")
_CURRENT: Final = (
    select(_customer.c.id, _customer.c.entry_id, _head.c.id)
    .outerjoin(
        _merge, (_merge.c.customer_id == _customer.c.id) & (_merge.c.kind == EntryKind.MERGE)
    )
    .outerjoin(_head, _head.c.id == _merge.c.other_id)
)


class CustomerBook:
    """Customers, found by id, external id, e-mail, phone or part of a name."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, name: str, **facts: Unpack[CustomerDetails]) -> Customer:
        """Add a customer; ``joined_on`` defaults to today, the status to active."""
        return self.get(self.add_many([{**facts, "name": name}])[0])

    def add_many(self, rows: Iterable[Mapping[str, Any]]) -> list[UUID]:
        """Add customers from mappings of named facts, in one transaction; returns their ids."""
        with self._context.write() as journal:
            drafting = Drafting(journal, self._context)
            worded = [drafting.customer(facts) for facts in check_rows(rows)]
            refuse_known(journal.connection, CustomerRow, (wording.body for wording in worded))
            ids = [uuid.uuid4() for _ in worded]
            keys = self._context.identities.add(journal.connection, ids)
            journal.append([w.draft(key) for key, w in zip(keys, worded, strict=True)])
        return ids

    def get(self, who: CustomerLike) -> Customer:
        """The one customer who is meant; NotFoundError or AmbiguousMatchError otherwise."""
        with self._context.read() as connection:
            key = customer_key(connection, self._context, who)
            return self._read(connection, [key])[0]

    def find(self, text: str) -> list[Customer]:
        """Customers with that id, external id, e-mail, phone or name, or part of the name."""
        if not isinstance(text, str):
            raise BadInputError(f"Give the text to look for, not {text!r}.")
        with self._context.read() as connection:
            try:
                keys = [customer_key(connection, self._context, UUID(text.strip()))]
            except (ValueError, LookupError):
                keys = customer_keys(connection, self._context, text)
            return self._read(connection, keys)

    def all(self) -> list[Customer]:
        """Every customer, in the order they were added."""
        with self._context.read() as connection:
            keys = list(connection.scalars(select(_customer.c.id).order_by(_customer.c.id)))
            return self._read(connection, keys)

    def correct(
        self, who: CustomerLike, *, reason: str, **changes: Unpack[CustomerFacts]
    ) -> Customer:
        """Record a new state of a customer; facts that are not named stay as they are.

        ``email``, ``phone`` and ``contact_points`` replace all contact points when one is named.
        """
        named = check_changes(changes)
        with self._context.write() as journal:
            found = self._current(journal.connection, who)
            facts = _facts_of(self._read(journal.connection, [found.subject_id])[0])
            if named.keys() & {"email", "phone", "contact_points"}:
                del facts["contact_points"]
            wording = Drafting(journal, self._context).customer(facts | named)
            draft = wording.draft(found.subject_id)._replace(supersedes=found.seq)
            draft.body["reason"] = check_reason(reason)
            refuse_known(journal.connection, CustomerRow, [draft.body], but=found.entry_id)
            journal.append([draft])
            return self._read(journal.connection, [found.subject_id])[0]

    def void(self, who: CustomerLike, *, reason: str) -> None:
        """Take a customer added by mistake out of the current state; the history keeps it.

        BadInputError while they have current entries: void these first, or undo their import.
        """
        with self._context.write() as journal:
            journal.append([void_by_hand(self._current(journal.connection, who), reason)])

    def _current(self, connection: Connection, who: CustomerLike) -> Current:
        key = customer_key(connection, self._context, who)
        query = (
            select(
                *(_customer.c.id, _customer.c.entry_id, _entry.c.seq),
                *(_customer.c.source, _customer.c.external_id),
            )
            .join(_entry, _entry.c.id == _customer.c.entry_id)
            .where(_customer.c.id == key)
        )
        subject, entry, seq, *pair = connection.execute(query).one()
        return Current(subject, entry, seq, EntryKind.CUSTOMER, pair_or_none(*pair))

    def _read(self, connection: Connection, keys: Sequence[int]) -> list[Customer]:
        rows: dict[int, tuple[int, int | None]] = {}
        for portion in portions(keys):
            query = _CURRENT.where(_customer.c.id.in_(portion))
            rows.update((key, (entry, head)) for key, entry, head in connection.execute(query))
        wanted = [(rows[key][0], 1) for key in keys]
        stored = stored_entries(connection, self._context.identities, wanted)
        heads = {head for _, head in rows.values() if head is not None}
        uuids = self._context.identities.uuids(connection, heads)
        found = zip(keys, map(customer_from, stored), strict=True)
        return [
            customer
            if (head := rows[key][1]) is None
            else replace(customer, merged_into=uuids[head])
            for key, customer in found
        ]


def _facts_of(customer: Customer) -> dict[str, Any]:
    return {
        "name": customer.name,
        "status": customer.status,
        "joined_on": customer.joined_on,
        "contact_points": [(point.kind, point.value) for point in customer.contact_points],
        "source": customer.source,
        "external_id": customer.external_id,
        "staff_note": customer.staff_note,
    }
