"""What an entry says, for people: a title, facts with their labels, and texts.

A payload's body has short names (``custledger.core.facts``). A dossier's ``verify.py`` holds this
module, so it keeps to what Python 3.9 has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple

from custledger.core.words import (
    FAULTS,
    count,
    day_in_words,
    hours,
    moment_in_words,
    money_in_words,
    words,
)

__all__ = ["MEDIA_TYPES", "Told", "evidence_name", "one_line", "printable", "title_of", "told"]

MEDIA_TYPES: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
    "message/rfc822": "eml",
    "text/plain": "txt",
    "text/csv": "csv",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "video/mp4": "mp4",
    "video/webm": "webm",
}
"""How the files of a dossier end; what could run as a program or a page is not among them."""

_OTHER: Final = "bin"
_CHANNELS: Final = {
    "phone": "Phone call",
    "email": "E-mail",
    "chat": "Chat",
    "visit": "Visit",
    "social": "Message on social media",
    "letter": "Letter",
}
_MONEY: Final = frozenset(
    ("invoice", "sale", "payment", "refund", "chargeback", "write_off", "concession")
)
_TITLES: Final = {
    "customer": "Customer's details",
    "evidence": "Evidence",
    "erasure": "Erasure of personal data",
    "erasure_refused": "Erasure refused",
    "legal_hold": "Legal hold",
}
_LABELS: Final = {
    "conduct": "Recorded as",
    "seconds": "Staff time",
    "fault": "Judged to be",
    "due_day": "Due",
    "joined_day": "With us since",
    "returned": "Goods",
    "applies_to": "Belongs to",
    "known_at": "Known to us",
    "external": "Taken over from",
    "contact_points": "Contact",
    "reason": "Reason",
    "ground": "Legal ground",
    "size": "Size",
    "media_type": "Kind of file",
    "file_name": "Name of the file",
    "erases": "Erased",
    "from_mail": "Came with",
    "same_as": "The same file as",
}
_ACCOUNTS: Final = frozenset(("summary", "words", "caption"))
_IN_TITLE: Final = frozenset(("channel", "direction", "purpose", "amount", "interaction"))
_FOR_PROGRAMS: Final = frozenset(("cipher", "rate", "staff", "voids"))
_PLACES: Final = tuple(_LABELS)
# What would turn the direction of the text that follows, or is no character at all.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_LINE_ENDS: Final = re.compile("[\n\t\u2028\u2029]")


class Told(NamedTuple):
    """What an entry says: facts with their labels, the staff's account, the customer's words."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    summary: str = ""
    customer_words: str = ""


def evidence_name(number: int, media_type: object) -> str:
    """Where a dossier keeps its ``number``-th file of evidence.

    >>> evidence_name(1, "image/png"), evidence_name(12, "text/html")
    ('evidence/0001.png', 'evidence/0012.bin')
    """
    kind = media_type.partition(";")[0].strip().lower() if isinstance(media_type, str) else ""
    return f"evidence/{number:04}.{MEDIA_TYPES.get(kind, _OTHER)}"


def printable(text: str) -> str:
    """A text whose control characters show as a replacement character: shown, never obeyed."""
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """A text that stays in its line of a report, whatever is in it."""
    return _LINE_ENDS.sub("\ufffd", printable(text))


def title_of(kind: str, body: Mapping[str, Any], supersedes: int | None) -> str:
    """What an entry is, in a few words; an empty body is one that was withheld or erased.

    >>> title_of("interaction", {"channel": "phone", "purpose": "complaint"}, None)
    'Phone call from the customer: complaint'
    >>> title_of("refund", {"amount": [1250, "EUR"]}, None), title_of("void", {}, 3)
    ('Refund of 12.50 EUR', 'Entry #3 taken back')
    """
    if kind == "void":
        return f"Entry #{supersedes} taken back"
    if kind == "interaction":
        return _contact(body)
    name = _TITLES.get(kind, words(kind).capitalize())
    if kind in _MONEY and "amount" in body:
        return f"{name} of {money_in_words(*body['amount'])}"
    if kind == "evidence" and body.get("caption"):
        return f"{name}: {body['caption']}"
    return name


def told(
    kind: str,
    body: Mapping[str, Any],
    supersedes: int | None,
    moment: Callable[[int], str] = moment_in_words,
) -> Told:
    """What an entry says, from its shared body; one that cannot be read says that."""
    try:
        return Told(
            title_of(kind, body, supersedes),
            tuple(_labelled(body, moment)),
            str(body.get("summary", "")),
            str(body.get("words", "")),
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, IndexError):
        return Told(words(kind).capitalize(), (("To be read in", "dossier.json"),))


def _contact(body: Mapping[str, Any]) -> str:
    if "channel" not in body:
        return "Contact"
    way = "to" if body.get("direction") == "out" else "from"
    purpose = f": {words(body['purpose'])}" if "purpose" in body else ""
    return f"{_CHANNELS.get(body['channel'], 'Contact')} {way} the customer{purpose}"


def _labelled(body: Mapping[str, Any], moment: Callable[[int], str]) -> Iterator[tuple[str, str]]:
    names = body.keys() - _ACCOUNTS - _IN_TITLE - _FOR_PROGRAMS
    for name in sorted(names, key=lambda name: (_place(name), name)):
        text = moment(body[name]) if name.endswith("_at") else _fact(name, body[name])
        if text:
            yield _LABELS.get(name, words(name.replace("_day", "")).capitalize()), text


def _place(name: str) -> int:
    return 0 if name == "name" else 1 + (_PLACES.index(name) if name in _PLACES else len(_PLACES))


def _fact(name: str, value: Any) -> str:
    if name.endswith("_day"):
        return day_in_words(value)
    if name == "seconds":
        return hours(timedelta(seconds=value))
    if name == "size":
        return count(value, "byte")
    if name == "fault":
        return FAULTS.get(value, words(value))
    if name in ("conduct", "status", "ground"):
        return words(value)
    if name == "returned":
        return "given back" if value else ""
    if name in ("applies_to", "erases", "from_mail", "same_as"):
        return ", ".join(f"#{seq}" for seq in (value if isinstance(value, list) else [value]))
    if name == "contact_points":
        return ", ".join(f"{point['value']} ({words(point['kind'])})" for point in value)
    if name == "external":
        return f"{value[0]}, {value[1]}"
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{words(str(key))} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return "" if value is None else str(value)
