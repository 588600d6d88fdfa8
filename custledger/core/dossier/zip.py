"""The dossier's zip: one way to write it, so that it is rebuilt from its contents and compared.

Members are stored, not compressed; their order is the caller's, their time 1980-01-01, their
attributes those of a plain file that everybody may read; no extra fields, no comments, no gaps::

    local header (30 bytes + name) || data, for each member; directory; end of directory (22)

Numbers are little-endian as in PKWARE's APPNOTE.TXT 6.3, version 2.0 ("stored", without zip64):
less than 4 GiB and 65,535 members. A dossier's ``verify.py`` holds this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from custledger.errors import BadInputError

__all__ = ["CHUNK", "MAX_ZIP", "Member", "ZipReader", "directory", "local_header"]

CHUNK: Final = 1 << 20
MAX_ZIP: Final = 2**32 - 1
_MAX_MEMBERS: Final = 2**16 - 1
_VERSION_NEEDED: Final = 20
_MADE_ON_UNIX: Final = 3 << 8 | _VERSION_NEEDED
_FIRST_OF_1980: Final = 1 << 5 | 1
_PLAIN_FILE: Final = 0o100644 << 16
_LOCAL: Final = Struct("<4s5H3L2H")
_CENTRAL: Final = Struct("<4s6H3L5H2L")
_END: Final = Struct("<4s4H2LH")

Read = Callable[[int, int], bytes]
"""Gives the bytes of a file from an offset on, as many as asked for or as there are."""


class Member(NamedTuple):
    """A file in the zip: its ASCII name, its length in bytes, its CRC-32, where it begins."""

    name: str
    size: int
    crc: int
    offset: int = 0

    @property
    def data_offset(self) -> int:
        """Where its bytes begin."""
        return self.offset + _LOCAL.size + len(self.name)


def local_header(member: Member) -> bytes:
    """What stands before a member's bytes.

    >>> local_header(Member("a", 1, 5)).hex()
    '504b0304140000000000000021000500000001000000010000000100000061'
    """
    name, size = member.name.encode("ascii"), member.size
    fields = (_VERSION_NEEDED, 0, 0, 0, _FIRST_OF_1980, member.crc, size, size, len(name), 0)
    return _LOCAL.pack(b"PK\3\4", *fields) + name


def directory(members: Sequence[Member]) -> bytes:
    """What stands after the last member's bytes."""
    number = len(members)
    start = members[-1].data_offset + members[-1].size if members else 0
    if start > MAX_ZIP or number > _MAX_MEMBERS:
        raise BadInputError(
            "The evidence is too large for one dossier (4 GiB, 65,535 files). Choose a period."
        )
    listed = b"".join(map(_listed, members))
    return listed + _END.pack(b"PK\5\6", 0, 0, number, number, len(listed), start, 0)


class ZipReader:
    """Reads a zip that is exactly as it would be written anew from its contents.

    Raises BadInputError for any other. The bytes of the members are checked as they are read.
    """

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self.members = {m.name: m for m in _members(read, size)}

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member in chunks; BadInputError at the end if its CRC is another."""
        member = self.members[name]
        place, left, crc = member.data_offset, member.size, 0
        while left:
            chunk = self._read(place, min(CHUNK, left))
            if not chunk:
                raise BadInputError(f"The zip ends within {name}.")
            crc, place, left = crc32(chunk, crc), place + len(chunk), left - len(chunk)
            yield chunk
        if crc != member.crc:
            raise BadInputError(f"{name} in the zip was changed: its checksum is another.")


def _listed(member: Member) -> bytes:
    name, size = member.name.encode("ascii"), member.size
    fields = (_MADE_ON_UNIX, _VERSION_NEEDED, 0, 0, 0, _FIRST_OF_1980, member.crc, size, size)
    rest = (len(name), 0, 0, 0, 0, _PLAIN_FILE, member.offset)
    return _CENTRAL.pack(b"PK\1\2", *fields, *rest) + name


def _members(read: Read, size: int) -> Iterable[Member]:
    end = read(max(0, size - _END.size), _END.size)
    if len(end) != _END.size:
        raise BadInputError("This file is no dossier: it is too short for a zip.")
    _, _, _, number, _, length, start, _ = _END.unpack(end)
    if start + length + _END.size != size:
        raise BadInputError("The zip was changed: its directory is not where it should be.")
    listed = read(start, length)
    members, place, offset = [], 0, 0
    for _ in range(number):
        if len(listed) < place + _CENTRAL.size:
            raise BadInputError("The zip was changed: its directory is too short.")
        fields = _CENTRAL.unpack_from(listed, place)
        place += _CENTRAL.size
        raw = listed[place : place + fields[10]]
        name = raw.decode("ascii", errors="replace")
        place += len(raw)
        members.append(Member(name, fields[8], fields[7], offset))
        offset = members[-1].data_offset + fields[8]
    _refuse_other(read, members, listed + end)
    return members


def _refuse_other(read: Read, members: Sequence[Member], found: bytes) -> None:
    """Write the headers and the directory anew, and compare: byte for byte, nothing between."""
    names = [member.name for member in members]
    if not all(name.isascii() for name in names) or len(set(names)) != len(names):
        raise BadInputError("The zip was changed: its names are not those of a dossier.")
    for member in members:
        header = local_header(member)
        if read(member.offset, len(header)) != header:
            raise BadInputError(f"The zip was changed at {member.name}: it is not written so.")
    if directory(members) != found:
        raise BadInputError("The zip was changed: its directory is not as it is written.")
