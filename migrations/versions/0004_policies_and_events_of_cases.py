"""policies and events of cases.

Copies what it needs: a migration imports nothing of the package and is never edited after its
release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "custledger_event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column(
            "entry_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("event", sa.String(length=24), nullable=False),
        sa.Column("case_seq", sa.Integer(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("occurred_day", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("until_day", sa.Integer(), nullable=True),
        sa.Column("mark", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["custledger_identity.id"],
            name=op.f("fk_custledger_event_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_event_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_entry.id"], name=op.f("fk_custledger_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["custledger_identity.id"], name=op.f("fk_custledger_event_other_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_event")),
    )
    with op.batch_alter_table("custledger_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_custledger_event_customer_id", ["customer_id", "kind"], unique=False
        )
        batch_op.create_index("ix_custledger_event_kind", ["kind", "event"], unique=False)
        batch_op.create_index(
            "ix_custledger_event_other_id",
            ["other_id"],
            unique=False,
            sqlite_where=sa.text("other_id IS NOT NULL"),
            postgresql_where=sa.text("other_id IS NOT NULL"),
        )

    op.create_table(
        "custledger_policy",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("topic", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_day", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_entry.id"], name=op.f("fk_custledger_policy_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_policy")),
        sa.UniqueConstraint("topic", "name", "version", name=op.f("uq_custledger_policy_topic")),
    )


def downgrade() -> None:
    raise NotImplementedError(
        "A ledger is not downgraded: restore the backup made before the upgrade."
    )
