"""The money side of the score in SQL: what each customer cost and brought, month by month."""

from __future__ import annotations

from typing import Any, Final

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
from custledger.core.policy import ScorePolicy
from custledger.core.records import Channel, MoneyKind
from custledger.core.standing import EXCESS, HALF_A_MINOR_UNIT
from custledger.storage.bulk import table_of
from custledger.storage.question import COUNTS, Question, sum_as
from custledger.storage.tables import InteractionRow, MoneyRow

__all__ = ["customer_sums", "debt_sums", "month_sums"]

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
    "margin",
    "orders",
    "refund_cost",
    "chargeback_cost",
    "write_off_cost",
    "revenue",
    "refunds",
    "returned",
    "chargebacks",
    "write_offs",
    "concessions",
)
_DEBT_SUMS: Final = ("overdue",)
_ALL_SUMS: Final = (*_TIME_SUMS, *_MONEY_SUMS, *_DEBT_SUMS, "incomplete")


def month_sums(question: Question) -> CTE:
    """One row a customer and month: the sums of time, money and debts, and the month's cost."""
    sources = (
        (_time(question), (*_TIME_SUMS, "incomplete")),
        (_moneys(question), (*_MONEY_SUMS, "incomplete")),
        (debt_sums(question), _DEBT_SUMS),
    )
    rows = union_all(
        *(
            select(
                source.c.customer_id,
                source.c.month,
                *(source.c[n] if n in names else _zero(n) for n in _ALL_SUMS),
            )
            for source, names in sources
        )
    ).subquery("sums")
    grouped = (
        select(
            rows.c.customer_id,
            rows.c.month,
            *(func.sum(rows.c[n], type_=rows.c[n].type).label(n) for n in _ALL_SUMS),
        )
        .group_by(rows.c.customer_id, rows.c.month)
        .cte("month_sums")
    )
    c, major = grouped.c, question.minor_units
    unpaid = c.write_off_cost + c.overdue * (question.policy.provision / major)
    cost = c.time_cost + c.refund_cost + c.chargeback_cost + unpaid
    return select(*c, unpaid.label("unpaid_cost"), cost.label("cost")).cte("months")


def _zero(name: str) -> Any:
    kind: Any = BigInteger() if name in COUNTS else Double()
    return cast(literal(0), kind).label(name)


def customer_sums(months: CTE) -> CTE:
    """One row a customer: C, C_max, M, the parts and the counts of months, and the totals."""
    c = months.c
    worse = case((c.cost > c.margin * EXCESS, 1), else_=0)
    names = (*_ALL_SUMS, "cost", "unpaid_cost")
    return (
        select(
            c.customer_id,
            *(
                func.sum(c[n], type_=c[n].type).label(n)
                for n in names
                if n not in ("write_off_cost", "incomplete")
            ),
            func.max(c.cost, type_=Double()).label("worst_cost"),
            func.sum(worse, type_=BigInteger()).label("cost_months"),
            func.max(c.incomplete, type_=BigInteger()).label("incomplete"),
        )
        .group_by(c.customer_id)
        .cte("customer_sums")
    )


def _seconds(policy: ScorePolicy) -> Any:
    """Handling time; where it is unknown, the channel's default."""
    c = _INTERACTION.c
    default = case(
        *((c.channel == Channel(name), s) for name, s in policy.default_seconds), else_=0
    )
    return func.coalesce(c.handling_seconds, default, type_=Integer())


def _time(question: Question) -> CTE:
    """Sums over interactions, one row a customer and month."""
    row = _contacts(question).subquery("contacts").c
    foreign = and_(row.rate_currency != question.currency, row.factor.is_(None))
    unpriced = and_(row.own_rate.is_(None), row.seconds > 0)
    major = _SECONDS_AN_HOUR * question.minor_units
    return (
        select(
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
            sum_as(case((and_(foreign, row.seconds > 0), 1), else_=0), "incomplete"),
        )
        .group_by(row.customer_id, row.month)
        .cte("time_sums")
    )


def _contacts(question: Question) -> Select[Any]:
    """One row an interaction: its weight, cost in full (times 3600), share and severity."""
    c, rates = _INTERACTION.c, question.rates
    rate_minor, currency = _hourly_rate(question)
    at_base = currency == question.currency
    factor = case((at_base, 1.0), else_=func.coalesce(rates.c.factor, 0.0))
    seconds = _seconds(question.policy)
    return (
        select(
            c.customer_id,
            c.occurred_month.label("month"),
            question.weight(c.occurred_day).label("weight"),
            seconds.label("seconds"),
            (factor * cast(rate_minor, Double) * seconds).label("full"),
            case((c.exempt == 1, 0.0), else_=question.share_of_contact(c)).label("share"),
            question.severity_of_contact(c).label("severity"),
            c.handling_seconds,
            c.rate_minor.label("own_rate"),
            currency.label("rate_currency"),
            rates.c.factor,
        )
        .select_from(_INTERACTION.outerjoin(rates, question.rate_applies(currency, c.occurred_day)))
        .where(question.known(c))
    )


def _hourly_rate(question: Question) -> tuple[Any, Any]:
    """(Minor units, currency) of an interaction's own rate, else of the ledger's, else nothing."""
    c, default = _INTERACTION.c, question.default_rate
    if default is None:
        return func.coalesce(c.rate_minor, 0), c.rate_currency
    return (
        func.coalesce(c.rate_minor, default.minor),
        func.coalesce(c.rate_currency, default.currency, type_=String()),
    )


def _moneys(question: Question) -> CTE:
    """Sums over money entries, one row a customer and month."""
    row = _amounts(question).subquery("moneys").c
    margin, major = question.policy.effective_margin, question.minor_units
    missing = and_(row.currency != question.currency, row.factor.is_(None))
    is_revenue = row.kind.in_(_REVENUE)
    whole = case((row.goods_returned == 1, margin), else_=1.0)
    lost = row.weight * row.amount * question.share_of_money(row) * whole / major
    returned = case((row.goods_returned == 1, row.amount), else_=0.0)
    brought = row.weight * row.amount * (margin / major)

    def of_kind(kind: MoneyKind, value: Any, name: str) -> Any:
        return sum_as(case((row.kind == kind, value), else_=0.0), name)

    return (
        select(
            row.customer_id,
            row.month,
            sum_as(case((is_revenue, brought), else_=0.0), "margin"),
            sum_as(case((and_(is_revenue, ~missing), row.weight), else_=0.0), "orders"),
            of_kind(MoneyKind.REFUND, lost, "refund_cost"),
            of_kind(MoneyKind.CHARGEBACK, lost, "chargeback_cost"),
            of_kind(MoneyKind.WRITE_OFF, lost, "write_off_cost"),
            sum_as(case((is_revenue, row.amount), else_=0.0), "revenue"),
            of_kind(MoneyKind.REFUND, row.amount, "refunds"),
            of_kind(MoneyKind.REFUND, returned, "returned"),
            of_kind(MoneyKind.CHARGEBACK, row.amount, "chargebacks"),
            of_kind(MoneyKind.WRITE_OFF, row.amount, "write_offs"),
            of_kind(MoneyKind.CONCESSION, row.amount, "concessions"),
            sum_as(case((missing, 1), else_=0), "incomplete"),
        )
        .group_by(row.customer_id, row.month)
        .cte("money_sums")
    )


def _amounts(question: Question) -> Select[Any]:
    """One row a money entry with its weight and its amount in base minor units."""
    c, rates, base = _MONEY.c, question.rates, question.currency
    factor = case((c.currency == base, 1.0), else_=func.coalesce(rates.c.factor, 0.0))
    return (
        select(
            c.customer_id,
            c.occurred_month.label("month"),
            c.kind,
            c.fault,
            c.currency,
            c.goods_returned,
            rates.c.factor,
            question.weight(c.occurred_day).label("weight"),
            (factor * cast(c.amount_minor, Double)).label("amount"),
        )
        .select_from(_MONEY.outerjoin(rates, question.rate_applies(c.currency, c.occurred_day)))
        # A payment adds to no sum; without an exchange rate it shows that figures are missing.
        .where(question.known(c), or_(c.kind != MoneyKind.PAYMENT, c.currency != base))
    )


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
    return (
        _debts(question, cast(c.amount_minor, Double))
        .where(c.currency == question.currency)
        .group_by(c.customer_id)
    )


def _foreign_debts(question: Question) -> Select[Any]:
    c, rates = _MONEY.c, question.rates
    return (
        _debts(question, rates.c.factor * cast(c.amount_minor, Double))
        .join_from(_MONEY, rates, question.rate_applies(c.currency, c.occurred_day))
        .where(c.currency != question.currency)
        .group_by(c.customer_id, c.currency)
    )


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
