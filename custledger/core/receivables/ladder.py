"""What to do about unpaid invoices, one step after the other: versioned data, and the next step.

A step is due by days past due, a least amount and a least number of invoices (count, amount and age
together, as in Kill Bill's overdue states). It is proposed, never taken by itself. Steps are not
skipped, hardship and exemptions pause them, and whoever owes nothing any more starts anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, NamedTuple, Self

from custledger.core.canonical import JsonValue
from custledger.core.checks import check_day, check_member, check_money, check_required
from custledger.core.clock import date_of_day, day_number
from custledger.core.money import Money
from custledger.core.receivables.debts import OpenInvoice, Receivables
from custledger.core.records import EntryRef
from custledger.core.words import count, day_in_words, words
from custledger.errors import BadInputError

__all__ = [
    "HARDSHIP_DAYS",
    "Exemption",
    "LadderPolicy",
    "LadderStep",
    "NextStep",
    "Rung",
    "StepTaken",
    "default_ladder",
    "next_step",
    "refusals_of_ladder",
]

HARDSHIP_DAYS: Final = 30
"""How long the tag ``hardship`` pauses the ladder, where the firm says nothing else."""
_LONGEST_DAYS: Final = 3_660


class LadderStep(StrEnum):
    """What is done about an unpaid invoice, from the mildest to the strictest."""

    REMINDER = "reminder"
    CALL = "call"
    PREPAYMENT_ONLY = "prepayment_only"
    COLLECTION = "collection"
    WRITE_OFF = "write_off"


class Rung(NamedTuple):
    """A step with when it is due; ``minimum`` holds one amount a currency, none means any amount.

    Age is that of the oldest invoice; amount and number are of what is overdue in a currency.
    """

    step: LadderStep
    days_past_due: int
    minimum: tuple[Money, ...] = ()
    invoices: int = 1


@dataclass(frozen=True, slots=True)
class LadderPolicy:
    """A version of the ladder, in force from a day on; version 0 is the built-in one.

    ``hardship_days`` is how long a contact with the tag ``hardship`` pauses the ladder, from its
    day on; an exemption says another end.
    """

    version: int
    effective_on: date
    rungs: tuple[Rung, ...]
    hardship_days: int = HARDSHIP_DAYS

    def __post_init__(self) -> None:
        check_day(self.effective_on, "effective_on")
        object.__setattr__(self, "rungs", tuple(_rung(rung) for rung in self.rungs))
        if type(self.hardship_days) is not int or not 0 <= self.hardship_days <= _LONGEST_DAYS:
            raise BadInputError(
                f"hardship_days is a whole number of days from 0 to {_LONGEST_DAYS:,}, not "
                f"{self.hardship_days!r}."
            )

    def to_body(self) -> dict[str, JsonValue]:
        """Plain JSON values; a day counts from 1970-01-01."""
        return {
            "version": self.version,
            "effective_day": day_number(self.effective_on),
            "rungs": [
                [
                    r.step.value,
                    r.days_past_due,
                    [[m.minor, m.currency] for m in r.minimum],
                    r.invoices,
                ]
                for r in self.rungs
            ],
            "hardship_days": self.hardship_days,
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The ladder that ``to_body`` wrote."""
        rungs = tuple(
            Rung(LadderStep(step), days, tuple(Money(*m) for m in minimum), invoices)
            for step, days, minimum, invoices in body["rungs"]
        )
        effective_on = date_of_day(body["effective_day"])
        return cls(body["version"], effective_on, rungs, body["hardship_days"])


def default_ladder(effective_on: date) -> LadderPolicy:
    """A mild ladder to start from; the days are our defaults, not law."""
    days = {
        LadderStep.REMINDER: 7,
        LadderStep.CALL: 21,
        LadderStep.PREPAYMENT_ONLY: 30,
        LadderStep.COLLECTION: 60,
        LadderStep.WRITE_OFF: 180,
    }
    return LadderPolicy(0, effective_on, tuple(Rung(step, n) for step, n in days.items()))


def refusals_of_ladder(policy: LadderPolicy) -> tuple[str, ...]:
    """Why a ladder contradicts itself, naming both steps; empty where it does not."""
    found = [] if policy.rungs else ["A ladder needs at least one step."]
    order = [*LadderStep]
    for lower, upper in pairwise(policy.rungs):
        both = f"{words(lower.step)} and {words(upper.step)}"
        if order.index(lower.step) >= order.index(upper.step):
            found.append(f"The steps {both} are not in order, the mildest first, each once.")
        if lower.days_past_due >= upper.days_past_due:
            found.append(
                f"The steps {both} are due after {lower.days_past_due} and {upper.days_past_due} "
                "days: the stricter one must come later."
            )
    return tuple(found)


class StepTaken(NamedTuple):
    """That a step was taken on a day."""

    step: LadderStep
    day: date


@dataclass(frozen=True, slots=True)
class Exemption:
    """Nothing is done from a day until before another, for a reason: a promise, hardship.

    ``invoice`` None exempts all.
    """

    since: date
    until: date
    reason: str
    invoice: EntryRef | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", check_required(self.reason, "reason"))
        if not check_day(self.since, "since") < check_day(self.until, "until"):
            raise BadInputError("An exemption ends after it begins; give a later until.")

    def covers(self, invoice: EntryRef, day: date) -> bool:
        """Whether the invoice is exempt on the day."""
        return self.since <= day < self.until and self.invoice in (None, invoice)


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do next: ``due`` now, or on ``due_on``; ``step`` None is nothing at all.

    ``invoices`` are what it is about, ``amount`` what is owed on them, one a currency.
    """

    due: bool
    reasons: tuple[str, ...]
    step: LadderStep | None = None
    due_on: date | None = None
    invoices: tuple[EntryRef, ...] = ()
    amount: tuple[Money, ...] = ()


def next_step(
    receivables: Receivables,
    policy: LadderPolicy,
    *,
    taken: Iterable[StepTaken] = (),
    exemptions: Sequence[Exemption] = (),
) -> NextStep:
    """The next step as of the day of the receivables.

    Only steps taken after the oldest overdue invoice fell due count: before that the customer was
    clear. Between two steps lie at least the days that the ladder puts between them.
    """
    day = receivables.as_of
    if not receivables.overdue:
        return NextStep(due=False, reasons=_when_clear(receivables))
    owed = [i for i in receivables.overdue if not any(e.covers(i.ref, day) for e in exemptions)]
    if not owed:
        reasons = (_of_exemption(e) for e in exemptions if e.since <= day < e.until)
        return NextStep(due=False, reasons=tuple(reasons))
    since = min(i.due_on for i in receivables.overdue)
    done = sorted((t for t in taken if since < t.day <= day), key=lambda t: t.day)
    rung, due_on = _next_rung(policy, done, min(i.due_on for i in owed))
    if rung is None:
        return NextStep(due=False, reasons=("The ladder has no further step.",))
    about = _enough(rung, owed)
    if not about:
        least = " or ".join(str(m) for m in rung.minimum) or "any amount"
        reason = (
            f"The step {words(rung.step)} needs {count(rung.invoices, 'invoice')} and {least} "
            "overdue; it is less."
        )
        return NextStep(due=False, reasons=(reason,), step=rung.step)
    return _proposal(rung, about, due_on, day)


def _proposal(rung: Rung, about: Sequence[OpenInvoice], due_on: date, day: date) -> NextStep:
    on = day_in_words(due_on)
    when = f"is due on {on}"
    if due_on <= day:
        when = "is due today" if due_on == day else f"has been due since {on}"
    return NextStep(
        due=due_on <= day,
        reasons=(f"The step {words(rung.step)} {when}: {_of_debt(about, day)}.",),
        step=rung.step,
        due_on=due_on,
        invoices=tuple(i.ref for i in about),
        amount=_sums(about),
    )


def _rung(rung: Rung) -> Rung:
    step, days, minimum, invoices = rung
    if (
        type(days) is not int
        or not 0 <= days <= _LONGEST_DAYS
        or type(invoices) is not int
        or invoices < 1
    ):
        raise BadInputError(
            f"A step is due after whole days, at most {_LONGEST_DAYS:,}, and for an invoice or "
            f"more; not {rung!r}."
        )
    amounts = tuple(check_money(amount, "minimum") for amount in minimum)
    if len({m.currency for m in amounts}) != len(amounts):
        raise BadInputError("Give one minimum a currency.")
    return Rung(check_member(LadderStep, step), days, amounts, invoices)


def _next_rung(
    policy: LadderPolicy, done: Sequence[StepTaken], oldest: date
) -> tuple[Rung | None, date]:
    names = {t.step for t in done}
    past = [i for i, rung in enumerate(policy.rungs) if rung.step in names]
    place = max(past) + 1 if past else 0
    if place == len(policy.rungs):
        return None, oldest
    rung = policy.rungs[place]
    due_on = oldest + timedelta(rung.days_past_due)
    if past:
        before = policy.rungs[place - 1]
        apart = timedelta(max(rung.days_past_due - before.days_past_due, 1))
        due_on = max(due_on, done[-1].day + apart)
    return rung, due_on


def _enough(rung: Rung, owed: Sequence[OpenInvoice]) -> list[OpenInvoice]:
    """The overdue invoices of the currencies in which it is enough for the step."""
    least = {m.currency: m for m in rung.minimum}
    kept = {
        total.currency
        for total in _sums(owed)
        if total >= least.get(total.currency, Money(0, total.currency))
        and sum(i.amount.currency == total.currency for i in owed) >= rung.invoices
    }
    return [i for i in owed if i.amount.currency in kept]


def _sums(invoices: Sequence[OpenInvoice]) -> tuple[Money, ...]:
    sums: dict[str, int] = {}
    for invoice in invoices:
        currency = invoice.amount.currency
        sums[currency] = sums.get(currency, 0) + invoice.owed.minor
    return tuple(Money(minor, currency) for currency, minor in sorted(sums.items()))


def _of_debt(invoices: Sequence[OpenInvoice], day: date) -> str:
    total = " and ".join(str(amount) for amount in _sums(invoices))
    days = (day - min(i.due_on for i in invoices)).days
    return (
        f"{count(len(invoices), 'invoice')}, {total}, the oldest {count(days, 'day')} past its due "
        "date"
    )


def _of_exemption(exemption: Exemption) -> str:
    return f"Exempt until {day_in_words(exemption.until)}: {exemption.reason.removesuffix('.')}."


def _when_clear(receivables: Receivables) -> tuple[str, ...]:
    if not receivables.disputed:
        return ("Nothing is overdue.",)
    number = count(len(receivables.disputed), "invoice")
    return (f"Nothing is overdue but what is disputed: {number}, left out while that is open.",)
