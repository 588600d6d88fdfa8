"""Whether a dossier's chain is below its seals, and these below a checkpoint from outside.

A dossier's ``verify.py`` holds this module, so it keeps to what Python 3.9 has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from custledger.core.dossier.content import Dossier, HeadProof
from custledger.core.trail.merkle import check_inclusion, root
from custledger.core.trail.notes import Checkpoint, Note, VerifierKey, published_note
from custledger.core.trail.seals import SealBody, TreeRoot, head_leaf, incarnation_of, origin_of
from custledger.errors import BadInputError

__all__ = ["Problem", "SealCheck"]


class Problem(NamedTuple):
    """Something that is not as it was written; ``seq`` is the number of an entry."""

    code: str
    message: str
    seq: int | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class SealCheck:
    """One check of the seals; what it finds goes to the lists of problems and of doubts.

    ``compared_to`` is the number of seals of the published checkpoint that the dossier continues,
    ``reaches_to`` the last entry that those cover, ``signed`` whether a key signed that was named.
    """

    def __init__(
        self,
        dossier: Dossier,
        checkpoint: str,
        keys: Sequence[VerifierKey],
        problems: list[Problem],
        doubts: list[str],
    ) -> None:
        self.seal: SealBody | None = None
        self.compared_to: int | None = None
        self.reaches_to = 0
        self.signed = False
        self._dossier = dossier
        self._checkpoint = checkpoint
        self._keys = keys
        self._problems = problems
        self._doubts = doubts
        self._covered: list[tuple[int, int]] = []
        self._ends: dict[int, int] = {}

    def all(self, published: str | bytes | None) -> None:
        """Check the seals, and hold them against the text of a published checkpoint."""
        if self._dossier.seal is None:
            self._without_seal()
            return
        self._head()
        self._moves()
        self._heads()
        self._tree()
        signed = self._signed()
        self.compared_to, compared_signed = self._compare(published)
        self.signed = signed and compared_signed
        if self.compared_to is not None:
            self.reaches_to = self._ends[self.compared_to]

    def _find(self, code: str, message: str, seq: int | None = None) -> None:
        self._problems.append(Problem(code, message, seq))

    def _without_seal(self) -> None:
        d = self._dossier
        if d.seals or d.moves or d.heads or d.handovers:
            self._find("seal-wrong", "The dossier names seals, and is in none of them.")
        self._doubts.append(
            "No seal covers this dossier yet, so it was only checked against itself. Ask for a new "
            "one after the next seal."
        )

    def _head(self) -> None:
        """The chain's sealed end is here, and under the root of all ends in the seal."""
        proof = self._dossier.seal
        seal = None if proof is None else self._read_seal(proof)
        if proof is None or seal is None:
            return
        self.seal = seal
        if proof.seq > len(self._dossier.entries):
            self._find(
                "chain-cut",
                f"Entries are missing at the end: seal {seal.n} covers them up to #{proof.seq}.",
            )
        elif not self._is_below(proof, seal.heads):
            self._find(
                "head-wrong",
                f"Entry #{proof.seq} is not the end of this customer's chain in seal {seal.n}: "
                "entries after it were dropped, or one up to it was changed.",
                proof.seq,
            )
        else:
            self._ends[seal.n] = proof.seq

    def _moves(self) -> None:
        """Each move of the chain is in the seal that the list of seals has in that place."""
        d, last = self._dossier, (0, 0)
        for move in d.moves:
            seal = self._read_seal(move)
            if seal is None:
                return
            self._listed(seal)
            if seal.n <= last[0] or move.seq <= last[1]:
                self._find("seal-wrong", f"Seal {seal.n} stands in the wrong place.")
            if move.seq <= len(d.entries) and not self._is_below(move, seal.changes):
                said = f"Entry #{move.seq}, or one before it, is not as seal {seal.n} covered it."
                self._find("head-wrong", said, move.seq)
            self._covered.append((seal.n, move.seq))
            last = seal.n, move.seq
        if d.seal is not None and last[1] != d.seal.seq:
            said = f"No seal is shown that first covered entry #{d.seal.seq}."
            self._find("seal-wrong", said, d.seal.seq)

    def _heads(self) -> None:
        """The chain's end in older seals, as each of these seals has it.

        This is what a published checkpoint is compared with: the moves tell the same, but whoever
        holds the key can leave one out.
        """
        last = (0, 0)
        for head in self._dossier.heads:
            seal = self._read_seal(head)
            if seal is None:
                return
            self._listed(seal)
            if seal.n <= last[0] or head.seq < last[1]:
                self._find("seal-wrong", f"Seal {seal.n} stands in the wrong place.")
            last = seal.n, head.seq
            if head.seq > len(self._dossier.entries):
                said = f"Entries are missing: seal {seal.n} covers them up to #{head.seq}."
                self._find("chain-cut", said)
            elif not self._is_below(head, seal.heads):
                said = f"Entry #{head.seq}, or one before it, is not as seal {seal.n} has it."
                self._find("head-wrong", said, head.seq)
            elif head.seq != self._moved_to(seal.n):
                said = f"No seal is shown that first covered entry #{head.seq}."
                self._find("seal-wrong", said, head.seq)
            else:
                self._ends[seal.n] = head.seq

    def _listed(self, seal: SealBody) -> None:
        listed = self._dossier.seals
        if not 1 <= seal.n <= len(listed) or seal.leaf() != listed[seal.n - 1]:
            self._find("seal-wrong", f"Seal {seal.n} is not among the seals listed.")

    def _moved_to(self, n: int) -> int:
        """The chain's end in a seal, as the moves have it."""
        return max((seq for number, seq in self._covered if number <= n), default=0)

    def _read_seal(self, proof: HeadProof) -> SealBody | None:
        try:
            seal = SealBody.from_bytes(proof.body.encode())
        except BadInputError as error:
            self._find("seal-wrong", f"A seal in the dossier was changed: {error}.")
            return None
        if str(seal.ledger) != self._dossier.ledger:
            self._find("seal-wrong", f"Seal {seal.n} is that of another ledger.")
        return seal

    def _is_below(self, proof: HeadProof, tree: TreeRoot) -> bool:
        """Whether an entry of the dossier, as the chain's end, is a leaf below a root."""
        d = self._dossier
        if not 1 <= proof.seq <= len(d.entries):
            return False
        digest = d.entries[proof.seq - 1].header.hash()
        leaf = head_leaf(UUID(d.subject).bytes, proof.seq, digest)
        return check_inclusion(leaf, proof.position, tree.count, proof.path, tree.root)

    def _tree(self) -> None:
        """The seal is the last leaf under the root that the dossier's own checkpoint names."""
        d, seal = self._dossier, self.seal
        if seal is None:
            return
        if seal.n != len(d.seals) or seal.leaf() != d.seals[-1]:
            self._find("seal-wrong", f"Seal {seal.n} is not the last of the seals listed.")
        own = _parsed(self._checkpoint)
        if own is None:
            self._find("checkpoint-wrong", "The checkpoint in the dossier cannot be read.")
            return
        _, checkpoint = own
        if checkpoint.origin != origin_of(seal.ledger, seal.incarnation):
            self._find("checkpoint-wrong", "The checkpoint in the dossier is of another ledger.")
        if checkpoint.size != len(d.seals) or checkpoint.root != root(d.seals):
            said = "The seals do not give the root that the dossier's checkpoint names."
            self._find("checkpoint-wrong", said)

    def _signed(self) -> bool:
        """Whether a key that was named signed; where none was, the dossier's own must have."""
        found = _parsed(self._checkpoint)
        if found is None:
            return False
        note, _ = found
        stated = [VerifierKey.from_text(key) for key in self._dossier.keys]
        signers = [key for key in stated if note.is_signed_by(key)]
        handed_over = self._handed_over()
        if not self._keys:
            if stated and not signers:
                said = "The signature on the dossier's checkpoint is of no key that it names."
                self._find("signature-wrong", said)
            return False
        signed = self._is_signed(note, "dossier's")
        if signed is False:
            whose = ", ".join(key.to_text() for key in signers) or "a key that it does not name"
            self._doubts.append(
                "The dossier's checkpoint has no signature of a key that you named; it is signed "
                f"by {whose}.{handed_over} If the firm replaced its key, name the new one too, as "
                "the firm published it."
            )
        return bool(signed)

    def _is_signed(self, note: Note, whose: str) -> bool | None:
        """Whether a line of a named key fits; None, and a problem, if one stands there falsely."""
        lines = {(line.name, line.key_id) for line in note.signatures}
        mine = [key for key in self._keys if (key.name, key.id) in lines]
        if all(note.is_signed_by(key) for key in mine):
            return bool(mine)
        said = f"The signature of a key that you named does not fit the {whose} checkpoint."
        self._find("signature-wrong", said)
        return None

    def _handed_over(self) -> str:
        """What the named keys signed when they were replaced, in words.

        A line of another key on the same note shows no more than that its owner has the note, so
        it makes nobody trusted: that is for whoever checks to say.
        """
        size, d = 0, self._dossier
        for text in d.handovers:
            found = _parsed(text)
            life = None if found is None else incarnation_of(found[1].origin, UUID(d.ledger))
            if found is None or life is None:
                self._find("checkpoint-wrong", "A note of a change of keys cannot be read.")
                continue
            note, made = found
            if made.size > len(d.seals) or root(d.seals[: made.size]) != made.root:
                said = f"The note of a change of keys, over {made.size} seals, is of other seals."
                self._find("checkpoint-wrong", said)
            elif any(note.is_signed_by(key) for key in self._keys):
                size = max(size, made.size)
        covered = self._ends.get(size)
        upto = "" if covered is None else f", which cover the entries up to #{covered}"
        return f" A key that you named signed the first {size} seals{upto}." if size else ""

    def _compare(self, published: str | bytes | None) -> tuple[int | None, bool]:
        """Hold the seals against a checkpoint from outside.

        Gives how many seals that one has, if the dossier shows the chain's end in the last of
        them; and whether nothing is against its signature.
        """
        if published is None:
            self._doubts.append(
                "Not compared with a published checkpoint: only the firm's own word says that "
                "these seals are those it published. Give one as the second argument."
            )
            return None, True
        try:
            note, outside = published_note(published)
        except ValueError as error:
            self._doubts.append(f"The published checkpoint that you gave cannot be read. {error}")
            return None, True
        signed = self._is_signed(note, "published") if self._keys else True
        if signed is False:
            self._doubts.append(
                "The published checkpoint has no signature of a key that you named. If the firm "
                "replaced its key, name the one that signed it too, as the firm published it."
            )
        return self._continued(outside), bool(signed)

    def _continued(self, outside: Checkpoint) -> int | None:
        """How many seals a published checkpoint has, if the dossier can be held against it."""
        d, size = self._dossier, outside.size
        life = incarnation_of(outside.origin, UUID(d.ledger))
        if life is None:
            self._find("checkpoint-wrong", "The published checkpoint is that of another ledger.")
            return None
        if size > len(d.seals):
            self._doubts.append(
                f"The published checkpoint is newer (seal {size}) than the dossier (seal "
                f"{len(d.seals)}): entries may have followed. Ask for a new dossier to compare."
            )
            return None
        if root(d.seals[:size]) != outside.root:
            self._find("checkpoint-wrong", self._rewritten(outside, life))
            return None
        if size not in self._ends:
            self._doubts.append(self._not_shown(size))
            return None
        return size

    def _not_shown(self, size: int) -> str:
        if not self._moved_to(size):
            return (
                f"As the dossier has it, the published checkpoint (seal {size}) is older than all "
                "entries of this customer, and says nothing of them. That there were none by then "
                "cannot be shown: give a newer one."
            )
        return (
            f"The dossier does not show where this customer's chain ended in seal {size}, the last "
            "of the published checkpoint: entries of that time could be missing, or be others. "
            "Give a newer checkpoint, or ask the firm for a dossier made for this one (custledger "
            "dossier --checkpoint FILE)."
        )

    def _rewritten(self, outside: Checkpoint, life: int) -> str:
        since = self.seal is not None and self.seal.incarnation > life
        return (
            f"Of the published checkpoint, the {outside.size} seals are others than those in the "
            "dossier: what was sealed then was rewritten, or rolled back."
            f"{' The firm says that it restored a backup since.' if since else ''}"
        )


def _parsed(text: str) -> tuple[Note, Checkpoint] | None:
    try:
        note = Note.from_text(text)
        return note, Checkpoint.from_text(note.text)
    except ValueError:
        return None
