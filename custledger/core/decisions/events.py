"""Decisions about a customer as a sequence of events: what a named person decided, and what came.

Incident -> warning -> decision -> notice -> (appeal) -> review -> lapse. The events are written in
the order in which they are recorded; ``custledger.core.decisions.state`` says what holds on a day,
``custledger.core.decisions.rules`` what may come next. Nothing here decides: GDPR article 22 and
the Court of Justice (C-634/21, C-203/22) leave that to people.

Days are calendar days of the ledger's time zone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Final, TypeAlias
from uuid import UUID

from custledger.core.checks import check_day, check_text
from custledger.core.decisions.scope import EVERYTHING, Scope
from custledger.core.records import EntryRef, Staff, StaffRole
from custledger.errors import BadInputError

__all__ = [
    "AppealDecided",
    "Appealed",
    "Cited",
    "DecisionKind",
    "DecisionMade",
    "DecisionPolicy",
    "Event",
    "Missing",
    "NoticeGiven",
    "Override",
    "Reviewed",
    "ScoreFlag",
    "is_human",
]


class DecisionKind(StrEnum):
    """What is decided, from the mildest to the strictest; a reinstatement ends the others."""

    REINSTATEMENT = "reinstatement"
    WARNING = "warning"
    RESTRICTION = "restriction"
    BLOCK = "block"
    DO_NOT_SERVE = "do_not_serve"


class Missing(StrEnum):
    """What a decision lacks, and an owner may override with reasons."""

    EVIDENCE = "evidence"
    WARNING = "warning"
    NEW_INCIDENT = "new_incident"
    NOTICE = "notice"
    OTHER_PERSON = "other_person"


@dataclass(frozen=True, slots=True)
class DecisionPolicy:
    """The periods of decisions, as versioned data, in days.

    A review at most a year ahead, half a year by default: City of York, Managing Customer Relations
    Policy, "a maximum of 12 months", reviewed after 6. ``appeal_days``: 20 after the notice, as
    Mastodon gives. ``bypass_days``: within them notice and review of an immediate measure are due.
    ``rereview_days``: how long a sole trader waits before looking at their own decision again.
    ``flag_days``: how old a score's flag may be. ``notice_days``: how long after its notice a
    decision takes effect. ``reminder_days``: how long before its review date it comes up. All from
    ``bypass_days`` on are our defaults, not law.
    """

    version: int = 0
    review_days: int = 183
    max_review_days: int = 365
    appeal_days: int = 20
    bypass_days: int = 5
    rereview_days: int = 14
    flag_days: int = 30
    notice_days: int = 1
    reminder_days: int = 14

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in ("version", "notice_days", "reminder_days") else 1
            if type(value) is not int or not least <= value <= 3650:
                raise BadInputError(
                    f"{field.name} is a whole number from {least} to 3650, not {value!r}."
                )
        if self.review_days > self.max_review_days:
            raise BadInputError(
                f"review_days ({self.review_days}) is more than max_review_days "
                f"({self.max_review_days}); lower the first or raise the second."
            )

    def to_body(self) -> dict[str, int]:
        """Plain JSON values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_body(cls, body: dict[str, int]) -> DecisionPolicy:
        """The policy that ``to_body`` wrote."""
        return cls(**body)


_POLICY: Final = DecisionPolicy()


@dataclass(frozen=True, slots=True, order=True)
class Cited:
    """An entry that a decision rests on, and the day of what it records."""

    ref: EntryRef
    day: date


@dataclass(frozen=True, slots=True)
class ScoreFlag:
    """That the score flagged the customer as of a day, by a version of its policy."""

    as_of: date
    policy_version: int


@dataclass(frozen=True, slots=True)
class Override:
    """An owner's reasons to go on without what is named; recorded, shown and counted."""

    reasons: str
    covers: frozenset[Missing]


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """A named person decided; ``ref`` is the entry, by which every later event names the decision.

    ``incidents`` are what it rests on, ``safety`` those of them that put somebody's safety at risk.
    ``bypass`` says why it takes effect at once, before warning and notice. ``review_on`` is the day
    on which it lapses unless it was extended. ``ends`` names what a reinstatement ends (empty: all
    that is in force). ``rule`` names the house rule that it applies, for the error report.
    ``policy`` is the version in force on that day: a later one judges nothing that came before it.
    """

    ref: EntryRef
    day: date
    by: Staff
    kind: DecisionKind
    reasons: str
    incidents: tuple[Cited, ...] = ()
    safety: tuple[Cited, ...] = ()
    flag: ScoreFlag | None = None
    scope: Scope = EVERYTHING
    staff_text: str = ""
    customer_text: str = ""
    effective_from: date | None = None
    review_on: date | None = None
    rule: str = ""
    bypass: str = ""
    override: Override | None = None
    ends: tuple[EntryRef, ...] = ()
    policy: DecisionPolicy = _POLICY

    def __post_init__(self) -> None:
        for name in ("reasons", "staff_text", "customer_text", "rule", "bypass"):
            object.__setattr__(self, name, check_text(getattr(self, name), name))
        for name in ("day", "effective_from", "review_on"):
            if (day := getattr(self, name)) is not None:
                check_day(day, name)


@dataclass(frozen=True, slots=True)
class NoticeGiven:
    """The customer was told: why, until when, when it is reviewed, and how to appeal.

    ``ref`` is its own entry, once it is recorded.
    """

    decision: EntryRef
    day: date
    by: Staff
    how: str
    reasons: str
    review_on: date
    appeal_route: str
    ref: EntryRef | None = None


@dataclass(frozen=True, slots=True)
class Appealed:
    """The customer appealed; ``received_on`` counts for the window, not the day of recording."""

    decision: EntryRef
    day: date
    by: Staff
    words: str
    received_on: date


@dataclass(frozen=True, slots=True)
class AppealDecided:
    """The appeal was decided; ``outsider`` names who did where nobody else is registered.

    ``registered`` are the people (no programs) who were registered and active on that day.
    """

    decision: EntryRef
    day: date
    by: Staff
    overturned: bool
    reasons: str
    registered: frozenset[UUID]
    outsider: str = ""
    override: Override | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "outsider", check_text(self.outsider, "outsider"))


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The decision was reviewed: extended to ``review_on``, or ended where that is None."""

    decision: EntryRef
    day: date
    by: Staff
    reasons: str
    review_on: date | None = None


Event: TypeAlias = DecisionMade | NoticeGiven | Appealed | AppealDecided | Reviewed

_HUMANS: Final = frozenset((StaffRole.OWNER, StaffRole.AGENT))


def is_human(staff: Staff) -> bool:
    """Whether the actor is a person, not a program."""
    return staff.role in _HUMANS
