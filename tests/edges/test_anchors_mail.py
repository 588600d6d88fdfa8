"""Checkpoints by mail, through a real mail server: to all recipients, exactly, or to none."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from custledger.core.trail.anchoring import Anchor, AnchorState
from custledger.edges.anchors import MailAnchor, MailServer
from custledger.errors import BadInputError, NotPublishedError
from tests.edges.posting import Post, Start, certify, raw
from tests.edges.test_anchors_directory import UUID, note

SENDER, TWO = "ledger@bakery.example", ["olga@home.example", "adviser@tax.example"]
SECRET = "open sesame"


def test_note_reaches_two_people_byte_for_byte(start: Start) -> None:
    post = Post()
    moment = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
    anchor = MailAnchor(start(post), SENDER, TWO, now=lambda: moment)
    some: Anchor = anchor
    token = some.publish(note(7))
    [message] = post.messages
    assert message["Message-ID"] == token.decode()
    assert token.endswith(b"@bakery.example>")
    assert b"\r\nMessage-ID: " + token + b"\r\n" in raw(post.envelopes[0])
    assert message["Subject"] == f"Checkpoint of ledger {UUID}: 7 seals (please keep)"
    assert (message["From"], message["To"]) == (SENDER, ", ".join(TWO))
    assert message["Date"].datetime == moment
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == note(7)
    assert post.envelopes[0].rcpt_tos == TWO
    assert (some.kind, some.place) == ("mail", ", ".join(TWO))


def test_saved_mail_shows_what_was_published(start: Start) -> None:
    post = Post()
    anchor = MailAnchor(start(post), SENDER, TWO)
    token, other = anchor.publish(note(7)), anchor.publish(note(8))
    saved = raw(post.envelopes[0])
    for mail in (saved, saved.replace(b"\r\n", b"\n")):
        assert anchor.check(note(7), token, mail).state is AnchorState.HOLDS
    assert anchor.check(note(8), token, saved).words.endswith("holds another text.")
    assert "another mail than" in anchor.check(note(8), other, saved).words
    for mail in (b"", b"\xff\x00", b"Content-Type: text/plain; charset=none\n\nx"):
        assert anchor.check(note(7), token, mail).state is AnchorState.FAILS


def test_without_the_mail_it_is_said_in_which_mailboxes_to_look(start: Start) -> None:
    anchor = MailAnchor(start(Post()), SENDER, TWO)
    token = anchor.publish(note(7))
    check = anchor.check(note(7), token)
    assert (check.state, check.at) == (AnchorState.UNCHECKED, None)
    assert check.words == (
        f"Mailed to olga@home.example, adviser@tax.example as {token.decode()}. "
        "Compare it with the mail in their mailboxes."
    )


@pytest.mark.parametrize("refused", TWO)
def test_if_one_recipient_is_refused_nobody_is_sent_anything(start: Start, refused: str) -> None:
    post = Post(refused)
    with pytest.raises(NotPublishedError, match=f"refused {refused} .*nobody of that name") as told:
        MailAnchor(start(post), SENDER, TWO).publish(note(7))
    assert "Nothing counts as published" in str(told.value)
    assert post.envelopes == []


def test_mail_that_is_not_taken_is_not_published(start: Start) -> None:
    with pytest.raises(NotPublishedError, match="554 looks like spam"):
        MailAnchor(start(Post(answer="554 looks like spam")), SENDER, TWO).publish(note(7))


def test_server_that_is_not_there_is_an_error() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        server = MailServer("127.0.0.1", port, "none", timeout_seconds=0.2)
        with pytest.raises(NotPublishedError, match="Nothing counts as published"):
            MailAnchor(server, SENDER, TWO).publish(note(7))
        silent.listen()
        with pytest.raises(NotPublishedError, match="Nothing counts as published"):
            MailAnchor(server, SENDER, TWO).publish(note(7))


def test_server_without_encryption_is_refused_where_it_is_asked_for(start: Start) -> None:
    plain = start(Post())
    asking = MailServer("localhost", plain.port, "starttls")
    with pytest.raises(NotPublishedError, match="STARTTLS"):
        MailAnchor(asking, SENDER, TWO).publish(note(7))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_server_is_trusted_by_its_certificate_alone(
    start: Start, tmp_path: Path, security: str
) -> None:
    post, context = Post(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = certify(tmp_path, context)
    server = start(post, security, context)
    with pytest.raises(NotPublishedError, match="certificate"):
        MailAnchor(server, SENDER, TWO).publish(note(7))
    trusting = ssl.create_default_context(cadata=authority)
    known = MailServer("localhost", server.port, server.security, tls=trusting)
    MailAnchor(known, SENDER, TWO).publish(note(7))
    assert len(post.messages) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_login_is_by_argument_or_environment_and_never_shown(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def authenticate(_server: Any, _session: Any, _envelope: Any, _way: str, data: Any) -> Any:
        assert isinstance(data, LoginPassword)
        right = (data.login, data.password) == (b"ledger", SECRET.encode())
        return AuthResult(success=right, handled=False)

    settings = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}
    post = Post()
    given = start(post, user="ledger", password=SECRET, **settings)
    MailAnchor(given, SENDER, TWO).publish(note(7))
    asked = MailServer("localhost", given.port, "none", user="ledger")
    with pytest.raises(BadInputError, match="CUSTLEDGER_SMTP_PASSWORD"):
        MailAnchor(asked, SENDER, TWO).publish(note(7))
    monkeypatch.setenv("CUSTLEDGER_SMTP_PASSWORD", SECRET)
    MailAnchor(asked, SENDER, TWO).publish(note(7))
    assert len(post.messages) == 2
    wrong = MailServer("localhost", given.port, "none", user="ledger", password="hush!hush")
    with pytest.raises(NotPublishedError, match="were not accepted") as told:
        MailAnchor(wrong, SENDER, TWO).publish(note(7))
    shown = [str(told.value), repr(given), repr(wrong), repr(MailAnchor(wrong, SENDER, TWO))]
    assert not any(secret in text for text in shown for secret in (SECRET, "hush!hush"))
    with pytest.raises(NotPublishedError, match="530"):
        MailAnchor(MailServer("localhost", given.port, "none"), SENDER, TWO).publish(note(7))


@pytest.mark.parametrize(
    "addresses",
    [[], [""], ["olga"], ["olga@"], ["a@b\nBcc: c@d"], ["a b@c"], ["Olga <a@b>"], ["ölga@b"]],
)
def test_what_is_no_address_is_refused(addresses: list[str]) -> None:
    with pytest.raises(BadInputError, match="no mail address"):
        MailAnchor(MailServer("localhost"), SENDER, addresses)
    for sender in addresses:
        with pytest.raises(BadInputError, match="no mail address"):
            MailAnchor(MailServer("localhost"), sender, TWO)


def test_what_is_no_checkpoint_is_not_mailed(start: Start) -> None:
    post = Post()
    with pytest.raises(BadInputError, match="no signed checkpoint"):
        MailAnchor(start(post), SENDER, TWO).publish("hello\n")
    assert post.envelopes == []
