"""Refund and cancellation terms of the firm: versioned, typed, and never below the law's floor.

A version is data. ``refusals_of`` says what contradicts itself or another version; nothing is
written then. How the terms meet a case is ``custledger.core.refunds.assessment``, how they read on
a page ``custledger.core.refunds.terms_words``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, NamedTuple, Self

from custledger.core.calendar.periods import Period, last_day
from custledger.core.canonical import JsonValue
from custledger.core.checks import check_day, check_flag, check_member
from custledger.core.clock import date_of_day, day_number
from custledger.core.refunds.floors import EU_WITHDRAWAL, ONLY_AFTERWARDS, Floor, NoWithdrawal
from custledger.core.words import day_in_words
from custledger.errors import BadInputError

__all__ = [
    "Condition",
    "GoodsTerms",
    "NoticeTier",
    "Payer",
    "RefundTerms",
    "ServiceTerms",
    "refusals_of",
    "suggested_trial",
    "version_on",
]


class Condition(StrEnum):
    """In what state goods come back; ``tried`` is handled as in a shop."""

    ANY = "any"
    TRIED = "tried"
    UNUSED = "unused"


class Payer(StrEnum):
    """Who pays for sending goods back."""

    FIRM = "firm"
    CUSTOMER = "customer"


class NoticeTier(NamedTuple):
    """Cancelled that long ahead of the day of the service, this share is returned."""

    ahead: Period
    percent: int


@dataclass(frozen=True, slots=True)
class GoodsTerms:
    """Goods may be tried and returned: how long, for what share of the price, in what state.

    ``no_withdrawal`` says why the statutory floor does not apply to these goods, if it does not.
    """

    trial: Period
    percent: int = 100
    condition: Condition = Condition.TRIED
    return_shipping: Payer = Payer.FIRM
    no_withdrawal: frozenset[NoWithdrawal] = frozenset()

    def __post_init__(self) -> None:
        _period(self.trial, "trial")
        object.__setattr__(self, "percent", _whole(self.percent, "percent"))
        object.__setattr__(self, "condition", check_member(Condition, self.condition))
        object.__setattr__(self, "return_shipping", check_member(Payer, self.return_shipping))
        object.__setattr__(self, "no_withdrawal", _exceptions(self.no_withdrawal))


@dataclass(frozen=True, slots=True)
class ServiceTerms:
    """A service may be cancelled ahead of its day: the longest notice first.

    Shorter notice than the last tier returns nothing, nor does full delivery of what was paid for.
    """

    tiers: tuple[NoticeTier, ...]
    no_withdrawal: frozenset[NoWithdrawal] = frozenset()

    def __post_init__(self) -> None:
        tiers = tuple(
            NoticeTier(_period(ahead, "ahead"), _whole(p, "percent")) for ahead, p in self.tiers
        )
        object.__setattr__(self, "tiers", tiers)
        object.__setattr__(self, "no_withdrawal", _exceptions(self.no_withdrawal))


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """A version of the terms: deals made from ``effective_on`` to ``until`` are judged by it.

    ``until`` None: until the next version. ``floor`` is the law's minimum, None where there is
    none; it applies where consumers buy at a distance.
    """

    version: int
    effective_on: date
    goods: GoodsTerms | None = None
    services: ServiceTerms | None = None
    until: date | None = None
    at_distance: bool = True
    to_consumers: bool = True
    floor: Floor | None = EU_WITHDRAWAL

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", _whole(self.version, "version"))
        for name in ("effective_on", "until"):
            if (day := getattr(self, name)) is not None or name == "effective_on":
                check_day(day, name)
        for name in ("at_distance", "to_consumers"):
            check_flag(getattr(self, name), name)
        for name, kind in (("goods", GoodsTerms), ("services", ServiceTerms), ("floor", Floor)):
            if not isinstance(value := getattr(self, name), kind | None):
                raise BadInputError(f"{name} must be {kind.__name__} or None, not {value!r}.")

    def floor_for(self, part: GoodsTerms | ServiceTerms | None) -> Floor | None:
        """The floor under that part of the terms, or None where it does not apply.

        What takes the right away only once something happened leaves the floor in place.
        """
        never = part is not None and part.no_withdrawal - ONLY_AFTERWARDS
        if not self.at_distance or not self.to_consumers or never:
            return None
        return self.floor

    def to_body(self) -> dict[str, JsonValue]:
        """Plain JSON values; a period is [count, unit], a day counts from 1970-01-01."""
        body: dict[str, JsonValue] = {
            "version": self.version,
            "effective_day": day_number(self.effective_on),
            "at_distance": self.at_distance,
            "to_consumers": self.to_consumers,
        }
        if self.until is not None:
            body["until_day"] = day_number(self.until)
        if self.floor is not None:
            body["floor"] = self.floor.to_body()
        if self.goods is not None:
            body["goods"] = _goods_body(self.goods)
        if self.services is not None:
            body["services"] = _services_body(self.services)
        return body

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The terms that ``to_body`` wrote."""
        goods, services, floor = body.get("goods"), body.get("services"), body.get("floor")
        until = body.get("until_day")
        return cls(
            version=body["version"],
            effective_on=date_of_day(body["effective_day"]),
            goods=_goods_from(goods) if goods else None,
            services=_services_from(services) if services else None,
            until=None if until is None else date_of_day(until),
            at_distance=body["at_distance"],
            to_consumers=body["to_consumers"],
            floor=Floor.from_body(floor) if floor else None,
        )


def suggested_trial(fair: Period) -> Period:
    """The trial period to offer: double what is fair to try the product.

    >>> from custledger.core.calendar.periods import PeriodUnit
    >>> str(suggested_trial(Period(2, PeriodUnit.WEEKS)))
    '4 weeks'
    """
    return Period(fair.count * 2, fair.unit)


def version_on(versions: Iterable[RefundTerms], day: date) -> RefundTerms | None:
    """The version by which a deal of that day is judged: the last one in force, or None."""
    begun = [v for v in versions if v.effective_on <= day]
    latest = max(begun, key=lambda v: (v.effective_on, v.version), default=None)
    return None if latest is None or (latest.until and latest.until < day) else latest


def refusals_of(terms: RefundTerms, others: Sequence[RefundTerms] = ()) -> tuple[str, ...]:
    """Why a new version cannot be accepted beside the others; empty where it can.

    Each reason names both of the things that contradict each other.
    """
    found: list[str] = []
    if terms.goods is None and terms.services is None:
        found.append("The terms say nothing: give terms for goods, for services, or both.")
    if terms.until is not None and terms.until < terms.effective_on:
        found.append(
            f"The terms end on {day_in_words(terms.until)}, before they begin on "
            f"{day_in_words(terms.effective_on)}."
        )
    if terms.goods is not None:
        found += _refusals_of_goods(terms, terms.goods)
    if terms.services is not None:
        found += _refusals_of_tiers(terms.services.tiers)
    for other in others:
        found += _refusals_of_versions(terms, other)
    return tuple(found)


def _refusals_of_goods(terms: RefundTerms, goods: GoodsTerms) -> Iterable[str]:
    if not 0 <= goods.percent <= 100:
        yield f"Goods return {goods.percent} %, which is not between 0 and 100."
    floor = terms.floor_for(goods)
    if floor is not None and _days(goods.trial)[0] < _days(floor.period)[1]:
        yield (
            f"A trial period of {goods.trial} is less than the {floor.period} of the {floor.name} "
            f"({floor.source}); offer at least as much, or name why the right does not exist."
        )


def _refusals_of_tiers(tiers: Sequence[NoticeTier]) -> Iterable[str]:
    if not tiers:
        yield "Terms for services need at least one notice tier."
    for tier in tiers:
        if not 0 <= tier.percent <= 100:
            yield f"{_tier(tier)} is not between 0 and 100 %."
    for longer, shorter in pairwise(tiers):
        both = f"{_tier(longer)} and {_tier(shorter)}"
        if _days(longer.ahead)[1] <= _days(shorter.ahead)[0]:
            yield f"{both} are not in order: name the longest notice first, each once."
        elif _days(longer.ahead)[0] <= _days(shorter.ahead)[1]:
            yield f"{both} can mean the same day: count both in the same unit."
        if shorter.percent > longer.percent:
            yield f"{both} contradict each other: shorter notice cannot return more."


def _refusals_of_versions(terms: RefundTerms, other: RefundTerms) -> Iterable[str]:
    both = f"Version {other.version} and version {terms.version}"
    if other.version == terms.version:
        yield f"There is a version {terms.version} already; give the next number."
    if other.effective_on == terms.effective_on:
        yield f"{both} both take effect on {day_in_words(terms.effective_on)}; they overlap."
    elif (other.version < terms.version) != (other.effective_on < terms.effective_on):
        yield (
            f"{both} take effect in the wrong order, on {day_in_words(other.effective_on)} and "
            f"{day_in_words(terms.effective_on)}: a later version never reaches back."
        )
    first, second = sorted((terms, other), key=lambda v: v.effective_on)
    if first is not second and first.until and first.until >= second.effective_on:
        yield (
            f"{both} overlap: one holds until {day_in_words(first.until)}, the other from "
            f"{day_in_words(second.effective_on)}."
        )


_MONTH_STARTS: Final = tuple(
    date(year, month, 1) for year in range(2023, 2029) for month in range(1, 13)
)


def _days(period: Period) -> tuple[int, int]:
    """The least and the most days a period can have: a month has 28 to 31."""
    lengths = [(last_day(start, period) - start).days for start in _MONTH_STARTS]
    return min(lengths), max(lengths)


def _tier(tier: NoticeTier) -> str:
    return f"{tier.ahead} ahead: {tier.percent} %"


def _whole(value: object, name: str) -> int:
    if type(value) is not int:
        raise BadInputError(f"{name} must be a whole number, not {value!r}.")
    return value


def _period(value: object, name: str) -> Period:
    if not isinstance(value, Period):
        raise BadInputError(f"{name} must be a Period, such as Period(14, 'days'), not {value!r}.")
    return value


def _exceptions(values: Iterable[NoWithdrawal | str]) -> frozenset[NoWithdrawal]:
    return frozenset(check_member(NoWithdrawal, value) for value in values)


def _goods_body(goods: GoodsTerms) -> dict[str, JsonValue]:
    return {
        "trial": goods.trial.to_body(),
        "percent": goods.percent,
        "condition": goods.condition.value,
        "return_shipping": goods.return_shipping.value,
        "no_withdrawal": [reason.value for reason in sorted(goods.no_withdrawal)],
    }


def _goods_from(body: Mapping[str, Any]) -> GoodsTerms:
    return GoodsTerms(**{**body, "trial": Period.from_body(body["trial"])})


def _services_body(services: ServiceTerms) -> dict[str, JsonValue]:
    return {
        "tiers": [[tier.ahead.to_body(), tier.percent] for tier in services.tiers],
        "no_withdrawal": [reason.value for reason in sorted(services.no_withdrawal)],
    }


def _services_from(body: Mapping[str, Any]) -> ServiceTerms:
    tiers = tuple(NoticeTier(Period.from_body(ahead), percent) for ahead, percent in body["tiers"])
    return ServiceTerms(tiers, frozenset(body["no_withdrawal"]))
