"""The evidence book: texts and files of any size, attached, read back and voided."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from custledger import EntryRef, Ledger, Money, open_ledger
from custledger.core.records import Customer, Evidence, Interaction
from custledger.errors import BadInputError, LedgerUnreadableError, NotFoundError
from custledger.pytest_plugin import START
from custledger.storage.bulk import table_of
from custledger.storage.evidence.blobs import CHUNK
from custledger.storage.tables import BlobRow


@pytest.fixture
def call(ledger: Ledger, ann: Customer) -> Interaction:
    return ledger.interactions.record(ann, channel="phone")


def content(ledger: Ledger, evidence: Evidence) -> bytes:
    return b"".join(ledger.evidence.read(evidence))


def stored_files(ledger: Ledger, location: str) -> list[str]:
    """The names of all files in the store: in the folder of a SQLite ledger, else in its table."""
    table = table_of(BlobRow)
    with ledger.context.read() as connection:
        names = connection.scalars(select(table.c.name)).all()
    return [*names, *(path.name for path in Path(f"{location}.evidence").glob("*/*"))]


def test_text_is_kept_and_read_back(ledger: Ledger, call: Interaction) -> None:
    note = ledger.evidence.attach(call, text="ça suffit", caption=" what he said ")
    assert note == Evidence(
        id=EntryRef(call.customer_id, 3),
        customer_id=call.customer_id,
        occurred_at=START,
        recorded_at=START,
        recorded_by=ledger.actor.id,
        media_type="text/plain",
        size=10,
        caption="what he said",
        interaction=call.id,
    )
    assert content(ledger, note).decode() == "ça suffit"
    assert ledger.evidence.get(note.id) == note


def test_file_is_kept_with_its_name_and_media_type(
    ledger: Ledger, ann: Customer, tmp_path: Path
) -> None:
    path = tmp_path / "scan.pdf"
    path.write_bytes(b"%PDF\0\xff")
    scan = ledger.evidence.attach(ann, path=path)
    path.unlink()
    assert (scan.file_name, scan.media_type, scan.size) == ("scan.pdf", "application/pdf", 6)
    assert scan.interaction is None
    assert content(ledger, scan) == b"%PDF\0\xff"


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_file_of_any_size_is_streamed_and_read_back(
    ledger: Ledger, ann: Customer, size: int
) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    evidence = ledger.evidence.attach(ann, file=io.BytesIO(data[:size]), media_type="audio/ogg")
    assert (evidence.size, evidence.media_type) == (size, "audio/ogg")
    assert content(ledger, evidence) == data[:size]
    assert ledger.verify().evidence_files == 1


def test_evidence_belongs_to_an_interaction_a_money_entry_or_a_customer(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    sale = ledger.money.record_sale(ann, amount=Money(1, "EUR"))
    linked = [
        ledger.evidence.attach(to, text="x").interaction
        for to in (call, call.id, sale, sale.id, ann, ann.id, "Ann Miller")
    ]
    assert linked == [call.id, call.id, sale.id, sale.id, None, None, None]
    assert [e.interaction for e in ledger.evidence.of(ann)] == [call.id, sale.id, None]


def test_evidence_needs_something_that_exists(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    ledger.interactions.void(call, reason="r")
    unknown = (
        EntryRef(ann.id, 99),
        EntryRef(uuid4(), 1),
        EntryRef(ann.id, 1),
        call,
        "Zoe",
        uuid4(),
    )
    for to in unknown:
        with pytest.raises(NotFoundError):
            ledger.evidence.attach(to, text="x")
    with pytest.raises(BadInputError, match="an interaction or a customer"):
        ledger.evidence.attach("", text="x")


def test_exactly_one_content_is_taken(ledger: Ledger, ann: Customer) -> None:
    for contents in ({}, {"text": "x", "file": io.BytesIO()}, {"text": "", "path": "x"}):
        with pytest.raises(BadInputError, match="exactly one of text, path and file"):
            ledger.evidence.attach(ann, **contents)  # type: ignore[arg-type]


def test_file_that_cannot_be_read_is_refused(ledger: Ledger, ann: Customer, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(BadInputError, match=r"cannot be read: .*Check the path"):
            ledger.evidence.attach(ann, path=path)


def test_refused_evidence_leaves_no_file_behind(
    ledger: Ledger, ann: Customer, location: str
) -> None:
    for facts, message in (
        ({"caption": "a\0b"}, "NUL"),
        ({"media_type": "x" * 100_001}, "characters"),
        ({"occurred_at": datetime(2026, 1, 1)}, "no time zone"),
    ):
        with pytest.raises(BadInputError, match=message):
            ledger.evidence.attach(ann, file=io.BytesIO(b"x"), **facts)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="surrogate"):
        ledger.evidence.attach(ann, text="\ud800")
    assert stored_files(ledger, location) == []
    assert ledger.evidence.of(ann) == []


class Broken(io.BytesIO):
    """A file whose medium fails after the first chunk."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise KeyboardInterrupt
        return super().read(size)


def test_file_that_breaks_off_leaves_nothing_behind(
    ledger: Ledger, ann: Customer, location: str
) -> None:
    with pytest.raises(KeyboardInterrupt):
        ledger.evidence.attach(ann, file=Broken(b"x" * 10))
    assert stored_files(ledger, location) == []


def test_rolled_back_transaction_leaves_no_file_behind(
    ledger: Ledger, ann: Customer, location: str
) -> None:
    kept = ledger.evidence.attach(ann, file=io.BytesIO(b"kept"))

    def fail() -> None:
        with ledger.transaction():
            ledger.evidence.attach(ann, file=io.BytesIO(b"x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(stored_files(ledger, location)) == 1
    assert content(ledger, kept) == b"kept"
    assert ledger.evidence.of(ann) == [kept]


def test_voided_evidence_is_gone_but_its_file_stays_proved(ledger: Ledger, ann: Customer) -> None:
    tape = ledger.evidence.attach(ann, file=io.BytesIO(b"tape"))
    ledger.evidence.void(tape, reason="another customer's")
    assert ledger.evidence.of(ann) == []
    for act in (ledger.evidence.get, content_of(ledger)):
        with pytest.raises(NotFoundError, match="voided"):
            act(tape)
    assert ledger.verify().evidence_files == 1


def content_of(ledger: Ledger):  # type: ignore[no-untyped-def]
    return lambda evidence: content(ledger, evidence)


def test_names_in_the_store_tell_nothing(ledger: Ledger, ann: Customer, location: str) -> None:
    for _ in range(2):
        ledger.evidence.attach(ann, file=io.BytesIO(b"the same"), allow_duplicate=True)
    names = stored_files(ledger, location)
    assert len(set(names)) == 2
    assert all(len(name) == 32 for name in names)


@pytest.fixture
def folder_ledger(tmp_path: Path) -> Iterator[Ledger]:
    folder = tmp_path / "elsewhere"
    with open_ledger(tmp_path / "l.sqlite", actor="Olga", evidence=folder) as ledger:
        yield ledger


def test_files_lie_in_the_folder_that_was_given(folder_ledger: Ledger, tmp_path: Path) -> None:
    ann = folder_ledger.customers.add("Ann")
    tape = folder_ledger.evidence.attach(ann, file=io.BytesIO(b"tape"))
    (file,) = (p for p in (tmp_path / "elsewhere").rglob("*") if p.is_file())
    assert file.read_bytes() == b"tape"
    file.unlink()
    with pytest.raises(NotFoundError, match=r"missing from the evidence store\. Restore it"):
        content(folder_ledger, tape)


def test_files_of_a_ledger_in_memory_lie_in_its_table() -> None:
    with open_ledger(":memory:", actor="Olga") as ledger:
        tape = ledger.evidence.attach(ledger.customers.add("Ann"), file=io.BytesIO(b"tape"))
        assert content(ledger, tape) == b"tape"
        assert ledger.verify().ok
        with ledger.context.read() as connection:
            assert len(connection.execute(select(table_of(BlobRow))).all()) == 1


def test_sweep_removes_old_files_that_no_entry_names_and_nothing_else(
    folder_ledger: Ledger, tmp_path: Path
) -> None:
    ann = folder_ledger.customers.add("Ann")
    kept = folder_ledger.evidence.attach(ann, file=io.BytesIO(b"tape"))
    with open_ledger(
        tmp_path / "m.sqlite", actor="Olga", evidence=tmp_path / "elsewhere"
    ) as neighbour:
        theirs = neighbour.evidence.attach(neighbour.customers.add("Ben"), file=io.BytesIO(b"tape"))
        (file,) = (tmp_path / "elsewhere" / str(folder_ledger.context.ledger)).glob("*/*")
        folder = file.parent.parent / "aa"
        folder.mkdir(exist_ok=True)
        left = {"aa" * 16: 2, f"{'aa' * 16}.partial": 2, "aabb" * 8: 0, "letter.txt": 2}
        for name, hours in left.items():
            (folder / name).write_bytes(b"left over")
            moment = time.time() - hours * 3600
            os.utime(folder / name, (moment, moment))
        for path in (tmp_path / "elsewhere").rglob("*"):
            if path.is_file() and path.read_bytes() == b"tape":
                os.utime(path, (0, 0))
        assert folder_ledger.evidence.sweep() == 2
        assert sorted(path.name for path in folder.iterdir() if path.read_bytes() != b"tape") == [
            "aabb" * 8,
            "letter.txt",
        ]
        assert content(folder_ledger, kept) == b"tape"
        assert content(neighbour, theirs) == b"tape"


# Reading in chunks


def test_anything_may_be_done_between_two_chunks(ledger: Ledger, ann: Customer) -> None:
    data = os.urandom(2 * CHUNK + 5)
    tape = ledger.evidence.attach(ann, file=io.BytesIO(data))
    chunks = ledger.evidence.read(tape)
    read = next(chunks)
    assert ledger.customers.get(ann) == ann
    with ledger.transaction():
        ledger.customers.add("Bo")
        read += next(chunks)
    other = ledger.evidence.read(tape)
    assert next(other) == data[:CHUNK]  # two readers at once
    assert read + b"".join(chunks) == data


@pytest.mark.parametrize("where", ["memory", "location"])
def test_reading_that_stopped_half_way_holds_nothing(where: str, location: str) -> None:
    with open_ledger(":memory:" if where == "memory" else location, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
        tape = ledger.evidence.attach(ann, file=io.BytesIO(bytes(CHUNK + 1)))
        unfinished = [ledger.evidence.read(tape) for _ in range(20)]  # more than a pool has
        assert [len(next(chunks)) for chunks in unfinished] == [CHUNK] * 20
        pool = ledger.context.database.transactions.engine.pool
        assert getattr(pool, "checkedout", lambda: 0)() == 0
        assert ledger.customers.all() == [ann]
        assert ledger.rebuild() > 0


def test_chunks_that_vanish_in_the_middle_are_an_error_and_not_a_shorter_file() -> None:
    with open_ledger(":memory:", actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
        tape: list[Evidence] = []

        def attach_and_fail() -> None:
            with ledger.transaction():
                tape.append(ledger.evidence.attach(ann, file=io.BytesIO(bytes(CHUNK + 1))))
                chunks.append(ledger.evidence.read(tape[0]))
                next(chunks[0])
                raise ZeroDivisionError

        chunks: list[Iterator[bytes]] = []
        with pytest.raises(ZeroDivisionError):
            attach_and_fail()
        with pytest.raises(NotFoundError, match="missing from the evidence store"):
            next(chunks[0])


def test_what_is_not_there_is_said_before_the_first_chunk(ledger: Ledger, ann: Customer) -> None:
    with pytest.raises(NotFoundError):
        ledger.evidence.read(EntryRef(ann.id, 9))


def test_file_in_the_store_that_cannot_be_read_is_reported(
    folder_ledger: Ledger, tmp_path: Path
) -> None:
    tape = folder_ledger.evidence.attach(folder_ledger.customers.add("Ann"), file=io.BytesIO(b"x"))
    (file,) = (p for p in (tmp_path / "elsewhere").rglob("*") if p.is_file())
    file.unlink()
    file.mkdir()
    with pytest.raises(LedgerUnreadableError, match=r"cannot be read: .*Check the permissions"):
        content(folder_ledger, tape)


# What is no evidence


def test_what_is_no_evidence_is_refused_by_name(
    ledger: Ledger, ann: Customer, tmp_path: Path, location: str
) -> None:
    path = tmp_path / "mail.txt"
    path.write_text("Dear shop")
    with path.open() as text_mode:
        bad: list[tuple[dict[str, object], str]] = [
            ({"file": text_mode}, r"file gives str, not bytes\. Open it in binary mode"),
            ({"file": io.StringIO("")}, "file gives str, not bytes"),
            ({"file": "mail.txt"}, "file must be an open binary file.*or give its path"),
            ({"file": 5}, "file must be an open binary file"),
            ({"text": b"x"}, "text must be text.*give bytes as a file"),
            ({"path": 5}, "path must be the path of a file"),
            ({"path": "a\0b"}, "path must be the path of a file"),
            ({"text": "x", "caption": 5}, "caption must be text"),
            ({"text": "x", "media_type": 5}, "media_type must be text"),
        ]
        for facts, words in bad:
            with pytest.raises(BadInputError, match=words):
                ledger.evidence.attach(ann, **facts)  # type: ignore[arg-type]
    assert ledger.evidence.of(ann) == []
    assert stored_files(ledger, location) == []


def test_evidence_is_named_by_its_record_or_id(ledger: Ledger, ann: Customer) -> None:
    acts = (
        ledger.evidence.get,
        ledger.evidence.read,
        lambda what: ledger.evidence.void(what, reason="r"),
    )
    for act in acts:
        for what in ("abc", None, 5, ann):
            with pytest.raises(BadInputError, match="by its record or its id"):
                act(what)  # type: ignore[arg-type]


def test_rows_of_evidence_are_mappings_that_say_to_whom(ledger: Ledger, ann: Customer) -> None:
    for row in (5, {"text": "x"}, {"to": ann, "txt": "x"}):
        with pytest.raises(BadInputError, match="a mapping with 'to' and some of"):
            ledger.evidence.attach_many([{"to": ann, "text": "x"}, row])  # type: ignore[list-item]
    assert ledger.evidence.of(ann) == []
    assert len(ledger.evidence.attach_many([{"to": ann, "text": "x"}])) == 1
