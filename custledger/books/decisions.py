"""The decision book: what named persons decided about a customer, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, NotRequired, Required, TypedDict, Unpack

from custledger.core.checks import check_day, check_member, check_reason
from custledger.core.clock import date_of_day, day_of
from custledger.core.decisions.events import (
    AppealDecided,
    Appealed,
    DecisionKind,
    DecisionMade,
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
    Evidence,
    Interaction,
    MoneyEntry,
    PolicyTopic,
    TrailEntry,
)
from custledger.core.refusal import Refusal
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.context import Context
from custledger.storage.decisions.decisions import DecisionReader, policy_from
from custledger.storage.decisions.desk import DecisionDesk, chain_key
from custledger.storage.decisions.due import due_items
from custledger.storage.decisions.voids import void_step
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, customer_key, subject_key
from custledger.storage.merges import group_of
from custledger.storage.policies import add_policy, policy_versions

__all__ = ["DecisionBook", "DecisionFacts", "DecisionLike", "Incident"]

Incident = Interaction | MoneyEntry | Evidence | TrailEntry | EntryRef
"""An entry that a decision rests on: a contact, a money entry or a piece of evidence."""
DecisionLike = DecisionState | DecisionStep | EntryRef
"""A decision, what came of making it, or the reference of the entry that made it."""


class DecisionFacts(TypedDict):
    """What is said of a decision.

    ``reasons`` in words, by who decides; ``incidents`` it rests on, ``safety`` those of them that
    put somebody's safety at risk; ``staff_text`` is what staff are to do, ``customer_text`` what
    the customer is to know. ``effective_from`` is today by default, ``review_on`` by the policy.
    ``rule`` names the house rule that it applies, ``bypass`` says why it must take effect before
    warning and notice; ``override`` is an owner's.
    """

    reasons: Required[str]
    incidents: Required[Iterable[Incident]]
    staff_text: Required[str]
    customer_text: Required[str]
    safety: NotRequired[Iterable[Incident]]
    effective_from: NotRequired[date | None]
    review_on: NotRequired[date | None]
    rule: NotRequired[str]
    bypass: NotRequired[str]
    override: NotRequired[Override | None]


_FACTS: Final = frozenset(DecisionFacts.__annotations__)
_NEEDED: Final = frozenset(("reasons", "incidents", "staff_text", "customer_text"))


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
            open_refs = [
                d.made.ref
                for d in desk.state.still_open
                if d.made.kind is not DecisionKind.REINSTATEMENT
            ]
            named = [_ref(d) for d in ends] or open_refs
            if not named or not set(named) <= set(open_refs):
                text = "There is no such decision that could be ended."
                return DecisionStep((Refusal("nothing_to_end", text),))
            return _reinstated(desk, named, reasons)

    def unblock(self, decision: DecisionLike, *, reasons: str) -> DecisionStep:
        """End one block (or another decision), and leave the others."""
        ref = _ref(decision)
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
        ref = _entry(entry)
        reason = check_reason(reason)
        with self._context.write() as journal:
            key = chain_key(journal.connection, self._context, ref)
            return void_step(DecisionDesk.at(journal, self._context, key), ref, reason)

    def get(self, decision: DecisionLike, *, as_of: date | None = None) -> DecisionState:
        """One decision with what came of it by a day; NotFoundError if there is none."""
        ref = _ref(decision)
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

    def passed(self, *, since: datetime, as_of: datetime) -> list[DueItem]:
        """Reviews that come up, decisions that lapsed, and duties due, after ``since``."""
        with self._context.read() as connection:
            return due_items(connection, self._context, since, as_of)

    def policy(self, *, on: date | None = None) -> DecisionPolicy:
        """The periods that hold on a day (default today)."""
        day = self._context.day(on)
        with self._context.read() as connection:
            versions = policy_versions(connection, self._context, PolicyTopic.DECISIONS)
        begun = [v for v in versions if v.effective_day is None or v.effective_day <= day]
        return policy_from(begun[-1].version, begun[-1].body) if begun else DecisionPolicy()

    def set_policy(
        self, *, reason: str, effective_on: date | None = None, **changes: int
    ) -> DecisionPolicy:
        """Add a version with some periods changed, such as ``appeal_days=30``, from today or later.

        Decisions keep the periods of the day on which they were made.
        """
        unknown = changes.keys() - ({f.name for f in fields(DecisionPolicy)} - {"version"})
        if unknown:
            raise BadInputError(f"Not a period of decisions: {', '.join(sorted(unknown))}.")
        reason = check_reason(reason)
        with self._context.write() as journal:
            lock_chains(journal.connection, journal.ledger, [self._context.key])
            versions = policy_versions(journal.connection, self._context, PolicyTopic.DECISIONS)
            last = versions[-1] if versions else None
            base = policy_from(last.version, last.body) if last else DecisionPolicy()
            policy = replace(base, **changes, version=base.version + 1)
            today = day_of(journal.recorded_at, journal.zone)
            day = today if effective_on is None else check_day(effective_on, "effective_on")
            earliest = max(today, (last.effective_day or today) if last else today)
            if day < earliest:
                raise BadInputError(
                    f"A version holds from {date_of_day(earliest).isoformat()} at the earliest: "
                    "never before today, nor before the version that it follows."
                )
            add_policy(
                journal,
                self._context,
                PolicyTopic.DECISIONS,
                policy.version,
                policy.to_body(),
                effective_day=day,
                reason=reason,
            )
        return policy

    def _decide(
        self, customer: CustomerLike, kind: DecisionKind, scope: Scope, facts: Any
    ) -> DecisionStep:
        _check_facts(facts)
        with self._context.write() as journal:
            desk = self._desk(journal, customer)
            incidents, missing = desk.cited([_entry(i) for i in facts["incidents"]])
            safety, unsafe = desk.cited([_entry(i) for i in facts.get("safety", ())])
            policy = desk.policy
            first = facts.get("effective_from") or desk.today
            days = policy.bypass_days if facts.get("bypass") else policy.review_days
            made = DecisionMade(
                ref=desk.next_ref(),
                day=desk.today,
                by=desk.writer,
                kind=kind,
                reasons=facts["reasons"],
                incidents=incidents,
                safety=safety,
                flag=desk.flag() if kind is DecisionKind.DO_NOT_SERVE else None,
                scope=scope,
                staff_text=facts["staff_text"],
                customer_text=facts["customer_text"],
                effective_from=facts.get("effective_from"),
                review_on=facts.get("review_on") or first + timedelta(days),
                rule=facts.get("rule", ""),
                bypass=facts.get("bypass", ""),
                override=facts.get("override"),
                policy=policy,
            )
            return desk.write(made, (*missing, *unsafe))

    def _review(self, decision: DecisionLike, reasons: str, review_on: date | None) -> DecisionStep:
        return self._follow(
            decision, lambda desk, ref: Reviewed(ref, desk.today, desk.writer, reasons, review_on)
        )

    def _follow(self, decision: DecisionLike, event: Any) -> DecisionStep:
        """Write what comes of a decision into the chain that it is in."""
        ref = _ref(decision)
        with self._context.write() as journal:
            key = chain_key(journal.connection, self._context, ref)
            desk = DecisionDesk.at(journal, self._context, key)
            return desk.write(event(desk, ref))

    def _desk(self, journal: Journal, customer: CustomerLike) -> DecisionDesk:
        key = customer_key(journal.connection, self._context, customer)
        return DecisionDesk.at(journal, self._context, key)


def _reinstated(desk: DecisionDesk, named: list[EntryRef], reasons: str) -> DecisionStep:
    """An entry in the chain of each decision that ends: a later unmerging leaves it as it is."""
    steps = []
    for subject in sorted({ref.subject for ref in named}):
        own = tuple(sorted(ref for ref in named if ref.subject == subject))
        place = replace(desk, key=desk.journal.key_of(subject))
        made = DecisionMade(
            ref=place.next_ref(),
            day=desk.today,
            by=desk.writer,
            kind=DecisionKind.REINSTATEMENT,
            reasons=reasons,
            ends=own,
            policy=desk.policy,
        )
        steps.append(place.write(made))
    return steps[0]


def _check_facts(facts: Any) -> None:
    wrong = sorted((facts.keys() - _FACTS) | (_NEEDED - facts.keys()))
    if wrong:
        raise BadInputError(
            f"A decision is made with {', '.join(sorted(_NEEDED))}; look at: {', '.join(wrong)}."
        )
    for name in ("effective_from", "review_on"):
        if facts.get(name) is not None:
            check_day(facts[name], name)


def _ref(decision: object) -> EntryRef:
    if isinstance(decision, DecisionState):
        return decision.made.ref
    if isinstance(decision, DecisionStep) and decision.decision is not None:
        return decision.decision.made.ref
    if not isinstance(decision, EntryRef):
        raise BadInputError(f"Name a decision by itself or its reference, not {decision!r}.")
    return decision


def _entry(record: object) -> EntryRef:
    if isinstance(record, DecisionStep) and record.entry is not None:
        return record.entry
    if isinstance(record, DecisionState):
        return record.made.ref
    ref = record.ref if isinstance(record, TrailEntry) else getattr(record, "id", record)
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name an entry by its record or its reference, not {record!r}.")
    return ref
