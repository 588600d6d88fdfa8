"""What a verification found: codes, words, and the entry or the seal that each finding names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from custledger.core.records import EntryRef

__all__ = ["INTERNAL", "Finding", "FindingCode", "VerifyReport"]

INTERNAL: Final = "internal consistency only"
"""How far a verdict reaches that compared a ledger with nothing outside it."""


class FindingCode(StrEnum):
    """What is wrong. The names say it; the sentence beside each finding says where."""

    GUARD_MISSING = "guard-missing"
    CHAIN_GAP = "chain-gap"
    CHAIN_EMPTY = "chain-empty"
    PAYLOAD_MISSING = "payload-missing"
    PAYLOAD_EXTRA = "payload-extra"
    PAYLOAD_RESURRECTED = "payload-resurrected"
    ENTRY_ALTERED = "entry-altered"
    SUPERSEDES_WRONG = "supersedes-wrong"
    ERASURE_WRONG = "erasure-wrong"
    BACKDATED = "backdated"
    EVIDENCE_MISSING = "evidence-missing"
    EVIDENCE_ALTERED = "evidence-altered"
    EVIDENCE_LOCKED = "evidence-locked"
    COPY_MISSING = "copy-missing"
    COPY_EXTRA = "copy-extra"
    COPY_CHANGED = "copy-changed"
    SEALED_ENTRY_MISSING = "sealed-entry-missing"
    SEAL_ALTERED = "seal-altered"
    SEAL_MISSING = "seal-missing"
    SIGNATURE_WRONG = "signature-wrong"
    CHECKPOINT_WRONG = "checkpoint-wrong"
    ROLLED_BACK = "rolled-back"
    REWRITTEN = "rewritten"
    ANCHOR_WRONG = "anchor-wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written.

    ``entry`` names the entry and ``seal`` the number of the seal, where one can be named.
    """

    code: FindingCode
    message: str
    entry: EntryRef | None = None
    seal: int | None = None

    @property
    def customer(self) -> UUID | None:
        """Whose chain the entry is in: a customer's id, or the ledger's own."""
        return None if self.entry is None else self.entry.subject

    def __str__(self) -> str:
        names = [str(self.entry)] if self.entry else []
        names += [] if self.seal is None else [f"seal {self.seal}"]
        where = f" [{', '.join(names)}]" if names else ""
        return f"{self.code}: {self.message}{where}"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The result of ``ledger.verify()``: what was checked, and every finding.

    Of the ``entries``, ``sealed`` are below a seal (a signed one where keys were given),
    ``unsealed`` are not yet, and of ``erased`` ones content is gone, as an erasure says.
    ``seals`` and ``checkpoints`` (signed notes) are those that the ledger holds. ``anchored_until``
    is the moment of the newest seal that something outside the ledger shows. ``since`` is the
    number of seals that were trusted, None where everything was checked. ``scope`` says how far the
    verdict reaches: without a published checkpoint a ledger can only be checked against itself.
    ``notices`` are worth knowing and no findings.
    """

    findings: tuple[Finding, ...]
    entries: int
    chains: int
    copies: int
    evidence_files: int
    sealed: int = 0
    unsealed: int = 0
    erased: int = 0
    seals: int = 0
    checkpoints: int = 0
    anchored_until: datetime | None = None
    since: int | None = None
    scope: str = INTERNAL
    notices: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings
