"""A habit, not an accident: what evidence is there, and what is missing, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from custledger.core.money import Money
from custledger.core.score.contributions import Contribution
from custledger.core.score.formula import LINE, Terms
from custledger.core.score.standing import Standing
from custledger.core.score.verdict import Verdict

__all__ = ["messages_for", "missing_evidence"]


def missing_evidence(
    standing: Standing, verdict: Verdict, terms: Terms, entries: Sequence[Contribution]
) -> tuple[str, ...]:
    """What it would take before conduct, or cost, could count in full; empty where all is there."""
    found: list[str] = []
    if standing.adverse_days and not verdict.conduct_open:
        found += _short("Conduct", _conduct_counts(standing, terms))
    if standing.adverse_days and not verdict.witnessed:
        found += _short("Conduct", [(standing.witnesses, terms.witnesses, "witnesses")])
    if standing.cost_months and not verdict.cost_open:
        found += _short("Cost", _cost_counts(standing, terms))
        found += [
            f"Cost: there is no exchange rate for {currency} on the day of an entry."
            for currency in sorted({e.incomplete for e in entries if e.incomplete})
        ]
    if verdict.watch and not verdict.low_above and not found:
        low = f"{verdict.score_low:.0f}"
        found.append(f"All in all: the lower bound is {low}; only one above {LINE:.0f} can flag.")
    return tuple(found)


def _conduct_counts(standing: Standing, terms: Terms) -> list[tuple[int, int, str]]:
    return [
        (standing.adverse_days, terms.policy.min_days, "days with an adverse incident"),
        (standing.adverse_months, terms.policy.min_months, "calendar months with one"),
    ]


def _cost_counts(standing: Standing, terms: Terms) -> list[tuple[int, int, str]]:
    return [
        (
            standing.cost_months,
            terms.policy.min_cost_months,
            "months that cost more than they bring",
        ),
        (standing.tenure, terms.policy.min_tenure_days, "days since the customer joined"),
    ]


def _short(axis: str, counts: Iterable[tuple[int, int, str]]) -> list[str]:
    return [f"{axis}: {have} of {need} {what}." for have, need, what in counts if have < need]


def messages_for(
    verdict: Verdict, terms: Terms, entries: Sequence[Contribution], default_rate: Money | None
) -> tuple[str, ...]:
    """What the reader should know about the figures before trusting them."""
    policy, found = terms.policy, []
    if policy.margin is None:
        found.append(
            "No margin is set, so nobody is flagged and revenue counts in full. Set the gross "
            "margin on sales: custledger policy set --margin 0.4, or "
            "score_policies.set(margin=0.4)."
        )
    elif not policy.calibrated:
        found.append(
            "The score is not calibrated to this ledger's customers. Once there are some months "
            "of entries: custledger policy calibrate, or score_policies.calibrate()."
        )
    if verdict.uncorroborated:
        found.append("Uncorroborated: it rests on what too few members of staff have seen.")
    unpriced = sum(e.unpriced for e in entries)
    if unpriced:
        found.append(
            f"{unpriced} contacts have no hourly rate of their own; {_priced(default_rate)}"
        )
    unknown = sum(e.unknown_time for e in entries)
    if unknown:
        found.append(f"{unknown} contacts of unknown length count with their channel's default.")
    foreign = sorted({e.incomplete for e in entries if e.incomplete})
    if foreign:
        found.append(f"Amounts without an exchange rate are left out: {', '.join(foreign)}.")
    return tuple(found)


def _priced(default_rate: Money | None) -> str:
    if default_rate is None:
        return "their time costs nothing here. Set a rate: custledger add rate 30."
    return f"they count at the ledger's rate, {default_rate} an hour."
