"""Files that are there whole or not at all, and a lock that a dead program does not keep."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import custledger
from custledger.errors import LedgerBusyError
from custledger.storage.files import create_file, locked, replace_file

ROOT = Path(custledger.__file__).parent.parent


def test_created_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    create_file(tmp_path / "one", b"first\r\n")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "one", b"second")
    assert (tmp_path / "one").read_bytes() == b"first\r\n"


def test_replaced_file_is_the_new_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "one"
    (tmp_path / "one.partial").write_bytes(b"what a crash left, longer than the rest")
    for data in (b"first, which is longer", b"", b"second"):
        replace_file(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_file_that_cannot_be_replaced_keeps_what_it_held(tmp_path: Path) -> None:
    replace_file(tmp_path / "one", b"first")
    (tmp_path / "one.partial").mkdir()
    with pytest.raises(OSError, match=r"one\.partial"):
        replace_file(tmp_path / "one", b"second")
    assert (tmp_path / "one").read_bytes() == b"first"


def test_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    inside, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with locked(tmp_path / "lock", 60):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


def test_lock_that_is_held_is_waited_for_no_longer_than_said(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock", 0),
        pytest.raises(LedgerBusyError, match=r"Another program holds .*lock for more than 0\.02"),
        locked(tmp_path / "lock", 0.02),
    ):
        pass
    with locked(tmp_path / "lock", 0):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="left out: this system has no SIGKILL")
def test_killed_program_keeps_no_lock(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from custledger.storage.files import locked\n"
        "with locked(Path(sys.argv[1]), 0): print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "lock")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LedgerBusyError), locked(tmp_path / "lock", 0):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with locked(tmp_path / "lock", 10):
        pass
