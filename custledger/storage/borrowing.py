"""A psycopg connection of a host that has no SQLAlchemy, such as Django's, spoken to through it.

The connection stays the host's: committing, rolling back and closing are left to it, and nothing is
set on it. Its factories decide what the host's own cursors give; ours are psycopg's plain ones. To
open asks the server nothing, and what was compiled for one request serves the next.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg, PGExecutionContext_psycopg
from sqlalchemy.engine import URL
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import LRUCache

from custledger.errors import BadInputError

__all__ = ["engine_on"]

_URL: Final = URL.create("postgresql+psycopg")
_compiled: Final[LRUCache[Any, Any]] = LRUCache(500)  # as many as SQLAlchemy keeps for an engine
_IN_PIPELINE: Final = (
    "A ledger needs each answer before it goes on, and your connection is in a pipeline, which "
    "keeps answers back. Nothing was done; leave the pipeline first."
)


def engine_on(connection: Any) -> Engine:
    """An engine whose only connection is this psycopg.Connection, for as long as it is used."""
    info = connection.info
    escapes = info.parameter_status("standard_conforming_strings") == "off"
    dialect = _dialect(info.server_version, escapes)
    # Not by create_engine, which asks each connection for what we know, and listens to its notices.
    pool = StaticPool(lambda: connection, reset_on_return=None, dialect=dialect)
    return Engine(pool, dialect, _URL).execution_options(compiled_cache=_compiled)


@lru_cache(maxsize=8)
def _dialect(version: int, escapes: bool) -> _GuestDialect:
    return _GuestDialect(version, escapes)


class _GuestContext(PGExecutionContext_psycopg):
    """Makes its cursors without the host's factories."""

    def create_default_cursor(self) -> Any:
        """A cursor that gives tuples."""
        from psycopg import Cursor
        from psycopg.rows import tuple_row

        return Cursor(self._driver, row_factory=tuple_row)

    def create_server_side_cursor(self) -> Any:
        """The same, leaving most of a long answer to the server where a transaction is open."""
        from psycopg import ServerCursor
        from psycopg.rows import tuple_row

        if self._driver.autocommit and not self._driver.info.transaction_status:
            return self.create_default_cursor()
        return ServerCursor(self._driver, f"custledger_{id(self):x}", row_factory=tuple_row)

    @property
    def _driver(self) -> Any:
        return self._dbapi_connection.driver_connection


class _GuestDialect(PGDialect_psycopg):
    """psycopg's dialect that leaves the transaction and the connection to the host.

    It is never initialized: what a server is asked then, psycopg was told when it connected, and
    the rest is about servers older than we take.
    """

    supports_statement_cache = True
    execution_ctx_cls = _GuestContext

    def __init__(self, version: int, escapes: bool) -> None:
        import psycopg

        super().__init__(dbapi=psycopg, use_native_hstore=False)  # type: ignore[no-untyped-call]
        self.server_version_info = divmod(version, 10_000)
        self._backslash_escapes = escapes

    def do_execute(self, cursor: Any, *args: Any, **kwargs: Any) -> None:
        """Refuse to read before there is an answer."""
        if cursor.connection.info.pipeline_status:
            raise BadInputError(_IN_PIPELINE)
        super().do_execute(cursor, *args, **kwargs)  # type: ignore[no-untyped-call]

    def do_commit(self, dbapi_connection: Any) -> None:
        """Leave it to the host."""

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Leave it to the host."""

    def do_close(self, dbapi_connection: Any) -> None:
        """Leave it to the host."""
