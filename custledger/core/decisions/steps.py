"""What came of a step of a decision: done, or refused with the reasons and nothing written."""

from __future__ import annotations

from dataclasses import dataclass

from custledger.core.decisions.state import DecisionState
from custledger.core.records import EntryRef
from custledger.core.refusal import Refusal

__all__ = ["DecisionStep", "DecisionVoid"]


@dataclass(frozen=True, slots=True)
class DecisionStep:
    """A step that was asked for; where there are ``refusals``, nothing was written.

    ``decision`` is where the decision stands after it, ``entry`` what records the step.
    """

    refusals: tuple[Refusal, ...] = ()
    decision: DecisionState | None = None
    entry: EntryRef | None = None

    @property
    def done(self) -> bool:
        """Whether it was allowed, and is recorded."""
        return not self.refusals


@dataclass(frozen=True, slots=True)
class DecisionVoid:
    """What was taken back as a mistake: ``entries``; with ``refusals``, nothing.

    ``fallen`` are other decisions that rested on it, and no longer hold: a do-not-serve without its
    warning is none.
    """

    refusals: tuple[Refusal, ...] = ()
    entries: tuple[EntryRef, ...] = ()
    fallen: tuple[DecisionState, ...] = ()

    @property
    def done(self) -> bool:
        """Whether it was allowed, and is recorded."""
        return not self.refusals
