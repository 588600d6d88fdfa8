"""What passed a line: the one shape in which every book tells what a host should look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from custledger.core.records import EntryRef

__all__ = ["DueItem", "DueKind"]


class DueKind(StrEnum):
    """What passed which line."""

    COMPLAINT_OVERDUE = "complaint_overdue"
    FLAG_RAISED = "flag_raised"
    FLAG_CLEARED = "flag_cleared"
    DECISION_REVIEW = "decision_review"
    DECISION_LAPSED = "decision_lapsed"
    DECISION_DUTY = "decision_duty"
    BRIEFING_OUTSTANDING = "briefing_outstanding"
    RECEIVABLE_STEP = "receivable_step"
    ACCESS_OVERDUE = "access_overdue"
    CONTEST_OVERDUE = "contest_overdue"


@dataclass(frozen=True, slots=True)
class DueItem:
    """One thing that passed its line.

    ``passed_at`` is the later of the moment of the line and of when the ledger took the entry that
    makes it so: what is recorded late is told late, and not lost. ``key`` is the same for the same
    crossing, whenever it is asked for, and differs for another one. ``text`` is a sentence for
    staff.
    """

    passed_at: datetime
    kind: DueKind
    key: str
    text: str
    customer_id: UUID | None = None
    ref: EntryRef | None = None
