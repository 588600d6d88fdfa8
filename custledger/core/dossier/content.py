"""The dossier of one customer: the exact bytes of a chain, and the way up to a published root.

``dossier.json`` is canonical JSON (RFC 8785) of::

    {"audience", "entries", "handovers", "heads", "keys", "ledger", "made_at", "moves", "page",
     "people", "period", "seal", "seals", "subject", "v", "zone"}
    entry = {"hash", "header", "parts": {name: part}}     header: the exact text that is hashed
    part  = {"salt", "text"} | {"file", "salt"} | {"absent": "withheld" | "erased"}
    seals = the leaf hashes of the seals 1 to n, so that any older checkpoint can be compared
    seal  = {"body", "index", "path", "seq"} or null      the chain's end among the heads of seal n
    moves = [{"body", "index", "path", "seq"}, ...]       its ends among the changes of each seal
                                                          in which it moved, oldest first
    heads = [{"body", "index", "path", "seq"}, ...]       its ends among the heads of older seals,
                                                          those that were published, oldest first
    handovers = the notes that two keys signed, when the firm replaced one by the other

``seal`` shows that nothing after the last entry that seal n covers was left out, and ``heads`` the
same of older seals: a published checkpoint over the seals 1 to m can be compared with a dossier
that has the chain's end in seal m. Without it, whoever holds the key could drop published entries,
or write them anew below a newer seal. ``moves`` say which seal first covered an entry; nothing
shows that they are all there, so they are not enough.

Every committed part of every entry is there, or it is said that it is not. A dossier's
``verify.py`` holds this module, so it keeps to what Python 3.9 has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from custledger.core.canonical import JsonValue, canonical_bytes, parse_canonical
from custledger.core.trail.chain import SALT_BYTES, TRAIL_VERSION, Header
from custledger.core.trail.notes import VerifierKey
from custledger.errors import BadInputError

__all__ = [
    "AUDIENCES",
    "CUSTOMER",
    "ERASED",
    "OWNER",
    "THIRD_PARTY",
    "WITHHELD",
    "Clock",
    "Dossier",
    "DossierEntry",
    "DossierPart",
    "HeadProof",
    "Period",
    "Person",
    "header_from",
]

OWNER: Final = "owner"
CUSTOMER: Final = "customer"
THIRD_PARTY: Final = "third-party"
AUDIENCES: Final = (OWNER, CUSTOMER, THIRD_PARTY)
WITHHELD: Final = "withheld"
ERASED: Final = "erased"

_FORMAT: Final = 1
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class DossierPart(NamedTuple):
    """A part of a payload: its salt with its exact text or its file, or why it is not here."""

    salt: bytes = b""
    text: str = ""
    file: str = ""
    absent: str = ""


class DossierEntry(NamedTuple):
    """An entry: its header, its hash, and its parts by name."""

    header: Header
    hash: bytes
    parts: Mapping[str, DossierPart]


class HeadProof(NamedTuple):
    """A seal's exact text, and the way from entry ``seq`` as a chain's end up to a root in it."""

    body: str
    seq: int
    position: int
    path: tuple[bytes, ...]


class Person(NamedTuple):
    """Who an actor is, as the firm states; ``name`` is empty where only the role is told."""

    name: str
    role: str


class Period(NamedTuple):
    """From a moment on, and until before another: microseconds since 1970 UTC, None is open."""

    start: int | None = None
    end: int | None = None

    def has(self, moment: int) -> bool:
        """Whether a moment lies in it."""
        return (self.start is None or self.start <= moment) and (
            self.end is None or moment < self.end
        )


class Clock(NamedTuple):
    """The firm's time zone: its name, and from which moment its clocks are how far ahead of UTC.

    The offsets are stated, not proved; a page shows each with its time, so that no time is
    mistaken.
    """

    name: str = "UTC"
    offsets: tuple[tuple[int, int], ...] = ()

    def offset(self, moment: int) -> int:
        """Minutes ahead of UTC at a moment."""
        found = 0
        for number, (start, minutes) in enumerate(self.offsets):
            if number == 0 or start <= moment:
                found = minutes
        return found


class Dossier(NamedTuple):
    """What ``dossier.json`` holds; moments are microseconds since 1970 UTC."""

    ledger: str
    subject: str
    audience: str
    made_at: int
    page: int
    entries: tuple[DossierEntry, ...]
    seals: tuple[bytes, ...] = ()
    seal: HeadProof | None = None
    moves: tuple[HeadProof, ...] = ()
    heads: tuple[HeadProof, ...] = ()
    handovers: tuple[str, ...] = ()
    period: Period = Period()
    clock: Clock = Clock()
    people: tuple[tuple[str, Person], ...] = ()
    keys: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The exact bytes of ``dossier.json``."""
        return canonical_bytes(_document(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Dossier:
        """The dossier in exact bytes; BadInputError says what is wrong with them."""
        found: dict[str, Any] = parse_canonical(data)
        try:
            dossier = _dossier(found)
            same = dossier.to_bytes() == data
        except BadInputError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInputError(f"dossier.json is not as it should be ({error!r}).") from error
        if not same:
            raise BadInputError("dossier.json holds more than a dossier of this version.")
        return dossier

    def files(self) -> tuple[str, ...]:
        """The names of the evidence files, in their order."""
        parts = (entry.parts[name] for entry in self.entries for name in sorted(entry.parts))
        return tuple(part.file for part in parts if part.file)


def header_from(text: str) -> Header:
    """The header in its exact text; BadInputError if it is none of this version."""
    found: dict[str, Any] = parse_canonical(text.encode())
    try:
        header = Header(
            ledger=found["ledger"],
            subject=found["subject"],
            seq=_whole(found["seq"]),
            kind=found["kind"],
            recorded_at=_whole(found["recorded_at"]),
            actor=found["actor"],
            prev=bytes.fromhex(found["prev"]),
            commits={part: bytes.fromhex(digest) for part, digest in found["commit"].items()},
            occurred_at=_optional(found.get("occurred_at")),
            supersedes=_optional(found.get("supersedes")),
            erases=tuple(_whole(seq) for seq in found.get("erases", ())),
            import_batch=found.get("import_batch"),
        )
        same = header.to_bytes() == text.encode()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInputError("these bytes are no header") from error
    if not same:
        raise BadInputError(f"these bytes are no header of version {TRAIL_VERSION}")
    return header


def _document(dossier: Dossier) -> dict[str, JsonValue]:
    return {
        "v": _FORMAT,
        "page": dossier.page,
        "ledger": dossier.ledger,
        "subject": dossier.subject,
        "audience": dossier.audience,
        "period": list(dossier.period),
        "made_at": dossier.made_at,
        "zone": {"name": dossier.clock.name, "offsets": [list(o) for o in dossier.clock.offsets]},
        "people": [
            {"id": who, "name": person.name, "role": person.role} for who, person in dossier.people
        ],
        "keys": list(dossier.keys),
        "entries": [_entry_document(entry) for entry in dossier.entries],
        "seal": None if dossier.seal is None else _proof_document(dossier.seal),
        "moves": [_proof_document(move) for move in dossier.moves],
        "heads": [_proof_document(head) for head in dossier.heads],
        "handovers": list(dossier.handovers),
        "seals": [leaf.hex() for leaf in dossier.seals],
    }


def _entry_document(entry: DossierEntry) -> dict[str, JsonValue]:
    return {
        "header": entry.header.to_bytes().decode(),
        "hash": entry.hash.hex(),
        "parts": {name: _part_document(part) for name, part in entry.parts.items()},
    }


def _part_document(part: DossierPart) -> dict[str, JsonValue]:
    if part.absent:
        return {"absent": part.absent}
    if part.file:
        return {"salt": part.salt.hex(), "file": part.file}
    return {"salt": part.salt.hex(), "text": part.text}


def _proof_document(proof: HeadProof) -> dict[str, JsonValue]:
    path: list[JsonValue] = [digest.hex() for digest in proof.path]
    return {"body": proof.body, "seq": proof.seq, "index": proof.position, "path": path}


def _dossier(found: dict[str, Any]) -> Dossier:
    if found["v"] != _FORMAT:
        raise BadInputError(f"This dossier has version {found['v']}; its own verify.py reads it.")
    if found["audience"] not in AUDIENCES:
        raise BadInputError(f"{found['audience']!r} is no audience of a dossier.")
    start, end = found["period"]
    zone, seal = found["zone"], found["seal"]
    return Dossier(
        ledger=_uuid(found["ledger"]),
        subject=_uuid(found["subject"]),
        audience=found["audience"],
        made_at=_whole(found["made_at"]),
        page=_whole(found["page"]),
        entries=tuple(_entry(n, entry) for n, entry in enumerate(found["entries"], start=1)),
        seals=tuple(_digest(leaf) for leaf in found["seals"]),
        seal=None if seal is None else _proof(seal),
        moves=tuple(_proof(move) for move in found["moves"]),
        heads=tuple(_proof(head) for head in found["heads"]),
        handovers=tuple(_text(note) for note in found["handovers"]),
        period=Period(_optional(start), _optional(end)),
        clock=Clock(
            _text(zone["name"]),
            tuple((_whole(start), _minutes(minutes)) for start, minutes in zone["offsets"]),
        ),
        people=tuple(
            (_uuid(p["id"]), Person(_text(p["name"]), _text(p["role"]))) for p in found["people"]
        ),
        keys=tuple(_key(key) for key in found["keys"]),
    )


def _entry(number: int, found: dict[str, Any]) -> DossierEntry:
    try:
        header = header_from(found["header"])
    except BadInputError as error:
        raise BadInputError(f"Entry {number} in the dossier was changed: {error}.") from error
    parts = {name: _part(part) for name, part in found["parts"].items()}
    return DossierEntry(header, _digest(found["hash"]), parts)


def _part(found: dict[str, Any]) -> DossierPart:
    if "absent" in found:
        if found["absent"] not in (WITHHELD, ERASED):
            raise ValueError(found["absent"])
        return DossierPart(absent=found["absent"])
    salt = bytes.fromhex(found["salt"])
    if len(salt) != SALT_BYTES:
        raise ValueError(found["salt"])
    if "file" in found:
        if not _text(found["file"]):
            raise ValueError("file")
        return DossierPart(salt, file=found["file"])
    return DossierPart(salt, _text(found["text"]))


def _proof(found: dict[str, Any]) -> HeadProof:
    path = tuple(_digest(digest) for digest in found["path"])
    return HeadProof(_text(found["body"]), _whole(found["seq"]), _whole(found["index"]), path)


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value


def _optional(value: object) -> int | None:
    return None if value is None else _whole(value)


def _minutes(value: object) -> int:
    minutes = _whole(value)
    if abs(minutes) >= 24 * 60:
        raise ValueError(minutes)
    return minutes


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError(value)
    return value


def _key(value: object) -> str:
    text = _text(value)
    if VerifierKey.from_text(text).to_text() != text:  # a report shows it in a line of its own
        raise ValueError(text)
    return text


def _uuid(value: object) -> str:
    text = _text(value)
    if not _UUID.fullmatch(text):
        raise ValueError(text)
    return text


def _digest(value: object) -> bytes:
    text = _text(value)
    if not _HASH.fullmatch(text):
        raise ValueError(text)
    return bytes.fromhex(text)
