"""Backing the staff: who bore abuse, what was done for them, and who needs relief.

Abuse is conduct that a person bears: insults, threats, attacks in public. Days are calendar days of
the ledger's zone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from custledger.core.records import Conduct, EntryRef, Staff, StaffRole
from custledger.core.refusal import Refusal
from custledger.core.words import count
from custledger.errors import BadInputError

__all__ = [
    "ABUSE",
    "RELIEVING",
    "Backed",
    "Backing",
    "BackingKind",
    "BackingReport",
    "BackingRules",
    "Borne",
    "Incident",
    "SingleSource",
    "backing_report",
]

ABUSE: Final = frozenset((Conduct.VERBAL_ABUSE, Conduct.THREAT, Conduct.PUBLIC_ATTACK))
"""The conduct that a member of staff bears."""


class BackingKind(StrEnum):
    """What was done for a member of staff."""

    TALKED_TO = "talked_to"
    RELIEVED = "relieved"
    TOOK_OVER = "took_over"
    TIME_OFF = "time_off"
    OTHER = "other"


RELIEVING: Final = frozenset((BackingKind.RELIEVED, BackingKind.TOOK_OVER, BackingKind.TIME_OFF))
"""What takes the load off; a talk alone does not."""


@dataclass(frozen=True, slots=True)
class BackingRules:
    """When somebody needs relief; our defaults, to be set as the firm sees fit.

    Abuse that nobody backed ``wait_days`` after it, or at least ``many`` incidents within
    ``within_days`` without relief since.
    """

    wait_days: int = 3
    many: int = 3
    within_days: int = 14

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "wait_days" else 1
            if type(value) is not int or not least <= value <= 3650:
                raise BadInputError(
                    f"{field.name} is a whole number from {least} to 3650, not {value!r}."
                )


@dataclass(frozen=True, slots=True)
class Incident:
    """A contact with adverse conduct; ``borne_by`` is who handled it, else who recorded it."""

    ref: EntryRef
    customer_id: UUID
    customer: str
    day: date
    conduct: Conduct
    borne_by: UUID


@dataclass(frozen=True, slots=True)
class Backing:
    """What was done for a member of staff after an incident; ``words`` are for staff alone."""

    ref: EntryRef
    incident: EntryRef
    staff_id: UUID
    kind: BackingKind
    words: str
    day: date
    recorded_by: UUID


@dataclass(frozen=True, slots=True)
class Backed:
    """What came of recording it; where it was not allowed, nothing was written."""

    done: bool
    refusals: tuple[Refusal, ...] = ()
    backing: Backing | None = None


@dataclass(frozen=True, slots=True)
class Borne:
    """What one member of staff bore in the period, and what was done for them.

    ``unbacked`` are the incidents for which nothing was recorded, and no relief on that day or
    after it; ``needs`` says why relief is needed, and is empty where it is not.
    """

    staff_id: UUID
    name: str
    incidents: int
    days: int
    conduct: tuple[tuple[Conduct, int], ...]
    unbacked: tuple[EntryRef, ...]
    done: tuple[Backing, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SingleSource:
    """From how many people what is recorded against a customer comes.

    ``alone`` names the one person where there is one: it may be true, and should be heard by
    somebody else before anything rests on it.
    """

    customer_id: UUID
    customer: str
    incidents: int
    people: int
    alone: str = ""


@dataclass(frozen=True, slots=True)
class BackingReport:
    """Who bore abuse, most in need first, and where one person alone speaks against a customer."""

    as_of: date
    since: date | None
    rules: BackingRules
    people: tuple[Borne, ...]
    customers: tuple[SingleSource, ...]


def backing_report(
    incidents: Iterable[Incident],
    backings: Sequence[Backing],
    staff: Iterable[Staff],
    *,
    as_of: date,
    since: date | None = None,
    rules: BackingRules,
) -> BackingReport:
    """The report on the incidents given, by a day; programs bear nothing and are no witnesses."""
    people = {person.id: person for person in staff if person.role is not StaffRole.PROGRAM}
    known = sorted((i for i in incidents if i.borne_by in people), key=lambda i: (i.day, i.ref))
    abuse: dict[UUID, list[Incident]] = defaultdict(list)
    for incident in known:
        if incident.conduct in ABUSE:
            abuse[incident.borne_by].append(incident)
    borne = [_borne(people[who], abuse[who], backings, as_of, rules) for who in abuse]
    borne.sort(key=lambda one: (not one.needs, -one.incidents, one.name))
    return BackingReport(as_of, since, rules, tuple(borne), tuple(_sources(known, people)))


def _borne(
    person: Staff,
    incidents: Sequence[Incident],
    backings: Sequence[Backing],
    as_of: date,
    rules: BackingRules,
) -> Borne:
    done = tuple(b for b in backings if b.staff_id == person.id)
    backed = {backing.incident for backing in done}
    relieved = max((b.day for b in done if b.kind in RELIEVING), default=date.min)
    # Who was relieved was relieved of all that came before.
    unbacked = [i for i in incidents if i.ref not in backed and i.day > relieved]
    kinds = sorted(Counter(i.conduct for i in incidents).items(), key=lambda one: (-one[1], one[0]))
    lately = [i for i in incidents if i.day > relieved]
    needs = _needs(lately, unbacked, as_of, rules) if person.active else ()
    return Borne(
        staff_id=person.id,
        name=person.name,
        incidents=len(incidents),
        days=len({incident.day for incident in incidents}),
        conduct=tuple(kinds),
        unbacked=tuple(incident.ref for incident in unbacked),
        done=done,
        needs=tuple(needs),
    )


def _needs(
    unrelieved: Sequence[Incident],
    unbacked: Sequence[Incident],
    as_of: date,
    rules: BackingRules,
) -> Iterator[str]:
    waiting = [i for i in unbacked if (as_of - i.day).days > rules.wait_days]
    if waiting:
        longest = count((as_of - waiting[0].day).days, "day")
        yield (
            f"{count(len(waiting), 'incident')} without anything done for them, the first "
            f"{longest} ago"
        )
    start = as_of - timedelta(rules.within_days)
    lately = sum(start < incident.day for incident in unrelieved)
    if lately >= rules.many:
        period = count(rules.within_days, "day")
        yield f"{count(lately, 'incident')} within {period}, and no relief since"


def _sources(incidents: Sequence[Incident], people: Mapping[UUID, Staff]) -> Iterator[SingleSource]:
    """Customers with adverse conduct, first those against whom one person alone speaks."""
    found: dict[UUID, list[Incident]] = defaultdict(list)
    for incident in incidents:
        found[incident.customer_id].append(incident)
    rows = []
    for customer, told in found.items():
        by = {incident.borne_by for incident in told}
        alone = people[min(by)].name if len(by) == 1 else ""
        rows.append(SingleSource(customer, told[0].customer, len(told), len(by), alone))
    yield from sorted(rows, key=lambda row: (not row.alone, -row.incidents, row.customer))
