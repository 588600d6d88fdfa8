"""The command line: recording, correcting, refusing, and the rules that all commands share."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from custledger import open_ledger
from custledger.cli import app
from tests.commands import ACTOR, Shell

FUTURE = "2150-01-01"


@pytest.fixture
def shop(shell: Shell) -> Shell:
    """A shell in the folder of a ledger with one customer."""
    shell("init", "--zone", "Europe/Paris", "--region", "FR", "--hourly-rate", "30")
    shell("add", "customer", "Ann Miller", "--email", "ann@example.org")
    shell("add", "staff", "Sam")
    return shell


def commands(
    group: Any = None, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, found in (group or typer.main.get_command(app)).commands.items():
        if hasattr(found, "commands"):
            yield from commands(found, (*path, name))
        else:
            yield (*path, name), found


COMMANDS = dict(commands())


def test_no_command_but_init_and_demo_makes_a_ledger(shell: Shell) -> None:
    for arguments in (
        ["score"], ["ranking"], ["explain", "Ann"], ["brief"], ["verify"], ["history"],
        ["rebuild"], ["export"], ["import", "--example"], ["policy", "show"],
        ["add", "staff", "Sam"], ["record", "sale", "Ann", "1"],
    ):  # fmt: skip
        assert "custledger init custledger.sqlite" in shell.refused(3, *arguments)
    shell.refused(3, "upgrade")
    assert list(shell.folder.iterdir()) == []


def test_init_makes_a_ledger_with_what_was_said(shell: Shell) -> None:
    out = shell(
        "init", "shop.sqlite", "--currency", "jpy", "--margin", "0.4", "--hourly-rate", "3000"
    )
    assert out == "Made the ledger shop.sqlite: JPY, UTC; Olga is its owner.\n"
    with open_ledger(shell.folder / "shop.sqlite", actor=ACTOR) as ledger:
        assert ledger.currency == "JPY"
        assert ledger.score_policies.current().margin == 0.4
        assert str(ledger.staff.rates()[0].rate) == "3,000 JPY"


def test_second_init_is_refused_and_changes_nothing(shop: Shell) -> None:
    before = shop("export")
    assert "already" in shop.refused(2, "init")
    assert shop("export") == before


@pytest.mark.parametrize(
    "wrong",
    [["--margin", "40"], ["--hourly-rate", "many"], ["--zone", "Mars"], ["--currency", "XXX"]],
)
def test_init_that_is_refused_leaves_no_ledger(shell: Shell, wrong: list[str]) -> None:
    shell.refused(2, "init", *wrong)
    assert shell.run("score").code == 3


def test_unregistered_actor_is_refused_with_the_remedy(shop: Shell) -> None:
    assert "add staff Bob" in shop.refused(4, "--actor", "Bob", "score")


def test_options_after_the_command_win_over_those_before_it_and_the_environment(
    shop: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTLEDGER_LEDGER", "nowhere.sqlite")
    shop.refused(3, "ranking")
    shop("--ledger", "custledger.sqlite", "ranking")
    shop("--ledger", "elsewhere.sqlite", "ranking", "--ledger", "custledger.sqlite")
    shop("--actor", "Sam", "ranking", "-l", "custledger.sqlite")
    shop.refused(4, "--actor", "Sam", "ranking", "-l", "custledger.sqlite", "-a", "Bob")


def test_every_kind_of_money_can_be_recorded(shop: Shell) -> None:
    record = ("record",)
    assert shop(*record, "invoice", "Ann", "120", "--due", "2026-07-31") == (
        "Recorded as Ann Miller#2: invoice 120.00 EUR, due 2026-07-31.\n"
    )
    shop(*record, "payment", "Ann", "20", "--applies-to", "#2")
    shop(*record, "sale", "Ann", "15000", "--currency", "jpy")
    shop(*record, "refund", "Ann", "40", "--goods-returned", "--fault", "ours", "--applies-to", "2")
    shop(*record, "chargeback", "Ann", "5")
    shop(*record, "write-off", "Ann", "5", "--at", "2026-02-03")
    shop(*record, "concession", "Ann", "5", "--summary", "for the long wait")
    with open_ledger("custledger.sqlite", actor=ACTOR) as ledger:
        found = ledger.money.of("Ann")
    assert sorted(entry.kind.value for entry in found) == [
        "chargeback", "concession", "invoice", "payment", "refund", "sale", "write_off",
    ]  # fmt: skip
    assert {entry.kind: entry.applies_to for entry in found}["payment"].seq == 2


def test_interaction_is_recorded_with_everything_that_was_said(shop: Shell) -> None:
    shop(
        "record", "interaction", "ann@example.org", "--channel", "phone", "--minutes", "12.5",
        "--staff", "Sam", "--purpose", "complaint", "--conduct", "threat", "--fault", "shared",
        "--direction", "out", "--at", "2026-03-01 14:30", "--known-at", "2026-03-02", "--summary",
        "a", "--customer-words", "b", "--staff-note", "c", "--case", "d", "--product", "e",
        "--cause", "f", "--tag", "hardship", "--tag", "vip",
    )  # fmt: skip
    with open_ledger("custledger.sqlite", actor=ACTOR) as ledger:
        [found] = ledger.interactions.of("Ann")
    assert found.occurred_at.isoformat() == "2026-03-01T13:30:00+00:00"  # told in Paris time
    assert found.known_at.isoformat() == "2026-03-01T23:00:00+00:00"
    assert found.handling_time is not None
    assert found.handling_time.total_seconds() == 750
    assert (found.summary, found.customer_words, found.staff_note) == ("a", "b", "c")
    assert (found.case, found.product, found.cause) == ("d", "e", "f")
    assert found.tags == {"hardship", "vip"}


def test_correction_and_void_keep_the_history(shop: Shell) -> None:
    shop("record", "sale", "Ann", "12.05")
    shop("record", "interaction", "Ann", "--channel", "chat")
    assert "12.50 EUR" in shop(
        "record", "correct", "Ann#2", "--amount", "12.50", "--reason", "typo"
    )
    shop("record", "correct", "Ann#3", "--fault", "ours", "--minutes", "4", "--reason", "asked Sam")
    shop("record", "void", "Ann#2", "--reason", "recorded twice")
    with open_ledger("custledger.sqlite", actor=ACTOR) as ledger:
        assert ledger.money.of("Ann") == []
        assert ledger.interactions.of("Ann")[0].fault == "ours"
    history = json.loads(shop("history", "Ann", "--format", "json"))
    assert [entry["kind"] for entry in history] == [
        "customer", "sale", "interaction", "sale", "interaction", "void",
    ]  # fmt: skip
    assert "(corrects #2, superseded by #6)" in " ".join(shop("history", "Ann").split())


def test_customer_is_corrected_by_the_own_entry(shop: Shell) -> None:
    shop("record", "correct", "Ann#1", "--phone", "+33123456789", "--reason", "she called")
    out = shop(
        "record", "correct", "Ann Miller#1", "--name", "Ann Marsh", "--email", "ann@marsh.example",
        "--status", "former", "--joined", "2025-02-01", "--staff-note", "n", "--reason", "married",
    )  # fmt: skip
    assert out == (
        "Corrected: Ann Marsh, former, joined 2025-02-01, ann@marsh.example, +33123456789.\n"
    )
    with open_ledger("custledger.sqlite", actor=ACTOR) as ledger:
        [ann] = ledger.customers.all()
        entries = ledger.history(ann)
    assert (ann.status, ann.joined_on.isoformat(), ann.staff_note) == ("former", "2025-02-01", "n")
    assert [point.value for point in ann.contact_points] == ["ann@marsh.example", "+33123456789"]
    assert [entry.supersedes for entry in entries] == [None, 1, 2]
    shop("record", "correct", "Ann Marsh#3", "--name", "Ann", "--reason", "by the latest entry too")


def test_customer_can_be_voided_once_nothing_stands_under_the_name(shop: Shell) -> None:
    shop("record", "sale", "Ann", "12")
    assert "Void these first" in shop.refused(2, "record", "void", "Ann#1", "--reason", "a test")
    shop("record", "void", "Ann#2", "--reason", "a test")
    shop("record", "void", "Ann#1", "--reason", "a test")
    assert json.loads(shop("ranking", "--format", "json")) == []
    assert "Ann" not in shop("export")
    shop.refused(3, "record", "void", "Ann#1", "--reason", "again")


def test_option_that_is_no_fact_of_the_entry_is_refused_by_its_name(shop: Shell) -> None:
    shop("record", "sale", "Ann", "12")
    shop("record", "interaction", "Ann", "--channel", "chat")
    shop("record", "evidence", "Ann", "--text", "hello")
    before = shop("export")
    for line, said in (
        ("Ann#1 --fault ours --minutes 3", "A customer has no --fault, --minutes. It has: --email"),
        ("Ann#2 --minutes 3", "An entry of money has no --minutes."),
        ("Ann#3 --amount 3", "A contact has no --amount."),
        ("Ann#3 --name Bob", "It has: --at, --cause, --conduct,"),
        ("Ann#1", "Nothing to correct"),
        ("Ann#4 --summary hi", "void it and attach it again"),
    ):
        told = shop.refused(2, "record", "correct", *line.split(), "--reason", "r")
        assert said in told
    assert shop("export") == before


def test_staff_are_listed_with_their_rates_and_can_leave(shop: Shell) -> None:
    shop("add", "staff", "Noor", "--hourly-rate", "40")
    shop("add", "staff", "till", "--role", "program")
    shop("add", "rate", "99", "--staff", "Noor", "--from", FUTURE)
    assert "can no longer write" in shop("staff", "deactivate", "Sam")
    rows = json.loads(shop("staff", "list", "--format", "json"))
    assert [(row["name"], row["role"], row["active"], row["own_rate"]) for row in rows] == [
        ("Olga", "owner", True, False),
        ("Sam", "agent", False, False),
        ("Noor", "agent", True, True),
        ("till", "program", True, False),
    ]
    assert [row["hourly_rate"]["amount"] for row in rows] == ["30.00", "30.00", "40.00", "30.00"]
    words = [line.split() for line in shop("staff", "list").splitlines()]
    lines = [" ".join([*word[:1], *word[2:]]) for word in words]
    assert "Sam agent 30.00 EUR, as everyone no, has left" in lines
    assert "Noor agent 40.00 EUR yes" in lines
    shop.refused(4, "--actor", "Sam", "record", "sale", "Ann", "5")
    assert "yourself" in shop.refused(2, "staff", "deactivate", "Olga")
    shop.refused(3, "staff", "deactivate", "Nobody")


def test_time_in_the_future_is_recorded_with_a_warning(shop: Shell) -> None:
    for line in ("sale Ann 5", "interaction Ann --channel chat", "evidence Ann --text hello"):
        shown = shop.run("record", *line.split(), "--at", FUTURE)
        assert shown.code == 0
        assert f"--at {FUTURE} lies in the future" in shown.err
    shown = shop.run("record", "correct", "Ann#2", "--at", "2026-01-01", "--reason", "typo")
    assert (shown.code, shown.err) == (0, "")


def test_explanation_of_a_customer_who_is_not_flagged_says_no_more_than_that(shop: Shell) -> None:
    shop("policy", "set", "--margin", "0.4")
    shop("record", "interaction", "Ann", "--channel", "phone", "--conduct", "threat")
    out = " ".join(shop("explain", "Ann").split())
    assert "The customer is not flagged" in out
    assert "Nothing is held against" not in out


def test_correction_without_a_change_is_refused(shop: Shell) -> None:
    shop("record", "sale", "Ann", "12")
    assert "--amount" in shop.refused(2, "record", "correct", "Ann#2", "--reason", "none")


def test_evidence_is_kept_for_a_customer_or_an_entry(shop: Shell) -> None:
    shop("record", "interaction", "Ann", "--channel", "email")
    (shop.folder / "mail.eml").write_bytes(b"Subject: Late\n\nDear shop")
    shop("record", "evidence", "Ann#2", "--file", "mail.eml", "--caption", "the mail")
    assert "text/plain, 5 bytes" in shop("record", "evidence", "Ann", "--text", "hello")
    with open_ledger("custledger.sqlite", actor=ACTOR) as ledger:
        mail, text = ledger.evidence.of("Ann")
        assert mail.interaction is not None
        assert b"".join(ledger.evidence.read(mail)) == b"Subject: Late\n\nDear shop"
        assert text.interaction is None
    shop("record", "void", "Ann#4", "--reason", "wrong customer")


def test_customer_is_found_by_the_first_digits_of_the_id(shop: Shell) -> None:
    row = json.loads(shop("ranking", "--format", "json"))[0]
    assert "Ann Miller" in shop("explain", row["customer_id"][:8])


def test_ambiguous_customer_is_refused_with_the_candidates(shop: Shell) -> None:
    shop("add", "customer", "Ann Smith")
    said = shop.refused(3, "explain", "Ann")
    assert "Ann Miller (" in said
    assert "Ann Smith (" in said


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (3, "explain Nobody"),
        (2, "record sale Ann twelve"),
        (2, "record sale Ann -- -5"),
        (2, "record sale Ann 5 --currency XYZ"),
        (2, "record sale Ann 5 --at yesterday"),
        (2, "record payment Ann 5 --applies-to 1"),
        (2, "record void Ann7 --reason typo"),
        (3, "record void Ann#77 --reason typo"),
        (3, "record correct Ann#9 --reason typo --fault ours"),
        (2, "add customer ''"),
        (2, "add staff Sam"),
        (2, "add rate 3O"),
        (2, "add exchange-rate EUR 1"),
        (3, "add rate 30 --staff Nobody"),
        (2, "policy set"),
        (2, "policy set --margin 40"),
        (3, "policy show --version 9"),
        (2, "import"),
        (2, "import missing.csv"),
        (3, "import --undo 1 --reason typo"),
        (2, "import --undo 1"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line_and_changes_nothing(
    shop: Shell, code: int, line: str
) -> None:
    before = shop("export")
    shop.refused(code, *shlex.split(line))
    assert shop("export") == before


def test_misspelt_options_and_days_are_usage_errors(shop: Shell) -> None:
    for line in (
        "score --as-off 2026-01-01",
        "score --as-of 2026-13-01",
        "scores",
        "record sale Ann",
    ):
        shown = shop.run(*line.split())
        assert shown.code == 2
        assert "Traceback" not in shown.err


def test_something_else_at_the_path_is_refused_and_left_alone(shell: Shell) -> None:
    (shell.folder / "notes.txt").write_text("not a ledger", encoding="utf-8")
    shell.refused(5, "init", "notes.txt")
    shell.refused(5, "score", "--ledger", "notes.txt")
    shell.refused(5, "verify", "--ledger", ".")
    assert (shell.folder / "notes.txt").read_text(encoding="utf-8") == "not a ledger"


def test_missing_folder_is_refused_with_the_remedy(shell: Shell) -> None:
    assert "Create it first" in shell.refused(8, "init", "nowhere/shop.sqlite")


def test_control_characters_of_a_name_never_reach_the_terminal(shop: Shell) -> None:
    shop("add", "customer", "Eve \x1b[31m\u202eevil", "--joined", "2026-01-01")
    for line in ("ranking", "score", "history Eve", "explain Eve"):
        out = shop(*line.split())
        assert "\x1b" not in out
        assert "\u202e" not in out


def test_names_with_brackets_are_printed_as_they_are(shop: Shell) -> None:
    shop("add", "customer", "[bold]Acme[/bold] :smile: [red]")
    assert "[bold]Acme[/bold] :smile: [red]" in shop("score")


def test_nothing_is_coloured_and_no_bar_drawn_where_nobody_watches(shop: Shell) -> None:
    for line in ("verify", "score", "ranking", "import --example"):
        shown = shop.run(*line.split())
        assert "\x1b" not in shown.out + shown.err
        assert shown.err == ""


def test_output_that_the_terminal_cannot_encode_is_replaced(shop: Shell) -> None:
    shop("add", "customer", "Zoë Łukasz")
    done = subprocess.run(
        [sys.executable, "-m", "custledger", "ranking"],
        capture_output=True,
        env={"PATH": "", "PYTHONIOENCODING": "ascii", "CUSTLEDGER_ACTOR": ACTOR,
             "PYTHONPATH": str(Path(__file__).parents[1])},
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"Zo? ?ukasz" in done.stdout


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_of_command_has_examples_that_parse(shell: Shell, path: tuple[str, ...]) -> None:
    shown = shell("--help") and shell(*path, "--help")
    examples = [line.strip() for line in shown.partition("Examples:\n")[2].splitlines()]
    assert examples
    for example in examples:
        words = shlex.split(example.partition(" > ")[0])
        assert words[: len(path) + 1] == ["custledger", *path]
        COMMANDS[path].make_context(path[-1], words[len(path) + 1 :])
