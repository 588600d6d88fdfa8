"""Commands for the keys that sign checkpoints: key new, key show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from custledger.cli.options import option
from custledger.cli.session import Session, command, say
from custledger.edges.private_keys import generate_key, public_path, read_public_key

__all__ = ["app"]

app = typer.Typer(
    help="Make a key that signs checkpoints; show its public half.", no_args_is_help=True
)


@command(
    app,
    "new",
    "custledger key new bakery.key --name bakery.example",
    "custledger key new /media/stick/bakery.key --name bakery.example",
    opens=False,
)
def new(
    _session: Session,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The file to make.", show_default=False)
    ],
    name: Annotated[
        str,
        option("--name", metavar="NAME", text="Who signs, such as your website."),
    ],
) -> None:
    """Make a key that signs checkpoints.

    PATH is secret: only you may read it. Its public half, in PATH.pub and printed, is what others
    need to check what it signed. Keep a copy of PATH in a safe place, and away from the database.
    """
    key = generate_key(path, name)
    say(f"Made the private key {path}, and {public_path(path)} for others. Publish this line:")
    typer.echo(key.to_text())


@command(
    app,
    "show",
    "custledger key show bakery.key",
    "custledger key show bakery.key.pub",
    opens=False,
)
def show(
    _session: Session,
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A key's file, or its .pub.", show_default=False),
    ],
) -> None:
    """Print the public half of a key: the line with which others check what it signed.

    The private half is never printed.
    """
    typer.echo(read_public_key(path).to_text())
