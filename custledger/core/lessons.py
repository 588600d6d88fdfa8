"""Lessons that incidents close with, and the house rules that answer them.

Both are the firm's own and stand in the ledger's own chain, where nothing is erased: put no
personal data into their texts. An incident is named by its entry, and so by an id and a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from custledger.core.money import Money, round_half_even
from custledger.core.records import EntryRef, MoneyKind
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words

__all__ = [
    "CostEntry",
    "HouseRule",
    "IncidentCost",
    "Lesson",
    "LessonOutcome",
    "RuleCheck",
    "RuleOutcome",
    "RuleRecord",
    "applies_at",
    "cost_of",
    "rule_on",
]

_SECONDS_AN_HOUR = 3600
_LOST = (MoneyKind.REFUND, MoneyKind.CHARGEBACK, MoneyKind.WRITE_OFF, MoneyKind.CONCESSION)


class CostEntry(NamedTuple):
    """What the cost of an incident reads of an entry: seconds with their rate, or money lost."""

    seconds: int | None = None
    rate: Money | None = None
    kind: MoneyKind | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class IncidentCost:
    """What an incident cost: staff time, what that is worth, and money given back or up.

    Amounts are one a currency. ``unpriced`` is the time that has no hourly rate: it is in
    ``handling_time``, and not in ``time_cost``.
    """

    handling_time: timedelta = timedelta()
    time_cost: tuple[Money, ...] = ()
    lost: tuple[Money, ...] = ()
    unpriced: timedelta = timedelta()

    @property
    def total(self) -> tuple[Money, ...]:
        """Time and money together, one a currency."""
        return _sums((*self.time_cost, *self.lost))


@dataclass(frozen=True, slots=True)
class Lesson:
    """What an incident taught: what it cost when the lesson was written, and what to change."""

    id: EntryRef
    incident: EntryRef
    change: str
    cost: IncidentCost
    recorded_at: datetime
    recorded_by: UUID
    entries: tuple[EntryRef, ...] = ()
    summary: str = ""


@dataclass(frozen=True, slots=True)
class HouseRule:
    """A version of a rule of the house, in force from a day on until the next version.

    On its first day it holds from ``recorded_at`` on: what happened before it was made is not
    judged by it. ``answers`` is the lesson that it comes from. An empty ``text`` says that it was
    withdrawn.
    """

    name: str
    version: int
    text: str
    effective_on: date
    recorded_at: datetime
    answers: EntryRef | None = None
    reason: str = ""

    @property
    def withdrawn(self) -> bool:
        """Whether this version takes the rule back."""
        return not self.text


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """Whether a rule may be applied to an incident, and why; ``rule`` is the version that held."""

    applies: bool
    reason: str
    rule: HouseRule | None = None


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """A rule as it is now, with the decisions that named it and those of them overturned."""

    rule: HouseRule
    decisions: int
    overturned: int


@dataclass(frozen=True, slots=True)
class LessonOutcome:
    """What came of recording a lesson; with refusals nothing was written."""

    done: bool
    refusals: tuple[Refusal, ...] = ()
    lesson: Lesson | None = None


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What came of setting or withdrawing a rule; with refusals nothing was written."""

    done: bool
    refusals: tuple[Refusal, ...] = ()
    rule: HouseRule | None = None


def cost_of(entries: Iterable[CostEntry]) -> IncidentCost:
    """What entries cost: each currency is added exactly, and rounded once, half to even.

    >>> hour = CostEntry(1800, Money(3000, "EUR"))
    >>> cost_of([hour, CostEntry(kind=MoneyKind.REFUND, amount=Money(500, "EUR"))]).total
    (Money(minor=2000, currency='EUR'),)
    """
    found = list(entries)
    exact: dict[str, int] = {}
    for entry in found:
        if entry.seconds and entry.rate is not None:
            worth = entry.rate.minor * entry.seconds
            exact[entry.rate.currency] = exact.get(entry.rate.currency, 0) + worth
    return IncidentCost(
        handling_time=timedelta(seconds=sum(e.seconds or 0 for e in found)),
        time_cost=tuple(
            Money(round_half_even(Decimal(worth) / _SECONDS_AN_HOUR), currency)
            for currency, worth in sorted(exact.items())
        ),
        lost=_sums([e.amount for e in found if e.kind in _LOST and e.amount is not None]),
        unpriced=timedelta(seconds=sum(e.seconds or 0 for e in found if e.rate is None)),
    )


def rule_on(versions: Iterable[HouseRule], day: date) -> HouseRule | None:
    """The version of one rule that is in force on a day; None before the first, or once withdrawn.

    >>> made = datetime.fromisoformat("2026-02-01T12:00:00+00:00")
    >>> rule_on([HouseRule("calls", 1, "None at night.", date(2026, 3, 1), made)], made.date())
    """
    begun = [rule for rule in versions if rule.effective_on <= day]
    newest = max(begun, key=lambda rule: rule.version, default=None)
    return None if newest is None or newest.withdrawn else newest


def applies_at(versions: Sequence[HouseRule], moment: datetime, day: date) -> RuleCheck:
    """Whether one rule applies to what happened at a moment, on a day of the ledger's zone.

    Never to what came before it: neither before the day of its effect, nor before it was made.
    """
    name = versions[0].name
    made = [rule for rule in versions if rule.recorded_at <= moment]
    held = rule_on(made, day)
    if held is not None:
        since = day_in_words(held.effective_on)
        text = f"The rule {name!r}, version {held.version}, has been in force since {since}."
        return RuleCheck(True, text, held)
    first = min(rule.effective_on for rule in versions)
    if day >= first and made:
        return RuleCheck(False, f"The rule {name!r} had been withdrawn on {day_in_words(day)}.")
    text = (
        f"The rule {name!r} takes effect on {day_in_words(first)}, and this was "
        f"{'earlier on that day' if day == first else f'on {day_in_words(day)}'}: a rule is never "
        "applied to what happened before it."
    )
    return RuleCheck(False, text)


def _sums(amounts: Iterable[Money]) -> tuple[Money, ...]:
    sums: dict[str, Money] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, Money(0, amount.currency)) + amount
    return tuple(sums[currency] for currency in sorted(sums))
