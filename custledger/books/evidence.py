"""The evidence book: texts and files that show what happened, each an entry of its own."""

from __future__ import annotations

import mimetypes
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, select

from custledger.core.bodies import evidence_from
from custledger.core.checks import check_moment
from custledger.core.facts import evidence_body
from custledger.core.records import (
    Customer,
    EntryKind,
    EntryRef,
    Evidence,
    Interaction,
    MoneyEntry,
    Part,
)
from custledger.core.trail import SALT_BYTES, CommittedStream, commitment
from custledger.errors import BadInputError, LedgerUnreadableError, NotFoundError
from custledger.storage.blobs import chunks_of
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import current, void
from custledger.storage.journal import Content, Draft, Journal
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.reading import stored_entries
from custledger.storage.rights import refuse_without_evidence
from custledger.storage.tables import EvidenceRow, InteractionRow, MoneyRow, PayloadRow

__all__ = ["EvidenceBook"]

_table = table_of(EvidenceRow)
_payload = table_of(PayloadRow)
_ATTACHED = frozenset({"to", "text", "path", "file", "media_type", "caption", "occurred_at"})
_LINKED = (table_of(InteractionRow), table_of(MoneyRow))


class EvidenceBook:
    """Mails, recordings, pictures, notes: bytes behind a salted commitment in the trail."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def attach(
        self,
        to: Interaction | MoneyEntry | EntryRef | CustomerLike,
        *,
        text: str | None = None,
        path: str | os.PathLike[str] | None = None,
        file: BinaryIO | None = None,
        media_type: str | None = None,
        caption: str = "",
        occurred_at: datetime | None = None,
    ) -> Evidence:
        """Attach a text, a file by path, or an open binary file to an interaction or a customer.

        Files are streamed into the evidence store whatever their size. ``media_type`` defaults to
        what the file's name says, or text/plain.
        """
        if sum(source is not None for source in (text, path, file)) != 1:
            raise BadInputError("Give exactly one of text, path and file as evidence.")
        where = None if path is None else _path(path)
        name = "" if where is None else where.name
        guessed = "text/plain" if text is not None else mimetypes.guess_type(name)[0]
        with self._context.write() as journal:
            subject, linked = self._target(journal, to)
            if text is not None:
                content, size = _text_content(text)
            elif where is not None:
                content, size = self._keep_path(journal, where)
            else:
                content, size = self._keep(journal, chunks_of(file))  # type: ignore[arg-type]
            body = evidence_body(
                media_type=media_type or guessed or "application/octet-stream",
                size=size,
                caption=caption,
                file_name=name,
                interaction=linked,
            )
            occurred = None if occurred_at is None else check_moment(occurred_at, "occurred_at")
            draft = Draft(subject, EntryKind.EVIDENCE, body, occurred, content=content)
            written = journal.append([draft])[0]
            ref = EntryRef(self._context.identities.uuid(journal.connection, subject), written.seq)
        return self.get(ref)

    def attach_many(self, rows: Iterable[Mapping[str, Any]]) -> list[EntryRef]:
        """Attach several, from mappings of what ``attach`` takes (``to`` too): all or none."""
        with self._context.write():
            return [self.attach(**_row(row)).id for row in rows]

    def get(self, evidence: Evidence | EntryRef) -> Evidence:
        """The evidence with that id, or NotFoundError once it was voided."""
        with self._context.read() as connection:
            ref = _ref(evidence)
            found = current(connection, self._context, EvidenceRow, ref)
            return self._read_all(connection, [(found.entry_id, ref.seq)])[0]

    def of(self, customer: CustomerLike) -> list[Evidence]:
        """A customer's evidence, in the order it was attached."""
        with self._context.read() as connection:
            key = customer_key(connection, self._context, customer)
            query = (
                select(_table.c.entry_id, _table.c.seq)
                .where(_table.c.customer_id == key)
                .order_by(_table.c.seq)
            )
            rows = [(entry, seq) for entry, seq in connection.execute(query)]
            return self._read_all(connection, rows)

    def read(self, evidence: Evidence | EntryRef) -> Iterator[bytes]:
        """The bytes of a piece of evidence, in chunks; between two, anything else may be done.

        Each chunk is read on its own, so that stopping half way holds nothing open.
        """
        ref = _ref(evidence)
        with self._context.read() as connection:
            found = current(connection, self._context, EvidenceRow, ref)
            query = select(_payload.c.body, _payload.c.blob).where(
                _payload.c.entry_id == found.entry_id, _payload.c.part == Part.CONTENT
            )
            refuse_without_evidence(connection, f"Reading {ref}")
            body, blob = connection.execute(query).one()
        return iter([bytes(body)]) if blob is None else self._stream(ref, blob)

    def void(self, evidence: Evidence | EntryRef, *, reason: str) -> None:
        """Take evidence attached by mistake out of the current state; the trail keeps it."""
        with self._context.write() as journal:
            void(journal, self._context, EvidenceRow, _ref(evidence), reason)

    def sweep(self) -> int:
        """Remove files that writes rolled back or cut off left in the store; returns how many.

        Files of the last hour stay: they may belong to a write that is still open.
        """
        with self._context.read() as connection:
            refuse_without_evidence(connection, "Sweeping")  # what it does not see it would remove
            names = select(_payload.c.blob).where(_payload.c.blob.is_not(None))
            in_use = set(connection.scalars(names))
        return self._context.blobs.sweep(in_use)

    def _target(
        self, journal: Journal, to: Interaction | MoneyEntry | EntryRef | CustomerLike
    ) -> tuple[int, EntryRef | None]:
        if isinstance(to, Interaction | MoneyEntry):
            to = to.id
        if isinstance(to, EntryRef):
            key = customer_key(journal.connection, self._context, to.subject)
            for table in _LINKED:
                known = select(table.c.id).where(table.c.customer_id == key, table.c.seq == to.seq)
                if journal.connection.scalar(known) is not None:
                    return key, to
            raise NotFoundError(f"{to} is no current interaction or money entry.")
        if not isinstance(to, Customer) and not to:
            raise BadInputError("Evidence belongs to an interaction or a customer; name one.")
        return customer_key(journal.connection, self._context, to), None

    def _keep_path(self, journal: Journal, path: Path) -> tuple[Content, int]:
        try:
            file = path.open("rb")
        except OSError as error:
            raise BadInputError(
                f"{path} cannot be read: {error.strerror}. Check the path."
            ) from error
        with file:
            return self._keep(journal, chunks_of(file))

    def _keep(self, journal: Journal, chunks: Iterable[bytes]) -> tuple[Content, int]:
        name, stream = uuid.uuid4().hex, CommittedStream(os.urandom(SALT_BYTES), chunks)
        blobs, connection = self._context.blobs, journal.connection
        blobs.write(connection, name, stream)
        if not blobs.transactional:
            self._context.database.on_rollback(lambda: blobs.delete(connection, name))
        return Content(stream.salt, stream.commitment(), None, name), stream.size

    def _stream(self, ref: EntryRef, blob: str) -> Iterator[bytes]:
        try:
            yield from self._context.blobs.stream(self._context.read, blob)
        except FileNotFoundError as error:
            raise NotFoundError(
                f"The file of evidence {ref} is missing from the evidence store. "
                "Restore it from a backup; `custledger verify` lists what is missing."
            ) from error
        except OSError as error:
            raise LedgerUnreadableError(
                f"The file of evidence {ref} cannot be read: {error.strerror}. Check the "
                "permissions of the evidence store."
            ) from error

    def _read_all(self, connection: Connection, rows: list[tuple[int, int]]) -> list[Evidence]:
        stored = stored_entries(connection, self._context.identities, rows)
        return [evidence_from(entry) for entry in stored]


def _row(row: object) -> dict[str, Any]:
    if not isinstance(row, Mapping) or "to" not in row or row.keys() - _ATTACHED:
        raise BadInputError(
            "Each row of evidence is a mapping with 'to' and some of "
            f"{', '.join(sorted(_ATTACHED - {'to'}))}, not {row!r}."
        )
    return dict(row)


def _path(path: object) -> Path:
    if not isinstance(path, str | os.PathLike) or "\0" in str(path):
        raise BadInputError(f"path must be the path of a file, not {path!r}.")
    return Path(path)


def _text_content(text: object) -> tuple[Content, int]:
    if not isinstance(text, str):
        raise BadInputError(f"text must be text, not {text!r}; give bytes as a file.")
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise BadInputError("The text holds half a surrogate pair: attach it as a file.") from error
    salt = os.urandom(SALT_BYTES)
    return Content(salt, commitment(salt, data), data, None), len(data)


def _ref(evidence: object) -> EntryRef:
    ref = evidence.id if isinstance(evidence, Evidence) else evidence
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name evidence by its record or its id (an EntryRef), not {ref!r}.")
    return ref
