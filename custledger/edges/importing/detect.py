"""What a file is: packed or not, its encoding, its delimiter. Declared, or detected by libraries.

The whole file is read once before anything is imported: for its fingerprint, and so that text that
cannot be decoded is found while the ledger is still as it was.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

import charset_normalizer

from custledger.errors import ImportFileError

__all__ = ["FileFacts", "dialect_of", "inspect", "open_bytes"]

_CHUNK: Final = 1 << 20
_SAMPLE: Final = 1 << 16
_SAMPLE_LINES: Final = 60
_SAMPLE_LINE: Final = 2_000
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DELIMITERS: Final = ",;\t|"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the first reading of a file found; ``sha256`` is of its bytes as they lie on disk."""

    path: Path
    size: int
    sha256: str
    packed: bool
    encoding: str
    guessed: bool
    long_lines: bool


def inspect(path: Path, encoding: str | None = None) -> FileFacts:
    """Read the whole file once and find its facts, or raise ImportFileError with the remedy."""
    with _readable(path):
        head = _head(path)
        packed = head.startswith(b"\x1f\x8b")
        with open_bytes(path, packed=packed) as (stream, _):
            start = stream.read(_SAMPLE)
        if not start.strip():
            raise ImportFileError(f"{path.name} is empty. Export it again, with its header line.")
        declared = encoding or _by_mark(path, start)
        bad_byte, sample, long_lines = _decode(path, packed, declared or "utf-8")
        if bad_byte is not None and declared is not None:
            raise ImportFileError(_undecodable(path, declared, bad_byte))
        found = declared or ("utf-8" if bad_byte is None else _guess(path, packed, sample))
        size, guessed = path.stat().st_size, bad_byte is not None
        return FileFacts(path, size, _sha256(path), packed, found, guessed, long_lines)


@contextmanager
def open_bytes(path: Path, *, packed: bool) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """The file's bytes, unpacked if it is a gzip file, and how many were taken from the disk."""
    with path.open("rb") as raw:
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
        yield stream, raw.tell


def dialect_of(sample: str, delimiter: str | None) -> tuple[str, str, str | None]:
    """The delimiter, the quote sign and the escape sign, detected where not declared."""
    import clevercsv  # slow to import, and only an import needs it

    # Detection takes time that grows faster than the length of a line.
    lines = [line for line in sample.splitlines(keepends=True) if len(line) <= _SAMPLE_LINE]
    lines = lines[:_SAMPLE_LINES] or [sample[:_SAMPLE_LINE]]
    try:
        found = clevercsv.Sniffer().sniff("".join(lines), delimiters=delimiter or _DELIMITERS)
    except clevercsv.Error:
        found = None
    if delimiter is None and (found is None or not found.delimiter):
        # A file of one column has no delimiter to find.
        delimiter = next((sign for sign in _DELIMITERS if sign in lines[0]), ",")
    quote = found.quotechar if found is not None and found.quotechar in ('"', "'") else '"'
    escape = found.escapechar if found is not None and found.escapechar else None
    return delimiter or (str(found.delimiter) if found is not None else ","), quote, escape


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ImportFileError(f"There is no file {path}. Check its name and folder.") from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ImportFileError(
            f"{path.name} is a damaged or cut gzip file ({error}). Fetch or pack it again."
        ) from error
    except OSError as error:
        raise ImportFileError(f"{path} cannot be read: {error.strerror or error}.") from error


def _head(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise ImportFileError(f"{path} is not a file. Name the CSV file itself.")
    with path.open("rb") as stream:
        head = stream.read(8)
    if head.startswith(b"PK\x03\x04"):
        raise ImportFileError(
            f"{path.name} is a zip archive or a workbook. Unpack it, or save the sheet as CSV."
        )
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise ImportFileError(f"{path.name} is a workbook of an old format. Save the sheet as CSV.")
    return head


def _by_mark(path: Path, start: bytes) -> str | None:
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    zeros = start.count(0)
    if zeros * 4 > len(start):
        order = "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
        raise ImportFileError(
            f"{path.name} holds many zero bytes: it may be UTF-16 without a mark. If so, write "
            f'encoding = "{order}" in the mapping, or save it as UTF-8.'
        )
    return None


def _decode(path: Path, packed: bool, encoding: str) -> tuple[int | None, bytes, bool]:
    """The first bad byte, some text that is not ASCII, and whether a line may be very long."""
    decoder = codecs.getincrementaldecoder(encoding)()
    sample, bad_byte, long_lines, done = b"", None, False, 0
    with open_bytes(path, packed=packed) as (stream, _):
        while chunk := stream.read(_CHUNK):
            long_lines |= len(chunk) == _CHUNK and b"\n" not in chunk and b"\r" not in chunk
            if len(sample) < _SAMPLE and not chunk.isascii():
                sample += _telling_lines(chunk)[: _SAMPLE - len(sample)]
            if bad_byte is None:
                bad_byte = _first_bad(decoder, chunk, done)
            done += len(chunk)
    return _first_bad(decoder, b"", done) if bad_byte is None else bad_byte, sample, long_lines


def _first_bad(decoder: codecs.IncrementalDecoder, chunk: bytes, done: int) -> int | None:
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        return done + error.start + 1
    return None


def _telling_lines(chunk: bytes) -> bytes:
    return b"\n".join(line[:1000] for line in chunk.splitlines() if not line.isascii()) + b"\n"


def _guess(path: Path, packed: bool, sample: bytes) -> str:
    """The likeliest encoding of a file that is not UTF-8, if the whole file can be read in it."""
    found = list(charset_normalizer.from_bytes(sample))
    names = [match.encoding for match in found[:1]] or ["cp1252"]
    if any(
        "cp1252" in match.could_be_from_charset
        and (match.chaos, match.coherence) == (found[0].chaos, found[0].coherence)
        for match in found
    ):
        names.insert(0, "cp1252")  # of readings that are equally likely, the commonest
    for name in names:
        if _decode(path, packed, name)[0] is None:
            return name
    raise ImportFileError(
        f"{path.name} is not UTF-8, and no other encoding fits all of it. Save it as UTF-8, or "
        'write encoding = "..." in the mapping.'
    )


def _undecodable(path: Path, encoding: str, bad_byte: int) -> str:
    return (
        f"{path.name} is not {encoding} text: byte {bad_byte:,} cannot be read. Correct "
        "`encoding` in the mapping, or leave it out to have it detected."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
