"""Subject access: all that is held about a customer, told to the customer in plain words.

A dossier (``custledger.edges.dossier``) proves what was recorded; this explains it: the score with
its reasons and what would change it, decisions, periods, rights (Articles 12, 15, 20 and 22 GDPR;
Court of Justice, C-203/22, on how a score is explained).
"""

from __future__ import annotations

from custledger.edges.subject_access.gathering import access_report
from custledger.edges.subject_access.rendering import access_html, access_json, access_text
from custledger.edges.subject_access.report import AccessReport
from custledger.edges.subject_access.writing import WrittenAccess, write_access

__all__ = [
    "AccessReport",
    "WrittenAccess",
    "access_html",
    "access_json",
    "access_report",
    "access_text",
    "write_access",
]
