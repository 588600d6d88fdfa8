"""Commands about praise: praise add, consent, withdraw, list, void."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

import typer

from custledger.cli.entries import At, EntryArgument, Reason
from custledger.cli.options import (
    AsOf,
    CustomerArgument,
    FormatOption,
    OptionalCustomer,
    day_option,
    option,
)
from custledger.cli.referrals import name_of, refused
from custledger.cli.session import Session, command, customer_of, day, entry_of, moment
from custledger.core.records import Channel
from custledger.core.worth.praise import NameShown, Praise, Quote
from custledger.edges.tables import Column, Format, safe, write_rows
from custledger.edges.wording import short_id, words
from custledger.errors import BadInputError
from custledger.ledger import Ledger

__all__ = ["app"]

app = typer.Typer(help="What customers said well of us, and what may be quoted.")

Evidence = Annotated[
    str | None,
    option("--evidence", metavar="ENTRY", text="Evidence of the same customer that shows it."),
]
Linked = Annotated[
    str | None,
    option("--interaction", metavar="ENTRY", text="The contact in which it was said."),
]


@command(
    app,
    "add",
    'custledger praise add "Ann Miller" "The best cake in town!" --channel email',
    'custledger praise add "Ann Miller" "Thank you all." --channel visit --at 2026-05-04',
)
def add(
    session: Session,
    customer: CustomerArgument,
    text: Annotated[
        str, typer.Argument(metavar="WORDS", help="Word for word.", show_default=False)
    ],
    channel: Annotated[
        Channel, option("--channel", metavar="WORD", text=f"One of: {', '.join(Channel)}.")
    ],
    interaction: Linked = None,
    at: At = None,
) -> None:
    """Record praise, word for word. To quote it, ask first: custledger praise consent."""
    with session.open() as ledger:
        who = customer_of(ledger, customer)
        answer = ledger.praise.record(
            who,
            words=text,
            channel=channel,
            interaction=None if interaction is None else entry_of(ledger, interaction),
            occurred_at=moment(at, ledger),
        )
    if answer.praise is None:
        refused(answer.refusals)
    else:
        typer.echo(safe(f"Recorded as {who.name}#{answer.praise.id.seq}: praise."))


@command(
    app,
    "consent",
    'custledger praise consent "Ann Miller#7" --how "by mail" --name first_name',
    'custledger praise consent "Ann Miller#7" --how "by mail" --name full --until 2028-01-01',
)
def consent(
    session: Session,
    entry: EntryArgument,
    how: Annotated[str, option("--how", metavar="TEXT", text="How the customer said so.")],
    name: Annotated[
        NameShown, option("--name", metavar="WORD", text=f"One of: {', '.join(NameShown)}.")
    ],
    until: Annotated[
        datetime | None, day_option("--until", "The first day on which it no longer holds.")
    ] = None,
    evidence: Evidence = None,
) -> None:
    """Record that a praise may be quoted, and under which name; a newer consent replaces it."""
    with session.open() as ledger:
        answer = ledger.praise.may_quote(
            entry_of(ledger, entry),
            how=how,
            shown_name=name,
            until=day(until),
            evidence=None if evidence is None else entry_of(ledger, evidence),
        )
    if answer.praise is None:
        refused(answer.refusals)
    else:
        given = answer.praise.consents[-1]
        typer.echo(safe(f"{entry} may be quoted: {given.name or 'without a name'}."))


@command(app, "withdraw", 'custledger praise withdraw "Ann Miller#7" --note "by phone"')
def withdraw(
    session: Session,
    entry: EntryArgument,
    note: Annotated[str, option("--note", metavar="TEXT", text="How the customer said so.")] = "",
) -> None:
    """Record that the customer no longer wants to be quoted; it holds at once."""
    with session.open() as ledger:
        answer = ledger.praise.withdraw(entry_of(ledger, entry), note=note)
    if answer.praise is None:
        refused(answer.refusals)
    else:
        typer.echo(safe(f"{entry} is quoted no more. Take it down where it was published."))


@command(
    app,
    "list",
    "custledger praise list",
    "custledger praise list --quotable --format json > quotes.json",
)
def list_praise(
    session: Session,
    customer: OptionalCustomer = None,
    quotable: Annotated[
        bool, typer.Option("--quotable", help="Only what may be printed, with the name agreed to.")
    ] = False,
    as_of: AsOf = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """List praise; with --quotable nothing but the words and the name that was agreed to."""
    if quotable and customer is not None:
        raise BadInputError("--quotable is for all: it does not say who somebody is.")
    with session.open() as ledger:
        if quotable:
            quotes = ledger.praise.quotable(day(as_of))
            _write(quotes, _QUOTES, form, Quote, "Nothing may be quoted: no consent is in force.")
            return
        book = ledger.praise
        found = book.all() if customer is None else book.of(customer_of(ledger, customer))
        columns = _columns(ledger, day(as_of))
        _write(found, columns, form, Praise, "No praise is recorded.")


def _write(
    rows: list[Praise] | list[Quote],
    columns: tuple[Column, ...],
    form: Format,
    kind: type,
    nothing: str,
) -> None:
    if rows or form is not Format.TEXT:
        write_rows(rows, columns, sys.stdout, form=form, kind=kind)
    else:
        typer.echo(nothing)


@command(app, "void", 'custledger praise void "Ann Miller#7" --reason "it was another firm"')
def void(session: Session, entry: EntryArgument, reason: Reason) -> None:
    """Take a praise recorded by mistake, and its consents, out of the current state."""
    with session.open() as ledger:
        ledger.praise.void(entry_of(ledger, entry), reason=reason)
    typer.echo(f"Voided: {safe(entry)}.")


def _columns(ledger: Ledger, as_of: object) -> tuple[Column, ...]:
    today = as_of if as_of is not None else ledger.today()

    def consented(row: Praise) -> str | None:
        found = row.consent_on(today)  # type: ignore[arg-type]
        return None if found is None else found.name or words(found.shown_name)

    return (
        Column("Entry", lambda row: f"{short_id(row.customer_id)}#{row.id.seq}"),
        Column("Customer", lambda row: name_of(ledger, row.customer_id), wrap=True),
        Column("On", lambda row: row.said_on.isoformat()),
        Column("Words", lambda row: row.words, wrap=True, least=20),
        Column("May be quoted as", consented),
    )


_QUOTES = (
    Column("Words", lambda row: row.words, wrap=True, least=20),
    Column("Name", lambda row: row.name or None),
    Column("On", lambda row: row.said_on.isoformat()),
    Column("Until", lambda row: None if row.until is None else row.until.isoformat()),
)
