"""Commands about unpaid invoices: receivables show, due, statement, step, exempt, dispute ..."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

import typer

from custledger.cli.entries import At, EntryArgument, Note, Reason, Words
from custledger.cli.options import AsOf, CustomerArgument, FormatOption, day_option, option
from custledger.cli.receivables_shown import (
    DUE,
    LADDER,
    DueStep,
    Owed,
    Step,
    due_rows,
    ladder_in_words,
    owed_rows,
    print_report,
    statement_lines,
    step_rows,
)
from custledger.cli.session import (
    Session,
    command,
    customer_of,
    day,
    entry_of,
    money_of,
    occurrence,
    tell,
)
from custledger.core.checks import check_member
from custledger.core.complaints.events import Outcome
from custledger.core.money import Money
from custledger.core.receivables.debts import OpenInvoice
from custledger.core.receivables.ladder import HARDSHIP_DAYS, LadderStep, Rung
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words
from custledger.edges.tables import Format, safe, write_json, write_rows
from custledger.edges.wording import words
from custledger.errors import BadInputError
from custledger.ledger import Ledger

__all__ = ["app"]

app = typer.Typer(
    help="What is unpaid, by age; steps, exemptions and disputes.", no_args_is_help=True
)

_PREPAYMENT: Final = (
    "This records that prepayment was proposed. It binds nobody until a named person has decided "
    "it, with reasons that the customer can appeal against."
)
Pairs = list[str] | None


@command(
    app,
    "show",
    "custledger receivables show",
    "custledger receivables show --as-of 2026-06-30 --format csv",
)
def show(session: Session, as_of: AsOf = None, form: FormatOption = Format.TEXT) -> None:
    """Show what is unpaid, by age, customer by customer and in all."""
    with session.open() as ledger:
        report = ledger.receivables.as_of(day(as_of))
    if form is Format.JSON:
        write_json(report, sys.stdout)
    elif form is Format.CSV:
        write_rows(owed_rows(report), [], sys.stdout, form=form, kind=Owed)
    else:
        print_report(report)


@command(app, "due", "custledger receivables due", "custledger receivables due --as-of 2026-06-30")
def due(session: Session, as_of: AsOf = None, form: FormatOption = Format.TEXT) -> None:
    """List the steps that are due, the longest due first; they are proposed, and none is taken."""
    with session.open() as ledger:
        found = ledger.receivables.due(day(as_of))
    if form is Format.JSON:
        write_json(found, sys.stdout)
    elif form is Format.TEXT and not found:
        typer.echo("No step is due.")
    else:
        write_rows(due_rows(found), DUE, sys.stdout, form=form, kind=DueStep)
    if form is Format.TEXT and found:
        tell(
            "A step is taken by a person, and then recorded: custledger receivables step CUSTOMER "
            "STEP. Look at the statement first: custledger receivables statement CUSTOMER."
        )


@command(app, "statement", 'custledger receivables statement "Ann Miller"')
def statement(
    session: Session,
    customer: CustomerArgument,
    as_of: AsOf = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Tell how one customer stands: what is owed, what was done about it, what comes next."""
    with session.open() as ledger:
        found = ledger.receivables.statement(customer_of(ledger, customer), as_of=day(as_of))
    if form is Format.JSON:
        write_json(found, sys.stdout)
    elif form is Format.CSV:
        invoices = (*found.receivables.open, *found.receivables.disputed)
        write_rows(invoices, [], sys.stdout, form=form, kind=OpenInvoice)
    else:
        for line in statement_lines(found):
            typer.echo(safe(line))


@command(
    app,
    "step",
    'custledger receivables step "Ann Miller" reminder --summary "a friendly mail"',
    'custledger receivables step "Ann Miller" write_off --write-off',
)
def step(
    session: Session,
    customer: CustomerArgument,
    taken: Annotated[
        LadderStep,
        typer.Argument(
            metavar="STEP", help=f"One of: {', '.join(LadderStep)}.", show_default=False
        ),
    ],
    summary: Annotated[
        str, option("--summary", metavar="TEXT", text="What was done, and what was said.")
    ] = "",
    staff_note: Note = None,
    at: At = None,
    write_off: Annotated[
        bool, typer.Option("--write-off", help="With write_off: give up what is owed, too.")
    ] = False,
) -> None:
    """Record that the step which is due was taken; steps are not skipped."""
    with session.open() as ledger:
        who = customer_of(ledger, customer)
        outcome = ledger.receivables.take_step(
            who,
            taken,
            summary=summary,
            staff_note=staff_note or "",
            occurred_at=occurrence(at, ledger),
            write_off=write_off,
        )
    _say_refusals(outcome.refusals)
    assert outcome.step is not None
    about = ", ".join(f"#{ref.seq}" for ref in outcome.step.invoices)
    owed = " and ".join(map(str, outcome.step.owed))
    typer.echo(
        f"Recorded as {safe(who.name)}#{outcome.step.id.seq}: {words(taken)}, about {about}, "
        f"{owed} owed."
    )
    for ref in outcome.write_offs:
        typer.echo(f"Written off: {safe(who.name)}#{ref.seq}.")
    if taken is LadderStep.PREPAYMENT_ONLY:
        tell(_PREPAYMENT)
    elif taken is LadderStep.WRITE_OFF and not write_off:
        tell(
            "Nothing was written off: record what you give up with custledger record write-off, "
            "or say --write-off with this step."
        )


@command(
    app,
    "exempt",
    'custledger receivables exempt "Ann Miller" --until 2026-09-01 --reason "pays on 31 August"',
    'custledger receivables exempt "Ann Miller" --until 2026-09-01 --reason ill --invoice "#7"',
)
def exempt(
    session: Session,
    customer: CustomerArgument,
    until: Annotated[datetime, day_option("--until", "The first day on which the ladder goes on.")],
    reason: Reason,
    invoice: Annotated[
        str | None, option("--invoice", metavar="ENTRY", text="Only this invoice, as #7.")
    ] = None,
) -> None:
    """Pause the ladder for a customer until a day, for a reason."""
    with session.open() as ledger:
        who = customer_of(ledger, customer)
        named = None if invoice is None else entry_of(ledger, _of(who.id, invoice))
        outcome = ledger.receivables.exempt(who, until=until.date(), reason=reason, invoice=named)
    _say_refusals(outcome.refusals)
    assert outcome.exemption is not None
    entry = f"{safe(who.name)}#{outcome.exemption.id.seq}"
    typer.echo(
        f"Recorded as {entry}: no step before {day_in_words(until.date())}. To end it before: "
        f"custledger receivables end-exemption '{entry}' --reason ..."
    )


@command(
    app,
    "end-exemption",
    'custledger receivables end-exemption "Ann Miller#9" --reason "she asked to be reminded"',
)
def end_exemption(session: Session, entry: EntryArgument, reason: Reason) -> None:
    """End an exemption today, before its time."""
    with session.open() as ledger:
        outcome = ledger.receivables.end_exemption(entry_of(ledger, entry), reason=reason)
    _say_refusals(outcome.refusals)
    typer.echo(f"Ended: {safe(entry)}.")


@command(
    app,
    "dispute",
    'custledger receivables dispute "Ann Miller#7" --reason "the wine was corked"',
)
def dispute(
    session: Session,
    entry: EntryArgument,
    reason: Reason,
    customer_words: Words = None,
    at: At = None,
) -> None:
    """Record that a customer disputes an invoice: it is left out until that is settled."""
    with session.open() as ledger:
        outcome = ledger.receivables.dispute(
            entry_of(ledger, entry),
            reason=reason,
            customer_words=customer_words or "",
            occurred_at=occurrence(at, ledger),
        )
    _say_refusals(outcome.refusals)
    assert outcome.dispute is not None
    typer.echo(
        f"Recorded as #{outcome.dispute.id.seq}: {outcome.dispute.amount} of {safe(entry)} is left "
        "out of what is asked for until the dispute is settled."
    )


@command(
    app,
    "settle",
    'custledger receivables settle "Ann Miller#7" --outcome not_upheld --reason "we tasted it"',
)
def settle(
    session: Session,
    entry: EntryArgument,
    outcome: Annotated[
        Outcome,
        option("--outcome", metavar="WORD", text=f"Was the customer right? {', '.join(Outcome)}."),
    ],
    reason: Reason,
    at: At = None,
) -> None:
    """Record how the dispute of an invoice ended.

    Where the customer was right, correct, void or write off the invoice first.
    """
    with session.open() as ledger:
        settled = ledger.receivables.settle_dispute(
            entry_of(ledger, entry),
            outcome=outcome,
            reason=reason,
            occurred_at=occurrence(at, ledger),
        )
    _say_refusals(settled.refusals)
    typer.echo(f"Settled: {safe(entry)}, {words(outcome)}.")


@command(
    app, "void", 'custledger receivables void "Ann Miller#8" --reason "it was another customer"'
)
def void(session: Session, entry: EntryArgument, reason: Reason) -> None:
    """Take back a step, exemption or dispute that was recorded by mistake."""
    with session.open() as ledger:
        ledger.receivables.void(entry_of(ledger, entry), reason=reason)
    typer.echo(f"Voided: {safe(entry)}. The history keeps it.")


@command(app, "ladder", "custledger receivables ladder")
def ladder(session: Session, as_of: AsOf = None, form: FormatOption = Format.TEXT) -> None:
    """Show the ladder: which step is due when."""
    with session.open() as ledger:
        found = ledger.receivables.ladder(day(as_of))
    if form is Format.JSON:
        write_json(found, sys.stdout)
        return
    write_rows(step_rows(found), LADDER, sys.stdout, form=form, kind=Step)
    if form is Format.TEXT:
        tell(ladder_in_words(found))


@command(
    app,
    "set-ladder",
    "custledger receivables set-ladder --step reminder=7 --step call=21 --step collection=60",
    "custledger receivables set-ladder --step reminder=7 --minimum reminder=20 --hardship-days 60",
)
def set_ladder(
    session: Session,
    steps: Annotated[
        list[str],
        option("--step", metavar="STEP=DAYS", text="A step, days past due; mildest first."),
    ],
    minimum: Annotated[
        Pairs, option("--minimum", metavar="STEP=AMOUNT", text="Least amount for a step.")
    ] = None,
    invoices: Annotated[
        Pairs, option("--invoices", metavar="STEP=N", text="Least number of invoices for a step.")
    ] = None,
    hardship_days: Annotated[
        int,
        option(
            "--hardship-days",
            metavar="DAYS",
            text=f"How long the tag hardship pauses it. Default: {HARDSHIP_DAYS}.",
        ),
    ] = HARDSHIP_DAYS,
    effective: Annotated[
        datetime | None, day_option("--effective", "From this day on. Default: today.")
    ] = None,
    reason: Annotated[str, option("--reason", metavar="TEXT", text="Why, if that is of use.")] = "",
) -> None:
    """Add a version of the ladder; the older ones stay for the days on which they held."""
    with session.open() as ledger:
        outcome = ledger.receivables.set_ladder(
            _rungs(ledger, steps, minimum or [], invoices or []),
            effective_on=day(effective),
            hardship_days=hardship_days,
            reason=reason,
        )
    _say_refusals(outcome.refusals)
    assert outcome.ladder is not None
    typer.echo(
        f"Set: version {outcome.ladder.version}, from "
        f"{day_in_words(outcome.ladder.effective_on)} on."
    )


def _say_refusals(refusals: Sequence[Refusal]) -> None:
    for refusal in refusals:
        typer.echo(safe(refusal.text))
    if refusals:
        typer.echo("Nothing was written.")
        raise typer.Exit(1)


def _of(customer: object, entry: str) -> str:
    """The number alone is enough: it can only be an entry of the same customer."""
    number = entry.lstrip("#")
    return f"{customer}#{number}" if number.isdigit() else entry


def _rungs(
    ledger: Ledger, steps: Sequence[str], minimum: Sequence[str], invoices: Sequence[str]
) -> list[Rung]:
    days = {step: _whole(text) for step, text in _pairs("--step", steps)}
    least: dict[LadderStep, tuple[Money, ...]] = {}
    for named, text in _pairs("--minimum", minimum):
        number, _, currency = text.partition(" ")
        least[named] = (*least.get(named, ()), money_of(number, currency or None, ledger))
    numbers = {step: _whole(text) for step, text in _pairs("--invoices", invoices)}
    for unknown in (least.keys() | numbers.keys()) - days.keys():
        raise BadInputError(f"The ladder has no step {unknown}: name it with --step as well.")
    return [Rung(s, n, least.get(s, ()), numbers.get(s, 1)) for s, n in days.items()]


def _pairs(name: str, given: Sequence[str]) -> list[tuple[LadderStep, str]]:
    found = []
    for text in given:
        step, mark, value = text.partition("=")
        if not mark:
            raise BadInputError(f"{name} takes a step and a value, as reminder=7, not {text!r}.")
        found.append((check_member(LadderStep, step.strip().replace("-", "_")), value.strip()))
    return found


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise BadInputError(f"{text!r} is not a whole number. Write it like reminder=7.")
    return int(text)
