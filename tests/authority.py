"""A time stamp authority of RFC 3161 for tests: a certificate authority and `openssl ts -reply`."""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__ = ["Authority", "answering", "served"]

_SETTINGS = """
[req]
distinguished_name = name
prompt = no
[name]
CN = unused
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[stamper]
basicConstraints = critical,CA:false
extendedKeyUsage = critical,timeStamping
[tsa]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256,sha512
ess_cert_id_alg = sha256
"""


class Authority:
    """An authority with a root certificate and one for stamping that lasts ``days``.

    With ``chain`` its answers hold the root's certificate too, as those of public authorities do.
    """

    def __init__(self, folder: Path, name: str, *, chain: bool = True, days: int = 30) -> None:
        folder.mkdir()
        self._folder, self._chain = folder, chain
        (folder / "settings").write_text(_SETTINGS)
        (folder / "serial").write_text("01")
        self._run(
            "req -x509 -newkey ed25519 -nodes -keyout root.key -out root.pem -days 30 "
            "-config settings -extensions root",
            *("-subj", f"/CN={name} root"),
        )
        self._run(
            "req -newkey rsa:2048 -nodes -keyout stamper.key -out stamper.csr -config settings",
            *("-subj", f"/CN={name}"),
        )
        self._run(
            "x509 -req -in stamper.csr -CA root.pem -CAkey root.key -CAcreateserial "
            f"-out stamper.pem -days {days} -extfile settings -extensions stamper"
        )
        self.root = (folder / "root.pem").read_bytes()

    def reply(self, query: bytes) -> bytes:
        """The answer to a query, both in DER; to what is no query, a refusal."""
        (self._folder / "query").write_bytes(query)
        self._run(
            "ts -reply -config settings -section tsa -queryfile query -inkey stamper.key "
            f"-signer stamper.pem -out answer {'-chain root.pem' if self._chain else ''}"
        )
        return (self._folder / "answer").read_bytes()

    def verifies(self, text: str, token: bytes) -> bool:
        """Whether openssl itself finds that a token stamps a text."""
        (self._folder / "text").write_text(text, encoding="utf-8", newline="")
        (self._folder / "token").write_bytes(token)
        done = subprocess.run(
            ["openssl", *shlex.split("ts -verify -data text -in token -CAfile root.pem")],
            cwd=self._folder,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def _run(self, words: str, *more: str) -> None:
        subprocess.run(
            ["openssl", *shlex.split(words), *more],
            cwd=self._folder,
            capture_output=True,
            check=True,
        )


@contextmanager
def answering(authority: Authority) -> Iterator[str]:
    """The authority behind HTTP, one query at a time; yields its URL."""
    one = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            with one:
                answer = authority.reply(query)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            pass

    with served(Handler) as url:
        yield url


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve by a handler on a free port of loopback; yields the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsr"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
