"""The conduct side of the score in SQL: adverse days, months and witnesses of every customer."""

from __future__ import annotations

from typing import Final

from sqlalchemy import CTE, BigInteger, Double, case, func, literal, or_, select, union_all

from custledger.core.records import Conduct, MoneyKind, Purpose, StaffRole
from custledger.storage.bulk import table_of
from custledger.storage.scoring.question import Question, sum_as
from custledger.storage.tables import InteractionRow, MoneyRow, StaffRow

__all__ = ["adverse_entries", "habits", "witnesses"]

_INTERACTION: Final = table_of(InteractionRow)
_MONEY: Final = table_of(MoneyRow)
_STAFF: Final = table_of(StaffRow)
_MONEY_WITNESS: Final = -1
# All chargebacks and write-offs together are one witness; identity keys are positive.
_SEVERE_PURPOSES: Final = (Purpose.COMPLAINT, Purpose.REFUND_REQUEST, Purpose.COLLECTION)
_SEVERE_KINDS: Final = (MoneyKind.CHARGEBACK, MoneyKind.WRITE_OFF)


def adverse_entries(question: Question) -> CTE:
    """One row an entry with severity: few, so found by a cheap condition first."""
    i, m = _INTERACTION.c, _MONEY.c
    contact_severity = question.severity_of_contact(i)
    contacts = (
        select(
            i.customer_id,
            i.occurred_day.label("day"),
            i.occurred_month.label("month"),
            contact_severity.label("severity"),
            i.staff_id,
        )
        .where(or_(i.conduct != Conduct.NONE, i.purpose.in_(_SEVERE_PURPOSES)))
        .where(question.known(i), contact_severity > 0)
    )
    money_severity = question.severity_of_money(m)
    moneys = (
        select(
            m.customer_id,
            m.occurred_day,
            m.occurred_month,
            money_severity,
            literal(_MONEY_WITNESS, BigInteger()),
        )
        .where(m.kind.in_(_SEVERE_KINDS))
        .where(question.known(m), money_severity > 0)
    )
    return question.by_person(union_all(contacts, moneys).cte("adverse"))


def habits(question: Question, adverse: CTE) -> CTE:
    """A, A_max and the counts: each day its worst severity, each month at most ``cap`` weights."""
    entry = adverse.c
    day = (
        select(
            entry.customer_id,
            entry.month,
            func.max(entry.severity, type_=Double()).label("severity"),
            question.weight(entry.day).label("weight"),
        )
        .group_by(entry.customer_id, entry.month, entry.day)
        .subquery("adverse_days")
        .c
    )
    month = (
        select(
            day.customer_id,
            sum_as(day.severity * day.weight, "sum"),
            (func.max(day.weight, type_=Double()) * question.policy.cap).label("most"),
            func.count().label("days"),
        )
        .group_by(day.customer_id, day.month)
        .subquery("adverse_months")
        .c
    )
    held = case((month.sum < month.most, month.sum), else_=month.most)
    return (
        select(
            month.customer_id,
            sum_as(held, "adverse"),
            func.max(held, type_=Double()).label("worst_adverse"),
            func.sum(month.days, type_=BigInteger()).label("adverse_days"),
            func.count().label("adverse_months"),
        )
        .group_by(month.customer_id)
        .cte("habits")
    )


def witnesses(adverse: CTE) -> CTE:
    """How many saw something adverse; a program is no witness."""
    people = adverse.outerjoin(_STAFF, _STAFF.c.id == adverse.c.staff_id)
    counts = or_(adverse.c.staff_id == _MONEY_WITNESS, _STAFF.c.role != StaffRole.PROGRAM)
    seen = (
        select(adverse.c.customer_id, adverse.c.staff_id)
        .select_from(people)
        .where(counts)
        .distinct()
        .subquery("seen")
        .c
    )
    return (
        select(seen.customer_id, func.count().label("witnesses"))
        .group_by(seen.customer_id)
        .cte("witness_counts")
    )
