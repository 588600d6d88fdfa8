"""What customers are worth, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from custledger import Ledger, Money
from custledger.core.records import Customer, EntryKind, EntryRef
from custledger.core.refunds.advice import Estimate
from custledger.core.worth.earning import EarningRow, RecoveredRow, Recoveries
from custledger.core.worth.exposure import ExposurePolicy
from custledger.core.worth.whale_curve import WhaleCurve, WhalePoint
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from custledger.storage.lookup import customer_key

Event = Callable[..., EntryRef]


def euros(amount: str) -> Money:
    return Money.of(amount, "EUR")


@pytest.fixture
def ben(ledger: Ledger) -> Customer:
    return ledger.customers.add("Ben Moss")


@pytest.fixture
def event(ledger: Ledger) -> Event:
    """An event of a complaint, as the book of complaints writes it."""

    def write(customer: Customer, word: str, of: EntryRef | None = None, **body: Any) -> EntryRef:
        said = {"event": word, **body} | ({} if of is None else {"of": of.seq})
        with ledger.context.write() as journal:
            key = customer_key(journal.connection, ledger.context, customer)
            return append_event(journal, key, EntryKind.COMPLAINT, said).id

    return write


def call(ledger: Ledger, customer: Customer, minutes: int, **facts: Any) -> None:
    ledger.interactions.record(
        customer,
        channel="phone",
        handling_time=timedelta(minutes=minutes),
        hourly_rate=euros("60"),
        **facts,
    )


def merge(ledger: Ledger, customer: Customer, into: Customer) -> None:
    with ledger.context.write() as journal:
        key = customer_key(journal.connection, ledger.context, customer)
        body = {"event": "merged", "other": str(into.id)}
        append_event(journal, key, EntryKind.MERGE, body)


def test_whale_curve_ranks_customers_by_the_net_contribution_of_their_statement(
    ledger: Ledger, ann: Customer, ben: Customer, clock: Clock
) -> None:
    ledger.customers.add("Cleo, a mere address")
    ledger.score_policies.set(margin=0.5)
    ledger.money.record_sale(ann, amount=euros("1000"))
    ledger.money.record_sale(ben, amount=euros("100"))
    call(ledger, ben, 90)
    today = clock().date().isoformat()
    assert ledger.worth.whale_curve() == WhaleCurve(
        as_of=today,
        currency="EUR",
        customers=2,
        bring=1,
        even=0,
        cost=1,
        total_minor=460_00,
        peak_minor=500_00,
        peak_customers=1,
        best_customers=1,
        best_minor=500_00,
        best_share=1.086957,
        losses_minor=-40_00,
        losses_share=0.08,
        points=(
            WhalePoint(1, str(ann.id), "Ann Miller", "EUR", 500_00, 500_00, 0.5, 1.086957),
            WhalePoint(2, str(ben.id), "Ben Moss", "EUR", -40_00, 460_00, 1.0, 1.0),
        ),
    )
    for point in ledger.worth.whale_curve().points:
        score = ledger.score(ledger.customers.get(point.name))
        assert score.statement.net.minor == point.net_minor
    assert ledger.worth.whale_curve(clock().date() - timedelta(days=1)).customers == 0


def test_person_with_two_names_is_one_on_the_curve(
    ledger: Ledger, ann: Customer, ben: Customer
) -> None:
    for customer in (ann, ben):
        ledger.money.record_sale(customer, amount=euros("10"))
    merge(ledger, ben, ann)
    [point] = ledger.worth.whale_curve().points
    assert (point.name, point.net_minor) == ("Ann Miller", 20_00)


def test_best_paid_hour_comes_first_and_customers_without_time_last(
    ledger: Ledger, ann: Customer, ben: Customer, clock: Clock
) -> None:
    cleo = ledger.customers.add("Cleo Park")
    for customer, amount in ((ann, "300"), (ben, "100"), (cleo, "900")):
        ledger.money.record_sale(customer, amount=euros(amount))
    ledger.money.record_refund(ann, amount=euros("60"))
    call(ledger, ann, 120)
    call(ledger, ben, 30)
    first, second, third = ledger.worth.hourly_earning()
    assert first == EarningRow(
        customer_id=str(ben.id),
        name="Ben Moss",
        as_of=clock().date().isoformat(),
        currency="EUR",
        effective_hourly_minor=200_00,
        kept_minor=100_00,
        hours=0.5,
        contacts=1,
        contacts_of_unknown_time=0,
        few=True,
        note="",
    )
    assert (second.effective_hourly_minor, second.few) == (120_00, False)
    assert (third.name, third.effective_hourly_minor) == ("Cleo Park", None)
    assert ledger.worth.hourly_earning(limit=1) == [first]
    assert ledger.score(ann).statement.effective_hourly == euros("120")
    for bad in (0, -1, "2", True):
        with pytest.raises(BadInputError, match="limit"):
            ledger.worth.hourly_earning(limit=bad)  # type: ignore[arg-type]


def test_customers_who_bought_again_after_the_resolution_are_recovered(
    ledger: Ledger, ann: Customer, ben: Customer, clock: Clock, event: Event
) -> None:
    ledger.exchange_rates.set("USD", "0.5")
    ledger.money.record_sale(ann, amount=euros("1"))
    case = event(ann, "opened", channel="phone")
    event(ben, "resolved", event(ben, "opened", channel="phone"), outcome="not_upheld")
    clock.advance(timedelta(days=2))
    event(ann, "resolved", case, outcome="upheld")
    day = clock().date()
    clock.advance(timedelta(days=5))
    ledger.money.record_sale(ann, amount=Money.of("10", "USD"))
    ledger.money.record_invoice(ann, amount=euros("7"), due_on=day)
    ledger.money.record_sale(ann, amount=Money.of("3", "GBP"))
    came_back = RecoveredRow(
        customer_id=str(ann.id),
        name="Ann Miller",
        currency="EUR",
        complaint=str(case),
        resolved_on=day,
        recovered=True,
        recorded=False,
        purchases=3,
        bought_minor=12_00,
        came_back_on=clock().date(),
        days=5,
        unconverted=1,
    )
    found = ledger.worth.recovered()
    assert found.customers[0] == came_back
    assert [(row.name, row.recovered) for row in found.customers[1:]] == [("Ben Moss", False)]
    assert (found.resolved, found.recovered, found.share, found.few) == (2, 1, 0.5, True)
    assert ledger.worth.recovered(since=day).customers == (came_back,)
    before = ledger.worth.recovered(as_of=day)
    assert (before.resolved, before.recovered) == (2, 0)


def test_reopened_complaint_recovers_nobody_and_a_word_that_they_came_back_does(
    ledger: Ledger, ann: Customer, ben: Customer, clock: Clock, event: Event
) -> None:
    case = event(ann, "opened", channel="phone")
    event(ann, "resolved", case, outcome="upheld")
    clock.advance(timedelta(hours=1))
    event(ann, "reopened", case, reason="it broke again")
    ledger.money.record_sale(ann, amount=euros("5"))
    assert ledger.worth.recovered() == Recoveries(
        None, clock().date(), 0, 0, None, few=True, customers=()
    )
    case = event(ben, "opened", channel="phone")
    event(ben, "resolved", case, outcome="upheld")
    event(ben, "recovered", case, shown_by="renewed the contract")
    [row] = ledger.worth.recovered().customers
    assert (row.recovered, row.recorded, row.purchases) == (True, True, 0)


def test_purchase_under_another_name_of_the_person_counts(
    ledger: Ledger, ann: Customer, ben: Customer, clock: Clock, event: Event
) -> None:
    event(ben, "resolved", event(ben, "opened", channel="phone"), outcome="upheld")
    clock.advance(timedelta(days=1))
    ledger.money.record_sale(ann, amount=euros("5"))
    merge(ledger, ben, ann)
    [row] = ledger.worth.recovered().customers
    assert (row.name, row.recovered, row.bought_minor) == ("Ann Miller", True, 5_00)


def test_exposure_counts_days_with_a_bad_experience_term_by_term(
    ledger: Ledger, ann: Customer, ben: Customer, clock: Clock, event: Event
) -> None:
    for n in range(4):
        other = ledger.customers.add(f"Customer {n}")
        ledger.money.record_sale(other, amount=euros("100"))
    ledger.money.record_sale(ann, amount=euros("100"))
    call(ledger, ann, 0, purpose="complaint")
    exposure = {"platform": "mastodon", "handle": "@ann", "reach": 1_200}
    event(ann, "opened", channel="social", exposure=exposure)  # the same day
    clock.advance(timedelta(days=3))
    ledger.money.record_refund(ann, amount=euros("0"), fault="ours")
    call(ledger, ben, 0, fault="customer")
    [row] = ledger.worth.exposure()
    assert row.worth_sample == 5
    assert "Wharton" in row.people_told_source
    assert "own ledger" in row.worth_source
    assert (row.name, row.experiences, row.customers_lost) == ("Ann Miller", 2, 0.64)
    assert (row.worth_minor, row.word_of_mouth_minor) == (100_00, 64_00)
    assert (row.reach, row.readers_minor, row.total_minor) == (1_200, 0, 64_00)
    assert ledger.worth.exposure(ann) == [row]
    [nothing] = ledger.worth.exposure(ben)
    assert (nothing.experiences, nothing.total_minor) == (0, 0)
    later = clock().date() + timedelta(days=400)
    assert ledger.worth.exposure(as_of=later) == []
    assert ledger.worth.exposure(since=row.since, as_of=row.since) == []
    with pytest.raises(NotFoundError):
        ledger.worth.exposure("Zoe")


def test_complaint_that_ended_to_the_customers_satisfaction_is_not_told_on(
    ledger: Ledger, ann: Customer, ben: Customer, event: Event
) -> None:
    call(ledger, ann, 0, purpose="complaint")
    case = event(ann, "opened", channel="phone")
    event(ann, "resolved", case, outcome="upheld")
    assert len(ledger.worth.exposure()) == 1
    event(ann, "satisfaction", case, satisfied=True)
    assert ledger.worth.exposure() == []
    event(ann, "reopened", case, reason="broke again")
    assert len(ledger.worth.exposure()) == 1
    event(ann, "resolved", case, outcome="withdrawn")
    assert ledger.worth.exposure() == []
    event(ben, "opened", channel="social", exposure={"platform": "x", "handle": "@b"})
    [row] = ledger.worth.exposure()
    assert (row.name, row.reach, row.unknown_reach) == ("Ben Moss", 0, 1)


def test_firms_own_figures_take_the_place_of_the_stated_ones_from_their_day_on(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    assert ledger.worth.exposure_policy() == ExposurePolicy()
    yesterday = clock().date()
    clock.advance(timedelta(days=1))
    told = Estimate(4, "we asked 12 customers", 12)
    worth = Estimate(250, "our plan of 2026")
    first = ledger.worth.set_exposure_policy(people_told=told, reason="asked")
    second = ledger.worth.set_exposure_policy(customer_worth=worth, reason="planned")
    assert second == ExposurePolicy(version=2, people_told=told, customer_worth=worth)
    assert (first.version, ledger.worth.exposure_policy()) == (1, second)
    assert ledger.worth.exposure_policy(yesterday) == ExposurePolicy()
    call(ledger, ann, 0, fault="ours")
    [row] = ledger.worth.exposure()
    assert (row.word_of_mouth_minor, row.policy_version) == (320_00, 2)
    assert (row.people_told_source, row.people_told_sample) == ("we asked 12 customers", 12)


def test_broken_policy_of_exposure_writes_nothing(ledger: Ledger) -> None:
    before = ledger.history()
    good = Estimate(1, "x")
    bad: list[tuple[dict[str, Any], str]] = [
        ({"reason": "none"}, "Nothing to set"),
        ({"reason": "", "people_told": good}, "reason must not be empty"),
        ({"reason": "x", "people_told": 3}, "an Estimate"),
        ({"reason": "x", "share_lost": Estimate(2, "x")}, "at most 1"),
    ]
    for arguments, why in bad:
        with pytest.raises(BadInputError, match=why):
            ledger.worth.set_exposure_policy(**arguments)
    for broken in ("2026-01-01", 3):
        with pytest.raises(BadInputError):
            ledger.worth.exposure(since=broken)  # type: ignore[arg-type]
        with pytest.raises(BadInputError):
            ledger.worth.recovered(since=broken)  # type: ignore[arg-type]
    assert ledger.history() == before


def test_empty_ledger_has_an_empty_curve_and_nobody_to_recover(
    ledger: Ledger, clock: Clock
) -> None:
    worth = ledger.worth
    assert worth.whale_curve().points == ()
    assert worth.hourly_earning() == worth.exposure() == []
    assert worth.recovered() == Recoveries(None, clock().date(), 0, 0, None, True, ())
    assert isinstance(worth.recovered().as_of, date)


def test_complaints_of_the_book_are_seen_by_worth_and_the_report_on_ourselves(
    ledger: Ledger, ann: Customer, ben: Customer, clock: Clock
) -> None:
    for customer in (ann, ben):
        sale = ledger.money.record_sale(customer, amount=euros("400"), product="sofa")
    assert sale.product == "sofa"
    clock.advance(timedelta(days=1))
    public = {"platform": "mastodon", "handle": "@ann", "reach": 500}
    first = ledger.complaints.open(
        ann, channel="social", customer_words="It smells", product="sofa", exposure=public
    )
    second = ledger.complaints.open(ben, channel="phone", customer_words="Late", cause="delivery")
    [one, two] = ledger.worth.exposure()
    assert {(row.name, row.experiences, row.reach) for row in (one, two)} == {
        ("Ann Miller", 1, 500),
        ("Ben Moss", 1, 0),
    }
    clock.advance(timedelta(days=1))
    for case, outcome in ((first, "upheld"), (second, "not_upheld")):
        done = ledger.complaints.resolve(case, outcome=outcome, reasons="looked", remedy="sorry")
        assert done.refusals == ()
    ledger.complaints.satisfaction(first, satisfied=True)
    clock.advance(timedelta(days=9))
    ledger.money.record_sale(ann, amount=euros("70"))
    found = ledger.worth.recovered()
    assert [(row.name, row.recovered, row.days) for row in found.customers] == [
        ("Ann Miller", True, 9),
        ("Ben Moss", False, None),
    ]
    assert [row.name for row in ledger.worth.exposure() if row.experiences] == ["Ben Moss"]
    report = ledger.ourselves(by="product")
    assert [(r.product, r.ours, r.complaints, r.upheld, r.not_upheld) for r in report.rows] == [
        ("sofa", 1, 1, 1, 0),
        ("", 0, 1, 0, 1),
    ]
