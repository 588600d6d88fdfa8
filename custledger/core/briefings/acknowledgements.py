"""Who has read which briefing: by its version, so that new content asks again.

Whoever acknowledges the team's briefing has read what is in it of each customer, and that nothing
is told of the others. What counts is somebody's last word on a customer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from custledger.core.briefings.content import AS_USUAL
from custledger.core.records import EntryRef, Staff, StaffRole
from custledger.core.refusal import Refusal

__all__ = ["Acknowledged", "Acknowledgement", "Current", "Outstanding", "last_words", "unread"]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody read a version of a briefing; ``customer_id`` is None for the team's.

    ``recorded_by`` is another person where an owner keeps the signature ``on_paper``. ``covers``
    are the versions of the customers in a team's briefing.
    """

    ref: EntryRef
    staff_id: UUID
    staff: str
    customer_id: UUID | None
    version: str
    at: datetime
    recorded_by: UUID
    on_paper: bool = False
    covers: Mapping[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What came of acknowledging; where it was not allowed, nothing was written."""

    done: bool
    refusals: tuple[Refusal, ...] = ()
    acknowledgement: Acknowledgement | None = None


@dataclass(frozen=True, slots=True)
class Current:
    """The current version of the briefing on a customer."""

    customer_id: UUID
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Outstanding:
    """A briefing that somebody has not acknowledged as it is now.

    ``version`` is as-usual where they know of something that no longer holds; ``seen`` is what
    they acknowledged last, empty where that is nothing.
    """

    staff_id: UUID
    staff: str
    customer_id: UUID
    name: str
    version: str
    seen: str = ""


def last_words(
    acknowledgements: Iterable[Acknowledgement], staff: UUID, customer: UUID
) -> frozenset[str]:
    """The version that somebody acknowledged last of a customer.

    More than one where they were acknowledged at the same moment; as-usual where none was.
    """
    found: set[str] = {AS_USUAL}
    latest: datetime | None = None
    for one in acknowledgements:
        if one.staff_id != staff or one.customer_id not in (None, customer):
            continue
        version = one.covers.get(customer, AS_USUAL) if one.customer_id is None else one.version
        if latest is None or one.at > latest:
            found, latest = {version}, one.at
        elif one.at == latest:
            found.add(version)
    return frozenset(found)


def unread(
    people: Iterable[Staff], current: Iterable[Current], known: Sequence[Acknowledgement]
) -> list[Outstanding]:
    """What each active person has not acknowledged, in the order given; programs read nothing."""
    customers = tuple(current)
    found = []
    for person in people:
        if not person.active or person.role is StaffRole.PROGRAM:
            continue
        for customer in customers:
            seen = last_words(known, person.id, customer.customer_id)
            if customer.version not in seen:
                before = min(seen - {AS_USUAL}, default="")
                subject = (customer.customer_id, customer.name, customer.version)
                found.append(Outstanding(person.id, person.name, *subject, before))
    return found
