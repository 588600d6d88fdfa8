"""Evidence encrypted at rest: AES-256-GCM in chunks, so that files of any size are streamed.

The bytes of an encrypted blob, version 1 (``||`` joins)::

    blob     = header || chunk(0) || chunk(1) || ... || chunk(last)
    header   = "CLE1" || key id || prefix                     4 + 8 + 7 bytes
    key id   = first 8 bytes of SHA256("custledger evidence key" || key)
    prefix   = 7 random bytes
    blob key = HMAC-SHA256(key, "custledger evidence blob" || name)
    nonce(i) = prefix || i || f                               7 + 4 (big-endian) + 1 bytes
    f        = 01 for the last chunk, 00 for the others
    chunk(i) = AES-256-GCM(blob key, nonce(i), associated data = header || name,
               1 MiB of plaintext, in the last chunk what is left), the 16-byte tag at its end

``key`` is the customer's, ``name`` the blob's random name in ASCII. This is the STREAM construction
(Hoang, Reyhanitabar, Rogaway, Vizár 2015): a chunk that was changed, moved, left out, cut off or
taken from another blob does not decrypt. A plaintext without bytes is one chunk of a tag. A key of
its own for each blob keeps nonces apart however many pieces a customer has.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator
from typing import Any, Final

from custledger.errors import EvidenceAlteredError, EvidenceLockedError, ExtraNeededError

__all__ = ["CIPHER", "KEY_BYTES", "aes_gcm", "decrypted", "encrypted"]

CIPHER: Final = "aes-256-gcm"
"""What the body of an entry names; it stands for the format above, version and all."""
KEY_BYTES: Final = 32
PLAIN_BYTES: Final = 1 << 20
TAG_BYTES: Final = 16
_MAGIC: Final = b"CLE1"
_PREFIX_BYTES: Final = 7
_KEY_ID_BYTES: Final = 8
HEADER_BYTES: Final = len(_MAGIC) + _KEY_ID_BYTES + _PREFIX_BYTES


def aes_gcm() -> Any:
    """The class AESGCM of the package ``cryptography``, or ExtraNeededError."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise ExtraNeededError(
            "Encrypted evidence needs the package cryptography. Install it: "
            "pip install 'custledger[trail]'."
        ) from error
    return AESGCM


def encrypted(key: bytes, name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of an encrypted blob, in memory of one chunk."""
    header = _MAGIC + _key_id(key) + os.urandom(_PREFIX_BYTES)
    cipher, about = aes_gcm()(_blob_key(key, name)), header + name.encode("ascii")
    yield header
    for number, (chunk, last) in enumerate(_frames(chunks, PLAIN_BYTES)):
        yield cipher.encrypt(_nonce(header, number, last), chunk, about)


def decrypted(key: bytes, name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The plaintext of an encrypted blob; each chunk was checked before it comes out.

    EvidenceAlteredError where the blob is not as it was written, at the latest at its end, so that
    only a reader who reached the end holds the whole. EvidenceLockedError for another key.
    """
    source = iter(chunks)
    header, rest = _split(source, HEADER_BYTES)
    if len(header) < HEADER_BYTES or not header.startswith(_MAGIC):
        raise EvidenceAlteredError
    if header[len(_MAGIC) : -_PREFIX_BYTES] != _key_id(key):
        raise EvidenceLockedError(
            "The evidence was encrypted with another key of this customer, which was destroyed or "
            "belongs to another key folder. Open the ledger with the keys that it was written with."
        )
    cipher, about = aes_gcm()(_blob_key(key, name)), header + name.encode("ascii")
    frames = _frames(_joined(rest, source), PLAIN_BYTES + TAG_BYTES)
    for number, (frame, last) in enumerate(frames):
        yield _opened(cipher, _nonce(header, number, last), frame, about)


def _opened(cipher: Any, nonce: bytes, frame: bytes, about: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return bytes(cipher.decrypt(nonce, frame, about))
    except InvalidTag as error:
        raise EvidenceAlteredError from error


def _nonce(header: bytes, number: int, last: bool) -> bytes:
    return header[-_PREFIX_BYTES:] + number.to_bytes(4, "big") + bytes([last])


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"custledger evidence key" + key).digest()[:_KEY_ID_BYTES]


def _blob_key(key: bytes, name: str) -> bytes:
    return hmac.digest(key, b"custledger evidence blob" + name.encode("ascii"), "sha256")


def _frames(chunks: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """The same bytes in pieces of one size, and whether a piece is the last; one at least."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) > size:  # not >=: a full piece may be the last
            yield bytes(buffer[:size]), False
            del buffer[:size]
    yield bytes(buffer), True


def _split(source: Iterator[bytes], size: int) -> tuple[bytes, bytes]:
    start = b""
    while len(start) < size and (chunk := next(source, None)) is not None:
        start += chunk
    return start[:size], start[size:]


def _joined(rest: bytes, source: Iterator[bytes]) -> Iterator[bytes]:
    yield rest
    yield from source
