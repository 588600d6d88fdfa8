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
    "referral": "Came through another customer",
    "briefing": "Briefing read by a member of staff",
    "backing": "Support for a member of staff",
    "merge": "The same person as another customer of ours",
}
_PRAISE: Final = {
    "praised": "Praise",
    "consented": "Consent to be quoted",
    "withdrawn": "Consent to be quoted withdrawn",
}
_FLAG: Final = {
    "raised": "Flagged by the score, which decides nothing",
    "cleared": "No longer flagged by the score",
}
_EVENTS: Final = {
    "requested": "The customer asked what is held",
    "extended": "The answer takes longer",
    "answered": "What is held was told",
    "refused": "The request was refused",
    "contested": "The customer disputes an entry",
    "contest_rectified": "The customer was right",
    "contest_refused": "What the customer disputes stays",
}
"""What happened in a case of subject access."""
_DUNNING: Final = {
    "step": "Unpaid invoices",
    "exempt": "Unpaid invoices: not asked for until a day",
    "exempt_end": "Unpaid invoices: asked for again",
    "dispute": "Invoice disputed",
    "settled": "Dispute of an invoice settled",
}
_COMPLAINT: Final = {
    "opened": "Complaint received",
    "acknowledged": "Complaint acknowledged",
    "responded": "Complaint answered",
    "step_done": "Complaint: a step done",
    "step_skipped": "Complaint: a step left out",
    "paused": "Complaint: we wait for the customer",
    "resumed": "Complaint goes on",
    "escalated": "Complaint taken to the owner",
    "extended": "Complaint: it takes longer",
    "resolved": "Complaint resolved",
    "satisfaction": "Complaint: whether the customer is satisfied",
    "reopened": "Complaint reopened",
    "recovered": "Complaint: the customer came back",
}
_OF_COMPLAINT: Final = frozenset(
    (
        *("cause", "exposure", "note", "outcome", "product", "reason", "reasons", "remedy"),
        *("satisfied", "shown_by", "step", "summary", "words", "of"),
    )
)
_DECISION: Final = {
    "notice": "The customer was told of the decision",
    "appeal": "Appeal of the customer",
    "appeal_decided": "Appeal decided",
    "review": "Decision reviewed",
}
_OF_DECISION: Final = frozenset(
    (
        *("appeal_route", "bypass", "customer_text", "effective_day", "how", "incidents", "of"),
        *("outsider", "overturned", "reasons", "received_day", "until_day", "words"),
    )
)
_REFUNDS: Final = {"refund": "to refund", "contest": "to contest what is not owed"}
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
    "mark": "Version",
    "invoice": "Invoice",
    "invoices": "Invoices",
    "owed": "Unpaid then",
    "claim": "Asked for",
    "until_day": "Until",
    "incidents": "Rests on",
    "bypass": "Why at once",
    "customer_text": "What it means",
    "appeal_route": "How to appeal",
    "how": "How",
    "choice": "Chosen",
    "due": "Owed",
    "deal": "For the deal",
    "payment": "About",
    "outcome": "Outcome",
    "of": "Belongs to",
    "exposure": "Public",
}
_ENTRIES: Final = frozenset(
    (
        "applies_to",
        "correction",
        "deal",
        "entry",
        "evidence",
        "erases",
        "from_mail",
        "invoice",
        "invoices",
        "of",
        "payment",
        "refund",
        "same_as",
    )
)
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
    if kind == "subject_access" and body.get("event") in _EVENTS:
        return _EVENTS[body["event"]]
    if kind == "dunning" and body.get("event") in _DUNNING:
        step = f": {words(body['step'])}" if "step" in body else ""
        disputed = f": {money_in_words(*body['amount'])}" if "amount" in body else ""
        return f"{_DUNNING[body['event']]}{step}{disputed}"
    if kind == "complaint" and body.get("event") in _COMPLAINT:
        return _COMPLAINT[body["event"]]
    if kind == "decision" and "kind" in body:
        return f"Decision: {words(body['kind'])}"
    if kind == "decision" and body.get("event") in _DECISION:
        return _DECISION[body["event"]]
    if kind == "flag" and body.get("event") in _FLAG:
        return _FLAG[body["event"]]
    if kind == "praise" and body.get("event") in _PRAISE:
        return _PRAISE[body["event"]]
    if kind == "conveyance" and "version" in body:
        return f"Terms on refunds shown: version {body['version']}"
    if kind == "refund_advice" and "event" in body:
        return _refund(body)
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
            tuple(_labelled(_without_title(kind, body), moment)),
            str(body.get("summary", "")),
            str(body.get("words", "")),
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, IndexError):
        return Told(words(kind).capitalize(), (("To be read in", "dossier.json"),))


def _without_title(kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    if kind in ("praise", "referral"):  # who spoke of us to this customer is another one's affair
        return {name: body[name] for name in body if name not in ("event", "of", "other")}
    if kind == "merge" and body:
        return {"reason": body["reason"], "one_with": body.get("into", body["other"])}
    if kind == "flag" and body:
        figures = {n: f"{float(body[n]):.1f}" for n in ("score", "score_low", "score_high")}
        kept = {name: body[name] for name in ("as_of_day", "policy_version")}
        return {"rests_on": words(body["mark"]), **kept, **figures}
    if kind == "complaint":
        return {name: body[name] for name in body if name in _OF_COMPLAINT}
    if kind == "decision":
        return {name: body[name] for name in body if name in _OF_DECISION}
    if kind in ("briefing", "backing"):
        return {name: body[name] for name in body if name in ("mark", "on_paper")}
    if kind in ("conveyance", "refund_advice"):
        return {name: body[name] for name in body if name not in _IN_REFUND_TITLE}
    if kind != "dunning":
        return body
    return {name: body[name] for name in body if name not in ("event", "step", "of")}


_IN_REFUND_TITLE: Final = frozenset(("event", "of", "mark", "version", "asked", "paid_back"))


def _refund(body: Mapping[str, Any]) -> str:
    if body["event"] == "chosen":
        return f"Refund asked for: {money_in_words(*body['asked'])}"
    return f"Request for a refund over: {money_in_words(*body['paid_back'])} paid back"


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
    if name in ("conduct", "status", "ground", "shown_name", "outcome", "step"):
        return words(value)
    if name == "choice":
        return _REFUNDS.get(value, words(str(value)))
    if name in ("due", "goods_back", "claim"):
        return money_in_words(*value)
    if name == "owed":
        return ", ".join(money_in_words(*pair) for pair in value)
    if name == "returned":
        return "given back" if value else ""
    if name == "incidents":
        return ", ".join(f"#{entry[0]}" for entry in value)
    if name in _ENTRIES:
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
