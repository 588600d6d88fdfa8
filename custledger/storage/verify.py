"""Verification: recompute every hash from what is stored, and compare the copies with the truth.

What was recomputed is compared with the stored hash of the same entry, and the next entry is
linked to the stored one: so one edited entry gives one finding, which names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, SmallInteger, exists, func, select, type_coerce

from custledger.core.canonical import parse_canonical
from custledger.core.findings import Finding, FindingCode, VerifyReport
from custledger.core.records import EntryRef, Part
from custledger.core.trail import CommittedStream, Header, commitment, genesis
from custledger.errors import BadInputError
from custledger.storage import guards
from custledger.storage.bulk import table_of
from custledger.storage.chains import Link, Payload, current_entries, read_chains, subject_groups
from custledger.storage.compare import CopyCheck
from custledger.storage.context import Context
from custledger.storage.rights import refuse_without_evidence
from custledger.storage.tables import EntryRow, IdentityRow, PayloadRow

__all__ = ["Progress", "verify"]

Progress = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""

_NOBODY = UUID(int=0)
_NAMING = ("staff", "batch")
_entry = table_of(EntryRow)
_payload = table_of(PayloadRow)
_identity = table_of(IdentityRow)
_part = type_coerce(_payload.c.part, SmallInteger())
_STRAY_PAYLOADS = (
    select(_payload.c.entry_id, _part)
    .outerjoin(_entry, _entry.c.id == _payload.c.entry_id)
    .where(_entry.c.id.is_(None) | _part.not_in(range(len(Part))))
)
_WITHOUT_CHAIN = select(_identity.c.id).where(
    ~exists().where(_entry.c.subject_id == _identity.c.id)
)


def verify(
    connection: Connection, context: Context, progress: Progress | None = None
) -> VerifyReport:
    """Check guards, chains, commitments, evidence and copies in one snapshot."""
    refuse_without_evidence(connection, "Verifying")
    with _any_text(connection):
        return _verify(connection, context, progress)


@contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
    # SQLite does not check that a text is UTF-8, so an edited one must not end the verification.
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    before = driver.text_factory
    driver.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before


def _verify(connection: Connection, context: Context, progress: Progress | None) -> VerifyReport:
    check = _Check(connection, context)
    for name in guards.missing(connection):
        check.find(FindingCode.GUARD_MISSING, f"the guard {name} is missing or was changed")
    total = connection.scalar(select(func.count()).select_from(table_of(EntryRow))) or 0
    for subjects in subject_groups(connection):
        for chain in read_chains(connection, subjects):
            check.chain(chain)
        check.copies.compare(subjects[-1])
        if progress is not None:
            progress(check.entries, total)
    check.copies.finish()
    check.strays(total)
    return VerifyReport(
        findings=tuple(check.findings),
        entries=check.entries,
        chains=check.chains,
        copies=check.copies.rows,
        evidence_files=check.blobs,
    )


class _Check:
    """One verification: its findings and its counts."""

    def __init__(self, connection: Connection, context: Context) -> None:
        self.findings: list[Finding] = []
        self.entries = 0
        self.chains = 0
        self.blobs = 0
        self.copies = CopyCheck(connection, context, self.findings)
        self._connection = connection
        self._context = context
        self._ledger = str(context.ledger)
        self._parts = 0
        self._named: set[str] = set()
        self._names: dict[int, str] = {}

    def find(self, code: FindingCode, message: str, ref: EntryRef | None = None) -> None:
        self.findings.append(Finding(code, message, ref))

    def chain(self, chain: Sequence[Link]) -> None:
        """Check the links of one chain and note the copies that it should have."""
        self.chains += 1
        subject = self._uuid(chain[0].subject_id)
        prev, expected = genesis(self._ledger, str(subject)), 1
        bodies: dict[int, dict[str, Any]] = {}
        current: set[int] = set()
        last = 0
        for link in chain:
            self.entries += 1
            ref = EntryRef(subject, link.seq)
            # Keys are in no hash, but of two rates of a day the later key counts.
            if link.id <= last:
                said = "the entry's key is out of order: it was moved"
                self.find(FindingCode.ENTRY_ALTERED, said, ref)
            last = link.id
            number: object = link.seq
            if not isinstance(number, int):  # on SQLite an edited cell can hold a text
                self.find(FindingCode.ENTRY_ALTERED, "the entry's number is no number", ref)
                continue
            if link.seq != expected:
                gap = f"of this chain, entries {expected} to {link.seq - 1} are missing"
                self.find(FindingCode.CHAIN_GAP, gap, EntryRef(subject, expected))
            body = self._link(link, ref, prev)
            if body is not None:
                bodies[link.seq] = body
            if link.supersedes is not None:
                if link.supersedes not in current:
                    said = f"names entry {link.supersedes}, which is not current"
                    self.find(FindingCode.SUPERSEDES_WRONG, said, ref)
                current.discard(link.supersedes)
            current.add(link.seq)
            prev, expected = link.hash, link.seq + 1
        if chain[0].subject_id == self._context.key:
            self._named.update(str(b[k]) for b in bodies.values() for k in _NAMING if k in b)
        for placed, facts, seq in current_entries(chain, bodies):
            self.copies.expect(placed, facts, EntryRef(subject, seq))

    def strays(self, total: int) -> None:
        """Find what belongs nowhere: entries, payloads, and identities without a chain."""
        if self.entries != total:
            said = f"{total - self.entries} entries belong to a subject that is no number"
            self.find(FindingCode.ENTRY_ALTERED, said)
        count = self._connection.scalar(select(func.count()).select_from(_payload))
        if count != self._parts:
            for entry_id, part in self._connection.execute(_STRAY_PAYLOADS):
                said = f"a payload (entry {entry_id}, part {part}) that belongs to no entry"
                self.find(FindingCode.PAYLOAD_EXTRA, said)
        for (key,) in self._connection.execute(_WITHOUT_CHAIN):
            uuid = self._uuid(key)
            if str(uuid) not in self._named:
                said = "an identity without entries: they were removed, or it was added"
                self.find(FindingCode.CHAIN_EMPTY, said, EntryRef(uuid, 1))

    def _link(self, link: Link, ref: EntryRef, prev: bytes) -> dict[str, Any] | None:
        shared = link.shared()
        self._parts += len(link.parts)
        if shared is None:
            self.find(FindingCode.PAYLOAD_MISSING, "the entry's payload is missing", ref)
            return None
        commits: dict[str, bytes] = {}
        for part in link.parts:
            digest = self._commitment(part, ref)
            if digest is None:
                return _parsed(shared)
            commits[part.part.value] = digest
        body = _parsed(shared)
        if body is None or self._hash(link, prev, commits) != link.hash:
            if any(part.blob is not None for part in link.parts):
                said = "the file of the evidence, or its entry, was changed"
                self.find(FindingCode.EVIDENCE_ALTERED, said, ref)
            else:
                said = "the entry, its payload or its link to the one before was changed"
                self.find(FindingCode.ENTRY_ALTERED, said, ref)
        return body

    def _commitment(self, part: Payload, ref: EntryRef) -> bytes | None:
        if (part.blob is None) == (part.body is None):
            said = "a part of the payload needs either its bytes or the name of a file"
            self.find(FindingCode.ENTRY_ALTERED, said, ref)
        if part.blob is None:
            return commitment(part.salt, part.body or b"")
        self.blobs += 1
        stream = CommittedStream(part.salt, self._context.blobs.read(self._connection, part.blob))
        try:
            for _ in stream:
                pass
        except OSError:
            said = f"the file {part.blob} is missing from the evidence store, or cannot be read"
            self.find(FindingCode.EVIDENCE_MISSING, said, ref)
            return None
        return stream.commitment()

    def _hash(self, link: Link, prev: bytes, commits: dict[str, bytes]) -> bytes:
        try:
            return self._header(link, prev, commits).hash()
        except UnicodeEncodeError:  # an edited cell holds a text that is no UTF-8
            return b""

    def _header(self, link: Link, prev: bytes, commits: dict[str, bytes]) -> Header:
        return Header(
            ledger=self._ledger,
            subject=self._name(link.subject_id),
            seq=link.seq,
            kind="" if link.kind is None else link.kind.value,
            recorded_at=link.recorded_at,
            actor=self._name(link.actor_id),
            prev=prev,
            commits=commits,
            occurred_at=link.occurred_at,
            supersedes=link.supersedes,
            import_batch=None if link.batch_id is None else self._name(link.batch_id),
        )

    def _name(self, key: int) -> str:
        if key not in self._names:
            self._names[key] = str(self._uuid(key))
        return self._names[key]

    def _uuid(self, key: int) -> UUID:
        # An identity that was deleted reads as nobody: then the hash differs, and that is found.
        try:
            return self._context.identities.uuid(self._connection, key)
        except (KeyError, ValueError, AttributeError, TypeError):
            return _NOBODY


def _parsed(shared: bytes) -> dict[str, Any] | None:
    try:
        return parse_canonical(shared)
    except BadInputError:
        return None
