"""Commands that keep a ledger in order: rebuild, upgrade, export."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from custledger.cli.options import Location
from custledger.cli.session import Session, command, say
from custledger.edges.export import canonical_export
from custledger.edges.upgrading import WAIT, upgrade
from custledger.edges.wording import count

__all__ = ["app"]

app = typer.Typer()


@command(app, "rebuild", "custledger rebuild")
def rebuild(session: Session) -> None:
    """Make the copies again from the trail.

    For when `custledger verify` finds copies that differ from it. The trail itself is not touched.
    """
    with session.open() as ledger:
        rows = ledger.rebuild()
    typer.echo(f"Made {count(rows, 'row')} again from the trail.")


@command(
    app,
    "upgrade",
    "custledger upgrade",
    "custledger upgrade shop.sqlite",
)
def upgrade_ledger(
    session: Session,
    path: Location = None,
    backup: Annotated[
        bool,
        typer.Option("--backup/--no-backup", help="Copy a SQLite ledger beside itself first."),
    ] = True,
) -> None:
    """Bring an older ledger to this version, after a backup.

    Does nothing to a ledger that is up to date. Files of evidence are not touched. Back up a
    PostgreSQL database yourself, with pg_dump. Waits ten minutes for whoever writes to the ledger,
    unless --wait says otherwise.
    """
    report = upgrade(
        path or session.ledger_location,
        backup=backup,
        wait=WAIT if session.wait is None else session.waiting_time,
        tell=say if sys.stderr.isatty() else None,
    )
    typer.echo(report)


@command(app, "export", "custledger export > ledger.jsonl")
def export(session: Session) -> None:
    """Write the current state as JSON lines, to compare ledgers.

    One object a line, sorted, without what differs from run to run (ids, moments of recording).
    """
    with session.open() as ledger:
        for line in canonical_export(ledger):
            sys.stdout.write(f"{line}\n")
