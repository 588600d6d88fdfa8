"""Write one customer's dossier: a zip for whoever has nothing but it and a published checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID, uuid4
from zlib import crc32

from sqlalchemy import Connection

from custledger.core.checks import check_moment
from custledger.core.clock import to_microseconds
from custledger.core.dossier.check import (
    CHECKPOINT,
    DOSSIER,
    PAGE,
    STAMP,
    VERIFIER,
    CheckedDossier,
    check,
    is_for,
)
from custledger.core.dossier.content import (
    AUDIENCES,
    CUSTOMER,
    ERASED,
    OWNER,
    THIRD_PARTY,
    WITHHELD,
    Dossier,
    DossierEntry,
    DossierPart,
    Period,
)
from custledger.core.dossier.page import PAGE_VERSION, render
from custledger.core.dossier.story import about_of, chosen
from custledger.core.dossier.words import evidence_name
from custledger.core.dossier.zip import MAX_ZIP, Member, ZipReader, directory, local_header
from custledger.core.records import Part
from custledger.core.trail.chain import CommittedStream, Header, commitment, genesis
from custledger.core.trail.notes import Checkpoint, VerifierKey, published_note
from custledger.edges.dossier.bundle import verifier_source
from custledger.edges.dossier.proving import Sealed, sealed_chain
from custledger.edges.dossier.reading import (
    ReadEntry,
    ReadPart,
    clock_of,
    keys_of,
    people_of,
    read_chain,
)
from custledger.errors import BadInputError, LedgerUnreadableError, LedgerUnwritableError
from custledger.ledger import Ledger
from custledger.storage.context import Context
from custledger.storage.erasing.rights import refuse_without_evidence
from custledger.storage.evidence.contents import Stored, cipher_of, open_content
from custledger.storage.files import sync_folder
from custledger.storage.lookup import CustomerLike

__all__ = ["PROOFS", "ZipWriter", "new_file", "write_dossier"]

PROOFS: Final = 400
"""In how many of the newest signed seals a dossier shows where the chain ended."""


def write_dossier(
    ledger: Ledger,
    customer: CustomerLike,
    path: str | os.PathLike[str],
    *,
    audience: str = OWNER,
    start: datetime | None = None,
    end: datetime | None = None,
    keys: Sequence[VerifierKey | str] = (),
    checkpoints: Sequence[str | bytes] = (),
    proofs: int = PROOFS,
) -> CheckedDossier:
    """Write a customer's dossier to a file, check it as its reader will, and return what was found.

    ``audience`` is ``owner`` (everything), ``customer`` (subject access: notes among staff are left
    out, and staff are named by role) or ``third-party`` (also what lies outside ``start`` to before
    ``end``). ``keys`` are public keys of the firm to name in it, beside those that the trail names.

    It can be compared with the checkpoints of the newest ``proofs`` signed seals, and with any
    older one that is given in ``checkpoints``: the one that its reader has, say. Each takes the
    work of a Merkle tree over all customers at most, and 2 kB of the file.

    A file of that name is replaced; if anything fails, it stays as it was. Raises NotFoundError,
    BadInputError, LedgerUnwritableError, and LedgerUnreadableError if the trail itself does not
    hold.
    """
    period = _period(audience, start, end)
    given = [_published(text) for text in checkpoints]
    if proofs < 0:
        raise BadInputError(f"proofs must be 0 or more, not {proofs}.")
    context = ledger.context
    with context.snapshot() as connection, new_file(Path(path)) as file:
        refuse_without_evidence(connection, "Making a dossier")
        _Export(connection, context, file).write(
            customer, audience, period, keys, partial(sealed_chain, proofs=proofs, published=given)
        )
        reader = ZipReader(partial(_read, file), file.tell())
        own = b"".join(reader.chunks(CHECKPOINT)).decode() if CHECKPOINT in reader.members else None
        checked = check(list(reader.members), reader.chunks, own)
        _refuse_broken(checked)
    return checked


def _published(text: str | bytes) -> Checkpoint:
    try:
        return published_note(text)[1]
    except ValueError as error:
        raise BadInputError(str(error)) from error


def _refuse_broken(checked: CheckedDossier) -> None:
    if {problem.code for problem in checked.problems} == {"signature-wrong"}:
        raise BadInputError(
            "None of the keys that were given, or that the trail names, signed the newest "
            "checkpoint. No dossier was written; give the one that did."
        )
    if checked.problems:
        raise LedgerUnreadableError(
            f"No dossier was written, because it would not hold: {checked.problems[0].message} "
            "Run `custledger verify`; restore a backup if it fails."
        )


def _period(audience: str, start: datetime | None, end: datetime | None) -> Period:
    if audience not in AUDIENCES:
        raise BadInputError(
            f"A dossier is for one of {', '.join(AUDIENCES)}, not for {audience!r}."
        )
    period = Period(
        None if start is None else check_moment(start, "start"),
        None if end is None else check_moment(end, "end"),
    )
    if period != Period() and audience != THIRD_PARTY:
        raise BadInputError("A period is chosen for a third party; others are given everything.")
    if None not in period and period.start >= period.end:  # type: ignore[operator]
        raise BadInputError("The period ends before it starts; exchange start and end.")
    return period


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name once it is whole; readable by its owner alone."""
    unfinished = path.with_name(f".{path.name}.{uuid4().hex[:8]}.partial")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with _unwritable(path):
            handle = os.open(unfinished, flags, 0o600)
        with _unwritable(path):  # a disk that is full says so while what is within is written
            with os.fdopen(handle, "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
            sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LedgerUnwritableError(
            f"The dossier cannot be written to {path}: {error.strerror}. Nothing was written; give "
            "a file in a folder that is there and can be written, with space for it."
        ) from error


class ZipWriter:
    """Writes members one after the other, in memory of one chunk, as ``core.dossier.zip`` says."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.members: list[Member] = []

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """Append a member; its header is written once its length and checksum are known."""
        start = self._file.seek(0, os.SEEK_END)
        size = crc = 0
        self._file.write(local_header(Member(name, 0, 0, start)))
        for chunk in chunks:
            size, crc = size + len(chunk), crc32(chunk, crc)
            if start + size > MAX_ZIP:
                directory([Member(name, size, crc, start)])  # says that it is too large
            self._file.write(chunk)
        member = Member(name, size, crc, start)
        self._file.seek(start)
        self._file.write(local_header(member))
        self._file.seek(0, os.SEEK_END)
        self.members.append(member)

    def finish(self) -> None:
        """Write the directory."""
        self._file.write(directory(self.members))
        self._file.flush()


class _Export:
    """One dossier being written."""

    def __init__(self, connection: Connection, context: Context, file: BinaryIO) -> None:
        self._connection = connection
        self._context = context
        self._file = file
        self._zip = ZipWriter(file)
        self._files = 0

    def write(
        self,
        customer: CustomerLike,
        audience: str,
        period: Period,
        keys: Sequence[VerifierKey | str],
        place: Callable[[Connection, UUID], Sealed | None],
    ) -> None:
        """Evidence first, so that it is read once; then what its commitments are part of."""
        chain = read_chain(self._connection, self._context, customer)
        subject = UUID(chain[0].header.subject)
        headers = [entry.header for entry in chain]
        about = {entry.header.seq: about_of(entry.body) for entry in chain}
        shown = chosen(headers, period, about)
        entries = tuple(self._entries(chain, audience, shown))
        sealed = place(self._connection, subject)
        made_at = to_microseconds(self._context.now())
        dossier = Dossier(
            ledger=str(self._context.ledger),
            subject=str(subject),
            audience=audience,
            made_at=made_at,
            page=PAGE_VERSION,
            entries=entries,
            seals=() if sealed is None else sealed.leaves,
            seal=None if sealed is None else sealed.proof,
            moves=() if sealed is None else sealed.moves,
            heads=() if sealed is None else sealed.heads,
            handovers=() if sealed is None else sealed.handovers,
            period=period,
            clock=clock_of(self._context.zone, _moments(chain, shown, made_at, period)),
            people=people_of(self._connection, _ids(chain, shown), named=audience != CUSTOMER),
            keys=tuple(self._keys(keys)),
        )
        self._rest(dossier, sealed)

    def _rest(self, dossier: Dossier, sealed: Sealed | None) -> None:
        """What belongs to every dossier; the page reads the evidence out of the zip itself."""
        note = "" if sealed is None else sealed.note
        self._zip.add(DOSSIER, [dossier.to_bytes()])
        if sealed is not None:
            self._zip.add(CHECKPOINT, [note.encode()])
            if sealed.stamp is not None:
                self._zip.add(STAMP, [sealed.stamp])
        page = render(dossier, note, self._written)
        self._zip.add(PAGE, (text.encode() for text in page))
        self._zip.add(VERIFIER, [verifier_source().encode()])
        self._zip.finish()

    def _keys(self, keys: Sequence[VerifierKey | str]) -> list[str]:
        try:
            named = [k if isinstance(k, VerifierKey) else VerifierKey.from_text(k) for k in keys]
        except ValueError as error:
            raise BadInputError(f"{error} `custledger key show` prints it.") from error
        found = [*keys_of(self._connection, self._context), *(key.to_text() for key in named)]
        return list(dict.fromkeys(found))

    def _entries(
        self, chain: Sequence[ReadEntry], audience: str, shown: frozenset[int]
    ) -> Iterator[DossierEntry]:
        prev = genesis(str(self._context.ledger), chain[0].header.subject)
        for entry in chain:
            seq = entry.header.seq
            parts = {name: DossierPart(absent=ERASED) for name in entry.erased}
            commits = dict(entry.erased)
            for payload in entry.parts:
                name = payload.part.value
                is_shown = is_for(audience, seq, name, shown)
                parts[name], commits[name] = self._part(entry, payload, is_shown=is_shown)
            header = entry.header._replace(commits=commits, prev=prev)
            if header.hash() != entry.hash:
                raise LedgerUnreadableError(
                    f"Entry #{seq} of this customer was changed since it was recorded, so no "
                    "dossier was written. Run `custledger verify`; restore a backup."
                )
            yield DossierEntry(header, entry.hash, parts)
            prev = entry.hash

    def _part(
        self, entry: ReadEntry, payload: ReadPart, *, is_shown: bool
    ) -> tuple[DossierPart, bytes]:
        """A part of an entry and its commitment; of evidence, the file goes into the zip."""
        if payload.part is not Part.CONTENT:
            body = payload.body or b""
            digest = commitment(payload.salt, body)
            return _given(is_shown, DossierPart(payload.salt, body.decode())), digest
        subject = UUID(entry.header.subject)
        stored = Stored(subject, payload.body, payload.blob, cipher_of(entry.body))
        stream = CommittedStream(payload.salt, self._content(entry.header, stored))
        if not is_shown:
            for _ in stream:
                pass
            return DossierPart(absent=WITHHELD), stream.commitment()
        self._files += 1
        # Who is not shown what the entry says learns its kind of file neither.
        name = evidence_name(self._files, entry.body.get("media_type"))
        self._zip.add(name, stream)
        return DossierPart(payload.salt, file=name), stream.commitment()

    def _content(self, header: Header, stored: Stored) -> Iterator[bytes]:
        try:
            yield from open_content(self._connection, self._context, stored)
        except OSError as error:
            raise LedgerUnreadableError(
                f"The file of evidence #{header.seq} is missing from the evidence store, or cannot "
                "be read, so no dossier was written. Restore it from a backup; `custledger verify` "
                "lists what is missing."
            ) from error

    def _written(self, name: str) -> Iterator[bytes]:
        """The bytes of a member that is in the file already."""
        [member] = [m for m in self._zip.members if m.name == name]
        left, place = member.size, member.data_offset
        while left:
            here = self._file.tell()
            chunk = _read(self._file, place, min(left, 1 << 20))
            self._file.seek(here)
            place, left = place + len(chunk), left - len(chunk)
            yield chunk


def _given(is_shown: bool, part: DossierPart) -> DossierPart:
    return part if is_shown else DossierPart(absent=WITHHELD)


def _ids(chain: Iterable[ReadEntry], shown: frozenset[int]) -> Iterator[str]:
    for entry in chain:
        yield entry.header.actor
        if entry.header.seq in shown and isinstance(entry.body.get("staff"), str):
            yield entry.body["staff"]


def _moments(
    chain: Iterable[ReadEntry], shown: frozenset[int], made_at: int, period: Period
) -> Iterator[int]:
    yield made_at
    yield from (bound for bound in period if bound is not None)
    for entry in chain:
        yield entry.header.recorded_at
        if entry.header.occurred_at is not None:
            yield entry.header.occurred_at
        told = entry.body if entry.header.seq in shown else {}
        yield from (at for name, at in told.items() if name.endswith("_at") and type(at) is int)


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
