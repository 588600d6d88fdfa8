"""The statement: what a customer brought and cost, factual and undecayed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from custledger.core.money import Money
from custledger.core.score.policy import ScorePolicy
from custledger.core.score.standing import Totals

__all__ = ["Statement", "hourly_minor", "net_minor", "round_minor", "statement_of"]

_SECONDS_AN_HOUR: Final = 3600


@dataclass(frozen=True)
class Statement:
    """What came in and went out, in the base currency, each figure rounded once.

    ``net`` = margin x revenue - all time cost - refunds - chargebacks - write-offs - concessions -
    provision x overdue; a refund with the goods returned costs the margin on them only.
    ``effective_hourly`` = (revenue - refunds - chargebacks - write-offs) / hours, None without
    staff time. ``time_cost_ours`` is the part of ``time_cost`` that counts against nobody.
    """

    net: Money
    effective_hourly: Money | None
    revenue: Money
    refunds: Money
    chargebacks: Money
    write_offs: Money
    concessions: Money
    overdue: Money
    time_cost: Money
    time_cost_ours: Money
    handling_time: timedelta
    contacts_of_unknown_time: int
    contacts_without_rate: int

    @property
    def hours(self) -> float:
        """Hours of staff time."""
        return self.handling_time.total_seconds() / _SECONDS_AN_HOUR


def statement_of(totals: Totals, policy: ScorePolicy, currency: str) -> Statement:
    """The statement of these sums; without a margin the whole revenue counts as margin."""

    def money(minor: float) -> Money:
        return Money(round_minor(minor), currency)

    hourly = hourly_minor(totals)
    return Statement(
        net=money(net_minor(totals, policy)),
        effective_hourly=None if hourly is None else money(hourly),
        revenue=money(totals.revenue),
        refunds=money(totals.refunds),
        chargebacks=money(totals.chargebacks),
        write_offs=money(totals.write_offs),
        concessions=money(totals.concessions),
        overdue=money(totals.overdue),
        time_cost=money(totals.time_cost),
        time_cost_ours=money(totals.time_cost_ours),
        handling_time=timedelta(seconds=totals.seconds),
        contacts_of_unknown_time=totals.unknown_time,
        contacts_without_rate=totals.unpriced,
    )


def net_minor(totals: Totals, policy: ScorePolicy) -> float:
    """The net contribution in minor units, not yet rounded."""
    margin = policy.effective_margin
    lost = totals.refunds + totals.chargebacks + totals.write_offs + totals.concessions
    return (
        margin * totals.revenue
        - totals.time_cost
        - (lost - (1.0 - margin) * totals.returned)
        - policy.provision * totals.overdue
    )


def hourly_minor(totals: Totals) -> float | None:
    """What an hour of staff time brought in, in minor units not yet rounded."""
    if totals.seconds == 0:
        return None
    kept = totals.revenue - totals.refunds - totals.chargebacks - totals.write_offs
    return kept * _SECONDS_AN_HOUR / totals.seconds


def round_minor(minor: float) -> int:
    """The nearest minor unit, a tie to the even one; what float sums add is cut off first.

    >>> round_minor(0.5), round_minor(1.4999999999), round_minor(2.5)
    (0, 2, 2)
    """
    return round(round(minor, 6))
