"""Keys are made once, read by their owner only, and shown by nothing."""

from __future__ import annotations

import copy
import os
import pickle
import stat
import sys
import traceback
from pathlib import Path

import pytest

from custledger.core.trail.notes import Note, Signature, VerifierKey
from custledger.edges.keys import EnvironmentKey, KeyFile
from custledger.edges.private_keys import (
    PrivateKey,
    generate_key,
    read_private_key,
    read_public_key,
)
from custledger.errors import BadInputError, ExtraNeededError, NotFoundError

POSIX = pytest.mark.skipif(os.name != "posix", reason="left out: permissions are of POSIX")

# The example of golang.org/x/mod/sumdb/note: a private key, and the note that it signed.
SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PRIVATE = f"PRIVATE+KEY+PeterNeumann+c74f20a3+{SECRET}"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)


def published_key(folder: Path) -> Path:
    path = folder / "peter.key"
    path.write_text(f"{PRIVATE}\n")
    path.chmod(0o600)
    return path


def test_published_private_key_signs_the_published_note(tmp_path: Path) -> None:
    private = read_private_key(published_key(tmp_path))
    text = Note.from_text(NOTE).text
    signature = Signature(private.key.name, private.key.id, private.sign(text.encode()))
    assert Note(text, (signature,)).to_text() == NOTE
    assert private.key.to_text() == PUBLIC


def test_published_note_of_the_specification_is_signed_by_its_key() -> None:
    # c2sp.org/signed-note
    key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    note = (
        "This is an example message.\n\n"
        "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm"
        "RKuwHjG1Yu72IneyaQM=\n"
    )
    assert Note.from_text(note).is_signed_by(VerifierKey.from_text(key))


def test_generated_key_is_read_back_as_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "bakery.key"
    key = generate_key(path, "bakery.example")
    assert key.name == "bakery.example"
    assert read_private_key(path).key == KeyFile(path).key == key
    assert read_public_key(path) == read_public_key(f"{path}.pub") == key
    assert Path(f"{path}.pub").read_text() == f"{key.to_text()}\n"
    assert path.read_text().startswith(f"PRIVATE+KEY+bakery.example+{key.id.hex()}+")
    assert generate_key(tmp_path / "other", "bakery.example") != key


@POSIX
def test_generated_key_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        generate_key(tmp_path / "folder" / "key", "bakery.example")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "folder" / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o700


@pytest.mark.parametrize("there", ["key", "key.pub"])
def test_no_file_is_overwritten_by_a_key(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(BadInputError, match=f"There is a file .*{there} already"):
        generate_key(tmp_path / "key", "bakery.example")
    assert [p.name for p in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


@POSIX
def test_link_that_leads_nowhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInputError, match="already"):
        generate_key(tmp_path / "key", "bakery.example")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2028b", "a\x00b", "\ud800"])
def test_name_that_cannot_stand_on_a_note_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError, match="cannot name a key"):
        generate_key(tmp_path / "key", name)
    assert list(tmp_path.iterdir()) == []


@POSIX
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666])
def test_key_that_others_may_use_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "my key"
    generate_key(path, "bakery.example")
    path.chmod(mode)
    with pytest.raises(BadInputError, match=f"chmod 600 '{path}'"):
        KeyFile(path)
    path.chmod(0o400)
    assert KeyFile(path).key == read_public_key(f"{path}.pub")


def test_key_that_is_not_there_is_named_with_the_way_to_make_it(tmp_path: Path) -> None:
    for read in (read_private_key, read_public_key, KeyFile):
        with pytest.raises(NotFoundError, match=r"custledger key new .*absent"):
            read(tmp_path / "absent")


@pytest.mark.parametrize(
    "text",
    [
        "",
        PUBLIC,
        PRIVATE[:-1],
        PRIVATE[:-4],
        f"{PRIVATE}AAAA",
        PRIVATE.replace("c74f", "c74e"),
        PRIVATE.replace("Peter", "Petra"),
        PRIVATE.replace("+AYEK", "+BYEK"),
        PRIVATE.replace("AYEKFALV", "AYEKFALW"),
        f"{PRIVATE}\n{PRIVATE}",
        "PRIVATE+KEY+\x00" + "ÿ" * 100,
    ],
)
def test_damaged_key_is_refused_and_not_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = tmp_path / "key"
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    monkeypatch.setenv("A_KEY", text.replace("\x00", ""))
    for read in (lambda: KeyFile(path), lambda: EnvironmentKey("A_KEY", state=tmp_path / "state")):
        with pytest.raises((BadInputError, NotFoundError)) as caught:
            read()
        assert SECRET[:12] not in "".join(traceback.format_exception(caught.value))


def test_private_key_is_shown_by_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = published_key(tmp_path)
    monkeypatch.setenv("A_KEY", PRIVATE)
    signers = [KeyFile(path), EnvironmentKey("A_KEY", state=tmp_path / "state")]
    for holder in (read_private_key(path), *signers):
        for shown in (repr(holder), str(holder), f"{holder}", repr(getattr(holder, "__dict__", 0))):
            assert "PRIVATE" not in shown
            assert SECRET[2:12] not in shown
        assert "PeterNeumann" in repr(holder)
        with pytest.raises(TypeError):
            pickle.dumps(holder)


def test_private_key_is_not_copied_by_accident(tmp_path: Path) -> None:
    private = read_private_key(published_key(tmp_path))
    assert isinstance(copy.copy(private), PrivateKey)
    assert SECRET[2:12] not in repr(copy.copy(private))


def test_without_the_package_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None in sys.modules is what Python itself takes for a module that is not there.
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    with pytest.raises(ExtraNeededError, match=r"pip install 'custledger\[trail\]'"):
        generate_key(tmp_path / "key", "bakery.example")
    with pytest.raises(ExtraNeededError, match=r"pip install 'custledger\[trail\]'"):
        KeyFile(published_key(tmp_path))
