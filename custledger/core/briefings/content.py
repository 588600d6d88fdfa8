"""What staff are told about a customer, and about all whom something is known of: a snapshot.

No more personal data than needed: a name and the first digits of the id, but no contact point, no
quotation, no amount and no score. What staff do with it decides what counts as its content: the
``version`` changes when there is something new to know or to do, and not from day to day.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from custledger.core.briefings.advice import dealing_with, scope_in_words, sort_of
from custledger.core.canonical import JsonValue, canonical_bytes
from custledger.core.clock import day_of, to_microseconds
from custledger.core.decisions.events import DecisionKind
from custledger.core.decisions.scope import Limit
from custledger.core.decisions.state import DecisionState
from custledger.core.records import EntryRef, Interaction, MoneyEntry
from custledger.core.score.fit import Fit
from custledger.core.words import count, day_in_words, hours

__all__ = [
    "AS_USUAL",
    "CustomerBriefing",
    "Decided",
    "Known",
    "TeamBriefing",
    "customer_briefing",
    "team_briefing",
]

AS_USUAL: Final = "as-usual"
"""The version of a briefing that has nothing to tell: serve the customer as usual."""
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of one customer as of a day.

    ``fit`` is None unless the customer is flagged; ``adverse`` are the entries that its conduct
    rests on. ``decisions`` are those in force.
    """

    customer_id: UUID
    name: str
    fit: Fit | None = None
    adverse: tuple[Interaction | MoneyEntry, ...] = ()
    decisions: tuple[DecisionState, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision in force, as staff need it.

    ``means`` says in sentences what is open to the customer and what is not. ``to_do`` is for staff
    alone, ``to_say`` may be said to the customer. It lapses on ``until``, unless it is extended.
    """

    ref: EntryRef
    kind: DecisionKind
    means: tuple[str, ...]
    to_do: str
    to_say: str
    until: date
    by: str
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomerBriefing:
    """How to deal with one customer: what is decided, what is known, and who to call.

    ``why`` is what the flag rests on: cost, conduct, both or combined, or empty where there is no
    flag. ``entries`` are those that it rests on. ``contact`` is the one person
    who speaks with the customer, if that was decided, and ``owners`` are who helps.
    """

    customer_id: UUID
    name: str
    as_of: date
    version: str
    why: str
    evidence: str
    known: tuple[str, ...]
    dealing: tuple[str, ...]
    decided: tuple[Decided, ...]
    contact: str
    owners: tuple[str, ...]
    entries: tuple[EntryRef, ...]

    @property
    def as_usual(self) -> bool:
        """Whether there is nothing to tell."""
        return self.version == AS_USUAL


@dataclass(frozen=True, slots=True)
class TeamBriefing:
    """The briefings of all customers of whom there is something to tell, in one.

    ``can_flag`` is False while no margin is set. ``watched`` counts those on watch; who they are is
    not told.
    """

    as_of: date
    version: str
    customers: tuple[CustomerBriefing, ...]
    owners: tuple[str, ...]
    can_flag: bool
    watched: int
    policy_version: int

    @property
    def as_usual(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.customers


def customer_briefing(
    known: Known, as_of: date, owners: Sequence[str], zone: str = "UTC"
) -> CustomerBriefing:
    """The briefing on one customer; days are those of the zone."""
    fit = known.fit
    decided = tuple(map(_decided, sorted(known.decisions, key=_strictest_first)))
    contact = next(filter(None, map(_contact, known.decisions)), "")
    dealing = tuple(dealing_with(fit, known.adverse, known.decisions))
    told = (*_incidents(fit, known.adverse, zone), *_costs(fit)) if fit is not None else ()
    found = CustomerBriefing(
        customer_id=known.customer_id,
        name=known.name,
        as_of=as_of,
        version=AS_USUAL,
        why="" if fit is None else fit.kind,
        evidence="" if fit is None else fit.evidence,
        known=told,
        dealing=dealing,
        decided=decided,
        contact=contact,
        owners=tuple(owners),
        entries=() if fit is None else _entries(fit),
    )
    if fit is None and not decided:
        return found
    sorts: list[JsonValue] = [*sorted(set(map(sort_of, known.adverse)))]
    return _versioned(found, sorts)


def team_briefing(
    customers: Iterable[CustomerBriefing],
    as_of: date,
    owners: Sequence[str],
    *,
    can_flag: bool = True,
    watched: int = 0,
    policy_version: int = 0,
) -> TeamBriefing:
    """The briefing for everybody, on those customers of whom there is something to tell."""
    told = tuple(c for c in customers if not c.as_usual)
    versions: list[JsonValue] = [*sorted(c.version for c in told)]
    return TeamBriefing(
        as_of=as_of,
        version=_digest(versions) if told else AS_USUAL,
        customers=told,
        owners=tuple(owners),
        can_flag=can_flag,
        watched=watched,
        policy_version=policy_version,
    )


def _versioned(found: CustomerBriefing, sorts: list[JsonValue]) -> CustomerBriefing:
    """The briefing with the version of what matters: no day, no count, no order of the score."""
    decided: list[JsonValue] = [
        [str(d.ref), d.kind.value, *d.means, d.to_do, d.to_say] for d in found.decided
    ]
    content: JsonValue = [
        str(found.customer_id),
        found.name,
        sorts,
        [*found.dealing],
        decided,
        found.contact,
        [*found.owners],
    ]
    named = {name: getattr(found, name) for name in CustomerBriefing.__slots__}
    return CustomerBriefing(**{**named, "version": _digest(content)})


def _digest(content: JsonValue) -> str:
    return hashlib.sha256(canonical_bytes({"content": content})).hexdigest()[:_DIGITS]


def _decided(state: DecisionState) -> Decided:
    made = state.made
    return Decided(
        ref=made.ref,
        kind=made.kind,
        means=tuple(scope_in_words(made.kind, made.scope)),
        to_do=made.staff_text,
        to_say=made.customer_text,
        until=state.review_on,
        by=made.by.name,
        marks=state.marks,
    )


def _strictest_first(state: DecisionState) -> tuple[int, str, int]:
    made = state.made
    return -[*DecisionKind].index(made.kind), str(made.ref.subject), made.ref.seq


def _contact(state: DecisionState) -> str:
    scope = state.made.scope
    return scope.contact if Limit.SINGLE_CONTACT in scope.limits else ""


def _entries(fit: Fit) -> tuple[EntryRef, ...]:
    """The customer's own, then those under names that were merged into this one."""
    own = {EntryRef(fit.customer_id, seq) for reason in fit.reasons for seq in reason.entries}
    merged = {ref for reason in fit.reasons for ref in reason.merged_entries}
    return (*sorted(own), *sorted(merged - own))


_Adverse = Sequence[Interaction | MoneyEntry]


def _incidents(fit: Fit, adverse: _Adverse, zone: str) -> Iterator[str]:
    if not adverse:
        return
    standing = fit.standing
    yield (
        f"Incidents on {count(standing.adverse_days, 'day')} in "
        f"{count(standing.adverse_months, 'calendar month')}, {_witnesses(fit, adverse)}."
    )
    kinds = sorted(Counter(map(sort_of, adverse)).items(), key=lambda item: (-item[1], item[0]))
    yield "Recorded as: " + ", ".join(f"{kind} ({number})" for kind, number in kinds) + "."
    days = sorted(day_of(to_microseconds(entry.occurred_at), zone) for entry in adverse)
    yield f"First on {day_in_words(days[0])}, last on {day_in_words(days[-1])}."


def _witnesses(fit: Fit, adverse: _Adverse) -> str:
    """Who says so; what the payments show counts as one witness."""
    shown = any(isinstance(entry, MoneyEntry) for entry in adverse)
    staff = fit.standing.witnesses - shown
    said = f"reported by {count(staff, 'member', 'members')} of staff" if staff else ""
    return " and ".join(filter(None, (said, "shown by the payments" if shown else "")))


def _costs(fit: Fit) -> Iterator[str]:
    """What it rests on, without amounts: staff need to know of what there is too much."""
    s = fit.statement
    yield f"Staff time in all: {hours(s.handling_time)}."
    losses = (
        ("refunds", s.refunds),
        ("payments taken back through the bank", s.chargebacks),
        ("debts given up", s.write_offs),
        ("payments overdue", s.overdue),
    )
    *some, last = ["", *(what for what, amount in losses if amount.minor)]
    if last:
        yield "There were " + " and ".join(filter(None, (", ".join(some[1:]), last))) + "."
