"""Where one customer's chain is in the seals: the proofs of a dossier, and which seals need one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import groupby, islice
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.dossier.content import HeadProof
from custledger.core.trail.merkle import leaf_hash, node_hash, prove_inclusion, root
from custledger.core.trail.notes import Checkpoint, Note
from custledger.core.trail.seals import (
    Anchored,
    PublishedNote,
    SealedHead,
    head_leaf,
    incarnation_of,
)
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.sealing import checkpoints, sealing
from custledger.storage.tables import IdentityRow, SealHeadRow

__all__ = ["HeadTree", "Sealed", "sealed_chain"]

_head, _identity = table_of(SealHeadRow), table_of(IdentityRow)
_STAMP: Final = "timestamp"
_HEADS: Final = (
    select(_head.c.n, _identity.c.uuid, _head.c.seq, _head.c.hash)
    .join(_identity, _identity.c.id == _head.c.subject_id)
    .execution_options(stream_results=True, yield_per=5_000)
)


class Sealed(NamedTuple):
    """The newest signed seal: a chain's proofs, all leaves, the note and its time stamp.

    ``heads`` are the chain's ends in older seals; ``handovers`` the notes that two keys signed.
    """

    proof: HeadProof
    moves: tuple[HeadProof, ...]
    heads: tuple[HeadProof, ...]
    handovers: tuple[str, ...]
    leaves: tuple[bytes, ...]
    note: str
    stamp: bytes | None


class _Place(NamedTuple):
    """Where a chain's end is among the leaves of a tree, and the way up from there."""

    seq: int
    position: int
    path: tuple[bytes, ...]


def sealed_chain(
    connection: Connection, subject: UUID, proofs: int, published: Sequence[Checkpoint] = ()
) -> Sealed | None:
    """The newest signed seal and the chain's places in the seals; None if none covers it.

    The chain's end is shown in the newest ``proofs`` of the older seals that were signed, in those
    of a change of keys, and in the last seal of each of the ``published`` checkpoints; not in seals
    before the chain began. Raises BadInputError for a checkpoint that these seals do not continue.
    """
    notes = checkpoints.notes(connection)
    newest = checkpoints.newest_note(connection)
    if newest is None:
        return None
    moved = _moved(connection, subject, newest.n)
    if not moved:
        return None
    handovers = [note for note in notes if note.n <= newest.n and _keys_on(note) > 1]
    signed = sorted({note.n for note in notes if note.n < newest.n})
    wanted = {*signed[len(signed) - min(proofs, len(signed)) :], newest.n}
    wanted |= {note.n for note in handovers} | {checkpoint.size for checkpoint in published}
    wanted = {n for n in wanted if moved[0] <= n}
    leaves, bodies = list[bytes](), dict[int, str]()
    for n, body in enumerate(sealing.seal_bodies(connection, newest.n), start=1):
        leaves.append(leaf_hash(body))
        if n in wanted or n in moved:
            bodies[n] = body.decode()
    _refuse_others(connection, leaves, published)
    *heads, proof = [
        _proof(bodies[n], place) for n, place in _ends(connection, subject, sorted(wanted))
    ]
    return Sealed(
        proof,
        tuple(_proof(bodies[n], _change(connection, subject, n)) for n in moved),
        tuple(heads),
        tuple(note.note for note in handovers),
        tuple(leaves),
        newest.note,
        _stamp(newest, checkpoints.anchors(connection)),
    )


class HeadTree:
    """The Merkle tree over the ends of all chains, kept while they move from seal to seal.

    An end that moved costs the way up from it; a new chain costs all that stands right of it, as
    the leaves are sorted by uuid. About 250 bytes of memory a chain.
    """

    def __init__(self, heads: Iterable[SealedHead]) -> None:
        self._subjects: list[bytes] = []
        self._levels: list[list[bytes]] = [[]]
        for head in heads:
            self._subjects.append(head.subject.bytes)
            self._levels[0].append(_leaf(head))
        self._moved: set[int] = set()
        self._new_from = 0

    def move(self, heads: Iterable[SealedHead]) -> None:
        """Take in the ends that moved, and those of new chains."""
        leaves = self._levels[0]
        known = []
        for head in heads:
            place = self.position(head.subject)
            if place < len(leaves) and self._subjects[place] == head.subject.bytes:
                known.append(head)
            else:
                self._subjects.insert(place, head.subject.bytes)
                leaves.insert(place, _leaf(head))
                self._new_from = min(self._new_from, place)
        for head in known:  # now that the places are those to stay
            place = self.position(head.subject)
            leaves[place] = _leaf(head)
            self._moved.add(place)

    def position(self, subject: UUID) -> int:
        """Where a chain's end stands, or would stand, among the leaves."""
        return bisect_left(self._subjects, subject.bytes)

    def path(self, position: int) -> tuple[bytes, ...]:
        """The way from a leaf up to the root, as ``merkle.prove_inclusion`` gives it."""
        self._renew()
        path = []
        for level in self._levels:
            beside = position ^ 1
            if beside < len(level):
                path.append(level[beside])
            position //= 2
        return tuple(path)

    def _renew(self) -> None:
        """Make the nodes above what moved anew, level by level."""
        moved, start = self._moved, self._new_from
        for height, below in enumerate(self._levels, start=1):
            if len(below) <= 1:
                break
            if height == len(self._levels):
                self._levels.append([])
            above, start = self._levels[height], start // 2
            moved = {place // 2 for place in moved}
            for place in moved:
                if place < start:
                    above[place] = _node(below, place)
            left, right = islice(below, 2 * start, None, 2), islice(below, 2 * start + 1, None, 2)
            above[start:] = map(node_hash, left, right)
            if len(below) % 2:
                above.append(below[-1])
        self._moved, self._new_from = set(), len(self._levels[0])


def _ends(
    connection: Connection, subject: UUID, wanted: Sequence[int]
) -> Iterator[tuple[int, _Place]]:
    """The chain's end in each of the seals, which rise: the tree is read once and then moved on."""
    seq = 0

    def watched(heads: Iterable[SealedHead]) -> Iterator[SealedHead]:
        nonlocal seq
        for head in heads:
            seq = head.seq if head.subject == subject else seq
            yield head

    tree = HeadTree(watched(sealing.heads_as_of(connection, wanted[0])))
    query = _HEADS.where(_head.c.n > wanted[0], _head.c.n <= wanted[-1]).order_by(_head.c.n)
    ahead = list(wanted)
    for n, rows in groupby(connection.execute(query), key=lambda row: row.n):
        while ahead and ahead[0] < n:
            place = tree.position(subject)
            yield ahead.pop(0), _Place(seq, place, tree.path(place))
        tree.move(watched(SealedHead(uuid, s, bytes(digest)) for _, uuid, s, digest in rows))
    for n in ahead:
        place = tree.position(subject)
        yield n, _Place(seq, place, tree.path(place))


def _change(connection: Connection, subject: UUID, n: int) -> _Place:
    """The chain's end among those that moved since the seal before, as seal ``n`` has them."""
    leaves, position, end = list[bytes](), 0, 0
    query = _HEADS.where(_head.c.n == n).order_by(_identity.c.uuid)
    for _, uuid, seq, digest in connection.execute(query):
        if uuid == subject:
            position, end = len(leaves), seq
        leaves.append(head_leaf(uuid.bytes, seq, bytes(digest)))
    return _Place(end, position, tuple(prove_inclusion(leaves, position)))


def _moved(connection: Connection, subject: UUID, n: int) -> list[int]:
    """The seals up to ``n`` in which the chain moved."""
    query = (
        select(_head.c.n)
        .join(_identity, _identity.c.id == _head.c.subject_id)
        .where(_identity.c.uuid == subject, _head.c.n <= n)
    )
    return list(connection.scalars(query.order_by(_head.c.n)))


def _proof(body: str, place: _Place) -> HeadProof:
    return HeadProof(body, place.seq, place.position, place.path)


def _refuse_others(
    connection: Connection, leaves: Sequence[bytes], published: Sequence[Checkpoint]
) -> None:
    """No dossier is made for a checkpoint against which it would not hold."""
    if not published:
        return
    seal = sealing.newest_seal(connection)
    for checkpoint in published:
        size = checkpoint.size
        if seal is None or incarnation_of(checkpoint.origin, seal.ledger) is None:
            raise BadInputError(
                f"The checkpoint is of {checkpoint.origin}, which is another ledger. No dossier "
                "was written."
            )
        if size > len(leaves):
            raise BadInputError(
                f"The checkpoint is over {size} seals, and the newest that is signed here is seal "
                f"{len(leaves)}. No dossier was written; run custledger verify with it."
            )
        if root(leaves[:size]) != checkpoint.root:
            raise BadInputError(
                f"The checkpoint names other seals (1 to {size}) than are here. No dossier was "
                "written; run custledger verify with it."
            )


def _stamp(newest: PublishedNote, anchors: Iterable[Anchored]) -> bytes | None:
    """The newest time stamp of this very note: after a change of keys, a seal has several."""
    digest = sha256(newest.note.encode()).digest()
    found = [a.token for a in anchors if (a.n, a.kind) == (newest.n, _STAMP) and digest in a.token]
    return found[-1] if found else None


def _keys_on(published: PublishedNote) -> int:
    try:
        note = Note.from_text(published.note)
    except ValueError:  # damaged, and `verify` says so
        return 0
    return len({(line.name, line.key_id) for line in note.signatures})


def _leaf(head: SealedHead) -> bytes:
    return head_leaf(head.subject.bytes, head.seq, head.hash)


def _node(below: Sequence[bytes], place: int) -> bytes:
    pair = below[2 * place : 2 * place + 2]
    return node_hash(*pair) if len(pair) == 2 else pair[0]
