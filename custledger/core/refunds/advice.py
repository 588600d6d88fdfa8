"""Refund and move on, or contest? The two costs, item by item, each with its source.

What is owed by the terms or the law is refunded whatever it costs; the comparison is about the
rest. Own history counts from five cases on; below that a stated default does. Amounts are rounded
half to even, once an item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from custledger.core.canonical import JsonValue
from custledger.core.checks import check_money, check_required
from custledger.core.money import Money, exponent_of, round_half_even
from custledger.errors import BadInputError

__all__ = [
    "LEAST_SAMPLE",
    "AdvicePolicy",
    "Choice",
    "CostItem",
    "Estimate",
    "RefundAdvice",
    "RefundHistory",
    "advise_refund",
]

LEAST_SAMPLE: Final = 5
"""Own cases from which on the own figure counts instead of the default."""
_MINUTES_AN_HOUR: Final = 60


class Choice(StrEnum):
    """What can be done with a request for money back."""

    REFUND = "refund"
    CONTEST = "contest"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with where it comes from; ``sample`` is the number of own cases, 0 for none."""

    value: float
    source: str
    sample: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", float(self.value))
        object.__setattr__(self, "source", check_required(self.source, "source"))
        if not 0 <= self.value < 1e9 or type(self.sample) is not int or self.sample < 0:
            raise BadInputError(f"An estimate is 0 or more, from 0 or more cases: {self!r}.")

    def to_body(self) -> list[JsonValue]:
        """The value as text that reads back exactly, the source and the sample."""
        return [repr(self.value), self.source, self.sample]

    @classmethod
    def from_body(cls, body: list[Any]) -> Self:
        """The estimate that ``to_body`` wrote."""
        return cls(float(body[0]), body[1], body[2])


_GUESS: Final = "stated default, a guess: no survey at hand measures it"
_PROBABILITIES: Final = ("chargeback", "losing")


@dataclass(frozen=True, slots=True)
class AdvicePolicy:
    """The stated defaults, as versioned data; minutes of work, shares of cases, major units.

    ``losing`` 0.46: merchants of the United States win about 54 % of the chargebacks that they
    contest (Datos Insights 2025); small firms probably fewer. ``customers_lost`` 0.32: of 100
    people with a bad experience a retailer stands to lose 32 to 36 customers, present or future
    (Verde Group and Wharton, Retail Customer Dissatisfaction Study 2006). ``fee`` 15: Stripe's
    dispute fee in the United States, scaled where a currency has no minor unit.
    """

    version: int = 0
    refund_minutes: Estimate = Estimate(10, _GUESS)
    contest_minutes: Estimate = Estimate(60, _GUESS)
    chargeback: Estimate = Estimate(0.25, _GUESS)
    losing: Estimate = Estimate(
        0.46, "stated default: merchants win 54 % of contested chargebacks, Datos Insights 2025"
    )
    customers_lost: Estimate = Estimate(
        0.32, "stated default: 32 to 36 of 100 customers, Verde Group and Wharton 2006"
    )
    fee: Estimate = Estimate(15, "stated default: Stripe's dispute fee of 15 USD, 2025")

    def __post_init__(self) -> None:
        for name in _PROBABILITIES:
            _check_probability(getattr(self, name), name)

    def to_body(self) -> dict[str, JsonValue]:
        """Plain JSON values."""
        estimates = [f.name for f in fields(self) if f.name != "version"]
        body: dict[str, JsonValue] = {n: getattr(self, n).to_body() for n in estimates}
        return body | {"version": self.version}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The policy that ``to_body`` wrote."""
        estimates = {n: Estimate.from_body(e) for n, e in body.items() if n != "version"}
        return cls(version=body["version"], **estimates)


@dataclass(frozen=True, slots=True)
class RefundHistory:
    """The firm's own figures, each with its sample; None where there is none.

    ``fee`` in major units of the currency asked for. ``customer_worth`` is what a customer brings
    on average, without which no exposure by word of mouth can be counted.
    """

    refund_minutes: Estimate | None = None
    contest_minutes: Estimate | None = None
    chargeback: Estimate | None = None
    losing: Estimate | None = None
    customers_lost: Estimate | None = None
    fee: Estimate | None = None
    customer_worth: Estimate | None = None

    def __post_init__(self) -> None:
        for name in _PROBABILITIES:
            if (estimate := getattr(self, name)) is not None:
                _check_probability(estimate, name)


class CostItem(NamedTuple):
    """One part of a cost, with how it comes about and the sources of its figures."""

    code: str
    text: str
    amount: Money
    sources: tuple[Estimate, ...] = ()


@dataclass(frozen=True, slots=True)
class RefundAdvice:
    """The two costs and what they speak for; a named person chooses.

    ``owed`` is due in any case, ``question`` the rest that could be contested. ``break_even`` is
    the probability of losing at which both cost the same, below 0 or above 1 where one is always
    cheaper, None where nothing is in question. ``losing`` and ``chargeback`` are what was reckoned
    with, so that the advice can be scored later.
    """

    policy_version: int
    owed: Money
    question: Money
    refund: tuple[CostItem, ...]
    contest: tuple[CostItem, ...]
    break_even: float | None
    losing: Estimate
    chargeback: Estimate
    choice: Choice
    reasons: tuple[str, ...]

    @property
    def refund_cost(self) -> Money:
        """What refunding now costs: the sum of its items."""
        return _sum(self.refund, self.question.currency)

    @property
    def contest_cost(self) -> Money:
        """What contesting costs on average: the sum of its items."""
        return _sum(self.contest, self.question.currency)

    def cost_of(self, choice: Choice) -> Money:
        """The predicted cost of a choice."""
        return self.refund_cost if choice is Choice.REFUND else self.contest_cost


def advise_refund(
    asked: Money,
    owed: Money,
    hourly_rate: Money,
    *,
    policy: AdvicePolicy,
    history: RefundHistory | None = None,
    goods_back: Money | None = None,
    by_card: bool = True,
) -> RefundAdvice:
    """Compare refunding now with contesting, for what is asked beyond what is owed.

    ``owed`` is the amount of the assessment; ``goods_back`` is what goods that come back are worth;
    ``by_card``: whether the payment can be charged back. All amounts are of one currency. Where
    both cost the same the advice is to refund.
    """
    for name, amount in (("asked", asked), ("owed", owed), ("hourly_rate", hourly_rate)):
        check_money(amount, name)
    history = history or RefundHistory()
    figures = _figures(policy, history, by_card=by_card)
    question = max(asked - owed, Money(0, asked.currency))
    refund = _refund_items(question, hourly_rate, figures, goods_back)
    contest = _contest_items(question, hourly_rate, figures, history.customer_worth)
    advice = RefundAdvice(
        policy_version=policy.version,
        owed=min(owed, asked),
        question=question,
        refund=refund if question.minor else (),
        contest=contest if question.minor else (),
        break_even=None,
        losing=figures.losing,
        chargeback=figures.chargeback,
        choice=Choice.REFUND,
        reasons=(f"{min(owed, asked)} is owed, and refunded whatever it costs.",),
    )
    return _compared(advice) if question.minor else advice


def _figures(policy: AdvicePolicy, history: RefundHistory, *, by_card: bool) -> AdvicePolicy:
    """The own figures where there are enough cases, else the defaults."""
    chosen: dict[str, Any] = {}
    for name in (f.name for f in fields(policy) if f.name != "version"):
        own: Estimate | None = getattr(history, name)
        default: Estimate = getattr(policy, name)
        chosen[name] = default
        if own is not None and own.sample >= LEAST_SAMPLE:
            chosen[name] = own
        elif own is not None and own.sample:
            source = f"{default.source} (own history: {own.sample}, fewer than {LEAST_SAMPLE})"
            chosen[name] = replace(default, source=source)
    if not by_card:
        chosen["chargeback"] = Estimate(0, "it was not paid by card")
    return replace(policy, **chosen)


def _refund_items(
    question: Money, rate: Money, figures: AdvicePolicy, goods_back: Money | None
) -> tuple[CostItem, ...]:
    items = [
        CostItem("amount", "The amount itself", question),
        _work("handling", "Handling the refund", rate, figures.refund_minutes),
    ]
    if goods_back is not None and goods_back.minor:
        worth = check_money(goods_back, "goods_back")
        items.append(CostItem("goods_back", "What the goods that come back are worth", -worth))
    return tuple(items)


def _contest_items(
    question: Money, rate: Money, figures: AdvicePolicy, worth: Estimate | None
) -> tuple[CostItem, ...]:
    fee, losing, lost = figures.fee, figures.losing, figures.customers_lost
    scale = 100 if exponent_of(question.currency) == 0 and not fee.sample else 1
    fee_money = _major(fee.value * scale, question.currency)
    charged = CostItem(
        "chargeback_fee",
        f"A chargeback fee of {fee_money} x {_percent(figures.chargeback)}",
        _times(fee_money, figures.chargeback.value),
        (fee, figures.chargeback),
    )
    amount = CostItem(
        "losing",
        f"The amount {question} x {_percent(losing)} that it is lost all the same",
        _times(question, losing.value),
        (losing,),
    )
    return (
        _work("contesting", "Contesting it", rate, figures.contest_minutes),
        charged,
        amount,
        _exposure(lost, worth, question.currency),
    )


def _exposure(lost: Estimate, worth: Estimate | None, currency: str) -> CostItem:
    if worth is None:
        text = "Word of mouth is not counted: it is not known what a customer brings"
        return CostItem("word_of_mouth", text, Money(0, currency), (lost,))
    brings = _major(worth.value, currency)
    text = f"Word of mouth: {lost.value:g} customers lost x {brings} that a customer brings"
    return CostItem("word_of_mouth", text, _times(brings, lost.value), (lost, worth))


def _compared(advice: RefundAdvice) -> RefundAdvice:
    question, refund, contest = advice.question, advice.refund_cost, advice.contest_cost
    fixed = sum(i.amount.minor for i in advice.contest if i.code != "losing")
    break_even = (refund.minor - fixed) / question.minor
    choice = Choice.CONTEST if contest < refund else Choice.REFUND
    reasons = [f"{advice.owed} is owed in any case."] if advice.owed.minor else []
    reasons.append(f"To refund {question} now costs {refund}; to contest it {contest} on average.")
    reasons.append(_of_break_even(break_even))
    reasons.append(
        "Refund and move on."
        if choice is Choice.REFUND
        else "By cost alone, contest it politely, with the evidence; peace has a worth too."
    )
    return replace(advice, break_even=break_even, choice=choice, reasons=tuple(reasons))


def _of_break_even(probability: float) -> str:
    if probability <= 0:
        return "Contesting would cost more even if it were sure to be won."
    if probability >= 1:
        return "Contesting would cost less even if it were sure to be lost."
    return f"Contesting pays only if the risk of losing is below {probability:.0%}."


def _work(code: str, text: str, rate: Money, minutes: Estimate) -> CostItem:
    amount = _times(rate, minutes.value / _MINUTES_AN_HOUR)
    return CostItem(code, f"{text}: {minutes.value:g} min at {rate} an hour", amount, (minutes,))


def _times(amount: Money, factor: float) -> Money:
    return Money(round_half_even(Decimal(amount.minor) * Decimal(repr(factor))), amount.currency)


def _major(value: float, currency: str) -> Money:
    return Money.of(Decimal(repr(value)), currency)


def _sum(items: Iterable[CostItem], currency: str) -> Money:
    return Money(sum(item.amount.minor for item in items), currency)


def _percent(probability: Estimate) -> str:
    return f"{probability.value:.0%}"


def _check_probability(estimate: Estimate, name: str) -> None:
    if estimate.value > 1:
        raise BadInputError(
            f"{name} is a probability, at most 1 (0.25 is 25 %), not {estimate.value}."
        )
