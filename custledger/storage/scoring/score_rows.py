"""The scores of all customers, as flat rows: pandas and polars make a frame of them as is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from custledger.core.clock import date_of_day
from custledger.core.records import StaffRole
from custledger.core.score.calibration import CalibrationRow, calibrate
from custledger.core.score.formula import Terms
from custledger.core.score.policy import ScorePolicy
from custledger.core.score.standing import Totals
from custledger.core.score.statement import hourly_minor, net_minor, round_minor
from custledger.core.score.verdict import DECIMALS
from custledger.storage.bulk import table_of
from custledger.storage.merges import any_merged
from custledger.storage.rates import Rates
from custledger.storage.scoring.question import Question
from custledger.storage.scoring.standing_sql import months_select, score_select
from custledger.storage.tables import ExchangeRateRow, StaffRow

__all__ = [
    "ScoreRow",
    "calibrated",
    "calibration_rows",
    "human_staff",
    "question_for",
    "score_rows",
    "totals_of",
]

_RATE: Final = table_of(ExchangeRateRow)
_STAFF: Final = table_of(StaffRow)
_SECONDS_AN_HOUR: Final = 3600


@dataclass(frozen=True)
class ScoreRow:
    """A customer's score in plain values: text, numbers, truth values, and None for "no figure".

    Amounts named ``_minor`` are minor units of ``currency``, as the statement has them; the
    scores, ratios and counts are those of ``core.score.fit.Fit`` and
    ``core.score.standing.Standing``.
    """

    customer_id: str
    name: str
    as_of: str
    policy_version: int
    score: float
    score_low: float
    score_high: float
    score_raw: float
    band: str
    flag: bool
    watch: bool
    uncorroborated: bool
    kind: str
    evidence: str
    cost_ratio: float
    conduct_ratio: float
    currency: str
    net_minor: int
    effective_hourly_minor: int | None
    revenue_minor: int
    refunds_minor: int
    chargebacks_minor: int
    write_offs_minor: int
    concessions_minor: int
    overdue_minor: int
    time_cost_minor: int
    time_cost_ours_minor: int
    hours: float
    contacts_of_unknown_time: int
    contacts_without_rate: int
    adverse_days: int
    adverse_months: int
    cost_months: int
    witnesses: int
    tenure_days: int
    incomplete: bool


def score_rows(
    connection: Connection, *, policy: ScorePolicy, as_of_day: int, currency: str
) -> list[ScoreRow]:
    """The scores of all customers as of the day, the worst first (of equals, by id)."""
    question = question_for(connection, policy=policy, as_of_day=as_of_day, currency=currency)
    rows = [_row(found, question) for found in connection.execute(score_select(question))]
    return sorted(rows, key=lambda row: (not row.flag, -row.score, row.customer_id))


def calibration_rows(
    connection: Connection, *, policy: ScorePolicy, as_of_day: int, currency: str
) -> tuple[list[CalibrationRow], list[float]]:
    """What ``core.score.calibration`` measures: customers, and the usable ones' months."""
    question = question_for(connection, policy=policy, as_of_day=as_of_day, currency=currency)
    scores = score_select(question).subquery("scores").c
    found = connection.execute(
        select(scores.customer_id, scores.margin, scores.tenure_months, scores.cost)
    )
    rows = {row[0]: CalibrationRow(*row[1:]) for row in found}
    months = connection.execute(months_select(question))
    return list(rows.values()), [cost for key, cost in months if rows[key].usable]


def calibrated(
    connection: Connection, *, policy: ScorePolicy, as_of_day: int, currency: str
) -> ScorePolicy:
    """The policy with K, r0 and u measured on this ledger; the version stays as it is."""
    rows, costs = calibration_rows(
        connection, policy=policy, as_of_day=as_of_day, currency=currency
    )
    return calibrate(policy, rows, costs)


def question_for(
    connection: Connection, *, policy: ScorePolicy, as_of_day: int, currency: str
) -> Question:
    """What the select needs to know beyond the policy: staff, foreign currencies, hourly rate."""
    foreign = connection.scalars(
        select(_RATE.c.currency).where(_RATE.c.currency != currency).distinct()
    )
    terms = Terms(policy, human_staff(connection))
    rate = Rates(connection).on(None, as_of_day)
    merged = any_merged(connection)
    return Question(terms, as_of_day, currency, tuple(sorted(foreign)), rate, merged)


def human_staff(connection: Connection) -> int:
    """How many people are registered, active or not; programs do not count."""
    people = select(func.count()).select_from(_STAFF).where(_STAFF.c.role != StaffRole.PROGRAM)
    return int(connection.scalar(people) or 0)


def totals_of(found: Any) -> Totals:
    """The totals of a customer in a row of ``score_select`` or ``totals_select``."""
    return Totals(
        revenue=found.revenue,
        refunds=found.refunds,
        returned=found.returned,
        chargebacks=found.chargebacks,
        write_offs=found.write_offs,
        concessions=found.concessions,
        overdue=found.overdue,
        time_cost=found.time_full,
        time_cost_ours=found.time_ours,
        seconds=int(found.seconds),
    )


def _row(found: Any, question: Question) -> ScoreRow:
    totals = totals_of(found)
    hourly = hourly_minor(totals)
    return ScoreRow(
        customer_id=str(found.uuid),
        name=found.name,
        as_of=date_of_day(question.as_of_day).isoformat(),
        policy_version=question.policy.version,
        score=round(found.score, DECIMALS),
        score_low=round(found.score_low, DECIMALS),
        score_high=round(found.score_high, DECIMALS),
        score_raw=round(found.score_raw, DECIMALS),
        band=found.band,
        flag=bool(found.flag),
        watch=bool(found.watch),
        uncorroborated=bool(found.uncorroborated),
        kind=found.kind,
        evidence=found.evidence,
        cost_ratio=round(found.cost_ratio, DECIMALS),
        conduct_ratio=round(found.conduct_ratio, DECIMALS),
        currency=question.currency,
        net_minor=round_minor(net_minor(totals, question.policy)),
        effective_hourly_minor=None if hourly is None else round_minor(hourly),
        revenue_minor=round_minor(totals.revenue),
        refunds_minor=round_minor(totals.refunds),
        chargebacks_minor=round_minor(totals.chargebacks),
        write_offs_minor=round_minor(totals.write_offs),
        concessions_minor=round_minor(totals.concessions),
        overdue_minor=round_minor(totals.overdue),
        time_cost_minor=round_minor(totals.time_cost),
        time_cost_ours_minor=round_minor(totals.time_cost_ours),
        hours=totals.seconds / _SECONDS_AN_HOUR,
        contacts_of_unknown_time=int(found.unknown_time),
        contacts_without_rate=int(found.unpriced),
        adverse_days=int(found.adverse_days),
        adverse_months=int(found.adverse_months),
        cost_months=int(found.cost_months),
        witnesses=int(found.witnesses),
        tenure_days=int(found.tenure),
        incomplete=bool(found.incomplete),
    )
