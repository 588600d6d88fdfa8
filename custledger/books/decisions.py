"""The decision book: what named persons decided about a customer, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Unpack

from custledger.core.checks import check_day, check_member, check_reason
from custledger.core.clock import date_of_day
from custledger.core.decisions.asked import (
    DecisionFacts,
    DecisionLike,
    check_facts,
    decision_ref,
    entry_ref,
)
from custledger.core.decisions.events import (
    AppealDecided,
    Appealed,
    DecisionKind,
    DecisionPolicy,
    Event,
    NoticeGiven,
    Override,
    Reviewed,
)
from custledger.core.decisions.report import ErrorReport, error_report
from custledger.core.decisions.scope import EVERYTHING, Action, Scope
from custledger.core.decisions.state import CustomerDecisions, DecisionState
from custledger.core.decisions.steps import DecisionStep, DecisionVoid
from custledger.core.due import DueItem
from custledger.core.records import (
    Channel,
    EntryRef,
)
from custledger.errors import NotFoundError
from custledger.storage.context import Context
from custledger.storage.decisions.decisions import DecisionReader
from custledger.storage.decisions.desk import DecisionDesk, chain_key
from custledger.storage.decisions.due import due_items
from custledger.storage.decisions.making import make, reinstate
from custledger.storage.decisions.periods import add_periods, periods_on
from custledger.storage.decisions.voids import void_step
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, customer_key, subject_key
from custledger.storage.merges import group_of

__all__ = ["DecisionBook"]


class DecisionBook:
    """Decisions, step by step; none can be skipped, and what is not allowed is not written.

    Each step is dated on the day of its recording, checked against all that is recorded of the
    person under any name, and answered by a ``DecisionStep``. Whoever opened the ledger decides; a
    program cannot. Where decisions stand is a function of the day: nothing has to run for one to
    lapse.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def warn(self, customer: CustomerLike, **facts: Unpack[DecisionFacts]) -> DecisionStep:
        """Warn: what happened must not happen again. It holds from its notice on."""
        return self._decide(customer, DecisionKind.WARNING, EVERYTHING, facts)

    def restrict(
        self, customer: CustomerLike, scope: Scope, **facts: Unpack[DecisionFacts]
    ) -> DecisionStep:
        """Limit a channel, credit, hours, to one contact, or to prepayment, as the scope says."""
        return self._decide(customer, DecisionKind.RESTRICTION, scope, facts)

    def block(
        self, customer: CustomerLike, *, account: str = "", **facts: Unpack[DecisionFacts]
    ) -> DecisionStep:
        """Block on social channels; ``account`` is the name that is blocked there."""
        scope = Scope(channels=frozenset({Channel.SOCIAL}), account=account)
        return self._decide(customer, DecisionKind.BLOCK, scope, facts)

    def do_not_serve(
        self,
        customer: CustomerLike,
        *,
        actions: Iterable[Action | str] = (),
        **facts: Unpack[DecisionFacts],
    ) -> DecisionStep:
        """Part ways, for all or some actions; the score's flag is read from the ledger here."""
        scope = Scope(actions=frozenset(check_member(Action, a) for a in actions))
        return self._decide(customer, DecisionKind.DO_NOT_SERVE, scope, facts)

    def reinstate(
        self, customer: CustomerLike, *, reasons: str, ends: Iterable[DecisionLike] = ()
    ) -> DecisionStep:
        """End decisions before their review, or all that are open."""
        with self._context.write() as journal:
            desk = self._desk(journal, customer)
            return reinstate(desk, [decision_ref(d) for d in ends], reasons)

    def unblock(self, decision: DecisionLike, *, reasons: str) -> DecisionStep:
        """End one block (or another decision), and leave the others."""
        ref = decision_ref(decision)
        return self.reinstate(ref.subject, reasons=reasons, ends=[ref])

    def notice(
        self,
        decision: DecisionLike,
        *,
        how: str,
        appeal_route: str,
        reasons: str | None = None,
        review_on: date | None = None,
    ) -> DecisionStep:
        """Record that the customer was told: how, why, until when, and how to appeal.

        ``reasons`` and ``review_on`` as they were told; by default those of the decision. The
        letter can be had from ``custledger.edges.letters``.
        """

        def told(desk: DecisionDesk, ref: EntryRef) -> Event:
            found = desk.state.get(ref)
            due = review_on or (found.review_on if found else desk.today)
            why = (found.made.reasons if found else "") if reasons is None else reasons
            return NoticeGiven(ref, desk.today, desk.writer, how, why, due, appeal_route)

        return self._follow(decision, told)

    def appeal(
        self, decision: DecisionLike, *, words: str, received_on: date | None = None
    ) -> DecisionStep:
        """Record the customer's appeal in their own words; ``received_on`` counts, not today."""
        return self._follow(
            decision,
            lambda desk, ref: Appealed(
                ref, desk.today, desk.writer, words, received_on or desk.today
            ),
        )

    def decide_appeal(
        self,
        decision: DecisionLike,
        *,
        overturned: bool,
        reasons: str,
        outsider: str = "",
        override: Override | None = None,
    ) -> DecisionStep:
        """Decide the appeal, as another registered person than who made or extended the decision.

        Where nobody else is registered, ``outsider`` names who decided, or it is looked at again
        after some days; an owner's ``override`` is the third way. Each leaves its mark.
        """
        return self._follow(
            decision,
            lambda desk, ref: AppealDecided(
                ref,
                desk.today,
                desk.writer,
                overturned,
                reasons,
                desk.registered,
                outsider,
                override,
            ),
        )

    def extend(self, decision: DecisionLike, *, review_on: date, reasons: str) -> DecisionStep:
        """Review the decision and let it hold until another date, with reasons."""
        check_day(review_on, "review_on")
        return self._review(decision, reasons, review_on)

    def end(self, decision: DecisionLike, *, reasons: str) -> DecisionStep:
        """Review the decision and end it today."""
        return self._review(decision, reasons, None)

    def void(self, entry: DecisionLike, *, reason: str) -> DecisionVoid:
        """Take back a step that was entered by mistake, a decision with all that came of it.

        Other decisions that rested on it fall, and the answer names them. What speaks for the
        customer can be taken back only by who recorded it, on the same day.
        """
        ref = entry_ref(entry)
        reason = check_reason(reason)
        with self._context.write() as journal:
            key = chain_key(journal.connection, self._context, ref)
            return void_step(DecisionDesk.at(journal, self._context, key), ref, reason)

    def get(self, decision: DecisionLike, *, as_of: date | None = None) -> DecisionState:
        """One decision with what came of it by a day; NotFoundError if there is none."""
        ref = decision_ref(decision)
        found = self.of(ref.subject, as_of=as_of).get(ref)
        if found is None:
            raise NotFoundError(
                f"There is no decision {ref}. `custledger decision list` shows those there are."
            )
        return found

    def of(self, customer: CustomerLike, *, as_of: date | None = None) -> CustomerDecisions:
        """All decisions about a customer, under any of their names, as of a day."""
        day = date_of_day(self._context.day(as_of))
        with self._context.read() as connection:
            key = subject_key(connection, self._context, customer)
            if key is None:
                key = customer_key(connection, self._context, customer)
            reader = DecisionReader(connection, self._context)
            return reader.group(group_of(connection, key)).state(day)

    def all(self, *, as_of: date | None = None) -> list[DecisionState]:
        """Every decision about anybody as of a day."""
        day = date_of_day(self._context.day(as_of))
        with self._context.read() as connection:
            groups = DecisionReader(connection, self._context).groups()
        return [decision for group in groups for decision in group.state(day).decisions]

    def in_force(self, *, as_of: date | None = None) -> list[DecisionState]:
        """The decisions that hold on a day."""
        day = date_of_day(self._context.day(as_of))
        return [d for d in self.all(as_of=day) if d.in_force(day)]

    def reviews_due(self, *, as_of: date | None = None) -> list[DecisionState]:
        """The open decisions whose review date is near, the nearest first; the policy says when."""
        day = date_of_day(self._context.day(as_of))
        with self._context.read() as connection:
            groups = DecisionReader(connection, self._context).groups()
        still_open = [d for group in groups for d in group.state(day).still_open]
        near = [d for d in still_open if d.reminder_on <= day]
        return sorted(near, key=lambda d: (d.review_on, d.made.ref))

    def error_report(self, *, as_of: date | None = None) -> ErrorReport:
        """What our own decisions got wrong: overturned, overridden, bypassed, never looked at."""
        day = date_of_day(self._context.day(as_of))
        return error_report(self.all(as_of=day), day)

    def passed(self, *, since: datetime | None, as_of: datetime) -> list[DueItem]:
        """Reviews that come up, decisions that lapsed, and duties due, after ``since``.

        With ``since=None``, what stands: no lapses, which are over.
        """
        with self._context.read() as connection:
            return due_items(connection, self._context, since, as_of)

    def policy(self, *, on: date | None = None) -> DecisionPolicy:
        """The periods that hold on a day (default today)."""
        with self._context.read() as connection:
            return periods_on(connection, self._context, self._context.day(on))

    def set_policy(
        self, *, reason: str, effective_on: date | None = None, **changes: int
    ) -> DecisionPolicy:
        """Add a version with some periods changed, such as ``appeal_days=30``, from today or later.

        Decisions keep the periods of the day on which they were made.
        """
        with self._context.write() as journal:
            return add_periods(journal, self._context, changes, effective_on, reason)

    def _decide(
        self, customer: CustomerLike, kind: DecisionKind, scope: Scope, facts: Any
    ) -> DecisionStep:
        check_facts(facts)
        with self._context.write() as journal:
            desk = self._desk(journal, customer)
            return make(desk, kind, scope, facts)

    def _review(self, decision: DecisionLike, reasons: str, review_on: date | None) -> DecisionStep:
        return self._follow(
            decision, lambda desk, ref: Reviewed(ref, desk.today, desk.writer, reasons, review_on)
        )

    def _follow(self, decision: DecisionLike, event: Any) -> DecisionStep:
        """Write what comes of a decision into the chain that it is in."""
        ref = decision_ref(decision)
        with self._context.write() as journal:
            key = chain_key(journal.connection, self._context, ref)
            desk = DecisionDesk.at(journal, self._context, key)
            return desk.write(event(desk, ref))

    def _desk(self, journal: Journal, customer: CustomerLike) -> DecisionDesk:
        key = customer_key(journal.connection, self._context, customer)
        return DecisionDesk.at(journal, self._context, key)
