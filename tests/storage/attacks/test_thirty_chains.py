"""The design's list of attacks, 12 to 18, 20 and 21: chains cut, forged, swapped and moved."""

from __future__ import annotations

from datetime import timedelta

import pytest

from custledger import Money, open_ledger
from custledger.core.trail.findings import FindingCode
from custledger.pytest_plugin import START, Clock
from tests.attacker import ENTRY, IDENTITY
from tests.storage.attacks.forger import (
    Scene,
    chain,
    close_gap,
    delete_customer,
    delete_entry,
    named,
)
from tests.storage.attacks.test_thirty_entries import CONCESSION, REFUND, SALE

_SAID = ("kind", "recorded_at", "occurred_at", "actor_id", "supersedes", "batch_id")


def test_12_sealed_tail_truncated(scene: Scene) -> None:
    published = scene.published
    for seq in (5, 4):
        delete_entry(scene.attacker, scene.entry("Dora", seq))
    scene.assert_found(FindingCode.SEALED_ENTRY_MISSING, scene.ref("Dora", 4), 3)
    scene.assert_stands_only_until_hashed(3, published)


def test_12_sealed_tail_below_an_older_seal_truncated(scene: Scene) -> None:
    published = scene.published
    last = len(chain(scene.attacker, scene.customer("Ben")))
    delete_entry(scene.attacker, scene.entry("Ben", last))
    scene.assert_found(FindingCode.SEALED_ENTRY_MISSING, scene.ref("Ben", last), 1)
    scene.assert_stands_only_until_hashed(1, published)


def test_13_customer_deleted(scene: Scene) -> None:
    first = scene.ref("Ben", 1)
    delete_customer(scene.attacker, scene.customer("Ben"))
    assert named(scene.found()) == [(FindingCode.SEALED_ENTRY_MISSING, first, 1)]


def test_13_customer_deleted_with_the_identity(scene: Scene) -> None:
    """Whose chain it was is gone; that the first seal held one is not."""
    delete_customer(scene.attacker, scene.customer("Ben"), identity=True)
    scene.assert_found(FindingCode.SEALED_ENTRY_MISSING, seal=1)
    scene.assert_found(FindingCode.SEAL_ALTERED, seal=1)


@pytest.mark.parametrize(("name", "seal"), [("Ben", 1), ("Dora", 3)])
def test_14_customer_and_its_seal_heads_deleted(scene: Scene, name: str, seal: int) -> None:
    published = scene.published
    customer = scene.customer(name)
    scene.attacker.run("DELETE FROM custledger_seal_head WHERE subject_id = ?", customer)
    delete_customer(scene.attacker, customer, identity=True)
    assert named(scene.found()) == [(FindingCode.SEAL_ALTERED, None, seal)]
    scene.assert_stands_only_until_sealed(seal, published)


def test_15_two_entries_swapped(scene: Scene) -> None:
    published = scene.published
    sale, refund = scene.entry("Dora", SALE), scene.entry("Dora", REFUND)
    swap_numbers(scene, sale, refund)
    for seq in (SALE, REFUND):
        scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Dora", seq))
    # L2 leaves keys and numbers in their order, and swaps what the entries say.
    swap_numbers(scene, sale, refund)
    swap_contents(scene, sale, refund)
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Dora", SALE))
    scene.assert_stands_only_until_hashed(3, published)


def test_16_entry_moved_to_another_customer(scene: Scene) -> None:
    published = scene.published
    entry, dora, ben = scene.entry("Dora", CONCESSION), *map(scene.customer, ("Dora", "Ben"))
    end = len(chain(scene.attacker, ben)) + 1
    move = "UPDATE custledger_entry SET subject_id = ?, seq = ? WHERE id = ?"
    scene.attacker.run(move, ben, end, entry)
    scene.assert_found(FindingCode.CHAIN_GAP, scene.ref("Dora", CONCESSION))
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Ben", end))
    close_gap(scene.attacker, dora, CONCESSION)
    scene.hash_chains()
    scene.assert_found(FindingCode.SEALED_ENTRY_MISSING, seal=3)
    scene.attacker.run("INSERT INTO custledger_seal_head VALUES (3, ?, ?, ?)", ben, end, b"")
    scene.assert_stands_only_until_sealed(3, published)


def test_17_forged_middle_entry_rehashed(scene: Scene) -> None:
    published = scene.published
    forge_middle(scene, REFUND)
    scene.hash_chains()
    scene.assert_found(FindingCode.SEALED_ENTRY_MISSING, scene.ref("Dora", 5), 3)
    move = "UPDATE custledger_seal_head SET seq = 6 WHERE n = 3 AND subject_id = ?"
    scene.attacker.run(move, scene.customer("Dora"))
    scene.assert_stands_only_until_sealed(3, published)


def test_18_edit_rehashed(scene: Scene) -> None:
    published = scene.published
    scene.edit_body(scene.entry("Ben", 2), lambda body: body.replace(b"2000", b"9000"))
    scene.hash_chains()
    last = len(chain(scene.attacker, scene.customer("Ben")))
    # One finding: the chain is whole and its copies fit; it is not the one that was sealed.
    assert named(scene.found()) == [(FindingCode.SEALED_ENTRY_MISSING, scene.ref("Ben", last), 1)]
    scene.assert_stands_only_until_sealed(1, published)


def test_20_backdated_append(scene: Scene, location: str) -> None:
    """By anybody who may insert, through the library and with a clock that was set back."""
    with open_ledger(location, actor="Olga", now=Clock(START + timedelta(days=1))) as late:
        late.money.record_refund("Ben Bäcker", amount=late_money())
    ref = scene.ref("Ben", len(chain(scene.attacker, scene.customer("Ben"))))
    assert named(scene.found()) == [(FindingCode.BACKDATED, ref, None)]
    # An honest seal over it does not make it older.
    scene.seal()
    assert named(scene.found()) == [(FindingCode.BACKDATED, ref, 4)]


def test_20_backdated_by_minutes_is_what_clocks_of_two_writers_may_differ_by(
    scene: Scene, location: str
) -> None:
    """The stated limit of the window: five minutes."""
    sealed_at = scene.ledger.trail.seals()[-1].sealed_at
    for minutes, expected in ((4, []), (6, [FindingCode.BACKDATED])):
        clock = Clock(sealed_at - timedelta(minutes=minutes))
        with open_ledger(location, actor="Olga", now=clock) as late:
            late.money.record_refund("Ben Bäcker", amount=late_money())
        assert [finding.code for finding in scene.found()] == expected


def test_21_chain_transplanted_to_another_id(scene: Scene) -> None:
    published = scene.published
    ben = scene.customer("Ben")
    new = "0" * 31 + "7"
    scene.attacker.write(IDENTITY, "uuid", (ben,), new)
    scene.assert_found(FindingCode.ENTRY_ALTERED, scene.ref("Ben", 1))
    scene.assert_found(FindingCode.SEAL_ALTERED, seal=1)
    scene.assert_stands_only_until_hashed(1, published)


def late_money() -> Money:
    return Money.of("5", "EUR")


def swap_numbers(scene: Scene, one: int, two: int) -> None:
    """Swap the places of two entries in their chain."""
    first, second = (scene.attacker.cell(ENTRY, "seq", (key,)) for key in (one, two))
    for key, seq in ((one, 9999), (two, first), (one, second)):
        scene.attacker.write(ENTRY, "seq", (key,), seq)


def swap_contents(scene: Scene, one: int, two: int) -> None:
    """Swap what two entries say, which keep their places."""
    for column in _SAID:
        first, second = (scene.attacker.cell(ENTRY, column, (key,)) for key in (one, two))
        scene.attacker.write(ENTRY, column, (one,), second)
        scene.attacker.write(ENTRY, column, (two,), first)
    move = "UPDATE custledger_payload SET entry_id = ? WHERE entry_id = ?"
    for new, old in ((9999, one), (one, two), (two, 9999)):
        scene.attacker.run(move, new, old)


def forge_middle(scene: Scene, seq: int) -> None:
    """Put a copy of an entry before it: what comes from there on moves up, keys in their order."""
    attacker, dora = scene.attacker, scene.customer("Dora")
    keys = chain(attacker, dora)
    new = attacker.value("SELECT max(id) FROM custledger_entry") + 1
    row = list(attacker.row(ENTRY, (keys[-1],)))
    row[0], row[2], row[9] = new, row[2] + 1, b"h" * 32
    attacker.insert(ENTRY, row)
    move = "UPDATE custledger_payload SET entry_id = ? WHERE entry_id = ?"
    for old, moved in reversed(list(zip(keys[seq - 1 :], [*keys[seq:], new], strict=True))):
        attacker.run(move, moved, old)
        for column in _SAID:
            attacker.write(ENTRY, column, (moved,), attacker.cell(ENTRY, column, (old,)))
    copied = "SELECT part, salt, body, blob FROM custledger_payload WHERE entry_id = ?"
    for part in attacker.run(copied, keys[seq]):
        attacker.run("INSERT INTO custledger_payload VALUES (?, ?, ?, ?, ?)", keys[seq - 1], *part)
