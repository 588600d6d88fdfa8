"""Pytest fixtures for tests that write to a ledger: see the how-to guide "Test with a ledger".

pytest finds this module by itself once custledger is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from custledger.ledger import Ledger, open_ledger

__all__ = ["START", "Clock", "custledger_clock", "custledger_ledger"]

START: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""What the clock shows first: Monday, 5 January 2026, 9:00 UTC."""


class Clock:
    """A clock that stands still until a test moves it; call it for the time.

    >>> clock = Clock()
    >>> clock.advance(timedelta(hours=2))
    >>> clock().isoformat()
    '2026-01-05T11:00:00+00:00'
    """

    def __init__(self, moment: datetime = START) -> None:
        self._moment = moment

    def __call__(self) -> datetime:
        """The moment that the clock shows, as an aware datetime."""
        return self._moment

    def set(self, moment: datetime) -> None:
        """Show another moment, an aware datetime; the clock may go back."""
        self._moment = moment

    def advance(self, by: timedelta) -> None:
        """Move the clock on."""
        self._moment += by


@pytest.fixture
def custledger_clock() -> Clock:
    """The clock of ``custledger_ledger``, which a test may set."""
    return Clock()


@pytest.fixture
def custledger_ledger(tmp_path: Path, custledger_clock: Clock) -> Iterator[Ledger]:
    """A fresh ledger in the test's own folder, written by "Test Owner"; closed afterwards."""
    location = tmp_path / "custledger.sqlite"
    with open_ledger(location, actor="Test Owner", now=custledger_clock) as ledger:
        yield ledger
