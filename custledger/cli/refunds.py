"""Commands about requests for money back: assess, advise, choose, outcome, cases, report."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from custledger.cli.entries import EntryArgument, Reason
from custledger.cli.options import AsOf, FormatOption, OptionalCustomer, option
from custledger.cli.refund_options import Asked, about_request
from custledger.cli.session import Session, command, customer_of, day, entry_of, minutes
from custledger.cli.terms import refuse
from custledger.core.money import Money
from custledger.core.refunds.advice import Choice, Estimate
from custledger.core.refunds.cases import RefundCase
from custledger.core.refunds.choices import RequestAdvice
from custledger.edges.advice_text import assessment_in_words, print_advice
from custledger.edges.tables import Column, Format, safe, write_json, write_rows
from custledger.edges.wording import local_day
from custledger.errors import BadInputError
from custledger.ledger import Ledger

__all__ = ["app"]

app = typer.Typer(
    help="Requests for money back: what is due, refund or contest.",
    no_args_is_help=True,
)

GoodsBack = Annotated[
    str | None,
    option("--goods-back", metavar="AMOUNT", text="What goods that come back are worth."),
]
NotByCard = Annotated[
    bool, typer.Option("--not-by-card", help="The bank cannot take this payment back.")
]


@command(
    app,
    "assess",
    'custledger refund assess "Ann Miller#7" --sold goods --delivered 2026-06-01',
    'custledger refund assess "Ann Miller#8" --sold service --service-on 2026-07-20',
)
@about_request
def assess(
    session: Session, asked: Asked, as_of: AsOf = None, form: FormatOption = Format.TEXT
) -> None:
    """Say what is due on a request, by the terms, the law and fairness; writes nothing.

    That nothing is due is an answer too, with its reasons.
    """
    with session.open() as ledger:
        found = ledger.refunds.assess(
            asked.customer(ledger),
            asked.payment(ledger),
            asked.request(ledger),
            as_of=day(as_of),
            **asked.facts(ledger),
        )
    if form is Format.TEXT:
        typer.echo(assessment_in_words(found))
    else:
        _write_one(found, form)


@command(
    app,
    "advise",
    'custledger refund advise "Ann Miller#7" --sold goods --delivered 2026-06-01',
)
@about_request
def advise(
    session: Session,
    asked: Asked,
    goods_back: GoodsBack = None,
    not_by_card: NotByCard = False,
    as_of: AsOf = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Compare the cost of refunding now with that of contesting; writes nothing.

    Only what goes beyond what is owed can be contested. Each figure names its source.
    """
    with session.open() as ledger:
        found = _advise(ledger, asked, goods_back, not_by_card, as_of=day(as_of))
    if form is not Format.TEXT:
        _write_one(found, form)
        return
    typer.echo(assessment_in_words(found.assessment))
    typer.echo()
    print_advice(found, sys.stdout)


@command(
    app,
    "choose",
    'custledger refund choose "Ann Miller#7" refund --sold goods --delivered 2026-06-01 '
    '--reason "to part well" --record-refund',
)
@about_request
def choose(
    session: Session,
    asked: Asked,
    choice: Annotated[
        Choice, typer.Argument(metavar="CHOICE", help="refund or contest.", show_default=False)
    ],
    reason: Annotated[str, option("--reason", metavar="TEXT", text="Why; for staff.")],
    record_refund: Annotated[
        bool,
        typer.Option("--record-refund", help="Record the refund too; without, no money moves."),
    ] = False,
    goods_returned: Annotated[
        bool, typer.Option("--goods-returned", help="Goods came back with the refund.")
    ] = False,
    goods_back: GoodsBack = None,
    not_by_card: NotByCard = False,
) -> None:
    """Record what you chose on a request, with the advice as it is now.

    With --record-refund: all that was asked for, or, where the rest is contested, what is owed. One
    choice a request; what cannot be is refused (exit code 1).
    """
    with session.open() as ledger:
        advice = _advise(ledger, asked, goods_back, not_by_card)
        found = ledger.refunds.choose(
            advice,
            choice,
            reason=reason,
            record_refund=record_refund,
            goods_returned=goods_returned,
        )
        refuse(found.refusals)
        case = found.case
        assert case is not None
        name = ledger.customers.get(case.customer_id).name
    advised = advice.advice.choice
    followed = "as advised" if advised is choice else f"where the advice was to {advised}"
    typer.echo(f"Recorded as {safe(name)}#{case.id.seq}: {choice} {case.asked}, {followed}.")
    if case.refund is not None:
        typer.echo(f"The refund is entry #{case.refund.seq}.")
    typer.echo(f"When it is over: custledger refund outcome '{safe(name)}#{case.id.seq}'")


@command(
    app,
    "outcome",
    'custledger refund outcome "Ann Miller#9"',
    'custledger refund outcome "Ann Miller#9" --charged-back --minutes 90 --fee 15',
)
def outcome(
    session: Session,
    entry: EntryArgument,
    lost: Annotated[
        bool, typer.Option("--lost", help="Contested, and the money went back after all.")
    ] = False,
    charged_back: Annotated[
        bool, typer.Option("--charged-back", help="Lost, and through the bank.")
    ] = False,
    paid_back: Annotated[
        str | None,
        option(
            "--paid-back",
            metavar="AMOUNT",
            text="What went back in all. Default: what the choice and --lost say.",
        ),
    ] = None,
    spent: Annotated[
        float | None,
        option(
            "--minutes",
            metavar="N",
            text="Staff time. Default: that of the contacts about refunds since the request.",
        ),
    ] = None,
    fee: Annotated[
        str | None, option("--fee", metavar="AMOUNT", text="What the bank charged.")
    ] = None,
    goods_back: GoodsBack = None,
    note: Annotated[str, option("--note", metavar="TEXT", text="For staff.")] = "",
) -> None:
    """Record what came of a choice, once, when it is over."""
    with session.open() as ledger:
        case = ledger.refunds.case(entry_of(ledger, entry))

        def money(text: str | None) -> Money | None:
            return None if text is None else Money.of(text, case.asked.currency)

        found = ledger.refunds.outcome(
            case,
            lost=lost,
            charged_back=charged_back,
            paid_back=money(paid_back),
            handling_time=minutes(spent),
            fee=money(fee),
            goods_back=money(goods_back),
            note=note,
        )
        refuse(found.refusals)
    assert found.case is not None
    assert found.case.outcome is not None
    end = found.case.outcome
    typer.echo(f"Recorded as entry #{end.id.seq}: beyond what was owed it cost {end.cost}.")
    if not end.time_known:
        typer.echo("No staff time is known, so that none is counted; name it with --minutes.")


@command(app, "cases", "custledger refund cases", 'custledger refund cases "Ann Miller"')
def cases(
    session: Session, customer: OptionalCustomer = None, form: FormatOption = Format.TEXT
) -> None:
    """List the choices on requests for money back, and what came of them."""
    with session.open() as ledger:
        who = None if customer is None else customer_of(ledger, customer)
        found = ledger.refunds.cases(who)
        columns = (
            Column("Entry", lambda c: f"{_name(ledger, c)}#{c.id.seq}"),
            Column("Chosen", lambda c: local_day(c.chosen_at, ledger.zone).isoformat()),
            Column("Asked", lambda c: str(c.asked), justify="right"),
            Column("Owed", lambda c: str(c.owed), justify="right"),
            Column("Choice", lambda c: c.choice.value),
            Column("Advice", lambda c: None if c.advice is None else c.advice.choice.value),
            Column("Outcome", _ended),
        )
        write_rows(found, columns, sys.stdout, form=form, kind=RefundCase)


@command(app, "void", 'custledger refund void "Ann Miller#9" --reason "another customer\'s"')
def void(session: Session, entry: EntryArgument, reason: Reason) -> None:
    """Take back a choice with its outcome, or an outcome alone; a recorded refund stays."""
    with session.open() as ledger:
        ledger.refunds.void(entry_of(ledger, entry), reason=reason)
    typer.echo(f"Voided: {safe(entry)}.")


@command(app, "report", "custledger refund report", "custledger refund report --as-of 2026-06-30")
def report(session: Session, as_of: AsOf = None, form: FormatOption = Format.TEXT) -> None:
    """Say how good the advice was: what it predicted, and what it cost in the end."""
    with session.open() as ledger:
        found = ledger.refunds.report(day(as_of))
    if form is not Format.TEXT:
        _write_one(found, form)
    elif not found.cases:
        typer.echo("No outcome is recorded yet. Record one with: custledger refund outcome ENTRY")
    else:
        for line in found.in_words:
            typer.echo(line)


@dataclass(frozen=True)
class Figure:
    """One figure of the advice as it is shown."""

    name: str
    value: float
    source: str


@command(app, "figures", "custledger refund figures")
def figures(session: Session, form: FormatOption = Format.TEXT) -> None:
    """List the figures that count while the firm has fewer than five cases of its own."""
    with session.open() as ledger:
        policy = ledger.refunds.policy()
    body: dict[str, Any] = policy.to_body()
    body.pop("version")
    rows = [Figure(n, e.value, e.source) for n in body if (e := getattr(policy, n))]
    columns = (
        Column("Figure", lambda f: f.name),
        Column("Value", lambda f: f"{f.value:g}", justify="right"),
        Column("Source", lambda f: f.source, wrap=True),
    )
    write_rows(rows, columns, sys.stdout, form=form, kind=Figure)


@command(
    app,
    "set-figure",
    'custledger refund set-figure losing 0.3 --source "our last 40 disputes" --reason "own count"',
)
def set_figure(
    session: Session,
    name: Annotated[
        str,
        typer.Argument(metavar="FIGURE", help="As `refund figures` lists.", show_default=False),
    ],
    value: Annotated[
        float,
        typer.Argument(metavar="VALUE", help="A probability as 0.3 for 30 %.", show_default=False),
    ],
    source: Annotated[str, option("--source", metavar="TEXT", text="Where it comes from.")],
    reason: Reason,
) -> None:
    """Set a figure of the advice from today on, in a new version."""
    with session.open() as ledger:
        policy = ledger.refunds.set_policy(reason=reason, **{name: Estimate(value, source)})
    typer.echo(f"Set: version {policy.version} of the figures.")


def _advise(
    ledger: Ledger, asked: Asked, goods_back: str | None, not_by_card: bool, **when: Any
) -> RequestAdvice:
    payment = asked.payment(ledger)
    currency = ledger.money.get(payment).amount.currency
    return ledger.refunds.advise(
        asked.customer(ledger),
        payment,
        asked.request(ledger),
        goods_back=None if goods_back is None else Money.of(goods_back, currency),
        by_card=not not_by_card,
        **when,
        **asked.facts(ledger),
    )


def _write_one(record: object, form: Format) -> None:
    if form is Format.CSV:
        raise BadInputError("This is one record with parts, and no rows: use --format json.")
    write_json(record, sys.stdout)


def _name(ledger: Ledger, case: RefundCase) -> str:
    return ledger.customers.get(case.customer_id).name


def _ended(case: RefundCase) -> str:
    if case.outcome is None:
        return "open"
    word = "charged back" if case.outcome.charged_back else "lost" if case.outcome.lost else "done"
    return f"{word}, cost {case.outcome.cost}"
