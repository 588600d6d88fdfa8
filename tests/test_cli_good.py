"""custledger good, earning, recovered, exposure, referral, praise and policy exposure."""

from __future__ import annotations

import csv
import io
import json

import pytest

from custledger import open_ledger
from tests.commands import Shell

CURVE = """\
Best  Customers  Bring together
───────────────────────────────────────────────────────────────
   1        33%          380.00  ████████████████████████████
   2        67%          400.00  ██████████████████████████████
   3       100%          330.00  █████████████████████████

3 customers, in EUR: 330.00 in all. The best 20 % (1) bring 380.00, which is 115.2% of it. 1
customer costs 70.00 more than it brings, 17.5% of the peak.

Rank  Customer      Id        Brings  Together  Of all
──────────────────────────────────────────────────────
   1  Ann Miller    --------  380.00    380.00  115.2%
   2  Cleo Park     --------   20.00    400.00  121.2%
"""

EARNING = """\
Customer      Id        Per hour      Kept  Hours
──────────────────────────────────────────────────────
Ann Miller    --------    500.00  1,000.00    2.0
Ben Moss      --------     20.00     10.00    0.5  few

few: less than an hour of staff time is behind it, so that it says little.

No staff time is recorded with 1 customer, so that an hour has no price there. Record it with each
contact: custledger record interaction ... --minutes 5
"""

EXPOSURE = """\
Customer      Bad days  Told  Lost  Readers  May cost
─────────────────────────────────────────────────────
Ben Moss             1     4  1.28        -    384.00

In all 384.00 EUR: an estimate, no account. People told of each bad experience: 4 (we asked our
customers, 12 cases). Share of them lost: 0.32 (stated default, 32 to 36 of 100: Verde Group and
Wharton, Retail Customer Dissatisfaction Study 2006). A customer brings 300.00 EUR (we asked our
customers, 12 customers).
"""

BROUGHT = """\
Customer      Id        Steps  Brings
─────────────────────────────────────
Cleo Park     --------      1   20.00
Ben Moss      --------      2  -70.00

Ann Miller brought 1 customer, worth 20.00 EUR; with 1 more who came through them, -50.00 EUR. Say
thank you.
"""


@pytest.fixture
def shop(shell: Shell) -> Shell:
    """Three customers: one who brings much, one who costs, one whose time nobody wrote down."""
    shell("init")
    shell("policy", "set", "--margin", "0.5")
    for name in ("Ann Miller", "Ben Moss", "Cleo Park"):
        shell("add", "customer", name)
    for name, amount in (("Ann Miller", "1000"), ("Ben Moss", "100"), ("Cleo Park", "40")):
        shell("record", "sale", name, amount)
    shell("add", "rate", "60")
    call = ("--channel", "phone", "--staff", "Olga")
    shell("record", "interaction", "Ann Miller", *call, "--minutes", "120")
    shell("record", "interaction", "Ben Moss", *call, "--minutes", "30", "--fault", "ours")
    shell("record", "refund", "Ben Moss", "90")
    return shell


def without_ids(text: str) -> str:
    with open_ledger("custledger.sqlite", actor="Olga") as ledger:
        for customer in ledger.customers.all():
            text = text.replace(str(customer.id)[:8], "--------")
    return text


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_good_draws_the_whale_curve_and_names_the_best(shop: Shell) -> None:
    assert without_ids(shop("good", "--best", "2")) == CURVE


def test_good_gives_programs_the_whole_curve(shop: Shell) -> None:
    curve = json.loads(shop("good", "--format", "json"))
    assert (curve["total_minor"], curve["peak_minor"], len(curve["points"])) == (33000, 40000, 3)
    points = rows(shop("good", "--format", "csv"))
    assert [point["cumulative_minor"] for point in points] == ["38000", "40000", "33000"]


def test_good_of_an_empty_ledger_and_without_a_margin_says_so(shell: Shell) -> None:
    shell("init")
    assert shell("good") == "Nobody has bought or cost anything yet.\n"
    shell("add", "customer", "Ann Miller")
    shell("record", "sale", "Ann Miller", "5", "--currency", "GBP")
    assert "no exchange rate" in shell("good")
    shell("record", "sale", "Ann Miller", "5")
    assert "No margin is set" in shell("good")
    assert "Nobody costs more than they bring." in " ".join(shell("good").split())


def test_earning_has_the_best_paid_hour_first_and_says_whose_time_is_unknown(shop: Shell) -> None:
    assert without_ids(shop("earning")) == EARNING
    found = rows(shop("earning", "--top", "3", "--format", "csv"))
    assert [row["effective_hourly_minor"] for row in found] == ["50000", "2000", ""]


def test_exposure_tells_its_terms_and_takes_the_firms_own_figures(shop: Shell) -> None:
    told = shop("exposure")
    assert "Nothing is counted in money: what a customer brings is known once 5" in told
    assert "Verde Group and Wharton" in told
    own = ("--people-told", "4", "--customer-worth", "300", "--sample", "12")
    why = ("--source", "we asked our customers", "--reason", "a survey")
    assert shop("policy", "exposure", *own, *why) == (
        "Exposure, version 1: 4 people told, 0.32 of them lost, 0 of readers lost, a customer "
        "brings 300.00.\n"
    )
    assert shop("exposure", "Ben Moss") == EXPOSURE
    [row] = rows(shop("exposure", "--format", "csv"))
    assert (row["total_minor"], row["people_told_source"]) == ("38400", "we asked our customers")
    assert shop("exposure", "--as-of", "2020-01-01") == (
        "No bad experience is recorded in these days.\n"
    )
    assert "name a figure" in shop.refused(2, "policy", "exposure", *why)


def test_recovered_says_when_there_is_nothing(shop: Shell) -> None:
    assert shop("recovered") == "No complaint was resolved in these days.\n"
    assert json.loads(shop("recovered", "--format", "json"))["share"] is None
    assert rows(shop("recovered", "--format", "csv")) == []


def test_referral_is_added_listed_and_voided_and_a_circle_is_refused(shop: Shell) -> None:
    assert shop("referral", "list") == "No referral is recorded.\n"
    assert shop("referral", "add", "Cleo Park", "--by", "Ann Miller", "--note", "at the fair") == (
        "Recorded as Cleo Park#3: Cleo Park came through Ann Miller.\n"
    )
    shop("referral", "add", "Ben Moss", "--by", "Cleo Park")
    shown = shop.run("referral", "add", "Ann Miller", "--by", "Ben Moss")
    assert (shown.code, shown.out) == (
        1,
        "It would be a circle: the customer brought that one here.\nNothing was recorded.\n",
    )
    listed = shop("referral", "list")
    assert "Cleo Park     Ann Miller" in listed
    assert "at the fair" in listed
    assert without_ids(shop("referral", "list", "Ann Miller")) == BROUGHT
    assert json.loads(shop("referral", "list", "Ann Miller", "-f", "json"))["all_minor"] == -5000
    assert len(rows(shop("referral", "list", "Ann Miller", "-f", "csv"))) == 2
    assert "came through" in shop("history", "Cleo Park")
    words = ("--reason", "it was a friend")
    assert shop("referral", "void", "Cleo Park#3", *words) == "Voided: Cleo Park#3.\n"
    assert "has brought nobody" in shop("referral", "list", "Ann Miller")
    assert "is no referral" in shop.refused(2, "referral", "void", "Cleo Park#3", *words)
    shop("erase", "Cleo Park", "--ground", "objection", "--yes")
    assert "(voided or erased)" in shop("referral", "list")


def test_praise_is_quoted_with_consent_alone(shop: Shell) -> None:
    assert shop("praise", "list") == "No praise is recorded.\n"
    said = ("The best cake in town!", "--channel", "email")
    assert shop("praise", "add", "Ann Miller", *said) == "Recorded as Ann Miller#4: praise.\n"
    nothing = "Nothing may be quoted: no consent is in force.\n"
    assert shop("praise", "list", "--quotable") == nothing
    agreed = ("--how", "by mail", "--name", "first_name")
    shown = shop.run("praise", "consent", "Ann Miller#4", *agreed, "--until", "2020-01-01")
    assert (shown.code, shown.out) == (
        1,
        "The consent would be over already: name a later day for until.\nNothing was recorded.\n",
    )
    assert shop("praise", "consent", "Ann Miller#4", *agreed) == (
        "Ann Miller#4 may be quoted: Ann.\n"
    )
    [quote] = json.loads(shop("praise", "list", "--quotable", "--format", "json"))
    assert (quote["words"], quote["name"]) == ("The best cake in town!", "Ann")
    assert set(quote) == {"words", "name", "said_on", "channel", "until"}
    assert "Ann\n" in shop("praise", "list", "Ann Miller")
    assert "for all" in shop.refused(2, "praise", "list", "Ann Miller", "--quotable")
    assert "quoted no more" in shop("praise", "withdraw", "Ann Miller#4", "--note", "by phone")
    assert shop.run("praise", "withdraw", "Ann Miller#4").code == 1
    assert shop("praise", "list", "--quotable") == nothing
    told = shop("history", "Ann Miller")
    assert 'customer: "The best cake in town!"' in told
    assert "praise #4 may be quoted: Ann, by mail" in told
    void = ("praise", "void", "Ann Miller#4", "--reason", "it was another bakery")
    assert shop(*void) == "Voided: Ann Miller#4.\n"
    assert shop("praise", "list") == "No praise is recorded.\n"
    assert "no praise" in shop.refused(3, *void)
