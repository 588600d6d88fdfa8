"""The facts that a mapping may fill, and how each is read."""

from __future__ import annotations

from enum import Enum
from typing import Final

from custledger.core.records import (
    Channel,
    Conduct,
    CustomerStatus,
    Direction,
    EntryKind,
    Fault,
    MoneyKind,
    Purpose,
)

__all__ = [
    "CUSTOMER_FACTS",
    "INTERACTION_FACTS",
    "KEYS_OF",
    "KINDS",
    "MONEY_FACTS",
    "MONEY_KINDS",
    "REQUIRED",
    "WORDS",
    "How",
]


class How(Enum):
    """How the text of a fact is read."""

    TEXT = "text"
    ID = "id"
    WORD = "word"
    MOMENT = "moment"
    DAY = "day"
    NUMBER = "number"
    CURRENCY = "currency"
    DURATION = "duration"
    FLAG = "flag"
    TAGS = "tags"


MONEY_KINDS: Final = frozenset(EntryKind(kind.value) for kind in MoneyKind)
KINDS: Final = frozenset({EntryKind.INTERACTION, *MONEY_KINDS})

_ANY_RECORD: Final = {
    "external_id": How.ID,
    "occurred_at": How.MOMENT,
    "known_at": How.MOMENT,
    "fault": How.WORD,
    "currency": How.CURRENCY,
    "summary": How.TEXT,
    "staff_note": How.TEXT,
    "product": How.TEXT,
    "cause": How.TEXT,
}
INTERACTION_FACTS: Final = _ANY_RECORD | {
    "channel": How.WORD,
    "direction": How.WORD,
    "purpose": How.WORD,
    "conduct": How.WORD,
    "handling_time": How.DURATION,
    "staff": How.TEXT,
    "hourly_rate": How.NUMBER,
    "customer_words": How.TEXT,
    "case": How.TEXT,
    "tags": How.TAGS,
}
MONEY_FACTS: Final = _ANY_RECORD | {
    "amount": How.NUMBER,
    "due_on": How.DAY,
    "goods_returned": How.FLAG,
    "applies_to": How.ID,
}
CUSTOMER_FACTS: Final = {
    "external_id": How.ID,
    "name": How.TEXT,
    "status": How.WORD,
    "joined_on": How.DAY,
    "email": How.TEXT,
    "phone": How.TEXT,
    "staff_note": How.TEXT,
}
REQUIRED: Final = {
    "interaction": ("external_id", "occurred_at", "channel"),
    "money": ("external_id", "occurred_at", "amount", "currency"),
}

WORDS: Final = {
    "kind": EntryKind,
    "status": CustomerStatus,
    "channel": Channel,
    "direction": Direction,
    "purpose": Purpose,
    "conduct": Conduct,
    "fault": Fault,
}

_ANY_SOURCE: Final = frozenset(
    {"column", "columns", "template", "value", "optional", "default", "only_for"}
    | {"remove", "replace", "empty_values", "refuse", "values", "other"}
)
_NUMBER_SIGNS: Final = frozenset({"decimal", "thousands"})
KEYS_OF: Final = {
    How.TEXT: _ANY_SOURCE,
    How.ID: _ANY_SOURCE | {"digest"},
    How.WORD: _ANY_SOURCE,
    How.MOMENT: _ANY_SOURCE | {"format", "time_zone"},
    How.DAY: _ANY_SOURCE | {"format", "time_zone", "add_days"},
    How.NUMBER: _ANY_SOURCE | _NUMBER_SIGNS | {"product", "unit", "negate"},
    How.CURRENCY: _ANY_SOURCE,
    How.DURATION: _ANY_SOURCE | _NUMBER_SIGNS | {"unit"},
    How.FLAG: _ANY_SOURCE,
    How.TAGS: _ANY_SOURCE,
}
"""The keys that a source of each sort of fact may have."""
