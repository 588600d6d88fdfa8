"""An e-mail as it was sent (an .eml file, RFC 5322): its subject, its date, and what is attached.

Mails come from everywhere and many break the rules: a header that cannot be read is as good as
none, and the exact bytes are kept in any case. A mail that was made to be costly is refused: every
cost here grows with the mail's size, and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

from custledger.errors import BadInputError

__all__ = ["MAIL", "Mail", "MailPart", "parse_mail"]

MAIL: Final = "message/rfc822"
_SIGNS: Final = ("from", "to", "subject", "date", "message-id", "received", "mime-version")
_FIRST_YEAR: Final = 1990
"""A mail that says it is older was sent by a machine whose clock stood at its beginning."""
_MAX_SUBJECT: Final = 1000
_MAX_NAME: Final = 255
_MAX_PARTS: Final = 1000
_MAX_HEADER: Final = 8000
"""So many characters of a header are read: the standard library's parser takes their square."""
_MAX_ENCODING: Final = 100
_MAX_DEPTH: Final = 50
"""As many parts inside each other: each line is compared with the boundaries of all of them."""
_MAX_PIECES: Final = 10_000
_MAX_TIMES: Final = 8
"""So much larger than a mail its attachments may be: each forwarded mail holds those inside it."""
_REMEDY: Final = "Attach the file with `attach`, which keeps it whole as it is."
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


class MailPart(NamedTuple):
    """A file that came with a mail: its name and type as the sender gave them, and its bytes."""

    file_name: str
    media_type: str
    data: bytes


class Mail(NamedTuple):
    """What a mail says of itself; ``sent_at`` is None where it says nothing that can be true."""

    subject: str
    sent_at: datetime | None
    parts: tuple[MailPart, ...]


def parse_mail(data: bytes) -> Mail:
    r"""A mail from its exact bytes; BadInputError if they are none, or if a part cannot be kept.

    There are limits: 1,000 attachments, 50 parts inside each other, and attachments of eight times
    the mail's size.

    Attachments and pictures inside the text come in their order, those of a forwarded mail after
    the forwarded mail itself. The text of the mail is not among them.

    >>> mail = parse_mail(b"Subject: Refund\nDate: Mon, 5 Jan 2026 10:00:00 +0100\n\nDear shop")
    >>> mail.subject, mail.sent_at.isoformat(), mail.parts
    ('Refund', '2026-01-05T09:00:00+00:00', ())
    """
    try:
        message: Any = message_from_bytes(data, policy=_POLICY)
        if not any(name in message for name in _SIGNS):
            raise BadInputError(
                "This is no e-mail: it has none of the headers From, To, Subject and Date. Save "
                "the mail as .eml, or attach the file with `attach`."
            )
        parts = tuple(_parts(message, len(data) * _MAX_TIMES))
    except RecursionError as error:  # the caller's own stack was nearly full
        raise _too_deep() from error
    return Mail(_clean(_header(message, "subject"), _MAX_SUBJECT), _sent_at(message), parts)


class _Policy(EmailPolicy):
    """Headers are cut before they are parsed, and those of parts are left to the simple parser."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """What ``message[name]`` gives."""
        if name.lower() in ("content-type", "content-disposition"):
            # A name that is not encoded at all is in UTF-8 as often as not.
            plain = value[:_MAX_HEADER].encode("utf-8", "surrogateescape").decode(errors="replace")
            return _UNPRINTABLE.sub(" ", plain)
        longest = _MAX_ENCODING if name.lower() == "content-transfer-encoding" else _MAX_HEADER
        return super().header_fetch_parse(name, value[:longest])


class _Message(EmailMessage):
    """A mail or a part of one, which knows how deep it lies; the whole counts its parts."""

    def __init__(self, policy: Any = None) -> None:
        super().__init__(policy)
        self.depth = self.pieces = 0
        self.whole = self

    def attach(self, payload: Any) -> None:
        """Called by the parser for each part, before it reads the part."""
        payload.depth, payload.whole = self.depth + 1, self.whole
        if payload.depth > _MAX_DEPTH:
            raise _too_deep()
        self.whole.pieces += 1
        if self.whole.pieces > _MAX_PIECES:
            raise BadInputError(f"The mail has more than {_MAX_PIECES:,} parts. {_REMEDY}")
        super().attach(payload)

    def get_boundary(self, failobj: Any = None) -> Any:
        """What divides the parts; nothing where the header breaks the rules."""
        try:
            return super().get_boundary(failobj)
        except Exception:
            return failobj


_POLICY: Final = _Policy(refold_source="none", message_factory=_Message)


def _too_deep() -> BadInputError:
    return BadInputError(f"The mail's parts lie too deep inside each other. {_REMEDY}")


def _parts(message: Any, largest: int) -> Iterator[MailPart]:
    count = size = 0
    for part in message.walk():
        found = _part(part)
        if found is None:
            continue
        count += 1
        if count > _MAX_PARTS:
            raise BadInputError(f"The mail has more than {_MAX_PARTS:,} attachments. {_REMEDY}")
        size += len(found.data)
        if size > largest:
            raise BadInputError(
                "Mails inside mails make the attachments more than "
                f"{_MAX_TIMES} times as large as the mail. {_REMEDY}"
            )
        yield found


def _part(part: Any) -> MailPart | None:
    media_type = str(part.get_content_type())
    name = _file_name(part)
    if media_type == MAIL:
        return MailPart(name or "forwarded.eml", MAIL, _readable(_forwarded(part), name))
    if part.is_multipart():
        return None
    is_text = media_type in ("text/plain", "text/html")
    if is_text and not name and _disposition(part) != "attachment":
        return None
    return MailPart(name, media_type, _readable(_payload(part), name))


def _readable(data: bytes | None, name: str) -> bytes:
    if data is None:  # left out, it would be missed by nobody until it is needed
        raise BadInputError(f"The attachment {name!r} of the mail cannot be read. {_REMEDY}")
    return data


# The standard library raises all kinds of errors over headers and bodies that break the rules, and
# which ones changes from release to release: hence ``except Exception`` below.


def _forwarded(part: Any) -> bytes | None:
    try:
        inner = part.get_payload(0)
        return bytes(inner.as_bytes()) if isinstance(inner, EmailMessage) else None
    except Exception:
        return None


def _payload(part: Any) -> bytes | None:
    try:
        data = part.get_payload(decode=True)
    except Exception:
        return None
    return data if isinstance(data, bytes) else None


def _header(message: Any, name: str) -> str:
    try:
        return str(message[name] or "")
    except Exception:
        return ""


def _disposition(part: Any) -> str:
    try:
        return str(part.get_content_disposition() or "")
    except Exception:
        return ""


def _file_name(part: Any) -> str:
    try:
        found = str(part.get_filename() or "")
        if "=?" in found:  # not allowed here, and widely written
            found = str(_POLICY.header_factory("subject", found[:_MAX_HEADER]))
    except Exception:
        return ""
    return _clean(re.split(r"[/\\]", found)[-1], _MAX_NAME)


def _sent_at(message: Any) -> datetime | None:
    try:
        found = parsedate_to_datetime(_header(message, "date"))
        # "-0000" says a time in UTC whose zone is not told (RFC 5322, 3.3); it is read as naive.
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return found if found.year >= _FIRST_YEAR else None


def _clean(text: str, longest: int) -> str:
    # Not only control characters: what has no meaning, or turns the direction of what follows.
    shown = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.split())[:longest].strip()
