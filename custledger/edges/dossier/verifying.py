"""Check a dossier: what ``verify.py`` does, and what ``verify_dossier`` does within Python.

A dossier's ``verify.py`` ends with this module, so it keeps to what Python 3.9 has.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from custledger.core.dossier.check import (
    CHECKPOINT,
    DOSSIER,
    STAMP,
    VERIFIER,
    CheckedDossier,
    Problem,
    check,
)
from custledger.core.dossier.content import ERASED, OWNER, WITHHELD, Dossier
from custledger.core.dossier.page import customer_name, render
from custledger.core.dossier.story import counts
from custledger.core.dossier.words import one_line
from custledger.core.dossier.zip import ZipReader
from custledger.core.trail.notes import VerifierKey
from custledger.core.words import count, moment_in_words
from custledger.errors import BadInputError

__all__ = ["main", "report", "verify_dossier", "write_page"]

_EXIT: Final = {"holds": 0, "broken": 1, "not compared": 2}
_VERDICTS: Final = {
    "holds": "HOLDS. As far as it is sealed, nothing was changed, left out or added.",
    "broken": "DOES NOT HOLD. This dossier is not as it was recorded and sealed.",
    "not compared": "NOT WHOLLY CHECKED. Nothing is amiss as far as it could be checked.",
}
_NOT_SHOWN: Final = (
    "What this does not show: whether an entry was true when it was recorded, and the names of "
    "people, which the firm states."
)
_NO_PAGE: Final = "No page was written: what this dossier says is not what was recorded and sealed."


def verify_dossier(
    path: str | os.PathLike[str],
    published: str | bytes | None = None,
    keys: Sequence[VerifierKey] = (),
) -> CheckedDossier:
    """Check the dossier in a file; a report, never an exception for what is in the file.

    ``published`` is a checkpoint that the firm published, as text or as the bytes of its file;
    ``keys`` are the keys that may have signed it. Raises OSError if the file cannot be read.
    """
    with Path(path).open("rb") as file:
        try:
            reader = _reader(file)
            for name in reader.members:  # what nothing else reads has a checksum at least
                for _ in reader.chunks(name):
                    pass
            return check(list(reader.members), reader.chunks, published, keys)
        except (BadInputError, RecursionError) as error:
            return CheckedDossier(None, None, (Problem("zip-altered", str(error)),), ())


def write_page(path: str | os.PathLike[str], to: str | os.PathLike[str]) -> None:
    """Render the page anew from a dossier's entries, instead of trusting the one in it.

    Raises BadInputError, and writes nothing, for a dossier whose entries do not hold in themselves.
    """
    if not _can_be_shown(verify_dossier(path)):
        raise BadInputError(_NO_PAGE)
    with Path(path).open("rb") as file, Path(to).open("w", encoding="utf-8", newline="\n") as page:
        reader = _reader(file)
        dossier = Dossier.from_bytes(b"".join(reader.chunks(DOSSIER)))
        checkpoint = b"".join(reader.chunks(CHECKPOINT)).decode() if dossier.seal else ""
        for text in render(dossier, checkpoint, reader.chunks):
            page.write(text)


def _can_be_shown(checked: CheckedDossier) -> bool:
    """Whether all is well but for the page in the dossier, which is not what would be shown."""
    return {problem.code for problem in checked.problems} <= {"page-altered"}


def report(checked: CheckedDossier, *, keys_named: bool = False) -> Iterator[str]:
    """What was found, line by line, in plain words."""
    yield _VERDICTS[checked.verdict]
    yield from (f"  {one_line(str(problem))}" for problem in checked.problems)
    if checked.dossier is not None:
        yield ""
        yield from map(one_line, _told(checked.dossier, checked))
    for doubt in checked.doubts:
        yield f"Not checked: {one_line(doubt)}"
    if checked.dossier is not None and checked.dossier.seal is not None:
        yield from _of_the_signature(checked, keys_named)
    yield _NOT_SHOWN


def main(arguments: Sequence[str] | None = None) -> int:
    """The program: 0 holds, 1 does not, 2 not wholly checked (or called in a wrong way)."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    asked = _parser().parse_args(arguments)
    try:
        keys = [VerifierKey.from_text(_text_or_file(key)) for key in asked.key]
        published = None
        if asked.checkpoint is not None:
            published = Path(asked.checkpoint).read_bytes()
        checked = verify_dossier(asked.dossier, published, keys)
        print("\n".join(report(checked, keys_named=bool(keys))))  # noqa: T201
        if asked.page is not None and not _can_be_shown(checked):
            print(_NO_PAGE)  # noqa: T201
        elif asked.page is not None:
            write_page(asked.dossier, asked.page)
            print(f"The page, rendered anew: {asked.page}")  # noqa: T201
    except (OSError, ValueError) as error:
        print(f"verify.py: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return _EXIT[checked.verdict]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=VERIFIER,
        description="Check a dossier of custledger against a checkpoint that the firm published.",
        epilog="Exit code: 0 it holds; 1 it does not; 2 it could not be checked wholly.",
    )
    parser.add_argument("dossier", help="the zip")
    parser.add_argument("checkpoint", nargs="?", help="a checkpoint that you have from elsewhere")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="KEY",
        help="the firm's published key, NAME+ID+BASE64, or a file with it; may be repeated",
    )
    parser.add_argument("--page", metavar="FILE", help="write the page anew, from what was checked")
    return parser


def _told(dossier: Dossier, checked: CheckedDossier) -> Iterator[str]:
    clock, absent = dossier.clock, counts(dossier)
    made = moment_in_words(dossier.made_at, clock.offset(dossier.made_at))
    whom = "the owner" if dossier.audience == OWNER else f"a {dossier.audience}".replace("-", " ")
    yield f"Dossier of {customer_name(dossier)}, for {whom}, made on {made}."
    entries = count(len(dossier.entries), "entry", "entries")
    yield f"{entries}, {count(len(dossier.files()), 'file')} of evidence."
    if dossier.seal is not None and checked.seal is not None:
        after = len(dossier.entries) - dossier.seal.seq
        yield (
            f"Sealed up to entry #{dossier.seal.seq}, by seal {checked.seal.n} of "
            f"{moment_in_words(checked.seal.sealed_at)}."
        )
        if after > 0:
            yield f"NOT SEALED YET: {count(after, 'entry', 'entries')} after that."
    if absent[WITHHELD]:
        yield f"LEFT OUT of this dossier: {count(absent[WITHHELD], 'part')}; the page shows which."
    if absent[ERASED]:
        yield f"Erased for good: {count(absent[ERASED], 'part')}; entries say why."
    if checked.compared_to is not None:
        yield (
            f"Compared with the published checkpoint of {count(checked.compared_to, 'seal')}: the "
            f"entries up to #{checked.reaches_to} are those that were sealed by then."
        )
        if dossier.seal is not None and checked.reaches_to < dossier.seal.seq:
            yield (
                f"NOT COVERED by that checkpoint: entries after #{checked.reaches_to}, sealed "
                "later. A newer published checkpoint covers them."
            )


def _of_the_signature(checked: CheckedDossier, keys_named: bool) -> Iterator[str]:
    if checked.signed:
        yield "The signatures are those of a key that you named."
    elif not keys_named:
        yield (
            "THE SIGNATURE WAS NOT CHECKED against a key that you know: name the firm's published "
            "key with --key. What was compared is as good as the place where you have the "
            "checkpoint from."
        )
        yield from (f"  key, as the dossier states: {one_line(key)}" for key in _keys_of(checked))
    if checked.stamped:
        yield (
            f"The time stamp {STAMP} names this checkpoint; its signature was not checked here. "
            f"openssl checks it: openssl ts -verify -data {CHECKPOINT} -in {STAMP} -CAfile "
            "CERTIFICATES"
        )


def _keys_of(checked: CheckedDossier) -> Sequence[str]:
    return checked.dossier.keys if checked.dossier else ()


def _reader(file: BinaryIO) -> ZipReader:
    return ZipReader(partial(_read, file), file.seek(0, os.SEEK_END))


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _text_or_file(key: str) -> str:
    with suppress(OSError, ValueError):
        return Path(key).read_text(encoding="utf-8").strip()
    return key
