"""The contents of evidence as they were given, whether they are stored plain or encrypted.

Everybody who needs the bytes (reading, verifying, recognising duplicates, dossiers) comes through
here; a commitment is over the plaintext, so nobody else needs to know of encryption.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import Connection

from custledger.errors import EvidenceAlteredError, EvidenceLockedError
from custledger.storage.context import Context
from custledger.storage.evidence.blobs import Reading
from custledger.storage.evidence.encryption import CIPHER, decrypted, encrypted

__all__ = ["Stored", "cipher_of", "open_content", "stream_content", "write_content"]


class Stored(NamedTuple):
    """A content as it is stored: bytes here or the name of a blob; ``subject`` whose key it has."""

    subject: UUID
    body: bytes | None
    blob: str | None
    cipher: str = ""


def cipher_of(body: Mapping[str, Any] | None) -> str:
    """The cipher that an entry's shared body names; none where the content is plain."""
    found = (body or {}).get("cipher", "")
    return found if isinstance(found, str) else "?"


def open_content(connection: Connection, context: Context, stored: Stored) -> Iterator[bytes]:
    """The plaintext in chunks, over one connection and its snapshot.

    Errors come at the call or while the chunks are read: EvidenceLockedError where the key is not
    at hand, EvidenceAlteredError where the bytes do not decrypt, FileNotFoundError or another
    OSError where the blob is missing or cannot be read.
    """
    return stream_content(lambda: nullcontext(connection), context, stored)


def stream_content(reading: Reading, context: Context, stored: Stored) -> Iterator[bytes]:
    """The same, with no connection and no snapshot held between two chunks."""
    if stored.blob is None:
        if stored.cipher:
            raise EvidenceAlteredError
        return iter([bytes(stored.body or b"")])
    chunks = context.blobs.stream(reading, stored.blob)
    if not stored.cipher:
        return chunks
    return decrypted(_key(context, stored), stored.blob, chunks)


def write_content(
    connection: Connection, context: Context, subject: UUID, chunks: Iterable[bytes]
) -> tuple[str, str]:
    """Keep a content under a new name, encrypted if the ledger was opened so; (name, cipher)."""
    name, cipher, blobs = uuid4().hex, "", context.blobs
    if context.encryption is not None:
        key = context.encryption.key(subject, create=True)
        if key is None:
            raise EvidenceLockedError
        chunks, cipher = encrypted(key, name, chunks), CIPHER
    blobs.write(connection, name, chunks)
    if not blobs.transactional:
        context.database.on_rollback(lambda: blobs.delete(connection, name))
    return name, cipher


def _key(context: Context, stored: Stored) -> bytes:
    if stored.cipher != CIPHER:
        raise EvidenceLockedError(
            f"The evidence is encrypted as {stored.cipher!r}, which this version of custledger "
            "does not know. Upgrade custledger."
        )
    if context.encryption is None:
        raise EvidenceLockedError(
            "The evidence is encrypted, and the ledger was opened without keys. Open it with "
            "encryption=KeyFolder(PATH); on the command line, set CUSTLEDGER_EVIDENCE_KEYS."
        )
    key = context.encryption.key(stored.subject, create=False)
    if key is None:
        raise EvidenceLockedError
    return key
