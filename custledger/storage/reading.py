"""Entries read back from the truth, with their payloads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, select

from custledger.core.bodies import StoredEntry
from custledger.core.clock import from_microseconds
from custledger.core.records import EntryRef, Part, TrailEntry
from custledger.storage.bulk import portions, table_of
from custledger.storage.erasing.erased import erased_by
from custledger.storage.identities import Identities
from custledger.storage.tables import EntryRow, PayloadRow

__all__ = ["bodies_of", "ledger_bodies", "stored_entries", "trail_entries"]

_entry = table_of(EntryRow)
_payload = table_of(PayloadRow)


def stored_entries(
    connection: Connection, identities: Identities, rows: Sequence[tuple[int, int]]
) -> list[StoredEntry]:
    """Entries with their bodies for (current entry's key, first seq) pairs, in that order."""
    found: dict[int, Any] = {}
    bodies = bodies_of(connection, [entry_id for entry_id, _ in rows])
    for portion in portions(rows):
        keys = [entry_id for entry_id, _ in portion]
        for row in connection.execute(select(_entry).where(_entry.c.id.in_(keys))):
            found[row.id] = row
    uuids = identities.uuids(
        connection, {r.subject_id for r in found.values()} | {r.actor_id for r in found.values()}
    )
    stored = []
    for entry_id, first_seq in rows:
        row = found[entry_id]
        subject = uuids[row.subject_id]
        parts = bodies.get(entry_id, {})
        stored.append(
            StoredEntry(
                id=EntryRef(subject, first_seq),
                entry=EntryRef(subject, row.seq),
                kind=row.kind,
                recorded_at=row.recorded_at,
                occurred_at=row.occurred_at,
                actor=uuids[row.actor_id],
                body=parts.get(Part.SHARED, {}),
                staff_body=parts.get(Part.STAFF, {}),
            )
        )
    return stored


def bodies_of(connection: Connection, keys: Iterable[int]) -> dict[int, dict[Part, dict[str, Any]]]:
    """The shared and staff-only bodies of entries, by the entry's key and the part."""
    bodies: dict[int, dict[Part, dict[str, Any]]] = {}
    wanted = list(keys)
    columns = (_payload.c.entry_id, _payload.c.part, _payload.c.body)
    for chunk in portions(wanted):
        query = select(*columns).where(
            _payload.c.entry_id.in_(chunk), _payload.c.part != Part.CONTENT
        )
        for key, part, body in connection.execute(query):
            bodies.setdefault(key, {})[part] = json.loads(body)
    return bodies


def ledger_bodies(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    """The shared bodies of the entries whose keys a query lists, in the query's order."""
    keys: list[int] = list(connection.scalars(query))
    bodies = bodies_of(connection, keys)
    return [bodies[key][Part.SHARED] for key in keys]


def trail_entries(
    connection: Connection, identities: Identities, subject_id: int
) -> list[TrailEntry]:
    """A subject's whole chain, oldest first, with what superseded what."""
    rows = connection.execute(
        select(_entry).where(_entry.c.subject_id == subject_id).order_by(_entry.c.seq)
    ).all()
    bodies = bodies_of(connection, [row.id for row in rows])
    keys = {subject_id} | {row.actor_id for row in rows} | {row.batch_id for row in rows}
    uuids = identities.uuids(connection, keys - {None})
    superseded_by = {row.supersedes: row.seq for row in rows if row.supersedes is not None}
    erasures = erased_by(connection, subject_id)
    return [
        replace(
            _trail_entry(row, uuids, bodies.get(row.id, {}), superseded_by.get(row.seq)),
            erased_by=erasures.get(row.seq),
        )
        for row in rows
    ]


def _trail_entry(
    row: Any, uuids: dict[int, UUID], bodies: dict[Part, dict[str, Any]], superseded_by: int | None
) -> TrailEntry:
    return TrailEntry(
        ref=EntryRef(uuids[row.subject_id], row.seq),
        kind=row.kind,
        recorded_at=from_microseconds(row.recorded_at),
        actor_id=uuids[row.actor_id],
        hash=bytes(row.hash),
        occurred_at=None if row.occurred_at is None else from_microseconds(row.occurred_at),
        supersedes=row.supersedes,
        superseded_by=superseded_by,
        batch_id=None if row.batch_id is None else uuids[row.batch_id],
        facts=bodies.get(Part.SHARED, {}),
        staff_facts=bodies.get(Part.STAFF, {}),
    )
