"""The demo: an invented shop in which the right people are flagged, and nobody else."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from custledger import Ledger
from custledger.edges.demo import DEMO_AS_OF, build_demo
from custledger.errors import BadInputError
from tests.commands import ACTOR, Shell


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with build_demo(tmp_path_factory.mktemp("demo") / "demo.sqlite", colleague=ACTOR) as ledger:
        yield ledger


def bands(ledger: Ledger) -> dict[str, str]:
    return {row.name: row.band for row in ledger.scores(as_of=DEMO_AS_OF)}


def test_costly_refunding_owing_and_abusive_customers_are_flagged(demo: Ledger) -> None:
    kinds = {row.name: row.kind for row in demo.scores(as_of=DEMO_AS_OF) if row.flag}
    assert kinds == {
        "Nettle Briar": "conduct",
        "Aster Flint": "conduct",
        "Clover Gage": "conduct",
        "Basil Thorne": "conduct",
        "Sage Holt": "cost",
    }
    assert demo.score("Nettle Briar", as_of=DEMO_AS_OF).habitual


@pytest.mark.parametrize(
    "name",
    [
        "Rowan Yates",  # unlucky: our fault
        "Olive Vale",  # needy, and profitable
        "Tansy Brook",  # needs a relay: accommodation
        "Verbena Crane",  # a parent in hospital: hardship
        "Willow Dene",  # one terrible day
        "Hazel Quill",
    ],
)
def test_unlucky_needy_and_accommodated_customers_are_good_ones(demo: Ledger, name: str) -> None:
    assert bands(demo)[name] == "good"


def test_what_one_colleague_alone_reports_flags_nobody(demo: Ledger) -> None:
    fit = demo.score("Yarrow Eads", as_of=DEMO_AS_OF)
    assert (fit.flag, fit.uncorroborated) == (False, True)


def test_what_would_bring_a_customer_back_is_in_proportion(demo: Ledger) -> None:
    for row in demo.scores(as_of=DEMO_AS_OF):
        fit = demo.score(row.name, as_of=DEMO_AS_OF)
        for change in fit.changes:
            if change.code == "revenue":
                assert change.money is not None
                assert change.money <= fit.statement.revenue
    assert "revenue" not in [c.code for c in demo.score("Basil Thorne", as_of=DEMO_AS_OF).changes]


def test_story_is_the_same_each_time_it_is_told(demo: Ledger, tmp_path: Path) -> None:
    with build_demo(tmp_path / "again.sqlite", colleague=ACTOR) as again:
        scores = [
            {row.name: (row.score, row.net_minor) for row in ledger.scores(as_of=DEMO_AS_OF)}
            for ledger in (demo, again)
        ]
    assert scores[0] == scores[1]


def test_trail_of_the_demo_is_whole_and_nothing_is_recorded_before_it_happened(
    demo: Ledger,
) -> None:
    assert demo.verify().ok
    for customer in demo.customers.all():
        for entry in demo.history(customer):
            assert entry.occurred_at is None or entry.occurred_at <= entry.recorded_at


def test_demo_refuses_a_path_where_something_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(BadInputError, match="already"):
        build_demo(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_demo_command_says_it_is_invented_and_every_command_it_suggests_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(tmp_path, monkeypatch, capsys)
    out = shell("demo", "my shop.sqlite")
    assert "All people and events are invented." in out
    assert "A ranking accuses nobody" in " ".join(out.split())
    assert "Nothing is amiss" in out
    suggested = [shlex.split(line) for line in out.splitlines() if line.startswith("  custledger")]
    assert len(suggested) > 3
    for _, *arguments in suggested:
        shell(*arguments)
    shell("verify", "--ledger", "my shop.sqlite")


def test_demo_without_a_path_leaves_the_folder_alone(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("temporary")))
    Shell(tmp_path, monkeypatch, capsys)("demo")
    assert list(tmp_path.iterdir()) == []


def test_suggested_commands_can_be_typed_where_the_program_is_on_no_path(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("custledger")
    environment = {"PATH": str(tmp_path), "CUSTLEDGER_ACTOR": ACTOR}

    def run(*command: str) -> str:
        return subprocess.run(
            command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        ).stdout

    suggested = [
        line.strip()
        for line in run(str(program), "demo", "d.sqlite").splitlines()
        if "--ledger" in line
    ]
    assert suggested
    assert all(line.startswith(shlex.quote(str(program))) for line in suggested)
    assert "Rowan Yates" in run(*shlex.split(suggested[0]))
