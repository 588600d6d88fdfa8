"""Signed notes and checkpoints, as C2SP writes them: text to read, and for anybody to check.

A note is text that ends with a newline, an empty line, and a line for each signature::

    example.com/ledger                            origin
    7                                             number of seals
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=  root of the tree of seals, base64

    — example.com/ledger Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5...

The base64 of a signature holds the first four bytes of its key's id and 64 bytes of Ed25519.
Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from custledger.core.trail.ed25519 import PUBLIC_KEY_BYTES, is_signature
from custledger.core.trail.merkle import HASH_BYTES

__all__ = [
    "Checkpoint",
    "Note",
    "Signature",
    "VerifierKey",
    "key_id",
    "published_note",
]

_ED25519: Final = b"\x01"
_ID_BYTES: Final = 4
_DASH: Final = "— "
_NAME: Final = re.compile(r"[^\s+]+")
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_PRIVATE: Final = "PRIVATE+KEY+"
_BYTE_ORDER: Final = "\ufeff"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_GET_IT_AGAIN: Final = "Give the file exactly as it was published, or get it again from there"


def key_id(name: str, public_key: bytes) -> bytes:
    """The first four bytes of SHA-256(name || newline || 0x01 || public key)."""
    return sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:_ID_BYTES]


class VerifierKey(NamedTuple):
    """The public key of whoever signs, with the name that stands on their signatures."""

    name: str
    public_key: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return key_id(self.name, self.public_key)

    def to_text(self) -> str:
        """NAME+ID+BASE64, in one line, to publish."""
        data = b64encode(_ED25519 + self.public_key).decode()
        return f"{self.name}+{self.id.hex()}+{data}"

    @classmethod
    def from_text(cls, text: str) -> VerifierKey:
        """The key of a line; ValueError if it is not one, or its id belongs to another."""
        if _PRIVATE in text:  # whose line is a secret: never repeated in a message or a log
            raise ValueError("This is a private key. Give the public one: custledger key show.")
        name, _, rest = text.strip().partition("+")
        hexadecimal, _, data = rest.partition("+")
        raw = _decoded(data)
        if not _NAME.fullmatch(name) or len(raw) != 1 + PUBLIC_KEY_BYTES or raw[:1] != _ED25519:
            raise ValueError(f"{text!r} is no verifier key (NAME+ID+BASE64, Ed25519).")
        key = cls(name, raw[1:])
        if key.id.hex() != hexadecimal:
            raise ValueError(f"The id {hexadecimal} does not belong to this key and name.")
        return key


class Signature(NamedTuple):
    """One line of a note."""

    name: str
    key_id: bytes
    signature: bytes

    def to_text(self) -> str:
        """The line without its end."""
        return f"{_DASH}{self.name} {b64encode(self.key_id + self.signature).decode()}"


class Note(NamedTuple):
    """Text that ends with a newline, and who signed it."""

    text: str
    signatures: tuple[Signature, ...]

    def to_text(self) -> str:
        """The whole note, as it is stored and published."""
        return f"{self.text}\n" + "".join(f"{s.to_text()}\n" for s in self.signatures)

    @classmethod
    def from_text(cls, text: str) -> Note:
        """The note in a text; ValueError says what is wrong with it."""
        if any(ord(c) < 0x20 and c != "\n" for c in text):
            raise ValueError("A signed note holds no control characters but newlines.")
        body, blank, lines = text.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise ValueError("A signed note is text, an empty line, and lines of signatures.")
        return cls(f"{body}\n", tuple(_signature(line) for line in lines[:-1].split("\n")))

    def is_signed_by(self, key: VerifierKey) -> bool:
        """Whether a line of this key stands below the text and fits it."""
        mine = [s for s in self.signatures if (s.name, s.key_id) == (key.name, key.id)]
        return any(is_signature(key.public_key, self.text.encode(), s.signature) for s in mine)


class Checkpoint(NamedTuple):
    """What a ledger says of itself at a moment: how many seals there are, and their root."""

    origin: str
    size: int
    root: bytes
    extensions: Sequence[str] = ()

    def to_text(self) -> str:
        """The text that is signed."""
        lines = [self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions]
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """The checkpoint in the text of a note; ValueError if it is none."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
            raise ValueError("A checkpoint is three lines or more: origin, size, root.")
        origin, size, digest, *extensions = lines[:-1]
        root = _decoded(digest)
        if not _COUNT.fullmatch(size) or len(root) != HASH_BYTES:
            raise ValueError("A checkpoint's second line is a number, its third a SHA-256.")
        return cls(origin, int(size), root, tuple(extensions))


def published_note(text: str | bytes) -> tuple[Note, Checkpoint]:
    """The checkpoint that somebody kept, however their editor or mail program stored its file.

    A byte order mark, line ends of Windows, and blank lines or a missing newline at the ends
    change nothing of what was signed and are put right. This is only for text from outside:
    what a ledger stores is read exactly. ValueError says what is wrong and what to do.
    """
    plain = _as_text(text).lstrip(_BYTE_ORDER).replace("\r\n", "\n").strip()
    try:
        note = Note.from_text(f"{plain}\n")
        return note, Checkpoint.from_text(note.text)
    except ValueError as error:
        raise ValueError(f"This is no published checkpoint: {error} {_GET_IT_AGAIN}.") from error


def _as_text(text: str | bytes) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-16" if text[:2] in _UTF_16 else "utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"This is no published checkpoint: it is not text in UTF-8. {_GET_IT_AGAIN}."
        ) from error


def _signature(line: str) -> Signature:
    name, _, data = line.removeprefix(_DASH).partition(" ")
    raw = _decoded(data)
    if not line.startswith(_DASH) or not _NAME.fullmatch(name) or len(raw) <= _ID_BYTES:
        raise ValueError(f"{line!r} is no line of a signature.")
    return Signature(name, raw[:_ID_BYTES], raw[_ID_BYTES:])


def _decoded(data: str) -> bytes:
    """The bytes of strict base64; nothing where it is not."""
    try:
        raw = b64decode(data, validate=True)
    except (NotBase64, ValueError):
        return b""
    return raw if b64encode(raw).decode() == data else b""
