"""The commands record interaction and record evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    entry_of,
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
        Path | None, option("--file", metavar="PATH", text="A file of any size; it is copied.")
    ] = None,
    caption: Annotated[str, option("--caption", metavar="TEXT", text="What it shows.")] = "",
    media_type: Annotated[
        str | None,
        option("--media-type", metavar="TYPE", text="As image/png. Default: by the file's name."),
    ] = None,
    at: At = None,
) -> None:
    """Attach a text or a file that shows what happened."""
    with session.open() as ledger:
        target = entry_of(ledger, to) if _names_entry(to) else customer_of(ledger, to)
        kept = ledger.evidence.attach(
            target,
            text=text,
            path=file,
            caption=caption,
            media_type=media_type,
            occurred_at=occurrence(at, ledger),
        )
    typer.echo(f"Kept as evidence #{kept.id.seq}: {kept.media_type}, {kept.size:,} bytes.")


def _names_entry(text: str) -> bool:
    number = text.rpartition("#")[2] if "#" in text else text.rpartition("/")[2]
    return number != text and number.isdigit()
