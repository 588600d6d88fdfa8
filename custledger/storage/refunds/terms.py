"""The versions of the refund terms as the ledger's chain has them, and which is in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection

from custledger.core.checks import check_day
from custledger.core.clock import date_of_day, from_microseconds
from custledger.core.facts import Body
from custledger.core.records import EntryRef, PolicyTopic
from custledger.core.refunds.terms import RefundTerms, version_on
from custledger.storage.context import Context
from custledger.storage.journal import Journal
from custledger.storage.policies import add_policy, policy_versions

__all__ = ["TermsVersion", "add_end", "next_number", "terms_on", "terms_versions"]

_TOPIC: Final = PolicyTopic.REFUND_TERMS
_ENDS: Final = "ends"
"""The name under which it is recorded that versions end sooner; the terms themselves have none."""


@dataclass(frozen=True, slots=True)
class TermsVersion:
    """A version of the terms, and when and why it was recorded.

    ``former``: it was in force before the firm began with custledger, and recorded afterwards.
    """

    terms: RefundTerms
    recorded_at: datetime
    entry: EntryRef
    reason: str = ""
    former: bool = False


def terms_versions(connection: Connection, context: Context) -> list[TermsVersion]:
    """Every version, oldest first, as it was ended; without those that never came into force."""
    found: dict[int, TermsVersion] = {}
    for policy in policy_versions(connection, context, _TOPIC, ""):
        body = policy.body
        found[policy.version] = TermsVersion(
            RefundTerms.from_body(body),
            from_microseconds(policy.recorded_at),
            policy.entry,
            policy.reason,
            body.get("former", False),
        )
    for policy in policy_versions(connection, context, _TOPIC, _ENDS):
        number, last = policy.body["of"], date_of_day(policy.body["until_day"])
        old = found.pop(number)
        if last >= old.terms.effective_on:
            found[number] = replace(old, terms=replace(old.terms, until=last))
    return sorted(found.values(), key=lambda version: version.terms.version)


def next_number(connection: Connection, context: Context, name: str = "") -> int:
    """The number of the next version; it is never given twice."""
    known = policy_versions(connection, context, _TOPIC, name)
    return max((policy.version for policy in known), default=0) + 1


def add_end(journal: Journal, context: Context, version: int, last: date, reason: str) -> None:
    """Record that a version ends on a day, sooner than it says."""
    number = next_number(journal.connection, context, _ENDS)
    body: Body = {"of": version, "until_day": check_day(last, "on")}
    add_policy(journal, context, _TOPIC, number, body, name=_ENDS, reason=reason)


def terms_on(versions: Sequence[TermsVersion], day: date) -> TermsVersion | None:
    """The version in force on a day, or None."""
    terms = version_on([version.terms for version in versions], day)
    return next((v for v in versions if v.terms is terms), None)
