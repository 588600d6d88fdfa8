"""National holidays for the calendar, from the library ``holidays`` (extra ``calendar``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from custledger.core.calendar.opening_hours import Holidays
from custledger.errors import BadInputError, ExtraNeededError

__all__ = ["national_holidays"]

_MOST_YEARS: Final = 50
_NEEDED: Final = (
    "National holidays need the package 'holidays', which is not installed. Install it: pip "
    "install 'custledger[calendar]'."
)


def national_holidays(
    country: str, years: Iterable[int], *, subdivision: str | None = None
) -> Holidays:
    """The public holidays of a country, or of a part of it, in full years without a gap.

    ``country`` and ``subdivision`` are codes of ISO 3166 (``GB`` and ``ENG``, ``DE`` and ``BY``).
    The days are those that the library says a public holiday is observed on; its version is kept
    in ``source``. A country whose parts differ has, without a subdivision, only what all share.

    BadInputError for a country, part or years that the library does not know, and ExtraNeededError
    where it is not installed.

    >>> found = national_holidays("FR", [2026, 2027])
    >>> len(found.days), found.first_year, found.last_year
    (22, 2026, 2027)
    """
    wanted = _checked(years)
    library = _library()
    part = subdivision.strip().upper() if subdivision else None
    name = country.strip().upper()
    try:
        known = library.country_holidays(name, subdiv=part, years=wanted)
    except NotImplementedError as error:
        raise BadInputError(_unknown(library, name, part)) from error
    first, last = known.start_year, known.end_year
    if wanted[0] < first or wanted[-1] > last:
        raise BadInputError(
            f"The holidays of {name} are known from {first} to {last} only, not for "
            f"{wanted[0]} to {wanted[-1]}."
        )
    days = frozenset(day for day in known if day.year in wanted)
    missing = [year for year in wanted if all(day.year != year for day in days)]
    if missing:
        raise BadInputError(
            f"The library knows no holiday of {name} in {missing[0]}. Name other years."
        )
    place = name if part is None else f"{name}-{part}"
    source = f"holidays {library.__version__}: {place}"
    return Holidays(days, wanted[0], wanted[-1], source)


def _library() -> Any:
    try:
        import holidays
    except ImportError as error:
        raise ExtraNeededError(_NEEDED) from error
    return holidays


def _checked(years: Iterable[int]) -> list[int]:
    found = sorted(set(years))
    if not found or any(type(year) is not int for year in found):
        raise BadInputError("years are whole numbers, such as [2026, 2027].")
    if len(found) > _MOST_YEARS or found != list(range(found[0], found[-1] + 1)):
        raise BadInputError(
            f"years follow each other without a gap, {_MOST_YEARS} at most: {found[0]} to "
            f"{found[-1]} is not that."
        )
    return found


def _unknown(library: Any, country: str, part: str | None) -> str:
    supported: dict[str, list[str]] = library.list_supported_countries()
    if country not in supported:
        return f"No holidays are known of {country!r}. Give a country by its code, such as FR."
    parts = ", ".join(supported[country]) or "none"
    return f"{country} has no part {part!r}. Its parts are: {parts}."
