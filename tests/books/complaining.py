"""What tests about complaints share: ends of a complaint, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from custledger import Ledger
from custledger.core.complaints.records import ComplaintChange, ComplaintRecord
from custledger.core.records import Fault

__all__ = [
    "REFUSED",
    "UPHELD",
    "at",
    "codes",
    "entries",
    "fault_of",
]


UPHELD: dict[str, Any] = {"outcome": "upheld", "reasons": "It was cold.", "remedy": "Money back"}
REFUSED: dict[str, Any] = {"outcome": "not_upheld", "reasons": "The film shows that it was hot."}


def entries(ledger: Ledger) -> int:
    customers = sum(len(ledger.history(one)) for one in ledger.customers.all())
    return customers + len(ledger.history())


def at(hour: int, day: int = 5, minute: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


def codes(change: ComplaintChange) -> list[str]:
    assert not change.done
    return [refusal.code for refusal in change.refusals]


def fault_of(ledger: Ledger, complaint: ComplaintRecord) -> Fault:
    assert complaint.interaction is not None
    return ledger.interactions.get(complaint.interaction).fault
