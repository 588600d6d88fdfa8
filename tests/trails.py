"""What the tests of seals share: keys, copies of a database, and roots computed the plain way."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from pymerkle import InmemoryTree
from sqlalchemy import make_url, select

from custledger import Ledger
from custledger.core.trail.seals import SealBody, SealedHead
from custledger.edges.keys import KeyFile, generate_key
from custledger.storage.bulk import table_of
from custledger.storage.sealing.sealing import seal_bodies
from custledger.storage.tables import EntryRow, IdentityRow
from tests.postgres import Server

__all__ = [
    "Broken",
    "CrashedError",
    "bodies",
    "ends",
    "entries",
    "new_key",
    "older_copy",
    "plain_root",
]

_entry, _identity = table_of(EntryRow), table_of(IdentityRow)


class CrashedError(Exception):
    """A signer that gives up."""


class Broken:
    """A signer that has a key and never signs."""

    def __init__(self, key: KeyFile, error: type[Exception] = CrashedError) -> None:
        self.key, self._error = key.key, error
        self.asked = 0

    def check(self, *_: object) -> None:
        """Nothing is remembered, so nothing is refused."""

    def last(self, _: object) -> None:
        return None

    def resume(self, *_: object) -> None:
        """The same."""

    def sign(self, *_: object) -> Any:
        self.asked += 1
        raise self._error("no signature today")


def new_key(folder: Path, name: str = "bakery.example") -> KeyFile:
    """A key in a folder, away from the database."""
    generate_key(folder / f"{name}.key", name)
    return KeyFile(folder / f"{name}.key")


@contextlib.contextmanager
def older_copy(location: str, server: Server | None = None) -> Iterator[str]:
    """A copy of a database that nobody has open, as a backup of that moment."""
    if "://" not in location:
        shutil.copy(location, f"{location}.backup")
        yield f"{location}.backup"
        return
    assert server is not None
    name = make_url(location).database
    server.run(f'CREATE DATABASE "{name}_backup" TEMPLATE "{name}"')
    try:
        url = make_url(location).set(database=f"{name}_backup")
        yield url.render_as_string(hide_password=False)
    finally:
        server.run(f'DROP DATABASE "{name}_backup" WITH (FORCE)')


def entries(ledger: Ledger) -> list[Any]:
    """(Key, subject's uuid, seq, hash, recorded_at) of all entries, by key."""
    columns = (_entry.c.id, _identity.c.uuid, _entry.c.seq, _entry.c.hash, _entry.c.recorded_at)
    query = select(*columns).join(_identity, _identity.c.id == _entry.c.subject_id)
    with ledger.context.read() as connection:
        return list(connection.execute(query.order_by(_entry.c.id)).all())


def ends(ledger: Ledger) -> list[SealedHead]:
    """The ends of all chains, sorted by uuid, found without any cleverness."""
    found: dict[UUID, SealedHead] = {}
    for _, uuid, seq, digest, _ in entries(ledger):
        if uuid not in found or found[uuid].seq < seq:
            found[uuid] = SealedHead(uuid, seq, bytes(digest))
    return [found[uuid] for uuid in sorted(found, key=lambda uuid: uuid.bytes)]


def plain_root(heads: list[SealedHead]) -> bytes:
    """The root over ends of chains, by another implementation of RFC 6962."""
    tree = InmemoryTree(algorithm="sha256")
    for head in heads:
        tree.append_entry(head.subject.bytes + head.seq.to_bytes(8, "big") + head.hash)
    return tree.get_root()


def bodies(ledger: Ledger) -> list[SealBody]:
    """All seals, as stored."""
    with ledger.context.read() as connection:
        return [SealBody.from_bytes(body) for body in seal_bodies(connection)]
