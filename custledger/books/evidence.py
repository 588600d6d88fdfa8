"""The evidence book: texts and files that show what happened, each an entry of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple

from sqlalchemy import Connection, select

from custledger.core.bodies import evidence_from
from custledger.core.checks import check_moment
from custledger.core.clock import to_microseconds
from custledger.core.facts import evidence_body
from custledger.core.mail import MAIL, Mail, parse_mail
from custledger.core.records import (
    Customer,
    EntryKind,
    EntryRef,
    Evidence,
    Interaction,
    MoneyEntry,
    Part,
)
from custledger.errors import BadInputError, LedgerUnreadableError, NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import current, void
from custledger.storage.erasing.rights import refuse_without_evidence
from custledger.storage.evidence.contents import Stored, cipher_of, stream_content
from custledger.storage.evidence.intake import (
    LIMIT_BYTES,
    Source,
    Taken,
    check_limit,
    limited,
    opened,
    take,
    twins_of,
)
from custledger.storage.evidence.media_types import TEXT, check_media_type, media_type_of
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Draft, Journal
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.reading import bodies_of, stored_entries
from custledger.storage.tables import EvidenceRow, InteractionRow, MoneyRow, PayloadRow

__all__ = ["LIMIT_BYTES", "EvidenceBook"]

_table = table_of(EvidenceRow)
_payload = table_of(PayloadRow)
_ATTACHED = frozenset({"to", "text", "path", "file", "media_type", "caption", "occurred_at"})
_ATTACHED |= {"limit_bytes", "allow_duplicate"}
_LINKED = (table_of(InteractionRow), table_of(MoneyRow))

_Target = Interaction | MoneyEntry | EntryRef | CustomerLike


class _Facts(NamedTuple):
    """What is said of a piece: ``declared`` is the type that a sender gave, which may be wrong."""

    media_type: str | None = None
    caption: str = ""
    occurred_at: int | None = None
    limit: int = LIMIT_BYTES
    allow_duplicate: bool = False
    declared: str = ""
    from_mail: EntryRef | None = None


class _AlreadyThereError(Exception):
    """Takes back what was kept to find out that it was there already."""

    def __init__(self, ref: EntryRef) -> None:
        super().__init__(ref)
        self.ref = ref


class EvidenceBook:
    """Mails, recordings, pictures, notes: bytes behind a salted commitment in the trail."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def attach(
        self,
        to: _Target,
        *,
        text: str | None = None,
        path: str | os.PathLike[str] | None = None,
        file: BinaryIO | None = None,
        media_type: str | None = None,
        caption: str = "",
        occurred_at: datetime | None = None,
        limit_bytes: int = LIMIT_BYTES,
        allow_duplicate: bool = False,
    ) -> Evidence:
        """Attach a text, a file by path, or an open binary file to an interaction or a customer.

        Files are streamed into the evidence store; one larger than ``limit_bytes`` (256 MiB) is
        refused, and nothing of it stays. ``media_type`` defaults to what the first bytes say, then
        to what the file's name says.

        Doing it twice does no harm: the same bytes for the same target are the piece that is there
        already, which is returned with the caption that it has, and nothing is written unless
        ``allow_duplicate``. For another target they are kept, and ``same_as`` names the first.
        """
        facts = _facts(media_type, caption, occurred_at, limit_bytes, allow_duplicate)
        with opened(text=text, path=path, file=file) as source:
            return self.get(self._attach(to, source, facts))

    def attach_mail(
        self,
        to: _Target,
        *,
        path: str | os.PathLike[str] | None = None,
        file: BinaryIO | None = None,
        caption: str = "",
        occurred_at: datetime | None = None,
        limit_bytes: int = LIMIT_BYTES,
        allow_duplicate: bool = False,
    ) -> list[Evidence]:
        """Attach an e-mail (.eml): first the mail byte by byte, then each file that came with it.

        All or none. ``caption`` defaults to the mail's subject, ``occurred_at`` to its date if that
        lies in the past. The files name the mail as ``from_mail``; one that is there already, such
        as the picture in a signature, is returned as it is. BadInputError for what is no mail.
        """
        limit = check_limit(limit_bytes)
        if (path is None) == (file is None):
            raise BadInputError("Give either path or file as the mail.")
        with opened(text=None, path=path, file=file) as source:
            data = b"".join(limited(source, limit))
        mail = parse_mail(data)
        facts = _facts(MAIL, caption or mail.subject, occurred_at, limit, allow_duplicate)
        if occurred_at is None:
            facts = facts._replace(occurred_at=self._sent_at(mail))
        with self._context.write():
            whole = self._attach(to, Source([data], source.name), facts)
            rest = facts._replace(media_type=None, caption="", from_mail=whole)
            refs = [whole]
            for part in mail.parts:
                told = rest._replace(declared=part.media_type)
                refs.append(self._attach(to, Source([part.data], part.file_name), told))
        return [self.get(ref) for ref in dict.fromkeys(refs)]

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

        Each chunk is read on its own, so that stopping half way holds nothing open. What is
        encrypted is decrypted; EvidenceLockedError where the key is not there.
        """
        ref = _ref(evidence)
        with self._context.read() as connection:
            found = current(connection, self._context, EvidenceRow, ref)
            query = select(_payload.c.body, _payload.c.blob).where(
                _payload.c.entry_id == found.entry_id, _payload.c.part == Part.CONTENT
            )
            refuse_without_evidence(connection, f"Reading {ref}")
            row = connection.execute(query).one_or_none()
            if row is None:
                raise NotFoundError(f"The content of evidence {ref} was erased.")
            shared = (
                bodies_of(connection, [found.entry_id]).get(found.entry_id, {}).get(Part.SHARED)
            )
        stored = Stored(ref.subject, row.body, row.blob, cipher_of(shared))
        return self._stream(ref, stream_content(self._context.read, self._context, stored))

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

    def _attach(self, to: _Target, source: Source, facts: _Facts) -> EntryRef:
        """One piece in a transaction of its own, or the same piece that was there already."""
        try:
            with self._context.write() as journal:
                key, linked = self._target(journal, to)
                subject = self._context.identities.uuid(journal.connection, key)
                taken = take(journal, self._context, subject, source, facts.limit)
                # Two who attach the same at once, as by a double click, take turns from here on.
                lock_chains(journal.connection, self._context.ledger, [key])
                first = self._first_twin(journal, key, taken, linked, facts)
                draft = _draft(key, source, taken, facts, linked, first)
                return EntryRef(subject, journal.append([draft])[0].seq)
        except _AlreadyThereError as found:
            return found.ref

    def _first_twin(
        self, journal: Journal, key: int, taken: Taken, linked: EntryRef | None, facts: _Facts
    ) -> EntryRef | None:
        """The earliest piece with the same bytes; _AlreadyThereError if one has the same target."""
        first, subject = None, taken.stored.subject
        for twin in twins_of(journal.connection, self._context, key, taken):
            first = first or EntryRef(subject, twin.seq)
            if facts.allow_duplicate:
                break
            if twin.interaction == (None if linked is None else linked.seq):
                raise _AlreadyThereError(EntryRef(subject, twin.seq))
        return first

    def _sent_at(self, mail: Mail) -> int | None:
        if mail.sent_at is None or mail.sent_at > self._context.now():
            return None
        return to_microseconds(mail.sent_at)

    def _target(self, journal: Journal, to: _Target) -> tuple[int, EntryRef | None]:
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

    def _stream(self, ref: EntryRef, chunks: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from chunks
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


def _facts(
    media_type: str | None,
    caption: str,
    occurred_at: datetime | None,
    limit_bytes: int,
    allow_duplicate: bool,
) -> _Facts:
    moment = None if occurred_at is None else check_moment(occurred_at, "occurred_at")
    kind = None if media_type is None else check_media_type(media_type)
    return _Facts(kind, caption, moment, check_limit(limit_bytes), allow_duplicate)


def _draft(
    key: int,
    source: Source,
    taken: Taken,
    facts: _Facts,
    linked: EntryRef | None,
    same_as: EntryRef | None,
) -> Draft:
    found = TEXT if source.is_text else media_type_of(taken.head, source.name, facts.declared)
    body = evidence_body(
        media_type=facts.media_type or found,
        size=taken.size,
        caption=facts.caption,
        file_name=source.name,
        interaction=linked,
        same_as=same_as,
        from_mail=facts.from_mail,
        cipher=taken.stored.cipher,
    )
    return Draft(key, EntryKind.EVIDENCE, body, facts.occurred_at, content=taken.content)


def _ref(evidence: object) -> EntryRef:
    ref = evidence.id if isinstance(evidence, Evidence) else evidence
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name evidence by its record or its id (an EntryRef), not {ref!r}.")
    return ref
