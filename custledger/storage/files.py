"""Files that outlive a power failure, and a lock that two programs share."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from custledger.errors import LedgerBusyError

__all__ = ["create_file", "locked", "replace_file", "sync_folder"]

_LOOK_AGAIN_SECONDS: Final = 0.01


def sync_folder(folder: Path) -> None:
    """Make the names of a folder's files durable, as ``os.fsync`` makes their bytes."""
    if os.name == "posix":  # Windows cannot, and need not
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def create_file(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file that is not there yet, durably; FileExistsError leaves the one that is."""
    _write(path, os.O_CREAT | os.O_EXCL, data, mode)
    sync_folder(path.parent)


def replace_file(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file so that whoever reads it, even after a crash, finds the old or the new bytes.

    One program at a time may do so: the half-written file beside it has a fixed name.
    """
    partial = path.with_name(f"{path.name}.partial")
    _write(partial, os.O_CREAT | os.O_TRUNC, data, mode)
    partial.replace(path)
    sync_folder(path.parent)


@contextmanager
def locked(path: Path, wait_seconds: float) -> Iterator[None]:
    """Hold the lock of a file that is made if need be; the system lets go of it after a crash.

    Raises LedgerBusyError if another program or thread holds it for all that time.
    """
    # The file stays: were it removed, two could each hold the lock of a file of that name.
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:  # another user made it; to lock it one need not write in it
        handle = os.open(path, os.O_RDONLY)
    try:
        until = time.monotonic() + wait_seconds
        while not _try_lock(handle):
            if time.monotonic() > until:
                raise LedgerBusyError(
                    f"Another program holds {path} for more than {wait_seconds:g} seconds. "
                    "Nothing was written; try again when it has finished."
                )
            time.sleep(_LOOK_AGAIN_SECONDS)
        yield
    finally:
        os.close(handle)  # gives the lock back


def _write(path: Path, flags: int, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | flags | getattr(os, "O_BINARY", 0), mode)
    with open(handle, "wb") as file:  # noqa: PTH123 (a handle, not a path)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
