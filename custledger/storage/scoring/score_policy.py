"""The newest score policy, for what reckons with it and is not the book of score policies."""

from __future__ import annotations

from sqlalchemy import Connection, select

from custledger.core.score.policy import ScorePolicy
from custledger.storage.bulk import table_of
from custledger.storage.reading import ledger_bodies
from custledger.storage.tables import ScorePolicyRow

__all__ = ["current_score_policy"]

_table = table_of(ScorePolicyRow)


def current_score_policy(connection: Connection) -> ScorePolicy:
    """The newest version; a ledger has one from its beginning."""
    newest = select(_table.c.entry_id).order_by(_table.c.version.desc()).limit(1)
    return ScorePolicy.from_body(ledger_bodies(connection, newest)[0])
