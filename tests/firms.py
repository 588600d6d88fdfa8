"""Firms in one PostgreSQL database: a schema each, its roles, and a user who has each role."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, make_url

from custledger import Ledger, open_ledger
from custledger.pytest_plugin import Clock
from custledger.storage import schema
from custledger.storage.bulk import table_of
from custledger.storage.roles import Roles, role_statements
from custledger.storage.tables import (
    COPIES,
    TRUTH,
    BlobRow,
    ContactPointRow,
    CustomerRow,
    EventRow,
    EvidenceRow,
    ImportBatchRow,
    InteractionRow,
    LegalHoldRow,
    MoneyRow,
    PayloadRow,
    StaffRow,
    VoidedRow,
)
from tests.postgres import Server
from tests.story import tell

__all__ = [
    "REPLACED",
    "TABLES",
    "Firm",
    "Refusal",
    "accepted",
    "as_of_the_release_before",
    "columns_of",
    "firm_in",
    "one",
    "run_roles",
    "shapes",
    "state",
    "told_firm",
    "unshaken_firm",
]

Refusal = psycopg.errors.InsufficientPrivilege
_numbers = count()

TABLES = [*(table_of(model).name for model in (*TRUTH, *COPIES)), schema.VERSION_TABLE]
REPLACED = {
    table_of(model).name
    for model in (
        StaffRow,
        ImportBatchRow,
        CustomerRow,
        ContactPointRow,
        InteractionRow,
        MoneyRow,
        EventRow,
        EvidenceRow,
        LegalHoldRow,
        VoidedRow,
        PayloadRow,
        BlobRow,
    )
}
"""What the writer may delete, row by row at the guards' mercy."""


@dataclass(frozen=True)
class Firm:
    """A schema with its roles; ``who`` is a field of Roles, or None for the administrator."""

    schema: str
    address: str
    password: str

    @property
    def roles(self) -> Roles:
        return Roles.of(self.schema)

    def user(self, who: str) -> str:
        """Who logs in and has the role; roles are the cluster's, so the names are this firm's."""
        return f"{self.schema}_{who}_user"

    def url(self, who: str | None) -> str:
        """Where the ledger is, for ``open_ledger`` and the command line."""
        return self._url(who).update_query_dict({"schema": self.schema}).render_as_string(False)

    def open(self, who: str | None, actor: str = "Olga", now: Clock | None = None) -> Ledger:
        return open_ledger(self.url(who), actor=actor, now=now)

    @contextlib.contextmanager
    def connect(self, who: str | None) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """Plain SQL of that user, each statement on its own, in the firm's schema."""
        plain = self._url(who).set(drivername="postgresql").render_as_string(False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"SET search_path = {self.schema}")
            yield connection

    def _url(self, who: str | None) -> URL:
        url = make_url(self.address)
        if who is None:
            return url
        url = url.set(username=self.user(who), password=self.password)
        # Tables belong to whoever makes them, and the owner is a group.
        return url.update_query_dict(
            {"options": f"-crole={self.roles.owner}"} if who == "owner" else {}
        )


def run_roles(firm: Firm, who: str | None = None, **settings: Any) -> None:
    """Run the statements, as psql would."""
    with firm.connect(who) as connection:
        connection.execute(role_statements(firm.schema, **settings))


@contextlib.contextmanager
def told_firm(address: str, folder: Path) -> Iterator[Firm]:
    """A new firm whose ledger the owner made and the writer filled."""
    with firm_in(address) as firm:
        fill(firm, folder)
        yield firm


@contextlib.contextmanager
def unshaken_firm(server: Server, folder: Path) -> Iterator[Firm]:
    """The same in a database of its own, for attacks: it must end as it was."""
    with server.database() as address, told_firm(address, folder) as firm:
        before = state(firm)
        yield firm
        assert state(firm) == before


@contextlib.contextmanager
def firm_in(address: str) -> Iterator[Firm]:
    """A new firm in the database, with roles and users and no ledger yet; nothing is left."""
    name = f"firm_{os.getpid()}_{next(_numbers)}"
    firm = Firm(name, address, secrets.token_hex(16))
    try:
        run_roles(firm)
        with firm.connect(None) as connection:
            for who, role in firm.roles._asdict().items():
                user = firm.user(who)
                connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{firm.password}'")
                connection.execute(f"GRANT {role} TO {user}")
        yield firm
    finally:
        _remove(firm)


def _remove(firm: Firm) -> None:
    with firm.connect(None) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {firm.schema} CASCADE")
        for who, role in firm.roles._asdict().items():
            for name in (firm.user(who), role):
                found = connection.execute("SELECT to_regrole(%s)", [name]).fetchone()
                if found != (None,):
                    connection.execute(f"DROP OWNED BY {name} CASCADE")
                    connection.execute(f"DROP ROLE {name}")


def fill(firm: Firm, folder: Path) -> None:
    """The owner makes the ledger, the roles get their rights, and the writer tells the story."""
    clock = Clock()
    with firm.open("owner", now=clock):
        pass
    run_roles(firm)
    with firm.open("writer", now=clock) as ledger:
        tell(ledger, clock, folder)


def state(firm: Firm) -> tuple[Any, ...]:
    """All rows, the definitions around them, and that nothing is amiss."""
    with firm.open(None) as ledger:
        assert ledger.verify().findings == ()
    with firm.connect(None) as connection:
        rows = [connection.execute(f"SELECT * FROM {t} t ORDER BY t").fetchall() for t in TABLES]
    return rows, shapes(firm)


def shapes(firm: Firm) -> list[tuple[Any, ...]]:
    """What there is in the firm's schema, whose it is, and who has which rights to it."""
    with firm.connect(None) as connection:
        return connection.execute(
            "SELECT relname, relkind::text, relowner, relacl::text, relrowsecurity FROM pg_class "
            "WHERE relnamespace = current_schema()::regnamespace ORDER BY 1"
        ).fetchall()


def accepted(connection: psycopg.Connection[Any], statements: Iterable[str]) -> list[str]:
    """The statements that were not refused for want of a right."""
    found = []
    for statement in statements:
        try:
            connection.execute(statement)
        except Refusal:
            continue
        found.append(statement)
    return found


def columns_of(connection: psycopg.Connection[Any], table: str) -> list[str]:
    """The names of a table's columns."""
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0", [table]
    )
    return [name for (name,) in found]


def one(connection: psycopg.Connection[Any], query: str) -> tuple[Any, ...]:
    """The one row of a query."""
    found = connection.execute(query).fetchone()
    assert found is not None
    return tuple(found)


def as_of_the_release_before(firm: Firm) -> None:
    """The tables are those of an older custledger; what only newer ones hold is lost."""
    newer = (
        "policy",
        "event",
        "legal_hold",
        "erasure",
        "anchor",
        "checkpoint",
        "seal_head",
        "seal",
    )
    with firm.connect(None) as connection:
        for table in newer:
            connection.execute(f"DROP TABLE custledger_{table}")
        connection.execute("UPDATE custledger_version SET version_num = '0001'")
