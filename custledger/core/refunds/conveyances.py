"""That a customer was shown a version of the terms: the record, and how an entry holds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from custledger.core.bodies import StoredEntry
from custledger.core.clock import from_microseconds
from custledger.core.records import EntryRef

__all__ = ["ConveyedTerms", "conveyed_from"]


@dataclass(frozen=True, slots=True)
class ConveyedTerms:
    """A customer was shown a version of the terms: when, and how.

    With ``deal`` it holds for that deal alone. ``recorded_at`` shows whether it was recorded at
    once, or only when somebody asked for money back.
    """

    id: EntryRef
    customer_id: UUID
    version: int
    how: str
    conveyed_at: datetime
    recorded_at: datetime
    recorded_by: UUID
    evidence: EntryRef | None = None
    deal: EntryRef | None = None


def conveyed_from(stored: StoredEntry) -> ConveyedTerms:
    """The conveyance that a stored entry describes."""
    body, recorded_at = stored.body, stored.recorded_at
    at = recorded_at if stored.occurred_at is None else stored.occurred_at
    linked = {
        name: EntryRef(stored.id.subject, body[name])
        for name in ("evidence", "deal")
        if name in body
    }
    return ConveyedTerms(
        id=stored.id,
        customer_id=stored.id.subject,
        version=body["version"],
        how=body["how"],
        conveyed_at=from_microseconds(at),
        recorded_at=from_microseconds(recorded_at),
        recorded_by=stored.actor,
        **linked,
    )
