"""The score of all customers in SQL: against the reference, and against the core."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from custledger.core.clock import day_number
from custledger.core.records import Conduct, Fault, MoneyKind
from custledger.core.score.contributions import History
from custledger.core.score.fit import Fit, fit
from custledger.core.score.policy import ScorePolicy
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.scoring.standings import (
    ScoreRow,
    calibrated,
    fit_of,
    history_of,
    score_rows,
)
from tests.core.histories import (
    AS_OF,
    FOREIGN,
    JOINED,
    POLICY,
    contact,
    histories,
    history,
    months,
    paid,
)
from tests.storage.rows import STAFF, Shop, put, reference, reference_policy

DATA = Path(__file__).parent.parent / "data" / "score_reference"
DATES = ("2023-06-30", "2023-12-31", "2024-06-30")
RATES = tuple((c, day, rate) for c, rates in FOREIGN.rates.items() for day, rate in rates)
ALL = ("EUR", "USD", "JPY", "KWD", "SEK")
NUMBERS = {
    "S": "score",
    "S_lo": "score_low",
    "S_hi": "score_high",
    "Sraw": "score_raw",
    "vc": "cost_ratio",
    "vh": "conduct_ratio",
}
WORDS = {
    "flag": "flag",
    "watch": "watch",
    "uncorroborated": "uncorroborated",
    "kind": "kind",
    "evidence": "evidence",
    "incomplete": "incomplete",
    "tenure": "tenure_days",
    "reporters": "witnesses",
    "adv_days": "adverse_days",
    "adv_months": "adverse_months",
    "cost_months": "cost_months",
}


def scores(connection: Connection, policy: ScorePolicy = POLICY) -> list[ScoreRow]:
    return score_rows(connection, policy=policy, as_of_day=AS_OF, currency="EUR")


def key_of(row: ScoreRow) -> int:
    return int(row.customer_id.replace("-", ""), 16)


def check_against_reference(engine: Engine, folder: Path, day: str, policy: ScorePolicy) -> None:
    shop = reference(folder, f"expected_{day}.csv")
    as_of = day_number(date.fromisoformat(day))
    with engine.begin() as connection:
        put(connection, shop)
        rows = score_rows(connection, policy=policy, as_of_day=as_of, currency="EUR")
        assert len(rows) == len(shop.expected)
        for row in rows:
            expected = shop.expected[key_of(row)]
            for name, ours in NUMBERS.items():
                if name in expected:
                    assert getattr(row, ours) == pytest.approx(float(expected[name]), abs=1e-8)
            for name, ours in WORDS.items():
                if name in expected:
                    assert str(getattr(row, ours)) == expected[name], (row, name)
            one = fit_of(connection, key_of(row), policy=policy, as_of_day=as_of, currency="EUR")
            check_alike(row, one)


def check_alike(row: ScoreRow, one: Fit) -> None:
    """The row of the select and the fit of the core say the same."""
    for name in ("score", "score_low", "score_high", "score_raw", "cost_ratio", "conduct_ratio"):
        assert getattr(row, name) == pytest.approx(getattr(one, name), rel=1e-9, abs=1e-8), name
    for name in ("flag", "watch", "uncorroborated", "kind", "band", "evidence"):
        assert getattr(row, name) == getattr(one, name), name
    for name in ("adverse_days", "adverse_months", "cost_months", "witnesses", "incomplete"):
        assert getattr(row, name) == getattr(one.standing, name), name
    statement = one.statement
    for name in ("net", "revenue", "refunds", "chargebacks", "write_offs", "concessions"):
        assert getattr(row, f"{name}_minor") == getattr(statement, name).minor, name
    for name in ("overdue", "time_cost", "time_cost_ours"):
        assert getattr(row, f"{name}_minor") == getattr(statement, name).minor, name
    hourly = statement.effective_hourly
    assert row.effective_hourly_minor == (None if hourly is None else hourly.minor)
    assert row.hours == statement.hours


@pytest.mark.parametrize(
    ("folder", "day"), [("edge", "2024-06-30"), *(("sample", day) for day in DATES)]
)
def test_the_select_equals_the_reference(engine: Engine, folder: str, day: str) -> None:
    check_against_reference(engine, DATA / folder, day, reference_policy(DATA))


@pytest.mark.slow  # the sample of it runs always
@pytest.mark.parametrize("day", DATES)
def test_the_select_equals_the_whole_reference(engine: Engine, data_folder: Path, day: str) -> None:
    folder = data_folder / "score_reference"
    check_against_reference(engine, folder, day, reference_policy(folder))


def test_calibration_gives_the_reference_policy(engine: Engine, data_folder: Path) -> None:
    folder = data_folder / "score_reference"
    given = reference_policy(folder)
    as_of = day_number(date(2023, 12, 31))
    with engine.begin() as connection:
        put(connection, reference(folder, "expected_2023-12-31.csv"))
        uncalibrated = ScorePolicy(margin=given.margin)
        found = calibrated(connection, policy=uncalibrated, as_of_day=as_of, currency="EUR")
    for name in ("K", "r0", "u"):
        assert getattr(found, name) == pytest.approx(getattr(given, name), rel=1e-11)


def test_calibration_of_an_empty_ledger_is_refused(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(BadInputError, match="not enough"):
        calibrated(connection, policy=POLICY, as_of_day=AS_OF, currency="EUR")


@given(st.lists(histories(currencies=ALL), min_size=1, max_size=4), st.integers(1, 3))
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_select_equals_the_core(engine: Engine, found: list[History], people: int) -> None:
    """With one person, the second member of staff is a program and no witness."""
    shop = Shop(dict(enumerate(found, start=1)), people=people, programs=1, rates=RATES)
    with engine.begin() as connection:
        put(connection, shop)
        rows = scores(connection)
        assert len(rows) == len(found)
        for row in rows:
            read = history_of(connection, key_of(row), as_of_day=AS_OF, currency="EUR")
            check_alike(row, fit(read, POLICY, AS_OF))
            if people > 1:
                given = replace(shop.histories[key_of(row)], human_staff=people)
                assert fit(given, POLICY, AS_OF).score == fit(read, POLICY, AS_OF).score


def test_rows_are_frames_as_they_are(engine: Engine) -> None:
    day = months(1)[0]
    shop = Shop(
        {
            1: history(contact(1, day), paid(2, day, MoneyKind.SALE, 5_000)),
            2: history(),
        }
    )
    with engine.begin() as connection:
        put(connection, shop)
        rows = scores(connection)
    for frame in (pd.DataFrame(rows), pl.DataFrame(rows)):
        assert list(frame.columns) == list(asdict(rows[0]))
        assert len(frame) == 2
        assert sorted(frame["revenue_minor"].to_list()) == [0, 5_000]
    assert pl.DataFrame(rows)["effective_hourly_minor"].to_list().count(None) == 1


def test_rows_come_the_flagged_first_then_by_score(engine: Engine) -> None:
    abuse = {"conduct": Conduct.VERBAL_ABUSE, "fault": Fault.CUSTOMER}
    habit = [contact(n, day, **abuse) for n, day in enumerate(months(6), 1)]
    shop = Shop({1: history(), 2: history(*habit), 3: history(habit[0])})
    with engine.begin() as connection:
        put(connection, shop)
        rows = scores(connection)
    assert [key_of(row) for row in rows] == [2, 3, 1]
    assert rows[0].flag


def test_nothing_is_flagged_without_a_margin(engine: Engine) -> None:
    abuse = {"conduct": Conduct.VERBAL_ABUSE, "fault": Fault.CUSTOMER}
    habit = [contact(n, day, **abuse) for n, day in enumerate(months(6), 1)]
    with engine.begin() as connection:
        put(connection, Shop({1: history(*habit)}))
        assert scores(connection)[0].flag
        without = scores(connection, replace(POLICY, margin=None))[0]
    assert (without.flag, without.watch, without.uncorroborated) == (False, True, False)


def test_a_program_is_no_witness(engine: Engine) -> None:
    entry = contact(1, months(1)[0], conduct=Conduct.THREAT, witness=STAFF + 1)
    with engine.begin() as connection:
        put(connection, Shop({1: history(entry)}, people=1, programs=1))
        assert scores(connection)[0].witnesses == 0
        put(connection, Shop({1: history(entry)}, people=2))
        assert scores(connection)[0].witnesses == 1


def test_a_short_half_life_and_an_old_entry_do_not_underflow(engine: Engine) -> None:
    old = contact(1, day_number(date(1950, 1, 1)))
    policy = replace(POLICY, half_life_days=7.0)
    with engine.begin() as connection:
        put(connection, Shop({1: replace(history(old), joined_day=old.day)}))
        row = scores(connection, policy)[0]
        check_alike(row, fit_of(connection, 1, policy=policy, as_of_day=AS_OF, currency="EUR"))


def test_of_two_exchange_rates_of_a_day_the_later_entry_counts(engine: Engine) -> None:
    sale = paid(1, JOINED + 1, MoneyKind.SALE, 100, currency="USD")
    rates = (("USD", JOINED, 10**12), ("USD", JOINED, 9 * 10**11), ("USD", JOINED + 2, 10**12))
    with engine.begin() as connection:
        put(connection, Shop({1: history(sale)}, rates=rates))
        row = scores(connection)[0]
        assert row.revenue_minor == 90
        check_alike(row, fit_of(connection, 1, policy=POLICY, as_of_day=AS_OF, currency="EUR"))


def test_a_ledger_in_a_currency_of_three_decimals_converts_to_it(engine: Engine) -> None:
    sale = paid(1, JOINED + 1, MoneyKind.SALE, 1_000, currency="EUR")
    with engine.begin() as connection:
        put(connection, Shop({1: history(sale)}, rates=(("EUR", JOINED, 332 * 10**9),)))
        row = score_rows(connection, policy=POLICY, as_of_day=AS_OF, currency="KWD")[0]
    assert row.revenue_minor == 3_320  # 10.00 euros are 3.320 dinars


def test_an_unknown_customer_is_not_found(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(NotFoundError):
        fit_of(connection, 1, policy=POLICY, as_of_day=AS_OF, currency="EUR")


@pytest.mark.parametrize("rate", [(3_000, "EUR"), (3_000, "USD"), (3_000, "CHF")])
def test_contact_without_a_rate_counts_at_the_ledgers_rate_in_sql_as_in_the_core(
    engine: Engine, rate: tuple[int, str]
) -> None:
    bare = contact(1, AS_OF, seconds=3_600, rate_minor=None, rate_currency=None)
    shop = Shop({1: history(bare)}, rates=RATES, default_rate=(*rate, JOINED))
    with engine.begin() as connection:
        put(connection, shop)
        row = score_rows(connection, policy=POLICY, as_of_day=AS_OF, currency="EUR")[0]
        found = fit_of(connection, 1, policy=POLICY, as_of_day=AS_OF, currency="EUR")
    assert (row.contacts_without_rate, found.statement.contacts_without_rate) == (1, 1)
    assert row.time_cost_minor == found.statement.time_cost.minor
    assert row.score == found.score
    assert row.incomplete == (rate[1] == "CHF")
    assert (row.time_cost_minor > 0) == (rate[1] != "CHF")
    if rate[1] == "EUR":
        assert row.time_cost_minor == 3_000
        assert any("count at the ledger's rate, 30.00 EUR" in text for text in found.messages)
