"""The commands record interaction and record evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from custledger.books.evidence import LIMIT_BYTES
from custledger.cli.entries import (
    At,
    Case,
    Cause,
    ConductOption,
    FaultOption,
    Known,
    Minutes,
    Note,
    Product,
    PurposeOption,
    StaffOption,
    Summary,
    Tags,
    Words,
    given,
    say_recorded,
)
from custledger.cli.options import CustomerArgument, option
from custledger.cli.session import (
    Session,
    command,
    customer_of,
    entry_or_customer,
    minutes,
    moment,
    occurrence,
)
from custledger.core.records import Channel, Direction

__all__ = ["app"]

app = typer.Typer()


@command(
    app,
    "interaction",
    'custledger record interaction "Ann Miller" --channel phone --minutes 12',
    "custledger record interaction Ann --channel email --purpose complaint --fault ours",
)
def interaction(
    session: Session,
    customer: CustomerArgument,
    channel: Annotated[
        Channel, option("--channel", metavar="WORD", text=f"One of: {', '.join(Channel)}.")
    ],
    minutes_: Minutes = None,
    staff: StaffOption = None,
    purpose: PurposeOption = None,
    conduct: ConductOption = None,
    fault: FaultOption = None,
    direction: Annotated[
        Direction | None,
        option(
            "--direction", metavar="in|out", text="Who made contact. Default: in, the customer."
        ),
    ] = None,
    at: At = None,
    known_at: Known = None,
    summary: Summary = None,
    customer_words: Words = None,
    staff_note: Note = None,
    case: Case = None,
    product: Product = None,
    cause: Cause = None,
    tag: Tags = None,
) -> None:
    """Record a contact with a customer, and the staff time it took."""
    with session.open() as ledger:
        facts = given(
            handling_time=minutes(minutes_),
            staff=staff,
            purpose=purpose,
            conduct=conduct,
            fault=fault,
            direction=direction,
            occurred_at=occurrence(at, ledger),
            known_at=moment(known_at, ledger),
            summary=summary,
            customer_words=customer_words,
            staff_note=staff_note,
            case=case,
            product=product,
            cause=cause,
            tags=tag,
        )
        who = customer_of(ledger, customer)
        say_recorded(who.name, ledger.interactions.record(who, channel=channel, **facts))


@command(
    app,
    "evidence",
    'custledger record evidence "Ann Miller#7" --file mail.eml --caption "the complaint"',
    'custledger record evidence "Ann Miller" --file call.wav --limit 2000',
    'custledger record evidence "Ann Miller" --text "Call of 3 June, transcribed by Sam."',
)
def evidence(
    session: Session,
    to: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="A customer, or an entry as CUSTOMER#NUMBER.", show_default=False
        ),
    ],
    text: Annotated[
        str | None, option("--text", metavar="TEXT", text="The evidence itself.")
    ] = None,
    file: Annotated[
        Path | None,
        option(
            "--file",
            metavar="PATH",
            text="A file; it is copied. What is attached to a mail (.eml) is kept as well.",
        ),
    ] = None,
    caption: Annotated[str, option("--caption", metavar="TEXT", text="What it shows.")] = "",
    media_type: Annotated[
        str | None,
        option(
            "--media-type",
            metavar="TYPE",
            text="As image/png. Default: by the file's first bytes, then by its name.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        option("--limit", metavar="MIB", text="The largest size in MiB. Default: 256.", min=1),
    ] = None,
    at: At = None,
) -> None:
    """Attach a text or a file that shows what happened."""
    limit_bytes = LIMIT_BYTES if limit is None else limit * 2**20
    with session.open() as ledger:
        target = entry_or_customer(ledger, to)
        shared: dict[str, Any] = {
            "path": file,
            "caption": caption,
            "occurred_at": occurrence(at, ledger),
            "limit_bytes": limit_bytes,
        }
        if text is None and media_type is None and _is_mail(file):
            kept = ledger.evidence.attach_mail(target, **shared)
        else:
            kept = [ledger.evidence.attach(target, text=text, media_type=media_type, **shared)]
    for piece in kept:
        same = "" if piece.same_as is None else f" The same bytes as #{piece.same_as.seq}."
        size = f"{piece.size:,} bytes"
        typer.echo(f"Kept as evidence #{piece.id.seq}: {piece.media_type}, {size}.{same}")


def _is_mail(file: Path | None) -> bool:
    return file is not None and file.suffix.lower() == ".eml"
