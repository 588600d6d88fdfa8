"""Hourly rates by member of staff and day, for the snapshot that an interaction keeps."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import Final

from sqlalchemy import Connection, select

from custledger.core.money import Money
from custledger.storage.bulk import table_of
from custledger.storage.tables import HourlyRateRow

__all__ = ["Rates"]

_table = table_of(HourlyRateRow)
_RATES: Final = select(
    _table.c.staff_id, _table.c.effective_day, _table.c.rate_minor, _table.c.currency
).order_by(_table.c.effective_day, _table.c.id)


class Rates:
    """All hourly rates of a ledger, read once; a member's own rate goes before the default."""

    def __init__(self, connection: Connection) -> None:
        self._days: dict[int | None, list[int]] = defaultdict(list)
        self._rates: dict[int | None, list[Money]] = defaultdict(list)
        for staff, day, minor, currency in connection.execute(_RATES):
            self._days[staff].append(day)
            self._rates[staff].append(Money(minor, currency))

    def on(self, staff: int | None, day: int) -> Money | None:
        """The last rate effective on or before the day, or None."""
        for key in dict.fromkeys((staff, None)):
            place = bisect_right(self._days.get(key, ()), day)
            if place:
                return self._rates[key][place - 1]
        return None
