"""House rules read back, and whether one may be applied to an incident."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from custledger.core.clock import date_of_day, day_of, from_microseconds
from custledger.core.contact import folded
from custledger.core.lessons import HouseRule, RuleCheck, applies_at
from custledger.core.records import EntryRef, PolicyTopic
from custledger.storage.briefings.incidents import moment_of_incident
from custledger.storage.context import Context
from custledger.storage.policies import PolicyVersion, policy_versions

__all__ = ["house_rules", "rule_applies"]


def house_rules(connection: Connection, context: Context) -> dict[str, list[HouseRule]]:
    """All versions of each rule, oldest first, by the folded name."""
    rules: dict[str, list[HouseRule]] = {}
    for version in policy_versions(connection, context, PolicyTopic.HOUSE_RULE):
        rules.setdefault(folded(version.name), []).append(_rule_from(version))
    return rules


def rule_applies(
    connection: Connection, context: Context, versions: Sequence[HouseRule], incident: EntryRef
) -> RuleCheck:
    """Whether a rule applies to an incident; NotFoundError where there is no such entry."""
    moment = moment_of_incident(connection, context, incident)
    day = date_of_day(day_of(moment, context.zone))
    return applies_at(versions, from_microseconds(moment), day)


def _rule_from(version: PolicyVersion) -> HouseRule:
    answers = version.body.get("answers")
    return HouseRule(
        version.name,
        version.version,
        version.body["text"],
        date_of_day(version.effective_day or 0),
        from_microseconds(version.recorded_at),
        None if answers is None else EntryRef(version.entry.subject, answers),
        version.reason,
    )
