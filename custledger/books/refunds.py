"""The refunds book: what is due on a request, refund or contest, and how good the advice was."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final, Unpack

from sqlalchemy import Connection, select

from custledger.core.calendar.wall_clock import end_of_day
from custledger.core.checks import (
    check_flag,
    check_member,
    check_money,
    check_reason,
    check_seconds,
    check_text,
)
from custledger.core.clock import date_of_day, to_microseconds
from custledger.core.money import Money
from custledger.core.records import (
    EntryKind,
    EntryRef,
    MoneyEntry,
    MoneyKind,
    PolicyTopic,
    StaffRole,
)
from custledger.core.refunds.advice import (
    AdvicePolicy,
    Choice,
    Estimate,
    advise_refund,
)
from custledger.core.refunds.advice_report import AdviceReport, advice_report
from custledger.core.refunds.assessment import RefundAssessment, RefundRequest
from custledger.core.refunds.cases import RefundCase, case_from
from custledger.core.refunds.choices import (
    Chosen,
    Ended,
    OutcomeFacts,
    RequestAdvice,
    choice_bodies,
    outcome_bodies,
    refusals_of_choice,
    refusals_of_outcome,
)
from custledger.core.refusal import Refusal
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import void
from custledger.storage.drafting import Drafting
from custledger.storage.events import append_event, listed
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.merges import group_of
from custledger.storage.rates import Rates
from custledger.storage.refunds.advice_policies import (
    add_advice_policy,
    advice_policies,
    advice_policy_on,
)
from custledger.storage.refunds.assessing import Assessed, DealFacts, assess_in
from custledger.storage.refunds.deals import Deal, deal_of
from custledger.storage.refunds.facts import cases_where, converted, history_in, time_since
from custledger.storage.scoring.accounts import exchange_of
from custledger.storage.tables import EventRow, StaffRow

__all__ = ["RefundBook"]

_event, _staff = table_of(EventRow), table_of(StaffRow)
_TOPIC: Final = PolicyTopic.REFUND_ADVICE
_KIND: Final = EntryKind.REFUND_ADVICE

Payment = MoneyEntry | EntryRef
"""A sale, an invoice or a payment, by the record or its id."""


class RefundBook:
    """The rules speak (an assessment), the costs speak (an advice), and a named person chooses."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def assess(
        self,
        customer: CustomerLike,
        payment: Payment,
        request: RefundRequest | None = None,
        *,
        as_of: date | None = None,
        **facts: Unpack[DealFacts],
    ) -> RefundAssessment:
        """What is due on a request by the terms, the law and fairness; writes nothing.

        ``payment`` is a sale, invoice or payment of the customer; what was paid for it and what
        went back come from the ledger as of ``as_of`` (default today), the terms are those in force
        on the day of the deal. ``request`` defaults to all, now, for a change of mind. ``sold`` is
        needed, ``service_on`` for a service; see ``DealFacts``. A refusal is an assessment that is
        not ``allowed``. Raises NotFoundError for a voided payment, BadInputError for one of another
        customer or kind, and where currencies differ.
        """
        with self._context.read() as connection:
            return self._assess(connection, customer, payment, request, as_of, facts).assessment

    def advise(
        self,
        customer: CustomerLike,
        payment: Payment,
        request: RefundRequest | None = None,
        *,
        as_of: date | None = None,
        goods_back: Money | None = None,
        by_card: bool = True,
        hourly_rate: Money | None = None,
        **facts: Unpack[DealFacts],
    ) -> RequestAdvice:
        """Refund and move on, or contest what goes beyond what is owed? Writes nothing.

        The figures are the firm's own from five cases on, as known at the end of ``as_of`` (default
        now), else the stated defaults (``policy``).
        ``goods_back`` is what goods that come back are worth; ``by_card``: whether the bank can
        take the payment back. ``hourly_rate`` defaults to the rate of who asks. The rest is as for
        ``assess``.
        """
        with self._context.read() as connection:
            found = self._assess(connection, customer, payment, request, as_of, facts)
            asked = _asked(found)
            day = self._context.day(as_of)
            rate = self._rate(connection, hourly_rate, asked.currency, day)
            end = end_of_day(date_of_day(day), self._context.zone)
            moment = min(to_microseconds(self._context.now()), to_microseconds(end) - 1)
            advice = advise_refund(
                asked,
                found.assessment.amount,
                rate,
                policy=advice_policy_on(connection, self._context, day),
                history=history_in(
                    connection,
                    self._context,
                    asked.currency,
                    moment,
                    as_of_day=day,
                    with_worth=asked > found.assessment.amount,
                ),
                goods_back=goods_back,
                by_card=check_flag(by_card, "by_card"),
            )
        at = found.request.asked_at
        return RequestAdvice(found.deal.ref, at, asked, rate, found.assessment, advice)

    def choose(
        self,
        advised: RequestAdvice,
        choice: Choice | str,
        *,
        reason: str,
        record_refund: bool = False,
        goods_returned: bool = False,
    ) -> Chosen:
        """Record what the person who writes chose on an advice, and why; the reason is for staff.

        It moves no money. With ``record_refund`` the refund is recorded along with it, in one
        transaction: all that was asked for, or, where the rest is contested, what is owed.
        Refused: a second choice on a request, or while another on the payment has no outcome; to
        contest what is owed; more than is left to be paid back; a program as the one who chooses.
        """
        chosen, why = check_member(Choice, choice), check_reason(reason)
        amount = advised.asked if chosen is Choice.REFUND else advised.advice.owed
        returned = check_flag(goods_returned, "goods_returned")
        with self._context.write() as journal:
            deal = self._deal_now(journal, advised.payment)
            pay = amount if check_flag(record_refund, "record_refund") else None
            refusals = [
                *self._of_person(journal),
                *self._of_request(journal.connection, deal, advised),
                *refusals_of_choice(advised, chosen, left=deal.left, pay=pay),
            ]
            if refusals:
                return Chosen(done=False, refusals=tuple(refusals))
            body, staff = choice_bodies(advised, chosen, why)
            if pay is not None:
                body["refund"] = self._refund(journal, deal, pay, returned=returned)
            stored = append_event(journal, deal.customer, _KIND, body, staff_body=staff)
            return Chosen(done=True, case=case_from([stored]))

    def outcome(
        self,
        case: RefundCase | EntryRef,
        *,
        lost: bool = False,
        charged_back: bool = False,
        paid_back: Money | None = None,
        handling_time: timedelta | None = None,
        fee: Money | None = None,
        goods_back: Money | None = None,
        note: str = "",
    ) -> Ended:
        """Record what came of a choice, once, when it is known.

        ``paid_back`` is what went back in all: by default what was asked for where it was refunded
        or ``lost``, else what was owed. ``charged_back``: through the bank, which is lost too.
        ``handling_time`` defaults to that of the customer's contacts about refunds since the
        request. ``goods_back`` is what goods that came back are worth. Refused: a second outcome,
        more than was paid, and what contradicts the choice.
        """
        through_bank = check_flag(charged_back, "charged_back")
        gone = check_flag(lost, "lost") or through_bank
        said = check_text(note, "note")
        with self._context.write() as journal:
            ref = _ref(case, "case")
            key = self._lock(journal, ref)
            known = self._case(journal.connection, ref)
            usual = known.asked if known.choice is Choice.REFUND or gone else known.owed
            back = usual if paid_back is None else paid_back
            seconds = self._spent(journal, known, key, handling_time)
            facts = OutcomeFacts(back, gone, through_bank, seconds, fee, goods_back, said)
            body, staff = outcome_bodies(known, facts)
            refusals = tuple(refusals_of_outcome(known, facts))
            if refusals:
                return Ended(done=False, refusals=refusals)
            append_event(journal, key, _KIND, body, staff_body=staff)
            return Ended(done=True, case=self._case(journal.connection, ref))

    def case(self, case: RefundCase | EntryRef) -> RefundCase:
        """The current state of a case, or NotFoundError once it was voided."""
        with self._context.read() as connection:
            return self._case(connection, _ref(case, "case"))

    def cases(self, customer: CustomerLike | None = None) -> list[RefundCase]:
        """The cases of a customer, under all of their names, or of all, oldest first."""
        with self._context.read() as connection:
            if customer is None:
                return cases_where(connection, self._context)
            group = group_of(connection, customer_key(connection, self._context, customer))
            whose = _event.c.customer_id.in_(group)
            return cases_where(connection, self._context, whose)

    def void(self, case: RefundCase | EntryRef, *, reason: str) -> None:
        """Take back a choice with its outcome, or an outcome alone (by its id); the trail keeps it.

        A refund that was recorded along with the choice stays: void it in ``ledger.money``.
        """
        ref = _ref(case, "case")
        with self._context.write() as journal:
            key = self._lock(journal, ref)
            place = (_event.c.customer_id == key) & (_event.c.seq == ref.seq)
            opening = journal.connection.scalar(select(_event.c.case_seq).where(place))
            whole = EntryRef(ref.subject, ref.seq if opening is None else opening)
            events = listed(journal.connection, self._context, _KIND, whole)
            for event in reversed(events):
                if ref in (whole, event.id):
                    void(journal, self._context, EventRow, event.id, reason)

    def report(self, as_of: date | None = None) -> AdviceReport:
        """How good the advice was, over the outcomes that were known on a day (default today)."""
        with self._context.read() as connection:
            by_then = _event.c.occurred_day <= self._context.day(as_of)
            known = cases_where(connection, self._context, by_then)
        return advice_report(case.scored for case in known if case.scored is not None)

    def policy(self, day: date | None = None) -> AdvicePolicy:
        """The figures that count where the firm has too few cases of its own, as of a day."""
        with self._context.read() as connection:
            return advice_policy_on(connection, self._context, self._context.day(day))

    def policies(self) -> list[AdvicePolicy]:
        """Every version of these figures, oldest first; version 0 has the stated defaults."""
        with self._context.read() as connection:
            return advice_policies(connection, self._context)

    def set_policy(self, *, reason: str, **figures: Estimate) -> AdvicePolicy:
        """Add a version with some figures changed, from today: ``losing=Estimate(0.3, source)``."""
        why = check_reason(reason)
        with self._context.write() as journal:
            return add_advice_policy(journal, self._context, figures, why)

    def _assess(
        self,
        connection: Connection,
        customer: CustomerLike,
        payment: Payment,
        request: RefundRequest | None,
        as_of: date | None,
        facts: DealFacts,
    ) -> Assessed:
        wish = RefundRequest(self._context.now()) if request is None else request
        key = customer_key(connection, self._context, customer)
        group = group_of(connection, key)
        day = self._context.day(as_of)
        ref = _ref(payment, "payment")
        return assess_in(connection, self._context, ref, group, wish, as_of_day=day, facts=facts)

    def _rate(self, connection: Connection, named: Money | None, currency: str, day: int) -> Money:
        rate = Rates(connection).on(self._context.actor, day) if named is None else named
        if rate is None:
            raise BadInputError(
                "It is not known what an hour of staff time costs. Name hourly_rate, or set the "
                "rate of everyone: `custledger add hourly-rate AMOUNT`."
            )
        check_money(rate, "hourly_rate")
        found = converted(exchange_of(connection, self._context.currency), rate, currency, day)
        if found is None:
            raise BadInputError(
                f"The hourly rate {rate} cannot be counted in {currency} without an exchange rate. "
                f"Add one, or name hourly_rate in {currency}."
            )
        return found

    def _lock(self, journal: Journal, ref: EntryRef) -> int:
        key = self._context.identities.key(journal.connection, ref.subject)
        if key is None:
            raise NotFoundError(
                f"There is no entry {ref}. `custledger history` lists those there are."
            )
        # One choice and one outcome a case: nobody may write between the look and the entry.
        lock_chains(journal.connection, self._context.ledger, [key])
        return key

    def _deal_now(self, journal: Journal, ref: EntryRef) -> Deal:
        key = self._lock(journal, ref)
        return deal_of(
            journal.connection,
            self._context,
            ref,
            customers=[key],
            as_of_day=self._context.today(),
        )

    def _of_person(self, journal: Journal) -> list[Refusal]:
        role = journal.connection.scalar(select(_staff.c.role).where(_staff.c.id == journal.actor))
        if role is StaffRole.PROGRAM:
            text = "A program cannot choose: open the ledger as the person who does."
            return [Refusal("program", text)]
        return []

    def _of_request(
        self, connection: Connection, deal: Deal, advised: RequestAdvice
    ) -> list[Refusal]:
        known = cases_where(connection, self._context, _event.c.customer_id == deal.customer)
        for case in (case for case in known if case.payment in deal.refs):
            if case.asked_at == advised.asked_at:
                text = f"On this request {case.choice} was chosen already (entry #{case.id.seq})."
                return [Refusal("chosen_already", f"{text} Void that choice if it was a mistake.")]
            if case.outcome is None:
                text = (
                    f"An earlier choice on this payment (entry #{case.id.seq}) has no outcome yet. "
                    "Record the outcome first, or void the choice."
                )
                return [Refusal("outcome_missing", text)]
        return []

    def _refund(self, journal: Journal, deal: Deal, amount: Money, *, returned: bool) -> int:
        facts: dict[str, Any] = {"amount": amount, "goods_returned": returned}
        if deal.kind is not MoneyKind.PAYMENT:
            facts["applies_to"] = deal.ref
        wording = Drafting(journal, self._context).money(MoneyKind.REFUND, facts)
        [written] = journal.append([wording.draft(deal.customer)])
        return written.seq

    def _case(self, connection: Connection, ref: EntryRef) -> RefundCase:
        found = case_from(listed(connection, self._context, _KIND, ref))
        if found is None:
            raise NotFoundError(f"{ref} is no choice on a refund. See `custledger refund cases`.")
        return found

    def _spent(
        self, journal: Journal, case: RefundCase, key: int, named: timedelta | None
    ) -> int | None:
        if named is not None:
            return check_seconds(named)
        since, now = to_microseconds(case.asked_at), journal.recorded_at
        return time_since(journal.connection, group_of(journal.connection, key), since, now)


def _asked(found: Assessed) -> Money:
    left = found.deal.left
    asked = left if found.request.amount is None else found.request.amount
    if asked > left:
        raise BadInputError(
            f"{asked} is asked for, and {left} is left of what was paid. A refund pays back what "
            "was paid; what goes beyond it is another claim."
        )
    return asked


def _ref(named: object, name: str) -> EntryRef:
    ref = getattr(named, "id", named)
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"{name} must be a record or its id (an EntryRef), not {named!r}.")
    return ref
