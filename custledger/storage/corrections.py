"""Corrections and voids: a new entry that names the old one, and takes its place in the copies."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlmodel import SQLModel

from custledger.core.checks import check_reason
from custledger.core.facts import Body
from custledger.core.records import EntryKind, EntryRef
from custledger.errors import NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.erasing.erased import is_erased
from custledger.storage.journal import Draft, Journal
from custledger.storage.tables import EntryRow

__all__ = ["Current", "current", "pair_or_none", "void", "void_by_hand", "void_draft"]

_entry = table_of(EntryRow)
_first = _entry.alias("first")


ExternalId = tuple[str, str]
"""(Source, id in the source)."""


class Current(NamedTuple):
    """The current entry of a record: keys, its number in the chain, and what it is."""

    subject_id: int
    entry_id: int
    seq: int
    kind: EntryKind
    external: ExternalId | None = None


def current(
    connection: Connection, context: Context, model: type[SQLModel], ref: EntryRef
) -> Current:
    """The current entry of the record with that id; NotFoundError if there is none."""
    table = table_of(model)
    subject = context.identities.key(connection, ref.subject)
    external = (table.c.source, table.c.external_id) if "source" in table.c else ()
    query = (
        select(_entry.c.subject_id, table.c.entry_id, _entry.c.seq, _entry.c.kind, *external)
        .join(_entry, _entry.c.id == table.c.entry_id)
        .join(_first, _first.c.id == table.c.id)
        .where(_first.c.subject_id == subject, _first.c.seq == ref.seq)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        if is_erased(connection, subject, ref.seq):
            raise NotFoundError(
                f"The entry {ref} was erased; `custledger history` shows when and by whom."
            )
        name = table.name.removeprefix("custledger_")
        raise NotFoundError(
            f"{ref} is no current {'record of that kind' if name == 'event' else f'{name} entry'}. "
            "It may have been voided, or be of another kind; `custledger history` shows it."
        )
    subject_id, entry_id, seq, kind, *pair = row
    return Current(subject_id, entry_id, seq, kind, pair_or_none(*pair))


def pair_or_none(source: str | None = None, external_id: str | None = None) -> ExternalId | None:
    """(source, external id), or None where a record has none."""
    return None if source is None or external_id is None else (source, external_id)


def void(
    journal: Journal, context: Context, model: type[SQLModel], ref: EntryRef, reason: str
) -> None:
    """Append a void of the record with that id; what it said stays in the history."""
    found = current(journal.connection, context, model, ref)
    journal.append([void_by_hand(found, reason)])


def void_by_hand(found: Current, reason: str) -> Draft:
    """The draft of a void that an import of the same external id respects."""
    draft = void_draft(found, reason)
    if found.external is not None:
        draft.body["external"] = list(found.external)
        draft.body["voids"] = found.kind.value
    return draft


def void_draft(found: Current, reason: str) -> Draft:
    """The draft of a void with its reason, which must not be empty."""
    body: Body = {"reason": check_reason(reason)}
    return Draft(found.subject_id, EntryKind.VOID, body, supersedes=found.seq)
