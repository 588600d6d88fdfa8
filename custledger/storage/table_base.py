"""What every table of the ledger shares: one set of metadata, and keys that name an identity."""

# No `from __future__ import annotations`: SQLModel reads the annotations of table classes.

from typing import ClassVar

from sqlalchemy import ForeignKey, MetaData
from sqlmodel import Column, SQLModel

from custledger.storage.types import BigKey

__all__ = ["Row", "entry_key", "identity_key", "metadata"]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Row(SQLModel):
    """A row of one of the ledger's tables, apart from the tables of a host application."""

    metadata: ClassVar[MetaData] = metadata


def identity_key(
    *, primary_key: bool = False, nullable: bool = False, index: bool = False
) -> Column[int]:
    """A column with the key of an identity."""
    target = ForeignKey("custledger_identity.id")
    return Column(BigKey, target, primary_key=primary_key, nullable=nullable, index=index)


def entry_key(*, primary_key: bool = False, unique: bool = False) -> Column[int]:
    """A column with the key of an entry."""
    target = ForeignKey("custledger_entry.id")
    return Column(
        BigKey,
        target,
        primary_key=primary_key,
        nullable=False,
        autoincrement=False,
        unique=unique or None,
    )
