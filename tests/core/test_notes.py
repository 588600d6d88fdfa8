"""Signed notes and checkpoints, as C2SP writes them."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.trail.notes import Checkpoint, Note, Signature, VerifierKey, published_note

# The example of the specification's first implementation, golang.org/x/mod/sumdb/note.
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)


def test_published_note_is_signed_by_its_published_key() -> None:
    note, key = Note.from_text(NOTE), VerifierKey.from_text(KEY)
    assert note.is_signed_by(key)
    assert note.to_text() == NOTE
    assert key.to_text() == KEY


def test_note_whose_text_was_changed_is_signed_by_nobody() -> None:
    note = Note.from_text(NOTE.replace("don't", "do"))
    assert not note.is_signed_by(VerifierKey.from_text(KEY))


def test_signature_of_another_key_under_the_same_name_does_not_count() -> None:
    private = Ed25519PrivateKey.generate()
    other = VerifierKey("PeterNeumann", private.public_key().public_bytes_raw())
    note = Note.from_text(NOTE)
    forged = Signature(
        "PeterNeumann", VerifierKey.from_text(KEY).id, private.sign(note.text.encode())
    )
    assert not note.is_signed_by(other)
    assert not Note(note.text, (forged,)).is_signed_by(VerifierKey.from_text(KEY))
    assert Note(note.text, (forged, *note.signatures)).is_signed_by(VerifierKey.from_text(KEY))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no signature\n",
        "text\n\nnot a signature\n",
        "text\n\n— name\n",
        "text\n\n— name x08g\n",
        "text\n\n— na me x08go/ZJkuBS9UG/\n",
        "text\n\n— name x08go/ZJkuBS9UG=/\n",
        NOTE[:-1],
        NOTE.replace("answer", "ans\twer"),
        NOTE.replace("\n", "\r\n"),
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"note|signature"):
        Note.from_text(text)


@pytest.mark.parametrize(
    "text",
    ["", "name", KEY.replace("c74f", "c74e"), KEY[:-4], KEY.replace("+AR", "+BR"), "a b" + KEY],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        VerifierKey.from_text(text)


def test_private_key_in_the_place_of_a_public_one_is_not_repeated() -> None:
    secret = "PRIVATE+KEY+bakery.example+530d903a+AYEKFALVFGyNhPJEMzD1QIDrSECRET"
    with pytest.raises(ValueError, match="custledger key show") as refused:
        VerifierKey.from_text(f" {secret}\n")
    assert "530d903a" not in str(refused.value)


CHECKPOINT = NOTE.replace(
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n",
    f"custledger/ledger/x\n7\n{b64encode(bytes(32)).decode()}\n",
)


@pytest.mark.parametrize(
    "stored",
    [
        CHECKPOINT,
        CHECKPOINT.replace("\n", "\r\n"),
        f"\ufeff{CHECKPOINT}",
        CHECKPOINT.rstrip("\n"),
        f"{CHECKPOINT}\n\n",
        f"\r\n{CHECKPOINT} \r\n",
        CHECKPOINT.encode(),
        b"\xef\xbb\xbf" + CHECKPOINT.replace("\n", "\r\n").encode(),
        CHECKPOINT.encode("utf-16"),
        b"\xfe\xff" + CHECKPOINT.encode("utf-16-be"),
    ],
)
def test_published_checkpoint_is_read_however_an_editor_stored_it(stored: str | bytes) -> None:
    note, checkpoint = published_note(stored)
    assert note.to_text() == CHECKPOINT
    assert (checkpoint.size, checkpoint.root) == (7, bytes(32))


@pytest.mark.parametrize(
    "stored", ["", NOTE, f"> {CHECKPOINT}".replace("\n", "\n> "), b"\xff\xfe\x00", b"\x80abc", KEY]
)
def test_what_is_no_published_checkpoint_says_what_to_do(stored: str | bytes) -> None:
    with pytest.raises(ValueError, match="get it again from there"):
        published_note(stored)


words = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=20)


@given(words, st.integers(0, 10**18), st.binary(min_size=32, max_size=32), st.lists(words))
def test_checkpoint_reads_back_as_it_was_written(
    origin: str, size: int, root: bytes, extensions: list[str]
) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert Checkpoint.from_text(checkpoint.to_text()) == checkpoint


@pytest.mark.parametrize(
    "lines",
    [
        ["origin", "1"],
        ["origin", "01", b64encode(bytes(32)).decode()],
        ["origin", "-1", b64encode(bytes(32)).decode()],
        ["origin", "1", b64encode(bytes(31)).decode()],
        ["origin", "1", b64encode(bytes(32)).decode(), ""],
    ],
)
def test_what_is_no_checkpoint_is_refused(lines: list[str]) -> None:
    with pytest.raises(ValueError, match="checkpoint"):
        Checkpoint.from_text("".join(f"{line}\n" for line in lines))
