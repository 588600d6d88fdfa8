"""Asking again and again what passed a line, so that nothing is lost and little is told twice.

The cursor that the host keeps says until when it has been told. A line may be passed by an entry
that another transaction had written before, and committed after: it is seen late. So each question
reaches back by a day before the cursor, and the cursor holds the keys of what was told of that day.

A clock that ran ahead may be put right: then the cursor goes back to now with it, lest all that
passes until it comes there again be lost.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from custledger.core.canonical import canonical_bytes
from custledger.core.clock import from_microseconds, to_microseconds
from custledger.core.due import DueItem, DueKind
from custledger.errors import BadInputError

__all__ = ["OVERLAP", "Cursor", "Due", "poll"]

OVERLAP: Final = timedelta(days=1)
"""A transaction that stays open for longer than this may commit what no poll tells of."""
_VERSION: Final = 1
_KEY_BYTES: Final = 9
_CHECK_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class Due:
    """What passed its line since the cursor, in that order, and the cursor for the next time.

    Keep the cursor once the items were dealt with: whoever asks again with the old one is told
    again.
    """

    items: tuple[DueItem, ...]
    cursor: str


class Cursor(NamedTuple):
    """Until when somebody was told what passed a line in a ledger, and of the last day, what."""

    ledger: UUID
    until: datetime
    told: frozenset[str] = frozenset()

    def text(self) -> str:
        """The cursor as the host keeps it: letters, digits, - and _; with a checksum."""
        body = canonical_bytes(
            {
                "ledger": str(self.ledger),
                "told": [*sorted(self.told)],
                "until": to_microseconds(self.until),
                "version": _VERSION,
            }
        )
        return base64.urlsafe_b64encode(_check(body) + body).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: object, ledger: UUID) -> Cursor:
        """The cursor that a host kept; BadInputError if it is none, or another ledger's."""
        body = _body(text)
        if body["ledger"] != str(ledger):
            raise BadInputError(
                f"The cursor is of the ledger {body['ledger']}, and this one is {ledger}. Give the "
                "cursor of this ledger, or none to be told everything that stands."
            )
        return cls(ledger, from_microseconds(body["until"]), frozenset(body["told"]))


def poll(
    ledger: UUID,
    cursor: str | None,
    *,
    now: datetime,
    as_of: datetime,
    gather: Callable[[datetime | None], Iterable[DueItem]],
) -> Due:
    """What passed its line by ``as_of`` and was not told before; without a cursor, what stands.

    ``gather`` returns what passed after a moment and by ``as_of``; for None, what stands.
    """
    before = None if cursor is None else Cursor.parse(cursor, ledger)
    until, told, kept = min(now, as_of), frozenset[str](), frozenset[str]()
    if before is not None and cursor is not None:
        told = before.told
        if now < before.until:
            before, kept = before._replace(until=now), told
        if as_of < before.until:
            return Due((), cursor)
    found = _in_order(gather(None if before is None else before.until - OVERLAP))
    recent = found if before is not None else [*found, *gather(until - OVERLAP)]
    late = {digest(item.key) for item in recent if item.passed_at > until - OVERLAP}
    new = tuple(item for item in found if digest(item.key) not in told)
    return Due(new, Cursor(ledger, until, kept | late).text())


def digest(key: str) -> str:
    """The short form in which a cursor holds the key of an item."""
    found = hashlib.sha256(key.encode()).digest()[:_KEY_BYTES]
    return base64.urlsafe_b64encode(found).decode()


def _in_order(items: Iterable[DueItem]) -> list[DueItem]:
    """Each item once, by when it passed its line."""
    by_key = {item.key: item for item in sorted(items, key=_place, reverse=True)}
    return sorted(by_key.values(), key=_place)


def _place(item: DueItem) -> tuple[datetime, DueKind, str, str]:
    # Keys hold random ids: people with the same moment come by what is said of them.
    return item.passed_at, item.kind, item.text, item.key


def _check(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_CHECK_BYTES]


def _body(text: object) -> dict[str, Any]:
    try:
        if not isinstance(text, str):
            raise ValueError
        data = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), b"-_", validate=True)
        check, body = data[:_CHECK_BYTES], data[_CHECK_BYTES:]
        if check != _check(body):
            raise ValueError
        found: dict[str, Any] = json.loads(body)
    except (ValueError, binascii.Error):
        raise BadInputError(
            "This is not a cursor of custledger, or part of it is missing. Give the cursor that "
            "the last call returned, or none to be told everything that stands."
        ) from None
    if found.get("version") != _VERSION:
        raise BadInputError("The cursor is of a newer version of custledger. Upgrade custledger.")
    return found
