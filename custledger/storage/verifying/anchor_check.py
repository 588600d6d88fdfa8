"""Anchors checked: whether what was published is still where the ledger says that it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, select

from custledger.core.trail.anchoring import AnchorCheck, AnchorState
from custledger.core.trail.findings import Finding, FindingCode
from custledger.core.trail.timestamps import check_timestamp
from custledger.storage.bulk import table_of
from custledger.storage.truth_tables import AnchorRow
from custledger.storage.verifying.checkpoint_check import check_numbers, is_over, notes_by_seal
from custledger.storage.verifying.seal_check import Find, Seals

__all__ = ["check_anchors", "check_in_directory"]

_anchor = table_of(AnchorRow)


def check_anchors(
    connection: Connection, seals: Seals, certificates: Sequence[bytes], find: Find
) -> int:
    """Check where checkpoints were published; returns the newest seal that an authority saw."""
    c = _anchor.c
    query = select(c.n, c.kind, c.place, c.token, c.anchored_at).order_by(c.n, c.number)
    rows = connection.execute(query).all()
    if not rows:
        return 0
    check_numbers(connection, _anchor, FindingCode.ANCHOR_WRONG, find)
    notes, newest = notes_by_seal(connection), 0
    for n, kind, place, token, moment in rows:
        if not (isinstance(n, int) and 0 < n <= seals.size):
            continue  # of a seal that is missing, which is found there
        texts = [text for text in notes.get(n, ()) if isinstance(text, str)]
        if isinstance(place, str) and isinstance(token, bytes) and isinstance(moment, int):
            result = _anchor_check(str(kind), place, token, texts, certificates)
        else:
            result = AnchorCheck(AnchorState.FAILS, "its row was changed")
        if result.state is AnchorState.FAILS:
            find(Finding(FindingCode.ANCHOR_WRONG, f"{kind} {place}: {result.words}", seal=n))
        elif result.at is not None and is_over(seals, n, texts):
            newest = max(newest, n)
    return newest


def _anchor_check(
    kind: str, place: str, token: bytes, texts: Sequence[str], certificates: Sequence[bytes]
) -> AnchorCheck:
    """Whether an anchor is one of any of the notes with its seal."""
    results = [_one_anchor(kind, place, token, text, certificates) for text in texts]
    for state in (AnchorState.HOLDS, AnchorState.UNCHECKED, AnchorState.FAILS):
        for result in results:
            if result.state is state:
                return result
    return AnchorCheck(AnchorState.FAILS, "there is no checkpoint that was published there")


def _one_anchor(
    kind: str, place: str, token: bytes, text: str, certificates: Sequence[bytes]
) -> AnchorCheck:
    match kind:
        case "directory":
            return check_in_directory(Path(place), token, text)
        case "timestamp":
            return check_timestamp(text, token, certificates)
        case "mail":
            return AnchorCheck(AnchorState.UNCHECKED, "compare it with the mailboxes")
    return AnchorCheck(AnchorState.FAILS, "there is no such kind of anchor")


def check_in_directory(folder: Path, token: bytes, text: str) -> AnchorCheck:
    """Whether the file that a token names holds the note, in a directory that only grows."""
    # Its name alone: a token from a database that was changed must not lead out of the directory.
    path = folder / Path(token.decode("utf-8", "replace")).name
    try:
        if not folder.is_dir():
            return AnchorCheck(AnchorState.UNCHECKED, f"The directory {folder} is not here.")
        found = path.read_bytes() if path.suffix == ".txt" else b""
    except FileNotFoundError:
        words = f"{path} was removed, or never arrived in this copy of the directory."
        return AnchorCheck(AnchorState.FAILS, words)
    except ValueError:
        return AnchorCheck(AnchorState.FAILS, f"{str(path)!r} cannot be the name of a file.")
    except OSError as error:
        words = f"{path} cannot be read: {error.strerror}."
        return AnchorCheck(AnchorState.UNCHECKED, words)
    if found != text.encode("utf-8", "surrogateescape"):
        return AnchorCheck(AnchorState.FAILS, f"{path} holds another text than was published.")
    return AnchorCheck(AnchorState.HOLDS, f"{path} holds it.")
