"""What the commands that write entries have in common: options, and how they answer."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from custledger.cli.options import option
from custledger.core.records import Conduct, Fault, Interaction, MoneyEntry, Purpose
from custledger.edges.tables import safe
from custledger.edges.wording import described

__all__ = [
    "Amount",
    "AppliesTo",
    "At",
    "Case",
    "Cause",
    "ConductOption",
    "EntryArgument",
    "FaultOption",
    "Known",
    "Minutes",
    "Note",
    "Product",
    "PurposeOption",
    "Reason",
    "StaffOption",
    "Summary",
    "Tags",
    "Words",
    "given",
    "say_recorded",
]

At = Annotated[
    str | None,
    option("--at", metavar="TIME", text="As 2026-01-31 or '2026-01-31 14:30'. Default: now."),
]
Known = Annotated[
    str | None, option("--known-at", metavar="TIME", text="When it became known. Default: now.")
]
PurposeOption = Annotated[
    Purpose | None, option("--purpose", metavar="WORD", text=f"One of: {', '.join(Purpose)}.")
]
ConductOption = Annotated[
    Conduct | None,
    option("--conduct", metavar="WORD", text=f"Adverse conduct, if any: {', '.join(Conduct)}."),
]
FaultOption = Annotated[
    Fault | None,
    option("--fault", metavar="WORD", text=f"{', '.join(Fault)}. Default: unknown."),
]
Minutes = Annotated[
    float | None, option("--minutes", metavar="N", text="Handling time. Unknown is not zero.")
]
StaffOption = Annotated[
    str | None, option("--staff", metavar="NAME", text="Who handled it, as registered.")
]
Summary = Annotated[str | None, option("--summary", metavar="TEXT", text="The staff's account.")]
Words = Annotated[
    str | None,
    option("--customer-words", metavar="TEXT", text="What the customer said, word for word."),
]
Note = Annotated[str | None, option("--staff-note", metavar="TEXT", text="For staff only.")]
Product = Annotated[str | None, option("--product", metavar="TEXT", text="What it was about.")]
Cause = Annotated[str | None, option("--cause", metavar="TEXT", text="What caused it.")]
Case = Annotated[
    str | None, option("--case", metavar="REF", text="A reference that links contacts.")
]
Tags = Annotated[
    list[str] | None,
    option("--tag", metavar="TAG", text="May be repeated; accommodation, hardship charge nobody."),
]
Amount = Annotated[
    str, typer.Argument(metavar="AMOUNT", help="In major units: 12.50.", show_default=False)
]
AppliesTo = Annotated[
    str | None,
    option("--applies-to", metavar="ENTRY", text="The invoice or sale it belongs to, as #7."),
]
EntryArgument = Annotated[
    str,
    typer.Argument(metavar="ENTRY", help="As CUSTOMER#NUMBER: 'Ann Miller#7'.", show_default=False),
]
Reason = Annotated[str, option("--reason", metavar="TEXT", text="Why; it stays in the history.")]


def given(**facts: Any) -> dict[str, Any]:
    """The facts that were named; the others keep their defaults."""
    return {name: value for name, value in facts.items() if value is not None}


def say_recorded(name: str, record: Interaction | MoneyEntry) -> None:
    """Say what was recorded, and under which name it can be corrected."""
    typer.echo(f"Recorded as {safe(name)}#{record.id.seq}: {safe(described(record))}.")
