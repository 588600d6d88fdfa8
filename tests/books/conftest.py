"""A ledger on SQLite and then on PostgreSQL, with a clock that tests set.

Making a ledger's tables takes longer than most tests here: it is made once and then copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.core.calendar.periods import Period
from custledger.core.complaints.records import ComplaintRecord
from custledger.core.records import Customer, MoneyEntry
from custledger.core.refunds.terms import GoodsTerms
from custledger.pytest_plugin import Clock
from tests.books.refunding import TIERS, D, euros
from tests.postgres import Server

__all__ = [
    "ann",
    "clock",
    "cold",
    "dinner",
    "ledger",
    "location",
    "march",
    "new_on_postgresql",
    "new_on_sqlite",
]


@pytest.fixture(scope="session")
def new_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with nothing in it but a member of staff."""
    path = tmp_path_factory.mktemp("new") / "ledger.sqlite"
    make(str(path))
    return path


@pytest.fixture(scope="session")
def new_on_postgresql(postgres_server: Server) -> Iterator[str]:
    """The same on PostgreSQL."""
    with postgres_server.database() as url:
        make(url)
        yield url


def make(location: str) -> None:
    with open_ledger(
        location, actor="Olga", now=Clock(), zone="Europe/Paris", region="FR"
    ) as ledger:
        ledger.staff.add("Sam", hourly_rate=Money(3000, "EUR"))


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the test's ledger is; where one can be made, if the test asks for none."""
    made = "ledger" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "ledger.sqlite"
        if made:
            shutil.copy(request.getfixturevalue("new_on_sqlite"), path)
        yield str(path)
        return
    server: Server = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("new_on_postgresql") if made else None
    with server.database(template) as url:
        yield url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(location: str, clock: Clock) -> Iterator[Ledger]:
    """A ledger whose trail must verify, and whose copies must be as the trail says, at the end."""
    with open_ledger(location, actor="Olga", now=clock, zone="Europe/Paris", region="FR") as ledger:
        yield ledger
        assert ledger.verify().findings == ()


@pytest.fixture
def ann(ledger: Ledger) -> Customer:
    return ledger.customers.add("Ann Miller", email="ann@example.org", phone="01 23 45 67 89")


@pytest.fixture
def cold(ledger: Ledger, ann: Customer) -> ComplaintRecord:
    """Received on Monday, 5 January 2026, at 10:00 in Paris."""
    return ledger.complaints.open(
        ann, channel="phone", customer_words="The soup was cold.", product="soup", cause="delivery"
    )


@pytest.fixture
def dinner(ledger: Ledger, ann: Customer, clock: Clock) -> MoneyEntry:
    """A dinner on 20 March, paid on 5 January an hour after the terms were shown."""
    ledger.terms.set(GoodsTerms(Period(30, D)), TIERS)
    ledger.terms.convey(ann, how="on the order page")
    clock.advance(timedelta(hours=1))
    return ledger.money.record_sale(ann, amount=euros("100"))


@pytest.fixture
def march(dinner: MoneyEntry, clock: Clock) -> datetime:
    clock.set(datetime(2026, 3, 10, 10, tzinfo=UTC))
    return clock()
