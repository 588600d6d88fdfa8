"""Ageing of two real exports by totals that were added by hand; see tests/data/receivables.

The lists below are every invoice that the file has as open on the day, with the days past its due
date: anybody can find them in the file and add them up.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from custledger import Ledger
from custledger.core.receivables.debts import Age
from custledger.core.receivables.ladder import LadderStep
from custledger.edges.importing import import_csv

DATA = Path(__file__).parents[1] / "data"
XERO = DATA / "receivables" / "xero_invoices.csv"
STRIPE = DATA / "receivables" / "stripe_charges.csv"

Totals = Mapping[tuple[str, Age], tuple[int, str]]

# GBP, due 31 March (today): INV-0109 2,250 + INV-0111 1,485                  =  3,735 in 2
#      31 days, 28 February: INV-0108 2,250; 59 days, 31 January: INV-0091 2,250 = 4,500 in 2
#      90 days, 31 December: INV-0081                                          =  2,250 in 1
#      121 days, 30 November: INV-0074                                         =  2,250 in 1
#                                                                    together  = 12,735 in 6
# USD, due 31 March: INV-0117 6,231 + INV-0113 7,500 + INV-0112 1,100 + INV-0116 2,800
#      + INV-0115 7,000 + INV-0114 4,725                                       = 29,356 in 6
#      59 days, 31 January: INV-0099                                           =    750 in 1
#                                                                    together  = 30,106 in 7
MARCH_2021: Totals = {
    ("GBP", Age.NOT_DUE): (2, "3735.00"),
    ("GBP", Age.DAYS_31_60): (2, "4500.00"),
    ("GBP", Age.DAYS_61_90): (1, "2250.00"),
    ("GBP", Age.OVER_90): (1, "2250.00"),
    ("USD", Age.NOT_DUE): (6, "29356.00"),
    ("USD", Age.DAYS_31_60): (1, "750.00"),
}
# All of these were paid later; on 30 September 2020 they were open.
# GBP, not due: INV-0056 2,250 (due today) + INV-0063 2,800 + INV-0064 2,250    =  7,300 in 3
#      30 days, 31 August: INV-0052 2,250; 62 days, 30 July: INV-0040 2,250;
#      92 days, 30 June: INV-0035 2,250
# USD, not due: INV-0062 2,800 + INV-0061 7,500 (due today) + INV-0069 3,000 + INV-0065 1,600
#      + INV-0072 1,200 + INV-0070 3,850 + INV-0071 1,650 + INV-0066 1,100 + INV-0068 7,500
#      + INV-0067 900                                                         = 31,100 in 10
#      62 days, 30 July: INV-0045                                             = 11,250 in 1
SEPTEMBER_2020: Totals = {
    ("GBP", Age.NOT_DUE): (3, "7300.00"),
    ("GBP", Age.DAYS_1_30): (1, "2250.00"),
    ("GBP", Age.DAYS_61_90): (1, "2250.00"),
    ("GBP", Age.OVER_90): (1, "2250.00"),
    ("USD", Age.NOT_DUE): (10, "31100.00"),
    ("USD", Age.DAYS_61_90): (1, "11250.00"),
}
# Sixteen declined charges, 66,776.96 USD: one of 3 February (1,175.24), 33 days before 8 March, and
# fifteen of 18 February (the other 65,601.72), 18 days before.
MARCH_8_2021: Totals = {
    ("USD", Age.DAYS_1_30): (15, "65601.72"),
    ("USD", Age.DAYS_31_60): (1, "1175.24"),
}


def totals(ledger: Ledger, day: date) -> dict[tuple[str, Age], tuple[int, str]]:
    lines = ledger.receivables.as_of(day).lines
    return {(x.currency, x.age): (x.count, str(x.amount.amount)) for x in lines if x.count}


@pytest.fixture
def xero(ledger: Ledger) -> Ledger:
    report = import_csv(ledger, XERO, mapping=str(DATA / "import" / "xero_invoices.toml"))
    assert (report.rows, report.rejected, report.customers_added) == (127, 0, 18)
    assert report.skipped == {"our own bills": 10, "voided, deleted, drafts": 1}
    assert report.entries_added == 116 + 103
    return ledger


@pytest.mark.parametrize(
    ("day", "by_hand"),
    [(date(2021, 3, 31), MARCH_2021), (date(2020, 9, 30), SEPTEMBER_2020)],
)
def test_ageing_of_xero_agrees_with_totals_added_by_hand(
    xero: Ledger, day: date, by_hand: Totals
) -> None:
    assert totals(xero, day) == by_hand


def test_ladder_proposes_what_a_person_would_who_reads_the_list(xero: Ledger) -> None:
    """One firm has not paid four months' invoices of 2,250.00 GBP, another one of 750.00 USD."""
    found = xero.receivables.due(date(2021, 3, 31))
    assert [(p.next.step, [str(m) for m in p.next.amount]) for p in found] == [
        (LadderStep.REMINDER, ["9,000.00 GBP"]),
        (LadderStep.REMINDER, ["750.00 USD"]),
    ]
    assert [p.next.due_on for p in found] == [date(2020, 12, 7), date(2021, 2, 7)]


def test_every_open_invoice_of_xero_is_open_here_on_every_day(xero: Ledger) -> None:
    """An independent count of the file: issued by the day, and not yet paid on it."""
    with XERO.open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["type"] == "ACCREC"]
    rows = [r for r in rows if r["status"] in ("AUTHORISED", "PAID")]
    for number in range(0, 520, 13):
        day = date(2019, 11, 1) + timedelta(number)
        text = day.isoformat()
        unpaid = [
            r for r in rows if r["date"] <= text and not "0" < r["fully_paid_on_date"] <= text
        ]
        lines = xero.receivables.as_of(day).lines
        assert sum(line.count for line in lines) == len(unpaid)
        assert sum(line.amount.minor for line in lines) == sum(
            round(100 * float(r["total"])) for r in unpaid
        )


def test_declined_charges_of_stripe_are_aged_as_what_was_asked_for(ledger: Ledger) -> None:
    mapping = str(DATA / "import" / "stripe_charges.toml")
    report = import_csv(ledger, STRIPE, mapping=mapping)
    assert (report.rows, report.rejected, report.customers_added) == (16, 0, 11)
    assert totals(ledger, date(2021, 3, 8)) == MARCH_8_2021
    assert len(ledger.receivables.due(date(2021, 3, 8))) == 11
    moment = datetime(2021, 3, 8, 12, tzinfo=UTC)
    since = datetime(2021, 2, 25, 12, tzinfo=UTC)
    # Told when the ledger learned of it, which is not in this span.
    assert ledger.receivables.passed(since=since, as_of=moment) == []
