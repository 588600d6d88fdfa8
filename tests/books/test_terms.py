"""The terms book: versions that never reach back, and who was shown which; on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.books.terms import Conveying, TermsSet
from custledger.core.calendar.periods import Period, PeriodUnit
from custledger.core.records import Customer, EntryKind
from custledger.core.refunds.floors import EU_WITHDRAWAL
from custledger.core.refunds.terms import GoodsTerms, NoticeTier, RefundTerms, ServiceTerms
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import START, Clock
from custledger.storage.events import append_event

D = PeriodUnit.DAYS
TODAY = date(2026, 1, 5)
GOODS = GoodsTerms(Period(30, D))
TIERS = ServiceTerms((NoticeTier(Period(14, D), 100), NoticeTier(Period(7, D), 50)))


def entries(ledger: Ledger, *customers: Customer) -> int:
    return len(ledger.history()) + sum(len(ledger.history(customer)) for customer in customers)


def refused(ledger: Ledger, found: TermsSet | Conveying, before: int, *customers: Customer) -> str:
    assert not found.done
    assert entries(ledger, *customers) == before
    return " ".join(f"{refusal.code}: {refusal.text}" for refusal in found.refusals)


def test_version_is_added_and_read_back(ledger: Ledger) -> None:
    found = ledger.terms.set(GOODS, TIERS, reason="what we always did, written down")
    assert found.done
    assert found.refusals == ()
    assert found.version is not None
    assert found.version.terms == RefundTerms(1, TODAY, GOODS, TIERS)
    assert found.version.reason == "what we always did, written down"
    assert ledger.terms.current() == ledger.terms.get(1) == found.version
    assert ledger.terms.all() == [found.version]
    assert ledger.terms.current(date(2026, 1, 4)) is None


def test_second_version_takes_effect_tomorrow_because_deals_of_today_have_the_first(
    ledger: Ledger,
) -> None:
    ledger.terms.set(GOODS)
    before = entries(ledger)
    said = refused(ledger, ledger.terms.set(GOODS, effective_on=TODAY), before)
    assert "today_taken: Version 1 is in force today" in said
    second = ledger.terms.set(GOODS, TIERS).version
    assert second is not None
    assert second.terms.effective_on == date(2026, 1, 6)
    now, then = ledger.terms.current(), ledger.terms.current(date(2026, 1, 6))
    assert now is not None
    assert then is not None
    assert (now.terms.version, then.terms.version) == (1, 2)


def test_terms_never_take_effect_before_today(ledger: Ledger) -> None:
    before = entries(ledger)
    said = refused(ledger, ledger.terms.set(GOODS, effective_on=date(2026, 1, 4)), before)
    assert "before_today" in said
    assert "recorded as former" in said


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda book: book.set(), "say nothing"),
        (lambda book: book.set(GoodsTerms(Period(13, D))), "less than the 14 days"),
        (
            lambda book: book.set(services=ServiceTerms(TIERS.tiers[::-1])),
            "not in order",
        ),
        (
            lambda book: book.set(
                services=ServiceTerms(
                    (NoticeTier(Period(14, D), 50), NoticeTier(Period(7, D), 100))
                )
            ),
            "contradict each other",
        ),
        (lambda book: book.set(GoodsTerms(Period(30, D), percent=101)), "not between 0 and 100"),
        (lambda book: book.set(GOODS, until=date(2026, 1, 4)), "before they begin"),
    ],
)
def test_terms_that_contradict_themselves_are_refused_and_nothing_is_written(
    ledger: Ledger, call: Callable[[object], TermsSet], said: str
) -> None:
    before = entries(ledger)
    found = refused(ledger, call(ledger.terms), before)
    assert found.startswith("contradiction: ")
    assert said in found


def test_overlapping_versions_are_refused(ledger: Ledger) -> None:
    ledger.terms.set(GOODS, until=date(2026, 6, 30))
    before = entries(ledger)
    said = refused(ledger, ledger.terms.set(GOODS, effective_on=date(2026, 6, 30)), before)
    assert "overlap: one holds until 30 June 2026" in said
    ledger.terms.set(GOODS, effective_on=date(2026, 7, 1))
    before = entries(ledger)
    said = refused(ledger, ledger.terms.set(GOODS, effective_on=date(2026, 7, 1)), before)
    assert "both take effect on 1 July 2026" in said


def test_version_can_end_sooner_but_not_before_today(ledger: Ledger, clock: Clock) -> None:
    ledger.terms.set(GOODS, until=date(2036, 12, 31))
    clock.advance(timedelta(days=10))
    before = entries(ledger)
    found = ledger.terms.end(1, on=date(2026, 1, 14), reason="a typing error in the year")
    assert "before_today" in refused(ledger, found, before)
    found = ledger.terms.end(1, reason="a typing error in the year")
    assert found.version is not None
    assert found.version.terms.until == date(2026, 1, 15)
    again = ledger.terms.end(1, on=date(2026, 2, 1), reason="later")
    assert "ends_already" in refused(ledger, again, entries(ledger))
    assert ledger.terms.current(date(2026, 1, 15)) is not None
    assert ledger.terms.current(date(2026, 1, 16)) is None
    after = ledger.terms.set(GOODS, effective_on=date(2026, 1, 16)).version
    assert after is not None
    assert after.terms.version == 2


def test_version_that_was_not_in_force_yet_never_comes_into_force(ledger: Ledger) -> None:
    ledger.terms.set(GOODS)
    ledger.terms.set(GOODS, effective_on=date(2027, 1, 1))
    found = ledger.terms.end(2, reason="we meant February")
    assert (found.done, found.version) == (True, None)
    assert [version.terms.version for version in ledger.terms.all()] == [1]
    with pytest.raises(NotFoundError, match="no version 2"):
        ledger.terms.get(2)
    third = ledger.terms.set(GOODS, effective_on=date(2026, 2, 1)).version
    assert third is not None
    assert third.terms.version == 3


def test_former_terms_are_recorded_first_and_marked(ledger: Ledger, clock: Clock) -> None:
    old = ledger.terms.set(
        GOODS, effective_on=date(2020, 1, 1), former=True, reason="on our website since 2020"
    ).version
    assert old is not None
    assert old.former
    clock.advance(timedelta(days=3))
    before = entries(ledger)
    young = ledger.terms.set(GOODS, effective_on=date(2026, 1, 6), former=True, reason="late")
    assert "not_former: Former terms begin on or before 5 January 2026" in refused(
        ledger, young, before
    )
    with pytest.raises(BadInputError, match="reason"):
        ledger.terms.set(GOODS, effective_on=date(2021, 1, 1), former=True)
    with pytest.raises(BadInputError, match="from when on"):
        ledger.terms.set(GOODS, former=True, reason="on our website")
    ledger.terms.set(GOODS, effective_on=date(2021, 1, 1), former=True, reason="on the new site")
    ledger.terms.set(GOODS, effective_on=date(2026, 1, 9))
    before = entries(ledger)
    late = ledger.terms.set(GOODS, effective_on=date(2019, 1, 1), former=True, reason="forgotten")
    assert "too_late_for_former" in refused(ledger, late, before)
    assert [version.former for version in ledger.terms.all()] == [True, True, False]


def test_value_of_the_wrong_kind_is_a_broken_call(ledger: Ledger) -> None:
    before = entries(ledger)
    with pytest.raises(BadInputError, match="goods must be GoodsTerms"):
        ledger.terms.set("30 days")  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="effective_on must be a date"):
        ledger.terms.set(GOODS, effective_on="2026-02-01")  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match="terms show"):
        ledger.terms.end(7, reason="no such version")
    assert entries(ledger) == before


def test_floor_of_the_firm_is_kept_with_the_version(ledger: Ledger) -> None:
    visits = replace(EU_WITHDRAWAL, code="at_33_4_kschg", name="longer right", period=Period(30, D))
    ledger.terms.set(GOODS, floor=visits)
    assert ledger.terms.get(1).terms.floor == visits
    ledger.terms.set(GoodsTerms(Period(2, D)), floor=None)
    assert ledger.terms.get(2).terms.floor is None


def test_terms_are_conveyed_to_a_prospect_with_evidence(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.terms.set(GOODS)
    page = ledger.evidence.attach(ann, text="our terms", caption="the page we sent")
    clock.advance(timedelta(hours=1))
    earlier = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    found = ledger.terms.convey(
        ann, how="by e-mail, with the offer", conveyed_at=earlier, evidence=page
    )
    assert found.done
    assert found.conveyance is not None
    shown = found.conveyance
    assert (shown.version, shown.how) == (1, "by e-mail, with the offer")
    assert (shown.conveyed_at, shown.recorded_at) == (earlier, clock())
    assert shown.evidence == page.id
    assert shown.recorded_by == ledger.actor.id
    assert ledger.terms.conveyances(ann) == [shown]
    assert ledger.history(ann)[-1].facts == {
        "event": "conveyed",
        "version": 1,
        "how": "by e-mail, with the offer",
        "mark": "1",
        "evidence": page.id.seq,
    }


def test_conveyance_that_cannot_be_is_refused_and_nothing_is_written(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    none = ledger.terms.convey(ann, how="by letter")
    assert "no_terms: No terms were in force on 5 January 2026" in refused(
        ledger, none, entries(ledger, ann), ann
    )
    clock.advance(timedelta(days=2))
    ledger.terms.set(GOODS)
    before = entries(ledger, ann)
    early = ledger.terms.convey(ann, how="by letter", version=1, conveyed_at=START)
    assert "before_version: Version 1 was recorded on 7 January 2026" in refused(
        ledger, early, before, ann
    )
    late = ledger.terms.convey(ann, how="by letter", conveyed_at=clock() + timedelta(hours=1))
    assert "in_future" in refused(ledger, late, before, ann)
    with pytest.raises(NotFoundError, match="no version 9"):
        ledger.terms.convey(ann, how="by letter", version=9)
    with pytest.raises(BadInputError, match="how must not be empty"):
        ledger.terms.convey(ann, how=" ")
    assert entries(ledger, ann) == before


def test_evidence_and_deal_must_be_of_the_same_customer(ledger: Ledger, ann: Customer) -> None:
    ledger.terms.set(GOODS)
    ben = ledger.customers.add("Ben Moss")
    page = ledger.evidence.attach(ben, text="our terms")
    sale = ledger.money.record_sale(ben, amount=Money.of("20", "EUR"))
    before = entries(ledger, ann, ben)
    with pytest.raises(BadInputError, match="another customer"):
        ledger.terms.convey(ann, how="by letter", evidence=page)
    with pytest.raises(BadInputError, match="another customer"):
        ledger.terms.convey(ann, how="by letter", deal=sale.id)
    ledger.money.void(sale, reason="twice")
    refund = ledger.money.record_refund(ben, amount=Money.of("5", "EUR"))
    with pytest.raises(BadInputError, match="is a refund"):
        ledger.terms.convey(ben, how="by letter", deal=refund)
    with pytest.raises(NotFoundError, match="voided"):
        ledger.terms.convey(ben, how="by letter", deal=sale)
    assert entries(ledger, ann, ben) == before + 2


def test_conveyance_of_former_terms_may_lie_before_the_ledger(
    ledger: Ledger, ann: Customer
) -> None:
    ledger.terms.set(GOODS, effective_on=date(2020, 1, 1), former=True, reason="on our website")
    long_ago = datetime(2024, 3, 1, 12, tzinfo=UTC)
    found = ledger.terms.convey(ann, how="on the order page", conveyed_at=long_ago)
    assert found.done


def test_conveyance_is_voided_by_its_own_book_only(ledger: Ledger, ann: Customer) -> None:
    ledger.terms.set(GOODS)
    shown = ledger.terms.convey(ann, how="by letter").conveyance
    assert shown is not None
    with pytest.raises(BadInputError, match="reason"):
        ledger.terms.void(shown, reason="")
    ledger.terms.void(shown, reason="it was sent to another Ann")
    assert ledger.terms.conveyances(ann) == []
    with pytest.raises(NotFoundError, match="voided"):
        ledger.terms.void(shown, reason="again")


def test_conveyances_of_an_erased_person_are_gone(ledger: Ledger, ann: Customer) -> None:
    ledger.terms.set(GOODS)
    shown = ledger.terms.convey(ann, how="by letter to Ann").conveyance
    assert shown is not None
    ledger.privacy.erase(shown.id, ground="unlawful")
    assert ledger.terms.conveyances(ann) == []
    ledger.privacy.erase_person(ann, ground="objection")
    with pytest.raises(NotFoundError, match="erased"):
        ledger.terms.conveyances(ann.id)


def test_day_of_a_version_is_that_of_the_ledgers_zone(location: str) -> None:
    late = datetime(2026, 1, 5, 23, 30, tzinfo=UTC)  # the 6th in Paris
    with open_ledger(location, actor="Olga", now=Clock(late), zone="Europe/Paris") as ledger:
        found = ledger.terms.set(GOODS).version
        assert found is not None
        assert found.terms.effective_on == date(2026, 1, 6)
        ann = ledger.customers.add("Ann")
        assert ledger.terms.convey(ann, how="on the page").done


def test_merged_customer_was_shown_what_either_name_was(ledger: Ledger, ann: Customer) -> None:
    ledger.terms.set(GOODS)
    twin = ledger.customers.add("A. Miller")
    first = ledger.terms.convey(twin, how="at the counter").conveyance
    second = ledger.terms.convey(ann, how="by letter").conveyance
    with ledger.context.write() as journal:
        key = journal.key_of(twin.id)
        body = {"event": "merged", "other": str(ann.id)}
        append_event(journal, key, EntryKind.MERGE, body)
    assert ledger.terms.conveyances(ann) == [first, second]
    assert ledger.terms.conveyances(twin) == [first, second]
