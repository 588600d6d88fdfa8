"""Choosing on a request for money back: what is refused, and what the entries will say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from custledger.core.canonical import JsonValue
from custledger.core.checks import check_money
from custledger.core.clock import to_microseconds
from custledger.core.facts import Body
from custledger.core.money import Money
from custledger.core.records import EntryRef
from custledger.core.refunds.advice import Choice, RefundAdvice
from custledger.core.refunds.assessment import RefundAssessment
from custledger.core.refunds.cases import RefundCase, advice_body
from custledger.core.refusal import Refusal
from custledger.errors import BadInputError

__all__ = [
    "Chosen",
    "Ended",
    "OutcomeFacts",
    "RequestAdvice",
    "choice_bodies",
    "outcome_bodies",
    "refusals_of_choice",
    "refusals_of_outcome",
]


@dataclass(frozen=True, slots=True)
class RequestAdvice:
    """The advice on one request: about which payment, what is owed, and what the choice costs."""

    payment: EntryRef
    asked_at: datetime
    asked: Money
    hourly_rate: Money
    assessment: RefundAssessment
    advice: RefundAdvice


@dataclass(frozen=True, slots=True)
class Chosen:
    """What came of recording a choice; where ``done`` is false, nothing was written."""

    done: bool
    case: RefundCase | None = None
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of recording an outcome; where ``done`` is false, nothing was written."""

    done: bool
    case: RefundCase | None = None
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class OutcomeFacts:
    """What came of a choice, as somebody said it; ``seconds`` of staff time, None if unknown."""

    paid_back: Money
    lost: bool
    charged_back: bool
    seconds: int | None
    fee: Money | None
    goods_back: Money | None
    note: str


def choice_bodies(advised: RequestAdvice, choice: Choice, reason: str) -> tuple[Body, Body]:
    """The shared and the staff-only part of the event that opens a case."""
    body: Body = {
        "event": "chosen",
        "choice": choice.value,
        "payment": advised.payment.seq,
        "mark": str(advised.payment.seq),
        "asked_at": to_microseconds(advised.asked_at),
        "asked": _plain(advised.asked),
        "due": _plain(advised.advice.owed),
    }
    staff: Body = {
        "reason": reason,
        "hourly_rate": _plain(advised.hourly_rate),
        "advice": advice_body(advised.advice),
    }
    return body, staff


def outcome_bodies(case: RefundCase, facts: OutcomeFacts) -> tuple[Body, Body | None]:
    """The two parts of the event that ends a case; BadInputError for another currency."""
    for name in ("paid_back", "fee", "goods_back"):
        amount = getattr(facts, name)
        if amount is not None and check_money(amount, name).currency != case.asked.currency:
            raise BadInputError(
                f"{name} is in {amount.currency}, and the case in {case.asked.currency}."
            )
    body: Body = {"event": "outcome", "of": case.id.seq, "paid_back": _plain(facts.paid_back)}
    body |= {name: True for name in ("lost", "charged_back") if getattr(facts, name)}
    if facts.goods_back is not None:
        body["goods_back"] = _plain(facts.goods_back)
    staff: Body = {} if facts.seconds is None else {"seconds": facts.seconds}
    if facts.fee is not None:
        staff["fee"] = _plain(facts.fee)
    if facts.note:
        staff["note"] = facts.note
    return body, staff or None


def refusals_of_choice(
    advised: RequestAdvice, choice: Choice, *, left: Money, pay: Money | None
) -> Iterator[Refusal]:
    """Why a choice cannot stand: ``left`` of what was paid, ``pay`` to be recorded with it."""
    if not advised.asked.minor:
        yield Refusal("nothing_asked", "All that was paid went back already: nothing is asked for.")
    elif choice is Choice.CONTEST and not advised.advice.question.minor:
        text = f"{advised.asked} is owed, by the terms or the law: there is nothing to contest."
        yield Refusal("owed", text)
    if advised.asked > left:
        text = (
            f"{left} is left of what was paid, less than the {advised.asked} asked for: money went "
            "back since the advice. Ask for new advice."
        )
        yield Refusal("more_than_left", text)
    if pay is not None and advised.asked.minor and not pay.minor:
        text = "There is no refund to record: nothing is owed. Record the choice without it."
        yield Refusal("nothing_to_pay", text)


def refusals_of_outcome(case: RefundCase, facts: OutcomeFacts) -> Iterator[Refusal]:
    """Why an outcome cannot stand beside the choice."""
    if case.outcome is not None:
        text = f"The outcome is recorded already (entry #{case.outcome.id.seq}); void it first."
        yield Refusal("outcome_known", text)
    if facts.paid_back > case.asked:
        text = f"{facts.paid_back} is more than the {case.asked} that was asked for."
        yield Refusal("too_much", text)
    if facts.lost and case.choice is Choice.REFUND:
        text = "It was refunded and not contested, so it cannot have been lost."
        yield Refusal("contradiction", text)
    kept = case.choice is Choice.CONTEST and not facts.lost
    if kept and facts.paid_back == case.asked:
        text = f"All of the {case.asked} went back, so the contest was lost: say so."
        yield Refusal("contradiction", text)


def _plain(amount: Money) -> list[JsonValue]:
    return [amount.minor, amount.currency]
