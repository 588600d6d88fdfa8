"""erasures, seals, checkpoints, anchors, legal holds.

Copies what it needs: a migration imports nothing of the package and is never edited after its
release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "custledger_seal",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("last_key", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_custledger_seal")),
    )
    op.create_table(
        "custledger_anchor",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("anchored_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["n"], ["custledger_seal.n"], name=op.f("fk_custledger_anchor_n")),
        sa.PrimaryKeyConstraint("n", "number", name=op.f("pk_custledger_anchor")),
    )
    op.create_table(
        "custledger_checkpoint",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["n"], ["custledger_seal.n"], name=op.f("fk_custledger_checkpoint_n")
        ),
        sa.PrimaryKeyConstraint("n", "number", name=op.f("pk_custledger_checkpoint")),
    )
    op.create_table(
        "custledger_seal_head",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["n"], ["custledger_seal.n"], name=op.f("fk_custledger_seal_head_n")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"],
            ["custledger_identity.id"],
            name=op.f("fk_custledger_seal_head_subject_id"),
        ),
        sa.PrimaryKeyConstraint("n", "subject_id", name=op.f("pk_custledger_seal_head")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("custledger_seal_head", schema=None) as batch_op:
        batch_op.create_index(
            "ix_custledger_seal_head_subject_id", ["subject_id", "n"], unique=False
        )

    op.create_table(
        "custledger_erasure",
        sa.Column(
            "entry_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("part", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column(
            "by_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["custledger_entry.id"], name=op.f("fk_custledger_erasure_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_erasure_entry_id")
        ),
        sa.PrimaryKeyConstraint("entry_id", "part", name=op.f("pk_custledger_erasure")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "custledger_legal_hold",
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
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["custledger_identity.id"],
            name=op.f("fk_custledger_legal_hold_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_legal_hold_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_entry.id"], name=op.f("fk_custledger_legal_hold_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_legal_hold")),
    )
    with op.batch_alter_table("custledger_legal_hold", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_custledger_legal_hold_customer_id"), ["customer_id"], unique=False
        )


def downgrade() -> None:
    raise NotImplementedError(
        "A ledger is not downgraded: restore the backup made before the upgrade."
    )
