"""What a verification found: codes, words, and the entry that each finding names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from custledger.core.records import EntryRef

__all__ = ["Finding", "FindingCode", "VerifyReport"]


class FindingCode(StrEnum):
    """What is wrong. The names say it; the sentence beside each finding says where."""

    GUARD_MISSING = "guard-missing"
    CHAIN_GAP = "chain-gap"
    CHAIN_EMPTY = "chain-empty"
    PAYLOAD_MISSING = "payload-missing"
    PAYLOAD_EXTRA = "payload-extra"
    ENTRY_ALTERED = "entry-altered"
    SUPERSEDES_WRONG = "supersedes-wrong"
    EVIDENCE_MISSING = "evidence-missing"
    EVIDENCE_ALTERED = "evidence-altered"
    COPY_MISSING = "copy-missing"
    COPY_EXTRA = "copy-extra"
    COPY_CHANGED = "copy-changed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written; ``entry`` names the entry where one can be named."""

    code: FindingCode
    message: str
    entry: EntryRef | None = None

    def __str__(self) -> str:
        where = f" [{self.entry}]" if self.entry else ""
        return f"{self.code}: {self.message}{where}"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The result of ``ledger.verify()``: what was checked, and every finding.

    ``scope`` says how far the verdict reaches: without a published checkpoint a ledger can only be
    checked against itself.
    """

    findings: tuple[Finding, ...]
    entries: int
    chains: int
    copies: int
    evidence_files: int
    scope: str = "internal consistency only"

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings
