"""What a note that is to be published says of itself."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from custledger.core.trail.notes import Checkpoint, Note, published_note
from custledger.errors import BadInputError

__all__ = ["Published", "published"]

_ORIGIN: Final = re.compile(r"custledger/ledger/([0-9a-f-]{36})(?:/([1-9][0-9]*))?")
_DIGITS: Final = 10


class Published(NamedTuple):
    """A signed note, read."""

    note: Note
    checkpoint: Checkpoint
    ledger: str
    incarnation: str

    @property
    def stem(self) -> str:
        """A file name without its ending: ledger, incarnation from the second on, and size."""
        life = f"-{self.incarnation}" if self.incarnation else ""
        return f"{self.ledger}{life}-{self.checkpoint.size:0{_DIGITS}}"


def published(note_text: str) -> Published:
    """The checkpoint in a signed note; BadInputError if it is none of custledger's."""
    try:
        note, checkpoint = published_note(note_text)
    except ValueError as error:
        raise BadInputError(f"This is no signed checkpoint. {error}") from error
    named = _ORIGIN.fullmatch(checkpoint.origin)
    if named is None:
        raise BadInputError(f"{checkpoint.origin!r} is not the origin of a custledger ledger.")
    return Published(note, checkpoint, named[1], named[2] or "")
