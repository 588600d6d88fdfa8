"""The published figures of the full data sets, which are not part of the project."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import custledger
from custledger.edges.importing import import_csv
from custledger.ledger import Ledger

pytestmark = pytest.mark.slow


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with custledger.open_ledger(tmp_path / "ledger.sqlite", actor="Olga") as opened:
        yield opened


def test_online_retail_gives_its_published_figures(ledger: Ledger, data_folder: Path) -> None:
    path = data_folder / "online_retail_2010-12_2011-06.csv.gz"
    report = import_csv(ledger, path, mapping="online_retail")
    assert (report.rows, report.skipped) == (245_903, {"no customer": 69_014})
    assert report.rows - sum(report.skipped.values()) == 176_889
    assert report.customers_added == 3_002
    refunds, sales = report.sums
    assert (sales.exact, refunds.exact) == (Decimal("3993805.651"), Decimal("265304.40"))
    assert (sales.rounding, refunds.rounding) == (Decimal("-0.001"), Decimal(0))
    net: Counter[object] = Counter()
    refunded = set()
    for customer in ledger.customers.all():
        for entry in ledger.money.of(customer):
            sign = 1 if entry.kind == "sale" else -1
            net[customer.id] += sign * entry.amount.minor
            if sign < 0:
                refunded.add(customer.id)
    assert (len(refunded), sum(net.values())) == (1_017, 372_850_125)
    assert sum(amount <= 0 for amount in net.values()) == 52
    again = import_csv(ledger, path, mapping="online_retail")
    assert (again.entries_added, again.unchanged, again.differing) == (0, report.entries_added, 0)


def test_bank_calls_give_their_published_figures(
    ledger: Ledger, data_folder: Path, tmp_path: Path
) -> None:
    path = data_folder / "anonymous_bank_1999_january.txt.gz"
    rejects = tmp_path / "rejects.csv"
    report = import_csv(ledger, path, mapping="bank_calls", rejects=rejects)
    assert report.rows - sum(report.skipped.values()) == 27_060
    assert (report.entries_added, report.customers_added) == (11_458, 3_740)
    seconds = sum(
        interaction.handling_time.total_seconds()
        for customer in ledger.customers.all()
        for interaction in ledger.interactions.of(customer)
        if interaction.handling_time is not None
    )
    assert seconds == 2_237_946
    text = rejects.read_text("utf-8")
    assert text.count("A spreadsheet has damaged the customer's id") == 23
    assert text.count("Customer 0 means") == report.rejected - 23 == 15_579
