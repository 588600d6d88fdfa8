"""Corrections and voids: a new entry that names the old one, and takes its place in the copies."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlmodel import SQLModel

from custledger.core.facts import Body, check_reason
from custledger.core.records import EntryKind, EntryRef
from custledger.errors import NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.journal import Draft, Journal
from custledger.storage.tables import EntryRow

__all__ = ["Current", "current", "void", "void_draft"]

_entry = table_of(EntryRow)


class Current(NamedTuple):
    """The current entry of a record: keys, and its number in the chain."""

    subject_id: int
    entry_id: int
    seq: int


def current(
    connection: Connection, context: Context, model: type[SQLModel], ref: EntryRef
) -> Current:
    """The current entry of the record with that id; NotFoundError if there is none."""
    table = table_of(model)
    subject = context.identities.key(connection, ref.subject)
    first = _entry.alias("first")
    query = (
        select(table.c.customer_id, table.c.entry_id, _entry.c.seq)
        .join(_entry, _entry.c.id == table.c.entry_id)
        .join(first, first.c.id == table.c.id)
        .where(first.c.subject_id == subject, first.c.seq == ref.seq)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(
            f"There is no current {table.name.removeprefix('custledger_')} entry {ref}. "
            "It may have been voided; `custledger history` shows it."
        )
    return Current(*row)


def void(
    journal: Journal, context: Context, model: type[SQLModel], ref: EntryRef, reason: str
) -> None:
    """Append a void of the record with that id; what it said stays in the history."""
    found = current(journal.connection, context, model, ref)
    journal.append([void_draft(found, reason)])


def void_draft(found: Current, reason: str) -> Draft:
    """The draft of a void with its reason, which must not be empty."""
    body: Body = {"reason": check_reason(reason)}
    return Draft(found.subject_id, EntryKind.VOID, body, supersedes=found.seq)
