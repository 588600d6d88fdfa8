"""Which event may come next, and why another may not: the steps of a decision cannot be skipped.

``refusals`` answers for one event; ``state_of`` folds all events of a customer and leaves out what
was not allowed when it came, so that no sequence of events gets round the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from custledger.core.contact import folded
from custledger.core.decisions.events import (
    AppealDecided,
    Appealed,
    DecisionKind,
    DecisionMade,
    DecisionPolicy,
    Event,
    Missing,
    NoticeGiven,
    Override,
    Reviewed,
    is_human,
)
from custledger.core.decisions.lacking import missing_of
from custledger.core.decisions.state import OVER, CustomerDecisions, DecisionState, applied
from custledger.core.records import Channel, StaffRole
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words

__all__ = ["KnownEvent", "explains", "refusals", "state_of", "state_of_group"]

KnownEvent = tuple[Event, frozenset[UUID] | None]
"""An event, and the ids of all customers who were one person when it came; None is any."""

_MEANT: Final = {
    Missing.EVIDENCE: "It needs enough evidence: the score's flag of these days, or an incident "
    "that put somebody's safety at risk.",
    Missing.WARNING: "It needs a warning that the customer was told of and that is in force: warn "
    "first.",
    Missing.NEW_INCIDENT: "It needs an incident after the warning, and one on which no decision "
    "rests that was overturned: name it, or wait and see.",
    Missing.OTHER_PERSON: "The appeal is decided by another registered person than the decider.",
}
# What is left of reasons without these and without numbers has to say something.
_SCORE_WORDS: Final = (
    "a an and above at bad band below bound by customer fit fits flag flagged for habit has have "
    "high in is it its line low lower number of on out over per percent point points rank reason "
    "reasons risk score scored scores scoring system than that the their this to too under value "
    "was which"
)
_EMPTY_WORDS: Final = frozenset(_SCORE_WORDS.split())
_LETTERS: Final = 10
_NAME_LETTERS: Final = 2


def state_of(events: Iterable[Event], as_of: date) -> CustomerDecisions:
    """Where a customer's decisions stand on the day, by the events dated up to it.

    The events are all of one customer, in the order in which they were recorded.
    """
    return state_of_group(((event, None) for event in events), as_of)


def state_of_group(events: Iterable[KnownEvent], as_of: date) -> CustomerDecisions:
    """The same for a customer with several names, who were merged at different times.

    Each event is judged by what was known of the person when it came: a merge makes nothing right
    that was wrong, and nothing wrong that was right.
    """
    state = CustomerDecisions(as_of)
    for event, known in events:
        if event.day > as_of:
            continue
        found = refusals(event, state, known)
        if found:
            state = replace(state, ignored=(*state.ignored, (event, found)))
        else:
            state = applied(state, event, _overridden(event, state.known_as(known)))
    return state


def refusals(
    event: Event, state: CustomerDecisions, known: frozenset[UUID] | None = None
) -> tuple[Refusal, ...]:
    """Why the event is not allowed after what happened so far; empty where it is allowed.

    ``known`` are the ids of all customers who are one person at that moment.
    """
    state = state.known_as(known)
    found = list(_common(event, state))
    if isinstance(event, DecisionMade):
        return (*found, *_of_decision(event, state, known or frozenset((event.ref.subject,))))
    decision = state.get(event.decision)
    if decision is None:
        return (*found, Refusal("unknown_decision", f"There is no decision {event.decision}."))
    if isinstance(event, NoticeGiven):
        found += _of_notice(event, decision)
    elif isinstance(event, Appealed):
        found += _of_appeal(event, decision)
    elif isinstance(event, AppealDecided):
        found += _of_appeal_decided(event, decision)
    else:
        found += _of_review(event, decision)
    return tuple(found)


def explains(text: str) -> bool:
    """Whether reasons say more than a number or that there is a score.

    At least ten letters must be left without numbers and the words of scoring; a letter outside
    ASCII counts twice, as one sign can be a word.

    >>> explains("Score 83, flagged"), explains("Insulted two of our drivers on 3 May")
    (False, True)
    """
    words = [w for w in re.findall(r"[^\W\d_]+", text) if w.casefold() not in _EMPTY_WORDS]
    return _letters("".join(words)) >= _LETTERS


def _letters(text: str) -> int:
    return sum(1 if sign.isascii() else 2 for sign in text if sign.isalpha())


def _common(event: Event, state: CustomerDecisions) -> Iterable[Refusal]:
    if state.last_day is not None and event.day < state.last_day:
        yield Refusal(
            "backdated",
            f"The last step is of {day_in_words(state.last_day)}; a later one cannot be dated "
            "before it. Date it on the day it is recorded.",
        )
    if not event.by.active:
        yield Refusal("inactive", f"{event.by.name} is no longer active.")
    if not isinstance(event, Appealed | NoticeGiven) and not is_human(event.by):
        yield Refusal("no_person", f"A named person decides; {event.by.name} is none.")
    if isinstance(event, DecisionMade | AppealDecided | Reviewed) and not explains(event.reasons):
        yield Refusal(
            "reasons",
            "Write the reasons in a whole sentence; a word or two, a score or a number is none.",
        )
    if isinstance(event, DecisionMade | AppealDecided) and event.override is not None:
        yield from _of_override(event.override, event)


def _of_override(override: Override, event: DecisionMade | AppealDecided) -> Iterable[Refusal]:
    if event.by.role is not StaffRole.OWNER:
        yield Refusal("owner", "Only an owner may go on without what is missing.")
    if not override.covers or not explains(override.reasons):
        yield Refusal("override", "An override names what it goes on without, and why, in words.")


def _of_decision(
    event: DecisionMade, state: CustomerDecisions, known: frozenset[UUID]
) -> Iterable[Refusal]:
    if state.get(event.ref) is not None:
        yield Refusal("twice", f"The decision {event.ref} is recorded already.")
    if event.kind is DecisionKind.REINSTATEMENT:
        yield from _of_reinstatement(event, state)
        return
    yield from _of_incidents(event, known)
    yield from _of_texts_and_scope(event)
    yield from _of_dates(event, event.policy)
    if event.bypass:
        yield from _of_bypass(event, event.policy)
    covered = event.override.covers if event.override else frozenset()
    for lack in sorted(missing_of(event, state) - covered):
        yield Refusal(lack.value, _MEANT[lack])


def _of_reinstatement(event: DecisionMade, state: CustomerDecisions) -> Iterable[Refusal]:
    open_refs = {
        d.made.ref
        for d in state.decisions
        if d.phase(event.day) not in OVER and d.made.kind is not DecisionKind.REINSTATEMENT
    }
    # One that it names may have been taken back as a mistake since; the others stay ended.
    if open_refs.isdisjoint(event.ends or open_refs):
        yield Refusal("nothing_to_end", "There is no such decision that could be ended.")


def _of_incidents(event: DecisionMade, known: frozenset[UUID]) -> Iterable[Refusal]:
    if not event.incidents:
        yield Refusal("incidents", "Name the entries of what happened; nothing rests on hearsay.")
    if any(c.day > event.day for c in event.incidents):
        yield Refusal("incidents", "A decision cannot rest on what happened after it.")
    if any(c.ref.subject not in known for c in (*event.incidents, *event.safety)):
        yield Refusal("incidents", "A decision rests on entries of the same customer.")
    if not set(event.safety) <= set(event.incidents):
        yield Refusal("safety", "Name what put somebody's safety at risk among the incidents too.")


def _of_texts_and_scope(event: DecisionMade) -> Iterable[Refusal]:
    if not event.staff_text or not event.customer_text:
        yield Refusal("texts", "Say what staff are to do, and apart from it what to tell them.")
    if (event.kind is DecisionKind.RESTRICTION) != bool(event.scope.limits):
        yield Refusal("scope", "A restriction, and nothing else, says what it limits.")
    if event.kind is DecisionKind.BLOCK and Channel.SOCIAL not in event.scope.channels:
        yield Refusal("scope", "A block is of a social channel; name the channel social.")


def _of_dates(event: DecisionMade, policy: DecisionPolicy) -> Iterable[Refusal]:
    first = event.effective_from or event.day
    if first < event.day:
        yield Refusal("effective_from", "A decision never takes effect before it was made.")
    yield from _of_review_date(event.review_on, max(first, event.day), event.day, policy)


def _of_review_date(
    review_on: date | None, after: date, day: date, policy: DecisionPolicy
) -> Iterable[Refusal]:
    latest = day + timedelta(policy.max_review_days)
    if review_on is None or not after < review_on <= latest:
        yield Refusal(
            "review_on",
            f"It needs a review date after {day_in_words(after)}, on {day_in_words(latest)} at the "
            "latest.",
        )


def _of_bypass(event: DecisionMade, policy: DecisionPolicy) -> Iterable[Refusal]:
    latest = event.day + timedelta(policy.bypass_days)
    if event.kind is DecisionKind.WARNING:
        yield Refusal("bypass", "A warning bypasses nothing.")
    if not event.safety or not explains(event.bypass):
        yield Refusal("bypass", "To act at once, name what put somebody's safety at risk, and why.")
    if event.review_on is not None and event.review_on > latest:
        yield Refusal(
            "bypass",
            f"What took effect at once is reviewed by {day_in_words(latest)}, with notice given.",
        )
    if event.effective_from not in (None, event.day):
        yield Refusal("bypass", "What can wait for a later day needs no bypass.")


def _of_notice(event: NoticeGiven, decision: DecisionState) -> Iterable[Refusal]:
    if decision.notice is not None:
        yield Refusal("twice", f"Notice was given on {day_in_words(decision.notice.day)}.")
    if decision.phase(event.day) in OVER:
        yield Refusal("over", "The decision no longer holds; there is nothing to give notice of.")
    if not explains(event.reasons):
        yield Refusal("reasons", "Tell the customer the reasons in words, not a score.")
    if not event.how.strip():
        yield Refusal("how", "Say how the customer was told: a letter, a mail, a call.")
    if event.review_on != decision.review_on:
        yield Refusal("review_on", f"Tell the review date: {day_in_words(decision.review_on)}.")
    if not event.appeal_route.strip():
        yield Refusal("appeal_route", "Tell the customer how and to whom to appeal.")


def _of_appeal(event: Appealed, decision: DecisionState) -> Iterable[Refusal]:
    if decision.appeal is not None:
        yield Refusal("twice", "There is one appeal a decision, and it was made.")
    if decision.ended_on is not None or decision.made.kind is DecisionKind.REINSTATEMENT:
        yield Refusal("over", "The decision was ended; there is nothing left to appeal against.")
    if not decision.made.day <= event.received_on <= event.day:
        yield Refusal("received_on", "An appeal is received after the decision, and then recorded.")
    if decision.notice is not None:
        until = decision.notice.day + timedelta(decision.made.policy.appeal_days)
        if event.received_on > until:
            yield Refusal("window", f"Appeals were possible until {day_in_words(until)}.")
    if not event.words.strip():
        yield Refusal("words", "Record the appeal in the customer's own words.")


def _of_appeal_decided(event: AppealDecided, decision: DecisionState) -> Iterable[Refusal]:
    if decision.appeal is None:
        yield Refusal("no_appeal", "The customer has not appealed.")
        return
    if decision.appeal_decided is not None:
        yield Refusal("twice", "The appeal was decided already.")
    if event.by.id not in event.registered:
        yield Refusal(
            "unregistered", f"{event.by.name} is not registered; a registered person decides."
        )
    if event.override is not None and Missing.OTHER_PERSON in event.override.covers:
        return
    if event.outsider and event.registered - decision.deciders:
        yield Refusal("outsider", "Somebody else is registered, who decides; name no outsider.")
    elif event.by.id in decision.deciders:
        yield from _of_own_appeal(event, decision, decision.appeal)


def _of_own_appeal(
    event: AppealDecided, decision: DecisionState, appeal: Appealed
) -> Iterable[Refusal]:
    """The sole trader's way out: an outsider, or another look after some days."""
    if event.registered - decision.deciders:
        yield Refusal(Missing.OTHER_PERSON.value, _MEANT[Missing.OTHER_PERSON])
        return
    if event.outsider:
        if _letters(event.outsider) < _NAME_LETTERS:
            yield Refusal("outsider", "Name the outsider who decided: who it was is recorded.")
        if folded(event.outsider) in map(folded, decision.decider_names):
            yield Refusal("outsider", "An outsider is somebody else than the decider.")
        return
    again = appeal.received_on + timedelta(decision.made.policy.rereview_days)
    if event.day < again:
        yield Refusal(
            Missing.OTHER_PERSON.value,
            f"Name an outsider who decides, or look at it again from {day_in_words(again)} on.",
        )


def _of_review(event: Reviewed, decision: DecisionState) -> Iterable[Refusal]:
    if decision.ended_on is not None or decision.made.kind is DecisionKind.REINSTATEMENT:
        yield Refusal("over", "The decision was ended; there is nothing left to review.")
    if event.day >= decision.review_on:
        yield Refusal("over", "It lapsed at its review date; only a new decision could follow.")
    if event.review_on is None:
        return
    if decision.notice is None and Missing.NOTICE not in decision.overridden:
        yield Refusal("notice", "Give the customer notice before it is extended.")
    yield from _of_review_date(event.review_on, event.day, event.day, decision.made.policy)


def _overridden(event: Event, state: CustomerDecisions) -> frozenset[Missing]:
    if not isinstance(event, DecisionMade) or event.override is None:
        return frozenset()
    return event.override.covers & (missing_of(event, state) | {Missing.NOTICE})
