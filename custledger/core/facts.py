"""What callers say, checked once and turned into a payload's canonical body.

A body holds plain JSON values under short names and leaves out what is at its default, so that the
bytes stay small and a field added later changes no old bytes. An amount is [minor units, currency],
an external id is [source, id], a day counts from 1970-01-01, a moment is in microseconds since
1970 UTC. ``custledger.core.bodies`` reads them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypedDict
from uuid import UUID

from custledger.core.canonical import JsonValue
from custledger.core.checks import (
    check_day,
    check_flag,
    check_member,
    check_money,
    check_name,
    check_required,
    check_seconds,
    check_tags,
    check_text,
    check_word,
    words_of,
)
from custledger.core.contact import contact_point
from custledger.core.money import Money, parse_decimal
from custledger.core.records import (
    Channel,
    Conduct,
    ContactKind,
    ContactPoint,
    CustomerStatus,
    Direction,
    EntryRef,
    Fault,
    MoneyKind,
    Purpose,
    Staff,
    StaffRole,
)
from custledger.errors import BadInputError

__all__ = [
    "Body",
    "CustomerDetails",
    "CustomerFacts",
    "InteractionFacts",
    "MoneyFacts",
    "customer_body",
    "evidence_body",
    "exchange_rate_body",
    "hourly_rate_body",
    "interaction_body",
    "money_body",
    "staff_body",
    "staff_part",
]

Body = dict[str, JsonValue]

_MAX_RATE_DECIMALS: Final = 12
_NOTE: Final = "staff_note"


class CustomerDetails(TypedDict, total=False):
    """The named facts of a customer beside the name."""

    status: CustomerStatus | str
    joined_on: date
    email: str | Iterable[str]
    phone: str | Iterable[str]
    contact_points: Iterable[ContactPoint | tuple[ContactKind | str, str]]
    source: str
    external_id: str
    staff_note: str


class CustomerFacts(CustomerDetails, total=False):
    """The named facts of a customer; ``name`` is required."""

    name: str


class InteractionFacts(TypedDict, total=False):
    """The named facts of an interaction; ``channel`` is required."""

    occurred_at: datetime
    known_at: datetime
    channel: Channel | str
    direction: Direction | str
    purpose: Purpose | str
    conduct: Conduct | str
    fault: Fault | str
    handling_time: timedelta | None
    staff: Staff | UUID | str | None
    hourly_rate: Money | None
    summary: str
    customer_words: str
    staff_note: str
    case: str
    product: str
    cause: str
    tags: Iterable[str]
    source: str
    external_id: str


class MoneyFacts(TypedDict, total=False):
    """The named facts of a money entry; ``amount`` is required."""

    amount: Money
    occurred_at: datetime
    known_at: datetime
    due_on: date
    goods_returned: bool
    applies_to: EntryRef | None
    fault: Fault | str
    summary: str
    staff_note: str
    product: str
    cause: str
    source: str
    external_id: str


_INTERACTION_KEYS: Final = frozenset(InteractionFacts.__annotations__)
_MONEY_KEYS: Final = frozenset(MoneyFacts.__annotations__)
_CUSTOMER_KEYS: Final = frozenset((*CustomerDetails.__annotations__, "name"))
_INTERACTION_TEXTS: Final = ("summary", "case", "product", "cause")
_MONEY_TEXTS: Final = ("summary", "product", "cause")


def interaction_body(
    facts: Mapping[str, Any],
    *,
    occurred_at: int,
    known_at: int,
    staff: UUID | None,
    rate: Money | None,
) -> Body:
    """The shared body of an interaction; raises BadInputError naming the field and its remedy."""
    _refuse_unknown(facts, _INTERACTION_KEYS)
    if "channel" not in facts:
        raise BadInputError(f"An interaction needs its channel: {words_of(Channel)}.")
    body: Body = {"channel": check_word(Channel, facts["channel"])}
    _put_word(body, facts, "direction", Direction, Direction.IN)
    _put_word(body, facts, "purpose", Purpose, Purpose.OTHER)
    _put_word(body, facts, "conduct", Conduct, Conduct.NONE)
    _put_word(body, facts, "fault", Fault, Fault.UNKNOWN)
    handling_time = facts.get("handling_time")
    if handling_time is not None:
        body["seconds"] = check_seconds(handling_time)
    if staff is not None:
        body["staff"] = str(staff)
    if rate is not None:
        body["rate"] = _amount(rate, "hourly_rate")
    _put_texts(body, facts, _INTERACTION_TEXTS)
    if words := _text(facts, "customer_words"):
        body["words"] = words
    tags = facts.get("tags")
    if tags is not None and (found := check_tags(tags)):
        body["tags"] = list(found)
    _put_origin(body, facts, occurred_at, known_at)
    return body


def money_body(
    kind: MoneyKind, facts: Mapping[str, Any], *, occurred_at: int, known_at: int
) -> Body:
    """The shared body of a money entry of that kind; raises BadInputError naming the field."""
    _refuse_unknown(facts, _MONEY_KEYS)
    body: Body = {"amount": _amount(facts.get("amount"), "amount")}
    due_on = facts.get("due_on")
    if kind is MoneyKind.INVOICE:
        if due_on is None:
            raise BadInputError("An invoice needs due_on; what was paid at once is a sale.")
        body["due_day"] = check_day(due_on, "due_on")
    elif due_on is not None:
        raise BadInputError(f"Only an invoice has due_on, not a {kind.value}.")
    if check_flag(facts.get("goods_returned"), "goods_returned"):
        if kind is not MoneyKind.REFUND:
            raise BadInputError(f"Only a refund has goods_returned, not a {kind.value}.")
        body["returned"] = True
    applies_to = facts.get("applies_to")
    if applies_to is not None:
        if not isinstance(applies_to, EntryRef):
            raise BadInputError(f"applies_to must be the id of an entry, not {applies_to!r}.")
        if kind in (MoneyKind.INVOICE, MoneyKind.SALE):
            raise BadInputError(f"A {kind.value} applies to nothing; leave applies_to out.")
        body["applies_to"] = applies_to.seq
    _put_word(body, facts, "fault", Fault, Fault.UNKNOWN)
    _put_texts(body, facts, _MONEY_TEXTS)
    _put_origin(body, facts, occurred_at, known_at)
    return body


def customer_body(facts: Mapping[str, Any], *, joined_day: int, region: str | None = None) -> Body:
    """The shared body of a customer; contact points are kept as given and normalised."""
    _refuse_unknown(facts, _CUSTOMER_KEYS)
    body: Body = {"name": check_required(facts.get("name", ""), "name"), "joined_day": joined_day}
    _put_word(body, facts, "status", CustomerStatus, CustomerStatus.ACTIVE)
    points = [(ContactKind.EMAIL, value) for value in _several(facts, "email")]
    points += [(ContactKind.PHONE, value) for value in _several(facts, "phone")]
    points += [_pair(point) for point in _several(facts, "contact_points")]
    texts = [(kind, check_text(value, kind.value)) for kind, value in points]
    found = [contact_point(kind, text, region) for kind, text in texts if text]
    if found:
        body["contact_points"] = [
            {"kind": p.kind.value, "value": p.value, "normalised": p.normalised}
            for p in dict.fromkeys(found)
        ]
    _put_external(body, facts)
    return body


def staff_body(staff: UUID, name: str, role: StaffRole | str, *, active: bool = True) -> Body:
    """The body of a member of staff or a program."""
    body: Body = {
        "staff": str(staff),
        "name": check_name(name),
        "role": check_word(StaffRole, role),
    }
    return body if active else body | {"active": False}


def hourly_rate_body(rate: Money, effective_on: date, staff: UUID | None) -> Body:
    """The body of an hourly rate; without staff it is the ledger's default rate."""
    body: Body = {
        "rate": _amount(rate, "rate"),
        "effective_day": check_day(effective_on, "effective_on"),
    }
    return body if staff is None else body | {"staff": str(staff)}


def exchange_rate_body(currency: Money, rate: str, effective_on: date | None) -> Body:
    """The body of an exchange rate; ``currency`` is any amount of the foreign currency."""
    number = parse_decimal(check_text(rate, "rate"))
    if not 0 < number < 10**6 or -int(number.as_tuple().exponent) > _MAX_RATE_DECIMALS:
        raise BadInputError(
            f"An exchange rate lies between 0 and 1,000,000 with at most 12 decimals, not {rate}."
        )
    body: Body = {"currency": currency.currency, "rate": format(number.normalize(), "f")}
    if effective_on is None:
        return body
    return body | {"effective_day": check_day(effective_on, "effective_on")}


def evidence_body(
    *,
    media_type: str,
    size: int,
    caption: str,
    file_name: str,
    interaction: EntryRef | None,
    same_as: EntryRef | None = None,
    from_mail: EntryRef | None = None,
    cipher: str = "",
) -> Body:
    """The shared body of a piece of evidence; its bytes are the payload's content part."""
    body: Body = {"media_type": check_text(media_type, "media_type"), "size": size}
    _put_texts(body, {"caption": caption, "file_name": file_name}, ("caption", "file_name"))
    named = {"interaction": interaction, "same_as": same_as, "from_mail": from_mail}
    body |= {name: ref.seq for name, ref in named.items() if ref is not None}
    return body | {"cipher": cipher} if cipher else body


def staff_part(facts: Mapping[str, Any]) -> Body | None:
    """The staff-only part of a payload, or None if there is nothing in it."""
    note = _text(facts, _NOTE)
    return {_NOTE: note} if note else None


def _put_word(
    body: Body, facts: Mapping[str, Any], name: str, vocabulary: type[StrEnum], default: StrEnum
) -> None:
    value = facts.get(name, default)
    if value != default:
        body[name] = check_word(vocabulary, value)


def _put_texts(body: Body, facts: Mapping[str, Any], names: Iterable[str]) -> None:
    for name in names:
        text = _text(facts, name)
        if text:
            body[name] = text


def _text(facts: Mapping[str, Any], name: str) -> str:
    # Only what was not said is left out: an external id of 0 must not vanish, but be refused.
    value = facts.get(name)
    return "" if value is None else check_text(value, name)


def _put_origin(body: Body, facts: Mapping[str, Any], occurred_at: int, known_at: int) -> None:
    if known_at != occurred_at:
        body["known_at"] = known_at
    _put_external(body, facts)


def _put_external(body: Body, facts: Mapping[str, Any]) -> None:
    external_id = _text(facts, "external_id")
    source = _text(facts, "source")
    if not external_id and not source:
        return
    if not external_id or not source:
        raise BadInputError("source and external_id belong together: give both or neither.")
    body["external"] = [source, external_id]


def _amount(value: object, name: str) -> list[JsonValue]:
    money = check_money(value, name)
    return [money.minor, money.currency]


def _pair(point: object) -> tuple[ContactKind, Any]:
    if isinstance(point, ContactPoint):
        return point.kind, point.value
    if not isinstance(point, tuple | list) or len(point) != 2:
        raise BadInputError(
            f"A contact point is a pair such as ('email', 'a@b.org'), not {point!r}."
        )
    return check_member(ContactKind, point[0]), point[1]


def _several(facts: Mapping[str, Any], name: str) -> Iterable[Any]:
    value = facts.get(name)
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Iterable):
        raise BadInputError(f"{name} must be a text or a list, not {value!r}.")
    return value


def _refuse_unknown(facts: Mapping[str, Any], known: frozenset[str]) -> None:
    unknown = facts.keys() - known
    if unknown:
        raise BadInputError(
            f"Unknown: {', '.join(sorted(unknown))}. Known are: {', '.join(sorted(known))}."
        )
