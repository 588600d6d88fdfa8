"""Complaints that were resolved, what the same people bought afterwards, and what went wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, or_, select

from custledger.core.records import EntryKind, Fault, MoneyKind, Purpose
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.events import events_where
from custledger.storage.merges import persons
from custledger.storage.scoring.accounts import exchange_of
from custledger.storage.tables import CustomerRow, EventRow, InteractionRow, MoneyRow

__all__ = [
    "Experiences",
    "Purchase",
    "Purchases",
    "Resolution",
    "bought_by",
    "experiences",
    "names_of",
    "purchases_after",
    "resolutions",
]

_EVENT: Final = table_of(EventRow)
_MONEY: Final = table_of(MoneyRow)
_CONTACT: Final = table_of(InteractionRow)
_CUSTOMER: Final = table_of(CustomerRow)
_BOUGHT: Final = (MoneyKind.INVOICE, MoneyKind.SALE)
_OVER: Final = ("resolved", "reopened", "recovered")


class Resolution(NamedTuple):
    """The last resolution of a person's complaint; ``recovered`` is recorded by hand."""

    customer: int
    case_seq: int
    at: int
    day: int
    recovered: bool = False


class Purchase(NamedTuple):
    """A sale or an invoice: the key of the customer, its number, moment and day, and its amount."""

    customer: int
    seq: int
    at: int
    day: int
    minor: int
    currency: str


class Purchases(NamedTuple):
    """What a person bought; ``worth`` in base minor units x 10^16, ``unconverted`` without rate."""

    number: int
    first_day: int
    worth: int
    unconverted: int


class Experiences(NamedTuple):
    """A person's days with a bad experience, and the readers of public complaints, as given."""

    days: int
    reach: int
    unknown_reach: int


def names_of(connection: Connection, customers: Mapping[int, Any]) -> dict[int, str]:
    """The names of customers by key; who is gone is not among them."""
    names: dict[int, str] = {}
    for portion in portions(sorted(customers)):
        query = select(_CUSTOMER.c.id, _CUSTOMER.c.name).where(_CUSTOMER.c.id.in_(portion))
        names.update((row[0], row[1]) for row in connection.execute(query))
    return names


def resolutions(
    connection: Connection, since_day: int | None, as_of_day: int
) -> dict[int, Resolution]:
    """Each person's last complaint that was resolved in the days named, and not reopened since."""
    c = _EVENT.c
    query = (
        select(c.customer_id, c.case_seq, c.event, c.occurred_at, c.occurred_day)
        .where(c.kind == EntryKind.COMPLAINT, c.event.in_(_OVER), c.occurred_day <= as_of_day)
        .order_by(c.occurred_at, c.id)
    )
    found: dict[tuple[int, int], Resolution] = {}
    for customer, case, event, at, day in connection.execute(query):
        if event == "resolved":
            found[customer, case] = Resolution(customer, case, at, day)
        elif event == "reopened":
            found.pop((customer, case), None)
        elif (customer, case) in found:
            found[customer, case] = found[customer, case]._replace(recovered=True)
    person = persons(connection)
    last: dict[int, Resolution] = {}
    for resolution in sorted(found.values(), key=lambda r: (r.at, r.customer, r.case_seq)):
        if since_day is None or resolution.day >= since_day:
            last[person.get(resolution.customer, resolution.customer)] = resolution
    return last


def bought_by(
    connection: Connection, people: Collection[int], as_of_day: int
) -> dict[int, list[Purchase]]:
    """What each of these persons bought until the day, under whatever name, in order of time."""
    person = persons(connection)
    names = set(people) | {c for c, head in person.items() if head in people}
    found: dict[int, list[Purchase]] = {head: [] for head in people}
    m = _MONEY.c
    columns = (m.customer_id, m.seq, m.occurred_at, m.occurred_day, m.amount_minor, m.currency)
    for portion in portions(sorted(names)):
        query = (
            select(*columns)
            .where(m.customer_id.in_(portion), m.kind.in_(_BOUGHT))
            .where(m.occurred_day <= as_of_day, m.known_day <= as_of_day)
        )
        for row in connection.execute(query):
            found[person.get(row.customer_id, row.customer_id)].append(Purchase(*row))
    for purchases in found.values():
        purchases.sort(key=lambda one: (one.at, one.customer, one.seq))
    return found


def purchases_after(
    connection: Connection, resolved: Mapping[int, Resolution], as_of_day: int, currency: str
) -> dict[int, Purchases]:
    """What each person bought after the resolution and until the day, and what it is worth."""
    exchange, found = exchange_of(connection, currency), {}
    for head, purchases in bought_by(connection, resolved, as_of_day).items():
        later = [one for one in purchases if one.at > resolved[head].at]
        if later:
            worth = [exchange.worth(one.minor, one.currency, one.day) for one in later]
            total = sum(one or 0 for one in worth)
            found[head] = Purchases(len(later), later[0].day, total, worth.count(None))
    return found


def experiences(
    connection: Connection, context: Context, since_day: int, as_of_day: int
) -> dict[int, Experiences]:
    """Each person's bad experiences in the days named, and who may have read of them.

    A day counts once: a day with a contact to complain, with a contact or refund that was our
    fault, or on which a complaint was opened; not one whose complaint ended to the customer's
    satisfaction, or was withdrawn.
    """
    person = persons(connection)
    days: dict[int, set[int]] = defaultdict(set)
    for customer, day in _days_of_fault(connection, since_day, as_of_day):
        days[person.get(customer, customer)].add(day)
    reach: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    cases = _complaints(connection, context, since_day, as_of_day)
    for case in sorted(cases, key=lambda case: not case.settled):  # of two on a day one is open
        head = person.get(case.customer, case.customer)
        if case.settled:
            days[head].discard(case.day)
        else:
            days[head].add(case.day)
        if case.public:
            reach[head][0] += case.reach or 0
            reach[head][1] += case.reach is None
    heads_ = days.keys() | reach.keys()
    found = {head: Experiences(len(days[head]), *reach[head]) for head in heads_}
    return {head: had for head, had in found.items() if any(had)}


def _days_of_fault(connection: Connection, since_day: int, as_of_day: int) -> list[tuple[int, int]]:
    contact, money = _CONTACT.c, _MONEY.c
    bad = or_(contact.purpose == Purpose.COMPLAINT, contact.fault == Fault.OURS)
    found: set[tuple[int, int]] = set()
    for c, condition in ((contact, bad), (money, money.fault == Fault.OURS)):
        known = and_(c.occurred_day.between(since_day, as_of_day), c.known_day <= as_of_day)
        query = select(c.customer_id, c.occurred_day).where(condition, known).distinct()
        found.update((row[0], row[1]) for row in connection.execute(query))
    return sorted(found)


class _Complaint(NamedTuple):
    customer: int
    day: int
    settled: bool = False
    public: bool = False
    reach: int | None = None


def _complaints(
    connection: Connection, context: Context, since_day: int, as_of_day: int
) -> list[_Complaint]:
    """The complaints opened in the days named, as they stood on the last."""
    e = _EVENT.c
    known = and_(e.kind == EntryKind.COMPLAINT, e.occurred_day <= as_of_day)
    places = select(e.customer_id, e.seq, e.occurred_day).where(
        known, e.event == "opened", e.occurred_day >= since_day
    )
    found = {(row[0], row[1]): _Complaint(row[0], row[2]) for row in connection.execute(places)}
    if not found:
        return []
    uuids = context.identities.uuids(connection, {key for key, _ in found})
    keys = {uuid: key for key, uuid in uuids.items()}
    telling = e.event.in_(("opened", "resolved", "reopened", "satisfaction"))
    for stored in events_where(connection, context, known, telling):
        place = keys.get(stored.id.subject, 0), stored.body.get("of", stored.id.seq)
        if place in found:
            found[place] = _told(found[place], stored.body)
    return list(found.values())


def _told(case: _Complaint, body: Mapping[str, Any]) -> _Complaint:
    if body["event"] == "opened":
        public = body.get("exposure")
        reach = public.get("reach") if public else None
        return case._replace(public=bool(public), reach=reach)
    if body["event"] == "satisfaction":
        return case._replace(settled=bool(body.get("satisfied")))
    return case._replace(settled=body.get("outcome") == "withdrawn")
