"""What a customer is told in words: how the score is made, and the customer's rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from custledger.core.score.fit import Fit
from custledger.core.score.policy import ScorePolicy
from custledger.core.words import count, words

__all__ = ["RIGHTS", "headline", "how_it_is_made"]

RIGHTS: Final = (
    "Something is wrong, or missing? Say so: it is corrected, or you are told why not, within a "
    "month. Until then the entry is marked as disputed (Art. 16 and 18 GDPR).",
    "You may ask that data are erased, or kept without being used (Art. 17 and 18 GDPR).",
    "You may object, for reasons of your own situation, to data that rest on the firm's legitimate "
    "interests, such as the score (Art. 21 GDPR).",
    "You may take your data along: the file access.json is made for programs (Art. 20 GDPR).",
    "No decision about you is made by a program alone. You may ask that a person looks at it "
    "again, say how you see it, and contest it (Art. 22 GDPR).",
    "You may complain to a supervisory authority for data protection, where you live, work, or "
    "where you think a rule was broken (Art. 77 GDPR), and go to court (Art. 79 GDPR).",
)
"""The customer's rights, a sentence each."""


def headline(fit: Fit) -> str:
    """What the score says, in two sentences, and what it does not."""
    between = f"between {fit.score_low:.1f} and {fit.score_high:.1f}"
    said = f"Your score is {fit.score:.1f} of 100 ({between}, given how little is known)."
    if fit.flag:
        kinds = {"cost": "what serving you costs", "conduct": "conduct"}
        what = kinds.get(fit.kind, "what serving you costs, and conduct")
        return f"{said} It is flagged for {what}: a person looks at it. It decides nothing itself."
    if fit.watch:
        return f"{said} It is above 50, but not surely: it is watched, and accuses you of nothing."
    return f"{said} You are not flagged, and are treated like any other customer."


def how_it_is_made(policy: ScorePolicy) -> tuple[str, ...]:
    """How the score comes about, with the parameters of its version, in sentences.

    What has to be told: which data were used, and how, so that the customer can follow and contest
    it (Court of Justice, C-203/22, Dun & Bradstreet Austria); not the formula alone.
    """
    return tuple(_sentences(policy))


def _sentences(policy: ScorePolicy) -> Iterator[str]:
    yield (
        "The score says how well a customer and the firm fit: 0 is best, above 50 more than the "
        "firm can bear. It uses contacts and money listed under 'What was recorded', and nothing "
        "else: no age, sex, origin or other trait of yours, and nothing from other firms."
    )
    margin = (
        "no margin is set, so nobody is flagged"
        if policy.margin is None
        else f"the margin is taken to be {policy.margin:.0%} of sales"
    )
    yield (
        "It adds two parts. Cost: the staff's time, refunds and losses, compared with what your "
        f"purchases bring ({margin}). Conduct: days with an incident, by how grave it was."
    )
    yield f"Weights of an incident: {'; '.join(_severities(policy))}."
    if not any(w.value for w in policy.shares if w.fault == "ours"):
        yield "Time and losses that were our own fault count for nothing."
    yield (
        f"An entry weighs half after {policy.half_life_days:g} days. An invoice is overdue "
        f"{count(policy.grace_days, 'day')} after its due date; {policy.provision:.0%} of it "
        "counts as lost until it is paid."
    )
    yield (
        f"A flag needs more than a figure: incidents on {count(policy.min_days, 'day')} in "
        f"{count(policy.min_months, 'month')} at least, seen by "
        f"{count(policy.min_witnesses, 'member')} of staff where there are as many, or "
        f"{count(policy.min_cost_months, 'month')} that cost more than they brought and "
        f"{count(policy.min_tenure_days, 'day')} since you came."
    )
    if not policy.calibrated:
        yield (
            "What is usual among customers is an estimate so far, and was not measured on the "
            "firm's own."
        )


def _severities(policy: ScorePolicy) -> Iterator[str]:
    by_entry: dict[str, dict[str, float]] = {}
    for weight in policy.severity:
        by_entry.setdefault(weight.entry, {})[weight.fault] = weight.value
    for entry, faults in by_entry.items():
        most = faults.get("customer", 0.0)
        others = [
            f"{value:g} if {_FAULTS[fault]}"
            for fault, value in faults.items()
            if fault in _FAULTS and value != most
        ]
        less = f" ({', '.join(others)})" if others else ""
        yield f"{_ENTRIES.get(entry, words(entry))} {most:g}{less}"


_FAULTS: Final = {"unknown": "nobody judged whose fault", "ours": "it was our fault"}
_ENTRIES: Final = {
    "verbal_abuse": "abuse or a threat",
    "policy_abuse": "abuse of a policy, deception",
    "unreasonable_demand": "an unreasonable demand, persistence, a public attack",
    "collection": "a reminder to pay",
    "complaint": "a complaint without cause",
}
