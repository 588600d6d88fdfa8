"""What was done about a customer's unpaid invoices: steps, exemptions, disputes, and what follows.

These are events in the customer's chain. An event says what happened on its day; the state on any
day is read from all of them together with the money entries (``core.receivables.debts``), by the
ladder of that day (``core.receivables.ladder``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from custledger.core.complaints.events import Outcome
from custledger.core.money import Money
from custledger.core.receivables.debts import (
    AgeLine,
    DebtEntry,
    Dispute,
    OpenInvoice,
    Receivables,
    receivables_of,
)
from custledger.core.receivables.ladder import (
    Exemption,
    LadderPolicy,
    LadderStep,
    NextStep,
    StepTaken,
    default_ladder,
    next_step,
)
from custledger.core.records import EntryRef, MoneyKind
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words, words

__all__ = [
    "Account",
    "CustomerDebt",
    "DebtStatement",
    "DisputeOutcome",
    "DisputeRecord",
    "ExemptionOutcome",
    "ExemptionRecord",
    "LadderOutcome",
    "Proposal",
    "ReceivablesReport",
    "StepOutcome",
    "StepRecord",
    "is_invoice",
    "ladder_on",
    "open_dispute",
    "refusals_of_dispute",
    "refusals_of_settlement",
    "refusals_of_step",
    "refusals_of_write_off",
]

_DAY = timedelta(days=1)
_SINCE_EVER = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step that was taken, the invoices it was about, and what was owed on them then.

    ``prepayment_only`` says that prepayment was proposed: it binds nobody until a named person has
    decided it (``ledger.decisions``). ``summary`` is the staff's account.
    """

    id: EntryRef
    step: LadderStep
    day: date
    recorded_by: UUID
    invoices: tuple[EntryRef, ...] = ()
    owed: tuple[Money, ...] = ()
    summary: str = ""
    staff_note: str = ""


@dataclass(frozen=True, slots=True)
class ExemptionRecord:
    """That the ladder is paused from a day until before another; ``ended_on`` is an early end.

    ``invoice`` None exempts all invoices.
    """

    id: EntryRef
    since: date
    until: date
    reason: str
    recorded_by: UUID
    invoice: EntryRef | None = None
    ended_on: date | None = None
    end_reason: str = ""

    @property
    def period(self) -> Exemption | None:
        """What the ladder reads; None where it ended before it began to count."""
        until = min(self.until, self.ended_on or self.until)
        if until <= self.since:
            return None
        return Exemption(self.since, until, self.reason, self.invoice)


@dataclass(frozen=True, slots=True)
class DisputeRecord:
    """That the customer disputes an invoice, and how that ended.

    ``reason`` is the staff's account, ``customer_words`` the customer's own; ``amount`` is what was
    owed on the invoice when the dispute was recorded, ``claim`` what it asked for, paid or not.
    """

    id: EntryRef
    invoice: EntryRef
    opened_on: date
    reason: str
    amount: Money
    claim: Money
    recorded_by: UUID
    customer_words: str = ""
    outcome: Outcome | None = None
    closed_on: date | None = None
    outcome_reason: str = ""

    @property
    def period(self) -> Dispute:
        """What receivables read."""
        return Dispute(self.invoice, self.opened_on, self.reason, self.closed_on)


@dataclass(frozen=True, slots=True)
class CustomerDebt:
    """What one customer owes, with the ages of it; ``customer_id`` stands for all merged ones."""

    customer_id: UUID
    name: str
    receivables: Receivables
    lines: tuple[AgeLine, ...]


@dataclass(frozen=True, slots=True)
class ReceivablesReport:
    """What is owed as of a day, by currency and age over all customers, and customer by customer.

    Disputed invoices are not in the lines while the dispute is open. Customers who owe nothing are
    left out.
    """

    as_of: date
    lines: tuple[AgeLine, ...]
    customers: tuple[CustomerDebt, ...]

    @property
    def disputed(self) -> tuple[OpenInvoice, ...]:
        """The invoices that are left out because a dispute is open."""
        return tuple(i for c in self.customers for i in c.receivables.disputed)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A step that is due for a customer; it is proposed, and a person takes it."""

    customer_id: UUID
    name: str
    next: NextStep


@dataclass(frozen=True, slots=True)
class DebtStatement:
    """How one customer stands: what is owed, what was done about it, and what comes next."""

    customer_id: UUID
    name: str
    receivables: Receivables
    next: NextStep
    ladder: LadderPolicy
    steps: tuple[StepRecord, ...]
    exemptions: tuple[ExemptionRecord, ...]
    disputes: tuple[DisputeRecord, ...]

    @property
    def clear(self) -> bool:
        """Whether nothing is overdue (what is disputed aside)."""
        return self.receivables.clear


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What came of taking a step; with refusals nothing was written."""

    done: bool
    refusals: tuple[Refusal, ...] = ()
    step: StepRecord | None = None
    write_offs: tuple[EntryRef, ...] = ()


@dataclass(frozen=True, slots=True)
class ExemptionOutcome:
    """What came of an exemption, or of ending one; with refusals nothing was written."""

    done: bool
    refusals: tuple[Refusal, ...] = ()
    exemption: ExemptionRecord | None = None


@dataclass(frozen=True, slots=True)
class DisputeOutcome:
    """What came of a dispute, or of settling one; with refusals nothing was written."""

    done: bool
    refusals: tuple[Refusal, ...] = ()
    dispute: DisputeRecord | None = None


@dataclass(frozen=True, slots=True)
class LadderOutcome:
    """What came of setting the ladder; with refusals nothing was written."""

    done: bool
    refusals: tuple[Refusal, ...] = ()
    ladder: LadderPolicy | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """All that the ladder reads of one customer; ``hardship`` are days of contacts with that tag.

    A customer who has several names (a merge) has one account.
    """

    customer_id: UUID
    entries: tuple[DebtEntry, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    exemptions: tuple[ExemptionRecord, ...] = ()
    disputes: tuple[DisputeRecord, ...] = ()
    hardship: tuple[date, ...] = ()

    def receivables(self, day: date) -> Receivables:
        """What is owed as of the day."""
        return receivables_of(self.entries, day, disputes=[d.period for d in self.disputes])

    def next_step(self, ladder: LadderPolicy, day: date) -> NextStep:
        """What to do next as of the day, by the ladder that is in force."""
        return next_step(
            self.receivables(day),
            ladder,
            taken=[StepTaken(s.step, s.day) for s in self.steps],
            exemptions=[*self._exemptions(ladder)],
        )

    def due_since(self, ladders: Sequence[LadderPolicy], day: date) -> date | None:
        """The first day of the stretch in which the step that is due on the day has been due.

        None where none is due. A stretch ends where the step is not due any more: because of a
        payment, a pause, a dispute.
        """
        now = self.next_step(ladder_on(ladders, day), day)
        if not now.due:
            return None
        since = day
        for turn in sorted(set(self._turns(ladders, day)), reverse=True):
            then = self.next_step(ladder_on(ladders, turn), turn)
            if then.step is now.step and then.due:
                since = turn
                continue
            if then.step is now.step and then.due_on is not None:
                since = min(since, then.due_on)
            break
        return since

    def _exemptions(self, ladder: LadderPolicy) -> Iterator[Exemption]:
        yield from (e.period for e in self.exemptions if e.period is not None)
        pause = timedelta(ladder.hardship_days)
        for told in self.hardship if pause else ():
            yield Exemption(told, told + pause, f"hardship, told on {day_in_words(told)}")

    def _turns(self, ladders: Sequence[LadderPolicy], day: date) -> Iterator[date]:
        """The days up to that day from which something may be otherwise than before."""
        found = [e.day for e in self.entries] + [s.day for s in self.steps]
        found += [e.due_on + _DAY for e in self.entries if e.due_on is not None]
        found += [d.opened_on for d in self.disputes]
        found += [d.closed_on for d in self.disputes if d.closed_on is not None]
        for ladder in (*ladders, default_ladder(_SINCE_EVER)):
            found.append(ladder.effective_on)
            for pause in self._exemptions(ladder):
                found += [pause.since, pause.until]
        return (turn for turn in found if turn <= day)


def ladder_on(ladders: Iterable[LadderPolicy], day: date) -> LadderPolicy:
    """The newest of the ladders that are in effect on a day, or the built-in one."""
    begun = [ladder for ladder in ladders if ladder.effective_on <= day]
    return max(begun, key=lambda p: p.version, default=default_ladder(_SINCE_EVER))


def refusals_of_step(
    account: Account, ladder: LadderPolicy, step: LadderStep, day: date
) -> tuple[Refusal, ...]:
    """Why a step is not to be taken on a day; empty where it is the one that is due."""
    last = max((s.day for s in account.steps), default=day)
    if last > day:
        text = f"A step was taken on {day_in_words(last)}: a later one cannot lie before it."
        return (Refusal("earlier_than_last", text),)
    found = account.next_step(ladder, day)
    if found.step is None:
        return (Refusal("nothing_to_do", " ".join(found.reasons)),)
    if found.step is not step:
        text = (
            f"The next step is {words(found.step)}, not {words(step)}: steps are taken in their "
            "order, and none is skipped."
        )
        return (Refusal("not_next", text),)
    if not found.due:
        return (Refusal("not_due", f"It is too early. {found.reasons[0]}"),)
    return ()


def refusals_of_write_off(
    account: Account, step: NextStep, day: date, today: date
) -> tuple[Refusal, ...]:
    """Why what was owed on a day is not written off today: what was paid since is not given up."""
    then, now = _owed(account.receivables(day)), _owed(account.receivables(today))
    if all(now.get(ref) == then[ref] for ref in step.invoices):
        return ()
    text = (
        f"Not all that was owed on {day_in_words(day)} is owed today. Take the step as of today, "
        "or leave the write-off out."
    )
    return (Refusal("settled_since", text),)


def refusals_of_dispute(account: Account, invoice: EntryRef, day: date) -> tuple[Refusal, ...]:
    """Why a dispute of an invoice is not to be opened on a day."""
    if open_dispute(account, invoice) is not None:
        text = "The invoice is disputed already. Settle that dispute first, if this is another."
        return (Refusal("disputed_already", text),)
    found = account.receivables(day)
    if invoice not in {i.ref for i in found.open}:
        text = (
            f"Nothing was owed on the invoice on {day_in_words(day)}, so that there is nothing to "
            "leave out. Record what the customer says as a complaint."
        )
        return (Refusal("nothing_owed", text),)
    return ()


def refusals_of_settlement(
    account: Account, invoice: EntryRef, outcome: Outcome, day: date
) -> tuple[Refusal, ...]:
    """Why a dispute is not to be settled like that: who was right is not asked for money again."""
    dispute = open_dispute(account, invoice)
    if dispute is None:
        return (Refusal("no_open_dispute", "No dispute of that invoice is open."),)
    if day < dispute.opened_on:
        text = f"The dispute was opened on {day_in_words(dispute.opened_on)}; it ends no earlier."
        return (Refusal("before_it_opened", text),)
    found = account.receivables(day)
    left = next((i for i in (*found.open, *found.disputed) if i.ref == invoice), None)
    if outcome is Outcome.UPHELD and left is not None:
        text = (
            f"The customer was right, and the invoice still asks for {left.owed}. Correct, void or "
            "write off the invoice first; then settle the dispute."
        )
        return (Refusal("still_owed", text),)
    partly = outcome is Outcome.PARTLY_UPHELD
    if partly and left is not None and not _less(left.claim, dispute.claim):
        text = (
            f"The customer was partly right, and the invoice still asks for all {left.claim}. "
            "Correct the invoice first; then settle the dispute."
        )
        return (Refusal("still_owed", text),)
    return ()


def _owed(found: Receivables) -> dict[EntryRef, Money]:
    return {i.ref: i.owed for i in (*found.open, *found.disputed)}


def open_dispute(account: Account, invoice: EntryRef) -> DisputeRecord | None:
    """The dispute of an invoice that nobody settled yet."""
    found = [d for d in account.disputes if d.invoice == invoice and d.closed_on is None]
    return found[-1] if found else None


def is_invoice(account: Account, ref: EntryRef) -> bool:
    """Whether the reference is that of a current invoice of the customer."""
    return any(e.ref == ref and e.kind is MoneyKind.INVOICE for e in account.entries)


def _less(left: Money, before: Money) -> bool:
    return left.currency != before.currency or left < before
