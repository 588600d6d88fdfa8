"""What a customer asks about the data that is held: requests for access, and contested entries.

A request is answered within one month of its receipt; two further months are allowed where that is
necessary, if the customer is told so, with the reasons, within the first month (Article 12(3) and
(4) GDPR). The month is counted as in Regulation 1182/71. A last day that is a holiday is not moved
here, though the law would: who keeps the earlier day is never late.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from custledger.core.bodies import StoredEntry
from custledger.core.calendar.periods import Period, PeriodUnit, last_day
from custledger.core.clock import date_of_day, from_microseconds
from custledger.core.records import EntryKind, EntryRef, TrailEntry
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words
from custledger.errors import BadInputError

__all__ = [
    "FIRST_PERIOD",
    "LONGEST_PERIOD",
    "AccessRequest",
    "AccessState",
    "AccessStep",
    "Contest",
    "ContestState",
    "ContestStep",
    "answer_refusals",
    "check_digest",
    "contest_from",
    "decision_refusals",
    "disputed_in",
    "extension_refusals",
    "is_contest",
    "is_request",
    "request_from",
]

FIRST_PERIOD: Final = Period(1, PeriodUnit.MONTHS)
"""Within it a request, or a contest, is answered."""
LONGEST_PERIOD: Final = Period(3, PeriodUnit.MONTHS)
"""Within it, all told, a request is answered that was extended."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class AccessState(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    ANSWERED = "answered"
    REFUSED = "refused"


class ContestState(StrEnum):
    """Where a contest stands: open, agreed to by a correction, or refused with reasons."""

    OPEN = "open"
    RECTIFIED = "rectified"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A customer's request to see what is held; ``received_on`` is the day it arrived.

    ``how`` it came, ``closed_how`` the answer went; ``digest`` is the SHA-256 of what was handed
    out. ``reasons`` are those of an extension, ``refusal`` those of a refusal.
    """

    id: EntryRef
    customer_id: UUID
    received_on: date
    how: str
    recorded_at: datetime
    recorded_by: UUID
    note: str = ""
    state: AccessState = AccessState.OPEN
    extended_on: date | None = None
    reasons: str = ""
    closed_on: date | None = None
    closed_by: UUID | None = None
    closed_how: str = ""
    digest: str = ""
    refusal: str = ""

    @property
    def first_due_on(self) -> date:
        """The last day of the first month."""
        return last_day(self.received_on, FIRST_PERIOD)

    @property
    def due_on(self) -> date:
        """The last day on which the answer is in time."""
        return self.first_due_on if self.extended_on is None else self.longest_due_on

    @property
    def longest_due_on(self) -> date:
        """The last day, if it is extended."""
        return last_day(self.received_on, LONGEST_PERIOD)

    def overdue(self, day: date) -> bool:
        """Whether the answer is late as of a day, or was when it was given."""
        return (self.closed_on or day) > self.due_on


@dataclass(frozen=True, slots=True)
class Contest:
    """A customer's statement that an entry is wrong, in the customer's own words.

    ``entry`` is the record that is disputed, by the first entry of its corrections. ``correction``
    is the entry that put it right. ``reasons`` are those of the person who decided.
    """

    id: EntryRef
    customer_id: UUID
    entry: EntryRef
    words: str
    received_on: date
    recorded_at: datetime
    recorded_by: UUID
    state: ContestState = ContestState.OPEN
    closed_on: date | None = None
    closed_by: UUID | None = None
    reasons: str = ""
    correction: EntryRef | None = None

    @property
    def due_on(self) -> date:
        """The last day on which the customer is told what came of it, in time."""
        return last_day(self.received_on, FIRST_PERIOD)

    def overdue(self, day: date) -> bool:
        """Whether the decision is late as of a day, or was when it was made."""
        return (self.closed_on or day) > self.due_on


@dataclass(frozen=True, slots=True)
class AccessStep:
    """What came of a step; where it is not ``done``, ``refusals`` say why: nothing was written."""

    done: bool
    request: AccessRequest | None = None
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class ContestStep:
    """What came of a step; where it is not ``done``, ``refusals`` say why: nothing was written."""

    done: bool
    contest: Contest | None = None
    refusals: tuple[Refusal, ...] = ()


def is_request(events: Sequence[StoredEntry]) -> bool:
    """Whether the case is a request for access."""
    return bool(events) and events[0].body.get("event") == "requested"


def is_contest(events: Sequence[StoredEntry]) -> bool:
    """Whether the case is a contest."""
    return bool(events) and events[0].body.get("event") == "contested"


def disputed_in(chain: Sequence[TrailEntry]) -> dict[int, int]:
    """The newest entries of records that are disputed and not decided, and by which contest.

    ``chain`` is one customer's, in order; the answer is by number.
    """
    about: dict[int, int] = {}
    newest: dict[int, int] = {}
    first: dict[int, int] = {}
    for entry in chain:
        seq, body = entry.ref.seq, entry.facts
        first[seq] = first.get(entry.supersedes or 0, seq)
        newest[first[seq]] = seq
        if entry.kind is not EntryKind.SUBJECT_ACCESS or entry.superseded_by is not None:
            continue
        if body.get("event") == "contested":
            about[seq] = int(str(body["entry"]))
        elif str(body.get("event", "")).startswith("contest_"):
            about.pop(int(str(body["of"])), None)
    return {newest[disputed]: contest for contest, disputed in about.items()}


def request_from(events: Sequence[StoredEntry]) -> AccessRequest:
    """The request after its events, the first of which opens it."""
    first = events[0]
    request = AccessRequest(
        id=first.id,
        customer_id=first.id.subject,
        received_on=date_of_day(first.body["received_day"]),
        how=first.body.get("how", ""),
        recorded_at=from_microseconds(first.recorded_at),
        recorded_by=first.actor,
        note=first.staff_body.get("note", ""),
    )
    for event in events[1:]:
        request = _after(request, event.body, event.actor)
    return request


def _after(request: AccessRequest, body: Mapping[str, Any], actor: UUID) -> AccessRequest:
    if request.state is not AccessState.OPEN or "on_day" not in body:
        return request
    day = date_of_day(body["on_day"])
    if body["event"] == "extended":
        return replace(request, extended_on=day, reasons=body.get("reason", ""))
    closed = replace(request, closed_on=day, closed_by=actor, closed_how=body.get("how", ""))
    if body["event"] == "refused":
        return replace(closed, state=AccessState.REFUSED, refusal=body.get("reason", ""))
    return replace(closed, state=AccessState.ANSWERED, digest=body.get("mark", ""))


def contest_from(events: Sequence[StoredEntry]) -> Contest:
    """The contest after its events, the first of which opens it."""
    first, subject = events[0], events[0].id.subject
    contest = Contest(
        id=first.id,
        customer_id=subject,
        entry=EntryRef(subject, first.body["entry"]),
        words=first.body.get("words", ""),
        received_on=date_of_day(first.body["received_day"]),
        recorded_at=from_microseconds(first.recorded_at),
        recorded_by=first.actor,
    )
    for event in events[1:]:
        if contest.state is not ContestState.OPEN or "on_day" not in event.body:
            continue
        correction = event.body.get("correction")
        contest = replace(
            contest,
            state=ContestState(event.body["event"].removeprefix("contest_")),
            closed_on=date_of_day(event.body["on_day"]),
            closed_by=event.actor,
            reasons=event.body.get("reason", ""),
            correction=None if correction is None else EntryRef(subject, correction),
        )
    return contest


def extension_refusals(request: AccessRequest, told_on: date) -> tuple[Refusal, ...]:
    """Why a request cannot be extended; empty where it can."""
    return (*_closed(request), *_order(request.received_on, told_on), *_extended(request, told_on))


def answer_refusals(request: AccessRequest, on: date) -> tuple[Refusal, ...]:
    """Why a request cannot be answered or refused; empty where it can. A late answer can."""
    return (*_closed(request), *_order(request.received_on, on))


def decision_refusals(contest: Contest, on: date) -> tuple[Refusal, ...]:
    """Why a contest cannot be decided; empty where it can."""
    found = _order(contest.received_on, on)
    if contest.state is ContestState.OPEN:
        return tuple(found)
    when = day_in_words(contest.closed_on or contest.received_on)
    text = f"It was decided on {when} ({contest.state}). A new statement is a new contest."
    return (Refusal("closed", text), *found)


def check_digest(digest: object) -> str:
    """A SHA-256 in hexadecimal, or nothing.

    >>> check_digest("")
    ''
    """
    if not isinstance(digest, str) or (digest and not _DIGEST.fullmatch(digest)):
        raise BadInputError(f"The digest is a SHA-256 of 64 hexadecimal digits, not {digest!r}.")
    return digest


def _closed(request: AccessRequest) -> Iterable[Refusal]:
    if request.state is not AccessState.OPEN:
        when = day_in_words(request.closed_on or request.received_on)
        text = f"It was {request.state} on {when}. If the customer asks again, record a new one."
        yield Refusal("closed", text)


def _order(received_on: date, on: date) -> Iterable[Refusal]:
    if on < received_on:
        said = f"{day_in_words(on)} is before it arrived ({day_in_words(received_on)})"
        yield Refusal("order", f"{said}; check the day.")


def _extended(request: AccessRequest, told_on: date) -> Iterable[Refusal]:
    if request.extended_on is not None:
        yield Refusal(
            "twice", f"It was extended until {day_in_words(request.due_on)}: once is all."
        )
    elif told_on > request.first_due_on:
        yield Refusal(
            "late",
            f"The customer has to be told of an extension by {day_in_words(request.first_due_on)}, "
            "within a month of asking (Art. 12(3) GDPR). Answer now, and say why it is late.",
        )
