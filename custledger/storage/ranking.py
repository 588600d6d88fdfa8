"""Cost to serve against revenue, from day one: for a firm that knows only minutes and sales.

Nothing decays, nothing is judged, nobody is flagged: who takes how much time, and what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, select

from custledger.core.clock import date_of_day
from custledger.core.exchange import UNITS_A_MINOR
from custledger.core.money import Money
from custledger.core.policy import ScorePolicy
from custledger.core.standing import Totals
from custledger.core.statement import hourly_minor, net_minor, round_minor
from custledger.storage.accounts import exchange_of
from custledger.storage.bulk import table_of
from custledger.storage.score_rows import question_for
from custledger.storage.standing_sql import totals_select
from custledger.storage.tables import HourlyRateRow

__all__ = ["RankingRow", "ranking_rows"]

_HOURLY: Final = table_of(HourlyRateRow)
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
    rate = _default_rate(connection, as_of_day) if default_rate is None else default_rate
    hourly = _in_base(connection, rate, as_of_day, currency)
    rows = [
        _row(found, date_of_day(as_of_day).isoformat(), currency, hourly)
        for found in connection.execute(totals_select(question))
    ]
    return sorted(rows, key=lambda row: (row.net_minor, -row.hours, row.customer_id))


def _default_rate(connection: Connection, as_of_day: int) -> Money | None:
    c = _HOURLY.c
    found = connection.execute(
        select(c.rate_minor, c.currency)
        .where(c.staff_id.is_(None), c.effective_day <= as_of_day)
        .order_by(c.effective_day.desc(), c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if found is None else Money(*found)


def _in_base(
    connection: Connection, rate: Money | None, as_of_day: int, currency: str
) -> float | None:
    if rate is None:
        return None
    worth = exchange_of(connection, currency).worth(rate.minor, rate.currency, as_of_day)
    return None if worth is None else worth / UNITS_A_MINOR


def _row(found: Any, as_of: str, currency: str, hourly: float | None) -> RankingRow:
    assumed = int(found.unpriced_seconds) * (hourly or 0.0) / _SECONDS_AN_HOUR
    totals = Totals(
        revenue=found.revenue,
        refunds=found.refunds,
        chargebacks=found.chargebacks,
        write_offs=found.write_offs,
        concessions=found.concessions,
        time_cost=found.time_full + assumed,
        seconds=int(found.seconds),
    )
    earned = hourly_minor(totals)
    return RankingRow(
        customer_id=str(found.uuid),
        name=found.name,
        as_of=as_of,
        currency=currency,
        net_minor=round_minor(net_minor(totals, ScorePolicy())),
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
        note=_note(found, hourly),
    )


def _note(found: Any, hourly: float | None) -> str:
    notes = []
    if found.unknown_time:
        notes.append(f"{found.unknown_time} contacts of unknown length")
    if found.unpriced:
        how = "at no cost: set an hourly rate" if hourly is None else "at the default rate"
        notes.append(f"{found.unpriced} contacts without a rate, {how}")
    if found.incomplete:
        notes.append("amounts without an exchange rate left out")
    return "; ".join(notes)
