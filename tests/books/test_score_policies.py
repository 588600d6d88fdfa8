"""The score-policy book: versions are added, never changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from custledger import Ledger, open_ledger
from custledger.errors import BadInputError, NotFoundError


def test_new_ledger_has_version_one_without_a_margin(ledger: Ledger) -> None:
    assert [policy.version for policy in ledger.score_policies.all()] == [1]
    assert ledger.score_policies.current().margin is None


def test_change_adds_a_version_and_keeps_the_old_one(ledger: Ledger, location: str) -> None:
    added = ledger.score_policies.set(margin=0.4)
    assert (added.version, added.margin) == (2, 0.4)
    assert ledger.score_policies.get(1).margin is None
    with open_ledger(location, actor="Olga") as other:
        assert other.score_policies.current() == added
        assert other.score_policies.set(margin=0.5).version == 3
    assert ledger.score_policies.current().margin == 0.5


def test_unknown_version_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="no score policy 7"):
        ledger.score_policies.get(7)


@pytest.mark.parametrize(
    "bad",
    [
        {"margin": 7},
        {"margin": True},
        {"margin": "0.4"},
        {"margin": float("nan")},
        {"min_days": 2.5},
        {"calibrated": "no"},
        {"default_seconds": (("phone", 600.5),)},
        {"severity": [("complaint", 1)]},
        {"shares": 5},
        {"K": float("inf")},
        {"version": 9},
        {"no_such_parameter": 1},
    ],
    ids=str,
)
def test_bad_parameter_is_refused_and_adds_no_version(ledger: Ledger, bad: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=next(iter(bad))):
        ledger.score_policies.set(**bad)
    assert len(ledger.score_policies.all()) == 1


def test_numbers_of_other_libraries_are_kept_as_plain_ones(ledger: Ledger) -> None:
    added = ledger.score_policies.set(margin=np.float64(0.4), min_days=np.int64(5), K=200)
    assert ledger.score_policies.current() == added
    assert [type(value) for value in (added.margin, added.min_days, added.K)] == [float, int, float]
