"""Events of unpaid invoices, lessons and policies of the firm, each in one line of the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from custledger.core.clock import date_of_day
from custledger.core.money import Money
from custledger.core.receivables.ladder import LadderPolicy
from custledger.core.words import count, hours, words

__all__ = [
    "backing_in_words",
    "briefing_in_words",
    "conveyance_in_words",
    "dunning_in_words",
    "flag_in_words",
    "lesson_in_words",
    "merge_in_words",
    "policy_in_words",
    "praise_in_words",
    "referral_in_words",
    "refund_in_words",
    "subject_access_in_words",
]

Facts = Mapping[str, Any]


def backing_in_words(facts: Facts) -> str:
    """After which contact something was done for staff; what and for whom is for staff alone.

    >>> backing_in_words({"event": "backed", "of": 33, "other": "3f0c8e1a-0000"})
    'for a member of staff, after #33'
    """
    return f"for a member of staff, after #{facts['of']}"


def briefing_in_words(facts: Facts) -> str:
    """Which version of a briefing was read, and whose signature is kept on paper.

    >>> briefing_in_words({"event": "acknowledged", "mark": "44ef44723dd6", "other": "3f0c8e1a-0"})
    'version 44ef44723dd6 read'
    """
    whose = "the team's, version" if "firm" in facts else "version"
    signed = f" and signed on paper by {facts['other'].partition('-')[0]}"
    who = signed if "on_paper" in facts else ""
    return f"{whose} {facts['mark']} read{who}"


def conveyance_in_words(facts: Facts) -> str:
    """Which terms a customer was shown, and how.

    >>> conveyance_in_words({"event": "conveyed", "version": 2, "how": "by letter", "deal": 7})
    'version 2 of the terms shown, for #7: by letter'
    """
    deal = f", for #{facts['deal']}" if "deal" in facts else ""
    return f"version {facts['version']} of the terms shown{deal}: {facts['how']}"


def refund_in_words(facts: Facts) -> str:
    """What was chosen on a request for money back, or what came of it.

    >>> refund_in_words({"event": "outcome", "of": 5, "paid_back": [12000, "EUR"], "lost": True})
    'outcome of #5: 120.00 EUR paid back, lost'
    """
    if facts.get("event") == "outcome":
        marks = [words(name) for name in ("lost", "charged_back") if facts.get(name)]
        back = f"{Money(*facts['paid_back'])} paid back"
        return ", ".join([f"outcome of #{facts['of']}: {back}", *marks])
    asked, due = Money(*facts["asked"]), Money(*facts["due"])
    return f"chosen to {facts['choice']}: {asked} asked for on #{facts['payment']}, {due} owed"


def dunning_in_words(facts: Facts) -> str:
    """What was done about an unpaid invoice, or left, and why.

    >>> dunning_in_words({"event": "settled", "of": 6, "outcome": "not_upheld", "reason": "tasted"})
    'dispute #6 not upheld: tasted'
    """
    return _DUNNING.get(facts.get("event", ""), str)(facts)


def lesson_in_words(facts: Facts) -> str:
    """What was learned, and what it had cost."""
    cost = [hours_of(facts["seconds"])] if facts.get("seconds") else []
    spent = (*facts.get("time_cost", ()), *facts.get("lost", ()))
    cost += [str(Money(*pair)) for pair in spent]
    about = f" of {facts['incident']}" if "incident" in facts else ""
    said = f" (cost {', '.join(cost)})" if cost else ""
    return f"lesson{about}{said}: {facts.get('change', '')}"


def policy_in_words(facts: Facts) -> str:
    """Which policy, which version of it, since when, and why."""
    name = f" {facts['name']}" if facts.get("name") else ""
    since = (
        f", from {date_of_day(facts['effective_day']).isoformat()}"
        if "effective_day" in facts
        else ""
    )
    reason = f", reason: {facts['reason']}" if facts.get("reason") else ""
    return f"{words(facts['topic'])}{name}, version {facts['version']}{since}{_said(facts)}{reason}"


def praise_in_words(facts: Facts) -> str:
    """What a customer said in praise, or that it may be quoted, and how long.

    >>> praise_in_words({"event": "consented", "of": 4, "name": "Ann", "how": "by mail"})
    'praise #4 may be quoted: Ann, by mail'
    """
    if facts.get("event") == "praised":
        return f'{words(facts["channel"])}, customer: "{facts["words"]}"'
    if facts.get("event") == "withdrawn":
        note = f": {facts['note']}" if "note" in facts else ""
        return f"praise #{facts['of']} may be quoted no more{note}"
    until = facts.get("until_day")
    end = "" if until is None else f", before {date_of_day(until).isoformat()}"
    named = facts.get("name", "without a name")
    return f"praise #{facts['of']} may be quoted: {named}, {facts['how']}{end}"


def referral_in_words(facts: Facts) -> str:
    """Through whom a customer came, by the first digits of the id.

    >>> referral_in_words({"event": "referred", "other": "3f0c8e1a-0000-4000-8000-000000000000"})
    'came through 3f0c8e1a'
    """
    note = f": {facts['note']}" if "note" in facts else ""
    return f"came through {facts['other'].partition('-')[0]}{note}"


def hours_of(seconds: int) -> str:
    """Seconds of staff time in hours and minutes.

    >>> hours_of(5400)
    '1 h 30 min'
    """
    return hours(timedelta(seconds=seconds))


def _said(facts: Facts) -> str:
    policy = facts.get("policy", {})
    if facts["topic"] == "ladder":
        rungs = LadderPolicy.from_body(policy).rungs
        steps = (f"{words(r.step)} after {count(r.days_past_due, 'day')}" for r in rungs)
        return f": {', '.join(steps)}"
    if facts["topic"] == "house_rule":
        return f": {policy['text']}" if policy.get("text") else ": withdrawn"
    return ""


def _step(facts: Facts) -> str:
    parts = [words(facts["step"])]
    if facts.get("invoices"):
        parts.append("about " + ", ".join(_numbered(named) for named in facts["invoices"]))
    if facts.get("owed"):
        parts.append(" and ".join(str(Money(*pair)) for pair in facts["owed"]) + " owed")
    said = f": {facts['summary']}" if facts.get("summary") else ""
    return ", ".join(parts) + said


def _exempt(facts: Facts) -> str:
    about = f" about #{facts['invoice']}" if "invoice" in facts else ""
    until = date_of_day(facts["until_day"]).isoformat()
    return f"no step{about} before {until}: {facts['reason']}"


def _dispute(facts: Facts) -> str:
    said = f', customer: "{facts["words"]}"' if facts.get("words") else ""
    owed = Money(*facts["amount"])
    return f"invoice #{facts['invoice']} disputed, {owed}: {facts['reason']}{said}"


_DUNNING: Final[Mapping[str, Callable[[Facts], str]]] = {
    "step": _step,
    "exempt": _exempt,
    "exempt_end": lambda facts: f"exemption #{facts['of']} ended: {facts['reason']}",
    "dispute": _dispute,
    "settled": lambda f: f"dispute #{f['of']} {words(f['outcome'])}: {f['reason']}",
}


def _numbered(named: Any) -> str:
    return f"#{named}" if isinstance(named, int) else str(named)


def subject_access_in_words(facts: Facts) -> str:
    """What a customer asked or disputes, and what came of it.

    >>> subject_access_in_words({"event": "contested", "entry": 2, "words": "not me"})
    'disputes #2: "not me"'
    >>> subject_access_in_words({"event": "contest_refused", "of": 6, "reason": "two saw it"})
    'what #6 disputes stays: two saw it'
    """
    event, of, reason = facts["event"], facts.get("of"), facts.get("reason", "")
    if event == "requested":
        day = date_of_day(facts["received_day"]).isoformat()
        return f"asked on {day} what is held: {facts['how']}"
    if event == "contested":
        return f'disputes #{facts["entry"]}: "{facts["words"]}"'
    if event == "contest_rectified":
        return f"what #{of} disputes was put right by #{facts['correction']}: {reason}"
    if event == "contest_refused":
        return f"what #{of} disputes stays: {reason}"
    done = {"answered": "answered", "refused": "refused", "extended": "takes longer"}
    return f"#{of} {done[event]}: {reason or facts['how']}"


def flag_in_words(facts: Facts) -> str:
    """What became of a flag, for what, and by which figures.

    >>> flag_in_words({"event": "raised", "mark": "conduct", "score": "61.25", "score_low": "52.0",
    ...     "as_of_day": 20_000, "policy_version": 2})
    'flag raised, for conduct: score 61.2, lower bound 52.0 on 2024-10-04, policy 2'
    """
    figures = f"score {float(facts['score']):.1f}, lower bound {float(facts['score_low']):.1f}"
    day = date_of_day(facts["as_of_day"]).isoformat()
    policy = f"policy {facts['policy_version']}"
    return f"flag {facts['event']}, for {words(facts['mark'])}: {figures} on {day}, {policy}"


def merge_in_words(facts: Facts) -> str:
    """Whose other name the customer is, and why somebody says so.

    >>> merge_in_words({"event": "merged", "other": "3f0c8e1a-0000", "reason": "she told us"})
    'one person with 3f0c8e1a, reason: she told us'
    """
    into = facts.get("into", facts["other"]).partition("-")[0]
    return f"one person with {into}, reason: {facts['reason']}"
