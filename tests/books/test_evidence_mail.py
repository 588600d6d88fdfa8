"""Attaching e-mails: the exact mail, then each file that came with it; all or nothing."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest

from custledger import Ledger, open_ledger
from custledger.core.records import Customer, Evidence
from custledger.errors import BadInputError, LedgerUnwritableError
from custledger.pytest_plugin import START
from tests.storage.test_media_types import png

SENT = datetime(2026, 1, 2, 8, 30, tzinfo=UTC)


def mail(subject: str = "It is broken", date: str = "Fri, 02 Jan 2026 09:30:00 +0100") -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "ann@example.org", "shop@example.org"
    message["Subject"], message["Date"] = subject, date
    message.set_content("Look at this.")
    message.add_attachment(png(), maintype="application", subtype="octet-stream", filename="a.bin")
    message.add_attachment("id\n1\n", subtype="csv", filename="orders.csv")
    message.set_boundary("one-mail-has-one-boundary")
    return message.as_bytes()


def content(ledger: Ledger, evidence: Evidence) -> bytes:
    return b"".join(ledger.evidence.read(evidence))


def test_mail_is_kept_byte_by_byte_and_each_attachment_names_it(
    ledger: Ledger, ann: Customer, tmp_path: Path
) -> None:
    call = ledger.interactions.record(ann, channel="email")
    path = tmp_path / "complaint.eml"
    path.write_bytes(mail())
    whole, picture, table = ledger.evidence.attach_mail(call, path=path)
    assert content(ledger, whole) == mail()
    assert (whole.media_type, whole.file_name) == ("message/rfc822", "complaint.eml")
    assert (whole.caption, whole.occurred_at, whole.from_mail) == ("It is broken", SENT, None)
    assert (picture.media_type, picture.file_name) == ("image/png", "a.bin")
    assert content(ledger, picture) == png()
    assert (table.media_type, table.file_name) == ("text/csv", "orders.csv")
    for piece in (picture, table):
        assert (piece.from_mail, piece.interaction) == (whole.id, call.id)
        assert (piece.occurred_at, piece.caption) == (SENT, "")
    assert ledger.evidence.of(ann) == [whole, picture, table]


def test_caption_and_time_that_are_given_win(ledger: Ledger, ann: Customer) -> None:
    at = START - timedelta(days=90)
    whole, picture, _ = ledger.evidence.attach_mail(
        ann, file=io.BytesIO(mail()), caption="first threat", occurred_at=at
    )
    assert (whole.caption, whole.occurred_at, whole.file_name) == ("first threat", at, "")
    assert picture.occurred_at == at


@pytest.mark.parametrize("date", ["Fri, 02 Jan 2099 09:30:00 +0100", "no day at all"])
def test_mail_dated_in_the_future_or_not_at_all_counts_from_when_it_was_attached(
    ledger: Ledger, ann: Customer, date: str
) -> None:
    data = b"Subject: x\nDate: " + date.encode() + b"\n\nbody"
    (whole,) = ledger.evidence.attach_mail(ann, file=io.BytesIO(data))
    assert whole.occurred_at == START


def test_mail_that_is_attached_again_writes_nothing(ledger: Ledger, ann: Customer) -> None:
    first = ledger.evidence.attach_mail(ann, file=io.BytesIO(mail()))
    written = len(ledger.history(ann))
    assert ledger.evidence.attach_mail(ann, file=io.BytesIO(mail())) == first
    assert len(ledger.history(ann)) == written
    again = ledger.evidence.attach_mail(ann, file=io.BytesIO(mail()), allow_duplicate=True)
    assert [piece.same_as for piece in again] == [piece.id for piece in first]


def test_picture_of_a_signature_that_comes_with_every_mail_is_kept_once(
    ledger: Ledger, ann: Customer
) -> None:
    _, picture, table = ledger.evidence.attach_mail(ann, file=io.BytesIO(mail()))
    second, *rest = ledger.evidence.attach_mail(ann, file=io.BytesIO(mail("Again")))
    assert second.caption == "Again"
    assert rest == [picture, table]


def test_mail_that_is_refused_half_way_leaves_nothing(ledger: Ledger, ann: Customer) -> None:
    before = ledger.history(ann)
    broken = mail().replace(b"orders.csv", b"or\xed\xa0\x80ders" * 3)
    for data in (b"Dear shop", b"", png()):
        with pytest.raises(BadInputError, match="no e-mail"):
            ledger.evidence.attach_mail(ann, file=io.BytesIO(data))
    with pytest.raises(BadInputError, match=r"more than the limit of 100 bytes"):
        ledger.evidence.attach_mail(ann, file=io.BytesIO(mail()), limit_bytes=100)
    with pytest.raises(BadInputError, match="Give either path or file"):
        ledger.evidence.attach_mail(ann)
    assert ledger.history(ann) == before
    assert len(ledger.evidence.attach_mail(ann, file=io.BytesIO(broken))) == 3


class Refusing:
    """Keys that give out two, and then their medium fails."""

    def __init__(self) -> None:
        self.left = 2

    def key(self, subject: UUID, create: bool) -> bytes | None:
        self.left -= 1
        if self.left < 0:
            raise LedgerUnwritableError
        return bytes(32)

    def destroy(self, subject: UUID) -> bool:
        return False


def test_mail_goes_if_one_of_its_attachments_cannot_be_kept(
    ledger: Ledger, ann: Customer, location: str
) -> None:
    before = ledger.history(ann)
    keys = Refusing()
    with (
        open_ledger(location, actor="Olga", encryption=keys) as refusing,
        pytest.raises(LedgerUnwritableError),
    ):
        refusing.evidence.attach_mail(ann.id, file=io.BytesIO(mail()))
    assert keys.left == -1
    assert ledger.history(ann) == before
    assert ledger.evidence.of(ann) == []


def test_plain_attach_keeps_a_mail_as_one_file(
    ledger: Ledger, ann: Customer, tmp_path: Path
) -> None:
    path = tmp_path / "m.eml"
    path.write_bytes(mail())
    whole = ledger.evidence.attach(ann, path=path)
    assert whole.media_type == "message/rfc822"
    assert ledger.evidence.of(ann) == [whole]
    kept, *parts = ledger.evidence.attach_mail(ann, path=path)
    assert kept == whole
    assert [part.from_mail for part in parts] == [whole.id, whole.id]
