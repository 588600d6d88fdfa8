"""The score-policy book: numbered versions of the score's parameters."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

from sqlalchemy import select

from custledger.core.facts import Body
from custledger.core.policy import ScorePolicy
from custledger.core.records import EntryKind
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.journal import Draft, Journal
from custledger.storage.reading import ledger_bodies
from custledger.storage.standings import calibrated
from custledger.storage.tables import ScorePolicyRow

__all__ = ["ScorePolicyBook", "score_policy_draft"]

_table = table_of(ScorePolicyRow)
_OURS = {"version"}


class ScorePolicyBook:
    """Versions are added, never changed: every score names the version that it was computed by."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def current(self) -> ScorePolicy:
        """The newest version."""
        return self.all()[-1]

    def get(self, version: int) -> ScorePolicy:
        """The version with that number, or NotFoundError."""
        for policy in self.all():
            if policy.version == version:
                return policy
        raise NotFoundError(f"There is no score policy {version}. See `custledger policy`.")

    def all(self) -> list[ScorePolicy]:
        """Every version, oldest first."""
        with self._context.read() as connection:
            query = select(_table.c.entry_id).order_by(_table.c.version)
            return [
                ScorePolicy.from_parameters(body["parameters"], version=body["version"])
                for body in ledger_bodies(connection, query)
            ]

    def set(self, **changes: Any) -> ScorePolicy:
        """Add a version with some parameters changed, such as ``margin=0.4``."""
        unknown = changes.keys() - {f.name for f in fields(ScorePolicy)} | changes.keys() & _OURS
        if unknown:
            raise BadInputError(f"Not a parameter of the score: {', '.join(sorted(unknown))}.")
        with self._context.write() as journal:
            return self._add(journal, replace(self.current(), **changes))

    def calibrate(self, *, margin: float | None = None, as_of: date | None = None) -> ScorePolicy:
        """Add a version with K, u and r0 fitted to this ledger's customers as of a day.

        Without ``margin`` the current one stays. Done rarely; no score ever refits it.
        """
        with self._context.write() as journal:
            policy = self.current()
            if margin is not None:
                policy = replace(policy, margin=margin)
            fitted = calibrated(
                journal.connection,
                policy=policy,
                as_of_day=self._context.day(as_of),
                currency=self._context.currency,
            )
            return self._add(journal, fitted)

    def _add(self, journal: Journal, policy: ScorePolicy) -> ScorePolicy:
        numbered = replace(policy, version=self.current().version + 1)
        journal.append([score_policy_draft(self._context.key, numbered)])
        return numbered


def score_policy_draft(ledger: int, policy: ScorePolicy) -> Draft:
    """The draft of a version, for the chain of the ledger with that key."""
    body: Body = {"version": policy.version, "parameters": policy.to_parameters()}
    return Draft(ledger, EntryKind.SCORE_POLICY, body)
