"""Evidence encrypted at rest: read as ever with the keys, and nothing without them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from custledger import KeyFolder, Ledger, LedgerMaker, open_ledger
from custledger.core.records import Customer, Evidence, Part
from custledger.core.trail.chain import commitment
from custledger.errors import EvidenceAlteredError, EvidenceLockedError
from custledger.storage.bulk import table_of
from custledger.storage.evidence.blobs import CHUNK
from custledger.storage.evidence.contents import Stored, open_content
from custledger.storage.tables import BlobRow, EvidenceRow, PayloadRow

SECRET = b"the secret that nobody may read "
_payload, _evidence, _blob = table_of(PayloadRow), table_of(EvidenceRow), table_of(BlobRow)


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "keys")


@pytest.fixture
def ledger(location: str, keys: KeyFolder) -> Iterator[Ledger]:
    with open_ledger(location, actor="Olga", encryption=keys) as ledger:
        yield ledger


def content(ledger: Ledger, evidence: Evidence) -> bytes:
    return b"".join(ledger.evidence.read(evidence))


def stored_bytes(ledger: Ledger, location: str) -> bytes:
    """All that is stored: the SQLite file and its folder, or the payloads and blobs."""
    with ledger.context.read() as connection:
        bodies = connection.scalars(select(_payload.c.body).where(_payload.c.body.is_not(None)))
        found = [bytes(body) for body in bodies]
        found += [bytes(data) for data in connection.scalars(select(_blob.c.data))]
    files = [Path(location)] if Path(location).exists() else []
    files += [*Path(f"{location}-wal").parent.glob("*-wal"), *files] if files else []
    files += [p for p in Path(f"{location}.evidence").rglob("*") if p.is_file()]
    return b"".join(found + [file.read_bytes() for file in files])


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_file_of_any_size_is_read_back(ledger: Ledger, ann: Customer, size: int) -> None:
    data = (SECRET * (size // len(SECRET) + 1))[:size]
    tape = ledger.evidence.attach(ann, file=io.BytesIO(data))
    assert (tape.size, tape.cipher) == (size, "aes-256-gcm")
    assert content(ledger, tape) == data


def test_neither_texts_nor_files_nor_mails_are_stored_readable(
    ledger: Ledger, ann: Customer, location: str
) -> None:
    mail = b"Subject: hi\n\n" + SECRET
    pieces = [
        ledger.evidence.attach(ann, text=SECRET.decode()),
        ledger.evidence.attach(ann, file=io.BytesIO(SECRET * 9)),
        *ledger.evidence.attach_mail(ann, file=io.BytesIO(mail)),
    ]
    assert [content(ledger, piece) for piece in pieces] == [SECRET, SECRET * 9, mail]
    stored = stored_bytes(ledger, location)
    assert b"CLE1" in stored
    assert SECRET[:12] not in stored


def test_commitment_is_over_what_was_given_and_not_over_what_is_stored(
    ledger: Ledger, ann: Customer
) -> None:
    tape = ledger.evidence.attach(ann, file=io.BytesIO(SECRET))
    with ledger.context.read() as connection:
        query = select(_payload.c.salt, _payload.c.blob).where(_payload.c.part == Part.CONTENT)
        salt, blob = connection.execute(query).one()
        stored = Stored(ann.id, None, blob, tape.cipher)
        plain = b"".join(open_content(connection, ledger.context, stored))
    assert commitment(bytes(salt), plain) == commitment(bytes(salt), SECRET)


def test_trail_of_encrypted_evidence_verifies(ledger: Ledger, ann: Customer) -> None:
    ledger.evidence.attach(ann, text="a text")
    ledger.evidence.attach(ann, file=io.BytesIO(bytes(CHUNK + 1)))
    report = ledger.verify()
    assert (report.findings, report.evidence_files) == ((), 2)


def test_each_customer_has_a_key_of_their_own(
    ledger: Ledger, ann: Customer, keys: KeyFolder
) -> None:
    ben = ledger.customers.add("Ben")
    tape, other = (ledger.evidence.attach(who, file=io.BytesIO(SECRET)) for who in (ann, ben))
    assert keys.destroy(ann.id)
    with pytest.raises(EvidenceLockedError, match="key is not there"):
        ledger.evidence.read(tape)
    assert content(ledger, other) == SECRET


def test_new_key_after_the_old_was_destroyed_opens_only_what_is_new(
    ledger: Ledger, ann: Customer, keys: KeyFolder
) -> None:
    old = ledger.evidence.attach(ann, file=io.BytesIO(SECRET))
    keys.destroy(ann.id)
    new = ledger.evidence.attach(ann, file=io.BytesIO(SECRET))
    assert new.same_as is None  # nobody can compare with what nobody can read
    assert content(ledger, new) == SECRET
    with pytest.raises(EvidenceLockedError, match="another key of this customer"):
        content(ledger, old)


def test_ledger_without_keys_reads_what_is_plain_and_says_what_it_needs(
    ledger: Ledger, ann: Customer, location: str
) -> None:
    tape = ledger.evidence.attach(ann, file=io.BytesIO(SECRET))
    with open_ledger(location, actor="Olga") as plain:
        note = plain.evidence.attach(ann.id, text="plain")
        assert (note.cipher, content(plain, note)) == ("", b"plain")
        assert plain.evidence.get(tape) == tape
        with pytest.raises(EvidenceLockedError, match=r"encryption=KeyFolder.*EVIDENCE_KEYS"):
            plain.evidence.read(tape)
        again = plain.evidence.attach(ann.id, file=io.BytesIO(SECRET))
        assert again.same_as is None
    assert content(ledger, note) == b"plain"


def test_duplicates_are_recognised_plain_or_encrypted(
    ledger: Ledger, ann: Customer, location: str
) -> None:
    tape = ledger.evidence.attach(ann, file=io.BytesIO(SECRET * CHUNK))
    assert ledger.evidence.attach(ann, file=io.BytesIO(SECRET * CHUNK)) == tape
    with open_ledger(location, actor="Olga") as plain:
        note = plain.evidence.attach(ann.id, text="plain")
    assert ledger.evidence.attach(ann, text="plain") == note
    call = ledger.interactions.record(ann, channel="chat")
    kept = ledger.evidence.attach(call, text="plain")
    assert (kept.same_as, kept.cipher) == (note.id, "aes-256-gcm")


def test_changed_file_does_not_decrypt(tmp_path: Path, keys: KeyFolder) -> None:
    with open_ledger(tmp_path / "l.sqlite", actor="Olga", encryption=keys) as ledger:
        ann = ledger.customers.add("Ann")
        tape = ledger.evidence.attach(ann, file=io.BytesIO(bytes(CHUNK + 9)))
        (file,) = (tmp_path / "l.sqlite.evidence").glob("*/*")
        data = file.read_bytes()
        for damaged in (data[:-1], data[:-25], data + b"x", data[:-1] + b"\0", b"", b"CLE1"):
            file.write_bytes(damaged)
            with pytest.raises(EvidenceAlteredError, match="does not decrypt"):
                content(ledger, tape)


def test_two_files_that_changed_places_do_not_decrypt(tmp_path: Path, keys: KeyFolder) -> None:
    with open_ledger(tmp_path / "l.sqlite", actor="Olga", encryption=keys) as ledger:
        ann = ledger.customers.add("Ann")
        tapes = [ledger.evidence.attach(ann, file=io.BytesIO(text)) for text in (b"one", b"two")]
        one, two = (tmp_path / "l.sqlite.evidence").glob("*/*")
        first, second = one.read_bytes(), two.read_bytes()
        one.write_bytes(second)
        two.write_bytes(first)
        for tape in tapes:
            with pytest.raises(EvidenceAlteredError):
                content(ledger, tape)


def test_anything_may_be_done_between_two_chunks(ledger: Ledger, ann: Customer) -> None:
    tape = ledger.evidence.attach(ann, file=io.BytesIO(bytes(2 * CHUNK)))
    chunks = ledger.evidence.read(tape)
    size = len(next(chunks))
    with ledger.transaction():
        ledger.customers.add("Ben")
        size += len(next(chunks))
    assert size + sum(map(len, chunks)) == 2 * CHUNK


def test_rolled_back_evidence_leaves_a_key_and_no_file(
    ledger: Ledger, ann: Customer, location: str, keys: KeyFolder
) -> None:
    def fail() -> None:
        with ledger.transaction():
            ledger.evidence.attach(ann, text="x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert b"CLE1" not in stored_bytes(ledger, location)
    assert [path for path in Path(f"{location}.evidence").rglob("*") if path.is_file()] == []
    assert keys.key(ann.id, create=False) is not None


def test_makers_and_ledgers_in_memory_encrypt_too(location: str, keys: KeyFolder) -> None:
    with LedgerMaker(location, owner="Olga", encryption=keys) as maker:
        with maker.open(actor="Olga") as ledger:
            tape = ledger.evidence.attach(ledger.customers.add("Ann"), text="x")
        with maker.open(actor="Olga") as ledger:
            assert (tape.cipher, content(ledger, tape)) == ("aes-256-gcm", b"x")
    with open_ledger(":memory:", actor="Olga", encryption=keys) as ledger:
        tape = ledger.evidence.attach(ledger.customers.add("Ann"), text="x")
        assert (tape.cipher, content(ledger, tape)) == ("aes-256-gcm", b"x")


def test_guests_encrypt_in_the_hosts_transaction(location: str, keys: KeyFolder) -> None:
    with open_ledger(location, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
        beside = ledger.evidence.attach(ann, file=io.BytesIO(b"plain"))
    engine = create_engine(location if "://" in location else f"sqlite:///{location}")
    with Session(engine) as session, open_ledger(session, actor="Olga", encryption=keys) as guest:
        dropped = guest.evidence.attach(ann, file=io.BytesIO(b"dropped"))
        session.rollback()
        tape = guest.evidence.attach(ann, file=io.BytesIO(SECRET * CHUNK))
        assert guest.evidence.attach(ann, file=io.BytesIO(SECRET * CHUNK)) == tape
        assert guest.evidence.attach(ann, file=io.BytesIO(b"plain")) == beside
        session.commit()
    engine.dispose()
    with open_ledger(location, actor="Olga", encryption=keys) as ledger:
        assert [dropped.size, *ledger.evidence.of(ann)] == [7, beside, tape]
        assert content(ledger, tape) == SECRET * CHUNK


class InMemory:
    """Keys of another kind: any object with these two methods will do."""

    def __init__(self) -> None:
        self.keys: dict[UUID, bytes] = {}

    def key(self, subject: UUID, create: bool) -> bytes | None:
        if create:
            self.keys.setdefault(subject, subject.bytes * 2)
        return self.keys.get(subject)

    def destroy(self, subject: UUID) -> bool:
        return self.keys.pop(subject, None) is not None


def test_keys_may_come_from_anywhere(location: str) -> None:
    keys = InMemory()
    with open_ledger(location, actor="Olga", encryption=keys) as ledger:
        ann = ledger.customers.add("Ann")
        tape = ledger.evidence.attach(ann, text="x")
        assert content(ledger, tape) == b"x"
        assert list(keys.keys) == [ann.id]
