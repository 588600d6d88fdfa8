"""The copies are made again from the truth, exactly as they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.core.trail.findings import FindingCode
from custledger.errors import LedgerUnreadableError
from custledger.storage.bulk import table_of
from custledger.storage.tables import COPIES
from tests.attacker import Attacker, attack, found_in
from tests.story import open_story


@pytest.fixture
def story(location: str, tmp_path: Path) -> Iterator[Ledger]:
    with open_story(location, tmp_path) as ledger:
        yield ledger


def copies(location: str) -> dict[str, list[tuple[Any, ...]]]:
    reader = Attacker(location)
    try:
        return {
            table.name: [reader.row(table, key) for key in reader.keys(table)]
            for table in map(table_of, COPIES)
        }
    finally:
        reader.close()


def test_rebuilt_copies_equal_the_written_ones(story: Ledger, location: str) -> None:
    written = copies(location)
    assert story.rebuild() == sum(map(len, written.values()))
    assert copies(location) == written
    assert story.verify().ok


def test_copies_that_were_deleted_come_back(story: Ledger, location: str) -> None:
    written = copies(location)
    with attack(location) as attacker:
        for table in map(table_of, COPIES):
            attacker.run(f"DELETE FROM {table.name}")
    assert {f.code for f in found_in(story)} == {FindingCode.COPY_MISSING}
    story.rebuild()
    assert copies(location) == written
    assert story.verify().findings == ()  # the guards are back as well


def test_ledger_without_any_copy_can_still_be_opened_and_rebuilt(
    story: Ledger, location: str, tmp_path: Path
) -> None:
    written = copies(location)
    with attack(location) as attacker:
        for table in map(table_of, COPIES):
            attacker.run(f"DELETE FROM {table.name}")
    with open_ledger(location, actor="Olga") as again:
        assert {f.code for f in found_in(again)} == {FindingCode.COPY_MISSING}
        again.rebuild()
    assert copies(location) == written


def test_copies_that_were_forged_are_replaced(story: Ledger, location: str) -> None:
    written = copies(location)
    with attack(location) as attacker:
        attacker.run("UPDATE custledger_interaction SET conduct = 2, handling_seconds = 99999")
        attacker.run("UPDATE custledger_money SET amount_minor = 1")
        attacker.run("UPDATE custledger_customer SET name = 'X', name_folded = 'x'")
    assert not story.verify().ok
    story.rebuild()
    assert copies(location) == written


def test_ledger_goes_on_after_a_rebuild(story: Ledger) -> None:
    story.rebuild()
    sale = story.money.record_sale("Ann Müller", amount=Money(1, "EUR"))
    call = story.interactions.of("Ann Müller")[0]
    assert story.interactions.correct(call, summary="more", reason="r").id == call.id
    assert story.money.get(sale) == sale
    assert story.verify().ok


def test_rebuild_from_a_damaged_trail_is_refused_and_changes_nothing(
    story: Ledger, location: str
) -> None:
    written = copies(location)
    with attack(location) as attacker:
        attacker.run("UPDATE custledger_payload SET body = ? WHERE part = 0", b"{not json")
    with pytest.raises(LedgerUnreadableError, match=r"custledger verify.*Restore a backup"):
        story.rebuild()
    assert copies(location) == written
