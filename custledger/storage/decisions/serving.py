"""The one door: who is meant, what is decided about them, and who shares an address.

Two indexed statements answer for a customer about whom nothing is decided. The second finds, among
all names of the person and of everybody with the same e-mail address or phone number, those with a
decision that has not lapsed; only their decisions are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    bindparam,
    cast,
    literal,
    select,
    union,
)

from custledger.core.clock import date_of_day, day_of, to_microseconds
from custledger.core.contact import normalise
from custledger.core.decisions.service import Answer, Attempt, Sharer, check_service, with_sharers
from custledger.core.records import ContactKind, Customer, EntryKind
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.decisions.decisions import DecisionReader, GroupEvents
from custledger.storage.merges import group_of, stands_for
from custledger.storage.reading import bodies_of
from custledger.storage.tables import (
    ContactPointRow,
    CustomerRow,
    EntryRow,
    EventRow,
    IdentityRow,
)
from custledger.storage.types import CODES

__all__ = ["Who", "answer_for"]

Who = Customer | UUID | tuple[str, str] | str
"""A customer, their id, their (source, external id), or an e-mail address or phone number."""

_event, _contact = table_of(EventRow), table_of(ContactPointRow)
_customer, _entry, _identity = table_of(CustomerRow), table_of(EntryRow), table_of(IdentityRow)
_MATCHED: Final = (ContactKind.EMAIL, ContactKind.PHONE)
_FEWEST_DIGITS: Final = 4
_ADDRESS: Final = re.compile(r"[^\s<>@:,;\"]+@[^\s<>@:,;\"]+")
_FOUND: Final = (_customer.c.id, _entry.c.supersedes, _contact.c.normalised)
_FROM: Final = _customer.join(_entry, _entry.c.id == _customer.c.entry_id).outerjoin(
    _contact, (_contact.c.customer_id == _customer.c.id) & (_contact.c.kind == ContactKind.EMAIL)
)
_BY_ID: Final = (
    select(*_FOUND)
    .select_from(_FROM.join(_identity, _identity.c.id == _customer.c.id))
    .where(_identity.c.uuid == bindparam("uuid"))
)
_BY_EXTERNAL_ID: Final = (
    select(*_FOUND)
    .select_from(_FROM)
    .where(
        _customer.c.source == bindparam("source"),
        _customer.c.external_id == bindparam("external_id"),
    )
)


class _Person(NamedTuple):
    """Who is meant: the keys of a customer, and the normalised contact points that were given."""

    keys: tuple[int, ...]
    forms: tuple[str, ...]


def answer_for(
    context: Context, who: Who, contacts: Iterable[str], attempt: Attempt, at: datetime | None
) -> Answer:
    """Allow, warn or deny at a moment (default now); see ``Ledger.check_service``."""
    moment = context.now() if at is None else at
    day = day_of(to_microseconds(moment), context.zone)
    with context.read() as connection:
        person = _person(connection, context, who, contacts)
        asked = {"keys": person.keys, "forms": person.forms, "day": day}
        restricted = connection.execute(_RESTRICTED, asked).all()
        if not restricted:
            return Answer(check_service((), attempt, moment).verdict, reasons=(_NOTHING,))
        as_of = date_of_day(day)
        reader = DecisionReader(connection, context)
        own = _group(connection, person.keys)
        decisions = reader.group(own).state(as_of).decisions if own else ()
        heads = sorted({stands_for(connection, key) for key, is_own in restricted if not is_own})
        sharers = (
            _sharer(connection, context, head, reader.group(group_of(connection, head)), as_of)
            for head in heads
            if head not in own
        )
        answer = check_service(decisions, attempt, moment, context.zone)
        known = bool(person.keys)
        return with_sharers(answer, sharers, attempt, moment, context.zone, known=known)


_NOTHING: Final = "No decision is in force."


def _person(
    connection: Connection, context: Context, who: object, contacts: Iterable[str]
) -> _Person:
    if isinstance(contacts, str):
        raise BadInputError("contacts is a list of e-mail addresses and phone numbers.")
    forms = [form for contact in contacts for form in _forms(contact, context)]
    if isinstance(who, Customer):
        who = who.id
    if isinstance(who, str) and (uuid := _as_uuid(who)) is not None:
        who = uuid
    if isinstance(who, UUID):
        rows = connection.execute(_BY_ID, {"uuid": who}).all()
    elif isinstance(who, tuple) and len(who) == 2 and all(isinstance(p, str) for p in who):
        pair = {"source": who[0].strip(), "external_id": who[1].strip()}  # as they are kept
        rows = connection.execute(_BY_EXTERNAL_ID, pair).all()
    elif isinstance(who, str):
        return _Person((), tuple(sorted({*forms, *_forms(who, context)})))
    else:
        raise BadInputError(
            "Name who asks by the customer, the id, (source, external id), an e-mail address or a "
            f"phone number, not by {who!r}."
        )
    if not rows:  # somebody new
        return _Person((), tuple(sorted(set(forms))))
    key, before, _ = rows[0]
    own = {row.normalised for row in rows if row.normalised is not None}
    former = set() if before is None else {*_former(connection, key, before)}
    # Their own as they are: the other statement finds these by itself.
    forms += former | {_untagged(form) for form in own | former} - own
    return _Person((key,), tuple(sorted(set(forms))))


def _forms(contact: object, context: Context) -> list[str]:
    """The forms under which an e-mail address or a phone number is found."""
    if not isinstance(contact, str):
        raise BadInputError(f"A contact point is a text, not {contact!r}.")
    if "@" in contact:
        return _mail_forms(contact)
    if sum(c.isdigit() for c in contact) >= _FEWEST_DIGITS:
        return [normalise(ContactKind.PHONE, contact, context.region)]
    raise BadInputError(
        f"{contact!r} is no e-mail address and no phone number. Look the customer up first "
        "(customers.find), and ask with what it returns."
    )


def _mail_forms(contact: str) -> list[str]:
    """As it is, without a name around it, and without a tag: ann+tag@ arrives where ann@ does."""
    whole = normalise(ContactKind.EMAIL, contact)
    found = _ADDRESS.search(whole)
    if found is None:
        raise BadInputError(
            f"{contact!r} is no e-mail address. Write it like ann@example.org, and look up who has "
            "an account of that name first (customers.find)."
        )
    return [whole, found[0], _untagged(found[0])]


def _untagged(form: str) -> str:
    """An address without what follows a plus in its mail box; anything else as it is.

    >>> _untagged("ann+shop@example.org"), _untagged("+33123456789")
    ('ann@example.org', '+33123456789')
    """
    box, at, host = form.rpartition("@")
    return f"{box.partition('+')[0] or box}{at}{host}" if at else form


def _former(connection: Connection, key: int, seq: int) -> list[str]:
    """The contact points that a customer had before, from version to version."""
    query = select(_entry.c.id, _entry.c.supersedes).where(_entry.c.subject_id == key)
    version = query.where(_entry.c.seq == seq).cte(recursive=True)
    before = query.join(version, version.c.supersedes == _entry.c.seq)
    versions = [*connection.scalars(select(version.union(before).c.id))]
    return [
        point["normalised"]
        for parts in bodies_of(connection, versions).values()
        for body in parts.values()
        for point in body.get("contact_points", ())
        if point["kind"] in _MATCHED
    ]


def _group(connection: Connection, keys: Sequence[int]) -> list[int]:
    return group_of(connection, keys[0]) if keys else []


def _sharer(
    connection: Connection, context: Context, key: int, group: GroupEvents, as_of: date
) -> Sharer:
    name = connection.scalar(select(_customer.c.name).where(_customer.c.id == key))
    uuid = context.identities.uuid(connection, key)
    return Sharer(uuid, name or str(uuid)[:8], group.state(as_of).decisions)


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _restricted() -> Any:
    """The names of the person (1) and of who shares an address (0) with a decision not lapsed."""
    keys: Any = bindparam("keys", expanding=True)
    forms: Any = bindparam("forms", expanding=True)
    own = _all_names(select(_customer.c.id.label("key")).where(_customer.c.id.in_(keys)), "own")
    mine = _contact.alias("mine")
    theirs = _contact.alias("theirs")
    by_own = (
        select(theirs.c.customer_id.label("key"))
        .join(mine, mine.c.normalised == theirs.c.normalised)
        .join(own, own.c.key == mine.c.customer_id)
        .where(mine.c.kind.in_(_MATCHED), theirs.c.kind.in_(_MATCHED))
    )
    by_given = select(_contact.c.customer_id.label("key")).where(
        _contact.c.normalised.in_(forms), _contact.c.kind.in_(_MATCHED)
    )
    sharing = _all_names(union(by_own, by_given), "sharing")
    return union(_decided(own, 1), _decided(sharing, 0))


def _all_names(people: Any, name: str) -> Any:
    """The keys of people under all their names: of those they were merged with."""
    some = people.cte(f"{name}_some")
    into, member = _event.alias(), _event.alias()
    heads = union(
        select(some.c.key),
        select(into.c.other_id)
        .join(some, some.c.key == into.c.customer_id)
        .where(_is(into, EntryKind.MERGE)),
    ).cte(f"{name}_heads")
    members = (
        select(member.c.customer_id)
        .join(heads, heads.c.key == member.c.other_id)
        .where(_is(member, EntryKind.MERGE))
    )
    return union(select(heads.c.key), members).cte(name)


def _decided(people: Any, is_own: int) -> Any:
    lasting: ColumnElement[bool] = _event.c.until_day > bindparam("day")
    return (
        select(people.c.key, literal(is_own))
        .join(_event, _event.c.customer_id == people.c.key)
        .where(_is(_event, EntryKind.DECISION), lasting)
    )


def _is(event: Any, kind: EntryKind) -> ColumnElement[bool]:
    """That an event is of a kind, said so that no index by kind is read.

    SQLite would go through all decisions there are, rather than find those about a few customers.
    """
    return cast(event.c.kind, Integer) == CODES[EntryKind][kind]


_RESTRICTED: Final = _restricted()
