"""A restored ledger goes on only where its signer was told; an old copy in its place never does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from custledger import Ledger, Sealing, open_ledger
from custledger.core.facts import Body
from custledger.core.records import EntryKind
from custledger.core.trail.findings import FindingCode
from custledger.core.trail.notes import Checkpoint, Note
from custledger.edges.keys import KeyFile
from custledger.errors import BadInputError, SigningRefusedError
from custledger.pytest_plugin import Clock
from custledger.storage.journal import Draft
from custledger.storage.sealing.keeper import SealingWarning
from tests.trails import bodies, new_key


@pytest.fixture
def key(tmp_path: Path) -> KeyFile:
    return new_key(tmp_path)


class Firm:
    """A ledger in a file, and a backup of it that is older than its newest seals."""

    def __init__(self, folder: Path, key: KeyFile) -> None:
        self.path, self.backup, self.key = folder / "a.sqlite", folder / "backup.sqlite", key
        self.clock = Clock()
        self.notes: list[str] = []
        with self.open() as ledger:
            self._seal(ledger, "Ann")
            self._seal(ledger, "Ben")
        shutil.copy(self.path, self.backup)
        with self.open() as ledger:
            self._seal(ledger, "Cem")
            self._seal(ledger, "Dan")

    def open(self, sealing: Sealing | None = None) -> Ledger:
        return open_ledger(self.path, actor="Olga", now=self.clock, sealing=sealing)

    def put_back(self) -> Ledger:
        shutil.copy(self.backup, self.path)
        return self.open()

    def _seal(self, ledger: Ledger, name: str) -> None:
        self.clock.advance(timedelta(minutes=1))
        ledger.customers.add(name)
        ledger.trail.seal(self.key)
        self.notes.append(ledger.trail.checkpoint() or "")


@pytest.fixture
def firm(tmp_path: Path, key: KeyFile) -> Firm:
    return Firm(tmp_path, key)


def test_whoever_can_write_and_has_no_key_gets_no_new_incarnation_signed(firm: Firm) -> None:
    cited = Checkpoint.from_text(Note.from_text(firm.notes[-1]).text)
    with firm.put_back() as ledger, ledger.context.write() as journal:
        body: Body = {
            "incarnation": 2,
            "size": cited.size,
            "root": cited.root.hex(),
            "checkpoint": firm.notes[-1],
            "reason": "the disk failed",
        }
        journal.append([Draft(ledger.context.key, EntryKind.INCARNATION, body)])
    with firm.open(Sealing(firm.key, entries=1)) as ledger:
        with pytest.warns(SealingWarning, match="was not told of a restore"):
            ledger.customers.add("Eve")
        with pytest.raises(SigningRefusedError, match="was not told of a restore"):
            ledger.trail.seal()
        report = ledger.verify(keys=[firm.key.key], checkpoints=firm.notes)
        assert FindingCode.ROLLED_BACK in {finding.code for finding in report.findings}
        # Whoever holds the key and finds that it was a restore after all says so.
        assert ledger.trail.resume(reason="the disk failed") == 2
        assert ledger.trail.seal() is not None


def test_resume_needs_the_signer_itself(firm: Firm) -> None:
    with firm.put_back() as ledger:
        with pytest.raises(BadInputError, match="Nobody is named to sign"):
            ledger.trail.resume(firm.notes[-1], reason="why", keys=[firm.key.key])
        assert EntryKind.INCARNATION not in {entry.kind for entry in ledger.history()}


def test_once_a_new_incarnation_is_signed_the_old_one_is_not(firm: Firm, tmp_path: Path) -> None:
    shutil.copy(firm.path, tmp_path / "old-life.sqlite")
    with firm.put_back() as ledger:
        ledger.trail.resume(reason="disk failed", signer=firm.key)
        assert ledger.trail.seal(firm.key) is not None
    with open_ledger(tmp_path / "old-life.sqlite", actor="Olga", now=firm.clock) as ledger:
        ledger.customers.add("Eve")
        with pytest.raises(SigningRefusedError, match=r"incarnation 2 of it, and this is .* 1"):
            ledger.trail.seal(firm.key)


@pytest.mark.parametrize("tries", [0, 1, 3])
def test_seals_tried_before_resuming_do_no_harm(firm: Firm, tries: int) -> None:
    with firm.put_back() as ledger:
        for number in range(tries):
            ledger.customers.add(f"Again {number}")
            with pytest.raises(SigningRefusedError, match="custledger resume"):
                ledger.trail.seal(firm.key)
        assert len(ledger.trail.seals()) == 2
        ledger.trail.resume(firm.notes[-1], reason="disk failed", signer=firm.key)
        assert ledger.trail.seal(firm.key) is not None
        report = ledger.verify(keys=[firm.key.key], checkpoints=firm.notes)
    assert report.findings == ()
    assert ["cites it" in notice for notice in report.notices] == [False, True]
    assert "can no longer be shown" in report.notices[0]


def test_incarnation_that_is_cited_wins_over_seals_that_nobody_signed(
    firm: Firm, tmp_path: Path
) -> None:
    careless = new_key(tmp_path, "other.example")  # it never signed this ledger, so it may
    with firm.put_back() as ledger:
        for name in ("Eve", "Fay"):
            ledger.customers.add(name)
            ledger.trail.seal(careless)
        with pytest.raises(SigningRefusedError, match=r"rewritten.*custledger resume"):
            ledger.trail.seal(firm.key)
        ledger.trail.resume(reason="disk failed", signer=firm.key)
        assert ledger.trail.seal(firm.key) is not None
        keys = [firm.key.key, careless.key]
        report = ledger.verify(keys=keys, checkpoints=firm.notes[-1:])
        assert (report.findings, len(report.notices)) == ((), 1)
        report = ledger.verify(keys=keys, checkpoints=firm.notes[-2:-1])
        assert [finding.code for finding in report.findings] == [FindingCode.REWRITTEN]


def test_what_was_signed_last_and_never_published_is_cited(firm: Firm) -> None:
    *_, published, last = firm.notes  # of the last one nobody has a copy
    with firm.put_back() as ledger:
        with pytest.raises(SigningRefusedError, match="Leave the checkpoint out"):
            ledger.trail.resume(published, reason="disk failed", signer=firm.key)
        assert ledger.trail.resume(reason="disk failed", signer=firm.key) == 2
        assert ledger.trail.seal(firm.key) is not None
        [entry] = [e for e in ledger.history() if e.kind is EntryKind.INCARNATION]
        assert entry.facts["checkpoint"] == last
        assert bodies(ledger)[-1].cites == Checkpoint.from_text(Note.from_text(last).text)[1:3]
        report = ledger.verify(keys=[firm.key.key], checkpoints=[published])
        assert report.findings == ()


def test_signer_that_came_from_a_backup_too_believes_what_it_signed_itself(
    firm: Firm, tmp_path: Path
) -> None:
    state = tmp_path / "bakery.example.key.state"
    kept = state.read_bytes()
    with firm.open() as ledger:
        ledger.customers.add("Eve")
        ledger.trail.seal(firm.key)
        newest = ledger.trail.checkpoint() or ""
    state.write_bytes(kept)
    with firm.put_back() as ledger:
        assert ledger.trail.resume(newest, reason="machine burnt", signer=firm.key) == 2
        assert ledger.trail.seal(firm.key) is not None
        assert ledger.verify(keys=[firm.key.key], checkpoints=[newest]).findings == ()


def test_crash_between_the_signer_and_the_entry_is_made_up_for_by_the_same_call(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with firm.put_back() as ledger:
        with monkeypatch.context() as broken:
            broken.setattr("custledger.storage.sealing.resuming.Draft", _crash)
            with pytest.raises(ZeroDivisionError):
                ledger.trail.resume(reason="disk failed", signer=firm.key)
        assert EntryKind.INCARNATION not in {entry.kind for entry in ledger.history()}
        assert ledger.trail.resume(reason="disk failed", signer=firm.key) == 2
        assert ledger.trail.seal(firm.key) is not None


def _crash(*_: object) -> None:
    raise ZeroDivisionError


def test_clock_that_was_ahead_is_healed_by_a_backup_and_resume(
    tmp_path: Path, key: KeyFile
) -> None:
    firm = Firm(tmp_path, key)
    with firm.open() as ledger:
        firm.clock.advance(timedelta(days=400))
        ledger.customers.add("Eve")
        ledger.trail.seal(key)
        firm.clock.advance(timedelta(days=-400))
        ledger.customers.add("Fay")
        with pytest.raises(BadInputError, match=r"ahead then.*custledger resume"):
            ledger.trail.seal(key)
    with firm.put_back() as ledger:
        ledger.trail.resume(reason="the clock was 400 days ahead", signer=key)
        assert ledger.trail.seal(key) is not None
        assert ledger.verify(keys=[key.key]).findings == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        str.rstrip,
        lambda text: f"\n{text}\n\n",
    ],
)
def test_published_checkpoint_is_read_however_it_was_kept(
    firm: Firm, change: Callable[[str], str]
) -> None:
    kept = change(firm.notes[-1])
    with firm.open() as ledger:
        report = ledger.verify(keys=[firm.key.key], checkpoints=[kept])
        assert report.findings == ()
        assert "published checkpoint of 4 seals" in report.scope
    with firm.put_back() as ledger:
        assert ledger.trail.resume(kept, reason="disk failed", signer=firm.key) == 2
        [entry] = [e for e in ledger.history() if e.kind is EntryKind.INCARNATION]
        assert entry.facts["checkpoint"] == firm.notes[-1]
