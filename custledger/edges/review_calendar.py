"""The review dates of open decisions for a calendar program, as iCalendar (RFC 5545).

A calendar is copied to phones and servers: an appointment names the customer and the kind of the
decision, and neither reasons nor what staff are to do.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from custledger.core.decisions.events import DecisionKind
from custledger.core.decisions.state import OVER, DecisionState
from custledger.core.words import day_in_words, words
from custledger.errors import ExtraNeededError
from custledger.ledger import Ledger

__all__ = ["review_calendar"]

_NEEDED: Final = (
    "The calendar of reviews needs the package icalendar. Install it: "
    "pip install 'custledger[calendar]'."
)
_ONE_DAY: Final = timedelta(days=1)


def review_calendar(ledger: Ledger, *, as_of: date | None = None) -> bytes:
    """All-day appointments on the review dates to come, with a reminder before.

    An appointment keeps its UID when a decision is extended or ended, so that importing again moves
    or cancels it.
    Needs the extra ``calendar``; ExtraNeededError without it.
    """
    library = _library()
    day = as_of or ledger.today()
    calendar = library.Calendar()
    calendar.add("prodid", "-//custledger//reviews of decisions//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", "Reviews of decisions")
    ahead = [
        decision
        for decision in ledger.decisions.all(as_of=day)
        if decision.made.kind is not DecisionKind.REINSTATEMENT and decision.review_on > day
    ]
    for decision in sorted(ahead, key=lambda d: (d.review_on, d.made.ref)):
        calendar.add_component(_appointment(library, ledger, decision, day))
    return bytes(calendar.to_ical())


def _appointment(library: Any, ledger: Ledger, decision: DecisionState, day: date) -> Any:
    made = decision.made
    name = ledger.customers.get(made.ref.subject).name
    title = f"Review: {words(made.kind)}, {name}"
    ended = decision.phase(day) in OVER
    found = library.Event()
    found.add("uid", f"{made.ref.subject}-{made.ref.seq}@custledger")
    found.add("dtstamp", ledger.context.now())
    found.add("sequence", len(decision.reviews) + ended)
    found.add("dtstart", decision.review_on)
    found.add("dtend", decision.review_on + _ONE_DAY)
    found.add("summary", title)
    found.add("description", _description(decision))
    found.add("class", "CONFIDENTIAL")
    found.add("transp", "TRANSPARENT")
    found.add("status", "CANCELLED" if ended else "CONFIRMED")
    if not ended and made.policy.reminder_days:
        alarm = library.Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", title)
        alarm.add("trigger", timedelta(days=-made.policy.reminder_days))
        found.add_component(alarm)
    return found


def _description(decision: DecisionState) -> str:
    made = decision.made
    return (
        f"Decided on {day_in_words(made.day)} by {made.by.name}. It lapses on this day unless it "
        f"was extended before, with reasons. custledger decision show {made.ref}"
    )


def _library() -> Any:
    try:
        import icalendar
    except ImportError as error:
        raise ExtraNeededError(_NEEDED) from error
    return icalendar
