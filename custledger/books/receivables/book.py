"""What is owed, who is asked next, and the steps that were taken."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection

from custledger.books.receivables.ladders import Ladders
from custledger.books.receivables.pauses import Pauses
from custledger.books.receivables.writing import At, future, named, ref_of, writing
from custledger.core.calendar.wall_clock import start_of_day
from custledger.core.canonical import JsonValue
from custledger.core.checks import (
    check_member,
    check_reason,
    check_text,
)
from custledger.core.clock import (
    date_of_day,
    day_number,
    from_microseconds,
    to_microseconds,
)
from custledger.core.due import DueItem, DueKind
from custledger.core.receivables.debts import ageing
from custledger.core.receivables.dunning import (
    CustomerDebt,
    DebtStatement,
    DisputeRecord,
    ExemptionRecord,
    Proposal,
    ReceivablesReport,
    StepOutcome,
    StepRecord,
    ladder_on,
    refusals_of_step,
    refusals_of_write_off,
)
from custledger.core.receivables.ladder import (
    LadderPolicy,
    LadderStep,
    NextStep,
)
from custledger.core.records import EntryKind, EntryRef, MoneyKind, PolicyTopic
from custledger.errors import BadInputError
from custledger.storage.corrections import current, void_draft
from custledger.storage.debts import (
    Debtor,
    debtor_of,
    debtors,
    retold_at,
    step_from,
)
from custledger.storage.drafting import Drafting
from custledger.storage.events import append_event, listed
from custledger.storage.journal import Draft, Journal
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.policies import policy_versions
from custledger.storage.tables import EventRow

__all__ = ["ReceivablesBook"]

Recorded = StepRecord | ExemptionRecord | DisputeRecord | EntryRef


class ReceivablesBook(Pauses, Ladders):
    """What customers owe, by age, and a ladder of steps; a person takes them, none goes by itself.

    A customer with several names (a merge) is read under all of them; what is written goes to the
    one that was named.
    """

    def as_of(
        self, day: date | datetime | None = None, *, customer: CustomerLike | None = None
    ) -> ReceivablesReport:
        """What was owed at the end of a day (default today), by what was known of it by then."""
        with self._context.read() as connection:
            number = self._context.day(day)
            found = self._debtors(connection, number, customer)
        on = date_of_day(number)
        owed = [(d, d.account.receivables(on)) for d in found]
        customers = [
            CustomerDebt(d.account.customer_id, d.name, r, ageing([r]))
            for d, r in owed
            if r.open or r.disputed or customer is not None
        ]
        customers.sort(key=lambda c: (c.name.casefold(), str(c.customer_id)))
        return ReceivablesReport(on, ageing(r for _, r in owed), tuple(customers))

    def next_step(
        self, customer: CustomerLike, *, as_of: date | datetime | None = None
    ) -> NextStep:
        """What to do next about what a customer owes: due or not yet, and why."""
        return self.statement(customer, as_of=as_of).next

    def due(self, as_of: date | datetime | None = None) -> list[Proposal]:
        """Every step that is due on a day, the longest due first."""
        with self._context.read() as connection:
            number = self._context.day(as_of)
            found = debtors(connection, self._context, number)
            ladders = self._ladders(connection)
        day = date_of_day(number)
        ladder = ladder_on(ladders, day)
        steps = [
            Proposal(d.account.customer_id, d.name, d.account.next_step(ladder, day)) for d in found
        ]
        steps = [p for p in steps if p.next.due]
        return sorted(steps, key=lambda p: (p.next.due_on or day, p.name, str(p.customer_id)))

    def statement(
        self, customer: CustomerLike, *, as_of: date | datetime | None = None
    ) -> DebtStatement:
        """How one customer stands: what is owed, what was done about it, and what comes next."""
        with self._context.read() as connection:
            number = self._context.day(as_of)
            [found] = self._debtors(connection, number, customer)
            ladders = self._ladders(connection)
        day, account = date_of_day(number), found.account
        ladder = ladder_on(ladders, day)
        return DebtStatement(
            account.customer_id,
            found.name,
            account.receivables(day),
            account.next_step(ladder, day),
            ladder,
            tuple(s for s in account.steps if s.day <= day),
            tuple(e for e in account.exemptions if e.since <= day),
            tuple(d for d in account.disputes if d.opened_on <= day),
        )

    def take_step(
        self,
        customer: CustomerLike,
        step: LadderStep | str,
        *,
        summary: str = "",
        staff_note: str = "",
        occurred_at: datetime | None = None,
        write_off: bool = False,
    ) -> StepOutcome:
        """Record that the step which is due was taken; any other is refused, and nothing written.

        ``write_off`` records with the step ``write_off`` what is given up, an entry an invoice; it
        is refused where some of that was paid since ``occurred_at``.
        ``prepayment_only`` records a proposal: to bind anybody it has to be decided.
        """
        wanted = check_member(LadderStep, step)
        if write_off and wanted is not LadderStep.WRITE_OFF:
            raise BadInputError("Only the step write_off writes off. Leave write_off out.")
        said = {"summary": check_text(summary, "summary")}
        note = check_text(staff_note, "staff_note")
        with writing(self._context, customer, occurred_at) as (journal, at):
            ladder = ladder_on(self._ladders(journal.connection), at.day)
            refusals = future(journal, at) or refusals_of_step(at.account, ladder, wanted, at.day)
            if refusals:
                return StepOutcome(False, refusals)
            found = at.account.next_step(ladder, at.day)
            if write_off and (paid := refusals_of_write_off(at.account, found, at.day, at.today)):
                return StepOutcome(False, paid)
            invoices: list[JsonValue] = [named(ref, at.own) for ref in found.invoices]
            owed: list[JsonValue] = [[m.minor, m.currency] for m in found.amount]
            body = {"event": "step", "step": wanted.value, "invoices": invoices, "owed": owed}
            body |= {name: text for name, text in said.items() if text}
            written = append_event(
                journal,
                at.key,
                EntryKind.DUNNING,
                body,
                occurred_at=at.occurred_at,
                staff_body={"staff_note": note} if note else None,
            )
            given_up = self._write_off(journal, at, found) if write_off else ()
            return StepOutcome(True, (), step_from(written, self._context.zone), given_up)

    def void(self, recorded: Recorded, *, reason: str) -> None:
        """Take back a step, exemption or dispute that was recorded by mistake, with its end.

        A step with a later one is not taken back alone: that would leave a step out.
        """
        ref, why = ref_of(recorded), check_reason(reason)
        with writing(self._context, ref.subject, None) as (journal, at):
            events = listed(journal.connection, self._context, EntryKind.DUNNING, ref)
            steps = [s.id for s in at.account.steps]
            later = steps[steps.index(ref) + 1 :] if ref in steps else []
            if later:
                raise BadInputError(
                    f"A later step was taken ({later[-1]}). Void that one first; nothing was "
                    "written."
                )
            found = [
                current(journal.connection, self._context, EventRow, event.id)
                for event in reversed(events)
            ]
            journal.append([void_draft(event, why) for event in found])

    def passed(self, *, since: datetime, as_of: datetime) -> list[DueItem]:
        """The steps that became due after ``since`` and by ``as_of``, and still are."""
        first, last = to_microseconds(since), to_microseconds(as_of)
        day = date_of_day(self._context.day(as_of))
        with self._context.read() as connection:
            versions = policy_versions(connection, self._context, PolicyTopic.LADDER)
            ladders = [LadderPolicy.from_body(v.body) for v in versions]
            ladder = ladder_on(ladders, day)
            found = debtors(connection, self._context, day_number(day))
            steps = [(d, d.account.next_step(ladder, day)) for d in found]
            steps = [(d, step) for d, step in steps if step.due]
            told = retold_at(connection, self._context, [(d, s.invoices) for d, s in steps])
        items = []
        for (debtor, step), moment in zip(steps, told, strict=True):
            began = debtor.account.due_since(ladders, day) or day
            line = to_microseconds(start_of_day(began, self._context.zone))
            made = [v.recorded_at for v in versions if v.effective_day == day_number(began)]
            passed = max(line, moment, *made)
            if first < passed <= last:
                items.append(_item(debtor, step, began, passed))
        return sorted(items, key=lambda i: (i.passed_at, i.key))

    def _write_off(self, journal: Journal, at: At, found: NextStep) -> tuple[EntryRef, ...]:
        drafting, drafts = Drafting(journal, self._context), list[Draft]()
        owed = {i.ref: i.owed for i in at.account.receivables(at.day).open}
        moment = None if at.occurred_at is None else from_microseconds(at.occurred_at)
        for ref in found.invoices:
            facts = {"amount": owed[ref], "applies_to": ref, "occurred_at": moment}
            wording = drafting.money(MoneyKind.WRITE_OFF, facts)
            drafts.append(wording.draft(journal.key_of(ref.subject)))
        return tuple(journal.refs(journal.append(drafts)))

    def _debtors(
        self, connection: Connection, day: int, customer: CustomerLike | None
    ) -> list[Debtor]:
        if customer is None:
            return debtors(connection, self._context, day)
        key = customer_key(connection, self._context, customer)
        return [debtor_of(connection, self._context, key, day)]


def _item(debtor: Debtor, step: NextStep, began: date, passed: int) -> DueItem:
    who = debtor.account.customer_id
    return DueItem(
        passed_at=from_microseconds(passed),
        kind=DueKind.RECEIVABLE_STEP,
        key=f"{DueKind.RECEIVABLE_STEP}/{who}/{step.step}/{began.isoformat()}",
        text=f"{debtor.name}: {step.reasons[0]}",
        customer_id=who,
        ref=step.invoices[0],
    )
