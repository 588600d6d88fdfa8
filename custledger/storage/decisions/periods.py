"""The periods of decisions as versions: which hold on a day, and a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from custledger.core.checks import check_day, check_reason
from custledger.core.clock import date_of_day, day_of
from custledger.core.decisions.events import DecisionPolicy
from custledger.core.records import PolicyTopic
from custledger.errors import BadInputError
from custledger.storage.context import Context
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.policies import add_policy, policy_on, policy_versions

__all__ = ["add_periods", "all_periods", "periods_on"]


def all_periods(connection: Connection, context: Context) -> dict[int, DecisionPolicy]:
    """Every version by its number; 0 is built in."""
    versions = policy_versions(connection, context, PolicyTopic.DECISIONS)
    return {0: DecisionPolicy(), **{v.version: _read(v.version, v.body) for v in versions}}


def periods_on(connection: Connection, context: Context, day: int) -> DecisionPolicy:
    """The version that holds on a day (by number)."""
    found = policy_on(connection, context, PolicyTopic.DECISIONS, day)
    return DecisionPolicy() if found is None else _read(found.version, found.body)


def add_periods(
    journal: Journal,
    context: Context,
    changes: Mapping[str, int],
    effective_on: date | None,
    reason: str,
) -> DecisionPolicy:
    """Add a version that changes the last one, from today or later; BadInputError otherwise."""
    unknown = changes.keys() - ({f.name for f in fields(DecisionPolicy)} - {"version"})
    if unknown:
        raise BadInputError(f"Not a period of decisions: {', '.join(sorted(unknown))}.")
    reason = check_reason(reason)
    lock_chains(journal.connection, journal.ledger, [context.key])
    versions = policy_versions(journal.connection, context, PolicyTopic.DECISIONS)
    last = versions[-1] if versions else None
    base = _read(last.version, last.body) if last else DecisionPolicy()
    found = replace(base, **changes, version=base.version + 1)
    today = day_of(journal.recorded_at, journal.zone)
    day = today if effective_on is None else check_day(effective_on, "effective_on")
    earliest = max(today, (last.effective_day or today) if last else today)
    if day < earliest:
        raise BadInputError(
            f"A version holds from {date_of_day(earliest).isoformat()} at the earliest: "
            "never before today, nor before the version that it follows."
        )
    add_policy(
        journal,
        context,
        PolicyTopic.DECISIONS,
        found.version,
        found.to_body(),
        effective_day=day,
        reason=reason,
    )
    return found


def _read(version: int, body: Mapping[str, Any]) -> DecisionPolicy:
    return DecisionPolicy.from_body({**body, "version": version})
