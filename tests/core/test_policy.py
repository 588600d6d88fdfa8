"""The score's parameters: what they say, what they refuse, and how they travel."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custledger.core.canonical import canonical_bytes
from custledger.core.records import Channel, Conduct, Fault, MoneyKind, Purpose
from custledger.core.score.calibration import CalibrationRow, calibrate
from custledger.core.score.policy import ScorePolicy, Weight, default_policy
from custledger.errors import BadInputError

POLICY = ScorePolicy()


@given(
    margin=st.none() | st.floats(1e-9, 1.0),
    prior=st.floats(1e-6, 1e12),
    r0=st.floats(0.001, 10.0),
    half_life=st.floats(7.0, 3650.0),
    grace=st.integers(0, 3650),
    version=st.integers(0, 2**31 - 1),
)
@settings(max_examples=50)
def test_parameters_read_back_exactly_from_canonical_json(
    margin: float | None, prior: float, r0: float, half_life: float, grace: int, version: int
) -> None:
    policy = ScorePolicy(
        version=version, margin=margin, K=prior, r0=r0, half_life_days=half_life, grace_days=grace
    )
    parameters = json.loads(canonical_bytes(policy.to_parameters()))
    assert ScorePolicy.from_parameters(parameters, version=version) == policy


def test_parameters_hold_no_float_and_leave_the_version_to_the_ledger() -> None:
    parameters = replace(POLICY, margin=0.1).to_parameters()
    assert parameters["margin"] == "0.1"
    assert parameters["grace_days"] == 30
    assert ["complaint", "customer", "0.3"] in parameters["severity"]
    assert "version" not in parameters


@pytest.mark.parametrize(
    "wrong",
    [
        {"margin": 0.0},
        {"margin": 1.01},
        {"margin": float("nan")},
        {"margin": "0.4"},
        {"margin": Decimal("0.4")},
        {"K": 0.0},
        {"K": float("inf")},
        {"u": -1.0},
        {"half_life_days": 0.0},
        {"provision": 1.5},
        {"gate_square": 0.6},
        {"version": -1},
        {"severity": (Weight("inquiry", "unknown", 0.5),)},
        {"severity": (Weight("complaint", "shared", 0.5),)},
        {"severity": (Weight("complaint", "unknown", 0.1), Weight("complaint", "unknown", 0.2))},
        {"shares": (Weight("time", "ours", 2.0),)},
        {"default_seconds": (("phone", 600),)},
    ],
)
def test_value_out_of_range_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInputError):
        replace(POLICY, **wrong)


@pytest.mark.parametrize(
    "wrong", [{"tolerance": "1"}, {"K": "much"}, {"severity": "all"}, {"shares": [["time"]]}]
)
def test_unreadable_parameter_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInputError):
        ScorePolicy.from_parameters(wrong, version=1)


@pytest.mark.parametrize(
    ("conduct", "same_as"),
    [
        (Conduct.THREAT, Conduct.VERBAL_ABUSE),
        (Conduct.DECEPTION, Conduct.POLICY_ABUSE),
        (Conduct.UNREASONABLE_PERSISTENCE, Conduct.UNREASONABLE_DEMAND),
        (Conduct.PUBLIC_ATTACK, Conduct.UNREASONABLE_DEMAND),
    ],
)
def test_conduct_is_judged_like_its_sort(conduct: Conduct, same_as: Conduct) -> None:
    for fault in Fault:
        alike = [POLICY.severity_of(Purpose.OTHER, c, fault) for c in (conduct, same_as)]
        assert alike[0] == alike[1]


def test_severity_is_the_larger_of_purpose_and_conduct() -> None:
    both = (Purpose.REFUND_REQUEST, Conduct.POLICY_ABUSE)
    assert POLICY.severity_of(*both, Fault.UNKNOWN) == 0.7
    assert POLICY.severity_of(Purpose.REFUND_REQUEST, Conduct.NONE, Fault.UNKNOWN) == 0.3
    assert POLICY.severity_of(Purpose.COLLECTION, Conduct.NONE, Fault.CUSTOMER) == 0.5


def test_shared_fault_is_as_severe_as_unknown_and_a_third_partys_not_at_all() -> None:
    for conduct in Conduct:
        of = {f: POLICY.severity_of(Purpose.COMPLAINT, conduct, f) for f in Fault}
        assert of[Fault.SHARED] == of[Fault.UNKNOWN]
        assert of[Fault.THIRD_PARTY] == 0
    assert POLICY.severity_of_money(MoneyKind.CHARGEBACK, Fault.SHARED) == 0.7
    assert POLICY.severity_of_money(MoneyKind.REFUND, Fault.CUSTOMER) == 0


def test_abuse_stays_abuse_where_we_were_at_fault_at_half() -> None:
    assert POLICY.severity_of(Purpose.OTHER, Conduct.VERBAL_ABUSE, Fault.OURS) == 0.5
    assert POLICY.severity_of(Purpose.OTHER, Conduct.POLICY_ABUSE, Fault.OURS) == 0


def test_half_the_time_of_a_complaint_counts_unless_the_conduct_was_adverse() -> None:
    assert POLICY.time_share(Purpose.COMPLAINT, Conduct.NONE, Fault.UNKNOWN) == 0.5
    assert POLICY.time_share(Purpose.COMPLAINT, Conduct.THREAT, Fault.UNKNOWN) == 1
    assert POLICY.time_share(Purpose.COMPLAINT, Conduct.NONE, Fault.CUSTOMER) == 1
    assert POLICY.time_share(Purpose.COMPLAINT, Conduct.NONE, Fault.SHARED) == 0.5
    assert POLICY.time_share(Purpose.INQUIRY, Conduct.NONE, Fault.UNKNOWN) == 1


def test_time_that_is_our_fault_or_a_third_partys_counts_against_nobody() -> None:
    for conduct in Conduct:
        assert POLICY.time_share(Purpose.COMPLAINT, conduct, Fault.OURS) == 0
        assert POLICY.time_share(Purpose.COMPLAINT, conduct, Fault.THIRD_PARTY) == 0


def test_unknown_handling_time_takes_the_default_of_its_channel() -> None:
    assert POLICY.seconds_of(Channel.VISIT, None) == 1800
    assert POLICY.seconds_of(Channel.VISIT, 0) == 0


def test_default_amounts_grow_with_a_currency_of_small_units() -> None:
    assert default_policy("JPY").K / default_policy("EUR").K == 100
    assert not default_policy("EUR").calibrated
    assert default_policy("EUR").margin is None


def test_calibration_measures_medians_and_winsorises() -> None:
    rows = [
        CalibrationRow(margin=100.0, tenure_months=4.0, cost=10.0),
        CalibrationRow(margin=300.0, tenure_months=6.0, cost=90.0),
        CalibrationRow(margin=0.0, tenure_months=6.0, cost=90.0),
        CalibrationRow(margin=900.0, tenure_months=0.5, cost=900.0),
    ]
    found = calibrate(replace(POLICY, margin=0.4), rows, [10.0, 30.0, 0.0])
    assert pytest.approx(4 * (25 + 50) / 2) == found.K
    assert found.r0 == pytest.approx((0.1 + 0.3) / 2)
    most = 10 + 0.99 * 20
    assert found.u == pytest.approx(0.5 * (100 + most**2) / (10 + most))
    assert found.calibrated


def test_calibration_holds_the_share_of_cost_within_bounds() -> None:
    cheap = [CalibrationRow(margin=100.0, tenure_months=4.0, cost=0.0)]
    assert calibrate(replace(POLICY, margin=0.4), cheap, [1.0]).r0 == 0.02
    dear = [CalibrationRow(margin=100.0, tenure_months=4.0, cost=500.0)]
    assert calibrate(replace(POLICY, margin=0.4), dear, [1.0]).r0 == 0.5


def test_calibration_without_margin_or_data_is_refused() -> None:
    row = CalibrationRow(margin=100.0, tenure_months=4.0, cost=10.0)
    with pytest.raises(BadInputError, match="margin"):
        calibrate(POLICY, [row], [1.0])
    with pytest.raises(BadInputError, match="not enough"):
        calibrate(replace(POLICY, margin=0.4), [], [1.0])
