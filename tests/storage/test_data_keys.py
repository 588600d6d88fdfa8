"""The folder of keys: one key a customer, for its owner alone, whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from custledger import KeyFolder, LedgerMaker, open_ledger
from custledger.errors import BadInputError, LedgerUnreadableError, LedgerUnwritableError

ANN = UUID(int=7)


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "keys")


def test_key_is_made_once_and_only_when_it_is_asked_for(keys: KeyFolder) -> None:
    assert keys.key(ANN, create=False) is None
    assert not keys.folder.exists()
    made = keys.key(ANN, create=True)
    assert made is not None
    assert len(made) == 32
    assert keys.key(ANN, create=True) == made == KeyFolder(keys.folder).key(ANN, create=False)
    assert keys.key(uuid4(), create=True) != made
    assert len(list(keys.folder.iterdir())) == 2


def test_only_the_owner_may_look_into_folder_and_files(keys: KeyFolder) -> None:
    keys.key(ANN, create=True)
    (file,) = keys.folder.iterdir()
    assert (keys.folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


def test_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(BadInputError, match=r"Others may enter .*chmod 700"):
        KeyFolder(folder)


def test_destroyed_key_is_gone_and_overwritten_before(keys: KeyFolder, tmp_path: Path) -> None:
    before = keys.key(ANN, create=True)
    (file,) = keys.folder.iterdir()
    os.link(file, tmp_path / "seen")  # the same blocks on the disk
    assert keys.destroy(ANN)
    assert keys.key(ANN, create=False) is None
    assert list(keys.folder.iterdir()) == []
    assert (tmp_path / "seen").read_bytes() != before
    assert not keys.destroy(ANN)
    assert keys.key(ANN, create=True) != before


def test_damaged_key_is_reported_and_not_replaced(keys: KeyFolder) -> None:
    keys.key(ANN, create=True)
    (file,) = keys.folder.iterdir()
    file.write_bytes(b"short")
    for create in (True, False):
        with pytest.raises(LedgerUnreadableError, match="damaged: it has 5 bytes, not 32"):
            keys.key(ANN, create=create)
    assert file.read_bytes() == b"short"


def test_key_that_cannot_be_read_written_or_destroyed_is_an_error(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path / "keys")
    keys.key(ANN, create=True)
    (file,) = keys.folder.iterdir()
    file.unlink()
    file.mkdir()
    with pytest.raises(LedgerUnreadableError, match="cannot be read"):
        keys.key(ANN, create=False)
    with pytest.raises(LedgerUnwritableError, match="cannot be destroyed"):
        keys.destroy(ANN)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((LedgerUnwritableError, LedgerUnreadableError)):
        KeyFolder(tmp_path / "file" / "keys").key(ANN, create=True)


RACE = """
import sys, uuid
from custledger import KeyFolder
sys.stdin.readline()
print(KeyFolder(sys.argv[1]).key(uuid.UUID(int=7), create=True).hex())
"""


def test_processes_that_make_a_key_at_once_agree_on_one(keys: KeyFolder) -> None:
    command = [sys.executable, "-c", RACE, str(keys.folder)]
    pipe = subprocess.PIPE
    racers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    found = {racer.communicate()[0] for racer in racers}
    assert found == {f"{KeyFolder(keys.folder).key(ANN, create=False).hex()}\n"}  # type: ignore[union-attr]
    assert len(list(keys.folder.iterdir())) == 1


def test_keys_beside_the_evidence_are_refused_and_leave_nothing_behind(tmp_path: Path) -> None:
    files = tmp_path / "files"
    place = tmp_path / "l.sqlite"
    (tmp_path / "link").symlink_to(files)
    for folder, evidence in (
        (tmp_path / "l.sqlite.evidence" / "keys", None),
        (files, files),
        (tmp_path / "link" / "keys", files),
        (files, files / "evidence"),
    ):
        for make in (
            lambda **terms: open_ledger(place, actor="Olga", **terms),
            lambda **terms: LedgerMaker(place, owner="Olga", **terms),
        ):
            with pytest.raises(BadInputError, match="would lie with the evidence"):
                make(encryption=KeyFolder(folder), evidence=evidence)
    assert [path.name for path in tmp_path.iterdir()] == ["link"]
