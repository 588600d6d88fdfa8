"""The score as it would be without some entries: those that are disputed, or that are to go."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from custledger.core.privacy.retention import WHOLE
from custledger.core.privacy.retention_plan import RetentionPlan
from custledger.core.privacy.subject_access import Contest, ContestState
from custledger.core.records import EntryRef
from custledger.core.score.fit import Fit, fit
from custledger.errors import NotFoundError
from custledger.ledger import Ledger
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.scoring.accounts import history_of

__all__ = ["ScoreChange", "disputed", "score_changes", "score_without"]


@dataclass(frozen=True)
class ScoreChange:
    """A customer's score as it is, and as it would be; ``flag`` says whether it is flagged."""

    customer_id: UUID
    name: str
    score: float
    after: float
    flag: bool
    flag_after: bool


def disputed(ledger: Ledger, customer: CustomerLike) -> list[Contest]:
    """The contests about a customer's entries that nobody decided yet, oldest first."""
    return [c for c in ledger.contests.of(customer) if c.state is ContestState.OPEN]


def score_without(
    ledger: Ledger,
    customer: CustomerLike,
    entries: Collection[EntryRef],
    as_of: date | None = None,
) -> Fit:
    """The customer's fit as if the records of these entries were not there.

    An entry is named by the first of its corrections. The rest is as for ``Ledger.score``.
    """
    context, policy = ledger.context, ledger.score_policies.current()
    day = context.day(as_of)
    with context.read() as connection:
        key = customer_key(connection, context, customer)
        found = history_of(connection, key, as_of_day=day, currency=context.currency)
    without = {(ref.subject, ref.seq) for ref in entries}
    head = found.customer_id
    kept = replace(
        found,
        interactions=[e for e in found.interactions if (e.of or head, e.seq) not in without],
        money=[e for e in found.money if (e.of or head, e.seq) not in without],
    )
    return fit(kept, policy, day)


def score_changes(ledger: Ledger, plan: RetentionPlan) -> list[ScoreChange]:
    """The scores that a plan of retention changes, of customers who stay; in the plan's order.

    A change of less than a tenth of a point is none.
    """
    gone: dict[UUID, list[EntryRef]] = {}
    for going in plan.going:
        if going.kind not in WHOLE:
            refs = gone.setdefault(going.customer_id, [])
            refs += [EntryRef(customer, seq) for customer, seq in going.seqs]
    found = []
    for customer, refs in gone.items():
        try:
            now = ledger.score(customer, as_of=plan.as_of)
        except NotFoundError:  # taken back: it has no score
            continue
        then = score_without(ledger, customer, refs, plan.as_of)
        if (round(now.score, 1), now.flag) != (round(then.score, 1), then.flag):
            found.append(
                ScoreChange(customer, now.name, now.score, then.score, now.flag, then.flag)
            )
    return found
