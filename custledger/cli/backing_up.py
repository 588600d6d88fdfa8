"""Commands that copy a ledger: backup and restore."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from custledger.cli.options import option
from custledger.cli.privacy import read_register, replayed_in_words
from custledger.cli.progress import progress_bar
from custledger.cli.session import Session, command, say
from custledger.edges.backup import BackupReport, back_up, restore
from custledger.edges.tables import safe
from custledger.edges.wording import count

__all__ = ["app"]

app = typer.Typer()
_Evidence = Annotated[
    Path | None,
    option("--evidence", metavar="FOLDER", text="The folder of the evidence, if not beside it."),
]


@command(
    app,
    "backup",
    "custledger backup /media/disk/shop.backup",
    "custledger backup backups/2026-06-30.sqlite",
)
def backup_ledger(
    session: Session,
    target: Annotated[
        Path, typer.Argument(metavar="PATH", help="A file that is not there.", show_default=False)
    ],
    evidence: _Evidence = None,
) -> None:
    """Copy the ledger and its evidence while it is in use.

    The evidence goes beside the copy, to PATH.evidence. Nothing is overwritten, and the copy is
    checked before it has its name. For PostgreSQL it says which command to run.
    """
    with progress_bar("Copying") as progress:
        report = back_up(session.ledger_location, target, evidence=evidence, progress=progress)
    _tell(report)


@command(
    app,
    "restore",
    "custledger restore shop.backup --to shop.sqlite --erasures erasures.jsonl",
    opens=False,
)
def restore_ledger(
    session: Session,
    backup: Annotated[
        Path, typer.Argument(metavar="BACKUP", help="A backup's file.", show_default=False)
    ],
    to: Annotated[Path, option("--to", metavar="PATH", text="A file that is not there yet.")],
    erasures: Annotated[
        Path | None,
        option("--erasures", metavar="FILE", text="The register of erasures, newest you have."),
    ] = None,
    evidence: _Evidence = None,
) -> None:
    """Make a ledger from a backup; erase again what was erased since.

    The backup stays as it is. Then verify against the newest checkpoint that you published, and go
    on with `custledger resume`.
    """
    lines = None if erasures is None else read_register(erasures)
    with progress_bar("Copying") as progress:
        report = restore(
            backup,
            to,
            actor=session.actor_name,
            erasures=lines,
            evidence=evidence,
            progress=progress,
        )
    _tell(report.copy)
    if report.replayed is not None:
        typer.echo(replayed_in_words(report.replayed))
        for line in report.replayed.left:
            say(safe(line))
    where = shlex.quote(str(to))
    if report.replayed is None:
        say(
            "If anything was erased since the backup, erase it again: custledger --ledger "
            f"{where} erasures replay FILE"
        )
    say(
        "Next, compare with the newest checkpoint that was published: custledger --ledger "
        f"{where} verify --key KEY --checkpoint FILE. If entries are missing, go on by: "
        "custledger resume"
    )


def _tell(report: BackupReport) -> None:
    typer.echo(
        safe(
            f"Made {report.path}: {report.size / 1e6:,.1f} MB, "
            f"{count(report.files, 'file')} of evidence."
        )
    )
    if report.missing:
        say(
            f"{count(len(report.missing), 'file')} of evidence that the ledger names could not be "
            "copied, because they are not there: `custledger verify` lists them."
        )
