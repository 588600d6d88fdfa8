"""A decision made at the desk from what a caller says of it, and decisions that end others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from custledger.core.decisions.asked import entry_ref
from custledger.core.decisions.events import DecisionKind, DecisionMade
from custledger.core.decisions.scope import Scope
from custledger.core.decisions.steps import DecisionStep
from custledger.core.records import EntryRef
from custledger.core.refusal import Refusal
from custledger.storage.decisions.desk import DecisionDesk

__all__ = ["make", "reinstate"]


def make(
    desk: DecisionDesk, kind: DecisionKind, scope: Scope, facts: Mapping[str, Any]
) -> DecisionStep:
    """Write a decision of the desk's day with its facts (``DecisionFacts``), if it is allowed."""
    incidents, missing = desk.cited([entry_ref(i) for i in facts["incidents"]])
    safety, unsafe = desk.safety([entry_ref(i) for i in facts.get("safety", ())])
    rule, late = desk.rule(facts.get("rule", ""), incidents)
    policy = desk.policy
    first = facts.get("effective_from") or desk.today
    days = policy.bypass_days if facts.get("bypass") else policy.review_days
    made = DecisionMade(
        ref=desk.next_ref(),
        day=desk.today,
        by=desk.writer,
        kind=kind,
        reasons=facts["reasons"],
        incidents=incidents,
        safety=safety,
        flag=desk.flag() if kind is DecisionKind.DO_NOT_SERVE else None,
        scope=scope,
        staff_text=facts["staff_text"],
        customer_text=facts["customer_text"],
        effective_from=facts.get("effective_from"),
        review_on=facts.get("review_on") or first + timedelta(days),
        rule=rule,
        bypass=facts.get("bypass", ""),
        override=facts.get("override"),
        policy=policy,
    )
    return desk.write(made, (*missing, *unsafe, *late))


def reinstate(desk: DecisionDesk, ends: Sequence[EntryRef], reasons: str) -> DecisionStep:
    """End the decisions named, or all that are open (none named).

    An entry in the chain of each decision that ends: a later unmerging leaves it as it is.
    """
    lasting = [d for d in desk.state.still_open if d.made.kind is not DecisionKind.REINSTATEMENT]
    still_open = [d.made.ref for d in lasting]
    named = ends or still_open
    if not named or not set(named) <= set(still_open):
        text = "There is no such decision that could be ended."
        return DecisionStep((Refusal("nothing_to_end", text),))
    steps = []
    for subject in sorted({ref.subject for ref in named}):
        own = tuple(sorted(ref for ref in named if ref.subject == subject))
        place = replace(desk, key=desk.journal.key_of(subject))
        made = DecisionMade(
            ref=place.next_ref(),
            day=desk.today,
            by=desk.writer,
            kind=DecisionKind.REINSTATEMENT,
            reasons=reasons,
            ends=own,
            policy=desk.policy,
        )
        steps.append(place.write(made))
    return steps[0]
