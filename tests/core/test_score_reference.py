"""The score against an independent implementation: edge cases and an extract of a simulation."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from custledger.core.clock import day_number
from custledger.core.score.fit import fit
from tests.storage.rows import reference, reference_policy

DATA = Path(__file__).parent.parent / "data" / "score_reference"
DATES = ("2023-06-30", "2023-12-31", "2024-06-30")
CASES = [("edge", "2024-06-30"), *(("sample", day) for day in DATES)]
NUMBERS = {
    "S": "score",
    "S_lo": "score_low",
    "S_hi": "score_high",
    "Sraw": "score_raw",
    "vc": "cost_ratio",
    "vh": "conduct_ratio",
}
SUMS = {
    "C": "cost",
    "Cmax": "worst_cost",
    "C_time": "time_cost",
    "C_refund": "refund_cost",
    "C_cb": "chargeback_cost",
    "C_unpaid": "unpaid_cost",
    "M": "margin",
    "A": "adverse",
    "Amax": "worst_adverse",
    "tenure": "tenure",
    "adv_days": "adverse_days",
    "adv_months": "adverse_months",
    "cost_months": "cost_months",
    "reporters": "witnesses",
}
STATEMENT = ("net", "revenue", "refunds", "chargebacks", "write_offs", "overdue", "time_cost")
WORDS = ("flag", "watch", "uncorroborated", "kind", "evidence")


@pytest.mark.parametrize(("folder", "day"), CASES)
def test_every_figure_equals_the_reference(folder: str, day: str) -> None:
    policy = reference_policy(DATA)
    shop = reference(DATA / folder, f"expected_{day}.csv")
    as_of = day_number(date.fromisoformat(day))
    for key, expected in shop.expected.items():
        found = fit(shop.histories[key], policy, as_of)
        for name, ours in NUMBERS.items():
            if name in expected:
                assert getattr(found, ours) == pytest.approx(float(expected[name]), abs=1e-8), key
        for name, ours in SUMS.items():
            if name in expected:
                figure = getattr(found.standing, ours)
                assert figure == pytest.approx(float(expected[name]), rel=1e-10, abs=1e-10), key
        for name in STATEMENT:
            if name in expected:
                minor = getattr(found.statement, name).minor
                assert minor == pytest.approx(float(expected[name]) * 100, abs=0.5000001), key
        for name in WORDS:
            assert str(getattr(found, name)) == expected[name], (key, name)
        assert str(bool(found.standing.incomplete)) == expected["incomplete"]
