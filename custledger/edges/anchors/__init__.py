"""Where checkpoints are published: a directory, mailboxes, a time stamp authority."""

from __future__ import annotations

from custledger.core.trail.anchoring import Anchor, AnchorCheck, AnchorState
from custledger.edges.anchors.directory import DirectoryAnchor
from custledger.edges.anchors.mail import MailAnchor, MailServer
from custledger.edges.anchors.timestamp import TimeStampAnchor

__all__ = [
    "Anchor",
    "AnchorCheck",
    "AnchorState",
    "DirectoryAnchor",
    "MailAnchor",
    "MailServer",
    "TimeStampAnchor",
]
