"""The tables, as SQLModel classes: public for reading, written through the books alone.

Two groups. The *truth* (``truth_tables``): identities, entries, payloads and the files in the
database, erasures, seals, checkpoints and anchors; guards refuse every change to it. The *copies*:
everything else, the current state in columns for querying; each row can be computed again from the
truth (``custledger rebuild``) and ``verify`` compares the two. What a correction, void or erasure
takes away leaves the copies; what was superseded stays in the truth.

Moments are microseconds since 1970 UTC, days are days since 1970-01-01 in the ledger's zone, months
are months since January 1970, money is integer minor units; ``seq`` numbers an entry in its
customer's chain, so that (customer's uuid, seq) is its public reference.
"""

# No `from __future__ import annotations`: SQLModel reads the annotations of table classes.

from sqlalchemy import (
    BigInteger,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Column, Field

from custledger.core.records import (
    Channel,
    Conduct,
    ContactKind,
    CustomerStatus,
    Direction,
    EntryKind,
    Fault,
    MoneyKind,
    PolicyTopic,
    Purpose,
    StaffRole,
)
from custledger.storage.table_base import Row, entry_key, identity_key, metadata
from custledger.storage.truth_tables import (
    TRUTH,
    AnchorRow,
    BlobRow,
    CheckpointRow,
    EntryRow,
    ErasureRow,
    IdentityRow,
    PayloadRow,
    SealHeadRow,
    SealRow,
)
from custledger.storage.types import Coded

__all__ = [
    "COPIES",
    "TRUTH",
    "AnchorRow",
    "BlobRow",
    "CheckpointRow",
    "ContactPointRow",
    "CustomerRow",
    "EntryRow",
    "ErasureRow",
    "EventRow",
    "EvidenceRow",
    "ExchangeRateRow",
    "HourlyRateRow",
    "IdentityRow",
    "ImportBatchRow",
    "InteractionRow",
    "LedgerRow",
    "LegalHoldRow",
    "MoneyRow",
    "PayloadRow",
    "PolicyRow",
    "ScorePolicyRow",
    "SealHeadRow",
    "SealRow",
    "StaffRow",
    "VoidedRow",
    "metadata",
]


class LedgerRow(Row, table=True):
    """The one row about the ledger itself."""

    __tablename__ = "custledger_ledger"
    id: int = Field(sa_column=identity_key(primary_key=True))
    entry_id: int = Field(sa_column=entry_key())
    zone: str = Field(sa_column=Column(String(64), nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    region: str | None = Field(sa_column=Column(String(2)))


class StaffRow(Row, table=True):
    """A registered member of staff or program; ``name_folded`` keeps one person from being two."""

    __tablename__ = "custledger_staff"
    id: int = Field(sa_column=identity_key(primary_key=True))
    entry_id: int = Field(sa_column=entry_key())
    name: str = Field(sa_column=Column(Text, nullable=False))
    name_folded: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    role: StaffRole = Field(sa_column=Column(Coded(StaffRole), nullable=False))
    active: int = Field(sa_column=Column(SmallInteger, nullable=False))


class HourlyRateRow(Row, table=True):
    """What an hour of staff time costs from a day on; ``staff_id`` null is the default."""

    __tablename__ = "custledger_hourly_rate"
    id: int = Field(sa_column=entry_key(primary_key=True))
    staff_id: int | None = Field(sa_column=identity_key(nullable=True))
    rate_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    effective_day: int = Field(sa_column=Column(Integer, nullable=False))


class ExchangeRateRow(Row, table=True):
    """Base units for a unit of a currency, times 10**12, from a day on."""

    __tablename__ = "custledger_exchange_rate"
    id: int = Field(sa_column=entry_key(primary_key=True))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    effective_day: int = Field(sa_column=Column(Integer, nullable=False))
    rate_e12: int = Field(sa_column=Column(BigInteger, nullable=False))


class ScorePolicyRow(Row, table=True):
    """A numbered version of the score's parameters, which are in the entry's payload."""

    __tablename__ = "custledger_score_policy"
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    entry_id: int = Field(sa_column=entry_key())


class ImportBatchRow(Row, table=True):
    """An import of one file; ``fingerprint`` tells whether an unfinished one can be resumed."""

    __tablename__ = "custledger_import_batch"
    id: int = Field(sa_column=identity_key(primary_key=True))
    number: int = Field(sa_column=Column(Integer, nullable=False, unique=True))
    entry_id: int = Field(sa_column=entry_key())
    source: str = Field(sa_column=Column(Text, nullable=False))
    file_name: str = Field(sa_column=Column(Text, nullable=False))
    fingerprint: str = Field(sa_column=Column(String(64), nullable=False))
    status: str = Field(sa_column=Column(String(16), nullable=False))


class CustomerRow(Row, table=True):
    """The current state of a customer."""

    __tablename__ = "custledger_customer"
    __table_args__ = (UniqueConstraint("source", "external_id"),)
    id: int = Field(sa_column=identity_key(primary_key=True))
    entry_id: int = Field(sa_column=entry_key())
    name: str = Field(sa_column=Column(Text, nullable=False))
    name_folded: str = Field(sa_column=Column(Text, nullable=False))
    status: CustomerStatus = Field(sa_column=Column(Coded(CustomerStatus), nullable=False))
    joined_day: int = Field(sa_column=Column(Integer, nullable=False))
    source: str | None = Field(sa_column=Column(Text))
    external_id: str | None = Field(sa_column=Column(Text))


class ContactPointRow(Row, table=True):
    """A contact point of a customer, in the order given."""

    __tablename__ = "custledger_contact_point"
    customer_id: int = Field(sa_column=identity_key(primary_key=True))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    entry_id: int = Field(sa_column=entry_key())
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


class InteractionRow(Row, table=True):
    """The current state of an interaction; texts and tags are in its entry's payload.

    ``exempt`` is 1 where a tag (accommodation, hardship) charges the time to nobody.
    """

    __tablename__ = "custledger_interaction"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_custledger_interaction_score", *_INTERACTION_SCORE),
    )
    id: int = Field(sa_column=entry_key(primary_key=True))
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    entry_id: int = Field(sa_column=entry_key())
    customer_id: int = Field(sa_column=identity_key())
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
    staff_id: int | None = Field(sa_column=identity_key(nullable=True))
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


class MoneyRow(Row, table=True):
    """The current state of a money entry; ``applies_to`` is the seq of an invoice or sale."""

    __tablename__ = "custledger_money"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_custledger_money_score", *_MONEY_SCORE),
    )
    id: int = Field(sa_column=entry_key(primary_key=True))
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    entry_id: int = Field(sa_column=entry_key())
    customer_id: int = Field(sa_column=identity_key())
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


class EvidenceRow(Row, table=True):
    """The current state of a piece of evidence; ``interaction`` is the seq it belongs to."""

    __tablename__ = "custledger_evidence"
    id: int = Field(sa_column=entry_key(primary_key=True))
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    entry_id: int = Field(sa_column=entry_key())
    customer_id: int = Field(sa_column=identity_key(index=True))
    interaction: int | None = Field(sa_column=Column(Integer))
    media_type: str = Field(sa_column=Column(Text, nullable=False))
    size: int = Field(sa_column=Column(BigInteger, nullable=False))


class VoidedRow(Row, table=True):
    """An external id whose entry was voided by hand: an import does not bring it back."""

    __tablename__ = "custledger_voided"
    __table_args__ = (Index("ix_custledger_voided_external", "source", "external_id"),)
    entry_id: int = Field(sa_column=entry_key(primary_key=True))
    customer_id: int = Field(sa_column=identity_key(index=True))
    kind: EntryKind = Field(sa_column=Column(Coded(EntryKind), nullable=False))
    source: str = Field(sa_column=Column(Text, nullable=False))
    external_id: str = Field(sa_column=Column(Text, nullable=False))


class LegalHoldRow(Row, table=True):
    """A legal hold that stands: while there is one, nothing about the customer is erased."""

    __tablename__ = "custledger_legal_hold"
    id: int = Field(sa_column=entry_key(primary_key=True))
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    entry_id: int = Field(sa_column=entry_key())
    customer_id: int = Field(sa_column=identity_key(index=True))


class PolicyRow(Row, table=True):
    """A version of one of the firm's policies, which is in its entry's payload.

    ``name`` tells policies of one topic apart; ``effective_day`` null is since ever.
    """

    __tablename__ = "custledger_policy"
    __table_args__ = (UniqueConstraint("topic", "name", "version"),)
    id: int = Field(sa_column=entry_key(primary_key=True))
    topic: PolicyTopic = Field(sa_column=Column(Coded(PolicyTopic), nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    version: int = Field(sa_column=Column(Integer, nullable=False))
    effective_day: int | None = Field(sa_column=Column(Integer))


class EventRow(Row, table=True):
    """Something that happened to a complaint, a decision, a debt ...; the words are in its entry.

    ``case_seq`` is the number of the entry that it belongs to: its own, where it opens a case.
    ``other_id`` is another customer, or a member of staff, whom it names; ``until_day`` is the
    first day on which it no longer holds. What is about no single customer has no row.
    """

    __tablename__ = "custledger_event"
    __table_args__ = (
        Index("ix_custledger_event_customer_id", "customer_id", "kind"),
        Index("ix_custledger_event_kind", "kind", "event"),
        Index(  # who was merged into a customer, and what concerns a member of staff
            "ix_custledger_event_other_id",
            "other_id",
            sqlite_where=text("other_id IS NOT NULL"),
            postgresql_where=text("other_id IS NOT NULL"),
        ),
    )
    id: int = Field(sa_column=entry_key(primary_key=True))
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    entry_id: int = Field(sa_column=entry_key())
    customer_id: int = Field(sa_column=identity_key())
    kind: EntryKind = Field(sa_column=Column(Coded(EntryKind), nullable=False))
    event: str = Field(sa_column=Column(String(24), nullable=False))
    case_seq: int = Field(sa_column=Column(Integer, nullable=False))
    occurred_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    occurred_day: int = Field(sa_column=Column(Integer, nullable=False))
    other_id: int | None = Field(sa_column=identity_key(nullable=True))
    until_day: int | None = Field(sa_column=Column(Integer))
    mark: str | None = Field(sa_column=Column(Text))


COPIES: tuple[type[Row], ...] = (
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
    LegalHoldRow,
    PolicyRow,
    EventRow,
)
