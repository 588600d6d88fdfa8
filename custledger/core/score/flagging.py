"""The memory of flags: a figure near the line does not raise and clear a flag from day to day.

A flag is raised when the score says so. It is cleared when the lower bound is below 40, and not
already below the line of 50 (a hysteresis); and at once when the evidence for it no longer holds:
the lower bound is above the line, and the score flags nobody, because witnesses are lacking after a
correction, or no margin is set. The score itself remembers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from custledger.core.records import EntryRef
from custledger.core.score.formula import LINE

__all__ = ["CLEARED_BELOW", "Flag", "FlagChange", "FlagEvent", "flag_change"]

CLEARED_BELOW: Final = 40.0
"""A standing flag is cleared when the lower bound is below this."""


class FlagChange(StrEnum):
    """What became of a flag."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class FlagEvent:
    """That a flag was raised or cleared: ``id`` is the entry, ``of`` the one that raised it.

    ``kind`` is what the flag rests on (cost, conduct, both, combined); ``score`` and its bounds,
    from 0 to 100, are those of the day ``as_of`` by the score policy of that version.
    ``customer_id`` is the customer in whose chain it stands.
    """

    id: EntryRef
    of: EntryRef
    customer_id: UUID
    change: FlagChange
    kind: str
    as_of: date
    score: float
    score_low: float
    score_high: float
    policy_version: int
    recorded_at: datetime
    recorded_by: UUID


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag that stands; ``customer_id`` is who stands for the person, under whatever name.

    ``raised`` are the entries that raised it: one, unless people were merged who each had one.
    """

    customer_id: UUID
    raised: tuple[FlagEvent, ...]

    @property
    def kind(self) -> str:
        """What the newest of them rests on."""
        return self.raised[-1].kind


def flag_change(*, flagged: bool, score_low: float, standing: bool) -> FlagChange | None:
    """What is to be recorded, given what the score says now and whether a flag stands.

    >>> flag_change(flagged=False, score_low=45.0, standing=True) is None
    True
    >>> flag_change(flagged=False, score_low=39.9, standing=True).value
    'cleared'
    """
    if not standing:
        return FlagChange.RAISED if flagged else None
    if flagged or CLEARED_BELOW <= score_low <= LINE:
        return None
    return FlagChange.CLEARED
