"""Canonical bytes are those of RFC 8785, on the domain that custledger admits."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.canonical import canonical_bytes, parse_canonical
from custledger.core.records import Channel
from custledger.errors import BadInputError

texts = st.text(st.characters(exclude_categories=["Cs"]))
keys = st.text(st.characters(max_codepoint=127))
numbers = st.integers(-(2**53) + 1, 2**53 - 1)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)
documents = st.dictionaries(keys, values, max_size=6)


@given(documents)
def test_bytes_equal_those_of_a_full_implementation(document: dict[str, Any]) -> None:
    assert canonical_bytes(document) == rfc8785.dumps(document)


@given(documents)
def test_bytes_lead_back_to_the_document(document: dict[str, Any]) -> None:
    assert parse_canonical(canonical_bytes(document)) == document


@given(documents.filter(bool), st.data())
def test_document_written_in_any_other_way_is_refused(
    document: dict[str, Any], data: st.DataObject
) -> None:
    data_bytes = canonical_bytes(document)
    options = data.draw(
        st.sampled_from([{"indent": 1}, {"separators": (", ", ":")}, {"separators": (",", ": ")}])
    )
    other = json.dumps(document, sort_keys=True, ensure_ascii=False, **options).encode()
    if other != data_bytes:
        with pytest.raises(BadInputError, match="not canonical"):
            parse_canonical(other)


@pytest.mark.parametrize(
    "value",
    [1.5, 1.0, float("nan"), 2**53, -(2**53), b"x", (1, 2), {1}, Channel.PHONE, object()],
)
def test_value_outside_the_domain_is_refused(value: Any) -> None:
    for document in ({"a": value}, {"a": [value]}, {"a": {"b": value}}):
        with pytest.raises(BadInputError):
            canonical_bytes(document)


@pytest.mark.parametrize("key", ["é", 1, None, Channel.PHONE, "\ud800"])
def test_key_that_is_no_ascii_text_is_refused(key: Any) -> None:
    with pytest.raises(BadInputError, match="a key must be ASCII text"):
        canonical_bytes({key: 1})


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800"])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="half a surrogate pair"):
        canonical_bytes({"a": text})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"a"',
        b"{",
        b'{"a":1}\n',
        b' {"a":1}',
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":01}',
        b'{"a":NaN}',
        b'{"a":9007199254740992}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        '{"é":1}'.encode(),
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b"9" * 5_000 + b"}",
    ],
)
def test_bytes_that_are_not_canonical_are_refused(data: bytes) -> None:
    with pytest.raises(BadInputError):
        parse_canonical(data)
