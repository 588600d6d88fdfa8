"""Choosing on a request for money back, what came of it, and the report; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.core.records import Customer, EntryKind, MoneyEntry, StaffRole
from custledger.core.refunds.advice import Choice
from custledger.core.refunds.assessment import RefundRequest
from custledger.core.refunds.choices import RequestAdvice
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from tests.books.refunding import (
    DINNER,
    advised,
    chosen,
    codes,
    entries,
    euros,
)


@pytest.fixture
def advice(ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime) -> RequestAdvice:
    ledger.staff.set_rate(euros("30"))
    return advised(ledger, ann, dinner)


def test_choice_is_recorded_with_the_advice_and_moves_no_money(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, advice: RequestAdvice, clock: Clock
) -> None:
    case = chosen(ledger, advice, "contest")
    assert case.choice is Choice.CONTEST
    assert (case.payment, case.asked, case.owed) == (dinner.id, euros("100"), euros("50"))
    assert (case.chosen_by, case.chosen_at) == (ledger.actor.id, clock())
    assert (case.reason, case.advice) == ("to part well", advice.advice)
    assert (case.refund, case.outcome) == (None, None)
    assert ledger.refunds.case(case) == case
    assert ledger.refunds.cases(ann) == ledger.refunds.cases() == [case]
    assert ledger.money.of(ann) == [dinner]
    entry = ledger.history(ann)[-1]
    assert entry.kind is EntryKind.REFUND_ADVICE
    assert "reason" not in entry.facts
    assert set(entry.staff_facts) == {"reason", "hourly_rate", "advice"}


def test_refund_can_be_recorded_along_with_the_choice(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, advice: RequestAdvice
) -> None:
    case = chosen(ledger, advice, record_refund=True, goods_returned=True)
    assert case.refund is not None
    refund = ledger.money.get(case.refund)
    assert (refund.amount, refund.applies_to) == (euros("100"), dinner.id)
    assert refund.goods_returned
    found = ledger.refunds.assess(ann, dinner, sold="service", service_on=DINNER)
    assert not found.allowed


def test_who_contests_the_rest_still_pays_what_is_owed(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, advice: RequestAdvice
) -> None:
    case = chosen(ledger, advice, "contest", record_refund=True)
    assert case.refund is not None
    assert ledger.money.get(case.refund).amount == euros("50")


def test_second_choice_on_a_request_is_refused_and_nothing_is_written(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, advice: RequestAdvice, clock: Clock
) -> None:
    case = chosen(ledger, advice)
    before = entries(ledger, ann)
    again = ledger.refunds.choose(advice, "contest", reason="second thoughts")
    assert codes(again) == ["chosen_already"]
    clock.advance(timedelta(hours=1))
    other = advised(ledger, ann, dinner)
    assert codes(ledger.refunds.choose(other, "refund", reason="again")) == ["outcome_missing"]
    assert entries(ledger, ann) == before
    ledger.refunds.void(case, reason="recorded by mistake")
    assert ledger.refunds.choose(advice, "contest", reason="second thoughts").done


def test_what_is_owed_cannot_be_contested(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    wish = RefundRequest(march, amount=euros("50"))
    advice = ledger.refunds.advise(
        ann, dinner, wish, sold="service", service_on=DINNER, hourly_rate=euros("30")
    )
    before = entries(ledger, ann)
    found = ledger.refunds.choose(advice, "contest", reason="on principle", record_refund=True)
    assert codes(found) == ["owed"]
    assert "there is nothing to contest" in found.refusals[0].text
    assert entries(ledger, ann) == before


def test_choice_on_advice_that_is_out_of_date_is_refused(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, advice: RequestAdvice
) -> None:
    ledger.money.record_refund(ann, amount=euros("10"), applies_to=dinner)
    before = entries(ledger, ann)
    found = ledger.refunds.choose(advice, "refund", reason="to part well", record_refund=True)
    assert codes(found) == ["more_than_left"]
    assert "90.00 EUR is left" in found.refusals[0].text
    assert entries(ledger, ann) == before


def test_refund_of_nothing_is_not_recorded(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, clock: Clock
) -> None:
    clock.set(datetime(2026, 3, 19, tzinfo=UTC))
    advice = ledger.refunds.advise(
        ann, dinner, sold="service", service_on=DINNER, hourly_rate=euros("30")
    )
    found = ledger.refunds.choose(advice, "contest", reason="too late", record_refund=True)
    assert codes(found) == ["nothing_to_pay"]


def test_program_cannot_choose(
    location: str, ledger: Ledger, advice: RequestAdvice, clock: Clock
) -> None:
    ledger.staff.add("shop", role=StaffRole.PROGRAM)
    with open_ledger(location, actor="shop", now=clock) as shop:
        found = shop.refunds.choose(advice, "refund", reason="to part well")
    assert codes(found) == ["program"]


def test_choice_without_a_reason_is_a_broken_call(ledger: Ledger, advice: RequestAdvice) -> None:
    with pytest.raises(BadInputError, match="reason"):
        ledger.refunds.choose(advice, "refund", reason=" ")
    with pytest.raises(BadInputError, match="choice"):
        ledger.refunds.choose(advice, "fight", reason="to win")


def test_outcome_is_recorded_once_with_what_it_cost(
    ledger: Ledger, ann: Customer, advice: RequestAdvice, clock: Clock
) -> None:
    case = chosen(ledger, advice, "contest")
    clock.advance(timedelta(days=20))
    found = ledger.refunds.outcome(
        case,
        charged_back=True,
        handling_time=timedelta(minutes=90),
        fee=euros("15"),
        note="the bank found for her",
    )
    assert found.done
    assert found.case is not None
    end = found.case.outcome
    assert end is not None
    assert (end.lost, end.charged_back, end.paid_back) == (True, True, euros("100"))
    # Beyond the 50 that were owed: 50, an hour and a half at 30 an hour, and the fee.
    assert end.cost == euros("110")
    assert (end.fee, end.note) == (euros("15"), "the bank found for her")
    before = entries(ledger, ann)
    again = ledger.refunds.outcome(case)
    assert codes(again) == ["outcome_known"]
    assert entries(ledger, ann) == before
    ledger.refunds.void(end.id, reason="another case's")
    assert ledger.refunds.case(case).outcome is None
    assert ledger.refunds.outcome(case).done


def test_outcome_takes_the_time_of_contacts_since_the_request(
    ledger: Ledger, ann: Customer, advice: RequestAdvice, clock: Clock
) -> None:
    case = chosen(ledger, advice)
    clock.advance(timedelta(hours=1))
    ledger.interactions.record(
        ann, channel="phone", purpose="refund_request", handling_time=timedelta(minutes=20)
    )
    found = ledger.refunds.outcome(case).case
    assert found is not None
    assert found.outcome is not None
    assert (found.outcome.handling_time, found.outcome.time_known) == (timedelta(minutes=20), True)
    assert found.outcome.cost == euros("60")


@pytest.mark.parametrize(
    ("choice", "facts", "code"),
    [
        ("refund", {"lost": True}, "contradiction"),
        ("refund", {"charged_back": True}, "contradiction"),
        ("contest", {"paid_back": Money(10_000, "EUR")}, "contradiction"),
        ("contest", {"lost": True, "paid_back": Money(10_001, "EUR")}, "too_much"),
    ],
)
def test_outcome_that_contradicts_the_choice_is_refused(
    ledger: Ledger,
    ann: Customer,
    advice: RequestAdvice,
    choice: str,
    facts: dict[str, object],
    code: str,
) -> None:
    case = chosen(ledger, advice, choice)
    before = entries(ledger, ann)
    assert codes(ledger.refunds.outcome(case, **facts)) == [code]  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="in USD"):
        ledger.refunds.outcome(case, fee=Money.of(1, "USD"))
    assert entries(ledger, ann) == before


def test_void_takes_a_choice_back_with_its_outcome(
    ledger: Ledger, ann: Customer, advice: RequestAdvice
) -> None:
    case = chosen(ledger, advice, record_refund=True)
    ledger.refunds.outcome(case)
    ledger.refunds.void(case, reason="another customer's")
    assert ledger.refunds.cases() == []
    assert case.refund is not None
    assert ledger.money.get(case.refund)
    with pytest.raises(NotFoundError):
        ledger.refunds.case(case)
    with pytest.raises(NotFoundError):
        ledger.refunds.outcome(case)


def test_outcome_of_an_entry_that_is_no_case_is_not_found(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry
) -> None:
    with pytest.raises(NotFoundError, match="no refund advice"):
        ledger.refunds.outcome(dinner.id)
    with pytest.raises(NotFoundError):
        ledger.refunds.void(replace(dinner.id, seq=99), reason="no such entry")


def test_report_holds_predictions_against_what_happened(
    ledger: Ledger, ann: Customer, advice: RequestAdvice, clock: Clock
) -> None:
    assert ledger.refunds.report().cases == 0
    case = chosen(ledger, advice)
    assert ledger.refunds.report().cases == 0
    ledger.refunds.outcome(case, handling_time=timedelta(minutes=10))
    first = clock().date()
    clock.advance(timedelta(days=1))
    ben = ledger.customers.add("Ben Moss")
    sale = ledger.money.record_sale(ben, amount=euros("300"))
    other = ledger.refunds.advise(
        ben, sale, sold="goods", delivered_on=date(2026, 3, 11), consumer=False
    )
    against = chosen(ledger, other, "contest")
    ledger.refunds.outcome(against, lost=True, handling_time=timedelta(minutes=60))
    assert ledger.refunds.report(first).cases == 1
    report = ledger.refunds.report()
    assert (report.cases, report.followed, report.contested, report.losses) == (2, 2, 1, 1)
    assert report.brier == pytest.approx(0.54**2)
    assert [(line.choice, line.actual) for line in report.lines] == [
        (Choice.CONTEST, euros("330")),
        (Choice.REFUND, euros("55")),
    ]


def test_case_in_the_report_is_used_instead_of_what_the_contacts_tell(
    ledger: Ledger, ann: Customer, advice: RequestAdvice, clock: Clock
) -> None:
    ledger.interactions.record(
        ann, channel="phone", purpose="refund_request", handling_time=timedelta(minutes=20)
    )
    case = chosen(ledger, advice, record_refund=True)
    ledger.refunds.outcome(case, handling_time=timedelta(minutes=33))
    ben = ledger.customers.add("Ben Moss")
    sale = ledger.money.record_sale(ben, amount=euros("10"))
    found = ledger.refunds.advise(
        ben, sale, sold="goods", consumer=False, delivered_on=date(2026, 3, 10)
    )
    [handling] = [item for item in found.advice.refund if item.code == "handling"]
    assert handling.sources[0].source.endswith("(own history: 1, fewer than 5)")


def test_merged_customer_has_the_payments_and_cases_of_either_name(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, march: datetime
) -> None:
    twin = ledger.customers.add("A. Miller")
    with ledger.context.write() as journal:
        body = {"event": "merged", "other": str(ann.id)}
        append_event(journal, journal.key_of(twin.id), EntryKind.MERGE, body)
    found = ledger.refunds.advise(
        twin, dinner, sold="service", service_on=DINNER, hourly_rate=euros("30")
    )
    case = chosen(ledger, found)
    assert case.customer_id == ann.id
    assert ledger.refunds.cases(twin) == ledger.refunds.cases(ann) == [case]


def test_erased_choice_is_gone_with_its_outcome(
    ledger: Ledger, ann: Customer, advice: RequestAdvice
) -> None:
    case = chosen(ledger, advice)
    ledger.refunds.outcome(case)
    assert ledger.privacy.erase(case.id, ground="unlawful").entries == 2
    assert ledger.refunds.cases(ann) == []
    assert ledger.refunds.report().cases == 0


def test_voided_payment_is_not_assessed_nor_chosen_on(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, advice: RequestAdvice
) -> None:
    ledger.money.void(dinner, reason="it was another customer's")
    before = entries(ledger, ann)
    with pytest.raises(NotFoundError, match="voided"):
        advised(ledger, ann, dinner)
    with pytest.raises(NotFoundError, match="voided"):
        ledger.refunds.choose(advice, "refund", reason="to part well")
    assert entries(ledger, ann) == before


def test_payment_that_is_put_to_an_invoice_keeps_what_was_chosen_on_it(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.staff.set_rate(euros("30"))
    payment = ledger.money.record_payment(ann, amount=euros("100"))
    goods = {"sold": "goods", "delivered_on": clock().date()}
    ledger.refunds.outcome(
        chosen(ledger, ledger.refunds.advise(ann, payment, **goods), record_refund=True)
    )
    invoice = ledger.money.record_invoice(ann, amount=euros("100"), due_on=clock().date())
    ledger.money.correct(payment, reason="now with its invoice", applies_to=invoice)
    clock.advance(timedelta(hours=1))
    again = ledger.refunds.advise(ann, invoice, **goods)
    assert (again.asked, again.assessment.allowed) == (euros("0"), False)
    assert codes(ledger.refunds.choose(again, "refund", reason="again")) == ["nothing_asked"]


def test_open_choice_on_a_payment_bars_another_on_its_invoice(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.staff.set_rate(euros("30"))
    payment = ledger.money.record_payment(ann, amount=euros("100"))
    goods = {"sold": "goods", "delivered_on": clock().date()}
    chosen(ledger, ledger.refunds.advise(ann, payment, **goods))
    invoice = ledger.money.record_invoice(ann, amount=euros("100"), due_on=clock().date())
    ledger.money.correct(payment, reason="now with its invoice", applies_to=invoice)
    clock.advance(timedelta(hours=1))
    again = ledger.refunds.advise(ann, invoice, **goods)
    assert codes(ledger.refunds.choose(again, "refund", reason="x")) == ["outcome_missing"]


def test_money_that_went_back_and_was_not_recorded_is_pointed_out(
    ledger: Ledger, ann: Customer, dinner: MoneyEntry, advice: RequestAdvice
) -> None:
    case = chosen(ledger, advice)
    ledger.refunds.outcome(case)
    found = ledger.refunds.assess(ann, dinner, sold="service", service_on=DINNER)
    assert found.reasons[-1] == (
        "100.00 EUR went back by the outcomes of earlier choices on it, of which 0.00 EUR is "
        "recorded as money. Record the rest first, if it was paid."
    )
    ledger.money.record_refund(ann, amount=euros("100"), applies_to=dinner)
    found = ledger.refunds.assess(ann, dinner, sold="service", service_on=DINNER)
    assert found.reasons[-1] == "100.00 EUR of it was paid back already."


def test_time_for_an_illness_is_no_part_of_what_a_choice_cost(
    ledger: Ledger, ann: Customer, advice: RequestAdvice, clock: Clock
) -> None:
    case = chosen(ledger, advice)
    for tags, minutes in (((), 10), (("hardship",), 50)):
        ledger.interactions.record(
            ann,
            channel="phone",
            purpose="refund_request",
            handling_time=timedelta(minutes=minutes),
            tags=tags,
        )
    end = ledger.refunds.outcome(case).case
    assert end is not None
    assert end.outcome is not None
    assert end.outcome.handling_time == timedelta(minutes=10)
