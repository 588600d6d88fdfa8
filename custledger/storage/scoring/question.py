"""What the select of the score is asked, and what it takes from the policy; all bound values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import product
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    Double,
    Integer,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    type_coerce,
)

from custledger.core.money import Money, exponent_of
from custledger.core.score.formula import Terms
from custledger.core.score.policy import ScorePolicy
from custledger.storage.bulk import table_of
from custledger.storage.merges import heads
from custledger.storage.tables import CustomerRow, ExchangeRateRow
from custledger.storage.types import code_of

__all__ = ["COUNTS", "Question", "kept", "sum_as"]

_CUSTOMER: Final = table_of(CustomerRow)
_RATE: Final = table_of(ExchangeRateRow)
_RATE_UNITS: Final = 1e12
_NO_UNDERFLOW: Final = -1000.0
# PostgreSQL refuses a power that underflows; 2^-1000 is nothing as well.
_SHORT_HALF_LIFE: Final = 110.0
# Days lie between 1900 and 2199: with a longer half-life no power can underflow.

COUNTS: Final = frozenset(("contacts", "seconds", "unknown_time", "unpriced", "incomplete"))
"""The sums that are whole numbers."""


def sum_as(value: Any, name: str) -> Any:
    """A labelled sum, of whole numbers or of doubles by its name."""
    kind: Any = BigInteger() if name in COUNTS else Double()
    return func.sum(value, type_=kind).label(name)


def kept(rows: CTE) -> CTE:
    """Rows computed once; planners else copy each expression into all places that name it."""
    for dialect in ("sqlite", "postgresql"):
        rows = rows.prefix_with("MATERIALIZED", dialect=dialect)
    return rows


@dataclass(frozen=True)
class Question:
    """The terms, the day, the base currency, the foreign ones with rates, the hourly rate.

    ``default_rate`` is the ledger's hourly rate on the day, for contacts without one of their own.
    ``merged``: whether customers were merged. Where none were, no select knows of merging.
    """

    terms: Terms
    as_of_day: int
    currency: str
    foreign: Sequence[str] = ()
    default_rate: Money | None = None
    merged: bool = False

    @property
    def policy(self) -> ScorePolicy:
        """The policy of the terms."""
        return self.terms.policy

    @property
    def minor_units(self) -> float:
        """Minor units of one of the base currency."""
        return float(10 ** exponent_of(self.currency))

    def known(self, c: Any) -> Any:
        """Whether an entry had happened, and was known, on the day."""
        return and_(c.occurred_day <= self.as_of_day, c.known_day <= self.as_of_day)

    def weight(self, day: Any) -> Any:
        """2 to the power of minus the entry's age in half-lives."""
        exponent = (day - self.as_of_day) * literal(1.0 / self.policy.half_life_days)
        if self.policy.half_life_days < _SHORT_HALF_LIFE:
            exponent = case((exponent < _NO_UNDERFLOW, _NO_UNDERFLOW), else_=exponent)
        return func.power(literal(2.0), exponent, type_=Double())

    def rate_applies(self, currency: Any, day: Any) -> Any:
        """The join condition for the rate of a foreign currency on a day."""
        rates = self.rates.c
        return and_(
            currency != self.currency,
            rates.currency == currency,
            rates.from_day <= day,
            or_(rates.until_day.is_(None), rates.until_day > day),
        )

    @cached_property
    def heads(self) -> CTE:
        """Who stands for customers who were merged."""
        return kept(heads())

    def by_person(self, rows: CTE) -> CTE:
        """Rows with those of merged customers under the key of who stands for them.

        For rows that were summed up by customer already, which are few: joined with the entries
        themselves, the order of their index would be lost.
        """
        if not self.merged:
            return rows
        merged = self.heads.c
        # SQLite makes no index of its own on a column whose type it does not know.
        head = cast(func.coalesce(merged.head_id, rows.c.customer_id), BigInteger)
        joined = rows.outerjoin(self.heads, merged.customer_id == rows.c.customer_id)
        rest = (c for c in rows.c if c.name != "customer_id")
        return kept(
            select(head.label("customer_id"), *rest)
            .select_from(joined)
            .cte(f"{rows.name}_by_person")
        )

    @cached_property
    def people(self) -> Any:
        """Customers by id, name and joined_day; one for all who are one, known for longest."""
        if not self.merged:
            return _CUSTOMER
        c, merged, members = _CUSTOMER.c, self.heads.c, _CUSTOMER.alias("members")
        first = (
            select(merged.head_id, func.min(members.c.joined_day).label("day"))
            .join_from(self.heads, members, members.c.id == merged.customer_id)
            .group_by(merged.head_id)
            .subquery("first_days")
        )
        joined = case((first.c.day < c.joined_day, first.c.day), else_=c.joined_day)
        return kept(
            select(c.id, c.name, joined.label("joined_day"))
            .select_from(
                _CUSTOMER.outerjoin(self.heads, merged.customer_id == c.id).outerjoin(
                    first, first.c.head_id == c.id
                )
            )
            .where(merged.customer_id.is_(None))
            .cte("people")
        )

    @cached_property
    def rates(self) -> CTE:
        """Base minor units for a minor unit of a foreign currency, from a day to the next rate."""
        c = _RATE.c
        until = func.lead(c.effective_day, type_=Integer()).over(
            partition_by=c.currency, order_by=(c.effective_day, c.id)
        )
        return (
            select(
                c.currency,
                c.effective_day.label("from_day"),
                until.label("until_day"),
                (cast(c.rate_e12, Double) / _RATE_UNITS * self._scale()).label("factor"),
            )
            .where(c.currency != self.currency)
            .cte("rates")
        )

    def _scale(self) -> Any:
        base = exponent_of(self.currency)
        scales = [(f, 10.0 ** (base - exponent_of(f))) for f in self.foreign]
        unlike = [(_RATE.c.currency == f, literal(scale)) for f, scale in scales if scale != 1]
        return case(*unlike, else_=literal(1.0)) if unlike else literal(1.0)

    def severity_of_contact(self, c: Any) -> Any:
        """What ``ScorePolicy.severity_of`` says of an interaction."""
        return _judge((c.purpose, c.conduct, c.fault), self.policy.severity_of, 0.0)

    def share_of_contact(self, c: Any) -> Any:
        """What ``ScorePolicy.time_share`` says of an interaction."""
        return _judge((c.purpose, c.conduct, c.fault), self.policy.time_share, 1.0)

    def severity_of_money(self, c: Any) -> Any:
        """What ``ScorePolicy.severity_of_money`` says of a money entry."""
        return _judge((c.kind, c.fault), self.policy.severity_of_money, 0.0)

    def share_of_money(self, c: Any) -> Any:
        """What ``ScorePolicy.loss_share`` says of a money entry."""
        return _judge((c.kind, c.fault), self.policy.loss_share, 1.0)


def _judge(columns: Sequence[Any], judge: Callable[..., float], usual: float) -> Any:
    """A CASE over one number for the vocabularies' codes; ``usual`` goes first, it is most rows.

    Asking the core about every combination keeps the policy's rules in one place. (A table of
    values to join with is many times as slow on SQLite, which gives it no index.)
    """
    vocabularies = [c.type.vocabulary for c in columns]
    keys: dict[float, list[int]] = {}
    for words in product(*vocabularies):
        keys.setdefault(judge(*words), []).append(_number(map(code_of, words), vocabularies))
    number = _number([type_coerce(c, Integer) for c in columns], vocabularies)
    order = sorted(keys, key=lambda value: (value != usual, value))
    whens: list[Any] = [
        (number.in_(_listed(keys[value])), literal(value, Double())) for value in order
    ]
    return case(*whens, else_=literal(usual, Double()))


def _listed(keys: list[int]) -> Any:
    # Codes are no data: written out, they are a hundred bound values fewer.
    return bindparam("codes", keys, expanding=True, literal_execute=True, unique=True)


def _number(codes: Iterable[Any], vocabularies: Sequence[Sized]) -> Any:
    """The codes as digits of one number."""
    return reduce(
        lambda number, pair: number * len(pair[1]) + pair[0],
        zip(codes, vocabularies, strict=True),
        0,
    )
