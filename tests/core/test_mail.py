"""Mails as they really come: with attachments, without headers, and against every rule."""

from __future__ import annotations

from datetime import UTC, datetime
from email import headerregistry
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from custledger.core.mail import MailPart, parse_mail
from custledger.errors import BadInputError

PNG = bytes.fromhex("89504e470d0a1a0a") + b"picture"


def written() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = "ann@example.org", "shop@example.org"
    mail["Subject"] = "Ma commande est cassée"
    mail["Date"] = "Mon, 05 Jan 2026 10:00:00 +0100"
    mail.set_content("Regardez.")
    return mail


def test_subject_and_date_are_read_and_the_text_is_no_attachment() -> None:
    mail = written()
    mail.add_alternative("<p>Regardez.</p>", subtype="html")
    found = parse_mail(mail.as_bytes())
    assert found.subject == "Ma commande est cassée"
    assert found.sent_at == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert found.parts == ()


def test_attachments_and_pictures_inside_the_text_come_in_their_order() -> None:
    mail = written()
    mail.add_alternative("<img src=cid:1>", subtype="html")
    mail.get_payload()[1].add_related(PNG, "image", "png", cid="<1>")  # type: ignore[union-attr]
    mail.add_attachment(
        b"%PDF-1.4", maintype="application", subtype="pdf", filename="facture é.pdf"
    )
    mail.add_attachment("a;b\n", subtype="csv", filename="C:\\liste.csv")
    assert parse_mail(mail.as_bytes()).parts == (
        MailPart("", "image/png", PNG),
        MailPart("facture é.pdf", "application/pdf", b"%PDF-1.4"),
        MailPart("liste.csv", "text/csv", b"a;b\n"),
    )


def test_forwarded_mail_comes_whole_and_what_was_attached_to_it_after_it() -> None:
    inner = written()
    inner.add_attachment(PNG, maintype="image", subtype="png", filename="broken.png")
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("See below.")
    outer.add_attachment(inner)
    whole, picture = parse_mail(outer.as_bytes()).parts
    assert (whole.media_type, whole.file_name) == ("message/rfc822", "forwarded.eml")
    assert parse_mail(whole.data).subject == "Ma commande est cassée"
    assert picture == MailPart("broken.png", "image/png", PNG)


def test_mail_that_is_nothing_but_a_file_has_that_file() -> None:
    mail = b"Subject: scan\nContent-Type: application/pdf; name=scan.pdf\n\n%PDF-1.4"
    assert parse_mail(mail).parts == (MailPart("scan.pdf", "application/pdf", b"%PDF-1.4"),)


@pytest.mark.parametrize(
    "date",
    [
        "",
        "Date: \n",
        "Date: yesterday\n",
        "Date: Mon, 99 Foo 2026 99:99:99 +9999\n",
        "Date: Thu, 01 Jan 1970 00:00:00 +0000\n",
        "Date: Mon, 05 Jan 99999 10:00:00 +0000\n",
        "Date: =?bad?q?=ff?=\n",
    ],
)
def test_date_that_is_absent_or_nonsense_is_none(date: str) -> None:
    assert parse_mail(f"Subject: s\n{date}\nbody".encode()).sent_at is None


def test_date_without_a_known_zone_is_utc() -> None:
    found = parse_mail(b"Date: Mon, 05 Jan 2026 10:00:00 -0000\n\nbody").sent_at
    assert found == datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        (b"Subject: caf\xe9 cass\xe9", "caf\ufffd cass\ufffd"),
        (b"Subject: =?unheard-of?q?hello?=", "hello"),
        (b"Subject: =?utf-8?b?w6dh?=", "ça"),
        (b"Subject: a\n\tb\n c", "a b c"),
        (b"Subject: a\x00b\x07c", "a b c"),
        (b"From: ann@example.org", ""),
        (b"Subject:", ""),
        (b"Subject: " + b"x" * 3000, "x" * 1000),
    ],
)
def test_subject_in_a_wrong_charset_or_absent_is_still_a_text(header: bytes, subject: str) -> None:
    assert parse_mail(header + b"\n\nbody").subject == subject


def test_attachment_whose_encoding_is_broken_is_kept_as_it_can_be_read() -> None:
    mail = (
        b"Subject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n"
        b"--B\nContent-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\n"
        b"!!!!\n--B\nContent-Type: text/plain; charset=unheard-of; name=b.txt\n\ncaf\xe9\n"
        b"--B\nContent-Disposition: attachment\nContent-Type: \n\nx\n"
    )
    names = [part.file_name for part in parse_mail(mail).parts]
    assert names == ["a.png", "b.txt", ""]


@pytest.mark.parametrize("data", [b"", b"Dear shop", PNG, b"\xd0\xcf\x11\xe0" * 99, b"a: b\n\nc"])
def test_what_is_no_mail_is_refused_with_what_to_do(data: bytes) -> None:
    with pytest.raises(BadInputError, match=r"no e-mail.*Save the mail as \.eml"):
        parse_mail(data)


@pytest.mark.parametrize("form", ["multipart/mixed; boundary=%d\n\n--%d", "message/rfc822\n"])
@pytest.mark.parametrize("depth", [51, 300, 3000])
def test_mail_of_parts_inside_each_other_without_end_is_refused(form: str, depth: int) -> None:
    levels = (form.replace("%d", str(number)) for number in range(depth))
    deep = "".join(f"Content-Type: {level}\n" for level in levels)
    with pytest.raises(BadInputError, match="too deep inside each other"):
        parse_mail(b"Subject: s\n" + deep.encode())


def test_fifty_parts_inside_each_other_are_all_kept() -> None:
    mail = b"Subject: s\n" + b"Content-Type: message/rfc822\n\nSubject: f\n" * 50 + b"\nhi"
    parts = parse_mail(b"X: %s\n" % (b"x" * 9000) + mail).parts
    assert len(parts) == 50
    assert parts[-1].data == b"Subject: f\n\nhi"


def test_mail_of_more_than_a_thousand_attachments_is_refused() -> None:
    part = b"--B\nContent-Type: image/png\n\nx\n"
    head = b"Subject: s\nContent-Type: multipart/mixed; boundary=B\n\n"
    assert len(parse_mail(head + part * 1000).parts) == 1000
    with pytest.raises(BadInputError, match="more than 1,000 attachments"):
        parse_mail(head + part * 1001)


def test_mail_of_countless_empty_parts_is_refused_before_they_are_read() -> None:
    head = b"Subject: s\nContent-Type: multipart/mixed; boundary=B\n\n"
    assert parse_mail(head + b"--B\n\n" * 10_000).parts == ()
    with pytest.raises(BadInputError, match="more than 10,000 parts"):
        parse_mail(head + b"--B\n\n" * 10_001)


def test_forwarded_mails_may_not_make_many_times_what_came() -> None:
    level = b"Content-Type: message/rfc822\n\nSubject: f\n"
    body = b"x" * 20_000
    assert len(parse_mail(b"Subject: s\n" + level * 7 + b"\n" + body).parts) == 7
    with pytest.raises(BadInputError, match=r"more than 8 times as large.*`attach`"):
        parse_mail(b"Subject: s\n" + level * 12 + b"\n" + body)


HOSTILE = [
    b"Content-Disposition: attachment" + b";" * 100_000,
    b"Content-Type: application/pdf" + b"; a=b" * 5000,
    b'Content-Type: application/pdf; name="' + b"(a)" * 30_000,
    b"Content-Transfer-Encoding: " + b";" * 100_000,
    b"Subject: " + b"=?utf-8?q?a?= " * 10_000,
    b"Date: " + b"(" * 100_000,
    b"Content-Disposition: attachment; filename=" + b"=?utf-8?q?a?=" * 10_000,
]


@pytest.mark.parametrize("header", HOSTILE, ids=lambda header: header.split(b":")[0].decode())
def test_no_more_than_the_beginning_of_a_header_is_given_to_the_parser(
    header: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The standard library's parser takes the square of a header's length, minutes for 100 kB."""
    read: list[int] = []
    parse = headerregistry.HeaderRegistry.__call__

    def counted(self: headerregistry.HeaderRegistry, name: str, value: str) -> Any:
        read.append(len(value))
        return parse(self, name, value[:100])

    monkeypatch.setattr(headerregistry.HeaderRegistry, "__call__", counted)
    found = parse_mail(header + b"\nFrom: ann@example.org\nContent-Type: image/png\n\nx")
    assert max(read, default=0) <= 8000
    assert len(found.parts) == 1


def test_parameters_of_parts_are_never_given_to_the_costly_parser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There may be thousands of parts: even 8,000 characters of each would take minutes."""
    read: list[str] = []
    parse = headerregistry.HeaderRegistry.__call__

    def counted(self: headerregistry.HeaderRegistry, name: str, value: str) -> Any:
        read.append(name.lower())
        return parse(self, name, value)

    mail = written()
    mail.add_attachment(PNG, maintype="image", subtype="png", filename="a.png")
    data = mail.as_bytes()
    monkeypatch.setattr(headerregistry.HeaderRegistry, "__call__", counted)
    assert parse_mail(data).parts == (MailPart("a.png", "image/png", PNG),)
    assert set(read) <= {"subject", "date", "content-transfer-encoding"}


def test_attachment_that_cannot_be_read_is_told_and_not_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **kwargs: object) -> bytes:
        raise KeyError

    mail = written()
    mail.add_attachment(written())
    data = mail.as_bytes()
    monkeypatch.setattr(EmailMessage, "as_bytes", fail)
    with pytest.raises(BadInputError, match=r"cannot be read\. Attach the file with `attach`"):
        parse_mail(data)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Content-Disposition: attachment; filename=facture é.pdf", "facture é.pdf"),
        ('Content-Disposition: attachment; filename="=?utf-8?b?w6k=?= 1.pdf"', "é 1.pdf"),
        ("Content-Disposition: attachment; filename*=utf-8''%C3%A9.pdf", "é.pdf"),
        ("Content-Disposition: attachment; filename*=latin1''%E9.pdf", "é.pdf"),
        ("Content-Disposition: attachment;\n filename*0=a;\n filename*1=b.pdf", "ab.pdf"),
        ('Content-Disposition: attachment; filename="a;b \\"c\\".pdf"', 'a;b "c".pdf'),
        ("Content-Disposition: attachment; filename*=a\0''x", "x"),
        ("X-None: 1", "scan.pdf"),
    ],
)
def test_name_of_an_attachment_is_read_however_it_is_written(header: str, name: str) -> None:
    mail = f"Subject: s\n{header}\nContent-Type: application/pdf; name=scan.pdf\n\nx"
    assert [part.file_name for part in parse_mail(mail.encode()).parts] == [name]


@pytest.mark.parametrize("boundary", ["", "*=a\0''x", "*=utf-16''x", "*0*=nobody''%FF", '"'])
def test_boundary_that_breaks_the_rules_divides_nothing(boundary: str) -> None:
    mail = f"Subject: s\nContent-Type: multipart/mixed; boundary{boundary}\n\nx"
    assert parse_mail(mail.encode()).subject == "s"


FRAGMENTS = st.sampled_from(
    [
        b"Subject: ",
        b"Date: ",
        b"From: ",
        b"=?utf-8?b?",
        b"?=",
        b"\n",
        b"\n\n",
        b"--B",
        b"--B--",
        b"Content-Type: multipart/mixed; boundary=B\n",
        b"Content-Type: message/rfc822\n",
        b"Content-Disposition: attachment; filename*0*=",
        b"Content-Transfer-Encoding: base64\n",
        b"\xff",
        b"\x00",
        b"a@b",
        b"<",
        b"(",
        b'"',
        b";",
        b"charset=x",
    ]
)


@given(st.lists(FRAGMENTS | st.binary(max_size=8), max_size=30).map(b"".join))
@example(b"\t\xee\x80\x80")  # a character for private use, of no meaning to anybody else
def test_any_bytes_are_a_mail_or_refused(data: bytes) -> None:
    try:
        found = parse_mail(b"Subject: s\n" + data)
    except BadInputError:
        return
    assert found.subject.isprintable()
