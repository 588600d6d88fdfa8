"""The bad-fit score of one customer, with the statement, the reasons and what would change it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from custledger.core.clock import date_of_day
from custledger.core.score.contributions import History, contributions
from custledger.core.score.counterfactual import Change, changes_for
from custledger.core.score.formula import Terms
from custledger.core.score.habit import messages_for, missing_evidence
from custledger.core.score.policy import ScorePolicy
from custledger.core.score.reasons import Reason, reasons_of
from custledger.core.score.standing import Standing, standing_of, totals_of
from custledger.core.score.statement import Statement, statement_of
from custledger.core.score.verdict import DECIMALS, verdict_of

__all__ = ["Change", "Fit", "Reason", "Statement", "fit"]


@dataclass(frozen=True)
class Fit:
    """How well a customer fits the firm, as of a day: 0 the best, above 50 outside what is borne.

    ``score`` is the headline; ``score_low`` and ``score_high`` bound it; ``score_raw`` is the
    headline before thin evidence is held back, and what the ``reasons`` add up to. Only a ``flag``
    accuses, and it rests on the lower bound; ``kind`` says of what (cost, conduct, both,
    combined). ``watch``: above 50 without a flag. ``uncorroborated``: the lower bound is above 50,
    but witnesses are lacking. ``evidence``: strong, moderate, thin, or none (nothing adverse).
    ``missing`` says what evidence is lacking, ``messages`` what to know about the figures,
    ``changes`` what would bring the lower bound back under the line.
    """

    customer_id: UUID
    name: str
    as_of: date
    policy_version: int
    score: float
    score_low: float
    score_high: float
    score_raw: float
    cost_ratio: float
    conduct_ratio: float
    band: str
    flag: bool
    watch: bool
    uncorroborated: bool
    kind: str
    evidence: str
    statement: Statement
    reasons: tuple[Reason, ...]
    missing: tuple[str, ...]
    messages: tuple[str, ...]
    changes: tuple[Change, ...]
    standing: Standing

    @property
    def held_back(self) -> float:
        """Points that do not count yet, because the evidence for them is thin."""
        return self.score_raw - self.score

    @property
    def habitual(self) -> bool:
        """Whether the flag proves a habit of conduct; only then may the word be used."""
        return self.flag and self.kind in ("conduct", "both")


def fit(history: History, policy: ScorePolicy, as_of_day: int) -> Fit:
    """The customer's fit on the day, from what had happened and was known by then."""
    terms = Terms(policy, history.human_staff)
    entries = contributions(history, policy, as_of_day)
    standing = standing_of(history, policy, as_of_day, entries)
    totals = totals_of(history, policy, as_of_day, entries)
    verdict = verdict_of(standing, terms)
    return Fit(
        customer_id=history.customer_id,
        name=history.name,
        as_of=date_of_day(as_of_day),
        policy_version=policy.version,
        score=round(verdict.score, DECIMALS),
        score_low=round(verdict.score_low, DECIMALS),
        score_high=round(verdict.score_high, DECIMALS),
        score_raw=round(verdict.score_raw, DECIMALS),
        cost_ratio=round(verdict.cost_ratio, DECIMALS),
        conduct_ratio=round(verdict.conduct_ratio, DECIMALS),
        band=verdict.band,
        flag=bool(verdict.flag),
        watch=bool(verdict.watch),
        uncorroborated=bool(verdict.uncorroborated),
        kind=verdict.kind,
        evidence=verdict.evidence,
        statement=statement_of(totals, policy, history.exchange.base),
        reasons=reasons_of(history, entries, standing, totals, verdict, terms, as_of_day),
        missing=missing_evidence(standing, verdict, terms, entries),
        messages=messages_for(verdict, terms, entries, history.default_rate),
        changes=changes_for(history, entries, standing, totals, terms, as_of_day),
        standing=standing,
    )
