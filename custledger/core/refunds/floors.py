"""Statutory floors as data: what the law gives a customer, whatever the firm's terms say.

Source: Directive 2011/83/EU on consumer rights, articles 6 to 16 (the United Kingdom keeps the same
rule in the Consumer Contracts Regulations 2013), as changed by Directive (EU) 2019/2161. Other
countries' floors are other values; so are the 30 days that a country may give after an unsolicited
visit (article 9(1a)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, Self

from custledger.core.calendar.periods import Period, PeriodUnit, last_day, last_day_in_eu_law
from custledger.core.calendar.working_time import Calendar
from custledger.core.canonical import JsonValue
from custledger.core.checks import check_required

__all__ = ["EU_WITHDRAWAL", "ONLY_AFTERWARDS", "Floor", "NoWithdrawal"]


class NoWithdrawal(StrEnum):
    """Where the right of withdrawal does not exist: article 16 of the directive, (a) to (m)."""

    SERVICE_PERFORMED = "service_performed"
    PRICE_FLUCTUATES = "price_fluctuates"
    MADE_TO_ORDER = "made_to_order"
    PERISHABLE = "perishable"
    UNSEALED_HYGIENE = "unsealed_hygiene"
    MIXED = "mixed"
    ALCOHOL_FORWARD = "alcohol_forward"
    URGENT_REPAIR = "urgent_repair"
    UNSEALED_RECORDING = "unsealed_recording"
    NEWSPAPER = "newspaper"
    AUCTION = "auction"
    DATED_LEISURE = "dated_leisure"
    DIGITAL_BEGUN = "digital_begun"


ONLY_AFTERWARDS: Final = frozenset(
    (
        NoWithdrawal.SERVICE_PERFORMED,
        NoWithdrawal.UNSEALED_HYGIENE,
        NoWithdrawal.MIXED,
        NoWithdrawal.UNSEALED_RECORDING,
        NoWithdrawal.DIGITAL_BEGUN,
    )
)
"""Exceptions that hold once something happened: article 16 (a), (e), (f), (i) and (m).

Terms that name them say when the right ends; that it ended, only a case can say.
"""


@dataclass(frozen=True, slots=True)
class Floor:
    """A right to withdraw for consumers who bought at a distance or off the firm's premises.

    It runs from delivery (goods) or from the contract (services); who was not told of it has
    ``untold`` longer. All that was paid is returned.
    """

    code: str
    name: str
    source: str
    period: Period
    untold: Period

    def __post_init__(self) -> None:
        for name in ("code", "name", "source"):
            object.__setattr__(self, name, check_required(getattr(self, name), name))

    def last_day(self, start: date, told_on: date | None, calendar: Calendar) -> date:
        """The last day to withdraw; who was told late has the period from that day (article 10).

        Who was not told within ``untold`` of the start has ``untold`` from the end of the usual
        period. A last day that is no working day gives way to the next one (Regulation 1182/71,
        article 3(4)).
        """
        usual = last_day_in_eu_law(start, self.period, calendar)
        if told_on is not None and told_on <= start:
            return usual
        if told_on is not None and told_on <= last_day(start, self.untold):
            return last_day_in_eu_law(told_on, self.period, calendar)
        return last_day_in_eu_law(last_day(start, self.period), self.untold, calendar)

    def to_body(self) -> dict[str, JsonValue]:
        """Plain JSON values."""
        return {
            "code": self.code,
            "name": self.name,
            "source": self.source,
            "period": self.period.to_body(),
            "untold": self.untold.to_body(),
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The floor that ``to_body`` wrote."""
        periods = {name: Period.from_body(body[name]) for name in ("period", "untold")}
        return cls(**{**body, **periods})


EU_WITHDRAWAL: Final = Floor(
    code="eu_withdrawal",
    name="right of withdrawal",
    source="Directive 2011/83/EU, articles 9 to 16",
    period=Period(14, PeriodUnit.DAYS),
    untold=Period(12, PeriodUnit.MONTHS),
)
