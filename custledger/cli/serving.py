"""The one door on the command line: check."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from custledger.cli.decision_shown import name_of
from custledger.cli.options import FormatOption, option
from custledger.cli.session import Session, command, customer_of, moment, say
from custledger.core.decisions.scope import Action
from custledger.core.records import Channel
from custledger.edges.tables import Format, safe, write_json
from custledger.errors import BadInputError, NotFoundError
from custledger.ledger import Ledger

__all__ = ["app"]

app = typer.Typer()


@command(
    app,
    "check",
    'custledger check "Ann Miller" order',
    "custledger check ann@example.org ticket --channel email",
)
def check(
    session: Session,
    who: Annotated[
        str,
        typer.Argument(
            metavar="WHO",
            help="A customer, or an e-mail address or phone number of whoever it is.",
            show_default=False,
        ),
    ],
    action: Annotated[
        Action,
        typer.Argument(metavar="ACTION", help=f"One of: {', '.join(Action)}.", show_default=False),
    ],
    channel: Annotated[
        Channel | None,
        option("--channel", metavar="WORD", text=f"One of: {', '.join(Channel)}."),
    ] = None,
    prepaid: Annotated[
        bool, typer.Option("--prepaid", help="It is paid before it is handed over.")
    ] = False,
    already_paid: Annotated[
        bool, typer.Option("--already-paid", help="It was paid before the decision.")
    ] = False,
    contact: Annotated[
        list[str] | None,
        option("--contact", metavar="TEXT", text="An address or number of the order; repeat."),
    ] = None,
    at: Annotated[
        str | None,
        option("--at", metavar="TIME", text="As 2026-01-31 or '2026-01-31 14:30'. Default: now."),
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Ask if somebody may order, book or call: allow, warn or deny.

    The exit code is 0 for all three: it is the answer that counts. An e-mail address or a phone
    number is nobody in person: what comes in under one is at most a warning.
    """
    with session.open() as ledger:
        answer = ledger.check_service(
            _who(ledger, who),
            action,
            channel=channel,
            prepaid=prepaid,
            already_paid=already_paid,
            contacts=contact or (),
            at=moment(at, ledger),
        )
        if form is not Format.TEXT:
            if form is Format.CSV:
                raise BadInputError("An answer is printed as text or json, not as csv.")
            write_json(answer, sys.stdout)
            return
        typer.echo(answer.verdict.value)
        for reason in answer.reasons:
            typer.echo(safe(reason))
        if answer.staff_text:
            typer.echo(safe(f"Staff: {answer.staff_text}"))
        if answer.customer_text:
            typer.echo(safe(f"Tell the customer: {answer.customer_text}"))
        if answer.decision is not None:
            name, number = name_of(ledger, answer.decision), answer.decision.seq
            say(f"See: custledger decision show '{safe(name)}#{number}'")


def _who(ledger: Ledger, text: str) -> Any:
    """An address or a number as it is; all else must find a customer."""
    if "@" in text or (text.lstrip("+ (").replace(" ", "")[:4].isdigit() and " " in text.strip()):
        return text
    try:
        return customer_of(ledger, text)
    except NotFoundError:
        if text.strip("+").isdigit():
            return text
        raise
