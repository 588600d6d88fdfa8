"""The tree of all chains' ends that is moved on from seal to seal gives the proofs of a new one."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from custledger.core.trail.merkle import check_inclusion, prove_inclusion
from custledger.core.trail.seals import SealedHead, head_leaf, root_of_heads
from custledger.edges.dossier.proving import HeadTree

moves = st.dictionaries(st.integers(0, 40), st.integers(1, 9), max_size=12)


def _heads(ends: dict[int, int]) -> list[SealedHead]:
    return [SealedHead(UUID(int=n), seq, bytes([seq]) * 32) for n, seq in ends.items()]


@given(st.dictionaries(st.integers(0, 40), st.integers(1, 9), min_size=1), st.lists(moves))
def test_proof_of_every_chain_is_that_of_a_tree_made_anew(
    first: dict[int, int], later: list[dict[int, int]]
) -> None:
    ends = dict(sorted(first.items()))
    tree = HeadTree(_heads(ends))
    for number, moved in enumerate(later):
        ends = dict(sorted({**ends, **moved}.items()))
        tree.move(_heads(moved))
        if number % 3 == 1:  # several seals may pass without a proof
            continue
        heads = _heads(ends)
        leaves = [head_leaf(h.subject.bytes, h.seq, h.hash) for h in heads]
        for place, head in enumerate(heads):
            assert tree.position(head.subject) == place
            path = tree.path(place)
            assert list(path) == prove_inclusion(leaves, place)
            found = root_of_heads(heads)
            assert check_inclusion(leaves[place], place, found.count, path, found.root)
