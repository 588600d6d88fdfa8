"""Records of what customers are worth: earning by the hour, recovery, exposure, referrals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from custledger.core.records import EntryRef
from custledger.core.refusal import Refusal

__all__ = [
    "Brought",
    "EarningRow",
    "ExposureRow",
    "RecoveredRow",
    "Recoveries",
    "Referral",
    "ReferralAnswer",
    "ReferredRow",
]


@dataclass(frozen=True)
class EarningRow:
    """What an hour of staff time with a customer brought in, in minor units of ``currency``.

    ``kept_minor`` = revenue - refunds - chargebacks - write-offs. ``effective_hourly_minor`` = kept
    / hours, None without staff time. ``few``: less than an hour of staff time is behind it.
    """

    customer_id: str
    name: str
    as_of: str
    currency: str
    effective_hourly_minor: int | None
    kept_minor: int
    hours: float
    contacts: int
    contacts_of_unknown_time: int
    few: bool
    note: str


@dataclass(frozen=True)
class RecoveredRow:
    """A customer whose complaint was resolved, and what was bought afterwards.

    ``recovered`` is True where they bought again, or where somebody recorded that they came back
    (``recorded``). ``bought_minor`` is in minor units of ``currency``; ``unconverted`` counts
    amounts left out for want of an exchange rate.
    """

    customer_id: str
    name: str
    currency: str
    complaint: str
    resolved_on: date
    recovered: bool
    recorded: bool
    purchases: int
    bought_minor: int
    came_back_on: date | None
    days: int | None
    unconverted: int


@dataclass(frozen=True)
class Recoveries:
    """How many of those whose complaint was resolved came back; both days belong to it.

    ``share`` = recovered / resolved, None where no complaint was resolved; ``few``: fewer than 20
    are behind it. A row is a customer's last resolved complaint, those who bought most first.
    """

    since: date | None
    as_of: date
    resolved: int
    recovered: int
    share: float | None
    few: bool
    customers: tuple[RecoveredRow, ...]


@dataclass(frozen=True)
class ExposureRow:
    """The exposure by word of mouth of one customer, term by term; an estimate, no account.

    ``experiences`` are days with a bad experience; ``word_of_mouth_minor`` = experiences x people
    told x share lost x worth, and ``readers_minor`` = reach x readers lost x worth, in minor units
    of ``currency``. ``worth_minor`` is what a customer brings, None where it is not known.
    ``reach`` counts the readers of public complaints as given; of ``unknown_reach`` of them it is
    not known. Each term has its source, and the number of own cases behind it (0: none).
    """

    customer_id: str
    name: str
    since: date
    as_of: date
    currency: str
    policy_version: int
    experiences: int
    people_told: float
    people_told_source: str
    people_told_sample: int
    share_lost: float
    share_lost_source: str
    share_lost_sample: int
    worth_minor: int | None
    worth_source: str
    worth_sample: int
    customers_lost: float
    word_of_mouth_minor: int
    reach: int
    unknown_reach: int
    readers_lost: float
    readers_lost_source: str
    readers_lost_sample: int
    readers_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class Referral:
    """That a customer came because another one spoke well of us."""

    id: EntryRef
    customer_id: UUID
    referred_by: UUID
    occurred_at: datetime
    recorded_at: datetime
    recorded_by: UUID
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReferralAnswer:
    """What came of recording a referral: it, or why it was refused and nothing was written."""

    referral: Referral | None
    refusals: tuple[Refusal, ...] = ()

    @property
    def done(self) -> bool:
        """Whether it was recorded."""
        return self.referral is not None


@dataclass(frozen=True)
class ReferredRow:
    """A customer whom somebody brought, and the net contribution in minor units of ``currency``.

    ``steps`` is 1 for those who were brought directly, 2 for whom these brought, and so on.
    """

    customer_id: str
    name: str
    referred_by: str
    steps: int
    currency: str
    net_minor: int


@dataclass(frozen=True)
class Brought:
    """Whom a customer brought, directly and through others, and what these are worth.

    ``direct_minor`` is the sum over those brought directly, ``all_minor`` over everyone.
    """

    customer_id: str
    as_of: date
    currency: str
    direct: int
    direct_minor: int
    all_minor: int
    customers: tuple[ReferredRow, ...]
