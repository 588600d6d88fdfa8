"""A ledger on SQLite and then on PostgreSQL, with a clock that tests set."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from custledger import Ledger, Money, open_ledger
from custledger.core.records import Customer
from custledger.pytest_plugin import Clock

__all__ = ["ann", "clock", "ledger"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(location: str, clock: Clock) -> Iterator[Ledger]:
    """A ledger whose trail must verify, and whose copies must be as the trail says, at the end."""
    with open_ledger(location, actor="Olga", now=clock, zone="Europe/Paris", region="FR") as ledger:
        ledger.staff.add("Sam", hourly_rate=Money(3000, "EUR"))
        yield ledger
        assert ledger.verify().findings == ()


@pytest.fixture
def ann(ledger: Ledger) -> Customer:
    return ledger.customers.add("Ann Miller", email="ann@example.org", phone="01 23 45 67 89")
