"""The import book: which files were taken in, and a way to take one back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select

from custledger.core.checks import check_reason, check_required, check_text
from custledger.core.clock import from_microseconds
from custledger.core.facts import Body
from custledger.core.records import EntryKind, ImportBatch
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.corrections import Current, void_draft
from custledger.storage.journal import Draft, Journal
from custledger.storage.ownership import has_records
from custledger.storage.reading import bodies_of
from custledger.storage.tables import (
    CustomerRow,
    EntryRow,
    EvidenceRow,
    ImportBatchRow,
    InteractionRow,
    MoneyRow,
)

__all__ = ["ImportBook"]

_batch = table_of(ImportBatchRow)
_entry = table_of(EntryRow)
_customer = table_of(CustomerRow)
_RECORDS = (InteractionRow, MoneyRow, EvidenceRow)
_MAX_NUMBER = 2**31 - 1


class ImportBook:
    """Each import of a file is a batch: resumed if it was interrupted, undone as a whole."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def all(self) -> list[ImportBatch]:
        """Every batch, oldest first."""
        with self._context.read() as connection:
            query = select(_batch.c.id).order_by(_batch.c.number)
            return [self._read(connection, key) for key in connection.scalars(query).all()]

    def get(self, number: int) -> ImportBatch:
        """The batch with that number, or NotFoundError."""
        with self._context.read() as connection:
            return self._read(connection, self._key(connection, number))

    def start(self, *, source: str, file_name: str, fingerprint: str) -> ImportBatch:
        """Open a batch, or the unfinished one of the same file: then the import resumes.

        ``fingerprint`` tells files apart: a digest of the file's bytes and of its mapping.
        """
        about: Body = {
            "source": check_text(source, "source"),
            "file_name": check_text(file_name, "file_name"),
            "fingerprint": check_required(fingerprint, "fingerprint"),
        }
        with self._context.write() as journal:
            unfinished = select(_batch.c.number).where(
                _batch.c.fingerprint == about["fingerprint"], _batch.c.status == "started"
            )
            number = journal.connection.scalar(unfinished)
            if number is None:
                number = 1 + (journal.connection.scalar(select(func.max(_batch.c.number))) or 0)
                batch = uuid.uuid4()
                self._context.identities.add(journal.connection, [batch])
                body: Body = {**about, "batch": str(batch), "number": number}
                journal.append([Draft(self._context.key, EntryKind.IMPORT_STARTED, body)])
            return self._read(journal.connection, self._key(journal.connection, number))

    @contextmanager
    def writing(self, batch: ImportBatch) -> Iterator[None]:
        """Mark what is written meanwhile, in any book, as part of the batch."""
        with self._context.read() as connection:
            key = self._key(connection, batch.number)
        with self._context.in_batch(key):
            yield

    def finish(self, batch: ImportBatch, *, counts: dict[str, int]) -> ImportBatch:
        """Close a batch, with what was counted."""
        with self._context.write() as journal:
            now = self.get(batch.number)
            if now.status != "started":
                raise BadInputError(f"Import {now.number} is {now.status}; it cannot be finished.")
            self._advance(journal, batch, EntryKind.IMPORT_FINISHED, {"counts": dict(counts)})
        return self.get(batch.number)

    def undo(self, number: int, *, reason: str) -> ImportBatch:
        """Void everything that a batch brought in and that is current, corrections of it included.

        A customer it brought in stays if something else was recorded for them since, or a merge
        made them one with another. Staff stay.
        The history keeps all of it; afterwards the same file can be imported again.
        """
        reason = check_reason(reason)
        with self._context.write() as journal:
            key = self._key(journal.connection, number)
            batch = self._read(journal.connection, key)
            if batch.status == "undone":
                raise BadInputError(f"Import {number} was undone already.")
            for model in _RECORDS:
                self._void(journal, self._records(journal.connection, table_of(model), key), reason)
            self._void(journal, self._customers(journal.connection, key), reason)
            self._advance(journal, batch, EntryKind.IMPORT_UNDONE, {"reason": reason})
        return self.get(number)

    def _void(self, journal: Journal, found: list[Current], reason: str) -> None:
        for portion in portions(found):
            journal.append([void_draft(item, reason) for item in portion])

    def _records(self, connection: Connection, table: Any, batch: int) -> list[Current]:
        now = _entry.alias("now")
        query = (
            select(table.c.customer_id, table.c.entry_id, now.c.seq, now.c.kind)
            .join(_entry, _entry.c.id == table.c.id)
            .join(now, now.c.id == table.c.entry_id)
            .where(_entry.c.batch_id == batch)
            .order_by(table.c.id)
        )
        return [Current(*row) for row in connection.execute(query)]

    def _customers(self, connection: Connection, batch: int) -> list[Current]:
        now = _entry.alias("now")
        query = (
            select(_customer.c.id, _customer.c.entry_id, now.c.seq, now.c.kind)
            .join(_entry, (_entry.c.subject_id == _customer.c.id) & (_entry.c.seq == 1))
            .join(now, now.c.id == _customer.c.entry_id)
            .where(_entry.c.batch_id == batch, ~has_records(_customer.c.id))
            .order_by(_customer.c.id)
        )
        return [Current(*row) for row in connection.execute(query)]

    def _advance(
        self, journal: Journal, batch: ImportBatch, kind: EntryKind, more: dict[str, Any]
    ) -> None:
        query = (
            select(_entry.c.id, _entry.c.seq)
            .join(_batch, _batch.c.entry_id == _entry.c.id)
            .where(_batch.c.number == batch.number)
        )
        entry, seq = journal.connection.execute(query).one()
        old: dict[str, Any] = next(iter(bodies_of(journal.connection, [entry])[entry].values()))
        body = {name: old[name] for name in _KEPT} | more
        journal.append([Draft(self._context.key, kind, body, supersedes=seq)])

    def _key(self, connection: Connection, number: int) -> int:
        if type(number) is not int:
            raise BadInputError(f"An import is named by its number, such as 1, not {number!r}.")
        query = select(_batch.c.id).where(_batch.c.number == number)
        key = connection.scalar(query) if 0 < number <= _MAX_NUMBER else None
        if key is None:
            raise NotFoundError(f"There is no import {number}. See `custledger import --list`.")
        return int(key)

    def _read(self, connection: Connection, key: int) -> ImportBatch:
        row = connection.execute(select(_batch).where(_batch.c.id == key)).one()
        entries = select(func.count(), func.min(_entry.c.recorded_at)).where(
            _entry.c.batch_id == key
        )
        count, started = connection.execute(entries).one()
        recorded = connection.scalar(
            select(_entry.c.recorded_at).where(_entry.c.id == row.entry_id)
        )
        return ImportBatch(
            id=UUID(str(self._context.identities.uuid(connection, key))),
            number=row.number,
            source=row.source,
            file_name=row.file_name,
            started_at=from_microseconds(started or recorded or 0),
            status=row.status,
            entries=count,
        )


_KEPT = ("batch", "number", "source", "file_name", "fingerprint")
