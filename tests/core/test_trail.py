"""The trail's arithmetic against its formulas, one forged byte at a time."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from custledger.core.canonical import canonical_bytes
from custledger.core.records import EntryKind, Part
from custledger.core.trail.chain import (
    TRAIL_VERSION,
    CommittedStream,
    Header,
    commitment,
    genesis,
)

uuids = st.uuids().map(str)
numbers = st.integers(1, 2**31)
times = st.integers(-(2**52), 2**52)
hashes = st.binary(min_size=32, max_size=32)
headers = st.builds(
    Header,
    ledger=uuids,
    subject=uuids,
    seq=numbers,
    kind=st.sampled_from([kind.value for kind in EntryKind]),
    recorded_at=times,
    actor=uuids,
    prev=hashes,
    commits=st.dictionaries(st.sampled_from([part.value for part in Part]), hashes, min_size=1),
    occurred_at=st.none() | times,
    supersedes=st.none() | numbers,
    erases=st.lists(numbers, max_size=3).map(tuple),
    import_batch=st.none() | uuids,
)


def document(header: Header) -> dict[str, Any]:
    """The header as the design writes it, field by field."""
    optional: dict[str, Any] = {
        "occurred_at": header.occurred_at,
        "supersedes": header.supersedes,
        "erases": list(header.erases) or None,
        "import_batch": header.import_batch,
    }
    return {
        "v": TRAIL_VERSION,
        "ledger": header.ledger,
        "subject": header.subject,
        "seq": header.seq,
        "kind": header.kind,
        "recorded_at": header.recorded_at,
        "actor": header.actor,
        "prev": header.prev.hex(),
        "commit": {part: value.hex() for part, value in header.commits.items()},
    } | {name: value for name, value in optional.items() if value is not None}


@given(headers)
def test_header_bytes_are_the_canonical_bytes_of_its_fields(header: Header) -> None:
    assert header.to_bytes() == canonical_bytes(document(header))


@given(headers)
def test_hash_is_sha256_of_a_zero_byte_and_the_header(header: Header) -> None:
    assert header.hash() == hashlib.sha256(b"\0" + canonical_bytes(document(header))).digest()


@given(headers, headers)
def test_two_headers_have_the_same_bytes_only_if_they_are_equal(one: Header, two: Header) -> None:
    assert (one.to_bytes() == two.to_bytes()) == (one == two)


@given(st.uuids(), st.uuids())
def test_genesis_names_ledger_and_subject(ledger: UUID, subject: UUID) -> None:
    text = f'{{"ledger":"{ledger}","subject":"{subject}","v":1}}'
    assert genesis(str(ledger), str(subject)) == hashlib.sha256(text.encode()).digest()


@given(hashes, st.binary(max_size=200))
def test_commitment_is_the_hmac_of_the_payload_under_its_salt(salt: bytes, payload: bytes) -> None:
    assert commitment(salt, payload) == hmac.new(salt, payload, hashlib.sha256).digest()


@given(hashes, st.binary(min_size=1, max_size=200), st.data())
def test_any_one_forged_bit_changes_the_commitment(
    salt: bytes, payload: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(payload) * 8 - 1))
    forged = bytearray(payload)
    forged[place // 8] ^= 1 << place % 8
    assert commitment(salt, bytes(forged)) != commitment(salt, payload)
    other_salt = bytes([salt[0] ^ 1]) + salt[1:]
    assert commitment(other_salt, payload) != commitment(salt, payload)


@given(hashes, st.lists(st.binary(max_size=50)))
def test_stream_commits_to_the_same_as_the_whole(salt: bytes, chunks: list[bytes]) -> None:
    stream = CommittedStream(salt, chunks)
    whole = b"".join(stream)
    assert whole == b"".join(chunks)
    assert stream.size == len(whole)
    assert stream.commitment() == commitment(salt, whole)
