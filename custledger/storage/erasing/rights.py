"""Whether the database's user may read the contents of evidence, which ``roles`` keeps apart."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from custledger.errors import LedgerUnreadableError
from custledger.storage.bulk import table_of
from custledger.storage.naming import qualified
from custledger.storage.tables import BlobRow, PayloadRow

__all__ = ["may_read_evidence", "refuse_without_evidence"]

_SEES: Final = text(
    """
    SELECT has_table_privilege(CAST(:blobs AS regclass), 'SELECT')
       AND (NOT row_security_active(CAST(:payloads AS regclass))
            OR (bool_or(polpermissive AND whole) AND bool_and(polpermissive)) IS TRUE)
    FROM (
        SELECT polpermissive, pg_get_expr(polqual, polrelid) = 'true' AS whole
        FROM pg_policy
        WHERE polrelid = CAST(:payloads AS regclass) AND polcmd IN ('*', 'r')
          AND EXISTS (SELECT FROM unnest(polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE'))
    ) mine
    """
)


def may_read_evidence(connection: Connection) -> bool:
    """Whether the connection's role sees the contents of evidence, all of them.

    Row level security hides rows without a word, so that what a role may not see looks like what
    is gone. On SQLite there are no roles.
    """
    if connection.dialect.name != "postgresql":
        return True
    places = {
        "blobs": qualified(connection, table_of(BlobRow).name),
        "payloads": qualified(connection, table_of(PayloadRow).name),
    }
    return bool(connection.scalar(_SEES, places))


def refuse_without_evidence(connection: Connection, doing: str) -> None:
    """Raise LedgerUnreadableError if the role does not see the evidence that ``doing`` needs."""
    if not may_read_evidence(connection):
        raise LedgerUnreadableError(
            f"{doing} needs the contents of the evidence, which this database user may not read. "
            "Nothing was done; an administrator can grant the role of the evidence readers."
        )
