"""Random tampering with rows below the seals, each of which can be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import Table

from custledger.storage.bulk import table_of
from custledger.storage.table_base import Row
from custledger.storage.tables import (
    BlobRow,
    CheckpointRow,
    EntryRow,
    ErasureRow,
    IdentityRow,
    PayloadRow,
    SealHeadRow,
    SealRow,
)
from tests.attacker import ENTRY, REFUSED, Attacker, header_of

__all__ = ["Tampering", "forge_chain", "tamper"]

_MODELS: tuple[type[Row], ...] = (
    EntryRow,
    PayloadRow,
    BlobRow,
    ErasureRow,
    SealRow,
    SealHeadRow,
    CheckpointRow,
)
_OF_SWAPS: tuple[type[Row], ...] = (EntryRow, PayloadRow, SealRow, SealHeadRow, IdentityRow)
_EDITED = tuple(map(table_of, _MODELS))
# A seal whose note is gone counts as unsealed, as after a crash before it was signed; an identity
# whose uuid changes is in the list as one of its chain.
_DELETED = tuple(t for t in _EDITED if t is not table_of(CheckpointRow))
_SWAPPED = tuple(map(table_of, _OF_SWAPS))


@dataclass
class Tampering:
    """What was done, and how to undo it: calls to make, the last one first."""

    said: tuple[Any, ...]
    undoing: list[Callable[[], Any]] = field(default_factory=list)

    def undo(self) -> None:
        """Put back what was there."""
        for call in reversed(self.undoing):
            call()


def tamper(attacker: Attacker, data: st.DataObject) -> Tampering | None:
    """Edit a byte, delete a row, or swap a column of two rows; None where nothing came of it."""
    how = data.draw(st.sampled_from([_edit, _edit, _delete, _swap]))
    return how(attacker, data)


def forge_chain(
    attacker: Attacker, data: st.DataObject, files: Mapping[str, bytes]
) -> Tampering | None:
    """Edit a sealed entry's moment, and hash it and all that follow it in its chain anew."""
    entries = _sealed_entries(attacker)
    if not entries:
        return None
    key = data.draw(st.sampled_from(entries))
    done = Tampering(("forged", key))
    _write(attacker, done, ENTRY, "recorded_at", key, attacker.cell(ENTRY, "recorded_at", key) + 1)
    subject, seq = (attacker.cell(ENTRY, name, key) for name in ("subject_id", "seq"))
    later = "SELECT id FROM custledger_entry WHERE subject_id = ? AND seq >= ? ORDER BY seq"
    for (entry,) in attacker.run(later, subject, seq):
        digest = header_of(attacker, entry, files).hash()
        _write(attacker, done, ENTRY, "hash", (entry,), digest)
    return done


def _edit(attacker: Attacker, data: st.DataObject) -> Tampering | None:
    table, key = _row(attacker, data, _EDITED)
    column = data.draw(st.sampled_from([column.name for column in table.columns]))
    old = attacker.cell(table, column, key)
    new = _other(data, old)
    if new is None or (column == "note" and _still_vouched(old, new)):
        return None
    done = Tampering(("edited", table.name, column, key, old, new))
    try:
        _write(attacker, done, table, column, key, new)
    except REFUSED:  # another row's key, or a text that is no UTF-8
        return None
    return done


def _still_vouched(old: str, new: str) -> bool:
    # Of two signatures below a note, as after a change of keys, one may be damaged: a line of a key
    # that nobody pinned is no fault, and the other vouches for the same text.
    text, _, lines = old.partition("\n\n")
    return lines.count("\n") > 1 and new.startswith(f"{text}\n\n")


def _delete(attacker: Attacker, data: st.DataObject) -> Tampering | None:
    table, key = _row(attacker, data, _DELETED)
    row = attacker.row(table, key)
    done = Tampering(("deleted", table.name, row))
    done.undoing.append(lambda: attacker.insert(table, row))
    attacker.delete(table, key)
    return done


def _swap(attacker: Attacker, data: st.DataObject) -> Tampering | None:
    table, one = _row(attacker, data, _SWAPPED)
    _, two = _row(attacker, data, (table,))
    keys = {column.name for column in table.primary_key}
    columns = [column.name for column in table.columns if column.name not in keys]
    column = data.draw(st.sampled_from(columns))
    first, second = (attacker.cell(table, column, key) for key in (one, two))
    if first == second:
        return None
    done = Tampering(("swapped", table.name, column, one, two))
    between = _other(data, first)
    try:
        for key, value in ((one, between), (two, first), (one, second)):
            _write(attacker, done, table, column, key, value)
    except REFUSED:
        done.undo()
        return None
    return done


def _row(
    attacker: Attacker, data: st.DataObject, tables: tuple[Table, ...]
) -> tuple[Table, tuple[Any, ...]]:
    """A row of the truth that a seal holds."""
    rows = {table.name: _sealed(attacker, table) for table in tables}
    table = data.draw(st.sampled_from([table for table in tables if rows[table.name]]))
    return table, data.draw(st.sampled_from(rows[table.name]))


def _sealed(attacker: Attacker, table: Table) -> list[tuple[Any, ...]]:
    if table is ENTRY:
        return _sealed_entries(attacker)
    names = [column.name for column in table.columns]
    keys = attacker.keys(table)
    if "entry_id" not in names:
        return keys
    sealed = set(_sealed_entries(attacker))
    return [key for key in keys if key[:1] in sealed]


def _sealed_entries(attacker: Attacker) -> list[tuple[Any, ...]]:
    return attacker.run(
        "SELECT id FROM custledger_entry WHERE id <= (SELECT max(last_key) FROM custledger_seal) "
        "ORDER BY id"
    )


def _other(data: st.DataObject, old: Any) -> Any:
    """The value with one bit changed; None where there is none."""
    match old:
        case int():
            return old ^ 1 << data.draw(st.integers(0, 30))
        case UUID():
            return UUID(int=old.int ^ 1 << data.draw(st.integers(0, 127)))
        case str() | bytes() if old:
            raw = bytearray(old.encode() if isinstance(old, str) else old)
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 6))
            return bytes(raw) if isinstance(old, bytes) else raw.decode("utf-8", "replace")
    return None


def _write(
    attacker: Attacker, done: Tampering, table: Table, column: str, key: Any, value: Any
) -> None:
    old = attacker.cell(table, column, key)
    moved = attacker.write(table, column, key, value)
    done.undoing.append(lambda: attacker.write(table, column, moved, old))
