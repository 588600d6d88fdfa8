"""What is left of erased entries: commitments, and the contents that an erasure kept.

An erasure names the entries whose payloads it took. Of these nothing may be there but a content
that the same erasure declares as kept, because what it committed to could not be computed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from custledger.core.canonical import parse_canonical
from custledger.core.records import Part
from custledger.errors import BadInputError
from custledger.storage.bulk import portions, table_of
from custledger.storage.chains import Range
from custledger.storage.evidence.contents import cipher_of
from custledger.storage.naming import qualified
from custledger.storage.tables import EntryRow, PayloadRow
from custledger.storage.truth_tables import ErasureRow
from custledger.storage.verifying.raw import raw_rows

__all__ = ["ErasedPart", "erasures_in", "kept_by", "kept_ciphers", "parsed", "parts_left"]

_entry, _payload, _erasure = table_of(EntryRow), table_of(PayloadRow), table_of(ErasureRow)


class ErasedPart(NamedTuple):
    """What is left of an erased part."""

    commitment: bytes
    by_id: int


def erasures_in(connection: Connection, span: Range) -> dict[int, dict[int, dict[int, ErasedPart]]]:
    """The erased parts of a range's entries, by subject, number and part's code."""
    where, values = span.where("e.subject_id")
    if span.last_key is not None:
        where, values = f"{where} AND x.by_id > ?", [*values, span.last_key]
    erasures, entries = (qualified(connection, table.name) for table in (_erasure, _entry))
    rows = raw_rows(
        connection,
        f"SELECT e.subject_id, e.seq, x.part, x.commitment, x.by_id FROM {erasures} x "
        f"JOIN {entries} e ON e.id = x.entry_id WHERE {where}",
        values,
    )
    found: dict[int, dict[int, dict[int, ErasedPart]]] = defaultdict(lambda: defaultdict(dict))
    for subject, seq, part, digest, by_id in rows:
        if part in range(len(Part)):
            held = digest if isinstance(digest, bytes) else b""
            found[subject][seq][part] = ErasedPart(held, by_id)
    return found


def kept_ciphers(body: Mapping[str, Any] | None) -> dict[int, str]:
    """The contents that an erasure declares as kept, by number of the entry, with their ciphers.

    No other part of an entry that an erasure names may stay.

    >>> kept_ciphers({"erases": [2, 3], "kept": [{"seq": 3, "part": "content", "cipher": "x"}]})
    {3: 'x'}
    """
    kept = (body or {}).get("kept")
    return {
        one["seq"]: cipher_of(one)
        for one in (kept if isinstance(kept, list) else ())
        if isinstance(one, dict)
        and isinstance(one.get("seq"), int)
        and one.get("part") == Part.CONTENT.value
    }


def kept_by(connection: Connection, erasure: int) -> dict[int, str]:
    """What the erasure with that key declares as kept."""
    payloads = qualified(connection, _payload.name)
    said = f"SELECT body FROM {payloads} WHERE entry_id = ? AND part = 0"
    rows = raw_rows(connection, said, [erasure])
    body = rows[0][0] if rows else None
    return kept_ciphers(parsed(body) if isinstance(body, bytes) else None)


def parts_left(connection: Connection, subject: int, seqs: Sequence[int]) -> set[tuple[int, Any]]:
    """(Number, part's code) of what payloads there are of some entries of a chain."""
    entries, payloads = (qualified(connection, table.name) for table in (_entry, _payload))
    found: set[tuple[int, Any]] = set()
    for chunk in portions(seqs):
        marks = ", ".join("?" * len(chunk))
        found |= set(
            raw_rows(
                connection,
                f"SELECT e.seq, p.part FROM {entries} e JOIN {payloads} p ON p.entry_id = e.id "
                f"WHERE e.subject_id = ? AND e.seq IN ({marks})",
                [subject, *chunk],
            )
        )
    return found


def parsed(shared: bytes) -> dict[str, Any] | None:
    """A shared part as a document; None for bytes that are no canonical one."""
    try:
        return parse_canonical(shared)
    except BadInputError:
        return None
