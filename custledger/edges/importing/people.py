"""The customers and staff that the rows of an import mention: found, or added on the way."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.checks import check_day, check_name
from custledger.core.clock import day_of
from custledger.core.facts import Body, customer_body, staff_part
from custledger.core.records import EntryKind
from custledger.edges.importing.convert import ReadRecord
from custledger.edges.importing.values import RowRefusedError
from custledger.ledger import Ledger
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.external import external_keys
from custledger.storage.journal import Draft, Journal
from custledger.storage.tables import CustomerRow, StaffRow

__all__ = ["Customers", "StaffNames", "prepared_customer"]


def prepared_customer(
    context: Context, facts: Mapping[str, Any], recorded_at: int
) -> tuple[Body, Body | None]:
    """The shared and the staff-only body of a customer; joined today where nothing is said."""
    joined_on = facts.get("joined_on")
    today = day_of(recorded_at, context.zone)
    joined = today if joined_on is None else check_day(joined_on, "joined_on")
    body = customer_body(facts, joined_day=joined, region=context.region)
    return body, staff_part(facts)


class Customers:
    """Customers by external id: keys of those in the ledger, facts of those yet to be added.

    A customer is added with the first record that is really written for them, so that a rejected
    row leaves nobody behind. Memory: one item a customer.
    """

    def __init__(self, context: Context, source: str) -> None:
        self._context, self._source = context, source
        self._keys: dict[str, int] = {}
        self._waiting: dict[str, ReadRecord] = {}

    def wait(self, introduction: ReadRecord) -> None:
        """Keep the facts of a customer until a record needs them."""
        if introduction.customer not in self._keys:
            self._waiting[introduction.customer] = introduction

    def look_up(self, connection: Connection, external_ids: Iterable[str]) -> None:
        """Find the keys of those that the ledger has."""
        unknown = list({i for i in external_ids if i not in self._keys})
        found = external_keys(connection, CustomerRow, self._source, unknown)
        for external_id, (key, _) in found.items():
            self._keys[external_id] = key
            self._waiting.pop(external_id, None)

    def key(self, external_id: str) -> int | None:
        """The key of a customer who is in the ledger."""
        return self._keys.get(external_id)

    def check(self, external_id: str) -> None:
        """RowRefusedError unless the customer is there or can be added."""
        if external_id not in self._keys and external_id not in self._waiting:
            raise RowRefusedError(
                f"Customer {external_id!r} of {self._source!r} is not in the ledger. Import the "
                "customers first, or write `create = true` under [customer] in the mapping."
            )

    def add(self, journal: Journal, external_ids: Iterable[str]) -> list[Draft]:
        """Give keys to customers that are not in the ledger yet, and draft their first entries."""
        new = [i for i in dict.fromkeys(external_ids) if i not in self._keys]
        if not new:
            return []
        keys = self._context.identities.add(journal.connection, [uuid.uuid4() for _ in new])
        drafts = []
        for external_id, key in zip(new, keys, strict=True):
            facts = self._waiting.pop(external_id).facts
            body, note = prepared_customer(self._context, facts, journal.recorded_at)
            self._keys[external_id] = key
            drafts.append(Draft(key, EntryKind.CUSTOMER, body, staff_body=note))
        return drafts


class StaffNames:
    """Staff by name; one who is not registered is registered as an agent."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._uuids: dict[str, UUID] | None = None

    def look_up(self, connection: Connection, context: Context) -> None:
        """Read who is registered, the first time."""
        if self._uuids is None:
            table = table_of(StaffRow)
            rows = connection.execute(select(table.c.name, table.c.id)).all()
            uuids = context.identities.uuids(connection, [row.id for row in rows])
            self._uuids = {row.name: uuids[row.id] for row in rows}

    def get(self, name: str) -> UUID | None:
        """The id of someone registered."""
        return (self._uuids or {}).get(" ".join(name.split()))

    def add(self, names: Iterable[str]) -> int:
        """Register people who are not; returns how many."""
        new = self._ledger.staff.add_many(sorted({check_name(name) for name in names}))
        self._uuids = (self._uuids or {}) | {staff.name: staff.id for staff in new}
        return len(new)
