"""The ladder for unpaid invoices: in order, not too soon, and not where there is a reason."""

from __future__ import annotations

import json
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.canonical import canonical_bytes
from custledger.core.money import Money
from custledger.core.receivables.debts import DebtEntry, Dispute, Receivables, receivables_of
from custledger.core.receivables.ladder import (
    Exemption,
    LadderPolicy,
    LadderStep,
    NextStep,
    Rung,
    StepTaken,
    default_ladder,
    next_step,
    refusals_of_ladder,
)
from custledger.core.records import EntryRef, MoneyKind
from custledger.errors import BadInputError

ANN = UUID(int=7)
DUE = date(2026, 1, 31)
LADDER = default_ladder(date(2026, 1, 1))


def after(n: int) -> date:
    return DUE + timedelta(n)


def ref(n: int) -> EntryRef:
    return EntryRef(ANN, n)


def debt(days: int, minor: int = 10_000, *more: DebtEntry) -> Receivables:
    first = DebtEntry(ref(1), MoneyKind.INVOICE, Money(minor, "EUR"), date(2026, 1, 1), DUE)
    return receivables_of([first, *more], after(days))


def test_step_is_due_with_its_debt_and_its_day() -> None:
    assert next_step(debt(7), LADDER) == NextStep(
        due=True,
        reasons=(
            "The step reminder is due today: 1 invoice, 100.00 EUR, the oldest 7 "
            "days past its due date.",
        ),
        step=LadderStep.REMINDER,
        due_on=after(7),
        invoices=(ref(1),),
        amount=(Money(10_000, "EUR"),),
    )
    before = next_step(debt(6), LADDER)
    assert (before.due, before.step, before.due_on) == (False, LadderStep.REMINDER, after(7))


def test_steps_are_not_skipped_however_old_the_debt_is() -> None:
    assert next_step(debt(500), LADDER).step is LadderStep.REMINDER
    reminded = [StepTaken(LadderStep.REMINDER, after(500))]
    found = next_step(debt(500), LADDER, taken=reminded)
    assert (found.step, found.due, found.due_on) == (LadderStep.CALL, False, after(514))


def test_ladder_ends() -> None:
    done = [StepTaken(step, after(200)) for step in LadderStep]
    assert next_step(debt(400), LADDER, taken=done).step is None


def test_who_was_clear_starts_anew() -> None:
    old = [StepTaken(LadderStep.REMINDER, after(-100))]
    assert next_step(debt(10), LADDER, taken=old).step is LadderStep.REMINDER


def test_nothing_is_due_without_debt() -> None:
    assert next_step(debt(0), LADDER) == NextStep(due=False, reasons=("Nothing is overdue.",))


def test_disputed_invoice_is_left_out() -> None:
    entry = DebtEntry(ref(1), MoneyKind.INVOICE, Money(1, "EUR"), date(2026, 1, 1), DUE)
    found = receivables_of([entry], after(50), disputes=[Dispute(ref(1), DUE, "Corked.")])
    assert "what is disputed: 1 invoice" in next_step(found, LADDER).reasons[0]


def test_exemption_pauses_with_its_reason_and_ends_by_itself() -> None:
    ill = Exemption(after(0), after(30), "She is in hospital")
    found = next_step(debt(29), LADDER, exemptions=[ill])
    assert found == NextStep(due=False, reasons=("Exempt until 2 March 2026: She is in hospital.",))
    assert next_step(debt(30), LADDER, exemptions=[ill]).due


def test_exemption_of_one_invoice_leaves_the_others() -> None:
    other = DebtEntry(ref(2), MoneyKind.INVOICE, Money(500, "EUR"), date(2026, 1, 1), after(1))
    promised = Exemption(DUE, after(99), "Promised for April", invoice=ref(1))
    found = next_step(debt(8, 10_000, other), LADDER, exemptions=[promised])
    assert (found.due, found.invoices, found.amount) == (True, (ref(2),), (Money(500, "EUR"),))


def test_small_debt_is_not_worth_a_step() -> None:
    least = (Money(5_000, "EUR"),)
    ladder = LadderPolicy(2, DUE, (Rung(LadderStep.COLLECTION, 10, least, invoices=2),))
    assert "needs 2 invoices and 50.00 EUR" in next_step(debt(20), ladder).reasons[0]
    other = DebtEntry(ref(2), MoneyKind.INVOICE, Money(1, "EUR"), date(2026, 1, 1), after(1))
    assert next_step(debt(20, 5_000, other), ladder).due
    assert not next_step(debt(20, 4_998, other), ladder).due


def test_ladder_that_contradicts_itself_names_both_steps() -> None:
    assert refusals_of_ladder(LADDER) == ()
    mixed = LadderPolicy(1, DUE, (Rung(LadderStep.CALL, 5), Rung(LadderStep.REMINDER, 9)))
    assert "call and reminder are not in order" in refusals_of_ladder(mixed)[0]
    hasty = LadderPolicy(1, DUE, (Rung(LadderStep.REMINDER, 9), Rung(LadderStep.CALL, 9)))
    assert "after 9 and 9 days" in refusals_of_ladder(hasty)[0]
    assert "at least one step" in refusals_of_ladder(LadderPolicy(1, DUE, ()))[0]


def test_broken_values_are_refused() -> None:
    with pytest.raises(BadInputError):
        LadderPolicy(1, DUE, (Rung(LadderStep.CALL, -1),))
    with pytest.raises(BadInputError):
        LadderPolicy(1, DUE, (Rung(LadderStep.CALL, 1, (Money(1, "EUR"), Money(2, "EUR"))),))
    with pytest.raises(BadInputError, match="reason"):
        Exemption(DUE, after(1), "  ")
    with pytest.raises(BadInputError, match="later until"):
        Exemption(DUE, DUE, "ill")


def test_ladder_reads_back_from_canonical_json() -> None:
    rungs = (*LADDER.rungs[:2], Rung(LadderStep.WRITE_OFF, 99, (Money(5, "EUR"),), 3))
    ladder = LadderPolicy(4, DUE, rungs, hardship_days=60)
    assert LadderPolicy.from_body(json.loads(canonical_bytes(ladder.to_body()))) == ladder


@given(
    st.lists(st.integers(0, 300), max_size=40),
    st.lists(st.tuples(st.integers(0, 250), st.integers(1, 60)), max_size=3),
)
def test_steps_taken_as_proposed_come_in_order_apart_and_never_while_exempt(
    looks: list[int], pauses: list[tuple[int, int]]
) -> None:
    exemptions = [Exemption(after(a), after(a + n), "ill") for a, n in pauses]
    taken: list[StepTaken] = []
    for look in sorted(looks):
        found = next_step(debt(look), LADDER, taken=taken, exemptions=exemptions)
        if found.due and found.step:
            assert not any(e.covers(ref(1), after(look)) for e in exemptions)
            taken.append(StepTaken(found.step, after(look)))
    assert [t.step for t in taken] == [*LadderStep][: len(taken)]
    days = [r.days_past_due for r in LADDER.rungs]
    for n, step in enumerate(taken):
        assert (step.day - DUE).days >= days[n]
        if n:
            assert (step.day - taken[n - 1].day).days >= days[n] - days[n - 1]
