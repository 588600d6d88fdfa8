"""What the books of one open ledger share: the database, who writes, and what time it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection

from custledger.core.checks import check_day
from custledger.core.clock import day_of, to_microseconds
from custledger.errors import BadInputError
from custledger.storage.database import Database
from custledger.storage.evidence.blobs import BlobStore
from custledger.storage.evidence.data_keys import DataKeys
from custledger.storage.identities import Identities
from custledger.storage.journal import Journal

__all__ = ["Context"]


@dataclass(slots=True)
class Context:
    """One open ledger, as its books see it; ``key`` and ``actor`` are identity keys."""

    database: Database
    ledger: UUID
    key: int
    zone: str
    currency: str
    region: str | None
    actor: int
    actor_id: UUID
    now: Callable[[], datetime]
    blobs: BlobStore
    identities: Identities = field(default_factory=Identities)
    batch: int | None = None
    wrote: Callable[[int], None] | None = None
    encryption: DataKeys | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection with one consistent snapshot.

        A generator must not yield inside it: whoever stops asking would keep the connection.
        """
        self._forget_if_guest()
        with self.database.read() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """The same, where even a guest must have one snapshot: for what compares all with all."""
        self.identities.forget()
        with self.database.snapshot() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Journal]:
        """A journal in a write transaction: what is appended is kept as a whole or not at all."""
        self._forget_if_guest()
        with self._forgetting(), self.database.write() as connection:
            yield Journal(
                connection=connection,
                identities=self.identities,
                ledger=self.ledger,
                zone=self.zone,
                actor=self.actor,
                actor_id=self.actor_id,
                recorded_at=to_microseconds(self.now()),
                batch=self.batch,
                wrote=self.wrote,
            )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Several writes as one."""
        with self._forgetting(), self.database.transaction():
            yield

    @contextmanager
    def in_batch(self, batch: int) -> Iterator[None]:
        """Mark what is written meanwhile as part of an import batch."""
        before, self.batch = self.batch, batch
        try:
            yield
        finally:
            self.batch = before

    def today(self) -> int:
        """The day number of now in the ledger's zone."""
        return day_of(to_microseconds(self.now()), self.zone)

    def day(self, as_of: date | datetime | None) -> int:
        """The day number of an as-of argument: a date, an aware datetime, or None for today."""
        if as_of is None:
            return self.today()
        if isinstance(as_of, datetime):
            return day_of(to_microseconds(as_of), self.zone)
        if isinstance(as_of, date):
            return check_day(as_of, "as_of")
        raise BadInputError(f"as_of must be a date, such as date(2026, 1, 31), not {as_of!r}.")

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.identities.forget()
            raise

    def _forget_if_guest(self) -> None:
        # The host may have rolled back what was read meanwhile, and keys are given out again.
        if self.database.joins_host:
            self.identities.forget()
