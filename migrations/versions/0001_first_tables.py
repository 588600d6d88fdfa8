"""first tables.

Copies what it needs: a migration imports nothing of the package and is never edited after its
release.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "custledger_blob",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", "number", name=op.f("pk_custledger_blob")),
    )
    op.create_table(
        "custledger_identity",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_identity")),
        sa.UniqueConstraint("uuid", name=op.f("uq_custledger_identity_uuid")),
    )
    op.create_table(
        "custledger_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=True),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("supersedes", sa.Integer(), nullable=True),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["custledger_identity.id"], name=op.f("fk_custledger_entry_actor_id")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["custledger_identity.id"], name=op.f("fk_custledger_entry_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["custledger_identity.id"], name=op.f("fk_custledger_entry_subject_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_entry")),
        sa.UniqueConstraint("subject_id", "seq", name=op.f("uq_custledger_entry_subject_id")),
    )
    with op.batch_alter_table("custledger_entry", schema=None) as batch_op:
        batch_op.create_index(
            "ix_custledger_entry_supersedes",
            ["subject_id", "supersedes"],
            unique=True,
            sqlite_where=sa.text("supersedes IS NOT NULL"),
            postgresql_where=sa.text("supersedes IS NOT NULL"),
        )

    op.create_table(
        "custledger_contact_point",
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "entry_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("normalised", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["custledger_identity.id"],
            name=op.f("fk_custledger_contact_point_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_contact_point_entry_id")
        ),
        sa.PrimaryKeyConstraint(
            "customer_id", "position", name=op.f("pk_custledger_contact_point")
        ),
    )
    with op.batch_alter_table("custledger_contact_point", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_custledger_contact_point_normalised"), ["normalised"], unique=False
        )

    op.create_table(
        "custledger_customer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "entry_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("joined_day", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_customer_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_identity.id"], name=op.f("fk_custledger_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_customer")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_custledger_customer_source")),
    )
    op.create_table(
        "custledger_evidence",
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
        sa.Column("interaction", sa.Integer(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["custledger_identity.id"],
            name=op.f("fk_custledger_evidence_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_evidence_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_entry.id"], name=op.f("fk_custledger_evidence_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_evidence")),
    )
    with op.batch_alter_table("custledger_evidence", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_custledger_evidence_customer_id"), ["customer_id"], unique=False
        )

    op.create_table(
        "custledger_exchange_rate",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("effective_day", sa.Integer(), nullable=False),
        sa.Column("rate_e12", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_entry.id"], name=op.f("fk_custledger_exchange_rate_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_exchange_rate")),
    )
    op.create_table(
        "custledger_hourly_rate",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("rate_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("effective_day", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_entry.id"], name=op.f("fk_custledger_hourly_rate_id")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["custledger_identity.id"],
            name=op.f("fk_custledger_hourly_rate_staff_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_hourly_rate")),
    )
    op.create_table(
        "custledger_import_batch",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "entry_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_import_batch_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_identity.id"], name=op.f("fk_custledger_import_batch_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_import_batch")),
        sa.UniqueConstraint("number", name=op.f("uq_custledger_import_batch_number")),
    )
    op.create_table(
        "custledger_interaction",
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
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("occurred_day", sa.Integer(), nullable=False),
        sa.Column("occurred_month", sa.SmallInteger(), nullable=False),
        sa.Column("known_day", sa.Integer(), nullable=False),
        sa.Column("channel", sa.SmallInteger(), nullable=False),
        sa.Column("direction", sa.SmallInteger(), nullable=False),
        sa.Column("purpose", sa.SmallInteger(), nullable=False),
        sa.Column("conduct", sa.SmallInteger(), nullable=False),
        sa.Column("fault", sa.SmallInteger(), nullable=False),
        sa.Column("exempt", sa.SmallInteger(), nullable=False),
        sa.Column("handling_seconds", sa.Integer(), nullable=True),
        sa.Column("rate_minor", sa.BigInteger(), nullable=True),
        sa.Column("rate_currency", sa.String(length=3), nullable=True),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["custledger_identity.id"],
            name=op.f("fk_custledger_interaction_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_interaction_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_entry.id"], name=op.f("fk_custledger_interaction_id")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["custledger_identity.id"],
            name=op.f("fk_custledger_interaction_staff_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_interaction")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_custledger_interaction_source")),
    )
    with op.batch_alter_table("custledger_interaction", schema=None) as batch_op:
        batch_op.create_index(
            "ix_custledger_interaction_score",
            [
                "customer_id",
                "occurred_month",
                "occurred_day",
                "known_day",
                "channel",
                "purpose",
                "conduct",
                "fault",
                "exempt",
                "handling_seconds",
                "rate_minor",
                "rate_currency",
                "staff_id",
            ],
            unique=False,
        )

    op.create_table(
        "custledger_ledger",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "entry_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("region", sa.String(length=2), nullable=True),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_ledger_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_identity.id"], name=op.f("fk_custledger_ledger_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_ledger")),
    )
    op.create_table(
        "custledger_money",
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
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("occurred_day", sa.Integer(), nullable=False),
        sa.Column("occurred_month", sa.SmallInteger(), nullable=False),
        sa.Column("known_day", sa.Integer(), nullable=False),
        sa.Column("due_day", sa.Integer(), nullable=True),
        sa.Column("fault", sa.SmallInteger(), nullable=False),
        sa.Column("goods_returned", sa.SmallInteger(), nullable=False),
        sa.Column("applies_to", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["custledger_identity.id"],
            name=op.f("fk_custledger_money_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_money_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_entry.id"], name=op.f("fk_custledger_money_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_money")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_custledger_money_source")),
    )
    with op.batch_alter_table("custledger_money", schema=None) as batch_op:
        batch_op.create_index(
            "ix_custledger_money_score",
            [
                "customer_id",
                "occurred_month",
                "occurred_day",
                "known_day",
                "kind",
                "fault",
                "goods_returned",
                "due_day",
                "currency",
                "amount_minor",
            ],
            unique=False,
        )

    op.create_table(
        "custledger_payload",
        sa.Column(
            "entry_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("part", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("blob", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_payload_entry_id")
        ),
        sa.PrimaryKeyConstraint("entry_id", "part", name=op.f("pk_custledger_payload")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("custledger_payload", schema=None) as batch_op:
        batch_op.create_index(
            "ix_custledger_payload_blob",
            ["blob"],
            unique=False,
            sqlite_where=sa.text("blob IS NOT NULL"),
            postgresql_where=sa.text("blob IS NOT NULL"),
        )

    op.create_table(
        "custledger_score_policy",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "entry_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_score_policy_entry_id")
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_custledger_score_policy")),
    )
    op.create_table(
        "custledger_staff",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "entry_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text(), nullable=False),
        sa.Column("role", sa.SmallInteger(), nullable=False),
        sa.Column("active", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_staff_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["id"], ["custledger_identity.id"], name=op.f("fk_custledger_staff_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custledger_staff")),
        sa.UniqueConstraint("name_folded", name=op.f("uq_custledger_staff_name_folded")),
    )
    op.create_table(
        "custledger_voided",
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
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["custledger_identity.id"],
            name=op.f("fk_custledger_voided_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["custledger_entry.id"], name=op.f("fk_custledger_voided_entry_id")
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_custledger_voided")),
    )
    with op.batch_alter_table("custledger_voided", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_custledger_voided_customer_id"), ["customer_id"], unique=False
        )
        batch_op.create_index(
            "ix_custledger_voided_external", ["source", "external_id"], unique=False
        )


def downgrade() -> None:
    raise NotImplementedError(
        "A ledger is not downgraded: restore the backup made before the upgrade."
    )
