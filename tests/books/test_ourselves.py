"""The report on ourselves, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from custledger import EntryRef, Ledger, Money
from custledger.core.records import Customer, EntryKind
from custledger.core.worth.ourselves import By, Ourselves
from custledger.errors import BadInputError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event
from custledger.storage.lookup import customer_key


def euros(amount: str) -> Money:
    return Money.of(amount, "EUR")


def event(
    ledger: Ledger, customer: Customer, word: str, of: EntryRef | None = None, **body: Any
) -> EntryRef:
    said = {"event": word, **body} | ({} if of is None else {"of": of.seq})
    with ledger.context.write() as journal:
        key = customer_key(journal.connection, ledger.context, customer)
        return append_event(journal, key, EntryKind.COMPLAINT, said).id


def told(report: Ourselves, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(row, name) for name in names) for row in report.rows]


def test_faults_refunds_and_sales_are_told_by_product_with_a_row_for_what_names_none(
    ledger: Ledger, ann: Customer
) -> None:
    sofa = ledger.money.record_sale(ann, amount=euros("500"), product="sofa")
    ledger.money.record_sale(ann, amount=euros("20"))
    invoice = ledger.money.record_invoice(
        ann, amount=euros("30"), due_on=date(2026, 2, 1), product="lamp"
    )
    ledger.money.record_payment(ann, amount=euros("30"), applies_to=invoice)
    ledger.money.record_refund(ann, amount=euros("50"), fault="ours", applies_to=sofa)
    ledger.money.record_refund(ann, amount=euros("3"), fault="customer")
    ledger.interactions.record(ann, channel="phone", fault="ours", product="sofa")
    ledger.interactions.record(ann, channel="phone", product="lamp")
    report = ledger.ourselves()
    assert told(report, "product", "ours", "judged", "unjudged", "refunds", "refunds_minor") == [
        ("sofa", 2, 2, 0, 1, 50_00),
        ("lamp", 0, 0, 1, 0, 0),
        ("", 0, 1, 0, 1, 3_00),
    ]
    assert told(report, "product", "sales", "sales_minor", "refund_share", "few") == [
        ("sofa", 1, 500_00, 0.1, "our share, refunds, complaints"),
        ("lamp", 1, 30_00, 0.0, "refunds, complaints"),
        ("", 1, 20_00, 0.15, "our share, refunds, complaints"),
    ]
    assert (report.total.ours_share, report.total.sales_minor) == (0.666667, 550_00)


def test_complaint_and_its_contact_are_one_complaint_with_product_and_outcome(
    ledger: Ledger, ann: Customer
) -> None:
    facts = {"channel": "phone", "purpose": "complaint"}
    call = ledger.interactions.record(ann, **facts, product="sofa", cause="smell")
    ledger.interactions.record(ann, **facts, product="lamp")
    linked = event(ledger, ann, "opened", interaction=call.id.seq)
    event(ledger, ann, "resolved", linked, outcome="upheld")
    again = event(ledger, ann, "opened", product="rug", cause="late")
    event(ledger, ann, "resolved", again, outcome="not_upheld")
    event(ledger, ann, "reopened", again, reason="a new letter")
    names = ("product", "cause", "complaints", "upheld", "not_upheld", "undecided")
    assert told(ledger.ourselves(by=("product", "cause")), *names) == [
        ("rug", "late", 1, 0, 0, 1),
        ("sofa", "smell", 1, 1, 0, 0),
        ("lamp", "", 1, 0, 0, 1),
    ]
    assert ledger.ourselves(by="month").total.complaints == 3


def test_complaint_that_names_nothing_has_the_product_of_the_contact_of_its_day(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.interactions.record(ann, channel="phone", purpose="complaint", product="sofa")
    event(ledger, ann, "opened", words="It smells")
    clock.advance(timedelta(days=3))
    event(ledger, ann, "opened", words="It still smells")
    assert told(ledger.ourselves(), "product", "complaints") == [("sofa", 1), ("", 1)]


def test_days_are_included_and_months_follow_each_other(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    first = clock().date()
    ledger.money.record_sale(ann, amount=euros("1"), product="sofa")
    clock.advance(timedelta(days=70))
    ledger.interactions.record(ann, channel="phone", fault="ours")
    names = ("month", "product", "sales", "ours")
    assert told(ledger.ourselves(by="month"), *names) == [
        ("2026-01", None, 1, 0),
        ("2026-02", None, 0, 0),
        ("2026-03", None, 0, 1),
    ]
    assert told(ledger.ourselves(by=["product", "month"]), *names) == [
        ("2026-01", "sofa", 1, 0),
        ("2026-03", "", 0, 1),
    ]
    assert told(ledger.ourselves(first, first, by="month"), *names) == [("2026-01", None, 1, 0)]
    after = ledger.ourselves(since=first + timedelta(days=1), by=By.MONTH)
    assert told(after, *names) == [("2026-03", None, 0, 1)]
    assert (after.since, after.until) == (first + timedelta(days=1), clock().date())


def test_amounts_are_in_the_base_currency_and_those_without_a_rate_are_counted(
    ledger: Ledger, ann: Customer
) -> None:
    ledger.exchange_rates.set("USD", "0.5")
    for currency in ("USD", "GBP"):
        ledger.money.record_sale(ann, amount=Money.of("10", currency))
    total = ledger.ourselves(by="month").total
    assert (total.sales, total.sales_minor, total.unconverted) == (2, 5_00, 1)
    assert ledger.ranking()[0].revenue_minor == total.sales_minor


def test_correction_of_the_fault_changes_the_report_and_erasure_takes_it_out(
    ledger: Ledger, ann: Customer
) -> None:
    call = ledger.interactions.record(ann, channel="phone", fault="customer", product="sofa")
    assert told(ledger.ourselves(), "product", "ours", "judged") == [("sofa", 0, 1)]
    ledger.interactions.correct(call, fault="ours", reason="we looked into it")
    assert told(ledger.ourselves(), "product", "ours", "judged") == [("sofa", 1, 1)]
    ledger.privacy.erase(call, ground="objection")
    assert told(ledger.ourselves(), "product") == []


def test_many_entries_are_read_in_portions(
    ledger: Ledger, ann: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custledger.storage.ourselves.CHUNK", 3)
    rows = [
        {"kind": "sale", "customer": ann, "amount": euros("1"), "product": name}
        for name in ("sofa", "lamp")
        for _ in range(5)
    ]
    ledger.money.record_many(rows)
    contacts = [{"customer": ann, "channel": "phone", "fault": "ours"} for _ in range(7)]
    ledger.interactions.record_many(contacts)
    assert told(ledger.ourselves(), "product", "sales", "ours") == [
        ("lamp", 5, 0),
        ("sofa", 5, 0),
        ("", 0, 7),
    ]


def test_nothing_recorded_is_an_empty_report(ledger: Ledger, clock: Clock) -> None:
    report = ledger.ourselves()
    assert (report.rows, report.total.ours_share, report.until) == ((), None, clock().date())


def test_broken_calls_are_refused(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="after until"):
        ledger.ourselves(date(2026, 2, 1), date(2026, 1, 1))
    with pytest.raises(BadInputError, match="is not a by"):
        ledger.ourselves(by="customer")
    with pytest.raises(BadInputError, match="since must be a date"):
        ledger.ourselves("2026-01-01")  # type: ignore[arg-type]
