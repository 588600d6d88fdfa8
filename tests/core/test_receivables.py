"""What is owed, by age: every cent is somewhere, and nothing is owed twice."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.money import Money
from custledger.core.receivables.debts import (
    Age,
    AgeLine,
    DebtEntry,
    Dispute,
    Receivables,
    age_of,
    ageing,
    receivables_of,
)
from custledger.core.records import EntryRef, MoneyKind
from custledger.errors import BadInputError

ANN = UUID(int=7)
START = date(2026, 1, 1)


def day(n: int) -> date:
    return START + timedelta(n)


def ref(n: int) -> EntryRef:
    return EntryRef(ANN, n)


def euros(minor: int) -> Money:
    return Money(minor, "EUR")


def invoice(n: int, minor: int, due: int, currency: str = "EUR") -> DebtEntry:
    return DebtEntry(ref(n), MoneyKind.INVOICE, Money(minor, currency), day(0), day(due))


def payment(
    n: int,
    minor: int,
    on: int = 1,
    applies_to: int | None = None,
    kind: MoneyKind = MoneyKind.PAYMENT,
) -> DebtEntry:
    named = None if applies_to is None else ref(applies_to)
    return DebtEntry(ref(n), kind, euros(minor), day(on), applies_to=named)


def owed(found: Receivables) -> dict[int, int]:
    return {i.ref.seq: i.owed.minor for i in found.open}


def test_age_begins_the_day_after_the_due_date() -> None:
    ages = [age_of(n) for n in (-5, 0, 1, 30, 31, 60, 61, 90, 91, 1000)]
    assert ages == [
        Age.NOT_DUE,
        Age.NOT_DUE,
        Age.DAYS_1_30,
        Age.DAYS_1_30,
        Age.DAYS_31_60,
        Age.DAYS_31_60,
        Age.DAYS_61_90,
        Age.DAYS_61_90,
        Age.OVER_90,
        Age.OVER_90,
    ]


def test_payment_settles_the_invoice_it_names_then_the_oldest() -> None:
    entries = [invoice(1, 1000, 10), invoice(2, 1000, 20), invoice(3, 1000, 5)]
    named = receivables_of([*entries, payment(4, 1500, applies_to=2)], day(30))
    assert owed(named) == {3: 500, 1: 1000}
    unnamed = receivables_of([*entries, payment(4, 1500)], day(30))
    assert owed(unnamed) == {1: 500, 2: 1000}


def test_write_off_gives_up_what_is_left_and_is_told_apart() -> None:
    gone = payment(3, 700, applies_to=1, kind=MoneyKind.WRITE_OFF)
    entries = [invoice(1, 1000, 10), payment(2, 200, applies_to=1), gone]
    found = receivables_of(entries, day(40)).open[0]
    assert (found.paid, found.written_off, found.owed) == (euros(200), euros(700), euros(100))
    assert found.age is Age.DAYS_1_30


def test_what_was_paid_beyond_all_invoices_is_credit() -> None:
    found = receivables_of([invoice(1, 1000, 10), payment(2, 1300)], day(40))
    assert (found.open, found.credit, found.clear) == ((), (euros(300),), True)


def test_currencies_settle_themselves_only() -> None:
    found = receivables_of([invoice(1, 1000, 10, "USD"), payment(2, 1000)], day(40))
    assert found.open[0].owed == Money(1000, "USD")
    assert found.credit == (euros(1000),)


def test_dispute_leaves_an_invoice_out_while_it_is_open() -> None:
    entries = [invoice(1, 1000, 10), invoice(2, 500, 20)]
    dispute = Dispute(ref(1), day(12), "The wine was corked.", closed_on=day(40))
    during = receivables_of(entries, day(39), disputes=[dispute])
    assert owed(during) == {2: 500}
    assert [i.ref.seq for i in during.disputed] == [1]
    assert owed(receivables_of(entries, day(40), disputes=[dispute])) == {1: 1000, 2: 500}
    assert owed(receivables_of(entries, day(11), disputes=[dispute])) == {1: 1000, 2: 500}


def test_dispute_takes_no_payment_that_was_meant_for_something_else() -> None:
    entries = [invoice(1, 1000, 10), invoice(2, 500, 20), payment(3, 500)]
    found = receivables_of(entries, day(39), disputes=[Dispute(ref(1), day(12), "Corked.")])
    assert found.open == ()
    assert found.disputed[0].owed == euros(1000)


def test_what_was_not_known_yet_does_not_count() -> None:
    entries = [invoice(1, 1000, 10), payment(2, 1000, on=35)]
    assert owed(receivables_of(entries, day(34))) == {1: 1000}
    assert owed(receivables_of(entries, day(35))) == {}


def test_refund_and_chargeback_settle_nothing() -> None:
    other = [payment(n, 100, kind=k) for n, k in enumerate(MoneyKind, 10) if _is_other(k)]
    assert owed(receivables_of([invoice(1, 1000, 10), *other], day(30))) == {1: 1000}


def _is_other(kind: MoneyKind) -> bool:
    return kind not in (MoneyKind.INVOICE, MoneyKind.PAYMENT, MoneyKind.WRITE_OFF)


def test_ageing_counts_and_adds_over_customers() -> None:
    one = receivables_of([invoice(1, 1000, 10), invoice(2, 50, 10)], day(20))
    other = receivables_of([invoice(1, 7, -90, "USD")], day(20))
    lines = [line for line in ageing([one, other]) if line.count]
    assert lines == [
        AgeLine("EUR", Age.DAYS_1_30, 2, euros(1050)),
        AgeLine("USD", Age.OVER_90, 1, Money(7, "USD")),
    ]
    assert len(ageing([one, other])) == 2 * len(Age)
    assert ageing([]) == ()


def test_invoice_without_due_date_is_a_broken_call() -> None:
    with pytest.raises(BadInputError, match="due_on"):
        receivables_of([DebtEntry(ref(1), MoneyKind.INVOICE, euros(1), day(0))], day(1))


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[list[DebtEntry], list[Dispute]]:
    kinds = [MoneyKind.INVOICE, MoneyKind.PAYMENT, MoneyKind.WRITE_OFF, MoneyKind.REFUND]
    entries = []
    for n in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(kinds))
        money = Money(draw(st.integers(0, 5000)), draw(st.sampled_from(["EUR", "JPY"])))
        due = day(draw(st.integers(-100, 100))) if kind is MoneyKind.INVOICE else None
        named = None if due else draw(st.none() | st.integers(0, 12).map(ref))
        entries.append(DebtEntry(ref(n), kind, money, day(draw(st.integers(0, 60))), due, named))
    disputed = draw(
        st.lists(st.sampled_from([e.ref for e in entries]) if entries else st.nothing())
    )
    return entries, [Dispute(r, day(draw(st.integers(0, 60))), "Corked.") for r in disputed]


@given(ledgers(), st.integers(-5, 200))
def test_money_is_conserved_and_never_negative(
    ledger: tuple[list[DebtEntry], list[Dispute]], as_of: int
) -> None:
    entries, disputes = ledger
    found = receivables_of(entries, day(as_of), disputes=disputes)
    known = [e for e in entries if e.day <= day(as_of)]
    for currency in ("EUR", "JPY"):

        def total(*kinds: MoneyKind, of: str = currency) -> int:
            return sum(e.amount.minor for e in known if e.kind in kinds and e.amount.currency == of)

        left = sum(
            i.owed.minor for i in (*found.open, *found.disputed) if i.amount.currency == currency
        )
        credit = sum(c.minor for c in found.credit if c.currency == currency)
        settled = total(MoneyKind.PAYMENT, MoneyKind.WRITE_OFF)
        assert left - credit == total(MoneyKind.INVOICE) - settled
    for item in (*found.open, *found.disputed):
        assert 0 < item.owed.minor <= item.amount.minor
        assert item.paid.minor >= 0
        assert item.written_off.minor >= 0
    assert not {i.ref for i in found.open} & {i.ref for i in found.disputed}


@given(ledgers(), st.integers(0, 200), st.randoms(use_true_random=False))
def test_order_of_the_entries_does_not_matter(
    ledger: tuple[list[DebtEntry], list[Dispute]], as_of: int, random: object
) -> None:
    entries, disputes = ledger
    shuffled = [*entries]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    same = receivables_of(shuffled, day(as_of), disputes=disputes)
    assert same == receivables_of(entries, day(as_of), disputes=disputes)


@given(ledgers(), st.integers(0, 200))
def test_ages_add_up_to_what_is_open(
    ledger: tuple[list[DebtEntry], list[Dispute]], as_of: int
) -> None:
    found = receivables_of(ledger[0], day(as_of), disputes=ledger[1])
    lines = ageing([found, found])
    assert sum(line.count for line in lines) == 2 * len(found.open)
    assert sum(line.amount.minor for line in lines) == 2 * sum(i.owed.minor for i in found.open)


def test_ageing_of_a_real_export_agrees_with_totals_added_by_hand(data_folder: Path) -> None:
    """As of 31 March 2021, the open sales invoices of dbt_xero: six in GBP, seven in USD."""
    text = (data_folder / "dbt_xero" / "xero_invoice_data.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    customers: dict[UUID, list[DebtEntry]] = {}
    for number, row in enumerate(rows):
        if row["type"] == "ACCREC" and row["status"] in ("AUTHORISED", "PAID"):
            contact = UUID(row["contact_id"])
            customers.setdefault(contact, []).extend(_of_xero(contact, number * 2, row))
    found = [receivables_of(entries, date(2021, 3, 31)) for entries in customers.values()]
    assert {(x.currency, x.age): (x.count, x.amount.minor) for x in ageing(found) if x.count} == {
        ("GBP", Age.NOT_DUE): (2, 373_500),
        ("GBP", Age.DAYS_31_60): (2, 450_000),
        ("GBP", Age.DAYS_61_90): (1, 225_000),
        ("GBP", Age.OVER_90): (1, 225_000),
        ("USD", Age.NOT_DUE): (6, 2_935_600),
        ("USD", Age.DAYS_31_60): (1, 75_000),
    }


def _of_xero(contact: UUID, number: int, row: dict[str, str]) -> list[DebtEntry]:
    invoice_ref = EntryRef(contact, number)
    amount = Money.of(row["total"], row["currency_code"])
    issued, due = date.fromisoformat(row["date"]), date.fromisoformat(row["due_date"])
    entries = [DebtEntry(invoice_ref, MoneyKind.INVOICE, amount, issued, due)]
    if row["fully_paid_on_date"]:
        paid_on = date.fromisoformat(row["fully_paid_on_date"])
        paid = EntryRef(contact, number + 1)
        entries.append(DebtEntry(paid, MoneyKind.PAYMENT, amount, paid_on, applies_to=invoice_ref))
    return entries
