"""What a customer is told, as values: the same for the page, the text and the JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

__all__ = [
    "AccessBriefing",
    "AccessChange",
    "AccessComplaint",
    "AccessContest",
    "AccessDecision",
    "AccessEntry",
    "AccessPeriod",
    "AccessPerson",
    "AccessReason",
    "AccessReport",
    "AccessReportRequest",
    "AccessScore",
    "AccessSource",
]


@dataclass(frozen=True)
class AccessPerson:
    """One name under which the customer is held; ``state`` is current, taken back or erased."""

    id: UUID
    name: str
    state: str
    joined_on: date | None = None
    status: str = ""
    contact_points: tuple[str, ...] = ()


@dataclass(frozen=True)
class AccessEntry:
    """One entry, with what came of it.

    ``ref`` is its number, with the customer's short id where several names are one person.
    ``state``: current, corrected, taken back or erased, by the entry ``by``. ``data`` is what it
    holds, for programs; ``notes`` are texts for staff where they are told, and ``withheld`` counts
    those that are not. ``disputed`` says that the customer contests it, and nobody decided yet.
    """

    ref: str
    kind: str
    title: str
    happened_at: datetime
    recorded_at: datetime
    recorded_by: str
    state: str
    by: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    account: str = ""
    customer_words: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    withheld: int = 0
    disputed: bool = False
    imported_from: str = ""
    file: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AccessReason:
    """What adds points to the score, and the entries it comes from."""

    points: float
    text: str
    entries: tuple[str, ...]


@dataclass(frozen=True)
class AccessChange:
    """One change that, alone, would bring the score back under the line."""

    code: str
    text: str


@dataclass(frozen=True)
class AccessScore:
    """The score in words; ``parameters`` is the policy that it was computed by, for programs.

    ``undisputed`` is what the score would be without the entries that are disputed; None where
    there are none.
    """

    as_of: date
    score: float
    score_low: float
    score_high: float
    flagged: bool
    headline: str
    reasons: tuple[AccessReason, ...]
    missing: tuple[str, ...]
    changes: tuple[AccessChange, ...]
    policy_version: int
    how: tuple[str, ...]
    parameters: Mapping[str, Any]
    undisputed: float | None = None


@dataclass(frozen=True)
class AccessDecision:
    """A decision, by whom and why, until when, how to appeal, and what came of it."""

    ref: str
    kind: str
    made_on: date
    made_by: str
    state: str
    told: str
    reasons: str
    review_on: date
    rests_on: tuple[str, ...] = ()
    score: str = ""
    notice: str = ""
    appeal_route: str = ""
    appeal: str = ""
    reviews: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class AccessComplaint:
    """A complaint, and what came of it."""

    ref: str
    received_on: date
    state: str
    customer_words: str = ""
    account: str = ""
    outcome: str = ""
    reasons: str = ""
    remedy: str = ""
    resolved_on: date | None = None


@dataclass(frozen=True)
class AccessBriefing:
    """What staff are told about the customer today; ``advice`` is for staff, where it is told."""

    told: tuple[str, ...]
    advice: tuple[str, ...] = ()
    advice_left_out: bool = False


@dataclass(frozen=True)
class AccessContest:
    """An entry that the customer disputes, and what came of it."""

    ref: str
    entry: str
    received_on: date
    words: str
    state: str
    due_on: date
    reasons: str = ""
    closed_on: date | None = None
    decided_by: str = ""


@dataclass(frozen=True)
class AccessReportRequest:
    """A request for access, and what came of it."""

    ref: str
    received_on: date
    how: str
    state: str
    due_on: date
    closed_on: date | None = None
    extended_because: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class AccessSource:
    """Where data came from: an import, or a system that records name as their source."""

    source: str
    file_name: str
    imported_on: date | None
    entries: int


@dataclass(frozen=True)
class AccessPeriod:
    """For how long a kind of record is kept, and on which ground."""

    kind: str
    what: str
    period: str
    ground: str


@dataclass(frozen=True)
class AccessReport:
    """All that is held about one customer as of a day, under whatever names.

    ``withheld`` counts the texts for staff that are left out; ``names_left_out`` says that staff
    are told by their role. ``foreword`` is what the firm says of itself: who it is, for what
    purposes, who else gets the data. ``elsewhere`` is what entries tell of the customer that are
    not the customer's own.
    """

    made_on: date
    zone: str
    ledger: UUID
    customer_id: UUID
    foreword: str
    people: tuple[AccessPerson, ...]
    entries: tuple[AccessEntry, ...]
    score: AccessScore | None
    decisions: tuple[AccessDecision, ...]
    briefing: AccessBriefing | None
    complaints: tuple[AccessComplaint, ...]
    contests: tuple[AccessContest, ...]
    requests: tuple[AccessReportRequest, ...]
    sources: tuple[AccessSource, ...]
    recipients: tuple[str, ...]
    periods: tuple[AccessPeriod, ...]
    without_end: tuple[str, ...]
    rights: tuple[str, ...]
    withheld: int
    names_left_out: bool
    elsewhere: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The customer's name, or the beginning of the id where it is erased."""
        found = next((p.name for p in self.people if p.name), "")
        return found or f"customer {str(self.customer_id)[:8]}"
