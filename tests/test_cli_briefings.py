"""custledger brief, briefing and backing: what they print, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from custledger import open_ledger
from custledger.core.decisions.scope import Limit, Scope
from tests.commands import ACTOR, Shell
from tests.edges.posting import Post, mail_servers

MAIL = ("--from", "olga@bakery.example", "--to", "sam@bakery.example")


@pytest.fixture
def shop(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Ann has threatened Sam; Olga, the owner, asks for payment in advance at once."""
    for name in ("HOST", "PORT", "SECURITY", "USER", "PASSWORD", "SENDER"):
        monkeypatch.delenv(f"CUSTLEDGER_SMTP_{name}", raising=False)
    shell("init")
    shell("add", "staff", "Sam")
    shell("add", "customer", "Ann Miller", "--email", "ann@example.org")
    contact = ("--channel", "phone", "--conduct", "threat", "--staff", "Sam")
    shell("record", "interaction", "Ann Miller", *contact)
    with open_ledger("custledger.sqlite", actor=ACTOR) as ledger:
        [threat] = ledger.interactions.of("Ann Miller")
        made = ledger.decisions.restrict(
            "Ann Miller",
            Scope(limits=frozenset({Limit.PREPAYMENT_ONLY})),
            reasons="A threat on the phone.",
            incidents=[threat],
            safety=[threat],
            bypass="Sam is alone in the shop.",
            staff_text="Do not be alone with them.",
            customer_text="Please pay in advance.",
        )
        assert made.done
    return shell


def version(shop: Shell, *of: str) -> str:
    [found] = re.findall(r"^Version (\w{12})\.", shop("brief", *of), re.MULTILINE)
    return str(found)


def test_brief_tells_what_is_decided_and_who_to_call(shop: Shell) -> None:
    told = shop("brief")
    assert "For 1 customer, something is decided" in told
    assert "Only what is paid in advance goes through." in told
    assert "For staff: Do not be alone with them." in told
    assert "Who to call, if in doubt or if it gets hard: Olga." in told
    assert "ann@example.org" not in told


def test_brief_on_one_customer_and_on_one_of_whom_there_is_nothing_to_tell(shop: Shell) -> None:
    assert shop("brief", "--customer", "ann@example.org").startswith("Briefing on Ann Miller (")
    shop("add", "customer", "Ben")
    assert "serve them as usual" in shop("brief", "-c", "Ben")
    assert "No customer is found by 'Eve'" in shop.refused(3, "brief", "-c", "Eve")


def test_brief_for_programs_and_for_the_browser(shop: Shell) -> None:
    found = json.loads(shop("brief", "--format", "json"))
    [customer] = found["customers"]
    assert customer["decided"][0]["to_do"] == "Do not be alone with them."
    [row] = csv.DictReader(io.StringIO(shop("brief", "--format", "csv")))
    assert (row["name"], row["version"]) == ("Ann Miller", customer["version"])
    page = shop("brief", "--html")
    assert page.startswith("<!DOCTYPE html>")
    assert "Do not be alone with them." in page
    assert "exclude each other" in shop.refused(2, "brief", "--html", "--format", "json")


def test_who_has_read_is_acknowledged_once_and_no_longer_outstanding(shop: Shell) -> None:
    seen = version(shop)
    assert f"custledger briefing acknowledge {seen}" in shop("briefing", "outstanding")
    done = f"Olga has read the team's briefing, version {seen}.\n"
    assert shop("briefing", "acknowledge", seen) == done
    again = shop.run("briefing", "acknowledge", seen)
    assert (again.code, again.out) == (1, "Olga acknowledged this version before.\n")
    one = version(shop, "-c", "Ann")
    done = f"Sam has read the customer's briefing, version {one}.\n"
    assert shop("--actor", "Sam", "briefing", "acknowledge", one) == done
    assert "everybody has read" in shop("briefing", "outstanding")
    assert re.search(rf"Olga +{seen} +-", shop("briefing", "acknowledged"))
    assert re.search(rf"Sam +{one} +-", shop("briefing", "acknowledged", "Ann"))


def test_signature_on_paper_is_the_owners_to_record(shop: Shell) -> None:
    seen = version(shop)
    shown = shop.run("briefing", "acknowledge", seen, "--staff", "Sam")
    assert (shown.code, "Only Sam can say" in shown.out) == (1, True)
    told = shop("briefing", "acknowledge", seen, "--staff", "Sam", "--on-paper")
    assert told == f"Sam has read the team's briefing, version {seen}.\n"
    assert re.search(rf"Sam +{seen} +yes", shop("briefing", "acknowledged"))
    shown = shop.run("briefing", "acknowledge", "0123456789ab")
    assert (shown.code, "it changed since" in shown.out) == (1, True)


def test_send_mails_the_briefing_and_acknowledges_nothing(shop: Shell) -> None:
    before = shop("briefing", "outstanding")
    with mail_servers() as start:
        post = Post()
        server = start(post)
        reach = ("--host", server.host, "--port", str(server.port), "--security", "none")
        told = shop("briefing", "send", *MAIL, "--to", "noor@bakery.example", *reach)
    seen = version(shop)
    whom = "sam@bakery.example, noor@bakery.example"
    assert told == f"Mailed to {whom}: Briefing for staff, {seen}.\n"
    [message] = post.messages
    assert message["To"] == whom
    text = message.get_body(("plain",))
    assert text is not None
    assert "Do not be alone with them." in text.get_content()
    assert shop("briefing", "outstanding") == before


def test_settings_of_the_mail_server_come_from_the_environment_too(
    shop: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_servers() as start:
        post = Post()
        server = start(post)
        monkeypatch.setenv("CUSTLEDGER_SMTP_HOST", server.host)
        monkeypatch.setenv("CUSTLEDGER_SMTP_PORT", str(server.port))
        monkeypatch.setenv("CUSTLEDGER_SMTP_SECURITY", "none")
        monkeypatch.setenv("CUSTLEDGER_SMTP_SENDER", "olga@bakery.example")
        shop("briefing", "send", "--customer", "Ann", "--to", "sam@bakery.example")
    assert len(post.messages) == 1


def test_send_says_what_is_missing_and_what_went_wrong(shop: Shell) -> None:
    assert "Say where it goes" in shop.refused(2, "briefing", "send")
    assert "Name the mail server" in shop.refused(2, "briefing", "send", *MAIL)
    host = ("--host", "localhost")
    bad = shop.refused(2, "briefing", "send", *MAIL, *host, "--security", "ssl")
    assert "one of starttls, tls, none" in bad
    to = ("--to", "sam@bakery.example")
    assert "Say who mails it" in shop.refused(2, "briefing", "send", *to, *host)
    with mail_servers() as start:
        server = start(Post(refused="sam@bakery.example"))
        reach = (*host, "--port", str(server.port), "--security", "none")
        assert "Nobody was sent anything" in shop.refused(13, "briefing", "send", *MAIL, *reach)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_send_refuses_what_is_no_service(shop: Shell) -> None:
    assert "no URL that Apprise knows" in shop.refused(2, "briefing", "send", "--notify", "x")


def test_backing_is_recorded_and_reported(shop: Shell) -> None:
    told = shop("backing", "report", "--wait-days", "0", "--many", "1")
    assert "Sam needs relief: 1 incident within 14 days, and no relief since." in told
    assert "comes from one person alone" in told
    done = shop("backing", "add", "Ann Miller#2", "time_off", "--words", "two days")
    assert re.fullmatch(r"Recorded for Sam: time off, on \d{4}-\d\d-\d\d\.\n", done)
    told = shop("backing", "report", "--wait-days", "0", "--many", "1")
    assert "time off" in told
    assert "needs relief" not in told
    found = json.loads(shop("backing", "report", "--format", "json"))
    assert found["people"][0]["done"][0]["words"] == "two days"
    [row] = csv.DictReader(io.StringIO(shop("backing", "report", "--format", "csv")))
    assert (row["name"], row["incidents"]) == ("Sam", "1")


def test_backing_without_abuse_is_refused(shop: Shell) -> None:
    shop("record", "interaction", "Ann Miller", "--channel", "chat")
    shown = shop.run("backing", "add", "Ann Miller#4", "talked_to")
    assert (shown.code, "No abuse is recorded" in shown.out) == (1, True)
    assert "'other' needs words" in shop.refused(2, "backing", "add", "Ann Miller#2", "other")
    told = shop("backing", "report", "--since", "2030-01-01")
    assert "Nobody is recorded to have borne abuse" in told
