"""The score-policy book: numbered versions of the score's parameters."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

from sqlalchemy import Select, select

from custledger.core.records import EntryKind
from custledger.core.score.policy import ScorePolicy
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.journal import Draft, Journal
from custledger.storage.reading import ledger_bodies
from custledger.storage.scoring.standings import calibrated
from custledger.storage.tables import ScorePolicyRow

__all__ = ["ScorePolicyBook"]

_table = table_of(ScorePolicyRow)
_versions = select(_table.c.entry_id)
_OURS = {"version"}


class ScorePolicyBook:
    """Versions are added, never changed: every score names the version that it was computed by."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def current(self) -> ScorePolicy:
        """The newest version."""
        return self._read(_versions.order_by(_table.c.version.desc()).limit(1))[0]

    def get(self, version: int) -> ScorePolicy:
        """The version with that number, or NotFoundError."""
        found = self._read(_versions.where(_table.c.version == version))
        if not found:
            raise NotFoundError(f"There is no score policy {version}. See `custledger policy`.")
        return found[0]

    def all(self) -> list[ScorePolicy]:
        """Every version, oldest first."""
        return self._read(_versions.order_by(_table.c.version))

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

    def _read(self, query: Select[Any]) -> list[ScorePolicy]:
        with self._context.read() as connection:
            return [ScorePolicy.from_body(body) for body in ledger_bodies(connection, query)]

    def _add(self, journal: Journal, policy: ScorePolicy) -> ScorePolicy:
        numbered = replace(policy, version=self.current().version + 1)
        body = numbered.to_body()
        # Nothing can be taken back out of the trail: what cannot be read must not get in.
        if ScorePolicy.from_body(body) != numbered:
            raise BadInputError("These parameters cannot be stored exactly; nothing was written.")
        journal.append([Draft(self._context.key, EntryKind.SCORE_POLICY, body)])
        return numbered
