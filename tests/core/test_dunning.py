"""The account of one customer: since when a step is due, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custledger.core.complaints.events import Outcome
from custledger.core.dossier.words import Told, told
from custledger.core.money import Money
from custledger.core.receivables.debts import DebtEntry
from custledger.core.receivables.dunning import (
    Account,
    DisputeRecord,
    ExemptionRecord,
    StepRecord,
    ladder_on,
    refusals_of_settlement,
    refusals_of_step,
)
from custledger.core.receivables.ladder import LadderPolicy, LadderStep, Rung, default_ladder
from custledger.core.records import EntryRef, MoneyKind

ANN, OLGA = UUID(int=7), UUID(int=8)
START = date(2026, 1, 1)
BUILT_IN = default_ladder(date(1970, 1, 1))


def day(n: int) -> date:
    return START + timedelta(n)


def ref(n: int) -> EntryRef:
    return EntryRef(ANN, n)


def invoice(n: int, due: int, minor: int = 100) -> DebtEntry:
    return DebtEntry(ref(n), MoneyKind.INVOICE, Money(minor, "EUR"), day(0), day(due))


def exempt(n: int, since: int, until: int, ended: int | None = None) -> ExemptionRecord:
    over = None if ended is None else day(ended)
    return ExemptionRecord(ref(n), day(since), day(until), "ill", OLGA, ended_on=over)


def disputed(n: int, of: int, opened: int, closed: int | None = None) -> DisputeRecord:
    over = None if closed is None else day(closed)
    euro = Money(100, "EUR")
    return DisputeRecord(ref(n), ref(of), day(opened), "corked", euro, euro, OLGA, closed_on=over)


def since_by_looking(account: Account, ladders: Sequence[LadderPolicy], last: date) -> date | None:
    """Day by day backwards, as a person would look it up."""
    now = account.next_step(ladder_on(ladders, last), last)
    found = last
    while now.due:
        before = found - timedelta(1)
        then = account.next_step(ladder_on(ladders, before), before)
        if not then.due or then.step is not now.step:
            return found
        found = before
    return None


def test_step_is_due_from_its_day_on_and_anew_after_a_pause() -> None:
    account = Account(ANN, (invoice(1, 10),))
    assert account.due_since([], day(16)) is None
    assert account.due_since([], day(17)) == day(17)
    assert account.due_since([], day(99)) == day(17)
    paused = Account(ANN, (invoice(1, 10),), exemptions=(exempt(2, 5, 40),))
    assert paused.due_since([], day(99)) == day(40)
    ended = Account(ANN, (invoice(1, 10),), exemptions=(exempt(2, 5, 40, 30),))
    assert ended.due_since([], day(99)) == day(30)


def test_exemption_that_ended_at_once_pauses_nothing() -> None:
    assert exempt(1, 5, 40, 5).period is None


def test_newest_version_that_has_begun_is_in_force() -> None:
    later = [LadderPolicy(n, day(10 * n), (Rung(LadderStep.CALL, n),)) for n in (1, 2)]
    assert ladder_on(later, day(9)) == BUILT_IN
    assert ladder_on(later, day(10)) == later[0]
    assert ladder_on(later, day(99)) == later[1]


def test_part_of_the_invoice_may_still_be_owed_where_the_customer_was_partly_right() -> None:
    account = Account(ANN, (invoice(1, 10, 60),), disputes=(disputed(2, 1, 12),))
    assert refusals_of_settlement(account, ref(1), Outcome.PARTLY_UPHELD, day(20)) == ()
    part = DebtEntry(ref(3), MoneyKind.PAYMENT, Money(40, "EUR"), day(15), applies_to=ref(1))
    paid = Account(ANN, (invoice(1, 10, 100), part), disputes=(disputed(2, 1, 12),))
    [refusal] = refusals_of_settlement(paid, ref(1), Outcome.PARTLY_UPHELD, day(20))
    assert refusal.text == (
        "The customer was partly right, and the invoice still asks for all 1.00 EUR. Correct the "
        "invoice first; then settle the dispute."
    )
    [refusal] = refusals_of_settlement(account, ref(1), Outcome.UPHELD, day(20))
    assert refusal.text == (
        "The customer was right, and the invoice still asks for 0.60 EUR. Correct, void or write "
        "off the invoice first; then settle the dispute."
    )
    [refusal] = refusals_of_settlement(account, ref(1), Outcome.NOT_UPHELD, day(11))
    assert refusal.code == "before_it_opened"


@st.composite
def accounts(draw: st.DrawFn) -> tuple[Account, list[LadderPolicy]]:
    days = st.integers(0, 60)
    invoices = [invoice(n, draw(days)) for n in range(1, draw(st.integers(1, 4)))]
    payments = [
        DebtEntry(ref(n), MoneyKind.PAYMENT, Money(draw(st.integers(1, 250)), "EUR"), day(when))
        for n, when in enumerate(draw(st.lists(days, max_size=3)), 10)
    ]
    pauses = [
        exempt(20, since, since + length, draw(st.none() | st.integers(since, since + length)))
        for since, length in draw(st.lists(st.tuples(days, st.integers(1, 30)), max_size=2))
    ]
    disputes = [
        disputed(30, draw(st.integers(1, 3)), opened, draw(st.none() | st.integers(opened, 90)))
        for opened in draw(st.lists(days, max_size=2))
    ]
    steps = [
        StepRecord(ref(40), draw(st.sampled_from(LadderStep)), day(when), OLGA)
        for when in draw(st.lists(days, max_size=2))
    ]
    least = draw(st.sampled_from([(), (Money(150, "EUR"),)]))
    rungs = (Rung(LadderStep.REMINDER, 3), Rung(LadderStep.CALL, 12, least, 2))
    ladders = [
        LadderPolicy(n, day(when), rungs, draw(st.sampled_from([0, 9])))
        for n, when in enumerate(sorted(draw(st.lists(days, max_size=2))), 1)
    ]
    entries = (*invoices, *payments)
    told = tuple(map(day, draw(st.lists(days, max_size=1))))
    return Account(ANN, entries, tuple(steps), tuple(pauses), tuple(disputes), told), ladders


@given(accounts(), st.integers(0, 100))
def test_since_when_a_step_is_due_is_what_looking_day_by_day_finds(
    case: tuple[Account, list[LadderPolicy]], last: int
) -> None:
    account, ladders = case
    found = account.due_since(ladders, day(last))
    assert found == since_by_looking(account, ladders, day(last))


@given(accounts(), st.lists(st.tuples(st.integers(0, 100), st.sampled_from(LadderStep))))
def test_no_sequence_of_steps_skips_one_or_takes_one_too_early(
    case: tuple[Account, list[LadderPolicy]], tries: list[tuple[int, LadderStep]]
) -> None:
    """Whatever is tried, what was allowed is what was proposed on that day."""
    account, ladders = case
    account = Account(ANN, account.entries, (), account.exemptions, account.disputes)
    for number, (when, step) in enumerate(tries, 50):
        ladder = ladder_on(ladders, day(when))
        found = account.next_step(ladder, day(when))
        if refusals_of_step(account, ladder, step, day(when)):
            continue
        assert found.due
        assert found.step is step
        taken = StepRecord(ref(number), step, day(when), OLGA)
        steps = (*account.steps, taken)
        account = Account(ANN, account.entries, steps, account.exemptions, account.disputes)
        assert refusals_of_step(account, ladder, step, day(when))
    days = [s.day for s in account.steps]
    assert days == sorted(days)


@pytest.mark.parametrize(
    ("body", "title", "facts"),
    [
        (
            {"event": "step", "step": "call", "invoices": [3, 2], "owed": [[17000, "EUR"]]},
            "Unpaid invoices: call",
            (("Invoices", "#3, #2"), ("Unpaid then", "170.00 EUR")),
        ),
        (
            {"event": "exempt", "reason": "ill", "until_day": 20_000, "invoice": 3},
            "Unpaid invoices: not asked for until a day",
            (("Reason", "ill"), ("Invoice", "#3"), ("Until", "4 October 2024")),
        ),
        (
            {"event": "exempt_end", "of": 7, "reason": "well again"},
            "Unpaid invoices: asked for again",
            (("Reason", "well again"),),
        ),
        (
            {"event": "dispute", "invoice": 2, "amount": [500, "EUR"], "reason": "corked"},
            "Invoice disputed: 5.00 EUR",
            (("Reason", "corked"), ("Invoice", "#2")),
        ),
        (
            {"event": "settled", "of": 6, "outcome": "not_upheld", "reason": "tasted"},
            "Dispute of an invoice settled",
            (("Reason", "tasted"), ("Outcome", "not upheld")),
        ),
    ],
)
def test_dossier_tells_each_event_in_words(
    body: dict[str, object], title: str, facts: tuple[tuple[str, str], ...]
) -> None:
    assert told("dunning", body, None) == Told(title, facts)
