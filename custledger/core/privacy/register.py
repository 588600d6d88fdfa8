"""The register of erasures: one line of canonical JSON for each, without personal data.

It is kept apart from the ledger, beside its checkpoints. After a restore from an older backup it
says what has to be erased again. A line, with its keys sorted and no white space::

    {"entries": [{"commits": {part: hex}, "hash": hex, "seq": int}, ...], "entry": int,
     "ground": text, "hash": hex, "ledger": uuid, "recorded_at": microseconds, "seqs": [int, ...],
     "subject": uuid, "v": 1}

``entry`` and ``hash`` are those of the entry that records the erasure. Each of ``entries`` is named
by its hash as well, because after a restore another entry may have its number. The commitments
reveal nothing, their salts being erased; they let a content that can no longer be read (its key was
destroyed) be erased from a restored ledger too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from custledger.core.canonical import (
    JsonValue,
    canonical_bytes,
    digest_from,
    natural,
    parse_canonical,
)
from custledger.core.records import Part
from custledger.errors import BadInputError

__all__ = ["ErasedEntry", "RegisterLine", "merged", "parse_line"]

_VERSION = 1


class ErasedEntry(NamedTuple):
    """An entry whose payload was erased: its number, its hash, and what its parts committed to."""

    seq: int
    hash: bytes
    commits: Mapping[Part, bytes]


class RegisterLine(NamedTuple):
    """An erasure as the register has it; ``recorded_at`` is in microseconds since 1970 UTC."""

    ledger: UUID
    subject: UUID
    entry: int
    hash: bytes
    ground: str
    recorded_at: int
    entries: tuple[ErasedEntry, ...]

    def text(self) -> str:
        """The line, without its line break."""
        entries: list[JsonValue] = [
            {
                "commits": {part.value: digest.hex() for part, digest in e.commits.items()},
                "hash": e.hash.hex(),
                "seq": e.seq,
            }
            for e in self.entries
        ]
        document: dict[str, JsonValue] = {
            "v": _VERSION,
            "ledger": str(self.ledger),
            "subject": str(self.subject),
            "entry": self.entry,
            "hash": self.hash.hex(),
            "ground": self.ground,
            "recorded_at": self.recorded_at,
            "seqs": [e.seq for e in self.entries],
            "entries": entries,
        }
        return canonical_bytes(document).decode()


def parse_line(text: str) -> RegisterLine:
    """A line read back; BadInputError where it is none."""
    try:
        found: dict[str, Any] = dict(parse_canonical(text.strip().encode()))
        if found["v"] != _VERSION:
            raise BadInputError(
                f"The register has version {found['v']}, which this version of custledger does not "
                "know. Upgrade custledger; nothing was erased."
            )
        line = RegisterLine(
            ledger=UUID(found["ledger"]),
            subject=UUID(found["subject"]),
            entry=natural(found["entry"]),
            hash=digest_from(found["hash"]),
            ground=str(found["ground"]),
            recorded_at=natural(found["recorded_at"]),
            entries=tuple(_entry(entry) for entry in found["entries"]),
        )
        if line.text() != text.strip():  # damaged where it says a thing twice, or not at all
            raise ValueError(text)
        return line
    except BadInputError as error:
        if "Upgrade custledger" in str(error):
            raise
        raise _refusal(text) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refusal(text) from error


def merged(ledger: UUID, register: Iterable[str], before: Iterable[str]) -> tuple[list[str], int]:
    """A ledger's register with those lines of an older one that it lacks, and how many these are.

    A ledger that was restored has forgotten the newest erasures; a register never shrinks. Oldest
    first. BadInputError where what is there is no register, or another ledger's.
    """
    lines = [parse_line(text) for text in register]
    known = {(line.subject, line.hash) for line in lines}
    kept: dict[tuple[UUID, bytes], RegisterLine] = {}
    for text in before:
        if text.strip():
            line = parse_line(text)
            if line.ledger != ledger:
                raise BadInputError(
                    f"The register that is there is of another ledger, {line.ledger}, and is left "
                    "as it is. Give another path."
                )
            kept.setdefault((line.subject, line.hash), line)
    extra = [line for place, line in kept.items() if place not in known]
    every = sorted([*lines, *extra], key=lambda line: line.recorded_at)
    return [line.text() for line in every], len(extra)


def _refusal(text: str) -> BadInputError:
    return BadInputError(
        f"This is no line of a register of erasures: {text[:60]!r}. Give the file that `custledger "
        "erasures export` wrote; nothing was erased."
    )


def _entry(found: Mapping[str, Any]) -> ErasedEntry:
    commits = {Part(part): digest_from(digest) for part, digest in found["commits"].items()}
    return ErasedEntry(natural(found["seq"]), digest_from(found["hash"]), commits)
