"""Seals: at a moment, one Merkle root over the ends of all chains, and one over those that moved.

Seals are numbered from 1 and linked by hash; they are the leaves of a second Merkle tree, whose
root a checkpoint publishes. The exact bytes::

    head  = uuid of the subject (16 bytes) || number of its last entry (8, big-endian) || hash (32)
    heads, changes: Merkle roots (RFC 6962) over heads as leaves, sorted by uuid
    seal  = canonical JSON of {changes, cites?, entries, heads, incarnation, ledger, n, prev,
            sealed_at, v}
    leaf  = SHA-256(0x00 || seal); ``prev`` is the leaf of the seal before, "" for the first

A dossier's ``verify.py`` holds this module, so it keeps to what Python 3.9 has (no ``slots``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from custledger.core.canonical import (
    JsonValue,
    canonical_bytes,
    digest_from,
    natural,
    parse_canonical,
)
from custledger.core.trail.merkle import leaf_hash, root
from custledger.errors import BadInputError

__all__ = [
    "CLOCK_TOLERANCE",
    "Anchored",
    "Cited",
    "PublishedNote",
    "Seal",
    "SealBody",
    "SealedHead",
    "TreeRoot",
    "head_leaf",
    "incarnation_of",
    "origin_of",
    "root_of_heads",
]

_VERSION: Final = 1
_ORIGIN: Final = "custledger/ledger/"
CLOCK_TOLERANCE: Final = 300_000_000
"""By how many microseconds the clocks of two writers may differ: five minutes."""


class SealedHead(NamedTuple):
    """The end of a chain: whose it is, the number of its last entry, and that entry's hash."""

    subject: UUID
    seq: int
    hash: bytes


@dataclass(frozen=True)
class TreeRoot:
    """A Merkle root and how many leaves are below it."""

    count: int
    root: bytes


class Cited(NamedTuple):
    """The last checkpoint before a restore: the number of seals, and their root."""

    size: int
    root: bytes


@dataclass(frozen=True)
class Seal:
    """A seal as it is shown: ``heads`` chains, of which ``changes`` moved, with all ``entries``.

    ``checkpoint`` is the newest signed note of it, None as long as nobody has signed.
    """

    n: int
    sealed_at: datetime
    heads: int
    changes: int
    entries: int
    incarnation: int
    checkpoint: str | None = None


@dataclass(frozen=True)
class PublishedNote:
    """A signed checkpoint over the seals 1 to n."""

    n: int
    note: str


@dataclass(frozen=True)
class Anchored:
    """Where a checkpoint over the seals 1 to n was published; the token proves it or finds it."""

    n: int
    kind: str
    place: str
    token: bytes
    anchored_at: datetime


def head_leaf(subject: bytes, seq: int, digest: bytes) -> bytes:
    """The leaf hash of the end of a chain; ``subject`` is a uuid's 16 bytes.

    >>> head_leaf(bytes(16), 1, bytes(32)).hex()[:16]
    'a4345485f27aa46c'
    """
    return leaf_hash(subject + seq.to_bytes(8, "big") + digest)


def root_of_heads(heads: Iterable[SealedHead]) -> TreeRoot:
    """The root over ends of chains, which come sorted by uuid."""
    leaves = [head_leaf(head.subject.bytes, head.seq, head.hash) for head in heads]
    return TreeRoot(len(leaves), root(leaves))


def origin_of(ledger: UUID, incarnation: int = 1) -> str:
    """What a checkpoint's first line says: which ledger, and which life of it after a restore.

    >>> origin_of(UUID(int=7)), origin_of(UUID(int=7), 2)[-4:]
    ('custledger/ledger/00000000-0000-0000-0000-000000000007', '07/2')
    """
    return f"{_ORIGIN}{ledger}" + (f"/{incarnation}" if incarnation > 1 else "")


def incarnation_of(origin: str, ledger: UUID) -> int | None:
    """Which incarnation of a ledger an origin names; None where it is of another ledger."""
    first = origin_of(ledger)
    if origin == first:
        return 1
    number = origin.removeprefix(f"{first}/")
    if number != origin and number.isascii() and number.isdigit() and number[0] != "0":
        return int(number) if int(number) > 1 else None
    return None


@dataclass(frozen=True)
class SealBody:
    """What a seal says. ``sealed_at`` is microseconds since 1970 UTC; ``entries`` all there are."""

    ledger: UUID
    n: int
    sealed_at: int
    prev: bytes
    heads: TreeRoot
    changes: TreeRoot
    entries: int
    incarnation: int = 1
    cites: Cited | None = None

    def to_bytes(self) -> bytes:
        """The exact canonical bytes, as stored and hashed."""
        body: dict[str, JsonValue] = {
            "v": _VERSION,
            "ledger": str(self.ledger),
            "n": self.n,
            "sealed_at": self.sealed_at,
            "prev": self.prev.hex(),
            "heads": _root_body(self.heads),
            "changes": _root_body(self.changes),
            "entries": self.entries,
            "incarnation": self.incarnation,
        }
        if self.cites is not None:
            body["cites"] = {"size": self.cites.size, "root": self.cites.root.hex()}
        return canonical_bytes(body)

    def leaf(self) -> bytes:
        """The leaf of the tree of seals: 32 bytes."""
        return leaf_hash(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> SealBody:
        """The seal in exact canonical bytes; BadInputError if they are none."""
        found: dict[str, Any] = parse_canonical(data)
        try:
            cites, n = found.get("cites"), natural(found["n"], 1)
            if (found["prev"] == "") != (n == 1):
                raise ValueError(found["prev"])
            body = cls(
                ledger=UUID(found["ledger"]),
                n=n,
                sealed_at=natural(found["sealed_at"]),
                prev=b"" if n == 1 else digest_from(found["prev"]),
                heads=_root_of(found["heads"]),
                changes=_root_of(found["changes"]),
                entries=natural(found["entries"]),
                incarnation=natural(found["incarnation"], 1),
                cites=None
                if cites is None
                else Cited(natural(cites["size"]), digest_from(cites["root"])),
            )
            same = body.to_bytes() == data
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInputError("these bytes are no seal") from error
        if not same:
            raise BadInputError("these bytes are no seal of this version")
        return body


def _root_body(tree: TreeRoot) -> dict[str, JsonValue]:
    return {"count": tree.count, "root": tree.root.hex()}


def _root_of(found: dict[str, Any]) -> TreeRoot:
    return TreeRoot(natural(found["count"]), digest_from(found["root"]))
