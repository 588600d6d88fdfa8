"""Praise and the consent to quote it: only under the name that was agreed to, only while it holds.

The consent can be withdrawn at any time (Article 7(3) GDPR); from that day on the praise is not
quoted any more. What was printed before stays printed: tell the customer so when you ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from custledger.core.records import Channel, EntryRef
from custledger.core.refusal import Refusal

__all__ = ["Consent", "NameShown", "Praise", "PraiseAnswer", "Quote", "consent_on", "name_shown"]


class NameShown(StrEnum):
    """How the customer agreed to be named."""

    FULL = "full"
    FIRST_NAME = "first_name"
    INITIALS = "initials"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Consent:
    """That a praise may be quoted: under which name, how it was given, from when and how long.

    ``name`` is the text that was agreed to, empty where anonymous; a later change of the customer's
    name does not change it. ``until`` is the first day on which it no longer holds, None for no
    end; ``withdrawn_on`` the day of the withdrawal. ``evidence`` shows the consent.
    """

    id: EntryRef
    given_on: date
    how: str
    shown_name: NameShown
    name: str = ""
    until: date | None = None
    evidence: EntryRef | None = None
    withdrawn_on: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether it holds on that day; on the day of its withdrawal it does not."""
        ended = (self.until, self.withdrawn_on)
        return self.given_on <= day and all(end is None or day < end for end in ended)


@dataclass(frozen=True, slots=True)
class Praise:
    """What a customer said in praise, word for word, with all consents to quote it."""

    id: EntryRef
    customer_id: UUID
    said_on: date
    channel: Channel
    words: str
    recorded_by: UUID
    interaction: EntryRef | None = None
    consents: tuple[Consent, ...] = ()

    def consent_on(self, day: date) -> Consent | None:
        """The consent that holds on a day, or None."""
        return consent_on(self.consents, day)


@dataclass(frozen=True, slots=True)
class Quote:
    """What may be printed: the words and the name agreed to (empty: anonymous), and nothing else.

    ``until`` is the first day on which it may not be printed any more, None for no end.
    """

    words: str
    name: str
    said_on: date
    channel: Channel
    until: date | None = None


@dataclass(frozen=True, slots=True)
class PraiseAnswer:
    """What came of it: the praise as it is now, or why it was refused and nothing was written."""

    praise: Praise | None
    refusals: tuple[Refusal, ...] = ()

    @property
    def done(self) -> bool:
        """Whether it was recorded."""
        return self.praise is not None


def consent_on(consents: Iterable[Consent], day: date) -> Consent | None:
    """The consent that holds on a day: the newest one given by then, unless it has ended.

    A newer consent takes the place of an older one: the customer may have changed the name.
    """
    given = [consent for consent in consents if consent.given_on <= day]
    newest = given[-1] if given else None
    return newest if newest is not None and newest.in_force(day) else None


def name_shown(name: str, shown: NameShown) -> str:
    """The customer's name as it was agreed to.

    >>> [name_shown("Ann van Dam", shown) for shown in NameShown]
    ['Ann van Dam', 'Ann', 'A. v. D.', '']
    """
    parts = name.split()
    return {
        NameShown.FULL: " ".join(parts),
        NameShown.FIRST_NAME: parts[0] if parts else "",
        NameShown.INITIALS: " ".join(f"{part[0]}." for part in parts),
        NameShown.ANONYMOUS: "",
    }[shown]
