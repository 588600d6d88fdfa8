"""Ed25519 checking, against the vectors of RFC 8032 and a library that signs."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from custledger.core.trail.ed25519 import is_signature

# RFC 8032, 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
        "f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
        "4dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_signatures_of_rfc_8032_hold(key: str, message: str, signature: str) -> None:
    assert is_signature(*map(bytes.fromhex, (key, message, signature)))


@settings(max_examples=25)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.integers(0, 511))
def test_signature_of_a_library_holds_until_a_bit_is_flipped(
    seed: bytes, message: bytes, bit: int
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert is_signature(public, message, signature)
    bent = bytearray(signature)
    bent[bit // 8] ^= 1 << (bit % 8)
    assert not is_signature(public, message, bytes(bent))
    assert not is_signature(public, message + b"\0", signature)


def test_second_form_of_a_signature_is_refused() -> None:
    key, message, signature = (bytes.fromhex(text) for text in VECTORS[1])
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    again = signature[:32] + scalar.to_bytes(32, "little")
    assert not is_signature(key, message, again)


@pytest.mark.parametrize("key", [b"", bytes(31), b"\xff" * 32, bytes([2]) + bytes(31)])
def test_what_is_no_key_signed_nothing(key: bytes) -> None:
    assert not is_signature(key, b"", bytes(64))


def test_what_is_no_signature_is_refused() -> None:
    key = bytes.fromhex(VECTORS[0][0])
    assert not is_signature(key, b"", b"")
    assert not is_signature(key, b"", b"\xff" * 64)
