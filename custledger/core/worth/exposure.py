"""Exposure by word of mouth: what it may cost when somebody tells of a bad experience with us.

``bad experiences x people told x share lost x what a customer brings``, and beside it the reach of
public complaints as given. An estimate: each figure names its source and how many own cases are
behind it, and the firm's own figures can take the place of the stated ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

from custledger.core.canonical import JsonValue
from custledger.core.money import Money
from custledger.core.reading import built
from custledger.core.refunds.advice import LEAST_SAMPLE, CostItem, Estimate
from custledger.core.words import count
from custledger.errors import BadInputError

__all__ = ["ExposurePolicy", "WordOfMouth", "word_of_mouth"]

_STUDY: Final = "Verde Group and Wharton, Retail Customer Dissatisfaction Study 2006"
_PEOPLE_TOLD: Final = Estimate(1, f"stated default, calculated from: {_STUDY}")
_SHARE_LOST: Final = Estimate(0.32, f"stated default, 32 to 36 of 100: {_STUDY}")
_READERS_LOST: Final = Estimate(
    0, "not counted: no survey at hand measures how many readers stay away"
)
_SHARES: Final = ("share_lost", "readers_lost")
_ESTIMATES: Final = ("people_told", "share_lost", "readers_lost", "customer_worth")


@dataclass(frozen=True, slots=True)
class ExposurePolicy:
    """The figures of the estimate, as versioned data.

    ``people_told`` for each bad experience: of 100 people 31 told others, 8 of them one person, 8
    two, 6 six or more (Verde Group and Wharton 2006); with three to five for the rest that is about
    one for each experience. ``share_lost`` of those: the same study says that 100 bad experiences
    lose a retailer 32 to 36 customers, present or future. ``readers_lost`` is the share of the
    readers of a public complaint who would have bought and now do not. ``customer_worth`` is what a
    customer brings, in major units of the base currency; None takes the ledger's own average.
    """

    version: int = 0
    people_told: Estimate = _PEOPLE_TOLD
    share_lost: Estimate = _SHARE_LOST
    readers_lost: Estimate = _READERS_LOST
    customer_worth: Estimate | None = None

    def __post_init__(self) -> None:
        for name in _ESTIMATES:
            value = getattr(self, name)
            if not isinstance(value, Estimate) and (value is not None or name != "customer_worth"):
                raise BadInputError(
                    f"{name} must be an Estimate: a figure with its source, not {value!r}."
                )
        for name in _SHARES:
            if (share := getattr(self, name).value) > 1:
                raise BadInputError(f"{name} is a share, at most 1 (0.25 is 25 %), not {share}.")

    def to_body(self) -> dict[str, JsonValue]:
        """Plain JSON values; ``version`` is the entry's."""
        estimates = {name: getattr(self, name) for name in _ESTIMATES}
        return {name: found.to_body() for name, found in estimates.items() if found is not None}

    @classmethod
    def from_body(cls, body: Mapping[str, Any], version: int) -> Self:
        """The policy that ``to_body`` wrote."""
        estimates = {name: Estimate.from_body(value) for name, value in body.items()}
        return built(cls, {**estimates, "version": version}, "policy of exposure")


@dataclass(frozen=True, slots=True)
class WordOfMouth:
    """An estimate with its terms; ``customers_lost`` is how many may stay away.

    ``reach`` is how many people may have read public complaints, as given. ``worth`` is what a
    customer brings, None where it is not known. ``items`` are the two parts of the amount: what is
    told, and what is read.
    """

    policy_version: int
    experiences: int
    reach: int
    customers_lost: float
    worth: Estimate | None
    items: tuple[CostItem, ...]

    @property
    def amount(self) -> Money:
        """The sum of the items."""
        told, read = self.items
        return told.amount + read.amount


def word_of_mouth(
    experiences: int,
    reach: int,
    *,
    currency: str,
    policy: ExposurePolicy,
    worth: Estimate | None = None,
) -> WordOfMouth:
    """The estimate for so many bad experiences and readers; amounts rounded once an item.

    ``worth`` is what a customer brings by the ledger's own figures, in major units; it counts from
    five customers on, and only where the policy names none.

    >>> told = word_of_mouth(2, 0, currency="EUR", policy=ExposurePolicy(),
    ...                      worth=Estimate(500, "own average", 40))
    >>> told.customers_lost, str(told.amount)
    (0.64, '320.00 EUR')
    """
    brings = _worth(policy, worth)
    told, lost, readers = policy.people_told, policy.share_lost, policy.readers_lost
    by_mouth = _decimal(told) * _decimal(lost) * experiences
    by_reading = _decimal(readers) * reach
    first = CostItem(
        "word_of_mouth",
        f"{count(experiences, 'bad experience')} x {told.value:g} told of each x "
        f"{lost.value:.0%} lost{_brings(brings, currency)}",
        _amount(by_mouth, brings, currency),
        tuple(e for e in (told, lost, brings) if e is not None),
    )
    second = CostItem(
        "readers",
        f"{count(reach, 'reader')} of public complaints x {readers.value:g} lost"
        + _brings(brings, currency),
        _amount(by_reading, brings, currency),
        tuple(e for e in (readers, brings) if e is not None),
    )
    lost_in_all = float(by_mouth + by_reading)
    return WordOfMouth(policy.version, experiences, reach, lost_in_all, brings, (first, second))


def _worth(policy: ExposurePolicy, own: Estimate | None) -> Estimate | None:
    if policy.customer_worth is not None:
        return policy.customer_worth
    return own if own is not None and own.sample >= LEAST_SAMPLE else None


def _brings(worth: Estimate | None, currency: str) -> str:
    if worth is None:
        return "; not counted in money: it is not known what a customer brings"
    return f" x {Money.of(_decimal(worth), currency)} that a customer brings"


def _amount(customers: Decimal, worth: Estimate | None, currency: str) -> Money:
    return Money.of(Decimal(0) if worth is None else customers * _decimal(worth), currency)


def _decimal(estimate: Estimate) -> Decimal:
    return Decimal(repr(estimate.value))
