"""Commands that check and look back: verify and history."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from custledger.cli.options import FormatOption, OptionalCustomer, option
from custledger.cli.progress import progress_bar
from custledger.cli.session import Session, command, customer_of, say
from custledger.core.privacy.subject_access import disputed_in
from custledger.core.records import Customer, EntryKind, TrailEntry
from custledger.core.trail.findings import Finding, VerifyReport
from custledger.core.trail.notes import VerifierKey
from custledger.edges.anchors import DirectoryAnchor
from custledger.edges.tables import Column, Format, plain, safe, write_json, write_rows
from custledger.edges.wording import count, facts_in_words, local_day, short_id, words
from custledger.errors import BadInputError
from custledger.ledger import Ledger

__all__ = ["app", "print_verdict"]

app = typer.Typer()


KeysOption = Annotated[
    list[str] | None,
    option("--key", metavar="KEY", text="A public key, or its file, whose signatures count."),
]
CheckpointsOption = Annotated[
    list[Path] | None,
    option(
        "--checkpoint",
        metavar="PATH",
        text="A checkpoint that you kept, or a directory of them; more than one may be.",
    ),
]
SinceOption = Annotated[
    Path | None,
    option(
        "--since",
        metavar="FILE",
        text="Trust what this checkpoint covers, and its copies; check the rest.",
    ),
]
CertificatesOption = Annotated[
    list[Path] | None,
    option(
        "--certificates", metavar="FILE", text="Root certificates of time stamp authorities (PEM)."
    ),
]
ProcessesOption = Annotated[
    int | None,
    option("--processes", metavar="N", text="How many work at a time. Default: all cores.", min=1),
]


@command(
    app,
    "verify",
    "custledger verify",
    "custledger verify --key shop.key.pub --checkpoint checkpoints",
    "custledger verify --format json",
)
def verify(
    session: Session,
    key: KeysOption = None,
    checkpoint: CheckpointsOption = None,
    since: SinceOption = None,
    certificates: CertificatesOption = None,
    processes: ProcessesOption = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Check the paper trail, the evidence, the seals and the copies.

    Without a checkpoint from outside, a ledger can only be checked against itself. Exits with 1 if
    anything is found; each finding names its entry or its seal.
    """
    against: dict[str, Any] = {
        "keys": [_key(text) for text in key or ()],
        "checkpoints": [text for path in checkpoint or () for text in _checkpoints(path)],
        "since": None if since is None else _text(since),
        "certificates": [_bytes(path) for path in certificates or ()],
    }
    with session.open() as ledger, progress_bar("Verifying") as progress:
        report = ledger.verify(**against, processes=processes, progress=progress)
    if form is Format.JSON:
        write_json({"ok": report.ok, **plain(report)}, sys.stdout)
    elif form is Format.CSV:
        write_rows(report.findings, [], sys.stdout, form=form, kind=Finding)
    else:
        print_verdict(report)
    if not report.ok:
        raise typer.Exit(1)


def _key(text: str) -> VerifierKey:
    said = text if "+" in text and not Path(text).is_file() else _text(Path(text))
    try:
        return VerifierKey.from_text(said)
    except ValueError as error:
        raise BadInputError(
            f"{text} is no public key. Give the line that `custledger key show` prints, or a file "
            "with it."
        ) from error


def _checkpoints(path: Path) -> list[str]:
    if not path.is_dir():
        return [_text(path)]
    found = DirectoryAnchor(path).checkpoints()
    if not found:
        raise BadInputError(f"{path} holds no checkpoints (.txt). Give where they were published.")
    return found


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}.") from error


def print_verdict(report: VerifyReport) -> None:
    """Print what was checked and what was found."""
    for finding in report.findings:
        typer.echo(safe(str(finding)))
    for notice in report.notices:
        say(safe(notice))
    checked = (
        f"{count(report.entries, 'entry', 'entries')} in {count(report.chains, 'chain')} and "
        f"{count(report.copies, 'copy', 'copies')}"
    )
    if report.evidence_files:
        checked += f", with {count(report.evidence_files, 'file')} of evidence"
    if report.ok:
        said = "Nothing is amiss"
    else:
        said = f"{count(len(report.findings), 'finding')}, named above"
    typer.echo(safe(f"Checked {checked}. {said} ({report.scope})."))
    if report.seals or report.erased:
        typer.echo(safe(_sealed_in_words(report)))
    if not report.ok:
        say(
            "Entries and evidence: compare with a backup. Copies alone: `custledger rebuild` makes "
            "them again from the trail."
        )


def _sealed_in_words(report: VerifyReport) -> str:
    said = (
        f"Of these entries {report.sealed:,} are sealed and {report.unsealed:,} not yet; the "
        f"content of {report.erased:,} was erased. {count(report.seals, 'seal')}, "
        f"{count(report.checkpoints, 'signed checkpoint')}."
    )
    if report.anchored_until is not None:
        said += f" Anchored outside until {report.anchored_until:%Y-%m-%d %H:%M} UTC."
    return said


@command(app, "history", 'custledger history "Ann Miller"', "custledger history")
def history(
    session: Session, customer: OptionalCustomer = None, form: FormatOption = Format.TEXT
) -> None:
    """Show all entries, corrections and voids included.

    Of a customer; or without one of the ledger itself: staff, rates, score policies, imports.
    """
    with session.open() as ledger:
        subject = None if customer is None else _subject(ledger, customer)
        entries = ledger.history(subject)
        names = {member.id: member.name for member in ledger.staff.all()}
        disputed = disputed_in(entries)
        rows = [_history_row(e, names, ledger.zone, disputed.get(e.ref.seq)) for e in entries]
    if form is Format.JSON:
        write_json(entries, sys.stdout)
    else:
        write_rows(rows, _HISTORY, sys.stdout, form=form, kind=HistoryRow)


def _subject(ledger: Ledger, customer: str) -> Customer | UUID:
    try:
        return UUID(customer)  # finds voided customers too
    except ValueError:
        return customer_of(ledger, customer)


@dataclass(frozen=True)
class HistoryRow:
    """An entry of the trail, flat."""

    entry: int
    kind: str
    day: str
    occurred_at: str
    recorded_at: str
    recorded_by: str
    what: str
    note: str
    hash: str


def _history_row(
    entry: TrailEntry, names: dict[UUID, str], zone: str, disputed_by: int | None
) -> HistoryRow:
    at = entry.occurred_at
    notes = [f"corrects #{entry.supersedes}"] if entry.supersedes else []
    if entry.kind is EntryKind.VOID:
        notes = [f"voids #{entry.supersedes}"]
    notes += [f"superseded by #{entry.superseded_by}"] if entry.superseded_by else []
    notes += [f"erased by #{entry.erased_by}"] if entry.erased_by else []
    notes += [f"disputed by the customer, #{disputed_by}"] if disputed_by else []
    return HistoryRow(
        entry=entry.ref.seq,
        kind=words(entry.kind),
        day="" if at is None else local_day(at, zone).isoformat(),
        occurred_at="" if at is None else at.isoformat(),
        recorded_at=entry.recorded_at.isoformat(),
        recorded_by=names.get(entry.actor_id, short_id(entry.actor_id)),
        what=facts_in_words(entry.kind, entry.facts),
        note=", ".join(notes),
        hash=entry.hash.hex(),
    )


_HISTORY: Final = (
    Column("Entry", lambda row: f"#{row.entry}", justify="right"),
    Column("Day", lambda row: row.day or row.recorded_at[:10]),
    Column("Recorded", lambda row: row.recorded_at[:10], spare=True),
    Column("By", lambda row: row.recorded_by, spare=True),
    Column("Kind", lambda row: row.kind),
    Column(
        "What",
        lambda row: f"{row.what} ({row.note})" if row.note else row.what,
        wrap=True,
        least=40,
    ),
)
