"""Commands about good customers: good, earning, recovered, exposure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import typer

from custledger.cli.options import AsOf, FormatOption, OptionalCustomer, Top, day_option, option
from custledger.cli.policies import app as policies
from custledger.cli.session import Session, command, customer_of, day, tell, tell_missing_rates
from custledger.core.refunds.advice import LEAST_SAMPLE, Estimate
from custledger.core.worth.earning import EarningRow, ExposureRow, RecoveredRow, Recoveries
from custledger.core.worth.exposure import ExposurePolicy
from custledger.core.worth.shares import FEW
from custledger.core.worth.whale_curve import BEST_PERCENT, WhaleCurve, WhalePoint
from custledger.edges.tables import Column, Format, amount, write_json, write_rows
from custledger.edges.wording import count, short_id
from custledger.errors import BadInputError

__all__ = ["app"]

app = typer.Typer()

_BAR: Final = 30
_TENTHS: Final = range(10, 101, 10)
Best = Annotated[
    int, option("--best", metavar="N", text="How many of the best to name. Default: 10.", min=0)
]
Since = Annotated[
    datetime | None, day_option("--since", "From this day on. Default: from the beginning.")
]
SinceYear = Annotated[
    datetime | None, day_option("--since", "From this day on. Default: a year before --as-of.")
]


@dataclass(frozen=True)
class _Step:
    """A point of the curve for the chart."""

    customers: int
    share: float
    cumulative: str
    bar: str


@command(
    app,
    "good",
    "custledger good",
    "custledger good --best 20 --as-of 2026-06-30",
    "custledger good --format csv > whale.csv",
)
def good(
    session: Session, best: Best = 10, as_of: AsOf = None, form: FormatOption = Format.TEXT
) -> None:
    """Tell how the firm earns, and which customers bring the most.

    Cumulative net contribution, the best customers first. It accuses nobody: who brings less than
    they cost may be new, unlucky, or waiting for us.
    """
    with session.open() as ledger:
        curve = ledger.worth.whale_curve(day(as_of))
        if form is Format.JSON:
            write_json(curve, sys.stdout)
        elif form is Format.CSV:
            write_rows(curve.points, _POINTS, sys.stdout, form=form, kind=WhalePoint)
        else:
            _print_curve(curve, best)
            if ledger.score_policies.current().margin is None and curve.customers:
                tell(
                    "No margin is set, so that all revenue counts as if goods cost nothing. Set "
                    "your gross margin, 40 % for example: custledger policy set --margin 0.4"
                )
            tell_missing_rates(ledger)


def _print_curve(curve: WhaleCurve, best: int) -> None:
    if not curve.customers:
        typer.echo("Nobody has bought or cost anything yet.")
        return
    write_rows(_steps(curve), _STEPS, sys.stdout)
    tell(_curve_in_words(curve))
    if best:
        typer.echo()
        write_rows(curve.points[:best], _POINTS, sys.stdout)


def _steps(curve: WhaleCurve) -> list[_Step]:
    found = dict(curve.cumulative_of(percent) for percent in _TENTHS)
    highest = max(curve.peak_minor, 1)
    return [
        _Step(
            customers=customers,
            share=customers / curve.customers,
            cumulative=amount(minor, curve.currency),
            bar="█" * round(_BAR * max(minor, 0) / highest),
        )
        for customers, minor in found.items()
    ]


def _curve_in_words(curve: WhaleCurve) -> str:
    currency = curve.currency
    whole = count(curve.customers, "customer")
    said = [f"{whole}, in {currency}: {amount(curve.total_minor, currency)} in all."]
    if curve.best_share is not None:
        said.append(
            f"The best {BEST_PERCENT} % ({curve.best_customers:,}) bring "
            f"{amount(curve.best_minor, currency)}, which is {_percent(curve.best_share)} of it."
        )
    if curve.cost:
        lost = amount(-curve.losses_minor, currency)
        of = "" if curve.losses_share is None else f", {_percent(curve.losses_share)} of the peak"
        who, brings = count(curve.cost, "customer"), "they bring"
        verb = "cost"
        if curve.cost == 1:
            verb, brings = "costs", "it brings"
        said.append(f"{who} {verb} {lost} more than {brings}{of}.")
    else:
        said.append("Nobody costs more than they bring.")
    return " ".join(said)


@command(
    app,
    "earning",
    "custledger earning --top 20",
    "custledger earning --as-of 2026-06-30 --format csv > earning.csv",
)
def earning(
    session: Session, as_of: AsOf = None, top: Top = None, form: FormatOption = Format.TEXT
) -> None:
    """Tell what an hour of staff time with each customer brought in.

    Revenue less refunds, chargebacks and write-offs, by the hours recorded. Less than an hour of
    them is marked as few.
    """
    with session.open() as ledger:
        rows = ledger.worth.hourly_earning(day(as_of))
        if form is not Format.TEXT:
            write_rows(rows[:top], _EARNING, sys.stdout, form=form, kind=EarningRow)
            return
        timed = [row for row in rows if row.effective_hourly_minor is not None]
        if timed:
            write_rows(timed[:top], _EARNING, sys.stdout)
        if any(row.few for row in timed[:top]):
            tell("few: less than an hour of staff time is behind it, so that it says little.")
        without = count(len(rows) - len(timed), "customer")
        if len(timed) < len(rows):
            tell(
                f"No staff time is recorded with {without}, so that an hour has no price there. "
                "Record it with each contact: custledger record interaction ... --minutes 5"
            )
        tell_missing_rates(ledger)


@command(
    app,
    "recovered",
    "custledger recovered --since 2026-01-01",
    "custledger recovered --format json",
)
def recovered(
    session: Session, since: Since = None, as_of: AsOf = None, form: FormatOption = Format.TEXT
) -> None:
    """Tell who bought again after a complaint was resolved."""
    with session.open() as ledger:
        found = ledger.worth.recovered(day(since), day(as_of))
        if form is Format.JSON:
            write_json(found, sys.stdout)
            return
        if form is Format.CSV or found.customers:
            write_rows(found.customers, _RECOVERED, sys.stdout, form=form, kind=RecoveredRow)
        if form is Format.TEXT:
            (tell if found.customers else typer.echo)(_recovered_in_words(found))
            tell_missing_rates(ledger)


def _recovered_in_words(found: Recoveries) -> str:
    if not found.resolved or found.share is None:
        return "No complaint was resolved in these days."
    few = f" (few: fewer than {FEW}, so that the rate says little)" if found.few else ""
    return (
        f"Of {count(found.resolved, 'customer')} whose complaint was resolved, {found.recovered:,} "
        f"came back: {_percent(found.share)}{few}."
    )


@command(
    app,
    "exposure",
    "custledger exposure --top 20",
    'custledger exposure "Ann Miller" --since 2026-01-01',
)
def exposure(
    session: Session,
    customer: OptionalCustomer = None,
    since: SinceYear = None,
    as_of: AsOf = None,
    top: Top = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Estimate what word of mouth may cost after a bad experience.

    Bad experiences x people told x share lost x what a customer brings; the reach of public
    complaints as given. Set your own figures with: custledger policy exposure
    """
    with session.open() as ledger:
        who = None if customer is None else customer_of(ledger, customer)
        rows = ledger.worth.exposure(who, since=day(since), as_of=day(as_of))
        if form is not Format.TEXT:
            write_rows(rows[:top], _EXPOSURE, sys.stdout, form=form, kind=ExposureRow)
            return
        if not rows:
            typer.echo("No bad experience is recorded in these days.")
            return
        write_rows(rows[:top], _EXPOSURE, sys.stdout)
        _tell_terms(rows)
        tell_missing_rates(ledger)


def _tell_terms(rows: Sequence[ExposureRow]) -> None:
    row = rows[0]
    terms = [
        f"People told of each bad experience: {_term('people_told', row)}.",
        f"Share of them lost: {_term('share_lost', row)}.",
    ]
    if any(row.reach for row in rows):
        terms.append(f"Share of readers lost: {_term('readers_lost', row)}.")
    if row.worth_minor is None:
        terms.append(
            "Nothing is counted in money: what a customer brings is known once "
            f"{LEAST_SAMPLE} of them have bought, or where you say it: custledger policy exposure "
            "--customer-worth 300 --source ... --reason ..."
        )
    else:
        brings = amount(row.worth_minor, row.currency)
        sample = f", {count(row.worth_sample, 'customer')}" if row.worth_sample else ""
        terms.append(f"A customer brings {brings} {row.currency} ({row.worth_source}{sample}).")
    unknown = sum(row.unknown_reach for row in rows)
    if unknown:
        terms.append(f"How many may have read {count(unknown, 'complaint')} is not known.")
    whole = f"{amount(sum(row.total_minor for row in rows), row.currency)} {row.currency}"
    tell(f"In all {whole}: an estimate, no account. " + " ".join(terms))


def _term(name: str, row: ExposureRow) -> str:
    value, source, sample = (getattr(row, f"{name}{end}") for end in ("", "_source", "_sample"))
    cases = f", {count(sample, 'case')}" if sample else ""
    return f"{value:g} ({source}{cases})"


@command(
    policies,
    "exposure",
    'custledger policy exposure --people-told 4 --sample 12 --source "we asked" --reason "asked"',
)
def exposure_policy(
    session: Session,
    source: Annotated[str, option("--source", metavar="TEXT", text="Where the figures are from.")],
    reason: Annotated[
        str, option("--reason", metavar="TEXT", text="Why; it stays in the history.")
    ],
    people_told: Annotated[
        float | None, option("--people-told", metavar="N", text="By each who had a bad experience.")
    ] = None,
    share_lost: Annotated[
        float | None, option("--share-lost", metavar="SHARE", text="Of those who were told.")
    ] = None,
    readers_lost: Annotated[
        float | None,
        option("--readers-lost", metavar="SHARE", text="Of those who read a public complaint."),
    ] = None,
    customer_worth: Annotated[
        float | None,
        option("--customer-worth", metavar="AMOUNT", text="What a customer brings."),
    ] = None,
    sample: Annotated[
        int, option("--sample", metavar="N", text="How many own cases are behind them. Default: 0.")
    ] = 0,
) -> None:
    """Set the figures of the exposure by word of mouth, from today on; the others stay."""
    named = {
        "people_told": people_told,
        "share_lost": share_lost,
        "readers_lost": readers_lost,
        "customer_worth": customer_worth,
    }
    figures = {n: Estimate(v, source, sample) for n, v in named.items() if v is not None}
    if not figures:
        raise BadInputError("Nothing to set: name a figure, such as --people-told 4.")
    with session.open() as ledger:
        policy = ledger.worth.set_exposure_policy(reason=reason, **figures)
    typer.echo(f"Exposure, version {policy.version}: {_figures(policy)}.")


def _figures(policy: ExposurePolicy) -> str:
    worth = policy.customer_worth
    return (
        f"{policy.people_told.value:g} people told, {policy.share_lost.value:g} of them lost, "
        f"{policy.readers_lost.value:g} of readers lost, a customer brings "
        + ("what the ledger says" if worth is None else f"{worth.value:,.2f}")
    )


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _hourly(row: EarningRow) -> str | None:
    hourly = row.effective_hourly_minor
    return None if hourly is None else amount(hourly, row.currency)


_STEPS: Final = (
    Column("Best", lambda row: f"{row.customers:,}", justify="right"),
    Column("Customers", lambda row: f"{row.share:.0%}", justify="right"),
    Column("Bring together", lambda row: row.cumulative, justify="right"),
    Column("", lambda row: row.bar),
)
_POINTS: Final = (
    Column("Rank", lambda row: f"{row.rank:,}", justify="right"),
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Id", lambda row: short_id(row.customer_id), spare=True),
    Column("Brings", lambda row: amount(row.net_minor, row.currency), justify="right"),
    Column("Together", lambda row: amount(row.cumulative_minor, row.currency), justify="right"),
    Column(
        "Of all",
        lambda row: None if row.profit_share is None else _percent(row.profit_share),
        justify="right",
    ),
)
_EARNING: Final = (
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Id", lambda row: short_id(row.customer_id), spare=True),
    Column("Per hour", _hourly, justify="right"),
    Column("Kept", lambda row: amount(row.kept_minor, row.currency), justify="right"),
    Column("Hours", lambda row: f"{row.hours:.1f}", justify="right"),
    Column("", lambda row: "few" if row.few else ""),
)
_RECOVERED: Final = (
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Resolved", lambda row: row.resolved_on.isoformat()),
    Column("Came back", lambda row: _came_back(row)),
    Column("Purchases", lambda row: str(row.purchases), justify="right"),
    Column("Bought", lambda row: amount(row.bought_minor, row.currency), justify="right"),
)
_EXPOSURE: Final = (
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Bad days", lambda row: str(row.experiences), justify="right"),
    Column("Told", lambda row: f"{row.experiences * row.people_told:g}", justify="right"),
    Column("Lost", lambda row: f"{row.customers_lost:.2f}", justify="right"),
    Column("Readers", lambda row: f"{row.reach:,}" if row.reach else None, justify="right"),
    Column("May cost", lambda row: amount(row.total_minor, row.currency), justify="right"),
)


def _came_back(row: RecoveredRow) -> str | None:
    if row.came_back_on is not None:
        return row.came_back_on.isoformat()
    return "as recorded" if row.recorded else None
