"""The money side of the score in SQL: what each customer cost and brought, month by month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    Double,
    Integer,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from custledger.core.clock import month_number
from custledger.core.records import Channel, MoneyKind
from custledger.core.score.policy import ScorePolicy
from custledger.core.score.standing import EXCESS, HALF_A_MINOR_UNIT
from custledger.storage.bulk import table_of
from custledger.storage.scoring.question import Question, sum_as
from custledger.storage.tables import InteractionRow, MoneyRow

__all__ = ["all_sums", "customer_sums", "debt_sums", "month_sums"]

_INTERACTION: Final = table_of(InteractionRow)
_MONEY: Final = table_of(MoneyRow)
_SECONDS_AN_HOUR: Final = 3600.0
_REVENUE: Final = (MoneyKind.INVOICE, MoneyKind.SALE)
_SETTLING: Final = (MoneyKind.PAYMENT, MoneyKind.WRITE_OFF)

_TIME_SUMS: Final = (
    "time_cost",
    "time_full",
    "time_ours",
    "seconds",
    "unknown_time",
    "unpriced",
    "contacts",
    "neutral",
)
_MONEY_SUMS: Final = (
    "orders",
    "refund_cost",
    "chargeback_cost",
    "revenue",
    "refunds",
    "returned",
    "chargebacks",
    "write_offs",
    "concessions",
)
_MONTH_SUMS: Final = ("cost", "unpaid_cost", "margin", "incomplete")


class Sums(NamedTuple):
    """The sums by source: of time and of money by customer and month, of debts by customer."""

    time: CTE
    money: CTE
    debts: CTE


def all_sums(question: Question) -> Sums:
    """The sums that the months and the customers are made of."""
    time, money = (question.by_person(rows) for rows in (_time(question), _moneys(question)))
    return Sums(time, money, debt_sums(question))


def month_sums(sums: Sums, question: Question) -> CTE:
    """One row a customer and month: what it cost and brought, from all sources.

    Nothing else goes through here: rows must be sorted by month, which takes time by their width.
    """
    time, money, debts = (source.c for source in sums)
    lost = debts.overdue * (question.policy.provision / question.minor_units)
    none: Any = literal(0.0, Double())
    unknown: Any = cast(literal(0), BigInteger())
    paid_out = money.refund_cost + money.chargeback_cost + money.write_off_cost
    sources = (
        (time, (time.time_cost, none, none, time.incomplete)),
        (money, (paid_out, money.write_off_cost, money.margin, money.incomplete)),
        (debts, (lost, lost, none, unknown)),
    )
    rows = union_all(
        *(
            select(
                source.customer_id,
                source.month,
                *(value.label(n) for n, value in zip(_MONTH_SUMS, values, strict=True)),
            )
            for source, values in sources
        )
    ).subquery("costs")
    return (
        select(
            rows.c.customer_id,
            rows.c.month,
            *(sum_as(rows.c[name], name) for name in _MONTH_SUMS),
        )
        .group_by(rows.c.customer_id, rows.c.month)
        .cte("months")
    )


def customer_sums(question: Question) -> Sequence[CTE]:
    """One row a customer each: C, C_max, M and the counts of months; the parts and the totals."""
    sums = all_sums(question)
    c = month_sums(sums, question).c
    worse = case((c.cost > c.margin * EXCESS, 1), else_=0)
    months = (
        select(
            c.customer_id,
            *(sum_as(c[name], name) for name in ("cost", "unpaid_cost", "margin")),
            func.max(c.cost, type_=Double()).label("worst_cost"),
            func.sum(worse, type_=BigInteger()).label("cost_months"),
            func.max(c.incomplete, type_=BigInteger()).label("incomplete"),
        )
        .group_by(c.customer_id)
        .cte("customer_months")
    )
    times = _by_customer(sums.time, _TIME_SUMS).cte("customer_time")
    moneys = _by_customer(sums.money, _MONEY_SUMS).cte("customer_money")
    debts = select(sums.debts.c.customer_id, sums.debts.c.overdue).cte("customer_debts")
    return months, times, moneys, debts


def _by_customer(source: CTE, names: Sequence[str]) -> Select[Any]:
    c = source.c
    return select(c.customer_id, *(sum_as(c[name], name) for name in names)).group_by(c.customer_id)


def _seconds(policy: ScorePolicy) -> Any:
    """Handling time; where it is unknown, the channel's default."""
    c = _INTERACTION.c
    default = case(
        *((c.channel == Channel(name), s) for name, s in policy.default_seconds), else_=0
    )
    return func.coalesce(c.handling_seconds, default, type_=Integer())


# What is in the base currency, and what is in others, is summed apart: only the others are joined
# with the exchange rates. Without a join, a planner reads the index in its order of customer and
# month and groups on the way; PostgreSQL gives the order up for any join, and hashes all rows.


def _time(question: Question) -> CTE:
    """Sums over interactions, one row a customer and month, and one more for foreign rates."""
    c, base, default = _INTERACTION.c, question.currency, question.default_rate
    unsaid = c.rate_currency.is_(None)
    at_base, elsewhere = c.rate_currency == base, c.rate_currency != base
    minor: Any = func.coalesce(c.rate_minor, 0 if default is None else default.minor)
    currency: Any = c.rate_currency
    if default is None or default.currency == base:
        at_base = or_(at_base, unsaid)
    else:
        elsewhere = or_(elsewhere, unsaid)
        currency = func.coalesce(currency, default.currency, type_=String())
    rates = question.rates
    joined = _INTERACTION.outerjoin(rates, question.rate_applies(currency, c.occurred_day))
    rows = (
        _contacts(question, minor).where(at_base),
        _contacts(question, minor, rates).select_from(joined).where(elsewhere),
    )
    return union_all(*(_time_sums(question, contacts) for contacts in rows)).cte("time_sums")


def _time_sums(question: Question, contacts: Select[Any]) -> Select[Any]:
    row = contacts.subquery("contacts").c
    unpriced = and_(row.own_rate.is_(None), row.seconds > 0)
    major = _SECONDS_AN_HOUR * question.minor_units
    return select(
        row.customer_id,
        row.month,
        (sum_as(row.weight * row.full * row.share, "_") / major).label("time_cost"),
        (sum_as(row.full, "_") / _SECONDS_AN_HOUR).label("time_full"),
        (sum_as(row.full * (1.0 - row.share), "_") / _SECONDS_AN_HOUR).label("time_ours"),
        sum_as(row.seconds, "seconds"),
        sum_as(case((row.handling_seconds.is_(None), 1), else_=0), "unknown_time"),
        sum_as(case((unpriced, 1), else_=0), "unpriced"),
        func.count().label("contacts"),
        sum_as(case((row.severity == 0, row.weight), else_=0.0), "neutral"),
        sum_as(case((row.seconds > 0, row.missing), else_=0), "incomplete"),
    ).group_by(row.customer_id, row.month)


def _contacts(question: Question, rate_minor: Any, rates: CTE | None = None) -> Select[Any]:
    """One row an interaction: its weight, cost in full (times 3600), share and severity."""
    c = _INTERACTION.c
    seconds = _seconds(question.policy)
    return select(
        c.customer_id,
        c.occurred_month.label("month"),
        question.weight(c.occurred_day).label("weight"),
        seconds.label("seconds"),
        _in_base(rate_minor, rates, seconds).label("full"),
        case((c.exempt == 1, 0.0), else_=question.share_of_contact(c)).label("share"),
        question.severity_of_contact(c).label("severity"),
        c.handling_seconds,
        c.rate_minor.label("own_rate"),
        _missing(rates).label("missing"),
    ).where(question.known(c))


def _in_base(minor: Any, rates: CTE | None, times: Any = 1) -> Any:
    """Minor units in those of the base currency; nothing where the exchange rate is missing."""
    amount = cast(minor, Double) * times
    return amount if rates is None else func.coalesce(rates.c.factor, 0.0) * amount


def _missing(rates: CTE | None) -> Any:
    """1 where there is no exchange rate, else 0."""
    return literal(0) if rates is None else case((rates.c.factor.is_(None), 1), else_=0)


def _moneys(question: Question) -> CTE:
    """Sums over money entries, one row a customer and month, and one more for foreign amounts."""
    c, rates, base = _MONEY.c, question.rates, question.currency
    joined = _MONEY.outerjoin(rates, question.rate_applies(c.currency, c.occurred_day))
    rows = (
        # A payment adds to no sum; without an exchange rate it shows that figures are missing.
        _amounts(question).where(c.currency == base, c.kind != MoneyKind.PAYMENT),
        _amounts(question, rates).select_from(joined).where(c.currency != base),
    )
    return union_all(*(_money_sums(question, amounts) for amounts in rows)).cte("money_sums")


def _money_sums(question: Question, amounts: Select[Any]) -> Select[Any]:
    row = amounts.subquery("moneys").c
    margin, major = question.policy.effective_margin, question.minor_units
    is_revenue = row.kind.in_(_REVENUE)
    whole = case((row.goods_returned == 1, margin), else_=1.0)
    lost = row.weight * row.amount * question.share_of_money(row) * whole / major
    returned = case((row.goods_returned == 1, row.amount), else_=0.0)
    brought = row.weight * row.amount * (margin / major)

    def of_kind(kind: MoneyKind, value: Any, name: str) -> Any:
        return sum_as(case((row.kind == kind, value), else_=0.0), name)

    return select(
        row.customer_id,
        row.month,
        sum_as(case((is_revenue, brought), else_=0.0), "margin"),
        sum_as(case((and_(is_revenue, row.missing == 0), row.weight), else_=0.0), "orders"),
        of_kind(MoneyKind.REFUND, lost, "refund_cost"),
        of_kind(MoneyKind.CHARGEBACK, lost, "chargeback_cost"),
        of_kind(MoneyKind.WRITE_OFF, lost, "write_off_cost"),
        sum_as(case((is_revenue, row.amount), else_=0.0), "revenue"),
        of_kind(MoneyKind.REFUND, row.amount, "refunds"),
        of_kind(MoneyKind.REFUND, returned, "returned"),
        of_kind(MoneyKind.CHARGEBACK, row.amount, "chargebacks"),
        of_kind(MoneyKind.WRITE_OFF, row.amount, "write_offs"),
        of_kind(MoneyKind.CONCESSION, row.amount, "concessions"),
        sum_as(row.missing, "incomplete"),
    ).group_by(row.customer_id, row.month)


def _amounts(question: Question, rates: CTE | None = None) -> Select[Any]:
    """One row a money entry with its weight and its amount in base minor units."""
    c = _MONEY.c
    return select(
        c.customer_id,
        c.occurred_month.label("month"),
        c.kind,
        c.fault,
        c.goods_returned,
        question.weight(c.occurred_day).label("weight"),
        _in_base(c.amount_minor, rates).label("amount"),
        _missing(rates).label("missing"),
    ).where(question.known(c))


def debt_sums(question: Question) -> CTE:
    """What each customer owes past the days of grace, in the month of the day.

    Summed as integers currency by currency, so that what was paid cancels exactly.
    """
    rows = union_all(_base_debts(question), _foreign_debts(question)).subquery("debts").c
    over = cast(rows.due - rows.paid, Double)
    left = case(
        (rows.due > rows.paid, over * (rows.due_worth / cast(rows.due, Double))),
        (rows.paid > 0, over * (rows.paid_worth / cast(rows.paid, Double))),
        else_=0.0,
    )
    owed = sum_as(left, "overdue")
    return (
        select(rows.customer_id, literal(month_number(question.as_of_day)).label("month"), owed)
        .group_by(rows.customer_id)
        .having(func.sum(left) >= HALF_A_MINOR_UNIT)
        .cte("debt_sums")
    )


def _base_debts(question: Question) -> Select[Any]:
    # Apart from the others because SQLite can group by customer alone in the index's order.
    c = _MONEY.c
    rows = (
        _debts(question, cast(c.amount_minor, Double))
        .where(c.currency == question.currency)
        .group_by(c.customer_id)
    )
    return _debts_by_person(question, rows, "base_debts")


def _foreign_debts(question: Question) -> Select[Any]:
    c, rates = _MONEY.c, question.rates
    rows = (
        _debts(question, rates.c.factor * cast(c.amount_minor, Double))
        .join_from(_MONEY, rates, question.rate_applies(c.currency, c.occurred_day))
        .where(c.currency != question.currency)
        .group_by(c.customer_id, c.currency)
    )
    return _debts_by_person(question, rows, "foreign_debts", c.currency)


def _debts_by_person(
    question: Question, rows: Select[Any], name: str, *currency: Any
) -> Select[Any]:
    """What all who are one owe and paid, currency by currency: one settles what another owes."""
    if not question.merged:
        return rows
    c = question.by_person(rows.add_columns(*currency).cte(name)).c
    sums = (func.sum(c[n], type_=BigInteger()).label(n) for n in ("due", "paid"))
    worths = (sum_as(c[n], n) for n in ("due_worth", "paid_worth"))
    by = (c.customer_id, *(c[column.name] for column in currency))
    return select(c.customer_id, *sums, *worths).group_by(*by)


def _debts(question: Question, worth: Any) -> Select[Any]:
    c = _MONEY.c
    latest = question.as_of_day - question.policy.grace_days
    fell_due = and_(c.kind == MoneyKind.INVOICE, c.due_day <= latest)
    settles = c.kind.in_(_SETTLING)
    return select(
        c.customer_id,
        func.sum(case((fell_due, c.amount_minor), else_=0), type_=BigInteger()).label("due"),
        func.sum(case((settles, c.amount_minor), else_=0), type_=BigInteger()).label("paid"),
        sum_as(case((fell_due, worth), else_=0.0), "due_worth"),
        sum_as(case((settles, worth), else_=0.0), "paid_worth"),
    ).where(question.known(c), or_(fell_due, settles))
