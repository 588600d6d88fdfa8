"""Erasure in words and values: on which ground, what stands against it, and what came of it.

The grounds are those of Article 17 of the General Data Protection Regulation (EU) 2016/679 and of
everyday practice; other laws know the same ones under other names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from custledger.core.records import EntryKind, EntryRef

__all__ = [
    "GROUNDS",
    "REFUSALS",
    "STAYS",
    "Erasure",
    "Ground",
    "LegalHold",
    "Purge",
    "RefusalGround",
    "Replay",
]


STAYS: Final = frozenset((EntryKind.ERASURE, EntryKind.ERASURE_REFUSED))
"""What says that something was erased, or was not, is never erased: it is the account of it."""


class Ground(StrEnum):
    """Why something is erased."""

    NO_LONGER_NEEDED = "no_longer_needed"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    OBJECTION = "objection"
    UNLAWFUL = "unlawful"
    LEGAL_OBLIGATION = "legal_obligation"
    CHILD = "child"
    RETENTION_ENDED = "retention_ended"
    OTHER = "other"


GROUNDS: Final[Mapping[Ground, str]] = MappingProxyType(
    {
        Ground.NO_LONGER_NEEDED: "It is no longer needed for what it was collected for "
        "(Art. 17(1)(a) GDPR).",
        Ground.CONSENT_WITHDRAWN: "The customer took back the consent, and nothing else allows "
        "keeping it (Art. 17(1)(b) GDPR).",
        Ground.OBJECTION: "The customer objected, and no stronger reason stands against it "
        "(Art. 17(1)(c) GDPR).",
        Ground.UNLAWFUL: "It should not have been recorded at all (Art. 17(1)(d) GDPR).",
        Ground.LEGAL_OBLIGATION: "A law or an order says that it must be erased "
        "(Art. 17(1)(e) GDPR).",
        Ground.CHILD: "It was collected from a child by an online service (Art. 17(1)(f) GDPR).",
        Ground.RETENTION_ENDED: "The time for which the firm keeps it is over (Art. 5(1)(e) GDPR).",
        Ground.OTHER: "Another reason, which is given with it.",
    }
)
"""What each ground says, in a sentence."""


class RefusalGround(StrEnum):
    """Why something that somebody asked to have erased is kept."""

    FREE_EXPRESSION = "free_expression"
    LEGAL_OBLIGATION = "legal_obligation"
    PUBLIC_HEALTH = "public_health"
    ARCHIVE = "archive"
    LEGAL_CLAIMS = "legal_claims"
    OTHER = "other"


REFUSALS: Final[Mapping[RefusalGround, str]] = MappingProxyType(
    {
        RefusalGround.FREE_EXPRESSION: "It is needed for the freedom of expression and "
        "information (Art. 17(3)(a) GDPR).",
        RefusalGround.LEGAL_OBLIGATION: "A law says that it must be kept, as for taxes "
        "(Art. 17(3)(b) GDPR).",
        RefusalGround.PUBLIC_HEALTH: "It is needed for public health (Art. 17(3)(c) GDPR).",
        RefusalGround.ARCHIVE: "It is needed for an archive, research or statistics "
        "(Art. 17(3)(d) GDPR).",
        RefusalGround.LEGAL_CLAIMS: "It is needed to make or defend a legal claim "
        "(Art. 17(3)(e) GDPR).",
        RefusalGround.OTHER: "Another reason, which is given with it.",
    }
)
"""What each ground of a refusal says, in a sentence."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What came of an erasure: ``entry`` is the one that records it, or that it was refused.

    ``entries`` and ``files`` count what was erased. ``reasons`` say why nothing was. ``left`` says
    where traces may still be, and what to do about it.
    """

    done: bool
    reasons: tuple[str, ...] = ()
    entry: EntryRef | None = None
    entries: int = 0
    files: int = 0
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LegalHold:
    """While it stands, nothing about the customer is erased."""

    id: EntryRef
    customer_id: UUID
    reason: str
    placed_at: datetime
    placed_by: UUID


@dataclass(frozen=True, slots=True)
class Purge:
    """What came of a purge: ``left`` says where erased text may still be, and what to do.

    ``files`` counts left-over files of evidence that were removed.
    """

    files: int = 0
    left: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return not self.left


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of replaying a register of erasures, in entries of the trail.

    ``erased`` were here and are erased again, ``gone`` were erased already, ``missing`` are not in
    this ledger (it is older than they are), and ``kept`` stay because a legal hold stands.
    ``newer`` are entries about an erased person that the register does not name, recorded after the
    restore: they stay. ``left`` is as in ``Purge``.
    """

    erased: int = 0
    gone: int = 0
    missing: tuple[EntryRef, ...] = ()
    kept: tuple[EntryRef, ...] = ()
    newer: tuple[EntryRef, ...] = ()
    left: tuple[str, ...] = ()
