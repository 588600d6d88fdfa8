"""Cost to serve against revenue, from day one: for a firm that knows only minutes and sales.

Nothing decays, nothing is judged, nobody is flagged: who takes how much time, and what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from custledger.core.clock import date_of_day
from custledger.core.money import Money
from custledger.core.score.policy import ScorePolicy
from custledger.core.score.statement import hourly_minor, net_minor, round_minor
from custledger.storage.scoring.question import Question
from custledger.storage.scoring.score_rows import question_for, totals_of
from custledger.storage.scoring.standing_sql import totals_select

__all__ = ["RankingRow", "contribution_rows", "ranking_rows"]

_SECONDS_AN_HOUR: Final = 3600


@dataclass(frozen=True)
class RankingRow:
    """What a customer brought and took, undecayed, in minor units of ``currency``.

    ``net_minor`` = revenue - refunds - chargebacks - write-offs - concessions - cost to serve.
    ``effective_hourly_minor`` is what an hour of staff time brought in, None without staff time.
    ``note`` says what was assumed, and is empty where nothing was.
    """

    customer_id: str
    name: str
    as_of: str
    currency: str
    net_minor: int
    revenue_minor: int
    refunds_minor: int
    chargebacks_minor: int
    write_offs_minor: int
    concessions_minor: int
    cost_to_serve_minor: int
    hours: float
    effective_hourly_minor: int | None
    contacts: int
    contacts_of_unknown_time: int
    contacts_without_rate: int
    note: str


def ranking_rows(
    connection: Connection,
    *,
    policy: ScorePolicy,
    as_of_day: int,
    currency: str,
    default_rate: Money | None = None,
) -> list[RankingRow]:
    """All customers by what is left of them, the worst first (of equals, the most hours).

    A contact of unknown length counts with its channel's default; one without an hourly rate with
    ``default_rate``, else with the ledger's default rate on the day, else it costs nothing.
    """
    # A ranking knows no margin and makes no provision: only what came in and what went out.
    plain = replace(policy, margin=None, provision=0.0)
    question = question_for(connection, policy=plain, as_of_day=as_of_day, currency=currency)
    if default_rate is not None:
        question = replace(question, default_rate=default_rate)
    rows = [_row(found, question) for found in connection.execute(totals_select(question))]
    return sorted(rows, key=lambda row: (row.net_minor, -row.hours, row.customer_id))


def contribution_rows(
    connection: Connection, *, policy: ScorePolicy, as_of_day: int, currency: str
) -> list[RankingRow]:
    """The same figures with the net contribution of the statement, the best first.

    ``net_minor`` knows the policy's margin and provision, as ``core.score.statement`` has it.
    """
    question = question_for(connection, policy=policy, as_of_day=as_of_day, currency=currency)
    rows = [_row(found, question) for found in connection.execute(totals_select(question))]
    return sorted(rows, key=lambda row: (-row.net_minor, row.hours, row.customer_id))


def _row(found: Any, question: Question) -> RankingRow:
    totals = totals_of(found)
    earned = hourly_minor(totals)
    return RankingRow(
        customer_id=str(found.uuid),
        name=found.name,
        as_of=date_of_day(question.as_of_day).isoformat(),
        currency=question.currency,
        net_minor=round_minor(net_minor(totals, question.policy)),
        revenue_minor=round_minor(totals.revenue),
        refunds_minor=round_minor(totals.refunds),
        chargebacks_minor=round_minor(totals.chargebacks),
        write_offs_minor=round_minor(totals.write_offs),
        concessions_minor=round_minor(totals.concessions),
        cost_to_serve_minor=round_minor(totals.time_cost),
        hours=totals.seconds / _SECONDS_AN_HOUR,
        effective_hourly_minor=None if earned is None else round_minor(earned),
        contacts=int(found.contacts),
        contacts_of_unknown_time=int(found.unknown_time),
        contacts_without_rate=int(found.unpriced),
        note=_note(found, question.default_rate),
    )


def _note(found: Any, default_rate: Money | None) -> str:
    notes = []
    if found.unknown_time:
        notes.append(f"{found.unknown_time} contacts of unknown length")
    if found.unpriced:
        how = "at no cost: set an hourly rate" if default_rate is None else "at the default rate"
        notes.append(f"{found.unpriced} contacts without a rate, {how}")
    if found.incomplete:
        notes.append("amounts without an exchange rate left out")
    return "; ".join(notes)
