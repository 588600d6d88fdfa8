"""Who is meant: customers by id, external id, e-mail, phone or name; staff by id or name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, bindparam, select

from custledger.core.contact import folded, normalise
from custledger.core.records import ContactKind, Customer, EntryKind, Staff
from custledger.errors import AmbiguousMatchError, BadInputError, NotFoundError
from custledger.storage.bulk import portions, table_of
from custledger.storage.context import Context
from custledger.storage.erasing.erased import is_erased
from custledger.storage.merges import stands_for
from custledger.storage.tables import (
    ContactPointRow,
    CustomerRow,
    EntryRow,
    IdentityRow,
    StaffRow,
)

__all__ = [
    "CustomerKeys",
    "CustomerLike",
    "Member",
    "StaffLike",
    "StaffMembers",
    "customer_key",
    "customer_keys",
    "staff_key",
    "subject_key",
]

CustomerLike = Customer | UUID | str
"""A customer record, its id, or text that finds exactly one customer."""
StaffLike = Staff | UUID | str
"""A staff record, its id, or its name, in whatever case."""

_customer = table_of(CustomerRow)
_contact = table_of(ContactPointRow)
_staff = table_of(StaffRow)
_identity = table_of(IdentityRow)
_entry = table_of(EntryRow)
_CUSTOMERS_BY_ID = (
    select(_customer.c.id, _identity.c.uuid)
    .join(_identity, _identity.c.id == _customer.c.id)
    .where(_identity.c.uuid.in_(bindparam("uuids", expanding=True)))
)
_SHOWN = 5
_FIRST_DIGITS = re.compile(r"[0-9a-f]{8,31}")


def customer_key(connection: Connection, context: Context, who: CustomerLike) -> int:
    """The key of the one customer that is meant; NotFoundError or AmbiguousMatchError otherwise."""
    _check_who(who, Customer)
    if isinstance(who, Customer):
        who = who.id
    uuid = _as_uuid(who)
    if uuid is not None:
        key = context.identities.key(connection, uuid)
        if key is not None and _exists(connection, key):
            return key
        if isinstance(who, UUID):
            if is_erased(connection, key, 1):
                raise NotFoundError(f"The customer {uuid} was erased; only the trail is left.")
            raise NotFoundError(f"No customer has the id {uuid}. It may have been voided.")
    keys = customer_keys(connection, context, str(who))
    if not keys:
        raise NotFoundError(f"No customer matches {who!r}. Search with `customers.find`.")
    if len(keys) > 1:
        head = stands_for(connection, keys[0])
        if all(stands_for(connection, key) == head for key in keys[1:]):
            return head  # all of these are names of one person
        names = connection.scalars(
            select(_customer.c.name).where(_customer.c.id.in_(keys[:_SHOWN]))
        )
        raise AmbiguousMatchError(
            f"{len(keys)} customers match {who!r}: {', '.join(names)}"
            f"{' ...' if len(keys) > _SHOWN else ''}. Use an id, which is unique."
        )
    return keys[0]


def subject_key(connection: Connection, context: Context, who: CustomerLike) -> int | None:
    """The key of a customer named by record or id, voided or erased ones too; None for a text.

    NotFoundError where nobody ever had that id.
    """
    _check_who(who, Customer)
    uuid = who.id if isinstance(who, Customer) else _as_uuid(who)
    if uuid is None:
        return None
    key = context.identities.key(connection, uuid)
    first = select(_entry.c.kind).where(_entry.c.subject_id == key, _entry.c.seq == 1)
    if key is None or connection.scalar(first) is not EntryKind.CUSTOMER:
        raise NotFoundError(f"No customer ever had the id {uuid}. Search with `customers.find`.")
    return key


class Member(NamedTuple):
    """A member of staff: the key inside the database and the uuid outside it."""

    key: int
    uuid: UUID


class CustomerKeys:
    """The keys of the customers that a batch names, each looked up once."""

    def __init__(self, connection: Connection, context: Context, whos: Iterable[object]) -> None:
        self._connection, self._context = connection, context
        self._keys = _customers_by_id(connection, context, whos)

    def key(self, who: CustomerLike) -> int:
        """The key of one customer; NotFoundError or AmbiguousMatchError as ``customer_key``."""
        _check_who(who, Customer)
        if who not in self._keys:
            self._keys[who] = customer_key(self._connection, self._context, who)
        return self._keys[who]


class StaffMembers:
    """The members of staff that a batch names, each looked up once."""

    def __init__(self, connection: Connection, context: Context) -> None:
        self._connection, self._context = connection, context
        self._members: dict[StaffLike, Member] = {}

    def member(self, who: StaffLike) -> Member:
        """The member of staff that is meant; NotFoundError as ``staff_key``."""
        _check_who(who, Staff)
        if who not in self._members:
            key = staff_key(self._connection, self._context, who)
            uuid = self._context.identities.uuid(self._connection, key)
            self._members[who] = Member(key, uuid)
        return self._members[who]


def _customers_by_id(
    connection: Connection, context: Context, whos: Iterable[object]
) -> dict[object, int]:
    """The keys of those customers in a batch who are named by record or id, in few queries.

    A key that is remembered is not looked up: whether it is a customer's still, the journal finds
    out in any case.
    """
    by_uuid: dict[UUID, list[object]] = defaultdict(list)
    for who in whos:
        uuid = who.id if isinstance(who, Customer) else who
        if isinstance(uuid, UUID):
            by_uuid[uuid].append(who)
    found: dict[object, int] = {}
    for uuid, key in context.identities.known(by_uuid).items():
        found.update((who, key) for who in by_uuid.pop(uuid))
    for uuids in portions(list(by_uuid)):
        for key, uuid in connection.execute(_CUSTOMERS_BY_ID, {"uuids": uuids}):
            found.update((who, key) for who in by_uuid[uuid])
    return found


def customer_keys(connection: Connection, context: Context, wanted: str) -> list[int]:
    """Customers whom a text finds: by external id, contact point or name, else by part of one.

    Part of a name, or the first eight or more digits of an id.
    """
    wanted = wanted.strip()
    if not wanted or not _storable(wanted):
        return []
    exact = _matching(connection, _customer.c.external_id == wanted)
    name = folded(wanted)
    forms = {normalise(kind, wanted, context.region) for kind in ContactKind}
    points = select(_contact.c.customer_id).where(_contact.c.normalised.in_(sorted(forms)))
    exact += [
        key
        for key in connection.scalars(points.distinct().order_by(_contact.c.customer_id))
        if key not in exact
    ]
    exact += [k for k in _matching(connection, _customer.c.name_folded == name) if k not in exact]
    exact = exact or _by_first_digits(connection, wanted)
    if exact:
        return exact
    return _matching(connection, _customer.c.name_folded.contains(name, autoescape=True))


def _by_first_digits(connection: Connection, text: str) -> list[int]:
    """Customers whose id begins with these hexadecimal digits, of which there are at least 8."""
    digits = text.replace("-", "").lower()
    if not _FIRST_DIGITS.fullmatch(digits):
        return []
    lowest, highest = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    query = (
        select(_customer.c.id)
        .join(_identity, _identity.c.id == _customer.c.id)
        .where(_identity.c.uuid.between(lowest, highest))
        .order_by(_customer.c.id)
    )
    return list(connection.scalars(query))


def staff_key(connection: Connection, context: Context, who: StaffLike) -> int:
    """The key of the one member of staff that is meant, or NotFoundError with the remedy."""
    _check_who(who, Staff)
    if isinstance(who, Staff):
        who = who.id
    uuid = _as_uuid(who)
    if uuid is not None:
        key = context.identities.key(connection, uuid)
        known = key is not None and connection.scalar(select(_staff.c.id).where(_staff.c.id == key))
        if key is None or not known:
            raise NotFoundError(f"No member of staff has the id {uuid}.")
        return key
    name = " ".join(str(who).split())
    named = select(_staff.c.id).where(_staff.c.name_folded == folded(name))
    keys = list(connection.scalars(named)) if _storable(name) else []
    if not keys:
        raise NotFoundError(f"{name!r} is not registered. Add them: `custledger add staff NAME`.")
    return int(keys[0])


def _storable(text: str) -> bool:
    # Nothing is stored under a text with a NUL or half a surrogate pair, and no driver takes one.
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _check_who(who: object, record: type[Customer] | type[Staff]) -> None:
    if not isinstance(who, record | UUID | str):
        name = record.__name__.lower()
        raise BadInputError(f"Name a {name} by the record, the id or text, not by {who!r}.")


def _exists(connection: Connection, key: int) -> bool:
    return connection.scalar(select(_customer.c.id).where(_customer.c.id == key)) is not None


def _matching(connection: Connection, condition: ColumnElement[bool]) -> list[int]:
    return list(
        connection.scalars(select(_customer.c.id).where(condition).order_by(_customer.c.id))
    )


def _as_uuid(who: object) -> UUID | None:
    if isinstance(who, UUID):
        return who
    try:
        return UUID(str(who))
    except ValueError:
        return None
