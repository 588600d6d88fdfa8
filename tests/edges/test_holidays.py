"""National holidays as the library has them, compared with what governments publish."""

from __future__ import annotations

import sys
from datetime import date

import pytest

from custledger.edges.holidays import national_holidays
from custledger.errors import BadInputError, ExtraNeededError
from tests.core.calendars import ENGLAND, FRANCE, GERMANY, SCOTLAND


def test_days_are_those_that_governments_publish() -> None:
    """The tables in tests/core/calendars.py, with their sources.

    The library counts Boxing Day 2026, a Saturday, beside the Monday that stands in for it.
    """
    boxing_day = {date(2026, 12, 26)}
    england = national_holidays("GB", [2026], subdivision="ENG")
    assert england.days - boxing_day == ENGLAND.days
    assert national_holidays("DE", [2026]).days == GERMANY.days
    assert national_holidays("FR", [2026]).days == FRANCE.days
    scotland = national_holidays("GB", [2026], subdivision="SCT")
    assert scotland.days - boxing_day == SCOTLAND.days


def test_years_and_source_are_kept() -> None:
    found = national_holidays("de", range(2026, 2029), subdivision="by")
    assert (found.first_year, found.last_year) == (2026, 2028)
    assert found.source.startswith("holidays 0.")
    assert found.source.endswith(": DE-BY")
    assert date(2027, 1, 6) in found.days


@pytest.mark.parametrize(
    ("country", "years", "part", "says"),
    [
        ("XX", [2026], None, "No holidays are known of 'XX'"),
        ("FR", [2026], "ZZ", "FR has no part 'ZZ'. Its parts are: "),
        ("FR", [], None, "whole numbers"),
        ("FR", [2026, 2028], None, "without a gap"),
        ("FR", range(2000, 2080), None, "50 at most"),
        ("GB", [2190], None, "are known from 1872 to 2100 only"),
    ],
)
def test_what_the_library_does_not_know_is_refused_with_a_reason(
    country: str, years: list[int], part: str | None, says: str
) -> None:
    with pytest.raises(BadInputError, match=says.replace(".", r"\.")):
        national_holidays(country, years, subdivision=part)


def test_without_the_library_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ExtraNeededError, match=r"pip install 'custledger\[calendar\]'"):
        national_holidays("FR", [2026])
