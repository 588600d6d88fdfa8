"""How long what is kept: a schedule of periods by kind of record, and what it says of one customer.

The principle is Article 5(1)(e) GDPR: personal data are kept no longer than their purposes need.
Nothing is erased unless the firm sets a period. A record goes on the day after its period's last
day, with what belongs together (all its corrections; all events of a case; an invoice with what
settles it), and only where nothing stands against it. A period counts from a day as in Regulation
1182/71: the day itself does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from custledger.core.calendar.periods import Period, last_day
from custledger.core.canonical import JsonValue
from custledger.core.checks import check_member, check_required
from custledger.core.reading import built
from custledger.core.records import EntryKind, MoneyKind
from custledger.errors import BadInputError

__all__ = [
    "KINDS",
    "WHOLE",
    "Block",
    "CustomerFacts",
    "Kept",
    "Retained",
    "RetentionRule",
    "RetentionSchedule",
    "Ruling",
    "Since",
    "Stay",
    "Unit",
    "judge",
    "kept_of",
]


class Kept(StrEnum):
    """What a period is set for: a kind of record, or a whole customer."""

    INTERACTION = "interaction"
    EVIDENCE = "evidence"
    MONEY = "money"
    COMPLAINT = "complaint"
    DECISION = "decision"
    TERMS = "terms"
    REMINDER = "reminder"
    BRIEFING = "briefing"
    PRAISE = "praise"
    FLAG = "flag"
    ACCESS = "access"
    PROSPECT = "prospect"
    CUSTOMER = "customer"


WHOLE: Final = frozenset((Kept.PROSPECT, Kept.CUSTOMER))
"""What is erased as a person, with all that is recorded."""

KINDS: Final[Mapping[Kept, str]] = MappingProxyType(
    {
        Kept.INTERACTION: "contacts (calls, mails, visits)",
        Kept.EVIDENCE: "evidence (files and texts)",
        Kept.MONEY: "invoices, payments and other money",
        Kept.COMPLAINT: "complaints",
        Kept.DECISION: "decisions about the customer",
        Kept.TERMS: "that terms were shown, and advice on refunds",
        Kept.REMINDER: "reminders of what is unpaid",
        Kept.BRIEFING: "briefings of staff, and what was done for them",
        Kept.PRAISE: "praise and referrals",
        Kept.FLAG: "when the score's flag was raised and cleared",
        Kept.ACCESS: "requests for access, and entries that were disputed",
        Kept.PROSPECT: "the whole record of somebody who never became a customer",
        Kept.CUSTOMER: "the whole record of a customer",
    }
)
"""What each kind holds, in words."""

_OF_ENTRY: Final[Mapping[EntryKind, Kept]] = MappingProxyType(
    {
        EntryKind.INTERACTION: Kept.INTERACTION,
        EntryKind.EVIDENCE: Kept.EVIDENCE,
        **{EntryKind(kind.value): Kept.MONEY for kind in MoneyKind},
        EntryKind.COMPLAINT: Kept.COMPLAINT,
        EntryKind.DECISION: Kept.DECISION,
        EntryKind.CONVEYANCE: Kept.TERMS,
        EntryKind.REFUND_ADVICE: Kept.TERMS,
        EntryKind.DUNNING: Kept.REMINDER,
        EntryKind.BRIEFING: Kept.BRIEFING,
        EntryKind.BACKING: Kept.BRIEFING,
        EntryKind.LESSON: Kept.BRIEFING,
        EntryKind.PRAISE: Kept.PRAISE,
        EntryKind.REFERRAL: Kept.PRAISE,
        EntryKind.FLAG: Kept.FLAG,
        EntryKind.SUBJECT_ACCESS: Kept.ACCESS,
    }
)


def kept_of(kind: EntryKind) -> Kept | None:
    """Which kind's period an entry has; None for what goes with the person alone.

    >>> kept_of(EntryKind.REFUND), kept_of(EntryKind.CUSTOMER)
    (<Kept.MONEY: 'money'>, None)
    """
    return _OF_ENTRY.get(kind)


class Since(StrEnum):
    """From when a period counts.

    ``own_date``: the day of the record, the newest one where several belong together. ``year_end``:
    the end of that day's calendar year, as laws on taxes have it. ``last_activity``: the newest day
    of anything that happened with the customer.
    """

    OWN_DATE = "own_date"
    YEAR_END = "year_end"
    LAST_ACTIVITY = "last_activity"


_SINCE_WORDS: Final[Mapping[Since, str]] = {
    Since.OWN_DATE: "from the day of the record",
    Since.YEAR_END: "from the end of that year",
    Since.LAST_ACTIVITY: "from the customer's last activity",
}


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """For how long one kind is kept, from when, and on which ground, in words for the customer."""

    kind: Kept
    period: Period
    ground: str
    since: Since = Since.OWN_DATE

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", check_member(Kept, self.kind))
        object.__setattr__(self, "since", check_member(Since, self.since))
        object.__setattr__(self, "ground", check_required(self.ground, "ground"))
        if not isinstance(self.period, Period):
            raise BadInputError(f"period is a Period, such as 3 years, not {self.period!r}.")
        if self.kind in WHOLE and self.since is not Since.LAST_ACTIVITY:
            raise BadInputError(f"A whole {self.kind} is kept from last_activity on; say so.")

    def __str__(self) -> str:
        return f"{self.period} {_SINCE_WORDS[self.since]}"

    def last_day(self, own: date, activity: date) -> date:
        """The last day on which it is kept, for a record of that day.

        >>> rule = RetentionRule(Kept.MONEY, Period(10, "years"), "taxes", Since.YEAR_END)
        >>> rule.last_day(date(2026, 3, 1), date(2026, 3, 1)).isoformat()
        '2036-12-31'
        """
        if self.since is Since.YEAR_END:
            own = date(own.year, 12, 31)
        elif self.since is Since.LAST_ACTIVITY:
            own = max(own, activity)
        return last_day(own, self.period)

    def to_body(self) -> dict[str, JsonValue]:
        """Plain JSON values."""
        return {
            "kind": self.kind.value,
            "period": self.period.to_body(),
            "since": self.since.value,
            "ground": self.ground,
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The rule that ``to_body`` wrote."""
        values = dict(body)
        if "period" in values:
            values["period"] = Period.from_body(values["period"])
        return built(cls, values, "rule of retention")


@dataclass(frozen=True, slots=True)
class RetentionSchedule:
    """A version of the firm's periods: at most one rule a kind, none for what has no end.

    Version 0 has no rules, and nothing goes.
    """

    version: int = 0
    rules: tuple[RetentionRule, ...] = ()

    def __post_init__(self) -> None:
        kinds = [rule.kind for rule in self.rules]
        twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
        if twice:
            raise BadInputError(f"There are two periods for {', '.join(twice)}; leave one.")
        order = list(Kept)
        found = tuple(sorted(self.rules, key=lambda rule: order.index(rule.kind)))
        object.__setattr__(self, "rules", found)

    def rule(self, kind: Kept) -> RetentionRule | None:
        """The rule for a kind; None where it has no period."""
        return next((rule for rule in self.rules if rule.kind is kind), None)

    @property
    def without_end(self) -> tuple[Kept, ...]:
        """The kinds that have no period of their own."""
        return tuple(kind for kind in Kept if self.rule(kind) is None)

    def to_body(self) -> dict[str, JsonValue]:
        """Plain JSON values, without the version."""
        return {"rules": [rule.to_body() for rule in self.rules]}

    @classmethod
    def from_body(cls, body: Mapping[str, Any], version: int) -> Self:
        """The schedule that ``to_body`` wrote."""
        rules = body.get("rules", ())
        if not isinstance(rules, list | tuple):
            raise BadInputError(f"rules is a list, not {rules!r}.")
        return cls(version, tuple(RetentionRule.from_body(rule) for rule in rules))


class Stay(StrEnum):
    """Why something stays whose period is over."""

    LEGAL_HOLD = "legal_hold"
    OPEN_COMPLAINT = "open_complaint"
    DECISION = "decision"
    OPEN_REQUEST = "open_request"
    OPEN_CONTEST = "open_contest"
    UNPAID = "unpaid"
    CREDIT = "credit"
    BALANCE = "balance"
    YOUNGER = "younger"


class Block(NamedTuple):
    """Something that stands against erasing anything of the customer's, or some kinds alone."""

    why: Stay
    text: str
    covers: frozenset[Kept] | None = None

    def stands_against(self, kind: Kept) -> bool:
        """Whether it stands against erasing that kind."""
        return self.covers is None or kind in self.covers or kind in WHOLE


class Unit(NamedTuple):
    """What goes or stays together: entries of one chain, by number, and the newest day among them.

    ``customer`` is whose chain it is. ``block`` is what stands against this unit alone.
    """

    customer: UUID
    kind: Kept
    seqs: tuple[int, ...]
    day: date
    oldest: date
    block: Block | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What retention reads of one customer, with those merged into one with them.

    ``prospect``: has the status, and never bought anything. ``since`` is the day of joining.
    """

    customer_id: UUID
    name: str
    since: date
    prospect: bool = False
    units: tuple[Unit, ...] = ()
    blocks: tuple[Block, ...] = ()

    @property
    def last_activity(self) -> date:
        """The newest day of anything that happened; what the firm notes for itself is nothing."""
        return max([self.since, *(unit.day for unit in self.units if unit.active)])


class Retained(NamedTuple):
    """A unit (or, without seqs, the person) whose period is over and that stays, and why."""

    unit: Unit
    block: Block


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the schedule says of one customer.

    ``person`` is the rule by which the whole customer goes; then nothing is in ``going``.
    """

    going: tuple[Unit, ...] = ()
    staying: tuple[Retained, ...] = ()
    younger: int = 0
    person: RetentionRule | None = None


def judge(facts: CustomerFacts, schedule: RetentionSchedule, as_of: date) -> Ruling:
    """What of a customer's goes as of a day, and what stays although its period is over."""
    going, staying, younger = [], [], 0
    for unit in facts.units:
        rule = schedule.rule(unit.kind)
        if rule is None:
            continue
        if as_of <= rule.last_day(unit.day, facts.last_activity):
            younger += 1
            continue
        block = _against(facts.blocks, unit)
        if block is None:
            going.append(unit)
        else:
            staying.append(Retained(unit, block))
    rule = _of_person(facts, schedule, as_of)
    if rule is None:
        return Ruling(tuple(going), tuple(staying), younger)
    person = Unit(facts.customer_id, rule.kind, (), facts.last_activity, facts.since)
    found = _against_person(facts, schedule, as_of)
    if found is None:
        return Ruling((), (), 0, rule)
    return Ruling(tuple(going), (*staying, Retained(person, found)), younger)


def _against(blocks: Sequence[Block], unit: Unit) -> Block | None:
    return next((b for b in blocks if b.stands_against(unit.kind)), unit.block)


def _of_person(
    facts: CustomerFacts, schedule: RetentionSchedule, as_of: date
) -> RetentionRule | None:
    """The rule by which the whole customer's period is over, whatever else stands against it."""
    kinds = [Kept.PROSPECT, Kept.CUSTOMER] if facts.prospect else [Kept.CUSTOMER]
    rules = [rule for rule in map(schedule.rule, kinds) if rule is not None]
    # A prospect's own period comes first: it is the special one.
    activity = facts.last_activity
    return next((r for r in rules[:1] if as_of > r.last_day(activity, activity)), None)


def _against_person(facts: CustomerFacts, schedule: RetentionSchedule, as_of: date) -> Block | None:
    against = [b for b in facts.blocks if b.covers is None]
    against += [unit.block for unit in facts.units if unit.block is not None]
    if against or facts.blocks:
        return (*against, *facts.blocks)[0]
    longest = _longest(facts, schedule)
    if longest is not None and as_of <= longest[0]:
        until, kind = longest
        return Block(Stay.YOUNGER, f"The {kind} is kept until {until.isoformat()}.")
    return None


def _longest(facts: CustomerFacts, schedule: RetentionSchedule) -> tuple[date, Kept] | None:
    """How long the longest period of any of the customer's records runs."""
    found: Iterable[tuple[date, Kept]] = (
        (rule.last_day(unit.day, facts.last_activity), unit.kind)
        for unit in facts.units
        if (rule := schedule.rule(unit.kind)) is not None
    )
    return max(found, default=None)
