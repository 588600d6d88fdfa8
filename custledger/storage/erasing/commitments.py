"""What the parts of a payload commit to, computed before they are erased.

A commitment is all that is left of an erased part, and the entry's hash covers it. So the content
of a file is only given up where the header that its commitment makes is the one that was hashed:
otherwise (the file is missing or was changed, its key is not at hand) the content's row stays.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from custledger.core.records import Part
from custledger.core.trail.chain import CommittedStream, commitment
from custledger.errors import LedgerUnreadableError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.erasing.targets import Subject, Target, header_of
from custledger.storage.evidence.contents import Stored, cipher_of, open_content
from custledger.storage.tables import ErasureRow, PayloadRow

__all__ = ["CommitmentReader", "Commits", "Doomed", "Kept"]

_payload, _erasure = table_of(PayloadRow), table_of(ErasureRow)

Commits = Mapping[int, Mapping[Part, bytes]]
"""Commitments of parts by the number of the entry, as a register of erasures has them."""


class Doomed(NamedTuple):
    """A part that can be erased: what it commits to, and its file if it has one."""

    entry_id: int
    part: Part
    commitment: bytes
    blob: str | None


class Kept(NamedTuple):
    """A content that stays although its entry is erased, and how it is encrypted, if it is."""

    seq: int
    part: Part
    cipher: str


class _PartRow(NamedTuple):
    entry_id: int
    part: Part
    salt: bytes
    body: bytes | None
    blob: str | None


class _Before(NamedTuple):
    commitment: bytes
    by_id: int


class CommitmentReader:
    """Reads the parts of a chain's payloads; ``kept`` and ``unreadable`` tell what has to stay."""

    def __init__(
        self, connection: Connection, context: Context, subject: Subject, known: Commits
    ) -> None:
        self.kept: list[Kept] = []
        self.unreadable: list[str] = []
        self._connection, self._context, self._subject = connection, context, subject
        self._known = known

    def doomed(self, targets: Sequence[Target]) -> Iterator[Doomed]:
        """The parts of some entries that can be erased; their payloads are in memory at once."""
        keys = [target.id for target in targets]
        parts, before = self._parts(keys), self._before(keys)
        for target in targets:
            yield from self._of_entry(target, parts[target.id], before[target.id])

    def _parts(self, keys: Sequence[int]) -> dict[int, list[_PartRow]]:
        columns = (_payload.c[name] for name in _PartRow._fields)
        query = select(*columns).where(_payload.c.entry_id.in_(keys)).order_by(_payload.c.part)
        found: dict[int, list[_PartRow]] = defaultdict(list)
        for row in self._connection.execute(query):
            found[row.entry_id].append(_PartRow(*row))
        return found

    def _before(self, keys: Sequence[int]) -> dict[int, dict[Part, _Before]]:
        """What was erased of these entries already."""
        query = select(_erasure).where(_erasure.c.entry_id.in_(keys))
        found: dict[int, dict[Part, _Before]] = defaultdict(dict)
        for row in self._connection.execute(query):
            found[row.entry_id][row.part] = _Before(bytes(row.commitment), row.by_id)
        return found

    def _of_entry(
        self, target: Target, rows: Sequence[_PartRow], before: Mapping[Part, _Before]
    ) -> Iterator[Doomed]:
        commits = {part: erased.commitment for part, erased in before.items()}
        for row in rows:
            if row.blob is None:
                digest = commitment(bytes(row.salt), bytes(row.body or b""))
                commits[row.part] = digest
                yield Doomed(target.id, row.part, digest, None)
        for row in rows:
            if row.blob is not None:
                cipher = self._cipher(target, rows, before)
                found = self._of_file(target, row, cipher, commits)
                if found is None:
                    self.kept.append(Kept(target.seq, row.part, cipher))
                else:
                    yield Doomed(target.id, row.part, found, row.blob)

    def _of_file(
        self, target: Target, row: _PartRow, cipher: str, commits: Mapping[Part, bytes]
    ) -> bytes | None:
        """What a file's content commits to; None, and a note, where that is not known."""
        computed, why = self._computed(row, cipher)
        for digest in (computed, self._known.get(target.seq, {}).get(row.part)):
            if digest is not None and self._fits(target, {**commits, row.part: digest}):
                return digest
        self.unreadable.append(_unreadable(target, why))
        return None

    def _computed(self, row: _PartRow, cipher: str) -> tuple[bytes | None, str]:
        stored = Stored(self._subject.uuid, None, row.blob, cipher)
        try:
            chunks = open_content(self._connection, self._context, stored)
            stream = CommittedStream(bytes(row.salt), chunks)
            for _ in stream:
                pass
        except FileNotFoundError:
            return None, "is missing from the evidence store"
        except OSError as error:
            return None, f"cannot be read ({error.strerror or error})"
        except LedgerUnreadableError:
            return None, "does not decrypt, or its key is not at hand"
        return (
            stream.commitment(),
            "is not the one that was recorded: it, or its entry, was changed",
        )

    def _fits(self, target: Target, commits: Mapping[Part, bytes]) -> bool:
        header = header_of(self._connection, self._context, self._subject, target, commits)
        return header.hash() == target.hash

    def _cipher(
        self, target: Target, rows: Sequence[_PartRow], before: Mapping[Part, _Before]
    ) -> str:
        """How the content is encrypted: the entry says it, or the erasure that left the content."""
        for row in rows:
            if row.part is Part.SHARED:
                return cipher_of(_parsed(row.body))
        if Part.SHARED not in before:
            return ""
        query = select(_payload.c.body).where(
            _payload.c.entry_id == before[Part.SHARED].by_id, _payload.c.part == Part.SHARED
        )
        kept = _parsed(self._connection.scalar(query)).get("kept")
        of_entry = [
            item
            for item in (kept if isinstance(kept, list) else [])
            if isinstance(item, dict) and item.get("seq") == target.seq
        ]
        return cipher_of(of_entry[0]) if of_entry else ""


def _parsed(body: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:  # an edited payload can be anything; verify finds that
        return {}
    return found if isinstance(found, dict) else {}


def _unreadable(target: Target, why: str) -> str:
    return (
        f"The file of evidence #{target.seq} {why}, so that what it committed to is not known. Its "
        "caption and all else was erased; the file's own row stays, with nothing personal in it, "
        "and so do the file and the customer's key, where they are. Restore what is missing and "
        f"erase #{target.seq} again, or remove both by hand: `custledger verify` goes on naming it."
    )
