"""Commands about refund and cancellation terms: set, end, show, page, convey, conveyed."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from custledger.books.terms import TermsSet
from custledger.cli.entries import EntryArgument, Reason
from custledger.cli.options import CustomerArgument, FormatOption, day_option, option
from custledger.cli.session import Session, command, customer_of, day, entry_of, moment
from custledger.core.records import EntryRef
from custledger.core.refunds.conveyances import ConveyedTerms
from custledger.core.refunds.terms import RefundTerms
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words
from custledger.edges.tables import Column, Format, safe, write_rows
from custledger.edges.terms_file import read_terms
from custledger.edges.terms_page import PageForm, terms_page
from custledger.edges.wording import local_day
from custledger.errors import NotFoundError
from custledger.ledger import Ledger
from custledger.storage.files import replace_file
from custledger.storage.refunds.terms import TermsVersion

__all__ = ["app", "refuse"]

app = typer.Typer(
    help="Refund terms: set, show, a page of them, who was shown which.",
    no_args_is_help=True,
)

VersionOption = Annotated[
    int | None, option("--version", metavar="N", text="Default: the one in force.", min=1)
]
OnDay = Annotated[
    datetime | None, day_option("--on", "The one in force on this day. Default: today.")
]


def refuse(refusals: tuple[Refusal, ...]) -> None:
    """Say why nothing was written, and end with exit code 1; nothing to refuse, nothing said."""
    for refusal in refusals:
        typer.echo(safe(refusal.text), err=True)
    if refusals:
        typer.echo("Nothing was written.", err=True)
        raise typer.Exit(1)


@command(
    app,
    "set",
    "custledger terms set terms.toml",
    'custledger terms set old.toml --former --reason "on our website since 2020"',
)
def set_terms(
    session: Session,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The terms as a TOML file.", show_default=False),
    ],
    reason: Annotated[
        str | None,
        option("--reason", metavar="TEXT", text="Why; it stays in the history."),
    ] = None,
    former: Annotated[
        bool,
        typer.Option("--former", help="Terms that you had before you began with custledger."),
    ] = False,
) -> None:
    """Add a version of the terms; deals from its first day on are judged by it.

    From today, or from tomorrow where other terms are in force today; never from an earlier day.
    Terms that contradict themselves, undercut the law or overlap are refused (exit code 1).
    """
    facts = read_terms(file)
    if reason is not None:
        facts["reason"] = reason
    with session.open() as ledger:
        found = ledger.terms.set(**facts, former=former)
        refuse(found.refusals)
        _say_version("Set", found)


@command(app, "end", 'custledger terms end 2 --reason "a typing error in the year"')
def end(
    session: Session,
    version: Annotated[int, typer.Argument(metavar="N", help="The version.", show_default=False)],
    reason: Reason,
    on: Annotated[
        datetime | None, day_option("--on", "Its last day, today or later. Default: today.")
    ] = None,
) -> None:
    """Let a version end sooner; one that is not in force yet never comes into force."""
    with session.open() as ledger:
        found = ledger.terms.end(version, on=day(on), reason=reason)
        refuse(found.refusals)
        if found.version is None:
            typer.echo(f"Version {version} never comes into force.")
        else:
            _say_version("Changed", found)


@command(
    app,
    "show",
    "custledger terms show",
    "custledger terms show --format json",
)
def show(session: Session, form: FormatOption = Format.TEXT) -> None:
    """List all versions of the terms, and which one is in force today."""
    with session.open() as ledger:
        known = ledger.terms.all()
        inside = ledger.terms.current()
        if form is Format.TEXT and not known:
            typer.echo("No terms are set. Set them with: custledger terms set FILE.toml")
            return
        columns = (
            Column("Version", lambda v: str(v.terms.version), justify="right"),
            Column("From", lambda v: v.terms.effective_on.isoformat()),
            Column("Until", lambda v: _until(v, known)),
            Column("Goods", lambda v: _goods(v.terms)),
            Column("Services", lambda v: _services(v.terms)),
            Column("State", lambda v: _mark(v, inside)),
            Column("Reason", lambda v: v.reason, wrap=True, spare=True),
        )
        write_rows(known, columns, sys.stdout, form=form, kind=TermsVersion)


@command(
    app,
    "page",
    "custledger terms page",
    'custledger terms page --html -o terms.html --firm "Green Thumb" --contact help@example.org',
)
def page(
    session: Session,
    html: Annotated[bool, typer.Option("--html", help="A web page that stands by itself.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown.")] = False,
    text: Annotated[bool, typer.Option("--text", help="Plain text, which is the default.")] = False,
    out: Annotated[
        Path | None,
        option("--out", "-o", metavar="FILE", text="Where to write it. Default: print it."),
    ] = None,
    version: VersionOption = None,
    on: OnDay = None,
    firm: Annotated[str, option("--firm", metavar="NAME", text="The firm, in the title.")] = "",
    contact: Annotated[
        str, option("--contact", metavar="TEXT", text="Where to ask for a refund.")
    ] = "",
) -> None:
    """Write the terms as a page in plain words, for a website or a contract."""
    wanted = {PageForm.HTML: html, PageForm.MARKDOWN: markdown, PageForm.TEXT: text}
    forms = [form for form, said in wanted.items() if said]
    if len(forms) > 1:
        raise typer.BadParameter("Choose one of --html, --markdown and --text.")
    with session.open() as ledger:
        terms = _chosen(ledger, version, on).terms
    written = terms_page(terms, *forms, firm=firm, contact=contact)
    if out is None:
        sys.stdout.write(written)
        return
    replace_file(out, written.encode())
    typer.echo(f"Wrote version {terms.version} of the terms to {safe(str(out))}.")


@command(
    app,
    "convey",
    'custledger terms convey "Ann Miller" --how "with the offer, by e-mail"',
    "custledger terms convey 'Ann Miller' --how 'on the order page' --deal '#7' --evidence '#8'",
)
def convey(
    session: Session,
    customer: CustomerArgument,
    how: Annotated[str, option("--how", metavar="TEXT", text="How they were shown, and where.")],
    version: VersionOption = None,
    at: Annotated[
        str | None,
        option("--at", metavar="TIME", text="As 2026-01-31 or '2026-01-31 14:30'. Default: now."),
    ] = None,
    evidence: Annotated[
        str | None, option("--evidence", metavar="ENTRY", text="Evidence that shows it, as #8.")
    ] = None,
    deal: Annotated[
        str | None,
        option("--deal", metavar="ENTRY", text="For this sale, invoice or payment alone, as #7."),
    ] = None,
) -> None:
    """Record that a customer or prospect was shown the terms, before the deal."""
    with session.open() as ledger:
        who = customer_of(ledger, customer)
        found = ledger.terms.convey(
            who,
            how=how,
            version=version,
            conveyed_at=moment(at, ledger),
            evidence=_entry(ledger, who.id, evidence),
            deal=_entry(ledger, who.id, deal),
        )
        refuse(found.refusals)
    shown = found.conveyance
    assert shown is not None
    typer.echo(
        f"Recorded as {safe(who.name)}#{shown.id.seq}: version {shown.version} of the terms was "
        "shown."
    )


@command(app, "conveyed", 'custledger terms conveyed "Ann Miller"')
def conveyed(
    session: Session, customer: CustomerArgument, form: FormatOption = Format.TEXT
) -> None:
    """List which terms a customer was shown, when, and how."""
    with session.open() as ledger:
        found = ledger.terms.conveyances(customer_of(ledger, customer))
        columns = (
            Column("Entry", lambda c: f"#{c.id.seq}"),
            Column("Version", lambda c: str(c.version), justify="right"),
            Column("Shown", lambda c: local_day(c.conveyed_at, ledger.zone).isoformat()),
            Column("Recorded", lambda c: local_day(c.recorded_at, ledger.zone).isoformat()),
            Column("Deal", lambda c: _seq(c.deal)),
            Column("Evidence", lambda c: _seq(c.evidence)),
            Column("How", lambda c: c.how, wrap=True),
        )
        if form is Format.TEXT and not found:
            typer.echo("It is not recorded that this customer was shown any terms.")
            return
        write_rows(found, columns, sys.stdout, form=form, kind=ConveyedTerms)


@command(app, "unconvey", 'custledger terms unconvey "Ann Miller#9" --reason "sent to another Ann"')
def unconvey(session: Session, entry: EntryArgument, reason: Reason) -> None:
    """Take back a record of terms that were shown, if it was a mistake."""
    with session.open() as ledger:
        ledger.terms.void(entry_of(ledger, entry), reason=reason)
    typer.echo(f"Voided: {safe(entry)}.")


def _chosen(ledger: Ledger, version: int | None, on: datetime | None) -> TermsVersion:
    if version is not None:
        return ledger.terms.get(version)
    found = ledger.terms.current(day(on))
    if found is None:
        when = "today" if on is None else f"on {day_in_words(on.date())}"
        raise NotFoundError(
            f"No terms are in force {when}. See `custledger terms show`, and name a --version."
        )
    return found


def _entry(ledger: Ledger, customer: Any, text: str | None) -> EntryRef | None:
    if text is None:
        return None
    # The number alone is enough: it can only be an entry of the same customer.
    number = text.lstrip("#")
    return entry_of(ledger, f"{customer}#{number}" if number.isdigit() else text)


def _say_version(verb: str, found: TermsSet) -> None:
    assert found.version is not None
    terms = found.version.terms
    until = "" if terms.until is None else f" until {day_in_words(terms.until)}"
    typer.echo(
        f"{verb}: version {terms.version} of the terms, in force from "
        f"{day_in_words(terms.effective_on)}{until}."
    )


def _until(version: TermsVersion, known: list[TermsVersion]) -> str | None:
    if version.terms.until is not None:
        return version.terms.until.isoformat()
    later = [v.terms.version for v in known if v.terms.version > version.terms.version]
    return f"version {later[0]}" if later else None


def _goods(terms: RefundTerms) -> str | None:
    return None if terms.goods is None else f"{terms.goods.trial}: {terms.goods.percent} %"


def _services(terms: RefundTerms) -> str | None:
    if terms.services is None:
        return None
    return ", ".join(f"{tier.ahead}: {tier.percent} %" for tier in terms.services.tiers)


def _mark(version: TermsVersion, inside: TermsVersion | None) -> str:
    marks = ["in force"] if inside == version else []
    return ", ".join([*marks, "former"] if version.former else marks)


def _seq(ref: EntryRef | None) -> str | None:
    return None if ref is None else f"#{ref.seq}"
