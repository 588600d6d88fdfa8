"""Backup and restore of a ledger in a SQLite file, while it is in use.

A backup is one snapshot: the file by SQLite's own online backup, whoever writes meanwhile, and a
copy of each file of evidence that the snapshot names. It has its name only when it is whole and was
checked. PostgreSQL has tools of its own, and ``back_up`` says which.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy.engine import URL, make_url

from custledger.core.privacy.erasure import Replay
from custledger.edges.upgrading import has_ledger
from custledger.errors import BadInputError, LedgerUnwritableError, NotALedgerError, NotFoundError
from custledger.ledger import open_ledger
from custledger.storage.engine import WAIT_SECONDS, file_of, is_url, shown
from custledger.storage.evidence.blobs import FolderStore
from custledger.storage.files import sync_folder

__all__ = ["BackupReport", "RestoreReport", "back_up", "dump_command", "restore"]

Progress = Callable[[int, int], None]
_PARTIAL: Final = ".partial"
_LOGS: Final = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file, and writes into whatever file of that name it opens next."""
_PAGES: Final = 1_000
_NAMES: Final = "SELECT blob FROM custledger_payload WHERE blob IS NOT NULL ORDER BY blob"
_IN_TABLE: Final = "SELECT 1 FROM custledger_blob WHERE name = ? LIMIT 1"
_LEDGER: Final = (
    "SELECT i.uuid FROM custledger_entry e JOIN custledger_identity i ON i.id = e.subject_id "
    "ORDER BY e.id LIMIT 1"
)


@dataclass(frozen=True)
class BackupReport:
    """A copy that was made: its file, how many bytes, and how many files of evidence.

    ``missing`` are the names of files that the ledger names and the evidence store lacks.
    """

    path: Path
    size: int
    files: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class RestoreReport:
    """A ledger that was restored; ``replayed`` is what came of the register of erasures."""

    copy: BackupReport
    replayed: Replay | None = None


def back_up(
    location: str,
    target: str | os.PathLike[str],
    *,
    evidence: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> BackupReport:
    """Copy the ledger to the file ``target``, and its files of evidence to ``target.evidence``.

    ``evidence`` is the folder that the ledger was opened with, if any. Keys of encrypted evidence
    are not copied: whoever destroys one erases the contents in all backups. BadInputError where
    something is at ``target`` already, or a log of SQLite's that was left beside it, and for
    PostgreSQL with the command to run instead.
    """
    if is_url(location) and file_of(location) is None:
        raise BadInputError(
            "PostgreSQL is backed up by its own tools: evidence is in the tables, so that one "
            f"command takes all. Run: {dump_command(location, target)}"
        )
    source = file_of(location)
    if source is None or not has_ledger(location):
        raise NotFoundError(f"No ledger at {shown(location)}: there is nothing to back up.")
    path = _free(Path(target).absolute())
    store = _store(source, evidence)
    with _partial(path) as partial:
        copied = _copy(source, partial, store, progress)
        _take_name(partial, path)
    return _renamed(copied, path)


def restore(
    backup: str | os.PathLike[str],
    to: str | os.PathLike[str],
    *,
    actor: str,
    erasures: Iterable[str] | None = None,
    evidence: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> RestoreReport:
    """Make the ledger ``to`` from a backup; the backup stays as it is.

    ``erasures`` are lines of the register: what they name is erased again, by ``actor``, before the
    ledger has its name. ``evidence`` is a folder for its files, by default beside it. Going on is
    explicit: verify against a published checkpoint, then ``ledger.trail.resume``. BadInputError
    where something is at ``to`` already, or a log of SQLite's that the lost ledger left beside it.
    """
    source = Path(backup).absolute()
    if not has_ledger(str(source)):
        raise NotFoundError(f"No backup at {source}: there is nothing to restore.")
    path = _free(Path(to).absolute())
    replayed = None
    with _partial(path) as partial:
        copied = _copy(source, partial, _store(source, None), progress)
        if erasures is not None:
            with open_ledger(str(partial), actor=actor) as ledger:
                replayed = ledger.privacy.replay(erasures)
        _take_name(partial, path, evidence)
    return RestoreReport(_renamed(copied, path), replayed)


def dump_command(location: str, target: str | os.PathLike[str]) -> str:
    """The pg_dump command for a database URL, as a shell takes it; without the password.

    >>> dump_command("postgresql+psycopg://olga:secret@db:5433/shop?schema=firm_a", "shop.dump")
    'pg_dump --format=custom --file=shop.dump --schema=firm_a postgresql://olga@db:5433/shop'
    """
    url = make_url(location)
    schema = url.query.get("schema")
    words = ["pg_dump", "--format=custom", f"--file={os.fspath(target)}"]
    words += [f"--schema={schema}"] if isinstance(schema, str) else []
    return shlex.join([*words, _plain(url)])


def _plain(url: URL) -> str:
    kept = {k: v for k, v in url.query.items() if k not in ("schema", "password")}
    plain = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, query=kept
    )
    return plain.render_as_string(hide_password=False)


def _store(source: Path, evidence: str | os.PathLike[str] | None) -> FolderStore:
    if evidence is None:
        return FolderStore(_beside(source))
    return FolderStore(Path(evidence) / str(_ledger_of(source)))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.evidence")


def _ledger_of(path: Path) -> UUID:
    with closing(_reading(path)) as connection:
        return UUID(connection.execute(_LEDGER).fetchone()[0])


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.as_uri()}?mode=ro", uri=True, timeout=WAIT_SECONDS, isolation_level=None
    )


def _free(path: Path) -> Path:
    if not path.parent.is_dir():
        raise LedgerUnwritableError(f"The folder {path.parent} does not exist. Create it first.")
    for taken in (path, _beside(path)):
        if os.path.lexists(taken):
            raise _taken(taken)
    for end in _LOGS:
        log = path.with_name(path.name + end)
        if os.path.lexists(log):
            raise BadInputError(
                f"{log} is SQLite's log of a ledger that was at {path}, and would be written into "
                "the new one. It may hold the newest entries of the old one: move it away together "
                "with that ledger's file, under its name, or give another path."
            )
    return path


def _taken(path: Path) -> BadInputError:
    return BadInputError(f"{path} exists already, and is left as it is. Give another path.")


def _partial(path: Path) -> _Partial:
    return _Partial(path.with_name(path.name + _PARTIAL))


class _Partial:
    """The half-made copy beside the one to be: removed before, and unless it got its name after."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Path:
        self._remove()
        return self._path

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        with suppress(OSError):
            self._remove()
        if isinstance(error, OSError | sqlite3.Error):
            raise LedgerUnwritableError(
                f"The copy could not be made ({error}); nothing was changed. Check the folder, its "
                "permissions and the free disk space."
            ) from error

    def _remove(self) -> None:
        for end in ("", *_LOGS):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)
        if _beside(self._path).exists():
            shutil.rmtree(_beside(self._path))


def _copy(
    source: Path, target: Path, store: FolderStore, progress: Progress | None
) -> BackupReport:
    # The file is there before the copy, so that nobody may read it who may not read the ledger.
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    shutil.copymode(source, target)
    with closing(_reading(source)) as reading, closing(sqlite3.connect(target)) as writing:
        # A transaction is one snapshot: without it, each writer would make the copy start anew.
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(writing, pages=_PAGES, progress=_told(progress), sleep=0)
    names = _check(target)
    folder = _beside(target)
    missing = tuple(name for name in names if not _copy_file(store, folder, name))
    _sync(target)
    return BackupReport(target, target.stat().st_size, len(names) - len(missing), missing)


def _told(progress: Progress | None) -> Callable[[int, int, int], None] | None:
    if progress is None:
        return None
    return lambda _status, remaining, total: progress(total - remaining, total)


def _check(path: Path) -> list[str]:
    """See that the copy can be read, all of it; the names of the files that it needs."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA quick_check")]
        if found != ["ok"]:
            raise NotALedgerError(
                f"The ledger is damaged: {'; '.join(found[:3])}. A copy of it would be too; "
                "restore an older backup, and have `custledger verify` compare."
            )
        names = [row[0] for row in connection.execute(_NAMES)]
        return [n for n in names if connection.execute(_IN_TABLE, (n,)).fetchone() is None]


def _copy_file(store: FolderStore, folder: Path, name: str) -> bool:
    if not store.holds(name):
        return False
    source, target = store.folder / name[:2] / name, folder / name[:2] / name
    for made, like in ((folder, store.folder), (target.parent, source.parent)):
        if not made.exists():  # as open as the one it is copied from, and never more
            made.mkdir(mode=0o700)
            made.chmod(like.stat().st_mode & 0o777 | 0o700)
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        # Bytes, not another link to the same ones: an erasure must not reach into a backup unseen,
        # and what damages the one must not damage the other.
        shutil.copyfile(source, target)
        _sync(target)
        shutil.copymode(source, target)
    except FileNotFoundError:  # erased meanwhile
        target.unlink(missing_ok=True)
        return False
    return True


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _take_name(partial: Path, path: Path, evidence: str | os.PathLike[str] | None = None) -> None:
    """The file comes last: where it is, all is. What came there meanwhile is left as it is."""
    _free(path)
    files, goal = _beside(partial), _beside(path)
    if not files.exists():
        _link(partial, path)
        return
    if evidence is not None:
        goal = Path(evidence) / str(_ledger_of(partial))
        goal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if goal.exists():
            raise BadInputError(f"{goal} exists already, and is left as it is. Remove it first.")
    for folder in (files, *_folders(files)):
        sync_folder(folder)
    shutil.move(files, goal)
    sync_folder(goal.parent)
    try:
        _link(partial, path)
    except BaseException:
        shutil.move(goal, files)
        raise


def _link(partial: Path, path: Path) -> None:
    """Give the copy its name, unless something has it: a rename would replace that."""
    try:
        os.link(partial, path)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError:  # a disk without links, as some that are carried about
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError as error:
            raise _taken(path) from error
        partial.replace(path)
    else:
        partial.unlink()
    sync_folder(path.parent)


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_dir())


def _renamed(report: BackupReport, path: Path) -> BackupReport:
    return BackupReport(path, path.stat().st_size, report.files, report.missing)
