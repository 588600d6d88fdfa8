"""Time stamps of RFC 3161: an authority says, signed, that it saw the SHA-256 of a note by then.

A token is the authority's whole response, as it came. Signatures are checked as of the time they
name, so a stamp outlives its authority's certificate; whether that was revoked is not looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from custledger.core.trail.anchoring import AnchorCheck, AnchorState
from custledger.errors import BadInputError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

__all__ = ["check_timestamp"]

_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_GRANTED: Final = 0
_SEQUENCE: Final = 0x30
_FIRST_IN_CONTEXT: Final = 0xA0
_DAMAGED: Final = "The time stamp is damaged: it cannot be read, or its signature does not fit it."


def check_timestamp(
    note_text: str, token: bytes, certificates: Sequence[bytes] = ()
) -> AnchorCheck:
    """Whether a token time-stamps a note, by an authority that one of the certificates vouches for.

    ``certificates`` are those of roots, in PEM, one or several in each; BadInputError if they are
    none. Without any, or without the package rfc3161-client, it cannot be told who stamped it.
    """
    try:
        import rfc3161_client
    except ImportError:
        return _unchecked(
            "To check a time stamp needs the package rfc3161-client, which is not installed: "
            "pip install 'custledger[trail]'."
        )
    roots = _certificates(certificates)
    try:
        response = rfc3161_client.decode_timestamp_response(with_sorted_certificates(token))
        if response.status != _GRANTED:
            return _fails(f"The authority refused to stamp: {_reason(response)}.")
        imprint, at = response.tst_info.message_imprint, response.tst_info.gen_time
        algorithm, digest = imprint.hash_algorithm.dotted_string, imprint.message
    except Exception:  # of what a damaged token makes the library raise there is no list
        return _fails(_DAMAGED)
    if (algorithm, digest) != (_SHA256, sha256(note_text.encode()).digest()):
        return _fails("The time stamp is that of another text.")
    if not roots:
        return _unchecked(
            f"The time stamp says {_shown(at)}, but nobody vouches for it yet: give the root "
            "certificate of its authority (certificates=)."
        )
    return _by_signature(response, digest, at, roots)


def with_sorted_certificates(token: bytes) -> bytes:
    """The token with its certificates in the order of DER, which OpenSSL's authorities leave.

    Nothing that is signed moves. What is no token is returned as it is.
    """
    try:
        [_, content_info] = _parts(token, _only(_parts(token, _Part(0, 0, 0, len(token))), 0))
        content = _only(_parts(token, content_info), 1)
        signed = _only(_parts(token, content), 0)
        [bag] = [part for part in _parts(token, signed) if part.tag == _FIRST_IN_CONTEXT]
        ordered = sorted(token[part.start : part.end] for part in _parts(token, bag))
    except (IndexError, ValueError):
        return token
    return token[: bag.body] + b"".join(ordered) + token[bag.end :]


def _by_signature(
    response: TimeStampResponse, digest: bytes, at: datetime, roots: list[Certificate]
) -> AnchorCheck:
    from rfc3161_client import VerificationError, VerifierBuilder

    try:
        VerifierBuilder(roots=roots).build().verify(response, digest)
    except VerificationError as error:
        # OpenSSL's words for: the signature was not looked at, for nobody vouches for the signer.
        if "certificate verify error" in str(error):
            return _fails(
                f"The time stamp, which says {_shown(at)}, is by an authority that the given "
                "certificates do not vouch for (at that time)."
            )
        return _fails(_DAMAGED)
    except Exception:  # as above
        return _fails(_DAMAGED)
    return AnchorCheck(AnchorState.HOLDS, f"Time-stamped {_shown(at)}{_signer(response)}.", at)


def _certificates(pems: Sequence[bytes]) -> list[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        found = [certificate for pem in pems for certificate in load_pem_x509_certificates(pem)]
    except (ValueError, TypeError) as error:
        raise BadInputError(
            "The authority's certificates cannot be read. Give a list with the bytes of its root "
            "certificate in PEM (-----BEGIN CERTIFICATE-----), as the authority publishes it."
        ) from error
    return list(dict.fromkeys(found))


def _signer(response: TimeStampResponse) -> str:
    [signer] = response.signed_data.signer_infos
    return f" by an authority under {signer.issuer.rfc4514_string()}"


def _reason(response: Any) -> str:
    return "; ".join(response.status_string) or f"status {response.status}"


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _fails(words: str) -> AnchorCheck:
    return AnchorCheck(AnchorState.FAILS, words)


def _unchecked(words: str) -> AnchorCheck:
    return AnchorCheck(AnchorState.UNCHECKED, words)


class _Part(NamedTuple):
    """A piece of DER: its tag, and where it, its content, and what follows begin."""

    tag: int
    start: int
    body: int
    end: int


def _parts(data: bytes, whole: _Part) -> list[_Part]:
    """The pieces inside a piece, in their order; ValueError where they overlap its end."""
    parts, at = [], whole.body
    while at < whole.end:
        tag, length, body = data[at], data[at + 1], at + 2
        if length >= 0x80:
            more = length & 0x7F
            body += more
            length = int.from_bytes(data[at + 2 : body], "big")
        if body + length > whole.end:
            raise ValueError("no DER")
        parts.append(_Part(tag, at, body, body + length))
        at = body + length
    return parts


def _only(parts: list[_Part], index: int) -> _Part:
    """The piece at an index, which holds others."""
    if parts[index].tag not in (_SEQUENCE, _FIRST_IN_CONTEXT):
        raise ValueError("no sequence")
    return parts[index]
