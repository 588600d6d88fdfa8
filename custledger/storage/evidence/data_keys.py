"""Where the keys of encrypted evidence are: apart from the ledger, one a customer.

To destroy a customer's key is to erase the contents of their evidence wherever copies of it are, in
backups too: as long as the keys themselves are in no backup that is kept for longer.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from custledger.errors import BadInputError, LedgerUnreadableError, LedgerUnwritableError
from custledger.storage.evidence.encryption import KEY_BYTES
from custledger.storage.files import sync_folder

__all__ = ["DataKeys", "KeyFolder"]

_OTHERS: Final = 0o077


class DataKeys(Protocol):
    """Keeps a random 32-byte key for each customer, who is named by the uuid."""

    def key(self, subject: UUID, create: bool) -> bytes | None:
        """The customer's key; where there is none, a new one if ``create``, else None.

        A new key is durable before it is given out.
        """

    def destroy(self, subject: UUID) -> bool:
        """Forget the customer's key for good; whether there was one."""


class KeyFolder:
    """Keys as files of a folder that only its owner may enter (mode 0700, each file 0600).

    Put it on another disk than the ledger, and not into the ledger's backups. One folder serves any
    number of ledgers.

    >>> import tempfile, uuid
    >>> keys, ann = KeyFolder(tempfile.mkdtemp() + "/keys"), uuid.uuid4()
    >>> keys.key(ann, create=True) == keys.key(ann, create=False)
    True
    >>> keys.destroy(ann), keys.key(ann, create=False)
    (True, None)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.folder = Path(path)
        if self.folder.exists():
            self._refuse_open_to_others()

    def key(self, subject: UUID, create: bool) -> bytes | None:
        """The customer's key; a new one is written whole, synced and then renamed into place."""
        found = self._read(subject)
        if found is not None or not create:
            return found
        try:
            self._make(subject)
        except OSError as error:
            raise LedgerUnwritableError(
                f"No key can be written to {self.folder}: {error.strerror}. Nothing was written."
            ) from error
        return self._read(subject)

    def destroy(self, subject: UUID) -> bool:
        """Overwrite the customer's key and remove its file.

        A disk that writes elsewhere than it was told (flash memory, snapshots) may keep old blocks:
        on such a disk, encrypt the disk itself as well.
        """
        path = self._path(subject)
        try:
            with path.open("r+b") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(self.folder)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise LedgerUnwritableError(
                f"The key {path} cannot be destroyed: {error.strerror}. Check its permissions."
            ) from error
        return True

    def refuse_beside(self, evidence: Path) -> None:
        """BadInputError if the keys and the evidence lie in each other's folder."""
        keys, files = self.folder.resolve(), evidence.resolve()
        if keys.is_relative_to(files) or files.is_relative_to(keys):
            raise BadInputError(
                f"The keys in {self.folder} would lie with the evidence in {evidence} that they "
                "protect, and in each of its backups. Name a folder apart, on another disk if you "
                "can."
            )

    def _read(self, subject: UUID) -> bytes | None:
        path = self._path(subject)
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LedgerUnreadableError(
                f"The key {path} cannot be read: {error.strerror}. Check its permissions."
            ) from error
        if len(found) != KEY_BYTES:
            raise LedgerUnreadableError(
                f"The key {path} is damaged: it has {len(found)} bytes, not {KEY_BYTES}. Restore "
                "it from a backup of the keys."
            )
        return found

    def _make(self, subject: UUID) -> None:
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(self.folder.parent)
        self._refuse_open_to_others()
        partial = self.folder / f"{secrets.token_hex(8)}.partial"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            with os.fdopen(os.open(partial, flags, 0o600), "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process made one meanwhile: that one holds
                _place(partial, self._path(subject))
            sync_folder(self.folder)
        finally:
            partial.unlink(missing_ok=True)

    def _path(self, subject: UUID) -> Path:
        return self.folder / f"{subject}.key"

    def _refuse_open_to_others(self) -> None:
        if os.name == "posix" and self.folder.stat().st_mode & _OTHERS:
            raise BadInputError(
                f"Others may enter {self.folder}, which holds keys. Close it first: "
                f"chmod 700 {self.folder}"
            )


def _place(partial: Path, path: Path) -> None:
    """Give a whole file its name, or FileExistsError if the name is in use."""
    if os.name == "posix":
        os.link(partial, path)
    else:
        partial.rename(path)
