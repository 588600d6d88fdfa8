"""The command record evidence: mails, sizes, types, duplicates and the folder of keys."""

from __future__ import annotations

import pytest

from custledger import KeyFolder, open_ledger
from custledger.errors import EvidenceLockedError
from tests.commands import ACTOR, Shell
from tests.storage.test_media_types import png

LEDGER = "custledger.sqlite"
MAIL = (
    b"Subject: Broken\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\nLook.\n"
    b"--B\nContent-Type: application/octet-stream; name=photo\n\n%b\n--B--\n"
)


@pytest.fixture
def shop(shell: Shell) -> Shell:
    shell("init")
    shell("add", "customer", "Ann Miller")
    return shell


def test_mail_is_kept_with_what_was_attached_to_it(shop: Shell) -> None:
    (shop.folder / "m.EML").write_bytes(MAIL % b"a photo")
    size = len(MAIL) + 5
    assert shop("record", "evidence", "Ann", "--file", "m.EML").splitlines() == [
        f"Kept as evidence #2: message/rfc822, {size} bytes.",
        "Kept as evidence #3: text/plain, 7 bytes.",
    ]
    assert shop("record", "evidence", "Ann", "--file", "m.EML").startswith("Kept as evidence #2")
    shop("record", "sale", "Ann", "5")
    again = shop("record", "evidence", "Ann#4", "--file", "m.EML")
    assert again.splitlines()[1].endswith("7 bytes. The same bytes as #3.")


def test_mail_that_is_none_is_refused_unless_its_type_is_given(shop: Shell) -> None:
    (shop.folder / "m.eml").write_bytes(b"Dear shop")
    line = ("record", "evidence", "Ann", "--file", "m.eml")
    assert "This is no e-mail" in shop.refused(2, *line)
    assert "#2: text/x-letter" in shop(*line, "--media-type", "text/x-letter")


def test_type_comes_from_the_content(shop: Shell) -> None:
    (shop.folder / "shot.txt").write_bytes(png())
    assert ": image/png," in shop("record", "evidence", "Ann", "--file", "shot.txt")


def test_limit_is_in_mib_and_can_be_raised(shop: Shell) -> None:
    with (shop.folder / "film").open("wb") as file:
        file.truncate(2**20 + 1)
    line = ("record", "evidence", "Ann", "--file", "film", "--limit")
    assert "has 1,048,577 bytes, more than the limit of 1,048,576" in shop.refused(2, *line, "1")
    assert "1,048,577 bytes." in shop(*line, "2")


def test_keys_of_the_folder_in_the_environment_encrypt(
    shop: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTLEDGER_EVIDENCE_KEYS", str(shop.folder / "keys"))
    shop("record", "evidence", "Ann", "--text", "hello")
    with open_ledger(LEDGER, actor=ACTOR, encryption=KeyFolder("keys")) as ledger:
        (note,) = ledger.evidence.of("Ann")
        assert b"".join(ledger.evidence.read(note)) == b"hello"
    with open_ledger(LEDGER, actor=ACTOR) as ledger, pytest.raises(EvidenceLockedError):
        ledger.evidence.read(note)
    monkeypatch.setenv("CUSTLEDGER_EVIDENCE_KEYS", f"{LEDGER}.evidence")
    (shop.folder / f"{LEDGER}.evidence").chmod(0o700)
    assert "would lie with the evidence" in shop.refused(2, "history", "Ann")
