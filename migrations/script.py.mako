"""${message}.

Copies what it needs: a migration imports nothing of the package and is never edited after its
release.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    raise NotImplementedError("A ledger is not downgraded: restore the backup made before the upgrade.")
