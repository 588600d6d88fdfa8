"""No sequence of calls of the book gets round the rules: a state machine on a real database.

Calls, right and wrong, come in any order, by an owner, an agent and a program, about a person with
one name or two. What must hold is checked on the entries of the trail, not with what the book says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from custledger import Ledger, Money, open_ledger
from custledger.core.clock import date_of_day, day_of, to_microseconds
from custledger.core.decisions.events import DecisionKind, Missing, Override
from custledger.core.decisions.scope import Limit, Scope
from custledger.core.decisions.service import Verdict
from custledger.core.decisions.state import DecisionState
from custledger.core.records import Customer, EntryKind, EntryRef, StaffRole, TrailEntry
from custledger.pytest_plugin import START, Clock
from tests.books.deciding import DAY, ROUTE, WHY, facts, incident, merge

PREPAID = Scope(limits=frozenset({Limit.PREPAYMENT_ONLY}))
KNIFE = "He came to the door with a knife."

people = st.sampled_from(["Olga", "Olga", "Sam", "Sam", "shop"])
numbers = st.integers(0, 5)
reasons = st.sampled_from([WHY] * 6 + ["", "Score 83"])
kinds = st.sampled_from(["warn", "warn", "restrict", "block", *["do_not_serve"] * 4])
# Most decisions have nothing wrong, so that deep states are reached; the others one thing.
SLIPS: list[dict[str, Any]] = [
    {"reasons": "Score 83"},
    {"safety": []},
    {"safety": []},
    {"review_on": START.date() - DAY},
    {"review_on": date(2090, 1, 1)},
    {"effective_from": START.date() - DAY},
    {"staff_text": ""},
    {"bypass": KNIFE},
]
slips = st.sampled_from([*[{}] * 2 * len(SLIPS), *SLIPS])
lacks = st.frozensets(st.sampled_from([*Missing]), min_size=1) | st.just(frozenset(Missing))
overrides = st.none() | st.none() | st.builds(Override, reasons, lacks)


class Firm(NamedTuple):
    """One ledger as each of its people has it open."""

    clock: Clock
    ledgers: dict[str, Ledger]
    roles: dict[Any, StaffRole]


class Raw(NamedTuple):
    """An entry about decisions that stands, as the trail has it."""

    ref: EntryRef
    day: date
    role: StaffRole
    by: Any
    facts: Any
    case: EntryRef

    @property
    def event(self) -> str:
        return str(self.facts["event"])


class Calls(RuleBasedStateMachine):
    """The calls about one person, who has two names once they are merged."""

    def __init__(self, firm: Firm) -> None:
        super().__init__()
        self.firm = firm
        self.clock = firm.clock
        self.clock.set(START)
        self.names: list[Customer] = []
        self.merged = False

    @initialize(flagged=st.booleans())
    def come(self, flagged: bool) -> None:
        ledger = self.firm.ledgers["Olga"]
        self.names = [ledger.customers.add("Ann Miller"), ledger.customers.add("A. Miller")]
        if flagged:
            self._make_flagged(ledger, self.names[0])

    @rule(days=st.sampled_from([0, 1, 1, 2, 5, 14, 40, 100]))
    def wait(self, days: int) -> None:
        self.clock.advance(timedelta(days))

    @rule()
    def merge_the_names(self) -> None:
        if not self.merged:
            merge(self.firm.ledgers["Olga"], self.names[1], into=self.names[0])
            self.merged = True

    @rule(kind=kinds, by=people, name=st.sampled_from([0, 0, 1]), slip=slips, override=overrides)
    def decide(
        self, kind: str, by: str, name: int, slip: dict[str, Any], override: Override | None
    ) -> None:
        self._decide(kind, by, name, slip, override)

    def _decide(
        self, kind: str, by: str, name: int, slip: dict[str, Any], override: Override | None
    ) -> Any:
        ledger, customer = self.firm.ledgers[by], self.names[name]
        hit = incident(ledger, customer)
        given = facts(hit, safety=[hit], override=override)
        if kind == "do_not_serve" and "bypass" not in slip:
            given["review_on"] = ledger.today() + timedelta(90)
        given |= slip
        book: Any = ledger.decisions
        scope = [PREPAID] if kind == "restrict" else []
        return self._step(lambda: getattr(book, kind)(customer, *scope, **given))

    @rule(kind=kinds, name=st.sampled_from([0, 0, 1]), slip=slips, days=st.sampled_from([1, 2, 80]))
    def decide_and_tell(self, kind: str, name: int, slip: dict[str, Any], days: int) -> None:
        made = self._decide(kind, "Olga", name, slip, None)
        if made.done:
            self._tell(made, "Sam", WHY, ROUTE)
            self.clock.advance(timedelta(days))

    @rule(which=numbers, by=people, why=reasons, route=st.sampled_from([ROUTE, ROUTE, ""]))
    def give_notice(self, which: int, by: str, why: str, route: str) -> None:
        if (ref := self._some(which)) is not None:
            self._tell(ref, by, why, route)

    @rule(which=numbers, by=people, ago=st.sampled_from([-1, 0, 0, 0, 1, 30]))
    def appeal(self, which: int, by: str, ago: int) -> None:
        if (ref := self._some(which)) is not None:
            ledger = self.firm.ledgers[by]
            on = ledger.today() - timedelta(ago)
            words = "It was not me."
            self._step(lambda: ledger.decisions.appeal(ref, words=words, received_on=on))

    @rule(
        which=numbers,
        by=people,
        why=reasons,
        overturned=st.booleans(),
        outsider=st.sampled_from(["", "", "Rita Bell", "olga"]),
        override=overrides,
    )
    def decide_appeal(
        self,
        which: int,
        by: str,
        why: str,
        overturned: bool,
        outsider: str,
        override: Override | None,
    ) -> None:
        if (ref := self._some(which)) is not None:
            book = self.firm.ledgers[by].decisions
            self._step(
                lambda: book.decide_appeal(
                    ref, overturned=overturned, reasons=why, outsider=outsider, override=override
                )
            )

    @rule(which=numbers, by=people, why=reasons, days=st.sampled_from([None, 0, 30, 365, 400]))
    def review(self, which: int, by: str, why: str, days: int | None) -> None:
        if (ref := self._some(which)) is None:
            return
        ledger = self.firm.ledgers[by]
        if days is None:
            self._step(lambda: ledger.decisions.end(ref, reasons=why))
        else:
            until = ledger.today() + timedelta(days)
            self._step(lambda: ledger.decisions.extend(ref, review_on=until, reasons=why))

    @rule(by=people, name=st.sampled_from([0, 1]), why=reasons)
    def reinstate(self, by: str, name: int, why: str) -> None:
        book = self.firm.ledgers[by].decisions
        self._step(lambda: book.reinstate(self.names[name], reasons=why))

    @rule(which=numbers, by=people)
    def take_back(self, which: int, by: str) -> None:
        found = self._raw()
        if found:
            ref = found[-1 - which % len(found)].ref
            book = self.firm.ledgers[by].decisions
            open_before = {d.made.ref for d in self._open()}
            gone = self._step(lambda: book.void(ref, reason="a mistake"))
            back = {d.made.ref for d in self._open()} - open_before
            assert not back or any(r.by == self._id(by) for r in found if r.ref == ref)
            assert gone.done == (ref not in {r.ref for r in self._raw()})

    @invariant()
    def do_not_serve_came_by_all_steps(self) -> None:
        for ban in self._in_force():
            if ban.made.kind is DecisionKind.DO_NOT_SERVE:
                self._check_steps(ban.made.ref)

    @invariant()
    def nothing_survives_its_review_date_unextended(self) -> None:
        raw = self._raw()
        for decision in self._in_force():
            until = [
                r.facts["until_day"]
                for r in raw
                if r.case == decision.made.ref
                and r.event in ("decision", "review")
                and "until_day" in r.facts
            ]
            assert self._today() < date_of_day(max(until))

    @invariant()
    def no_appeal_was_decided_by_the_decider_unless_it_is_marked(self) -> None:
        raw = self._raw()
        made_by = {r.ref: r.by for r in raw if r.event == "decision"}
        for decided in raw:
            if decided.event == "appeal_decided" and decided.by == made_by.get(decided.case):
                others = set(decided.facts["registered"]) - {str(decided.by)}
                assert not others or "override" in decided.facts
                assert "override" not in decided.facts or decided.role is StaffRole.OWNER
                found = self._get(decided.case)
                assert found is None or found.appeal_decided is None or found.marks

    @invariant()
    def program_decided_nothing(self) -> None:
        told = ("notice", "appeal")
        assert all(r.role is not StaffRole.PROGRAM for r in self._raw() if r.event not in told)

    @invariant()
    def door_says_what_is_in_force(self) -> None:
        if not self.names:
            return
        kinds = {d.made.kind for d in self._in_force(self.names[0])}
        verdict = self.firm.ledgers["Olga"].check_service(self.names[0], "order").verdict
        if not kinds:
            assert verdict is Verdict.ALLOW
        assert (verdict is Verdict.DENY) == bool(
            kinds & {DecisionKind.DO_NOT_SERVE, DecisionKind.RESTRICTION}
        )

    def _check_steps(self, ref: EntryRef) -> None:
        raw = self._raw()
        made = next(r for r in raw if r.ref == ref)
        assert made.facts["reasons"] == WHY
        assert made.facts["incidents"]
        assert made.role is not StaffRole.PROGRAM
        lacking = set(made.facts.get("override", ()))
        assert not lacking or made.role is StaffRole.OWNER
        if "bypass" in made.facts:
            assert made.facts["safety"]
            return
        assert {"flag", "safety"} & made.facts.keys() or "evidence" in lacking
        told = [r for r in raw if r.event == "notice" and r.facts["reasons"] == WHY]
        assert all(r.facts["appeal_route"] == ROUTE for r in told)
        own = [r for r in told if r.case == ref and r.day < self._today()]
        assert own or "notice" in lacking
        warnings = {r.ref for r in raw if r.facts.get("kind") == "warning" and r.day <= made.day}
        prior = [r for r in told if r.case in warnings and r.day <= made.day]
        assert prior or "warning" in lacking

    def _tell(self, made: Any, by: str, why: str, route: str) -> None:
        book = self.firm.ledgers[by].decisions
        self._step(lambda: book.notice(made, how="letter", appeal_route=route, reasons=why))

    def _step(self, call: Any) -> Any:
        """A call; if it is refused, with reasons, nothing was written."""
        before = len(self._history())
        found = call()
        written = len(self._history()) - before
        assert bool(written) == found.done
        assert found.done or all(r.text.endswith(".") for r in found.refusals)
        return found

    def _some(self, which: int) -> EntryRef | None:
        made = [r.ref for r in self._raw() if r.event == "decision"]
        return made[-1 - which % len(made)] if made else None

    def _history(self) -> list[TrailEntry]:
        found = [e for name in self.names for e in self.firm.ledgers["Olga"].history(name)]
        return [e for e in found if e.kind in (EntryKind.DECISION, EntryKind.VOID)]

    def _raw(self) -> list[Raw]:
        standing = [e for e in self._history() if e.kind is EntryKind.DECISION]
        return [self._raw_of(e) for e in standing if e.superseded_by is None]

    def _raw_of(self, entry: TrailEntry) -> Raw:
        day = date_of_day(day_of(to_microseconds(entry.recorded_at), "Europe/Paris"))
        case = EntryRef(entry.ref.subject, entry.facts.get("of", entry.ref.seq))
        by = entry.actor_id
        return Raw(entry.ref, day, self.firm.roles[by], by, entry.facts, case)

    def _in_force(self, *names: Customer) -> list[DecisionState]:
        return [d for name in names or self.names for d in self._of(name).in_force]

    def _open(self) -> list[DecisionState]:
        return [d for name in self.names for d in self._of(name).still_open]

    def _get(self, ref: EntryRef) -> DecisionState | None:
        return self._of(ref.subject).get(ref)

    def _of(self, name: Any) -> Any:
        return self.firm.ledgers["Olga"].decisions.of(name)

    def _today(self) -> date:
        return self.firm.ledgers["Olga"].today()

    def _id(self, name: str) -> Any:
        return self.firm.ledgers[name].actor.id

    def _make_flagged(self, ledger: Ledger, customer: Customer) -> None:
        for _ in range(8):
            incident(ledger, customer, handling_time=timedelta(hours=3))
            ledger.money.record_chargeback(customer, amount=Money.of("200", "EUR"))
            self.clock.advance(9 * DAY)


@pytest.fixture
def firm(ledger: Ledger, location: str, clock: Clock) -> Iterator[Firm]:
    """Two people and a program; everything is written to the same ledger."""
    ledger.staff.add("shop", role="program")
    ledger.score_policies.set(margin=0.4)
    roles = {staff.id: staff.role for staff in ledger.staff.all()}
    with ExitStack() as stack:
        others = {
            name: stack.enter_context(open_ledger(location, actor=name, now=clock))
            for name in ("Sam", "shop")
        }
        yield Firm(clock, {"Olga": ledger, **others}, roles)


def run(firm: Firm, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        lambda: Calls(firm),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )


@pytest.mark.parametrize("location", ["sqlite"], indirect=True)
def test_no_sequence_of_calls_gets_round_the_rules(firm: Firm) -> None:
    run(firm, 8, 15)


@pytest.mark.slow
def test_no_long_sequence_of_calls_gets_round_the_rules(firm: Firm) -> None:
    run(firm, 100, 40)


@pytest.mark.slow
def test_no_long_sequence_gets_round_the_rules_where_one_person_is_alone(firm: Firm) -> None:
    firm.ledgers["Olga"].staff.deactivate("Sam")
    firm.ledgers["Sam"] = firm.ledgers["Olga"]
    run(firm, 60, 40)
