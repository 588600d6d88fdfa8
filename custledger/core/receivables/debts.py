"""What is owed, by age: invoices less what settled them, with disputes left out while open.

Payments and write-offs settle invoices of their currency: first the invoice that they name, then
the oldest due. A refund, concession or chargeback settles nothing and reopens nothing, as in the
score (see ``custledger.core.score.standing``). Every sum is exact, in minor units of its currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from custledger.core.money import Money
from custledger.core.records import EntryRef, MoneyKind
from custledger.errors import BadInputError

__all__ = [
    "Age",
    "AgeLine",
    "DebtEntry",
    "Dispute",
    "OpenInvoice",
    "Receivables",
    "age_of",
    "ageing",
    "receivables_of",
]


class Age(StrEnum):
    """How long past its due date an invoice is, in days; on the due date it is not yet."""

    NOT_DUE = "not_due"
    DAYS_1_30 = "1_30"
    DAYS_31_60 = "31_60"
    DAYS_61_90 = "61_90"
    OVER_90 = "over_90"


_LIMITS: Final = ((0, Age.NOT_DUE), (30, Age.DAYS_1_30), (60, Age.DAYS_31_60), (90, Age.DAYS_61_90))
_SETTLING: Final = (MoneyKind.PAYMENT, MoneyKind.WRITE_OFF)


class DebtEntry(NamedTuple):
    """What receivables read of a money entry; ``day`` is the day it had happened and was known."""

    ref: EntryRef
    kind: MoneyKind
    amount: Money
    day: date
    due_on: date | None = None
    applies_to: EntryRef | None = None


class Dispute(NamedTuple):
    """That the customer disputes an invoice; open from a day until before ``closed_on``."""

    invoice: EntryRef
    opened_on: date
    reason: str
    closed_on: date | None = None

    def is_open(self, day: date) -> bool:
        """Whether it is open on the day."""
        return self.opened_on <= day and (self.closed_on is None or day < self.closed_on)


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice with what was paid of it and given up; ``owed`` is left of it, never negative."""

    ref: EntryRef
    amount: Money
    paid: Money
    written_off: Money
    due_on: date
    days_past_due: int
    disputed: bool = False

    @property
    def owed(self) -> Money:
        """What is left to be paid."""
        return self.amount - self.paid - self.written_off

    @property
    def claim(self) -> Money:
        """What it asks for, paid or not: its amount without what was given up."""
        return self.amount - self.written_off

    @property
    def age(self) -> Age:
        """How long past its due date it is."""
        return age_of(self.days_past_due)


@dataclass(frozen=True, slots=True)
class Receivables:
    """What one customer owes as of a day, the oldest due first.

    ``disputed`` are left out of ``open`` while the dispute is open. ``credit`` is what was paid
    beyond all invoices, by currency.
    """

    as_of: date
    open: tuple[OpenInvoice, ...] = ()
    disputed: tuple[OpenInvoice, ...] = ()
    credit: tuple[Money, ...] = ()

    @property
    def overdue(self) -> tuple[OpenInvoice, ...]:
        """The invoices past their due date."""
        return tuple(i for i in self.open if i.days_past_due > 0)

    @property
    def clear(self) -> bool:
        """Whether nothing is overdue."""
        return not self.overdue


@dataclass(frozen=True, slots=True)
class AgeLine:
    """How many invoices of one age and currency are open, and what is owed on them."""

    currency: str
    age: Age
    count: int
    amount: Money


def age_of(days_past_due: int) -> Age:
    """The age of an invoice that many days past its due date.

    >>> [age_of(days).value for days in (0, 1, 30, 31, 90, 91)]
    ['not_due', '1_30', '1_30', '31_60', '61_90', 'over_90']
    """
    return next((age for limit, age in _LIMITS if days_past_due <= limit), Age.OVER_90)


def receivables_of(
    entries: Iterable[DebtEntry], as_of: date, *, disputes: Sequence[Dispute] = ()
) -> Receivables:
    """What one customer owes as of the day, by what had happened and was known by then.

    What names no invoice settles undisputed invoices first, so that a dispute takes no payment
    that was meant for something else. Raises BadInputError for an invoice without a due date.
    """
    known = [e for e in entries if e.day <= as_of]
    in_dispute = {d.invoice for d in disputes if d.is_open(as_of)}
    invoices, credit = [], []
    for currency in sorted({e.amount.currency for e in known}):
        of_currency = [e for e in known if e.amount.currency == currency]
        found, left = _settled(of_currency, in_dispute, as_of)
        invoices += found
        if left:
            credit.append(Money(left, currency))
    open_ones = sorted((i for i in invoices if i.owed.minor), key=lambda i: (i.due_on, i.ref))
    return Receivables(
        as_of,
        tuple(i for i in open_ones if not i.disputed),
        tuple(i for i in open_ones if i.disputed),
        tuple(credit),
    )


def ageing(receivables: Iterable[Receivables]) -> tuple[AgeLine, ...]:
    """Count and amount by currency and age over customers; every age is named, even where empty."""
    sums: dict[tuple[str, Age], list[int]] = {}
    for invoice in (i for r in receivables for i in r.open):
        total = sums.setdefault((invoice.amount.currency, invoice.age), [0, 0])
        total[0] += 1
        total[1] += invoice.owed.minor
    return tuple(
        AgeLine(currency, age, count, Money(minor, currency))
        for currency in sorted({currency for currency, _ in sums})
        for age in Age
        for count, minor in [sums.get((currency, age), [0, 0])]
    )


class _Debt:
    """An invoice while it is being settled, in minor units."""

    def __init__(self, entry: DebtEntry, *, disputed: bool) -> None:
        if entry.due_on is None:
            raise BadInputError(f"The invoice {entry.ref} has no due date; give due_on.")
        self.entry, self.due_on, self.disputed = entry, entry.due_on, disputed
        self.settled = {MoneyKind.PAYMENT: 0, MoneyKind.WRITE_OFF: 0}

    def take(self, kind: MoneyKind, minor: int) -> int:
        """Settle as much as is left of the invoice; returns what was not needed."""
        taken = min(minor, self.entry.amount.minor - sum(self.settled.values()))
        self.settled[kind] += taken
        return minor - taken

    def record(self, as_of: date) -> OpenInvoice:
        currency = self.entry.amount.currency
        return OpenInvoice(
            self.entry.ref,
            self.entry.amount,
            Money(self.settled[MoneyKind.PAYMENT], currency),
            Money(self.settled[MoneyKind.WRITE_OFF], currency),
            self.due_on,
            (as_of - self.due_on).days,
            self.disputed,
        )


def _settled(
    entries: Sequence[DebtEntry], in_dispute: set[EntryRef], as_of: date
) -> tuple[list[OpenInvoice], int]:
    """The invoices of one currency, and the minor units that were paid beyond them."""
    debts = {
        e.ref: _Debt(e, disputed=e.ref in in_dispute)
        for e in entries
        if e.kind is MoneyKind.INVOICE
    }
    order = sorted(debts.values(), key=lambda d: (d.disputed, d.due_on, d.entry.ref))
    settling = sorted((e for e in entries if e.kind in _SETTLING), key=lambda e: (e.day, e.ref))
    spare = [(e.kind, _named(e, debts)) for e in settling]
    credit = place = 0
    for kind, left in spare:
        while left and place < len(order):
            left = order[place].take(kind, left)
            place += left > 0  # what is settled is not looked at again
        credit += left
    return [debt.record(as_of) for debt in debts.values()], credit


def _named(entry: DebtEntry, debts: dict[EntryRef, _Debt]) -> int:
    """What is left of a payment after the invoice that it names."""
    debt = debts.get(entry.applies_to) if entry.applies_to else None
    return debt.take(entry.kind, entry.amount.minor) if debt else entry.amount.minor
