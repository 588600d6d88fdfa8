"""Media types: by the first bytes where they are sure, else by the name, alike on all machines."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.storage.evidence.media_types import HEAD_BYTES, media_type_of

OFFICE = "application/vnd.openxmlformats-officedocument."


def zipped(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, f"content of {name} " * 20)
    return packed.getvalue()


def open_document(media_type: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mimetype", media_type)
        archive.writestr("content.xml", "<office/>")
    return packed.getvalue()


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rows + chunk(b"IEND", b"")


SURE = {
    "image/png": png(),
    "image/jpeg": b"\xff\xd8\xff\xe1\x00\x10Exif\0\0MM" + bytes(40),
    "image/gif": b"GIF89a\x01\x00\x01\x00" + bytes(20),
    "image/webp": b"RIFF\x24\0\0\0WEBPVP8 " + bytes(20),
    "image/heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "image/avif": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    "image/tiff": b"II*\0\x08\0\0\0" + bytes(20),
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "application/zip": zipped("letter.txt"),
    "application/gzip": b"\x1f\x8b\x08\0" + bytes(10),
    "application/x-7z-compressed": b"7z\xbc\xaf\x27\x1c\0\x04",
    "application/rtf": b"{\\rtf1\\ansi Dear shop}",
    f"{OFFICE}wordprocessingml.document": zipped(
        "[Content_Types].xml", "_rels/.rels", "word/document.xml"
    ),
    f"{OFFICE}spreadsheetml.sheet": zipped("[Content_Types].xml", "xl/workbook.xml"),
    f"{OFFICE}presentationml.presentation": zipped("_rels/.rels", "ppt/presentation.xml"),
    "application/vnd.oasis.opendocument.text": open_document(
        "application/vnd.oasis.opendocument.text"
    ),
    "application/x-ole-storage": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "audio/mpeg": b"ID3\x04\0\0\0\0\0\x23TSSE",
    "audio/wav": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0",
    "audio/ogg": b"OggS\0\x02" + bytes(20) + b"\x01\x13OpusHead\x01",
    "audio/flac": b"fLaC\0\0\0\x22" + bytes(34),
    "audio/mp4": b"\0\0\0\x1cftypM4A \0\0\0\0",
    "video/mp4": b"\0\0\0\x20ftypisom\0\0\x02\0",
    "video/ogg": b"OggS\0\x02" + bytes(20) + b"\x01\x2a\x80theora",
    "video/quicktime": b"\0\0\0\x14ftypqt  \0\0\0\0",
    "video/3gpp": b"\0\0\0\x14ftyp3gp4\0\0\0\0",
    "video/webm": b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm",
    "video/x-msvideo": b"RIFF\x24\0\0\0AVI LIST",
}


@pytest.mark.parametrize("media_type", SURE)
def test_content_that_is_sure_wins_over_every_name(media_type: str) -> None:
    for name in ("", "x", "photo.txt", "letter.pdf", "shot.png", "song.mp3", "page.html"):
        for declared in ("", "text/html", "application/octet-stream"):
            assert media_type_of(SURE[media_type], name, declared) == media_type


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (b"id,name\n1,Ann\n", "list.csv", "text/csv"),
        (b"<!DOCTYPE html><p>", "page.html", "text/html"),
        (b"<svg/>", "mark.svg", "image/svg+xml"),
        (b"Subject: hi\n\nbody", "mail.eml", "message/rfc822"),
        (b"BMW, blue, dented", "note", "text/plain"),
        (b"{not json", "", "text/plain"),
        (b"From: the window I saw", "", "text/plain"),
        ("ça suffit".encode(), "", "text/plain"),
        (b"\x07\xf3\x99", "dump.bin", "application/octet-stream"),
        (b"\x00\x01", "tape.amr", "audio/amr"),
        (b"\xff\xfb\x90\x64" + bytes(40), "call.mp3", "audio/mpeg"),
        (b"\xff\xfb\x90\x64" + bytes(40), "", "audio/mpeg"),
        (b"", "list.csv", "text/csv"),
        (b"", "", "application/octet-stream"),
        (b"a\0b", "note.txt", "application/octet-stream"),
        (b"plain", "old.tar.gz", "text/plain"),
        (b"plain", "noise.unheard-of", "text/plain"),
        (b"plain", ".png", "text/plain"),
    ],
)
def test_name_decides_where_the_content_is_not_sure(head: bytes, name: str, expected: str) -> None:
    assert media_type_of(head, name) == expected


@pytest.mark.parametrize("name", ["shot.png", "scan.pdf", "song.ogg", "letter.docx", "a.zip"])
def test_name_of_a_format_whose_signature_is_not_there_is_not_believed(name: str) -> None:
    assert media_type_of(b"<script>alert(1)</script>", name) == "text/plain"
    assert media_type_of(b"\x01\x02\x03", name) == "application/octet-stream"


def test_old_office_files_and_other_zip_files_are_told_apart_by_name() -> None:
    ole = SURE["application/x-ole-storage"]
    assert media_type_of(ole, "letter.doc") == "application/msword"
    assert media_type_of(ole, "mail.msg") == "application/vnd.ms-outlook"
    assert media_type_of(zipped("customXml/item1.xml"), "letter.docx").endswith("ml.document")
    assert media_type_of(zipped("words.txt"), "letter.txt") == "application/zip"
    assert media_type_of(zipped("letter about word/ and xl/.txt")) == "application/zip"


def test_type_that_a_sender_declared_counts_where_nothing_else_is_known() -> None:
    assert media_type_of(b"BEGIN:VCALENDAR", "", "text/calendar") == "text/calendar"
    assert media_type_of(b"BEGIN:VCALENDAR", "a.csv", "text/calendar") == "text/csv"
    assert media_type_of(b"text", "", "image/png") == "text/plain"
    for nonsense in ("text", "x/" + "y" * 200, "text/<b>", "\n/\n"):
        assert media_type_of(b"text", "", nonsense) == "text/plain"


def test_text_that_is_cut_in_the_middle_of_a_letter_is_a_text() -> None:
    long = ("x" + "é" * HEAD_BYTES).encode()
    assert media_type_of(long[:HEAD_BYTES]) == "text/plain"
    assert media_type_of(long[:10]) == "application/octet-stream"


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_bytes_and_any_name_have_a_type(head: bytes, name: str) -> None:
    assert "/" in media_type_of(head, name)
