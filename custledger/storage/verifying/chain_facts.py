"""What the check of a range of chains is told, what it reads beside them, and what it gives back.

All of it can be sent from one process to another.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from custledger.core.records import EntryRef
from custledger.core.trail.findings import Finding
from custledger.storage.bulk import table_of
from custledger.storage.chains import Range
from custledger.storage.naming import qualified
from custledger.storage.tables import IdentityRow
from custledger.storage.verifying.raw import raw_rows

__all__ = ["NOBODY", "Plan", "Tally", "uuids_in"]

NOBODY: Final = UUID(int=0)
_identity = table_of(IdentityRow)


class Plan(NamedTuple):
    """What all ranges need to know of the seals.

    ``sealed_at`` and ``last_keys`` are those of the seals 1, 2, and so on, None for one that cannot
    be read. ``signed`` is how many of them a signature covers that was checked; all, where none was
    to be checked. ``since`` is how many seals are trusted; then only entries with keys beyond
    ``last_key`` are looked at.
    """

    sealed_at: tuple[int | None, ...] = ()
    last_keys: tuple[int | None, ...] = ()
    signed: int = 0
    since: int | None = None
    last_key: int = 0
    erasures: bool = True


@dataclass(slots=True)
class Tally:
    """What a check found and counted; ``first_sealed`` counts entries by the seal they came with.

    ``least`` and ``greatest`` are keys of these; under 0 is what no seal holds yet. ``named`` are
    the uuids that the ledger's own chain names. ``ahead`` counts entries that say they were
    recorded after the seal that holds them; of the first, the key, the place and words.
    """

    findings: list[Finding] = field(default_factory=list)
    entries: int = 0
    chains: int = 0
    copies: int = 0
    evidence_files: int = 0
    sealed: int = 0
    erased: int = 0
    payloads: int = 0
    erasures: int = 0
    first_sealed: Counter[int] = field(default_factory=Counter)
    least: dict[int, int] = field(default_factory=dict)
    greatest: dict[int, int] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    ahead: int = 0
    first_ahead: tuple[int, EntryRef, str] | None = None

    def add(self, other: Tally) -> None:
        """Take another tally's findings and counts in."""
        for name in ("entries", "chains", "copies", "evidence_files", "sealed", "erased"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.findings += other.findings
        self.payloads += other.payloads
        self.erasures += other.erasures
        self.first_sealed.update(other.first_sealed)
        self.named |= other.named
        self.ahead += other.ahead
        firsts = [one for one in (self.first_ahead, other.first_ahead) if one is not None]
        self.first_ahead = min(firsts, default=None)
        for seal, key in other.least.items():
            self.least[seal] = min(key, self.least.get(seal, key))
        for seal, key in other.greatest.items():
            self.greatest[seal] = max(key, self.greatest.get(seal, key))


def uuids_in(connection: Connection, span: Range) -> dict[int, UUID]:
    """The uuids of a range's subjects; one that was edited into something else is left out."""
    where, values = span.where("id")
    identities = qualified(connection, _identity.name)
    rows = raw_rows(connection, f"SELECT id, uuid FROM {identities} WHERE {where}", values)
    found = {}
    for key, uuid in rows:
        try:
            found[key] = uuid if isinstance(uuid, UUID) else UUID(uuid)
        except (ValueError, AttributeError, TypeError):
            continue
    return found
