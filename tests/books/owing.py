"""What tests about unpaid invoices share: an invoice that is so many days past due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from custledger import Ledger, Money
from custledger.core.records import Customer, MoneyEntry

__all__ = [
    "BEFORE",
    "TODAY",
    "codes",
    "euros",
    "moment",
    "owe",
    "written",
]


TODAY = date(2026, 1, 5)
BEFORE = datetime(2000, 1, 1, tzinfo=UTC)


def euros(amount: str) -> Money:
    return Money.of(amount, "EUR")


def moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 8, tzinfo=UTC)


def owe(
    ledger: Ledger, who: Customer, days: int, amount: str = "100", currency: str = "EUR"
) -> MoneyEntry:
    """An invoice that is so many days past its due date today, known since it was made."""
    due = TODAY - timedelta(days)
    issued = min(due - timedelta(14), TODAY)
    return ledger.money.record_invoice(
        who,
        amount=Money.of(amount, currency),
        due_on=due,
        occurred_at=moment(issued),
        known_at=moment(issued),
    )


def written(ledger: Ledger, who: Customer) -> int:
    return len(ledger.history(who.id)) + len(ledger.history())


def codes(outcome: object) -> list[str]:
    assert not outcome.done  # type: ignore[attr-defined]
    return [refusal.code for refusal in outcome.refusals]  # type: ignore[attr-defined]
