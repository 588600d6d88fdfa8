"""Seals checked: numbers, links, lives of the ledger, and the roots over the ends of chains.

The leaf of a seal is taken from the seal after it, which names it, where the two differ: so one
edited seal gives one finding, and the checkpoints over later seals can still be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CHAR, Connection, Select, func, literal, select, type_coerce

from custledger.core.canonical import parse_canonical
from custledger.core.trail.findings import Finding, FindingCode
from custledger.core.trail.growing import GrowingTree
from custledger.core.trail.merkle import leaf_hash
from custledger.core.trail.seals import SealBody, TreeRoot, head_leaf
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.tables import EntryRow, IdentityRow
from custledger.storage.truth_tables import AnchorRow, CheckpointRow, SealHeadRow, SealRow
from custledger.storage.verifying.chain_facts import Tally

__all__ = ["Seals", "check_counts", "check_roots", "read_seals", "starts_well"]

Find = Callable[[Finding], None]
_seal, _head, _identity = table_of(SealRow), table_of(SealHeadRow), table_of(IdentityRow)
_entry = table_of(EntryRow)
_OF_SEALS = (table_of(CheckpointRow), table_of(AnchorRow))
_ROWS = 10_000


class Seals(NamedTuple):
    """The seals 1 to ``size``, as far as they can be read, and the root over the first ones.

    ``bodies[n - 1]`` and ``last_keys[n - 1]`` are None where seal n is missing or unreadable;
    ``roots[n]`` is the root over the seals 1 to n.
    """

    ledger: UUID
    bodies: list[SealBody | None]
    last_keys: list[int | None]
    roots: list[bytes]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.bodies)

    def body(self, n: int) -> SealBody | None:
        """Seal n, if it can be read."""
        return self.bodies[n - 1] if 0 < n <= self.size else None

    def up_to_life(self, incarnation: int) -> int:
        """How many seals were made up to and with a life of the ledger."""
        known = [body.n for body in self.bodies if body and body.incarnation <= incarnation]
        return max(known, default=0)


def read_seals(connection: Connection, ledger: UUID, find: Find) -> Seals:
    """Read all seals and check each against the one before."""
    stored: dict[int, tuple[bytes, object]] = {}
    for n, body, last_key in connection.execute(select(_seal.c.n, _seal.c.body, _seal.c.last_key)):
        if isinstance(n, int) and n > 0:
            stored[n] = (bytes(body) if isinstance(body, bytes) else b"", last_key)
        else:
            find(Finding(FindingCode.SEAL_ALTERED, f"a seal with the number {n!r}"))
    size = _size(stored, find)
    bodies = [_body(stored[n][0]) if n in stored else None for n in range(1, size + 1)]
    keys = [stored[n][1] if n in stored else None for n in range(1, size + 1)]
    tree, roots = GrowingTree(), [GrowingTree().root()]
    for n in range(1, size + 1):
        after = _stated(stored[n + 1][0]) if n + 1 in stored else None
        own = leaf_hash(stored[n][0]) if n in stored else None
        if n in stored:
            wrong = _wrong(ledger, n, bodies[n - 1], bodies[n - 2] if n > 1 else None)
            if wrong is None and after is not None and after != own:
                wrong = f"it is not the one that seal {n + 1} names"
            if wrong is None and not isinstance(keys[n - 1], int):
                wrong = "its last key is no number"
            if wrong is not None:
                find(Finding(FindingCode.SEAL_ALTERED, f"the seal was changed: {wrong}", seal=n))
        tree.add(after or own or bytes(32))
        roots.append(tree.root())
    return Seals(ledger, bodies, [k if isinstance(k, int) else None for k in keys], roots)


def _size(stored: dict[int, Any], find: Find) -> int:
    """The number of the newest seal; what is missing below it is found, a range at a time."""
    last = 0
    for n in sorted(stored):
        if n != last + 1:
            _missing(last + 1, n - 1, find)
        if n - last > len(stored) + 1_000_000:  # an edited number: nobody has that many seals
            break
        last = n
    return last


def _missing(first: int, last: int, find: Find) -> None:
    said = f"seal {first} is missing" if first == last else f"seals {first} to {last} are missing"
    find(Finding(FindingCode.SEAL_MISSING, said, seal=first))


def _body(data: bytes) -> SealBody | None:
    try:
        return SealBody.from_bytes(data)
    except BadInputError:
        return None


def _stated(data: bytes) -> bytes | None:
    """The leaf of the seal before, as a seal names it."""
    try:
        leaf = bytes.fromhex(str(parse_canonical(data).get("prev", "")))
    except (BadInputError, ValueError):
        return None
    return leaf if len(leaf) == len(leaf_hash(b"")) else None


def _wrong(ledger: UUID, n: int, body: SealBody | None, before: SealBody | None) -> str | None:
    if body is None:
        return "it cannot be read"
    if body.n != n:
        return f"it says that it is seal {body.n}"
    if body.ledger != ledger:
        return f"it is of the ledger {body.ledger}"
    if n == 1 and body.prev:
        return "the first seal names one before it"
    if (body.cites is None) != (body.incarnation == 1) or body.incarnation < 1:
        return "a ledger that was restored cites the last checkpoint from before, and no other does"
    if before is None:
        return None
    if body.sealed_at < before.sealed_at and body.prev == before.leaf():
        return "it says that it was made before the seal before"
    if body.incarnation < before.incarnation:
        return "it is of an earlier life of the ledger than the seal before"
    if body.incarnation == before.incarnation and body.cites != before.cites:
        return "it cites another checkpoint than the seal before"
    return None


def check_roots(connection: Connection, seals: Seals, since: int, find: Find) -> None:
    """Compute the roots over the ends of chains anew: what moved with each seal, then all ends.

    Only of seals beyond ``since``; the root over all ends only where that is 0.
    """
    sound = True
    seen = since
    for n, tree in _trees(connection, _moved(since)):
        if not (isinstance(n, int) and 0 < n <= seals.size):
            said = f"there are ends of chains that seal {n} holds, and no such seal"
            find(Finding(FindingCode.SEAL_MISSING, said, seal=n if isinstance(n, int) else None))
            continue
        for empty in range(seen + 1, n):
            sound &= _same(seals, empty, TreeRoot(0, GrowingTree().root()), find)
        sound &= _same(seals, n, tree, find)
        seen = n
    for empty in range(seen + 1, seals.size + 1):
        sound &= _same(seals, empty, TreeRoot(0, GrowingTree().root()), find)
    newest = seals.body(seals.size)
    if sound and not since and newest is not None:
        heads = _heads(connection, newest.n)
        if heads != newest.heads:
            said = (
                f"of the ends of all chains, seal {newest.n} holds {newest.heads.count} under a "
                f"root, and those that are here ({heads.count}) have another"
            )
            find(Finding(FindingCode.SEAL_ALTERED, said, seal=newest.n))
    for table in _OF_SEALS:
        for (n,) in connection.execute(select(table.c.n).distinct().order_by(table.c.n)):
            if not (isinstance(n, int) and 0 < n <= seals.size):
                said = f"there is a row of {table.name} for seal {n}, and no such seal"
                code = FindingCode.SEAL_MISSING
                find(Finding(code, said, seal=n if isinstance(n, int) else None))


def starts_well(connection: Connection, seals: Seals, since: int, find: Find) -> bool:
    """Whether it is clear where what a seal holds ends, so that a check can begin after it.

    The ends of all chains must be those under the seal's root, and the key beside it, which is in
    no hash, must be that of its last entry.
    """
    body, last_key = seals.body(since), seals.last_keys[since - 1]
    if body is None or last_key is None:
        return False  # found already
    wrong = None
    if _heads(connection, since) != body.heads:
        wrong = "the ends of chains that are kept for the seal are not those that it was made over"
    elif connection.execute(_beyond(since, last_key)).first() is not None:
        wrong = f"{last_key}, which stands beside the seal, is not the key of its last entry"
    if wrong is None:
        return True
    find(Finding(FindingCode.SEAL_ALTERED, f"{wrong}, so everything was checked", seal=since))
    return False


def _heads(connection: Connection, n: int) -> TreeRoot:
    """The root over the ends of all chains as kept for seal n."""
    nothing = (None, TreeRoot(0, GrowingTree().root()))
    return next(_trees(connection, _all_ends(n)), nothing)[1]


def _beyond(since: int, last_key: int) -> Select[Any]:
    """Chains whose last entry up to a key is not the end that the seal holds."""
    held = (
        select(_head.c.subject_id, func.max(_head.c.seq).label("seq"))
        .where(_head.c.n <= since)
        .group_by(_head.c.subject_id)
        .subquery()
    )
    there = (
        select(_entry.c.subject_id, func.max(_entry.c.seq).label("seq"))
        .where(_entry.c.id <= last_key)
        .group_by(_entry.c.subject_id)
        .subquery()
    )
    return (
        select(there.c.subject_id)
        .outerjoin(held, held.c.subject_id == there.c.subject_id)
        .where(held.c.seq.is_(None) | (held.c.seq != there.c.seq))
        .limit(1)
    )


def _same(seals: Seals, n: int, found: TreeRoot, find: Find) -> bool:
    body = seals.body(n)
    if body is None or body.changes == found:
        return body is not None
    said = "the ends of chains that moved until the seal are not those that it was made over"
    find(Finding(FindingCode.SEAL_ALTERED, said, seal=n))
    return False


def _trees(connection: Connection, query: Select[Any]) -> Iterator[tuple[object, TreeRoot]]:
    """(Number, root) of the ends that a query gives, number by number, in the order of uuids."""
    tree, last, begun = GrowingTree(), None, False
    options = {"yield_per": _ROWS}
    for n, name, seq, digest in connection.execute(query, execution_options=options):
        if begun and n != last:
            yield last, TreeRoot(tree.count, tree.root())
            tree = GrowingTree()
        last, begun = n, True
        tree.add(_leaf(name, seq, digest))
    if begun:
        yield last, TreeRoot(tree.count, tree.root())


def _leaf(name: Any, seq: Any, digest: Any) -> bytes:
    try:
        uuid: bytes = bytes.fromhex(name) if isinstance(name, str) else name.bytes
        return head_leaf(uuid, seq, digest)
    except (AttributeError, TypeError, ValueError, OverflowError):
        return bytes(32)  # an edited cell, or an identity that is gone


_NAME = type_coerce(_identity.c.uuid, CHAR(32))  # as it is stored: to make UUIDs takes longer


def _moved(since: int) -> Select[Any]:
    query = select(_head.c.n, _NAME, _head.c.seq, _head.c.hash).outerjoin(
        _identity, _identity.c.id == _head.c.subject_id
    )
    return query.where(_head.c.n > since).order_by(_head.c.n, _identity.c.uuid)


def _all_ends(n: int) -> Select[Any]:
    newest = (
        select(_head.c.subject_id, func.max(_head.c.n).label("n"))
        .where(_head.c.n <= n)
        .group_by(_head.c.subject_id)
        .subquery()
    )
    return (
        select(literal(0), _NAME, _head.c.seq, _head.c.hash)
        .select_from(newest)
        .join(_head, (_head.c.subject_id == newest.c.subject_id) & (_head.c.n == newest.c.n))
        .outerjoin(_identity, _identity.c.id == _head.c.subject_id)
        .order_by(_identity.c.uuid)
    )


def check_counts(seals: Seals, since: int, tally: Tally, find: Find) -> None:
    """Compare what seals say of the entries below them with the entries that were counted.

    Only where the chains are whole: else these findings would be about the same fault.
    """
    before = seals.body(since)
    entries = 0 if before is None else before.entries
    for n in range(since + 1, seals.size + 1):
        entries += tally.first_sealed[n]
        body, key = seals.body(n), seals.last_keys[n - 1]
        if body is not None and body.entries != entries:
            said = f"the seal says that {body.entries} entries are below it; there are {entries}"
            find(Finding(FindingCode.SEAL_ALTERED, said, seal=n))
        greatest = tally.greatest.get(n)
        later = [tally.least[m] for m in (0, n + 1) if m in tally.least]
        if key is not None and (
            (greatest is not None and greatest != key) or any(least <= key for least in later)
        ):
            said = f"{key}, which stands beside the seal, is not the key of its last entry"
            find(Finding(FindingCode.SEAL_ALTERED, said, seal=n))
