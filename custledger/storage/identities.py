"""Integer keys inside the database, random uuids outside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, func, select

from custledger.storage.bulk import insert_rows, portions, table_of
from custledger.storage.naming import qualified
from custledger.storage.tables import EntryRow, IdentityRow

__all__ = ["Identities", "allocate", "sequence_of"]

_identity = table_of(IdentityRow)


def allocate(
    connection: Connection, table: type[EntryRow] | type[IdentityRow], count: int
) -> Sequence[int]:
    """``count`` unused keys of a table, ascending; call it inside a write transaction."""
    if connection.dialect.name == "sqlite":
        # BEGIN IMMEDIATE holds the write lock, so nobody takes the same keys.
        last = connection.scalar(select(func.coalesce(func.max(table_of(table).c.id), 0))) or 0
        return range(last + 1, last + 1 + count)
    keys = func.nextval(sequence_of(connection, table))
    return sorted(connection.scalars(select(keys).select_from(func.generate_series(1, count))))


def sequence_of(connection: Connection, table: type[EntryRow] | type[IdentityRow]) -> str:
    """The name of the sequence that a table's keys come from, on PostgreSQL."""
    return qualified(connection, f"{table_of(table).name}_id_seq")


class Identities:
    """The keys of a ledger's uuids, remembered: an identity never changes."""

    def __init__(self) -> None:
        self._keys: dict[UUID, int] = {}
        self._uuids: dict[int, UUID] = {}

    def add(self, connection: Connection, uuids: Sequence[UUID]) -> Sequence[int]:
        """Keys for new uuids, in their order; remembered once they are read back."""
        keys = allocate(connection, IdentityRow, len(uuids))
        native = connection.dialect.name == "postgresql"
        rows = [(k, u if native else u.hex) for k, u in zip(keys, uuids, strict=True)]
        insert_rows(connection, IdentityRow, rows)
        return keys

    def known(self, uuids: Iterable[UUID]) -> dict[UUID, int]:
        """The keys of those uuids that are remembered."""
        return {uuid: self._keys[uuid] for uuid in uuids if uuid in self._keys}

    def key(self, connection: Connection, uuid: UUID) -> int | None:
        """The key of a uuid, or None."""
        if uuid not in self._keys:
            key = connection.scalar(select(_identity.c.id).where(_identity.c.uuid == uuid))
            if key is None:
                return None
            self._remember(key, uuid)
        return self._keys[uuid]

    def uuid(self, connection: Connection, key: int) -> UUID:
        """The uuid of a key."""
        known = self._uuids.get(key)
        return self.uuids(connection, (key,))[key] if known is None else known

    def uuids(self, connection: Connection, keys: Iterable[int]) -> dict[int, UUID]:
        """The uuids of keys."""
        wanted = set(keys)
        # Not a difference of sets: that goes through all keys that are remembered.
        missing = sorted(key for key in wanted if key not in self._uuids)
        for chunk in portions(missing):
            query = select(_identity.c.id, _identity.c.uuid).where(_identity.c.id.in_(chunk))
            for key, uuid in connection.execute(query):
                self._remember(key, uuid)
        return {key: self._uuids[key] for key in wanted}

    def remember(self, uuids: Mapping[int, UUID]) -> None:
        """Keep the uuids of keys that were read."""
        for key, uuid in uuids.items():
            self._remember(key, uuid)

    def forget(self) -> None:
        """Drop what is remembered: a rolled-back transaction may have been read."""
        self._keys.clear()
        self._uuids.clear()

    def _remember(self, key: int, uuid: UUID) -> None:
        self._keys[uuid] = key
        self._uuids[key] = uuid
