"""Anchors: places outside the database that hold a checkpoint, so that nobody can take it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

__all__ = ["Anchor", "AnchorCheck", "AnchorState"]


class AnchorState(StrEnum):
    """What came of checking an anchor; *unchecked* is where it cannot be told here and now."""

    HOLDS = "holds"
    FAILS = "fails"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class AnchorCheck:
    """What came of it, in words too; ``at`` is when an authority that was checked saw the note."""

    state: AnchorState
    words: str
    at: datetime | None = None


class Anchor(Protocol):
    """Somewhere to publish checkpoints."""

    @property
    def kind(self) -> str:
        """One word for the sort of place: directory, mail, timestamp."""

    @property
    def place(self) -> str:
        """Which one: a path, addresses, a URL; no password."""

    def publish(self, note_text: str) -> bytes:
        """Publish a signed note; the token that proves it or finds it again.

        Raises NotPublishedError if it could not be published; then nothing is claimed to be.
        """

    def check(self, note_text: str, token: bytes) -> AnchorCheck:
        """Whether the token still shows that the note was published here."""
