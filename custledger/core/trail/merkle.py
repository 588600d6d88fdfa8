"""Merkle trees of RFC 6962 and 9162: one root for many leaves, short proofs for each of them.

Pure calculation over bytes: ``prove`` and ``check`` come in pairs, and a checker raises nothing, it
says whether a proof holds. Where the length n of a list of leaves is no power of two, the tree is
split at the largest power of two below n, so that it grows at its right edge alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

__all__ = [
    "HASH_BYTES",
    "check_consistency",
    "check_inclusion",
    "leaf_hash",
    "node_hash",
    "prove_consistency",
    "prove_inclusion",
    "root",
]

HASH_BYTES = 32


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data): what a leaf counts as; a leaf never looks like a node.

    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'
    """
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes; of no leaves it is SHA-256 of nothing.

    >>> root([]).hex()[:16]
    'e3b0c44298fc1c14'
    """
    if not leaves:
        return sha256().digest()
    level = list(leaves)
    while len(level) > 1:
        # A last node without a partner moves up unchanged, which is the split at a power of two.
        level = _above(level)
    return level[0]


def prove_inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes beside the way from leaf ``index`` up to the root over ``leaves``.

    Raises IndexError if there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    path, level = [], list(leaves)
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):
            path.append(level[beside])
        level, index = _above(level), index // 2
    return path


def check_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes
) -> bool:
    """Whether ``path`` shows that ``leaf`` is leaf ``index`` of the ``size`` below a root."""
    if not 0 <= index < size or not _hashes(leaf, expected, *path):
        return False
    digest, last, rest = leaf, size - 1, list(path)
    while last:
        if index % 2 or index < last:  # there is a partner at this level
            if not rest:
                return False
            beside = rest.pop(0)
            digest = node_hash(beside, digest) if index % 2 else node_hash(digest, beside)
        index, last = index // 2, last // 2
    return not rest and digest == expected


def prove_consistency(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """The hashes that show the root over the first ``old_size`` leaves within that over all.

    Raises IndexError unless 0 <= old_size <= len(leaves).
    """
    if not 0 <= old_size <= len(leaves):
        raise IndexError(f"{old_size} of {len(leaves)} leaves")
    return [] if old_size in (0, len(leaves)) else _consistency(leaves, old_size, whole=True)


def check_consistency(
    old_size: int, old_root: bytes, size: int, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether ``path`` shows that the first ``old_size`` of ``size`` leaves are unchanged."""
    if not 0 <= old_size <= size or not _hashes(old_root, new_root, *path):
        return False
    if old_size in (0, size):
        empty = root([])
        whole = old_root == (new_root if old_size == size else empty)
        return whole and not path
    # RFC 9162, 2.1.4.2
    rest = list(path)
    if old_size & (old_size - 1) == 0:
        rest.insert(0, old_root)
    old, new = old_size - 1, size - 1
    while old % 2:
        old, new = old // 2, new // 2
    if not rest:
        return False
    first = second = rest.pop(0)
    while rest:
        if new == 0:
            return False
        beside = rest.pop(0)
        if old % 2 or old == new:
            first, second = node_hash(beside, first), node_hash(beside, second)
            while old and not old % 2:
                old, new = old // 2, new // 2
        else:
            second = node_hash(second, beside)
        old, new = old // 2, new // 2
    return new == 0 and first == old_root and second == new_root


def _above(level: Sequence[bytes]) -> list[bytes]:
    above = [node_hash(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
    return [*above, level[-1]] if len(level) % 2 else above


def _consistency(leaves: Sequence[bytes], old_size: int, *, whole: bool) -> list[bytes]:
    size = len(leaves)
    if old_size == size:
        return [] if whole else [root(leaves)]
    split = 1 << ((size - 1).bit_length() - 1)
    if old_size <= split:
        return [
            *_consistency(leaves[:split], old_size, whole=whole),
            root(leaves[split:]),
        ]
    return [
        *_consistency(leaves[split:], old_size - split, whole=False),
        root(leaves[:split]),
    ]


def _hashes(*given: object) -> bool:
    return all(isinstance(digest, bytes) and len(digest) == HASH_BYTES for digest in given)
