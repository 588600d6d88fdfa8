"""Decisions about a customer in the words of an access report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from custledger.core.decisions.state import DecisionState
from custledger.core.words import day_in_words, words
from custledger.edges.subject_access.report import AccessDecision
from custledger.edges.subject_access.telling import Teller

__all__ = ["access_decision"]


def access_decision(decision: DecisionState, teller: Teller, day: date) -> AccessDecision:
    """A decision with its notice, appeal and reviews, as it stands on a day."""
    made, notice = decision.made, decision.notice
    flag = made.flag
    return AccessDecision(
        ref=teller.ref(made.ref),
        kind=words(made.kind),
        made_on=made.day,
        made_by=teller.who(made.by.id),
        state=words(decision.phase(day)),
        told=made.customer_text,
        reasons=made.reasons,
        review_on=decision.review_on,
        rests_on=tuple(teller.ref(c.ref) for c in (*made.incidents, *made.safety)),
        score=""
        if flag is None
        else f"Among other things on the score's flag of {day_in_words(flag.as_of)} "
        f"(score policy, version {flag.policy_version}).",
        notice=""
        if notice is None
        else f"You were told on {day_in_words(notice.day)}, by {notice.how}.",
        appeal_route="" if notice is None else notice.appeal_route,
        appeal=_appeal(decision, teller),
        reviews=tuple(_reviews(decision, teller)),
        marks=decision.marks if _may_tell_marks(decision, teller) else (),
    )


def _may_tell_marks(decision: DecisionState, teller: Teller) -> bool:
    """Whether they name nobody but those who may be named."""
    decided = decision.appeal_decided
    return teller.staff_names or decided is None or not decided.outsider


def _appeal(decision: DecisionState, teller: Teller) -> str:
    appeal, decided = decision.appeal, decision.appeal_decided
    if appeal is None:
        return ""
    said = f"You appealed on {day_in_words(appeal.received_on)}."
    if decided is None:
        return f"{said} It is not decided yet."
    outsider = decided.outsider if teller.staff_names else "a person outside the firm"
    who = outsider if decided.outsider else teller.who(decided.by.id)
    came = "The decision was overturned" if decided.overturned else "The decision stayed"
    return f"{said} {came}, by {who}, on {day_in_words(decided.day)}: {decided.reasons}"


def _reviews(decision: DecisionState, teller: Teller) -> Iterator[str]:
    for review in decision.reviews:
        came = (
            "ended it"
            if review.review_on is None
            else f"extended it until {day_in_words(review.review_on)}"
        )
        who = teller.who(review.by.id)
        yield f"On {day_in_words(review.day)}, {who} {came}: {review.reasons}"
