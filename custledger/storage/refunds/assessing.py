"""A request for money back, put together from the ledger and assessed by the rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple, TypedDict

from sqlalchemy import Connection

from custledger.core.calendar.working_time import Calendar
from custledger.core.checks import check_flag, check_member
from custledger.core.clock import date_of_day, day_of, from_microseconds, to_microseconds
from custledger.core.money import Money
from custledger.core.records import EntryKind, EntryRef
from custledger.core.refunds.assessment import (
    Conveyance,
    Paid,
    RefundAssessment,
    RefundRequest,
    Sold,
    assess_refund,
)
from custledger.core.refunds.conveyances import ConveyedTerms, conveyed_from
from custledger.core.refunds.floors import EU_WITHDRAWAL, Floor, NoWithdrawal
from custledger.core.words import day_in_words
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.complaints.policies import complaint_policies
from custledger.storage.context import Context
from custledger.storage.events import events_of
from custledger.storage.refunds.deals import Deal, deal_of
from custledger.storage.refunds.facts import cases_where
from custledger.storage.refunds.terms import TermsVersion, terms_on, terms_versions
from custledger.storage.tables import EventRow

__all__ = ["Assessed", "DealFacts", "assess_in"]

_event = table_of(EventRow)


class DealFacts(TypedDict, total=False):
    """What the ledger does not know of a deal.

    ``sold``: goods or service; needed. ``deal_at`` defaults to when the sale, invoice or payment
    happened. ``delivered_on`` for goods, ``service_on`` (needed) for a service.
    ``at_distance`` and ``consumer`` default to what the terms say, and without terms to True.
    ``no_withdrawal``: why by law there is no right to withdraw from this deal.
    ``begun_on_request``: the customer asked expressly that the service begin within the period of
    withdrawal. ``law`` is the floor where no terms were in force; ``calendar`` defaults to the
    ledger's, whose holidays count.
    """

    sold: Sold | str
    deal_at: datetime
    delivered_on: date | None
    service_on: date | None
    at_distance: bool | None
    consumer: bool | None
    no_withdrawal: Collection[NoWithdrawal | str]
    begun_on_request: bool
    law: Floor | None
    calendar: Calendar


class Assessed(NamedTuple):
    """A deal, the request, and what is due on it."""

    deal: Deal
    request: RefundRequest
    assessment: RefundAssessment


def assess_in(
    connection: Connection,
    context: Context,
    ref: EntryRef,
    customers: Collection[int],
    request: RefundRequest,
    *,
    as_of_day: int,
    facts: DealFacts,
) -> Assessed:
    """The assessment of a request about an entry of one of these customers (by key)."""
    _check_names(facts)
    deal = deal_of(connection, context, ref, customers=customers, as_of_day=as_of_day)
    known = terms_versions(connection, context)
    at = to_microseconds(facts.get("deal_at") or from_microseconds(deal.occurred_at))
    terms = terms_on(known, date_of_day(day_of(at, context.zone)))
    shown = _shown(connection, context, customers, deal)
    found = assess_refund(
        [version.terms for version in known],
        [Conveyance(c.version, c.conveyed_at, c.how) for c in shown],
        _paid(deal, from_microseconds(at), terms, facts),
        request,
        date_of_day(as_of_day),
        zone_name=context.zone,
        law=facts.get("law", EU_WITHDRAWAL),
        calendar=facts.get("calendar") or _calendar(connection, context),
    )
    notes = (
        *_of_terms(terms, context.zone),
        *_of_late_record(terms, shown, request, at, context.zone),
        *_of_money(deal),
        *_of_outcomes(connection, context, deal, as_of_day),
    )
    return Assessed(deal, request, replace(found, reasons=(*found.reasons, *notes)))


def _check_names(facts: DealFacts) -> None:
    unknown = sorted(facts.keys() - DealFacts.__annotations__.keys())
    if unknown:
        names = ", ".join(DealFacts.__annotations__)
        raise BadInputError(f"Not a fact of a deal: {', '.join(unknown)}. There are: {names}.")
    if "sold" not in facts:
        raise BadInputError("Say what was sold: sold='goods' or sold='service'.")


def _paid(deal: Deal, deal_at: datetime, terms: TermsVersion | None, facts: DealFacts) -> Paid:
    def flag(name: str, default: bool) -> bool:
        value: Any = facts.get(name)
        return default if value is None else check_flag(value, name)

    said = terms.terms if terms is not None else None
    excepted = (check_member(NoWithdrawal, one) for one in facts.get("no_withdrawal", ()))
    return Paid(
        amount=deal.paid,
        sold=check_member(Sold, facts["sold"]),
        deal_at=deal_at,
        delivered_on=facts.get("delivered_on"),
        service_on=facts.get("service_on"),
        refunded=min(deal.refunded, deal.paid),
        at_distance=flag("at_distance", True if said is None else said.at_distance),
        consumer=flag("consumer", True if said is None else said.to_consumers),
        no_withdrawal=frozenset(excepted),
        begun_on_request=flag("begun_on_request", default=False),
        ref=deal.ref,
    )


def _calendar(connection: Connection, context: Context) -> Calendar:
    policies = complaint_policies(connection, context)
    return policies.clock(policies.calendar_on(context.today()).version)


def _shown(
    connection: Connection, context: Context, customers: Collection[int], deal: Deal
) -> list[ConveyedTerms]:
    """What these customers were shown that can be about the deal."""
    stored = events_of(connection, context, EntryKind.CONVEYANCE, customers)
    found = [conveyed_from(s) for s in stored if s.body]
    return [c for c in found if c.deal is None or c.deal in deal.refs]


def _of_terms(terms: TermsVersion | None, zone: str) -> list[str]:
    if terms is None or not terms.former:
        return []
    return [
        f"Version {terms.terms.version} was recorded on {_day(terms.recorded_at, zone)}, as the "
        "terms that were in force before this ledger was made."
    ]


def _of_late_record(
    terms: TermsVersion | None,
    shown: Sequence[ConveyedTerms],
    request: RefundRequest,
    deal_at: int,
    zone: str,
) -> list[str]:
    """Who reads it should know that nobody had noted it while there was no dispute."""
    version = None if terms is None else terms.terms.version
    before = [
        c for c in shown if c.version == version and to_microseconds(c.conveyed_at) <= deal_at
    ]
    if not before or any(c.recorded_at <= request.asked_at for c in before):
        return []
    first = min(c.recorded_at for c in before)
    return [f"That it was conveyed was recorded on {_day(first, zone)}, after the request."]


def _of_money(deal: Deal) -> list[str]:
    found = []
    if not deal.paid.minor:
        found.append("No payment names this invoice, so there is nothing that could be paid back.")
    if deal.unlinked.minor:
        found.append(
            f"{deal.unlinked} went back to the customer since then without naming what it was for. "
            "If it was for this, correct that entry first."
        )
    return found


def _of_outcomes(connection: Connection, context: Context, deal: Deal, as_of_day: int) -> list[str]:
    """That money went back by what somebody said of a case, and stands in no entry."""
    by_then = (_event.c.customer_id == deal.customer) & (_event.c.occurred_day <= as_of_day)
    known = cases_where(connection, context, by_then)
    ends = [c.outcome.paid_back for c in known if c.outcome and c.payment in deal.refs]
    back = sum(ends, Money(0, deal.paid.currency))
    if back <= deal.refunded:
        return []
    return [
        f"{back} went back by the outcomes of earlier choices on it, of which {deal.refunded} is "
        "recorded as money. Record the rest first, if it was paid."
    ]


def _day(moment: datetime, zone: str) -> str:
    return day_in_words(day_of(to_microseconds(moment), zone))
