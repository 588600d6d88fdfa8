"""Facts become a canonical body, and the body becomes the record again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.bodies import (
    StoredEntry,
    customer_from,
    exchange_rate_from,
    hourly_rate_from,
    interaction_from,
    money_from,
    staff_from,
)
from custledger.core.canonical import canonical_bytes, parse_canonical
from custledger.core.clock import day_number, to_microseconds
from custledger.core.facts import (
    Body,
    customer_body,
    exchange_rate_body,
    hourly_rate_body,
    interaction_body,
    money_body,
    staff_body,
    staff_part,
)
from custledger.core.money import MAX_MINOR, Money
from custledger.core.records import (
    Channel,
    Conduct,
    ContactKind,
    CustomerStatus,
    Direction,
    EntryKind,
    EntryRef,
    ExchangeRate,
    Fault,
    HourlyRate,
    Interaction,
    MoneyEntry,
    MoneyKind,
    Purpose,
    Staff,
    StaffRole,
)
from custledger.errors import BadInputError

SUBJECT, ACTOR, MEMBER = (UUID(int=n) for n in (1, 2, 3))
RECORDED = to_microseconds(datetime(2026, 1, 5, tzinfo=UTC))
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30).map(
    str.strip
)
money = st.builds(Money, st.integers(0, MAX_MINOR), st.sampled_from(["EUR", "JPY", "KWD"]))
moments = st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC))
days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
tags = st.frozensets(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,9}", fullmatch=True), max_size=3)
origins = st.just(("", "")) | st.tuples(*[texts.filter(bool)] * 2)


def members(vocabulary: Any) -> st.SearchStrategy[Any]:
    """A member of a vocabulary, or its plain text."""
    return st.sampled_from([*vocabulary, *(member.value for member in vocabulary)])


INTERACTION = {
    "direction": members(Direction),
    "purpose": members(Purpose),
    "conduct": members(Conduct),
    "fault": members(Fault),
    "handling_time": st.none() | st.integers(0, 31 * 86_400).map(lambda s: timedelta(seconds=s)),
    "tags": tags,
    **dict.fromkeys(("summary", "customer_words", "case", "product", "cause", "staff_note"), texts),
}
MONEY = {
    "fault": members(Fault),
    **dict.fromkeys(("summary", "product", "cause", "staff_note"), texts),
}


def stored(kind: EntryKind, body: Body, note: Body | None, occurred: int | None) -> StoredEntry:
    """The entry as it comes back from the database: through its canonical bytes."""
    read = parse_canonical(canonical_bytes(body))
    staff = {} if note is None else parse_canonical(canonical_bytes(note))
    ref = EntryRef(SUBJECT, 2)
    return StoredEntry(ref, ref, kind, RECORDED, occurred, ACTOR, read, staff)


@given(
    st.fixed_dictionaries({"channel": members(Channel)}, optional=INTERACTION),
    origins,
    moments,
    moments,
    st.none() | st.just(MEMBER),
    st.none() | money,
)
def test_interaction_facts_become_the_record_that_says_the_same(
    facts: dict[str, Any],
    origin: tuple[str, str],
    one: datetime,
    two: datetime,
    staff: UUID | None,
    rate: Money | None,
) -> None:
    facts = facts | {"source": origin[0], "external_id": origin[1]}
    occurred, known = sorted((one, two))
    body = interaction_body(
        facts,
        occurred_at=to_microseconds(occurred),
        known_at=to_microseconds(known),
        staff=staff,
        rate=rate,
    )
    entry = stored(EntryKind.INTERACTION, body, staff_part(facts), to_microseconds(occurred))
    ref = EntryRef(SUBJECT, 2)
    assert interaction_from(entry) == Interaction(
        id=ref,
        entry=ref,
        customer_id=SUBJECT,
        occurred_at=occurred,
        known_at=known,
        recorded_at=datetime(2026, 1, 5, tzinfo=UTC),
        recorded_by=ACTOR,
        staff_id=staff,
        hourly_rate=rate,
        **facts,
    )


@given(
    st.sampled_from(MoneyKind),
    st.fixed_dictionaries({"amount": money}, optional=MONEY),
    origins,
    moments,
    days,
    st.booleans(),
    st.none() | st.integers(1, 1000),
)
def test_money_facts_become_the_record_that_says_the_same(
    kind: MoneyKind,
    facts: dict[str, Any],
    origin: tuple[str, str],
    occurred: datetime,
    due_on: date,
    returned: bool,
    target: int | None,
) -> None:
    facts = facts | {"source": origin[0], "external_id": origin[1]}
    if kind is MoneyKind.INVOICE:
        facts["due_on"] = due_on
    if kind is MoneyKind.REFUND:
        facts["goods_returned"] = returned
    if kind not in (MoneyKind.INVOICE, MoneyKind.SALE) and target is not None:
        facts["applies_to"] = EntryRef(SUBJECT, target)
    moment = to_microseconds(occurred)
    body = money_body(kind, facts, occurred_at=moment, known_at=moment)
    entry = stored(EntryKind(kind.value), body, staff_part(facts), moment)
    ref = EntryRef(SUBJECT, 2)
    assert money_from(entry) == MoneyEntry(
        id=ref,
        entry=ref,
        customer_id=SUBJECT,
        kind=kind,
        occurred_at=occurred,
        known_at=occurred,
        recorded_at=datetime(2026, 1, 5, tzinfo=UTC),
        recorded_by=ACTOR,
        **facts,
    )


@given(
    texts.filter(bool),
    days,
    members(CustomerStatus),
    st.lists(st.tuples(members(ContactKind), texts), max_size=3),
    origins,
    texts,
)
def test_customer_facts_become_the_record_that_says_the_same(
    name: str,
    joined_on: date,
    status: Any,
    points: list[tuple[Any, str]],
    origin: tuple[str, str],
    note: str,
) -> None:
    facts = {
        "name": name,
        "status": status,
        "contact_points": points,
        "source": origin[0],
        "external_id": origin[1],
        "staff_note": note,
    }
    body = customer_body(facts, joined_day=day_number(joined_on))
    customer = customer_from(stored(EntryKind.CUSTOMER, body, staff_part(facts), None))
    assert (customer.name, customer.joined_on, customer.status) == (name, joined_on, status)
    assert (customer.source, customer.external_id, customer.staff_note) == (*origin, note)
    given_points = dict.fromkeys((ContactKind(kind), value) for kind, value in points if value)
    assert [(p.kind, p.value) for p in customer.contact_points] == list(given_points)


@given(texts.filter(lambda text: bool(text.split())), members(StaffRole), st.booleans())
def test_staff_body_becomes_the_same_member(name: str, role: Any, active: bool) -> None:
    body = parse_canonical(canonical_bytes(staff_body(MEMBER, name, role, active=active)))
    assert staff_from(body) == Staff(MEMBER, " ".join(name.split()), StaffRole(role), active)


@given(money, days, st.none() | st.just(MEMBER))
def test_hourly_rate_body_becomes_the_same_rate(rate: Money, day: date, staff: UUID | None) -> None:
    body = parse_canonical(canonical_bytes(hourly_rate_body(rate, day, staff)))
    assert hourly_rate_from(body) == HourlyRate(rate, day, staff)


@given(st.integers(1, 10**18 - 1), st.none() | days)
def test_exchange_rate_body_becomes_the_same_rate(units: int, day: date | None) -> None:
    text = f"{units // 10**12}.{units % 10**12:012}"
    body = parse_canonical(canonical_bytes(exchange_rate_body(Money(0, "USD"), text, day)))
    shortest = text.rstrip("0").rstrip(".")
    assert exchange_rate_from(body) == ExchangeRate("USD", shortest, day)


def test_body_leaves_out_what_is_at_its_default() -> None:
    """So that a field added later changes no old bytes."""
    facts = {"channel": "phone", "conduct": "none", "fault": "unknown", "summary": " ", "tags": []}
    body = interaction_body(facts, occurred_at=1, known_at=1, staff=None, rate=None)
    assert body == {"channel": "phone"}


# What is refused: the message names the field and says what would do

EURO = Money(100, "EUR")


def refused(act: Callable[[], object], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        act()


def one_interaction(rate: Any = None, **facts: Any) -> Body:
    return interaction_body(
        {"channel": "phone", **facts}, occurred_at=1, known_at=1, staff=None, rate=rate
    )


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"tags": 5}, r"tags must be a list of texts, such as \['vip'\], not 5"),
        ({"tags": 0}, "tags must be a list of texts"),
        ({"tags": [5]}, "each of tags must be text, not 5"),
        ({"tags": ["Very Important"]}, "is not a tag: use lower-case"),
        ({"summary": 0}, "summary must be text, not 0"),
        ({"case": False}, "case must be text"),
        ({"customer_words": b"x"}, "customer_words must be text"),
        ({"source": "till", "external_id": 0}, "external_id must be text, not 0"),
        ({"source": 7, "external_id": "x"}, "source must be text, not 7"),
        ({"handling_time": 5}, "handling_time must be a timedelta, not 5: write it like"),
        ({"rate": "30"}, r"hourly_rate must be Money, such as Money\.of\('12\.50', 'EUR'\), not"),
        ({"rate": 30}, "hourly_rate must be Money"),
        ({"rate": -EURO}, "hourly_rate must not be negative.*what an hour costs, zero or more"),
    ],
)
def test_bad_fact_of_an_interaction_is_refused_by_name(facts: Any, words: str) -> None:
    refused(lambda: one_interaction(**facts), words)


@pytest.mark.parametrize(
    ("kind", "facts", "words"),
    [
        ("refund", {"goods_returned": "no"}, "goods_returned must be True or False, not 'no'"),
        ("refund", {"goods_returned": 1}, "goods_returned must be True or False, not 1"),
        ("sale", {"goods_returned": "no"}, "goods_returned must be True or False"),
        ("sale", {"goods_returned": True}, "Only a refund has goods_returned"),
        ("payment", {"applies_to": 7}, "applies_to must be the id of an entry, not 7"),
        ("sale", {"amount": "5"}, r"amount must be Money, such as Money\.of"),
        ("sale", {"amount": None}, "amount must be Money"),
        ("sale", {"amount": -EURO}, "amount must not be negative.*which way money went"),
        ("invoice", {"due_on": "2026-01-31"}, "due_on must be a date"),
        ("sale", {"staff_note": 5}, None),
    ],
)
def test_bad_fact_of_a_money_entry_is_refused_by_name(kind: str, facts: Any, words: Any) -> None:
    whole = {"amount": EURO, **facts}
    if words is None:  # what only staff see is a part of its own
        refused(lambda: staff_part(whole), "staff_note must be text, not 5")
    else:
        refused(lambda: money_body(MoneyKind(kind), whole, occurred_at=1, known_at=1), words)


def test_goods_returned_is_what_was_said() -> None:
    for said, body in ((True, {"returned": True}), (False, {}), (None, {})):
        facts = {"amount": EURO, "goods_returned": said}
        whole = money_body(MoneyKind.REFUND, facts, occurred_at=1, known_at=1)
        assert whole == {"amount": [100, "EUR"], **body}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"name": 5}, "name must be text"),
        ({"email": 5}, "email must be a text or a list, not 5"),
        ({"email": 0}, "email must be a text or a list"),
        ({"phone": [5]}, "phone must be text"),
        ({"contact_points": 5}, "contact_points must be a text or a list"),
        ({"contact_points": [5]}, "A contact point is a pair"),
        ({"status": 5}, "5 is not a customerstatus"),
    ],
)
def test_bad_fact_of_a_customer_is_refused_by_name(facts: Any, words: str) -> None:
    refused(lambda: customer_body({"name": "Ann", **facts}, joined_day=1), words)


def test_rate_is_money_that_is_not_negative() -> None:
    for rate, words in (
        ("30", "rate must be Money"),
        (None, "rate must be Money"),
        (-EURO, "rate must not be negative.*what an hour costs, zero or more"),
    ):
        refused(lambda rate=rate: hourly_rate_body(rate, date(2026, 1, 1), None), words)  # type: ignore[misc]
    assert hourly_rate_body(Money(0, "EUR"), date(2026, 1, 1), None)["rate"] == [0, "EUR"]
