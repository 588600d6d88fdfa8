"""The interaction book: recording contacts, correcting and voiding them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from custledger import EntryRef, Ledger, Money
from custledger.core.checks import MAX_TEXT
from custledger.core.records import (
    Channel,
    Conduct,
    Customer,
    Direction,
    Fault,
    Interaction,
    Purpose,
)
from custledger.errors import AmbiguousMatchError, BadInputError, NotFoundError
from custledger.pytest_plugin import START, Clock


def test_interaction_is_read_back_as_recorded(ledger: Ledger, ann: Customer) -> None:
    occurred = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
    recorded = ledger.interactions.record(
        ann,
        occurred_at=occurred,
        known_at=occurred + timedelta(days=1),
        channel="phone",
        direction="out",
        purpose="refund_request",
        conduct=Conduct.THREAT,
        fault="third_party",
        handling_time=timedelta(minutes=7, seconds=30),
        staff="Sam",
        hourly_rate=Money(4000, "USD"),
        summary=" wants his money back ",
        customer_words="« ça suffit »",
        staff_note="calm him",
        case="C1",
        product="lamp",
        cause="broken",
        tags=["vip", "hardship"],
        source="desk",
        external_id="1",
    )
    ref = EntryRef(ann.id, 2)
    assert ledger.interactions.get(recorded) == recorded
    assert recorded == Interaction(
        id=ref,
        entry=ref,
        customer_id=ann.id,
        occurred_at=occurred,
        known_at=occurred + timedelta(days=1),
        recorded_at=START,
        recorded_by=ledger.actor.id,
        channel=Channel.PHONE,
        direction=Direction.OUT,
        purpose=Purpose.REFUND_REQUEST,
        conduct=Conduct.THREAT,
        fault=Fault.THIRD_PARTY,
        handling_time=timedelta(minutes=7, seconds=30),
        staff_id=ledger.staff.get("Sam").id,
        hourly_rate=Money(4000, "USD"),
        summary="wants his money back",
        customer_words="« ça suffit »",
        staff_note="calm him",
        case="C1",
        product="lamp",
        cause="broken",
        tags=frozenset({"vip", "hardship"}),
        source="desk",
        external_id="1",
    )


def test_interaction_with_its_channel_alone_takes_the_good_faith_defaults(
    ledger: Ledger, ann: Customer
) -> None:
    recorded = ledger.interactions.record(ann, channel=Channel.EMAIL)
    assert (recorded.conduct, recorded.fault) == (Conduct.NONE, Fault.UNKNOWN)
    assert (recorded.occurred_at, recorded.known_at) == (START, START)
    assert (recorded.handling_time, recorded.staff_id, recorded.hourly_rate) == (None, None, None)
    assert ledger.history(ann)[1].facts == {"channel": "email"}


def test_what_was_entered_late_is_known_when_it_was_entered(ledger: Ledger, ann: Customer) -> None:
    occurred = START - timedelta(days=30)
    recorded = ledger.interactions.record(ann, channel="phone", occurred_at=occurred)
    assert (recorded.occurred_at, recorded.known_at) == (occurred, START)


def test_staff_may_be_a_record_an_id_or_a_name(ledger: Ledger, ann: Customer) -> None:
    sam = ledger.staff.get("Sam")
    for who in (sam, sam.id, str(sam.id), "Sam"):
        assert ledger.interactions.record(ann, channel="chat", staff=who).staff_id == sam.id


def test_staff_note_is_committed_apart(ledger: Ledger, ann: Customer) -> None:
    ledger.interactions.record(ann, channel="chat", staff_note="between us")
    entry = ledger.history(ann)[1]
    assert "between us" not in str(entry.facts)
    assert entry.staff_facts == {"staff_note": "between us"}


def test_customers_interactions_are_listed_as_they_happened(ledger: Ledger, ann: Customer) -> None:
    ben = ledger.customers.add("Ben")
    days = [3, 1, 2]
    rows = [
        {"customer": who, "channel": "chat", "occurred_at": START - timedelta(days=d), "case": who}
        for d in days
        for who in ("Ann Miller", "Ben")
    ]
    refs = ledger.interactions.record_many(rows)
    assert [ref.subject for ref in refs] == [ann.id, ben.id] * 3
    assert [ref.seq for ref in refs] == [2, 2, 3, 3, 4, 4]
    mine = ledger.interactions.of(ann)
    assert [START - i.occurred_at for i in mine] == [timedelta(days=d) for d in (3, 2, 1)]
    assert {i.case for i in mine} == {"Ann Miller"}


def test_no_rows_record_nothing(ledger: Ledger) -> None:
    assert ledger.interactions.record_many([]) == []


NAIVE = datetime(2026, 1, 1, 12)
BAD = [
    ({}, "needs its channel: phone, email"),
    ({"channel": "fax"}, "'fax' is not a channel. Use one of: phone"),
    ({"channel": None}, "None is not a channel"),
    ({"channel": "phone", "conduct": "rude"}, "'rude' is not a conduct"),
    ({"channel": "phone", "fault": 3}, "3 is not a fault"),
    ({"channel": "phone", "minutes": 5}, "Unknown: minutes. Known are: .*handling_time"),
    ({"channel": "phone", "occurred_at": NAIVE}, "2026-01-01T12:00:00 has no time zone"),
    ({"channel": "phone", "known_at": NAIVE}, "no time zone"),
    ({"channel": "phone", "occurred_at": "2026-01-01"}, "occurred_at must be a datetime"),
    ({"channel": "phone", "occurred_at": datetime(206, 1, 1, tzinfo=UTC)}, "year 206"),
    ({"channel": "phone", "occurred_at": datetime.max.replace(tzinfo=UTC)}, "year 9999"),
    ({"channel": "phone", "known_at": datetime(2025, 1, 1, tzinfo=UTC)}, "before occurred_at"),
    ({"channel": "phone", "handling_time": 12}, "handling_time must be a timedelta"),
    ({"channel": "phone", "handling_time": timedelta(-1)}, "between 0 and 31 days"),
    ({"channel": "phone", "handling_time": timedelta(32)}, "between 0 and 31 days"),
    ({"channel": "phone", "hourly_rate": Money(-1, "EUR")}, "hourly_rate must not be negative"),
    ({"channel": "phone", "summary": "a\0b"}, "summary holds a NUL"),
    ({"channel": "phone", "customer_words": "\ud83d"}, "customer_words holds half a surrogate"),
    ({"channel": "phone", "summary": "x" * (MAX_TEXT + 1)}, "Attach it as evidence"),
    ({"channel": "phone", "summary": 5}, "summary must be text"),
    ({"channel": "phone", "tags": ["Not OK"]}, "'Not OK' is not a tag"),
    ({"channel": "phone", "tags": ["x" * 65]}, "is not a tag"),
    ({"channel": "phone", "external_id": "1"}, "belong together"),
    ({"channel": "phone", "source": "s", "external_id": "dup"}, "'dup' of 's'"),
]


def test_bad_fact_is_refused_and_nothing_of_the_batch_is_kept(
    ledger: Ledger, ann: Customer
) -> None:
    ledger.interactions.record(ann, channel="chat", source="s", external_id="dup")
    good = {"customer": ann, "channel": "chat"}
    for facts, message in BAD:
        with pytest.raises(BadInputError, match=message):
            ledger.interactions.record_many([good, {"customer": ann, **facts}, good])
        assert len(ledger.history(ann)) == 2, message


def test_unknown_customer_or_staff_in_a_batch_writes_nothing(ledger: Ledger, ann: Customer) -> None:
    ledger.customers.add("Ann Moss")
    good = {"customer": ann, "channel": "chat"}
    for who, error in (
        ("Zoe", NotFoundError),
        (uuid4(), NotFoundError),
        ("", NotFoundError),
        ("Ann", AmbiguousMatchError),
    ):
        with pytest.raises(error):
            ledger.interactions.record_many([good, {"customer": who, "channel": "chat"}])
    with pytest.raises(NotFoundError, match="'Zoe' is not registered"):
        ledger.interactions.record_many([good, {**good, "staff": "Zoe"}])
    with pytest.raises(NotFoundError):
        ledger.interactions.record_many([good, {"channel": "chat"}])
    assert len(ledger.history(ann)) == 1


def test_same_external_id_twice_in_a_batch_is_refused(ledger: Ledger, ann: Customer) -> None:
    row = {"customer": ann, "channel": "chat", "source": "s", "external_id": "1"}
    with pytest.raises(BadInputError, match="'1' of 's'"):
        ledger.interactions.record_many([row, row])
    assert ledger.interactions.of(ann) == []


def test_correction_keeps_the_id_the_facts_and_the_history(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    first = ledger.interactions.record(
        ann,
        channel="phone",
        handling_time=timedelta(minutes=5),
        staff="Sam",
        fault="customer",
        tags=["vip"],
        staff_note="hm",
        source="s",
        external_id="1",
    )
    clock.advance(timedelta(days=3))
    second = ledger.interactions.correct(first, fault="ours", reason="heard the tape")
    third = ledger.interactions.correct(second, fault=Fault.SHARED, reason="heard it again")
    assert (first.id, second.id, third.id) == (first.id,) * 3
    assert [i.entry.seq for i in (first, second, third)] == [2, 3, 4]
    assert third.fault is Fault.SHARED
    assert third.recorded_at == clock()
    for name in (
        "occurred_at",
        "known_at",
        "handling_time",
        "staff_id",
        "hourly_rate",
        "tags",
        "staff_note",
        "source",
        "external_id",
        "channel",
    ):
        assert getattr(third, name) == getattr(first, name), name
    assert ledger.interactions.of(ann) == [third]
    line = [(e.ref.seq, e.supersedes, e.superseded_by) for e in ledger.history(ann)[1:]]
    assert line == [(2, None, 3), (3, 2, 4), (4, 3, None)]


def test_correction_can_take_a_fact_away(ledger: Ledger, ann: Customer) -> None:
    call = ledger.interactions.record(
        ann, channel="phone", staff="Sam", handling_time=timedelta(1), summary="x", tags=["vip"]
    )
    bare = ledger.interactions.correct(
        call, staff=None, handling_time=None, summary="", tags=[], reason="a mix-up"
    )
    assert (bare.staff_id, bare.handling_time, bare.summary, bare.tags) == (
        None,
        None,
        "",
        frozenset(),
    )


def test_correction_may_keep_its_external_id_but_not_take_another_ones(
    ledger: Ledger, ann: Customer
) -> None:
    one, _ = (
        ledger.interactions.record(ann, channel="chat", source="s", external_id=external)
        for external in "12"
    )
    assert ledger.interactions.correct(one, summary="x", reason="r").external_id == "1"
    with pytest.raises(BadInputError, match="'2' of 's'"):
        ledger.interactions.correct(one, external_id="2", reason="r")


def test_bad_correction_writes_nothing(ledger: Ledger, ann: Customer) -> None:
    call = ledger.interactions.record(ann, channel="chat")
    for changes, message in (
        ({"fault": "his", "reason": "r"}, "'his' is not a fault"),
        ({"fault": "ours", "reason": " "}, "reason must not be empty"),
    ):
        with pytest.raises(BadInputError, match=message):
            ledger.interactions.correct(call, **changes)  # type: ignore[arg-type]
    assert ledger.interactions.get(call) == call
    assert len(ledger.history(ann)) == 2


def test_voided_interaction_is_gone_but_not_from_the_history(ledger: Ledger, ann: Customer) -> None:
    call = ledger.interactions.record(ann, channel="chat", source="s", external_id="1")
    call = ledger.interactions.correct(call, summary="x", reason="r")
    ledger.interactions.void(call, reason="another Ann")
    assert ledger.interactions.of(ann) == []
    for act in (
        lambda: ledger.interactions.get(call),
        lambda: ledger.interactions.void(call, reason="again"),
        lambda: ledger.interactions.correct(call, summary="y", reason="r"),
    ):
        with pytest.raises(NotFoundError, match="voided"):
            act()
    kinds = [(e.kind, e.supersedes) for e in ledger.history(ann)]
    assert kinds == [("customer", None), ("interaction", None), ("interaction", 2), ("void", 3)]
    assert ledger.history(ann)[-1].facts == {
        "reason": "another Ann",
        "voids": "interaction",
        "external": ["s", "1"],
    }
    again = ledger.interactions.record(ann, channel="chat", source="s", external_id="1")
    assert again.id.seq == 5


def test_reference_of_a_correction_is_not_the_records_id(ledger: Ledger, ann: Customer) -> None:
    call = ledger.interactions.record(ann, channel="chat")
    corrected = ledger.interactions.correct(call, summary="x", reason="r")
    assert ledger.interactions.get(call.id) == corrected
    with pytest.raises(NotFoundError):
        ledger.interactions.get(corrected.entry)


def test_reference_of_another_kind_is_not_found(ledger: Ledger, ann: Customer) -> None:
    sale = ledger.money.record_sale(ann, amount=Money(1, "EUR"))
    for ref in (sale.id, EntryRef(ann.id, 1), EntryRef(ann.id, 99), EntryRef(uuid4(), 1)):
        with pytest.raises(NotFoundError):
            ledger.interactions.get(ref)


def test_handling_time_is_kept_in_whole_seconds(ledger: Ledger, ann: Customer) -> None:
    call = ledger.interactions.record(ann, channel="chat", handling_time=timedelta(seconds=2.5))
    assert call.handling_time == timedelta(seconds=2)


def test_rate_is_taken_anew_when_staff_or_moment_changes(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.staff.add("Zoe", hourly_rate=Money(5000, "EUR"))
    call = ledger.interactions.record(ann, channel="phone", staff="Sam")
    assert ledger.interactions.correct(call, staff="Zoe", reason="r").hourly_rate == Money(
        5000, "EUR"
    )
    clock.advance(timedelta(days=10))
    ledger.staff.set_rate(Money(7000, "EUR"), staff="Zoe")
    later = ledger.interactions.correct(call, occurred_at=clock(), reason="r")
    assert later.hourly_rate == Money(7000, "EUR")
    named = ledger.interactions.correct(
        call, staff="Sam", hourly_rate=Money(1, "EUR"), reason="by contract"
    )
    assert named.hourly_rate == Money(1, "EUR")
    anew = ledger.interactions.correct(call, hourly_rate=None, reason="r")
    assert anew.hourly_rate == Money(3000, "EUR")


def test_rate_stays_while_staff_and_moment_stay(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.staff.add("Zoe")
    calls = [
        ledger.interactions.record(ann, channel="phone", staff=who, hourly_rate=rate)
        for who, rate in (("Sam", Money(1, "EUR")), ("Zoe", None))
    ]
    ledger.staff.set_rate(Money(9000, "EUR"), staff="Zoe")
    clock.advance(timedelta(hours=1))
    for call in calls:
        assert call.staff_id is not None
        again = ledger.interactions.correct(
            call, summary="x", staff=call.staff_id, occurred_at=call.occurred_at, reason="r"
        )
        assert again.hourly_rate == call.hourly_rate


def test_moment_moved_later_takes_along_when_it_was_known(ledger: Ledger, ann: Customer) -> None:
    call = ledger.interactions.record(
        ann, channel="chat", occurred_at=START - timedelta(2), known_at=START - timedelta(2)
    )
    moved = ledger.interactions.correct(call, occurred_at=START - timedelta(1), reason="r")
    assert moved.known_at == moved.occurred_at == START - timedelta(1)
    back = ledger.interactions.correct(call, occurred_at=START - timedelta(3), reason="r")
    assert back.known_at == START - timedelta(1)
    with pytest.raises(BadInputError, match="known_at is before occurred_at"):
        ledger.interactions.correct(call, known_at=START - timedelta(4), reason="r")


def test_correction_names_a_fact_and_never_another_customer(ledger: Ledger, ann: Customer) -> None:
    ben = ledger.customers.add("Ben")
    call = ledger.interactions.record(ann, channel="chat")
    with pytest.raises(BadInputError, match="Nothing to correct"):
        ledger.interactions.correct(call, reason="r")
    with pytest.raises(BadInputError, match="cannot change the customer"):
        ledger.interactions.correct(call, customer=ben, reason="r")  # type: ignore[call-arg]
    assert ledger.interactions.get(call) == call
