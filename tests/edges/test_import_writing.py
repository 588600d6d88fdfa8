"""Imports into a ledger: nothing twice, nothing lost, and a way back."""

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import custledger
from custledger.core.money import Money
from custledger.core.records import EntryKind, MoneyKind
from custledger.edges.importing import ImportReport, import_csv, load_mapping, undo_import
from custledger.edges.importing.parsing import parse_mapping
from custledger.errors import BadInputError, ImportFileError
from custledger.ledger import Ledger
from tests.edges.import_help import SALES, canonical, write

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
EXTRACT = Path(custledger.__file__).parent / "data" / "online_retail_extract.csv.gz"
MONEY = "external_id,customer,kind,amount,currency,occurred_at,due_on,applies_to\n"
CALLS = "external_id,customer,channel,occurred_at,handling_minutes,staff\n"

Import = Callable[..., ImportReport]


@pytest.fixture
def ledger(location: str) -> Iterator[Ledger]:
    with custledger.open_ledger(location, actor="Olga", now=lambda: NOON) as opened:
        yield opened


@pytest.fixture
def take(ledger: Ledger, tmp_path: Path) -> Import:
    def take(content: str, mapping: str | None = None, **options: Any) -> ImportReport:
        path = write(tmp_path, content)
        parsed = None if mapping is None else parse_mapping(mapping)
        return import_csv(ledger, path, mapping=parsed, **options)

    return take


def test_the_shipped_extract_gives_the_sums_of_its_own_lines(ledger: Ledger) -> None:
    report = import_csv(ledger, EXTRACT, mapping="online_retail")
    lines = gzip.decompress(EXTRACT.read_bytes()).decode().splitlines()
    assert report.rows == len(lines) - 1
    assert report.customers_added == len(ledger.customers.all()) == 60
    assert {s.kind: s.entries for s in report.sums} == report.added
    assert report.skipped == {"no customer": sum(",," in line for line in lines)}
    kinds = {EntryKind.SALE: MoneyKind.SALE, EntryKind.REFUND: MoneyKind.REFUND}
    for total in report.sums:
        amounts = [
            entry.amount.amount
            for customer in ledger.customers.all()
            for entry in ledger.money.of(customer)
            if entry.kind is kinds[total.kind]
        ]
        assert sum(amounts) == total.rounded == total.exact + total.rounding
    assert not ledger.verify().findings


def test_importing_twice_adds_nothing_not_even_a_batch(ledger: Ledger) -> None:
    import_csv(ledger, EXTRACT, mapping="online_retail")
    before, batches = canonical(ledger), ledger.imports.all()
    again = import_csv(ledger, EXTRACT, mapping="online_retail")
    assert again.entries_added == again.customers_added == again.differing == 0
    assert again.unchanged == batches[0].entries - 60
    assert again.batch is None
    assert (canonical(ledger), ledger.imports.all()) == (before, batches)


def test_an_undone_import_leaves_the_ledger_as_before_and_can_be_repeated(
    ledger: Ledger, take: Import
) -> None:
    ann = ledger.customers.add("Ann", source="custledger", external_id="A")
    text = MONEY + "1,A,sale,5.00,EUR,2026-01-31,,\n2,B,sale,6.00,EUR,2026-01-31,,\n"
    first = take(text)
    assert first.batch == 1
    assert undo_import(ledger, 1, reason="the wrong year").status == "undone"
    assert ledger.customers.all() == [ann]
    assert ledger.money.of(ann) == []
    assert [entry.kind for entry in ledger.history(ann)] == ["customer", "sale", "void"]
    again = take(text)
    assert (again.entries_added, again.customers_added, again.batch) == (2, 1, 2)
    assert not ledger.verify().findings


def test_a_customer_with_later_entries_survives_the_undoing(ledger: Ledger, take: Import) -> None:
    take(MONEY + "1,B,sale,6.00,EUR,2026-01-31,,\n")
    ledger.money.record_sale("B", amount=Money(100, "EUR"))
    undo_import(ledger, 1, reason="test")
    assert [entry.amount.minor for entry in ledger.money.of("B")] == [100]


def test_what_was_voided_by_hand_is_not_brought_back(ledger: Ledger, take: Import) -> None:
    text = MONEY + "1,A,sale,5.00,EUR,2026-01-31,,\n2,A,sale,6.00,EUR,2026-01-31,,\n"
    take(text)
    ledger.money.void(ledger.money.of("A")[0], reason="entered twice")
    again = take(text)
    assert (again.entries_added, again.unchanged, again.differing) == (0, 1, 1)
    assert [(d.line, d.external_id, d.facts) for d in again.differences] == [(2, "1", ("voided",))]
    assert [entry.amount.minor for entry in ledger.money.of("A")] == [600]
    ledger.rebuild()
    assert take(text).differing == 1
    assert ledger.verify().ok


def test_what_differs_from_the_ledger_is_told_and_left_as_it_was(
    ledger: Ledger, take: Import
) -> None:
    take(MONEY + "1,A,sale,5.00,EUR,2026-01-31,,\n2,A,sale,6.00,EUR,2026-01-31,,\n")
    report = take(
        MONEY
        + "1,A,sale,5.00,EUR,2026-01-31,,\n"
        + "2,B,refund,7.00,EUR,2026-02-01,,\n"
        + "3,A,sale,1.00,EUR,2026-01-31,,\n"
        + "3,A,sale,1.00,EUR,2026-01-31,,\n"
        + "3,A,sale,2.00,EUR,2026-01-31,,\n"
    )
    assert (report.entries_added, report.unchanged, report.differing) == (1, 2, 2)
    assert [(d.line, d.external_id, d.facts) for d in report.differences] == [
        (3, "2", ("amount", "customer", "kind", "occurred_at")),
        (6, "3", ("amount",)),
    ]
    assert sum(entry.amount.minor for entry in ledger.money.of("A")) == 1200
    assert [customer.external_id for customer in ledger.customers.all()] == ["A"]


def test_strict_imports_nothing_if_one_row_is_rejected(
    ledger: Ledger, take: Import, tmp_path: Path
) -> None:
    before = canonical(ledger)
    report = take(
        MONEY + "1,A,sale,5.00,EUR,2026-01-31,,\n2,A,sale,x,EUR,2026-01-31,,\n", strict=True
    )
    assert not report.written
    assert (report.entries_added, report.customers_added, report.rejected) == (0, 0, 1)
    assert report.rejects_file == tmp_path / "file.csv.rejects.csv"
    assert canonical(ledger) == before
    assert not ledger.customers.all()
    assert not ledger.imports.all()
    clean = take(MONEY + "1,A,sale,5.00,EUR,2026-01-31,,\n", strict=True)
    assert (clean.written, clean.entries_added) == (True, 1)


def test_rejects_can_be_corrected_in_their_file_and_imported_from_it(
    ledger: Ledger, take: Import, tmp_path: Path
) -> None:
    report = take(MONEY + "1,A,sale,x,EUR,2026-01-31,,\n2,A,sale,6.00,EUR,2026-01-31,,\n")
    assert report.rejects_file is not None
    text = report.rejects_file.read_text("utf-8")
    assert text.splitlines()[0] == "line,reason," + MONEY.strip()
    report.rejects_file.write_text(text.replace(",x,", ",5.00,"), "utf-8")
    corrected = import_csv(ledger, report.rejects_file)
    assert (corrected.entries_added, corrected.rejected) == (1, 0)
    again = take(MONEY + "1,A,sale,y,EUR,2026-01-31,,\n")
    assert again.rejects_file == tmp_path / "file.csv.rejects.2.csv"


def test_a_place_for_rejects_that_cannot_be_written_is_refused_first(
    ledger: Ledger, take: Import, tmp_path: Path
) -> None:
    with pytest.raises(ImportFileError, match="cannot be written"):
        take(MONEY + "1,A,sale,x,EUR,2026-01-31,,\n", rejects=tmp_path / "nowhere" / "rejects.csv")
    assert not ledger.customers.all()


def test_a_rejected_row_leaves_no_customer_behind(ledger: Ledger, take: Import) -> None:
    report = take(MONEY + "1,A,payment,5.00,EUR,2026-01-31,,9\n2,B,sale,5.00,EUR,2026-01-31,,\n")
    assert [(r.line, "is no current invoice or sale" in r.reason) for r in report.rejections] == [
        (2, True)
    ]
    assert [customer.external_id for customer in ledger.customers.all()] == ["B"]


def test_payments_find_their_invoice_in_the_same_file_and_of_the_same_customer(
    ledger: Ledger, take: Import
) -> None:
    report = take(
        MONEY
        + "P,A,payment,5.00,EUR,2026-02-01,,I\n"
        + "I,A,invoice,5.00,EUR,2026-01-31,2026-02-28,\n"
        + "Q,B,payment,5.00,EUR,2026-02-01,,I\n"
    )
    assert [r.reason.split(". ")[0] for r in report.rejections] == [
        "applies_to: 'I' is an entry of another customer"
    ]
    invoice, payment = ledger.money.of("A")
    assert payment.applies_to == invoice.id
    assert invoice.due_on == date(2026, 2, 28)


def test_staff_are_found_by_name_or_registered_as_agents(ledger: Ledger, take: Import) -> None:
    ledger.staff.set_rate(Money(6000, "EUR"), staff="Olga", effective_on=date(2020, 1, 1))
    report = take(
        CALLS + "1,A,phone,2026-01-31,10,Olga\n2,A,phone,2026-01-31,,Bo\n3,A,phone,2026-01-31,5,\n"
    )
    assert report.staff_added == 1
    assert [(s.name, s.role) for s in ledger.staff.all()] == [("Olga", "owner"), ("Bo", "agent")]
    rates = {i.external_id: i.hourly_rate for i in ledger.interactions.of("A")}
    assert rates == {"1": Money(6000, "EUR"), "2": None, "3": None}


def test_a_later_raise_does_not_make_imported_interactions_differ(
    ledger: Ledger, take: Import
) -> None:
    text = CALLS + "1,A,phone,2026-01-31,10,Olga\n"
    take(text)
    ledger.staff.set_rate(Money(9000, "EUR"), effective_on=date(2020, 1, 1))
    assert (take(text).unchanged, take(text).differing) == (1, 0)


def test_customers_that_must_exist_are_not_made_up(ledger: Ledger, take: Import) -> None:
    mapping = SALES.replace("[customer]\n", "[customer]\ncreate = false\n").replace(
        'joined_on = "first_seen"\n', ""
    )
    text = "invoice,customer,day,quantity,price\n1,A,2026-01-31,1,5\n2,B,2026-01-31,1,6\n"
    ledger.customers.add("Ann", source="shop", external_id="A")
    report = take(text, mapping)
    assert report.entries_added == 1
    assert "is not in the ledger. Import the customers first" in report.rejections[0].reason


def test_customers_are_imported_with_their_contact_points(ledger: Ledger, take: Import) -> None:
    header = "external_id,name,joined_on,status,email,phone,staff_note\n"
    text = (
        header + "1,Ann,2024-01-31,former,Ann@Example.org,+33123456789,x\n2,Bo,,,,,\n2,Bob,,,,,\n"
    )
    report = take(text)
    assert (report.customers_added, report.differing) == (2, 1)
    ann, bo = ledger.customers.all()
    assert ledger.customers.find("ann@example.org") == [ann]
    assert (ann.joined_on, ann.status, ann.staff_note) == (date(2024, 1, 31), "former", "x")
    assert (bo.name, bo.joined_on) == ("Bo", NOON.date())
    assert take(text).customers_added == 0


def test_known_at_follows_the_mapping(ledger: Ledger, take: Import) -> None:
    text = "invoice,customer,day,quantity,price\n1,A,2026-01-31,1,5\n"
    take(text, SALES)
    take(text, SALES.replace('source = "shop"', 'source = "other"') + 'known_at = "occurred_at"\n')
    (now,), (then,) = (ledger.money.of(customer) for customer in ledger.customers.all())
    assert (now.known_at, then.known_at) == (NOON, datetime(2026, 1, 31, tzinfo=UTC))


def test_a_file_that_is_refused_changes_nothing(ledger: Ledger, take: Import) -> None:
    before = canonical(ledger)
    for text in (
        "",
        MONEY,
        "a,b\n1,2\n",
        MONEY.replace("due_on", "amount") + "1,A,sale,5,EUR,x,,\n",
    ):
        with pytest.raises(BadInputError):
            take(text)
    assert canonical(ledger) == before


def test_progress_is_told_in_bytes(ledger: Ledger) -> None:
    told: list[tuple[int, int]] = []
    mapping = load_mapping("online_retail")
    import_csv(ledger, EXTRACT, mapping=mapping, progress=lambda *both: told.append(both))
    assert told == sorted(told)
    assert all(done <= total == EXTRACT.stat().st_size for done, total in told)
    assert told[-1] == (EXTRACT.stat().st_size, EXTRACT.stat().st_size)


def test_one_name_in_several_spellings_is_one_member_of_staff(ledger: Ledger, take: Import) -> None:
    report = take(
        CALLS
        + "1,A,phone,2026-01-31,10,Sam\n2,A,phone,2026-01-31,10,sam\n"
        + "3,A,phone,2026-01-31,10, SAM \n4,A,phone,2026-01-31,10,OLGA\n"
    )
    assert report.staff_added == 1
    assert [s.name for s in ledger.staff.all()] == ["Olga", "Sam"]
    ids = [i.staff_id for i in ledger.interactions.of("A")]
    assert (len(set(ids)), len(set(ids[:3])), ids[3]) == (2, 1, ledger.actor.id)
    more = take(CALLS + "5,A,phone,2026-01-31,10,sAm\n")
    assert (more.staff_added, more.entries_added) == (0, 1)


def test_customer_voided_by_hand_is_not_brought_back_by_their_records(
    ledger: Ledger, take: Import
) -> None:
    text = MONEY + "1,A,sale,5.00,EUR,2026-01-31,,\n2,B,sale,6.00,EUR,2026-01-31,,\n"
    take(text)
    ledger.money.void(ledger.money.of("A")[0], reason="a test")
    ledger.customers.void("A", reason="a test")
    more = text + "3,A,sale,7.00,EUR,2026-02-01,,\n"
    again = take(more)
    assert (again.entries_added, again.customers_added, again.unchanged) == (0, 0, 1)
    assert [(d.external_id, d.facts) for d in again.differences] == [("1", ("voided",))]
    assert [(r.line, r.reason) for r in again.rejections] == [
        (
            4,
            "Customer 'A' of 'custledger' was voided by hand. Leave the row out, or add the "
            "customer again by hand under this source and external id.",
        )
    ]
    assert [customer.external_id for customer in ledger.customers.all()] == ["B"]
    ledger.customers.add("Ann", source="custledger", external_id="A")
    assert (take(more).entries_added, take(more).rejected) == (1, 0)
    assert ledger.verify().ok
