"""The customers and staff that the rows of an import mention: found, or added on the way."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import Connection, select

from custledger.core.checks import check_name
from custledger.core.contact import folded
from custledger.edges.importing.convert import ReadRecord
from custledger.edges.importing.existing import voided_under
from custledger.edges.importing.values import RowRefusedError
from custledger.ledger import Ledger
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.drafting import Drafting
from custledger.storage.external import external_keys
from custledger.storage.journal import Draft, Journal
from custledger.storage.lookup import Member
from custledger.storage.tables import CustomerRow, StaffRow

__all__ = ["Customers", "StaffNames"]


class Customers:
    """Customers by external id: keys of those in the ledger, facts of those yet to be added.

    A customer is added with the first record that is really written for them, so that a rejected
    row leaves nobody behind. Memory: one item a customer.
    """

    def __init__(self, context: Context, source: str) -> None:
        self._context, self._source = context, source
        self._keys: dict[str, int] = {}
        self._waiting: dict[str, ReadRecord] = {}
        self._voided: set[str] = set()

    def wait(self, introduction: ReadRecord) -> None:
        """Keep the facts of a customer until a record needs them."""
        if introduction.customer not in self._keys:
            self._waiting[introduction.customer] = introduction

    def look_up(self, connection: Connection, external_ids: Iterable[str]) -> None:
        """Find the keys of those that the ledger has, and who of the others was voided by hand."""
        unknown = list({i for i in external_ids if i not in self._keys})
        found = external_keys(connection, CustomerRow, self._source, unknown)
        for external_id, (key, _) in found.items():
            self._keys[external_id] = key
            self._waiting.pop(external_id, None)
        absent = [i for i in unknown if i not in found]
        self._voided |= voided_under(connection, CustomerRow, self._source, absent)

    def key(self, external_id: str) -> int | None:
        """The key of a customer who is in the ledger."""
        return self._keys.get(external_id)

    def voided(self, external_id: str) -> bool:
        """Whether a customer who is not in the ledger was voided by hand."""
        return external_id in self._voided and external_id not in self._keys

    def check(self, external_id: str) -> None:
        """RowRefusedError unless the customer is there or can be added."""
        if self.voided(external_id):
            raise RowRefusedError(
                f"Customer {external_id!r} of {self._source!r} was voided by hand. Leave the row "
                "out, or add the customer again by hand under this source and external id."
            )
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
        drafting = Drafting(journal, self._context)
        drafts = []
        for external_id, key in zip(new, keys, strict=True):
            wording = drafting.customer(self._waiting.pop(external_id).facts)
            self._keys[external_id] = key
            drafts.append(wording.draft(key))
        return drafts


class StaffNames:
    """Staff by name, in whatever case; one who is not registered is registered as an agent."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._members: dict[str, Member] | None = None

    def look_up(self, connection: Connection) -> None:
        """Read who is registered, the first time."""
        if self._members is None:
            table = table_of(StaffRow)
            rows = connection.execute(select(table.c.name_folded, table.c.id)).all()
            uuids = self._ledger.context.identities.uuids(connection, [row.id for row in rows])
            self._members = {row.name_folded: Member(row.id, uuids[row.id]) for row in rows}

    def get(self, name: str) -> Member | None:
        """Someone registered."""
        return (self._members or {}).get(folded(name))

    def add(self, connection: Connection, names: Iterable[str]) -> int:
        """Register people who are not, as they are first written; returns how many."""
        new: dict[str, str] = {}
        for name in names:
            new.setdefault(folded(name), check_name(name))
        self._ledger.staff.add_many(sorted(new.values()))
        self._members = None
        self.look_up(connection)
        return len(new)
