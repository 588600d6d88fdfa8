"""The dossier of one customer as a file, for whoever has nothing but it and a checkpoint."""

from __future__ import annotations

from custledger.core.dossier.check import CheckedDossier, Problem
from custledger.edges.dossier.bundle import verifier_source
from custledger.edges.dossier.verifying import report, verify_dossier, write_page
from custledger.edges.dossier.writing import write_dossier

__all__ = [
    "CheckedDossier",
    "Problem",
    "report",
    "verifier_source",
    "verify_dossier",
    "write_dossier",
    "write_page",
]
