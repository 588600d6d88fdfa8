"""The journal: a record and its trail entry, written together or not at all."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from sqlalchemy import Connection, delete, select, tuple_
from sqlmodel import SQLModel

from custledger.core.bodies import StoredEntry
from custledger.core.canonical import canonical_bytes
from custledger.core.facts import Body
from custledger.core.records import EntryKind, EntryRef, Part
from custledger.core.trail.chain import SALT_BYTES, Header, commitment, erases_of, genesis
from custledger.errors import (
    BadInputError,
    LedgerBusyError,
    NotFoundError,
    UnregisteredActorError,
)
from custledger.storage.bulk import insert_rows, insert_unless_taken, portions, table_of
from custledger.storage.copies import Placed, Places, copy_rows, table_for
from custledger.storage.erasing.erased import refuse_erased
from custledger.storage.heads import Heads, head_for_one, heads_for, lock_chains
from custledger.storage.identities import Identities
from custledger.storage.ownership import OWNED_KINDS, refuse_owners, refuse_targets_gone
from custledger.storage.tables import EntryRow, PayloadRow
from custledger.storage.types import CODES

__all__ = ["Content", "Draft", "Journal", "Superseded", "Written"]

_KIND_CODES: Final = CODES[EntryKind]
_SHARED, _STAFF, _CONTENT = (CODES[Part][part] for part in (Part.SHARED, Part.STAFF, Part.CONTENT))


_entry = table_of(EntryRow)
_PLACE: Final = ("subject_id", "seq")
_TRIES: Final = 2
"""Once where the lock was taken or the head out of date, and once behind the lock."""
_STALE_SECONDS: Final = 60
_NOBODY: Final = (
    "Who writes was registered in a transaction that was rolled back. Nothing was written; open "
    "the ledger again as somebody who is registered."
)


class Content(NamedTuple):
    """The content part of a piece of evidence: a text here, or the name of a blob in the store."""

    salt: bytes
    commitment: bytes
    body: bytes | None
    blob: str | None


class Draft(NamedTuple):
    """An entry to be written; ``supersedes`` is the seq of the entry that it corrects or voids."""

    subject_id: int
    kind: EntryKind
    body: Body
    occurred_at: int | None = None
    staff_body: Body | None = None
    content: Content | None = None
    supersedes: int | None = None


class Written(NamedTuple):
    """Where a draft was written."""

    entry_id: int
    subject_id: int
    seq: int


class Superseded(NamedTuple):
    """What a correction or void takes the place of; ``first`` is (key, seq) of the original."""

    entry_id: int
    kind: EntryKind
    first: tuple[int, int]


@dataclass(slots=True)
class Journal:
    """Writes entries, payloads and copies over one connection, in its transaction.

    ``ledger`` and ``actor_id`` are uuids, ``actor`` and ``batch`` identity keys; ``recorded_at`` is
    microseconds since 1970 UTC. ``wrote`` is told how many entries were appended.
    """

    connection: Connection
    identities: Identities
    ledger: UUID
    zone: str
    actor: int
    actor_id: UUID
    recorded_at: int
    batch: int | None = None
    wrote: Callable[[int], None] | None = None
    _looked_at: float = field(default_factory=time.monotonic)

    def append(self, drafts: Sequence[Draft]) -> list[Written]:
        """Write drafts in their order, each at the end of its subject's chain."""
        if not drafts:
            return []
        if len(drafts) == 1 and self.connection.dialect.name == "postgresql":
            chained = self._append_one(drafts[0])
        else:
            subjects = sorted({draft.subject_id for draft in drafts})
            # Nobody else knows of a customer that is new, so that its chain needs no lock.
            new = {d.subject_id for d in drafts if _is_new(d)}
            lock_chains(self.connection, self.ledger, [key for key in subjects if key not in new])
            self._keep_up()
            heads = heads_for(self.connection, subjects, self.actor, len(drafts))
            chained = self._chained(drafts, heads)
            insert_rows(self.connection, EntryRow, chained.entries)
            self._write_rest(drafts, chained)
        if self.wrote is not None:
            self.wrote(len(drafts))
        return [
            Written(p.entry_id, p.subject_id, entry[2])
            for p, entry in zip(chained.placed, chained.entries, strict=True)
        ]

    def _keep_up(self) -> None:
        # While a long upload was read, or a lock waited for, the ledger may have been sealed, and
        # an entry that says that it is older than the seal would look dated back.
        passed = time.monotonic() - self._looked_at
        if passed > _STALE_SECONDS:
            self.recorded_at += int(passed * 1_000_000)
            self._looked_at += passed

    def _append_one(self, draft: Draft) -> _Chained:
        """Write one entry to the chain's end as it was found, and again if it was not the end."""
        connection, subject = self.connection, draft.subject_id
        for _ in range(_TRIES):
            heads = head_for_one(connection, self.ledger, subject, self.actor)
            if heads is None:
                lock_chains(connection, self.ledger, [subject])
                continue
            self._keep_up()
            # The lock is held from here on: if a writer was in between, nobody is the next time.
            chained = self._chained([draft], heads)
            if self._insert_one(draft, chained):
                return chained
        raise LedgerBusyError

    def _insert_one(self, draft: Draft, chained: _Chained) -> bool:
        entry = (EntryRow, chained.entries[0])
        if draft.supersedes is not None:  # its copy may go once the entry is there
            if not insert_unless_taken(self.connection, [entry], _PLACE):
                return False
            self._write_rest([draft], chained)
            return True
        rows = self._copies([draft], chained.placed)
        rows[PayloadRow] = chained.payloads
        rest = ((model, row) for model, of_model in rows.items() for row in of_model)
        return insert_unless_taken(self.connection, [entry, *rest], _PLACE)

    def _write_rest(self, drafts: Sequence[Draft], chained: _Chained) -> None:
        insert_rows(self.connection, PayloadRow, chained.payloads)
        self._drop_copies(chained.superseded.values())
        self._refuse_owners(drafts, chained.superseded)
        for model, rows in self._copies(drafts, chained.placed).items():
            insert_rows(self.connection, model, rows)

    def _chained(self, drafts: Sequence[Draft], heads: Heads) -> _Chained:
        superseded = superseded_by(
            self.connection,
            [(d.subject_id, d.supersedes) for d in drafts if d.supersedes is not None],
        )
        if heads.actor != self.actor_id:
            raise UnregisteredActorError(_NOBODY)
        _refuse_gone(drafts, heads)
        if self.connection.dialect.name == "postgresql":  # elsewhere nobody wrote meanwhile
            refuse_targets_gone(self.connection, _targets(drafts))
            refuse_erased(self.connection, [old.entry_id for old in superseded.values()])
        return _Chained(superseded, *self._chain(drafts, heads, superseded))

    def _refuse_owners(
        self, drafts: Sequence[Draft], superseded: Mapping[tuple[int, int], Superseded]
    ) -> None:
        # Here and not in the books: no other writer can come in between once a chain is locked. An
        # error takes back what this transaction wrote already.
        voids = {
            (d.subject_id, d.supersedes)
            for d in drafts
            if d.kind is EntryKind.VOID and d.supersedes is not None
        }
        left = {place[0] for place in voids if superseded[place].kind is EntryKind.CUSTOMER}
        refuse_owners(self.connection, sorted(left))

    def _chain(
        self,
        drafts: Sequence[Draft],
        heads: Heads,
        superseded: Mapping[tuple[int, int], Superseded],
    ) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[Placed]]:
        ledger, actor, batch = str(self.ledger), str(self.actor_id), self._batch_text()
        self.identities.remember({key: head.uuid for key, head in heads.of.items()})
        texts = {key: str(head.uuid) for key, head in heads.of.items()}
        ends = {key: (h.seq, h.hash) for key, h in heads.of.items() if h.seq and h.hash}
        entries: list[tuple[Any, ...]] = []
        payloads: list[tuple[Any, ...]] = []
        placed: list[Placed] = []
        salts = _salts(2 * len(drafts))
        for key, draft in zip(heads.keys, drafts, strict=True):
            subject, kind, occurred_at = draft.subject_id, draft.kind, draft.occurred_at
            seq, prev = ends.get(subject) or (0, genesis(ledger, texts[subject]))
            seq += 1
            header = Header(
                ledger=ledger,
                subject=texts[subject],
                seq=seq,
                kind=kind.value,
                recorded_at=self.recorded_at,
                actor=actor,
                prev=prev,
                commits=_commit(key, draft, salts, payloads),
                occurred_at=occurred_at,
                supersedes=draft.supersedes,
                erases=erases_of(kind.value, draft.body),
                import_batch=batch,
            )
            ends[subject] = (seq, digest := header.hash())
            when = (self.recorded_at, occurred_at)
            rest = (self.actor, draft.supersedes, self.batch, digest)
            entries.append((key, subject, seq, _KIND_CODES[kind], *when, *rest))
            first = (key, seq)
            if draft.supersedes is not None:
                first = superseded[subject, draft.supersedes].first
            placed.append(Placed(key, *first, subject, kind, self.recorded_at, occurred_at))
        return entries, payloads, placed

    def _drop_copies(self, superseded: Any) -> None:
        by_table: dict[type[SQLModel], list[int]] = defaultdict(list)
        for old in superseded:
            for model in table_for(old.kind):
                by_table[model].append(old.entry_id)
        for model, keys in by_table.items():
            table = table_of(model)
            column = table.c.get("entry_id", table.c.get("id"))
            for chunk in portions(keys):
                self.connection.execute(delete(table).where(column.in_(chunk)))  # type: ignore[union-attr]

    def _copies(
        self, drafts: Sequence[Draft], placed: Sequence[Placed]
    ) -> dict[type[SQLModel], list[tuple[Any, ...]]]:
        rows: dict[type[SQLModel], list[tuple[Any, ...]]] = defaultdict(list)
        places = Places(self.zone, self.key_of)
        for place, draft in zip(placed, drafts, strict=True):
            for model, row in copy_rows(place, draft.body, places):
                rows[model].append(row)
        return rows

    def _batch_text(self) -> str | None:
        return (
            None if self.batch is None else str(self.identities.uuid(self.connection, self.batch))
        )

    def stored(self, draft: Draft, written: Written) -> StoredEntry:
        """What reading back a draft that supersedes nothing would give, without reading."""
        uuid = self.identities.uuid(self.connection, written.subject_id)
        ref = EntryRef(uuid, written.seq)
        return StoredEntry(
            id=ref,
            entry=ref,
            kind=draft.kind,
            recorded_at=self.recorded_at,
            occurred_at=draft.occurred_at,
            actor=self.actor_id,
            body=draft.body,
            staff_body=draft.staff_body or {},
        )

    def refs(self, written: Sequence[Written]) -> list[EntryRef]:
        """The public references of what was written."""
        uuids = self.identities.uuids(self.connection, {w.subject_id for w in written})
        return [EntryRef(uuids[w.subject_id], w.seq) for w in written]

    def key_of(self, uuid: UUID) -> int:
        """The key of an identity that must exist."""
        key = self.identities.key(self.connection, uuid)
        if key is None:
            raise BadInputError(f"{uuid} is not known in this ledger.")
        return key


class _Chained(NamedTuple):
    """Rows ready to be written, and what they supersede."""

    superseded: dict[tuple[int, int], Superseded]
    entries: list[tuple[Any, ...]]
    payloads: list[tuple[Any, ...]]
    placed: list[Placed]


def _is_new(draft: Draft) -> bool:
    return draft.kind is EntryKind.CUSTOMER and draft.supersedes is None


def _targets(drafts: Sequence[Draft]) -> set[tuple[int, int]]:
    """(Subject key, seq) of the invoices and sales that drafts apply to."""
    return {
        (d.subject_id, cast(int, d.body["applies_to"])) for d in drafts if "applies_to" in d.body
    }


def _refuse_gone(drafts: Sequence[Draft], heads: Heads) -> None:
    """Refuse a record of somebody who is no customer, where the books still took them for one."""
    added = {d.subject_id for d in drafts if _is_new(d)}
    owners = {d.subject_id for d in drafts if d.kind in OWNED_KINDS} - added
    if not all(heads.of[owner].is_customer for owner in owners):
        raise NotFoundError(
            "No current customer has that id; it may have been voided or erased. Nothing was "
            "written; look the customer up again."
        )


def superseded_by(
    connection: Connection, targets: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Superseded]:
    """What (subject key, seq) pairs name, with the first entry of each line of corrections."""
    lines = _entries_at(connection, targets)
    for target in targets:
        if target not in lines:
            raise BadInputError(f"Entry {target[1]} does not exist in that chain.")
    while older := {place for place in map(_before, lines.items()) if place} - lines.keys():
        lines.update(_entries_at(connection, sorted(older)))
    return {target: _superseded(target, lines) for target in targets}


_Lines = dict[tuple[int, int], tuple[int, EntryKind, int | None]]


def _entries_at(connection: Connection, places: Sequence[tuple[int, int]]) -> _Lines:
    """(Key, kind, supersedes) of the entries at (subject key, seq) pairs."""
    c, found = _entry.c, {}
    columns = (c.subject_id, c.seq, c.id, c.kind, c.supersedes)
    for chunk in portions(places):
        query = select(*columns).where(tuple_(c.subject_id, c.seq).in_(chunk))
        for subject, seq, key, kind, supersedes in connection.execute(query):
            found[subject, seq] = (key, kind, supersedes)
    return found


def _before(line: tuple[tuple[int, int], tuple[int, EntryKind, int | None]]) -> Any:
    (subject, _), (_, _, supersedes) = line
    return None if supersedes is None else (subject, supersedes)


def _superseded(target: tuple[int, int], lines: _Lines) -> Superseded:
    key, kind, _ = lines[target]
    place = target
    while older := _before((place, lines[place])):
        place = older
    return Superseded(key, kind, (lines[place][0], place[1]))


def _salts(count: int) -> Iterator[bytes]:
    pool = os.urandom(SALT_BYTES * count)
    return (pool[n : n + SALT_BYTES] for n in range(0, len(pool), SALT_BYTES))


def _commit(
    key: int, draft: Draft, salts: Iterator[bytes], payloads: list[tuple[Any, ...]]
) -> dict[str, bytes]:
    """The commitments of a draft's parts; their rows are added to ``payloads``."""
    commits: dict[str, bytes] = {}
    parts = ((_SHARED, "shared", draft.body), (_STAFF, "staff", draft.staff_body))
    for code, name, body in parts:
        if body is not None:
            salt, data = next(salts), canonical_bytes(body)
            commits[name] = commitment(salt, data)
            payloads.append((key, code, salt, data, None))
    if draft.content is not None:
        salt, digest, data_or_none, blob = draft.content
        commits["content"] = digest
        payloads.append((key, _CONTENT, salt, data_or_none, blob))
    return commits
