"""Erasure by guests, by roles, beside other writers, of files that are gone, and after a crash."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from custledger import EntryRef, Ledger, open_ledger
from custledger.edges.backup import back_up
from custledger.errors import CustledgerError, NotFoundError
from custledger.storage.evidence.data_keys import KeyFolder
from custledger.storage.evidence.encryption import CIPHER
from tests.firms import Firm
from tests.storage.secrets_planted import below, traces

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["custledger"])


def engine_on(location: str) -> Any:
    return create_engine(location if "://" in location else f"sqlite:///{location}")


def test_erasure_of_a_guest_is_kept_or_dropped_with_the_hosts_transaction(location: str) -> None:
    with open_ledger(location, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
        ledger.evidence.attach(ann, text="a note")
    engine = engine_on(location)
    with engine.connect() as host:
        with open_ledger(host, actor="Olga") as guest:
            outcome = guest.privacy.erase_person(ann, ground="objection")
            assert outcome.done
            assert "custledger purge" in outcome.left[0]
            assert not guest.privacy.purge().done
        host.rollback()
        with open_ledger(host, actor="Olga") as guest:
            assert guest.customers.get(ann).name == "Ann"
            guest.privacy.erase_person(ann, ground="objection")
        host.commit()
    engine.dispose()
    with open_ledger(location, actor="Olga") as ledger:
        assert ledger.customers.all() == []
        assert ledger.privacy.purge().done
        assert ledger.verify().findings == ()


def test_files_of_a_guests_erasure_go_at_the_next_purge(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite"
    with open_ledger(path, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
        (tmp_path / "tape").write_bytes(b"zq4711")
        ledger.evidence.attach(ann, path=tmp_path / "tape")
        (tmp_path / "tape").unlink()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as host, open_ledger(host, actor="Olga") as guest:
        guest.privacy.erase_person(ann, ground="objection")
        host.commit()
    engine.dispose()
    assert traces([b"zq4711"], below(tmp_path)) == {b"zq4711"}
    with open_ledger(path, actor="Olga") as ledger:
        assert ledger.privacy.purge().files == 1
    assert traces([b"zq4711"], below(tmp_path)) == set()


def test_a_host_that_overwrites_nothing_has_its_deleted_rows_overwritten(tmp_path: Path) -> None:
    """And its connection afterwards as it was."""
    path = tmp_path / "shop.sqlite"
    with open_ledger(path, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann zq4711")
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as host:
        host.exec_driver_sql("PRAGMA secure_delete = OFF")
        with open_ledger(host, actor="Olga") as guest:
            guest.privacy.erase_person(ann, ground="objection")
        host.commit()
        assert host.exec_driver_sql("PRAGMA secure_delete").scalar() == 0
        host.rollback()
        host.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    assert traces([b"zq4711"], below(tmp_path)) == set()


def test_writers_role_erases_and_owners_role_purges(firm: Firm) -> None:
    with firm.open("writer") as ledger:
        before = ledger.verify().findings
        assert before == ()
        for customer in ledger.customers.all():
            for hold in ledger.privacy.holds(customer):
                ledger.privacy.release(hold, reason="over")
            assert ledger.privacy.erase_person(customer, ground="objection").done
        assert ledger.customers.all() == []
        assert ledger.verify().findings == ()
        [said] = ledger.privacy.purge().left
        assert "does not own the tables" in said
    with firm.open("owner") as ledger:
        left = ledger.privacy.purge().left
        assert all("statistic" in said or "CHECKPOINT" in said for said in left), left
        assert ledger.verify().findings == ()
    with firm.connect(None) as connection:
        count = "SELECT count(*) FROM custledger_contact_point"
        assert connection.execute(count).fetchone() == (0,)


def write_until_erased(location: str, customer: Any, started: Any, said: Any) -> None:
    """Record, correct and attach without end; an error must be the clear one."""
    try:
        with open_ledger(location, actor="Olga") as ledger:
            try:
                for number in range(100_000):
                    call = ledger.interactions.record(customer, channel="chat", summary="zq4711")
                    ledger.interactions.correct(call, summary="zq4711 too", reason="again")
                    ledger.evidence.attach(customer, text="zq4711")
                    if number == 2:
                        started.release()
            except NotFoundError as error:
                said.put("erased" if "erased" in str(error) else repr(error))
    except BaseException as error:  # so that the test says what it was
        said.put(repr(error))


def test_nothing_slips_in_between_while_a_person_is_erased(location: str) -> None:
    with open_ledger(location, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann zq4711")
        started, said = _context.Semaphore(0), _context.Queue()
        writers = [
            _context.Process(target=write_until_erased, args=(location, ann.id, started, said))
            for _ in range(3)
        ]
        for writer in writers:
            writer.start()
        for _ in writers:
            assert started.acquire(timeout=120)
        outcome = ledger.privacy.erase_person(ann, ground="objection")
        assert outcome.done
        assert [said.get(timeout=120) for _ in writers] == ["erased"] * 3
        for writer in writers:
            writer.join(60)
        stays = [entry for entry in ledger.history(ann.id) if entry.erased_by is None]
        assert [entry.kind.value for entry in stays] == ["erasure"]
        assert ledger.verify().findings == ()


def test_correction_that_waited_for_an_erasure_is_refused(postgres_url: str) -> None:
    """Its draft holds what was erased, and it read that before it waited."""
    with (
        open_ledger(postgres_url, actor="Olga") as ledger,
        open_ledger(postgres_url, actor="Olga") as other,
    ):
        ann = ledger.customers.add("Ann")
        call = ledger.interactions.record(ann, channel="chat", summary="a secret")
        with pytest.raises(NotFoundError, match="erased meanwhile"):
            between(other, call, lambda: ledger.privacy.erase(call, ground="objection"))
        assert ledger.interactions.of(ann) == []
        assert ledger.verify().findings == ()


def between(ledger: Ledger, call: Any, act: Any) -> None:
    """Correct a call, and act after it was read and before the correction is written."""
    book: Any = ledger.interactions
    entries = book._entries
    found = entries.get

    def get(ref: Any) -> Any:
        record = found(ref)
        entries.get = found
        act()
        return record

    entries.get = get
    ledger.interactions.correct(call, product="lamp", reason="which one")


@pytest.fixture
def with_file(tmp_path: Path) -> Iterator[tuple[Ledger, Any, Path]]:
    with open_ledger(tmp_path / "shop.sqlite", actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
        (tmp_path / "tape").write_bytes(b"a tape")
        ledger.evidence.attach(ann, path=tmp_path / "tape", caption="her voice")
        [file] = (tmp_path / "shop.sqlite.evidence").rglob("??/*")
        yield ledger, ann, file


def test_person_is_erased_although_a_file_is_missing_and_the_rest_once_it_is_back(
    with_file: tuple[Ledger, Any, Path],
) -> None:
    ledger, ann, file = with_file
    kept = file.read_bytes()
    file.unlink()
    missing = [finding.code for finding in ledger.verify().findings]
    outcome = ledger.privacy.erase_person(ann, ground="objection")
    assert outcome.done
    assert "file of evidence #2 is missing" in outcome.left[0]
    assert [finding.code for finding in ledger.verify().findings] == missing
    assert [bool(entry.facts) for entry in ledger.history(ann.id)] == [False, False, True]
    again = ledger.privacy.erase(ledger.history(ann.id)[1], ground="objection")
    assert not again.done
    assert "is missing" in again.reasons[0]
    file.write_bytes(kept)
    assert ledger.privacy.erase(ledger.history(ann.id)[1], ground="objection").files == 1
    assert not file.exists()
    assert ledger.verify().findings == ()


def test_register_erases_a_file_whose_key_is_gone_from_a_restored_ledger(tmp_path: Path) -> None:
    path, keys = tmp_path / "shop.sqlite", KeyFolder(tmp_path / "keys")
    with open_ledger(path, actor="Olga", encryption=keys) as ledger:
        ann = ledger.customers.add("Ann")
        ledger.evidence.attach(ann, text="a note")
        older = sqlite3.connect(tmp_path / "older.sqlite")
        with sqlite3.connect(path) as source:
            source.backup(older)
        older.close()
        source.close()
        files = path.with_name("older.sqlite.evidence")
        shutil.copytree(f"{path}.evidence", files)
        assert ledger.privacy.erase_person(ann, ground="objection").files == 1
        assert list((tmp_path / "keys").glob("*.key")) == []
        register = ledger.privacy.register()
    with open_ledger(tmp_path / "older.sqlite", actor="Olga", encryption=keys) as restored:
        assert restored.customers.get(ann).name == "Ann"
        done = restored.privacy.replay(register)
        assert (done.erased, done.left) == (2, ())
        assert [path for path in files.rglob("*") if path.is_file()] == []
        assert restored.verify().findings == ()


def test_purge_removes_the_files_and_keys_that_a_kill_after_the_commit_left(
    tmp_path: Path,
) -> None:
    path, keys = tmp_path / "shop.sqlite", KeyFolder(tmp_path / "keys")
    with open_ledger(path, actor="Olga", encryption=keys) as ledger:
        ann = ledger.customers.add("Ann zq4711")
        ledger.evidence.attach(ann, text="a note")
    process = _context.Process(target=erase_and_die, args=(path, tmp_path / "keys", ann.id))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    files = path.with_name("shop.sqlite.evidence")
    assert len(list(files.rglob("??/*"))) == len(list((tmp_path / "keys").glob("*.key"))) == 1
    with open_ledger(path, actor="Olga", encryption=keys) as ledger:
        assert ledger.customers.all() == []
        assert ledger.privacy.purge().files == 1
        assert list(files.rglob("??/*")) == list((tmp_path / "keys").glob("*.key")) == []
        assert traces([b"zq4711"], below(tmp_path)) == set()
        assert ledger.verify().findings == ()


def erase_and_die(path: Path, keys: Path, customer: Any) -> None:
    ledger = open_ledger(path, actor="Olga", encryption=KeyFolder(keys))

    def die(_names: object) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    ledger.context.blobs.remove_files = die  # type: ignore[method-assign, assignment]
    ledger.privacy.erase_person(customer, ground="objection")


def test_files_that_cannot_be_removed_are_told_and_the_erasure_stands(
    with_file: tuple[Ledger, Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, ann, file = with_file

    def refuse(_names: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(ledger.context.blobs, "remove_files", refuse)
    outcome = ledger.privacy.erase_person(ann, ground="objection")
    assert outcome.done
    assert "cannot be removed" in outcome.left[0]
    assert file.exists()
    monkeypatch.undo()
    assert ledger.privacy.purge().files == 1


def test_error_after_an_erasure_in_a_transaction_keeps_its_files(
    with_file: tuple[Ledger, Any, Path],
) -> None:
    ledger, ann, file = with_file
    with pytest.raises(CustledgerError), ledger.transaction():  # noqa: PT012
        ledger.privacy.erase_person(ann, ground="objection")
        ledger.customers.add("")
    assert file.exists()
    assert ledger.customers.get(ann).name == "Ann"


@pytest.fixture
def encrypted(tmp_path: Path) -> tuple[Path, KeyFolder, Any]:
    """A ledger with one encrypted file of a customer's."""
    path, keys = tmp_path / "shop.sqlite", KeyFolder(tmp_path / "keys")
    with open_ledger(path, actor="Olga", encryption=keys) as ledger:
        ann = ledger.customers.add("Ann")
        (tmp_path / "tape").write_bytes(b"a tape")
        ledger.evidence.attach(ann, path=tmp_path / "tape", caption="her voice")
    return path, keys, ann


def test_encrypted_content_that_was_left_is_erased_in_a_second_step_once_its_key_is_there(
    encrypted: tuple[Path, KeyFolder, Any],
) -> None:
    """The erasure says what it kept, and how that is encrypted, for its entry says it no more."""
    path, keys, ann = encrypted
    with open_ledger(path, actor="Olga") as ledger:
        outcome = ledger.privacy.erase_person(ann, ground="objection")
        assert "its key is not at hand" in outcome.left[0]
        said = ledger.history(ann.id)[-1].facts
        assert said["erases"] == [1, 2]
        assert said["kept"] == [{"cipher": CIPHER, "part": "content", "seq": 2}]
    with open_ledger(path, actor="Olga", encryption=keys) as ledger:
        assert ledger.verify().findings == ()
        assert ledger.privacy.erase(ledger.history(ann.id)[1], ground="objection").files == 1
        assert "kept" not in ledger.history(ann.id)[-1].facts
        assert ledger.verify().findings == ()
        assert keys.key(ann.id, create=False) is None  # nobody needs it now


def test_plain_content_that_was_left_is_named_too(with_file: tuple[Ledger, Any, Path]) -> None:
    ledger, ann, file = with_file
    file.unlink()
    ledger.privacy.erase_person(ann, ground="objection")
    assert ledger.history(ann.id)[-1].facts["kept"] == [{"part": "content", "seq": 2}]


def test_file_that_was_changed_is_not_erased_by_what_it_commits_to_now(
    with_file: tuple[Ledger, Any, Path],
) -> None:
    """Its entry's hash could never be computed again."""
    ledger, ann, file = with_file
    kept = file.read_bytes()
    file.write_bytes(b"another tape")
    before = [finding.code for finding in ledger.verify().findings]
    outcome = ledger.privacy.erase_person(ann, ground="objection")
    assert outcome.done
    assert "is not the one that was recorded" in outcome.left[0]
    assert file.exists()
    assert [finding.code for finding in ledger.verify().findings] == before
    file.write_bytes(kept)
    assert ledger.privacy.erase(ledger.history(ann.id)[1], ground="objection").files == 1
    assert ledger.verify().findings == ()


def test_replay_keeps_the_key_that_newer_evidence_needs_and_tells_of_what_is_newer(
    encrypted: tuple[Path, KeyFolder, Any], tmp_path: Path
) -> None:
    path, keys, ann = encrypted
    older = tmp_path / "older.sqlite"
    back_up(str(path), older)
    with open_ledger(path, actor="Olga", encryption=keys) as ledger:
        # As where the register came from another machine, which has the keys as well.
        shutil.copytree(keys.folder, tmp_path / "others")
        ledger.privacy.erase_person(ann, ground="objection")
        register = ledger.privacy.register()
    others = KeyFolder(tmp_path / "others")
    with open_ledger(older, actor="Olga", encryption=others) as restored:
        restored.customers.correct(ann.id, name="Ann Smith", reason="married")
        tape = restored.evidence.attach(ann.id, text="another note")
        done = restored.privacy.replay(register)
        assert done.erased == 2
        assert done.newer == (EntryRef(ann.id, 3), tape.id)
        assert restored.privacy.purge().done
        assert b"".join(restored.evidence.read(tape)) == b"another note"
        assert restored.verify().findings == ()
        assert restored.privacy.erase_person(ann.id, ground="objection").done
        assert restored.privacy.replay(register).newer == ()
        assert others.key(ann.id, create=False) is None


def test_purge_of_a_copy_leaves_the_newest_files_of_a_folder_that_it_shares(
    tmp_path: Path,
) -> None:
    path, folder = tmp_path / "shop.sqlite", tmp_path / "files"
    with open_ledger(path, actor="Olga", evidence=folder) as ledger:
        ann = ledger.customers.add("Ann")
        (tmp_path / "tape").write_bytes(b"a tape")
        back_up(str(path), tmp_path / "copy.sqlite", evidence=folder)
        tape = ledger.evidence.attach(ann, path=tmp_path / "tape")
        with open_ledger(tmp_path / "copy.sqlite", actor="Olga", evidence=folder) as copy:
            purged = copy.privacy.purge()
            assert purged.files == 0
            assert "younger than an hour" in purged.left[0]
        assert b"".join(ledger.evidence.read(tape)) == b"a tape"
        assert ledger.privacy.purge().done
