"""Commands about briefings: brief; briefing acknowledge, acknowledged, outstanding, send."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final, Literal

import typer

from custledger.cli.options import AsOf, FormatOption, OptionalCustomer, option
from custledger.cli.session import Session, command, customer_of, day, tell
from custledger.core.briefings.acknowledgements import Acknowledgement, Outstanding
from custledger.core.briefings.content import AS_USUAL, CustomerBriefing, TeamBriefing
from custledger.core.briefings.html import html_of
from custledger.core.briefings.pages import Briefing, subject_of
from custledger.core.briefings.text import text_of
from custledger.core.words import short_id
from custledger.edges.mailing import MailServer, send_briefing
from custledger.edges.notifying import notify
from custledger.edges.tables import Column, Format, safe, write_json, write_rows
from custledger.edges.wording import count, local_day
from custledger.errors import BadInputError
from custledger.ledger import Ledger

__all__ = ["app", "briefings"]

app = typer.Typer()
briefings = typer.Typer(
    help="Acknowledge a briefing, list who has not read it, send it.",
    no_args_is_help=True,
)
OneCustomer = Annotated[
    str | None,
    option("--customer", "-c", metavar="CUSTOMER", text="On this customer. Default: the team's."),
]


@command(
    app,
    "brief",
    "custledger brief",
    "custledger brief --as-of 2026-06-30 > briefing.txt",
    'custledger brief --customer "Ann Miller"',
    "custledger brief --html > briefing.html",
)
def brief(
    session: Session,
    customer: OneCustomer = None,
    as_of: AsOf = None,
    form: FormatOption = Format.TEXT,
    html: Annotated[
        bool, typer.Option("--html", help="As a page for a phone, a screen or paper.")
    ] = False,
) -> None:
    """Write the briefing for staff: who is flagged, what is decided.

    In respectful words: what is decided, what is known, how to deal with them and who to call.
    """
    if html and form is not Format.TEXT:
        raise BadInputError("--html and --format exclude each other: name one of them.")
    with session.open() as ledger:
        found = _briefing(ledger, customer, as_of)
    if html:
        typer.echo(html_of(found), nl=False)
    elif form is Format.TEXT:
        typer.echo(safe(text_of(found)), nl=False)
    elif form is Format.JSON:
        write_json(found, sys.stdout)
    else:
        rows = found.customers if isinstance(found, TeamBriefing) else (found,)
        write_rows(rows, [], sys.stdout, form=form, kind=CustomerBriefing)


@command(
    briefings,
    "acknowledge",
    "custledger briefing acknowledge 5dc5fd206a08",
    "custledger briefing acknowledge 5dc5fd206a08 --staff Sam --on-paper",
)
def acknowledge(
    session: Session,
    version: Annotated[
        str,
        typer.Argument(
            metavar="VERSION", help="As the briefing shows it, at its end.", show_default=False
        ),
    ],
    staff: Annotated[
        str | None,
        option("--staff", metavar="NAME", text="Who signed, if not you; with --on-paper."),
    ] = None,
    on_paper: Annotated[
        bool, typer.Option("--on-paper", help="An owner records a signature that is on paper.")
    ] = False,
) -> None:
    """Record that you have read a briefing, by its version.

    The team's covers the customers in it. Exits with 1 where that is not the current version, or
    was acknowledged already; nothing is written then.
    """
    with session.open() as ledger:
        answer = ledger.briefings.acknowledge(version, staff=staff, on_paper=on_paper)
    for refusal in answer.refusals:
        typer.echo(safe(refusal.text))
    if answer.acknowledgement is None:
        raise typer.Exit(1)
    done = answer.acknowledgement
    whose = "the team's briefing" if done.customer_id is None else "the customer's briefing"
    typer.echo(safe(f"{done.staff} has read {whose}, version {done.version}."))


@command(
    briefings,
    "acknowledged",
    "custledger briefing acknowledged",
    'custledger briefing acknowledged "Ann Miller" --format csv',
)
def acknowledged(
    session: Session, customer: OptionalCustomer = None, form: FormatOption = Format.TEXT
) -> None:
    """List who acknowledged which version when: of the team's briefing, or of a customer's."""
    with session.open() as ledger:
        who = None if customer is None else customer_of(ledger, customer)
        rows = ledger.briefings.acknowledged(who)
        columns = _acknowledged_columns(ledger)
    write_rows(rows, columns, sys.stdout, form=form, kind=Acknowledgement)


@command(
    briefings,
    "outstanding",
    "custledger briefing outstanding",
    "custledger briefing outstanding --format json",
)
def outstanding(session: Session, as_of: AsOf = None, form: FormatOption = Format.TEXT) -> None:
    """List who has not acknowledged which briefing as it is now.

    Who acknowledged something that no longer holds is told that once: serve them as usual again.
    """
    with session.open() as ledger:
        rows = ledger.briefings.outstanding(day(as_of))
        team = ledger.briefings.team(day(as_of))
    if form is Format.TEXT and not rows:
        typer.echo("Nothing is outstanding: everybody has read what there is to know.")
        return
    write_rows(rows, _OUTSTANDING, sys.stdout, form=form, kind=Outstanding)
    if form is Format.TEXT:
        people = len({row.staff_id for row in rows})
        tell(
            f"{count(people, 'person has', 'people have')} something to read: custledger brief. "
            "Acknowledging the team's briefing covers all of it: custledger briefing acknowledge "
            f"{team.version}"
        )


def _setting(*names: str, metavar: str, text: str, variable: str) -> Any:
    said = f"{text} Or ${variable}."
    return option(*names, metavar=metavar, text=said, envvar=variable, show_envvar=False)


@command(
    briefings,
    "send",
    "custledger briefing send --to sam@bakery.example --from olga@bakery.example "
    "--host mail.bakery.example",
    'custledger briefing send --customer "Ann Miller" --to sam@bakery.example',
    "custledger briefing send --notify ntfy://bakery-staff",
)
def send(
    session: Session,
    to: Annotated[
        list[str] | None, option("--to", metavar="ADDRESS", text="Mail it to; may be repeated.")
    ] = None,
    notifying: Annotated[
        list[str] | None,
        option("--notify", metavar="URL", text="Announce it through Apprise; may be repeated."),
    ] = None,
    customer: OneCustomer = None,
    sender: Annotated[
        str | None,
        _setting(
            "--from", metavar="ADDRESS", text="Who mails it.", variable="CUSTLEDGER_SMTP_SENDER"
        ),
    ] = None,
    host: Annotated[
        str | None,
        _setting("--host", metavar="HOST", text="Mail server.", variable="CUSTLEDGER_SMTP_HOST"),
    ] = None,
    port: Annotated[
        int | None,
        _setting(
            "--port",
            metavar="N",
            text="Default: 587, tls: 465, none: 25.",
            variable="CUSTLEDGER_SMTP_PORT",
        ),
    ] = None,
    security: Annotated[
        str,
        _setting(
            "--security",
            metavar="starttls|tls|none",
            text="Default: starttls.",
            variable="CUSTLEDGER_SMTP_SECURITY",
        ),
    ] = "starttls",
    user: Annotated[
        str | None,
        _setting("--user", metavar="NAME", text="Login, if any.", variable="CUSTLEDGER_SMTP_USER"),
    ] = None,
) -> None:
    """Mail a briefing, or announce it by chat, push message and so on.

    The password of the mail server is in $CUSTLEDGER_SMTP_PASSWORD. An announcement says that there
    is something to read, and neither what nor about whom. Sending acknowledges nothing.
    """
    if not to and not notifying:
        raise BadInputError("Say where it goes: --to ADDRESS for mail, or --notify URL.")
    server = _server(host, port, security, user) if to else None
    with session.open() as ledger:
        found = _briefing(ledger, customer, None)
        moment = ledger.context.now()
    if to and server is not None:
        if sender is None:
            raise BadInputError("Say who mails it: --from ADDRESS, or $CUSTLEDGER_SMTP_SENDER.")
        send_briefing(found, server, sender=sender, recipients=to, moment=moment)
        typer.echo(safe(f"Mailed to {', '.join(to)}: {subject_of(found)}, {found.version}."))
    if notifying:
        services = notify(found, notifying)
        typer.echo(f"Announced through {count(services, 'service')}.")


def _server(host: str | None, port: int | None, security: str, user: str | None) -> MailServer:
    if host is None:
        raise BadInputError("Name the mail server: --host HOST, or $CUSTLEDGER_SMTP_HOST.")
    chosen = _SECURITY.get(security)
    if chosen is None:
        raise BadInputError(f"--security is one of {', '.join(_SECURITY)}, not {security!r}.")
    return MailServer(host, port or _PORTS[chosen], chosen, user)


_Security = Literal["starttls", "tls", "none"]
_SECURITY: Final[dict[str, _Security]] = {"starttls": "starttls", "tls": "tls", "none": "none"}
_PORTS: Final[dict[_Security, int]] = {"starttls": 587, "tls": 465, "none": 25}


def _briefing(ledger: Ledger, customer: str | None, as_of: Any) -> Briefing:
    if customer is None:
        return ledger.briefings.team(day(as_of))
    return ledger.briefings.of(customer_of(ledger, customer), day(as_of))


def _version(row: Outstanding) -> str:
    return "as usual again" if row.version == AS_USUAL else row.version


def _acknowledged_columns(ledger: Ledger) -> tuple[Column, ...]:
    return (
        Column("Day", lambda row: local_day(row.at, ledger.zone).isoformat()),
        Column("Who", lambda row: row.staff, wrap=True),
        Column("Version", lambda row: row.version),
        Column("On paper", lambda row: "yes" if row.on_paper else None),
    )


_OUTSTANDING: Final = (
    Column("Who", lambda row: row.staff, wrap=True),
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Id", lambda row: short_id(row.customer_id), spare=True),
    Column("Version", _version),
    Column("Acknowledged last", lambda row: row.seen or None),
)
