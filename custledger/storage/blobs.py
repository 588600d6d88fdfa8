"""Where the bytes of evidence go: a folder beside the SQLite file, or a table.

Names are random, never a digest: a plain digest of a short text can be guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from sqlalchemy import Connection, delete, select

from custledger.errors import LedgerUnwritableError
from custledger.storage.bulk import insert_rows, table_of
from custledger.storage.tables import BlobRow

__all__ = ["CHUNK", "BlobStore", "FolderStore", "TableStore", "chunks_of"]

CHUNK: Final = 1 << 20
"""Files are streamed in chunks of this many bytes."""


class BlobStore(Protocol):
    """Keeps byte strings of any size under random names."""

    def write(self, connection: Connection, name: str, chunks: Iterable[bytes]) -> None:
        """Keep the chunks, durably, under a name that is not in use."""

    def read(self, connection: Connection, name: str) -> Iterator[bytes]:
        """The bytes under a name, in chunks; FileNotFoundError if there are none."""

    def delete(self, connection: Connection, name: str) -> None:
        """Forget a name; no error if it is not there."""

    def names(self, connection: Connection) -> Iterator[str]:
        """Every name in the store."""


class FolderStore:
    """Files in a folder, fanned out by the first two characters of their names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, connection: Connection, name: str, chunks: Iterable[bytes]) -> None:
        """Write the file and rename it into place, so that a name never holds half a file."""
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            with partial.open("xb") as file:
                for chunk in chunks:
                    file.write(chunk)
            partial.replace(path)
        except OSError as error:
            raise LedgerUnwritableError(
                f"The evidence cannot be stored in {self.folder}: {error.strerror}. "
                "Nothing was written."
            ) from error

    def read(self, connection: Connection, name: str) -> Iterator[bytes]:
        """The file's bytes in chunks."""
        with self._path(name).open("rb") as file:
            yield from chunks_of(file)

    def delete(self, connection: Connection, name: str) -> None:
        """Remove the file."""
        self._path(name).unlink(missing_ok=True)

    def names(self, connection: Connection) -> Iterator[str]:
        """The names of whole and of half-written files."""
        yield from sorted(path.stem for path in self.folder.glob("??/*") if path.is_file())

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / name


class TableStore:
    """Chunks in the table custledger_blob, in the transaction of the entry."""

    def write(self, connection: Connection, name: str, chunks: Iterable[bytes]) -> None:
        """Insert the chunks one by one."""
        for number, chunk in enumerate(chunks):
            insert_rows(connection, BlobRow, [(name, number, chunk)])

    def read(self, connection: Connection, name: str) -> Iterator[bytes]:
        """The chunks in their order."""
        table, number = table_of(BlobRow), 0
        while True:
            query = select(table.c.data).where(table.c.name == name, table.c.number == number)
            chunk = connection.scalar(query)
            if chunk is None:
                break
            yield bytes(chunk)
            number += 1
        if number == 0:
            raise FileNotFoundError(name)

    def delete(self, connection: Connection, name: str) -> None:
        """Delete the chunks."""
        table = table_of(BlobRow)
        connection.execute(delete(table).where(table.c.name == name))

    def names(self, connection: Connection) -> Iterator[str]:
        """The names in the table."""
        table = table_of(BlobRow)
        yield from connection.scalars(select(table.c.name).distinct().order_by(table.c.name)).all()


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of an open binary file in chunks."""
    while chunk := file.read(CHUNK):
        yield chunk
