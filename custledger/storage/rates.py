"""Hourly rates by member of staff and day, for the snapshot that an interaction keeps."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

from sqlalchemy import Connection, select

from custledger.core.money import Money
from custledger.storage.bulk import table_of
from custledger.storage.tables import HourlyRateRow

__all__ = ["Rates"]


class Rates:
    """All hourly rates of a ledger, read once; a member's own rate goes before the default."""

    def __init__(self, connection: Connection) -> None:
        table = table_of(HourlyRateRow)
        self._days: dict[int | None, list[int]] = defaultdict(list)
        self._rates: dict[int | None, list[Money]] = defaultdict(list)
        columns = (table.c.staff_id, table.c.effective_day, table.c.rate_minor, table.c.currency)
        for staff, day, minor, currency in connection.execute(
            select(*columns).order_by(table.c.effective_day, table.c.id)
        ):
            self._days[staff].append(day)
            self._rates[staff].append(Money(minor, currency))

    def on(self, staff: int | None, day: int) -> Money | None:
        """The last rate effective on or before the day, or None."""
        for key in dict.fromkeys((staff, None)):
            place = bisect_right(self._days.get(key, ()), day)
            if place:
                return self._rates[key][place - 1]
        return None
