"""A time stamp authority of RFC 3161, asked over HTTP: who looks later need not trust the firm."""

from __future__ import annotations

from collections.abc import Sequence
from http.client import HTTPException
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from custledger.core.trail.anchoring import AnchorCheck, AnchorState
from custledger.core.trail.timestamps import check_timestamp, with_sorted_certificates
from custledger.errors import BadInputError, ExtraNeededError, NotPublishedError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest

__all__ = ["TimeStampAnchor"]

_MOST_BYTES: Final = 1 << 20


class TimeStampAnchor:
    """An authority that stamps the SHA-256 of a note; it sees nothing else of the ledger.

    ``certificates`` are its root certificates, in PEM, as it publishes them: with them a stamp is
    checked before it counts. BadInputError for a URL that is no http(s), or holds a password.
    """

    kind: Final = "timestamp"

    def __init__(
        self, url: str, certificates: Sequence[bytes] = (), *, timeout_seconds: float = 30
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.password:
            raise BadInputError(
                "The URL of a time stamp authority begins with https:// or http:// and holds no "
                "password, as https://freetsa.org/tsr."
            )
        self._url, self._certificates, self._timeout = url, certificates, timeout_seconds

    def __repr__(self) -> str:
        return f"TimeStampAnchor({self.place!r})"

    @property
    def place(self) -> str:
        """The authority's URL."""
        return self._url

    def publish(self, note_text: str) -> bytes:
        """Have the note stamped; the token is the authority's response, in DER.

        Raises NotPublishedError if no stamp came, or one that does not hold.
        """
        request = _request_for(note_text)
        token = self._ask(request.as_bytes())
        check = check_timestamp(note_text, token, self._certificates)
        unsure = check.state is AnchorState.UNCHECKED and not self._certificates
        if not (check.state is AnchorState.HOLDS or unsure):
            raise NotPublishedError(
                f"What {self._url} returned is no time stamp of the checkpoint. {check.words} "
                "Nothing counts as published; see the authority's URL and its certificates."
            )
        if _nonce(token) != request.nonce:
            raise NotPublishedError(
                f"{self._url} answered another question than was asked: an old response, sent "
                "again. Nothing counts as published; try again."
            )
        return token

    def check(self, note_text: str, token: bytes) -> AnchorCheck:
        """Whether the token is a stamp of the note by this authority, and when it was made."""
        return check_timestamp(note_text, token, self._certificates)

    def _ask(self, question: bytes) -> bytes:
        headers = {"Content-Type": "application/timestamp-query"}
        request = Request(self._url, data=question, headers=headers)  # noqa: S310 (see __init__)
        try:
            with urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                token: bytes = answer.read(_MOST_BYTES)
        except (OSError, HTTPException, ValueError) as error:
            raise NotPublishedError(
                f"The time stamp authority {self._url} gave no stamp: {error}. Try again later; "
                "the checkpoint itself is kept."
            ) from error
        return token


def _request_for(note_text: str) -> TimeStampRequest:
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError as error:
        raise ExtraNeededError(
            "To have a checkpoint time-stamped needs the package rfc3161-client, which is not "
            "installed. Install it: pip install 'custledger[trail]'."
        ) from error
    builder = TimestampRequestBuilder().data(note_text.encode())
    return builder.hash_algorithm(HashAlgorithm.SHA256).build()


def _nonce(token: bytes) -> int | None:
    from rfc3161_client import decode_timestamp_response

    return decode_timestamp_response(with_sorted_certificates(token)).tst_info.nonce
