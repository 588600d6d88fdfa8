"""guards name their schema.

No table changes. On PostgreSQL the functions of the guards name their schema since this version, so
that no search path leads them elsewhere; on SQLite they are as before. Guards are no part of a
migration: ``custledger.storage.schema.upgrade`` takes the old ones away before it and puts those of
the release back afterwards. This version tells that it has happened.
"""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Do nothing: see above."""


def downgrade() -> None:
    raise NotImplementedError(
        "A ledger is not downgraded: restore the backup made before the upgrade."
    )
