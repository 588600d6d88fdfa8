"""The whole way back: a backup, what came after it, a restore, and going on openly."""

from __future__ import annotations

import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from custledger import open_ledger
from custledger.core.trail.findings import FindingCode
from custledger.edges.anchors import DirectoryAnchor
from custledger.edges.backup import back_up, dump_command, restore
from custledger.edges.keys import KeyFile
from custledger.errors import SigningRefusedError
from tests.postgres import Server
from tests.postgres_cluster import binaries
from tests.trails import new_key

PROGRAMS = [folder for folder in binaries() if (folder / "pg_restore").is_file()][:1]


@pytest.fixture
def key(tmp_path: Path) -> KeyFile:
    return new_key(tmp_path)


def ours(shop: Path, copy: Path) -> None:
    back_up(str(shop), copy)


def vacuum_into(shop: Path, copy: Path) -> None:
    with closing(sqlite3.connect(shop)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    shutil.copytree(f"{shop}.evidence", f"{copy}.evidence")


def sqlites_own(shop: Path, copy: Path) -> None:
    with closing(sqlite3.connect(shop)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    shutil.copytree(f"{shop}.evidence", f"{copy}.evidence")


@pytest.mark.parametrize("way", [ours, vacuum_into, sqlites_own])
def test_older_sqlite_copy_is_told_to_be_rolled_back_and_goes_on_openly(
    way: Callable[[Path, Path], None], key: KeyFile, tmp_path: Path
) -> None:
    shop, copy, again = (tmp_path / name for name in ("shop.sqlite", "copy", "again.sqlite"))

    def put_back(register: list[str]) -> str:
        restore(copy, again, actor="Olga", erasures=register)
        return str(again)

    there_and_back(str(shop), key, tmp_path, lambda: way(shop, copy), put_back)


@pytest.mark.parametrize("folder", PROGRAMS, ids=lambda folder: "pg_dump")
def test_older_dump_is_told_to_be_rolled_back_and_goes_on_openly(
    folder: Path, two_databases: tuple[str, str], key: KeyFile, tmp_path: Path
) -> None:
    url, other = two_databases

    def dump() -> None:
        words = shlex.split(dump_command(url, tmp_path / "shop.dump"))
        subprocess.run([folder / words[0], *words[1:]], check=True)

    def put_back(register: list[str]) -> str:
        plain = make_url(other).set(drivername="postgresql").render_as_string(hide_password=False)
        words = ["--exit-on-error", f"--dbname={plain}", str(tmp_path / "shop.dump")]
        subprocess.run([folder / "pg_restore", *words], check=True)
        with open_ledger(other, actor="Olga") as ledger:
            assert ledger.privacy.replay(register).erased > 0
        return other

    there_and_back(url, key, tmp_path, dump, put_back)


@pytest.fixture
def two_databases(durable_server: Server) -> Iterator[tuple[str, str]]:
    with durable_server.database() as one, durable_server.database() as other:
        yield one, other


def there_and_back(
    location: str,
    key: KeyFile,
    folder: Path,
    save: Callable[[], None],
    put_back: Callable[[list[str]], str],
) -> None:
    published = folder / "published"
    published.mkdir(exist_ok=True)
    anchor = DirectoryAnchor(published)
    (folder / "tape").write_bytes(b"a tape")
    with open_ledger(location, actor="Olga") as ledger:
        ann, ben = (ledger.customers.add(name) for name in ("Ann", "Ben"))
        ledger.evidence.attach(ann, path=folder / "tape")
        ledger.trail.seal(key)
        save()
        ledger.interactions.record(ben, channel="chat")
        assert ledger.privacy.erase_person(ann, ground="objection").done
        ledger.trail.seal(key)
        ledger.trail.anchor(anchor)
        anchor.append_register(ledger.privacy.register())
        checkpoint = ledger.trail.checkpoint()
        assert checkpoint is not None
        assert ledger.verify(keys=[key.key], checkpoints=[checkpoint]).findings == ()
    place = put_back(anchor.register())
    with open_ledger(place, actor="Olga") as ledger:
        assert [customer.name for customer in ledger.customers.all()] == ["Ben"]
        alone = ledger.verify(keys=[key.key])
        assert alone.findings == ()
        told = ledger.verify(keys=[key.key], checkpoints=[checkpoint])
        assert FindingCode.ROLLED_BACK in {finding.code for finding in told.findings}
        with pytest.raises(SigningRefusedError, match="Nothing was signed"):
            ledger.trail.seal(key)
        ledger.trail.resume(checkpoint, reason="disk failed", signer=key)
        assert ledger.trail.seal(key) is not None
        newest = ledger.trail.checkpoint()
        assert newest is not None
        report = ledger.verify(keys=[key.key], checkpoints=[newest])
        assert report.findings == ()
        assert report.unsealed == 0
