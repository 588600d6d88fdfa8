"""The sealed ends of chains: whether their entries are still there, and as old as they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Connection, select, tuple_

from custledger.core.clock import from_microseconds
from custledger.core.records import EntryRef
from custledger.core.trail.findings import Finding, FindingCode
from custledger.core.trail.seals import CLOCK_TOLERANCE
from custledger.storage.bulk import portions, table_of
from custledger.storage.chains import Link, Range
from custledger.storage.naming import qualified
from custledger.storage.tables import EntryRow
from custledger.storage.truth_tables import SealHeadRow
from custledger.storage.verifying.chain_facts import Plan, Tally
from custledger.storage.verifying.raw import raw_rows

if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["ChainEnd", "ends_of"]

_entry, _head = table_of(EntryRow), table_of(SealHeadRow)
_Head: TypeAlias = "tuple[int, int, bytes]"


@dataclass(slots=True)
class ChainEnd:
    """The sealed ends (seal, number, hash) of one chain that are still to come, oldest first.

    ``seq`` and ``prev`` are where the check begins. ``broken`` is the seal of that end, if it is
    not as it was sealed.
    """

    heads: list[_Head] = field(default_factory=list)
    seq: int = 0
    prev: bytes = b""
    broken: int | None = None
    _at: int = 0
    _told: bool = False

    def check(self, link: Link, ref: EntryRef, plan: Plan, tally: Tally) -> None:
        """Check a sound link against the seal that it came with."""
        n = self._count(link, plan, tally)
        newest = len(plan.sealed_at)
        after, until = _window(plan, n) if n else (_at(plan, newest), None)
        moment: object = link.recorded_at
        if not isinstance(moment, int):
            return
        if after is not None and moment < after - CLOCK_TOLERANCE:
            before = n - 1 if n else newest
            said = (
                f"says that it was recorded at {_shown(moment)}, before seal {before}, which was "
                f"made at {_shown(after)} without it"
            )
            self._find(tally, FindingCode.BACKDATED, said, ref, n)
        if until is not None and moment > until + CLOCK_TOLERANCE:
            # A clock that was ahead and was put right. To date ahead hides nothing.
            tally.ahead += 1
            if tally.first_ahead is None or link.id < tally.first_ahead[0]:
                said = f"it says {_shown(moment)}, and seal {n} was made at {_shown(until)}"
                tally.first_ahead = (link.id, ref, said)
        while n and self._at < len(self.heads) and self.heads[self._at][1] == link.seq:
            if self.heads[self._at][2] != link.hash and not self._told:
                seal = self.heads[self._at][0]
                said = f"is not the entry that seal {seal} holds: the chain was made anew"
                self._find(tally, FindingCode.SEALED_ENTRY_MISSING, said, ref, seal)
                self._told = True
            self._at += 1

    def skip(self, link: Link, plan: Plan, tally: Tally) -> None:
        """Pass by a link that was found wrong already."""
        if self._count(link, plan, tally) and self.heads[self._at][1] == link.seq:
            self._at += 1

    def finish(self, uuid: UUID, expected: int, tally: Tally) -> None:
        """Find the sealed entries behind the last that is there."""
        if self._at >= len(self.heads) or self._told:
            return
        seal = self.heads[self._at][0]
        last = max(seq for _, seq, _ in self.heads[self._at :])
        said = f"entries {expected} to {last} of this chain are missing; seal {seal} holds them"
        if last <= expected:
            said = f"the entry is missing; seal {seal} holds it"
        ref = EntryRef(uuid, min(expected, last))
        self._find(tally, FindingCode.SEALED_ENTRY_MISSING, said, ref, seal)

    def _count(self, link: Link, plan: Plan, tally: Tally) -> int | None:
        """The seal that a link came with; None for one that is not sealed yet."""
        while self._at < len(self.heads) and self.heads[self._at][1] < link.seq:
            self._at += 1  # a gap in the chain, which is found as one
        if self._at >= len(self.heads):
            seal = None
        else:
            seal = self.heads[self._at][0]
            tally.sealed += seal <= plan.signed
        place = seal or 0
        tally.first_sealed[place] += 1
        if link.id > tally.greatest.get(place, link.id - 1):
            tally.greatest[place] = link.id
        if link.id < tally.least.get(place, link.id + 1):
            tally.least[place] = link.id
        return seal

    def _find(
        self, tally: Tally, code: FindingCode, said: str, ref: EntryRef, seal: int | None
    ) -> None:
        tally.findings.append(Finding(code, said, ref, seal))


def ends_of(connection: Connection, span: Range, plan: Plan) -> dict[int, ChainEnd]:
    """The sealed ends of a range's chains, by subject."""
    if not plan.sealed_at:
        return {}
    where, values = span.where("subject_id")
    heads = qualified(connection, _head.name)
    rows = raw_rows(
        connection,
        f"SELECT subject_id, n, seq, hash FROM {heads} WHERE {where} ORDER BY subject_id, n",
        values,
    )
    found: dict[int, ChainEnd] = {}
    for subject, n, seq, cell in rows:
        if not (isinstance(n, int) and isinstance(seq, int)):
            continue  # an edited cell on SQLite: the seal's root shows it
        digest = cell if isinstance(cell, bytes) else b""
        end = found.setdefault(subject, ChainEnd())
        if plan.since is not None and n <= plan.since:
            end.seq, end.prev, end.broken = seq, digest, n
        else:
            end.heads.append((n, seq, digest))
    if plan.since is not None:
        _look_at_starts(connection, found)
    return found


def _look_at_starts(connection: Connection, found: dict[int, ChainEnd]) -> None:
    """See that the entries are there from which a later check goes on."""
    c = _entry.c
    for chunk in portions([(subject, end.seq) for subject, end in found.items() if end.seq]):
        query = select(c.subject_id, c.seq, c.hash)
        for subject, _, digest in connection.execute(
            query.where(tuple_(c.subject_id, c.seq).in_(chunk))
        ):
            if digest == found[subject].prev:
                found[subject].broken = None


def _window(plan: Plan, n: int) -> tuple[int | None, int | None]:
    return _at(plan, n - 1), _at(plan, n)


def _at(plan: Plan, n: int) -> int | None:
    return plan.sealed_at[n - 1] if 0 < n <= len(plan.sealed_at) else None


def _shown(moment: int) -> str:
    try:
        return f"{from_microseconds(moment):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError):
        return str(moment)
