"""Dossiers made by the core alone, for tests: a chain, its seals, a key, and forgers of them."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID
from zlib import compress, crc32

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custledger.core.canonical import canonical_bytes
from custledger.core.dossier.check import CHECKPOINT, DOSSIER, PAGE, VERIFIER, CheckedDossier, check
from custledger.core.dossier.content import (
    ERASED,
    OWNER,
    WITHHELD,
    Clock,
    Dossier,
    DossierEntry,
    DossierPart,
    HeadProof,
    Period,
    Person,
)
from custledger.core.dossier.page import PAGE_VERSION, render
from custledger.core.dossier.story import body_of
from custledger.core.dossier.words import evidence_name
from custledger.core.dossier.zip import Member, ZipReader, directory, local_header
from custledger.core.trail.chain import Header, commitment, genesis
from custledger.core.trail.merkle import prove_inclusion, root
from custledger.core.trail.notes import Checkpoint, Note, Signature, VerifierKey
from custledger.core.trail.seals import (
    SealBody,
    SealedHead,
    head_leaf,
    origin_of,
    root_of_heads,
)
from custledger.errors import BadInputError

__all__ = [
    "DAY",
    "EVER",
    "START",
    "Firm",
    "Members",
    "codes",
    "forged",
    "judged",
    "judged_zip",
    "png",
    "story",
    "zipped",
]

LEDGER = UUID(int=0xF1)
SUBJECT = UUID(int=0xC1)
OLGA, BEN = UUID(int=0xA1), UUID(int=0xA2)
START = 1_772_442_000_000_000
"""2 March 2026, 09:00 UTC."""
DAY = 86_400_000_000
EVER = Period()
_SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

Members = dict[str, bytes]


def png(width: int = 1, height: int = 1) -> bytes:
    """A grey picture."""
    rows = (b"\0" + b"\x90" * width) * height
    size = struct.pack(">2L5B", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">L", len(data)) + kind + data + struct.pack(">L", crc32(kind + data))
        for kind, data in chunks
    )


@dataclass
class Firm:
    """A ledger with one customer of interest and some others, which is sealed now and then."""

    entries: list[DossierEntry] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    seals: list[SealBody] = field(default_factory=list)
    heads: list[list[SealedHead]] = field(default_factory=list)
    changes: list[list[SealedHead]] = field(default_factory=list)
    others: int = 5
    moment: int = START

    @cached_property
    def key(self) -> VerifierKey:
        return VerifierKey("bakery.example", _SECRET.public_key().public_bytes_raw())

    def add(
        self,
        kind: str,
        body: Mapping[str, Any],
        *,
        note: str = "",
        content: bytes | None = None,
        occurred_at: int | None = None,
        supersedes: int | None = None,
    ) -> int:
        """Append an entry; returns its number."""
        seq = len(self.entries) + 1
        self.moment += DAY
        parts = {"shared": DossierPart(_salt(seq, "shared"), canonical_bytes(body).decode())}
        if note:
            text = canonical_bytes({"staff_note": note}).decode()
            parts["staff"] = DossierPart(_salt(seq, "staff"), text)
        commits = {name: commitment(p.salt, p.text.encode()) for name, p in parts.items()}
        if content is not None:
            name = evidence_name(len(self.files) + 1, body.get("media_type"))
            self.files[name] = content
            parts["content"] = DossierPart(_salt(seq, "content"), file=name)
            commits["content"] = commitment(_salt(seq, "content"), content)
        prev = self.entries[-1].hash if self.entries else genesis(str(LEDGER), str(SUBJECT))
        header = Header(
            ledger=str(LEDGER),
            subject=str(SUBJECT),
            seq=seq,
            kind=kind,
            recorded_at=self.moment,
            actor=str(OLGA),
            prev=prev,
            commits=commits,
            occurred_at=occurred_at,
            supersedes=supersedes,
            erases=tuple(body.get("erases", ())) if kind == "erasure" else (),
        )
        self.entries.append(DossierEntry(header, header.hash(), parts))
        return seq

    def erase(self, *seqs: int) -> int:
        """Erase all that entries say (not their files), and say so."""
        for seq in seqs:
            entry = self.entries[seq - 1]
            parts = {name: DossierPart(absent=ERASED) for name in entry.parts}
            self.entries[seq - 1] = entry._replace(parts=parts)
        return self.add("erasure", {"erases": list(seqs), "ground": "asked_for_it"})

    def seal(self) -> SealBody:
        """Seal the chain as it is, among the others."""
        last = self.entries[-1]
        others = [SUBJECT.int + n for n in range(-2, self.others - 2) if n]
        heads = [
            SealedHead(SUBJECT, last.header.seq, last.hash),
            *(SealedHead(UUID(int=n), n, hashlib.sha256(bytes([n])).digest()) for n in others),
        ]
        heads.sort(key=lambda head: head.subject.bytes)
        changes = heads[1:4]  # the customer's among them
        seal = SealBody(
            ledger=LEDGER,
            n=len(self.seals) + 1,
            sealed_at=self.moment + 1,
            prev=self.seals[-1].leaf() if self.seals else b"",
            heads=root_of_heads(heads),
            changes=root_of_heads(changes),
            entries=len(self.entries),
        )
        self.seals.append(seal)
        self.heads.append(heads)
        self.changes.append(changes)
        return seal

    def checkpoint(self, n: int | None = None) -> str:
        """The signed note over the first ``n`` seals."""
        leaves = [seal.leaf() for seal in self.seals[:n]]
        text = Checkpoint(origin_of(LEDGER), len(leaves), root(leaves)).to_text()
        signature = Signature(self.key.name, self.key.id, _SECRET.sign(text.encode()))
        return Note(text, (signature,)).to_text()

    def proof(self, n: int | None = None) -> HeadProof | None:
        """The way of the chain's end up to the newest seal, or to the one with that number."""
        n = n or len(self.seals)
        return _proof(self.seals[n - 1], self.heads[n - 1]) if n else None

    def moves(self) -> tuple[HeadProof, ...]:
        """The ways of the chain's ends up to the changes of the seals."""
        return tuple(map(_proof, self.seals, self.changes))

    def older_heads(self) -> tuple[HeadProof, ...]:
        """The ways of the chain's ends up to the heads of all seals but the newest."""
        return tuple(map(_proof, self.seals[:-1], self.heads[:-1]))

    def dossier(
        self,
        audience: str = OWNER,
        period: Period = EVER,
        withheld: frozenset[str] = frozenset(),
    ) -> Dossier:
        """The dossier; ``withheld`` names parts that are left out, such as staff."""
        entries = tuple(
            e._replace(
                parts={
                    name: DossierPart(absent=WITHHELD) if name in withheld else part
                    for name, part in e.parts.items()
                }
            )
            for e in self.entries
        )
        return Dossier(
            ledger=str(LEDGER),
            subject=str(SUBJECT),
            audience=audience,
            made_at=self.moment + DAY,
            page=PAGE_VERSION,
            entries=entries,
            seals=tuple(seal.leaf() for seal in self.seals),
            seal=self.proof(),
            moves=self.moves(),
            heads=self.older_heads(),
            period=period,
            clock=Clock("Europe/Paris", ((START, 60),)),
            people=tuple(_people(entries)),
            keys=(self.key.to_text(),),
        )

    def members(self, dossier: Dossier | None = None) -> Members:
        """What is in the zip, in its order."""
        dossier = dossier or self.dossier()
        note = self.checkpoint() if self.seals else ""
        named = dossier.files()
        members = {name: data for name, data in self.files.items() if name in named}
        members[DOSSIER] = dossier.to_bytes()
        if note:
            members[CHECKPOINT] = note.encode()
        page = "".join(render(dossier, note, lambda name: [self.files[name]]))
        members[PAGE] = page.encode()
        members[VERIFIER] = b"# the program\n"
        return members


def forged(members: Members, change: Callable[[dict[str, Any]], None]) -> Members:
    """Change dossier.json as a clever forger does: all that can be made to fit again is."""
    document = json.loads(members[DOSSIER])
    change(document)
    data = canonical_bytes(document)
    result = {**members, DOSSIER: data}
    try:
        dossier = Dossier.from_bytes(data)
        note = result.get(CHECKPOINT, b"").decode()
        page = "".join(render(dossier, note, lambda name: [result[name]]))
    except (BadInputError, KeyError):
        return result
    return {**result, PAGE: page.encode()}


def zipped(members: Mapping[str, bytes]) -> bytes:
    """The zip that holds the members, in their order."""
    return b"".join(_pieces(members))


def judged(
    members: Mapping[str, bytes],
    published: str | None = None,
    keys: tuple[VerifierKey, ...] = (),
) -> CheckedDossier:
    """What a check of the members says."""
    return check(list(members), lambda name: [members[name]], published, keys)


def story() -> Firm:
    """A customer with a correction, a void, an erasure, evidence, two seals, an unsealed tail."""
    made = Firm()
    made.add("customer", {"name": "Ann Müller", "joined_day": 20_000}, note="prefers mornings")
    call = made.add(
        "interaction",
        {
            "channel": "phone",
            "purpose": "complaint",
            "seconds": 1500,
            "summary": "One leg wobbles.",
        },
        note="upset, but fair",
        occurred_at=START - 3 * DAY,
    )
    made.add("evidence", {"interaction": call, "media_type": "image/png"}, content=png())
    made.add("evidence", {"interaction": call, "media_type": "text/plain"}, content=b"<b>4 legs")
    made.seal()
    made.add(
        "interaction",
        {"channel": "phone", "staff": str(BEN), "fault": "ours", "reason": "drilling"},
        supersedes=call,
        occurred_at=START - 3 * DAY,
    )
    spam = made.add("interaction", {"channel": "email", "words": "Another person's secret"})
    made.add("void", {"reason": "another customer"}, supersedes=spam)
    made.erase(spam)
    made.add("refund", {"amount": [6000, "EUR"], "summary": "for the trouble"})
    made.seal()
    made.add("interaction", {"channel": "chat", "summary": "orders a bench"})
    return made


def codes(members: Members, published: str | None = None) -> set[str]:
    """The codes of what a check of the members finds."""
    return {problem.code for problem in judged(members, published).problems}


def judged_zip(data: bytes, published: str | None = None) -> CheckedDossier | None:
    """What a check of a whole zip says; None for one that is not written as it should be."""
    try:
        reader = ZipReader(lambda place, size: data[place : place + size], len(data))
        for name in reader.members:
            for _ in reader.chunks(name):
                pass
    except BadInputError:
        return None
    return check(list(reader.members), reader.chunks, published)


def _people(entries: Iterable[DossierEntry]) -> Iterator[tuple[str, Person]]:
    yield str(OLGA), Person("Olga", "owner")
    if any(body_of(entry).get("staff") for entry in entries):
        yield str(BEN), Person("Ben Ardo", "agent")


def _proof(seal: SealBody, heads: list[SealedHead]) -> HeadProof:
    [place] = [i for i, head in enumerate(heads) if head.subject == SUBJECT]
    leaves = [head_leaf(h.subject.bytes, h.seq, h.hash) for h in heads]
    path = tuple(prove_inclusion(leaves, place))
    return HeadProof(seal.to_bytes().decode(), heads[place].seq, place, path)


def _pieces(members: Mapping[str, bytes]) -> Iterator[bytes]:
    listed, offset = [], 0
    for name, data in members.items():
        member = Member(name, len(data), crc32(data), offset)
        header = local_header(member)
        listed.append(member)
        offset += len(header) + len(data)
        yield header + data
    yield directory(listed)


def _salt(seq: int, part: str) -> bytes:
    return hashlib.sha256(f"{seq} {part}".encode()).digest()
