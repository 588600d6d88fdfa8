"""Somebody who has read the source: hashes chains, makes seals anew, and signs with a stolen key.

Three levels, as the design names them. L1 edits rows. L2 also calculates, from the edited rows, all
hashes of chains, then all seals. L3 also has the key, and signs without asking the signer, whose
state would refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from custledger import EntryRef, Ledger, Money
from custledger.core.trail.findings import Finding, FindingCode, VerifyReport
from custledger.core.trail.merkle import root
from custledger.core.trail.notes import Checkpoint, Note, Signature
from custledger.core.trail.seals import SealBody, SealedHead, origin_of, root_of_heads
from custledger.edges.keys import KeyFile, generate_key
from custledger.edges.private_keys import PrivateKey, read_private_key
from custledger.pytest_plugin import Clock
from tests.attacker import ENTRY, PAYLOAD, Attacker, found_in, header_of

__all__ = [
    "Scene",
    "chain",
    "close_gap",
    "delete_customer",
    "delete_entry",
    "hash_chains",
    "make_seals",
    "named",
    "sign_notes",
]

HOUR = timedelta(hours=1)
Named = tuple[FindingCode, EntryRef | None, int | None]
_OF_CUSTOMER = (
    "contact_point",
    "interaction",
    "money",
    "evidence",
    "voided",
    "legal_hold",
    "event",
)


@dataclass
class Scene:
    """A ledger with three seals and nothing unsealed, and its attacker.

    Ann's and Ben's chains are below the first seal, Ann's grows below the second, and Dora's is
    below the third alone.
    """

    ledger: Ledger
    attacker: Attacker
    clock: Clock
    signer: KeyFile
    folder: Path

    def add_a_customer(self) -> None:
        """Dora, with five entries that nothing else refers to."""
        self.clock.advance(HOUR)
        self.ledger.customers.add("Dora")
        for record in (self.ledger.money.record_sale, self.ledger.money.record_refund):
            record("Dora", amount=Money.of("30", "EUR"))
        self.ledger.money.record_concession("Dora", amount=Money.of("4", "EUR"))
        self.ledger.interactions.record("Dora", channel="chat", summary="thanks")

    def seal(self) -> None:
        """Seal what is there, as its owner does."""
        self.clock.advance(HOUR)
        assert self.ledger.trail.seal(self.signer) is not None
        self.clock.advance(HOUR)

    @property
    def published(self) -> list[str]:
        """The checkpoints as somebody outside keeps them: asked for before the attack."""
        return [note.note for note in self.ledger.trail.checkpoints()]

    def report(self, checkpoints: Sequence[str] = ()) -> VerifyReport:
        """What a verifier is told who pinned the key."""
        return self.ledger.verify(keys=[self.signer.key], checkpoints=checkpoints)

    def found(
        self, checkpoints: Sequence[str] = (), *, published: bool = False, keyless: bool = False
    ) -> list[Finding]:
        """What is found beside the missing guards."""
        keys = [] if keyless else [self.signer.key]
        texts = self.published if published else checkpoints
        return found_in(self.ledger, keys=keys, checkpoints=texts)

    def assert_found(
        self, code: FindingCode, ref: EntryRef | None = None, seal: int | None = None
    ) -> None:
        """See that one of the findings has that code, and names that entry and that seal."""
        findings = self.found()
        for finding in findings:
            if (
                finding.code is code
                and ref in (None, finding.entry)
                and seal in (None, finding.seal)
            ):
                return
        raise AssertionError(f"no {code} of {ref}, seal {seal}, among {findings}")

    def assert_stands_only_until_hashed(self, seal: int, published: Sequence[str]) -> None:
        """Climb from an edit (L1) that was found to L2 and L3, and see what finds each.

        ``seal`` is the first that holds what was edited. Rehashed chains are not those that it was
        made over; seals made anew are not those that were signed; and where those are signed too,
        by the right key, only a checkpoint that was published before shows it.
        """
        self.hash_chains()
        self.assert_found(FindingCode.SEALED_ENTRY_MISSING, seal=seal)
        self.assert_stands_only_until_sealed(seal, published)

    def assert_stands_only_until_sealed(self, seal: int, published: Sequence[str]) -> None:
        """The same, of an attack that leaves the chains that are there whole."""
        self.hash_chains()
        make_seals(self.attacker)
        self.assert_only([(FindingCode.SEAL_ALTERED, None, seal)])
        self.assert_stands_only_until_published(seal, published)

    def assert_stands_only_until_published(self, seal: int, published: Sequence[str]) -> None:
        """The same, of seals that are made anew already."""
        sign_notes(self.attacker, self.private)
        self.assert_only([])  # the stated limit: * in the list of attacks
        self.assert_only([], published[: seal - 1])
        for n, text in enumerate(published[seal - 1 :], seal):
            self.assert_only([(FindingCode.REWRITTEN, None, n)], [text])

    def assert_only(self, expected: Sequence[Named], checkpoints: Sequence[str] = ()) -> None:
        """See that these are the findings, and no others."""
        findings = self.found(checkpoints)
        if named(findings) != list(expected):
            raise AssertionError(f"expected {expected}, found {findings}")

    def hash_chains(self) -> None:
        """Give all entries the hashes that fit them, and make the copies from them anew."""
        hash_chains(self.attacker, self.files())
        self.ledger.rebuild()
        self.attacker.drop_guards()

    def files(self) -> dict[str, bytes]:
        """The contents of evidence that lie in files, by name."""
        names = "SELECT blob FROM custledger_payload WHERE blob IS NOT NULL"
        stream = self.ledger.context.blobs.stream
        return {
            name: b"".join(stream(self.ledger.context.read, name))
            for (name,) in self.attacker.run(names)
        }

    @property
    def private(self) -> PrivateKey:
        """The key itself, stolen: what was signed with it is remembered nowhere."""
        return read_private_key(self.folder / "story.key")

    def another_key(self) -> PrivateKey:
        """A key of the same name that somebody made for themselves."""
        generate_key(self.folder / "another.key", "story.example")
        return read_private_key(self.folder / "another.key")

    def entry(self, name: str, seq: int) -> int:
        """The key of an entry of a customer's chain."""
        return chain(self.attacker, self.customer(name))[seq - 1]

    def customer(self, name: str) -> int:
        """The key of a customer."""
        find = "SELECT id FROM custledger_customer WHERE name LIKE ?"
        return int(self.attacker.value(find, f"{name}%"))

    def ref(self, name: str, seq: int) -> EntryRef:
        """The public reference of an entry."""
        return EntryRef(self.attacker.uuid(self.customer(name)), seq)

    def edit_body(self, entry: int, change: Callable[[bytes], bytes]) -> None:
        """Edit the shared payload of an entry."""
        body = bytes(self.attacker.cell(PAYLOAD, "body", (entry, 0)))
        assert change(body) != body
        self.attacker.write(PAYLOAD, "body", (entry, 0), change(body))


def named(findings: Sequence[Finding]) -> list[Named]:
    """Each finding without its words."""
    return [(finding.code, finding.entry, finding.seal) for finding in findings]


def chain(attacker: Attacker, subject: int) -> list[int]:
    """The keys of a chain's entries, in their order."""
    rows = "SELECT id FROM custledger_entry WHERE subject_id = ? ORDER BY seq"
    return [key for (key,) in attacker.run(rows, subject)]


def hash_chains(attacker: Attacker, files: Mapping[str, bytes]) -> None:
    """Give every entry of every chain the hash that fits its row, its payload and its link."""
    for key, old in attacker.run("SELECT id, hash FROM custledger_entry ORDER BY subject_id, seq"):
        new = header_of(attacker, key, files).hash()
        if new != bytes(old):
            attacker.write(ENTRY, "hash", (key,), new)


def make_seals(attacker: Attacker) -> list[SealBody]:
    """Make all seals anew over the chains as they are; each keeps its time.

    An end that is gone moves back to the last entry that is there; one that did not move with a
    seal any more, or has no chain at all, leaves it.
    """
    ends: dict[int, SealedHead] = {}
    made: list[SealBody] = []
    last_key = 0
    for n, data in attacker.run("SELECT n, body FROM custledger_seal ORDER BY n"):
        body = SealBody.from_bytes(bytes(data))
        moved = _moved(attacker, n, ends)
        ends |= moved
        body = replace(
            body,
            n=n,
            prev=made[-1].leaf() if made else b"",
            changes=root_of_heads(sorted(moved.values(), key=_uuid)),
            heads=root_of_heads(sorted(ends.values(), key=_uuid)),
            entries=sum(end.seq for end in ends.values()),
        )
        greatest = "SELECT max(id) FROM custledger_entry WHERE subject_id = ? AND seq <= ?"
        keys = [attacker.value(greatest, key, end.seq) for key, end in moved.items()]
        last_key = max(last_key, *keys, 0)
        values = (body.to_bytes(), last_key, n)
        attacker.run("UPDATE custledger_seal SET body = ?, last_key = ? WHERE n = ?", *values)
        made.append(body)
    return made


def _moved(attacker: Attacker, n: int, ends: dict[int, SealedHead]) -> dict[int, SealedHead]:
    """The ends that moved with a seal, as the chains are now; the rows follow."""
    moved = {}
    here = "n = ? AND subject_id = ?"
    held = "SELECT subject_id, seq FROM custledger_seal_head WHERE n = ? ORDER BY subject_id"
    last = (
        "SELECT seq, hash FROM custledger_entry WHERE subject_id = ? AND seq <= ? "
        "ORDER BY seq DESC LIMIT 1"
    )
    for subject, seq in attacker.run(held, n):
        found = attacker.run(last, subject, seq)
        if not found or (subject in ends and ends[subject].seq >= found[0][0]):
            attacker.run(f"DELETE FROM custledger_seal_head WHERE {here}", n, subject)
            continue
        end = SealedHead(attacker.uuid(subject), found[0][0], bytes(found[0][1]))
        change = f"UPDATE custledger_seal_head SET seq = ?, hash = ? WHERE {here}"
        attacker.run(change, end.seq, end.hash, n, subject)
        moved[subject] = end
    return moved


def sign_notes(attacker: Attacker, key: PrivateKey) -> None:
    """Sign the seals as they are, in place of the notes that were there.

    Where they were published inside the ledger's reach is forgotten.
    """
    leaves: list[bytes] = []
    for n, data in attacker.run("SELECT n, body FROM custledger_seal ORDER BY n"):
        body = SealBody.from_bytes(bytes(data))
        leaves.append(body.leaf())
        text = Checkpoint(origin_of(body.ledger, body.incarnation), n, root(leaves)).to_text()
        line = Signature(key.key.name, key.key.id, key.sign(text.encode()))
        note = Note(text, (line,)).to_text()
        attacker.run("UPDATE custledger_checkpoint SET note = ? WHERE n = ?", note, n)
    attacker.run("DELETE FROM custledger_anchor")


def delete_customer(attacker: Attacker, customer: int, *, identity: bool = False) -> None:
    """Delete a customer from every table, but for the seals."""
    mine = "SELECT id FROM custledger_entry WHERE subject_id = ?"
    for name in ("payload", "erasure"):
        attacker.run(f"DELETE FROM custledger_{name} WHERE entry_id IN ({mine})", customer)
    attacker.run("DELETE FROM custledger_entry WHERE subject_id = ?", customer)
    for name in _OF_CUSTOMER:
        attacker.run(f"DELETE FROM custledger_{name} WHERE customer_id = ?", customer)
    attacker.run("DELETE FROM custledger_customer WHERE id = ?", customer)
    if identity:
        attacker.run("DELETE FROM custledger_identity WHERE id = ?", customer)


def delete_entry(attacker: Attacker, entry: int) -> None:
    """Delete an entry with its payload."""
    attacker.run("DELETE FROM custledger_payload WHERE entry_id = ?", entry)
    attacker.delete(ENTRY, (entry,))


def close_gap(attacker: Attacker, subject: int, seq: int) -> None:
    """Number the entries of a chain behind a gap anew."""
    later = "SELECT id FROM custledger_entry WHERE subject_id = ? AND seq > ? ORDER BY seq"
    for (key,) in attacker.run(later, subject, seq):
        attacker.run("UPDATE custledger_entry SET seq = seq - 1 WHERE id = ?", key)


def _uuid(head: SealedHead) -> bytes:
    return head.subject.bytes
