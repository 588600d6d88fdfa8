"""Checkpoints by mail, best to two people who do not answer to each other: each keeps a copy."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage
from typing import Final

from custledger.core.trail.anchoring import AnchorCheck, AnchorState
from custledger.edges.anchors.naming import Published, published
from custledger.edges.mailing import MailServer, check_addresses, new_message, why_refused
from custledger.errors import NotPublishedError

__all__ = ["MailAnchor", "MailServer"]


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
        check_addresses(sender, self._recipients)

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
            self._server.send(message, self._sender, self._recipients)
        except (OSError, smtplib.SMTPException) as error:
            raise NotPublishedError(
                f"The mail server {self._server.host} did not take the checkpoint: "
                f"{why_refused(error)}. Nothing counts as published; try again later, or correct "
                "the settings."
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
        subject = f"Checkpoint of ledger {new.ledger}: {new.checkpoint.size} seals (please keep)"
        message = new_message(subject, self._sender, self._recipients, self._now())
        message.set_content(note_text, cte="quoted-printable")
        return message


def _read(mail: bytes) -> tuple[str, str]:
    """The Message-ID of a mail and its text; empty where it has none."""
    message = message_from_bytes(mail, policy=policy.default)
    try:
        part = message.get_body(("plain",))
        text = part.get_content() if part is not None else ""
    except (MessageError, LookupError, ValueError):
        text = ""
    return str(message["Message-ID"] or "").strip(), str(text).replace("\r\n", "\n")
