"""Referrals: who came through whom, on SQLite and on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from custledger import EntryRef, Ledger, Money, open_ledger
from custledger.core.records import Customer, EntryKind
from custledger.core.refusal import Refusal
from custledger.core.worth.earning import Brought, Referral, ReferralAnswer, ReferredRow
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from custledger.storage.lookup import customer_key


@pytest.fixture
def ben(ledger: Ledger) -> Customer:
    return ledger.customers.add("Ben Moss")


@pytest.fixture
def cleo(ledger: Ledger) -> Customer:
    return ledger.customers.add("Cleo Park")


def merge(ledger: Ledger, customer: Customer, into: Customer) -> None:
    with ledger.context.write() as journal:
        key = customer_key(journal.connection, ledger.context, customer)
        body = {"event": "merged", "other": str(into.id)}
        append_event(journal, key, EntryKind.MERGE, body)


def entries(ledger: Ledger) -> int:
    return sum(len(ledger.history(customer)) for customer in ledger.customers.all())


def codes(answer: ReferralAnswer) -> list[str]:
    assert not answer.done
    return [refusal.code for refusal in answer.refusals]


def test_referral_is_in_the_chain_of_the_customer_who_came(
    ledger: Ledger, ann: Customer, ben: Customer, clock: Clock
) -> None:
    answer = ledger.referrals.record(ben, referred_by=ann, note="  at the market ")
    referral = Referral(
        id=EntryRef(ben.id, 2),
        customer_id=ben.id,
        referred_by=ann.id,
        occurred_at=clock(),
        recorded_at=clock(),
        recorded_by=ledger.actor.id,
        note="at the market",
    )
    assert answer == ReferralAnswer(referral)
    assert answer.done
    assert ledger.referrals.of(ben) == referral
    assert ledger.referrals.of(ann) is None
    assert ledger.referrals.all() == [referral]


def test_nobody_refers_themselves_nobody_comes_twice_and_there_is_no_circle(
    ledger: Ledger, ann: Customer, ben: Customer, cleo: Customer, clock: Clock
) -> None:
    record = ledger.referrals.record
    assert record(ben, referred_by=ann).done
    assert record(cleo, referred_by=ben).done
    before = entries(ledger)
    assert record(ann, referred_by=ann).refusals == (
        Refusal("oneself", "Nobody refers themselves: both names are of the same customer."),
    )
    assert codes(record(cleo, referred_by=ann)) == ["twice"]
    assert codes(record(ann, referred_by=ben)) == ["circle"]
    assert codes(record(ann, referred_by=cleo)) == ["circle"]
    assert codes(record(ben, referred_by=cleo)) == ["twice", "circle"]
    late = clock() + timedelta(hours=1)
    assert codes(record(ann, referred_by=cleo, occurred_at=late)) == ["in_future"]
    assert entries(ledger) == before


def test_names_of_one_person_count_as_one(
    ledger: Ledger, ann: Customer, ben: Customer, cleo: Customer
) -> None:
    merge(ledger, ben, ann)
    assert codes(ledger.referrals.record(ben, referred_by=ann)) == ["oneself"]
    answer = ledger.referrals.record(ben, referred_by=cleo)
    assert codes(ledger.referrals.record(ann, referred_by=cleo)) == ["twice"]
    assert codes(ledger.referrals.record(cleo, referred_by=ann)) == ["circle"]
    assert ledger.referrals.of(ann) == answer.referral
    assert [row.name for row in ledger.referrals.brought(cleo).customers] == ["Ann Miller"]


def test_one_name_that_brought_another_of_the_same_person_is_no_referral(
    ledger: Ledger, ann: Customer, ben: Customer, cleo: Customer
) -> None:
    ledger.referrals.record(ben, referred_by=ann)
    merge(ledger, ben, ann)
    assert ledger.referrals.of(ann) is None
    answer = ledger.referrals.record(ann, referred_by=cleo)
    assert answer.done
    assert ledger.referrals.of(ben) == answer.referral
    assert codes(ledger.referrals.record(cleo, referred_by=ben)) == ["circle"]


def test_circle_that_a_later_merge_closes_ends(
    ledger: Ledger, ann: Customer, ben: Customer, cleo: Customer
) -> None:
    dan = ledger.customers.add("Dan Reed")
    ledger.referrals.record(ben, referred_by=ann)
    ledger.referrals.record(cleo, referred_by=ben)
    merge(ledger, cleo, ann)
    assert [row.name for row in ledger.referrals.brought(ann).customers] == ["Ben Moss"]
    assert ledger.referrals.record(dan, referred_by=cleo).done
    rows = ledger.referrals.brought(ann).customers
    assert [(row.name, row.steps) for row in rows] == [("Ben Moss", 1), ("Dan Reed", 1)]


def test_brought_tells_whom_and_what_they_are_worth(
    ledger: Ledger, ann: Customer, ben: Customer, cleo: Customer, clock: Clock
) -> None:
    dan = ledger.customers.add("Dan Reed")
    ledger.score_policies.set(margin=0.5)
    for customer, amount in ((ben, "100"), (cleo, "40"), (dan, "600")):
        ledger.money.record_sale(customer, amount=Money.of(amount, "EUR"))
    ledger.referrals.record(cleo, referred_by=ann)
    ledger.referrals.record(ben, referred_by=ann)
    ledger.referrals.record(dan, referred_by=ben)
    found = ledger.referrals.brought(ann)
    assert found == Brought(
        customer_id=str(ann.id),
        as_of=clock().date(),
        currency="EUR",
        direct=2,
        direct_minor=70_00,
        all_minor=370_00,
        customers=(
            ReferredRow(str(ben.id), "Ben Moss", str(ann.id), 1, "EUR", 50_00),
            ReferredRow(str(cleo.id), "Cleo Park", str(ann.id), 1, "EUR", 20_00),
            ReferredRow(str(dan.id), "Dan Reed", str(ben.id), 2, "EUR", 300_00),
        ),
    )
    assert ledger.score(dan).statement.net.minor == 300_00
    assert ledger.referrals.brought(ann, clock().date() - timedelta(days=1)).customers == ()
    assert ledger.referrals.brought(dan).all_minor == 0


def test_voided_referral_makes_room_for_the_right_one(
    ledger: Ledger, ann: Customer, ben: Customer, cleo: Customer
) -> None:
    wrong = ledger.referrals.record(ben, referred_by=ann).referral
    assert wrong is not None
    ledger.referrals.void(wrong, reason="it was Cleo")
    assert ledger.referrals.of(ben) is None
    assert ledger.referrals.record(ben, referred_by=cleo).done
    with pytest.raises(BadInputError, match="is no referral"):
        ledger.referrals.void(wrong, reason="twice")


def test_erased_persons_leave_no_referral_behind(
    ledger: Ledger, ann: Customer, ben: Customer, cleo: Customer
) -> None:
    ledger.referrals.record(ben, referred_by=ann)
    ledger.referrals.record(cleo, referred_by=ben)
    ledger.privacy.erase_person(ben, ground="objection")
    assert ledger.referrals.brought(ann).customers == ()
    left = ledger.referrals.of(cleo)
    assert left is not None
    assert left.referred_by == ben.id  # an id without a name, in Cleo's own chain
    with pytest.raises(NotFoundError):
        ledger.referrals.of(ben)


def test_broken_calls_write_nothing(ledger: Ledger, ann: Customer, ben: Customer) -> None:
    before = entries(ledger)
    with pytest.raises(NotFoundError):
        ledger.referrals.record(ben, referred_by="Zoe")
    with pytest.raises(BadInputError):
        ledger.referrals.record(ben, referred_by=ann, note=3)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="no referral"):
        ledger.referrals.void(EntryRef(ben.id, 1), reason="no")
    with pytest.raises(BadInputError, match="Name a referral"):
        ledger.referrals.void("Ben", reason="no")  # type: ignore[arg-type]
    assert entries(ledger) == before


def test_two_writers_who_close_a_circle_from_both_ends_do_not_both_succeed(
    ledger: Ledger, location: str, clock: Clock
) -> None:
    for turn in range(3):
        a, b, c, d = (ledger.customers.add(f"{name}{turn}") for name in "ABCD")
        ledger.referrals.record(a, referred_by=b)
        ledger.referrals.record(c, referred_by=d)
        both = Barrier(2)

        def close(pair: tuple[Customer, Customer], both: Barrier = both) -> bool:
            with open_ledger(location, actor="Olga", now=clock) as other:
                both.wait()
                return other.referrals.record(pair[0], referred_by=pair[1]).done

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(close, [(b, c), (d, a)]))
        assert sorted(done) == [False, True]
