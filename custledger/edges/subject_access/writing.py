"""The report in a folder: a page, a text, JSON, and the files of evidence beside them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import UUID

from custledger.core.dossier.words import evidence_name
from custledger.core.records import EntryKind, Part
from custledger.edges.dossier.reading import ReadEntry, read_chain
from custledger.edges.dossier.writing import new_file, write_dossier
from custledger.edges.subject_access.gathering import access_report
from custledger.edges.subject_access.rendering import access_html, access_json, access_text
from custledger.edges.subject_access.report import AccessEntry, AccessReport
from custledger.errors import BadInputError, LedgerUnreadableError, LedgerUnwritableError
from custledger.ledger import Ledger
from custledger.storage.erasing.rights import refuse_without_evidence
from custledger.storage.evidence.contents import Stored, cipher_of, open_content
from custledger.storage.lookup import CustomerLike

__all__ = ["WrittenAccess", "write_access"]

_PAGE: Final = "access.html"
_TEXT: Final = "access.txt"
_DATA: Final = "access.json"
_DOSSIER: Final = "dossier.zip"


@dataclass(frozen=True)
class WrittenAccess:
    """What was written: the report, the names of the files, and the SHA-256 of access.json."""

    report: AccessReport
    files: tuple[str, ...]
    digest: str


def write_access(
    ledger: Ledger,
    customer: CustomerLike,
    folder: str | os.PathLike[str],
    *,
    staff_texts: bool = False,
    staff_names: bool = False,
    foreword: str = "",
    dossier: bool = False,
) -> WrittenAccess:
    """Write all that is held about a customer into a folder that is new or empty.

    access.html to read, access.txt, access.json for programs, and evidence/ with every file, also
    of what was taken back. ``dossier`` puts the dossier for the customer beside them, which proves
    what this explains. The rest is as for ``access_report``. The files can be read by their owner
    alone. Raises BadInputError, LedgerUnwritableError.
    """
    report = access_report(
        ledger, customer, staff_texts=staff_texts, staff_names=staff_names, foreword=foreword
    )
    place = Path(folder)
    _make(place)
    report, files = _with_evidence(ledger, report, place)
    for name, text in (
        (_PAGE, access_html(report)),
        (_TEXT, access_text(report)),
        (_DATA, data := access_json(report)),
    ):
        with new_file(place / name) as file:
            file.write(text.encode())
        files.append(name)
    if dossier:
        for person in report.people:
            name = _DOSSIER if len(report.people) == 1 else f"dossier-{str(person.id)[:8]}.zip"
            write_dossier(ledger, person.id, place / name, audience="customer")
            files.append(name)
    return WrittenAccess(report, tuple(files), hashlib.sha256(data.encode()).hexdigest())


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise BadInputError(
                f"{folder} is not empty. Nothing was written; name a new folder, so that nobody is "
                "handed what is another customer's."
            )
    except OSError as error:
        raise LedgerUnwritableError(
            f"The folder {folder} cannot be made: {error.strerror}. Name another one."
        ) from error


def _with_evidence(
    ledger: Ledger, report: AccessReport, folder: Path
) -> tuple[AccessReport, list[str]]:
    """Write the files of evidence; the report with their names."""
    names: dict[tuple[UUID, int], str] = {}
    context = ledger.context
    with context.snapshot() as connection:
        refuse_without_evidence(connection, "Telling a customer what is held")
        for person in report.people:
            for entry in read_chain(connection, context, person.id):
                content = next((p for p in entry.parts if p.part is Part.CONTENT), None)
                if content is None:
                    continue
                name = evidence_name(len(names) + 1, entry.body.get("media_type"))
                (folder / name).parent.mkdir(mode=0o700, exist_ok=True)
                stored = Stored(person.id, content.body, content.blob, cipher_of(entry.body))
                with new_file(folder / name) as file:
                    for chunk in _read(open_content(connection, context, stored), entry):
                        file.write(chunk)
                names[person.id, entry.header.seq] = name
    entries = tuple(_named(entry, report, names) for entry in report.entries)
    return replace(report, entries=entries), list(names.values())


def _read(chunks: Iterator[bytes], entry: ReadEntry) -> Iterator[bytes]:
    try:
        yield from chunks
    except OSError as error:
        raise LedgerUnreadableError(
            f"The file of evidence #{entry.header.seq} is missing or cannot be read. Restore it "
            "from a backup; `custledger verify` lists what is missing."
        ) from error


def _named(
    entry: AccessEntry, report: AccessReport, names: dict[tuple[UUID, int], str]
) -> AccessEntry:
    if entry.kind != EntryKind.EVIDENCE:
        return entry
    short, _, seq = entry.ref.rpartition("#")
    whose = next((p.id for p in report.people if short and str(p.id).startswith(short)), None)
    name = names.get((whose or report.customer_id, int(seq)), "")
    return replace(entry, file=name)
