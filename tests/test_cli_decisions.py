"""custledger check and custledger decision: what they print, and what they refuse."""

from __future__ import annotations

import json

import pytest

from tests.commands import Shell

FACTS = (
    *("--reasons", "Threatened Mia again after the warning."),
    *("--staff-text", "Pass calls to Olga."),
    *("--customer-text", "Please find another caterer."),
)
ROUTE = ("--appeal-route", "Write to Sam.")
KNIFE = ("--safety", "2", "--bypass", "He came to the door with a knife.")


@pytest.fixture
def shop(shell: Shell) -> Shell:
    shell("init")
    shell("add", "customer", "Ann Miller", "--email", "ann@example.org")
    shell("add", "staff", "Sam")
    threat = ("--conduct", "threat", "--summary", "threatened Mia")
    shell("record", "interaction", "Ann Miller", "--channel", "phone", *threat)
    return shell


def warn(shop: Shell) -> str:
    return shop("decision", "warn", "Ann Miller", "--incident", "2", *FACTS)


def ban(shop: Shell) -> str:
    return shop("decision", "do-not-serve", "Ann Miller", "--incident", "2", *KNIFE, *FACTS)


def refusal(shop: Shell, *arguments: str) -> list[str]:
    """The lines of a refusal: exit code 1, and nothing was written."""
    before = shop("history", "Ann Miller")
    shown = shop.run(*arguments)
    assert shown.code == 1, shown
    assert shop("history", "Ann Miller") == before
    *lines, last = shown.out.splitlines()
    assert last == "Nothing was written."
    return lines


def test_warning_says_that_it_waits_for_its_notice_and_then_that_it_holds(shop: Shell) -> None:
    assert warn(shop) == (
        "Warned: Ann Miller#3. Warning, waits for its notice.\n"
        "It does not hold before the customer was told. The letter: custledger decision letter "
        "'Ann Miller#3' --appeal-route ... Then: custledger decision notice 'Ann Miller#3' ...\n"
    )
    letter = shop("decision", "letter", "Ann Miller#3", *ROUTE)
    assert "Dear Ann Miller," in letter
    assert "Pass calls to Olga" not in letter
    told = shop("decision", "notice", "Ann Miller#3", "--how", "letter", *ROUTE)
    assert told.startswith("Notice recorded: Ann Miller#4. Warning, in force; lapses on ")
    twice = refusal(shop, "decision", "notice", "Ann Miller#3", "--how", "letter", *ROUTE)
    assert twice[0].startswith("Notice was given on ")


def test_letter_is_written_as_a_page(shop: Shell) -> None:
    warn(shop)
    told = shop("decision", "letter", "Ann Miller#3", *ROUTE, "--html", "letter.html")
    assert told == "Wrote the letter to letter.html.\n"
    assert "<h1>A warning, and a request</h1>" in (shop.folder / "letter.html").read_text()


def test_do_not_serve_without_its_steps_is_refused_with_every_reason(shop: Shell) -> None:
    wanted = ("decision", "do-not-serve", "Ann Miller", *FACTS)
    assert refusal(shop, *wanted, "--incident", "2") == [
        "It needs enough evidence: the score's flag of these days, or an incident that put "
        "somebody's safety at risk.",
        "It needs a warning that the customer was told of and that is in force: warn first.",
    ]
    assert refusal(shop, *wanted, "--incident", "9", "--safety", "2")[0] == (
        "#9 is no contact, money entry or evidence of this customer that stands. Name one that "
        "does: `custledger history` lists them."
    )


def test_check_prints_the_answer_the_reasons_and_what_to_say(shop: Shell) -> None:
    assert shop("check", "Ann Miller", "order") == "allow\nNo decision is in force.\n"
    assert "Marked: took effect at once for somebody's safety.\n" in ban(shop)
    shown = shop.run("check", "Ann Miller", "order")
    assert shown.out == (
        "deny\n"
        "Do-not-serve (3): the firm no longer works with this customer.\n"
        "Staff: Pass calls to Olga.\n"
        "Tell the customer: Please find another caterer.\n"
    )
    assert shown.err == "See: custledger decision show 'Ann Miller#3'\n"
    assert shop("check", "ann@example.org", "order").startswith("warn\nShares a contact point")
    assert shop("check", "Ann Miller", "order", "--already-paid").startswith("warn\n")
    answer = json.loads(shop("check", "Ann Miller", "order", "--format", "json"))
    assert (answer["verdict"], answer["decision"].rpartition("/")[2]) == ("deny", "3")
    assert "No customer is found" in shop.refused(3, "check", "Zoe", "order")
    assert "not as csv" in shop.refused(2, "check", "Ann Miller", "order", "-f", "csv")


def test_phone_number_and_contacts_of_an_order_are_looked_at(shop: Shell) -> None:
    ban(shop)
    assert shop("check", "+33 1 23 45 67 89", "order").startswith("allow\n")
    given = ("--contact", "ann@example.org")
    assert shop("check", "+33 1 23 45 67 89", "order", *given).startswith("warn\n")
    assert shop("check", "0123456789", "order").startswith("allow\n")


def test_appeal_is_decided_by_a_colleague_and_counted(shop: Shell) -> None:
    ban(shop)
    told = shop("decision", "appeal", "Ann Miller#3", "--words", "It was not me.")
    assert told.splitlines()[-1].startswith("Another registered person decides it")
    decide = ("decision", "decide-appeal", "Ann Miller#3", "--overturn", "--reasons")
    assert refusal(shop, *decide, "It was another voice on the tape.") == [
        "The appeal is decided by another registered person than the decider."
    ]
    shown = shop("--actor", "Sam", *decide, "It was another voice on the tape.")
    assert shown.startswith("Appeal decided: Ann Miller#5. Do-not-serve, overturned.\n")
    report = shop("decision", "report")
    assert "100%" in report
    assert "At once for safety: 1" in report
    rates = json.loads(shop("decision", "report", "--format", "json"))
    assert rates["all"]["overturned"] == 1


def test_lists_show_what_is_open_what_is_due_and_everything(shop: Shell) -> None:
    assert shop("decision", "list") == "No decision is open.\n"
    warn(shop)
    ban(shop)
    assert "waits for its notice" in shop("decision", "list", "Ann Miller")
    due = shop("decision", "list", "--due")
    assert "Ann Miller#4" in due
    assert "Ann Miller#3" not in due
    shop("decision", "end", "Ann Miller#4", "--reasons", "The police had the wrong man.")
    assert "Ann Miller#4" not in shop("decision", "list")
    assert "ended" in shop("decision", "list", "--all", "--format", "csv")
    assert shop("decision", "list", "--as-of", "2020-01-01") == "No decision is open.\n"


def test_show_tells_all_that_came_of_a_decision(shop: Shell) -> None:
    ban(shop)
    shop("decision", "notice", "Ann Miller#3", "--how", "letter", *ROUTE)
    shop("decision", "appeal", "Ann Miller#3", "--words", "It was not me.")
    shown = shop("decision", "show", "Ann Miller#3")
    for part in ("Why at once: He came", "Rests on: #2 of", "by letter", '"It was not me."'):
        assert part in shown
    assert "Owed by" in shown


def test_restriction_takes_hours_and_channels_as_they_are_written(shop: Shell) -> None:
    warn(shop)
    shop("decision", "notice", "Ann Miller#3", "--how", "letter", *ROUTE)
    threat = ("--conduct", "threat", "--summary", "again")
    shop("record", "interaction", "Ann Miller", "--channel", "phone", *threat)
    wanted = ("decision", "restrict", "Ann Miller", "--incident", "5", *FACTS)
    limits = ("--limit", "hours", "--hours", "mon 09:00-11:00", "--hours", "Thu 14:00-15:30")
    assert "Restricted: Ann Miller#6." in shop(*wanted, *limits)
    shown = shop("decision", "letter", "Ann Miller#6", *ROUTE)
    assert "Monday 09:00 to 11:00; Thursday 14:00" in " ".join(shown.split())
    wrong = ("--limit", "hours", "--hours", "monday")
    assert "mon 09:00-11:00" in shop.refused(2, *wanted, *wrong)
    assert "needs channels" in shop.refused(2, *wanted, "--limit", "channel")


def test_block_extend_and_reinstate(shop: Shell) -> None:
    override = ("--without", "warning", "--without-reasons", "The owner read the posts herself.")
    shown = shop(
        *("decision", "block", "Ann Miller", "--account", "@ann", "--incident", "2"),
        *(*FACTS, *override),
    )
    assert "Marked: the owner went on without: warning." in shown
    shop("decision", "notice", "Ann Miller#3", "--how", "mail", *ROUTE)
    why = ("--reasons", "Went on posting in spring.")
    past = refusal(shop, "decision", "extend", "Ann Miller#3", "--review-on", "2020-01-01", *why)
    assert past[0].startswith("It needs a review date after ")
    assert shop("decision", "reinstate", "Ann Miller", *why).endswith("What it names has ended.\n")


def test_void_says_what_rested_on_it(shop: Shell) -> None:
    warn(shop)
    shop("decision", "notice", "Ann Miller#3", "--how", "letter", *ROUTE)
    threat = ("--conduct", "threat", "--summary", "again")
    shop("record", "interaction", "Ann Miller", "--channel", "phone", *threat)
    shop("decision", "do-not-serve", "Ann Miller", "--incident", "5", "--safety", "5", *FACTS)
    assert shop("decision", "void", "Ann Miller#3", "--reason", "meant Ben") == (
        "Taken back: 2 entries.\nThe do-not-serve Ann Miller#6 rested on it, and no longer holds.\n"
    )


def test_calendar_and_policy(shop: Shell) -> None:
    warn(shop)
    assert shop("decision", "calendar", "reviews.ics") == "Wrote 1 review to reviews.ics.\n"
    assert (shop.folder / "reviews.ics").read_bytes().startswith(b"BEGIN:VCALENDAR")
    assert "appeal_days        20" in shop("decision", "policy")
    told = shop("decision", "policy", "--set", "appeal_days=30", "--reason", "fairer")
    assert told.startswith("Version 1:\n")
    assert "appeal_days        30" in told
    assert "appeal_days=30" in shop.refused(2, "decision", "policy", "--set", "patience")


def test_history_reads_like_sentences(shop: Shell) -> None:
    ban(shop)
    shop("decision", "notice", "Ann Miller#3", "--how", "letter", *ROUTE)
    shown = " ".join(shop("history", "Ann Miller").split())
    assert "do-not-serve, at once for safety, until" in shown
    assert "notice of #3, by letter" in shown
