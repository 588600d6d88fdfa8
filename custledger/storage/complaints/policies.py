"""The plans, regimes and calendars of a ledger: the built-in ones, and the versions added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection

from custledger.core.calendar.opening_hours import NO_HOLIDAYS, Holidays, OpeningHours
from custledger.core.calendar.working_time import Calendar
from custledger.core.canonical import JsonValue
from custledger.core.clock import date_of_day, day_number
from custledger.core.complaints.plan import ComplaintPlan
from custledger.core.complaints.plans_built_in import PLAN, PUBLIC_PLAN
from custledger.core.complaints.regimes import Regime
from custledger.core.complaints.regimes_built_in import BUILT_IN
from custledger.core.contact import folded
from custledger.core.records import PolicyTopic
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.context import Context
from custledger.storage.policies import PolicyVersion, policy_versions

__all__ = [
    "BUILT_IN_CALENDAR",
    "CalendarVersion",
    "ComplaintPolicies",
    "Plans",
    "Regimes",
    "calendar_on",
    "calendars_in",
    "complaint_policies",
    "newest_plan",
    "next_effective_day",
    "plans_in",
    "regime_on",
    "regimes_in",
]

BUILT_IN_CALENDAR: Final = 0
_NINE_TO_FIVE: Final = OpeningHours.monday_to_friday("09:00", "17:00")


@dataclass(frozen=True, slots=True)
class CalendarVersion:
    """A version of the calendar; ``effective_on`` None is since ever.

    ``holidays`` are the national ones, ``closed`` the firm's own days; ``calendar`` has both.
    """

    version: int
    hours: OpeningHours
    zone: str
    holidays: Holidays = NO_HOLIDAYS
    closed: tuple[date, ...] = ()
    effective_on: date | None = None
    reason: str = ""

    @property
    def calendar(self) -> Calendar:
        """The clock by these hours and days."""
        return Calendar(self.hours, self.zone, self.holidays.with_closed(self.closed))

    def to_body(self) -> dict[str, JsonValue]:
        """What the policy says."""
        plain = Calendar(self.hours, self.zone, self.holidays).to_body()
        days: list[JsonValue] = [day_number(day) for day in self.closed]
        return plain | ({"closed": days} if days else {})


Plans = Mapping[tuple[str, int], ComplaintPlan]
Regimes = Mapping[tuple[str, int], tuple[Regime, int | None]]
"""By id and version; with the day from which it holds, None for since ever."""


@dataclass(frozen=True, slots=True)
class ComplaintPolicies:
    """Every version of what complaints are dealt with by."""

    plans: Plans
    regimes: Regimes
    calendars: Mapping[int, CalendarVersion]

    def calendar_on(self, day: int) -> CalendarVersion:
        """The newest calendar that is in effect on a day (by number)."""
        return calendar_on(self.calendars, date_of_day(day))

    def clock(self, version: int) -> Calendar:
        """The calendar of a version, with holidays of years that only newer versions know.

        A year of which no version knows the holidays has none; ``unknown_years`` names it.
        """
        own = self.calendars[version].calendar
        others = self._newest_first(version)
        return Calendar(own.hours, own.zone, own.holidays.completed(c.holidays for c in others))

    def unknown_years(self, version: int, first: int, last: int) -> list[int]:
        """The years, of these, whose holidays are not known to that version or a newer one."""
        known = [self.calendars[version].calendar, *self._newest_first(version)]
        years = range(first, last + 1)
        return [year for year in years if not any(c.holidays.knows(year) for c in known)]

    def _newest_first(self, version: int) -> list[Calendar]:
        newer = (v for v in sorted(self.calendars, reverse=True) if v > version)
        # The calendar to start from says "none, in every year": it asks nobody.
        return [self.calendars[v].calendar for v in newer] if version else []


def complaint_policies(connection: Connection, context: Context) -> ComplaintPolicies:
    """All versions there are."""
    return ComplaintPolicies(
        plans_in(connection, context),
        regimes_in(connection, context),
        calendars_in(connection, context),
    )


def plans_in(connection: Connection, context: Context) -> Plans:
    """Every version of every plan, by name and then by version."""
    found = {(plan.name, plan.version): plan for plan in (PLAN, PUBLIC_PLAN)}
    for one in policy_versions(connection, context, PolicyTopic.COMPLAINT_PLAN):
        found[one.name, one.version] = ComplaintPlan.from_body(one.body)
    return dict(sorted(found.items(), key=lambda item: (folded(item[0][0]), item[0][1])))


def regimes_in(connection: Connection, context: Context) -> Regimes:
    """Every version of every regime: built-in ones first, the others by id."""
    found: dict[tuple[str, int], tuple[Regime, int | None]] = {
        (regime.id, regime.version): (regime, None) for regime in BUILT_IN.values()
    }
    for one in policy_versions(connection, context, PolicyTopic.REGIME):
        found[one.name, one.version] = (Regime.from_body(one.body), one.effective_day)
    return found


def calendars_in(connection: Connection, context: Context) -> dict[int, CalendarVersion]:
    """Every version of the calendar by its number; 0 is the one to start from.

    That is Monday to Friday, 9:00 to 17:00 in the ledger's zone, without holidays.
    """
    found = {BUILT_IN_CALENDAR: CalendarVersion(BUILT_IN_CALENDAR, _NINE_TO_FIVE, context.zone)}
    for one in policy_versions(connection, context, PolicyTopic.CALENDAR):
        body = dict(one.body)
        closed = tuple(date_of_day(day) for day in body.pop("closed", ()))
        plain = Calendar.from_body(body)
        day = None if one.effective_day is None else date_of_day(one.effective_day)
        said = (plain.hours, plain.zone, plain.holidays, closed, day, one.reason)
        found[one.version] = CalendarVersion(one.version, *said)
    return found


def calendar_on(calendars: Mapping[int, CalendarVersion], day: date) -> CalendarVersion:
    """The newest calendar that is in effect on a day."""
    begun = (c for c in calendars.values() if c.effective_on is None or c.effective_on <= day)
    return max(begun, key=lambda one: one.version)


def newest_plan(plans: Plans, name: object) -> ComplaintPlan:
    """The newest version of the plan of that name, in whatever case; NotFoundError otherwise."""
    if not isinstance(name, str):
        raise BadInputError(f"Name a plan by its name, not by {name!r}.")
    wanted = folded(" ".join(name.split()))
    versions = [plan for (known, _), plan in plans.items() if folded(known) == wanted]
    if not versions:
        known = ", ".join(dict.fromkeys(repr(name) for name, _ in plans))
        raise NotFoundError(f"No plan is called {name!r}. There are: {known}.")
    return versions[-1]


def regime_on(regimes: Regimes, id: str, day: int) -> Regime:  # noqa: A002 - the word of the regime
    """The newest version of a regime that is in effect on a day; NotFoundError if there is none."""
    versions = [found for (name, _), found in regimes.items() if name == id]
    if not versions:
        known = ", ".join(dict.fromkeys(name for name, _ in regimes))
        raise NotFoundError(f"No regime has the id {id!r}. There are: {known}.")
    begun = [regime for regime, since in versions if since is None or since <= day]
    if not begun:
        raise NotFoundError(f"The regime {id!r} holds from a later day on. Name another one.")
    return max(begun, key=lambda regime: regime.version)


def next_effective_day(
    context: Context, day: int | None, before: PolicyVersion | None, *, since_ever: bool
) -> int | None:
    """From which day a new version holds: the one named, else today, or since ever at first.

    BadInputError for a day before today, or before the version that it follows.
    """
    today = context.today()
    if day is None:
        day = None if since_ever and before is None else today
    elif day < today:
        raise BadInputError(
            "A new version holds from today on at the earliest: it judges nothing that came before "
            "it. Nothing was written."
        )
    last = None if before is None else before.effective_day
    if day is not None and last is not None and day < last:
        raise BadInputError(
            f"Version {(before and before.version)} holds from a later day on; a newer version "
            "cannot come before it. Name that day or a later one. Nothing was written."
        )
    return day
