"""The tables, as SQLModel classes: public for reading, written through the books alone.

Two groups. The *truth*: identity, entry, payload (and blob, where files live in the database);
guards refuse every change to it. The *copies*: everything else, the current state in columns for
querying; each row can be computed again from the truth (``custledger rebuild``) and ``verify``
compares the two. What a correction or void supersedes leaves the copies and stays in the truth.

Moments are microseconds since 1970 UTC, days are days since 1970-01-01 in the ledger's zone, months
are months since January 1970, money is integer minor units; ``seq`` numbers an entry in its
customer's chain, so that (customer's uuid, seq) is its public reference.
"""

# No `from __future__ import annotations`: SQLModel reads the annotations of table classes.

from typing import ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlmodel import Column, Field, SQLModel

from custledger.core.records import (
    Channel,
    Conduct,
    ContactKind,
    CustomerStatus,
    Direction,
    EntryKind,
    Fault,
    MoneyKind,
    Part,
    Purpose,
    StaffRole,
)
from custledger.storage.types import BigKey, Coded

__all__ = [
    "COPIES",
    "TRUTH",
    "BlobRow",
    "ContactPointRow",
    "CustomerRow",
    "EntryRow",
    "EvidenceRow",
    "ExchangeRateRow",
    "HourlyRateRow",
    "IdentityRow",
    "ImportBatchRow",
    "InteractionRow",
    "LedgerRow",
    "MoneyRow",
    "PayloadRow",
    "ScorePolicyRow",
    "StaffRow",
    "VoidedRow",
    "metadata",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class _Row(SQLModel):
    metadata: ClassVar[MetaData] = metadata


def _identity(
    *, primary_key: bool = False, nullable: bool = False, index: bool = False
) -> Column[int]:
    target = ForeignKey("custledger_identity.id")
    return Column(BigKey, target, primary_key=primary_key, nullable=nullable, index=index)


def _entry(*, primary_key: bool = False, unique: bool = False) -> Column[int]:
    target = ForeignKey("custledger_entry.id")
    return Column(
        BigKey,
        target,
        primary_key=primary_key,
        nullable=False,
        autoincrement=False,
        unique=unique or None,
    )


class IdentityRow(_Row, table=True):
    """The integer key inside the database and the random uuid outside it."""

    __tablename__ = "custledger_identity"
    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    uuid: UUID = Field(sa_column=Column(Uuid, nullable=False, unique=True))


class EntryRow(_Row, table=True):
    """A link of a chain; its header is rebuilt from these columns by ``core.trail.Header``."""

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
    subject_id: int = Field(sa_column=_identity())
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    kind: EntryKind = Field(sa_column=Column(Coded(EntryKind), nullable=False))
    recorded_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    occurred_at: int | None = Field(sa_column=Column(BigInteger))
    actor_id: int = Field(sa_column=_identity())
    supersedes: int | None = Field(sa_column=Column(Integer))
    batch_id: int | None = Field(sa_column=_identity(nullable=True))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class PayloadRow(_Row, table=True):
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
    entry_id: int = Field(sa_column=_entry(primary_key=True))
    part: Part = Field(sa_column=Column(Coded(Part), primary_key=True, autoincrement=False))
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body: bytes | None = Field(sa_column=Column(LargeBinary))
    blob: str | None = Field(sa_column=Column(String(64)))


class BlobRow(_Row, table=True):
    """A chunk of an evidence file, where files live in the database."""

    __tablename__ = "custledger_blob"
    name: str = Field(sa_column=Column(String(64), primary_key=True))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class LedgerRow(_Row, table=True):
    """The one row about the ledger itself."""

    __tablename__ = "custledger_ledger"
    id: int = Field(sa_column=_identity(primary_key=True))
    entry_id: int = Field(sa_column=_entry())
    zone: str = Field(sa_column=Column(String(64), nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    region: str | None = Field(sa_column=Column(String(2)))


class StaffRow(_Row, table=True):
    """A registered member of staff or program; ``name_folded`` keeps one person from being two."""

    __tablename__ = "custledger_staff"
    id: int = Field(sa_column=_identity(primary_key=True))
    entry_id: int = Field(sa_column=_entry())
    name: str = Field(sa_column=Column(Text, nullable=False))
    name_folded: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    role: StaffRole = Field(sa_column=Column(Coded(StaffRole), nullable=False))
    active: int = Field(sa_column=Column(SmallInteger, nullable=False))


class HourlyRateRow(_Row, table=True):
    """What an hour of staff time costs from a day on; ``staff_id`` null is the default."""

    __tablename__ = "custledger_hourly_rate"
    id: int = Field(sa_column=_entry(primary_key=True))
    staff_id: int | None = Field(sa_column=_identity(nullable=True))
    rate_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    effective_day: int = Field(sa_column=Column(Integer, nullable=False))


class ExchangeRateRow(_Row, table=True):
    """Base units for a unit of a currency, times 10**12, from a day on."""

    __tablename__ = "custledger_exchange_rate"
    id: int = Field(sa_column=_entry(primary_key=True))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    effective_day: int = Field(sa_column=Column(Integer, nullable=False))
    rate_e12: int = Field(sa_column=Column(BigInteger, nullable=False))


class ScorePolicyRow(_Row, table=True):
    """A numbered version of the score's parameters, which are in the entry's payload."""

    __tablename__ = "custledger_score_policy"
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    entry_id: int = Field(sa_column=_entry())


class ImportBatchRow(_Row, table=True):
    """An import of one file; ``fingerprint`` tells whether an unfinished one can be resumed."""

    __tablename__ = "custledger_import_batch"
    id: int = Field(sa_column=_identity(primary_key=True))
    number: int = Field(sa_column=Column(Integer, nullable=False, unique=True))
    entry_id: int = Field(sa_column=_entry())
    source: str = Field(sa_column=Column(Text, nullable=False))
    file_name: str = Field(sa_column=Column(Text, nullable=False))
    fingerprint: str = Field(sa_column=Column(String(64), nullable=False))
    status: str = Field(sa_column=Column(String(16), nullable=False))


class CustomerRow(_Row, table=True):
    """The current state of a customer."""

    __tablename__ = "custledger_customer"
    __table_args__ = (UniqueConstraint("source", "external_id"),)
    id: int = Field(sa_column=_identity(primary_key=True))
    entry_id: int = Field(sa_column=_entry())
    name: str = Field(sa_column=Column(Text, nullable=False))
    name_folded: str = Field(sa_column=Column(Text, nullable=False))
    status: CustomerStatus = Field(sa_column=Column(Coded(CustomerStatus), nullable=False))
    joined_day: int = Field(sa_column=Column(Integer, nullable=False))
    source: str | None = Field(sa_column=Column(Text))
    external_id: str | None = Field(sa_column=Column(Text))


class ContactPointRow(_Row, table=True):
    """A contact point of a customer, in the order given."""

    __tablename__ = "custledger_contact_point"
    customer_id: int = Field(sa_column=_identity(primary_key=True))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    entry_id: int = Field(sa_column=_entry())
    kind: ContactKind = Field(sa_column=Column(Coded(ContactKind), nullable=False))
    value: str = Field(sa_column=Column(Text, nullable=False))
    normalised: str = Field(sa_column=Column(Text, nullable=False, index=True))


_INTERACTION_SCORE = (
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
)


class InteractionRow(_Row, table=True):
    """The current state of an interaction; texts and tags are in its entry's payload.

    ``exempt`` is 1 where a tag (accommodation, hardship) charges the time to nobody.
    """

    __tablename__ = "custledger_interaction"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_custledger_interaction_score", *_INTERACTION_SCORE),
    )
    id: int = Field(sa_column=_entry(primary_key=True))
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    entry_id: int = Field(sa_column=_entry())
    customer_id: int = Field(sa_column=_identity())
    occurred_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    occurred_day: int = Field(sa_column=Column(Integer, nullable=False))
    occurred_month: int = Field(sa_column=Column(SmallInteger, nullable=False))
    known_day: int = Field(sa_column=Column(Integer, nullable=False))
    channel: Channel = Field(sa_column=Column(Coded(Channel), nullable=False))
    direction: Direction = Field(sa_column=Column(Coded(Direction), nullable=False))
    purpose: Purpose = Field(sa_column=Column(Coded(Purpose), nullable=False))
    conduct: Conduct = Field(sa_column=Column(Coded(Conduct), nullable=False))
    fault: Fault = Field(sa_column=Column(Coded(Fault), nullable=False))
    exempt: int = Field(sa_column=Column(SmallInteger, nullable=False))
    handling_seconds: int | None = Field(sa_column=Column(Integer))
    rate_minor: int | None = Field(sa_column=Column(BigInteger))
    rate_currency: str | None = Field(sa_column=Column(String(3)))
    staff_id: int | None = Field(sa_column=_identity(nullable=True))
    source: str | None = Field(sa_column=Column(Text))
    external_id: str | None = Field(sa_column=Column(Text))


_MONEY_SCORE = (
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
)


class MoneyRow(_Row, table=True):
    """The current state of a money entry; ``applies_to`` is the seq of an invoice or sale."""

    __tablename__ = "custledger_money"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_custledger_money_score", *_MONEY_SCORE),
    )
    id: int = Field(sa_column=_entry(primary_key=True))
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    entry_id: int = Field(sa_column=_entry())
    customer_id: int = Field(sa_column=_identity())
    kind: MoneyKind = Field(sa_column=Column(Coded(MoneyKind), nullable=False))
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    occurred_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    occurred_day: int = Field(sa_column=Column(Integer, nullable=False))
    occurred_month: int = Field(sa_column=Column(SmallInteger, nullable=False))
    known_day: int = Field(sa_column=Column(Integer, nullable=False))
    due_day: int | None = Field(sa_column=Column(Integer))
    fault: Fault = Field(sa_column=Column(Coded(Fault), nullable=False))
    goods_returned: int = Field(sa_column=Column(SmallInteger, nullable=False))
    applies_to: int | None = Field(sa_column=Column(Integer))
    source: str | None = Field(sa_column=Column(Text))
    external_id: str | None = Field(sa_column=Column(Text))


class EvidenceRow(_Row, table=True):
    """The current state of a piece of evidence; ``interaction`` is the seq it belongs to."""

    __tablename__ = "custledger_evidence"
    id: int = Field(sa_column=_entry(primary_key=True))
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    entry_id: int = Field(sa_column=_entry())
    customer_id: int = Field(sa_column=_identity(index=True))
    interaction: int | None = Field(sa_column=Column(Integer))
    media_type: str = Field(sa_column=Column(Text, nullable=False))
    size: int = Field(sa_column=Column(BigInteger, nullable=False))


class VoidedRow(_Row, table=True):
    """An external id whose entry was voided by hand: an import does not bring it back."""

    __tablename__ = "custledger_voided"
    __table_args__ = (Index("ix_custledger_voided_external", "source", "external_id"),)
    entry_id: int = Field(sa_column=_entry(primary_key=True))
    customer_id: int = Field(sa_column=_identity(index=True))
    kind: EntryKind = Field(sa_column=Column(Coded(EntryKind), nullable=False))
    source: str = Field(sa_column=Column(Text, nullable=False))
    external_id: str = Field(sa_column=Column(Text, nullable=False))


TRUTH: tuple[type[_Row], ...] = (IdentityRow, EntryRow, PayloadRow, BlobRow)
COPIES: tuple[type[_Row], ...] = (
    LedgerRow,
    StaffRow,
    HourlyRateRow,
    ExchangeRateRow,
    ScorePolicyRow,
    ImportBatchRow,
    CustomerRow,
    ContactPointRow,
    InteractionRow,
    MoneyRow,
    EvidenceRow,
    VoidedRow,
)
