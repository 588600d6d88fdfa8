"""The report on ourselves: how often it was our own fault, by product, by cause, over time.

Our own fault comes first. A rate has the numbers that it is made of beside it, and one of few cases
is marked. Days are counted, and months numbered, since January 1970.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from custledger.core.complaints.events import Outcome
from custledger.core.exchange import minor_of
from custledger.core.records import Fault
from custledger.core.worth.shares import is_few, share_of

__all__ = ["By", "Deed", "Happening", "Ourselves", "OurselvesRow", "report_of"]

_MONTHS_A_YEAR: Final = 12
_FIRST_YEAR: Final = 1970


class By(StrEnum):
    """What the rows of the report are about."""

    PRODUCT = "product"
    CAUSE = "cause"
    MONTH = "month"


class Deed(StrEnum):
    """What an entry is to the report; ``LOSS`` is a chargeback, a write-off or a concession."""

    SALE = "sale"
    CONTACT = "contact"
    REFUND = "refund"
    LOSS = "loss"
    COMPLAINT = "complaint"


class Happening(NamedTuple):
    """An entry as the report reads it, or ``number`` of them that are alike.

    ``product`` and ``cause`` are empty where not named. ``worth`` is the amount of all in the base
    currency (``core.exchange``), None where there is no exchange rate, 0 where there is no amount.
    ``outcome`` is that of a complaint, None while it has none.
    """

    deed: Deed
    month: int
    product: str = ""
    cause: str = ""
    fault: Fault = Fault.UNKNOWN
    worth: int | None = 0
    outcome: Outcome | None = None
    number: int = 1


@dataclass(frozen=True)
class OurselvesRow:
    """One row; amounts in minor units of ``currency``, rates from 0 to 1, None without a base.

    ``product``, ``cause`` and ``month`` (such as 2026-05) are None where the report is not by them,
    and empty where the entries do not name one. ``judged`` counts contacts, refunds, chargebacks,
    write-offs and concessions whose fault was judged; ``ours_share`` is ours / judged. ``sales``
    are those of the product and month (a sale has no cause); ``refund_rate`` and
    ``complaint_rate`` are refunds and complaints / sales, ``refund_share`` is amount / amount.
    ``few`` names the rates that are of few cases, ``unconverted`` counts amounts left out for want
    of an exchange rate.
    """

    product: str | None
    cause: str | None
    month: str | None
    currency: str
    ours: int
    shared: int
    judged: int
    unjudged: int
    ours_share: float | None
    refunds: int
    refunds_minor: int
    refunds_ours: int
    refunds_ours_minor: int
    complaints: int
    upheld: int
    partly_upheld: int
    not_upheld: int
    withdrawn: int
    undecided: int
    sales: int
    sales_minor: int
    refund_rate: float | None
    refund_share: float | None
    complaint_rate: float | None
    few: str
    unconverted: int


@dataclass(frozen=True)
class Ourselves:
    """The report; both days belong to it, ``since`` None is from the beginning.

    The counts of the rows add up to those of ``total``, but for the sales by cause; each amount is
    exact, and rounded once.
    """

    since: date | None
    until: date
    by: tuple[By, ...]
    currency: str
    total: OurselvesRow
    rows: tuple[OurselvesRow, ...]


@dataclass
class _Tally:
    """The counts of one row while it is being read."""

    faults: dict[Fault, int] = field(default_factory=dict)
    outcomes: dict[Outcome | None, int] = field(default_factory=dict)
    refunds: list[int] = field(default_factory=lambda: [0, 0])
    refunds_ours: list[int] = field(default_factory=lambda: [0, 0])
    sales: list[int] = field(default_factory=lambda: [0, 0])
    unconverted: int = 0

    def add(self, entry: Happening) -> None:
        self.unconverted += entry.number if entry.worth is None else 0
        if entry.deed is Deed.SALE:
            _count(self.sales, entry)
        elif entry.deed is Deed.COMPLAINT:
            self.outcomes[entry.outcome] = self.outcomes.get(entry.outcome, 0) + entry.number
        else:
            self.faults[entry.fault] = self.faults.get(entry.fault, 0) + entry.number
        if entry.deed is Deed.REFUND:
            _count(self.refunds, entry)
            if entry.fault is Fault.OURS:
                _count(self.refunds_ours, entry)


_Key = tuple[str | None, str | None, int | None]


def report_of(
    entries: Iterable[Happening],
    by: Collection[By],
    *,
    since: date | None,
    until: date,
    currency: str,
) -> Ourselves:
    """The report of these entries, whatever their order; the most of our own faults first.

    By month the rows are in the order of time, and no month between the first and the last is left
    out. What names no product or cause comes last.
    """
    tallies, sales, total = _tallied(entries, by)
    keys = [*tallies, *(key for key in _months_between(tallies, by) if key not in tallies)]
    rows = [_row(key, tallies.get(key, _Tally()), sales, currency) for key in keys]
    everything: _Key = (None, None, None)
    return Ourselves(
        since=since,
        until=until,
        by=tuple(by),
        currency=currency,
        total=_row(everything, total, {everything: total.sales}, currency),
        rows=tuple(sorted(rows, key=_place)),
    )


_Tallied = tuple[dict[_Key, _Tally], dict[_Key, list[int]], _Tally]


def _tallied(entries: Iterable[Happening], by: Collection[By]) -> _Tallied:
    """The counts of each row and of all, and the sales by product and month."""
    tallies: dict[_Key, _Tally] = {}
    sales: dict[_Key, list[int]] = {}
    total = _Tally()
    for entry in entries:
        total.add(entry)
        key = _key(entry, by)
        if entry.deed is Deed.SALE:
            _count(sales.setdefault((key[0], None, key[2]), [0, 0]), entry)
            if By.CAUSE in by:  # it has none, and makes no row
                continue
        tallies.setdefault(key, _Tally()).add(entry)
    return tallies, sales, total


def _key(entry: Happening, by: Collection[By]) -> _Key:
    return (
        entry.product if By.PRODUCT in by else None,
        entry.cause if By.CAUSE in by else None,
        entry.month if By.MONTH in by else None,
    )


def _months_between(keys: Collection[_Key], by: Collection[By]) -> list[_Key]:
    months = [key[2] for key in keys if key[2] is not None]
    if tuple(by) != (By.MONTH,) or not months:
        return []
    return [(None, None, month) for month in range(min(months), max(months))]


def _count(counted: list[int], entry: Happening) -> None:
    counted[0] += entry.number
    counted[1] += entry.worth or 0


def _row(key: _Key, tally: _Tally, sales: dict[_Key, list[int]], currency: str) -> OurselvesRow:
    product, cause, month = key
    sold, sold_worth = sales.get((product, None, month), (0, 0))
    faults = tally.faults
    unjudged = faults.get(Fault.UNKNOWN, 0)
    judged = sum(faults.values()) - unjudged
    complaints = sum(tally.outcomes.values())
    refunds, refunds_worth = tally.refunds
    few = (("our share", judged), ("refunds", sold), ("complaints", sold))
    return OurselvesRow(
        product=product,
        cause=cause,
        month=None if month is None else _month(month),
        currency=currency,
        ours=faults.get(Fault.OURS, 0),
        shared=faults.get(Fault.SHARED, 0),
        judged=judged,
        unjudged=unjudged,
        ours_share=share_of(faults.get(Fault.OURS, 0), judged),
        refunds=refunds,
        refunds_minor=minor_of(refunds_worth),
        refunds_ours=tally.refunds_ours[0],
        refunds_ours_minor=minor_of(tally.refunds_ours[1]),
        complaints=complaints,
        upheld=tally.outcomes.get(Outcome.UPHELD, 0),
        partly_upheld=tally.outcomes.get(Outcome.PARTLY_UPHELD, 0),
        not_upheld=tally.outcomes.get(Outcome.NOT_UPHELD, 0),
        withdrawn=tally.outcomes.get(Outcome.WITHDRAWN, 0),
        undecided=tally.outcomes.get(None, 0),
        sales=sold,
        sales_minor=minor_of(sold_worth),
        refund_rate=share_of(refunds, sold),
        refund_share=share_of(refunds_worth, sold_worth),
        complaint_rate=share_of(complaints, sold),
        few=", ".join(name for name, base in few if base and is_few(base)),
        unconverted=tally.unconverted,
    )


def _month(number: int) -> str:
    """The month of a number.

    >>> _month(0), _month(676)
    ('1970-01', '2026-05')
    """
    year, month = divmod(number, _MONTHS_A_YEAR)
    return f"{year + _FIRST_YEAR}-{month + 1:02}"


def _place(row: OurselvesRow) -> tuple[object, ...]:
    named = (row.product == "") + (row.cause == "")
    counts = (-row.ours, -row.complaints, -row.refunds, -row.sales)
    return (row.month or "", named, *counts, row.product or "", row.cause or "")
