"""When something happened and when the firm learned of it, as the books take it from facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custledger.core.checks import check_moment
from custledger.errors import BadInputError

__all__ = ["moments_of"]


def moments_of(
    facts: Mapping[str, Any], now: int, *, learned: int | None = None
) -> tuple[int, int]:
    """(occurred, known) in microseconds; both default to ``now``, known never before occurred.

    Something dated in the future (an invoice of tomorrow) is known no later than it occurs.
    ``learned`` is when the firm learned of an entry that is being corrected: it takes the place of
    ``now`` where no ``known_at`` is named.
    """
    occurred_at = facts.get("occurred_at")
    occurred = now if occurred_at is None else check_moment(occurred_at, "occurred_at")
    known_at = facts.get("known_at")
    if known_at is None:
        return occurred, max(occurred, now if learned is None else learned)
    known = check_moment(known_at, "known_at")
    if known < occurred:
        raise BadInputError("known_at is before occurred_at: nothing is known before it happens.")
    return occurred, known
