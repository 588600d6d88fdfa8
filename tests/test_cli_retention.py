"""custledger retention."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from custledger.core.privacy.retention import Kept
from custledger.edges.retention_file import TEMPLATE, rules_from
from custledger.errors import BadInputError
from tests.commands import Shell

PERIODS = '[interaction]\nperiod = "3 years"\nground = "Claims lapse."\n'


@pytest.fixture
def shop(shell: Shell) -> Shell:
    shell("init")
    shell("add", "customer", "Ann Miller")
    call = ("record", "interaction", "Ann Miller", "--channel", "phone")
    shell(*call, "--at", "2015-01-05", "--summary", "old")
    shell(*call, "--summary", "new")
    Path("periods.toml").write_text(PERIODS, encoding="utf-8")
    return shell


def test_without_periods_nothing_goes(shop: Shell) -> None:
    assert "No periods are set" in shop("retention", "show")
    assert shop("retention", "run") == "No periods are set, so nothing goes.\n"
    assert shop.run("retention", "run", "--yes").code == 1


def test_template_can_be_set_as_it_is(shop: Shell) -> None:
    Path("own.toml").write_text(shop("retention", "show", "--template"), encoding="utf-8")
    told = shop("retention", "set", "own.toml", "--reason", "a start")
    assert told.startswith("Set: retention schedule, version 1, with 8 periods.")
    shown = shop("retention", "show")
    assert "10 years from the end of that year" in shown
    assert "Without a period: " in shown
    assert {rule.kind for rule in rules_from(TEMPLATE)} >= {Kept.MONEY, Kept.PROSPECT}


def test_run_erases_nothing_until_it_is_told_to(shop: Shell) -> None:
    shop("retention", "set", "periods.toml")
    shown = shop("retention", "run")
    assert "This would go:" in shown
    assert "1 entry of 1 customer would go: interaction (1). Nothing was erased." in " ".join(
        shown.split()
    )
    assert "old" in shop("history", "Ann Miller")
    assert shop("retention", "run", "--yes") == "Erased 1 entry of 1 customer.\n"
    history = shop("history", "Ann Miller")
    assert "old" not in history.replace("hold", "")
    assert "new" in history
    assert "nothing goes" in shop("retention", "run")
    assert "Nothing is amiss" in shop("verify")


def test_run_says_what_stays_and_why(shop: Shell) -> None:
    shop("retention", "set", "periods.toml")
    shop("hold", "Ann Miller", "--reason", "a court asks")
    assert "The legal hold #4 stands." in shop("retention", "run")
    shown = shop.run("retention", "run", "--yes")
    assert shown.out == "Erased 0 entries of 0 customers.\n"
    assert shown.err == "Kept although the period is over: 1 record.\n"


def test_a_day_to_come_can_be_looked_at_but_not_erased_by(shop: Shell) -> None:
    shop("retention", "set", "periods.toml")
    assert "2 entries" in shop("retention", "run", "--as-of", "2100-01-01")
    shown = shop.run("retention", "run", "--as-of", "2100-01-01", "--yes")
    assert (shown.code, shown.err) == (1, "Nothing was erased.\n")
    assert "is to come" in shown.out


def test_json_lists_all_without_keys_of_the_database(shop: Shell) -> None:
    shop("retention", "set", "periods.toml")
    found = json.loads(shop("retention", "run", "--format", "json"))
    [going] = found["plan"]["going"]
    assert (going["name"], going["kind"], going["records"]) == ("Ann Miller", "interaction", 1)
    assert "group" not in going
    assert "Ann Miller" in shop("retention", "run", "--format", "csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[photos]", "is no kind of record"),
        ("interaction = 3", "is a table"),
        ('[interaction]\nperiod = "3 years"', "ground must not be empty"),
        ('[interaction]\nground = "x"', "period is written like"),
        ('[interaction]\nground = "x"\nperiod = "some years"', "period is written like"),
        ('[interaction]\nground = "x"\nperiod = "0 years"', "counts 1 to"),
        ('[interaction]\nground = "x"\nperiod = "3 years"\nsince = "birth"', "since is one of"),
        ('[interaction]\nground = "x"\nperiod = "3 years"\nfor = 3', "not known here"),
        ('[customer]\nground = "x"\nperiod = "3 years"\nsince = "own_date"', "last_activity"),
        ("[interaction\n", "This is not TOML"),
    ],
)
def test_file_that_is_no_schedule_says_where_and_sets_nothing(
    shop: Shell, text: str, said: str
) -> None:
    with pytest.raises(BadInputError, match=said):
        rules_from(text)
    Path("wrong.toml").write_text(text, encoding="utf-8")
    assert said in shop.refused(2, "retention", "set", "wrong.toml")
    assert "No periods are set" in shop("retention", "show")
