"""custledger terms and custledger refund: from a file to a page, and from a request to a report."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from custledger import open_ledger
from tests.commands import Shell

TERMS = """\
reason = "written down at last"

[goods]
trial = "30 days"
percent = 80

[services]
no_withdrawal = ["dated_leisure"]
tiers = [{ ahead = "14 days", percent = 100 }, { ahead = "7 days", percent = 50 }]
"""


@pytest.fixture
def shop(shell: Shell) -> Shell:
    """A shop with terms, and a customer who was shown them and then bought something."""
    shell("init", "--hourly-rate", "32")
    shell("add", "customer", "Ann Miller")
    (shell.folder / "terms.toml").write_text(TERMS)
    shell("terms", "set", "terms.toml")
    shell("terms", "convey", "Ann Miller", "--how", "with the offer")
    shell("record", "sale", "Ann Miller", "120.00")
    return shell


def entries(shell: Shell) -> int:
    with open_ledger(shell.folder / "custledger.sqlite", actor="Olga") as ledger:
        [ann] = ledger.customers.all()
        return len(ledger.history()) + len(ledger.history(ann))


def in_days(shell: Shell, days: int) -> str:
    with open_ledger(shell.folder / "custledger.sqlite", actor="Olga") as ledger:
        return (ledger.today() + timedelta(days)).isoformat()


def service(shell: Shell, verb: str, *more: str) -> tuple[str, ...]:
    day = in_days(shell, 10)
    return ("refund", verb, "Ann Miller#3", *more, "--sold", "service", "--service-on", day)


def refused(shell: Shell, *arguments: str) -> str:
    before = entries(shell)
    shown = shell.run(*arguments)
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.endswith("\nNothing was written.\n")
    assert entries(shell) == before
    return shown.err


def test_terms_are_set_from_a_file_and_shown(shell: Shell) -> None:
    shell("init")
    assert "No terms are set" in shell("terms", "show")
    (shell.folder / "terms.toml").write_text(TERMS)
    assert "Set: version 1 of the terms, in force from" in shell("terms", "set", "terms.toml")
    shown = shell("terms", "show")
    assert "30 days: 80 %  14 days: 100 %, 7 days: 50 %  in force" in shown
    [row] = json.loads(shell("terms", "show", "--format", "json"))
    assert row["terms"]["goods"]["percent"] == 80
    assert row["reason"] == "written down at last"


def test_bad_file_is_named_with_its_place(shop: Shell) -> None:
    (shop.folder / "bad.toml").write_text('[goods]\ntrial = "soon"')
    said = shop.refused(2, "terms", "set", "bad.toml")
    assert "bad.toml: goods.trial: 'soon' is not a period" in said
    assert "absent.toml cannot be read" in shop.refused(2, "terms", "set", "absent.toml")


def test_refused_terms_exit_with_1_and_say_every_reason(shop: Shell) -> None:
    (shop.folder / "bad.toml").write_text(
        TERMS.replace("30 days", "3 days").replace("= 50", "= 500")
    )
    said = refused(shop, "terms", "set", "bad.toml")
    assert "A trial period of 3 days is less than the 14 days" in said
    assert "500 % is not between 0 and 100 %" in said


def test_version_can_end_and_former_terms_come_first(shop: Shell) -> None:
    assert "version 2" in shop("terms", "set", "terms.toml", "--reason", "the same again")
    told = shop("terms", "end", "2", "--reason", "not needed")
    assert told == "Version 2 never comes into force.\n"
    assert "Changed: version 1" in shop("terms", "end", "1", "--reason", "we close")
    old = ("terms", "set", "old.toml", "--former", "--reason", "since ever")
    (shop.folder / "old.toml").write_text("effective_on = 2020-01-01\n" + TERMS)
    assert "before any others" in refused(shop, *old)


def test_page_is_printed_or_written(shop: Shell) -> None:
    assert shop("terms", "page").startswith("Refunds and cancellations\n====")
    assert shop("terms", "page", "--markdown", "--version", "1").startswith("# Refunds")
    told = shop("terms", "page", "--html", "-o", "terms.html", "--firm", "Green Thumb")
    assert told == "Wrote version 1 of the terms to terms.html.\n"
    page = (shop.folder / "terms.html").read_text()
    assert "<h1>Refunds and cancellations at Green Thumb</h1>" in page
    assert shop.run("terms", "page", "--html", "--text").code == 2
    assert "No terms are in force on 1 January 2020" in shop.refused(
        3, "terms", "page", "--on", "2020-01-01"
    )


def test_conveyances_are_listed_with_deal_and_evidence(shop: Shell) -> None:
    (shop.folder / "page.txt").write_text("our terms")
    shop("record", "evidence", "Ann Miller", "--file", "page.txt")
    told = shop(
        "terms", "convey", "Ann Miller", "--how", "again", "--deal", "#3", "--evidence", "#4"
    )
    assert told == "Recorded as Ann Miller#5: version 1 of the terms was shown.\n"
    shown = shop("terms", "conveyed", "Ann Miller")
    assert "with the offer" in shown
    assert "#3    #4        again" in shown
    assert shop("terms", "unconvey", "Ann Miller#5", "--reason", "twice") == (
        "Voided: Ann Miller#5.\n"
    )
    assert "again" not in shop("terms", "conveyed", "Ann Miller")
    late = ("terms", "convey", "Ann Miller", "--how", "x", "--at", "2020-01-01")
    assert "No terms were in force on 1 January 2020" in refused(shop, *late)


def test_customer_who_was_shown_nothing_is_told_so(shell: Shell) -> None:
    shell("init")
    shell("add", "customer", "Ben Moss")
    assert "not recorded" in shell("terms", "conveyed", "Ben Moss")


def test_assessment_says_what_is_due_why_and_on_what_it_rests(shop: Shell) -> None:
    last = in_days(shop, 3)
    told = shop(*service(shop, "assess"))
    assert told.startswith("60.00 EUR is due. The last day to ask: ")
    assert "- Cancelled at least 7 days ahead, 50 % is paid back.\n" in told
    assert told.endswith("It rests on: version 1 of the terms.\n")
    found = json.loads(shop(*service(shop, "assess", "--format", "json")))
    assert found["amount"] == {"amount": "60.00", "currency": "EUR"}
    assert (found["allowed"], found["until"]) == (True, last)
    assert "use --format json" in shop.refused(2, *service(shop, "assess", "--format", "csv"))


def test_options_of_a_request_reach_the_rules(shop: Shell) -> None:
    day = in_days(shop, 10)
    base = ("refund", "assess", "Ann Miller#3", "--sold", "goods")
    today = in_days(shop, 0)
    delivered = (*base, "--delivered", today)
    assert "120.00 EUR is due" in shop(*delivered)
    assert "96.00 EUR is due" in shop(*delivered, "--at-counter")
    assert "96.00 EUR is due" in shop(*delivered, "--business")
    assert "96.00 EUR is due" in shop(*delivered, "--no-withdrawal", "made_to_order")
    assert "Nothing is due" in shop(*delivered, "--business", "--bad-condition")
    assert "12.50 EUR is due" in shop(*delivered, "--amount", "12.50")
    served = ("refund", "assess", "Ann Miller#3", "--sold", "service", "--service-on", day)
    assert "84.00 EUR is due" in shop(*served, "--cause", "not_as_agreed", "--received", "30")
    assert "Nothing is due" in shop(*served, "--deal-at", "2020-01-01", "--received", "100")
    assert "service_on" in shop.refused(2, "refund", "assess", "Ann Miller#3", "--sold", "service")
    assert "was asked for after" not in shop(*served, "--asked-at", f"{today} 23:59:59")


def test_advice_shows_both_costs_with_their_sources(shop: Shell) -> None:
    told = shop(*service(shop, "advise"))
    assert "Handling the refund: 10 min at 32.00 EUR an" in told
    assert "Refund now, in all                           65.33 EUR" in told
    assert "Contest, in all                              63.35 EUR" in told
    assert "Contesting pays only if the risk of losing is below 49%." in told
    found = json.loads(shop(*service(shop, "advise", "--not-by-card", "--format", "json")))
    assert found["advice"]["chargeback"]["source"] == "it was not paid by card"


def test_choice_outcome_and_report(shop: Shell) -> None:
    assert "No outcome is recorded yet" in shop("refund", "report")
    chosen = service(shop, "choose", "refund", "--reason", "to part well", "--record-refund")
    told = shop(*chosen)
    assert told.startswith("Recorded as Ann Miller#5: refund 120.00 EUR, where the advice was to")
    assert "The refund is entry #4.\n" in told
    assert "An earlier choice on this payment" in refused(shop, *chosen)
    assert "open" in shop("refund", "cases", "Ann Miller")
    told = shop("refund", "outcome", "Ann Miller#5", "--minutes", "15")
    assert told == "Recorded as entry #6: beyond what was owed it cost 68.00 EUR.\n"
    assert "recorded already (entry #6)" in refused(shop, "refund", "outcome", "Ann Miller#5")
    assert shop("refund", "report") == (
        "The advice was followed in 0 of 1 case.\n"
        "To refund: 1 case, 65.33 EUR predicted, 68.00 EUR in fact.\n"
    )
    assert json.loads(shop("refund", "report", "--format", "json"))["followed"] == 0
    assert "done, cost 68.00 EUR" in shop("refund", "cases")
    shop("refund", "void", "Ann Miller#5", "--reason", "another customer's")
    assert "No outcome" in shop("refund", "report")
    assert "chosen to refund: 120.00 EUR asked for on #3, 60.00 EUR owed" in " ".join(
        shop("history", "Ann Miller").split()
    )


def test_figures_are_shown_and_set(shop: Shell) -> None:
    assert "merchants win 54 % of contested chargebacks" in " ".join(
        shop("refund", "figures").split()
    )
    own = ("--source", "our last 40 disputes", "--reason", "own count")
    assert shop("refund", "set-figure", "losing", "0.3", *own) == (
        "Set: version 1 of the figures.\n"
    )
    assert "our last 40 disputes" in shop("refund", "figures")
    assert "is no figure" in shop.refused(2, "refund", "set-figure", "loosing", "0.3", *own)
