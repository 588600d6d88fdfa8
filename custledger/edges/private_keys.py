"""Private keys: made here, kept in a file that only its owner may read, never shown.

A key is one line, as Go's sumdb/note writes it::

    PRIVATE+KEY+bakery.example+530d903a+AYEKFALVFGyNhPJEMzD1QIDr...    0x01 and 32 secret bytes
"""

from __future__ import annotations

import os
import stat
from base64 import b64decode, b64encode
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

from custledger.core.trail.notes import VerifierKey
from custledger.errors import BadInputError, ExtraNeededError, NotFoundError
from custledger.storage.files import create_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["PrivateKey", "generate_key", "public_path", "read_private_key", "read_public_key"]

_PREFIX: Final = "PRIVATE+KEY+"
_ED25519: Final = b"\x01"
_FORM: Final = "PRIVATE+KEY+NAME+ID+BASE64, in one line"
_MOST_BYTES: Final = 10_000


class PrivateKey:
    """Signs bytes. What it shows of itself is its public half; it cannot be pickled."""

    __slots__ = ("_secret", "key")

    def __init__(self, name: str, secret: Ed25519PrivateKey) -> None:
        self._secret = secret
        self.key = VerifierKey(name, secret.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"<private key of {self.key.to_text()}>"

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes."""
        return self._secret.sign(message)

    @classmethod
    def from_text(cls, text: str, where: str) -> PrivateKey:
        """The key of a line; BadInputError names where it stood, and not a character of it."""
        private = _parsed(text.strip())
        if private is None:
            raise BadInputError(
                f"{where} holds no private key ({_FORM}), or a damaged one. Put back your copy of "
                "it, or make a new key: custledger key new PATH --name NAME."
            )
        return private


def generate_key(path: Path | str, name: str) -> VerifierKey:
    """Make a key, in a file that only you may read; its public half goes to ``PATH.pub``.

    ``name`` says who signs, such as ``bakery.example``. The folder is made if it is not there.
    Raises BadInputError if there is a file already (a key is never overwritten), or for a name with
    a space or a plus sign.
    """
    path = Path(path)
    if not is_name(name):
        raise BadInputError(
            f"{name!r} cannot name a key. Give a name without spaces and plus signs, such as that "
            "of your website: bakery.example."
        )
    kept = [str(file) for file in (path, public_path(path)) if file.exists() or file.is_symlink()]
    if kept:
        raise BadInputError(
            f"There is a file {kept[0]} already, and a key is never overwritten. Give another path."
        )
    secret = _ed25519().generate()
    private = PrivateKey(name, secret)
    data = b64encode(_ED25519 + secret.private_bytes_raw()).decode()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    line = f"{_PREFIX}{name}+{private.key.id.hex()}+{data}\n"
    create_file(path, line.encode(), mode=0o600)
    create_file(public_path(path), f"{private.key.to_text()}\n".encode())
    return private.key


def read_private_key(path: Path) -> PrivateKey:
    """The key in a file; BadInputError if others may read it, NotFoundError if it is not there."""
    return PrivateKey.from_text(_secret_text(path), str(path))


def read_public_key(path: Path | str) -> VerifierKey:
    """The public half of the key in a file; the file may hold only that half, too."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError as error:
        raise _no_key(path) from error
    if text.startswith(_PREFIX):
        return read_private_key(path).key
    try:
        return VerifierKey.from_text(text)
    except ValueError as error:
        raise BadInputError(f"{path} holds no key. Give the file that `key new` made.") from error


def public_path(path: Path) -> Path:
    """Where the public half is written."""
    return path.with_name(f"{path.name}.pub")


def is_name(name: str) -> bool:
    """Whether a name may stand on signatures."""
    try:
        return name.isprintable() and bool(VerifierKey.from_text(_with_no_key(name)))
    except ValueError:
        return False


def _with_no_key(name: str) -> str:
    return VerifierKey(name, bytes(32)).to_text()


def _secret_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            # Asked of the open file: a path may lead elsewhere a moment later.
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise BadInputError(
                    f"Others than you may use the private key {path}. Forbid it: "
                    f"chmod 600 {quote(str(path))} (and make a new key if somebody may have read "
                    "this one)."
                )
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError as error:
        raise _no_key(path) from error


def _no_key(path: Path) -> NotFoundError:
    return NotFoundError(
        f"There is no key at {path}. Make one: "
        f"custledger key new {quote(str(path))} --name bakery.example"
    )


def _parsed(line: str) -> PrivateKey | None:
    name, _, rest = line.removeprefix(_PREFIX).partition("+")
    hexadecimal, _, data = rest.partition("+")
    try:
        raw = b64decode(data, validate=True)
    except ValueError:
        return None
    if not line.startswith(_PREFIX) or len(raw) != 33 or raw[:1] != _ED25519 or not is_name(name):
        return None
    private = PrivateKey(name, _ed25519().from_private_bytes(raw[1:]))
    return private if private.key.id.hex() == hexadecimal else None


def _ed25519() -> type[Ed25519PrivateKey]:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise ExtraNeededError(
            "To make keys and to sign needs the package cryptography, which is not installed. "
            "Install it: pip install 'custledger[trail]'."
        ) from error
    return Ed25519PrivateKey
