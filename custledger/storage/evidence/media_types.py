"""What kind of file it is: by its first bytes where they are sure, else by its name.

A name is easily wrong (a screenshot called ``bill.pdf``), and a table of signatures is easily
fooled: many of them are two letters long, so that a text that begins with "BM" is a bitmap. So only
the formats listed here are believed; of the others the name decides.
"""

from __future__ import annotations

import codecs
import mimetypes
import re
from typing import Final

from custledger.core.checks import check_text
from custledger.errors import BadInputError

__all__ = ["BINARY", "HEAD_BYTES", "TEXT", "check_media_type", "media_type_of"]

HEAD_BYTES: Final = 1 << 16
"""So much of a file is looked at."""
TEXT: Final = "text/plain"
BINARY: Final = "application/octet-stream"

_ZIP: Final = "application/zip"
_OLE: Final = "application/x-ole-storage"
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
# What puremagic says, as the type is registered with IANA or commonly written.
_SURE: Final = {
    "application/gzip": "application/gzip",
    "application/pdf": "application/pdf",
    "application/rtf": "application/rtf",
    "application/vnd.rar": "application/vnd.rar",
    "application/x-7z-compressed": "application/x-7z-compressed",
    "application/x-gzip": "application/gzip",
    "audio/flac": "audio/flac",
    "audio/mpeg": "audio/mpeg",
    "audio/wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "image/gif": "image/gif",
    "image/jpeg": "image/jpeg",
    "image/png": "image/png",
    "image/tiff": "image/tiff",
    "image/webp": "image/webp",
    "video/avi": "video/x-msvideo",
    "video/x-msvideo": "video/x-msvideo",
}
_LEAST_SIGNATURE: Final = 3
_BRANDS: Final = {
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"avif": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"qt  ": "video/quicktime",
}
_ZIPPED: Final = {
    b"ppt/": f"{_OFFICE}presentationml.presentation",
    b"word/": f"{_OFFICE}wordprocessingml.document",
    b"xl/": f"{_OFFICE}spreadsheetml.sheet",
}
_BY_NAME: Final = {
    ".amr": "audio/amr",
    ".doc": "application/msword",
    ".docx": f"{_OFFICE}wordprocessingml.document",
    ".eml": "message/rfc822",
    ".heic": "image/heic",
    ".m4a": "audio/mp4",
    ".msg": "application/vnd.ms-outlook",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".pptx": f"{_OFFICE}presentationml.presentation",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".xlsx": f"{_OFFICE}spreadsheetml.sheet",
}
# A file of these types always begins with the signature: without it, the name is wrong.
_ALWAYS_SIGNED: Final = frozenset(
    {*_SURE.values(), *_BRANDS.values(), *_ZIPPED.values(), _ZIP, _OLE, "audio/ogg", "video/ogg"}
) - {"application/rtf", "audio/mpeg", "image/heif", "video/quicktime"}
_OLE_NAMES: Final = frozenset(
    {"application/msword", "application/vnd.ms-excel", "application/vnd.ms-outlook"}
    | {"application/vnd.ms-powerpoint"}
)
_OPEN_DOCUMENT: Final = re.compile(rb"application/(vnd\.oasis\.opendocument\.[a-z-]+|epub\+zip)")
_PDF_WITHIN: Final = 1024
_ZIP_NAME_AT: Final = 30
# Tab, line ends, form feed and escape may stand in a text; a NUL or a bell does not.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_WORD: Final = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_REGISTERABLE: Final = re.compile(f"{_WORD}/{_WORD}")  # RFC 6838, 4.2
_WITH_PARAMETERS: Final = re.compile(rf"{_REGISTERABLE.pattern}(;[\x20-\x7e]{{0,1000}})?")
_MP3_FRAME: Final = re.compile(rb"\xff[\xf2\xf3\xfa\xfb][\x10-\xef]")


def check_media_type(given: object) -> str:
    """A media type as a caller gives it, parameters allowed, or BadInputError.

    >>> check_media_type(" text/plain; charset=utf-8 ")
    'text/plain; charset=utf-8'
    """
    found = check_text(given, "media_type")
    if not _WITH_PARAMETERS.fullmatch(found):
        raise BadInputError(
            f"media_type must be like image/png, not {given!r}. Leave it out: "
            "the file's first bytes, then its name, tell it."
        )
    return found


def media_type_of(head: bytes, name: str = "", declared: str = "") -> str:
    """The media type by a file's first ``HEAD_BYTES``, its name, and what a sender declared.

    >>> media_type_of(bytes.fromhex("89504e470d0a1a0a"), "bill.pdf")
    'image/png'
    >>> media_type_of(b"BMW, blue", "note"), media_type_of(b"id,name", "list.csv")
    ('text/plain', 'text/csv')
    """
    named = _by_name(name)
    sender = declared.lower() if _REGISTERABLE.fullmatch(declared) else ""
    for claimed in (_by_content(head, named), _believed(named), _believed(sender)):
        if claimed:
            return claimed
    if _MP3_FRAME.match(head):
        return "audio/mpeg"
    return TEXT if head and _is_text(head) else BINARY


def _by_content(head: bytes, named: str) -> str:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(head, named)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return named if named in _OLE_NAMES else _OLE
    if head.startswith(b"OggS"):
        return "video/ogg" if b"\x80theora" in head[:512] else "audio/ogg"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return _BRANDS.get(brand, "video/3gpp" if brand.startswith(b"3g") else "video/mp4")
    if b"%PDF-" in head[:_PDF_WITHIN]:  # readers allow some other bytes before it
        return "application/pdf" if head.startswith(b"%PDF-") or not _is_text(head) else ""
    return _signed(head)


def _signed(head: bytes) -> str:
    import puremagic  # it reads a table of a thousand signatures, which most writes do not need

    try:
        matches = puremagic.magic_string(head[:HEAD_BYTES])
    except (puremagic.PureError, ValueError):
        return ""
    for match in matches:
        at_start = match.offset >= 0 and len(match.byte_match) >= _LEAST_SIGNATURE
        if at_start and match.mime_type in _SURE:
            return _SURE[match.mime_type]
    return ""


def _zipped(head: bytes, named: str) -> str:
    if head[_ZIP_NAME_AT : _ZIP_NAME_AT + 8] == b"mimetype":
        found = _OPEN_DOCUMENT.match(head, _ZIP_NAME_AT + 8)
        if found:
            return found[0].decode()
    for start in (found.start() for found in re.finditer(b"PK\x03\x04", head)):
        for folder, media_type in _ZIPPED.items():
            if head.startswith(folder, start + _ZIP_NAME_AT):
                return media_type
    # The folders may lie beyond what is looked at, and other formats are zip files too.
    kinds = ("application/vnd.", "application/epub", "application/java")
    return named if named.startswith(kinds) and named not in _OLE_NAMES else _ZIP


def _by_name(name: str) -> str:
    ending = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
    if ending in _BY_NAME:
        return _BY_NAME[ending]
    # A table of its own: the one of the machine says another thing on every machine.
    found, packed = mimetypes.MimeTypes().guess_type(f"x{ending}")
    return "" if packed or found is None else found


def _believed(claimed: str) -> str:
    return "" if claimed in _ALWAYS_SIGNED or claimed in (TEXT, BINARY) else claimed


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return False
    return _CONTROL.search(text) is None
