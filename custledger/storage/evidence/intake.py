"""Taking evidence in: measured, recognised and kept in one pass, then compared with what is there.

No digest of a content is stored, not even to find duplicates: whoever reads the database could
test a guess of a short text against it. Pieces of the same size are compared byte by byte.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.records import Part
from custledger.core.trail.chain import SALT_BYTES, CommittedStream, commitment
from custledger.errors import BadInputError, EvidenceAlteredError, EvidenceLockedError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.evidence.blobs import CHUNK, chunks_of
from custledger.storage.evidence.contents import Stored, cipher_of, open_content, write_content
from custledger.storage.evidence.media_types import HEAD_BYTES
from custledger.storage.journal import Content, Journal
from custledger.storage.reading import bodies_of
from custledger.storage.tables import EvidenceRow, PayloadRow

__all__ = [
    "LIMIT_BYTES",
    "Source",
    "Taken",
    "Twin",
    "check_limit",
    "limited",
    "opened",
    "take",
    "twins_of",
]

LIMIT_BYTES: Final = 256 * 2**20
"""The largest piece of evidence that is taken unless a call says otherwise: 256 MiB."""

_TOO_LARGE: Final = (
    "The evidence {}, more than the limit of {:,} bytes ({:.4g} MiB). Nothing was kept. Give "
    "limit_bytes= a higher number (on the command line --limit, in MiB), or attach a part of it."
)
_evidence = table_of(EvidenceRow)
_payload = table_of(PayloadRow)


class Source(NamedTuple):
    """Bytes to be taken in, with the name and size of their file where these are known."""

    chunks: Iterable[bytes]
    name: str = ""
    size: int = 0
    is_text: bool = False


class Taken(NamedTuple):
    """A content that was kept, with its size, its first bytes, and where it is stored."""

    content: Content
    size: int
    head: bytes
    stored: Stored


class Twin(NamedTuple):
    """An earlier piece with the same bytes: its number, and what it belongs to."""

    seq: int
    interaction: int | None


@contextmanager
def opened(*, text: object, path: object, file: BinaryIO | None) -> Iterator[Source]:
    """The one of text, path and file that was given, ready to be read."""
    if sum(source is not None for source in (text, path, file)) != 1:
        raise BadInputError("Give exactly one of text, path and file as evidence.")
    if text is not None:
        yield Source([_encoded(text)], is_text=True)
    elif file is not None:
        yield Source(chunks_of(file))
    else:
        where = _path(path)
        with _open(where) as found:
            # A name in another encoding (an old disk's, an archive's) is kept as far as it is read.
            name = os.fsencode(where.name).decode("utf-8", "replace")
            yield Source(chunks_of(found), name, os.fstat(found.fileno()).st_size)


def take(journal: Journal, context: Context, subject: UUID, source: Source, limit: int) -> Taken:
    """Keep a content: a text among the payloads, all else and all that is encrypted as a blob.

    BadInputError once it is larger than ``limit`` bytes; the caller's transaction takes it back.
    """
    filled = _filled(limited(source, limit))
    first = next(filled)
    head, chunks = first[:HEAD_BYTES], chain([first], filled)
    salt = os.urandom(SALT_BYTES)
    if source.is_text and context.encryption is None:
        data = b"".join(chunks)
        content = Content(salt, commitment(salt, data), data, None)
        return Taken(content, len(data), head, Stored(subject, data, None))
    stream = CommittedStream(salt, chunks)
    name, cipher = write_content(journal.connection, context, subject, stream)
    content = Content(salt, stream.commitment(), None, name)
    return Taken(content, stream.size, head, Stored(subject, None, name, cipher))


def twins_of(
    connection: Connection, context: Context, customer_id: int, taken: Taken
) -> Iterator[Twin]:
    """The customer's current pieces with the same bytes, oldest first."""
    content = _payload
    query = (
        select(_evidence.c.seq, _evidence.c.entry_id, _evidence.c.interaction)
        .add_columns(content.c.body, content.c.blob)
        .join(content, content.c.entry_id == _evidence.c.entry_id)
        .where(content.c.part == Part.CONTENT)
        .where(_evidence.c.customer_id == customer_id, _evidence.c.size == taken.size)
        .order_by(_evidence.c.seq)
    )
    rows = connection.execute(query).all()
    bodies = bodies_of(connection, [row.entry_id for row in rows if row.blob is not None])
    for row in rows:
        shared = bodies.get(row.entry_id, {}).get(Part.SHARED)
        earlier = Stored(taken.stored.subject, row.body, row.blob, cipher_of(shared))
        if _same(connection, context, earlier, taken.stored):
            yield Twin(row.seq, row.interaction)


def check_limit(limit: object) -> int:
    """A limit in bytes, or BadInputError."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise BadInputError(f"limit_bytes must be a number of bytes above 0, not {limit!r}.")
    return limit


def limited(source: Source, limit: int) -> Iterator[bytes]:
    """The source's chunks, and BadInputError as soon as there are more bytes than allowed."""
    if source.size > limit:
        raise BadInputError(_TOO_LARGE.format(f"has {source.size:,} bytes", limit, limit / 2**20))
    size = 0
    for chunk in source.chunks:
        size += len(chunk)
        if size > limit:
            said = f"has at least {size:,} bytes"
            raise BadInputError(_TOO_LARGE.format(said, limit, limit / 2**20))
        yield chunk


def _same(connection: Connection, context: Context, one: Stored, other: Stored) -> bool:
    if one.body is not None and other.body is not None:
        return bytes(one.body) == other.body
    try:
        return _equal(
            open_content(connection, context, one), open_content(connection, context, other)
        )
    except (OSError, EvidenceLockedError, EvidenceAlteredError):
        return False  # what cannot be read is recognised as nothing; `verify` reports it


def _equal(one: Iterator[bytes], other: Iterator[bytes]) -> bool:
    left = right = b""
    while True:
        left, right = left or _next(one), right or _next(other)
        size = min(len(left), len(right))
        if size == 0:
            return len(left) == len(right)
        if left[:size] != right[:size]:
            return False
        left, right = left[size:], right[size:]


def _next(chunks: Iterator[bytes]) -> bytes:
    return next((chunk for chunk in chunks if chunk), b"")


def _filled(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in large chunks, one at least: of a pipe's few bytes each would be a row."""
    waiting: list[bytes] = []
    size, count = 0, 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= CHUNK:
            yield b"".join(waiting)
            waiting, size, count = [], 0, count + 1
    if waiting or count == 0:
        yield b"".join(waiting)


def _encoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise BadInputError(f"text must be text, not {text!r}; give bytes as a file.")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadInputError("The text holds half a surrogate pair: attach it as a file.") from error


def _path(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike) or "\0" in str(path):
        raise BadInputError(f"path must be the path of a file, not {path!r}.")
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise BadInputError(
            f"{path!r} cannot be the path of a file: it was read in a wrong encoding. Rename the "
            "file, or open it yourself and give it as file."
        ) from error
    return Path(path)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
