"""The exchange-rate book: dated rates to the ledger's base currency."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select, union

from custledger.core.bodies import exchange_rate_from
from custledger.core.facts import exchange_rate_body
from custledger.core.money import Money
from custledger.core.records import EntryKind, ExchangeRate
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.journal import Draft
from custledger.storage.reading import ledger_bodies
from custledger.storage.tables import ExchangeRateRow, InteractionRow, MoneyRow

__all__ = ["ExchangeRateBook"]

_rate = table_of(ExchangeRateRow)
_money = table_of(MoneyRow)
_interaction = table_of(InteractionRow)


class ExchangeRateBook:
    """Rates by which amounts in other currencies count in the score and the statement."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def set(self, currency: str, rate: str, *, effective_on: date | None = None) -> ExchangeRate:
        """One unit of ``currency`` is ``rate`` base units from a day on (None: since ever)."""
        if currency == self._context.currency:
            raise BadInputError(f"{currency} is the base currency; its rate is always 1.")
        with self._context.write() as journal:
            body = exchange_rate_body(Money(0, currency), str(rate), effective_on)
            journal.append([Draft(self._context.key, EntryKind.EXCHANGE_RATE, body)])
        return exchange_rate_from(body)

    def all(self) -> list[ExchangeRate]:
        """All rates by currency and day."""
        with self._context.read() as connection:
            order = (_rate.c.currency, _rate.c.effective_day, _rate.c.id)
            bodies = ledger_bodies(connection, select(_rate.c.id).order_by(*order))
            return [exchange_rate_from(body) for body in bodies]

    def missing(self) -> list[str]:
        """Currencies of recorded amounts and hourly rates that have no exchange rate at all.

        Amounts in them are left out of scores and rankings until a rate is set.
        """
        with self._context.read() as connection:
            used = union(select(_money.c.currency), select(_interaction.c.rate_currency))
            known = {self._context.currency, *connection.scalars(select(_rate.c.currency))}
            return sorted({c for c in connection.scalars(used) if c is not None} - known)
