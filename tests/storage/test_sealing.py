"""Making a seal: what it covers, who waits for whom, and what many processes may do meanwhile."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree
from sqlalchemy import Engine, create_engine, select

from custledger import Ledger, open_ledger
from custledger.core.clock import to_microseconds
from custledger.core.facts import Body
from custledger.core.records import EntryKind
from custledger.core.trail.merkle import root
from custledger.core.trail.notes import Checkpoint, Note
from custledger.core.trail.seals import CLOCK_TOLERANCE, SealedHead
from custledger.edges.keys import KeyFile
from custledger.errors import BadInputError, LedgerBusyError
from custledger.pytest_plugin import Clock
from custledger.storage import journal
from custledger.storage.bulk import table_of
from custledger.storage.journal import Draft
from custledger.storage.sealing.checkpoints import newest_tree
from custledger.storage.sealing.sealing import heads_as_of, make_seal
from custledger.storage.truth_tables import SealRow
from tests.firms import Firm
from tests.guests import call
from tests.storage.test_concurrent import check, settle, singles, together
from tests.trails import bodies, ends, entries, new_key, plain_root

_seal = table_of(SealRow)


@pytest.fixture
def key(tmp_path: Path) -> KeyFile:
    return new_key(tmp_path)


def sealed_heads(ledger: Ledger, n: int) -> list[SealedHead]:
    with ledger.context.read() as connection:
        return list(heads_as_of(connection, n))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 6)),
        st.tuples(st.just("write"), st.lists(st.integers(0, 20), min_size=1, max_size=8)),
        st.tuples(st.just("seal"), st.none()),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(steps=STEPS)
def test_roots_are_those_of_another_implementation_over_any_history(
    steps: list[tuple[str, Any]],
) -> None:
    known: list[list[SealedHead]] = [[]]
    with open_ledger(":memory:", actor="Olga", now=Clock()) as ledger:
        customers: list[Any] = []
        for what, detail in [*steps, ("seal", None)]:
            if what == "add":
                customers += ledger.customers.add_many([{"name": "C"}] * detail)
            elif what == "write" and customers:
                rows = [{"customer": customers[n % len(customers)]} for n in detail]
                ledger.interactions.record_many({**row, "channel": "phone"} for row in rows)
            elif what == "seal":
                seal_plainly(ledger, known)
        assert ledger.verify().findings == ()
        for n, heads in enumerate(known[1:], 1):
            assert sealed_heads(ledger, n) == heads
        leaves = InmemoryTree(algorithm="sha256")
        for body in bodies(ledger):
            leaves.append_entry(body.to_bytes())
        with ledger.context.read() as connection:
            tree = newest_tree(connection)
        assert tree is not None
        assert root(tree.leaves) == leaves.get_root()


def seal_plainly(ledger: Ledger, known: list[list[SealedHead]]) -> None:
    """Seal, and compare all that it says with what the entries say."""
    context, heads = ledger.context, ends(ledger)
    with context.write() as writing:
        made = make_seal(
            writing.connection, context.ledger, context.key, to_microseconds(context.now())
        )
    moved = [head for head in heads if head not in known[-1]]
    if not moved:
        assert made is None
        return
    known.append(heads)
    before = bodies(ledger)[-2:-1]
    assert made is not None
    assert bodies(ledger)[-1] == made
    assert (made.n, made.prev) == (len(known) - 1, before[0].leaf() if before else b"")
    assert (made.heads.count, made.heads.root) == (len(heads), plain_root(heads))
    assert (made.changes.count, made.changes.root) == (len(moved), plain_root(moved))
    assert made.entries == len(entries(ledger))
    with context.read() as connection:
        last = connection.scalar(select(_seal.c.last_key).where(_seal.c.n == made.n))
    assert last == entries(ledger)[-1].id


def test_large_seal_is_the_same_on_both_databases(location: str, key: KeyFile) -> None:
    """More chains than one portion of a stream holds, and more rows than go without COPY."""
    with open_ledger(location, actor="Olga") as ledger:
        ids = ledger.customers.add_many([{"name": f"C{n}"} for n in range(6_000)])
        first = ledger.trail.seal(key)
        assert first is not None
        assert (first.heads, first.changes, first.entries) == (6_001, 6_001, 6_003)
        assert bodies(ledger)[0].heads.root == plain_root(ends(ledger))
        ledger.interactions.record_many({"customer": c, "channel": "phone"} for c in ids[:30])
        second = ledger.trail.seal(key)
        assert second is not None
        assert (second.heads, second.changes, second.entries) == (6_001, 30, 6_033)
        assert sealed_heads(ledger, 2) == ends(ledger)
        assert ledger.verify().findings == ()


def test_clock_that_was_set_back_is_refused_and_a_small_step_is_not(
    location: str, key: KeyFile
) -> None:
    clock = Clock()
    with open_ledger(location, actor="Olga", now=clock) as ledger:
        ledger.trail.seal(key)
        clock.advance(timedelta(seconds=-30))
        ledger.customers.add("Ann")
        ledger.trail.seal(key)
        first, second = ledger.trail.seals()
        assert first.sealed_at == second.sealed_at
        clock.advance(timedelta(hours=-1))
        ledger.customers.add("Ben")
        with pytest.raises(BadInputError, match=r"set it right.*ahead.*custledger resume"):
            ledger.trail.seal(key)
        assert len(ledger.trail.seals()) == 2


# Sealers and writers at once


@pytest.mark.parametrize("writes", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_sealers_and_writers_at_once_lose_nothing_and_no_entry_is_older_than_its_seal(
    location: str, tmp_path: Path, key: KeyFile, writes: int
) -> None:
    ids = settle(location, 50)
    with open_ledger(location, actor="Olga") as ledger:
        ledger.trail.seal(key)  # so that there are two at the end, whoever is faster
    written = together(TwoSealers(tmp_path), location, ids, writes)
    with open_ledger(location, actor="Olga") as ledger:
        ledger.trail.seal(key)
        assert_in_their_windows(ledger)
        notes = [Note.from_text(found.note) for found in ledger.trail.checkpoints()]
        assert all(note.is_signed_by(key.key) for note in notes)
        assert Checkpoint.from_text(notes[-1].text).size == len(bodies(ledger)) > 1
    check(location, written)


class TwoSealers:
    """What a process does, by its number: two seal, the others write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, ledger: Ledger, ids: list[Any], writes: int, name: int) -> list[str]:
        if name >= 2:
            return singles(ledger, ids, writes, name)
        key = KeyFile(self._folder / "bakery.example.key")
        for _ in range(writes):
            ledger.trail.seal(key)
        return []


def assert_in_their_windows(ledger: Ledger) -> None:
    """Each seal covers the entries up to its last key, and what comes later is no older than it."""
    found = entries(ledger)
    with ledger.context.read() as connection:
        last_keys = list(connection.scalars(select(_seal.c.last_key).order_by(_seal.c.n)))
    for body, last_key in zip(bodies(ledger), last_keys, strict=True):
        covered = [row for row in found if row.id <= last_key]
        assert body.entries == len(covered)
        assert all(row.recorded_at <= body.sealed_at + CLOCK_TOLERANCE for row in covered)
        later = (row.recorded_at for row in found if row.id > last_key)
        assert all(moment >= body.sealed_at - CLOCK_TOLERANCE for moment in later)


# A host's transaction that stays open


@pytest.fixture
def host(location: str) -> Iterator[Engine]:
    with open_ledger(location, actor="Olga") as ledger:
        ledger.customers.add("Ann", external_id="7", source="shop")
        ledger.customers.add("Ben", external_id="8", source="shop")
    engine = create_engine(location if "://" in location else f"sqlite:///{location}")
    yield engine
    engine.dispose()


def test_host_that_stays_in_its_transaction_makes_the_sealer_say_busy(
    location: str, host: Engine, key: KeyFile
) -> None:
    with host.connect() as connection, connection.begin():
        with open_ledger(connection, actor="Olga") as guest:
            call(guest)
        with (
            open_ledger(location, actor="Olga", wait=timedelta(seconds=0.3)) as ledger,
            pytest.raises(LedgerBusyError, match=r"othing was (sealed|written)"),
        ):
            ledger.trail.seal(key)
    with open_ledger(location, actor="Olga") as ledger:
        assert ledger.trail.seals() == []
        sealed = ledger.trail.seal(key)
        assert sealed is not None
        assert sealed.entries == 6
        assert ledger.verify().findings == ()


def test_sealer_waits_for_a_host_and_seals_what_it_committed(
    location: str, host: Engine, key: KeyFile
) -> None:
    with committing_later(host), open_ledger(location, actor="Olga") as ledger:
        sealed = ledger.trail.seal(key)
        assert sealed is not None
        assert sealed.entries == 6
        assert_in_their_windows(ledger)


def test_others_write_on_while_a_sealer_waits_for_a_host(postgres_url: str, tmp_path: Path) -> None:
    key, engine = new_key(tmp_path), create_engine(postgres_url)
    with open_ledger(engine, actor="Olga") as ledger:
        ledger.customers.add("Ann", external_id="7", source="shop")
        ledger.customers.add("Ben", external_id="8", source="shop")
    said: list[str] = []

    def seal() -> None:
        with open_ledger(postgres_url, actor="Olga", wait=timedelta(seconds=2)) as ledger:
            try:
                ledger.trail.seal(key)
            except LedgerBusyError as error:
                said.append(str(error))

    with engine.connect() as connection, connection.begin():
        with open_ledger(connection, actor="Olga") as guest:
            call(guest)
        sealer = threading.Thread(target=seal)
        sealer.start()
        with open_ledger(postgres_url, actor="Olga") as ledger:
            written = 0
            while sealer.is_alive():
                call(ledger, "8")
                written += 1
        sealer.join()
    engine.dispose()
    assert written > 1
    assert "a host" in said[0]


@contextlib.contextmanager
def committing_later(host: Engine) -> Iterator[None]:
    """A host in a thread of its own, which has written and commits a moment later."""
    has_written = threading.Event()

    def work() -> None:
        with host.begin() as connection:
            with open_ledger(connection, actor="Olga") as guest:
                call(guest)
            has_written.set()
            time.sleep(0.5)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert has_written.wait(60)
        yield
    finally:
        thread.join()


def test_write_prepared_for_long_is_as_young_as_a_seal_made_meanwhile(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_STALE_SECONDS", 0.05)
    key = new_key(tmp_path)
    with (
        open_ledger(postgres_url, actor="Olga") as slow,
        open_ledger(postgres_url, actor="Olga") as other,
    ):
        with slow.context.write() as writing:
            time.sleep(0.1)
            other.trail.seal(key)
            body: Body = {"verifier_key": "new", "replaces": "old"}
            writing.append([Draft(slow.context.key, EntryKind.KEY, body)])
        [sealed] = other.trail.seals()
        assert other.history()[-1].recorded_at >= sealed.sealed_at
        assert other.verify().findings == ()


def test_writer_of_a_firm_seals_and_its_schema_holds_the_seal(firm: Firm, tmp_path: Path) -> None:
    key = new_key(tmp_path)
    with firm.open("writer") as ledger:
        sealed = ledger.trail.seal(key)
        assert sealed is not None
        assert sealed.checkpoint is not None
        assert ledger.verify().findings == ()
