"""The vocabulary of the project: what is recorded, and what is read back.

Records are frozen values. They come out of the books; what goes in is a set of named facts (see
``custledger.core.facts``). Days are calendar days of the ledger's time zone; moments are aware
datetimes in UTC.
"""

from custledger.core.records.values import (
    ContactPoint,
    Customer,
    EntryRef,
    Evidence,
    ExchangeRate,
    HourlyRate,
    ImportBatch,
    Interaction,
    MoneyEntry,
    Staff,
    TrailEntry,
)
from custledger.core.records.vocabulary import (
    ACCOMMODATION,
    HARDSHIP,
    Channel,
    Conduct,
    ContactKind,
    CustomerStatus,
    Direction,
    EntryKind,
    Fault,
    MoneyKind,
    Part,
    PolicyTopic,
    Purpose,
    StaffRole,
)

__all__ = [
    "ACCOMMODATION",
    "HARDSHIP",
    "Channel",
    "Conduct",
    "ContactKind",
    "ContactPoint",
    "Customer",
    "CustomerStatus",
    "Direction",
    "EntryKind",
    "EntryRef",
    "Evidence",
    "ExchangeRate",
    "Fault",
    "HourlyRate",
    "ImportBatch",
    "Interaction",
    "MoneyEntry",
    "MoneyKind",
    "Part",
    "PolicyTopic",
    "Purpose",
    "Staff",
    "StaffRole",
    "TrailEntry",
]
