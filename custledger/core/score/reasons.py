"""Why a score is what it is: points that add up to it, each with its money and its entries."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from custledger.core.money import Money
from custledger.core.records import EntryRef, MoneyKind
from custledger.core.score.contributions import Contribution, History, Part
from custledger.core.score.formula import Terms
from custledger.core.score.standing import Standing, Totals
from custledger.core.score.statement import round_minor
from custledger.core.score.verdict import DECIMALS, Verdict

__all__ = ["Reason", "apportion", "reasons_of"]


@dataclass(frozen=True)
class Reason:
    """One part of the ungated score; all ``points`` add up to ``Fit.score_raw`` exactly.

    ``money`` is the customer's share in full, ``counted`` what is left of it today (older entries
    weigh less). ``entries`` are the numbers of the entries in the customer's chain;
    ``merged_entries`` those in the chains of customers who were merged into this one.
    """

    code: str
    points: float
    text: str
    money: Money | None = None
    counted: Money | None = None
    entries: tuple[int, ...] = ()
    merged_entries: tuple[EntryRef, ...] = ()


_Place = tuple[UUID | None, int]
"""Whose chain, where it is not the customer's own, and the number in it."""
_NOUNS: Final = {
    "refunds": "refunded",
    "chargebacks": "taken back through the bank",
    "unpaid": "written off, or overdue and provided for in part",
}


def reasons_of(
    history: History,
    entries: Sequence[Contribution],
    standing: Standing,
    totals: Totals,
    verdict: Verdict,
    terms: Terms,
    as_of_day: int,
) -> tuple[Reason, ...]:
    """The reasons, the heaviest first; parts that add nothing are left out."""
    shares = _points(standing, verdict, terms)
    exact = apportion(shares.values(), verdict.score_raw, DECIMALS)
    owed = totals.overdue * terms.policy.provision / history.exchange.minor_units
    unpaid = _unpaid_invoices(history, totals.overdue, terms.policy.grace_days, as_of_day)
    found = []
    for code, points in zip(shares, exact, strict=True):
        cited = _cited(code, entries)
        places = {(e.of, e.seq) for e in cited} | (unpaid if code == "unpaid" else set())
        reason = _citing(Reason(code, points, ""), places)
        if code in _COSTS:
            full = math.fsum(e.charged for e in cited) + (owed if code == "unpaid" else 0.0)
            counted = getattr(standing, _COSTS[code])
            reason = _with_money(reason, cited, _money(full, history), _money(counted, history))
        else:
            reason = replace(reason, text=_WORDS[code].format(**_counts(standing, cited)))
        found.append(reason)
    kept = [r for r in found if r.points or r.entries or r.merged_entries]
    return tuple(sorted(kept, key=lambda r: (-r.points, r.code)))


def _citing(reason: Reason, places: Iterable[_Place]) -> Reason:
    own = tuple(sorted(seq for of, seq in places if of is None))
    others = tuple(sorted(EntryRef(of, seq) for of, seq in places if of is not None))
    return replace(reason, entries=own, merged_entries=others)


def _with_money(
    reason: Reason, cited: Sequence[Contribution], money: Money, counted: Money
) -> Reason:
    text = f"{_what(reason.code, cited)}: {money}, of which {counted} counts today."
    return replace(reason, text=text, money=money, counted=counted)


_COSTS: Final = {
    "time": "time_cost",
    "refunds": "refund_cost",
    "chargebacks": "chargeback_cost",
    "unpaid": "unpaid_cost",
}
_PARTS: Final = {
    "time": Part.TIME,
    "refunds": Part.REFUND,
    "chargebacks": Part.CHARGEBACK,
    "unpaid": Part.WRITE_OFF,
}
_WORDS: Final = {
    "conduct": "Adverse conduct on {days} in {months}, {witnesses}.",
    "prior_cost": "What any customer costs, until the entries say otherwise.",
    "prior_conduct": "What any customer is given on conduct, until the entries say otherwise.",
    "worst_month_cost": "Discount: the most expensive month counts less, it may be an accident.",
    "worst_month_conduct": "Discount: the worst month counts less, it may be an accident.",
}


def _points(standing: Standing, verdict: Verdict, terms: Terms) -> dict[str, float]:
    p, f = terms.policy, 100.0 - verdict.score_raw
    # 100 / (1 + o) is 100 - S.
    of_cost = f * verdict.cost_ratio / verdict.scale
    of_conduct = f * verdict.conduct_ratio / verdict.tolerance
    return {
        **{code: of_cost * getattr(standing, name) for code, name in _COSTS.items()},
        "conduct": of_conduct * standing.adverse,
        "prior_cost": of_cost * p.K * p.r0,
        "prior_conduct": of_conduct * p.a0,
        "worst_month_cost": -of_cost * p.theta * standing.worst_cost,
        "worst_month_conduct": -of_conduct * p.theta * standing.worst_adverse,
    }


def apportion(values: Iterable[float], total: float, decimals: int) -> list[float]:
    """The parts of a total rounded so that the rounded ones add up to the rounded total.

    Those that rounding wronged most are rounded the other way.

    >>> apportion([1.4, 1.4, 1.4], 4.2, 0)
    [2.0, 1.0, 1.0]
    """
    scale = 10**decimals
    scaled = [value * scale for value in values]
    units = [math.floor(value) for value in scaled]
    short = round(round(total, decimals) * scale) - sum(units)
    order = sorted(range(len(scaled)), key=lambda i: (units[i] - scaled[i], i))
    for i in order[:short]:
        units[i] += 1
    return [unit / scale for unit in units]


def _cited(code: str, entries: Sequence[Contribution]) -> list[Contribution]:
    if code == "conduct":
        return [e for e in entries if e.severity > 0]
    if code in _PARTS:
        return [e for e in entries if e.part is _PARTS[code] and e.charged > 0]
    return []


def _unpaid_invoices(
    history: History, overdue_minor: float, grace_days: int, as_of_day: int
) -> set[_Place]:
    """The invoices behind what is overdue: payments settle the oldest first."""
    places: set[_Place] = set()
    due = [
        entry
        for entry in history.money
        if entry.kind is MoneyKind.INVOICE
        and entry.due_day is not None
        and max(entry.day, entry.known_day, entry.due_day + grace_days) <= as_of_day
    ]
    left = overdue_minor * float(10**16)
    for entry in sorted(due, key=lambda e: (e.due_day or 0, e.seq), reverse=True):
        worth = history.exchange.worth(entry.amount_minor, entry.currency, entry.day)
        if left <= 0:
            break
        if worth:
            places.add((entry.of, entry.seq))
            left -= worth
    return places


def _money(major: float, history: History) -> Money:
    return Money(round_minor(major * history.exchange.minor_units), history.exchange.base)


def _what(code: str, cited: Sequence[Contribution]) -> str:
    if code != "time":
        return _NOUNS[code].capitalize()
    spent = timedelta(seconds=sum(e.seconds for e in cited))
    minutes = round(spent.total_seconds() / 60)
    hours = f"{minutes // 60} h {minutes % 60:02} min"
    return f"Staff time, {hours} in {_count(len(cited), 'contact')}"


def _counts(standing: Standing, cited: Sequence[Contribution]) -> dict[str, str]:
    shown = any(e.part is not Part.TIME for e in cited)
    staff = standing.witnesses - shown
    seen = f"reported by {_count(staff, 'member of staff', 'members of staff')}" if staff else ""
    paid = "shown by payments" if shown else ""
    return {
        "days": _count(standing.adverse_days, "day"),
        "months": _count(standing.adverse_months, "month"),
        "witnesses": " and ".join(filter(None, (seen, paid))) or "reported by nobody known",
    }


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
