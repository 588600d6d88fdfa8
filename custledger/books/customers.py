"""The customer book: who they are, how to reach them, and where the firm stands with them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Unpack
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.bodies import customer_from
from custledger.core.checks import check_day, check_reason
from custledger.core.facts import Body, CustomerDetails, CustomerFacts, customer_body, staff_part
from custledger.core.records import Customer, EntryKind
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import Current, pair_or_none, void_by_hand
from custledger.storage.external import external_keys, refuse_known
from custledger.storage.journal import Draft
from custledger.storage.lookup import CustomerLike, customer_key, customer_keys
from custledger.storage.reading import stored_entries
from custledger.storage.tables import CustomerRow, EntryRow

__all__ = ["CustomerBook"]

_customer = table_of(CustomerRow)
_entry = table_of(EntryRow)


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
            prepared = [self._prepare(facts) for facts in rows]
            refuse_known(journal.connection, CustomerRow, (body for body, _ in prepared))
            ids = [uuid.uuid4() for _ in prepared]
            keys = self._context.identities.add(journal.connection, ids)
            journal.append(
                [
                    Draft(key, EntryKind.CUSTOMER, body, staff_body=note)
                    for key, (body, note) in zip(keys, prepared, strict=True)
                ]
            )
        return ids

    def get(self, who: CustomerLike) -> Customer:
        """The one customer who is meant; NotFoundError or AmbiguousMatchError otherwise."""
        with self._context.read() as connection:
            key = customer_key(connection, self._context, who)
            return self._read(connection, [key])[0]

    def find(self, text: str) -> list[Customer]:
        """Customers with that id, external id, e-mail, phone or name, or part of the name."""
        with self._context.read() as connection:
            try:
                return self._read(
                    connection, [customer_key(connection, self._context, UUID(text.strip()))]
                )
            except (ValueError, LookupError):
                return self._read(connection, customer_keys(connection, self._context, text))

    def all(self) -> list[Customer]:
        """Every customer, in the order they were added."""
        with self._context.read() as connection:
            keys = list(connection.scalars(select(_customer.c.id).order_by(_customer.c.id)))
            return self._read(connection, keys)

    def by_external_id(self, source: str, external_ids: Sequence[str]) -> dict[str, UUID]:
        """The ids of customers already known under external ids of a source."""
        with self._context.read() as connection:
            keys = external_keys(connection, CustomerRow, source, external_ids)
            uuids = self._context.identities.uuids(connection, (key for key, _ in keys.values()))
            return {external: uuids[key] for external, (key, _) in keys.items()}

    def correct(
        self, who: CustomerLike, *, reason: str, **changes: Unpack[CustomerFacts]
    ) -> Customer:
        """Record a new state of a customer; facts that are not named stay as they are.

        ``email``, ``phone`` and ``contact_points`` replace all contact points when one is named.
        """
        with self._context.write() as journal:
            found = self._current(journal.connection, who)
            facts = _facts_of(self.get(who))
            if changes.keys() & {"email", "phone", "contact_points"}:
                del facts["contact_points"]
            body, note = self._prepare(facts | dict(changes))
            body["reason"] = check_reason(reason)
            refuse_known(journal.connection, CustomerRow, [body], but=found.entry_id)
            draft = Draft(
                found.subject_id, EntryKind.CUSTOMER, body, staff_body=note, supersedes=found.seq
            )
            journal.append([draft])
        return self.get(who if not isinstance(who, str) else self._uuid(found.subject_id))

    def void(self, who: CustomerLike, *, reason: str) -> None:
        """Take a customer added by mistake out of the current state; the history keeps it."""
        with self._context.write() as journal:
            journal.append([void_by_hand(self._current(journal.connection, who), reason)])

    def _uuid(self, key: int) -> UUID:
        with self._context.read() as connection:
            return self._context.identities.uuid(connection, key)

    def _prepare(self, facts: Mapping[str, Any]) -> tuple[Body, Body | None]:
        joined_on: date | None = facts.get("joined_on")
        joined = self._context.today() if joined_on is None else check_day(joined_on, "joined_on")
        body = customer_body(facts, joined_day=joined, region=self._context.region)
        return body, staff_part(facts)

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
        rows: dict[int, int] = {}
        for start in range(0, len(keys), 5_000):
            query = select(_customer.c.id, _customer.c.entry_id).where(
                _customer.c.id.in_(keys[start : start + 5_000])
            )
            rows.update((key, entry) for key, entry in connection.execute(query))
        wanted = [(rows[key], 1) for key in keys]
        return [
            customer_from(s) for s in stored_entries(connection, self._context.identities, wanted)
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
