"""Somebody with a plain SQL connection of their own, who takes the guards away first."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row
from sqlalchemy import Table
from sqlalchemy.engine import make_url

from custledger import EntryRef, Ledger
from custledger.core.records import EntryKind, Part
from custledger.core.trail.chain import Header, commitment, erases_of, genesis
from custledger.core.trail.findings import Finding, FindingCode
from custledger.core.trail.merkle import prove_consistency, root
from custledger.core.trail.notes import Checkpoint
from custledger.core.trail.seals import SealBody, SealedHead, origin_of, root_of_heads
from custledger.core.trail.signing import Signer
from custledger.storage.bulk import table_of
from custledger.storage.tables import (
    COPIES,
    TRUTH,
    BlobRow,
    EntryRow,
    IdentityRow,
    MoneyRow,
    PayloadRow,
)

__all__ = [
    "BLOB",
    "ENTRY",
    "IDENTITY",
    "MONEY",
    "PAYLOAD",
    "REFUSED",
    "TABLES",
    "Attacker",
    "assert_found",
    "attack",
    "codes",
    "found_in",
    "header_of",
    "refs",
    "rehash",
    "rehash_from",
    "reseal",
]

TABLES = tuple(table_of(model) for model in (*TRUTH, *COPIES))
ENTRY, PAYLOAD, IDENTITY = table_of(EntryRow), table_of(PayloadRow), table_of(IdentityRow)
BLOB, MONEY = table_of(BlobRow), table_of(MoneyRow)
PARTS = tuple(part.value for part in Part)
_SEALING = ("seal", "seal_head", "checkpoint", "anchor")
OF_NO_ENTRY = {f"custledger_{name}" for name in ("identity", *_SEALING)}
REFUSED = (sqlite3.IntegrityError, sqlite3.OperationalError, psycopg.Error)
"""What a database says that takes no such value."""
Row = tuple[Any, ...]


class Attacker:
    """Plain SQL with ``?`` for values, on SQLite and PostgreSQL alike."""

    def __init__(self, location: str) -> None:
        self.on_sqlite = "://" not in location
        self._connection: Any
        if self.on_sqlite:
            self._connection = sqlite3.connect(location, isolation_level=None)
            self._connection.execute("PRAGMA synchronous = OFF")  # thousands of small edits
        else:
            plain = make_url(location).set(drivername="postgresql")
            self._connection = psycopg.connect(
                plain.render_as_string(hide_password=False), autocommit=True, row_factory=tuple_row
            )

    def run(self, statement: str, *values: Any) -> list[Row]:
        marked = statement if self.on_sqlite else statement.replace("?", "%s")
        cursor = (
            self._connection.execute(marked, values or None)
            if not self.on_sqlite
            else (self._connection.execute(marked, values))
        )
        return cursor.fetchall() if cursor.description else []

    def rowcount(self, statement: str, *values: Any) -> int:
        marked = statement if self.on_sqlite else statement.replace("?", "%s")
        return int(self._connection.execute(marked, values).rowcount)

    def value(self, statement: str, *values: Any) -> Any:
        return self.run(statement, *values)[0][0]

    def guards(self) -> list[tuple[str, str]]:
        """(Name, table) of every guard in place."""
        if self.on_sqlite:
            rows = self.run("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'")
        else:
            rows = self.run(
                "SELECT tgname, relname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid "
                "WHERE NOT tgisinternal"
            )
        return [(name, table) for name, table in rows]

    def drop_guards(self) -> None:
        """Guards, foreign keys: everything that refuses."""
        for name, table in self.guards():
            self.run(f"DROP TRIGGER {name}" + ("" if self.on_sqlite else f" ON {table}"))
        if not self.on_sqlite:
            self.run("SET session_replication_role = replica")

    def close(self) -> None:
        self._connection.close()

    def keys(self, table: Table) -> list[Row]:
        """The primary keys of a table's rows."""
        names = ", ".join(column.name for column in table.primary_key)
        return self.run(f"SELECT {names} FROM {table.name} ORDER BY {names}")

    def cell(self, table: Table, column: str, key: Row) -> Any:
        return self.value(f"SELECT {column} FROM {table.name} WHERE {_where(table)}", *key)

    def write(self, table: Table, column: str, key: Row, value: Any) -> Row:
        """Change a cell; returns the row's key afterwards."""
        self.run(f"UPDATE {table.name} SET {column} = ? WHERE {_where(table)}", value, *key)
        names = [c.name for c in table.primary_key]
        return tuple(value if n == column else v for n, v in zip(names, key, strict=True))

    def delete(self, table: Table, key: Row) -> None:
        self.run(f"DELETE FROM {table.name} WHERE {_where(table)}", *key)

    def insert(self, table: Table, row: Sequence[Any]) -> None:
        marks = ", ".join("?" * len(row))
        self.run(f"INSERT INTO {table.name} VALUES ({marks})", *row)

    def row(self, table: Table, key: Row) -> Row:
        return self.run(f"SELECT * FROM {table.name} WHERE {_where(table)}", *key)[0]

    def ref_of(self, entry_id: int) -> EntryRef:
        """The public reference of an entry."""
        uuid, seq = self.run(
            "SELECT i.uuid, e.seq FROM custledger_entry e "
            "JOIN custledger_identity i ON i.id = e.subject_id WHERE e.id = ?",
            entry_id,
        )[0]
        return EntryRef(uuid if isinstance(uuid, UUID) else UUID(uuid), seq)

    def uuid(self, key: int) -> UUID:
        """The uuid of an identity."""
        uuid = self.value("SELECT uuid FROM custledger_identity WHERE id = ?", key)
        return uuid if isinstance(uuid, UUID) else UUID(uuid)

    def ledger(self) -> UUID:
        """The uuid of the ledger itself."""
        return self.uuid(
            self.value("SELECT subject_id FROM custledger_entry WHERE kind = 0 ORDER BY id LIMIT 1")
        )

    def entry_named(self, table: Table, key: Row) -> EntryRef | None:
        """The entry to which a row belongs; an identity and a seal belong to none."""
        if table is ENTRY:
            return self.ref_of(key[0])
        names = [column.name for column in table.columns]
        if table.name == "custledger_blob":
            return self.ref_of(
                self.value("SELECT entry_id FROM custledger_payload WHERE blob = ?", key[0])
            )
        if "entry_id" in names:
            return self.ref_of(self.cell(table, "entry_id", key))
        return None if table.name in OF_NO_ENTRY else self.ref_of(key[0])


@contextlib.contextmanager
def attack(location: str) -> Iterator[Attacker]:
    """An attacker who has taken the guards away."""
    attacker = Attacker(location)
    try:
        attacker.drop_guards()
        yield attacker
    finally:
        attacker.close()


def found_in(ledger: Ledger, **against: Any) -> list[Finding]:
    """What verify, given keys and checkpoints, finds beside the missing guards."""
    report = ledger.verify(**against)
    return [f for f in report.findings if f.code is not FindingCode.GUARD_MISSING]


def codes(ledger: Ledger, **against: Any) -> list[FindingCode]:
    return [finding.code for finding in found_in(ledger, **against)]


def refs(findings: Any) -> list[EntryRef | None]:
    return [finding.entry for finding in findings]


def assert_found(ledger: Ledger, code: FindingCode, ref: EntryRef) -> None:
    findings = found_in(ledger)
    assert (code, ref) in [(finding.code, finding.entry) for finding in findings], findings


def rehash(attacker: Attacker, entry: int) -> bytes:
    """Give an edited entry the hash that fits it, as someone would who can read the source.

    Its link is the hash of the entry before as it is stored; the entries after it stay as they are.
    """
    digest = header_of(attacker, entry).hash()
    attacker.write(ENTRY, "hash", (entry,), digest)
    return digest


def rehash_from(attacker: Attacker, entry: int) -> None:
    """The same for an entry and all that follow it in its chain."""
    subject, seq = attacker.run("SELECT subject_id, seq FROM custledger_entry WHERE id = ?", entry)[
        0
    ]
    later = "SELECT id FROM custledger_entry WHERE subject_id = ? AND seq >= ? ORDER BY seq"
    for (key,) in attacker.run(later, subject, seq):
        rehash(attacker, key)


def header_of(attacker: Attacker, entry: int, files: Mapping[str, bytes] | None = None) -> Header:
    """The header of an entry, from its row and those of its payload and erasures.

    ``files`` are the contents of evidence by name, where they matter.
    """
    row = dict(zip(ENTRY.columns.keys(), attacker.row(ENTRY, (entry,)), strict=True))
    parts = "SELECT part, salt, body, blob FROM custledger_payload WHERE entry_id = ?"
    erased = "SELECT part, commitment FROM custledger_erasure WHERE entry_id = ?"
    stored = [
        (part, salt, (files or {}).get(blob, b"") if body is None else body)
        for part, salt, body, blob in attacker.run(parts, entry)
    ]
    commits = {PARTS[part]: commitment(salt, body) for part, salt, body in stored}
    commits |= {PARTS[part]: bytes(digest) for part, digest in attacker.run(erased, entry)}
    kind = tuple(EntryKind)[row["kind"]].value
    body: dict[str, Any] = next((json.loads(body) for part, _, body in stored if part == 0), {})
    before = "SELECT hash FROM custledger_entry WHERE subject_id = ? AND seq = ?"
    prev = attacker.run(before, row["subject_id"], row["seq"] - 1)
    ledger, subject = str(attacker.ledger()), str(attacker.uuid(row["subject_id"]))
    return Header(
        ledger=ledger,
        subject=subject,
        seq=row["seq"],
        kind=kind,
        recorded_at=row["recorded_at"],
        actor=str(attacker.uuid(row["actor_id"])),
        prev=bytes(prev[0][0]) if prev else genesis(ledger, subject),
        commits=commits,
        occurred_at=row["occurred_at"],
        supersedes=row["supersedes"],
        erases=erases_of(kind, body),
        import_batch=None if row["batch_id"] is None else str(attacker.uuid(row["batch_id"])),
    )


def reseal(attacker: Attacker, signer: Signer | None = None) -> None:
    """Make all seals anew over the chains as they are, as somebody would who holds a key.

    Each seal keeps its number, its time and the subjects that moved with it. Without a signer the
    notes stay as they were.
    """
    leaves: list[bytes] = []
    heads: dict[UUID, SealedHead] = {}
    for n, data in attacker.run("SELECT n, body FROM custledger_seal ORDER BY n"):
        body = SealBody.from_bytes(bytes(data))
        moved = _heads_anew(attacker, n)
        heads |= {head.subject: head for head in moved}
        body = replace(
            body,
            prev=leaves[-1] if leaves else b"",
            changes=root_of_heads(sorted(moved, key=_by_uuid)),
            heads=root_of_heads(sorted(heads.values(), key=_by_uuid)),
            entries=sum(head.seq for head in heads.values()),
        )
        last = attacker.value(
            "SELECT max(e.id) FROM custledger_entry e JOIN custledger_seal_head h "
            "ON h.subject_id = e.subject_id AND h.seq = e.seq WHERE h.n <= ?",
            n,
        )
        anew = "UPDATE custledger_seal SET body = ?, last_key = ? WHERE n = ?"
        attacker.run(anew, body.to_bytes(), last, n)
        leaves.append(body.leaf())
        if signer is not None:
            origin = origin_of(body.ledger, body.incarnation)
            sized = list(leaves)
            note = signer.sign(
                Checkpoint(origin, n, root(leaves)), partial(prove_consistency, sized)
            )
            attacker.run("UPDATE custledger_checkpoint SET note = ? WHERE n = ?", note.to_text(), n)


def _heads_anew(attacker: Attacker, n: int) -> list[SealedHead]:
    """The ends that a seal holds, with the hashes that their entries have now; gone ones go."""
    found = []
    held = "SELECT subject_id, seq FROM custledger_seal_head WHERE n = ?"
    for subject, seq in attacker.run(held, n):
        now = "SELECT hash FROM custledger_entry WHERE subject_id = ? AND seq = ?"
        here = "WHERE n = ? AND subject_id = ?"
        rows = attacker.run(now, subject, seq)
        if not rows:
            attacker.run(f"DELETE FROM custledger_seal_head {here}", n, subject)
            continue
        digest = bytes(rows[0][0])
        attacker.run(f"UPDATE custledger_seal_head SET hash = ? {here}", digest, n, subject)
        found.append(SealedHead(attacker.uuid(subject), seq, digest))
    return found


def _by_uuid(head: SealedHead) -> bytes:
    return head.subject.bytes


def _where(table: Table) -> str:
    return " AND ".join(f"{column.name} = ?" for column in table.primary_key)
