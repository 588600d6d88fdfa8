"""What complaints are dealt with by: versions are added, and none judges what came before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from custledger import Ledger
from custledger.core.calendar.opening_hours import Holidays, OpeningHours
from custledger.core.calendar.time_limits import TimeLimit
from custledger.core.complaints.plan import Step
from custledger.core.complaints.regimes import Regime
from custledger.core.complaints.regimes_built_in import BUILT_IN, HOUSE
from custledger.core.records import EntryKind
from custledger.errors import BadInputError, CustledgerError, NotFoundError
from custledger.pytest_plugin import Clock

HOURS = OpeningHours.of({"mon": [("09:00", "12:00")], "sat": [("10:00", "24:00")]})
FEST = Holidays(frozenset({date(2026, 1, 6)}), 2026, 2026, "by hand")
STEP = Step(id="listen", title="Listen")
OURS = Regime(
    id="our_guild",
    name="Our guild",
    source="Rules of the guild",
    on_expiry="Tell the guild.",
    resolution=TimeLimit.parse("2 weeks"),
)


def test_calendar_to_start_from_is_office_hours_in_the_ledgers_zone(ledger: Ledger) -> None:
    found = ledger.calendars.current()
    assert (found.version, found.zone, found.holidays.days) == (0, "Europe/Paris", frozenset())
    assert [str(span) for span in found.hours.week[0]] == ["09:00-17:00"]
    assert ledger.calendars.all() == [found]


def test_calendar_changes_by_versions_and_what_is_not_named_stays(
    ledger: Ledger, clock: Clock
) -> None:
    party = date(2026, 1, 9)
    first = ledger.calendars.set(HOURS, holidays=FEST, closed=[party], reason="our hours")
    assert (first.version, first.effective_on, first.reason) == (1, None, "our hours")
    assert first.calendar.holidays.days == {date(2026, 1, 6), party}
    assert ledger.calendars.on(date(1990, 1, 1)) == first
    clock.advance(timedelta(days=3))
    newer = Holidays(frozenset({date(2027, 1, 6)}), 2026, 2027, "by hand")
    second = ledger.calendars.set(holidays=newer)
    assert (second.effective_on, second.hours, second.closed) == (
        date(2026, 1, 8),
        HOURS,
        (party,),
    )
    third = ledger.calendars.set(closed=[], effective_on=date(2026, 2, 1))
    assert third.calendar.holidays.days == {date(2027, 1, 6)}
    assert [ledger.calendars.on(date(2026, 1, day)) for day in (7, 8)] == [first, second]
    assert ledger.calendars.current() == second
    assert ledger.calendars.on(date(2026, 2, 1)) == third
    assert [one.version for one in ledger.calendars.all()] == [0, 1, 2, 3]


def test_plan_changes_by_versions_and_keeps_its_kind(ledger: Ledger) -> None:
    assert [(p.name, p.version) for p in ledger.complaint_plans.all()] == [
        ("Complaint", 1),
        ("Public complaint", 1),
    ]
    changed = ledger.complaint_plans.set("public COMPLAINT", [STEP], reason="short and good")
    assert (changed.name, changed.version, changed.public) == ("Public complaint", 2, True)
    own = ledger.complaint_plans.set("Recall", [STEP])
    assert (own.version, own.public) == (1, False)
    assert ledger.complaint_plans.get("recall") == own
    assert ledger.complaint_plans.get("Public complaint", 1).steps != (STEP,)
    assert [(p.name, p.version) for p in ledger.complaint_plans.all()] == [
        ("Complaint", 1),
        ("Public complaint", 2),
        ("Recall", 1),
    ]


def test_regime_changes_by_versions_from_a_day_on(ledger: Ledger) -> None:
    assert {regime.id for regime in ledger.regimes.all()} == set(BUILT_IN)
    assert ledger.regimes.set(OURS).version == 1
    later = ledger.regimes.set(
        HOUSE.changed(resolution=TimeLimit.parse("8 working hours")), effective_on=date(2026, 3, 1)
    )
    assert later.version == 2
    assert ledger.regimes.get("house") == HOUSE
    assert ledger.regimes.get("house", 2) == later
    assert later in ledger.regimes.all(on=date(2026, 3, 1))
    assert ledger.regimes.all(on=date(2026, 2, 28)) == [*BUILT_IN.values(), OURS]


broken: list[tuple[Callable[[Ledger], object], type[CustledgerError], str]] = [
    (lambda b: b.calendars.set(), BadInputError, "Nothing to set"),
    (lambda b: b.calendars.set("9 to 5"), BadInputError, "OpeningHours"),  # type: ignore[arg-type]
    (lambda b: b.calendars.set(holidays=[date(2026, 1, 1)]), BadInputError, "Holidays"),  # type: ignore[arg-type]
    (lambda b: b.calendars.set(closed=["2026-01-01"]), BadInputError, "closed day"),  # type: ignore[list-item]
    (
        lambda b: b.calendars.set(HOURS, effective_on=date(2026, 1, 4)),
        BadInputError,
        "from today on at the earliest",
    ),
    (
        lambda b: [
            b.calendars.set(HOURS, effective_on=date(2026, 2, 1)),
            b.calendars.set(holidays=FEST),
        ],
        BadInputError,
        "Version 1 holds from a later day on",
    ),
    (
        lambda b: b.calendars.set(closed=[date(2027, 1, 1) + timedelta(n) for n in range(365)]),
        BadInputError,
        "leave no open hour in 2027",
    ),
    (lambda b: b.complaint_plans.set("Recall", []), BadInputError, "1 to 50 steps"),
    (lambda b: b.complaint_plans.set("Recall", [STEP, STEP]), BadInputError, "named twice"),
    (lambda b: b.complaint_plans.set(" ", [STEP]), BadInputError, "name"),
    (lambda b: b.complaint_plans.get("Dance"), NotFoundError, "There are: 'Complaint'"),
    (lambda b: b.complaint_plans.get("complaint", 7), NotFoundError, "no version 7, only 1 to 1"),
    (lambda b: b.complaint_plans.get(7), BadInputError, "by its name"),  # type: ignore[arg-type]
    (lambda b: b.regimes.get("moon"), NotFoundError, "There are: house, uk_fca"),
    (lambda b: b.regimes.get("house", 7), NotFoundError, "no version 7"),
    (lambda b: b.regimes.set("house"), BadInputError, "Regime"),  # type: ignore[arg-type]
    (
        lambda b: b.regimes.set(OURS, effective_on=date(2025, 1, 1)),
        BadInputError,
        "from today on at the earliest",
    ),
]


@pytest.mark.parametrize(("call", "error", "says"), broken)
def test_policy_that_makes_no_sense_is_refused_with_a_reason(
    ledger: Ledger, call: Callable[[Ledger], object], error: type[CustledgerError], says: str
) -> None:
    with pytest.raises(error, match=says):
        call(ledger)
    written = [entry.kind for entry in ledger.history() if entry.kind is EntryKind.POLICY]
    assert len(written) == ("Version 1" in says)


def test_regime_of_a_later_day_is_not_there_yet(ledger: Ledger) -> None:
    ledger.regimes.set(OURS, effective_on=date(2026, 3, 1))
    assert OURS not in ledger.regimes.all()
    with pytest.raises(NotFoundError, match="from a later day on"):
        ledger.regimes.get("our_guild")
    ann = ledger.customers.add("Ann")
    with pytest.raises(NotFoundError, match="from a later day on"):
        ledger.complaints.open(ann, channel="phone", customer_words="x", regimes=["our_guild"])
