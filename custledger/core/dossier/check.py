"""Whether a dossier holds: its chain, its commitments, its seal, and a checkpoint from outside.

Every check says what it found in plain words, under a code. A dossier's ``verify.py`` holds this
module, so it keeps to what Python 3.9 has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from custledger.core.canonical import parse_canonical
from custledger.core.dossier.content import (
    CUSTOMER,
    ERASED,
    OWNER,
    WITHHELD,
    Dossier,
    DossierPart,
)
from custledger.core.dossier.page import PAGE_VERSION, ReadFile, render
from custledger.core.dossier.seals import Problem, SealCheck
from custledger.core.dossier.story import about_of, body_of, chosen
from custledger.core.dossier.words import evidence_name
from custledger.core.trail.chain import CommittedStream, commitment, genesis
from custledger.core.trail.notes import VerifierKey
from custledger.core.trail.seals import SealBody
from custledger.errors import BadInputError

__all__ = [
    "CHECKPOINT",
    "DOSSIER",
    "PAGE",
    "STAMP",
    "VERIFIER",
    "CheckedDossier",
    "Problem",
    "check",
    "is_for",
    "member_names",
]

DOSSIER: Final = "dossier.json"
CHECKPOINT: Final = "checkpoint.txt"
STAMP: Final = "timestamp.tsr"
PAGE: Final = "index.html"
VERIFIER: Final = "verify.py"
_TEXTS_OF_ENTRIES: Final = ("shared", "staff")
_CONTENT: Final = "content"


class CheckedDossier(NamedTuple):
    """What a check found. ``doubts`` are what could not be checked, and keep it from being whole.

    ``compared_to`` is the number of seals of the published checkpoint that the dossier continues,
    ``reaches_to`` the last entry that those seals cover. ``signed`` says whether a key signed that
    whoever checks named, ``stamped`` whether there is a time stamp.
    """

    dossier: Dossier | None
    seal: SealBody | None
    problems: tuple[Problem, ...]
    doubts: tuple[str, ...]
    compared_to: int | None = None
    reaches_to: int = 0
    signed: bool = False
    stamped: bool = False

    @property
    def verdict(self) -> str:
        """``holds``, ``broken``, or ``not compared`` where it holds as far as it was checked."""
        if self.problems:
            return "broken"
        return "not compared" if self.doubts else "holds"


def member_names(dossier: Dossier, *, stamped: bool) -> list[str]:
    """What is in the zip of a dossier, in its order."""
    sealed = [CHECKPOINT, *([STAMP] if stamped else [])] if dossier.seal else []
    return [*dossier.files(), DOSSIER, *sealed, PAGE, VERIFIER]


def check(
    names: Sequence[str],
    read: ReadFile,
    published: str | bytes | None = None,
    keys: Sequence[VerifierKey] = (),
) -> CheckedDossier:
    """Check the members of a dossier's zip, in their order; ``read`` gives the bytes of each.

    ``published`` is a checkpoint from outside, as text or as the bytes of its file; ``keys`` are
    those that may have signed.
    """
    try:
        dossier = Dossier.from_bytes(b"".join(read(DOSSIER)))
        if list(names) != member_names(dossier, stamped=STAMP in names):
            raise BadInputError("The zip does not hold the files that it should hold.")
        checkpoint = b"".join(read(CHECKPOINT)).decode() if dossier.seal else ""
    except (BadInputError, KeyError, UnicodeDecodeError) as error:
        problem = Problem("dossier-altered", _said(error))
        return CheckedDossier(None, None, (problem,), ())
    return _Check(dossier, read, checkpoint, keys).all(published, stamped=STAMP in names)


def _said(error: Exception) -> str:
    if isinstance(error, BadInputError):
        return str(error)
    return f"The dossier lacks a file, or it cannot be read ({error!r})."


class _Check:
    """One check: what it found so far."""

    def __init__(
        self, dossier: Dossier, read: ReadFile, checkpoint: str, keys: Sequence[VerifierKey]
    ) -> None:
        self._dossier = dossier
        self._read = read
        self._checkpoint = checkpoint
        self._keys = keys
        self._problems: list[Problem] = []
        self._doubts: list[str] = []

    def all(self, published: str | bytes | None, *, stamped: bool) -> CheckedDossier:
        self._chain()
        self._parts()
        self._absences()
        self._people()
        sealed = SealCheck(
            self._dossier, self._checkpoint, self._keys, self._problems, self._doubts
        )
        sealed.all(published)
        if stamped:
            self._stamp()
        self._page()
        return CheckedDossier(
            self._dossier,
            sealed.seal,
            tuple(self._problems),
            tuple(self._doubts),
            sealed.compared_to,
            sealed.reaches_to,
            sealed.signed,
            stamped,
        )

    def _find(self, code: str, message: str, seq: int | None = None) -> None:
        self._problems.append(Problem(code, message, seq))

    def _chain(self) -> None:
        d = self._dossier
        prev = genesis(d.ledger, d.subject)
        for number, entry in enumerate(d.entries, start=1):
            header = entry.header
            if header.seq != number:
                self._find(
                    "chain-gap", f"Entry {number} is not there: #{header.seq} stands here.", number
                )
            if (header.ledger, header.subject) != (d.ledger, d.subject):
                self._find("entry-altered", f"Entry #{header.seq} is of another chain.", header.seq)
            if header.hash() != entry.hash:
                self._find("entry-altered", f"Entry #{header.seq} was changed.", header.seq)
            if header.prev != prev:
                said = f"Entry #{header.seq} does not continue the entry before it."
                self._find("chain-broken", said, header.seq)
            prev = header.hash()
        if not d.entries:
            self._find("chain-gap", "The dossier holds no entry.")

    def _parts(self) -> None:
        number = 0
        for entry in self._dossier.entries:
            seq = entry.header.seq
            if sorted(entry.parts) != sorted(entry.header.commits):
                said = f"Entry #{seq} has other parts than were recorded."
                self._find("payload-missing", said, seq)
            for name in sorted(entry.parts):
                part = entry.parts[name]
                if not _is_in_form(name, part):
                    said = (
                        f"Of entry #{seq}, a part ({name}) is in a form that no ledger writes, and "
                        "that the page would not show."
                    )
                    self._find("payload-altered", said, seq)
                if part.file:
                    number += 1
                    if part.file != evidence_name(number, body_of(entry).get("media_type")):
                        said = f"The file {part.file} is not named as it should be."
                        self._find("evidence-altered", said, seq)
                if not part.absent and self._digest(part) != entry.header.commits.get(name):
                    what = f"its file {part.file}" if part.file else "what it says"
                    code = "evidence-altered" if part.file else "payload-altered"
                    self._find(code, f"Of entry #{seq}, {what} was changed.", seq)

    def _digest(self, part: DossierPart) -> bytes | None:
        if not part.file:
            return commitment(part.salt, part.text.encode())
        try:
            stream = CommittedStream(part.salt, self._read(part.file))
            for _ in stream:
                pass
        except (BadInputError, KeyError) as error:
            self._find("evidence-altered", _said(error))
            return None
        return stream.commitment()

    def _absences(self) -> None:
        """What is not here must be erased by a later entry, or not be for this audience."""
        entries = self._dossier.entries
        erased = {seq for e in entries for seq in e.header.erases if seq < e.header.seq}
        for entry in entries:
            seq = entry.header.seq
            for name, part in entry.parts.items():
                if part.absent == ERASED and seq not in erased:
                    said = f"Of entry #{seq}, a part ({name}) is gone, and no entry erases it."
                    self._find("payload-missing", said, seq)
        for seq, name in _hidden(self._dossier):
            said = f"Of entry #{seq}, a part ({name}) is held back, though it belongs here."
            self._find("payload-hidden", said, seq)

    def _people(self) -> None:
        """Nobody is named but those who recorded or handled something."""
        d = self._dossier
        known = {entry.header.actor for entry in d.entries}
        known |= {str(body_of(entry).get("staff")) for entry in d.entries}
        ids = [who for who, _ in d.people]
        if ids != sorted(set(ids)) or not known.issuperset(ids):
            self._find("dossier-altered", "The dossier names somebody who is in no entry.")

    def _stamp(self) -> None:
        """The stamp names this checkpoint; whose it is takes more than Python to say."""
        digest = sha256(self._checkpoint.encode()).digest()
        try:
            named = digest in b"".join(self._read(STAMP))
        except BadInputError:
            named = False
        if not named:
            self._find("stamp-wrong", f"The time stamp {STAMP} is not one of this checkpoint.")

    def _page(self) -> None:
        if self._dossier.page != PAGE_VERSION:
            self._doubts.append(
                f"The page {PAGE} was not compared: another version of custledger wrote it. Use "
                "the verify.py of that version, or read the page that --page writes."
            )
            return
        try:
            wanted, found = sha256(), sha256()
            for text in render(self._dossier, self._checkpoint, self._read):
                wanted.update(text.encode("utf-8", errors="surrogatepass"))
            for chunk in self._read(PAGE):
                found.update(chunk)
        except (BadInputError, KeyError) as error:
            self._find("page-altered", _said(error))
            return
        if wanted.digest() != found.digest():
            said = f"The page {PAGE} says something else than the entries."
            self._find("page-altered", said)


def _is_in_form(name: str, part: DossierPart) -> bool:
    """A file is given as a file, and facts as canonical JSON: the page shows nothing else."""
    if part.absent:
        return name in (*_TEXTS_OF_ENTRIES, _CONTENT)
    if name == _CONTENT or part.file:
        return name == _CONTENT and bool(part.file)
    try:
        parse_canonical(part.text.encode())
    except (BadInputError, UnicodeEncodeError):
        return False
    return name in _TEXTS_OF_ENTRIES


def _hidden(dossier: Dossier) -> Iterator[tuple[int, str]]:
    """The parts that are held back although they are for this audience."""
    headers = [entry.header for entry in dossier.entries]
    about: Mapping[int, int | None] = {
        entry.header.seq: about_of(body_of(entry)) for entry in dossier.entries
    }
    shown = chosen(headers, dossier.period, about)
    for entry in dossier.entries:
        for name, part in entry.parts.items():
            if part.absent == WITHHELD and is_for(dossier.audience, entry.header.seq, name, shown):
                yield entry.header.seq, name


def is_for(audience: str, seq: int, part: str, shown: frozenset[int]) -> bool:
    """Whether an audience is shown a part; ``shown`` are the entries of the chosen period."""
    if audience == OWNER:
        return True
    return part != "staff" and (audience == CUSTOMER or seq in shown)
