"""A ledger that seals itself: when a seal is due, and what happens where it cannot be made."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

from custledger import Ledger, LedgerMaker, Sealing, open_ledger
from custledger.core.trail.anchoring import AnchorCheck, AnchorState
from custledger.edges.anchors import DirectoryAnchor
from custledger.edges.keys import KeyFile
from custledger.errors import BadInputError, NotPublishedError
from custledger.pytest_plugin import Clock
from custledger.storage.sealing.keeper import SealingWarning
from tests.trails import Broken, new_key


@pytest.fixture
def key(tmp_path: Path) -> KeyFile:
    return new_key(tmp_path)


@pytest.fixture
def sealing(key: KeyFile) -> Sealing:
    return Sealing(key, every=timedelta(hours=1), entries=5)


@pytest.fixture
def keeping(location: str, clock: Clock, sealing: Sealing) -> Iterator[Ledger]:
    with open_ledger(location, actor="Olga", now=clock, sealing=sealing) as ledger:
        yield ledger
        assert ledger.verify().findings == ()


def test_ledger_seals_itself_after_so_many_entries(keeping: Ledger) -> None:
    keeping.customers.add("Ann")
    assert keeping.trail.seals() == []  # with the ledger's own three, four
    keeping.customers.add("Ben")
    assert [seal.entries for seal in keeping.trail.seals()] == [5]
    for number in range(9):
        keeping.customers.add(f"C{number}")
    assert [seal.entries for seal in keeping.trail.seals()] == [5, 10]
    assert keeping.trail.latest() is not None
    assert keeping.trail.checkpoint() is not None


def test_ledger_seals_itself_when_the_last_seal_is_old(keeping: Ledger, clock: Clock) -> None:
    clock.advance(timedelta(hours=2))
    keeping.customers.add("Ann")
    assert [seal.entries for seal in keeping.trail.seals()] == [4]
    clock.advance(timedelta(minutes=59))
    keeping.customers.add("Ben")
    clock.advance(timedelta(minutes=2))
    assert len(keeping.trail.seals()) == 1
    keeping.customers.add("Cem")
    assert [seal.entries for seal in keeping.trail.seals()] == [4, 6]


def test_block_of_writes_is_sealed_once_when_it_is_committed(keeping: Ledger) -> None:
    with keeping.transaction():
        for number in range(20):
            keeping.customers.add(f"C{number}")
        assert keeping.trail.seals() == []
    assert [seal.entries for seal in keeping.trail.seals()] == [23]


def test_seal_of_another_process_counts(
    keeping: Ledger, location: str, key: KeyFile, clock: Clock
) -> None:
    keeping.customers.add("Ann")
    with open_ledger(location, actor="Olga", now=clock) as other:
        other.trail.seal(key)
    for number in range(4):
        keeping.customers.add(f"C{number}")
    assert len(keeping.trail.seals()) == 1
    keeping.customers.add("Ben")
    assert [seal.entries for seal in keeping.trail.seals()] == [4, 9]


def test_what_cannot_be_signed_is_a_warning_the_write_is_kept_and_it_is_tried_later(
    location: str, clock: Clock, key: KeyFile
) -> None:
    broken = Broken(key)
    terms = Sealing(broken, every=timedelta(hours=1), entries=1)
    with open_ledger(location, actor="Olga", now=clock, sealing=terms) as ledger:
        with pytest.warns(SealingWarning, match="no signature today"):
            ann = ledger.customers.add("Ann")
        assert ledger.customers.get(ann.id) == ann
        assert broken.asked == 1
        clock.advance(timedelta(minutes=2))
        with pytest.warns(SealingWarning, match="is kept"):
            ledger.customers.add("Ben")
        assert broken.asked == 2
    mended = Sealing(key, every=timedelta(days=9), entries=1000)
    with open_ledger(location, actor="Olga", now=clock, sealing=mended) as ledger:
        ledger.customers.add("Cem")  # not due, but what is sealed gets its signature
        assert [seal.checkpoint is not None for seal in ledger.trail.seals()] == [False, True]


def test_anchor_that_cannot_be_reached_is_a_warning(
    location: str, key: KeyFile, tmp_path: Path
) -> None:
    terms = Sealing(key, entries=1, anchors=(DirectoryAnchor(tmp_path / "nowhere"),))
    with open_ledger(location, actor="Olga", sealing=terms) as ledger:
        with pytest.warns(SealingWarning, match="nowhere"):
            ledger.customers.add("Ann")
        assert ledger.trail.checkpoint() is not None
        with pytest.raises(NotPublishedError):
            ledger.trail.anchor(terms.anchors[0])


class Flaky:
    """An anchor that fails as often as it is told."""

    kind, place = "mail", "olga@home.example"

    def __init__(self, failures: int) -> None:
        self.failures, self.notes = failures, list[str]()

    def publish(self, note_text: str) -> bytes:
        self.failures -= 1
        if self.failures >= 0:
            raise RuntimeError("the network is down")
        self.notes.append(note_text)
        return b"token"

    def check(self, note_text: str, token: bytes) -> AnchorCheck:
        held = note_text in self.notes
        return AnchorCheck(AnchorState.UNCHECKED if held else AnchorState.FAILS, "")


def test_anchor_that_fails_stops_no_other_and_is_tried_again(
    location: str, key: KeyFile, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "out").mkdir()
    flaky, folder = Flaky(1), DirectoryAnchor(tmp_path / "out")
    terms = Sealing(key, every=timedelta(days=1), entries=1000, anchors=(flaky, folder))
    with open_ledger(location, actor="Olga", now=clock, sealing=terms) as ledger:
        clock.advance(timedelta(days=2))
        with pytest.warns(SealingWarning, match="could not be published: mail olga.*network"):
            ledger.customers.add("Ann")
        note = ledger.trail.checkpoint()
        assert (flaky.notes, folder.checkpoints()) == ([], [note])
        clock.advance(timedelta(minutes=2))
        ledger.customers.add("Ben")
        assert (flaky.notes, folder.checkpoints()) == ([note], [note])
        clock.advance(timedelta(minutes=2))
        ledger.customers.add("Cem")
        assert len(ledger.trail.anchors()) == 2


def test_seal_that_is_asked_for_is_published_too(location: str, key: KeyFile) -> None:
    flaky = Flaky(0)
    with open_ledger(location, actor="Olga", sealing=Sealing(key, anchors=(flaky,))) as ledger:
        ledger.trail.seal()
        ledger.customers.add("Ann")
        flaky.failures = 1
        with pytest.warns(SealingWarning, match="was not published: mail"):
            assert ledger.trail.seal() is not None
        ledger.trail.seal()
        assert flaky.notes == [found.note for found in ledger.trail.checkpoints()]


@pytest.mark.filterwarnings("error")
def test_write_that_is_committed_raises_no_warning_even_where_warnings_are_errors(
    location: str, key: KeyFile, caplog: pytest.LogCaptureFixture
) -> None:
    terms = Sealing(key, entries=1, anchors=(Flaky(9),))
    with open_ledger(location, actor="Olga", sealing=terms) as ledger:
        ann = ledger.customers.add("Ann")
        assert ledger.customers.get(ann.id) == ann
    assert "network is down" in caplog.text


def test_sealing_by_itself_has_little_patience_with_another_writer(
    tmp_path: Path, key: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custledger.books.trail._PATIENCE_SECONDS", 0.01)
    path, sent = tmp_path / "a.sqlite", list[str]()
    with (
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other,
        open_ledger(path, actor="Olga") as ledger,
    ):
        ann = ledger.customers.add("Ann")
        with open_ledger(path, actor="Olga", sealing=Sealing(key, entries=1)) as mine:
            engine = mine.context.database.transactions.engine  # type: ignore[attr-defined]
            event.listen(engine, "before_cursor_execute", lambda *words: sent.append(words[2]))
            take = mine.context.database.after_commit
            assert take is not None

            def after_commit() -> None:
                other.execute("BEGIN IMMEDIATE")
                take()

            mine.context.database.after_commit = after_commit
            with pytest.warns(SealingWarning, match="could not be sealed"):
                mine.interactions.record(ann, channel="phone")
            other.execute("ROLLBACK")
    waits = [statement for statement in sent if statement.startswith("PRAGMA busy_timeout =")]
    assert waits == ["PRAGMA busy_timeout = 10", "PRAGMA busy_timeout = 10000"]


def test_anchors_get_each_checkpoint(location: str, key: KeyFile, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    anchor = DirectoryAnchor(tmp_path / "out")
    terms = Sealing(key, entries=1, anchors=(anchor,))
    with open_ledger(location, actor="Olga", sealing=terms) as ledger:
        ledger.customers.add("Ann")
        ledger.customers.add("Ben")
        assert anchor.checkpoints() == [found.note for found in ledger.trail.checkpoints()]
        assert [anchored.n for anchored in ledger.trail.anchors()] == [1, 2]


def test_ledgers_of_one_maker_count_together(location: str, clock: Clock, sealing: Sealing) -> None:
    with LedgerMaker(location, owner="Olga", now=clock, sealing=sealing) as ledgers:
        for number in range(6):
            with ledgers.open(actor="Olga") as ledger:
                ledger.customers.add(f"C{number}")
        with ledgers.open(actor="Olga") as ledger:
            assert [seal.entries for seal in ledger.trail.seals()] == [5]


def test_guest_never_seals_by_itself_and_a_scheduler_does(
    location: str, clock: Clock, sealing: Sealing
) -> None:
    with open_ledger(location, actor="Olga", now=clock):
        pass
    engine = create_engine(location if "://" in location else f"sqlite:///{location}")
    with LedgerMaker(engine, now=clock, sealing=sealing) as ledgers:
        with Session(engine) as session, ledgers.open(session, actor="Olga") as guest:
            for number in range(9):
                guest.customers.add(f"C{number}")
            session.commit()
        with ledgers.open(actor="Olga") as ledger:
            assert ledger.trail.seals() == []
            due = {"every": timedelta(hours=1), "entries": 5}
            sealed = ledger.trail.seal_if_due(**due)  # type: ignore[arg-type]
            assert sealed is not None
            assert sealed.entries == 12
            assert ledger.trail.seal_if_due(**due) is None  # type: ignore[arg-type]
    engine.dispose()


def test_write_that_is_not_due_asks_the_database_nothing_more(
    location: str, clock: Clock, key: KeyFile
) -> None:
    counts = []
    for terms in (None, Sealing(key)):
        with open_ledger(location, actor="Olga", now=clock, sealing=terms) as ledger:
            ledger.customers.add("Ann")
            ledger.customers.add("Ann")
            counts.append(len(statements(ledger)))
    assert counts[0] == counts[1]


def statements(ledger: Ledger) -> list[Any]:
    """What one write sends."""
    engine = ledger.context.database.transactions.engine  # type: ignore[attr-defined]
    seen: list[Any] = []
    event.listen(engine, "before_cursor_execute", lambda *words: seen.append(words[2]))
    ledger.customers.add("Ann")
    return seen


@pytest.mark.parametrize(
    "terms", [{"every": timedelta(0)}, {"every": 3600}, {"entries": 0}, {"entries": 2.5}], ids=str
)
def test_terms_that_would_seal_nothing_or_all_are_refused(
    key: KeyFile, terms: dict[str, Any]
) -> None:
    with pytest.raises(BadInputError, match=next(iter(terms))):
        Sealing(key, **terms)
