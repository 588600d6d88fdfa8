"""Letters that give notice: whole texts, and what is never in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from custledger import open_ledger
from custledger.edges.letters import Letter, notice_letter
from custledger.errors import BadInputError
from custledger.pytest_plugin import Clock
from tests.edges.letter_help import ROUTE, STAFF_WORDS, decided, letters

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "letters"
NAMES = ("warning", "restriction", "hours", "block", "do_not_serve", "bypass", "some_actions")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Letter]:
    return dict(letters(tmp_path_factory.mktemp("letters") / "ledger.sqlite"))


@pytest.mark.parametrize("name", NAMES)
def test_letter_reads_as_it_was_read_for_respect(written: dict[str, Letter], name: str) -> None:
    letter = written[name]
    assert letter.text == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert letter.html == (GOLDEN / f"{name}.html").read_text(encoding="utf-8")
    assert str(letter) == letter.text


@pytest.mark.parametrize("name", NAMES)
def test_letter_has_no_word_for_staff_and_no_score(written: dict[str, Letter], name: str) -> None:
    for text in (written[name].text, written[name].html):
        flat = " ".join(text.split())
        assert STAFF_WORDS not in flat
        assert "saw it happen" not in flat
        assert "score" not in flat.lower()
        assert "fit" not in flat.lower().split()


def test_name_of_a_customer_cannot_write_into_the_page(written: dict[str, Letter]) -> None:
    assert "Ann &lt;b&gt;Miller&lt;/b&gt; &amp; Sons" in written["warning"].html
    assert "<b>" not in written["warning"].html


def test_letter_holds_nothing_that_a_terminal_or_a_page_obeys(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite", actor="Olga Field", now=Clock()) as ledger:
        ann = ledger.customers.add("Ann\x1b[2J Miller")
        letter = notice_letter(ledger, decided(ledger, ann)["warning"], appeal_route="Ask \x07us.")
    for page in (letter.text, letter.html):
        assert "Ann\ufffd[2J Miller" in page
        assert all(sign.isprintable() or sign == "\n" for sign in page)


def test_letter_is_of_a_decision_that_holds_and_names_a_way_to_appeal(tmp_path: Path) -> None:
    clock = Clock()
    with open_ledger(tmp_path / "ledger.sqlite", actor="Olga", now=clock) as ledger:
        ann = ledger.customers.add("Ann")
        warning = decided(ledger, ann)["warning"]
        with pytest.raises(BadInputError, match="appeal_route"):
            notice_letter(ledger, warning, appeal_route=" ")
        ledger.decisions.notice(warning, how="letter", appeal_route=ROUTE)
        clock.set(clock().replace(month=3))
        again = notice_letter(ledger, warning, appeal_route=ROUTE)
        assert "until 25 January 2026" in again.text  # the window is that of the notice
        ledger.decisions.end(warning, reasons="Friendly since January.")
        with pytest.raises(BadInputError, match="no longer holds"):
            notice_letter(ledger, warning, appeal_route=ROUTE)
