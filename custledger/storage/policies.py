"""The firm's policies as numbered versions in the ledger's own chain: added, never changed.

The body has ``topic``, ``name`` (where a topic has several policies), ``version``,
``effective_day`` (where it does not hold since ever), ``policy`` (what it says) and ``reason``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from custledger.core.canonical import JsonValue
from custledger.core.facts import Body
from custledger.core.records import EntryKind, EntryRef, PolicyTopic
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.journal import Draft, Journal
from custledger.storage.reading import stored_entries
from custledger.storage.tables import EntryRow, PolicyRow

__all__ = ["PolicyVersion", "add_policy", "policy_on", "policy_versions"]

_policy, _entry = table_of(PolicyRow), table_of(EntryRow)


class PolicyVersion(NamedTuple):
    """A version of a policy; ``recorded_at`` is in microseconds since 1970 UTC."""

    topic: PolicyTopic
    name: str
    version: int
    effective_day: int | None
    body: Mapping[str, Any]
    entry: EntryRef
    recorded_at: int
    reason: str


def policy_versions(
    connection: Connection, context: Context, topic: PolicyTopic, name: str | None = None
) -> list[PolicyVersion]:
    """Every version of a topic, or of one policy of it, by name and then by version."""
    query = (
        select(_policy.c.id, _entry.c.seq)
        .join(_entry, _entry.c.id == _policy.c.id)
        .where(_policy.c.topic == topic)
        .order_by(_policy.c.name, _policy.c.version)
    )
    if name is not None:
        query = query.where(_policy.c.name == name)
    rows = [(entry, seq) for entry, seq in connection.execute(query)]
    return [
        PolicyVersion(
            topic,
            s.body.get("name", ""),
            s.body["version"],
            s.body.get("effective_day"),
            s.body["policy"],
            s.entry,
            s.recorded_at,
            s.body.get("reason", ""),
        )
        for s in stored_entries(connection, context.identities, rows)
    ]


def policy_on(
    connection: Connection, context: Context, topic: PolicyTopic, day: int, name: str = ""
) -> PolicyVersion | None:
    """The newest version that is in effect on a day (by number), or None where there is none."""
    versions = policy_versions(connection, context, topic, name)
    begun = [v for v in versions if v.effective_day is None or v.effective_day <= day]
    return begun[-1] if begun else None


def add_policy(
    journal: Journal,
    context: Context,
    topic: PolicyTopic,
    version: int,
    policy: Mapping[str, JsonValue],
    *,
    name: str = "",
    effective_day: int | None = None,
    reason: str = "",
) -> PolicyVersion:
    """Write a version of a policy; the caller has checked it against the others."""
    said = {"name": name, "effective_day": effective_day, "reason": reason}
    body: Body = {"topic": topic.value, "version": version, "policy": dict(policy)}
    body |= {key: value for key, value in said.items() if value not in (None, "")}
    draft = Draft(context.key, EntryKind.POLICY, body)
    [written] = journal.append([draft])
    entry = journal.stored(draft, written).entry
    when = journal.recorded_at
    return PolicyVersion(topic, name, version, effective_day, policy, entry, when, reason)
