"""The score of every customer as one SQLAlchemy Core ``select()``.

The same sums as core/score/standing.py, over the tables that are read: exact where sums must cancel
(what is owed is summed as integers, currency by currency), floats elsewhere. The arithmetic that
finishes them is core/score/formula.py itself, each of its stages a common table expression.

Only what SQLite, PostgreSQL, DuckDB and Spark have in common is used: no FILTER, no greatest(), no
correlated subquery, no count(distinct).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import CTE, Double, Select, and_, case, func, literal, or_, select

from custledger.core.score.formula import STAGES, Value
from custledger.storage.bulk import table_of
from custledger.storage.scoring.habits_sql import adverse_entries, habits, witnesses
from custledger.storage.scoring.question import Question, kept
from custledger.storage.scoring.sums_sql import all_sums, customer_sums, month_sums
from custledger.storage.tables import IdentityRow

__all__ = ["SqlOps", "months_select", "score_select", "standing_select", "totals_select"]

_IDENTITY: Final = table_of(IdentityRow)


class SqlOps:
    """The carrier of SQL columns for core/score/formula.py."""

    def power(self, base: Value, exponent: Value) -> Value:
        """``power(base, exponent)`` of doubles."""
        return func.power(base, exponent, type_=Double())

    def root(self, value: Value) -> Value:
        """``sqrt(value)``."""
        return func.sqrt(value, type_=Double())

    def where(self, condition: Value, then: Value, otherwise: Value) -> Value:
        """A CASE."""
        return case((condition, then), else_=otherwise)

    def every(self, *conditions: Value) -> Value:
        """AND."""
        return and_(*conditions)

    def some(self, *conditions: Value) -> Value:
        """OR."""
        return or_(*conditions)


def score_select(question: Question) -> Select[Any]:
    """One row a customer: identity, name, standing, totals and every value of the formula."""
    current = kept(standing_select(question).cte("standing"))
    for stage in STAGES:
        found = stage(SqlOps(), question.terms, current.c)
        labels = [value.label(name) for name, value in found.items()]
        current = kept(select(*current.c, *labels).cte(stage.__name__.strip("_")))
    return _with_uuid(current)


def standing_select(question: Question) -> Select[Any]:
    """One row a customer with the fields of Standing and Totals."""
    adverse = adverse_entries(question)
    parts = (
        *customer_sums(question),
        habits(question, adverse),
        witnesses(adverse),
    )
    tenure = question.as_of_day - question.people.c.joined_day
    return _each_customer(question, parts).add_columns(
        case((tenure > 0, tenure), else_=0).label("tenure")
    )


def totals_select(question: Question) -> Select[Any]:
    """One row a customer with its uuid and the fields of Totals, for the ranking."""
    totals = _each_customer(question, customer_sums(question)).cte("totals")
    return _with_uuid(totals)


def _each_customer(question: Question, parts: Iterable[CTE]) -> Select[Any]:
    """Every customer with what the parts say of them, 0 where they say nothing."""
    customer = question.people.c
    columns: list[Any] = [customer.id.label("customer_id"), customer.name]
    source: Any = question.people
    for part in parts:
        source = source.outerjoin(part, part.c.customer_id == customer.id)
        columns += [
            func.coalesce(c, literal(0, c.type)).label(c.name)
            for c in part.c
            if c.name != "customer_id"
        ]
    return select(*columns).select_from(source)


def _with_uuid(rows: CTE) -> Select[Any]:
    return select(_IDENTITY.c.uuid, *rows.c).join_from(
        rows, _IDENTITY, _IDENTITY.c.id == rows.c.customer_id
    )


def months_select(question: Question) -> Select[Any]:
    """Customer and cost of every calendar month that has one, for the calibration."""
    months = month_sums(all_sums(question), question)
    return select(months.c.customer_id, months.c.cost).where(months.c.cost > 0)
