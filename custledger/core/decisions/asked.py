"""What a caller says of a decision, and the ways in which one can be named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, NotRequired, Required, TypedDict

from custledger.core.checks import check_day
from custledger.core.decisions.events import Override
from custledger.core.decisions.state import DecisionState
from custledger.core.decisions.steps import DecisionStep
from custledger.core.records import EntryRef, Evidence, Interaction, MoneyEntry, TrailEntry
from custledger.errors import BadInputError

__all__ = ["DecisionFacts", "DecisionLike", "Incident", "check_facts", "decision_ref", "entry_ref"]

Incident = Interaction | MoneyEntry | Evidence | TrailEntry | EntryRef
"""An entry that a decision rests on: a contact, a money entry or a piece of evidence."""
DecisionLike = DecisionState | DecisionStep | EntryRef
"""A decision, what came of making it, or the reference of the entry that made it."""


class DecisionFacts(TypedDict):
    """What is said of a decision.

    ``reasons`` in words, by who decides; ``incidents`` it rests on, ``safety`` those of them that
    put somebody's safety at risk; ``staff_text`` is what staff are to do, ``customer_text`` what
    the customer is to know. ``effective_from`` is today by default, ``review_on`` by the policy.
    ``rule`` names the house rule that it applies, ``bypass`` says why it must take effect before
    warning and notice; ``override`` is an owner's.
    """

    reasons: Required[str]
    incidents: Required[Iterable[Incident]]
    staff_text: Required[str]
    customer_text: Required[str]
    safety: NotRequired[Iterable[Incident]]
    effective_from: NotRequired[date | None]
    review_on: NotRequired[date | None]
    rule: NotRequired[str]
    bypass: NotRequired[str]
    override: NotRequired[Override | None]


_FACTS: Final = frozenset(DecisionFacts.__annotations__)
_NEEDED: Final = frozenset(("reasons", "incidents", "staff_text", "customer_text"))


def check_facts(facts: Mapping[str, Any]) -> None:
    """Refuse facts of a decision that are missing, or none, with a BadInputError."""
    wrong = sorted((facts.keys() - _FACTS) | (_NEEDED - facts.keys()))
    if wrong:
        raise BadInputError(
            f"A decision is made with {', '.join(sorted(_NEEDED))}; look at: {', '.join(wrong)}."
        )
    for name in ("effective_from", "review_on"):
        if facts.get(name) is not None:
            check_day(facts[name], name)


def decision_ref(decision: object) -> EntryRef:
    """The entry that made a decision; BadInputError for what names none."""
    if isinstance(decision, DecisionState):
        return decision.made.ref
    if isinstance(decision, DecisionStep) and decision.decision is not None:
        return decision.decision.made.ref
    if not isinstance(decision, EntryRef):
        raise BadInputError(f"Name a decision by itself or its reference, not {decision!r}.")
    return decision


def entry_ref(record: object) -> EntryRef:
    """The entry that a record or a step is; BadInputError for what names none."""
    if isinstance(record, DecisionStep) and record.entry is not None:
        return record.entry
    if isinstance(record, DecisionState):
        return record.made.ref
    ref = record.ref if isinstance(record, TrailEntry) else getattr(record, "id", record)
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name an entry by its record or its reference, not {record!r}.")
    return ref
