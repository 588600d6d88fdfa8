"""What would bring a score back under the line: the smallest change of each sort.

A change is left out where it is out of proportion, which means larger than anything there has been:
a sale of more than all sales so far, or more days of quiet than the customer has been one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from custledger.core.clock import date_of_day
from custledger.core.money import Money
from custledger.core.records import Fault, MoneyKind
from custledger.core.score.contributions import Contribution, History, ScoredMoney
from custledger.core.score.formula import Terms
from custledger.core.score.standing import Standing, Totals, standing_of
from custledger.core.score.verdict import verdict_of

__all__ = ["Change", "changes_for"]

_LONGEST: Final = 10 * 365


@dataclass(frozen=True)
class Change:
    """One change that, alone, would bring the lower bound to the line of 50 or below.

    ``code``: payment (of what is overdue), revenue (new, paid at once), quiet (``amount`` days
    without a new entry) or incidents (``amount`` adverse days fewer).
    """

    code: str
    text: str
    amount: int
    money: Money | None = None


def changes_for(
    history: History,
    entries: Sequence[Contribution],
    standing: Standing,
    totals: Totals,
    terms: Terms,
    as_of_day: int,
) -> tuple[Change, ...]:
    """The changes that would do and are in proportion; none where it is under the line already."""
    if not _outside(standing, terms):
        return ()
    found = (
        _payment(history, totals, terms, as_of_day),
        _revenue(history, standing, totals, terms),
        _quiet(history, entries, standing, terms, as_of_day),
        _incidents(history, entries, terms, as_of_day),
    )
    return tuple(change for change in found if change is not None)


def _outside(standing: Standing, terms: Terms) -> bool:
    return verdict_of(standing, terms).low_above == 1


def _payment(history: History, totals: Totals, terms: Terms, as_of_day: int) -> Change | None:
    owed = Money(math.ceil(totals.overdue), history.exchange.base)
    paid = ScoredMoney(
        0, as_of_day, as_of_day, MoneyKind.PAYMENT, Fault.UNKNOWN, owed.minor, owed.currency
    )
    settled = replace(history, money=(*history.money, paid))
    if not owed.minor or _outside(standing_of(settled, terms.policy, as_of_day), terms):
        return None
    return Change("payment", f"Paying the {owed} that is overdue.", 0, owed)


def _revenue(history: History, standing: Standing, totals: Totals, terms: Terms) -> Change | None:
    margin = terms.policy.effective_margin

    def enough(major: int) -> bool:
        more = replace(
            standing, margin=standing.margin + margin * major, orders=standing.orders + 1
        )
        return not _outside(more, terms)

    amount = _least(enough, math.floor(totals.revenue / history.exchange.minor_units))
    if amount is None:
        return None
    money = Money(amount * history.exchange.minor_units, history.exchange.base)
    return Change("revenue", f"One more sale of {money}.", 0, money)


def _quiet(
    history: History,
    entries: Sequence[Contribution],
    standing: Standing,
    terms: Terms,
    as_of_day: int,
) -> Change | None:
    policy = terms.policy
    known = replace(
        history, money=[e for e in history.money if max(e.day, e.known_day) <= as_of_day]
    )

    def enough(days: int) -> bool:
        decay = 2.0 ** (-days / policy.half_life_days)
        later = [e._replace(weight=e.weight * decay) for e in entries]
        return not _outside(standing_of(known, policy, as_of_day + days, later), terms)

    days = _least(enough, min(standing.tenure, _LONGEST))
    if days is None:
        return None
    until = date_of_day(as_of_day + days).isoformat()
    return Change("quiet", f"{days} days without a new entry, until {until}.", days)


def _incidents(
    history: History, entries: Sequence[Contribution], terms: Terms, as_of_day: int
) -> Change | None:
    days = sorted({e.day for e in entries if e.severity > 0}, reverse=True)

    def enough(number: int) -> bool:
        dropped = set(days[:number])
        kept = [e._replace(severity=0.0) if e.day in dropped else e for e in entries]
        return not _outside(standing_of(history, terms.policy, as_of_day, kept), terms)

    number = _least(enough, len(days))
    if number is None:
        return None
    what = "day" if number == 1 else "days"
    return Change(
        "incidents", f"{number} {what} of adverse conduct fewer, the latest first.", number
    )


def _least(enough: Callable[[int], bool], most: int) -> int | None:
    """The smallest number from 1 to ``most`` that is enough, if more is never worse."""
    if most < 1:
        return None
    low, high = 0, 1
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(high * 2, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
