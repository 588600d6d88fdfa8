"""The command line: scores, rankings, explanations, briefings, verification, imports, policies."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from custledger import open_ledger
from custledger.cli import main
from tests.attacker import attack
from tests.commands import ACTOR, Shell

ONE_BAD_ROW = "external_id,name,joined_on\n1,Ann,2026-01-01\n2,Bob,one fine day\n"
AMOUNT = re.compile(r" (-?[\d,]+\.\d\d) GBP")
DAY = ("--as-of", "2011-12-09")


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with the real sales that custledger ships."""
    path = tmp_path_factory.mktemp("sales") / "custledger.sqlite"
    base = ["--ledger", str(path), "--actor", ACTOR]
    assert main([*base, "init", "--currency", "GBP", "--zone", "Europe/London"]) == 0
    assert main([*base, "import", "--example"]) == 0
    return path


@pytest.fixture
def shop(
    sales: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    """A shell in the folder of a copy of it."""
    shutil.copy(sales, tmp_path)
    return Shell(tmp_path, monkeypatch, capsys)


def test_json_and_csv_of_scores_hold_every_field(shop: Shell) -> None:
    with open_ledger("custledger.sqlite", actor=ACTOR) as ledger:
        rows = [asdict(row) for row in ledger.scores(as_of=date(2011, 12, 9))]
    assert json.loads(shop("score", *DAY, "--format", "json")) == rows
    table = list(csv.DictReader(io.StringIO(shop("score", *DAY, "--format", "csv"))))
    assert [list(row) for row in table] == [list(row) for row in rows]
    assert [float(row["score"]) for row in table] == [row["score"] for row in rows]
    assert {row["flag"] for row in table} == {"false"}


def test_json_and_csv_of_ranking_hold_every_field(shop: Shell) -> None:
    with open_ledger("custledger.sqlite", actor=ACTOR) as ledger:
        rows = [asdict(row) for row in ledger.ranking()]
    assert json.loads(shop("ranking", "-f", "json")) == rows
    assert len(shop("ranking", "-f", "csv", "--top", "3").splitlines()) == 4


@pytest.mark.parametrize(
    "command", ["score", "ranking", "history", "explain 12503", "brief", "verify"]
)
@pytest.mark.parametrize("form", ["json", "csv"])
def test_machine_formats_are_whole(shop: Shell, command: str, form: str) -> None:
    out = shop(*command.split(), "--format", form)
    if form == "json":
        json.loads(out)
    else:
        assert len({len(row) for row in csv.reader(io.StringIO(out))}) == 1


def test_without_a_margin_the_score_says_that_nobody_can_be_flagged(shop: Shell) -> None:
    out = " ".join(shop("score", *DAY).split())
    assert "nobody can be flagged" in out
    assert "custledger policy set --margin 0.4" in out
    shop("policy", "set", "--margin", "0.4")
    assert "nobody can be flagged" not in shop("score", *DAY)


def test_ranking_says_that_it_accuses_nobody(shop: Shell) -> None:
    out = " ".join(shop("ranking", "--top", "2").split())
    assert "A ranking accuses nobody" in out
    assert "The first 2 of 60 customers" in out


@pytest.mark.parametrize("width", ["60", "80", "120"])
def test_names_and_figures_are_whole_at_any_width(
    shop: Shell, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    out = " ".join(shop("ranking", "--top", "3").split())
    assert "…" not in out
    assert "-1,192.20" in out


def test_explanation_adds_up_in_points_and_in_money(shop: Shell) -> None:
    shop("policy", "set", "--margin", "0.4")
    out = shop("explain", "Customer 12503", *DAY)
    rows = [line.split() for line in out.splitlines()]
    points = [float(row[0]) for row in rows if row and row[0][0] in "+-" and row[0][1:2].isdigit()]
    assert round(sum(points[:-1]), 1) == points[-1]
    lines = out.partition("these lines add up")[2].partition("\n\n")[0].splitlines()
    lines = [line for line in lines if not line.startswith("  An hour brings")]
    money = [float(match[1].replace(",", "")) for match in map(AMOUNT.search, lines) if match]
    assert len(money) > 1
    assert round(sum(money[:-1]), 2) == money[-1]
    assert "named person decides" in " ".join(out.split())


def test_explanation_cites_entries_with_what_they_are(shop: Shell) -> None:
    shop("policy", "set", "--margin", "0.4")
    found = json.loads(shop("explain", "Customer 12503", *DAY, "--format", "json"))
    cited = {seq for reason in found["fit"]["reasons"] for seq in reason["entries"]}
    assert cited
    assert {entry["seq"] for entry in found["entries"]} == cited
    assert f"#{min(cited)}" in shop("explain", "Customer 12503", *DAY)


def test_verify_exits_with_1_and_names_the_entry(shop: Shell) -> None:
    assert "Nothing is amiss" in shop("verify")
    with attack("custledger.sqlite") as attacker:
        attacker.run("UPDATE custledger_customer SET name = 'Nobody' WHERE name = 'Customer 12503'")
    shown = shop.run("verify")
    assert shown.code == 1
    assert "copy-changed" in shown.out
    assert "/1]" in shown.out
    assert "custledger rebuild" in shown.err
    assert json.loads(shop.run("verify", "--format", "json").out)["ok"] is False


def test_rebuild_mends_a_changed_copy(shop: Shell) -> None:
    with attack("custledger.sqlite") as attacker:
        attacker.run("UPDATE custledger_customer SET name = 'Nobody', name_folded = 'nobody'")
    shop("rebuild")
    assert "Customer 12503" in shop("ranking")


def test_policy_is_set_shown_and_calibrated_in_versions(shop: Shell) -> None:
    shop("policy", "set", "--margin", "0.4", "--half-life-days", "365", "--grace-days", "45")
    shop("policy", "calibrate", *DAY)
    assert "version 3" in shop("policy", "show")
    old, new = (
        json.loads(shop("policy", "show", "--version", version, "-f", "json")) for version in "23"
    )
    assert (old["margin"], old["half_life_days"], old["grace_days"]) == (0.4, 365.0, 45)
    assert (old["calibrated"], new["calibrated"]) == (False, True)


def test_second_import_adds_nothing_and_an_import_can_be_undone(shop: Shell) -> None:
    before = shop("export")
    assert "added: nothing" in shop("import", "--example")
    assert "finished" in shop("import", "--list")
    assert "undone" in shop("import", "--undo", "1", "--reason", "wrong file")
    assert shop("export") != before
    assert json.loads(shop("ranking", "-f", "json")) == []
    shop("import", "--example")
    assert shop("export") == before


def test_rejected_rows_are_told_on_standard_error_and_the_rest_goes_in(shop: Shell) -> None:
    (shop.folder / "c.csv").write_text(ONE_BAD_ROW, encoding="utf-8")
    shown = shop.run("import", "c.csv")
    assert shown.code == 0
    assert "rejected: 1" in shown.out
    assert "Line 3:" in shown.err
    assert "c.csv.rejects.csv" in shown.err
    assert (shop.folder / "c.csv.rejects.csv").exists()


def test_what_was_voided_by_hand_stays_voided_and_the_import_says_so(shop: Shell) -> None:
    (shop.folder / "c.csv").write_text("external_id,name\nX1,Ann Miller\n", encoding="utf-8")
    shop("import", "c.csv")
    shop("record", "void", "Ann Miller#1", "--reason", "a test")
    before = shop("export")
    shown = shop.run("import", "c.csv")
    assert shown.code == 0
    assert shown.err == "Line 2: X1 was voided by hand, and stays voided.\n"
    assert shop("export") == before


def test_strict_import_of_a_file_with_a_bad_row_writes_nothing(shop: Shell) -> None:
    before = shop("export")
    (shop.folder / "c.csv").write_text(ONE_BAD_ROW, encoding="utf-8")
    shown = shop.run("import", "c.csv", "--strict")
    assert shown.code == 2
    assert "Nothing was imported" in shown.err
    assert shop("export") == before


def test_file_that_cannot_be_imported_is_refused_in_one_line(shop: Shell) -> None:
    (shop.folder / "c.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    shop.refused(2, "import", "c.csv")
    shop.refused(2, "import", "c.csv", "--mapping", "nowhere.toml")
