"""What comes in: its type by its content, its size, and whether it was there before."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.core.records import Customer, Interaction
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.evidence.blobs import CHUNK
from custledger.storage.tables import BlobRow
from tests.storage.test_media_types import png

MIB = 2**20


@pytest.fixture
def call(ledger: Ledger, ann: Customer) -> Interaction:
    return ledger.interactions.record(ann, channel="phone")


def stored_files(ledger: Ledger, location: str) -> int:
    """How many files the store holds, in its table and in its folder."""
    table = table_of(BlobRow)
    with ledger.context.read() as connection:
        names = set(connection.scalars(table.select().with_only_columns(table.c.name)))
    return len(names) + len(list(Path(f"{location}.evidence").glob("*/*")))


class Dripping(io.BytesIO):
    """A file that gives three bytes at a time, as a pipe may, and cannot go back."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(3)

    def seekable(self) -> bool:
        return False


# Types


def test_screenshot_is_a_picture_whatever_its_name(
    ledger: Ledger, call: Interaction, tmp_path: Path
) -> None:
    path = tmp_path / "Screenshot 2026-01-05.txt"
    path.write_bytes(png())
    for shot in (
        ledger.evidence.attach(call, path=path),
        ledger.evidence.attach(call, file=Dripping(png() + b"x")),
        ledger.evidence.attach(call, file=io.BytesIO(png() + b"y")),
    ):
        assert shot.media_type == "image/png"


def test_media_type_that_is_given_wins(ledger: Ledger, call: Interaction) -> None:
    shot = ledger.evidence.attach(call, file=io.BytesIO(png()), media_type="image/x-mine")
    assert shot.media_type == "image/x-mine"


@pytest.mark.parametrize("given", ["", "image", "text/html\r\nX: y", "text/html;\nx", "a/b c"])
def test_media_type_that_is_none_is_refused_and_nothing_is_kept(
    ledger: Ledger, call: Interaction, given: str
) -> None:
    before = ledger.history(call.customer_id)
    with pytest.raises(BadInputError, match=r"media_type must be like image/png.*Leave it out"):
        ledger.evidence.attach(call, text="x", media_type=given)
    assert ledger.history(call.customer_id) == before


def test_media_type_may_have_parameters(ledger: Ledger, call: Interaction) -> None:
    note = ledger.evidence.attach(call, text="x", media_type=" text/plain; charset=utf-8")
    assert note.media_type == "text/plain; charset=utf-8"


@pytest.mark.skipif(sys.platform != "linux", reason="left out: file names are Unicode here")
def test_file_whose_name_is_in_another_encoding_is_kept_with_what_can_be_read_of_it(
    ledger: Ledger, call: Interaction, tmp_path: Path
) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.csv")
    path.write_bytes(b"id,name\n")
    kept = ledger.evidence.attach(call, path=path)
    assert (kept.file_name, kept.media_type) == ("caf\ufffd.csv", "text/csv")
    path.write_bytes(b"From: ann@example.org\n\nhi")
    assert ledger.evidence.attach_mail(call, path=path)[0].file_name == "caf\ufffd.csv"


def test_path_that_no_file_can_have_is_refused(ledger: Ledger, call: Interaction) -> None:
    with pytest.raises(BadInputError, match=r"wrong encoding.*Rename the file, or open it"):
        ledger.evidence.attach(call, path="caf\ud800.csv")


def test_text_is_plain_whatever_it_begins_with(ledger: Ledger, call: Interaction) -> None:
    assert ledger.evidence.attach(call, text="%PDF-1.4").media_type == "text/plain"


# Sizes


@pytest.mark.parametrize("size", [1, CHUNK, CHUNK + 1])
def test_limit_is_the_last_size_that_is_taken(
    ledger: Ledger, ann: Customer, location: str, size: int
) -> None:
    kept = ledger.evidence.attach(ann, file=io.BytesIO(bytes(size)), limit_bytes=size)
    assert kept.size == size
    with pytest.raises(BadInputError, match=f"at least {size + 1:,} bytes, more than the limit"):
        ledger.evidence.attach(ann, file=io.BytesIO(bytes(size + 1)), limit_bytes=size)
    assert stored_files(ledger, location) == 1
    assert ledger.evidence.of(ann) == [kept]


def test_file_above_the_limit_is_named_with_its_size_and_how_to_raise_it(
    ledger: Ledger, ann: Customer, tmp_path: Path, location: str
) -> None:
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(256 * MIB + 1)  # a hole: no block is written
    said = (
        r"has 268,435,457 bytes, more than the limit of 268,435,456 bytes \(256 MiB\)\. "
        r"Nothing was kept\. Give limit_bytes= a higher number \(on the command line --limit"
    )
    with pytest.raises(BadInputError, match=said):
        ledger.evidence.attach(ann, path=path)
    with pytest.raises(BadInputError, match="at least 12 bytes, more than the limit of 10 bytes"):
        ledger.evidence.attach(ann, file=Dripping(bytes(50)), limit_bytes=10)
    with pytest.raises(BadInputError, match="more than the limit of 1 bytes"):
        ledger.evidence.attach(ann, text="ab", limit_bytes=1)
    assert stored_files(ledger, location) == 0
    assert ledger.evidence.of(ann) == []


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "9"])
def test_limit_is_a_number_of_bytes(ledger: Ledger, ann: Customer, limit: object) -> None:
    with pytest.raises(BadInputError, match="limit_bytes must be a number of bytes above 0"):
        ledger.evidence.attach(ann, text="x", limit_bytes=limit)  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "chunks"), [(0, 1), (99, 1), (CHUNK, 1), (CHUNK + 3, 2)])
def test_file_that_drips_is_stored_in_large_chunks(size: int, chunks: int) -> None:
    with open_ledger(":memory:", actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
        tape = ledger.evidence.attach(ann, file=Dripping(bytes(size)))
        assert sum(map(len, ledger.evidence.read(tape))) == size
        with ledger.context.read() as connection:
            assert len(connection.execute(table_of(BlobRow).select()).all()) == chunks


# Duplicates


def test_same_bytes_for_the_same_target_are_the_piece_that_is_there(
    ledger: Ledger, call: Interaction, tmp_path: Path, location: str
) -> None:
    data = bytes(range(256)) * (MIB // 256) + b"end"
    path = tmp_path / "tape.wav"
    path.write_bytes(data)
    first = ledger.evidence.attach(call, path=path, caption="the call")
    before = ledger.history(call.customer_id)
    for again in (
        ledger.evidence.attach(call, path=path),
        ledger.evidence.attach(call, file=io.BytesIO(data), caption="again"),
        ledger.evidence.attach(call.id, file=Dripping(data)),
    ):
        assert again == first
    assert ledger.history(call.customer_id) == before
    assert stored_files(ledger, location) == 1


def test_text_and_file_of_the_same_bytes_are_the_same(ledger: Ledger, ann: Customer) -> None:
    note = ledger.evidence.attach(ann, text="ça suffit")
    assert ledger.evidence.attach(ann, text="ça suffit") == note
    assert ledger.evidence.attach(ann, file=io.BytesIO("ça suffit".encode())) == note
    empty = ledger.evidence.attach(ann, file=io.BytesIO())
    assert ledger.evidence.attach(ann, text="") == empty


def test_same_bytes_for_another_target_are_kept_and_name_the_first(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    sale = ledger.money.record_sale(ann, amount=Money(1, "EUR"))
    pieces = [ledger.evidence.attach(to, file=io.BytesIO(png())) for to in (call, sale, ann)]
    assert [piece.same_as for piece in pieces] == [None, pieces[0].id, pieces[0].id]
    assert ledger.evidence.attach(sale, file=io.BytesIO(png())) == pieces[1]
    assert ledger.evidence.of(ann) == pieces


def test_duplicate_is_stored_where_that_is_asked_for(ledger: Ledger, ann: Customer) -> None:
    first = ledger.evidence.attach(ann, text="x")
    second = ledger.evidence.attach(ann, text="x", allow_duplicate=True)
    assert (second.id != first.id, second.same_as) == (True, first.id)


@pytest.mark.parametrize("at", [0, CHUNK - 1, CHUNK, CHUNK + 4])
def test_one_byte_makes_another_piece(ledger: Ledger, ann: Customer, at: int) -> None:
    data = bytearray(CHUNK + 5)
    first = ledger.evidence.attach(ann, file=io.BytesIO(data))
    data[at] = 1
    other = ledger.evidence.attach(ann, file=io.BytesIO(data))
    assert (other.id != first.id, other.same_as) == (True, None)


def test_voided_piece_and_another_customers_are_no_duplicates(
    ledger: Ledger, ann: Customer
) -> None:
    first = ledger.evidence.attach(ann, text="x")
    ben = ledger.evidence.attach(ledger.customers.add("Ben"), text="x")
    ledger.evidence.void(first, reason="r")
    again = ledger.evidence.attach(ann, text="x")
    assert (ben.same_as, again.same_as, again.id != first.id) == (None, None, True)


def test_duplicate_among_others_takes_back_only_itself(ledger: Ledger, ann: Customer) -> None:
    first = ledger.evidence.attach(ann, file=io.BytesIO(b"first"))
    with ledger.transaction():
        second = ledger.evidence.attach(ann, file=io.BytesIO(b"second"))
        assert ledger.evidence.attach(ann, file=io.BytesIO(b"first")) == first
        assert ledger.evidence.attach(ann, file=io.BytesIO(b"second")) == second
        third = ledger.evidence.attach(ann, file=io.BytesIO(b"third"))
    rows = [{"to": ann, "text": text} for text in ("third", "fourth")]
    assert ledger.evidence.attach_many(rows)[0] == third.id
    found = [b"".join(ledger.evidence.read(piece)) for piece in ledger.evidence.of(ann)]
    assert found == [b"first", b"second", b"third", b"fourth"]


def test_piece_whose_file_is_missing_is_no_duplicate(ann: Customer, ledger: Ledger) -> None:
    if ledger.context.blobs.transactional:
        return  # there is no folder to lose a file from
    first = ledger.evidence.attach(ann, file=io.BytesIO(b"tape"))
    (file,) = Path(ledger.context.blobs._folder.folder).glob("*/*")  # type: ignore[attr-defined]
    data = file.read_bytes()
    file.unlink()
    again = ledger.evidence.attach(ann, file=io.BytesIO(b"tape"))
    assert (again.id != first.id, again.same_as) == (True, None)
    file.write_bytes(data)


def test_two_who_attach_the_same_at_once_keep_it_once(
    ledger: Ledger, ann: Customer, location: str
) -> None:
    found, start = [], threading.Barrier(4)

    def attach() -> None:
        with open_ledger(location, actor="Olga") as mine:
            start.wait()
            found.append(mine.evidence.attach(ann.id, file=io.BytesIO(b"twice clicked")).id)

    threads = [threading.Thread(target=attach) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert set(found) == {piece.id for piece in ledger.evidence.of(ann)}
    assert stored_files(ledger, location) == len(set(found)) == 1
