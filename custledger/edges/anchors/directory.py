"""An append-only directory of checkpoints: a share, a disk, a synchronised folder, elsewhere.

One file a checkpoint, ``LEDGER-UUID[-INCARNATION]-SIZE.txt``, and the register of erasures beside
them. Nothing is ever overwritten, renamed or removed, so the system may forbid all of that (such as
``chattr +a`` on Linux, a write-once share, a bucket with object lock).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from custledger.core.trail.anchoring import AnchorCheck
from custledger.core.trail.notes import Note, published_note
from custledger.edges.anchors.naming import Published, published
from custledger.errors import BadInputError, LedgerBusyError, NotPublishedError
from custledger.storage.files import create_file, locked, sync_folder
from custledger.storage.verifying.anchor_check import check_in_directory

__all__ = ["REGISTER", "DirectoryAnchor"]

REGISTER: Final = "erasures.jsonl"
_LOCK: Final = ".lock"
_WAIT_SECONDS: Final = 30.0


class DirectoryAnchor:
    """A directory of checkpoints that only ever grows; it must be there already.

    It is worth what it is out of reach: keep it where whoever may write to the ledger cannot.
    """

    kind: Final = "directory"

    def __init__(self, path: Path | str) -> None:
        self._folder = Path(path)

    def __repr__(self) -> str:
        return f"DirectoryAnchor({self.place!r})"

    @property
    def place(self) -> str:
        """The path as given."""
        return str(self._folder)

    def publish(self, note_text: str) -> bytes:
        """Write the note to a file of its own; the token is the file's name.

        The same note again is fine, and so is one of the same seals with another signature (it gets
        a name of its own). Raises NotPublishedError if the directory holds a checkpoint of as many
        seals with another root: one of the two ledgers is not the true one.
        """
        new = published(note_text)
        with self._alone("The checkpoint", "Nothing was published; see"):
            return self._publish(new, new.note.to_text()).encode()

    def check(self, note_text: str, token: bytes) -> AnchorCheck:
        """Whether the file is there and holds the note."""
        return check_in_directory(self._folder, token, note_text)

    def checkpoints(self) -> list[str]:
        """The text of every checkpoint, by ledger and size: for ``verify(checkpoints=...)``.

        What was damaged is among them, for `verify` to say so; an empty file, which a power
        failure may leave, is not. Raises BadInputError if there is no such directory.
        """
        if not self._folder.is_dir():
            raise BadInputError(f"There is no directory {self._folder}. Give that of the anchor.")
        texts = [path.read_bytes() for path in sorted(self._folder.glob("*.txt"))]
        return [text.decode("utf-8", "replace") for text in texts if text]

    def append_register(self, lines: Iterable[str]) -> None:
        """Add lines to the register of erasures, durably; those that are in it already are not.

        Raises NotPublishedError if it cannot be written.
        """
        lines = list(dict.fromkeys(lines))
        if any(not line or "\n" in line for line in lines):
            raise BadInputError(
                "A line of the register is a text without a newline, and not empty."
            )
        with self._alone("The register of erasures", "See"):
            known = set(self.register())
            # A last line without an end is what a power failure left: begin a new one.
            gap = "" if self._register_is_whole() else "\n"
            new = "".join(f"{line}\n" for line in lines if line not in known)
            if new:
                _append(self._folder / REGISTER, (gap + new).encode())
                sync_folder(self._folder)

    def register(self) -> list[str]:
        """The lines of the register of erasures; none if there is no register yet."""
        try:
            text = (self._folder / REGISTER).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        return [line for line in text.split("\n") if line]

    @contextmanager
    def _alone(self, what: str, then: str) -> Iterator[None]:
        """Let no other program write meanwhile: its half-written file is no remains of a crash."""
        try:
            with locked(self._folder / _LOCK, _WAIT_SECONDS):
                yield
        except LedgerBusyError as error:
            raise NotPublishedError(f"{what} cannot be kept yet. {error}") from error
        except OSError as error:
            raise NotPublishedError(
                f"{what} cannot be kept in {self._folder}: {error.strerror or error}. {then} that "
                "the directory is there, and can be written and locked."
            ) from error

    def _publish(self, new: Published, text: str) -> str:
        """The name of the file that holds the note."""
        name = f"{new.stem}.txt"
        if not self._keep(name, text):
            self._refuse_fork(name, new)
            name = f"{new.stem}-{sha256(text.encode()).hexdigest()[:8]}.txt"
            if not self._keep(name, text):
                raise NotPublishedError(
                    f"{self._folder / name} is damaged. Nothing was published; compare the "
                    "directory with its copies."
                )
        return name

    def _keep(self, name: str, note_text: str) -> bool:
        """Whether the directory holds the note under the name, now or already."""
        path, data = self._folder / name, note_text.encode()
        try:
            create_file(path, data)
        except FileExistsError:
            found = path.read_bytes()
            if data.startswith(found) and not _is_note(found):
                # A crash cut the file short. To go on at its end overwrites nothing.
                _append(path, data[len(found) :])
                return True
            return found == data
        return True

    def _refuse_fork(self, name: str, new: Published) -> None:
        path = self._folder / name
        try:
            same = published_note(path.read_bytes())[0].text == new.note.text
        except ValueError:
            same = False
        if not same:
            raise NotPublishedError(
                f"{path} holds another checkpoint of {new.checkpoint.size} seals of this ledger. "
                "Nothing was published. Either this ledger or that file was changed: verify the "
                f"ledger against it (custledger verify --checkpoint {path}), and compare the "
                "directory with its copies."
            )

    def _register_is_whole(self) -> bool:
        path = self._folder / REGISTER
        return not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")


def _is_note(found: bytes) -> bool:
    try:
        return bool(Note.from_text(found.decode()))
    except ValueError:
        return False


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
