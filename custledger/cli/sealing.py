"""Commands that seal, sign and publish: seal, checkpoint, anchor, resume."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from custledger.cli.options import option
from custledger.cli.session import Session, command, say
from custledger.core.trail.anchoring import Anchor
from custledger.core.trail.notes import published_note
from custledger.core.trail.seals import Seal
from custledger.core.trail.signing import Signer
from custledger.edges.anchors import DirectoryAnchor, TimeStampAnchor
from custledger.edges.keys import EnvironmentKey, KeyFile
from custledger.edges.private_keys import read_public_key
from custledger.edges.wording import count
from custledger.errors import BadInputError, NotFoundError

__all__ = ["app"]

app = typer.Typer()

_VARIABLE: Final = "CUSTLEDGER_KEY"
_KEY_HELP: Final = f"The file of the private key. Default: ${_VARIABLE}, a file or the key itself."

KeyOption = Annotated[Path | None, option("--key", metavar="FILE", text=_KEY_HELP)]


@command(app, "seal", "custledger seal --key bakery.key", "custledger seal")
def seal(session: Session, key: KeyOption = None) -> None:
    """Seal the paper trail: sign what it says now.

    Run it every day, by a scheduler; it does nothing where nothing is new. Then publish the
    checkpoint, with `custledger anchor` or `custledger checkpoint`, where nobody takes it back.
    Waits until every transaction that has written to the ledger has ended.
    """
    signer = _signer(key)
    with session.open() as ledger:
        sealed = ledger.trail.seal(signer)
    typer.echo("Nothing is new since the last seal." if sealed is None else _in_words(sealed))


@command(app, "checkpoint", "custledger checkpoint", "custledger checkpoint > checkpoint.txt")
def checkpoint(session: Session) -> None:
    """Print the newest signed checkpoint, to give away or publish.

    Whoever has it, and the public key, can tell later whether the ledger was rewritten.
    """
    with session.open() as ledger:
        text = ledger.trail.checkpoint()
    if text is None:
        raise NotFoundError("No checkpoint has been signed yet. Seal first: custledger seal")
    # Its exact bytes, whatever the terminal speaks: a signature's line begins with a long dash.
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


@command(
    app,
    "anchor",
    "custledger anchor --directory /mnt/archive/checkpoints",
    "custledger anchor --time-stamp https://tsa.example/tsr",
)
def anchor(
    session: Session,
    directory: Annotated[
        Path | None,
        option("--directory", metavar="PATH", text="A folder that only ever grows."),
    ] = None,
    time_stamp: Annotated[
        str | None,
        option("--time-stamp", metavar="URL", text="An RFC 3161 time stamp authority."),
    ] = None,
) -> None:
    """Publish the newest signed checkpoint outside the database.

    A directory is worth what it is out of reach: keep it where whoever may write to the ledger
    cannot. A time stamp authority sees a hash, and nothing else.
    """
    places: list[Anchor] = [] if directory is None else [DirectoryAnchor(directory)]
    places += [] if time_stamp is None else [TimeStampAnchor(time_stamp)]
    if not places:
        raise BadInputError("Say where to: --directory PATH, --time-stamp URL, or both.")
    with session.open() as ledger:
        for place in places:
            done = ledger.trail.anchor(place)
            typer.echo(f"Published the checkpoint of seal {done.n}: {done.kind}, {done.place}.")


@command(
    app,
    "resume",
    'custledger resume --key bakery.key --reason "disk failed, backup of 3 June"',
    'custledger resume --key bakery.key --checkpoint last.txt --reason "disk and key state failed"',
)
def resume(
    session: Session,
    reason: Annotated[
        str, option("--reason", metavar="TEXT", text="Why; it stays in the history. Required.")
    ],
    key: KeyOption = None,
    checkpoint: Annotated[
        Path | None,
        option(
            "--checkpoint",
            metavar="FILE",
            text="The newest one that was published. Default: what the key signed last.",
        ),
    ] = None,
    public_key: Annotated[
        Path | None,
        option("--public-key", metavar="FILE", text="The public key, if another key signed it."),
    ] = None,
) -> None:
    """Go on after a restore from a backup older than the last seal.

    The history says so from then on, and cites what was signed last. Without this the key refuses
    to sign, because the ledger no longer continues it.
    """
    signer = _signer(key)
    keys = [] if public_key is None else [read_public_key(public_key)]
    text = None if checkpoint is None else _text_of(checkpoint)
    with session.open() as ledger:
        number = ledger.trail.resume(text, reason=reason, signer=signer, keys=keys)
    typer.echo(f"The ledger goes on as incarnation {number}.")
    say("Seal and publish it now: custledger seal")


def _signer(key: Path | None) -> Signer:
    named = os.environ.get(_VARIABLE, "")
    if key is not None:
        return KeyFile(key)
    if named.startswith("PRIVATE+KEY+"):
        return EnvironmentKey(_VARIABLE)
    if named:
        return KeyFile(named)
    raise BadInputError(
        f"Name the key that signs: --key FILE, or {_VARIABLE}. Make one away from the database: "
        "custledger key new PATH --name NAME"
    )


def _text_of(checkpoint: Path) -> str:
    try:
        return published_note(checkpoint.read_bytes())[0].to_text()
    except ValueError as error:
        raise BadInputError(f"{checkpoint} holds no signed checkpoint. {error}") from error


def _in_words(sealed: Seal) -> str:
    covered = f"{count(sealed.entries, 'entry', 'entries')} in {count(sealed.heads, 'chain')}"
    return f"Seal {sealed.n} covers {covered}, of which {sealed.changes:,} moved. Signed."
