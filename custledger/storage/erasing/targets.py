"""What an erasure looks at: entries of a customer's chain, and the header that each one hashes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Select, select

from custledger.core.records import EntryKind, Part
from custledger.core.trail.chain import Header, genesis
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.tables import EntryRow, PayloadRow

__all__ = [
    "Subject",
    "Target",
    "chain_of",
    "header_of",
    "line_of",
    "numbered",
    "of_kind",
    "with_payload",
]

_entry, _payload = table_of(EntryRow), table_of(PayloadRow)


class Subject(NamedTuple):
    """Whose chain it is: the key inside the database and the uuid outside it."""

    key: int
    uuid: UUID


class Target(NamedTuple):
    """An entry of a chain, as far as an erasure needs it."""

    id: int
    seq: int
    kind: EntryKind
    recorded_at: int
    occurred_at: int | None
    actor_id: int
    supersedes: int | None
    batch_id: int | None
    hash: bytes


def chain_of(connection: Connection, subject: int) -> list[Target]:
    """The subject's chain, oldest first."""
    return _targets(connection, _of(subject).order_by(_entry.c.seq))


def numbered(connection: Connection, subject: int, seqs: Collection[int]) -> dict[int, Target]:
    """Those entries of the subject's chain that have one of these numbers."""
    found: dict[int, Target] = {}
    for portion in portions(sorted(seqs)):
        query = _of(subject).where(_entry.c.seq.in_(portion))
        found.update((target.seq, target) for target in _targets(connection, query))
    return found


def of_kind(connection: Connection, subject: int, kind: EntryKind) -> list[Target]:
    """The entries of a kind in the subject's chain, oldest first."""
    return _targets(connection, _of(subject).where(_entry.c.kind == kind).order_by(_entry.c.seq))


def line_of(connection: Connection, subject: int, seq: int) -> list[Target]:
    """The whole line of corrections of the entry with that number, its void included.

    It is looked for from entry to entry, so that the length of the chain does not matter; nothing
    where there is no such entry.
    """
    line = list(numbered(connection, subject, [seq]).values())
    while line and (older := line[0].supersedes) is not None and older < line[0].seq:
        line = [*numbered(connection, subject, [older]).values(), *line]
        if line[0].seq != older:  # its own number is lost; verify finds that
            break
    while line:
        newer = _targets(connection, _of(subject).where(_entry.c.supersedes == line[-1].seq))
        if not newer or newer[0].seq <= line[-1].seq:
            break
        line += newer
    return line


def with_payload(connection: Connection, targets: Sequence[Target]) -> list[Target]:
    """Those entries of which a payload, or a part of one, is still there."""
    found: set[int] = set()
    for portion in portions([target.id for target in targets]):
        query = select(_payload.c.entry_id).where(_payload.c.entry_id.in_(portion)).distinct()
        found.update(connection.scalars(query))
    return [target for target in targets if target.id in found]


def header_of(
    connection: Connection,
    context: Context,
    subject: Subject,
    target: Target,
    commits: Mapping[Part, bytes],
    erases: tuple[int, ...] = (),
) -> Header:
    """The header that the entry hashes if its parts commit to this."""
    identities, batch = context.identities, target.batch_id
    return Header(
        ledger=str(context.ledger),
        subject=str(subject.uuid),
        seq=target.seq,
        kind=target.kind.value,
        recorded_at=target.recorded_at,
        actor=str(identities.uuid(connection, target.actor_id)),
        prev=_before(connection, context, subject, target.seq),
        commits={part.value: digest for part, digest in commits.items()},
        occurred_at=target.occurred_at,
        supersedes=target.supersedes,
        erases=erases,
        import_batch=None if batch is None else str(identities.uuid(connection, batch)),
    )


def _before(connection: Connection, context: Context, subject: Subject, seq: int) -> bytes:
    if seq == 1:
        return genesis(str(context.ledger), str(subject.uuid))
    query = select(_entry.c.hash).where(_entry.c.subject_id == subject.key, _entry.c.seq == seq - 1)
    return bytes(connection.scalar(query) or b"")


def _of(subject: int) -> Select[Any]:
    columns = (_entry.c[name] for name in Target._fields)
    return select(*columns).where(_entry.c.subject_id == subject)


def _targets(connection: Connection, query: Select[Any]) -> list[Target]:
    return [Target(*row)._replace(hash=bytes(row.hash)) for row in connection.execute(query)]
