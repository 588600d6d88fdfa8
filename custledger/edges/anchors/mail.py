"""Checkpoints by mail, best to two people who do not answer to each other: each keeps a copy."""

from __future__ import annotations

import os
import re
import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final, Literal

from custledger.core.anchoring import AnchorCheck, AnchorState
from custledger.edges.anchors.naming import Published, published
from custledger.errors import BadInputError, NotPublishedError

__all__ = ["MailAnchor", "MailServer"]

_VARIABLE: Final = "CUSTLEDGER_SMTP_PASSWORD"
_ADDRESS: Final = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")  # ASCII without spaces and < > @
# Headers stay in one line: what a mail program makes of a folded Message-ID differs.
_POLICY: Final = policy.SMTP.clone(max_line_length=900)
_ACCEPTED: Final = (250, 251)


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

    def _password(self) -> str:
        password = self.password or os.environ.get(_VARIABLE)
        if password is None:
            raise BadInputError(f"{self.host} needs a password. Set the variable {_VARIABLE}.")
        return password


class MailAnchor:
    """Mails checkpoints, as plain text, to people who keep them.

    Raises BadInputError for what is no address; what can go wrong later is told by ``publish``.
    """

    kind: Final = "mail"

    def __init__(
        self,
        server: MailServer,
        sender: str,
        recipients: Sequence[str],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._server, self._sender, self._now = server, sender, now
        self._recipients = (recipients,) if isinstance(recipients, str) else tuple(recipients)
        for address in (sender, *(self._recipients or ("",))):
            if not _ADDRESS.fullmatch(address):
                raise BadInputError(
                    f"{address!r} is no mail address. Write it like olga@bakery.example."
                )

    def __repr__(self) -> str:
        return f"MailAnchor({self._server!r}, {self._sender!r}, {self._recipients!r})"

    @property
    def place(self) -> str:
        """The recipients."""
        return ", ".join(self._recipients)

    def publish(self, note_text: str) -> bytes:
        """Send the note; the token is the mail's Message-ID.

        Raises NotPublishedError if the server does not take it for every recipient; then nobody was
        sent anything. That a mail was taken does not say that it arrived.
        """
        new = published(note_text)
        message = self._message(new, note_text)
        try:
            with self._server.connect() as server:
                self._send(server, message.as_bytes(policy=_POLICY))
        except (OSError, smtplib.SMTPException) as error:
            raise NotPublishedError(
                f"The mail server {self._server.host} did not take the checkpoint: "
                f"{_said(error)}. Nothing counts as published; try again later, or correct the "
                "settings."
            ) from error
        return str(message["Message-ID"]).encode()

    def check(self, note_text: str, token: bytes, mail: bytes | None = None) -> AnchorCheck:
        """Whether ``mail``, the message as a recipient saved it (.eml), holds the note.

        Without it, it cannot be checked here: the words say in which mailbox to look.
        """
        name = token.decode("utf-8", "replace")
        if mail is None:
            return AnchorCheck(
                AnchorState.UNCHECKED,
                f"Mailed to {self.place} as {name}. Compare it with the mail in their mailboxes.",
            )
        found, text = _read(mail)
        if found != name:
            return AnchorCheck(AnchorState.FAILS, f"This is another mail than {name}.")
        if text != note_text:
            return AnchorCheck(AnchorState.FAILS, f"The mail {name} holds another text.")
        return AnchorCheck(AnchorState.HOLDS, f"The mail {name} holds it.")

    def _message(self, new: Published, note_text: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self._sender, self.place
        message["Subject"] = (
            f"Checkpoint of ledger {new.ledger}: {new.checkpoint.size} seals (please keep)"
        )
        message["Date"] = format_datetime(self._now())
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        message.set_content(note_text, cte="quoted-printable")
        return message

    def _send(self, server: smtplib.SMTP, data: bytes) -> None:
        code, said = server.mail(self._sender)
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, said, self._sender)
        # Each is asked before the text is sent, so that it goes to all of them or to none.
        asked = {address: server.rcpt(address) for address in self._recipients}
        refused = {a: answer for a, answer in asked.items() if answer[0] not in _ACCEPTED}
        if refused:
            server.rset()
            raise smtplib.SMTPRecipientsRefused(refused)
        code, said = server.data(data)
        if code != 250:
            raise smtplib.SMTPDataError(code, said)


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = error.recipients.items()
        return "it refused " + ", ".join(f"{a} ({_text(said)})" for a, (_, said) in answers)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "user name and password were not accepted"  # what it said may quote them
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error)


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _read(mail: bytes) -> tuple[str, str]:
    """The Message-ID of a mail and its text; empty where it has none."""
    message = message_from_bytes(mail, policy=policy.default)
    try:
        part = message.get_body(("plain",))
        text = part.get_content() if part is not None else ""
    except (MessageError, LookupError, ValueError):
        text = ""
    return str(message["Message-ID"] or "").strip(), str(text).replace("\r\n", "\n")
