"""The stated defaults of the advice on refunds, and the versions that the firm set instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final

from sqlalchemy import Connection

from custledger.core.records import PolicyTopic
from custledger.core.refunds.advice import AdvicePolicy, Estimate
from custledger.errors import BadInputError
from custledger.storage.context import Context
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.policies import add_policy, policy_on, policy_versions

__all__ = ["add_advice_policy", "advice_policies", "advice_policy_on"]

_TOPIC: Final = PolicyTopic.REFUND_ADVICE


def advice_policies(connection: Connection, context: Context) -> list[AdvicePolicy]:
    """Every version, oldest first; version 0 has the stated defaults."""
    found = policy_versions(connection, context, _TOPIC, "")
    return [AdvicePolicy(), *(AdvicePolicy.from_body(version.body) for version in found)]


def advice_policy_on(connection: Connection, context: Context, day: int) -> AdvicePolicy:
    """The version that is in effect on a day."""
    found = policy_on(connection, context, _TOPIC, day)
    return AdvicePolicy() if found is None else AdvicePolicy.from_body(found.body)


def add_advice_policy(
    journal: Journal, context: Context, figures: Mapping[str, Estimate], reason: str
) -> AdvicePolicy:
    """Add a version with some figures changed, in effect from today."""
    names = {f.name for f in fields(AdvicePolicy)} - {"version"}
    for name, figure in figures.items():
        if name not in names or not isinstance(figure, Estimate):
            raise BadInputError(
                f"{name}={figure!r} is no figure of the advice. Give an Estimate, with its "
                f"source, of: {', '.join(sorted(names))}."
            )
    lock_chains(journal.connection, context.ledger, [context.key])
    newest = advice_policies(journal.connection, context)[-1]
    changes: dict[str, Any] = {**figures, "version": newest.version + 1}
    policy = replace(newest, **changes)
    add_policy(
        journal,
        context,
        _TOPIC,
        policy.version,
        policy.to_body(),
        effective_day=context.today(),
        reason=reason,
    )
    return policy
