"""What the ledger knows of one customer, as a dossier needs it: from one snapshot of the truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.canonical import parse_canonical
from custledger.core.clock import from_microseconds, zone
from custledger.core.dossier.content import Clock, Person
from custledger.core.records import Customer, EntryKind, Part
from custledger.core.trail.chain import Header, erases_of
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.reading import ledger_bodies
from custledger.storage.tables import (
    EntryRow,
    ErasureRow,
    IdentityRow,
    PayloadRow,
    StaffRow,
)

__all__ = [
    "ReadEntry",
    "ReadPart",
    "clock_of",
    "keys_of",
    "people_of",
    "read_chain",
]

_entry, _erasure = table_of(EntryRow), table_of(ErasureRow)
_payload = table_of(PayloadRow)
_identity, _staff = table_of(IdentityRow), table_of(StaffRow)
_CHAIN: Final = (
    select(_entry, _payload.c.part, _payload.c.salt, _payload.c.body, _payload.c.blob)
    .outerjoin(_payload, _payload.c.entry_id == _entry.c.id)
    .order_by(_entry.c.seq, _payload.c.part)
)


class ReadPart(NamedTuple):
    """A part of a payload as stored: its bytes, or the name of its blob."""

    part: Part
    salt: bytes
    body: bytes | None
    blob: str | None


class ReadEntry(NamedTuple):
    """An entry as stored, its facts, and the commitments of the parts that were erased.

    ``header`` lacks the commitments: those of evidence come with its bytes.
    """

    header: Header
    hash: bytes
    body: Mapping[str, Any]
    parts: tuple[ReadPart, ...]
    erased: Mapping[str, bytes]


def read_chain(connection: Connection, context: Context, customer: CustomerLike) -> list[ReadEntry]:
    """The whole chain of a customer; by id, that of one who was voided too."""
    key = _key_of(connection, context, customer)
    query = (
        select(_erasure.c.entry_id, _erasure.c.part, _erasure.c.commitment)
        .join(_entry, _entry.c.id == _erasure.c.entry_id)
        .where(_entry.c.subject_id == key)
    )
    erased: dict[int, dict[str, bytes]] = {}
    for entry_id, part, commitment in connection.execute(query):
        erased.setdefault(entry_id, {})[part.value] = bytes(commitment)
    rows = connection.execute(_CHAIN.where(_entry.c.subject_id == key)).all()
    keys = {key} | {row.actor_id for row in rows} | {row.batch_id for row in rows}
    names = context.identities.uuids(connection, (k for k in keys if k is not None))
    return [
        _read_entry(list(found), names, str(context.ledger), erased)
        for _, found in groupby(rows, key=lambda row: row.id)
    ]


def keys_of(connection: Connection, context: Context) -> list[str]:
    """The public keys that entries of the ledger's own chain name, oldest first."""
    query = select(_entry.c.id).where(
        _entry.c.subject_id == context.key, _entry.c.kind == EntryKind.KEY
    )
    bodies = ledger_bodies(connection, query.order_by(_entry.c.seq))
    found = [body.get(name) for body in bodies for name in ("replaces", "verifier_key")]
    return list(dict.fromkeys(key for key in found if isinstance(key, str)))


def people_of(
    connection: Connection, ids: Iterable[str], *, named: bool
) -> tuple[tuple[str, Person], ...]:
    """Who the ids are, in their order; without the names where they are not to be told."""
    query = select(_identity.c.uuid, _staff.c.name, _staff.c.role).join(
        _identity, _identity.c.id == _staff.c.id
    )
    wanted = set(ids)
    found = {
        str(who): Person(name if named else "", role.value)
        for who, name, role in connection.execute(query)
        if str(who) in wanted
    }
    return tuple(sorted(found.items()))


def clock_of(zone_name: str, moments: Iterable[int]) -> Clock:
    """How far the firm's clocks were ahead of UTC at those moments, in minutes.

    >>> clock_of("Europe/Paris", [0, 1767225600000000, 1782864000000000])
    Clock(name='Europe/Paris', offsets=((0, 60), (1782864000000000, 120)))
    """
    offsets: list[tuple[int, int]] = []
    for moment in sorted(set(moments)):
        ahead = from_microseconds(moment).astimezone(zone(zone_name)).utcoffset()
        minutes = round(ahead.total_seconds() / 60) if ahead else 0
        if not offsets or offsets[-1][1] != minutes:
            offsets.append((moment, minutes))
    return Clock(zone_name, tuple(offsets))


def _key_of(connection: Connection, context: Context, customer: CustomerLike) -> int:
    uuid = customer.id if isinstance(customer, Customer) else customer
    key = context.identities.key(connection, uuid) if isinstance(uuid, UUID) else None
    if key == context.key:
        raise BadInputError("A dossier is of one customer, not of the ledger.")
    return customer_key(connection, context, customer) if key is None else key


def _read_entry(
    rows: Sequence[Any],
    names: Mapping[int, UUID],
    ledger: str,
    erased: Mapping[int, Mapping[str, bytes]],
) -> ReadEntry:
    row = rows[0]
    parts = tuple(
        ReadPart(r.part, bytes(r.salt), None if r.body is None else bytes(r.body), r.blob)
        for r in rows
        if r.part is not None
    )
    body = next((_body(part.body) for part in parts if part.part is Part.SHARED), {})
    header = Header(
        ledger=ledger,
        subject=str(names[row.subject_id]),
        seq=row.seq,
        kind=row.kind.value,
        recorded_at=row.recorded_at,
        actor=str(names[row.actor_id]),
        prev=b"",
        commits={},
        occurred_at=row.occurred_at,
        supersedes=row.supersedes,
        erases=erases_of(row.kind.value, body),
        import_batch=None if row.batch_id is None else str(names[row.batch_id]),
    )
    return ReadEntry(header, bytes(row.hash), body, parts, erased.get(row.id, {}))


def _body(shared: bytes | None) -> dict[str, Any]:
    try:
        return {} if shared is None else parse_canonical(shared)
    except BadInputError:
        return {}
