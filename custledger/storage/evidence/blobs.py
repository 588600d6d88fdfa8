"""Where the bytes of evidence go: a folder beside the SQLite file, or a table.

Names are random, never a digest: a plain digest of a short text can be guessed.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from sqlalchemy import Connection, delete, func, select

from custledger.errors import BadInputError, LedgerUnwritableError
from custledger.storage.bulk import insert_rows, table_of
from custledger.storage.files import sync_folder
from custledger.storage.tables import BlobRow

__all__ = ["CHUNK", "BlobStore", "EitherStore", "FolderStore", "Reading", "TableStore", "chunks_of"]

Reading = Callable[[], AbstractContextManager[Connection]]
"""Opens a short read of its own."""

CHUNK: Final = 1 << 20
"""Files are streamed in chunks of this many bytes."""
_AN_OPEN_WRITE_SECONDS: Final = 3600
_OURS: Final = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{30}(\.partial)?")


class BlobStore(Protocol):
    """Keeps byte strings of any size under random names.

    ``transactional`` says whether a rolled-back transaction takes them away by itself.
    """

    transactional: bool

    def write(self, connection: Connection, name: str, chunks: Iterable[bytes]) -> None:
        """Keep the chunks, durably, under a name that is not in use."""

    def read(self, connection: Connection, name: str) -> Iterator[bytes]:
        """The bytes under a name, in chunks; FileNotFoundError if there are none."""

    def stream(self, reading: Reading, name: str) -> Iterator[bytes]:
        """The same, with no connection and no snapshot held between two chunks."""

    def delete(self, connection: Connection, name: str) -> None:
        """Forget a name; no error if it is not there."""

    def remove_files(self, names: Iterable[str]) -> int:
        """Remove what is under names outside of the database; returns how many files went."""

    def sweep(self, in_use: Container[str], *, at_once: bool = False) -> int:
        """Remove what rolled-back writes left behind; returns how many files went.

        ``at_once`` says that no write is open, so that the newest files need not stay.
        """


class FolderStore:
    """Files in a folder, fanned out by the first two characters of their names."""

    transactional = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, connection: Connection, name: str, chunks: Iterable[bytes]) -> None:
        """Write the file and rename it into place, so that a name never holds half a file."""
        path = self._path(name)
        partial = path.with_suffix(".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("xb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())  # the entry that names the file is durable, so it must be
            partial.replace(path)
            sync_folder(path.parent)
        except BaseException as error:
            partial.unlink(missing_ok=True)
            if not isinstance(error, OSError):
                raise
            raise LedgerUnwritableError(
                f"The evidence cannot be stored in {self.folder}: {error.strerror}. "
                "Nothing was written."
            ) from error

    def read(self, connection: Connection, name: str) -> Iterator[bytes]:
        """The file's bytes in chunks."""
        with self._path(name).open("rb") as file:
            yield from chunks_of(file)

    def stream(self, reading: Reading, name: str) -> Iterator[bytes]:
        """The file's bytes in chunks; the database has no part in it."""
        with self._path(name).open("rb") as file:
            yield from chunks_of(file)

    def delete(self, connection: Connection, name: str) -> None:
        """Remove the file."""
        self._path(name).unlink(missing_ok=True)

    def remove_files(self, names: Iterable[str]) -> int:
        """Remove the files, and make it durable that they are gone."""
        found = [path for path in map(self._path, names) if path.exists()]
        for path in found:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in found}:
            sync_folder(folder)
        return len(found)

    def sweep(self, in_use: Container[str], *, at_once: bool = False) -> int:
        """Remove files that no entry names and that are too old to belong to an open write."""
        newest = math.inf if at_once else time.time() - _AN_OPEN_WRITE_SECONDS
        left = [
            path
            for path in self.folder.glob("??/*")
            if _OURS.fullmatch(f"{path.parent.name}/{path.name}")
            and path.name not in in_use
            and path.stat().st_mtime < newest
        ]
        for path in left:
            path.unlink()
        return len(left)

    def holds(self, name: str) -> bool:
        """Whether there is a file under a name."""
        with suppress(FileNotFoundError):
            return self._path(name).is_file()
        return False

    def _path(self, name: str) -> Path:
        _check(name)
        return self.folder / name[:2] / name


class TableStore:
    """Chunks in the table custledger_blob, in the transaction of the entry."""

    transactional = True

    def write(self, connection: Connection, name: str, chunks: Iterable[bytes]) -> None:
        """Insert the chunks one by one; an empty file is one empty chunk."""
        number = 0
        for chunk in chunks:
            insert_rows(connection, BlobRow, [(name, number, chunk)])
            number += 1
        if number == 0:
            insert_rows(connection, BlobRow, [(name, 0, b"")])

    def read(self, connection: Connection, name: str) -> Iterator[bytes]:
        """The chunks in their order."""
        return self.stream(lambda: nullcontext(connection), name)

    def stream(self, reading: Reading, name: str) -> Iterator[bytes]:
        """The chunks in their order, each by a read of its own."""
        _check(name)
        table = table_of(BlobRow)
        with reading() as connection:
            query = select(func.count()).where(table.c.name == name)
            count = connection.scalar(query) or 0
        if count == 0:
            raise FileNotFoundError(name)
        for number in range(count):
            query = select(table.c.data).where(table.c.name == name, table.c.number == number)
            with reading() as connection:
                chunk = connection.scalar(query)
            if chunk is None:
                raise FileNotFoundError(name)
            yield bytes(chunk)

    def delete(self, connection: Connection, name: str) -> None:
        """Delete the chunks."""
        table = table_of(BlobRow)
        connection.execute(delete(table).where(table.c.name == name))

    def remove_files(self, names: Iterable[str]) -> int:
        """Nothing to do: the chunks are deleted with the entry's other rows."""
        return 0

    def sweep(self, in_use: Container[str], *, at_once: bool = False) -> int:
        """Nothing to do: a rolled-back transaction takes its chunks with it."""
        return 0


class EitherStore:
    """The folder beside a SQLite file, and the table in it, where guests keep what they attach.

    ``keep_in_table`` says where new bytes go; all are found wherever they are.
    """

    def __init__(self, folder: FolderStore, *, keep_in_table: bool) -> None:
        self._folder, self._table = folder, TableStore()
        self._keeper: BlobStore = self._table if keep_in_table else folder
        self.transactional = self._keeper.transactional

    def write(self, connection: Connection, name: str, chunks: Iterable[bytes]) -> None:
        """Keep the chunks where new ones go."""
        self._keeper.write(connection, name, chunks)

    def read(self, connection: Connection, name: str) -> Iterator[bytes]:
        """The bytes in chunks."""
        return self._of(name).read(connection, name)

    def stream(self, reading: Reading, name: str) -> Iterator[bytes]:
        """The bytes in chunks, nothing held between two."""
        return self._of(name).stream(reading, name)

    def delete(self, connection: Connection, name: str) -> None:
        """Forget a name, wherever it is."""
        self._folder.delete(connection, name)
        self._table.delete(connection, name)

    def remove_files(self, names: Iterable[str]) -> int:
        """Remove the folder's files."""
        return self._folder.remove_files(names)

    def sweep(self, in_use: Container[str], *, at_once: bool = False) -> int:
        """Remove the folder's left-over files."""
        return self._folder.sweep(in_use, at_once=at_once)

    def _of(self, name: str) -> BlobStore:
        return self._folder if self._folder.holds(name) else self._table


def _check(name: object) -> None:
    # A name that was edited in the database must not lead out of the folder, and may be no text.
    if not (isinstance(name, str) and name.isascii() and name.isalnum()):
        raise FileNotFoundError(name)


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of an open binary file in chunks; BadInputError for anything else."""
    if not callable(getattr(file, "read", None)):
        raise BadInputError(f"file must be an open binary file, not {file!r}; or give its path.")
    while True:
        chunk = file.read(CHUNK)
        if not isinstance(chunk, bytes):
            raise BadInputError(
                f"file gives {type(chunk).__name__}, not bytes. Open it in binary mode ('rb'), or "
                "give its path."
            )
        if not chunk:
            return
        yield chunk
