"""The books of what complaints are dealt with by: plans, regimes, and the calendar."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from custledger.core.calendar.opening_hours import Holidays, OpeningHours
from custledger.core.checks import check_day, check_text
from custledger.core.clock import date_of_day
from custledger.core.complaints.plan import ComplaintPlan, Step
from custledger.core.complaints.regimes import Regime
from custledger.core.records import PolicyTopic
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.complaints.policies import (
    CalendarVersion,
    Plans,
    calendar_on,
    calendars_in,
    newest_plan,
    next_effective_day,
    plans_in,
    regime_on,
    regimes_in,
)
from custledger.storage.context import Context
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.policies import PolicyVersion, add_policy, policy_versions

__all__ = ["CalendarBook", "ComplaintPlanBook", "RegimeBook"]


class CalendarBook:
    """Opening hours and holidays in the ledger's zone; a complaint keeps those of its day.

    Version 0 is there from the start: Monday to Friday, 9:00 to 17:00, no holidays. The holidays
    are kept inside a version, so that a deadline can be calculated again years later.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def current(self) -> CalendarVersion:
        """The version that is in effect today."""
        return self.on(None)

    def on(self, day: date | datetime | None) -> CalendarVersion:
        """The version that is, or was, in effect on a day; None is today."""
        wanted = date_of_day(self._context.day(day))
        with self._context.read() as connection:
            return calendar_on(calendars_in(connection, self._context), wanted)

    def all(self) -> list[CalendarVersion]:
        """Every version, oldest first; 0 is the one to start from."""
        with self._context.read() as connection:
            return [one for _, one in sorted(calendars_in(connection, self._context).items())]

    def set(
        self,
        hours: OpeningHours | None = None,
        *,
        holidays: Holidays | None = None,
        closed: Iterable[date] | None = None,
        effective_on: date | None = None,
        reason: str = "",
    ) -> CalendarVersion:
        """Add a version; what is not named stays as it is in the newest one.

        ``closed`` are the firm's own days, all of them, beside the holidays. The first version
        holds since ever, a later one from today unless a later day is named. National holidays come
        from ``custledger.edges.holidays``.
        """
        _check_calendar(hours, holidays, closed)
        context = self._context
        with context.write() as journal:
            last = _locked(journal, context, PolicyTopic.CALENDAR)
            found = calendars_in(journal.connection, context)
            old = found[max(found)]
            day = _effective(context, effective_on, last, since_ever=True)
            new = CalendarVersion(
                old.version + 1,
                hours or old.hours,
                context.zone,
                old.holidays if holidays is None else holidays,
                old.closed if closed is None else tuple(sorted(set(closed))),
                None if day is None else date_of_day(day),
                check_text(reason, "reason"),
            )
            new.calendar.check()  # what cannot be calculated with is not written
            add_policy(
                journal,
                context,
                PolicyTopic.CALENDAR,
                new.version,
                new.to_body(),
                effective_day=day,
                reason=new.reason,
            )
            return new


class ComplaintPlanBook:
    """The plans for complaints: two to start from, and the firm's own versions.

    A complaint keeps the version that it was opened with.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def all(self) -> list[ComplaintPlan]:
        """The newest version of each plan, by name."""
        with self._context.read() as connection:
            plans = plans_in(connection, self._context)
        return list({name: plan for (name, _), plan in plans.items()}.values())

    def get(self, name: str, version: int | None = None) -> ComplaintPlan:
        """The plan of that name, its newest version unless one is named; NotFoundError if none."""
        with self._context.read() as connection:
            plans = plans_in(connection, self._context)
        newest = newest_plan(plans, name)
        if version is None:
            return newest
        found = plans.get((newest.name, version))
        if found is None:
            raise NotFoundError(
                f"The plan {newest.name!r} has no version {version!r}, only 1 to {newest.version}."
            )
        return found

    def set(
        self, name: str, steps: Iterable[Step], *, public: bool | None = None, reason: str = ""
    ) -> ComplaintPlan:
        """Add a version of a plan, or a new plan; new complaints are opened with it.

        ``public`` stays as it was where nothing is said.
        """
        context, given = self._context, tuple(steps)
        with context.write() as journal:
            _locked(journal, context, PolicyTopic.COMPLAINT_PLAN)
            plans = plans_in(journal.connection, context)
            plan = _next_plan(plans, name, given, public)
            add_policy(
                journal,
                context,
                PolicyTopic.COMPLAINT_PLAN,
                plan.version,
                plan.to_body(),
                name=plan.name,
                reason=check_text(reason, "reason"),
            )
            return plan


class RegimeBook:
    """The regimes a complaint may stand under: the firm's own promise, and laws, as versions.

    A complaint keeps the version of the day on which it was received.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def all(self, *, on: date | None = None) -> list[Regime]:
        """The version of each regime that is in effect on a day (default today)."""
        day = self._context.day(on)
        with self._context.read() as connection:
            regimes = regimes_in(connection, self._context)
        begun = {r.id: r for r, since in regimes.values() if since is None or since <= day}
        return list(begun.values())

    def get(self, id: str, version: int | None = None) -> Regime:  # noqa: A002 - the word of the regime
        """The regime of that id, today's version unless one is named; NotFoundError if none."""
        with self._context.read() as connection:
            regimes = regimes_in(connection, self._context)
        if version is None:
            return regime_on(regimes, id, self._context.today())
        found = regimes.get((id, version))
        if found is None:
            raise NotFoundError(f"There is no version {version!r} of a regime {id!r}.")
        return found[0]

    def set(self, regime: Regime, *, effective_on: date | None = None, reason: str = "") -> Regime:
        """Add a regime, or the next version of one; the ledger gives the version its number.

        A regime that is new holds since ever, the next version from today, unless ``effective_on``
        names a later day.
        """
        if not isinstance(regime, Regime):
            raise BadInputError(f"A regime is a Regime, not {regime!r}.")
        context = self._context
        with context.write() as journal:
            last = _locked(journal, context, PolicyTopic.REGIME, regime.id)
            known = [v for name, v in regimes_in(journal.connection, context) if name == regime.id]
            numbered = replace(regime, version=max(known, default=0) + 1)
            day = _effective(context, effective_on, last, since_ever=not known)
            add_policy(
                journal,
                context,
                PolicyTopic.REGIME,
                numbered.version,
                numbered.to_body(),
                name=numbered.id,
                effective_day=day,
                reason=check_text(reason, "reason"),
            )
            return numbered


def _check_calendar(hours: object, holidays: object, closed: object) -> None:
    if hours is None and holidays is None and closed is None:
        raise BadInputError("Nothing to set: name hours, holidays or closed days.")
    if not isinstance(hours, OpeningHours | None):
        raise BadInputError("hours are OpeningHours, such as OpeningHours.monday_to_friday(...).")
    if not isinstance(holidays, Holidays | None):
        raise BadInputError("holidays are Holidays, such as national_holidays('FR', [2026]).")
    for day in closed if isinstance(closed, Iterable) else ():
        check_day(day, "each closed day")


def _locked(
    journal: Journal, context: Context, topic: PolicyTopic, name: str = ""
) -> PolicyVersion | None:
    """The newest version that was added, once nobody else can add one."""
    lock_chains(journal.connection, journal.ledger, [context.key])
    versions = policy_versions(journal.connection, context, topic, name)
    return versions[-1] if versions else None


def _effective(
    context: Context, day: date | None, last: PolicyVersion | None, *, since_ever: bool
) -> int | None:
    number = None if day is None else check_day(day, "effective_on")
    return next_effective_day(context, number, last, since_ever=since_ever)


def _next_plan(
    plans: Plans, name: str, steps: tuple[Step, ...], public: bool | None
) -> ComplaintPlan:
    try:
        newest = newest_plan(plans, name)
    except NotFoundError:
        return ComplaintPlan(name=name, steps=steps, public=bool(public))
    kind = newest.public if public is None else public
    return replace(newest, steps=steps, version=newest.version + 1, public=kind)
