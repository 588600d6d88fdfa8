"""Merging customers who are one person: the records, and what stands against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from custledger.core.records import EntryRef
from custledger.core.refusal import Refusal

__all__ = ["Merge", "MergeOutcome", "below"]


@dataclass(frozen=True, slots=True)
class Merge:
    """That one customer record is another name of a person.

    ``id`` is the entry of the merge, in the chain of ``customer_id``; ``into`` is the customer whom
    a named person said it to be, ``head`` the one who stands for all who are one.
    """

    id: EntryRef
    customer_id: UUID
    into: UUID
    head: UUID
    reason: str
    merged_at: datetime
    merged_by: UUID


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """What came of merging or unmerging: ``group`` are all who are one now, the head first.

    If it was refused, nothing was written, and ``refusals`` say why and what to do.
    """

    done: bool
    group: tuple[UUID, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    entry: EntryRef | None = None

    @classmethod
    def refused(cls, code: str, text: str) -> MergeOutcome:
        """The answer to what is not allowed."""
        return cls(False, refusals=(Refusal(code, text),))


def below(parents: Mapping[int, int], top: int) -> set[int]:
    """Who was merged into ``top``, at first or at second hand; ``parents`` are who said so of whom.

    >>> sorted(below({2: 1, 3: 2, 4: 1}, 2))
    [3]
    """
    found: set[int] = set()
    new = _children(parents, {top})
    while new:
        found |= new
        new = _children(parents, new) - found
    return found - {top}


def _children(parents: Mapping[int, int], of: Iterable[int]) -> set[int]:
    wanted = set(of)
    return {child for child, parent in parents.items() if parent in wanted}
