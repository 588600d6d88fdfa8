"""Time stamps by a real authority: whose, of what and when, and what is said of the others."""

from __future__ import annotations

import socket
import sys
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from custledger.core.trail.anchoring import AnchorState
from custledger.core.trail.timestamps import check_timestamp
from custledger.edges.anchors import TimeStampAnchor
from custledger.errors import BadInputError, ExtraNeededError, NotPublishedError
from tests.authority import Authority, answering, served

NOTE = (
    "custledger/ledger/01980000-0000-7000-8000-000000000000\n7\n"
    f"{b64encode(bytes(32)).decode()}\n\n— bakery.example {b64encode(bytes(68)).decode()}\n"
)
needs_openssl = pytest.mark.needs_openssl


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority whose answers hold its chain."""
    return Authority(tmp_path_factory.mktemp("authority") / "one", "Alpine Time")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another authority, whose answers hold no chain."""
    return Authority(tmp_path_factory.mktemp("authority") / "two", "Baltic Time", chain=False)


@pytest.fixture(scope="module")
def url(authority: Authority) -> Iterator[str]:
    """Where the authority answers."""
    with answering(authority) as url:
        yield url


@needs_openssl
def test_stamped_note_holds_and_says_when(authority: Authority, url: str) -> None:
    anchor = TimeStampAnchor(url, [authority.root])
    before = datetime.now(UTC).replace(microsecond=0)
    token = anchor.publish(NOTE)
    check = anchor.check(NOTE, token)
    assert check.state is AnchorState.HOLDS
    assert check.at is not None
    assert before <= check.at <= datetime.now(UTC)
    assert check.words == (
        f"Time-stamped {check.at:%Y-%m-%d %H:%M:%S} UTC by an authority under CN=Alpine Time root."
    )
    assert (anchor.kind, anchor.place) == ("timestamp", url)
    assert authority.verifies(NOTE, token)


@needs_openssl
@pytest.mark.parametrize("chain", [True, False])
def test_stamp_is_read_whether_or_not_the_answer_holds_the_chain(
    tmp_path: Path, chain: bool
) -> None:
    # Certificates lie in the answer in the order in which OpenSSL was given them, not in DER's.
    some = [Authority(tmp_path / str(n), f"{'x' * n} Time", chain=chain) for n in range(1, 5)]
    for one in some:
        with answering(one) as url:
            token = TimeStampAnchor(url, [one.root]).publish(NOTE)
        assert check_timestamp(NOTE, token, [one.root]).state is AnchorState.HOLDS


@needs_openssl
def test_stamp_of_another_note_is_told(authority: Authority, url: str) -> None:
    anchor = TimeStampAnchor(url, [authority.root])
    check = anchor.check(NOTE, anchor.publish(NOTE.replace("\n7\n", "\n8\n")))
    assert (check.state, check.at) == (AnchorState.FAILS, None)
    assert check.words == "The time stamp is that of another text."


@needs_openssl
def test_stamp_of_another_authority_is_told(
    authority: Authority, other: Authority, url: str
) -> None:
    token = TimeStampAnchor(url, [authority.root]).publish(NOTE)
    check = check_timestamp(NOTE, token, [other.root])
    assert (check.state, check.at) == (AnchorState.FAILS, None)
    assert "by an authority that the given certificates do not vouch for" in check.words
    both = check_timestamp(NOTE, token, [other.root, authority.root + other.root])
    assert both.state is AnchorState.HOLDS


@needs_openssl
def test_authority_of_the_same_name_with_another_key_does_not_count(
    authority: Authority, url: str, tmp_path: Path
) -> None:
    forger = Authority(tmp_path / "forger", "Alpine Time")
    with answering(forger) as forged:
        token = TimeStampAnchor(forged).publish(NOTE)
    assert check_timestamp(NOTE, token, [authority.root]).state is AnchorState.FAILS
    with (
        answering(forger) as forged,
        pytest.raises(NotPublishedError, match="Nothing counts as published"),
    ):
        TimeStampAnchor(forged, [authority.root]).publish(NOTE)


@needs_openssl
def test_stamp_with_any_byte_changed_fails_or_says_the_same(authority: Authority, url: str) -> None:
    token = TimeStampAnchor(url, [authority.root]).publish(NOTE)
    true = check_timestamp(NOTE, token, [authority.root])
    seen = set()
    for n in range(len(token)):
        changed = token[:n] + bytes([token[n] ^ 1 << n % 8]) + token[n + 1 :]
        check = check_timestamp(NOTE, changed, [authority.root])
        # Some bytes are about the format and covered by no signature; they change no statement.
        assert check.state is AnchorState.FAILS or (check.state, check.at) == (true.state, true.at)
        seen.add(check.words.partition(",")[0])
    assert "The time stamp is damaged: it cannot be read" in {w.partition(",")[0] for w in seen}
    for cut in (b"", token[:1], token[:100], token[:-1], token + b"\0", b"x" * 1000):
        check = check_timestamp(NOTE, cut, [authority.root])
        assert check.state is AnchorState.FAILS
        assert check.words.startswith("The time stamp is damaged")


@needs_openssl
def test_without_certificates_it_is_said_that_nobody_vouches(url: str) -> None:
    anchor = TimeStampAnchor(url)
    check = anchor.check(NOTE, anchor.publish(NOTE))
    assert (check.state, check.at) == (AnchorState.UNCHECKED, None)
    assert "nobody vouches for it yet" in check.words


@needs_openssl
def test_authority_whose_certificate_had_ended_when_it_stamped_does_not_count(
    tmp_path: Path,
) -> None:
    ended = Authority(tmp_path / "ended", "Late Time", days=-1)
    with answering(ended) as url:
        token = TimeStampAnchor(url).publish(NOTE)
    check = check_timestamp(NOTE, token, [ended.root])
    assert check.state is AnchorState.FAILS
    assert check.words.endswith("do not vouch for (at that time).")


@needs_openssl
def test_old_answer_sent_again_is_not_taken_for_a_new_one(authority: Authority, url: str) -> None:
    old = TimeStampAnchor(url, [authority.root]).publish(NOTE)
    with served(handler(200, old)) as replaying, pytest.raises(NotPublishedError, match="another"):
        TimeStampAnchor(replaying, [authority.root]).publish(NOTE)


@needs_openssl
def test_refusal_of_the_authority_is_told_in_its_words(authority: Authority) -> None:
    refusal = authority.reply(b"no query")
    with (
        served(handler(200, refusal)) as url,
        pytest.raises(NotPublishedError, match=r"refused to stamp: Bad request format"),
    ):
        TimeStampAnchor(url, [authority.root]).publish(NOTE)


@pytest.mark.parametrize(("status", "body"), [(200, b""), (200, b"<html>"), (500, b""), (404, b"")])
def test_what_is_no_stamp_is_not_published(status: int, body: bytes) -> None:
    with (
        served(handler(status, body)) as url,
        pytest.raises(NotPublishedError, match=r"is no time stamp|gave no stamp"),
    ):
        TimeStampAnchor(url).publish(NOTE)


def test_authority_that_is_not_there_or_never_answers_is_an_error() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(NotPublishedError, match="gave no stamp"):
            TimeStampAnchor(url).publish(NOTE)
        silent.listen()
        with pytest.raises(NotPublishedError, match="gave no stamp"):
            TimeStampAnchor(url, timeout_seconds=0.2).publish(NOTE)


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "freetsa.org/tsr", "https://a:b@c/tsr"])
def test_url_that_is_none_of_an_authority_is_refused(url: str) -> None:
    with pytest.raises(BadInputError, match="URL of a time stamp authority"):
        TimeStampAnchor(url)


@pytest.mark.parametrize("certificates", [[b"no certificate"], [b""], b"one", "one"])
def test_what_is_no_certificate_is_refused(certificates: object) -> None:
    with pytest.raises(BadInputError, match="certificate"):
        check_timestamp(NOTE, b"", certificates)  # type: ignore[arg-type]


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    # None in sys.modules is what Python itself takes for a module that is not there.
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    check = check_timestamp(NOTE, b"", [])
    assert check.state is AnchorState.UNCHECKED
    assert "pip install 'custledger[trail]'" in check.words
    with pytest.raises(ExtraNeededError, match=r"custledger\[trail\]"):
        TimeStampAnchor("http://127.0.0.1:1/").publish(NOTE)


def handler(status: int, body: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler
