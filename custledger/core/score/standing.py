"""A customer's standing: the sums and counts that the score's formula finishes.

Everything is exact or correctly rounded (`math.fsum`), so that the order of the entries cannot
show in a figure. The same sums for all customers at once are SQL, in
storage/scoring/standing_sql.py; the tests hold the two against each other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from custledger.core.clock import month_number
from custledger.core.exchange import UNITS_A_MINOR
from custledger.core.records import MoneyKind
from custledger.core.score.contributions import (
    Contribution,
    History,
    Part,
    ScoredMoney,
    contributions,
)
from custledger.core.score.policy import ScorePolicy

__all__ = [
    "EXCESS",
    "HALF_A_MINOR_UNIT",
    "Standing",
    "Totals",
    "overdue_minor",
    "standing_of",
    "totals_of",
]

HALF_A_MINOR_UNIT: Final = 0.5 - 1e-6
"""Less than this is owed by nobody: it is what conversion between currencies leaves over."""
EXCESS: Final = 1.0 + 1e-9
"""A month's cost exceeds its margin strictly: by more than sums of rounded products can differ."""


@dataclass(frozen=True)
class Standing:
    """The decayed sums and counts that the formula finishes; money in base major units.

    ``cost`` C and ``worst_cost`` C_max, in parts; ``margin`` M; ``adverse`` A and ``worst_adverse``
    A_max; ``orders`` O and ``neutral`` N; ``tenure`` in days.
    """

    cost: float
    worst_cost: float
    time_cost: float
    refund_cost: float
    chargeback_cost: float
    unpaid_cost: float
    margin: float
    adverse: float
    worst_adverse: float
    orders: float
    neutral: float
    tenure: int
    adverse_days: int
    adverse_months: int
    cost_months: int
    witnesses: int
    incomplete: int


@dataclass(frozen=True)
class Totals:
    """The undecayed sums of the statement, in base minor units not yet rounded."""

    revenue: float = 0.0
    refunds: float = 0.0
    returned: float = 0.0
    chargebacks: float = 0.0
    write_offs: float = 0.0
    concessions: float = 0.0
    overdue: float = 0.0
    time_cost: float = 0.0
    time_cost_ours: float = 0.0
    seconds: int = 0
    unknown_time: int = 0
    unpriced: int = 0


def overdue_minor(history: History, policy: ScorePolicy, as_of_day: int) -> float:
    """What is owed past the days of grace, in base minor units; below half of one it is 0.

    Each currency is set off against itself first: an invoice of 100 dollars that was paid with 100
    dollars is settled, whatever the dollar did in between. What is left over, owed or paid too
    much, counts at the average rate of the entries it comes from.
    """
    debts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for entry in history.money:
        worth = history.exchange.worth(entry.amount_minor, entry.currency, entry.day)
        place = _side_of_debt(entry, policy.grace_days, as_of_day)
        if worth is not None and place is not None:
            debts[entry.currency][place] += entry.amount_minor
            debts[entry.currency][place + 1] += worth
    owed = sum(_left_over(*debt) for debt in debts.values()) / UNITS_A_MINOR
    return owed if owed >= HALF_A_MINOR_UNIT else 0.0


def _side_of_debt(entry: ScoredMoney, grace_days: int, as_of_day: int) -> int | None:
    """0 for what fell due, 2 for what settles a debt, None for anything else."""
    if max(entry.day, entry.known_day) > as_of_day:
        return None
    if entry.kind in (MoneyKind.PAYMENT, MoneyKind.WRITE_OFF):
        return 2
    if entry.kind is not MoneyKind.INVOICE or entry.due_day is None:
        return None
    return 0 if entry.due_day + grace_days <= as_of_day else None


def _left_over(due: int, due_worth: int, paid: int, paid_worth: int) -> int:
    """Units of worth still owed in one currency; negative where more was paid than was due."""
    if due > paid:
        return due_worth * (due - paid) // due
    return -(paid_worth * (paid - due) // paid) if paid else 0


def standing_of(
    history: History,
    policy: ScorePolicy,
    as_of_day: int,
    found: Sequence[Contribution] | None = None,
) -> Standing:
    """The customer's standing on the day; ``found`` spares computing the contributions again."""
    entries = contributions(history, policy, as_of_day) if found is None else found
    owed = overdue_minor(history, policy, as_of_day)
    unpaid = policy.provision * owed / history.exchange.minor_units
    sums = _PartSums.of(entries)
    costs, margins = _monthly(entries, unpaid, month_number(as_of_day))
    adverse = _adverse_months(entries, policy.cap)
    return Standing(
        cost=math.fsum(costs.values()),
        worst_cost=max(costs.values(), default=0.0),
        time_cost=sums[Part.TIME],
        refund_cost=sums[Part.REFUND],
        chargeback_cost=sums[Part.CHARGEBACK],
        unpaid_cost=sums[Part.WRITE_OFF] + unpaid,
        margin=math.fsum(margins.values()),
        adverse=math.fsum(adverse.values()),
        worst_adverse=max(adverse.values(), default=0.0),
        orders=math.fsum(e.weight for e in entries if e.part is Part.REVENUE and not e.incomplete),
        neutral=math.fsum(e.weight for e in entries if e.part is Part.TIME and e.severity == 0),
        tenure=max(0, as_of_day - history.joined_day),
        adverse_days=len({e.day for e in entries if e.severity > 0}),
        adverse_months=len(adverse),
        cost_months=sum(cost > margins.get(m, 0.0) * EXCESS for m, cost in costs.items()),
        witnesses=_witnesses(entries),
        incomplete=int(any(e.incomplete for e in entries)),
    )


def totals_of(
    history: History, policy: ScorePolicy, as_of_day: int, entries: Sequence[Contribution]
) -> Totals:
    """The undecayed sums behind the statement."""

    def total(*parts: Part) -> float:
        return math.fsum(e.amount for e in entries if e.part in parts)

    returned = {(entry.of, entry.seq) for entry in history.money if entry.goods_returned}
    times = [e for e in entries if e.part is Part.TIME]
    major = history.exchange.minor_units
    return Totals(
        revenue=total(Part.REVENUE),
        refunds=total(Part.REFUND),
        returned=math.fsum(e.amount for e in entries if (e.of, e.seq) in returned),
        chargebacks=total(Part.CHARGEBACK),
        write_offs=total(Part.WRITE_OFF),
        concessions=total(Part.CONCESSION),
        overdue=overdue_minor(history, policy, as_of_day),
        time_cost=total(Part.TIME),
        time_cost_ours=math.fsum(e.amount - e.charged * major for e in times),
        seconds=sum(e.seconds for e in times),
        unknown_time=sum(e.unknown_time for e in times),
        unpriced=sum(e.unpriced for e in times),
    )


class _PartSums(dict[Part, float]):
    """The decayed charge of each part; 0 where there is none."""

    def __missing__(self, part: Part) -> float:
        return 0.0

    @classmethod
    def of(cls, entries: Iterable[Contribution]) -> _PartSums:
        terms: defaultdict[Part, list[float]] = defaultdict(list)
        for entry in entries:
            terms[entry.part].append(entry.weight * entry.charged)
        return cls({part: math.fsum(values) for part, values in terms.items()})


def _monthly(
    entries: Iterable[Contribution], unpaid: float, this_month: int
) -> tuple[dict[int, float], dict[int, float]]:
    costs: defaultdict[int, list[float]] = defaultdict(list)
    margins: defaultdict[int, list[float]] = defaultdict(list)
    if unpaid:
        costs[this_month].append(unpaid)
    for entry in entries:
        of_part = margins if entry.part is Part.REVENUE else costs
        if entry.charged:
            of_part[month_number(entry.day)].append(entry.weight * entry.charged)
    return (
        {month: math.fsum(terms) for month, terms in costs.items()},
        {month: math.fsum(terms) for month, terms in margins.items()},
    )


def _adverse_months(entries: Iterable[Contribution], cap: float) -> dict[int, float]:
    """Each day counts its worst severity; a month at most ``cap`` times its largest weight."""
    days: dict[int, tuple[float, float]] = {}
    for entry in entries:
        if entry.severity > days.get(entry.day, (0.0, 0.0))[0]:
            days[entry.day] = entry.severity, entry.weight
    months: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    for day, worst in days.items():
        months[month_number(day)].append(worst)
    return {
        month: min(math.fsum(s * w for s, w in worst), cap * max(w for _, w in worst))
        for month, worst in months.items()
    }


def _witnesses(entries: Sequence[Contribution]) -> int:
    """Distinct staff who saw something adverse; all chargebacks and write-offs together are one."""
    adverse = [e for e in entries if e.severity > 0]
    staff = {e.witness for e in adverse if e.part is Part.TIME and e.witness is not None}
    return len(staff) + any(e.part is not Part.TIME for e in adverse)
