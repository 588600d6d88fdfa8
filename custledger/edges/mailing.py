"""Mail through a server of the firm's choosing, and briefings as mail.

A mail goes to all its recipients or to none. That it was taken says neither that it arrived nor
that anybody read it.
"""

from __future__ import annotations

import os
import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final, Literal

from custledger.core.briefings.content import TeamBriefing
from custledger.core.briefings.html import html_of
from custledger.core.briefings.pages import Briefing, page_of
from custledger.core.briefings.text import text_of
from custledger.errors import BadInputError, NotSentError

__all__ = [
    "MailServer",
    "check_addresses",
    "mail_of",
    "new_message",
    "send_briefing",
    "why_refused",
]

_VARIABLE: Final = "CUSTLEDGER_SMTP_PASSWORD"
_ADDRESS: Final = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")  # ASCII without spaces and < > @
# Headers stay in one line: what a mail program makes of a folded Message-ID differs.
_POLICY: Final = policy.SMTP.clone(max_line_length=900)
_ACCEPTED: Final = (250, 251)
_ON_ONE: Final = "Briefing on a customer"


@dataclass(frozen=True)
class MailServer:
    """A mail server to send by, and how to log in if it wants that.

    ``security``: *starttls* (usual with port 587), *tls* (465), or *none*, for a server on the same
    machine. ``tls`` is whom to trust, by default the system's certificates. Without ``password``,
    the variable CUSTLEDGER_SMTP_PASSWORD is asked; it is never shown.
    """

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def connect(self) -> smtplib.SMTP:
        """A connection, encrypted and logged in as set."""
        context = self.tls or ssl.create_default_context()
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.timeout_seconds, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds)
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
            if self.user:
                server.login(self.user, self._password())
        except BaseException:
            server.close()
            raise
        return server

    def send(self, message: EmailMessage, sender: str, recipients: Sequence[str]) -> None:
        """Hand a message over for all recipients, or for none.

        Raises OSError or smtplib.SMTPException; ``why_refused`` puts either in words.
        """
        data = message.as_bytes(policy=_POLICY)
        with self.connect() as server:
            _hand_over(server, sender, recipients, data)

    def _password(self) -> str:
        password = self.password or os.environ.get(_VARIABLE)
        if password is None:
            raise BadInputError(f"{self.host} needs a password. Set the variable {_VARIABLE}.")
        return password


def check_addresses(sender: str, recipients: Sequence[str]) -> None:
    """Refuse what is no mail address, and mail to nobody, with a BadInputError."""
    for address in (sender, *(recipients or ("",))):
        if not _ADDRESS.fullmatch(address):
            raise BadInputError(
                f"{address!r} is no mail address. Write it like olga@bakery.example."
            )


def new_message(
    subject: str, sender: str, recipients: Sequence[str], moment: datetime
) -> EmailMessage:
    """A message with its headers, and no text yet."""
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(recipients)
    message["Subject"] = subject
    message["Date"] = format_datetime(moment)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    return message


def why_refused(error: Exception) -> str:
    """Why a mail was not taken, without what the server may have quoted of a password."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = error.recipients.items()
        return "it refused " + ", ".join(f"{a} ({_text(said)})" for a, (_, said) in answers)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "user name and password were not accepted"  # what it said may quote them
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error)


def mail_of(
    briefing: Briefing, sender: str, recipients: Sequence[str], moment: datetime
) -> EmailMessage:
    """A briefing as mail, in plain text and in HTML.

    The subject names nobody: mailboxes show it on locked screens.
    """
    check_addresses(sender, recipients)
    subject = page_of(briefing).title if isinstance(briefing, TeamBriefing) else _ON_ONE
    message = new_message(f"{subject} [{briefing.version}]", sender, recipients, moment)
    message.set_content(text_of(briefing), cte="quoted-printable")
    message.add_alternative(html_of(briefing), subtype="html", cte="quoted-printable")
    return message


def send_briefing(
    briefing: Briefing,
    server: MailServer,
    *,
    sender: str,
    recipients: Sequence[str],
    moment: datetime,
) -> str:
    """Mail a briefing; returns the Message-ID. It acknowledges nothing for anybody.

    Raises BadInputError for what is no address, NotSentError if the server did not take it for
    every recipient; then nobody was sent anything.
    """
    message = mail_of(briefing, sender, recipients, moment)
    try:
        server.send(message, sender, recipients)
    except (OSError, smtplib.SMTPException) as error:
        raise NotSentError(
            f"The mail server {server.host} did not take the briefing: {why_refused(error)}. "
            "Nobody was sent anything; try again later, or correct the settings."
        ) from error
    return str(message["Message-ID"])


def _hand_over(server: smtplib.SMTP, sender: str, recipients: Sequence[str], data: bytes) -> None:
    code, said = server.mail(sender)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, said, sender)
    # Each is asked before the text is sent, so that it goes to all of them or to none.
    asked = {address: server.rcpt(address) for address in recipients}
    refused = {a: answer for a, answer in asked.items() if answer[0] not in _ACCEPTED}
    if refused:
        server.rset()
        raise smtplib.SMTPRecipientsRefused(refused)
    code, said = server.data(data)
    if code != 250:
        raise smtplib.SMTPDataError(code, said)


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
