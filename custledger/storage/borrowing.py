"""A psycopg connection of a host that has no SQLAlchemy, such as Django's, spoken to through it.

The transaction stays the host's: committing, rolling back and closing are left to it.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

__all__ = ["engine_on"]

_THE_HOSTS: Final = ("do_begin", "do_commit", "do_rollback", "do_close", "do_terminate")


def engine_on(connection: Any) -> Engine:
    """An engine whose only connection is this psycopg.Connection, for as long as it is used."""
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: connection,
        poolclass=StaticPool,
        pool_reset_on_return=None,
        use_native_hstore=False,  # else the host's connection would be asked for its types
    )
    for name in _THE_HOSTS:
        setattr(engine.dialect, name, _leave_to_the_host)
    return engine


def _leave_to_the_host(*_: Any, **__: Any) -> None:
    return None
