"""The import book: batches that are resumed, finished, and taken back as a whole."""

from __future__ import annotations

import pytest

from custledger import EntryRef, Ledger, Money
from custledger.core.records import Customer, EntryKind, ImportBatch
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import START
from custledger.storage.events import append_event

EURO = Money(100, "EUR")


def start(ledger: Ledger, fingerprint: str = "a" * 64) -> ImportBatch:
    return ledger.imports.start(source="till", file_name="till.csv", fingerprint=fingerprint)


def take_in(ledger: Ledger, batch: ImportBatch, name: str = "Bo") -> Customer:
    with ledger.imports.writing(batch):
        customer = ledger.customers.add(name, source="till", external_id=name)
        ledger.money.record_sale(customer, amount=EURO, source="till", external_id=name)
        ledger.interactions.record(customer, channel="chat")
        ledger.evidence.attach(customer, text="x")
    return customer


def test_batch_is_started_filled_and_finished(ledger: Ledger) -> None:
    batch = start(ledger)
    assert (batch.number, batch.status, batch.entries) == (1, "started", 0)
    bo = take_in(ledger, batch)
    done = ledger.imports.finish(batch, counts={"money": 1})
    assert done == ImportBatch(batch.id, 1, "till", "till.csv", START, "finished", 4)
    assert ledger.imports.all() == [done]
    assert {entry.batch_id for entry in ledger.history(bo)} == {batch.id}


def test_what_is_written_outside_belongs_to_no_batch(ledger: Ledger, ann: Customer) -> None:
    batch = start(ledger)
    with pytest.raises(ZeroDivisionError), ledger.imports.writing(batch):
        raise ZeroDivisionError
    ledger.interactions.record(ann, channel="chat")
    assert {entry.batch_id for entry in ledger.history(ann)} == {None}


def test_unfinished_batch_of_the_same_file_is_resumed(ledger: Ledger) -> None:
    first = start(ledger)
    assert start(ledger).id == first.id
    assert start(ledger, "b" * 64).number == 2
    ledger.imports.finish(first, counts={})
    assert start(ledger).number == 3


def test_batch_is_finished_once_and_not_after_it_was_undone(ledger: Ledger) -> None:
    batch = start(ledger)
    ledger.imports.finish(batch, counts={})
    with pytest.raises(BadInputError, match="Import 1 is finished"):
        ledger.imports.finish(batch, counts={})
    ledger.imports.undo(1, reason="r")
    with pytest.raises(BadInputError, match="Import 1 is undone"):
        ledger.imports.finish(batch, counts={})


def test_undo_voids_everything_that_came_in(ledger: Ledger) -> None:
    batch = start(ledger)
    bo = take_in(ledger, batch)
    ledger.imports.finish(batch, counts={})
    assert ledger.imports.undo(1, reason="the wrong file").status == "undone"
    assert ledger.customers.all() == []
    chain = ledger.history(bo.id)
    assert len(chain) == 8
    assert all(entry.superseded_by for entry in chain[:4])
    assert {entry.facts.get("reason") for entry in chain[4:]} == {"the wrong file"}
    take_in(ledger, start(ledger))  # the same file can be imported again


def test_undo_of_an_unfinished_import_works_too(ledger: Ledger) -> None:
    take_in(ledger, start(ledger))
    assert ledger.imports.undo(1, reason="r").status == "undone"
    assert ledger.customers.all() == []


def test_undo_takes_corrections_with_it_and_leaves_voids(ledger: Ledger) -> None:
    bo = take_in(ledger, start(ledger))
    (sale,) = ledger.money.of(bo)
    (chat,) = ledger.interactions.of(bo)
    ledger.money.correct(sale, amount=Money(5, "EUR"), reason="r")
    ledger.interactions.void(chat, reason="r")
    ledger.customers.correct(bo, name="Bob", reason="r")
    ledger.imports.undo(1, reason="r")
    assert ledger.customers.all() == []
    with pytest.raises(NotFoundError):
        ledger.money.get(EntryRef(bo.id, sale.id.seq))


def test_undo_keeps_a_customer_with_something_of_their_own(ledger: Ledger) -> None:
    bo = take_in(ledger, start(ledger))
    mine = ledger.interactions.record(bo, channel="phone")
    ledger.imports.undo(1, reason="r")
    assert ledger.customers.get("Bo") == bo
    assert ledger.money.of(bo) == []
    assert ledger.interactions.of(bo) == [mine]


def test_undo_keeps_customers_with_a_case_or_another_name_and_takes_the_rest(
    ledger: Ledger, ann: Customer
) -> None:
    batch = start(ledger)
    with ledger.imports.writing(batch):
        added = {
            name: ledger.customers.add(name, source="till", external_id=name)
            for name in ("Cases", "Duplicate", "Head", "Flagged", "Nothing")
        }
    ledger.imports.finish(batch, counts={})
    ledger.praise.record(added["Cases"], words="Good bread.", channel="visit")
    ledger.matches.merge(added["Duplicate"], into=ann, reason="she told us")
    ledger.matches.merge(ledger.customers.add("Bo"), into=added["Head"], reason="he told us")
    figures = dict.fromkeys(("score", "score_low", "score_high"), "60.000000")
    body = {"event": "raised", "mark": "cost", "as_of_day": 20_000, "policy_version": 1, **figures}
    with ledger.context.write() as journal:
        append_event(journal, journal.key_of(added["Flagged"].id), EntryKind.FLAG, body)
    ledger.imports.undo(1, reason="the wrong file")
    left = {customer.name for customer in ledger.customers.all()}
    assert left == {"Ann Miller", "Bo", "Cases", "Duplicate", "Head"}
    assert ledger.verify().ok


def test_undo_leaves_other_imports_alone(ledger: Ledger) -> None:
    take_in(ledger, start(ledger), "Bo")
    other = take_in(ledger, start(ledger, "b" * 64), "Cy")
    ledger.imports.undo(1, reason="r")
    assert ledger.customers.all() == [other]
    assert len(ledger.money.of(other)) == 1


def test_undo_happens_once_has_a_reason_and_a_number(ledger: Ledger) -> None:
    start(ledger)
    for reason, words in ((" ", "reason must not be empty"), (5, "reason must be text")):
        with pytest.raises(BadInputError, match=words):
            ledger.imports.undo(1, reason=reason)  # type: ignore[arg-type]
    ledger.imports.undo(1, reason="r")
    with pytest.raises(BadInputError, match="undone already"):
        ledger.imports.undo(1, reason="r")
    for act in (lambda: ledger.imports.undo(9, reason="r"), lambda: ledger.imports.get(9)):
        with pytest.raises(NotFoundError, match="no import 9"):
            act()


def test_import_is_named_by_its_number(ledger: Ledger) -> None:
    start(ledger)
    for number in ("1", None, True, 1.0):
        for act in (ledger.imports.get, lambda n: ledger.imports.undo(n, reason="r")):
            with pytest.raises(BadInputError, match="named by its number, such as 1"):
                act(number)  # type: ignore[arg-type]
    for number in (0, -1, 2**31, 2**70):
        with pytest.raises(NotFoundError, match="There is no import"):
            ledger.imports.get(number)


def test_batch_starts_with_texts(ledger: Ledger) -> None:
    facts = {"source": "till", "file_name": "till.csv", "fingerprint": "a"}
    for name in facts:
        with pytest.raises(BadInputError, match=f"{name} must be text"):
            ledger.imports.start(**(facts | {name: 5}))  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="fingerprint must not be empty"):
        ledger.imports.start(**(facts | {"fingerprint": ""}))
    assert ledger.imports.all() == []
