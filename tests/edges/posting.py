"""A real mail server on this machine, and what it was given."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from custledger.edges.mailing import MailServer

__all__ = ["Post", "Start", "certify", "mail_servers", "raw"]

Start = Callable[..., MailServer]
"""Starts a mail server; returns how to reach it."""


class Post:
    """What a mail server does with what it is given."""

    def __init__(self, refused: str = "", answer: str = "250 OK") -> None:
        self.refused, self.answer = refused, answer
        self.envelopes: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == self.refused:
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
        return self.answer

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(raw(e), policy=policy.default) for e in self.envelopes]


def raw(envelope: Envelope) -> bytes:
    assert isinstance(envelope.content, bytes)
    return envelope.content


@contextmanager
def mail_servers() -> Iterator[Start]:
    """Starts mail servers, and stops them at the end."""
    with ExitStack() as running:

        def run(
            post: Post, security: str = "none", context: Any = None, **settings: Any
        ) -> MailServer:
            login = {key: settings.pop(key) for key in ("user", "password") if key in settings}
            controller = Controller(
                post,
                hostname="127.0.0.1",
                port=free_port(),
                ssl_context=context if security == "tls" else None,
                tls_context=context if security == "starttls" else None,
                **settings,
            )
            controller.start()
            running.callback(controller.stop)
            return MailServer("localhost", controller.port, security, **login)  # type: ignore[arg-type]

        yield run


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def certify(folder: Path, context: ssl.SSLContext) -> str:
    """Give a server a certificate for localhost, which it signed itself; the certificate."""
    secret = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, secret.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(secret, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    key = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(key + pem)
    context.load_cert_chain(folder / "server.pem")
    return pem.decode()
