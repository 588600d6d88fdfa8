"""What happens to a complaint, one value an event; ``custledger.core.complaints.rules`` folds them.

A broken event (a time without zone, a missing reason) is a BadInputError when it is made. Whether
it may come now is another question, answered by ``complaints.refusals``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias
from uuid import UUID

from custledger.core.canonical import JsonValue
from custledger.core.checks import (
    check_member,
    check_moment,
    check_required,
    check_text,
)
from custledger.core.reading import built
from custledger.core.records import Channel, Fault
from custledger.errors import BadInputError

__all__ = [
    "Acknowledged",
    "ComplaintEvent",
    "Escalated",
    "Exposure",
    "Extended",
    "Opened",
    "Outcome",
    "Paused",
    "Recovered",
    "RegimeVersion",
    "Reopened",
    "Resolved",
    "Responded",
    "Resumed",
    "SatisfactionGiven",
    "StepDone",
    "StepSkipped",
    "body_of",
    "event_from",
]


class Outcome(StrEnum):
    """How a complaint ended."""

    UPHELD = "upheld"
    PARTLY_UPHELD = "partly_upheld"
    NOT_UPHELD = "not_upheld"
    WITHDRAWN = "withdrawn"

    @property
    def fault(self) -> Fault | None:
        """Whose fault the outcome says it was; None where it does not say.

        A complaint that is not upheld is not therefore the customer's fault.
        """
        faults = {Outcome.UPHELD: Fault.OURS, Outcome.PARTLY_UPHELD: Fault.SHARED}
        return faults.get(self)


class Exposure(NamedTuple):
    """Where a public complaint stands: the platform, the name there, and how many may read it.

    ``reach`` is a number of people, None where it is unknown.
    """

    platform: str
    handle: str
    reach: int | None = None


class RegimeVersion(NamedTuple):
    """A version of a regime, as a complaint keeps it; versions count from 1."""

    id: str
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """When it happened, and the member of staff (or program) who did or reported it."""

    kind: ClassVar[str] = ""
    required: ClassVar[tuple[str, ...]] = ()

    at: datetime
    by: UUID

    def __post_init__(self) -> None:
        check_moment(self.at, "at")
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name in self.required:
                object.__setattr__(self, f.name, check_required(value, f.name))
            elif f.default == "":
                object.__setattr__(self, f.name, check_text(value, f.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(_Event):
    """A complaint was received. Both sides are told apart, and neither overwrites the other.

    ``regimes`` are the versions of those it stands under, sorted by id. ``calendar_version`` is
    that of the opening hours and holidays, 0 for the ones to start from. ``interaction`` is the
    number of the contact by which it came. ``exposure`` is set for a public complaint.
    """

    kind: ClassVar[str] = "opened"

    channel: Channel
    plan_name: str
    plan_version: int
    customer_words: str = ""
    staff_account: str = ""
    regimes: tuple[RegimeVersion, ...] = ()
    calendar_version: int = 0
    interaction: int | None = None
    exposure: Exposure | None = None
    product: str = ""
    cause: str = ""

    def __post_init__(self) -> None:
        # slots make a second class, in which super() without arguments is lost
        super(Opened, self).__post_init__()
        object.__setattr__(self, "channel", check_member(Channel, self.channel))
        object.__setattr__(self, "plan_name", check_required(self.plan_name, "plan_name"))
        object.__setattr__(self, "regimes", _regimes(self.regimes))
        if not self.customer_words and not self.staff_account and self.interaction is None:
            raise BadInputError(
                "Say what it is about: customer_words or staff_account, or both; or name the "
                "interaction that has them."
            )
        if self.exposure is not None:
            object.__setattr__(self, "exposure", _exposure(self.exposure))


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(_Event):
    """The customer was told that the complaint arrived, and who sees to it."""

    kind: ClassVar[str] = "acknowledged"

    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Responded(_Event):
    """The customer had an answer on the matter; the first one counts."""

    kind: ClassVar[str] = "responded"
    required: ClassVar[tuple[str, ...]] = ("summary",)

    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone(_Event):
    """A step of the plan was done."""

    kind: ClassVar[str] = "step_done"
    required: ClassVar[tuple[str, ...]] = ("step",)

    step: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped(_Event):
    """A step of the plan was left out, for a reason."""

    kind: ClassVar[str] = "step_skipped"
    required: ClassVar[tuple[str, ...]] = ("step", "reason")

    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(_Event):
    """We wait for the customer, and have said for what."""

    kind: ClassVar[str] = "paused"
    required: ClassVar[tuple[str, ...]] = ("reason",)

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(_Event):
    """The customer answered, or we go on without."""

    kind: ClassVar[str] = "resumed"

    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalated(_Event):
    """The complaint went to the owner."""

    kind: ClassVar[str] = "escalated"
    required: ClassVar[tuple[str, ...]] = ("reason",)

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended(_Event):
    """The customer was told why it takes longer, where a regime allows that."""

    kind: ClassVar[str] = "extended"
    required: ClassVar[tuple[str, ...]] = ("reason",)

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved(_Event):
    """The final answer: the outcome with reasons and, where it is upheld, the remedy."""

    kind: ClassVar[str] = "resolved"
    required: ClassVar[tuple[str, ...]] = ("reasons",)

    outcome: Outcome
    reasons: str
    remedy: str = ""

    def __post_init__(self) -> None:
        super(Resolved, self).__post_init__()
        object.__setattr__(self, "outcome", check_member(Outcome, self.outcome))
        if self.outcome.fault is not None and not self.remedy:
            raise BadInputError(
                f"A complaint that is {self.outcome.replace('_', ' ')} has a remedy: say what the "
                "customer gets, be it an apology."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SatisfactionGiven(_Event):
    """Whether the customer is satisfied with how it ended; the last answer counts."""

    kind: ClassVar[str] = "satisfaction"

    satisfied: bool
    customer_words: str = ""

    def __post_init__(self) -> None:
        super(SatisfactionGiven, self).__post_init__()
        if not isinstance(self.satisfied, bool):
            raise BadInputError(f"satisfied must be True or False, not {self.satisfied!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(_Event):
    """The complaint goes on."""

    kind: ClassVar[str] = "reopened"
    required: ClassVar[tuple[str, ...]] = ("reason",)

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered(_Event):
    """The customer came back: a later purchase, by its reference, or what else shows it."""

    kind: ClassVar[str] = "recovered"
    required: ClassVar[tuple[str, ...]] = ("shown_by",)

    shown_by: str


ComplaintEvent: TypeAlias = (
    Opened
    | Acknowledged
    | Responded
    | StepDone
    | StepSkipped
    | Paused
    | Resumed
    | Escalated
    | Extended
    | Resolved
    | SatisfactionGiven
    | Reopened
    | Recovered
)

_KINDS: Final[Mapping[str, type[Any]]] = {
    event.kind: event
    for event in (
        Opened,
        Acknowledged,
        Responded,
        StepDone,
        StepSkipped,
        Paused,
        Resumed,
        Escalated,
        Extended,
        Resolved,
        SatisfactionGiven,
        Reopened,
        Recovered,
    )
}


# The names that interactions have for the same: what both sides said.
_IN_BODY: Final = {"customer_words": "words", "staff_account": "summary"}


def body_of(event: ComplaintEvent) -> dict[str, JsonValue]:
    """What a trail entry keeps beside its own time and actor; no field at its default.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    >>> body_of(Escalated(at=noon, by=UUID(int=1), reason="No agreement"))
    {'event': 'escalated', 'reason': 'No agreement'}
    """
    body: dict[str, JsonValue] = {"event": event.kind}
    for f in fields(event):
        value = getattr(event, f.name)
        if f.name not in ("at", "by") and value != f.default:
            body[_IN_BODY.get(f.name, f.name)] = _plain(value)
    return body


def event_from(body: Mapping[str, Any], *, at: datetime, by: UUID) -> ComplaintEvent:
    """The event that ``body_of`` wrote."""
    values = dict(body)
    event = _KINDS.get(values.pop("event", ""))
    if event is not None:
        names = {f.name for f in fields(event)}
        for name in _IN_BODY.keys() & names:
            if _IN_BODY[name] in values:
                values[name] = values.pop(_IN_BODY[name])
    if event is None:
        raise BadInputError(f"{body.get('event')!r} is no event of a complaint.")
    made: ComplaintEvent = built(event, {**values, "at": at, "by": by}, "complaint's event")
    return made


def _plain(value: object) -> JsonValue:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Exposure):
        return {name: part for name, part in value._asdict().items() if part is not None}
    if isinstance(value, tuple):
        return dict(value)
    assert isinstance(value, str | int)
    return value


def _regimes(regimes: object) -> tuple[RegimeVersion, ...]:
    try:
        found = dict(regimes)  # type: ignore[call-overload]
    except (TypeError, ValueError) as error:
        raise BadInputError(
            f"regimes are pairs of an id and a version, such as [('house', 1)], not {regimes!r}."
        ) from error
    for name, version in found.items():
        if type(version) is not int or version < 1:
            raise BadInputError(f"Versions of a regime count from 1; {version!r} is none ({name}).")
    return tuple(
        RegimeVersion(check_required(name, "each of regimes"), version)
        for name, version in sorted(found.items())
    )


def _exposure(given: object) -> Exposure:
    try:
        found = Exposure(**given) if isinstance(given, Mapping) else Exposure(*given)  # type: ignore[misc]
    except TypeError as error:
        raise BadInputError(
            "exposure says platform, handle and, where it is known, reach: such as "
            f"Exposure('mastodon', '@ann', 1200), not {given!r}."
        ) from error
    platform, handle, reach = found
    if reach is not None and (type(reach) is not int or reach < 0):
        raise BadInputError(f"reach is a number of people, 0 or more, or None; not {reach!r}.")
    return Exposure(check_required(platform, "platform"), check_required(handle, "handle"), reach)
