"""What was erased: a record, a person, and by which entry.

A person is erased when the customer's own first entry is. An entry is erased when a part of its
payload was; of it, no part may remain but a content that could not be read, and that the erasure
names as kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, exists, select

from custledger.core.privacy.erasure import STAYS
from custledger.core.records import EntryKind, Part
from custledger.errors import NotFoundError
from custledger.storage.bulk import portions, table_of
from custledger.storage.tables import EntryRow, ErasureRow, IdentityRow, PayloadRow

__all__ = [
    "destroyable_key",
    "destroyable_keys",
    "erased_by",
    "is_erased",
    "is_person_erased",
    "newer_than_erasure",
    "refuse_erased",
]

_entry = table_of(EntryRow)
_by = _entry.alias("by")
_erasure, _payload, _identity = table_of(ErasureRow), table_of(PayloadRow), table_of(IdentityRow)
_first, _of_content = _entry.alias("first"), _entry.alias("of_content")
_has_payload = exists().where(_payload.c.entry_id == _entry.c.id)
_has_erasure = exists().where(_erasure.c.entry_id == _entry.c.id)


def is_erased(connection: Connection, subject: int | None, seq: int) -> bool:
    """Whether the payload of an entry of that subject, or a part of it, was erased."""
    if subject is None:
        return False
    query = select(
        exists().where(
            _entry.c.subject_id == subject,
            _entry.c.seq == seq,
            _erasure.c.entry_id == _entry.c.id,
        )
    )
    return bool(connection.scalar(query))


def is_person_erased(connection: Connection, subject: int) -> bool:
    """Whether that subject is a person who was erased."""
    return bool(connection.scalar(select(_person_erased(subject))))


def newer_than_erasure(connection: Connection, subject: int) -> list[int]:
    """The numbers of entries that are there, whole, about a person who was erased."""
    if not is_person_erased(connection, subject):
        return []
    query = (
        select(_entry.c.seq)
        .where(_entry.c.subject_id == subject, _entry.c.kind.not_in(STAYS))
        .where(_has_payload, ~_has_erasure)
        .order_by(_entry.c.seq)
    )
    return list(connection.scalars(query))


def destroyable_key(connection: Connection, subject: int) -> bool:
    """Whether nobody needs that customer's key of evidence any more."""
    if not is_person_erased(connection, subject):
        return False
    return not connection.scalar(select(_has_content(subject)))


def destroyable_keys(connection: Connection) -> list[UUID]:
    """The uuids of all such customers."""
    key = _identity.c.id
    query = select(_identity.c.uuid).where(_person_erased(key), ~_has_content(key))
    return list(connection.scalars(query))


def _person_erased(subject: object) -> ColumnElement[bool]:
    return exists().where(
        _first.c.subject_id == subject,
        _first.c.seq == 1,
        _first.c.kind == EntryKind.CUSTOMER,
        _erasure.c.entry_id == _first.c.id,
    )


def _has_content(subject: object) -> ColumnElement[bool]:
    return exists().where(
        _of_content.c.subject_id == subject,
        _payload.c.entry_id == _of_content.c.id,
        _payload.c.part == Part.CONTENT,
    )


def erased_by(connection: Connection, subject: int) -> dict[int, int]:
    """The number of the erasure, by the number of the erased entry of that subject."""
    query = (
        select(_entry.c.seq.label("erased"), _by.c.seq.label("by"))
        .join(_erasure, _erasure.c.entry_id == _entry.c.id)
        .join(_by, _by.c.id == _erasure.c.by_id)
        .where(_entry.c.subject_id == subject)
        .order_by(_by.c.seq.desc())  # where parts went at different times, the first one counts
    )
    return {row.erased: row.by for row in connection.execute(query)}


def refuse_erased(connection: Connection, entries: Sequence[int]) -> None:
    """Raise NotFoundError if one of these entries, by their keys, was erased."""
    for portion in portions(entries):
        query = select(exists().where(_erasure.c.entry_id.in_(portion)))
        if connection.scalar(query):
            raise NotFoundError(
                "The record was erased meanwhile. Nothing was written; `custledger history` shows "
                "on which day."
            )
