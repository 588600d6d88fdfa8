"""The ranking: cost to serve against revenue, from day one."""

from __future__ import annotations

import pandas as pd
import polars as pl
from sqlalchemy import Connection, Engine

from custledger.core.money import Money
from custledger.core.records import MoneyKind
from custledger.core.score.policy import ScorePolicy
from custledger.storage.scoring.standings import RankingRow, ranking_rows
from tests.core.histories import AS_OF, JOINED, contact, history, paid
from tests.storage.rows import Shop, put

NO_RATE = {"rate_minor": None, "rate_currency": None}


def ranking(connection: Connection, default_rate: Money | None = None) -> list[RankingRow]:
    return ranking_rows(
        connection,
        policy=ScorePolicy(),
        as_of_day=AS_OF,
        currency="EUR",
        default_rate=default_rate,
    )


def test_the_one_with_least_left_comes_first_and_nothing_decays(engine: Engine) -> None:
    dear = history(contact(1, JOINED, seconds=7_200), paid(2, JOINED, MoneyKind.SALE, 5_000))
    good = history(contact(1, JOINED, seconds=3_600), paid(2, JOINED, MoneyKind.INVOICE, 50_000))
    with engine.begin() as connection:
        put(connection, Shop({1: good, 2: dear, 3: history()}))
        rows = ranking(connection)
    assert [row.net_minor for row in rows] == [-1_000, 0, 47_000]
    first = rows[0]
    assert (first.revenue_minor, first.cost_to_serve_minor, first.hours) == (5_000, 6_000, 2.0)
    assert (first.effective_hourly_minor, first.contacts, first.note) == (2_500, 1, "")
    assert rows[1].effective_hourly_minor is None


def test_money_given_back_or_given_up_is_subtracted(engine: Engine) -> None:
    kinds = (MoneyKind.REFUND, MoneyKind.CHARGEBACK, MoneyKind.WRITE_OFF, MoneyKind.CONCESSION)
    entries = [paid(n, JOINED, kind, 10**n) for n, kind in enumerate(kinds, start=1)]
    with engine.begin() as connection:
        put(connection, Shop({1: history(*entries, paid(9, JOINED, MoneyKind.SALE, 50_000))}))
        row = ranking(connection)[0]
    assert (row.refunds_minor, row.concessions_minor) == (10, 10_000)
    assert row.net_minor == 50_000 - 11_110


def test_a_contact_without_a_rate_takes_the_ledgers_default_and_says_so(engine: Engine) -> None:
    found = history(contact(1, JOINED, seconds=1_800, **NO_RATE))
    with engine.begin() as connection:
        put(connection, Shop({1: found}))
        bare = ranking(connection)[0]
        given = ranking(connection, Money(4_000, "EUR"))[0]
        put(connection, Shop({1: found}, default_rate=(3_000, "EUR", AS_OF)))
        default = ranking(connection)[0]
    assert (bare.cost_to_serve_minor, bare.contacts_without_rate) == (0, 1)
    assert "set an hourly rate" in bare.note
    assert given.cost_to_serve_minor == 2_000
    assert default.cost_to_serve_minor == 1_500
    assert "default rate" in default.note


def test_a_contact_of_unknown_length_takes_its_channels_default_and_is_counted(
    engine: Engine,
) -> None:
    with engine.begin() as connection:
        put(connection, Shop({1: history(contact(1, JOINED, seconds=None))}))
        row = ranking(connection)[0]
    assert (row.hours, row.contacts_of_unknown_time) == (600 / 3_600, 1)
    assert "unknown length" in row.note


def test_what_is_not_known_yet_is_left_out(engine: Engine) -> None:
    later = contact(1, JOINED, known_day=AS_OF + 1)
    with engine.begin() as connection:
        put(connection, Shop({1: history(later, contact(2, AS_OF + 1))}))
        assert ranking(connection)[0].contacts == 0


def test_rows_are_frames_as_they_are(engine: Engine) -> None:
    with engine.begin() as connection:
        put(connection, Shop({1: history(), 2: history(contact(1, JOINED))}))
        rows = ranking(connection)
    assert len(pd.DataFrame(rows)) == len(pl.DataFrame(rows)) == 2
