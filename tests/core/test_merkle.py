"""Merkle trees, against the published vectors of RFC 6962 and another implementation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from custledger.core.trail.merkle import (
    check_consistency,
    check_inclusion,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root,
)

# The inputs and roots of Certificate Transparency's test vectors for RFC 6962.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)

leaf_lists = st.lists(st.binary(max_size=8).map(leaf_hash), max_size=70)


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_roots_are_those_of_the_published_vectors(size: int) -> None:
    assert root([leaf_hash(data) for data in INPUTS[:size]]).hex() == ROOTS[size]


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70))
def test_root_and_proofs_are_those_of_another_implementation(data: list[bytes]) -> None:
    tree = InmemoryTree(algorithm="sha256")
    for entry in data:
        tree.append_entry(entry)
    leaves = [leaf_hash(entry) for entry in data]
    assert root(leaves) == tree.get_root()


@given(leaf_lists.filter(bool), st.data())
def test_inclusion_is_proved_for_the_leaf_at_its_place_alone(
    leaves: list[bytes], data: st.DataObject
) -> None:
    size, top = len(leaves), root(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = prove_inclusion(leaves, index)
    assert check_inclusion(leaves[index], index, size, path, top)
    other = data.draw(
        st.integers(0, size - 1).filter(lambda n: leaves[n] != leaves[index]) | st.none()
    )
    if other is not None:
        assert not check_inclusion(leaves[other], index, size, path, top)
    assert not check_inclusion(leaves[index], index, size, [*path, top], top)
    assert not check_inclusion(leaves[index], size, size, path, top)
    for place in range(len(path)):
        bent = [*path[:place], leaf_hash(path[place]), *path[place + 1 :]]
        assert not check_inclusion(leaves[index], index, size, bent, top)


@given(leaf_lists, st.data())
def test_consistency_is_proved_for_what_was_appended_to_alone(
    leaves: list[bytes], data: st.DataObject
) -> None:
    size, top = len(leaves), root(leaves)
    old = data.draw(st.integers(0, size))
    path = prove_consistency(leaves, old)
    assert check_consistency(old, root(leaves[:old]), size, top, path)
    if 0 < old < size:
        changed = [leaf_hash(leaves[0]), *leaves[1:]]
        assert not check_consistency(old, root(changed[:old]), size, top, path)
        assert not check_consistency(old, root(leaves[:old]), size, root(changed), path)
        assert not check_consistency(old, root(leaves[:old]), size, top, path[:-1])


@pytest.mark.parametrize("index", [-1, 3])
def test_leaf_that_is_not_there_has_no_proof(index: int) -> None:
    with pytest.raises(IndexError):
        prove_inclusion([leaf_hash(b"")] * 3, index)
    with pytest.raises(IndexError):
        prove_consistency([leaf_hash(b"")] * 2, index)


def test_what_is_no_hash_proves_nothing() -> None:
    leaf = leaf_hash(b"")
    assert not check_inclusion(leaf[:-1], 0, 1, [], leaf)
    assert not check_inclusion(leaf, 0, 2, ["x" * 32], leaf)  # type: ignore[list-item]
    assert not check_consistency(1, leaf, 2, leaf, [b""])
