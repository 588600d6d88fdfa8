"""The money book: seven kinds of entries, corrections, voids, and what applies to what."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from custledger import EntryRef, Ledger, Money
from custledger.core.money import MAX_MINOR
from custledger.core.records import Customer, Fault, MoneyEntry, MoneyKind
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import START

EURO = Money(100, "EUR")


@pytest.fixture
def invoice(ledger: Ledger, ann: Customer) -> MoneyEntry:
    return ledger.money.record_invoice(ann, amount=Money.of("100", "EUR"), due_on=date(2026, 2, 1))


def test_money_entry_is_read_back_as_recorded(ledger: Ledger, invoice: MoneyEntry) -> None:
    occurred = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
    recorded = ledger.money.record_refund(
        "Ann Miller",
        amount=Money.of("12.34", "USD"),
        occurred_at=occurred,
        known_at=occurred,
        goods_returned=True,
        applies_to=invoice.id,
        fault="shared",
        summary="sent back",
        staff_note="scratched",
        product="lamp",
        cause="broken",
        source="till",
        external_id="1",
    )
    ref = EntryRef(invoice.customer_id, 3)
    assert ledger.money.get(recorded) == recorded
    assert recorded == MoneyEntry(
        id=ref,
        entry=ref,
        customer_id=invoice.customer_id,
        kind=MoneyKind.REFUND,
        amount=Money(1234, "USD"),
        occurred_at=occurred,
        known_at=occurred,
        recorded_at=START,
        recorded_by=ledger.actor.id,
        fault=Fault.SHARED,
        goods_returned=True,
        applies_to=invoice.id,
        summary="sent back",
        staff_note="scratched",
        product="lamp",
        cause="broken",
        source="till",
        external_id="1",
    )


def test_every_kind_has_its_method(ledger: Ledger, ann: Customer) -> None:
    for kind in MoneyKind:
        facts = {"due_on": date(2026, 2, 1)} if kind is MoneyKind.INVOICE else {}
        entry = getattr(ledger.money, f"record_{kind.value}")(ann, amount=EURO, **facts)
        assert entry.kind is kind
    assert [entry.kind for entry in ledger.money.of(ann)] == list(MoneyKind)


def test_batch_of_several_kinds_and_customers(ledger: Ledger, ann: Customer) -> None:
    ben = ledger.customers.add("Ben")
    rows = [
        {"kind": "sale", "customer": ann, "amount": EURO},
        {"kind": MoneyKind.PAYMENT, "customer": "Ben", "amount": EURO},
        {"kind": "sale", "customer": str(ann.id), "amount": Money(0, "JPY")},
    ]
    assert ledger.money.record_many(rows) == [
        EntryRef(ann.id, 2),
        EntryRef(ben.id, 2),
        EntryRef(ann.id, 3),
    ]


def test_largest_amount_is_exact(ledger: Ledger, ann: Customer) -> None:
    assert ledger.money.record_sale(ann, amount=Money(MAX_MINOR, "EUR")).amount.minor == MAX_MINOR
    assert [entry.amount.minor for entry in ledger.money.of(ann)] == [2**53 - 1]


BAD = [
    ({"kind": "sale"}, "amount must be Money"),
    ({"kind": "sale", "amount": 5}, "amount must be Money, such as Money.of"),
    ({"kind": "sale", "amount": Money(-1, "EUR")}, r"must not be negative \(-0.01 EUR\)"),
    ({"kind": "gift", "amount": EURO}, "'gift' is not a kind of money entry. Use one of: invoice"),
    ({"amount": EURO}, "'' is not a kind"),
    ({"kind": [], "amount": EURO}, "is not a kind"),
    ({"kind": "invoice", "amount": EURO}, "needs due_on"),
    ({"kind": "sale", "amount": EURO, "due_on": date(2026, 1, 1)}, "Only an invoice has due_on"),
    ({"kind": "invoice", "amount": EURO, "due_on": "2026-01-01"}, "due_on must be a date"),
    ({"kind": "invoice", "amount": EURO, "due_on": START}, "due_on must be a date"),
    ({"kind": "sale", "amount": EURO, "goods_returned": True}, "Only a refund"),
    ({"kind": "sale", "amount": EURO, "occurred_at": datetime(2026, 1, 1)}, "no time zone"),
    ({"kind": "sale", "amount": EURO, "applies_to": "invoice"}, "applies_to must be an invoice"),
    ({"kind": "payment", "amount": EURO, "applies_to": "7"}, "applies_to must be an invoice"),
    ({"kind": "payment", "amount": EURO, "applies_to": EntryRef(uuid4(), 2)}, "no current invoice"),
    ({"kind": "sale", "amount": EURO, "fault": "his"}, "'his' is not a fault"),
    ({"kind": "sale", "amount": EURO, "summary": "\0"}, "NUL"),
    ({"kind": "sale", "amount": EURO, "tags": ["x"]}, "Unknown: tags"),
    ({"kind": "sale", "amount": EURO, "source": "s"}, "belong together"),
    ({"kind": "sale", "amount": EURO, "source": "s", "external_id": "dup"}, "'dup' of 's'"),
]


def test_bad_fact_is_refused_and_nothing_of_the_batch_is_kept(
    ledger: Ledger, ann: Customer
) -> None:
    ledger.money.record_sale(ann, amount=EURO, source="s", external_id="dup")
    good = {"kind": "sale", "customer": ann, "amount": EURO}
    for facts, message in BAD:
        with pytest.raises(BadInputError, match=message):
            ledger.money.record_many([good, {"customer": ann, **facts}, good])
        assert len(ledger.history(ann)) == 2, message


def test_unknown_currency_never_becomes_money() -> None:
    with pytest.raises(BadInputError, match="'EUX' is not a currency"):
        Money(1, "EUX")


def test_what_applies_to_an_invoice_names_it_by_record_or_id(
    ledger: Ledger, invoice: MoneyEntry
) -> None:
    for target in (invoice, invoice.id):
        payment = ledger.money.record_payment("Ann Miller", amount=EURO, applies_to=target)  # type: ignore[arg-type]
        assert payment.applies_to == invoice.id


def test_nothing_applies_to_what_is_no_invoice_or_sale(
    ledger: Ledger, ann: Customer, invoice: MoneyEntry
) -> None:
    call = ledger.interactions.record(ann, channel="chat")
    payment = ledger.money.record_payment(ann, amount=EURO)
    for target in (call.id, payment.id, EntryRef(ann.id, 1), EntryRef(ann.id, 99)):
        with pytest.raises(BadInputError, match="no current invoice or sale"):
            ledger.money.record_payment(ann, amount=EURO, applies_to=target)


def test_nothing_applies_to_another_customers_invoice(ledger: Ledger, invoice: MoneyEntry) -> None:
    ben = ledger.customers.add("Ben")
    ledger.money.record_sale(ben, amount=EURO)  # the same number in Ben's chain
    with pytest.raises(BadInputError, match="another customer"):
        ledger.money.record_payment(ben, amount=EURO, applies_to=invoice.id)


def test_nothing_applies_to_a_voided_invoice(ledger: Ledger, invoice: MoneyEntry) -> None:
    ledger.money.void(invoice, reason="never sent")
    with pytest.raises(BadInputError, match="no current invoice or sale"):
        ledger.money.record_payment("Ann Miller", amount=EURO, applies_to=invoice.id)


def test_what_applied_to_an_invoice_still_does_after_its_correction(
    ledger: Ledger, invoice: MoneyEntry
) -> None:
    payment = ledger.money.record_payment("Ann Miller", amount=EURO, applies_to=invoice.id)
    ledger.money.correct(invoice, due_on=date(2026, 3, 1), reason="longer term")
    assert ledger.money.get(payment).applies_to == invoice.id
    more = ledger.money.record_payment("Ann Miller", amount=EURO, applies_to=invoice.id)
    assert ledger.money.correct(more, amount=Money(1, "EUR"), reason="r").applies_to == invoice.id


def test_correction_keeps_kind_id_and_other_facts(ledger: Ledger, invoice: MoneyEntry) -> None:
    corrected = ledger.money.correct(invoice, amount=Money.of("90", "EUR"), reason="a discount")
    again = ledger.money.correct(corrected, summary="lamp", reason="more")
    assert (again.id, again.entry.seq, again.kind) == (invoice.id, 4, MoneyKind.INVOICE)
    assert (again.amount, again.due_on) == (Money(9000, "EUR"), date(2026, 2, 1))
    assert ledger.money.of("Ann Miller") == [again]


def test_correction_cannot_change_the_kind(ledger: Ledger, invoice: MoneyEntry) -> None:
    with pytest.raises(BadInputError, match="cannot change the kind"):
        ledger.money.correct(invoice, kind="sale", reason="r")  # type: ignore[call-arg]
    assert ledger.money.get(invoice) == invoice


def test_bad_correction_writes_nothing(ledger: Ledger, invoice: MoneyEntry) -> None:
    for changes in ({"amount": Money(-1, "EUR")}, {"goods_returned": True}, {"due_on": None}):
        with pytest.raises(BadInputError):
            ledger.money.correct(invoice, reason="r", **changes)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="reason"):
        ledger.money.correct(invoice, amount=EURO, reason="")
    assert ledger.money.get(invoice) == invoice


def test_voided_entry_is_gone_but_not_from_the_history(ledger: Ledger, ann: Customer) -> None:
    sale = ledger.money.record_sale(ann, amount=EURO, source="s", external_id="1")
    ledger.money.void(sale, reason="a test")
    assert ledger.money.of(ann) == []
    for act in (
        lambda: ledger.money.get(sale),
        lambda: ledger.money.void(sale, reason="again"),
        lambda: ledger.money.correct(sale, amount=EURO, reason="r"),
    ):
        with pytest.raises(NotFoundError, match="voided"):
            act()
    assert [e.kind for e in ledger.history(ann)] == ["customer", "sale", "void"]
    assert ledger.money.record_sale(ann, amount=EURO, source="s", external_id="1").id.seq == 4


def test_entries_are_listed_as_they_happened(ledger: Ledger, ann: Customer) -> None:
    for days in (1, 3, 2):
        ledger.money.record_sale(
            ann, amount=Money(days, "EUR"), occurred_at=START - timedelta(days=days)
        )
    assert [entry.amount.minor for entry in ledger.money.of(ann)] == [3, 2, 1]


def test_moment_moved_later_takes_along_when_it_was_known(ledger: Ledger, ann: Customer) -> None:
    sale = ledger.money.record_sale(
        ann, amount=EURO, occurred_at=START - timedelta(days=9), known_at=START - timedelta(days=5)
    )
    moved = ledger.money.correct(sale, occurred_at=START - timedelta(days=2), reason="r")
    assert moved.known_at == moved.occurred_at == START - timedelta(days=2)
    back = ledger.money.correct(sale, occurred_at=START - timedelta(days=8), reason="r")
    assert back.known_at == START - timedelta(days=2)
    with pytest.raises(BadInputError, match="known_at is before occurred_at"):
        ledger.money.correct(sale, known_at=START - timedelta(days=9), reason="r")


def test_correction_names_a_fact_and_never_another_customer(
    ledger: Ledger, invoice: MoneyEntry
) -> None:
    ben = ledger.customers.add("Ben")
    with pytest.raises(BadInputError, match="Nothing to correct"):
        ledger.money.correct(invoice, reason="r")
    with pytest.raises(BadInputError, match="cannot change the customer"):
        ledger.money.correct(invoice, customer=ben, reason="r")  # type: ignore[call-arg]
    assert ledger.money.get(invoice) == invoice
