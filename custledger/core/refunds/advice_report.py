"""How good the advice on refunds was: what it predicted, held against what happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from custledger.core.money import Money
from custledger.core.refunds.advice import Choice, RefundAdvice
from custledger.core.words import count

__all__ = ["AdviceOutcome", "AdviceReport", "ChoiceLine", "advice_report"]


@dataclass(frozen=True, slots=True)
class AdviceOutcome:
    """What was chosen on an advice and what it cost in the end, all included.

    ``lost`` and ``charged_back`` are of a contested request: whether the money went back after all,
    and whether through the bank.
    """

    advice: RefundAdvice
    chosen: Choice
    cost: Money
    lost: bool = False
    charged_back: bool = False

    @property
    def followed(self) -> bool:
        """Whether the choice was the one advised."""
        return self.chosen is self.advice.choice


class ChoiceLine(NamedTuple):
    """The predicted and the actual cost of one choice in one currency."""

    choice: Choice
    currency: str
    cases: int
    predicted: Money
    actual: Money


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """The score of the advice; only what was contested can show whether it would be lost.

    ``brier`` is the mean squared error of the probability of losing: 0 is perfect, 0.25 is what
    tossing a coin gets (Brier 1950); None where nothing was contested.
    """

    cases: int
    followed: int
    lines: tuple[ChoiceLine, ...]
    contested: int
    losses_expected: float
    losses: int
    chargebacks_expected: float
    chargebacks: int
    brier: float | None

    @property
    def in_words(self) -> tuple[str, ...]:
        """The report in sentences."""
        found = [f"The advice was followed in {self.followed} of {count(self.cases, 'case')}."]
        found += [
            f"To {line.choice}: {count(line.cases, 'case')}, {line.predicted} predicted, "
            f"{line.actual} in fact."
            for line in self.lines
        ]
        if self.contested:
            found.append(
                f"Of {self.contested} contested, {self.losses_expected:.1f} were expected to be "
                f"lost and {self.losses} were; {self.chargebacks_expected:.1f} chargebacks were "
                f"expected and {self.chargebacks} came."
            )
        return tuple(found)


def advice_report(outcomes: Iterable[AdviceOutcome]) -> AdviceReport:
    """The report over outcomes that are known by now; the amounts are exact sums."""
    known = list(outcomes)
    contested = [o for o in known if o.chosen is Choice.CONTEST]
    squares = [(o.advice.losing.value - o.lost) ** 2 for o in contested]
    return AdviceReport(
        cases=len(known),
        followed=sum(o.followed for o in known),
        lines=tuple(_lines(known)),
        contested=len(contested),
        losses_expected=sum(o.advice.losing.value for o in contested),
        losses=sum(o.lost for o in contested),
        chargebacks_expected=sum(o.advice.chargeback.value for o in contested),
        chargebacks=sum(o.charged_back for o in contested),
        brier=sum(squares) / len(squares) if squares else None,
    )


def _lines(outcomes: Sequence[AdviceOutcome]) -> Iterable[ChoiceLine]:
    groups: dict[tuple[Choice, str], list[AdviceOutcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.chosen, outcome.cost.currency), []).append(outcome)
    for (choice, currency), group in sorted(groups.items()):
        predicted = sum(o.advice.cost_of(choice).minor for o in group)
        actual = sum(o.cost.minor for o in group)
        yield ChoiceLine(
            choice, currency, len(group), Money(predicted, currency), Money(actual, currency)
        )
