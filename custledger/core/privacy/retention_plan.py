"""What a schedule of retention would erase, and what came of erasing it, as values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from custledger.core.privacy.retention import Kept, RetentionSchedule, Stay
from custledger.core.refusal import Refusal

__all__ = ["Going", "RetentionPlan", "RetentionRun", "Staying"]


@dataclass(frozen=True, slots=True)
class Going:
    """What would go of one customer and kind: records, their entries, the oldest day.

    ``group`` are the keys of the customer and of those merged into one with them, ``seqs`` the
    entries by whose chain they are in and number; none for a whole person, of whom all goes.
    """

    group: tuple[int, ...]
    customer_id: UUID
    name: str
    kind: Kept
    records: int
    entries: int
    oldest: date
    seqs: tuple[tuple[UUID, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Staying:
    """What stays of one customer although its period is over, and why."""

    group: tuple[int, ...]
    customer_id: UUID
    name: str
    kind: Kept
    seqs: tuple[int, ...]
    oldest: date
    why: Stay
    text: str


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What a schedule says as of a day; ``younger`` counts records whose period goes on."""

    as_of: date
    schedule: RetentionSchedule
    going: tuple[Going, ...] = ()
    staying: tuple[Staying, ...] = ()
    younger: int = 0

    @property
    def customers(self) -> int:
        """Of how many customers something goes."""
        return len({going.customer_id for going in self.going})

    @property
    def entries(self) -> int:
        """How many entries go."""
        return sum(going.entries for going in self.going)

    @property
    def by_kind(self) -> dict[Kept, int]:
        """How many records of each kind go."""
        found: Counter[Kept] = Counter()
        for going in self.going:
            found[going.kind] += going.records
        return dict(found)


@dataclass(frozen=True, slots=True)
class RetentionRun:
    """What came of it; where nothing was ``done``, it was a dry run, or ``refusals`` say why.

    ``customers``, ``entries`` and ``files`` count what was erased. ``left`` is as for ``erase``.
    """

    done: bool
    plan: RetentionPlan
    refusals: tuple[Refusal, ...] = ()
    customers: int = 0
    entries: int = 0
    files: int = 0
    left: tuple[str, ...] = ()
