"""Entries and payloads edited, deleted, swapped, moved and inserted by plain SQL, guards removed.

By someone who calculates at most one hash anew; the design's own list of attacks, by those who
calculate more, is in ``test_thirty_entries`` and its neighbours.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from custledger import EntryRef, Ledger, Money, open_ledger
from custledger.core.canonical import canonical_bytes
from custledger.core.trail.findings import FindingCode
from tests.attacker import (
    ENTRY,
    IDENTITY,
    PAYLOAD,
    TABLES,
    Attacker,
    assert_found,
    codes,
    found_in,
    refs,
    rehash,
)
from tests.storage.attacks.forger import delete_customer


def test_deleted_row_of_every_table_is_found(
    story: Ledger, attacker: Attacker, pinned: dict[str, Any]
) -> None:
    unnoticed = []
    for table in TABLES:
        for key in attacker.keys(table)[::-1][:3]:
            row, ref = attacker.row(table, key), attacker.entry_named(table, key)
            attacker.delete(table, key)
            findings = found_in(story, **pinned)
            attacker.insert(table, row)
            if not findings or (ref and table is not ENTRY and ref not in refs(findings)):
                unnoticed.append((table.name, key))
    # The newest entry of a chain, cut off with its payload, is what a checkpoint is for; without
    # its payload, that one is left over and found. That something was published can be told by
    # nobody but who has it.
    assert {table for table, _ in unnoticed} <= {"custledger_anchor"}


def test_edited_payload_is_found(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "ca suffit", "ça suffit")
    body = attacker.cell(PAYLOAD, "body", key)
    attacker.write(PAYLOAD, "body", key, body.replace("ça suffit".encode(), b"merci"))
    assert_found(story, FindingCode.ENTRY_ALTERED, attacker.ref_of(key[0]))


def test_two_entries_of_a_chain_with_their_keys_swapped_are_found(
    story: Ledger, attacker: Attacker
) -> None:
    """Keys are in no hash, but of two exchange rates of a day the one with the later key counts."""
    story.exchange_rates.set("CHF", "2.0")
    story.exchange_rates.set("CHF", "0.5")
    first, second = (
        attacker.value(f"SELECT {which}(id) FROM custledger_exchange_rate WHERE currency = 'CHF'")
        for which in ("min", "max")
    )
    for table, column in (("entry", "id"), ("payload", "entry_id"), ("exchange_rate", "id")):
        for now, then in ((first, -1), (second, first), (-1, second)):
            change = f"UPDATE custledger_{table} SET {column} = ? WHERE {column} = ?"
            attacker.run(change, then, now)
    findings = found_in(story)
    assert [finding.code for finding in findings] == [FindingCode.ENTRY_ALTERED]
    assert "out of order" in findings[0].message


def test_payload_edited_together_with_its_salt_is_found(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "ça suffit")
    attacker.write(PAYLOAD, "body", key, canonical_bytes({"channel": "chat"}))
    attacker.write(PAYLOAD, "salt", key, b"s" * 32)
    assert FindingCode.ENTRY_ALTERED in codes(story)
    assert attacker.ref_of(key[0]) in refs(found_in(story))


@pytest.mark.parametrize("change", [(b",", b", "), (b"{", b" {"), (b"}", b"}\n")])
def test_white_space_alone_is_found(
    story: Ledger, attacker: Attacker, change: tuple[bytes, bytes]
) -> None:
    key = body_of(attacker, "ça suffit")
    body = attacker.cell(PAYLOAD, "body", key)
    attacker.write(PAYLOAD, "body", key, body.replace(*change, 1))
    assert attacker.ref_of(key[0]) in refs(found_in(story))


def test_payload_that_is_nested_without_end_is_a_finding(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "ça suffit")
    attacker.write(PAYLOAD, "body", key, b'{"a":' + b"[" * 90_000)
    assert attacker.ref_of(key[0]) in refs(found_in(story))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"name":5}', b'{"channel":[]}', b""])
def test_payload_of_another_shape_is_a_finding(
    story: Ledger, attacker: Attacker, body: bytes
) -> None:
    for key in attacker.keys(PAYLOAD)[:: 1 if attacker.on_sqlite else 6]:
        old = attacker.cell(PAYLOAD, "body", key)
        attacker.write(PAYLOAD, "body", key, body)
        if body != old:
            assert attacker.ref_of(key[0]) in refs(found_in(story))
        attacker.write(PAYLOAD, "body", key, old)


def test_recorded_time_moved_by_a_microsecond_is_found(story: Ledger, attacker: Attacker) -> None:
    key = attacker.keys(ENTRY)[-1]
    attacker.write(ENTRY, "recorded_at", key, attacker.cell(ENTRY, "recorded_at", key) - 1)
    assert_found(story, FindingCode.ENTRY_ALTERED, attacker.ref_of(key[0]))


def test_kind_edited_to_another_kind_is_found(story: Ledger, attacker: Attacker) -> None:
    key = entry_of_kind(attacker, 12)  # a payment
    attacker.write(ENTRY, "kind", key, 16)  # a concession, which never counts
    assert attacker.ref_of(key[0]) in refs(found_in(story))


def test_hash_edited_alone_is_found_at_that_entry_and_at_the_next(
    story: Ledger, attacker: Attacker
) -> None:
    key = entry_of_kind(attacker, 9)
    ref = attacker.ref_of(key[0])
    attacker.write(ENTRY, "hash", key, b"h" * 32)
    assert {ref, EntryRef(ref.subject, ref.seq + 1)} <= set(refs(found_in(story)))


def test_header_edited_with_its_own_hash_is_found_at_the_next_entry(
    story: Ledger, attacker: Attacker
) -> None:
    key = entry_of_kind(attacker, 9)
    ref = attacker.ref_of(key[0])
    attacker.write(ENTRY, "recorded_at", key, attacker.cell(ENTRY, "recorded_at", key) - 1)
    rehash(attacker, key[0])
    assert refs(found_in(story)) == [EntryRef(ref.subject, ref.seq + 1)]


def test_middle_entry_deleted_is_found(story: Ledger, attacker: Attacker) -> None:
    key = middle_entry(attacker)
    ref = attacker.ref_of(key[0])
    attacker.run("DELETE FROM custledger_payload WHERE entry_id = ?", key[0])
    attacker.delete(ENTRY, key)
    assert_found(story, FindingCode.CHAIN_GAP, ref)


def test_middle_entry_deleted_and_the_rest_renumbered_is_found(
    story: Ledger, attacker: Attacker
) -> None:
    key = middle_entry(attacker)
    subject, seq = attacker.cell(ENTRY, "subject_id", key), attacker.cell(ENTRY, "seq", key)
    ref = attacker.ref_of(key[0])
    attacker.run("DELETE FROM custledger_payload WHERE entry_id = ?", key[0])
    attacker.delete(ENTRY, key)
    later = "SELECT id FROM custledger_entry WHERE subject_id = ? AND seq > ? ORDER BY seq"
    for (entry,) in attacker.run(later, subject, seq):
        attacker.run("UPDATE custledger_entry SET seq = seq - 1 WHERE id = ?", entry)
    assert_found(story, FindingCode.ENTRY_ALTERED, ref)


def test_payload_deleted_is_found(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "ça suffit")
    attacker.delete(PAYLOAD, key)
    assert_found(story, FindingCode.PAYLOAD_MISSING, attacker.ref_of(key[0]))


def test_staff_only_part_deleted_is_found(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "was upset")
    attacker.delete(PAYLOAD, key)
    assert_found(story, FindingCode.ENTRY_ALTERED, attacker.ref_of(key[0]))


def test_staff_only_part_added_is_found(story: Ledger, attacker: Attacker) -> None:
    key = body_of(attacker, "a typo")
    attacker.insert(PAYLOAD, (key[0], 1, b"s" * 32, b'{"staff_note":"x"}', None))
    assert_found(story, FindingCode.ENTRY_ALTERED, attacker.ref_of(key[0]))


@pytest.mark.parametrize("entry_id", ["an entry", "none"])
def test_payload_that_belongs_to_no_entry_is_found(
    story: Ledger, attacker: Attacker, entry_id: str
) -> None:
    entry = attacker.keys(ENTRY)[-1][0] + (0 if entry_id == "an entry" else 1)
    attacker.insert(PAYLOAD, (entry, 7, b"s" * 32, b"{}", None))
    assert codes(story) == [FindingCode.PAYLOAD_EXTRA]


def test_two_entries_swapped_are_found(story: Ledger, attacker: Attacker) -> None:
    one, two = neighbours(attacker)
    refs_before = {attacker.ref_of(one), attacker.ref_of(two)}
    swap = "UPDATE custledger_entry SET seq = ? WHERE id = ?"
    seqs = [attacker.cell(ENTRY, "seq", (key,)) for key in (one, two)]
    for seq, key in ((9999, one), (seqs[0], two), (seqs[1], one)):
        attacker.run(swap, seq, key)
    assert refs_before <= set(refs(found_in(story)))


def test_payloads_of_two_entries_swapped_are_found(story: Ledger, attacker: Attacker) -> None:
    one, two = neighbours(attacker)
    swap = "UPDATE custledger_payload SET entry_id = ? WHERE entry_id = ?"
    for new, old in ((9999, one), (one, two), (two, 9999)):
        attacker.run(swap, new, old)
    assert {attacker.ref_of(one), attacker.ref_of(two)} <= set(refs(found_in(story)))


def test_entry_moved_to_the_end_of_another_customers_chain_is_found(
    story: Ledger, attacker: Attacker
) -> None:
    key = entry_of_kind(attacker, 10)  # Ann's invoice
    ref = attacker.ref_of(key[0])
    ben = attacker.value("SELECT id FROM custledger_customer WHERE name LIKE 'Ben%'")
    end = "SELECT max(seq) + 1 FROM custledger_entry WHERE subject_id = ?"
    attacker.run(
        "UPDATE custledger_entry SET subject_id = ?, seq = ? WHERE id = ?",
        ben,
        attacker.value(end, ben),
        key[0],
    )
    assert_found(story, FindingCode.CHAIN_GAP, ref)
    assert_found(story, FindingCode.ENTRY_ALTERED, attacker.ref_of(key[0]))


def test_middle_entry_inserted_without_new_hashes_is_found(
    story: Ledger, attacker: Attacker
) -> None:
    key = middle_entry(attacker)
    row = list(attacker.row(ENTRY, key))
    ref = attacker.ref_of(key[0])
    later = "SELECT id FROM custledger_entry WHERE subject_id = ? AND seq >= ? ORDER BY seq DESC"
    for (entry,) in attacker.run(later, row[1], row[2]):
        attacker.run("UPDATE custledger_entry SET seq = seq + 1 WHERE id = ?", entry)
    row[0], row[9] = 9999, b"h" * 32
    attacker.insert(ENTRY, row)
    attacker.insert(PAYLOAD, (9999, 0, b"s" * 32, b'{"amount":[1,"EUR"],"due_day":1}', None))
    assert_found(story, FindingCode.ENTRY_ALTERED, ref)
    assert EntryRef(ref.subject, ref.seq + 1) in refs(found_in(story))


def test_middle_entry_inserted_with_its_own_hash_is_found_at_the_next(
    story: Ledger, attacker: Attacker
) -> None:
    key = middle_entry(attacker)
    row = list(attacker.row(ENTRY, key))
    ref = attacker.ref_of(key[0])
    later = "SELECT id FROM custledger_entry WHERE subject_id = ? AND seq >= ? ORDER BY seq DESC"
    for (entry,) in attacker.run(later, row[1], row[2]):
        attacker.run("UPDATE custledger_entry SET seq = seq + 1 WHERE id = ?", entry)
    attacker.insert(ENTRY, [9999, *row[1:]])
    attacker.insert(PAYLOAD, (9999, 0, b"s" * 32, b'{"amount":[1,"EUR"],"due_day":1}', None))
    rehash(attacker, 9999)
    assert EntryRef(ref.subject, ref.seq + 1) in refs(found_in(story))


def test_correction_turned_into_an_entry_of_its_own_is_found(
    story: Ledger, attacker: Attacker
) -> None:
    entry = attacker.value("SELECT max(id) FROM custledger_entry WHERE supersedes IS NOT NULL")
    attacker.run("UPDATE custledger_entry SET supersedes = NULL WHERE id = ?", entry)
    assert attacker.ref_of(entry) in refs(found_in(story))


def test_customer_deleted_with_the_whole_chain_is_found_while_the_identity_stays(
    story: Ledger, attacker: Attacker
) -> None:
    ann = attacker.value("SELECT id FROM custledger_customer WHERE name LIKE 'Ann%'")
    first = EntryRef(attacker.uuid(ann), 1)
    delete_customer(attacker, ann)
    assert [(f.code, f.entry, f.seal) for f in found_in(story)] == [
        (FindingCode.SEALED_ENTRY_MISSING, first, 1)
    ]


def test_new_customer_deleted_with_the_whole_chain_is_found_while_the_identity_stays(
    story: Ledger, attacker: Attacker
) -> None:
    story.customers.add("Dora")
    delete_customer(
        attacker, attacker.value("SELECT id FROM custledger_customer WHERE name = 'Dora'")
    )
    assert codes(story) == [FindingCode.CHAIN_EMPTY]


def test_new_customer_deleted_with_the_identity_too_is_what_a_checkpoint_is_for(
    story: Ledger, attacker: Attacker
) -> None:
    """The stated limit: nothing shows what no seal holds yet, and the report says so."""
    story.customers.add("Dora")
    dora = attacker.value("SELECT id FROM custledger_customer WHERE name = 'Dora'")
    delete_customer(attacker, dora)
    attacker.run("DELETE FROM custledger_identity WHERE id = ?", dora)
    assert found_in(story) == []
    assert story.verify().scope.startswith("internal consistency only")


def test_identity_given_another_uuid_is_found(story: Ledger, attacker: Attacker) -> None:
    for key in attacker.keys(IDENTITY):
        old = attacker.cell(IDENTITY, "uuid", key)
        new = uuid4()
        attacker.write(IDENTITY, "uuid", key, new.hex if attacker.on_sqlite else new)
        assert found_in(story), f"identity {key}"
        attacker.write(IDENTITY, "uuid", key, old)


def test_chain_given_to_another_customer_is_found(story: Ledger, attacker: Attacker) -> None:
    ids = attacker.run("SELECT id FROM custledger_customer ORDER BY id")[:2]
    (one,), (two,) = ids
    move = "UPDATE custledger_entry SET subject_id = ? WHERE subject_id = ?"
    for new, old in ((9999, one), (one, two), (two, 9999)):
        attacker.run(move, new, old)
    assert FindingCode.ENTRY_ALTERED in codes(story)


def test_what_others_write_during_a_verification_is_no_finding(
    story: Ledger, location: str
) -> None:
    """One snapshot: an entry that came after it began is neither extra nor missing."""

    def write(_done: int, _total: int) -> None:
        with open_ledger(location, actor="Olga") as other:
            ann = other.customers.get("Ann Müller")
            other.money.record_sale(ann, amount=Money(100, "EUR"))
            other.staff.add("Newcomer")

    assert story.verify(progress=write).findings == ()
    assert story.verify().entries == 54


def body_of(attacker: Attacker, *texts: str) -> tuple[Any, ...]:
    """The key of the first payload that holds one of the texts."""
    return next(
        key
        for key in attacker.keys(PAYLOAD)
        if any(text.encode() in (attacker.cell(PAYLOAD, "body", key) or b"") for text in texts)
    )


def entry_of_kind(attacker: Attacker, kind: int) -> tuple[Any, ...]:
    return (attacker.value("SELECT min(id) FROM custledger_entry WHERE kind = ?", kind),)


def middle_entry(attacker: Attacker) -> tuple[Any, ...]:
    return entry_of_kind(attacker, 10)  # Ann's invoice: the fourth of her entries


def neighbours(attacker: Attacker) -> tuple[int, int]:
    one = middle_entry(attacker)[0]
    two = attacker.value(
        "SELECT b.id FROM custledger_entry a JOIN custledger_entry b "
        "ON b.subject_id = a.subject_id AND b.seq = a.seq + 1 WHERE a.id = ?",
        one,
    )
    return one, two
