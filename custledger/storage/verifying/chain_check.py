"""Chains checked range by range: links, commitments, erasures, sealed ends, and their copies.

What was recomputed is compared with the stored hash of the same entry, and the next entry is
linked to the stored one: so one edited entry gives one finding, which names it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from custledger.core.records import EntryKind, EntryRef, Part
from custledger.core.trail.chain import CommittedStream, Header, commitment, erases_of, genesis
from custledger.core.trail.findings import Finding, FindingCode
from custledger.errors import (
    EvidenceAlteredError,
    EvidenceLockedError,
)
from custledger.storage.chains import Lines, Link, Payload, Range, pages
from custledger.storage.context import Context
from custledger.storage.erasing.erased_parts import (
    ErasedPart,
    erasures_in,
    kept_by,
    kept_ciphers,
    parsed,
    parts_left,
)
from custledger.storage.evidence.contents import Stored, cipher_of, open_content
from custledger.storage.verifying.chain_ends import ChainEnd, ends_of
from custledger.storage.verifying.chain_facts import NOBODY, Plan, Tally, uuids_in
from custledger.storage.verifying.compare import CopyCheck

__all__ = ["RangeCheck"]

_NAMING: Final = ("staff", "batch")
_REMEMBERED: Final = 20_000


class _Chain:
    """How far the check of one chain has come."""

    def __init__(
        self, uuid: UUID, start: ChainEnd, erased: dict[int, dict[int, ErasedPart]]
    ) -> None:
        self.uuid, self.text = uuid, str(uuid)
        self.end = start
        self.prev, self.expected, self.last = start.prev, start.seq + 1, 0
        self.superseded: set[int] = set()
        self.erased = erased
        self.explained: set[tuple[int, int]] = set()
        self.told: set[int] = set()


class RangeCheck:
    """Checks ranges of subjects over one connection; each gives a tally of its own."""

    def __init__(self, connection: Connection, context: Context, plan: Plan) -> None:
        self._connection, self._context, self._plan = connection, context, plan
        self._ledger = str(context.ledger)
        self._names: dict[int, str] = {}
        self._tally = Tally()
        self._copies = CopyCheck(connection, context, self._tally.findings)

    def check(self, span: Range) -> Tally:
        """Check the chains of a range and the copies of its customers."""
        # A range makes many objects and no cycles; to look for some takes a fifth of the time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            return self._check(span)
        finally:
            if collecting:
                gc.enable()

    def _check(self, span: Range) -> Tally:
        self._tally = Tally()
        self._copies.begin(self._tally.findings)
        if len(self._names) > _REMEMBERED:
            self._names.clear()
            self._context.identities.forget()
        connection = self._connection
        uuids = uuids_in(connection, span)
        ends = ends_of(connection, span, self._plan)
        erasures = erasures_in(connection, span) if self._plan.erasures else {}
        lines = Lines(connection, span)
        chain: _Chain | None = None
        subject: object = None
        after: int | None = span.last_key
        seen: set[int] = set()
        page: list[Link] = []
        for number, page in enumerate(pages(connection, span)):
            if number and page:  # a page of a long chain: only one is in memory
                upto = page[0].id - 1
                self._copies.compare(span, after, upto)
                after = upto
            for link in page:
                if link.subject_id != subject or chain is None:
                    if chain is not None:
                        self._finish(chain)
                    subject = link.subject_id
                    chain = self._begin(link.subject_id, uuids, ends, erasures)
                    seen.add(link.subject_id)
                self._link(chain, link, lines)
        if chain is not None:
            self._finish(chain)
        for key in ends.keys() - seen:
            if self._plan.since is None:
                ends[key].finish(uuids.get(key, NOBODY), 1, self._tally)
        self._copies.compare(span, after, None, lines.gone)
        if span.holds(self._context.key):
            self._copies.compare_ledger(span.last_key)
        self._tally.copies = self._copies.rows
        self._tally.erasures += sum(len(p) for of in erasures.values() for p in of.values())
        return self._tally

    def _find(
        self, code: FindingCode, message: str, ref: EntryRef | None, seal: int | None = None
    ) -> None:
        self._tally.findings.append(Finding(code, message, ref, seal))

    def _begin(
        self,
        subject: int,
        uuids: dict[int, UUID],
        ends: dict[int, ChainEnd],
        erasures: dict[int, dict[int, dict[int, ErasedPart]]],
    ) -> _Chain:
        self._tally.chains += 1
        uuid = uuids.get(subject, NOBODY)
        end = ends.get(subject) or ChainEnd()
        if not end.seq:
            end.prev = genesis(self._ledger, str(uuid))
        chain = _Chain(uuid, end, erasures.get(subject, {}))
        if end.broken:
            said = f"the entry that seal {end.broken} holds is missing or is another one now"
            ref = EntryRef(uuid, end.seq)
            self._find(FindingCode.SEALED_ENTRY_MISSING, said, ref, end.broken)
        return chain

    def _link(self, chain: _Chain, link: Link, lines: Lines) -> None:
        """Check one link of a chain and note the copies that it should have."""
        tally, seq = self._tally, link.seq
        tally.entries += 1
        tally.payloads += len(link.parts)
        ref = EntryRef(chain.uuid, seq)
        # Keys are in no hash, but of two rates of a day the later key counts.
        if link.id <= chain.last:
            said = "the entry's key is out of order: it was moved"
            self._find(FindingCode.ENTRY_ALTERED, said, ref)
        chain.last = link.id
        number: object = seq
        if not isinstance(number, int) or not isinstance(link.subject_id, int):
            # On SQLite an edited cell can hold a text.
            said = "the entry's number, or that of its subject, is no number"
            self._find(FindingCode.ENTRY_ALTERED, said, ref)
            return
        if seq != chain.expected:
            gap = f"of this chain, entries {chain.expected} to {seq - 1} are missing"
            self._find(FindingCode.CHAIN_GAP, gap, EntryRef(chain.uuid, chain.expected))
        erased = chain.erased.get(seq, {})
        tally.erased += bool(erased)
        body, sound = self._content(chain, link, ref, erased)
        if sound:
            chain.end.check(link, ref, self._plan, tally)
        else:
            chain.end.skip(link, self._plan, tally)
        if link.supersedes is not None:
            self._supersedes(chain, link, ref)
        chain.prev, chain.expected = link.hash, seq + 1
        placed = lines.place(link)
        if body is None:
            return
        if link.kind is EntryKind.ERASURE:
            self._erases(chain, link, body)
        if link.subject_id == self._context.key:
            tally.named.update(str(body[key]) for key in _NAMING if key in body)
        if placed is not None:
            self._copies.expect(placed, body, ref)

    def _content(
        self, chain: _Chain, link: Link, ref: EntryRef, erased: dict[int, ErasedPart]
    ) -> tuple[dict[str, Any] | None, bool]:
        """The shared body, and whether everything of the entry fits its hash."""
        commits = {_PARTS[part]: erasure.commitment for part, erasure in erased.items()}
        body: dict[str, Any] | None = None
        readable = True
        for part in link.parts:
            name = part.part
            if name.value in commits:
                continue  # erased, so it should be gone: that is found elsewhere
            if name is Part.SHARED:
                body = parsed(part.body or b"")
                readable = body is not None
            digest = self._commitment(chain, part, ref, self._cipher(part, ref.seq, body, erased))
            if digest is None:
                return body, False
            commits[name.value] = digest
        if "shared" not in commits:
            self._find(FindingCode.PAYLOAD_MISSING, "the entry's payload is missing", ref)
            return None, False
        if readable and self._hash(chain, link, body, commits) == link.hash:
            return body, True
        if any(part.blob is not None for part in link.parts):
            said = "the file of the evidence, or its entry, was changed"
            self._find(FindingCode.EVIDENCE_ALTERED, said, ref)
        else:
            said = "the entry, its payload or its link to the one before was changed"
            self._find(FindingCode.ENTRY_ALTERED, said, ref)
        return body, False

    def _commitment(self, chain: _Chain, part: Payload, ref: EntryRef, cipher: str) -> bytes | None:
        if part.blob is None and part.body is not None:
            return commitment(part.salt, part.body)
        if (part.blob is None) == (part.body is None):
            said = "a part of the payload needs either its bytes or the name of a file"
            self._find(FindingCode.ENTRY_ALTERED, said, ref)
        if part.blob is None:
            return commitment(part.salt, b"")
        self._tally.evidence_files += 1
        stored = Stored(chain.uuid, None, part.blob, cipher)
        try:
            stream = CommittedStream(part.salt, self._content_of(stored))
            for _ in stream:
                pass
        except OSError:
            said = f"the file {part.blob} is missing from the evidence store, or cannot be read"
            self._find(FindingCode.EVIDENCE_MISSING, said, ref)
        except EvidenceLockedError as error:
            self._find(FindingCode.EVIDENCE_LOCKED, str(error), ref)
        except EvidenceAlteredError as error:
            self._find(FindingCode.EVIDENCE_ALTERED, str(error), ref)
        else:
            return stream.commitment()
        return None

    def _cipher(
        self, part: Payload, seq: int, body: dict[str, Any] | None, erased: dict[int, ErasedPart]
    ) -> str:
        """The cipher of a file; where the entry's shared part is gone, its erasure says it."""
        gone = erased.get(0)
        if part.blob is None or gone is None:
            return cipher_of(body)
        return kept_by(self._connection, gone.by_id).get(seq, "")

    def _content_of(self, stored: Stored) -> Iterator[bytes]:
        return open_content(self._connection, self._context, stored)

    def _hash(
        self, chain: _Chain, link: Link, body: dict[str, Any] | None, commits: dict[str, bytes]
    ) -> bytes:
        kind = "" if link.kind is None else link.kind.value
        batch = link.batch_id
        try:
            return Header(
                ledger=self._ledger,
                subject=chain.text,
                seq=link.seq,
                kind=kind,
                recorded_at=link.recorded_at,
                actor=self._name(link.actor_id),
                prev=chain.prev,
                commits=commits,
                occurred_at=link.occurred_at,
                supersedes=link.supersedes,
                erases=erases_of(kind, body or {}),
                import_batch=None if batch is None else self._name(batch),
            ).hash()
        except UnicodeEncodeError:  # an edited cell holds a text that is no UTF-8
            return b""

    def _supersedes(self, chain: _Chain, link: Link, ref: EntryRef) -> None:
        target: object = link.supersedes
        if not isinstance(target, int) or not 0 < target < link.seq or target in chain.superseded:
            said = f"names entry {link.supersedes}, which is not current"
            self._find(FindingCode.SUPERSEDES_WRONG, said, ref)
        if isinstance(target, int):
            chain.superseded.add(target)

    def _erases(self, chain: _Chain, link: Link, body: dict[str, Any]) -> None:
        named: tuple[object, ...] = erases_of("erasure", body)
        back = self._back(link, body, named)
        for seq in named:
            if isinstance(seq, int) and seq in back:
                chain.explained.add((seq, link.id))
                if seq not in chain.told:
                    chain.told.add(seq)
                    said = f"entry {link.seq} erased it, and it is there again: {back[seq]}"
                    ref = EntryRef(chain.uuid, seq)
                    self._find(FindingCode.PAYLOAD_RESURRECTED, said, ref)
            elif not isinstance(seq, int) or not 0 < seq < link.seq or seq not in chain.erased:
                said = f"entry {link.seq} says that it erased this entry, and nothing shows it"
                ref = EntryRef(chain.uuid, seq if isinstance(seq, int) else link.seq)
                self._find(FindingCode.ERASURE_WRONG, said, ref)
            else:
                chain.explained.add((seq, link.id))

    def _back(self, link: Link, body: dict[str, Any], named: Sequence[object]) -> dict[int, str]:
        """Which parts of entries that an erasure names are there, though it did not keep them."""
        kept = kept_ciphers(body)
        seqs = [seq for seq in named if isinstance(seq, int) and 0 < seq < link.seq]
        left: dict[int, list[str]] = {}
        for seq, code in sorted(parts_left(self._connection, link.subject_id, seqs), key=repr):
            known = isinstance(code, int) and code in range(len(_PARTS))
            part = _PARTS[code] if known else repr(code)
            if not (part == Part.CONTENT.value and seq in kept):
                left.setdefault(seq, []).append(part)
        return {seq: ", ".join(parts) for seq, parts in left.items()}

    def _finish(self, chain: _Chain) -> None:
        for seq, parts in chain.erased.items():
            if any((seq, erasure.by_id) not in chain.explained for erasure in parts.values()):
                said = "its content was erased, and no erasure names it"
                self._find(FindingCode.ERASURE_WRONG, said, EntryRef(chain.uuid, seq))
        chain.end.finish(chain.uuid, chain.expected, self._tally)

    def _name(self, key: int) -> str:
        if key not in self._names:
            # An identity that was deleted reads as nobody: the hash differs, and that is found.
            try:
                self._names[key] = str(self._context.identities.uuid(self._connection, key))
            except (KeyError, ValueError, AttributeError, TypeError):
                return str(NOBODY)
        return self._names[key]


_PARTS: Final = tuple(part.value for part in Part)
