"""Briefings: every template as it was read for respect, and versions that follow the content."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from custledger.core.briefings.content import (
    AS_USUAL,
    CustomerBriefing,
    Known,
    customer_briefing,
    team_briefing,
)
from custledger.core.briefings.html import html_of
from custledger.core.briefings.text import text_of
from custledger.core.decisions.events import DecisionKind, Reviewed
from custledger.core.decisions.scope import Limit, Scope
from custledger.core.records import Channel, Conduct, EntryRef
from custledger.core.score.reasons import Reason
from tests.core.briefing_cases import ANN, BEN, DAY, HARSH, OLGA, OWNERS, cases, decision, flagged

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "briefings"
CASES = cases()
PREPAID = Scope(limits=frozenset({Limit.PREPAYMENT_ONLY}))


def briefed(day: date = DAY, owners: tuple[str, ...] = OWNERS, **known: Any) -> CustomerBriefing:
    return customer_briefing(Known(ANN, **{"name": "Ann Miller", **known}), day, owners)


def restriction(**facts: Any) -> Any:
    return decision(DecisionKind.RESTRICTION, **{"scope": PREPAID, **facts})


@pytest.mark.parametrize("name", CASES)
def test_text_is_as_it_was_read(name: str) -> None:
    assert text_of(CASES[name]) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", sorted(GOLDEN.glob("*.html")), ids=lambda page: page.stem)
def test_page_is_as_it_was_seen(page: Path) -> None:
    assert html_of(CASES[page.stem]) == page.read_text(encoding="utf-8")


def test_every_template_was_read() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)
    assert {path.stem for path in GOLDEN.iterdir()} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_page_says_the_same_words_as_the_text(name: str) -> None:
    def flat(text: str) -> str:
        return re.sub(r"[-=\s]+", "", text)

    assert flat(words_of(html_of(CASES[name]))) == flat(text_of(CASES[name]))


@pytest.mark.parametrize("name", CASES)
def test_nobody_is_called_names_and_no_amount_score_or_contact_point_is_told(name: str) -> None:
    text = text_of(CASES[name]).lower()
    for insult in ("bad customer", "difficult", "liar", "thief", "abuser", "offender", "problem"):
        assert insult not in text
    assert not re.search(r"\beur\b|[$€£]|@", text)
    assert "of 100" not in text


def test_lines_of_the_text_fit_a_terminal() -> None:
    for case in CASES.values():
        assert max(map(len, text_of(case).splitlines())) <= 88


def test_page_loads_nothing_and_obeys_nothing_that_somebody_wrote() -> None:
    bad = "<script>alert(1)</script>\x1b[31m\u202e & 'x'"
    found = briefed(name=bad, decisions=(restriction(staff_text=bad, customer_text=bad),))
    page = html_of(team_briefing((found,), DAY, (bad,)))
    assert "<script" not in page
    assert "\x1b" not in page + text_of(found)
    assert "\u202e" not in page + text_of(found)
    assert "default-src 'none'" in page
    for outside in ("http:", "https:", "src=", "<link", "url("):
        assert outside not in page


def test_version_is_the_same_on_every_day_until_there_is_something_new() -> None:
    fit, decided = flagged("conduct"), restriction()
    first = briefed(fit=fit, adverse=HARSH, decisions=(decided,))
    later = briefed(
        DAY + timedelta(40),
        fit=replace(
            fit,
            score=77.0,
            evidence="moderate",
            standing=replace(fit.standing, adverse_days=9),
            statement=replace(fit.statement, handling_time=timedelta(hours=99)),
        ),
        adverse=(*HARSH, replace(HARSH[0], occurred_at=HARSH[0].occurred_at + timedelta(9))),
        decisions=(decided,),
    )
    assert first.version == later.version
    assert text_of(first) != text_of(later)


def test_extending_a_decision_changes_its_day_and_not_the_version() -> None:
    decided = restriction()
    again = Reviewed(decided.made.ref, DAY, OLGA, "it goes on", date(2027, 3, 1))
    extended = briefed(decisions=(replace(decided, reviews=(again,)),))
    assert extended.decided[0].until == date(2027, 3, 1)
    assert extended.version == briefed(decisions=(decided,)).version


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "Ann Smith"},
        {"adverse": HARSH[:1]},
        {"fit": flagged("both")},
        {"fit": None, "adverse": ()},
        {"decisions": ()},
        {"decisions": (restriction(staff_text="Call Otto."),)},
        {"decisions": (restriction(customer_text="We are sorry."),)},
        {"decisions": (restriction(scope=Scope(limits=frozenset({Limit.CREDIT}))),)},
        {"decisions": (restriction(), decision(DecisionKind.WARNING, 18))},
        {"owners": ("Otto",)},
    ],
    ids=lambda changed: "-".join(changed),
)
def test_version_changes_with_what_staff_know_or_do(changed: dict[str, Any]) -> None:
    known = {"fit": flagged("conduct"), "adverse": HARSH, "decisions": (restriction(),)}
    assert briefed(**{**known, **changed}).version != briefed(**known).version


def test_nothing_to_tell_has_a_version_of_its_own() -> None:
    assert briefed().version == AS_USUAL
    assert briefed().as_usual
    assert team_briefing((briefed(),), DAY, OWNERS).customers == ()
    assert team_briefing((briefed(),), DAY, OWNERS).version == AS_USUAL


def test_version_of_the_team_does_not_follow_the_order_of_the_score() -> None:
    one = briefed(decisions=(restriction(),))
    two = customer_briefing(Known(BEN, "Ben", decisions=(restriction(),)), DAY, OWNERS)
    forth, back = (team_briefing(order, DAY, OWNERS) for order in ((one, two), (two, one)))
    assert forth.version == back.version
    assert forth.version != team_briefing((one,), DAY, OWNERS).version


def test_strictest_decision_comes_first() -> None:
    kinds = (DecisionKind.WARNING, DecisionKind.DO_NOT_SERVE, DecisionKind.RESTRICTION)
    states = tuple(decision(kind, 20 + n, scope=PREPAID) for n, kind in enumerate(kinds))
    assert [d.kind for d in briefed(decisions=states).decided] == [kinds[1], kinds[2], kinds[0]]


def test_entries_under_another_name_of_the_customer_are_told_apart() -> None:
    merged = Reason("conduct", 60.0, "", entries=(7,), merged_entries=(EntryRef(BEN, 7),))
    fit = replace(flagged("conduct"), reasons=(merged,))
    state = restriction()
    elsewhere = replace(state, made=replace(state.made, ref=EntryRef(BEN, 30)))
    text = text_of(briefed(fit=fit, adverse=HARSH, decisions=(elsewhere,)))
    assert "Entries: #7, bbbbbbbb#7." in text
    assert "Restriction (bbbbbbbb#30) by" in text


def test_account_on_a_platform_is_left_to_the_decision() -> None:
    social = Scope(channels=frozenset({Channel.SOCIAL}), account="@ann.77")
    found = briefed(decisions=(decision(DecisionKind.BLOCK, scope=social),))
    assert "ann.77" not in text_of(found)


def test_advice_answers_what_was_recorded_and_nothing_else() -> None:
    assert any("abuse" in line for line in briefed(fit=flagged("conduct"), adverse=HARSH).dealing)
    misuse = replace(HARSH[0], conduct=Conduct.POLICY_ABUSE)
    dealing = briefed(fit=flagged("conduct"), adverse=(misuse,)).dealing
    assert not any("abuse" in line for line in dealing)
    assert any(line.startswith("Refunds") for line in dealing)


def words_of(page: str) -> str:
    """The words between the tags of the body."""

    class Reader(HTMLParser):
        found = ""

        def handle_data(self, data: str) -> None:
            self.found += data

    reader = Reader()
    reader.feed(page.partition("<body>")[2])
    return reader.found
