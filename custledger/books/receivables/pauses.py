"""What leaves the ladder waiting for good reason: exemptions, and disputes of invoices."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from custledger.books.receivables.writing import (
    future,
    own_number,
    ref_of,
    refuse_other,
    writing,
)
from custledger.core.canonical import JsonValue
from custledger.core.checks import check_day, check_member, check_reason, check_text
from custledger.core.complaints.events import Outcome
from custledger.core.receivables.dunning import (
    DisputeOutcome,
    DisputeRecord,
    ExemptionOutcome,
    ExemptionRecord,
    open_dispute,
    refusals_of_dispute,
    refusals_of_settlement,
)
from custledger.core.records import EntryKind, EntryRef, MoneyEntry
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words
from custledger.errors import NotFoundError
from custledger.storage.context import Context
from custledger.storage.debts import dispute_from, exemption_from
from custledger.storage.events import append_event
from custledger.storage.lookup import CustomerLike

__all__ = ["Pauses"]

Invoice = MoneyEntry | EntryRef


class Pauses:
    """The part of the receivables book that says what is not asked for, and why."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def exempt(
        self,
        customer: CustomerLike,
        *,
        until: date,
        reason: str,
        invoice: Invoice | None = None,
        occurred_at: datetime | None = None,
    ) -> ExemptionOutcome:
        """Pause the ladder until before a day, for a reason: a promise, hardship, our own fault."""
        body: dict[str, JsonValue] = {"event": "exempt", "reason": check_reason(reason)}
        body["until_day"] = check_day(until, "until")
        with writing(self._context, customer, occurred_at) as (journal, at):
            if invoice is not None:
                ref = ref_of(invoice)
                refuse_other(at.account, ref)
                body["invoice"] = own_number(ref, at.own)
            refusals = future(journal, at)
            if until <= max(at.day, at.today):
                text = (
                    f"{day_in_words(until)} is not in the future: an exemption ends on a later day."
                )
                refusals += (Refusal("until_passed", text),)
            if refusals:
                return ExemptionOutcome(False, refusals)
            written = append_event(
                journal, at.key, EntryKind.DUNNING, body, occurred_at=at.occurred_at
            )
            return ExemptionOutcome(True, (), exemption_from([written], self._context.zone))

    def end_exemption(
        self, exemption: ExemptionRecord | EntryRef, *, reason: str
    ) -> ExemptionOutcome:
        """End an exemption today, before its time."""
        ref, why = ref_of(exemption), check_reason(reason)
        with writing(self._context, ref.subject, None) as (journal, at):
            found = next((e for e in at.account.exemptions if e.id == ref), None)
            if found is None:
                raise NotFoundError(
                    f"There is no exemption {ref}. The statement lists those there are."
                )
            over = found.ended_on or found.until
            if found.ended_on is not None or over <= at.day:
                text = f"The exemption ended on {day_in_words(over)} already."
                return ExemptionOutcome(False, (Refusal("ended_already", text),), found)
            body = {"event": "exempt_end", "of": ref.seq, "reason": why}
            append_event(journal, at.key, EntryKind.DUNNING, body)
            return ExemptionOutcome(True, (), replace(found, ended_on=at.day, end_reason=why))

    def dispute(
        self,
        invoice: Invoice,
        *,
        reason: str,
        customer_words: str = "",
        occurred_at: datetime | None = None,
    ) -> DisputeOutcome:
        """Record that the customer disputes an invoice: it is left out until that is settled.

        ``reason`` is the staff's account, ``customer_words`` what the customer said, word for word.
        """
        ref = ref_of(invoice)
        body: dict[str, JsonValue] = {
            "event": "dispute",
            "invoice": ref.seq,
            "reason": check_reason(reason),
        }
        if said := check_text(customer_words, "customer_words"):
            body["words"] = said
        with writing(self._context, ref.subject, occurred_at) as (journal, at):
            refuse_other(at.account, ref)
            refusals = future(journal, at) or refusals_of_dispute(at.account, ref, at.day)
            if refusals:
                return DisputeOutcome(False, refusals)
            found = next(i for i in at.account.receivables(at.day).open if i.ref == ref)
            body["amount"] = [found.owed.minor, found.owed.currency]
            body["claim"] = [found.claim.minor, found.claim.currency]
            written = append_event(
                journal, at.key, EntryKind.DUNNING, body, occurred_at=at.occurred_at
            )
            return DisputeOutcome(True, (), dispute_from([written], self._context.zone))

    def settle_dispute(
        self,
        invoice: Invoice | DisputeRecord,
        *,
        outcome: Outcome | str,
        reason: str,
        occurred_at: datetime | None = None,
    ) -> DisputeOutcome:
        """Record how a dispute ended; from its day on the invoice counts again.

        Where the customer was right, wholly or in part, the invoice has to be corrected, voided or
        written off first: nobody is asked again for what is not owed.
        """
        ref = invoice.invoice if isinstance(invoice, DisputeRecord) else ref_of(invoice)
        how, why = check_member(Outcome, outcome), check_reason(reason)
        with writing(self._context, ref.subject, occurred_at) as (journal, at):
            refusals = future(journal, at) or refusals_of_settlement(at.account, ref, how, at.day)
            found = open_dispute(at.account, ref)
            if refusals or found is None:
                return DisputeOutcome(False, refusals, found)
            body = {"event": "settled", "of": found.id.seq, "outcome": how.value, "reason": why}
            append_event(journal, at.key, EntryKind.DUNNING, body, occurred_at=at.occurred_at)
            settled = replace(found, outcome=how, closed_on=at.day, outcome_reason=why)
            return DisputeOutcome(True, (), settled)
