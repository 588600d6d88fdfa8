"""The trail book: seals, who signs them, handing over a key, going on after a restore."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from custledger import Ledger, Sealing, open_ledger
from custledger.core.records import EntryKind
from custledger.core.trail.merkle import check_consistency, root
from custledger.core.trail.notes import Checkpoint, Note
from custledger.core.trail.seals import origin_of
from custledger.edges.anchors import DirectoryAnchor
from custledger.edges.keys import CallableKey, KeyFile
from custledger.errors import BadInputError, SigningRefusedError
from custledger.pytest_plugin import Clock
from tests.postgres import Server
from tests.trails import Broken, CrashedError, bodies, new_key, older_copy


@pytest.fixture
def key(tmp_path: Path) -> KeyFile:
    return new_key(tmp_path)


@pytest.fixture
def server(request: pytest.FixtureRequest, location: str) -> Server | None:
    return request.getfixturevalue("postgres_server") if "://" in location else None


def checkpoint(text: str | None) -> Checkpoint:
    assert text is not None
    return Checkpoint.from_text(Note.from_text(text).text)


# Sealing and signing


def test_seal_says_what_it_covers_and_is_signed(ledger: Ledger, key: KeyFile, clock: Clock) -> None:
    ledger.customers.add("Ann")
    sealed = ledger.trail.seal(key)
    assert sealed is not None
    # The ledger's own chain: about itself, Olga, the policy, Sam, his rate.
    assert (sealed.n, sealed.heads, sealed.changes, sealed.entries) == (1, 2, 2, 6)
    assert (sealed.sealed_at, sealed.incarnation) == (clock(), 1)
    assert sealed.checkpoint == ledger.trail.checkpoint()
    assert Note.from_text(sealed.checkpoint or "").is_signed_by(key.key)
    leaves = [body.leaf() for body in bodies(ledger)]
    origin = origin_of(ledger.context.ledger)
    assert checkpoint(sealed.checkpoint) == (origin, 1, root(leaves), ())


def test_second_seal_holds_what_moved_and_continues_the_first(ledger: Ledger, key: KeyFile) -> None:
    ann, ben = ledger.customers.add("Ann"), ledger.customers.add("Ben")
    ledger.trail.seal(key)
    ledger.interactions.record(ann, channel="phone")
    ledger.interactions.record(ann, channel="email")
    second = ledger.trail.seal(key)
    assert second is not None
    assert (second.n, second.heads, second.changes, second.entries) == (2, 3, 1, 9)
    assert second == ledger.trail.latest() == ledger.trail.seals()[-1]
    first, last = (checkpoint(found.note) for found in ledger.trail.checkpoints())
    leaves = [body.leaf() for body in bodies(ledger)]
    assert check_consistency(1, first.root, 2, last.root, [leaves[1]])
    assert ben.id in {head.id for head in ledger.customers.all()}


def test_nothing_new_makes_no_seal(ledger: Ledger, key: KeyFile) -> None:
    assert ledger.trail.seal(key) is not None
    assert ledger.trail.seal(key) is None
    assert len(ledger.trail.seals()) == len(ledger.trail.checkpoints()) == 1


def test_trail_without_a_seal_has_nothing_to_show(ledger: Ledger) -> None:
    trail = ledger.trail
    assert (trail.seals(), trail.latest(), trail.checkpoint()) == ([], None, None)
    assert (trail.checkpoints(), trail.anchors()) == ([], [])


def test_without_a_key_it_says_how_to_make_one(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="custledger key new"):
        ledger.trail.seal()
    assert ledger.trail.seals() == []


def test_seal_inside_a_transaction_is_refused(ledger: Ledger, key: KeyFile) -> None:
    with ledger.transaction():
        ledger.customers.add("Ann")
        with pytest.raises(BadInputError, match="inside a transaction"):
            ledger.trail.seal(key)
    assert ledger.trail.seal(key) is not None


def test_seal_in_a_host_s_transaction_is_refused_and_with_its_engine_made(
    location: str, key: KeyFile
) -> None:
    with open_ledger(location, actor="Olga"):
        pass
    engine = create_engine(location if "://" in location else f"sqlite:///{location}")
    with Session(engine) as session, open_ledger(session, actor="Olga") as guest:
        guest.customers.add("Ann")
        with pytest.raises(BadInputError, match="opened on the engine"):
            guest.trail.seal(key)
        with pytest.raises(BadInputError, match="opened on the engine"):
            guest.trail.seal_if_due(key, every=timedelta(days=1), entries=1)
        session.commit()
    with open_ledger(engine, actor="Olga") as ledger:
        sealed = ledger.trail.seal(key)
        assert sealed is not None
        assert sealed.entries == 4
    with Session(engine) as session, open_ledger(session, actor="Olga") as guest:
        assert guest.trail.latest() == sealed
    engine.dispose()


# A crash, a refusal, a restore


def test_signer_that_fails_leaves_a_seal_that_the_next_call_signs(
    ledger: Ledger, key: KeyFile
) -> None:
    with pytest.raises(CrashedError):
        ledger.trail.seal(Broken(key))
    [unsigned] = ledger.trail.seals()
    assert (unsigned.checkpoint, ledger.trail.checkpoint()) == (None, None)
    signed = ledger.trail.seal(key)
    assert signed is not None
    assert (signed.n, signed.checkpoint) == (1, ledger.trail.checkpoint())


def dies_while_it_signs(location: str, verifier_key: str, state: str) -> None:
    dying = CallableKey(verifier_key, lambda _: os._exit(9), state=state)
    with open_ledger(location, actor="Olga") as ledger:
        ledger.trail.seal(dying)


def test_process_that_dies_between_seal_and_signature_is_made_up_for(
    location: str, key: KeyFile, tmp_path: Path
) -> None:
    with open_ledger(location, actor="Olga") as ledger:
        ledger.customers.add("Ann")
    state = str(tmp_path / "bakery.example.key.state")  # that of the key itself
    words = (location, key.key.to_text(), state)
    process = multiprocessing.get_context("forkserver").Process(
        target=dies_while_it_signs, args=words
    )
    process.start()
    process.join()
    assert process.exitcode == 9
    with open_ledger(location, actor="Olga") as ledger:
        assert [seal.checkpoint for seal in ledger.trail.seals()] == [None]
        signed = ledger.trail.seal(key)
        assert signed is not None
        assert signed.n == 1
        ledger.customers.add("Ben")
        later = ledger.trail.seal(key)
        assert later is not None
        assert (later.n, later.checkpoint is not None) == (2, True)


def test_unsigned_seal_is_covered_by_the_signature_of_the_next(
    ledger: Ledger, key: KeyFile
) -> None:
    with pytest.raises(CrashedError):
        ledger.trail.seal(Broken(key))
    ledger.customers.add("Ann")
    ledger.trail.seal(key)
    assert [seal.checkpoint is None for seal in ledger.trail.seals()] == [True, False]


def test_signer_refuses_a_restored_copy_until_it_is_resumed(
    location: str, server: Server | None, key: KeyFile
) -> None:
    with open_ledger(location, actor="Olga") as ledger:
        ledger.trail.seal(key)
    with older_copy(location, server) as backup:
        with open_ledger(location, actor="Olga") as ledger:
            ledger.customers.add("Ann")
            ledger.trail.seal(key)
            published = ledger.trail.checkpoint() or ""
        with open_ledger(backup, actor="Olga") as restored:
            restored.customers.add("Ben")
            for _ in range(2):
                with pytest.raises(SigningRefusedError, match="custledger resume"):
                    restored.trail.seal(key)
            assert [seal.n for seal in restored.trail.seals()] == [1]
            assert restored.trail.resume(published, signer=key, reason="disk failed") == 2
            resumed = restored.trail.seal(key)
            assert resumed is not None
            assert (resumed.n, resumed.incarnation) == (2, 2)
            assert checkpoint(resumed.checkpoint).origin == origin_of(restored.context.ledger, 2)
            cited, last = checkpoint(published), bodies(restored)[-1]
            assert last.cites == (cited.size, cited.root)
            [entry] = [e for e in restored.history() if e.kind is EntryKind.INCARNATION]
            assert entry.facts == {
                "incarnation": 2,
                "size": 2,
                "root": cited.root.hex(),
                "checkpoint": published,
                "reason": "disk failed",
            }
            restored.customers.add("Cem")
            assert [restored.trail.seal(key) is not None, bodies(restored)[-1].cites] == [
                True,
                last.cites,
            ]
            report = restored.verify(keys=[key.key], checkpoints=[published])
            assert (report.findings, len(report.notices)) == ((), 1)


def test_resuming_twice_writes_once(location: str, server: Server | None, key: KeyFile) -> None:
    with open_ledger(location, actor="Olga") as ledger:
        ledger.trail.seal(key)
    with older_copy(location, server) as backup:
        with open_ledger(location, actor="Olga") as ledger:
            ledger.customers.add("Ann")
            ledger.trail.seal(key)
            published = ledger.trail.checkpoint() or ""
        with open_ledger(backup, actor="Olga", sealing=Sealing(key)) as restored:
            numbers = [restored.trail.resume(published, reason="disk failed") for _ in range(2)]
            assert numbers == [2, 2]
            kinds = [entry.kind for entry in restored.history()]
            assert kinds.count(EntryKind.INCARNATION) == 1


def test_resume_refuses_what_is_continued_here_foreign_unsigned_or_no_checkpoint(
    ledger: Ledger, key: KeyFile, tmp_path: Path
) -> None:
    ledger.trail.seal(key)
    mine = ledger.trail.checkpoint() or ""
    before = len(ledger.history())
    with open_ledger(":memory:", actor="Eve") as other:
        other.trail.seal(new_key(tmp_path, "eve.example"))
        foreign = other.trail.checkpoint() or ""
    unknown = new_key(tmp_path, "unknown.example")
    for text, signer, keys, reason, said in (
        (None, key, [], "why", "nothing to resume"),
        (mine, key, [], "why", "nothing to resume"),
        (mine, unknown, [key.key.to_text()], "why", "nothing to resume"),
        (foreign, key, [], "why", "this ledger is"),
        (mine, unknown, [], "why", "None of the keys"),
        (None, unknown, [], "why", "remembers no checkpoint"),
        (mine.replace("\n1\n", "\n2\n"), key, [], "why", "None of the keys"),
        (mine, key, [], " ", "Say why"),
        ("hello", key, [], "why", "no signed checkpoint"),
        (mine, key, ["hello"], "why", "no verifier key"),
        (mine, None, [], "why", "custledger key new"),
    ):
        with pytest.raises(BadInputError, match=said):
            ledger.trail.resume(text, signer=signer, keys=keys, reason=reason)
    assert len(ledger.history()) == before


# Anchors


def test_anchor_publishes_the_newest_checkpoint_and_keeps_where(
    ledger: Ledger, key: KeyFile, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "out").mkdir()
    anchor = DirectoryAnchor(tmp_path / "out")
    with pytest.raises(BadInputError, match="custledger seal"):
        ledger.trail.anchor(anchor)
    ledger.trail.seal(key)
    done = ledger.trail.anchor(anchor)
    assert anchor.checkpoints() == [ledger.trail.checkpoint()]
    assert (done.n, done.kind, done.place) == (1, "directory", str(tmp_path / "out"))
    assert done.anchored_at == clock()
    ledger.trail.anchor(anchor)
    assert ledger.trail.anchors() == [done, done]


def test_seals_cannot_be_changed_with_plain_sql(tmp_path: Path) -> None:
    location = tmp_path / "ledger.sqlite"
    with open_ledger(location, actor="Olga") as ledger:
        ledger.trail.seal(new_key(tmp_path))
    with sqlite3.connect(location) as connection:
        for table in ("seal", "seal_head", "checkpoint"):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(f"DELETE FROM custledger_{table}")
    connection.close()
