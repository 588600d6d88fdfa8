"""What the report on ourselves reads: entries in portions, with their products and causes.

Products and causes are in the payloads, not in the copies: a report by them reads every payload of
the days it is about. One by month reads only those of complaints, and has the rest summed up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Connection, Select, cast, func, literal, select, tuple_

from custledger.core.clock import month_number
from custledger.core.complaints.events import Outcome
from custledger.core.records import EntryKind, MoneyKind, Part, Purpose
from custledger.core.worth.ourselves import Deed, Happening
from custledger.storage.bulk import CHUNK, portions, table_of
from custledger.storage.reading import bodies_of
from custledger.storage.scoring.accounts import exchange_of
from custledger.storage.tables import EventRow, InteractionRow, MoneyRow

__all__ = ["Days", "happenings"]

_MONEY: Final = table_of(MoneyRow)
_CONTACT: Final = table_of(InteractionRow)
_EVENT: Final = table_of(EventRow)
_DEEDS: Final = {
    MoneyKind.INVOICE: Deed.SALE,
    MoneyKind.SALE: Deed.SALE,
    MoneyKind.REFUND: Deed.REFUND,
    MoneyKind.CHARGEBACK: Deed.LOSS,
    MoneyKind.WRITE_OFF: Deed.LOSS,
    MoneyKind.CONCESSION: Deed.LOSS,
}
_m = _MONEY.c
_OF_MONEY: Final = (_m.kind, _m.fault, _m.currency, _m.occurred_day, _m.occurred_month)
_Names = tuple[str, str]
_NOT_NAMED: Final[_Names] = ("", "")


class Days(NamedTuple):
    """The first and the last day of the report; None is from the beginning."""

    first: int | None
    last: int

    def of(self, c: Any) -> Any:
        """The condition that an entry happened in these days, and was known on the last."""
        known = c.occurred_day <= self.last
        if "known_day" in c:
            known &= c.known_day <= self.last
        return known if self.first is None else known & (c.occurred_day >= self.first)


def happenings(
    connection: Connection, days: Days, currency: str, *, named: bool
) -> Iterator[Happening]:
    """All that the report counts; ``named`` with products and causes.

    To be read to its end while the connection is there. A complaint and the contact by which it
    came are one; so are a complaint that names no contact, and a contact to complain of the same
    customer on the same day, unless they name different products.
    """
    yield from _moneys(connection, days, currency, named=named)
    unmatched: dict[tuple[int, int], dict[int, Happening]] = {}
    for place, seq, contact in _contacts(connection, days, named=named):
        if contact.deed is Deed.COMPLAINT:
            unmatched.setdefault(place, {})[seq] = contact
        else:
            yield contact
    cases = _cases(connection, days)
    for place, came_by, case in sorted(cases, key=lambda found: found[1] is None):
        yield _matched(case, came_by, unmatched.get(place, {}))
    for left in unmatched.values():
        yield from left.values()


def _matched(case: Happening, seq: int | None, contacts: dict[int, Happening]) -> Happening:
    """The complaint with what its contact names, which is taken out of those of the day."""
    fits = [n for n, c in contacts.items() if not c.product or c.product == case.product]
    if not case.product:
        fits = list(contacts)
    if seq is None and fits:
        seq = fits[0]
    contact = contacts.pop(seq, None) if seq is not None else None
    if contact is None:
        return case
    product, cause = case.product or contact.product, case.cause or contact.cause
    return case._replace(product=product, cause=cause)


def _moneys(
    connection: Connection, days: Days, currency: str, *, named: bool
) -> Iterator[Happening]:
    exchange = exchange_of(connection, currency)
    rows = _named_moneys(connection, days) if named else _summed_moneys(connection, days)
    for row, names in rows:
        worth = exchange.worth(row.amount_minor, row.currency, row.occurred_day)
        deed, month = _DEEDS[row.kind], row.occurred_month
        yield Happening(deed, month, *names, fault=row.fault, worth=worth, number=row.entries)


def _named_moneys(connection: Connection, days: Days) -> Iterator[tuple[Any, _Names]]:
    m = _MONEY.c
    about = (m.id, m.entry_id, m.customer_id, m.applies_to, literal(1).label("entries"))
    query = select(*about, *_OF_MONEY, m.amount_minor)
    for rows in _pages(connection, query.where(m.kind.in_(list(_DEEDS)), days.of(m)), m.id):
        names = _names_of_money(connection, rows)
        for row in rows:
            yield row, names[row.entry_id]


def _summed_moneys(connection: Connection, days: Days) -> Iterator[tuple[Any, _Names]]:
    """What is alike, summed up: by day, since the exchange rate is that of the day."""
    m = _MONEY.c
    amount = cast(func.sum(m.amount_minor), BigInteger).label("amount_minor")
    query = select(*_OF_MONEY, amount, func.count().label("entries"))
    query = query.where(m.kind.in_(list(_DEEDS)), days.of(m)).group_by(*_OF_MONEY)
    for row in connection.execute(query):
        yield row, _NOT_NAMED


def _names_of_money(connection: Connection, rows: Sequence[Any]) -> dict[int, _Names]:
    """Product and cause of money entries; what names no product has that of what it applies to."""
    names = _names(connection, [row.entry_id for row in rows])
    without = {
        row.entry_id: (row.customer_id, row.applies_to)
        for row in rows
        if row.applies_to is not None and not names[row.entry_id][0]
    }
    m, entries = _MONEY.c, {}
    for portion in portions(sorted(set(without.values()))):
        query = select(m.customer_id, m.seq, m.entry_id).where(
            tuple_(m.customer_id, m.seq).in_(portion)
        )
        entries.update({(row[0], row[1]): row[2] for row in connection.execute(query)})
    sold = _names(connection, list(entries.values()))
    for entry, target in without.items():
        if target in entries:
            names[entry] = (sold[entries[target]][0], names[entry][1])
    return names


_Placed = tuple[tuple[int, int], int | None, Happening]
"""Customer and day, the number of the contact, and what is counted."""


def _contacts(
    connection: Connection, days: Days, *, named: bool
) -> Iterator[tuple[tuple[int, int], int, Happening]]:
    """Contacts by customer and day; one to complain twice: as a contact, and as a complaint.

    Those to complain are named in any case, so that complaints are the same in every report.
    """
    c = _CONTACT.c
    columns = (c.id, c.seq, c.entry_id, c.customer_id, c.purpose, c.fault)
    query = select(*columns, c.occurred_day, c.occurred_month).where(days.of(c))
    if not named:
        query = query.where(c.purpose == Purpose.COMPLAINT)
        yield from _summed_contacts(connection, days)
    for rows in _pages(connection, query, c.id):
        names = _names(connection, [row.entry_id for row in rows])
        for row in rows:
            found, month = names[row.entry_id], row.occurred_month
            place = row.customer_id, row.occurred_day
            yield place, row.seq, Happening(Deed.CONTACT, month, *found, fault=row.fault)
            if row.purpose is Purpose.COMPLAINT:
                yield place, row.seq, Happening(Deed.COMPLAINT, month, *found)


def _summed_contacts(
    connection: Connection, days: Days
) -> Iterator[tuple[tuple[int, int], int, Happening]]:
    c = _CONTACT.c
    query = (
        select(c.occurred_month, c.fault, func.count().label("contacts"))
        .where(days.of(c), c.purpose != Purpose.COMPLAINT)
        .group_by(c.occurred_month, c.fault)
    )
    for month, fault, contacts in connection.execute(query):
        yield (0, 0), 0, Happening(Deed.CONTACT, month, fault=fault, number=contacts)


class _Case(NamedTuple):
    day: int
    product: str = ""
    cause: str = ""
    interaction: int | None = None
    outcome: Outcome | None = None


def _cases(connection: Connection, days: Days) -> Iterator[_Placed]:
    """Complaints opened in the days, by customer and day, with their outcome on the last."""
    e = _EVENT.c
    events = ("opened", "resolved", "reopened")
    query = (
        select(e.id, e.entry_id, e.customer_id, e.case_seq, e.event, e.occurred_day)
        .where(e.kind == EntryKind.COMPLAINT, e.event.in_(events), e.occurred_day <= days.last)
        .order_by(e.occurred_at, e.id)
    )
    rows = connection.execute(query).all()
    bodies = bodies_of(connection, [row.entry_id for row in rows])
    found: dict[tuple[int, int], _Case] = {}
    for row in rows:
        place = row.customer_id, row.case_seq
        body = bodies.get(row.entry_id, {}).get(Part.SHARED, {})
        if row.event == "opened":
            names = body.get("product", ""), body.get("cause", "")
            found[place] = _Case(row.occurred_day, *names, body.get("interaction"))
        elif place in found:
            found[place] = found[place]._replace(outcome=_outcome(body))
    first = days.first
    cases = {place: case for place, case in found.items() if first is None or case.day >= first}
    linked = _linked(connection, cases)
    for (customer, seq), case in cases.items():
        day, product, cause = linked.get((customer, seq), (case.day, "", ""))
        happening = Happening(
            Deed.COMPLAINT,
            month_number(case.day),
            case.product or product,
            case.cause or cause,
            outcome=case.outcome,
        )
        yield (customer, day), case.interaction, happening


def _outcome(body: Mapping[str, Any]) -> Outcome | None:
    word = body.get("outcome")  # one that was reopened has none
    return Outcome(word) if word in list(Outcome) else None


def _linked(
    connection: Connection, cases: Mapping[tuple[int, int], _Case]
) -> dict[tuple[int, int], tuple[int, str, str]]:
    """Day, product and cause of the contacts by which complaints came."""
    named = {
        (place[0], case.interaction): place
        for place, case in cases.items()
        if case.interaction is not None
    }
    c, entries = _CONTACT.c, {}
    for portion in portions(sorted(named)):
        query = select(c.customer_id, c.seq, c.entry_id, c.occurred_day).where(
            tuple_(c.customer_id, c.seq).in_(portion)
        )
        entries.update({(row[0], row[1]): (row[2], row[3]) for row in connection.execute(query)})
    names = _names(connection, [entry for entry, _ in entries.values()])
    return {named[key]: (day, *names[entry]) for key, (entry, day) in entries.items()}


def _pages(connection: Connection, query: Select[Any], key: Any) -> Iterator[Sequence[Any]]:
    """The rows of a query by their key, a portion at a time: no cursor stays open between two."""
    last = 0
    while rows := connection.execute(query.where(key > last).order_by(key).limit(CHUNK)).all():
        yield rows
        last = rows[-1].id


def _names(connection: Connection, entries: Sequence[int]) -> dict[int, _Names]:
    bodies = bodies_of(connection, entries)
    found = {}
    for entry in entries:
        body = bodies.get(entry, {}).get(Part.SHARED, {})
        found[entry] = body.get("product", ""), body.get("cause", "")
    return found
