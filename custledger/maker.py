"""One ledger of an application, looked at once and opened for each request."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Self, cast

from sqlalchemy import Engine

from custledger.errors import BadInputError, ClosedLedgerError
from custledger.ledger import Ledger
from custledger.storage import opening
from custledger.storage.database import Database
from custledger.storage.engine import WAIT_SECONDS
from custledger.storage.evidence.data_keys import DataKeys
from custledger.storage.homes import Host, Place, home_of, is_location
from custledger.storage.sealing.keeper import Sealing, SealKeeper
from custledger.storage.transactions import EngineTransactions, Transactions

__all__ = ["LedgerMaker"]


class LedgerMaker:
    """Opens one ledger again and again, for each request, job or thread: what sessionmaker is.

    Made once, when the application starts: it checks that the ledger is there, that its schema fits
    and that nothing contradicts the settings. ``owner`` makes the ledger where there is none; the
    rest is as for ``open_ledger``. Many threads may use one maker; each opens ledgers of its own.

    >>> import tempfile
    >>> place = tempfile.mkdtemp() + "/shop.sqlite"
    >>> with LedgerMaker(place, owner="Olga") as ledgers:
    ...     with ledgers.open(actor="Olga") as ledger:
    ...         ledger.customers.add("Ann").name
    'Ann'
    """

    def __init__(
        self,
        home: Place | Engine,
        *,
        owner: str | None = None,
        schema: str | None = None,
        now: Callable[[], datetime] | None = None,
        zone: str | None = None,
        currency: str | None = None,
        region: str | None = None,
        evidence: str | os.PathLike[str] | None = None,
        encryption: DataKeys | None = None,
        wait: timedelta = timedelta(seconds=WAIT_SECONDS),
        sealing: Sealing | None = None,
    ) -> None:
        if home == ":memory:" or not (is_location(home) or isinstance(home, Engine)):
            raise BadInputError(
                f"A LedgerMaker opens a ledger many times, which {home!r} does not allow: name a "
                "file, a database URL or an Engine."
            )
        settings = opening.Settings(zone, currency, region)
        self._terms = opening.terms(settings, now, evidence, wait, encryption)
        self._keeper = None if sealing is None else SealKeeper(sealing)
        self._closed = False
        self._process, self._forked = os.getpid(), threading.Lock()
        self._home = home_of(home, schema, wait.total_seconds())
        self._engine = cast(EngineTransactions, self._home.transactions)
        self._known = opening.known_at(self._home, owner, self._terms)

    def open(self, work: Host | None = None, *, actor: str) -> Ledger:
        """The ledger, for somebody who is registered; closing it leaves the maker open.

        ``work`` is the Session, Connection or psycopg Connection whose transaction the writes
        join; without it the ledger makes transactions of its own. Raises UnregisteredActorError,
        and ClosedLedgerError once the maker is closed.
        """
        if self._closed:
            raise ClosedLedgerError
        transactions = self._own() if work is None else self._guest(work)
        context = opening.context_of(
            Database(transactions), self._known, self._home.path, actor, self._terms
        )
        return Ledger(context, self._keeper)

    def close(self) -> None:
        """Give back the connections of a maker that was given a place; an Engine is the host's."""
        self._closed = True
        self._engine.close()

    def _own(self) -> Transactions:
        with self._forked:
            if self._process != os.getpid():  # the parent goes on with the connections it opened
                self._engine.start_anew()
                self._process = os.getpid()
        return self._engine.lent()

    def _guest(self, work: Host) -> Transactions:
        if is_location(work):
            raise BadInputError(f"work is what the host has open, such as a Session, not {work!r}.")
        return home_of(work, self._engine.schema, self._terms.wait.total_seconds()).transactions

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
