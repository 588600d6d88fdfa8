"""What is recorded and read back, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Self
from uuid import UUID

from custledger.core.money import Money
from custledger.core.records.vocabulary import (
    Channel,
    Conduct,
    ContactKind,
    CustomerStatus,
    Direction,
    EntryKind,
    Fault,
    MoneyKind,
    Purpose,
    StaffRole,
)
from custledger.errors import BadInputError

__all__ = [
    "ContactPoint",
    "Customer",
    "EntryRef",
    "Evidence",
    "ExchangeRate",
    "HourlyRate",
    "ImportBatch",
    "Interaction",
    "MoneyEntry",
    "Staff",
    "TrailEntry",
]


@dataclass(frozen=True, slots=True, order=True)
class EntryRef:
    """The reference of a trail entry: the subject's id and the entry's number in its chain.

    >>> EntryRef.parse("00000000-0000-0000-0000-000000000007/12").seq
    12
    """

    subject: UUID
    seq: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reference written as ``subject/number``, or BadInputError."""
        subject, _, seq = text.strip().rpartition("/")
        try:
            return cls(UUID(subject), int(seq))
        except ValueError as error:
            raise BadInputError(
                f"{text!r} is not an entry reference. Write it as CUSTOMER-ID/NUMBER."
            ) from error

    def __str__(self) -> str:
        return f"{self.subject}/{self.seq}"


@dataclass(frozen=True, slots=True)
class ContactPoint:
    """A way to reach a customer, as given, and in the normalised form used for matching."""

    kind: ContactKind
    value: str
    normalised: str


@dataclass(frozen=True, slots=True)
class Customer:
    """A person or firm that buys, bought, or may buy.

    ``merged_into`` is the customer who stands for this one, where a person said that they are one.
    """

    id: UUID
    name: str
    status: CustomerStatus
    joined_on: date
    contact_points: tuple[ContactPoint, ...] = ()
    source: str = ""
    external_id: str = ""
    staff_note: str = ""
    merged_into: UUID | None = None


@dataclass(frozen=True, slots=True)
class Staff:
    """A registered member of staff or a program; every write names one as its actor."""

    id: UUID
    name: str
    role: StaffRole
    active: bool = True


@dataclass(frozen=True, slots=True)
class HourlyRate:
    """What an hour of staff time costs, loaded, from a day on; ``staff_id`` None is the default."""

    rate: Money
    effective_on: date
    staff_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """One unit of ``currency`` is ``rate`` units of the base currency, from a day on.

    ``rate`` is decimal text with at most 12 decimals; ``effective_on`` None means since ever.
    """

    currency: str
    rate: str
    effective_on: date | None = None


@dataclass(frozen=True, slots=True)
class Interaction:
    """One contact. ``id`` stays the same through corrections; ``entry`` is the current entry.

    ``summary`` is the staff's account, ``customer_words`` the customer's own; neither overwrites
    the other. ``staff_note`` is committed apart and can be left out of what others are shown.
    ``hourly_rate`` is a snapshot: later raises rewrite nothing. ``handling_time`` None is unknown.
    """

    id: EntryRef
    entry: EntryRef
    customer_id: UUID
    occurred_at: datetime
    known_at: datetime
    recorded_at: datetime
    recorded_by: UUID
    channel: Channel
    direction: Direction = Direction.IN
    purpose: Purpose = Purpose.OTHER
    conduct: Conduct = Conduct.NONE
    fault: Fault = Fault.UNKNOWN
    handling_time: timedelta | None = None
    staff_id: UUID | None = None
    hourly_rate: Money | None = None
    summary: str = ""
    customer_words: str = ""
    staff_note: str = ""
    case: str = ""
    product: str = ""
    cause: str = ""
    tags: frozenset[str] = frozenset()
    source: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class MoneyEntry:
    """Money that moved, was asked for, or was given up; ``amount`` is never negative.

    ``due_on`` is set on invoices, ``goods_returned`` on refunds; ``applies_to`` names the invoice
    or sale that it belongs to, where known.
    """

    id: EntryRef
    entry: EntryRef
    customer_id: UUID
    kind: MoneyKind
    amount: Money
    occurred_at: datetime
    known_at: datetime
    recorded_at: datetime
    recorded_by: UUID
    fault: Fault = Fault.UNKNOWN
    due_on: date | None = None
    goods_returned: bool = False
    applies_to: EntryRef | None = None
    summary: str = ""
    staff_note: str = ""
    product: str = ""
    cause: str = ""
    source: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A text or file that shows what happened; its bytes are read through ``ledger.evidence``.

    ``same_as`` is the earliest piece of the customer with the same bytes, ``from_mail`` the mail
    that an attachment came with. ``cipher`` says how the bytes are encrypted where they are stored.
    """

    id: EntryRef
    customer_id: UUID
    occurred_at: datetime
    recorded_at: datetime
    recorded_by: UUID
    media_type: str
    size: int
    caption: str = ""
    file_name: str = ""
    interaction: EntryRef | None = None
    same_as: EntryRef | None = None
    from_mail: EntryRef | None = None
    cipher: str = ""


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One link of a subject's chain: what was written, when, by whom, and its hash.

    ``supersedes`` is the number of the entry that this one corrects or voids; ``facts`` are the
    payload's shared part and ``staff_facts`` its staff-only part, both empty once erased by the
    entry that ``erased_by`` names.
    """

    ref: EntryRef
    kind: EntryKind
    recorded_at: datetime
    actor_id: UUID
    hash: bytes
    occurred_at: datetime | None = None
    supersedes: int | None = None
    superseded_by: int | None = None
    batch_id: UUID | None = None
    facts: dict[str, object] = field(default_factory=dict)
    staff_facts: dict[str, object] = field(default_factory=dict)
    erased_by: int | None = None


@dataclass(frozen=True, slots=True)
class ImportBatch:
    """One import of one file: it can be resumed while unfinished, and undone as a whole."""

    id: UUID
    number: int
    source: str
    file_name: str
    started_at: datetime
    status: str
    entries: int
