"""What a customer gets back: the rules speak, with amount, reasons and clauses; a person decides.

The customer gets the best of what the terms promise, what the law gives, and what is fair. Terms
that were not conveyed before the deal bind nobody but the firm: then only law and fairness count.
Money is rounded up to the minor unit, in favour of the customer, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from custledger.core.calendar.opening_hours import OpeningHours
from custledger.core.calendar.periods import last_day, last_day_before
from custledger.core.calendar.wall_clock import local_day
from custledger.core.calendar.working_time import Calendar
from custledger.core.checks import check_day, check_moment, check_money
from custledger.core.money import Money
from custledger.core.records import EntryRef
from custledger.core.refunds.floors import ONLY_AFTERWARDS, Floor, NoWithdrawal
from custledger.core.refunds.terms import Payer, RefundTerms, version_on
from custledger.core.words import day_in_words
from custledger.errors import BadInputError

__all__ = [
    "Clause",
    "Conveyance",
    "Paid",
    "RefundAssessment",
    "RefundCause",
    "RefundRequest",
    "Sold",
    "assess_refund",
    "share_of",
]


class Sold(StrEnum):
    """What was sold."""

    GOODS = "goods"
    SERVICE = "service"


class RefundCause(StrEnum):
    """Why money is asked for: a change of mind, or what was delivered is not as agreed."""

    CHANGE_OF_MIND = "change_of_mind"
    NOT_AS_AGREED = "not_as_agreed"


class Conveyance(NamedTuple):
    """That a version of the terms was shown to the customer: when, and how."""

    version: int
    conveyed_at: datetime
    how: str = ""


@dataclass(frozen=True, slots=True)
class Paid:
    """What was sold and paid for; ``refunded`` is what was paid back already.

    ``delivered_on`` for goods, ``service_on`` for a service. ``begun_on_request``: the customer
    asked expressly that a service begin within the period of withdrawal. ``no_withdrawal``: why by
    law there is no right to withdraw from this deal, such as a seal that was broken.
    """

    amount: Money
    sold: Sold
    deal_at: datetime
    delivered_on: date | None = None
    service_on: date | None = None
    refunded: Money | None = None
    at_distance: bool = True
    consumer: bool = True
    no_withdrawal: frozenset[NoWithdrawal] = frozenset()
    begun_on_request: bool = False
    ref: EntryRef | None = None

    def __post_init__(self) -> None:
        check_money(self.amount, "amount")
        check_moment(self.deal_at, "deal_at")
        for name in ("delivered_on", "service_on"):
            if (day := getattr(self, name)) is not None:
                check_day(day, name)
        if self.sold is Sold.SERVICE and self.service_on is None:
            raise BadInputError("A service needs service_on, the day for which it was agreed.")
        if check_money(self.already, "refunded") > self.amount:
            raise BadInputError(f"{self.already} was paid back of {self.amount}; correct one.")

    @property
    def already(self) -> Money:
        """What was paid back already."""
        return Money(0, self.amount.currency) if self.refunded is None else self.refunded


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What the customer asks for; ``amount`` None is all that is due.

    ``asked_at`` is when it was sent (Directive 2011/83/EU, article 11(2)), not when it was read.
    ``received_percent`` is the share of what was paid for that the customer got; None: all of it
    once it was delivered, nothing before. ``condition_met``: whether goods come back as the terms
    ask.
    """

    asked_at: datetime
    cause: RefundCause = RefundCause.CHANGE_OF_MIND
    amount: Money | None = None
    received_percent: int | None = None
    condition_met: bool = True

    def __post_init__(self) -> None:
        check_moment(self.asked_at, "asked_at")
        if self.amount is not None:
            check_money(self.amount, "amount")
        if self.received_percent is not None and self.received_percent not in range(101):
            raise BadInputError(
                f"received_percent lies between 0 and 100, not {self.received_percent!r}."
            )


class Clause(NamedTuple):
    """What an assessment rests on: a word for programs, and where it is written."""

    code: str
    source: str


@dataclass(frozen=True, slots=True)
class RefundAssessment:
    """Whether money is due, how much, and why; ``amount`` is what is still to be paid back.

    ``version`` is the version of the terms in force at the deal, ``conveyed`` whether it was shown
    before the deal, ``until`` the last day on which this could be asked for, where there is one.
    """

    allowed: bool
    amount: Money
    reasons: tuple[str, ...]
    clauses: tuple[Clause, ...]
    conveyed: bool
    version: int | None = None
    until: date | None = None


class _Claim(NamedTuple):
    percent: int
    clause: Clause
    reason: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    paid: Paid
    request: RefundRequest
    deal_day: date
    asked_day: date
    terms: RefundTerms | None
    told: bool
    told_on: date | None
    floor: Floor | None
    calendar: Calendar

    @property
    def received(self) -> int:
        """The share of what was paid for that the customer got, in percent."""
        if self.request.received_percent is not None:
            return self.request.received_percent
        goods = self.paid.sold is Sold.GOODS
        done = self.paid.delivered_on if goods else self.paid.service_on
        return 100 if done is not None and done <= self.asked_day else 0


_FAIRNESS: Final = "fairness: nobody pays for what they did not get"


def assess_refund(
    terms_versions: Iterable[RefundTerms],
    conveyed: Sequence[Conveyance],
    paid: Paid,
    request: RefundRequest,
    as_of: date,
    *,
    zone_name: str = "UTC",
    law: Floor | None = None,
    calendar: Calendar | None = None,
) -> RefundAssessment:
    """What is due on the request, by the terms in force at the time of the deal.

    Days are those of the zone. ``law`` is the floor where no version was in force; ``calendar``
    knows the working days (default: Monday to Friday). Raises BadInputError where the request comes
    after ``as_of`` or before the deal, or the currencies differ.
    """
    case = _case(
        tuple(terms_versions), conveyed, paid, request, zone_name, law, calendar or _WEEKDAYS
    )
    if not case.deal_day <= case.asked_day <= as_of:
        raise BadInputError("A refund is asked for after the deal, and by the day of assessment.")
    if request.amount is not None and request.amount.currency != paid.amount.currency:
        raise BadInputError(f"Ask for {paid.amount.currency}, the currency that was paid.")
    claims = [*_claims(case)]
    best = max(claims, key=lambda c: c.percent)
    amount, notes = _due(case, best)
    reasons = [_of_conveyance(case, conveyed), *(c.reason for c in [best]), *notes]
    if not amount.minor:
        reasons = [reasons[0], *(c.reason for c in claims), *notes]
    return RefundAssessment(
        allowed=amount.minor > 0,
        amount=amount,
        reasons=tuple(dict.fromkeys(reasons)),
        clauses=(best.clause,) if best.percent else tuple(c.clause for c in claims),
        conveyed=case.told,
        version=case.terms.version if case.terms else None,
        until=best.until,
    )


def share_of(amount: Money, percent: int) -> Money:
    """A share in percent, rounded up to the minor unit: in favour of who gets it.

    >>> share_of(Money(333, "EUR"), 50)
    Money(minor=167, currency='EUR')
    """
    return Money(-(-amount.minor * percent // 100), amount.currency)


def _case(
    versions: Sequence[RefundTerms],
    conveyed: Sequence[Conveyance],
    paid: Paid,
    request: RefundRequest,
    zone_name: str,
    law: Floor | None,
    calendar: Calendar,
) -> _Case:
    deal_day = local_day(paid.deal_at, zone_name)
    terms = version_on(versions, deal_day)
    shown = [c.conveyed_at for c in conveyed if terms and c.version == terms.version]
    first = min(shown, default=None)
    return _Case(
        paid=paid,
        request=request,
        deal_day=deal_day,
        asked_day=local_day(request.asked_at, zone_name),
        terms=terms,
        told=first is not None and first <= paid.deal_at,
        told_on=None if first is None else local_day(first, zone_name),
        floor=_floor(terms, paid, law),
        calendar=calendar,
    )


def _floor(terms: RefundTerms | None, paid: Paid, law: Floor | None) -> Floor | None:
    part = None
    if terms is not None:
        part = terms.goods if paid.sold is Sold.GOODS else terms.services
    # The terms of a seal say when the right ends; that it was broken, only the case can say.
    excepted = paid.no_withdrawal or (part is not None and part.no_withdrawal - ONLY_AFTERWARDS)
    if excepted or not paid.at_distance or not paid.consumer:
        return None
    return law if terms is None else terms.floor


def _due(case: _Case, best: _Claim) -> tuple[Money, list[str]]:
    """What is still to be paid: never more than was paid, less what was paid back already."""
    paid, notes = case.paid, []
    due = share_of(paid.amount, best.percent)
    if paid.already.minor:
        notes.append(f"{paid.already} of it was paid back already.")
    left = max(due - paid.already, Money(0, due.currency))
    asked = case.request.amount
    if asked is not None and asked < left:
        notes.append(f"{asked} was asked for; {left} would be due.")
        left = asked
    return left, notes


def _claims(case: _Case) -> Iterator[_Claim]:
    if case.request.cause is RefundCause.NOT_AS_AGREED:
        yield _Claim(
            100 - case.received,
            Clause("not_received", _FAIRNESS),
            f"{100 - case.received} % of what was paid for was not received, and is paid back.",
        )
    if case.told and case.terms is not None:
        yield _by_terms(case, case.terms)
    elif case.received < 100:
        yield _Claim(
            100 - case.received,
            Clause("nothing_agreed", _FAIRNESS),
            f"No fee was agreed: the {100 - case.received} % not delivered yet is paid back.",
        )
    yield _by_law(case, case.floor)


def _by_terms(case: _Case, terms: RefundTerms) -> _Claim:
    clause = Clause(f"terms_{case.paid.sold}", f"version {terms.version} of the terms")
    if case.paid.sold is Sold.GOODS:
        return _by_trial(case, terms, clause)
    if terms.services is None:
        return _Claim(0, clause, "The terms say nothing of services.")
    assert case.paid.service_on is not None
    if case.received == 100:
        return _Claim(0, clause, "The service was delivered as agreed; nothing is paid back.")
    for tier in terms.services.tiers:
        until = last_day_before(case.paid.service_on, tier.ahead)
        if case.asked_day <= until:
            reason = f"Cancelled at least {tier.ahead} ahead, {tier.percent} % is paid back."
            return _Claim(tier.percent, clause, reason, until)
    shortest = terms.services.tiers[-1].ahead
    return _Claim(0, clause, f"Cancelled less than {shortest} ahead, nothing is paid back.")


def _by_trial(case: _Case, terms: RefundTerms, clause: Clause) -> _Claim:
    goods, delivered_on = terms.goods, case.paid.delivered_on
    if goods is None:
        return _Claim(0, clause, "The terms say nothing of goods.")
    if delivered_on is None or delivered_on > case.asked_day:
        return _Claim(goods.percent, clause, f"Not delivered yet: {goods.percent} % is paid back.")
    until = last_day(delivered_on, goods.trial)
    if case.asked_day > until:
        reason = f"The trial period of {goods.trial} ended on {day_in_words(until)}."
        return _Claim(0, clause, reason, until)
    if not case.request.condition_met:
        reason = f"The goods are to come back in the condition agreed ({goods.condition})."
        return _Claim(0, clause, reason, until)
    who = "the firm pays" if goods.return_shipping is Payer.FIRM else "the customer pays"
    reason = (
        f"Within the trial period, to {day_in_words(until)}: {goods.percent} % is paid back once "
        f"the goods are on their way; {who} for that."
    )
    return _Claim(goods.percent, clause, reason, until)


def _by_law(case: _Case, floor: Floor | None) -> _Claim:
    if floor is None:
        return _Claim(0, Clause("law", "none"), "By law there is no right to withdraw here.")
    clause, goods = Clause(floor.code, floor.source), case.paid.sold is Sold.GOODS
    start = case.paid.delivered_on if goods else case.deal_day
    if start is None or start > case.asked_day:
        return _Claim(100, clause, f"The {floor.name} holds before delivery too.")
    until = floor.last_day(start, case.told_on, case.calendar)
    if case.asked_day > until:
        return _Claim(0, clause, f"The {floor.name} ended on {day_in_words(until)}.", until)
    # Article 14(3) and (4)(a): who was told pays for what they asked to begin; nobody else does.
    told = case.told_on is not None and case.told_on <= case.asked_day
    owes = not goods and told and case.paid.begun_on_request
    percent = 100 - case.received if owes else 100
    reason = f"Within the {floor.name}, to {day_in_words(until)}: {percent} % is paid back."
    return _Claim(percent, clause, reason, until)


def _of_conveyance(case: _Case, conveyed: Sequence[Conveyance]) -> str:
    if case.terms is None:
        return "No terms were in force on the day of the deal: only law and fairness count."
    version = f"Version {case.terms.version} of the terms"
    if case.told:
        shown = (c for c in conveyed if c.version == case.terms.version)
        how = min(shown, key=lambda c: c.conveyed_at).how
        return f"{version} was in force and conveyed before the deal{f' ({how})' if how else ''}."
    late = f" before the deal, only on {day_in_words(case.told_on)}" if case.told_on else ""
    return f"{version} was not conveyed{late}: only law and fairness count."


_WEEKDAYS: Final = Calendar(OpeningHours.monday_to_friday("09:00", "17:00"))
