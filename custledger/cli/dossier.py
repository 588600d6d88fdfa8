"""The command that writes one customer's dossier, and the one that checks a dossier."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from custledger.cli.options import day_option, option
from custledger.cli.session import Session, command, customer_of, say
from custledger.core.clock import local_to_utc
from custledger.core.dossier.content import AUDIENCES, ERASED, OWNER, WITHHELD
from custledger.core.dossier.story import counts
from custledger.core.trail.notes import VerifierKey
from custledger.edges.dossier import CheckedDossier, write_dossier
from custledger.edges.private_keys import read_public_key
from custledger.edges.tables import safe
from custledger.edges.wording import count
from custledger.errors import BadInputError
from custledger.ledger import Ledger
from custledger.storage.lookup import CustomerLike

__all__ = ["app"]

app = typer.Typer()

_ONE_DAY: Final = timedelta(days=1)


@command(
    app,
    "dossier",
    'custledger dossier "Ann Miller" --to ann.zip',
    "custledger dossier ann@example.org --to ann.zip --for customer",
    'custledger dossier "Ann Miller" --to case.zip --for third-party --from 2026-01-01 '
    "--until 2026-03-31",
)
def dossier(
    session: Session,
    customer: Annotated[
        str,
        typer.Argument(
            metavar="CUSTOMER",
            help="Name or part of it, e-mail, phone, external id, or the id.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Path,
        option(
            "--to", "-o", metavar="FILE", text="The zip to write; one of that name is replaced."
        ),
    ],
    audience: Annotated[
        str,
        option(
            "--for",
            metavar="|".join(AUDIENCES),
            text="Who gets it, which says what is left out. Default: owner.",
        ),
    ] = OWNER,
    start: Annotated[
        datetime | None,
        day_option("--from", "For a third party: the first day of the chosen period."),
    ] = None,
    until: Annotated[
        datetime | None,
        day_option("--until", "For a third party: the last day of the chosen period."),
    ] = None,
    key: Annotated[
        list[str] | None,
        option("--key", metavar="KEY", text="A public key to name in it, or its file; repeatable."),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        option(
            "--checkpoint",
            metavar="FILE",
            text="An old published checkpoint that its reader has, to compare with; repeatable.",
        ),
    ] = None,
) -> None:
    """Write one customer's dossier: a zip that proves itself.

    It holds every entry with its proof, the evidence, a page to read, and verify.py to check it
    with Python alone.
    """
    with session.open() as ledger:
        checked = write_dossier(
            ledger,
            _whom(ledger, customer),
            to,
            audience=audience,
            start=_begin(start, ledger, timedelta()),
            end=_begin(until, ledger, _ONE_DAY),
            keys=[_key(text) for text in key or ()],
            checkpoints=[_bytes_of(path) for path in checkpoint or ()],
        )
    _tell(checked, to)


def _tell(checked: CheckedDossier, to: Path) -> None:
    dossier = checked.dossier
    if dossier is None:
        return
    absent = counts(dossier)
    parts = [count(len(dossier.entries), "entry", "entries")]
    parts += [count(len(dossier.files()), "file of evidence", "files of evidence")]
    parts += [f"{count(absent[WITHHELD], 'part')} left out"] if absent[WITHHELD] else []
    parts += [f"{count(absent[ERASED], 'part')} erased"] if absent[ERASED] else []
    typer.echo(safe(f"Wrote {to}: {', '.join(parts)}."))
    if dossier.seal is None:
        say(
            "Nothing in it is sealed and signed yet, so it only agrees with itself. Seal the "
            "ledger first: custledger seal"
        )
        return
    after = len(dossier.entries) - dossier.seal.seq
    if after:
        say(f"{count(after, 'entry', 'entries')} came after the newest seal: custledger seal")
    say(
        f"To check it: python verify.py {to.name} checkpoint.txt, with a checkpoint from where you "
        "publish them."
    )


def _whom(ledger: Ledger, text: str) -> CustomerLike:
    try:
        return UUID(text)  # finds one who was voided too
    except ValueError:
        return customer_of(ledger, text)


def _begin(day: datetime | None, ledger: Ledger, after: timedelta) -> datetime | None:
    """The moment at which a day begins where the ledger is, or the day after it."""
    if day is None:
        return None
    first: date = day.date() + after
    return local_to_utc(datetime.combine(first, time()), ledger.zone)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"The checkpoint {path} cannot be read: {error.strerror}.") from error


def _key(text: str) -> VerifierKey:
    if Path(text).is_file():
        return read_public_key(text)
    try:
        return VerifierKey.from_text(text)
    except ValueError as error:
        raise BadInputError(f"{error} Give the line that `custledger key show` prints.") from error
