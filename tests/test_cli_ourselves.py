"""custledger ourselves."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.commands import Shell

OURSELVES = """\
Product       Our fault           Refunds           Refunded  Complaints           Upheld
─────────────────────────────────────────────────────────────────────────────────────────
sofa             2 of 2  100.0%*   1 of 1  100.0%*     50.00           1  100.0%*       0
lamp             0 of 0        -   0 of 1    0.0%*      0.00           0    0.0%*       0
(not named)      0 of 1    0.0%*   0 of 0        -      0.00           0        -       0
All              2 of 3   66.7%*   1 of 2   50.0%*     50.00           1   50.0%*       0

Of 3 entries that somebody judged, 2 (66.7%) were our fault, 0 shared. Not judged: 1 entry.

* of fewer than 20: such a rate says little.
"""


@pytest.fixture
def shop(shell: Shell) -> Shell:
    shell("init")
    shell("add", "customer", "Ann Miller")
    for product, amount in (("sofa", "500"), ("lamp", "40")):
        at = ("--product", product, "--at", "2026-05-04")
        shell("record", "sale", "Ann Miller", amount, *at)
    facts = ("--product", "sofa", "--cause", "late delivery", "--at", "2026-05-06")
    call = ("--channel", "phone", "--purpose", "complaint", "--fault", "ours")
    shell("record", "interaction", "Ann Miller", *call, *facts)
    shell("record", "refund", "Ann Miller", "50", "--fault", "ours", *facts)
    call = ("--channel", "phone", "--at", "2026-06-08")
    shell("record", "interaction", "Ann Miller", *call, "--fault", "customer")
    shell("record", "interaction", "Ann Miller", *call)
    return shell


def test_own_fault_comes_first_with_its_numbers_and_few_is_marked(shop: Shell) -> None:
    assert shop("ourselves") == OURSELVES


def test_report_by_cause_and_month_for_people_and_programs(shop: Shell) -> None:
    told = shop("ourselves", "--by", "cause")
    assert "late delivery" in told
    assert "A sale has no cause: the rates of a cause are of all sales." in told
    months = shop("ourselves", "--by", "month", "--since", "2026-05-01", "--format", "csv")
    found = list(csv.DictReader(io.StringIO(months)))
    assert [(row["month"], row["ours"], row["judged"]) for row in found] == [
        ("2026-05", "2", "2"),
        ("2026-06", "0", "1"),
    ]
    both = json.loads(shop("ourselves", "--by", "product", "--by", "month", "--format", "json"))
    assert both["by"] == ["product", "month"]
    assert [(row["product"], row["month"]) for row in both["rows"]] == [
        ("sofa", "2026-05"),
        ("lamp", "2026-05"),
        ("", "2026-06"),
    ]


def test_days_limit_the_report_and_nothing_is_said_to_be_nothing(shop: Shell) -> None:
    none = ("ourselves", "--until", "2026-01-01")
    assert shop(*none) == "\nNothing is recorded that could have been our fault.\n"
    unjudged = shop("ourselves", "--since", "2026-07-01")
    assert unjudged == "\nNothing is recorded that could have been our fault.\n"
    refused = shop.refused(2, "ourselves", "--since", "2026-07-01", "--until", "2026-01-01")
    assert "after until" in refused
