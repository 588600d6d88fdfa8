"""The register of erasures: written from what was erased, and replayed after a restore."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.canonical import JsonValue
from custledger.core.privacy.erasure import Ground, Replay
from custledger.core.privacy.register import ErasedEntry, RegisterLine
from custledger.core.records import EntryKind, EntryRef, Part
from custledger.core.trail.chain import commitment
from custledger.core.trail.seals import CLOCK_TOLERANCE
from custledger.errors import BadInputError
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.erasing.erased import newer_than_erasure
from custledger.storage.erasing.purging import Remains
from custledger.storage.erasing.rules import StandingHold, erase_by_rules
from custledger.storage.erasing.targets import (
    Subject,
    Target,
    header_of,
    numbered,
    with_payload,
)
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.tables import EntryRow, ErasureRow, PayloadRow

__all__ = ["register_lines", "replay_lines"]

_entry, _erasure = table_of(EntryRow), table_of(ErasureRow)
_payload = table_of(PayloadRow)


def register_lines(connection: Connection, context: Context) -> Iterator[RegisterLine]:
    """A line for each erasure, in the order they were made."""
    query = (
        select(_entry.c.id, _entry.c.subject_id, _entry.c.seq, _entry.c.hash)
        .add_columns(_entry.c.recorded_at, _payload.c.body)
        .join(_payload, (_payload.c.entry_id == _entry.c.id) & (_payload.c.part == Part.SHARED))
        .where(_entry.c.kind == EntryKind.ERASURE)
        .order_by(_entry.c.id)
    )
    for portion in portions(connection.execute(query).all()):
        erased = _erased_by(connection, [row.id for row in portion])
        uuids = context.identities.uuids(connection, {row.subject_id for row in portion})
        for row in portion:
            yield RegisterLine(
                ledger=context.ledger,
                subject=uuids[row.subject_id],
                entry=row.seq,
                hash=bytes(row.hash),
                ground=str(json.loads(row.body).get("ground", Ground.OTHER)),
                recorded_at=row.recorded_at,
                entries=tuple(erased.get(row.id, ())),
            )


def _erased_by(connection: Connection, erasures: Sequence[int]) -> dict[int, list[ErasedEntry]]:
    query = (
        select(_erasure.c.by_id, _entry.c.seq, _entry.c.hash)
        .add_columns(_erasure.c.part, _erasure.c.commitment)
        .join(_entry, _entry.c.id == _erasure.c.entry_id)
        .where(_erasure.c.by_id.in_(erasures))
        .order_by(_erasure.c.by_id, _entry.c.seq, _erasure.c.part)
    )
    found: dict[int, list[ErasedEntry]] = {}

    def place(row: Any) -> tuple[int, int]:
        return row.by_id, row.seq

    for (by_id, seq), parts in groupby(connection.execute(query), key=place):
        rows = list(parts)
        commits = {row.part: bytes(row.commitment) for row in rows}
        found.setdefault(by_id, []).append(ErasedEntry(seq, bytes(rows[0].hash), commits))
    return found


def replay_lines(
    journal: Journal, context: Context, lines: Sequence[RegisterLine], remains: Remains
) -> Replay:
    """Erase what the lines name and what is here, by the rules; BadInputError for altered lines."""
    connection = journal.connection
    by_subject: dict[UUID, list[RegisterLine]] = defaultdict(list)
    for line in lines:
        if line.recorded_at > journal.recorded_at + CLOCK_TOLERANCE:
            raise BadInputError(
                f"A line of the register, about {line.subject}, is of a time that has not come "
                "yet: it was altered, or this computer's clock is wrong. Nothing was erased."
            )
        by_subject[line.subject].append(line)
    keys = {uuid: context.identities.key(connection, uuid) for uuid in by_subject}
    lock_chains(connection, journal.ledger, sorted(key for key in keys.values() if key is not None))
    came = _Came()
    for uuid, of_subject in by_subject.items():
        key = keys[uuid]
        if key is None:
            came.missing += [EntryRef(uuid, e.seq) for line in of_subject for e in line.entries]
        else:
            _Chain(journal, context, Subject(key, uuid), of_subject).replay(remains, came)
    return came.told()


@dataclass(slots=True)
class _Came:
    """What came of a replay so far."""

    erased: int = 0
    gone: int = 0
    missing: list[EntryRef] = field(default_factory=list)
    kept: list[EntryRef] = field(default_factory=list)
    newer: list[EntryRef] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def told(self) -> Replay:
        lists = (self.missing, self.kept, self.newer, self.left)
        return Replay(self.erased, self.gone, *map(tuple, lists))  # type: ignore[arg-type]


class _Chain:
    """The lines about one customer, and those entries of the chain that they name."""

    def __init__(
        self,
        journal: Journal,
        context: Context,
        subject: Subject,
        lines: Sequence[RegisterLine],
    ) -> None:
        self._journal, self._context, self._subject = journal, context, subject
        self._lines = lines
        named = {e.seq for line in lines for e in line.entries} | {line.entry for line in lines}
        self._targets = numbered(journal.connection, subject.key, named)
        there = with_payload(journal.connection, list(self._targets.values()))
        self._there = {target.seq for target in there}

    def replay(self, remains: Remains, came: _Came) -> None:
        """Erase line by line what is here."""
        of_lines = [self._matching(line) for line in self._lines]
        named = {target.seq for here in of_lines for target in here}
        for line, here in zip(self._lines, of_lines, strict=True):
            self._refuse_altered(line)
            self._again(line, here, named, remains, came)
        newer = newer_than_erasure(self._journal.connection, self._subject.key)
        came.newer += [self._ref(seq) for seq in newer]

    def _again(
        self,
        line: RegisterLine,
        here: Sequence[Target],
        named: set[int],
        remains: Remains,
        came: _Came,
    ) -> None:
        known = {target.seq for target in here}
        there = [target for target in here if target.seq in self._there]
        came.gone += len(here) - len(there)
        came.missing += [self._ref(e.seq) for e in line.entries if e.seq not in known]
        if not there:
            return
        ruling = erase_by_rules(
            self._journal,
            self._context,
            self._subject,
            there,
            _said(line),
            remains,
            known={entry.seq: entry.commits for entry in line.entries},
            released=_Released(named, line.recorded_at),
        )
        if ruling.holds:
            came.kept += [self._ref(target.seq) for target in there]
        if ruling.erased is not None:
            self._there.difference_update(target.seq for target in there)
            came.erased += ruling.erased.entries
            came.left += ruling.erased.unreadable

    def _matching(self, line: RegisterLine) -> list[Target]:
        """The entries that the line means: after a restore another entry may have a number."""
        hashes = {entry.seq: entry.hash for entry in line.entries}
        return [
            self._targets[seq]
            for seq, digest in sorted(hashes.items())
            if seq in self._targets and self._targets[seq].hash == digest
        ]

    def _refuse_altered(self, line: RegisterLine) -> None:
        """Where the line's own erasure is here, what the line says of it is what was hashed."""
        target = self._targets.get(line.entry)
        if target is None or target.hash != line.hash:
            return
        connection = self._journal.connection
        query = select(_payload.c.salt, _payload.c.body).where(
            _payload.c.entry_id == target.id, _payload.c.part == Part.SHARED
        )
        row = connection.execute(query).one_or_none()
        if row is not None:
            commits = {Part.SHARED: commitment(bytes(row.salt), bytes(row.body or b""))}
            erases = tuple(entry.seq for entry in line.entries)
            as_told = target._replace(kind=EntryKind.ERASURE, recorded_at=line.recorded_at)
            header = header_of(connection, self._context, self._subject, as_told, commits, erases)
            if header.hash() == line.hash:
                return
        raise BadInputError(
            f"The register's line about {self._ref(line.entry)} says another thing than that "
            "entry: one of the two was altered. Nothing was erased; `custledger verify` tells if "
            "it was the ledger."
        )

    def _ref(self, seq: int) -> EntryRef:
        return EntryRef(self._subject.uuid, seq)


class _Released:
    """The holds that a line shows to have been released: they were erased later, by their name.

    A backup does not know of the release. A hold that nothing names, or that is newer than the
    line, stands.
    """

    def __init__(self, named: set[int], moment: int) -> None:
        self._named, self._moment = named, moment

    def __contains__(self, hold: object) -> bool:
        return (
            isinstance(hold, StandingHold)
            and hold.seq in self._named
            and hold.recorded_at <= self._moment
        )


def _said(line: RegisterLine) -> dict[str, JsonValue]:
    known = line.ground in set(Ground)
    return {
        "ground": line.ground if known else Ground.OTHER.value,
        "register": {"entry": line.entry, "hash": line.hash.hex()},
    }
