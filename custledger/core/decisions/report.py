"""What our own decisions got wrong: a system that restricts people counts its false positives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from custledger.core.decisions.events import DecisionKind, Missing
from custledger.core.decisions.state import DecisionState, Phase

__all__ = ["ErrorRate", "ErrorReport", "error_report"]


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """How often decisions of one sort were appealed against and overturned."""

    name: str
    decisions: int
    appealed: int
    decided: int
    overturned: int

    @property
    def overturn_rate(self) -> float | None:
        """Overturned decisions per appeal decided; None where none was."""
        return self.overturned / self.decided if self.decided else None


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """The errors known by a day; ``rates`` are of all, by rule, by decider and by kind.

    ``overrides`` counts what an owner went on without. ``duties_missed`` are notices and reviews of
    immediate measures that were not given in time. ``lapsed_unreviewed`` are decisions that ran out
    without anybody looking at them again.
    """

    as_of: date
    all: ErrorRate
    by_rule: tuple[ErrorRate, ...]
    by_decider: tuple[ErrorRate, ...]
    by_kind: tuple[ErrorRate, ...]
    overrides: tuple[tuple[Missing, int], ...]
    bypasses: int
    duties_missed: int
    own_appeals: int
    lapsed_unreviewed: int


def error_report(decisions: Iterable[DecisionState], as_of: date) -> ErrorReport:
    """The report over decisions of any customers as of the day; reinstatements are no errors."""
    kept = [d for d in decisions if d.made.kind is not DecisionKind.REINSTATEMENT]
    overrides = Counter(lacking for d in kept for lacking in _overrides(d))
    return ErrorReport(
        as_of=as_of,
        all=_rate("all", kept),
        by_rule=_rates(kept, lambda d: d.made.rule or "no rule named"),
        by_decider=_rates(kept, lambda d: str(d.made.by.id)),
        by_kind=_rates(kept, lambda d: d.made.kind.value),
        overrides=tuple(sorted(overrides.items())),
        bypasses=sum(d.bypassed for d in kept),
        duties_missed=sum(duty.due_on < as_of for d in kept for duty in d.duties),
        own_appeals=sum(d.decided_by_decider for d in kept),
        lapsed_unreviewed=sum(d.phase(as_of) is Phase.LAPSED and not d.reviews for d in kept),
    )


def _overrides(decision: DecisionState) -> Iterable[Missing]:
    yield from decision.overridden
    if decision.appeal_decided is not None and decision.appeal_decided.override is not None:
        yield Missing.OTHER_PERSON


def _rates(
    decisions: Iterable[DecisionState], name_of: Callable[[DecisionState], str]
) -> tuple[ErrorRate, ...]:
    groups: dict[str, list[DecisionState]] = {}
    for decision in decisions:
        groups.setdefault(name_of(decision), []).append(decision)
    return tuple(_rate(name, groups[name]) for name in sorted(groups))


def _rate(name: str, decisions: list[DecisionState]) -> ErrorRate:
    return ErrorRate(
        name,
        decisions=len(decisions),
        appealed=sum(d.appeal is not None for d in decisions),
        decided=sum(d.appeal_decided is not None for d in decisions),
        overturned=sum(d.overturned for d in decisions),
    )
