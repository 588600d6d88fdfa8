"""The rules of erasure: what may go, and what stands against it; nothing is erased past them.

Only customers' chains are erased from, never the account of what was erased or refused, and nothing
while a legal hold stands. A case goes as a whole: without one of its steps, a withdrawal, say, or
an end, the rest would say something else than what happened.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from custledger.core.canonical import JsonValue
from custledger.core.clock import date_of_day
from custledger.core.decisions.events import DecisionKind
from custledger.core.privacy.erasure import STAYS
from custledger.core.records import EntryKind, EntryRef, Part
from custledger.core.words import words
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.decisions.decisions import DecisionReader
from custledger.storage.erasing.commitments import Commits
from custledger.storage.erasing.erasing import Erased, erase_targets
from custledger.storage.erasing.purging import Remains, overwriting
from custledger.storage.erasing.targets import Subject, Target, line_of, of_kind, with_payload
from custledger.storage.journal import Journal
from custledger.storage.merges import group_of
from custledger.storage.reading import bodies_of
from custledger.storage.tables import EntryRow, EventRow, LegalHoldRow

__all__ = ["Ruling", "StandingHold", "Whole", "erase_by_rules", "whole_of"]

_entry, _event, _hold = table_of(EntryRow), table_of(EventRow), table_of(LegalHoldRow)


class StandingHold(NamedTuple):
    """A legal hold that was not released; ``recorded_at`` is in microseconds since 1970 UTC."""

    seq: int
    recorded_at: int


class Ruling(NamedTuple):
    """What came of it: an erasure, holds that stand against it, or neither: nothing was left."""

    erased: Erased | None = None
    holds: tuple[StandingHold, ...] = ()


class Whole(NamedTuple):
    """All that goes with a record that is to be erased; ``reasons`` say why it cannot go."""

    targets: Sequence[Target]
    reasons: tuple[str, ...] = ()


def whole_of(
    connection: Connection, context: Context, subject: Subject, line: Sequence[Target]
) -> Whole:
    """What goes with a record, of which ``line`` are the corrections: of a case, all its steps.

    A step alone cannot go, nor a merge that stands, nor a decision on which another one rests. What
    was taken back counts for nothing any more, and may go alone.
    """
    kind, first = line[0].kind, line[0].seq
    query = select(_event.c.seq, _event.c.case_seq).where(
        _event.c.customer_id == subject.key, _event.c.kind == kind
    )
    current = {row.seq: row.case_seq for row in connection.execute(query)}
    case = current.get(first)
    if case is None:
        return Whole(line)
    if case != first and case in current:
        return Whole((), (_part_of_case(words(kind), first, case),))
    if kind is EntryKind.MERGE:
        return Whole((), (f"The merge #{first} stands: unmerge the customer first.",))
    if kind is EntryKind.DECISION:
        found = tuple(_resting(connection, context, subject, EntryRef(subject.uuid, first)))
        if found:
            return Whole((), found)
    return Whole(_case(connection, subject, line))


def _part_of_case(kind: str, step: int, case: int) -> str:
    return (
        f"#{step} belongs to the {kind} #{case}: without it, what is left would say something "
        f"else. Erase #{case}, and all that came of it goes with it."
    )


def _case(connection: Connection, subject: Subject, line: Sequence[Target]) -> list[Target]:
    """The line that opens a case with those of all its steps, taken back ones too."""
    steps = of_kind(connection, subject.key, line[0].kind)
    bodies = bodies_of(connection, [step.id for step in steps])
    found = {target.seq: target for target in line}
    for step in steps:
        if bodies.get(step.id, {}).get(Part.SHARED, {}).get("of") == line[0].seq:
            found |= {target.seq: target for target in line_of(connection, subject.key, step.seq)}
    return [found[seq] for seq in sorted(found)]


def _resting(
    connection: Connection, context: Context, subject: Subject, decision: EntryRef
) -> Iterator[str]:
    """What would hold again, or no more, without a decision: it ended one, or one rests on it."""
    group = DecisionReader(connection, context).group(group_of(connection, subject.key))
    day = date_of_day(context.today())
    gone: Collection[EntryRef] = {e.entry for e in group.events if e.case == decision}
    after = group.state(day, gone)
    for one in group.state(day).decisions:
        if one.made.ref == decision or one.made.kind is DecisionKind.REINSTATEMENT:
            continue
        left = after.get(one.made.ref)
        if left is None or left.phase(day) is not one.phase(day):
            of = "" if one.made.ref.subject == subject.uuid else f"{one.made.ref.subject}"
            yield (
                f"Without #{decision.seq}, the {words(one.made.kind)} {of}#{one.made.ref.seq} "
                "would stand otherwise than it was decided. Erase that one first."
            )


def erase_by_rules(
    journal: Journal,
    context: Context,
    subject: Subject,
    targets: Sequence[Target],
    said: Mapping[str, JsonValue],
    remains: Remains,
    *,
    known: Commits | None = None,
    released: Container[StandingHold] = (),
) -> Ruling:
    """Erase entries of a chain, if the rules allow it; BadInputError for what is never erased.

    ``released`` are holds that stand here and are known to have been released. The rest is as for
    ``erase_targets``. The caller has locked the chain.
    """
    connection = journal.connection
    _refuse_what_stays(connection, subject, targets)
    there = with_payload(connection, targets)
    if not there:
        return Ruling()
    if holds := [h for h in _standing(connection, subject) if h not in released]:
        return Ruling(holds=tuple(holds))
    with overwriting(connection):
        erased = erase_targets(journal, context, subject, there, said, known)
    remains.expect(connection, subject, erased)
    return Ruling(erased)


def _refuse_what_stays(connection: Connection, subject: Subject, targets: Sequence[Target]) -> None:
    first = select(_entry.c.kind).where(_entry.c.subject_id == subject.key, _entry.c.seq == 1)
    if connection.scalar(first) is not EntryKind.CUSTOMER:
        raise BadInputError(
            f"{subject.uuid} is no customer: what the ledger says of itself and of its staff "
            "stays. Nothing was erased."
        )
    for target in targets:
        if target.kind in STAYS:
            raise BadInputError(
                f"{EntryRef(subject.uuid, target.seq)} says that something was erased or refused, "
                "and why: that account stays. Nothing was erased."
            )


def _standing(connection: Connection, subject: Subject) -> list[StandingHold]:
    query = (
        select(_hold.c.seq, _entry.c.recorded_at)
        .join(_entry, _entry.c.id == _hold.c.entry_id)
        .where(_hold.c.customer_id == subject.key)
        .order_by(_hold.c.id)
    )
    return [StandingHold(*row) for row in connection.execute(query)]
