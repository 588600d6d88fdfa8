"""custledger lesson and rule: every answer as it is read at a terminal."""

from __future__ import annotations

import json
import re

import pytest

from tests.commands import Shell

DAY = re.compile(r"20\d\d-\d\d-\d\d")
TODAY = re.compile(r"\d{1,2} [A-Z][a-z]+ 20\d\d")


@pytest.fixture
def shop(shell: Shell) -> Shell:
    shell("init")
    shell("add", "rate", "30")
    shell("add", "customer", "Ann Miller")
    call = ("--channel", "phone", "--minutes", "45", "--staff", "Olga", "--at", "2024-02-01")
    shell("record", "interaction", "Ann Miller", *call)
    shell("record", "refund", "Ann Miller", "12")
    return shell


@pytest.fixture
def number(shop: Shell) -> str:
    told = shop(
        "lesson", "add", "Ann Miller#2", "--entry", "Ann Miller#3", "--summary", "corked wine",
        "--change", "Taste the wine before it is served.",
    )  # fmt: skip
    found = re.fullmatch(
        r"Recorded as lesson #(\d+)\. The incident cost 45 min, 34\.50 EUR\.\n", told
    )
    assert found
    return found[1]


def test_lessons_are_listed_with_what_it_cost(shop: Shell, number: str) -> None:
    assert DAY.sub("2026-01-05", shop("lesson", "list")) == (
        "Number  Day         It cost            To change\n"
        "──────────────────────────────────────────────────────────────────────────\n"
        f"    #{number}  2026-01-05  45 min, 34.50 EUR  Taste the wine before it is served.\n"
    )
    [row] = json.loads(shop("lesson", "list", "--format", "json"))
    assert row["cost"]["lost"] == [{"amount": "12.00", "currency": "EUR"}]
    assert row["summary"] == "corked wine"
    history = " ".join(shop("history").split())
    assert "cost 45 min, 22.50 EUR, 12.00 EUR): Taste the wine before it is served." in history
    told = shop("lesson", "void", number, "--reason", "another incident")
    assert told == f"Voided: lesson #{number}. The history keeps it.\n"
    assert shop("lesson", "list") == "No lesson is recorded.\n"


def test_lesson_says_what_had_no_price(shop: Shell) -> None:
    shop("init", "other.sqlite")
    there = ("--ledger", "other.sqlite")
    shop(*there, "add", "customer", "Ben")
    shop(*there, "record", "interaction", "Ben", "--channel", "chat", "--minutes", "20")
    told = shop(*there, "lesson", "add", "Ben#2", "--change", "Answer sooner.")
    assert told.endswith(
        "The incident cost 20 min.\n"
        "\n"
        "20 min of it cost nothing here, because no hourly rate was set. Say what an hour of staff "
        "time costs\nyou: custledger add rate 30\n"
    )
    shop(*there, "record", "evidence", "Ben", "--text", "a note")
    told = shop(*there, "lesson", "add", "Ben#3", "--change", "Ask first.")
    assert told.endswith("The incident cost nothing that is recorded.\n")


def test_rule_is_set_listed_shown_checked_and_withdrawn(shop: Shell, number: str) -> None:
    assert shop("rule", "list") == "No rule is in force.\n"
    told = shop("rule", "set", "wine", "We taste every wine on delivery.", "--answers", number)
    assert TODAY.sub("5 January 2026", told) == "Set: wine, version 1, from 5 January 2026 on.\n"
    told = shop("rule", "set", "Wine", "We taste every second wine.", "--effective", "2100-01-01")
    assert told == "Set: wine, version 2, from 1 January 2100 on.\n"
    assert DAY.sub("2026-01-05", shop("rule", "list")) == (
        "Rule          Since       Says                              Answers    Decisions  "
        "Overturned\n"
        "────────────────────────────────────────────────────────────────────────────────────────────\n"
        f"wine          2026-01-05  We taste every wine on delivery.  lesson #{number}          0"
        "           0\n"
    )
    shown = shop.run("rule", "check", "wine", "Ann Miller#2")
    assert shown.code == 1
    assert shown.out.endswith(
        "and this was on 1 February 2024: a rule is never applied to what happened before it.\n"
    )
    shop("record", "interaction", "Ann Miller", "--channel", "chat")
    assert "has been in force since" in shop("rule", "check", "wine", "Ann Miller#4")
    told = shop("rule", "withdraw", "wine", "--reason", "too slow", "--effective", "2100-02-01")
    assert told == "Withdrawn: wine, from 1 February 2100 on.\n"
    assert re.sub(r"20\d\d-\d\d-\d\d", "2026-01-05", shop("rule", "show", "WINE")) == (
        "Version  From        Says                              Answers    Reason\n"
        "──────────────────────────────────────────────────────────────────────────────\n"
        f"      1  2026-01-05  We taste every wine on delivery.  lesson #{number}  -\n"
        "      2  2100-01-01  We taste every second wine.       -          -\n"
        "      3  2100-02-01  (withdrawn)                       -          too slow\n"
        "\n"
        "No decision named it.\n"
    )
    assert shop("rule", "list", "--as-of", "2100-02-01") == "No rule is in force.\n"
    assert len(json.loads(shop("rule", "show", "wine", "--format", "json"))) == 3
    assert "house rule wine, version 3, from 2100-02-01: withdrawn, reason: too slow" in " ".join(
        shop("history").split()
    )


def test_refusals_are_told_and_nothing_is_written(shop: Shell, number: str) -> None:
    shop("rule", "set", "wine", "We taste it.")
    before = shop("history")
    for words, told in (
        (("lesson", "add", "Ann Miller#2", "--change", "x"), f"lesson #{number} already"),
        (("rule", "set", "wine", "We taste it."), "says that already"),
        (("rule", "set", "wine", "x", "--effective", "2020-01-01"), "has passed"),
    ):
        shown = shop.run(*words)
        assert shown.code == 1
        assert told in shown.out
        assert shown.out.endswith("Nothing was written.\n")
    for code, words, told in (
        (3, ("lesson", "add", "Ann Miller#9", "--change", "x"), "no current entry"),
        (3, ("lesson", "void", "1", "--reason", "x"), "There is no lesson"),
        (3, ("rule", "show", "deposit"), "There is no rule 'deposit'"),
        (3, ("rule", "set", "deposit", "x", "--answers", "1"), "There is no lesson"),
        (2, ("lesson", "add", "Ann Miller#2", "--change", " "), "change must not be empty"),
    ):
        assert told in shop.refused(code, *words)
    assert shop("history") == before
