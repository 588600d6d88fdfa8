"""The customer book: adding, finding, correcting and voiding."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.core.checks import MAX_TEXT
from custledger.core.records import ContactKind, ContactPoint, Customer, CustomerStatus
from custledger.errors import AmbiguousMatchError, BadInputError, NotFoundError
from custledger.pytest_plugin import Clock


def test_customer_is_read_back_as_recorded(ledger: Ledger) -> None:
    added = ledger.customers.add(
        " Ann  Müller ",
        status="prospect",
        joined_on=date(2024, 2, 29),
        email="Ann@Example.ORG",
        phone=["01 23 45 67 89", "+49 30 123456"],
        contact_points=[("social", "@ann"), (ContactKind.ADDRESS, "1 rue X")],
        source="shop",
        external_id="17",
        staff_note="prefers mail",
    )
    assert added == ledger.customers.get(added.id)
    assert added == Customer(
        id=added.id,
        name="Ann  Müller",
        status=CustomerStatus.PROSPECT,
        joined_on=date(2024, 2, 29),
        contact_points=(
            ContactPoint(ContactKind.EMAIL, "Ann@Example.ORG", "ann@example.org"),
            ContactPoint(ContactKind.PHONE, "01 23 45 67 89", "+33123456789"),
            ContactPoint(ContactKind.PHONE, "+49 30 123456", "+4930123456"),
            ContactPoint(ContactKind.SOCIAL, "@ann", "@ann"),
            ContactPoint(ContactKind.ADDRESS, "1 rue X", "1 rue x"),
        ),
        source="shop",
        external_id="17",
        staff_note="prefers mail",
    )


def test_customer_joined_today_in_the_ledgers_zone_by_default(ledger: Ledger, clock: Clock) -> None:
    clock.set(datetime.fromisoformat("2026-03-01T23:30:00+00:00"))  # half past midnight in Paris
    assert ledger.customers.add("Ann").joined_on == date(2026, 3, 2)


def test_customer_is_found_by_external_id_contact_point_name_and_part_of_it(
    ledger: Ledger,
) -> None:
    ann = ledger.customers.add(
        "Ann Miller",
        email="ann@example.org",
        phone="0123456789",
        contact_points=[("social", "@ann_m")],
        source="shop",
        external_id="s-17",
    )
    ledger.customers.add("Ben", email="ben@example.org", source="shop", external_id="s-18")
    exact = ["s-17", "ann@example.org", "+33 1 23 45 67 89", "01.23.45.67.89", "@Ann_M"]
    for text in (*exact, " ANN@example.org ", "Ann Miller", "ann  MILLER", "mill", "nn Mi"):
        assert ledger.customers.find(text) == [ann], text
        assert ledger.customers.get(text) == ann


def test_customer_is_found_by_record_id_and_text_of_the_id(ledger: Ledger, ann: Customer) -> None:
    for who in (ann, ann.id, str(ann.id), ann.id.hex, str(ann.id).upper()):
        assert ledger.customers.get(who) == ann
    assert ledger.customers.find(str(ann.id)) == [ann]


def test_customer_is_found_by_the_first_digits_of_the_id(ledger: Ledger, ann: Customer) -> None:
    ledger.customers.add("Ben")
    for digits in (8, 9, 12, 35):
        assert ledger.customers.find(str(ann.id)[:digits].upper()) == [ann]
    assert ledger.customers.find(str(ann.id)[:7]) == []


def test_external_id_that_is_a_uuid_finds_its_customer(ledger: Ledger) -> None:
    external = str(uuid4())
    ann = ledger.customers.add("Ann", source="shop", external_id=external)
    assert ledger.customers.get(external) == ann
    assert ledger.customers.find(external) == [ann]


def test_exact_match_goes_before_part_of_a_name(ledger: Ledger) -> None:
    ann = ledger.customers.add("Ann")
    ledger.customers.add("Ann Miller")
    assert ledger.customers.get("ann") == ann


def test_two_matches_are_ambiguous_and_the_message_names_them(ledger: Ledger) -> None:
    ledger.customers.add_many([{"name": "Ann Miller"}, {"name": "Ann Moss"}])
    with pytest.raises(AmbiguousMatchError, match=r"2 customers match 'ann': .*Ann M.*Use an id"):
        ledger.customers.get("ann")


def test_text_that_finds_nobody_is_not_found(ledger: Ledger, ann: Customer) -> None:
    for text in ("", "  ", "Zoe", "%", "_", "a\0b", "\ud800", "'; --", "*"):
        assert ledger.customers.find(text) == []
        with pytest.raises(NotFoundError):
            ledger.customers.get(text)


def test_unknown_id_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="voided"):
        ledger.customers.get(uuid4())


def test_id_of_a_member_of_staff_is_no_customer(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError):
        ledger.customers.get(ledger.staff.get("Sam").id)


def test_all_are_listed_in_the_order_they_were_added(ledger: Ledger) -> None:
    ids = ledger.customers.add_many([{"name": name} for name in "CAB"])
    assert [customer.id for customer in ledger.customers.all()] == ids
    assert [customer.name for customer in ledger.customers.all()] == ["C", "A", "B"]


def test_no_rows_add_nobody(ledger: Ledger) -> None:
    assert ledger.customers.add_many([]) == []


BAD = [
    ({"name": ""}, "name must not be empty"),
    ({"name": "   "}, "name must not be empty"),
    ({}, "name must not be empty"),
    ({"name": 5}, "name must be text"),
    ({"name": "a\0b"}, "NUL"),
    ({"name": "\ud800"}, "surrogate"),
    ({"name": "x" * (MAX_TEXT + 1)}, "100,001 characters"),
    ({"name": "A", "e_mail": "a@b"}, "Unknown: e_mail.*Known are: .*email"),
    ({"name": "A", "status": "gone"}, "'gone' is not a customerstatus.*prospect, active, former"),
    ({"name": "A", "joined_on": datetime(2026, 1, 1)}, "joined_on must be a date"),
    ({"name": "A", "joined_on": date(206, 1, 1)}, "year 206"),
    ({"name": "A", "source": "shop"}, "belong together"),
    ({"name": "A", "external_id": "1"}, "belong together"),
    ({"name": "A", "source": "shop", "external_id": "  "}, "belong together"),
    ({"name": "A", "contact_points": [("fax", "1")]}, "'fax' is not a contactkind"),
    ({"name": "A", "contact_points": ["a@b"]}, "pair such as"),
    ({"name": "A", "email": [5]}, "email must be text"),
    ({"name": "A", "source": "\ud800", "external_id": "1"}, "surrogate"),
]


def test_bad_fact_is_refused_and_nothing_of_the_batch_is_kept(ledger: Ledger) -> None:
    before = ledger.verify().entries
    for facts, message in BAD:
        with pytest.raises(BadInputError, match=message):
            ledger.customers.add_many([{"name": "Good"}, facts])
        assert ledger.customers.all() == []
    assert ledger.verify().entries == before


def test_empty_facts_of_an_export_are_left_out(ledger: Ledger) -> None:
    row = {"name": "A", "email": None, "phone": "", "source": "", "external_id": None}
    ledger.customers.add_many([{**row, "staff_note": None, "contact_points": None}])
    assert ledger.history(ledger.customers.all()[0])[0].facts == {"name": "A", "joined_day": 20458}


def test_longest_text_is_kept_whole(ledger: Ledger, ann: Customer) -> None:
    note = "é" * MAX_TEXT
    assert ledger.customers.correct(ann, staff_note=note, reason="r").staff_note == note


def test_same_external_id_twice_is_refused(ledger: Ledger) -> None:
    ledger.customers.add("Ann", source="shop", external_id="1")
    with pytest.raises(BadInputError, match=r"'1' of 'shop' is in the ledger already"):
        ledger.customers.add("Ann again", source="shop", external_id="1")
    rows = [{"name": n, "source": "till", "external_id": "2"} for n in "AB"]
    with pytest.raises(BadInputError, match="'2' of 'till'"):
        ledger.customers.add_many(rows)
    assert [customer.name for customer in ledger.customers.all()] == ["Ann"]


def test_same_external_id_of_another_source_is_another_customer(ledger: Ledger) -> None:
    for source in ("shop", "till"):
        ledger.customers.add(f"Ann of {source}", source=source, external_id="1")
    with pytest.raises(AmbiguousMatchError):
        ledger.customers.get("1")


def test_correction_keeps_the_other_facts_and_the_history(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    clock.advance(timedelta(days=9))
    married = ledger.customers.correct(ann, name="Ann Moss", reason="married")
    assert married.id == ann.id
    assert married.contact_points == ann.contact_points
    assert married.joined_on == ann.joined_on
    assert ledger.customers.find("Ann Miller") == []
    first, second = ledger.history(ann)
    assert (first.superseded_by, second.supersedes) == (2, 1)
    assert (first.facts["name"], second.facts["name"]) == ("Ann Miller", "Ann Moss")
    assert second.facts["reason"] == "married"
    assert second.recorded_at == clock()


def test_correction_of_a_contact_point_replaces_them_all(ledger: Ledger, ann: Customer) -> None:
    corrected = ledger.customers.correct(ann, email="ann@example.com", reason="moved")
    assert [point.value for point in corrected.contact_points] == ["ann@example.com"]
    assert ledger.customers.find("01 23 45 67 89") == []


def test_correction_takes_the_contact_points_of_the_record(ledger: Ledger, ann: Customer) -> None:
    points = [*ann.contact_points, ("social", "@ann")]
    corrected = ledger.customers.correct(ann, contact_points=points, reason="more")
    assert [p.value for p in corrected.contact_points][:2] == [p.value for p in ann.contact_points]
    assert len(corrected.contact_points) == 3


def test_customer_corrected_by_name_is_returned_under_the_new_one(ledger: Ledger) -> None:
    ledger.customers.add("Ann")
    assert ledger.customers.correct("Ann", name="Bea", reason="a typo").name == "Bea"


def test_correction_may_keep_its_external_id_but_not_take_another_ones(ledger: Ledger) -> None:
    ann = ledger.customers.add("Ann", source="shop", external_id="1")
    ledger.customers.add("Ben", source="shop", external_id="2")
    assert ledger.customers.correct(ann, name="Anne", reason="r").external_id == "1"
    with pytest.raises(BadInputError, match="'2' of 'shop'"):
        ledger.customers.correct(ann, external_id="2", reason="r")


def test_correction_and_void_need_a_reason(ledger: Ledger, ann: Customer) -> None:
    for reason in ("", "  "):
        with pytest.raises(BadInputError, match="reason must not be empty"):
            ledger.customers.correct(ann, name="B", reason=reason)
        with pytest.raises(BadInputError, match="reason must not be empty"):
            ledger.customers.void(ann, reason=reason)
    assert len(ledger.history(ann)) == 1


def test_voided_customer_is_gone_from_every_search_but_not_from_the_history(
    ledger: Ledger, ann: Customer
) -> None:
    ledger.customers.void(ann, reason="entered twice")
    assert ledger.customers.all() == []
    for text in ("Ann Miller", "ann@example.org", str(ann.id)):
        assert ledger.customers.find(text) == []
    for act in (ledger.customers.get, ledger.interactions.of, ledger.money.of):
        with pytest.raises(NotFoundError):
            act(ann)
    with pytest.raises(NotFoundError):
        ledger.customers.correct(ann, name="B", reason="r")
    with pytest.raises(NotFoundError):
        ledger.customers.void(ann, reason="again")
    assert [entry.kind for entry in ledger.history(ann.id)] == ["customer", "void"]


def test_external_id_is_free_again_after_a_void(ledger: Ledger) -> None:
    old = ledger.customers.add("Ann", source="shop", external_id="1")
    ledger.customers.void(old, reason="a test")
    new = ledger.customers.add("Ann", source="shop", external_id="1")
    assert new.id != old.id
    assert ledger.customers.get("1") == new


def test_ids_are_random_and_not_counted(ledger: Ledger) -> None:
    ids = ledger.customers.add_many([{"name": "A"}, {"name": "B"}])
    assert all(isinstance(i, UUID) and i.version == 4 for i in ids)


def test_customer_with_current_entries_is_not_voided(ledger: Ledger, ann: Customer) -> None:
    call = ledger.interactions.record(ann, channel="chat")
    sales = [ledger.money.record_sale(ann, amount=Money(1, "EUR")) for _ in range(2)]
    note = ledger.evidence.attach(ann, text="x")
    with pytest.raises(
        BadInputError,
        match="still has 1 interaction, 2 money entries and 1 piece of evidence",
    ):
        ledger.customers.void(ann, reason="entered twice")
    assert ledger.customers.get(ann) == ann
    assert len(ledger.history(ann)) == 5
    ledger.interactions.void(call, reason="r")
    ledger.evidence.void(note, reason="r")
    for sale in sales:
        with pytest.raises(BadInputError, match="money entr"):
            ledger.customers.void(ann, reason="entered twice")
        ledger.money.void(sale, reason="r")
    ledger.customers.void(ann, reason="entered twice")
    assert ledger.customers.all() == []


@pytest.mark.parametrize("first", ["void", "sale"])
def test_void_and_an_entry_at_the_same_moment_leave_no_orphan(
    postgres_url: str, first: str
) -> None:
    with open_ledger(postgres_url, actor="Olga") as one:
        ann = one.customers.add("Ann")
        acts: dict[str, Callable[[Ledger], Any]] = {
            "void": lambda ledger: ledger.customers.void(ann.id, reason="r"),
            "sale": lambda ledger: ledger.money.record_sale(ann.id, amount=Money(1, "EUR")),
        }
        (second,) = acts.keys() - {first}
        outcome: list[object] = []

        def work() -> None:
            with open_ledger(postgres_url, actor="Olga") as two:
                try:
                    acts[second](two)
                except Exception as error:
                    outcome.append(error)

        with one.transaction():
            acts[first](one)
            thread = threading.Thread(target=work)
            thread.start()
            thread.join(1)  # it has found Ann, and waits for her chain
            assert thread.is_alive()
        thread.join()
        expected = NotFoundError if first == "void" else BadInputError
        assert [type(error) for error in outcome] == [expected], outcome
        assert [entry.kind for entry in one.history(ann.id)] == ["customer", first]
        assert one.verify().ok


def test_correction_names_a_fact(ledger: Ledger, ann: Customer) -> None:
    with pytest.raises(BadInputError, match="Nothing to correct"):
        ledger.customers.correct(ann, reason="r")
    with pytest.raises(BadInputError, match="cannot change the customer"):
        ledger.customers.correct(ann, customer=ann, reason="r")  # type: ignore[call-arg]
    assert ledger.customers.get(ann) == ann
