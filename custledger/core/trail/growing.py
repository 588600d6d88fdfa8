"""A Merkle tree that grows leaf by leaf, in the memory of one path: for streams of any length."""

from __future__ import annotations

from custledger.core.trail.merkle import node_hash, root

__all__ = ["GrowingTree"]


class GrowingTree:
    """Takes leaf hashes in their order and knows the root over them at every moment.

    >>> from custledger.core.trail.merkle import leaf_hash
    >>> tree, leaves = GrowingTree(), [leaf_hash(bytes([n])) for n in range(11)]
    >>> all(tree.add(leaf) or tree.root() == root(leaves[: tree.count]) for leaf in leaves)
    True
    """

    def __init__(self) -> None:
        self.count = 0
        # The roots of full trees, largest first; their sizes are the powers of two of the count.
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Put a leaf at the end."""
        size, digest = self.count, leaf
        while size & 1:
            digest = node_hash(self._peaks.pop(), digest)
            size >>= 1
        self._peaks.append(digest)
        self.count += 1

    def root(self) -> bytes:
        """The root over all leaves so far, as RFC 6962 defines it: 32 bytes."""
        if not self._peaks:
            return root([])
        *rest, digest = self._peaks
        for peak in reversed(rest):
            digest = node_hash(peak, digest)
        return digest
