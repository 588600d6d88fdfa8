"""What each entry of a customer adds to the standing: how much, how severe, and of what weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from custledger.core.exchange import UNITS_A_MINOR, Exchange
from custledger.core.money import Money
from custledger.core.records import Channel, Conduct, Fault, MoneyKind, Purpose
from custledger.core.score.policy import ScorePolicy

__all__ = [
    "Contribution",
    "History",
    "Part",
    "ScoredInteraction",
    "ScoredMoney",
    "contributions",
]

_SECONDS_AN_HOUR: Final = 3600


class ScoredInteraction(NamedTuple):
    """What the score reads of an interaction; ``witness`` is None for programs and the unknown.

    ``of`` is the customer in whose chain it stands, where that is one who was merged.
    """

    seq: int
    day: int
    known_day: int
    channel: Channel
    purpose: Purpose
    conduct: Conduct
    fault: Fault
    exempt: bool
    seconds: int | None
    rate_minor: int | None
    rate_currency: str | None
    witness: int | None
    of: UUID | None = None


class ScoredMoney(NamedTuple):
    """What the score reads of a money entry; ``of`` as for ``ScoredInteraction``."""

    seq: int
    day: int
    known_day: int
    kind: MoneyKind
    fault: Fault
    amount_minor: int
    currency: str
    due_day: int | None = None
    goods_returned: bool = False
    of: UUID | None = None


@dataclass(frozen=True)
class History:
    """A customer's entries and what the ledger knows around them.

    Entries of those who were merged into the customer are among them; ``joined_day`` is the
    earliest of all.

    ``default_rate`` is the ledger's hourly rate on the day of the score: it prices contacts that
    were recorded before any rate was set.
    """

    customer_id: UUID
    name: str
    joined_day: int
    exchange: Exchange
    human_staff: int
    default_rate: Money | None = None
    interactions: Sequence[ScoredInteraction] = ()
    money: Sequence[ScoredMoney] = ()


class Part(StrEnum):
    """What an entry adds to."""

    TIME = "time"
    REVENUE = "revenue"
    PAYMENT = "payment"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    WRITE_OFF = "write_off"
    CONCESSION = "concession"


_PARTS: Final = {
    MoneyKind.INVOICE: Part.REVENUE,
    MoneyKind.SALE: Part.REVENUE,
    MoneyKind.PAYMENT: Part.PAYMENT,
    MoneyKind.REFUND: Part.REFUND,
    MoneyKind.CHARGEBACK: Part.CHARGEBACK,
    MoneyKind.WRITE_OFF: Part.WRITE_OFF,
    MoneyKind.CONCESSION: Part.CONCESSION,
}
_LOSSES: Final = (Part.REFUND, Part.CHARGEBACK, Part.WRITE_OFF)


class Contribution(NamedTuple):
    """What one entry adds, not yet decayed.

    ``amount`` is the whole in base minor units; ``charged``, in major units, the share of it that
    counts as the customer's cost (of revenue, its margin). ``incomplete`` names a currency without
    an exchange rate.
    """

    seq: int
    day: int
    weight: float
    part: Part
    severity: float
    amount: float
    charged: float
    seconds: int = 0
    unknown_time: bool = False
    unpriced: bool = False
    incomplete: str = ""
    witness: int | None = None
    of: UUID | None = None


def contributions(history: History, policy: ScorePolicy, as_of_day: int) -> list[Contribution]:
    """What each entry known on the day adds; what happened or was learned later adds nothing."""
    found = [
        _of_interaction(entry, history, policy, as_of_day)
        for entry in history.interactions
        if max(entry.day, entry.known_day) <= as_of_day
    ]
    found += [
        _of_money(entry, history.exchange, policy, as_of_day)
        for entry in history.money
        if max(entry.day, entry.known_day) <= as_of_day
    ]
    return sorted(found, key=lambda c: (c.day, c.seq))


def _weight(policy: ScorePolicy, day: int, as_of_day: int) -> float:
    # The oldest entry keeps a weight above 0, so that what counts "ever" still counts.
    return float(2.0 ** max(-1000.0, (day - as_of_day) / policy.half_life_days))


def _of_interaction(
    entry: ScoredInteraction, history: History, policy: ScorePolicy, as_of_day: int
) -> Contribution:
    exchange = history.exchange
    seconds = policy.seconds_of(entry.channel, entry.seconds)
    rate = history.default_rate
    if entry.rate_minor is not None and entry.rate_currency is not None:
        rate = Money(entry.rate_minor, entry.rate_currency)
    worth = 0 if rate is None else exchange.worth(rate.minor * seconds, rate.currency, entry.day)
    amount = (worth or 0) / (_SECONDS_AN_HOUR * UNITS_A_MINOR)
    share = 0.0 if entry.exempt else policy.time_share(entry.purpose, entry.conduct, entry.fault)
    return Contribution(
        seq=entry.seq,
        day=entry.day,
        weight=_weight(policy, entry.day, as_of_day),
        part=Part.TIME,
        severity=policy.severity_of(entry.purpose, entry.conduct, entry.fault),
        amount=amount,
        charged=share * amount / exchange.minor_units,
        seconds=seconds,
        unknown_time=entry.seconds is None,
        unpriced=entry.rate_minor is None and seconds > 0,
        incomplete=rate.currency if rate is not None and worth is None and seconds > 0 else "",
        witness=entry.witness,
        of=entry.of,
    )


def _of_money(
    entry: ScoredMoney, exchange: Exchange, policy: ScorePolicy, as_of_day: int
) -> Contribution:
    worth = exchange.worth(entry.amount_minor, entry.currency, entry.day)
    amount = (worth or 0) / UNITS_A_MINOR
    return Contribution(
        seq=entry.seq,
        day=entry.day,
        weight=_weight(policy, entry.day, as_of_day),
        part=_PARTS[entry.kind],
        severity=policy.severity_of_money(entry.kind, entry.fault),
        amount=amount,
        charged=_charged_share(entry, policy) * amount / exchange.minor_units,
        incomplete=entry.currency if worth is None else "",
        of=entry.of,
    )


def _charged_share(entry: ScoredMoney, policy: ScorePolicy) -> float:
    part = _PARTS[entry.kind]
    if part is Part.REVENUE:
        return policy.effective_margin
    if part not in _LOSSES:
        return 0.0
    share = policy.loss_share(entry.kind, entry.fault)
    # Goods that came back can be sold again: only the margin on them is lost.
    return share * policy.effective_margin if entry.goods_returned else share
