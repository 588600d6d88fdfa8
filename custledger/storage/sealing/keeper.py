"""Sealing by itself: who signs, how often, and where each checkpoint goes."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from custledger.core.trail.anchoring import Anchor
from custledger.core.trail.signing import Signer
from custledger.errors import BadInputError, NotPublishedError
from custledger.storage.sealing.sealing import Unsealed

__all__ = ["SealKeeper", "Sealing", "SealingWarning", "check_terms", "is_due", "warn"]

_MICROSECOND: Final = timedelta(microseconds=1)
_AGAIN_AFTER: Final = timedelta(minutes=1) // _MICROSECOND


class SealingWarning(UserWarning):
    """The ledger could not be sealed, or its checkpoint not published; what was written is kept."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """How a ledger seals itself: after a write, once the last seal is old or much is unsealed.

    ``signer`` signs each checkpoint, such as ``custledger.edges.keys.KeyFile``. A seal is due when
    the newest is as old as ``every``, or does not cover so many ``entries``. Each checkpoint is
    published through all ``anchors``, at once: one that waits for a network makes the write wait,
    and one that fails is tried again later.
    """

    signer: Signer
    every: timedelta = timedelta(days=1)
    entries: int = 1000
    anchors: tuple[Anchor, ...] = ()

    def __post_init__(self) -> None:
        check_terms(self.every, self.entries)


def check_terms(every: object, entries: object) -> None:
    """Refuse terms under which nothing, or everything, would be sealed."""
    if not isinstance(every, timedelta) or every <= timedelta(0):
        raise BadInputError(f"every must be a time span, such as timedelta(days=1), not {every!r}.")
    if not isinstance(entries, int) or entries < 1:
        raise BadInputError(f"entries must be a number from 1 on, not {entries!r}.")


def is_due(found: Unsealed, now: int, every: timedelta, entries: int) -> bool:
    """Whether what is unsealed is too much, or has been so for too long."""
    old = now - found.since >= every // _MICROSECOND
    return found.entries >= entries or (found.entries > 0 and old)


def warn(said: str) -> None:
    """Warn, and raise nothing even where warnings are errors: what was written is committed."""
    try:
        warnings.warn(said, SealingWarning, stacklevel=3)
    except SealingWarning:
        logging.getLogger(__name__).warning(said)


@dataclass(slots=True)
class SealKeeper:
    """Counts in memory what one program wrote, so that most writes need not ask the database.

    Threads with ledgers of one maker share it: one that finds another sealing goes on.
    """

    sealing: Sealing
    _left: int = 0
    _look_at: int = 0
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def wrote(self, entries: int) -> None:
        """Count entries; those of a write that fails afterwards count too, and do no harm."""
        self._left -= entries

    def may_be_due(self, now: int) -> bool:
        """Whether it is time to look; ``now`` is microseconds since 1970 UTC."""
        return self._left <= 0 or now >= self._look_at

    def looked(self, found: Unsealed) -> None:
        """Begin to count again from what the database says."""
        self._left = self.sealing.entries - found.entries
        self._look_at = found.since + self.sealing.every // _MICROSECOND

    def run(self, work: Callable[[], None], now: int) -> None:
        """Do the work unless it is being done; an error becomes a warning, and a try later."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            work()
        except Exception as error:
            self._left, self._look_at = self.sealing.entries, now + _AGAIN_AFTER
            doing = "published" if isinstance(error, NotPublishedError) else "sealed"
            warn(f"What was written is kept, and could not be {doing}: {error}")
        finally:
            self._turn.release()
