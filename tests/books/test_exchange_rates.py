"""The exchange-rate book: dated rates, exact."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from sqlalchemy import select

from custledger import Ledger, Money
from custledger.core.records import ExchangeRate
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.tables import ExchangeRateRow


def test_rates_are_listed_by_currency_and_day(ledger: Ledger) -> None:
    ledger.exchange_rates.set("USD", "0.95", effective_on=date(2026, 3, 1))
    ledger.exchange_rates.set("USD", "0.920")
    ledger.exchange_rates.set("GBP", "1.15")
    assert ledger.exchange_rates.all() == [
        ExchangeRate("GBP", "1.15"),
        ExchangeRate("USD", "0.92"),
        ExchangeRate("USD", "0.95", date(2026, 3, 1)),
    ]


def test_rate_is_stored_exactly_to_twelve_decimals(ledger: Ledger) -> None:
    ledger.exchange_rates.set("JPY", "0.000000000001")
    ledger.exchange_rates.set("KWD", "999999.999999999999")
    table = table_of(ExchangeRateRow)
    with ledger.context.read() as connection:
        rates = connection.scalars(select(table.c.rate_e12).order_by(table.c.rate_e12)).all()
    assert rates == [1, 999999999999999999]


def test_bad_rate_is_refused(ledger: Ledger) -> None:
    for currency, rate, message in (
        ("EUR", "1", "is the base currency"),
        ("EUX", "1", "'EUX' is not a currency"),
        ("usd", "1", "'usd' is not a currency"),
        ("USD", "0", "between 0 and 1,000,000"),
        ("USD", "-1", "between 0"),
        ("USD", "1000000", "between 0"),
        ("USD", "0.0000000000001", "at most 12 decimals"),
        ("USD", "a lot", "'a lot' is not a number"),
        ("USD", "nan", "is not a number"),
        ("USD", "inf", "is not a number"),
        ("USD", "0,92", "Write it like 1234.56"),
    ):
        with pytest.raises(BadInputError, match=message):
            ledger.exchange_rates.set(currency, rate)
    with pytest.raises(BadInputError, match="effective_on must be a date"):
        ledger.exchange_rates.set("USD", "1", effective_on=datetime(2026, 1, 1))
    assert ledger.exchange_rates.all() == []


def test_currencies_in_use_without_a_rate_are_named(ledger: Ledger) -> None:
    ann = ledger.customers.add("Ann")
    assert ledger.exchange_rates.missing() == []
    ledger.money.record_sale(ann, amount=Money(100, "USD"))
    ledger.interactions.record(ann, channel="chat", hourly_rate=Money(3000, "GBP"))
    assert ledger.exchange_rates.missing() == ["GBP", "USD"]
    ledger.exchange_rates.set("USD", "0.92")
    assert ledger.exchange_rates.missing() == ["GBP"]
