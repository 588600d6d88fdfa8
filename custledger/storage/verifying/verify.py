"""Verification, whole: guards, seals, chains, copies, checkpoints, all in one snapshot.

The work over chains is cut into ranges, which this process checks one after the other, or several
processes at once over the same snapshot (see ``verify_parallel``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, SmallInteger, exists, func, select, type_coerce

from custledger.core.clock import from_microseconds
from custledger.core.records import EntryRef, Part
from custledger.core.trail.findings import Finding, FindingCode, VerifyReport
from custledger.errors import BadInputError
from custledger.storage import guards
from custledger.storage.bulk import table_of
from custledger.storage.chains import Range, ranges
from custledger.storage.context import Context
from custledger.storage.erasing.rights import refuse_without_evidence
from custledger.storage.tables import EntryRow, IdentityRow, PayloadRow
from custledger.storage.truth_tables import ErasureRow
from custledger.storage.verifying.anchor_check import check_anchors
from custledger.storage.verifying.chain_check import RangeCheck
from custledger.storage.verifying.chain_facts import NOBODY, Plan, Tally
from custledger.storage.verifying.checkpoint_check import Kept, check_notes
from custledger.storage.verifying.comparison import Against, Comparison
from custledger.storage.verifying.parallel import Crew, crew_for
from custledger.storage.verifying.raw import any_text
from custledger.storage.verifying.seal_check import (
    Seals,
    check_counts,
    check_roots,
    read_seals,
    starts_well,
)

__all__ = ["Against", "Progress", "verify"]

Progress = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""

_entry, _payload = table_of(EntryRow), table_of(PayloadRow)
_identity, _erasure = table_of(IdentityRow), table_of(ErasureRow)
_CHAIN_CODES: Final = frozenset(
    {
        FindingCode.CHAIN_GAP,
        FindingCode.ENTRY_ALTERED,
        FindingCode.PAYLOAD_MISSING,
        FindingCode.SEALED_ENTRY_MISSING,
        FindingCode.SEAL_MISSING,
        FindingCode.SEAL_ALTERED,
    }
)


def verify(
    context: Context,
    against: Against | None = None,
    *,
    processes: int | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Check guards, chains, commitments, evidence, copies, seals and checkpoints in one snapshot.

    ``processes`` is how many check chains at a time; None takes all cores for a large ledger that
    is checked whole.
    """
    if processes is not None and processes < 1:
        raise BadInputError(f"processes must be 1 or more, not {processes}.")
    if processes is None and against is not None and against.since is not None:
        processes = 1  # to start others takes longer than to check what is new
    with (
        crew_for(context, processes) as crew,
        context.snapshot() as connection,
        any_text(connection),
    ):
        crew.begin(connection)
        refuse_without_evidence(connection, "Verifying")
        return _Verification(connection, context, against or Against()).report(crew, progress)


class _Verification:
    """One verification: what it compares with, and what it found."""

    def __init__(self, connection: Connection, context: Context, against: Against) -> None:
        self._connection, self._context, self._against = connection, context, against
        self._tally = Tally()
        self._find = self._tally.findings.append

    def report(self, crew: Crew, progress: Progress | None) -> VerifyReport:
        """Check everything."""
        connection, tally = self._connection, self._tally
        for name in guards.missing(connection):
            said = f"the guard {name} is missing or was changed"
            self._find(Finding(FindingCode.GUARD_MISSING, said))
        seals = read_seals(connection, self._context.ledger, self._find)
        kept = check_notes(connection, seals, self._against.keys, self._find)
        compared = Comparison(seals, self._against, kept.signed, self._find)
        if compared.since and not starts_well(connection, seals, compared.since, self._find):
            compared.since = None  # what is new cannot be told from what is trusted: all of it
        plan = self._plan(seals, compared)
        spans = ranges(connection, None if plan.since is None else plan.last_key)
        self._chains(crew, spans, plan, progress)
        since = plan.since or 0
        check_roots(connection, seals, since, self._find)
        if _CHAIN_CODES.isdisjoint(finding.code for finding in tally.findings):
            check_counts(seals, since, tally, self._find)
        seen = check_anchors(connection, seals, self._against.certificates, self._find)
        self._resurrected()
        if plan.since is None:
            self._strays()
        return self._written(seals, kept, compared, max(seen, compared.anchored))

    def _chains(
        self, crew: Crew, spans: Sequence[Range], plan: Plan, progress: Progress | None
    ) -> None:
        total = sum(span.entries for span in spans)
        if crew.workers:
            tallies = crew.check(plan, spans)
        else:
            check = RangeCheck(self._connection, self._context, plan)
            tallies = ((place, check.check(span)) for place, span in enumerate(spans))
        found: dict[int, list[Finding]] = {}
        for place, tally in tallies:
            found[place], tally.findings = tally.findings, []
            self._tally.add(tally)
            if progress is not None:
                progress(self._tally.entries, max(total, self._tally.entries))
        for place in sorted(found):  # the same order, however many processes there were
            self._tally.findings += found[place]

    def _plan(self, seals: Seals, compared: Comparison) -> Plan:
        since = compared.since
        erasures = self._connection.scalar(select(exists().select_from(_erasure)))
        return Plan(
            sealed_at=tuple(None if body is None else body.sealed_at for body in seals.bodies),
            last_keys=tuple(seals.last_keys),
            signed=compared.signed,
            since=since,
            last_key=(seals.last_keys[since - 1] or 0) if since else 0,
            erasures=bool(erasures),
        )

    def _resurrected(self) -> None:
        query = (
            select(_entry.c.subject_id, _entry.c.seq)
            .select_from(_erasure)
            .join(
                _payload,
                (_payload.c.entry_id == _erasure.c.entry_id)
                & (type_coerce(_payload.c.part, SmallInteger()) == _code_of_erasure()),
            )
            .join(_entry, _entry.c.id == _erasure.c.entry_id)
            .distinct()
        )
        code = FindingCode.PAYLOAD_RESURRECTED
        told = {finding.entry for finding in self._tally.findings if finding.code is code}
        for subject, seq in self._connection.execute(query).all():
            said = "what was erased from the entry is there again"
            ref = EntryRef(self._uuid(subject), seq)
            if ref not in told:
                self._find(Finding(code, said, ref))

    def _strays(self) -> None:
        """Find what belongs nowhere: payloads, erasures, and identities without a chain."""
        for table, count, code in (
            (_payload, self._tally.payloads, FindingCode.PAYLOAD_EXTRA),
            (_erasure, self._tally.erasures, FindingCode.ERASURE_WRONG),
        ):
            if self._connection.scalar(select(func.count()).select_from(table)) != count:
                self._of_no_entry(table, code)
        named = self._tally.named
        told = {
            str(finding.customer)
            for finding in self._tally.findings
            if finding.code is FindingCode.SEALED_ENTRY_MISSING
        }
        without = select(_identity.c.id).where(
            ~exists().where(_entry.c.subject_id == _identity.c.id)
        )
        for (key,) in self._connection.execute(without):
            uuid = self._uuid(key)
            if str(uuid) not in named | told:
                said = "an identity without entries: they were removed, or it was added"
                self._find(Finding(FindingCode.CHAIN_EMPTY, said, EntryRef(uuid, 1)))

    def _of_no_entry(self, table: Any, code: FindingCode) -> None:
        part = type_coerce(table.c.part, SmallInteger())
        query = (
            select(table.c.entry_id, part)
            .outerjoin(_entry, _entry.c.id == table.c.entry_id)
            .where(_entry.c.id.is_(None) | part.not_in(range(len(Part))))
        )
        what = "a payload" if table is _payload else "an erasure"
        for entry_id, number in self._connection.execute(query):
            said = f"{what} (entry {entry_id}, part {number}) that belongs to no entry"
            self._find(Finding(code, said))

    def _written(
        self, seals: Seals, kept: Kept, compared: Comparison, anchored: int
    ) -> VerifyReport:
        tally = self._tally
        body = seals.body(anchored)
        return VerifyReport(
            findings=tuple(tally.findings),
            entries=tally.entries,
            chains=tally.chains,
            copies=tally.copies,
            evidence_files=tally.evidence_files,
            sealed=tally.sealed,
            unsealed=tally.entries - tally.sealed,
            erased=tally.erased,
            seals=seals.size,
            checkpoints=kept.count,
            anchored_until=None if body is None else from_microseconds(body.sealed_at),
            since=compared.since,
            scope=compared.scope(),
            notices=(*compared.notices, *self._ahead()),
        )

    def _ahead(self) -> list[str]:
        """A notice of entries from a clock that was ahead, if there are any."""
        first = self._tally.first_ahead
        if first is None:
            return []
        number = self._tally.ahead
        what = "1 entry says" if number == 1 else f"{number} entries say"
        _, ref, words = first
        return [
            f"{what} that it was recorded after the seal that holds it, so a clock was ahead; "
            f"the first is {ref}: {words}."
        ]

    def _uuid(self, key: int) -> Any:
        try:
            return self._context.identities.uuid(self._connection, key)
        except (KeyError, ValueError, AttributeError, TypeError):
            return NOBODY


def _code_of_erasure() -> Any:
    return type_coerce(_erasure.c.part, SmallInteger())
