"""Decisions about a customer: each step, each refusal, and what the error report counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from custledger.core.decisions.events import (
    AppealDecided,
    Appealed,
    Cited,
    DecisionKind,
    DecisionMade,
    DecisionPolicy,
    Event,
    Missing,
    NoticeGiven,
    Override,
    Reviewed,
    ScoreFlag,
)
from custledger.core.decisions.report import error_report
from custledger.core.decisions.rules import explains, refusals, state_of, state_of_group
from custledger.core.decisions.scope import Hours, Limit, Scope
from custledger.core.decisions.state import Phase
from custledger.core.records import Channel, EntryRef, Staff, StaffRole
from custledger.errors import BadInputError

ANN = UUID(int=7)
OWNER = Staff(UUID(int=1), "Olga", StaffRole.OWNER)
AGENT = Staff(UUID(int=2), "Abel", StaffRole.AGENT)
SHOP = Staff(UUID(int=3), "shop", StaffRole.PROGRAM)
EVERYBODY = frozenset((OWNER.id, AGENT.id))
START = date(2026, 3, 2)
WHY = "Insulted two drivers on the phone and threatened one of them."
PREPAID = Scope(limits=frozenset({Limit.PREPAYMENT_ONLY}))


def day(n: int) -> date:
    return START + timedelta(n)


def ref(n: int) -> EntryRef:
    return EntryRef(ANN, n)


def cited(n: int, on: int) -> Cited:
    return Cited(ref(n), day(on))


def decision(n: int, on: int, kind: DecisionKind, **facts: Any) -> DecisionMade:
    given: dict[str, Any] = {
        "by": AGENT,
        "reasons": WHY,
        "incidents": (cited(n - 1, on),),
        "staff_text": "Stay calm and pass calls to Olga.",
        "customer_text": "We ask you to speak with Olga.",
        "review_on": day(on + 90),
    }
    return DecisionMade(ref(n), day(on), kind=kind, **{**given, **facts})


def notice(of: int, on: int, review: int, **facts: Any) -> NoticeGiven:
    given: dict[str, Any] = {
        "by": AGENT,
        "how": "letter",
        "reasons": WHY,
        "review_on": day(review),
        "appeal_route": "Write to Olga.",
    }
    return NoticeGiven(ref(of), day(on), **{**given, **facts})


def warned() -> list[Event]:
    return [decision(11, 0, DecisionKind.WARNING), notice(11, 1, 90)]


def banned() -> list[Event]:
    flag = ScoreFlag(day(10), 1)
    ban = decision(21, 10, DecisionKind.DO_NOT_SERVE, flag=flag)
    return [*warned(), ban, notice(21, 11, 100)]


def codes(events: list[Event], event: Event) -> set[str]:
    return {r.code for r in refusals(event, state_of(events, event.day))}


def phase(events: list[Event], n: int, on: int) -> Phase:
    found = state_of(events, day(on)).get(ref(n))
    assert found is not None
    return found.phase(day(on))


def test_do_not_serve_after_warning_and_notice_takes_effect_and_lapses() -> None:
    events = banned()
    phases = [phase(events, 21, on) for on in (10, 11, 12, 99, 100, 400)]
    assert phases == [
        Phase.DECIDED,
        Phase.ANNOUNCED,
        Phase.IN_FORCE,
        Phase.IN_FORCE,
        Phase.LAPSED,
        Phase.LAPSED,
    ]
    assert not state_of(events, day(12)).ignored


def test_do_not_serve_without_warning_is_refused_and_never_in_force() -> None:
    ban = decision(21, 10, DecisionKind.DO_NOT_SERVE, flag=ScoreFlag(day(10), 1))
    assert codes([], ban) == {"warning"}
    state = state_of([ban, notice(21, 11, 100)], day(20))
    assert state.decisions == ()
    assert len(state.ignored) == 2


def test_warning_that_was_not_told_or_has_lapsed_is_no_warning() -> None:
    ban = decision(21, 10, DecisionKind.DO_NOT_SERVE, flag=ScoreFlag(day(10), 1))
    assert codes(warned()[:1], ban) == {"warning"}
    late = decision(21, 95, DecisionKind.DO_NOT_SERVE, flag=ScoreFlag(day(95), 1))
    assert codes(warned(), late) == {"warning"}


def test_warning_that_an_owner_kept_from_the_customer_is_no_warning() -> None:
    silent = Override("We did not want to upset him.", frozenset({Missing.NOTICE}))
    kept = decision(11, 0, DecisionKind.WARNING, by=OWNER, override=silent)
    ban = decision(21, 10, DecisionKind.DO_NOT_SERVE, flag=ScoreFlag(day(10), 1))
    assert codes([kept], ban) == {"warning"}


def test_customer_is_given_the_chance_to_heed_the_warning() -> None:
    flag = ScoreFlag(day(10), 1)
    old = decision(21, 10, DecisionKind.DO_NOT_SERVE, flag=flag, incidents=(cited(10, 0),))
    assert codes(warned(), old) == {"new_incident"}


def test_incident_recorded_before_the_notice_of_that_day_is_none_after_the_warning() -> None:
    notice_of_today = notice(11, 10, 90, ref=ref(14))
    flag = ScoreFlag(day(10), 1)
    for seq, wanted in ((13, {"new_incident"}), (15, set())):
        incidents = (cited(seq, 10),)
        ban = decision(21, 10, DecisionKind.DO_NOT_SERVE, flag=flag, incidents=incidents)
        assert codes([warned()[0], notice_of_today], ban) == wanted


@pytest.mark.parametrize(
    ("flag", "missing"),
    [
        (None, {"evidence"}),
        (ScoreFlag(day(10), 1), set()),
        (ScoreFlag(day(-21), 1), {"evidence"}),
        (ScoreFlag(day(11), 1), {"evidence"}),
    ],
)
def test_evidence_is_a_flag_of_these_days(flag: ScoreFlag | None, missing: set[str]) -> None:
    assert codes(warned(), decision(21, 10, DecisionKind.DO_NOT_SERVE, flag=flag)) == missing


def test_safety_incident_is_evidence_without_any_score() -> None:
    hit = cited(20, 10)
    ban = decision(21, 10, DecisionKind.DO_NOT_SERVE, incidents=(hit,), safety=(hit,))
    assert codes(warned(), ban) == set()


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"reasons": ""}, "reasons"),
        ({"reasons": "Score 83.4"}, "reasons"),
        ({"reasons": "The customer is flagged by the system"}, "reasons"),
        ({"by": SHOP}, "no_person"),
        ({"by": replace(AGENT, active=False)}, "inactive"),
        ({"incidents": ()}, "incidents"),
        ({"incidents": (cited(30, 11),)}, "incidents"),
        ({"incidents": (Cited(EntryRef(UUID(int=8), 1), day(9)),)}, "incidents"),
        ({"safety": (cited(9, 9),)}, "safety"),
        ({"staff_text": ""}, "texts"),
        ({"customer_text": " "}, "texts"),
        ({"review_on": None}, "review_on"),
        ({"review_on": day(10)}, "review_on"),
        ({"review_on": day(9)}, "review_on"),
        ({"review_on": day(10 + 366)}, "review_on"),
        ({"effective_from": day(9)}, "effective_from"),
        ({"scope": PREPAID}, "scope"),
        ({"override": Override(WHY, frozenset({Missing.WARNING}))}, "owner"),
        ({"by": OWNER, "override": Override("", frozenset({Missing.WARNING}))}, "override"),
        ({"by": OWNER, "override": Override(WHY, frozenset())}, "override"),
    ],
)
def test_decision_with_something_wrong_is_refused(facts: dict[str, Any], code: str) -> None:
    flag = ScoreFlag(day(10), 1)
    wrong = decision(21, 10, DecisionKind.DO_NOT_SERVE, **{"flag": flag, **facts})
    found = codes(warned(), wrong)
    assert code in found
    assert found <= {code, "new_incident"}


def test_every_refusal_says_what_to_do_in_a_sentence() -> None:
    wrong = decision(21, 10, DecisionKind.DO_NOT_SERVE, reasons="", incidents=(), review_on=None)
    for refusal in refusals(wrong, state_of([], day(10))):
        assert refusal.text[0].isupper()
        assert refusal.text.endswith(".")


def test_reasons_are_more_than_a_score_in_any_script() -> None:
    assert explains("Shouted at Mia on 3 March")
    assert explains("三月三日辱骂员工")
    assert not explains("83")
    assert not explains("bad fit, score above the line")
    assert not explains("too rude")


def test_restriction_about_payment_needs_no_warning_and_any_other_does() -> None:
    assert codes([], decision(21, 3, DecisionKind.RESTRICTION, scope=PREPAID)) == set()
    alone = Scope(limits=frozenset({Limit.SINGLE_CONTACT}), contact="Olga")
    assert codes([], decision(21, 3, DecisionKind.RESTRICTION, scope=alone)) == {"warning"}
    assert codes(warned(), decision(21, 3, DecisionKind.RESTRICTION, scope=alone)) == set()
    assert codes([], decision(21, 3, DecisionKind.RESTRICTION)) >= {"scope"}


def test_block_is_of_a_social_channel() -> None:
    social = Scope(channels=frozenset({Channel.SOCIAL}), account="@ann")
    assert codes(warned(), decision(21, 3, DecisionKind.BLOCK, scope=social)) == set()
    assert codes(warned(), decision(21, 3, DecisionKind.BLOCK)) == {"scope"}


def bypass(on: int = 10, **facts: Any) -> DecisionMade:
    hit = cited(20, on)
    given: dict[str, Any] = {
        "incidents": (hit,),
        "safety": (hit,),
        "bypass": "He came to the door with a knife.",
        "review_on": day(on + 5),
    }
    return decision(21, on, DecisionKind.DO_NOT_SERVE, **{**given, **facts})


def test_bypass_takes_effect_at_once_and_owes_notice_and_review() -> None:
    state = state_of([bypass()], day(10))
    assert [d.made.ref for d in state.in_force] == [ref(21)]
    assert [(d.what, d.due_on) for d in state.decisions[0].duties] == [
        ("notice", day(15)),
        ("review", day(15)),
    ]
    assert state.decisions[0].marks == ("took effect at once for somebody's safety",)


def test_bypass_without_notice_and_review_lapses_after_days() -> None:
    assert phase([bypass()], 21, 14) is Phase.IN_FORCE
    assert phase([bypass()], 21, 15) is Phase.LAPSED
    longer = Reviewed(ref(21), day(12), OWNER, WHY, day(100))
    assert codes([bypass()], longer) == {"notice"}
    told = [bypass(), notice(21, 12, 15), longer]
    assert phase(told, 21, 99) is Phase.IN_FORCE
    assert state_of(told, day(12)).decisions[0].duties == ()


@pytest.mark.parametrize(
    "facts",
    [
        {"safety": ()},
        {"bypass": "83"},
        {"review_on": day(16)},
        {"effective_from": day(11)},
        {"kind": DecisionKind.WARNING},
    ],
)
def test_bypass_is_for_safety_now_and_for_days(facts: dict[str, Any]) -> None:
    event = replace(bypass(), **facts)
    assert "bypass" in codes([], event)


def test_owner_goes_on_without_what_is_missing_and_it_is_shown() -> None:
    covers = frozenset({Missing.EVIDENCE, Missing.WARNING, Missing.NOTICE})
    why = Override("The theft is before the court; we do not wait.", covers)
    ban = decision(21, 10, DecisionKind.DO_NOT_SERVE, by=OWNER, override=why)
    state = state_of([ban], day(10))
    assert [d.made.ref for d in state.in_force] == [ref(21)]
    assert state.decisions[0].overridden == covers
    assert state.decisions[0].marks == ("the owner went on without: evidence, notice, warning",)


def test_override_covers_only_what_it_names() -> None:
    why = Override(WHY, frozenset({Missing.WARNING}))
    ban = decision(21, 10, DecisionKind.DO_NOT_SERVE, by=OWNER, override=why)
    assert codes([], ban) == {"evidence"}


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"reasons": "Your score is 83."}, "reasons"),
        ({"how": ""}, "how"),
        ({"appeal_route": ""}, "appeal_route"),
        ({"review_on": day(99)}, "review_on"),
        ({"decision": ref(99)}, "unknown_decision"),
        ({"day": day(100)}, "over"),
    ],
)
def test_notice_tells_all_that_the_customer_needs(facts: dict[str, Any], code: str) -> None:
    told = replace(notice(21, 11, 100), **facts)
    assert codes(banned()[:3], told) == {code}


def test_step_dated_before_the_last_one_is_refused() -> None:
    early = notice(21, 9, 100)
    assert [r.code for r in refusals(early, state_of(banned()[:3], day(12)))] == ["backdated"]
    assert state_of([*banned()[:3], early], day(50)).in_force[-1].made.ref == ref(11)


def test_second_notice_is_refused() -> None:
    assert codes(banned(), notice(21, 12, 100)) == {"twice"}


def test_notice_given_late_delays_the_effect() -> None:
    events = [*banned()[:3], notice(21, 40, 100)]
    assert phase(events, 21, 40) is Phase.ANNOUNCED
    assert phase(events, 21, 41) is Phase.IN_FORCE


def test_review_extends_with_reasons_or_ends() -> None:
    longer = Reviewed(ref(21), day(99), AGENT, WHY, day(200))
    assert phase([*banned(), longer], 21, 150) is Phase.IN_FORCE
    assert phase([*banned(), longer], 21, 200) is Phase.LAPSED
    ended = Reviewed(ref(21), day(50), AGENT, "The conduct has been fine since.")
    assert phase([*banned(), ended], 21, 49) is Phase.IN_FORCE
    assert phase([*banned(), ended], 21, 50) is Phase.ENDED


def test_extension_before_the_review_date_holds_and_on_it_is_too_late() -> None:
    on_time = Reviewed(ref(21), day(99), AGENT, WHY, day(150))
    assert codes(banned(), on_time) == set()
    assert phase([*banned(), on_time], 21, 100) is Phase.IN_FORCE
    assert codes(banned(), replace(on_time, day=day(100))) == {"over"}
    assert codes(banned(), replace(on_time, day=day(101))) == {"over"}
    assert codes(banned(), replace(on_time, reasons="83")) == {"reasons"}
    assert codes(banned(), replace(on_time, review_on=day(99))) == {"review_on"}
    assert codes(banned(), replace(on_time, review_on=day(466))) == {"review_on"}


def appealed(on: int = 20) -> list[Event]:
    return [*banned(), Appealed(ref(21), day(on), SHOP, "It was not me.", day(on))]


def decided(on: int, by: Staff, **facts: Any) -> AppealDecided:
    given: dict[str, Any] = {"overturned": True, "reasons": WHY, "registered": EVERYBODY}
    return AppealDecided(ref(21), day(on), by, **{**given, **facts})


def test_appeal_decided_by_another_person_overturns() -> None:
    events = [*appealed(), decided(25, OWNER)]
    assert phase(events, 21, 24) is Phase.IN_FORCE
    assert phase(events, 21, 25) is Phase.OVERTURNED
    assert phase(events, 21, 300) is Phase.OVERTURNED


def test_appeal_is_not_decided_by_decider_nor_by_who_extended_it() -> None:
    assert codes(appealed(), decided(25, AGENT)) == {"other_person"}
    extended = [*appealed(), Reviewed(ref(21), day(30), OWNER, WHY, day(200))]
    everybody_decided = codes(extended, decided(40, OWNER))
    assert everybody_decided == set()  # nobody else is left: looked at again after 14 days
    third = UUID(int=5)
    assert codes(extended, decided(40, OWNER, registered=EVERYBODY | {third})) == {"other_person"}


def test_one_appeal_a_decision_within_the_window() -> None:
    again = Appealed(ref(21), day(22), SHOP, "Again.", day(22))
    assert codes(appealed(), again) == {"twice"}
    assert codes(banned(), Appealed(ref(21), day(32), SHOP, "Late.", day(32))) == {"window"}
    posted = Appealed(ref(21), day(40), SHOP, "Received in time, recorded late.", day(31))
    assert codes(banned(), posted) == set()
    assert codes(banned(), replace(posted, words=" ")) == {"words"}
    assert codes(banned(), replace(posted, received_on=day(41))) >= {"received_on"}
    assert codes(banned(), decided(25, OWNER)) == {"no_appeal"}
    assert codes([*appealed(), decided(25, OWNER)], decided(26, OWNER)) == {"twice"}


def test_sole_trader_names_an_outsider_or_looks_again_after_days() -> None:
    alone = frozenset((AGENT.id,))
    assert codes(appealed(), decided(25, AGENT, registered=alone)) == {"other_person"}
    for nobody in ("abel ", ".", "\u200b"):
        again = decided(25, AGENT, registered=alone, outsider=nobody)
        assert codes(appealed(), again) == {"outsider"}
    blank = decided(25, AGENT, registered=alone, outsider=" \n")
    assert codes(appealed(), blank) == {"other_person"}
    outsider = decided(25, AGENT, registered=alone, outsider="Rita, the accountant")
    state = state_of([*appealed(), outsider], day(25))
    assert state.decisions[-1].marks == (
        "the appeal was decided by an outsider, Rita, the accountant",
    )
    again = decided(34, AGENT, registered=alone)
    state = state_of([*appealed(), again], day(34))
    assert state.decisions[-1].decided_by_decider
    assert "again by the decider" in state.decisions[-1].marks[0]


def test_appeal_is_not_undone_by_deciding_the_same_once_more() -> None:
    flag = ScoreFlag(day(26), 1)
    events = [*appealed(), decided(25, OWNER)]
    again = decision(31, 26, DecisionKind.DO_NOT_SERVE, flag=flag, incidents=(cited(20, 10),))
    assert codes(events, again) == {"new_incident"}
    assert codes(events, replace(again, safety=again.incidents, bypass=WHY, review_on=day(31))) == {
        "new_incident"
    }
    new = replace(again, incidents=(cited(20, 10), cited(30, 26)))
    assert codes(events, new) == set()
    social = Scope(channels=frozenset({Channel.SOCIAL}))
    milder = replace(again, kind=DecisionKind.BLOCK, scope=social)
    assert codes(events, milder) == set()
    why = Override("A court found otherwise since.", frozenset({Missing.NEW_INCIDENT}))
    assert codes(events, replace(again, by=OWNER, override=why)) == set()


def test_who_extended_a_decision_is_no_outsider_to_it() -> None:
    extended = [*appealed(), Reviewed(ref(21), day(30), OWNER, WHY, day(200))]
    both = frozenset((AGENT.id, OWNER.id))
    named = decided(40, AGENT, registered=both, outsider=f" {OWNER.name.upper()}")
    assert codes(extended, named) == {"outsider"}


def test_outsider_is_no_way_round_a_registered_colleague() -> None:
    assert codes(appealed(), decided(25, AGENT, outsider="Rita")) == {"outsider"}
    assert codes(appealed(), decided(25, OWNER, registered=frozenset((AGENT.id,)))) == {
        "unregistered"
    }


def test_owners_override_of_the_other_person_leaves_its_mark() -> None:
    why = Override("The only colleague is ill.", frozenset({Missing.OTHER_PERSON}))
    ban = replace(banned()[2], by=OWNER)
    events = [*warned(), ban, *appealed()[3:]]
    state = state_of([*events, decided(25, OWNER, override=why)], day(25))
    assert state.decisions[-1].marks == ("the appeal was decided under the owner's override",)


def test_reinstatement_ends_what_it_names_or_all() -> None:
    back = DecisionMade(ref(40), day(50), OWNER, DecisionKind.REINSTATEMENT, WHY, ends=(ref(21),))
    state = state_of([*banned(), back], day(50))
    assert [d.made.ref for d in state.in_force] == [ref(11)]
    everything = replace(back, ends=())
    assert state_of([*banned(), everything], day(50)).in_force == ()
    assert codes([], everything) == {"nothing_to_end"}
    assert codes(banned(), replace(back, ends=(ref(99),))) == {"nothing_to_end"}


def test_events_after_the_day_do_not_count_yet() -> None:
    assert state_of(banned(), day(9)).decisions[-1].made.ref == ref(11)


def test_later_policy_judges_nothing_that_came_before_it() -> None:
    short = DecisionPolicy(version=2, appeal_days=5)
    first, told, ban, notice_of_ban = banned()
    assert isinstance(ban, DecisionMade)
    late = Appealed(ref(21), day(20), SHOP, "It was not me.", day(20))
    assert codes([first, told, ban, notice_of_ban], late) == set()
    assert codes([first, told, replace(ban, policy=short), notice_of_ban], late) == {"window"}


def test_error_report_counts_false_positives() -> None:
    by_rule = replace(banned()[2], rule="abuse of drivers")
    overturned = [*banned()[:2], by_rule, *appealed()[3:], decided(25, OWNER)]
    alone = state_of([bypass()], day(60)).decisions
    report = error_report((*state_of(overturned, day(60)).decisions, *alone), day(60))
    assert (report.all.decisions, report.all.appealed, report.all.overturned) == (3, 1, 1)
    assert report.all.overturn_rate == 1
    assert [(r.name, r.overturned) for r in report.by_rule] == [
        ("abuse of drivers", 1),
        ("no rule named", 0),
    ]
    assert [r.overturned for r in report.by_decider] == [1]
    assert (report.bypasses, report.duties_missed, report.lapsed_unreviewed) == (1, 2, 1)
    assert error_report((), day(0)).all.overturn_rate is None


def test_policy_out_of_range_is_refused_and_reads_back() -> None:
    with pytest.raises(BadInputError):
        DecisionPolicy(review_days=0)
    with pytest.raises(BadInputError):
        DecisionPolicy(review_days=200, max_review_days=100)
    policy = DecisionPolicy(version=3, appeal_days=30)
    assert DecisionPolicy.from_body(policy.to_body()) == policy


def test_scope_reads_back_and_refuses_half_of_itself() -> None:
    hours = (Hours(0, time(9), time(11)),)
    scope = Scope(limits=frozenset({Limit.HOURS}), hours=hours, contact="Olga")
    assert Scope.from_body(scope.to_body()) == scope
    with pytest.raises(BadInputError, match="hours"):
        Scope(limits=frozenset({Limit.HOURS}))
    with pytest.raises(BadInputError, match="weekday"):
        Scope(hours=(Hours(7, time(9), time(11)),))
    with pytest.raises(BadInputError):
        Scope(limits="credit")  # type: ignore[arg-type]


def test_merge_makes_nothing_right_that_was_wrong_and_nothing_wrong_that_was_right() -> None:
    other = UUID(int=8)
    flag = ScoreFlag(day(10), 1)
    ban = decision(21, 10, DecisionKind.DO_NOT_SERVE, flag=flag)
    elsewhere = Cited(EntryRef(other, 3), day(10))
    rests = replace(ban, incidents=(elsewhere,))
    alone, both = frozenset((ANN,)), frozenset((ANN, other))
    first, told = warned()
    theirs = Cited(EntryRef(other, 2), day(9))
    their = decision(11, 9, DecisionKind.WARNING, incidents=(theirs,))
    their = replace(their, ref=EntryRef(other, 11))
    about = frozenset((other,))
    before = [(first, alone), (told, alone), (their, about)]
    assert state_of_group([*before, (rests, both)], day(10)).ignored == ()
    apart = state_of_group([*before, (rests, alone)], day(10))
    assert [refusal.code for _, found in apart.ignored for refusal in found] == ["incidents"]
    kept = state_of_group([*before, (ban, alone)], day(10))
    assert [d.made.ref for d in kept.still_open][-1] == ban.ref


def test_reinstatement_still_ends_the_others_where_one_it_names_was_taken_back() -> None:
    named = (ref(21), ref(99))
    back = DecisionMade(ref(40), day(50), OWNER, DecisionKind.REINSTATEMENT, WHY, ends=named)
    assert [d.made.ref for d in state_of([*banned(), back], day(50)).in_force] == [ref(11)]
