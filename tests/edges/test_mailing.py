"""Briefings by mail, through a real server: the same words in text and HTML, to all or none."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest

from custledger.core.briefings.content import CustomerBriefing
from custledger.core.briefings.html import html_of
from custledger.core.briefings.text import text_of
from custledger.edges.mailing import MailServer, mail_of, send_briefing
from custledger.errors import BadInputError, NotSentError
from tests.core.briefing_cases import cases
from tests.edges.posting import Post, Start

CASES = cases()
FROM, TO = "olga@bakery.example", ["sam@bakery.example", "noor@bakery.example"]
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


def send(server: MailServer, name: str = "team-both", to: list[str] = TO) -> str:
    return send_briefing(CASES[name], server, sender=FROM, recipients=to, moment=NOW)


@pytest.mark.parametrize("name", CASES)
def test_mail_holds_the_briefing_as_text_and_as_a_page(start: Start, name: str) -> None:
    post = Post()
    sent = send(start(post), name)
    [message] = post.messages
    assert message["Message-ID"] == sent
    assert (message["From"], message["To"]) == (FROM, ", ".join(TO))
    assert message["Date"].datetime == NOW
    assert message.get_content_type() == "multipart/alternative"
    text, page = message.iter_parts()
    assert (text.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().replace("\r\n", "\n") == text_of(CASES[name])
    assert page.get_content().replace("\r\n", "\n") == html_of(CASES[name])
    assert post.envelopes[0].rcpt_tos == TO


def test_headers_are_as_they_were_read() -> None:
    shown = {
        name: mail_of(CASES[name], FROM, TO, NOW)["Subject"]
        for name in ("team-both", "team-nobody", "customer-not-served", "customer-as-usual")
    }
    team, customer = CASES["team-both"], CASES["customer-not-served"]
    assert shown == {
        "team-both": f"Briefing for staff, 30 June 2026 [{team.version}]",
        "team-nobody": "Briefing for staff, 30 June 2026 [as-usual]",
        "customer-not-served": f"Briefing on a customer [{customer.version}]",
        "customer-as-usual": "Briefing on a customer [as-usual]",
    }


@pytest.mark.parametrize("name", CASES)
def test_headers_name_no_customer(name: str) -> None:
    briefing = CASES[name]
    message = mail_of(briefing, FROM, TO, NOW)
    head = "\n".join(f"{key}: {value}" for key, value in message.items())
    told = (briefing,) if isinstance(briefing, CustomerBriefing) else briefing.customers
    assert not any(customer.name in head for customer in told)


def test_if_one_recipient_is_refused_nobody_is_sent_anything(start: Start) -> None:
    post = Post(refused=TO[1])
    with pytest.raises(NotSentError, match=f"refused {TO[1]} .*Nobody was sent anything"):
        send(start(post))
    assert post.envelopes == []


def test_mail_that_is_not_taken_is_an_error_with_what_the_server_said(start: Start) -> None:
    with pytest.raises(NotSentError, match="554 looks like spam"):
        send(start(Post(answer="554 looks like spam")))


def test_server_that_is_not_there_is_an_error() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        server = MailServer("127.0.0.1", silent.getsockname()[1], "none", timeout_seconds=0.2)
        with pytest.raises(NotSentError, match="did not take the briefing"):
            send(server)


@pytest.mark.parametrize("to", [[], [""], ["sam"], ["a@b\nBcc: c@d"], ["Sam <a@b>"]])
def test_what_is_no_address_is_refused_before_anything_is_sent(start: Start, to: list[str]) -> None:
    post = Post()
    with pytest.raises(BadInputError, match="no mail address"):
        send(start(post), to=to)
    assert post.envelopes == []


def test_password_that_is_missing_is_asked_for(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUSTLEDGER_SMTP_PASSWORD", raising=False)
    server = start(Post())
    with pytest.raises(BadInputError, match="CUSTLEDGER_SMTP_PASSWORD"):
        send(MailServer("localhost", server.port, "none", user="olga"))
