"""A directory of checkpoints only grows: nothing in it is replaced, and what was is told."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custledger.core.trail.anchoring import Anchor, AnchorState
from custledger.core.trail.notes import Checkpoint, Note, Signature, VerifierKey
from custledger.edges.anchors import DirectoryAnchor, directory
from custledger.errors import BadInputError, NotPublishedError
from custledger.storage.files import create_file, locked
from tests.edges.signing_history import ORIGIN, checkpoint_of, leaves_of

UUID = ORIGIN.rpartition("/")[2]
SECRET = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x01")


def note(size: int, name: str = "true", origin: str = ORIGIN, *by: Ed25519PrivateKey) -> str:
    text = checkpoint_of(leaves_of(name, size), origin).to_text()
    keys = [
        (VerifierKey("bakery.example", k.public_key().public_bytes_raw()), k)
        for k in by or (SECRET,)
    ]
    signatures = (Signature(key.name, key.id, k.sign(text.encode())) for key, k in keys)
    return Note(text, tuple(signatures)).to_text()


@pytest.fixture
def anchor(tmp_path: Path) -> DirectoryAnchor:
    """An empty directory of checkpoints."""
    (tmp_path / "published").mkdir()
    return DirectoryAnchor(tmp_path / "published")


def folder_of(anchor: DirectoryAnchor) -> Path:
    return Path(anchor.place)


def test_note_is_a_file_of_its_own_and_holds(anchor: DirectoryAnchor) -> None:
    some: Anchor = anchor
    token = some.publish(note(7))
    assert token == f"{UUID}-0000000007.txt".encode()
    assert (folder_of(anchor) / token.decode()).read_bytes() == note(7).encode()
    check = some.check(note(7), token)
    assert (check.state, check.at) == (AnchorState.HOLDS, None)
    assert (some.kind, some.place) == ("directory", str(folder_of(anchor)))


def test_incarnation_has_files_of_its_own(anchor: DirectoryAnchor) -> None:
    anchor.publish(note(7))
    token = anchor.publish(note(7, "restored", f"{ORIGIN}/2"))
    assert token == f"{UUID}-2-0000000007.txt".encode()


def test_same_note_again_is_fine_and_changes_nothing(anchor: DirectoryAnchor) -> None:
    token = anchor.publish(note(7))
    written = (folder_of(anchor) / token.decode()).stat()
    assert anchor.publish(note(7)) == token
    again = (folder_of(anchor) / token.decode()).stat()
    assert (again.st_mtime_ns, again.st_ino) == (written.st_mtime_ns, written.st_ino)
    assert anchor.checkpoints() == [note(7)]


def test_other_checkpoint_of_as_many_seals_is_refused_and_says_what_it_means(
    anchor: DirectoryAnchor,
) -> None:
    anchor.publish(note(7))
    with pytest.raises(NotPublishedError, match=r"another checkpoint of 7 seals .*was changed"):
        anchor.publish(note(7, "false"))
    assert anchor.checkpoints() == [note(7)]


def test_same_seals_signed_by_a_new_key_stand_beside_the_old(anchor: DirectoryAnchor) -> None:
    both = note(7, "true", ORIGIN, SECRET, OTHER)
    tokens = [anchor.publish(text) for text in (note(7), both, both)]
    assert tokens[0] != tokens[1] == tokens[2]
    assert sorted(anchor.checkpoints()) == sorted([note(7), both])
    for text, token in zip((note(7), both), tokens, strict=False):
        assert anchor.check(text, token).state is AnchorState.HOLDS


def test_file_that_a_crash_cut_short_is_completed(anchor: DirectoryAnchor) -> None:
    name = anchor.publish(note(7)).decode()
    for length in (0, 1, len(note(7)) - 3):
        path = folder_of(anchor) / name
        path.write_bytes(note(7).encode()[:length])
        assert (anchor.checkpoints() == []) == (length == 0)
        assert anchor.publish(note(7)) == name.encode()
        assert anchor.checkpoints() == [note(7)]


def test_damaged_file_is_refused_and_handed_on_for_verify_to_tell(anchor: DirectoryAnchor) -> None:
    path = folder_of(anchor) / anchor.publish(note(7)).decode()
    path.write_text("scribble")
    with pytest.raises(NotPublishedError, match="was changed"):
        anchor.publish(note(7))
    assert anchor.checkpoints() == ["scribble"]


def test_checkpoints_come_by_ledger_and_size(anchor: DirectoryAnchor) -> None:
    sizes = [9, 10, 2, 100, 1]
    for size in sizes:
        anchor.publish(note(size))
    found = [Checkpoint.from_text(Note.from_text(t).text).size for t in anchor.checkpoints()]
    assert found == sorted(sizes)


def test_what_became_of_a_file_is_told_apart(anchor: DirectoryAnchor, tmp_path: Path) -> None:
    token = anchor.publish(note(7))
    path = folder_of(anchor) / token.decode()
    path.write_text(note(7, "false"))
    check = anchor.check(note(7), token)
    assert (check.state, check.words) == (
        AnchorState.FAILS,
        f"{path} holds another text than was published.",
    )
    path.unlink()
    check = anchor.check(note(7), token)
    assert check.state is AnchorState.FAILS
    assert "was removed" in check.words
    check = DirectoryAnchor(tmp_path / "absent").check(note(7), token)
    assert check.state is AnchorState.UNCHECKED
    assert "is not here" in check.words


def test_token_that_leads_out_of_the_directory_is_not_followed(
    anchor: DirectoryAnchor, tmp_path: Path
) -> None:
    (tmp_path / "outside.txt").write_text(note(7))
    check = anchor.check(note(7), b"../outside.txt")
    assert check.state is AnchorState.FAILS


@pytest.mark.parametrize("token", [b"a\0.txt", b"\xff.txt", b"", b"..", b"x" * 9999 + b".txt"])
def test_token_that_names_no_file_is_told_and_no_error(
    anchor: DirectoryAnchor, token: bytes
) -> None:
    assert anchor.check(note(7), token).state is not AnchorState.HOLDS


@pytest.mark.parametrize("change", ["\ufeff{}", "{}\n\n"])
def test_file_that_an_editor_kept_in_its_own_way_is_no_fork(
    anchor: DirectoryAnchor, change: str
) -> None:
    path = folder_of(anchor) / anchor.publish(note(7)).decode()
    path.write_bytes(change.format(note(7)).replace("\n", "\r\n").encode())
    token = anchor.publish(note(7))
    assert token.decode() != path.name
    assert anchor.check(note(7), token).state is AnchorState.HOLDS


def test_half_written_file_of_another_publisher_is_no_remains_of_a_crash(
    anchor: DirectoryAnchor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end, before = threading.Event(), threading.Event(), create_file

    def slow(path: Path, data: bytes) -> None:
        path.touch(exist_ok=False)
        begun.set()
        may_end.wait(10)
        path.unlink()
        before(path, data)

    monkeypatch.setattr(directory, "create_file", slow)
    threads = [threading.Thread(target=anchor.publish, args=(note(7),)) for _ in range(2)]
    threads[0].start()
    assert begun.wait(10)
    monkeypatch.setattr(directory, "create_file", before)
    threads[1].start()
    threads[1].join(0.3)
    may_end.set()
    for thread in threads:
        thread.join()
    assert anchor.checkpoints() == [note(7)]


def test_lock_that_another_user_made_is_shared(
    anchor: DirectoryAnchor, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchor.publish(note(1))
    plain = os.open

    def of_another_user(path: Path, flags: int, mode: int = 0o777) -> int:
        if Path(path).name == ".lock" and flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied")
        return plain(path, flags, mode)

    monkeypatch.setattr(os, "open", of_another_user)
    anchor.publish(note(2))
    assert anchor.checkpoints() == [note(1), note(2)]


def test_lock_that_is_never_given_back_ends_in_an_error(
    anchor: DirectoryAnchor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "_WAIT_SECONDS", 0.05)
    with (
        locked(folder_of(anchor) / ".lock", 0),
        pytest.raises(NotPublishedError, match="Another program holds"),
    ):
        anchor.publish(note(7))
    anchor.publish(note(7))


def test_directory_that_is_not_there_is_an_error_and_not_made(tmp_path: Path) -> None:
    # A share that is not mounted must not be taken for an empty one.
    anchor = DirectoryAnchor(tmp_path / "share")
    with pytest.raises(NotPublishedError, match="see that the directory is there"):
        anchor.publish(note(7))
    with pytest.raises(NotPublishedError, match="See that the directory is there"):
        anchor.append_register(["{}"])
    with pytest.raises(BadInputError, match="There is no directory"):
        anchor.checkpoints()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "text\n", note(7)[:-3], note(7, origin="elsewhere")])
def test_what_is_no_checkpoint_of_a_ledger_is_not_published(
    anchor: DirectoryAnchor, text: str
) -> None:
    with pytest.raises(BadInputError, match=r"no signed checkpoint|not the origin"):
        anchor.publish(text)
    assert anchor.checkpoints() == []


def test_threads_that_publish_at_once_keep_one_note_for_each_size(anchor: DirectoryAnchor) -> None:
    refused = list[str]()

    def work(name: str) -> None:
        for size in range(1, 15):
            try:
                anchor.publish(note(size, name))
            except NotPublishedError:
                refused.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two", "one")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(anchor.checkpoints()) == 14
    assert refused


def test_register_grows_and_holds_each_line_once(anchor: DirectoryAnchor) -> None:
    assert anchor.register() == []
    first, second = json.dumps({"entry": 1}), json.dumps({"entry": "\u2028é"}, ensure_ascii=False)
    anchor.append_register([first])
    anchor.append_register([first, second, second])
    anchor.append_register([])
    assert anchor.register() == [first, second]
    path = folder_of(anchor) / "erasures.jsonl"
    assert path.read_text(encoding="utf-8") == f"{first}\n{second}\n"
    assert anchor.checkpoints() == []


def test_register_goes_on_after_a_line_that_a_crash_cut_short(anchor: DirectoryAnchor) -> None:
    anchor.append_register(["one", "two"])
    path = folder_of(anchor) / "erasures.jsonl"
    path.write_bytes(path.read_bytes()[:-2])
    anchor.append_register(["one", "two", "three"])
    assert anchor.register() == ["one", "tw", "two", "three"]


@pytest.mark.parametrize("line", ["", "two\nlines"])
def test_register_takes_one_line_at_a_time(anchor: DirectoryAnchor, line: str) -> None:
    with pytest.raises(BadInputError, match="without a newline"):
        anchor.append_register([line])


def test_file_in_the_place_of_the_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "share").write_text("")
    with pytest.raises(NotPublishedError, match="Not a directory"):
        DirectoryAnchor(tmp_path / "share").publish(note(7))
