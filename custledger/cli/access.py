"""Commands about what customers ask: access request, extend, answer, refuse, list, write."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer

from custledger.cli.options import AsOf, CustomerArgument, FormatOption, option
from custledger.cli.session import (
    Session,
    command,
    customer_or_id,
    day,
    entry_of,
    moment,
    say,
)
from custledger.core.privacy.subject_access import AccessRequest, AccessState, Contest
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words
from custledger.edges.subject_access import write_access
from custledger.edges.tables import Column, Format, safe, write_rows
from custledger.edges.wording import count
from custledger.errors import BadInputError, NotFoundError
from custledger.ledger import Ledger

__all__ = ["AllOption", "ReceivedAt", "ToldAt", "app", "name_of", "refused"]

app = typer.Typer(
    help="Requests of customers to see what is held: record, answer.",
    no_args_is_help=True,
)

How = Annotated[str, option("--how", metavar="TEXT", text="By which way: mail, at the counter.")]
ReceivedAt = Annotated[
    str | None,
    option("--received", metavar="TIME", text="When it arrived, as 2026-01-31. Default: now."),
]
ToldAt = Annotated[
    str | None,
    option("--at", metavar="TIME", text="When the customer was told. Default: now."),
]
ToldReason = Annotated[
    str, option("--reason", metavar="TEXT", text="Why, in the words that the customer was told.")
]
RequestArgument = Annotated[
    str,
    typer.Argument(
        metavar="REQUEST", help="As CUSTOMER#NUMBER: 'Ann Miller#7'.", show_default=False
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="Those that are closed, too.")]


@command(
    app,
    "request",
    'custledger access request "Ann Miller" --how mail',
    'custledger access request "Ann Miller" --how "at the counter" --received 2026-01-31',
)
def request(
    session: Session,
    customer: CustomerArgument,
    how: How,
    received: ReceivedAt = None,
    note: Annotated[str, option("--note", metavar="TEXT", text="For staff only.")] = "",
) -> None:
    """Record that a customer asked what is held about them; the answer is due within a month."""
    with session.open() as ledger:
        found = ledger.access.request(
            customer_or_id(ledger, customer),
            how=how,
            received_at=moment(received, ledger),
            note=note,
        )
    typer.echo(
        safe(f"Recorded as {customer}#{found.id.seq}. Answer by {day_in_words(found.due_on)}.")
    )


@command(
    app, "extend", 'custledger access extend "Ann Miller#7" --reason "ten years of mail to read"'
)
def extend(session: Session, entry: RequestArgument, reason: ToldReason, at: ToldAt = None) -> None:
    """Record that the customer was told why it takes longer: up to two further months.

    Only within the first month, and once (Art. 12(3) GDPR); else it is refused (exit code 1).
    """
    with session.open() as ledger:
        step = ledger.access.extend(
            entry_of(ledger, entry), reason=reason, told_at=moment(at, ledger)
        )
    refused(step.refusals)
    if step.request is not None:
        typer.echo(f"Extended: answer by {day_in_words(step.request.due_on)}.")


@command(
    app,
    "answer",
    'custledger access answer "Ann Miller#7" --how mail --file ann/access.json',
)
def answer(
    session: Session,
    entry: RequestArgument,
    how: How,
    at: ToldAt = None,
    file: Annotated[
        Path | None,
        option("--file", metavar="FILE", text="What was handed out; its SHA-256 is recorded."),
    ] = None,
) -> None:
    """Record that the customer has the answer."""
    digest = "" if file is None else _digest(file)
    with session.open() as ledger:
        step = ledger.access.answer(
            entry_of(ledger, entry), how=how, at=moment(at, ledger), digest=digest
        )
        today = ledger.today()
    refused(step.refusals)
    if step.request is not None:
        late = " That was late." if step.request.overdue(today) else ""
        typer.echo(safe(f"Answered: {entry}.{late}"))


@command(
    app,
    "refuse",
    'custledger access refuse "Ann Miller#7" --reason "the third time this week; nothing changed"',
)
def refuse(session: Session, entry: RequestArgument, reason: ToldReason, at: ToldAt = None) -> None:
    """Record that a request was refused, and why; tell the customer where to complain.

    Only what is manifestly unfounded or excessive may be refused (Art. 12(5) GDPR).
    """
    with session.open() as ledger:
        step = ledger.access.refuse(entry_of(ledger, entry), reason=reason, at=moment(at, ledger))
    refused(step.refusals)
    typer.echo(safe(f"Refused: {entry}."))


@dataclass(frozen=True)
class RequestRow:
    """A request as it is listed."""

    entry: str
    name: str
    received_on: date
    due_on: date
    state: str
    overdue: bool


_REQUESTS: Final = (
    Column("Request", lambda row: row.entry),
    Column("Received", lambda row: row.received_on.isoformat()),
    Column("Due", lambda row: row.due_on.isoformat()),
    Column("State", lambda row: f"{row.state}, overdue" if row.overdue else row.state),
)


@command(app, "list", "custledger access list", "custledger access list --all --format json")
def list_requests(
    session: Session,
    as_of: AsOf = None,
    everything: AllOption = False,
    form: FormatOption = Format.TEXT,
) -> None:
    """List the requests that wait for an answer, the earliest due first."""
    with session.open() as ledger:
        on = day(as_of) or ledger.today()
        found = ledger.access.all() if everything else ledger.access.open(on)
        rows = [_request_row(ledger, r, on) for r in found]
    if not rows and form is Format.TEXT:
        typer.echo("Nobody has asked." if everything else "Nobody waits for an answer.")
        return
    write_rows(rows, _REQUESTS, sys.stdout, form=form, kind=RequestRow)


@command(
    app,
    "write",
    'custledger access write "Ann Miller" -o ann',
    'custledger access write "Ann Miller" -o ann --foreword who-we-are.txt --dossier',
)
def write(
    session: Session,
    customer: CustomerArgument,
    to: Annotated[
        Path, option("--to", "-o", metavar="FOLDER", text="A folder that is new or empty.")
    ],
    foreword: Annotated[
        Path | None,
        option(
            "--foreword",
            metavar="FILE",
            text="A text: who you are, what for, who gets the data, which authority.",
        ),
    ] = None,
    staff_texts: Annotated[
        bool, typer.Option("--staff-texts", help="Tell what is written for staff only, too.")
    ] = False,
    staff_names: Annotated[
        bool, typer.Option("--staff-names", help="Name staff, instead of telling their role.")
    ] = False,
    dossier: Annotated[
        bool, typer.Option("--dossier", help="Put the customer's dossier beside it, as proof.")
    ] = False,
) -> None:
    """Write all that is held about a customer: a page, a text, JSON, and the evidence.

    With the score, its reasons and what would change it, decisions, periods and rights, in plain
    words. Notes among staff are left out, and it says so. Read it before you hand it out.
    """
    text = "" if foreword is None else _text(foreword)
    with session.open() as ledger:
        done = write_access(
            ledger,
            customer_or_id(ledger, customer),
            to,
            staff_texts=staff_texts,
            staff_names=staff_names,
            foreword=text,
            dossier=dossier,
        )
    report = done.report
    entries = count(len(report.entries), "entry", "entries")
    evidence = sum(name.startswith("evidence/") for name in done.files)
    files = count(evidence, "file") if evidence else "no files"
    typer.echo(safe(f"Wrote {to}: {entries}, {files} of evidence. Open {to / 'access.html'}."))
    if report.withheld:
        texts = count(report.withheld, "text")
        say(f"{texts} for staff only left out, and told so. To put them in: --staff-texts")
    if not text:
        say(
            "It does not say who you are, what the data are for, and who else gets them (Art. "
            "15(1) GDPR): put that into a text file, and name it with --foreword."
        )
    say("Read it before you hand it out: texts may name other people.")


def _request_row(ledger: Ledger, r: AccessRequest, on: date) -> RequestRow:
    name = name_of(ledger, r)
    late = r.state is AccessState.OPEN and r.overdue(on)
    return RequestRow(f"{name}#{r.id.seq}", name, r.received_on, r.due_on, r.state.value, late)


def name_of(ledger: Ledger, found: AccessRequest | Contest) -> str:
    """The name of the customer whose it is, or the id where nobody has it any more."""
    try:
        return ledger.customers.get(found.customer_id).name
    except NotFoundError:
        return str(found.customer_id)


def refused(refusals: tuple[Refusal, ...]) -> None:
    """Say why nothing was written, and end with exit code 1."""
    for refusal in refusals:
        typer.echo(safe(refusal.text))
    if refusals:
        say("Nothing was written.")
        raise typer.Exit(1)


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}. Check the path.") from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{file} is not text in UTF-8.") from error
