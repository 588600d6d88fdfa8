"""What the whole ledger says of requests for money back, and of what a customer is worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, func, select

from custledger.core.clock import to_microseconds
from custledger.core.exchange import UNITS_A_MINOR, Exchange
from custledger.core.money import Money, exponent_of, round_half_even
from custledger.core.records import EntryKind, MoneyKind, Purpose
from custledger.core.refunds.advice import Choice, Estimate, RefundHistory
from custledger.core.refunds.cases import RefundCase, case_from
from custledger.core.refunds.history import (
    WINDOW,
    RefundContact,
    Request,
    refund_history,
    requests_of,
)
from custledger.core.score.policy import ScorePolicy
from custledger.core.score.standing import Totals
from custledger.core.score.statement import net_minor
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.events import cases, events_where
from custledger.storage.merges import persons
from custledger.storage.reading import ledger_bodies
from custledger.storage.scoring.accounts import exchange_of
from custledger.storage.scoring.score_rows import question_for
from custledger.storage.scoring.standing_sql import totals_select
from custledger.storage.tables import EventRow, InteractionRow, MoneyRow, ScorePolicyRow

__all__ = ["cases_where", "converted", "history_in", "time_since"]

_contact, _money, _event = table_of(InteractionRow), table_of(MoneyRow), table_of(EventRow)
_policy = table_of(ScorePolicyRow)
_BACK: Final = (MoneyKind.REFUND, MoneyKind.CHARGEBACK)
_WINDOW: Final = int(WINDOW.total_seconds()) * 1_000_000
_SECONDS_A_MINUTE: Final = 60


def cases_where(connection: Connection, context: Context, *conditions: Any) -> list[RefundCase]:
    """The cases whose events fulfil conditions on ``EventRow``, in the order of recording."""
    kind = _event.c.kind == EntryKind.REFUND_ADVICE
    found = cases(events_where(connection, context, kind, *conditions)).values()
    return [case for events in found if (case := case_from(events)) is not None]


def history_in(
    connection: Connection,
    context: Context,
    currency: str,
    as_of: int,
    *,
    as_of_day: int,
    with_worth: bool,
) -> RefundHistory:
    """The firm's own figures by a moment (microseconds) and its day; fees in that currency.

    What a customer is worth takes longer than all else, and counts only where one may be lost.
    """
    known = cases_where(connection, context, _event.c.occurred_at <= as_of)
    ended = [case for case in known if case.outcome is not None]
    fees = [
        case.outcome.fee
        for case in ended
        if case.outcome is not None and case.outcome.charged_back and case.outcome.fee.minor
    ]
    of_contacts = _of_contacts(connection, context, known, as_of, as_of_day)
    requests = [*of_contacts, *map(_of_case, ended)]
    return refund_history(
        requests,
        [fee for fee in fees if fee.currency == currency],
        _worth(connection, context, currency, as_of_day) if with_worth else None,
    )


def time_since(connection: Connection, customers: Iterable[int], since: int, to: int) -> int | None:
    """Seconds of the customers' contacts about refunds from a moment on; None if unknown.

    Time for an illness or a disability is no part of what a request costs.
    """
    c = _contact.c
    total = select(func.sum(c.handling_seconds)).where(
        c.customer_id.in_(sorted(customers)),
        c.purpose == Purpose.REFUND_REQUEST,
        c.exempt == 0,
        c.occurred_at.between(since, to),
    )
    seconds = connection.scalar(total)
    return None if seconds is None else int(seconds)


def converted(exchange: Exchange, amount: Money, currency: str, day: int) -> Money | None:
    """An amount in another currency at the rates of a day; None where a rate is missing.

    Rounded half to even, once.
    """
    if amount.currency == currency:
        return amount
    worth = exchange.worth(amount.minor, amount.currency, day)
    one = exchange.worth(1, currency, day)
    if worth is None or not one:
        return None
    return Money(round_half_even(Decimal(worth) / Decimal(one)), currency)


def _of_contacts(
    connection: Connection,
    context: Context,
    known: Iterable[RefundCase],
    as_of: int,
    as_of_day: int,
) -> Iterable[Request]:
    """The requests that the contacts tell of, but for those of which a case tells more."""
    told: dict[int, list[int]] = defaultdict(list)
    who = persons(connection)
    for case in known:
        key = context.identities.key(connection, case.customer_id)
        if key is not None:
            told[who.get(key, key)].append(to_microseconds(case.asked_at))
    for customer, happened in _happened(connection, who, as_of_day).items():
        for request in requests_of(happened, as_of):
            first, last = request.first - _WINDOW, request.last + _WINDOW
            if not any(first <= at <= last for at in told[customer]):
                yield request


def _happened(
    connection: Connection, who: Mapping[int, int], day: int
) -> dict[int, list[RefundContact]]:
    """What happened about refunds and was known by a day, by person."""
    found: dict[int, list[RefundContact]] = defaultdict(list)
    c = _contact.c
    contacts = select(c.customer_id, c.occurred_at, c.handling_seconds, c.exempt).where(
        c.purpose == Purpose.REFUND_REQUEST, c.occurred_day <= day, c.known_day <= day
    )
    for customer, at, seconds, exempt in connection.execute(contacts):
        spent = None if exempt else seconds
        found[who.get(customer, customer)].append(RefundContact(at, spent))
    m = _money.c
    back = select(m.customer_id, m.occurred_at, m.kind).where(
        m.kind.in_(_BACK), m.occurred_day <= day, m.known_day <= day
    )
    for customer, at, kind in connection.execute(back):
        key = who.get(customer, customer)
        if key in found:
            found[key].append(RefundContact(at, None, kind))
    return found


def _of_case(case: RefundCase) -> Request:
    end, at = case.outcome, to_microseconds(case.asked_at)
    assert end is not None
    minutes = end.handling_time.total_seconds() / _SECONDS_A_MINUTE if end.time_known else None
    contested = case.choice is Choice.CONTEST
    return Request(at, at, contested, end.lost, end.charged_back, minutes)


def _worth(
    connection: Connection, context: Context, currency: str, as_of_day: int
) -> Estimate | None:
    """What a customer brings on average; None without a margin, or where it is a loss."""
    newest = select(_policy.c.entry_id).order_by(_policy.c.version.desc()).limit(1)
    policy = ScorePolicy.from_body(ledger_bodies(connection, newest)[0])
    if policy.margin is None:
        return None
    question = question_for(
        connection, policy=policy, as_of_day=as_of_day, currency=context.currency
    )
    rows: Any = totals_select(question).subquery("totals").c
    totals: Any = Totals(
        revenue=rows.revenue,
        refunds=rows.refunds,
        returned=rows.returned,
        chargebacks=rows.chargebacks,
        write_offs=rows.write_offs,
        concessions=rows.concessions,
        overdue=rows.overdue,
        time_cost=rows.time_full,
    )
    net: Any = net_minor(totals, policy)
    query = select(func.count(), func.avg(net)).where(rows.revenue > 0)
    number, mean = connection.execute(query).one()
    if not number or mean is None or mean <= 0:
        return None
    base = exchange_of(connection, context.currency)
    one = base.worth(1, currency, as_of_day)
    if not one:
        return None
    minor = float(mean) * UNITS_A_MINOR / one
    value = round(minor / 10 ** exponent_of(currency), 2)
    of = "1 customer" if number == 1 else f"{number} customers"
    return Estimate(value, f"own history: net contribution of {of}", number)
