"""Encrypted blobs: the format byte by byte, and that nothing can be changed unnoticed."""

from __future__ import annotations

import hashlib
import hmac
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import example, given, settings
from hypothesis import strategies as st

from custledger import KeyFolder, open_ledger
from custledger.errors import EvidenceAlteredError, EvidenceLockedError, ExtraNeededError
from custledger.storage.evidence.encryption import (
    HEADER_BYTES,
    PLAIN_BYTES,
    TAG_BYTES,
    decrypted,
    encrypted,
)

KEY = bytes(range(32))
NAME = "00112233445566778899aabbccddeeff"
OTHER = "ff112233445566778899aabbccddeeff"
FRAME = PLAIN_BYTES + TAG_BYTES
BORDERS = [k * PLAIN_BYTES + d for k in (1, 2) for d in (-1, 0, 1)]


def sealed(data: bytes, *, key: bytes = KEY, name: str = NAME) -> bytes:
    return b"".join(encrypted(key, name, [data]))


def opened(blob: bytes, *, key: bytes = KEY, name: str = NAME) -> bytes:
    return b"".join(decrypted(key, name, [blob]))


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The same bytes in chunks of those sizes, over and over."""
    start = 0
    while start < len(data):
        for size in sizes:
            yield data[start : start + size]
            start += size


@pytest.mark.parametrize("size", [0, 1, *BORDERS])
def test_bytes_are_as_the_format_says(size: int) -> None:
    data = os.urandom(size)
    blob = sealed(data)
    header = blob[:HEADER_BYTES]
    key_id = hashlib.sha256(b"custledger evidence key" + KEY).digest()[:8]
    assert header[:12] == b"CLE1" + key_id
    assert len(header) == 19
    blob_key = hmac.new(KEY, b"custledger evidence blob" + NAME.encode(), "sha256").digest()
    pieces = [data[n : n + 2**20] for n in range(0, max(size, 1), 2**20)]
    expected = header
    for number, piece in enumerate(pieces):
        last = b"\x01" if number == len(pieces) - 1 else b"\x00"
        nonce = header[12:] + number.to_bytes(4, "big") + last
        expected += AESGCM(blob_key).encrypt(nonce, piece, header + NAME.encode())
    assert blob == expected


@settings(max_examples=30)
@given(
    size=st.sampled_from([0, 1, *BORDERS]) | st.integers(0, 3 * PLAIN_BYTES),
    sizes=st.lists(st.integers(1, 3 * PLAIN_BYTES), min_size=1, max_size=3),
)
@example(size=PLAIN_BYTES, sizes=[FRAME])
@example(size=40, sizes=[1])
def test_every_size_comes_back_however_it_is_cut(size: int, sizes: list[int]) -> None:
    data = os.urandom(size)
    if min(sizes) * 5000 < size:
        sizes = [max(sizes[0], 4096)]
    blob = b"".join(encrypted(KEY, NAME, cut(data, sizes)))
    assert b"".join(decrypted(KEY, NAME, cut(blob, sizes))) == data
    assert len(blob) == HEADER_BYTES + size + TAG_BYTES * max(1, -(-size // PLAIN_BYTES))


def test_every_flipped_bit_of_a_short_blob_is_found() -> None:
    blob = sealed(b"the evidence")
    for place in range(len(blob) * 8):
        damaged = bytearray(blob)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises((EvidenceAlteredError, EvidenceLockedError)):
            opened(bytes(damaged))


@settings(max_examples=60)
@given(
    place=st.integers(0, HEADER_BYTES + 2 * FRAME + 99 + TAG_BYTES - 1), flip=st.integers(1, 255)
)
@example(place=HEADER_BYTES + FRAME - 1, flip=1)
@example(place=HEADER_BYTES + FRAME, flip=1)
def test_every_flipped_byte_of_a_long_blob_is_found(place: int, flip: int) -> None:
    damaged = bytearray(LONG)
    damaged[place] ^= flip
    with pytest.raises((EvidenceAlteredError, EvidenceLockedError)):
        opened(bytes(damaged))


LONG_PLAIN = os.urandom(2 * PLAIN_BYTES + 99)
LONG = sealed(LONG_PLAIN)


@settings(max_examples=60)
@given(st.integers(0, len(LONG) - 1))
@example(0)
@example(HEADER_BYTES)
@example(HEADER_BYTES + FRAME)
@example(HEADER_BYTES + 2 * FRAME)
@example(HEADER_BYTES + 2 * FRAME + TAG_BYTES)
def test_blob_cut_off_anywhere_is_found(size: int) -> None:
    with pytest.raises(EvidenceAlteredError):
        opened(LONG[:size])


def test_blob_of_whole_chunks_that_lost_its_last_one_is_found() -> None:
    blob = sealed(LONG_PLAIN[: 2 * PLAIN_BYTES])
    assert opened(blob) == LONG_PLAIN[: 2 * PLAIN_BYTES]
    with pytest.raises(EvidenceAlteredError):
        opened(blob[:-FRAME])


@pytest.mark.parametrize("more", [1, TAG_BYTES, FRAME])
def test_bytes_that_were_added_are_found(more: int) -> None:
    with pytest.raises(EvidenceAlteredError):
        opened(LONG + LONG[-more:])


def test_chunks_that_were_swapped_repeated_or_left_out_are_found() -> None:
    header, rest = LONG[:HEADER_BYTES], LONG[HEADER_BYTES:]
    first, second, last = rest[:FRAME], rest[FRAME : 2 * FRAME], rest[2 * FRAME :]
    assert opened(header + first + second + last) == LONG_PLAIN
    for chunks in ((second, first, last), (first, first, last), (first, last), (second, last)):
        with pytest.raises(EvidenceAlteredError):
            opened(header + b"".join(chunks))


def test_blob_under_another_name_or_with_anothers_chunk_is_found() -> None:
    with pytest.raises(EvidenceAlteredError):
        opened(LONG, name=OTHER)
    other = sealed(LONG_PLAIN)
    with pytest.raises(EvidenceAlteredError):
        opened(LONG[:HEADER_BYTES] + other[HEADER_BYTES:])


def test_another_key_is_told_apart_from_a_changed_file() -> None:
    with pytest.raises(EvidenceLockedError, match="another key of this customer"):
        opened(LONG, key=bytes(32))


def test_what_comes_out_before_the_damage_is_the_truth() -> None:
    chunks = decrypted(KEY, NAME, [LONG[:-1]])
    assert next(chunks) + next(chunks) == LONG_PLAIN[: 2 * PLAIN_BYTES]
    with pytest.raises(EvidenceAlteredError):
        next(chunks)


def test_same_bytes_never_look_the_same() -> None:
    assert sealed(b"x" * 40)[HEADER_BYTES:] != sealed(b"x" * 40)[HEADER_BYTES:]


def test_package_that_is_missing_is_named_before_anything_is_touched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(ExtraNeededError, match=r"pip install 'custledger\[trail\]'"):
        open_ledger(tmp_path / "l.sqlite", actor="Olga", encryption=KeyFolder(tmp_path / "keys"))
    assert list(tmp_path.iterdir()) == []
