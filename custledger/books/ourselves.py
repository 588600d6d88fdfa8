"""The report on ourselves: what went wrong by our own fault, read from the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from custledger.core.checks import check_day, check_member
from custledger.core.clock import date_of_day
from custledger.core.worth.ourselves import By, Ourselves, report_of
from custledger.errors import BadInputError
from custledger.storage.context import Context
from custledger.storage.ourselves import Days, happenings

__all__ = ["OurselvesBook"]


class OurselvesBook:
    """How often it was our own fault, what was refunded, and what was complained about."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(
        self,
        since: date | None = None,
        until: date | None = None,
        *,
        by: By | str | Iterable[By | str] = By.PRODUCT,
    ) -> Ourselves:
        """The report of these days, both included: from the beginning until today by default.

        ``by`` is product, cause or month, or several of them. Amounts are in the base currency, as
        in the statement. By product or cause it reads the payload of every entry of these days.
        """
        first = None if since is None else check_day(since, "since")
        last = self._context.today() if until is None else check_day(until, "until")
        if first is not None and first > last:
            raise BadInputError(f"since ({since}) is after until ({date_of_day(last)}).")
        words = (by,) if isinstance(by, str) else tuple(by)
        kinds = tuple(dict.fromkeys(check_member(By, word) for word in words))
        currency = self._context.currency
        with self._context.read() as connection:
            named = bool({By.PRODUCT, By.CAUSE} & set(kinds))
            return report_of(
                happenings(connection, Days(first, last), currency, named=named),
                kinds,
                since=since,
                until=date_of_day(last),
                currency=currency,
            )
