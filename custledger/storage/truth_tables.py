"""The tables of the truth: what is hashed, what is erased, what was sealed and signed.

Guards refuse every change to them; a payload may leave once an erasure says so. Nothing here can be
computed from anything else.
"""

# No `from __future__ import annotations`: SQLModel reads the annotations of table classes.

from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlmodel import Column, Field

from custledger.core.records import EntryKind, Part
from custledger.storage.table_base import Row, entry_key, identity_key
from custledger.storage.types import BigKey, Coded

__all__ = [
    "TRUTH",
    "AnchorRow",
    "BlobRow",
    "CheckpointRow",
    "EntryRow",
    "ErasureRow",
    "IdentityRow",
    "PayloadRow",
    "SealHeadRow",
    "SealRow",
]


class IdentityRow(Row, table=True):
    """The integer key inside the database and the random uuid outside it."""

    __tablename__ = "custledger_identity"
    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    uuid: UUID = Field(sa_column=Column(Uuid, nullable=False, unique=True))


class EntryRow(Row, table=True):
    """A link of a chain; these columns make its header again (``core.trail.chain.Header``)."""

    __tablename__ = "custledger_entry"
    __table_args__ = (
        UniqueConstraint("subject_id", "seq"),
        Index(  # an entry is superseded at most once, so corrections form a line
            "ix_custledger_entry_supersedes",
            "subject_id",
            "supersedes",
            unique=True,
            sqlite_where=text("supersedes IS NOT NULL"),
            postgresql_where=text("supersedes IS NOT NULL"),
        ),
    )
    id: int = Field(sa_column=Column(BigKey, primary_key=True))
    subject_id: int = Field(sa_column=identity_key())
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    kind: EntryKind = Field(sa_column=Column(Coded(EntryKind), nullable=False))
    recorded_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    occurred_at: int | None = Field(sa_column=Column(BigInteger))
    actor_id: int = Field(sa_column=identity_key())
    supersedes: int | None = Field(sa_column=Column(Integer))
    batch_id: int | None = Field(sa_column=identity_key(nullable=True))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class PayloadRow(Row, table=True):
    """A part of an entry's payload with its salt; ``blob`` names a file in the evidence store."""

    __tablename__ = "custledger_payload"
    __table_args__ = (
        Index(
            "ix_custledger_payload_blob",
            "blob",
            sqlite_where=text("blob IS NOT NULL"),
            postgresql_where=text("blob IS NOT NULL"),
        ),
        {"sqlite_with_rowid": False},  # one tree less to write and to read
    )
    entry_id: int = Field(sa_column=entry_key(primary_key=True))
    part: Part = Field(sa_column=Column(Coded(Part), primary_key=True, autoincrement=False))
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body: bytes | None = Field(sa_column=Column(LargeBinary))
    blob: str | None = Field(sa_column=Column(String(64)))


class BlobRow(Row, table=True):
    """A chunk of an evidence file, where files live in the database."""

    __tablename__ = "custledger_blob"
    name: str = Field(sa_column=Column(String(64), primary_key=True))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ErasureRow(Row, table=True):
    """A part of a payload that was erased: its commitment stays, so that the chain still verifies.

    ``by_id`` is the entry that says on which ground, and that names this one.
    """

    __tablename__ = "custledger_erasure"
    __table_args__ = ({"sqlite_with_rowid": False},)
    entry_id: int = Field(sa_column=entry_key(primary_key=True))
    part: Part = Field(sa_column=Column(Coded(Part), primary_key=True, autoincrement=False))
    commitment: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    by_id: int = Field(sa_column=entry_key())


def _seal(*, primary_key: bool = True) -> Column[int]:
    target = ForeignKey("custledger_seal.n")
    return Column(Integer, target, primary_key=primary_key, nullable=False, autoincrement=False)


def _number() -> Column[int]:
    return Column(Integer, primary_key=True, nullable=False, autoincrement=False)


class SealRow(Row, table=True):
    """The exact bytes of a seal (see ``core.trail.seals``).

    ``last_key`` is the greatest key of an entry below it: where a later verification may begin.
    """

    __tablename__ = "custledger_seal"
    n: int = Field(sa_column=_number())
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    last_key: int = Field(sa_column=Column(BigInteger, nullable=False))


class SealHeadRow(Row, table=True):
    """The end of a chain that moved since the seal before."""

    __tablename__ = "custledger_seal_head"
    __table_args__ = (
        Index("ix_custledger_seal_head_subject_id", "subject_id", "n"),
        {"sqlite_with_rowid": False},
    )
    n: int = Field(sa_column=_seal())
    subject_id: int = Field(sa_column=identity_key(primary_key=True))
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CheckpointRow(Row, table=True):
    """A signed note over the seals 1 to n; more than one where a second key signed too."""

    __tablename__ = "custledger_checkpoint"
    n: int = Field(sa_column=_seal())
    number: int = Field(sa_column=_number())
    note: str = Field(sa_column=Column(Text, nullable=False))


class AnchorRow(Row, table=True):
    """Where a checkpoint was published outside: a folder, mail, or a time stamp, with its token."""

    __tablename__ = "custledger_anchor"
    n: int = Field(sa_column=_seal())
    number: int = Field(sa_column=_number())
    kind: str = Field(sa_column=Column(String(16), nullable=False))
    place: str = Field(sa_column=Column(Text, nullable=False))
    token: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    anchored_at: int = Field(sa_column=Column(BigInteger, nullable=False))


TRUTH: tuple[type[Row], ...] = (
    IdentityRow,
    EntryRow,
    PayloadRow,
    BlobRow,
    ErasureRow,
    SealRow,
    SealHeadRow,
    CheckpointRow,
    AnchorRow,
)
