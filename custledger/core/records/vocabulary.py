"""The words that entries use: each is stored by its place, so new ones go to the end."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "ACCOMMODATION",
    "HARDSHIP",
    "Channel",
    "Conduct",
    "ContactKind",
    "CustomerStatus",
    "Direction",
    "EntryKind",
    "Fault",
    "MoneyKind",
    "Part",
    "PolicyTopic",
    "Purpose",
    "StaffRole",
]

ACCOMMODATION = "accommodation"
"""Tag: time spent on a disability or a language need; it is charged to nobody."""
HARDSHIP = "hardship"
"""Tag: illness or a family emergency; its time is charged to nobody."""


class CustomerStatus(StrEnum):
    """Where the firm stands with the customer."""

    PROSPECT = "prospect"
    ACTIVE = "active"
    FORMER = "former"


class ContactKind(StrEnum):
    """What a contact point is."""

    EMAIL = "email"
    PHONE = "phone"
    SOCIAL = "social"
    ADDRESS = "address"
    OTHER = "other"


class StaffRole(StrEnum):
    """What a registered actor is; a program (a shop, a script) is no witness."""

    OWNER = "owner"
    AGENT = "agent"
    PROGRAM = "program"


class Channel(StrEnum):
    """How the contact came about."""

    PHONE = "phone"
    EMAIL = "email"
    CHAT = "chat"
    VISIT = "visit"
    SOCIAL = "social"
    LETTER = "letter"
    OTHER = "other"


class Direction(StrEnum):
    """Who made contact: ``in`` the customer, ``out`` the firm."""

    IN = "in"
    OUT = "out"


class Purpose(StrEnum):
    """What the contact was for. ``collection`` is a reminder to pay."""

    INQUIRY = "inquiry"
    ORDER = "order"
    COMPLAINT = "complaint"
    REFUND_REQUEST = "refund_request"
    CANCELLATION = "cancellation"
    COLLECTION = "collection"
    PRAISE = "praise"
    OTHER = "other"


class Conduct(StrEnum):
    """Adverse conduct of the customer in this contact; ``none`` unless something happened."""

    NONE = "none"
    VERBAL_ABUSE = "verbal_abuse"
    THREAT = "threat"
    POLICY_ABUSE = "policy_abuse"
    UNREASONABLE_DEMAND = "unreasonable_demand"
    UNREASONABLE_PERSISTENCE = "unreasonable_persistence"
    PUBLIC_ATTACK = "public_attack"
    DECEPTION = "deception"


class Fault(StrEnum):
    """Whose fault the matter was. Good faith: ``unknown`` until somebody judged it."""

    OURS = "ours"
    CUSTOMER = "customer"
    SHARED = "shared"
    THIRD_PARTY = "third_party"
    UNKNOWN = "unknown"


class EntryKind(StrEnum):
    """What a trail entry records; money entries use the values of MoneyKind."""

    LEDGER = "ledger"
    STAFF = "staff"
    HOURLY_RATE = "hourly_rate"
    EXCHANGE_RATE = "exchange_rate"
    SCORE_POLICY = "score_policy"
    IMPORT_STARTED = "import_started"
    IMPORT_FINISHED = "import_finished"
    IMPORT_UNDONE = "import_undone"
    CUSTOMER = "customer"
    INTERACTION = "interaction"
    INVOICE = "invoice"
    SALE = "sale"
    PAYMENT = "payment"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    WRITE_OFF = "write_off"
    CONCESSION = "concession"
    EVIDENCE = "evidence"
    VOID = "void"
    ERASURE = "erasure"
    ERASURE_REFUSED = "erasure_refused"
    LEGAL_HOLD = "legal_hold"
    KEY = "key"
    INCARNATION = "incarnation"
    POLICY = "policy"
    COMPLAINT = "complaint"
    DECISION = "decision"
    CONVEYANCE = "conveyance"
    REFUND_ADVICE = "refund_advice"
    DUNNING = "dunning"
    BRIEFING = "briefing"
    BACKING = "backing"
    LESSON = "lesson"
    PRAISE = "praise"
    REFERRAL = "referral"
    FLAG = "flag"
    MERGE = "merge"
    SUBJECT_ACCESS = "subject_access"


class PolicyTopic(StrEnum):
    """What a policy of the firm is about; each version of it is an entry of kind ``policy``."""

    CALENDAR = "calendar"
    COMPLAINT_PLAN = "complaint_plan"
    REGIME = "regime"
    REFUND_TERMS = "refund_terms"
    REFUND_ADVICE = "refund_advice"
    LADDER = "ladder"
    DECISIONS = "decisions"
    HOUSE_RULE = "house_rule"
    RETENTION = "retention"
    EXPOSURE = "exposure"


class Part(StrEnum):
    """The parts of a payload, committed apart so that one can be left out or erased alone."""

    SHARED = "shared"
    STAFF = "staff"
    CONTENT = "content"


class MoneyKind(StrEnum):
    """What happened with money. A ``sale`` is paid at once and makes nobody a debtor."""

    INVOICE = "invoice"
    SALE = "sale"
    PAYMENT = "payment"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    WRITE_OFF = "write_off"
    CONCESSION = "concession"
