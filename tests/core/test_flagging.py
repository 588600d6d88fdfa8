"""A flag's memory: raised by the score, cleared well below the line, or when it lost its ground."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.score.flagging import FlagChange, flag_change


@pytest.mark.parametrize(
    ("flagged", "score_low", "standing", "change"),
    [
        (True, 50.1, False, FlagChange.RAISED),
        (True, 99.0, True, None),
        (False, 50.0, True, None),
        (False, 40.0, True, None),
        (False, 39.999999, True, FlagChange.CLEARED),
        (False, 45.0, False, None),
        (False, 10.0, False, None),
        (False, 60.0, False, None),  # uncorroborated: accuses nobody
        (False, 60.0, True, FlagChange.CLEARED),  # the evidence for it no longer holds
    ],
)
def test_change_of_a_flag(
    flagged: bool, score_low: float, standing: bool, change: FlagChange | None
) -> None:
    assert flag_change(flagged=flagged, score_low=score_low, standing=standing) is change


@given(st.lists(st.floats(0, 100), max_size=30))
def test_figure_between_40_and_50_changes_nothing_whatever_came_before(lows: list[float]) -> None:
    standing = False
    for low in lows:
        change = flag_change(flagged=low > 50, score_low=low, standing=standing)
        assert change is None or not 40 <= low <= 50
        standing = standing if change is None else change is FlagChange.RAISED
        assert standing or low <= 50
        assert not standing or low >= 40
        assert flag_change(flagged=low > 50, score_low=low, standing=standing) is None
