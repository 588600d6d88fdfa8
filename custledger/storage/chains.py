"""Whole chains read from the truth, range by range of subjects, for verification and rebuilding.

A range holds some thousands of entries; a chain longer than that comes in pages. So memory holds
one page, however long the ledger or a chain is. Rows are read as the driver gives them: an edited
one may hold anything, and for SQLite that means any type in any column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import Connection, func, select, tuple_

from custledger.core.records import EntryKind, Part
from custledger.storage.bulk import portions, table_of
from custledger.storage.copies import Placed
from custledger.storage.naming import qualified
from custledger.storage.tables import EntryRow, PayloadRow
from custledger.storage.verifying.raw import raw_rows

__all__ = [
    "Lines",
    "Link",
    "NewOf",
    "Payload",
    "Range",
    "Span",
    "pages",
    "ranges",
]

PAGE: Final = 5_000
"""About how many entries are in memory at a time."""
_MOST_SUBJECTS: Final = 2_000
_entry = table_of(EntryRow)
_payload = table_of(PayloadRow)
_KINDS: Final = tuple(EntryKind)
_PARTS: Final = tuple(Part)
_COLUMNS: Final = (
    "e.id, e.subject_id, e.seq, e.kind, e.recorded_at, e.occurred_at, e.actor_id, e.supersedes, "
    "e.batch_id, e.hash, p.part, p.salt, p.body, p.blob"
)
_OF_ENTRY: Final = 10


class Payload(NamedTuple):
    """A part of a payload as stored."""

    part: Part
    salt: bytes
    body: bytes | None
    blob: str | None


class Link(NamedTuple):
    """An entry as stored, with its payload's parts; ``kind`` None is a code that does not exist."""

    id: int
    subject_id: int
    seq: int
    kind: EntryKind | None
    recorded_at: int
    occurred_at: int | None
    actor_id: int
    supersedes: int | None
    batch_id: int | None
    hash: bytes
    parts: list[Payload]

    def shared(self) -> bytes | None:
        """The bytes of the shared part, or None if it is missing."""
        return next((part.body for part in self.parts if part.part is Part.SHARED), None)


class Span(NamedTuple):
    """The subjects with ``after`` < key <= ``upto`` (None: no bound), and all of their entries."""

    after: int | None
    upto: int | None
    entries: int

    @classmethod
    def of(cls, subject: int) -> Span:
        """One subject."""
        return cls(subject - 1, subject, 0)

    @property
    def last_key(self) -> None:
        """None: no entry is left out."""

    def holds(self, subject: int) -> bool:
        """Whether a subject's chain is in the range."""
        return (self.after is None or self.after < subject) and (
            self.upto is None or subject <= self.upto
        )

    def where(self, column: str, _entry: str | None = None) -> tuple[str, list[Any]]:
        """The range as SQL over a column of subjects (and one of entries), with its values."""
        bounds = [(f"{column} > ?", self.after), (f"{column} <= ?", self.upto)]
        held = [(said, bound) for said, bound in bounds if bound is not None]
        return " AND ".join(said for said, _ in held) or "1 = 1", [bound for _, bound in held]


class NewOf(NamedTuple):
    """The subjects that are listed, and of these only the entries with keys beyond ``last_key``."""

    subjects: tuple[int, ...]
    last_key: int
    entries: int

    def holds(self, subject: int) -> bool:
        """Whether a subject's chain is in the range."""
        return subject in self.subjects

    def where(self, column: str, entry: str | None = None) -> tuple[str, list[Any]]:
        """The range as SQL over a column of subjects (and one of entries), with its values."""
        marks = ", ".join("?" * len(self.subjects))
        said, values = f"{column} IN ({marks})", list(self.subjects)
        if entry is None:
            return said, values
        # The sign keeps the database from walking over all new entries, once for each range.
        return f"{said} AND +{entry} > ?", [*values, self.last_key]


Range: TypeAlias = Span | NewOf
"""Chains that are read together."""


def ranges(connection: Connection, last_key: int | None = None) -> list[Range]:
    """All subjects, in ranges of some thousands of entries; a long chain is a range by itself.

    Together they are the whole line of keys, so that what belongs to no chain is in one too. With
    ``last_key`` they are only the subjects that have entries with keys beyond it.
    """
    query = select(_entry.c.subject_id, func.count()).group_by(_entry.c.subject_id)
    if last_key is not None:
        query = query.where(_entry.c.id > last_key)
    options = {"yield_per": 10_000}
    counted = connection.execute(query.order_by(_entry.c.subject_id), execution_options=options)
    found: list[Range] = []
    after: int | None = None
    subjects: list[int] = []
    entries = 0

    def cut() -> None:
        nonlocal after, subjects, entries
        if subjects:
            if last_key is None:
                found.append(Span(after, subjects[-1], entries))
            else:
                found.append(NewOf(tuple(subjects), last_key, entries))
            after, subjects, entries = subjects[-1], [], 0

    for subject, count in counted:
        if not isinstance(subject, int):
            continue  # an edited cell on SQLite; it sorts behind all numbers, into the last range
        if entries + count > PAGE or len(subjects) == _MOST_SUBJECTS:
            cut()
        subjects.append(subject)
        entries += count
    cut()
    if last_key is None:
        last = found.pop() if found else None
        found.append(last._replace(upto=None) if isinstance(last, Span) else Span(None, None, 0))
    return found


def pages(connection: Connection, span: Range) -> Iterator[list[Link]]:
    """The entries of a range in the order of their chains; several pages for a long chain."""
    windows = -(-span.entries // PAGE) if span.entries > 2 * PAGE else 1
    if windows == 1:
        yield _links(connection, span, None, None)
        return
    # A long chain: cut by numbers. Its last page takes whatever an edited number may be.
    first = _first_number(connection, span) if span.last_key is not None else 0
    for window in range(windows):
        low = None if window == 0 else first + window * PAGE
        high = None if window == windows - 1 else first + (window + 1) * PAGE
        yield _links(connection, span, low, high)


def _first_number(connection: Connection, span: Range) -> int:
    where, values = span.where("e.subject_id", "e.id")
    entries = qualified(connection, _entry.name)
    [(first,)] = raw_rows(connection, f"SELECT min(e.seq) FROM {entries} e WHERE {where}", values)
    return first - 1 if isinstance(first, int) else 0


def _links(connection: Connection, span: Range, low: int | None, high: int | None) -> list[Link]:
    where, values = span.where("e.subject_id", "e.id")
    for said, bound in (("e.seq > ?", low), ("e.seq <= ?", high)):
        if bound is not None:
            where, values = f"{where} AND {said}", [*values, bound]
    entries, payloads = (qualified(connection, t.name) for t in (_entry, _payload))
    rows = raw_rows(
        connection,
        f"SELECT {_COLUMNS} FROM {entries} e LEFT JOIN {payloads} p ON p.entry_id = e.id "
        f"WHERE {where} ORDER BY e.subject_id, e.seq, p.part",
        values,
    )
    found: list[Link] = []
    last: object = None
    parts: list[Payload] = []
    for row in rows:
        if row[0] != last:
            last, parts = row[0], []
            found.append(_link(row, parts))
        code = row[_OF_ENTRY]
        if code is not None and (part := _member(_PARTS, code)) is not None:
            _, salt, body, blob = row[_OF_ENTRY:]
            parts.append(Payload(part, _bytes(salt), None if body is None else _bytes(body), blob))
    return found


def _link(row: Sequence[Any], parts: list[Payload]) -> Link:
    key, subject, seq, kind, recorded, occurred, actor, supersedes, batch, digest = row[:_OF_ENTRY]
    known = _member(_KINDS, kind)
    return Link(
        *(key, subject, seq, known, recorded, occurred, actor, supersedes, batch),
        _bytes(digest),
        parts,
    )


class Lines:
    """Which entries of a range later ones supersede, and where each line of corrections began."""

    def __init__(self, connection: Connection, span: Range) -> None:
        where, values = span.where("subject_id", "id")
        entries = qualified(connection, _entry.name)
        query = f"SELECT subject_id, supersedes FROM {entries} WHERE supersedes IS NOT NULL"
        self._superseded = set(raw_rows(connection, f"{query} AND {where}", values))
        self._first: dict[tuple[int, int], tuple[int, int]] = {}
        self.gone: set[int] = set()
        """The keys of entries before the range's first that it supersedes."""
        if span.last_key is not None:
            self._look_back(connection, span.last_key)

    def place(self, link: Link) -> Placed | None:
        """Where a link stands; None if a later one supersedes it. Give them all, in order."""
        own = (link.subject_id, link.seq)
        first = (link.id, link.seq)
        if link.supersedes is not None:
            first = self._first.pop((link.subject_id, link.supersedes), first)
        if own in self._superseded:
            self._first[own] = first
            return None
        if link.kind is None:
            return None
        subject, kind = link.subject_id, link.kind
        return Placed(link.id, *first, subject, kind, link.recorded_at, link.occurred_at)

    def _look_back(self, connection: Connection, last_key: int) -> None:
        """Find where lines began that reach back before the range."""
        c = _entry.c
        known: dict[tuple[int, int], tuple[int, int | None]] = {}
        # What an edit on SQLite put into such a cell is no number, and found where it is.
        wanted = {place for place in self._superseded if isinstance(place[1], int)}
        while wanted:
            found = {}
            for chunk in portions(sorted(wanted, key=repr)):
                query = select(c.subject_id, c.seq, c.id, c.supersedes)
                query = query.where(tuple_(c.subject_id, c.seq).in_(chunk))
                for subject, seq, key, supersedes in connection.execute(query):
                    found[subject, seq] = (key, supersedes)
            known |= found
            before = {(s, older) for (s, _), (_, older) in found.items() if isinstance(older, int)}
            wanted = before - known.keys()
        for place in self._superseded & known.keys():
            key, older = known[place]
            if key > last_key:
                continue
            self.gone.add(key)
            end = place
            while older is not None and (end[0], older) in known and older < end[1]:
                end = (end[0], older)
                key, older = known[end]
            self._first[place] = (key, end[1])


_M = TypeVar("_M")


def _member(members: Sequence[_M], code: object) -> _M | None:
    # SQLite keeps whatever an edited cell holds: a number out of range, even a text.
    return members[code] if isinstance(code, int) and 0 <= code < len(members) else None


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
