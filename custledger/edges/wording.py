"""Records in words: short, respectful, and the same on every page, report and screen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from custledger.core.calendar.wall_clock import local_day
from custledger.core.clock import date_of_day
from custledger.core.decisions.words import decision_in_words
from custledger.core.money import Money
from custledger.core.records import (
    Conduct,
    Customer,
    EntryKind,
    Interaction,
    MoneyEntry,
    Purpose,
)
from custledger.core.words import FAULTS, count, day_in_words, hours, short_id, words
from custledger.edges.wording_complaints import complaint_in_words
from custledger.edges.wording_events import (
    backing_in_words,
    briefing_in_words,
    conveyance_in_words,
    dunning_in_words,
    flag_in_words,
    lesson_in_words,
    merge_in_words,
    policy_in_words,
    praise_in_words,
    referral_in_words,
    refund_in_words,
    subject_access_in_words,
)

__all__ = [
    "count",
    "customer_in_words",
    "day_in_words",
    "described",
    "evidence_in_words",
    "facts_in_words",
    "hours",
    "local_day",
    "short_id",
    "words",
]

_HIDDEN: Final = frozenset(
    ("batch", "fingerprint", "staff", "external", "contact_points", "parameters", "known_at")
)


def evidence_in_words(level: str) -> str:
    """The level of evidence; ``none`` is good news, and reads so.

    >>> evidence_in_words("none")
    'nothing adverse'
    """
    return "nothing adverse" if level == "none" else level


def described(record: Interaction | MoneyEntry) -> str:
    """What an entry records, without its texts: "phone, complaint, 25 min, our fault"."""
    if isinstance(record, MoneyEntry):
        parts = [f"{words(record.kind)} {record.amount}"]
        if record.due_on is not None:
            parts.append(f"due {record.due_on.isoformat()}")
        if record.goods_returned:
            parts.append("goods returned")
    else:
        parts = [words(record.channel)]
        parts += [words(record.purpose)] if record.purpose is not Purpose.OTHER else []
        parts += [words(record.conduct)] if record.conduct is not Conduct.NONE else []
        parts += [hours(record.handling_time)] if record.handling_time is not None else []
        parts += sorted(record.tags)
    fault = FAULTS.get(record.fault)
    return ", ".join([*parts, fault] if fault else parts)


def customer_in_words(customer: Customer) -> str:
    """What the ledger says of a customer: "Ann, active, joined 2026-01-05, ann@example.org"."""
    parts = [customer.name, words(customer.status), f"joined {customer.joined_on.isoformat()}"]
    return ", ".join([*parts, *(point.value for point in customer.contact_points)])


def facts_in_words(kind: EntryKind, facts: Mapping[str, Any]) -> str:
    """What an entry of the trail says, in one line."""
    if not facts:
        return "(erased)"
    if kind is EntryKind.SCORE_POLICY:
        margin = facts.get("parameters", {}).get("margin")
        return f"version {facts.get('version')}, margin {margin or 'not set'}"
    if kind in _IN_WORDS:
        return _IN_WORDS[kind](facts)
    hidden = _HIDDEN | {"rate"} if kind is EntryKind.INTERACTION else _HIDDEN
    names = sorted(facts.keys() - hidden, key=lambda name: (_place(name), name))
    found = (_fact(name, facts[name]) for name in names)
    return ", ".join(text for text in found if text)


_IN_WORDS: Final = {
    EntryKind.BACKING: backing_in_words,
    EntryKind.BRIEFING: briefing_in_words,
    EntryKind.COMPLAINT: complaint_in_words,
    EntryKind.CONVEYANCE: conveyance_in_words,
    EntryKind.DECISION: decision_in_words,
    EntryKind.DUNNING: dunning_in_words,
    EntryKind.FLAG: flag_in_words,
    EntryKind.LESSON: lesson_in_words,
    EntryKind.MERGE: merge_in_words,
    EntryKind.POLICY: policy_in_words,
    EntryKind.PRAISE: praise_in_words,
    EntryKind.REFERRAL: referral_in_words,
    EntryKind.SUBJECT_ACCESS: subject_access_in_words,
    EntryKind.REFUND_ADVICE: refund_in_words,
}
_ORDER: Final = (
    "name",
    "amount",
    "channel",
    "purpose",
    "conduct",
    "seconds",
    "fault",
    "summary",
    "words",
)


def _place(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _fact(name: str, value: Any) -> str:
    if name.endswith("_day") and isinstance(value, int):
        return f"{words(name.removesuffix('_day'))} {date_of_day(value).isoformat()}"
    if name in ("seconds", "handling_seconds"):
        return hours(timedelta(seconds=value))
    if name in ("amount", "rate", "hourly_rate") and isinstance(value, list):
        return f"{'' if name == 'amount' else words(name) + ' '}{Money(*value)}"
    if name == "fault":
        return FAULTS.get(value, "")
    if name == "applies_to" or name == "interaction":
        return f"{words(name)} #{value}"
    if name in ("channel", "purpose", "conduct", "name", "role"):
        return words(value)
    if name == "words":
        return f'customer: "{value}"'
    if name in ("summary", "reason"):
        return f"{words(name)}: {value}"
    if name == "returned":
        return "goods returned"
    if isinstance(value, bool):
        return words(name) if value else f"not {words(name)}"
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{words(key)} {item}" for key, item in value.items())
    return f"{words(name)} {value}"
