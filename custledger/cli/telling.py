"""Commands that tell: score, ranking, explain."""

from __future__ import annotations

import sys
from typing import Final

import typer
from rich.text import Text

from custledger.cli.options import AsOf, CustomerArgument, FormatOption, OptionalCustomer, Top
from custledger.cli.session import (
    Session,
    command,
    customer_of,
    day,
    tell,
    tell_missing_rates,
)
from custledger.edges.explaining import CitedEntry, explain, print_explanation
from custledger.edges.tables import (
    Column,
    Format,
    amount,
    printing,
    write_json,
    write_rows,
)
from custledger.edges.wording import count, evidence_in_words, short_id
from custledger.storage.scoring.standings import RankingRow, ScoreRow

__all__ = ["app", "print_ranking"]

app = typer.Typer()

_STYLES: Final = {"flagged": "bold", "watch": "yellow", "good": "green"}
_NO_COST: Final = "at no cost"
_NO_MARGIN: Final = (
    "No margin is set, so nobody can be flagged: too low a margin accuses customers falsely. "
    "Set your gross margin on sales, 40 % for example, with: custledger policy set --margin 0.4"
)


@command(
    app,
    "score",
    "custledger score",
    'custledger score "Ann Miller" --as-of 2026-06-30',
    "custledger score --format csv > scores.csv",
)
def score(
    session: Session,
    customer: OptionalCustomer = None,
    as_of: AsOf = None,
    top: Top = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Score the fit of customers: 0 is best, above 50 is bad.

    Only a lower bound above 50, with enough evidence, flags anybody, and only once a margin is
    set. A score informs; a named person decides.
    """
    with session.open() as ledger:
        rows = ledger.scores(as_of=day(as_of))
        if customer is not None:
            found = customer_of(ledger, customer)
            wanted = str(found.merged_into or found.id)
            rows = [row for row in rows if row.customer_id == wanted]
        policy = ledger.score_policies.current()
        write_rows(rows[:top], _SCORE, sys.stdout, form=form, kind=ScoreRow)
        if form is not Format.TEXT:
            return
        if policy.margin is None:
            tell(_NO_MARGIN)
        else:
            tell(f"{_counted(rows)} Score policy: version {policy.version}.")
        tell_missing_rates(ledger)


def _counted(rows: list[ScoreRow]) -> str:
    flagged, watched = sum(row.flag for row in rows), sum(row.watch for row in rows)
    return f"{count(len(rows), 'customer')}: {flagged} flagged, {watched} on watch."


@command(
    app,
    "ranking",
    "custledger ranking --top 20",
    "custledger ranking --as-of 2026-06-30 --format json",
)
def ranking(
    session: Session, as_of: AsOf = None, top: Top = None, form: FormatOption = Format.TEXT
) -> None:
    """Set cost to serve against revenue; accuses nobody.

    Works from the first day on: all it needs is minutes and sales (and an hourly rate).
    """
    with session.open() as ledger:
        rows = ledger.ranking(as_of=day(as_of))
        print_ranking(rows, ledger.currency, top=top, form=form)
        if form is Format.TEXT:
            tell_missing_rates(ledger)


def print_ranking(
    rows: list[RankingRow], currency: str, *, top: int | None = None, form: Format = Format.TEXT
) -> None:
    """Print a ranking, and say what it is not."""
    write_rows(rows[:top], _RANKING, sys.stdout, form=form, kind=RankingRow)
    if form is Format.TEXT:
        few = top is not None and top < len(rows)
        shown = f"The first {top} of {len(rows)}" if few else f"All {len(rows)}"
        tell(
            f'{shown} customers, in {currency}; "left" is before the cost of goods. A ranking '
            "accuses nobody: who ranks first may be new, unlucky, or waiting for us. For a fair "
            "judgement of the fit, see `custledger score`."
        )
        unpriced = sum(row.contacts_without_rate for row in rows if _NO_COST in row.note)
        if unpriced:
            tell(
                f"{count(unpriced, 'contact')} cost nothing here, because no hourly rate is set. "
                "Say what an hour of staff time costs you: custledger add rate 30"
            )


@command(
    app,
    "explain",
    'custledger explain "Ann Miller"',
    "custledger explain ann@example.org --as-of 2026-06-30",
)
def explain_customer(
    session: Session,
    customer: CustomerArgument,
    as_of: AsOf = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Tell how one customer's score came about.

    Points that add up, the money, the entries behind them, what is missing, what would change it.
    """
    with session.open() as ledger:
        found = explain(ledger, customer_of(ledger, customer), day(as_of))
    if form is Format.JSON:
        write_json(found, sys.stdout)
    elif form is Format.CSV:
        write_rows(found.entries, [], sys.stdout, form=form, kind=CitedEntry)
    else:
        with printing(sys.stdout) as console:
            print_explanation(found, console)


def _evidence(row: ScoreRow) -> str:
    found = evidence_in_words(row.evidence)
    return f"{found}, uncorroborated" if row.uncorroborated else found


def _given_back(row: RankingRow) -> int:
    return row.refunds_minor + row.chargebacks_minor + row.write_offs_minor + row.concessions_minor


def _hourly(row: RankingRow) -> str | None:
    hourly = row.effective_hourly_minor
    return None if hourly is None else amount(hourly, row.currency)


def _band(row: ScoreRow) -> Text:
    return Text(row.band, style=_STYLES.get(row.band, ""))


_SCORE: Final = (
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Id", lambda row: short_id(row.customer_id), spare=True),
    Column("Score", lambda row: f"{row.score:.1f}", justify="right"),
    Column("Low-high", lambda row: f"{row.score_low:.1f}-{row.score_high:.1f}", justify="right"),
    Column("Band", _band),
    Column("For", lambda row: row.kind or None),
    Column("Evidence", _evidence, wrap=True, least=15),
    Column("Net", lambda row: amount(row.net_minor, row.currency), justify="right"),
)

_RANKING: Final = (
    Column("Customer", lambda row: row.name, wrap=True),
    Column("Id", lambda row: short_id(row.customer_id), spare=True),
    Column("Left", lambda row: amount(row.net_minor, row.currency), justify="right"),
    Column("Revenue", lambda row: amount(row.revenue_minor, row.currency), justify="right"),
    Column("Given back", lambda row: amount(_given_back(row), row.currency), justify="right"),
    Column("To serve", lambda row: amount(row.cost_to_serve_minor, row.currency), justify="right"),
    Column("Hours", lambda row: f"{row.hours:.1f}", justify="right"),
    Column("Per hour", _hourly, justify="right"),
)
