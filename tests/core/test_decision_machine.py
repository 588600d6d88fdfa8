"""No sequence of events gets round the rules: the state machine under hypothesis.

Events of every sort, right and wrong, come in any order. What must hold is checked on the raw
events, not with the functions under test.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from custledger.core.decisions.events import (
    AppealDecided,
    Appealed,
    Cited,
    DecisionKind,
    DecisionMade,
    Event,
    Missing,
    NoticeGiven,
    Override,
    Reviewed,
    ScoreFlag,
)
from custledger.core.decisions.rules import refusals, state_of
from custledger.core.decisions.scope import Limit, Scope
from custledger.core.decisions.state import CustomerDecisions, DecisionState
from custledger.core.records import Channel, EntryRef, Staff, StaffRole

ANN = UUID(int=7)
START = date(2026, 1, 5)
OWNER = Staff(UUID(int=1), "Olga", StaffRole.OWNER)
AGENT = Staff(UUID(int=2), "Abel", StaffRole.AGENT)
SHOP = Staff(UUID(int=3), "shop", StaffRole.PROGRAM)
PEOPLE = frozenset((OWNER.id, AGENT.id))
WHY = "Insulted two drivers on the phone and threatened one of them."

people = st.sampled_from([OWNER, AGENT])
anybody = st.sampled_from([OWNER, OWNER, AGENT, AGENT, SHOP])
reasons = st.sampled_from([WHY] * 8 + ["", "Score 83"])
kinds = st.sampled_from(
    [*DecisionKind, *[DecisionKind.WARNING] * 3, *[DecisionKind.DO_NOT_SERVE] * 4]
)
ways = st.sampled_from(["", "", "", "bypass", "override"])
# Most decisions have nothing wrong, so that deep states are reached; the others one thing.
SLIPS = (
    {"by": SHOP},
    {"by": AGENT},
    {"reasons": ""},
    {"reasons": "Score 83"},
    {"incidents": ()},
    {"safety": ()},
    {"flag": None},
    {"flag": None, "safety": ()},
    {"review_on": START - timedelta(1)},
    {"review_on": None},
    {"review_on": date(2031, 1, 1)},
    {"effective_from": START - timedelta(1)},
    {"override": None},
    {"bypass": ""},
    {"staff_text": ""},
)
slips = st.sampled_from([{}] * 2 * len(SLIPS) + [*SLIPS])
lacks = st.frozensets(st.sampled_from([*Missing]), min_size=1) | st.just(frozenset(Missing))
overrides = st.builds(Override, reasons, lacks)
registered = st.sampled_from([PEOPLE, PEOPLE, frozenset((OWNER.id,)), frozenset((AGENT.id,))])
SCOPES = {
    DecisionKind.RESTRICTION: Scope(limits=frozenset({Limit.PREPAYMENT_ONLY})),
    DecisionKind.BLOCK: Scope(channels=frozenset({Channel.SOCIAL})),
}


class Decisions(RuleBasedStateMachine):
    """One customer; every proposed event is kept, allowed or not."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.today = START
        self.made: list[DecisionMade] = []
        self.number = 100

    @rule(days=st.sampled_from([0, 1, 1, 2, 5, 14, 40, 100]))
    def wait(self, days: int) -> None:
        self.today += timedelta(days)

    @rule(
        kind=kinds,
        by=people,
        way=ways,
        override=overrides,
        days=st.sampled_from([5, 30, 90, 365]),
        slip=slips,
    )
    def decide(
        self,
        kind: DecisionKind,
        by: Staff,
        way: str,
        override: Override,
        days: int,
        slip: dict[str, Any],
    ) -> None:
        self.number += 10
        hit = Cited(EntryRef(ANN, self.number - 1), self.today)
        dangerous = way == "bypass"
        made = DecisionMade(
            EntryRef(ANN, self.number),
            self.today,
            OWNER if way == "override" else by,
            kind,
            WHY,
            incidents=(hit,),
            safety=(hit,) if dangerous else (),
            flag=ScoreFlag(self.today, 1),
            scope=SCOPES.get(kind, Scope()),
            staff_text="Pass calls to Olga.",
            customer_text="Please speak with Olga.",
            review_on=self.today + timedelta(5 if dangerous else days),
            bypass="He came to the door with a knife." if dangerous else "",
            override=override if way == "override" else None,
        )
        made = replace(made, **slip)
        self.made.append(made)
        self.events.append(made)

    @rule(by=people)
    def warn_and_tell(self, by: Staff) -> None:
        self.decide(DecisionKind.WARNING, by, "", Override(WHY, frozenset(Missing)), 365, {})
        self._tell(self.made[-1], by, WHY, "Write to Olga.")

    @rule(by=people, slip=slips, days=st.sampled_from([1, 1, 2, 80]))
    def ban_and_tell(self, by: Staff, slip: dict[str, Any], days: int) -> None:
        override = Override(WHY, frozenset(Missing))
        self.decide(DecisionKind.DO_NOT_SERVE, by, "", override, 90, slip)
        self._tell(self.made[-1], by, WHY, "Write to Olga.")
        self.today += timedelta(days)

    @rule(data=st.data(), by=anybody, why=reasons, told=st.sampled_from([True] * 5 + [False]))
    def give_notice(self, data: st.DataObject, by: Staff, why: str, told: bool) -> None:
        if (made := self._some(data)) is not None:
            self._tell(made, by, why, "Write to Olga." if told else "")

    @rule(data=st.data(), by=anybody, ago=st.sampled_from([-1, 0, 0, 0, 1, 30]))
    def appeal(self, data: st.DataObject, by: Staff, ago: int) -> None:
        if (made := self._some(data)) is not None:
            received = self.today - timedelta(ago)
            self.events.append(Appealed(made.ref, self.today, by, "It was not me.", received))

    @rule(
        data=st.data(),
        by=anybody,
        why=reasons,
        overturned=st.booleans(),
        people=registered,
        outsider=st.sampled_from(["", "", "Rita", "olga"]),
        override=st.sampled_from([None, None, Override(WHY, frozenset(Missing))]),
    )
    def decide_appeal(
        self,
        data: st.DataObject,
        by: Staff,
        why: str,
        overturned: bool,
        people: frozenset[UUID],
        outsider: str,
        override: Override | None,
    ) -> None:
        if (made := self._some(data)) is not None:
            self.events.append(
                AppealDecided(made.ref, self.today, by, overturned, why, people, outsider, override)
            )

    @rule(
        data=st.data(),
        by=people,
        days=st.sampled_from([0, 1, 14]),
        overturned=st.booleans(),
        people_then=registered,
    )
    def appeal_and_decide(
        self,
        data: st.DataObject,
        by: Staff,
        days: int,
        overturned: bool,
        people_then: frozenset[UUID],
    ) -> None:
        if (made := self._some(data)) is not None:
            ref = made.ref
            self.events.append(Appealed(ref, self.today, SHOP, "It was not me.", self.today))
            self.today += timedelta(days)
            self.events.append(AppealDecided(ref, self.today, by, overturned, WHY, people_then))

    @rule(data=st.data(), by=anybody, why=reasons, days=st.sampled_from([None, 0, 30, 365, 400]))
    def review(self, data: st.DataObject, by: Staff, why: str, days: int | None) -> None:
        if (made := self._some(data)) is not None:
            until = None if days is None else self.today + timedelta(days)
            self.events.append(Reviewed(made.ref, self.today, by, why, until))

    @invariant()
    def do_not_serve_came_by_all_steps(self) -> None:
        for ban in self._state().in_force:
            if ban.made.kind is DecisionKind.DO_NOT_SERVE:
                self._check_steps(ban)

    @invariant()
    def nothing_survives_its_review_date_unextended(self) -> None:
        for decision in self._state().in_force:
            reviews = [
                e
                for e in self.events
                if isinstance(e, Reviewed)
                and e.decision == decision.made.ref
                and e.review_on is not None
                and e.reasons == WHY
            ]
            dates = [decision.made.review_on, *(e.review_on for e in reviews)]
            assert self.today < max(d for d in dates if d)

    @invariant()
    def no_appeal_was_decided_by_the_decider(self) -> None:
        for decision in self._state().decisions:
            decided = decision.appeal_decided
            if decided is None or decided.by.id != decision.made.by.id:
                continue
            assert decided.by.role is not StaffRole.PROGRAM
            marked = bool(decision.marks)
            alone = decided.registered <= decision.deciders
            overridden = decided.override is not None and decided.by.role is StaffRole.OWNER
            assert marked
            assert alone or overridden

    @invariant()
    def refused_event_changes_nothing(self) -> None:
        if self.events:
            *before, last = self.events
            state = state_of(before, last.day)
            after = state_of(self.events, last.day)
            refused = refusals(last, state)
            assert (after.decisions == state.decisions) == bool(refused)
            assert len(after.ignored) == len(state.ignored) + bool(refused)

    def _check_steps(self, ban: DecisionState) -> None:
        made = ban.made
        assert made.reasons == WHY
        assert made.incidents
        assert made.by.role is not StaffRole.PROGRAM
        overridden = made.override.covers if made.override else frozenset()
        if made.override:
            assert made.by.role is StaffRole.OWNER
            assert made.override.reasons == WHY
        if made.bypass:
            assert made.safety
            assert "took effect at once for somebody's safety" in ban.marks
            return
        assert made.flag or made.safety or Missing.EVIDENCE in overridden
        told = [
            e
            for e in self.events
            if isinstance(e, NoticeGiven) and e.reasons == WHY and e.appeal_route
        ]
        own = [e for e in told if e.decision == made.ref and e.day < self.today]
        assert own or Missing.NOTICE in overridden
        warnings = {
            d.ref for d in self.made if d.kind is DecisionKind.WARNING and d.day <= made.day
        }
        prior = [e for e in told if e.decision in warnings and e.day <= made.day]
        assert prior or Missing.WARNING in overridden

    def _tell(self, made: DecisionMade, by: Staff, why: str, route: str) -> None:
        current = self._state().get(made.ref)
        review_on = current.review_on if current else self.today
        self.events.append(NoticeGiven(made.ref, self.today, by, "letter", why, review_on, route))

    def _state(self) -> CustomerDecisions:
        return state_of(self.events, self.today)

    def _some(self, data: st.DataObject) -> DecisionMade | None:
        """One of the latest decisions, mostly one that was allowed."""
        allowed = [d.made for d in self._state().decisions][-3:]
        return data.draw(st.sampled_from(allowed * 3 + self.made[-1:])) if self.made else None


TestDecisions = Decisions.TestCase
TestDecisions.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
