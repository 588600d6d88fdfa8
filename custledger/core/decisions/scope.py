"""What a decision covers, and what somebody asks to do: the words that both sides share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from custledger.core.canonical import JsonValue
from custledger.core.checks import check_member, check_text
from custledger.core.records import Channel
from custledger.errors import BadInputError

__all__ = [
    "CONTACTS",
    "EVERYTHING",
    "RIGHTS",
    "Action",
    "Hours",
    "Limit",
    "Scope",
]


class Action(StrEnum):
    """What a customer asks of the firm, whatever path it came by.

    ``delivery`` hands over what is paid already; ``credit`` asks to be served on account.
    """

    ORDER = "order"
    BOOKING = "booking"
    CREDIT = "credit"
    DELIVERY = "delivery"
    TICKET = "ticket"
    CALL = "call"
    CHAT = "chat"
    MAIL = "mail"
    VISIT = "visit"
    POST = "post"
    REFUND = "refund"
    COMPLAINT = "complaint"
    APPEAL = "appeal"
    PRIVACY = "privacy"


CONTACTS: Final = frozenset(
    (Action.TICKET, Action.CALL, Action.CHAT, Action.MAIL, Action.VISIT, Action.POST)
)
"""Ways to reach the staff."""
RIGHTS: Final = frozenset((Action.REFUND, Action.COMPLAINT, Action.APPEAL, Action.PRIVACY))
"""What nobody loses by a decision: to ask for money back, complain, appeal, and see one's data."""


class Limit(StrEnum):
    """What a restriction restricts."""

    CHANNEL = "channel"
    CREDIT = "credit"
    PREPAYMENT_ONLY = "prepayment_only"
    SINGLE_CONTACT = "single_contact"
    HOURS = "hours"


class Hours(NamedTuple):
    """When staff may be reached on a weekday (Monday is 0), by the clock of the ledger's zone.

    ``until`` is not part of it.
    """

    weekday: int
    start: time
    until: time


@dataclass(frozen=True, slots=True)
class Scope:
    """What a decision covers; what is empty limits nothing, so that an empty scope covers all.

    ``actions`` narrows a do-not-serve to some actions; ``channels`` are those that are closed;
    ``contact`` names the one person to speak to; ``account`` is a name on a social platform.
    Raises BadInputError where the parts do not fit together.

    >>> Scope(limits=frozenset({Limit.PREPAYMENT_ONLY})).to_body()
    {'limits': ['prepayment_only']}
    """

    limits: frozenset[Limit] = frozenset()
    actions: frozenset[Action] = frozenset()
    channels: frozenset[Channel] = frozenset()
    hours: tuple[Hours, ...] = ()
    contact: str = ""
    account: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", _members(Limit, self.limits))
        object.__setattr__(self, "actions", _members(Action, self.actions))
        object.__setattr__(self, "channels", _members(Channel, self.channels))
        object.__setattr__(self, "hours", tuple(sorted(_hours(h) for h in self.hours)))
        for name in ("contact", "account"):
            object.__setattr__(self, name, check_text(getattr(self, name), name))
        self._check_parts()

    def _check_parts(self) -> None:
        needed = {
            Limit.SINGLE_CONTACT: ("contact", self.contact),
            Limit.HOURS: ("hours", self.hours),
            Limit.CHANNEL: ("channels", self.channels),
        }
        for limit, (name, value) in needed.items():
            if limit in self.limits and not value:
                raise BadInputError(f"A restriction of {limit} needs {name}; name them.")

    def to_body(self) -> dict[str, JsonValue]:
        """Plain JSON values; what is empty is left out."""
        body: dict[str, JsonValue] = {
            "limits": _words(self.limits),
            "actions": _words(self.actions),
            "channels": _words(self.channels),
            "hours": [[h.weekday, _clock(h.start), _clock(h.until)] for h in self.hours],
            "contact": self.contact,
            "account": self.account,
        }
        return {name: value for name, value in body.items() if value}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The scope that ``to_body`` wrote."""
        hours = tuple(
            Hours(weekday, time.fromisoformat(start), time.fromisoformat(until))
            for weekday, start, until in body.get("hours", ())
        )
        return cls(**{**body, "hours": hours})


def _members(vocabulary: Any, values: Iterable[Any]) -> frozenset[Any]:
    if isinstance(values, str):
        raise BadInputError(f"Give a set of {vocabulary.__name__.lower()}s, not {values!r}.")
    return frozenset(check_member(vocabulary, value) for value in values)


def _words(members: Iterable[StrEnum]) -> list[JsonValue]:
    return [member.value for member in sorted(members)]


def _hours(hours: Hours) -> Hours:
    weekday, start, until = hours
    if weekday not in range(7) or not start < until or start.tzinfo or until.tzinfo:
        raise BadInputError(
            f"{hours!r} are not hours of a weekday: Monday is 0, and they start before they end, "
            "without a time zone."
        )
    return Hours(weekday, start, until)


def _clock(moment: time) -> str:
    return moment.isoformat()


EVERYTHING: Final = Scope()
"""The scope that narrows nothing."""
