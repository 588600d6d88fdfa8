"""What a person chose on a request for money back, and what came of it, as entries keep them.

The opening event has what the customer may read (what was asked for, what is owed, the choice); the
costs that were compared, and the reason, are for staff. Money is [minor units, currency], a figure
text that reads back exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from custledger.core.bodies import StoredEntry
from custledger.core.canonical import JsonValue
from custledger.core.clock import from_microseconds
from custledger.core.money import Money, round_half_even
from custledger.core.records import EntryRef
from custledger.core.refunds.advice import Choice, CostItem, Estimate, RefundAdvice
from custledger.core.refunds.advice_report import AdviceOutcome

__all__ = ["RefundCase", "RefundOutcome", "advice_body", "case_from", "cost_in_the_end"]

_SECONDS_AN_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """What came of a choice: what went back in all, and what it cost beyond what was owed.

    ``lost`` and ``charged_back`` are of a contested request: whether the money went back after all,
    and whether through the bank. ``cost`` is paid back - owed + staff time + fee - the worth of
    goods that came back. ``time_known``: whether any staff time was recorded.
    """

    id: EntryRef
    paid_back: Money
    cost: Money
    lost: bool
    charged_back: bool
    handling_time: timedelta
    time_known: bool
    fee: Money
    goods_back: Money
    recorded_at: datetime
    recorded_by: UUID
    note: str = ""


@dataclass(frozen=True, slots=True)
class RefundCase:
    """A request for money back on which a named person chose, with the advice they had.

    ``payment`` is the sale, invoice or payment that it is about, ``refund`` the refund that was
    recorded along with the choice. ``advice`` is None where the part for staff was withheld.
    """

    id: EntryRef
    customer_id: UUID
    payment: EntryRef
    asked_at: datetime
    asked: Money
    owed: Money
    choice: Choice
    chosen_at: datetime
    chosen_by: UUID
    reason: str
    hourly_rate: Money
    advice: RefundAdvice | None
    refund: EntryRef | None = None
    outcome: RefundOutcome | None = None

    @property
    def scored(self) -> AdviceOutcome | None:
        """The choice and its outcome for the report, or None while one of them is missing."""
        if self.advice is None or self.outcome is None:
            return None
        end = self.outcome
        return AdviceOutcome(self.advice, self.choice, end.cost, end.lost, end.charged_back)


def cost_in_the_end(
    *,
    paid_back: Money,
    owed: Money,
    handling_time: timedelta,
    hourly_rate: Money,
    fee: Money,
    goods_back: Money,
) -> Money:
    """What a choice cost beyond what was owed; staff time is rounded half to even, once.

    >>> cost_in_the_end(
    ...     paid_back=Money(5000, "EUR"),
    ...     owed=Money(2000, "EUR"),
    ...     handling_time=timedelta(minutes=10),
    ...     hourly_rate=Money(6000, "EUR"),
    ...     fee=Money(1500, "EUR"),
    ...     goods_back=Money(0, "EUR"),
    ... )
    Money(minor=5500, currency='EUR')
    """
    seconds = Decimal(round(handling_time.total_seconds()))
    work = round_half_even(hourly_rate.minor * seconds / _SECONDS_AN_HOUR)
    beyond = max(paid_back - owed, Money(0, owed.currency))
    return beyond + Money(work, hourly_rate.currency) + fee - goods_back


def advice_body(advice: RefundAdvice) -> dict[str, JsonValue]:
    """The advice as plain JSON values."""
    return {
        "policy": advice.policy_version,
        "owed": _money(advice.owed),
        "question": _money(advice.question),
        "refund": [_item(item) for item in advice.refund],
        "contest": [_item(item) for item in advice.contest],
        "break_even": None if advice.break_even is None else repr(advice.break_even),
        "losing": advice.losing.to_body(),
        "chargeback": advice.chargeback.to_body(),
        "advised": advice.choice.value,
        "reasons": list(advice.reasons),
    }


def case_from(events: Sequence[StoredEntry]) -> RefundCase | None:
    """The case that its events tell of; None where the first was erased."""
    opening = events[0]
    if opening.body.get("event") != "chosen":
        return None
    body, staff = opening.body, opening.staff_body
    subject = opening.id.subject
    refund = body.get("refund")
    case = RefundCase(
        id=opening.id,
        customer_id=subject,
        payment=EntryRef(subject, body["payment"]),
        asked_at=from_microseconds(body["asked_at"]),
        asked=Money(*body["asked"]),
        owed=Money(*body["due"]),
        choice=Choice(body["choice"]),
        chosen_at=from_microseconds(opening.recorded_at),
        chosen_by=opening.actor,
        reason=staff.get("reason", ""),
        hourly_rate=Money(*staff.get("hourly_rate", (0, body["asked"][1]))),
        advice=_advice_from(staff["advice"]) if "advice" in staff else None,
        refund=None if refund is None else EntryRef(subject, refund),
    )
    ends = [event for event in events[1:] if event.body.get("event") == "outcome"]
    return case if not ends else _with_outcome(case, ends[-1])


def _with_outcome(case: RefundCase, stored: StoredEntry) -> RefundCase:
    body, staff = stored.body, stored.staff_body
    paid_back, nothing = Money(*body["paid_back"]), Money(0, case.asked.currency)
    fee = Money(*staff["fee"]) if "fee" in staff else nothing
    goods_back = Money(*body["goods_back"]) if "goods_back" in body else nothing
    spent = timedelta(seconds=staff.get("seconds", 0))
    end = RefundOutcome(
        id=stored.id,
        paid_back=paid_back,
        cost=cost_in_the_end(
            paid_back=paid_back,
            owed=case.owed,
            handling_time=spent,
            hourly_rate=case.hourly_rate,
            fee=fee,
            goods_back=goods_back,
        ),
        lost=body.get("lost", False),
        charged_back=body.get("charged_back", False),
        handling_time=spent,
        time_known="seconds" in staff,
        fee=fee,
        goods_back=goods_back,
        recorded_at=from_microseconds(stored.recorded_at),
        recorded_by=stored.actor,
        note=staff.get("note", ""),
    )
    return replace(case, outcome=end)


def _advice_from(body: Mapping[str, Any]) -> RefundAdvice:
    break_even = body["break_even"]
    return RefundAdvice(
        policy_version=body["policy"],
        owed=Money(*body["owed"]),
        question=Money(*body["question"]),
        refund=tuple(map(_item_from, body["refund"])),
        contest=tuple(map(_item_from, body["contest"])),
        break_even=None if break_even is None else float(break_even),
        losing=Estimate.from_body(body["losing"]),
        chargeback=Estimate.from_body(body["chargeback"]),
        choice=Choice(body["advised"]),
        reasons=tuple(body["reasons"]),
    )


def _item(item: CostItem) -> JsonValue:
    return [item.code, item.text, _money(item.amount), [s.to_body() for s in item.sources]]


def _item_from(body: Sequence[Any]) -> CostItem:
    code, text, amount, sources = body
    return CostItem(code, text, Money(*amount), tuple(map(Estimate.from_body, sources)))


def _money(amount: Money) -> list[JsonValue]:
    return [amount.minor, amount.currency]
