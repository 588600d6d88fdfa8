"""Dossiers out of a ledger: what is in them, who is shown what, and when none is written."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest

from custledger import open_ledger
from custledger.core.dossier.check import CHECKPOINT, DOSSIER, PAGE, VERIFIER
from custledger.core.dossier.zip import MAX_ZIP, Member, directory
from custledger.core.trail.notes import VerifierKey
from custledger.edges.dossier import (
    report,
    verifier_source,
    verify_dossier,
    write_dossier,
    write_page,
)
from custledger.edges.keys import KeyFile, generate_key
from custledger.errors import (
    BadInputError,
    LedgerUnreadableError,
    LedgerUnwritableError,
    NotFoundError,
)
from custledger.pytest_plugin import START
from custledger.storage.evidence.data_keys import KeyFolder
from tests.attacker import attack
from tests.core.dossiers import png
from tests.edges.dossier_help import Case, case, read_zip, write_zip


def page_of(path: Path) -> str:
    return read_zip(path)[PAGE].decode()


def test_owners_dossier_holds_against_all_that_was_published(firm: Case, to: Path) -> None:
    write_dossier(firm.ledger, firm.ann, to)
    for published in firm.published:
        checked = verify_dossier(to, published, [firm.signer.key])
        assert (checked.verdict, checked.problems, checked.signed) == ("holds", (), True)
    assert checked.dossier is not None
    assert checked.dossier.seal is not None
    assert (len(checked.dossier.entries), checked.dossier.seal.seq) == (11, 10)
    assert checked.reaches_to == 10


def test_zip_holds_the_evidence_as_it_was_attached(firm: Case, to: Path) -> None:
    write_dossier(firm.ledger, firm.ann, to)
    members = read_zip(to)
    assert members["evidence/0001.png"] == png(40, 30)
    assert members["evidence/0002.txt"] == b"Delivery note: 4 legs"
    assert members[CHECKPOINT].decode() == firm.published[-1]
    assert list(members)[2:] == [DOSSIER, CHECKPOINT, PAGE, VERIFIER]
    assert members[VERIFIER].decode() == verifier_source()


def test_page_tells_what_happened_in_order_and_loads_nothing(firm: Case, to: Path) -> None:
    write_dossier(firm.ledger, firm.ann, to)
    page = page_of(to)
    told = [
        "Dossier: Ann Müller",
        "6 December 2025, 10:00 UTC+01:00",
        "Phone call from the customer: complaint",
        "Corrected by",
        "One leg wobbles.",
        "Is that &lt;all&gt; &amp; nothing more?",
        "drilled wrongly",
        "data:image/png;base64,",
        "Delivery note: 4 legs",
        "Customer&#x27;s details",
        "Invoice of 480.00 EUR",
        "Taken back by",
        "Erased for good: what was recorded (see #",
        "Erasure of personal data",
        "Refund of 60.00 EUR",
        "; not sealed yet",
        "Who recorded it",
        firm.published[-1].splitlines()[2],
    ]
    places = [page.find(text) for text in told]
    assert -1 not in places, told[places.index(-1)]
    assert places == sorted(places)
    for unwanted in ("<script", "http:", "https:", "Somebody else", "<link", "@import", "url("):
        assert unwanted not in page


def test_customers_dossier_names_no_staff_and_shows_no_notes_among_them(
    firm: Case, to: Path
) -> None:
    write_dossier(firm.ledger, firm.ann, to, audience="customer")
    assert verify_dossier(to, firm.published[-1], [firm.signer.key]).verdict == "holds"
    whole = to.read_bytes()
    for secret in (b"upset", b"likes tea", b"Olga", b"Sam"):
        assert secret not in whole
    page = page_of(to)
    assert page.count("Left out of this dossier: a note among staff") == 3
    assert "Recorded by staff (owner)" in page
    assert "One leg wobbles." in page


def test_third_partys_dossier_holds_the_chosen_period_and_what_became_of_it(
    firm: Case, to: Path
) -> None:
    start, end = START - timedelta(days=31), START - timedelta(days=29)
    write_dossier(firm.ledger, firm.ann, to, audience="third-party", start=start, end=end)
    assert verify_dossier(to, firm.published[-1], [firm.signer.key]).verdict == "holds"
    page, whole = page_of(to), to.read_bytes()
    for told in ("One leg wobbles.", "drilled wrongly", "Delivery note", "Ann Müller"):
        assert told in page
    for secret in (b"oak table", b"orders a bench", b"upset", b"480.00", b"[48000,"):
        assert secret not in whole
    assert "left out of this dossier" in page
    assert "Chosen period: from 5 December 2025" in page


def test_same_ledger_and_time_give_the_same_bytes(firm: Case, to: Path) -> None:
    other = to.with_name("again.zip")
    write_dossier(firm.ledger, firm.ann, to)
    write_dossier(firm.ledger, firm.ann, other)
    assert to.read_bytes() == other.read_bytes()


def test_dossier_before_the_first_seal_says_that_it_proves_little(location: str, to: Path) -> None:
    with open_ledger(location, actor="Olga") as ledger:
        ann = ledger.customers.add("Ann")
        checked = write_dossier(ledger, ann, to)
    assert (checked.verdict, checked.seal) == ("not compared", None)
    assert CHECKPOINT not in read_zip(to)
    assert "only checked against itself" in "\n".join(report(checked))


def test_customer_who_came_after_the_newest_seal_is_in_none(firm: Case, to: Path) -> None:
    ben = firm.ledger.customers.add("Ben")
    checked = write_dossier(firm.ledger, ben, to)
    assert checked.dossier is not None
    assert checked.dossier.seal is None


def test_seal_that_nobody_signed_is_passed_over(firm: Case, location: str, to: Path) -> None:
    # A crash between sealing and signing leaves one.
    with attack(location) as attacker:
        attacker.run("DELETE FROM custledger_checkpoint WHERE n = 2")
    checked = write_dossier(firm.ledger, firm.ann, to)
    assert checked.seal is not None
    assert checked.seal.n == 1
    assert verify_dossier(to, firm.published[0], [firm.signer.key]).verdict == "holds"
    newer = verify_dossier(to, firm.published[1], [firm.signer.key])
    assert newer.verdict == "not compared"
    assert "Ask for a new dossier" in newer.doubts[0]


def test_voided_customer_has_a_dossier_by_id(firm: Case, to: Path) -> None:
    ben = firm.ledger.customers.add("Ben")
    firm.ledger.customers.void(ben, reason="was a test")
    with pytest.raises(NotFoundError):
        write_dossier(firm.ledger, "Ben", to)
    assert write_dossier(firm.ledger, ben.id, to).problems == ()
    assert "was a test" in page_of(to)


def test_person_who_was_erased_has_a_dossier_without_contents(firm: Case, to: Path) -> None:
    firm.ledger.privacy.erase_person(firm.ann, ground="objection", reason="asked for it")
    firm.seal()
    write_dossier(firm.ledger, firm.ann.id, to)
    assert verify_dossier(to, firm.published[-1], [firm.signer.key]).verdict == "holds"
    whole = to.read_bytes()
    for erased in ("Ann", "wobbles", "Delivery note", "likes tea"):
        assert erased.encode() not in whole
    assert b"asked for it" in whole


def test_keys_that_the_trail_or_the_caller_names_are_in_it(firm: Case, to: Path) -> None:
    write_dossier(firm.ledger, firm.ann, to, keys=[firm.signer.key])
    checked = verify_dossier(to, firm.published[-1])
    assert checked.verdict == "holds"
    assert not checked.signed
    told = "\n".join(report(checked))
    assert "THE SIGNATURE WAS NOT CHECKED against a key that you know" in told
    assert firm.signer.key.to_text() in told


def test_key_that_signed_nothing_cannot_be_named(firm: Case, to: Path) -> None:
    with pytest.raises(BadInputError, match="give the one that did"):
        write_dossier(firm.ledger, firm.ann, to, keys=[VerifierKey("bakery.example", bytes(32))])
    assert list(to.parent.iterdir()) == []


def test_dossier_after_a_change_of_keys_holds_with_either(
    firm: Case, tmp_path: Path, to: Path
) -> None:
    new = generate_key(tmp_path / "new.key", "bakery.example")
    firm.ledger.trail.rotate(firm.signer, KeyFile(tmp_path / "new.key"))
    write_dossier(firm.ledger, firm.ann, to)
    published = firm.ledger.trail.checkpoint()
    for key in (firm.signer.key, new):
        checked = verify_dossier(to, published, [key])
        assert (checked.verdict, checked.signed) == ("holds", True)
    assert checked.dossier is not None
    assert checked.dossier.keys == (firm.signer.key.to_text(), new.to_text())


def test_evidence_that_is_kept_encrypted_is_in_it_as_it_was_attached(
    location: str, tmp_path: Path, to: Path
) -> None:
    with open_ledger(location, actor="Olga", encryption=KeyFolder(tmp_path / "keys")) as ledger:
        ann = ledger.customers.add("Ann")
        ledger.evidence.attach(ann, file=io.BytesIO(png(9, 9)))
        write_dossier(ledger, ann, to)
    assert read_zip(to)["evidence/0001.png"] == png(9, 9)


@pytest.mark.browser
def test_browser_shows_the_page_on_a_phone(firm: Case, to: Path, tmp_path: Path) -> None:
    browsers = ("chromium", "chromium-browser", "google-chrome")
    [browser, *_] = filter(None, map(shutil.which, browsers))
    write_dossier(firm.ledger, firm.ann, to)
    (tmp_path / "index.html").write_text(page_of(to), encoding="utf-8")
    picture = tmp_path / "page.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=390,844"]
    place = (tmp_path / "index.html").as_uri()
    command = [browser, *options, f"--screenshot={picture}", place]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    shown = subprocess.run(
        [browser, *options, "--dump-dom", place], check=True, capture_output=True, timeout=120
    )
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert b"One leg wobbles." in shown.stdout


def test_key_that_signed_nothing_leaves_it_unsigned_and_not_wholly_checked(
    firm: Case, to: Path
) -> None:
    other = VerifierKey("bakery.example", bytes(32))
    write_dossier(firm.ledger, firm.ann, to, keys=[firm.signer.key])
    checked = verify_dossier(to, firm.published[-1], [other])
    assert (checked.verdict, checked.signed) == ("not compared", False)
    assert f"signed by {firm.signer.key.to_text()}" in "\n".join(report(checked))


def test_full_disk_is_told_and_leaves_the_file_of_yesterday(firm: Case, to: Path) -> None:
    resource = pytest.importorskip("resource", reason="left out: no limit of file sizes here")
    to.write_bytes(b"the one of yesterday")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(LedgerUnwritableError, match="with space for it"):
            write_dossier(firm.ledger, firm.ann, to)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert to.read_bytes() == b"the one of yesterday"
    assert list(to.parent.iterdir()) == [to]


def test_page_of_a_dossier_that_does_not_hold_is_not_written(firm: Case, to: Path) -> None:
    write_dossier(firm.ledger, firm.ann, to)
    page, members = to.with_name("anew.html"), read_zip(to)
    lying = {**members, PAGE: members[PAGE].replace(b"wobbles", b"is perfect")}
    write_page(write_zip(to, lying), page)  # this is what a page is rendered anew for
    assert page.read_bytes() == members[PAGE]
    page.unlink()
    altered = members[DOSSIER].replace(b"wobbles", b"wobbled")
    with pytest.raises(BadInputError, match="No page was written"):
        write_page(write_zip(to, {**members, DOSSIER: altered}), page)
    assert not page.exists()


def test_page_can_be_rendered_anew_by_whoever_does_not_trust_it(firm: Case, to: Path) -> None:
    write_dossier(firm.ledger, firm.ann, to)
    page = to.with_name("anew.html")
    write_page(to, page)
    assert page.read_text(encoding="utf-8") == page_of(to)


def test_file_of_an_entry_that_was_changed_is_not_written(
    firm: Case, location: str, to: Path
) -> None:
    to.write_bytes(b"the one of yesterday")
    with attack(location) as attacker:
        attacker.run("UPDATE custledger_entry SET recorded_at = recorded_at + 1 WHERE seq = 3")
    with pytest.raises(LedgerUnreadableError, match="Entry #3 of this customer was changed"):
        write_dossier(firm.ledger, firm.ann, to)
    assert to.read_bytes() == b"the one of yesterday"
    assert list(to.parent.iterdir()) == [to]


def test_missing_file_of_evidence_leaves_nothing(tmp_path: Path, to: Path) -> None:
    location = tmp_path / "ledger.sqlite"
    with case(str(location), tmp_path / "keys") as firm:
        for file in Path(f"{location}.evidence").glob("*/*"):
            file.unlink()
        with pytest.raises(LedgerUnreadableError, match="missing from the evidence store"):
            write_dossier(firm.ledger, firm.ann, to)
    assert list(to.parent.iterdir()) == []


def test_dossier_is_readable_by_its_owner_alone(firm: Case, to: Path) -> None:
    write_dossier(firm.ledger, firm.ann, to)
    assert to.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"audience": "everybody"}, "owner, customer, third-party"),
        ({"start": START}, "A period is chosen for a third party"),
        (
            {"audience": "third-party", "start": START, "end": START},
            "The period ends before it starts",
        ),
        ({"keys": ["no key"]}, "custledger key show"),
    ],
)
def test_wrong_call_is_refused_and_writes_nothing(
    firm: Case, to: Path, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(BadInputError, match=said):
        write_dossier(firm.ledger, firm.ann, to, **wrong)  # type: ignore[arg-type]
    assert list(to.parent.iterdir()) == []


def test_evidence_of_many_megabytes_needs_memory_of_some(tmp_path: Path, to: Path) -> None:
    size = 48 << 20
    with case(str(tmp_path / "ledger.sqlite"), tmp_path / "keys") as firm:
        firm.ledger.evidence.attach(
            firm.ann, file=io.BytesIO(bytes(size)), media_type="video/mp4", caption="the shop"
        )
        firm.seal()
        tracemalloc.start()
        write_dossier(firm.ledger, firm.ann, to)
        checked = verify_dossier(to, firm.published[-1])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert checked.verdict == "holds"
    assert peak < 16 << 20


def test_more_than_a_zip_holds_is_refused() -> None:
    with pytest.raises(BadInputError, match="Choose a period"):
        directory([Member("evidence/0001.bin", MAX_ZIP, 0)])


def test_document_is_canonical_and_names_the_exact_bytes(firm: Case, to: Path) -> None:
    write_dossier(firm.ledger, firm.ann, to)
    document = json.loads(read_zip(to)[DOSSIER])
    trail = firm.ledger.history(firm.ann)
    assert [entry["hash"] for entry in document["entries"]] == [e.hash.hex() for e in trail]
    assert len(document["seals"]) == 2
    assert [move["seq"] for move in document["moves"]] == [5, 10]
