"""Canonical bytes: RFC 8785 over a domain in which ``json.dumps`` is enough.

The domain: ``str``, ``bool``, ``None``, integers of magnitude below 2**53, lists, and dicts with
ASCII keys; no floats. There the standard library writes the same bytes as a full implementation of
RFC 8785 (the tests hold the two against each other), and four times as fast.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from custledger.errors import BadInputError

if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["JsonValue", "canonical_bytes", "digest_from", "natural", "parse_canonical"]

# A dossier's verify.py holds this module, so it keeps to what Python 3.9 has.
JsonValue: TypeAlias = "bool | int | str | list[JsonValue] | dict[str, JsonValue] | None"

_LIMIT: Final = 2**53
_DIGEST_BYTES: Final = 32
_DEEPEST: Final = 50
"""Lists and dicts in one another; no document of ours has more than a few."""
_encode: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def canonical_bytes(value: Mapping[str, JsonValue]) -> bytes:
    """The one byte string of a document.

    >>> canonical_bytes({"b": [1, None], "a": "é"}).decode()
    '{"a":"é","b":[1,null]}'
    """
    _check(value)
    try:
        return _encode(value).encode()
    except UnicodeEncodeError as error:
        raise BadInputError("A text holds half a surrogate pair; it is not valid text.") from error


def parse_canonical(data: bytes) -> dict[str, JsonValue]:
    """The document of canonical bytes; bytes that are not canonical are refused."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:  # brackets nested without end, too
        raise BadInputError("these bytes are not JSON") from error
    if not isinstance(document, dict) or canonical_bytes(document) != data:
        raise BadInputError("these bytes are not canonical JSON (RFC 8785)")
    return document


def natural(value: object, least: int = 0) -> int:
    """A number as a document holds it; ValueError for any other type, which True would be too."""
    # Canonical JSON keeps it below 2**53, which as microseconds is the year 2255.
    if type(value) is not int or value < least:
        raise ValueError(value)
    return value


def digest_from(hexadecimal: str) -> bytes:
    """The SHA-256 in a document; ValueError if it is none."""
    digest = bytes.fromhex(hexadecimal)
    if len(digest) != _DIGEST_BYTES:
        raise ValueError(hexadecimal)
    return digest


def _check(value: Mapping[str, object] | list[object], depth: int = 1) -> None:
    # One call a container and none a scalar: this runs for every payload that is written or read.
    items: Iterable[object] = value
    if isinstance(value, Mapping):
        items = value.values()
        for key in value:
            if type(key) is not str or not key.isascii():
                raise BadInputError(f"a key must be ASCII text, not {key!r}")
    for item in items:
        kind = type(item)
        if kind is str or item is None or kind is bool:
            continue
        if kind is int:
            if not -_LIMIT < item < _LIMIT:  # type: ignore[operator]
                raise BadInputError(f"{item} does not fit the 53 bits of a JSON integer")
        elif isinstance(item, (dict, list)):
            if depth == _DEEPEST:
                raise BadInputError(f"canonical JSON of ours is nested {_DEEPEST} deep at most")
            _check(item, depth + 1)
        else:
            raise BadInputError(f"canonical JSON cannot hold a {kind.__name__}")
