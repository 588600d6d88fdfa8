"""custledger access and custledger contest."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.commands import Shell


@pytest.fixture
def shop(shell: Shell) -> Shell:
    shell("init")
    shell("add", "customer", "Ann Miller", "--email", "ann@example.org")
    shell(
        *("record", "interaction", "Ann Miller", "--channel", "phone", "--conduct"),
        *("verbal_abuse", "--summary", "shouted", "--staff-note", "loud"),
    )
    return shell


def test_request_is_listed_until_it_is_answered(shop: Shell) -> None:
    told = shop("access", "request", "Ann Miller", "--how", "mail", "--received", "2026-01-31")
    assert told == "Recorded as Ann Miller#3. Answer by 28 February 2026.\n"
    listed = shop("access", "list")
    assert "Ann Miller#3" in listed
    assert "open, overdue" in listed
    assert json.loads(shop("access", "list", "--format", "json"))[0]["due_on"] == "2026-02-28"
    told = shop("access", "answer", "Ann Miller#3", "--how", "mail")
    assert told == "Answered: Ann Miller#3. That was late.\n"
    assert shop("access", "list") == "Nobody waits for an answer.\n"
    assert "answered" in shop("access", "list", "--all")


def test_steps_that_are_not_allowed_say_why_and_exit_with_1(shop: Shell) -> None:
    shop("access", "request", "Ann Miller", "--how", "mail", "--received", "2026-01-31")
    shown = shop.run("access", "extend", "Ann Miller#3", "--reason", "much to read")
    assert (shown.code, shown.err) == (1, "Nothing was written.\n")
    assert "by 28 February 2026" in shown.out
    told = shop("access", "refuse", "Ann Miller#3", "--reason", "the fifth this week")
    assert told == "Refused: Ann Miller#3.\n"
    shown = shop.run("access", "answer", "Ann Miller#3", "--how", "mail")
    assert shown.code == 1
    assert "It was refused on" in shown.out


def test_extension_says_the_new_day(shop: Shell) -> None:
    shop("access", "request", "Ann Miller", "--how", "mail")
    assert "Extended: answer by" in shop(
        "access", "extend", "Ann Miller#3", "--reason", "ten years of mail"
    )


def test_write_says_what_it_left_out_and_what_it_lacks(shop: Shell) -> None:
    shown = shop.run("access", "write", "Ann Miller", "-o", "ann")
    assert shown.code == 0
    assert shown.out.startswith("Wrote ann: 2 entries, no files of evidence. Open ann")
    assert "1 text for staff only left out" in shown.err
    assert "--foreword" in shown.err
    assert "loud" not in (shop.folder / "ann" / "access.html").read_text(encoding="utf-8")
    again = shop.run("access", "write", "Ann Miller", "-o", "ann")
    assert again.code == 2
    assert "not empty" in again.err


def test_write_with_everything_and_the_digest_of_what_was_handed_out(shop: Shell) -> None:
    (shop.folder / "who.txt").write_text("Miller & Sons", encoding="utf-8")
    shop("access", "request", "Ann Miller", "--how", "mail")
    shown = shop.run(
        *("access", "write", "Ann Miller", "-o", "ann", "--foreword", "who.txt"),
        *("--staff-texts", "--staff-names", "--dossier"),
    )
    assert shown.err == "Read it before you hand it out: texts may name other people.\n"
    page = (shop.folder / "ann" / "access.html").read_text(encoding="utf-8")
    for told in ("Miller &amp; Sons", "loud", "Olga"):
        assert told in page
    assert (shop.folder / "ann" / "dossier.zip").exists()
    shop("access", "answer", "Ann Miller#3", "--how", "mail", "--file", "ann/access.json")
    data = (shop.folder / "ann" / "access.json").read_bytes()
    history = json.loads(shop("history", "Ann Miller", "--format", "json"))
    assert history[-1]["facts"]["mark"] == hashlib.sha256(data).hexdigest()


def test_contest_is_shown_where_the_entry_is_read_and_decided(shop: Shell) -> None:
    told = shop("contest", "add", "Ann Miller#2", "--words", "I never shouted")
    assert told.startswith("Recorded as Ann Miller#3. Decide by ")
    assert "disputed by the customer, #3" in " ".join(shop("history", "Ann Miller").split())
    assert '#2: "I never shouted"' in shop("explain", "Ann Miller")
    assert "I never shouted" in shop("contest", "list")
    shown = shop.run(
        "contest", "decide", "Ann Miller#3", "--rectified", "--reasons", "the tape shows it"
    )
    assert (shown.code, shown.err) == (1, "Nothing was written.\n")
    shop("record", "correct", "Ann Miller#2", "--conduct", "none", "--reason", "the tape")
    told = shop(
        "contest", "decide", "Ann Miller#3", "--rectified", "--reasons", "the tape shows it"
    )
    assert told == "Rectified by #4: Ann Miller#3.\n"
    assert shop("contest", "list") == "Nothing waits for a decision.\n"
    assert "rectified" in shop("contest", "list", "--all")
    assert "disputed" not in shop("history", "Ann Miller").replace("disputes", "")


def test_contest_is_refused_with_reasons(shop: Shell) -> None:
    shop("contest", "add", "Ann Miller#2", "--words", "I never shouted")
    told = shop("contest", "decide", "Ann Miller#3", "--refused", "--reasons", "two heard it")
    assert told == "It stays as it is: Ann Miller#3.\n"


@pytest.mark.parametrize(
    ("code", "arguments", "said"),
    [
        (2, ("access", "answer", "Ann Miller", "--how", "mail"), "is not an entry"),
        (3, ("access", "answer", "Ann Miller#2", "--how", "mail"), "There is no subject access"),
        (2, ("access", "answer", "Ann Miller#2", "--how", "x", "--file", "no"), "cannot be read"),
        (2, ("access", "write", "Ann Miller", "-o", "a", "--foreword", "no"), "cannot be read"),
        (3, ("access", "request", "Nobody", "--how", "mail"), "No customer is found"),
        (2, ("contest", "decide", "Ann Miller#2", "--reasons", "x"), "--rectified or --refused"),
        (
            2,
            ("contest", "decide", "Ann Miller#2", "--refused", "--reasons", "x", "--by", "#1"),
            "goes with --rectified",
        ),
        (3, ("contest", "add", "Ann Miller#9", "--words", "x"), "There is no entry"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(
    shop: Shell, code: int, arguments: tuple[str, ...], said: str
) -> None:
    assert said in shop.refused(code, *arguments)
