"""What tests about refunds share: a dinner, its terms, and what is asked for and chosen."""

from __future__ import annotations

from datetime import UTC, date, datetime

from custledger import Ledger, Money
from custledger.core.calendar.periods import Period, PeriodUnit
from custledger.core.records import Customer, MoneyEntry
from custledger.core.refunds.assessment import RefundRequest
from custledger.core.refunds.cases import RefundCase
from custledger.core.refunds.choices import Chosen, Ended, RequestAdvice
from custledger.core.refunds.floors import NoWithdrawal
from custledger.core.refunds.terms import NoticeTier, ServiceTerms

__all__ = [
    "DATED",
    "DINNER",
    "TIERS",
    "D",
    "advised",
    "asked",
    "chosen",
    "codes",
    "entries",
    "euros",
]


D = PeriodUnit.DAYS
DATED = frozenset({NoWithdrawal.DATED_LEISURE})
TIERS = ServiceTerms((NoticeTier(Period(14, D), 100), NoticeTier(Period(7, D), 50)), DATED)
DINNER = date(2026, 3, 20)


def euros(text: str) -> Money:
    return Money.of(text, "EUR")


def entries(ledger: Ledger, *customers: Customer) -> int:
    return len(ledger.history()) + sum(len(ledger.history(customer)) for customer in customers)


def codes(found: Chosen | Ended) -> list[str]:
    assert not found.done
    assert found.case is None
    return [refusal.code for refusal in found.refusals]


def asked(text: str, **facts: object) -> RefundRequest:
    return RefundRequest(datetime.fromisoformat(text).replace(tzinfo=UTC), **facts)  # type: ignore[arg-type]


def advised(ledger: Ledger, ann: Customer, dinner: MoneyEntry) -> RequestAdvice:
    """Asked for all of it ten days ahead, when half is owed."""
    return ledger.refunds.advise(ann, dinner, sold="service", service_on=DINNER)


def chosen(
    ledger: Ledger, advice: RequestAdvice, choice: str = "refund", **how: bool
) -> RefundCase:
    found = ledger.refunds.choose(advice, choice, reason="to part well", **how)
    assert found.done
    assert found.case is not None
    return found.case
