"""The trail's arithmetic: commitments, headers and hashes; no input or output, no clock.

Formulas (SHA-256; prefixes of RFC 6962 and 9162)::

    commit = HMAC-SHA256(key = 32-byte random salt, msg = payload bytes)
    header = canonical JSON of {actor, commit, erases?, import_batch?, kind, ledger, occurred_at?,
             prev, recorded_at, seq, subject, supersedes?, v}
    hash   = SHA256(0x00 || header)
    prev of seq 1 = SHA256(canonical JSON of {ledger, subject, v})

A header never holds personal data: that sits in the payload's parts, each behind a commitment of
its own, so that a part can be erased or left out while the chain still verifies.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from custledger.core.canonical import JsonValue, canonical_bytes

__all__ = [
    "SALT_BYTES",
    "TRAIL_VERSION",
    "CommittedStream",
    "Header",
    "commitment",
    "erases_of",
    "genesis",
]

TRAIL_VERSION: Final = 1
SALT_BYTES: Final = 32


class Header(NamedTuple):
    """What an entry's hash covers: who recorded what kind of thing when, and the commitments.

    ``ledger``, ``subject``, ``actor`` and ``import_batch`` are uuids in their canonical text form.
    Times are microseconds since 1970 UTC; ``supersedes`` and ``erases`` are numbers (``seq``) of
    entries of the same chain; ``commits`` maps a payload part's name to its commitment.
    """

    ledger: str
    subject: str
    seq: int
    kind: str
    recorded_at: int
    actor: str
    prev: bytes
    commits: Mapping[str, bytes]
    occurred_at: int | None = None
    supersedes: int | None = None
    erases: tuple[int, ...] = ()
    import_batch: str | None = None

    def to_bytes(self) -> bytes:
        """The exact canonical bytes that are hashed.

        >>> Header("l", "s", 1, "staff", 5, "a", b"p", {"shared": b"c"}).to_bytes().decode()
        ... # doctest: +ELLIPSIS
        '{"actor":"a","commit":{"shared":"63"},"kind":"staff","ledger":"l","prev":"70",...,"v":1}'
        """
        # Every value is ASCII without anything to escape, so a template writes the same bytes as
        # canonical_bytes (the tests compare them) at a third of the time.
        commits = ",".join(
            f'"{part}":"{self.commits[part].hex()}"' for part in sorted(self.commits)
        )
        erases = f'"erases":[{",".join(map(str, self.erases))}],' if self.erases else ""
        batch = f'"import_batch":"{self.import_batch}",' if self.import_batch else ""
        occurred = "" if self.occurred_at is None else f'"occurred_at":{self.occurred_at},'
        supersedes = "" if self.supersedes is None else f'"supersedes":{self.supersedes},'
        return (
            f'{{"actor":"{self.actor}","commit":{{{commits}}},{erases}{batch}'
            f'"kind":"{self.kind}","ledger":"{self.ledger}",{occurred}'
            f'"prev":"{self.prev.hex()}","recorded_at":{self.recorded_at},"seq":{self.seq},'
            f'"subject":"{self.subject}",{supersedes}"v":{TRAIL_VERSION}}}'
        ).encode()

    def hash(self) -> bytes:
        """SHA256(0x00 || header bytes): 32 bytes."""
        return hashlib.sha256(b"\x00" + self.to_bytes()).digest()


def erases_of(kind: str, body: Mapping[str, object]) -> tuple[int, ...]:
    """The numbers that an entry's header names as erased: those that its body names.

    >>> erases_of("erasure", {"erases": [2, 5]}), erases_of("void", {"erases": [2]})
    ((2, 5), ())
    """
    named = body.get("erases") if kind == "erasure" else None
    return tuple(named) if isinstance(named, list) else ()


def genesis(ledger: str, subject: str) -> bytes:
    """The ``prev`` of a chain's first entry: 32 bytes that name the ledger and the subject."""
    document: dict[str, JsonValue] = {"ledger": ledger, "subject": subject, "v": TRAIL_VERSION}
    return hashlib.sha256(canonical_bytes(document)).digest()


def commitment(salt: bytes, payload: bytes) -> bytes:
    """HMAC-SHA256 of a payload part under its random salt: 32 bytes that reveal nothing."""
    return hmac.digest(salt, payload, "sha256")


class CommittedStream:
    """Passes chunks on while it commits to them, in memory of one chunk: for files of any size.

    >>> stream = CommittedStream(b"salt", [b"a", b"b"])
    >>> b"".join(stream), stream.size, stream.commitment() == commitment(b"salt", b"ab")
    (b'ab', 2, True)
    """

    def __init__(self, salt: bytes, chunks: Iterable[bytes]) -> None:
        self.salt = salt
        self.size = 0
        self._chunks = chunks
        self._digest = hmac.new(salt, digestmod="sha256")

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._digest.update(chunk)
            self.size += len(chunk)
            yield chunk

    def commitment(self) -> bytes:
        """The commitment of what has passed so far: 32 bytes."""
        return self._digest.digest()
