"""Regimes of complaint handling: those built in, and those of a firm."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from custledger.core.calendar.time_limits import Clock, TimeLimit
from custledger.core.canonical import canonical_bytes
from custledger.core.complaints.regimes import Milestone, Regime
from custledger.core.complaints.regimes_built_in import BUILT_IN, HOUSE
from custledger.errors import BadInputError

OURS = Regime(
    id="ours",
    name="Our promise",
    source="Our house rules, 2026",
    resolution=TimeLimit.working_hours(16),
    on_expiry="The owner calls.",
)


@pytest.mark.parametrize("regime", [*BUILT_IN.values(), OURS], ids=lambda r: r.id)
def test_regime_reads_back_from_canonical_json(regime: Regime) -> None:
    assert Regime.from_body(json.loads(canonical_bytes(regime.to_body()))) == regime


@pytest.mark.parametrize("regime", BUILT_IN.values(), ids=lambda r: r.id)
def test_each_law_names_its_source(regime: Regime) -> None:
    assert len(regime.source) > 40
    assert regime.on_expiry.endswith(".")
    for milestone in Milestone:
        limit = regime.limit_of(milestone)
        if regime is not HOUSE and limit is not None:
            assert not limit.pausable  # no law stops the clock while the firm waits


def test_limits_of_the_laws() -> None:
    said = {
        regime.id: [str(limit) if (limit := regime.limit_of(m)) else "" for m in Milestone]
        for regime in BUILT_IN.values()
    }
    assert said == {
        "house": ["4 working hours", "8 working hours", "40 working hours"],
        "uk_fca": ["", "", "8 weeks"],
        "uk_fca_payments": ["", "", "15 working days"],
        "uk_telecoms": ["", "", "6 weeks"],
        "eu_rail": ["", "", "1 month"],
        "eu_bus": ["", "1 month", "3 months"],
        "eu_sea": ["", "1 month", "2 months"],
        "eu_consumer_adr": ["", "", ""],
        "fr_acpr": ["10 working days", "", "2 months"],
        "au_asic": ["1 working day", "", "30 days"],
    }
    assert str(BUILT_IN["uk_fca_payments"].extended) == "35 working days"
    assert str(BUILT_IN["eu_rail"].extended) == "3 months"


def test_only_what_was_compared_with_its_source_says_so() -> None:
    read = {regime.id for regime in BUILT_IN.values() if regime.read_on}
    assert read == {"uk_fca", "uk_fca_payments", "uk_telecoms", "fr_acpr"}


def test_change_is_the_next_version() -> None:
    changed = OURS.changed(acknowledgement=TimeLimit.working_hours(1), restarts=True)
    assert changed == replace(
        OURS, version=2, acknowledgement=TimeLimit.working_hours(1), restarts=True
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "Our Own"},
        {"id": ""},
        {"name": " "},
        {"source": ""},
        {"on_expiry": ""},
        {"version": 0},
        {"restarts": "yes"},
        {"resolution": timedelta(hours=4)},
        {"read_on": "2026-11-22"},
        {"resolution": None, "extended": TimeLimit(1, Clock.DAYS)},
    ],
)
def test_regime_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        replace(OURS, **wrong)


def test_body_that_is_no_regime_is_refused() -> None:
    with pytest.raises(BadInputError, match="not a regime"):
        Regime.from_body({"id": "ours", "name": "Ours", "source": "us", "patience": 3})
    with pytest.raises(BadInputError, match="not a time limit"):
        Regime.from_body({**OURS.to_body(), "resolution": "soon"})
    assert HOUSE.read_on is None
    assert BUILT_IN["uk_fca"].read_on == date(2026, 11, 22)
