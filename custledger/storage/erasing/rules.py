"""The rules of erasure: what may go, and what stands against it; nothing is erased past them.

Only customers' chains are erased from, never the account of what was erased or refused, and nothing
while a legal hold stands.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from custledger.core.canonical import JsonValue
from custledger.core.privacy.erasure import STAYS
from custledger.core.records import EntryKind, EntryRef
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.erasing.commitments import Commits
from custledger.storage.erasing.erasing import Erased, erase_targets
from custledger.storage.erasing.purging import Remains, overwriting
from custledger.storage.erasing.targets import Subject, Target, with_payload
from custledger.storage.journal import Journal
from custledger.storage.tables import EntryRow, LegalHoldRow

__all__ = ["Ruling", "StandingHold", "erase_by_rules"]

_entry, _hold = table_of(EntryRow), table_of(LegalHoldRow)


class StandingHold(NamedTuple):
    """A legal hold that was not released; ``recorded_at`` is in microseconds since 1970 UTC."""

    seq: int
    recorded_at: int


class Ruling(NamedTuple):
    """What came of it: an erasure, holds that stand against it, or neither: nothing was left."""

    erased: Erased | None = None
    holds: tuple[StandingHold, ...] = ()


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
