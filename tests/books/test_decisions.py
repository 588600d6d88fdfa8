"""Decisions step by step, on SQLite and on PostgreSQL: what is written, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from custledger import EntryRef, Ledger, Money, open_ledger
from custledger.books.matches import MatchBook
from custledger.core.decisions.events import DecisionKind, Missing, Override, ScoreFlag
from custledger.core.decisions.scope import Limit, Scope
from custledger.core.decisions.state import Phase
from custledger.core.decisions.steps import DecisionStep, DecisionVoid
from custledger.core.records import Channel, Customer, EntryKind
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import Clock
from tests.books.deciding import (
    DAY,
    ROUTE,
    STAFF_TEXT,
    WHY,
    banned,
    entries,
    facts,
    incident,
    merge,
    told,
    warned,
)

PREPAID = Scope(limits=frozenset({Limit.PREPAYMENT_ONLY}))


@pytest.fixture
def sams(ledger: Ledger, location: str, clock: Clock) -> Iterator[Ledger]:
    """The same ledger, as Sam, a colleague, writes in it."""
    with open_ledger(location, actor="Sam", now=clock) as opened:
        yield opened


def codes(step: DecisionStep | DecisionVoid) -> set[str]:
    return {refusal.code for refusal in step.refusals}


def test_do_not_serve_by_all_steps_is_announced_holds_and_lapses(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    warned(ledger, ann)
    hit = incident(ledger, ann)
    review_on = ledger.today() + timedelta(90)
    made = ledger.decisions.do_not_serve(ann, **facts(hit, safety=[hit], review_on=review_on))
    assert made.done
    phases = {}
    told(ledger, made)
    for days in (0, 1, 89, 90):
        day = ledger.today() + timedelta(days)
        phases[days] = ledger.decisions.get(made, as_of=day).phase(day)
    assert phases == {
        0: Phase.ANNOUNCED,
        1: Phase.IN_FORCE,
        89: Phase.IN_FORCE,
        90: Phase.LAPSED,
    }
    assert [d.made.kind for d in ledger.decisions.in_force(as_of=review_on - DAY)] == [
        DecisionKind.WARNING,
        DecisionKind.DO_NOT_SERVE,
    ]


def test_words_for_staff_are_apart_from_what_the_customer_may_read(
    ledger: Ledger, ann: Customer
) -> None:
    why = Override("We do not wait for the letter.", frozenset({Missing.NOTICE}))
    step = ledger.decisions.warn(ann, **facts(incident(ledger, ann), override=why))
    entry = ledger.history(ann)[-1]
    assert entry.kind is EntryKind.DECISION
    assert entry.ref == step.entry
    assert entry.staff_facts == {
        "staff_text": STAFF_TEXT,
        "override_reasons": "We do not wait for the letter.",
    }
    assert entry.facts == {
        "event": "decision",
        "kind": "warning",
        "reasons": WHY,
        "incidents": [[2, 20458]],
        "customer_text": "Please speak with Olga from now on.",
        "until_day": 20641,
        "override": ["notice"],
        "policy": 0,
    }


def test_flag_is_read_from_the_ledger_and_cannot_be_claimed(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    warned(ledger, ann)
    hit = incident(ledger, ann)
    assert codes(ledger.decisions.do_not_serve(ann, **facts(hit))) == {"evidence"}
    with pytest.raises(BadInputError, match="flag"):
        ledger.decisions.do_not_serve(ann, **facts(hit, flag=ScoreFlag(ledger.today(), 1)))
    ledger.score_policies.set(margin=0.4)
    for _ in range(12):
        clock.advance(8 * DAY)
        hit = incident(ledger, ann, handling_time=timedelta(hours=3))
        ledger.money.record_chargeback(ann, amount=Money.of("200", "EUR"))
    assert ledger.score(ann).flag
    made = ledger.decisions.do_not_serve(ann, **facts(hit))
    assert made.decision is not None
    assert made.decision.made.flag == ScoreFlag(ledger.today(), 2)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"reasons": ""}, "reasons"),
        ({"reasons": "Score 83"}, "reasons"),
        ({"review_on": date(2026, 1, 4)}, "review_on"),
        ({"review_on": date(2031, 1, 1)}, "review_on"),
        ({"effective_from": date(2026, 1, 4)}, "effective_from"),
        ({"incidents": []}, "incidents"),
        ({"staff_text": ""}, "texts"),
        ({"customer_text": " "}, "texts"),
        ({"bypass": "He came to the door with a knife."}, "bypass"),
        ({"override": Override("", frozenset({Missing.WARNING}))}, "override"),
    ],
)
def test_wrong_decision_is_refused_with_a_reason_and_nothing_is_written(
    ledger: Ledger, ann: Customer, wrong: dict[str, Any], code: str
) -> None:
    hit = incident(ledger, ann)
    before = entries(ledger, ann)
    step = ledger.decisions.warn(ann, **facts(hit, **wrong)) if "incidents" not in wrong else None
    step = step or ledger.decisions.warn(ann, **{**facts(), **wrong})
    assert code in codes(step)
    assert not step.done
    assert all(refusal.text.endswith(".") for refusal in step.refusals)
    assert (step.decision, step.entry, entries(ledger, ann)) == (None, None, before)
    assert ledger.decisions.all() == []


def test_incident_is_a_record_of_the_customer_that_stands(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ben = ledger.customers.add("Ben")
    other, own = incident(ledger, ben), incident(ledger, ann)
    gone = incident(ledger, ann)
    ledger.interactions.void(gone, reason="another call")
    own_entry = EntryRef(ann.id, 1)
    for wrong in (other, gone, own_entry, EntryRef(ann.id, 99)):
        step = ledger.decisions.warn(ann, **facts(wrong, own))
        assert codes(step) == {"incidents"}
        assert "custledger history" in step.refusals[0].text
    note = ledger.evidence.attach(ann, text="a letter")
    sale = ledger.money.record_sale(ann, amount=Money.of("5", "EUR"))
    assert ledger.decisions.warn(ann, **facts(own, note, sale, own)).done


def test_incident_of_a_merged_customer_counts(ledger: Ledger, ann: Customer) -> None:
    ben = ledger.customers.add("A. Miller")
    other = incident(ledger, ben)
    assert codes(ledger.decisions.warn(ann, **facts(other))) == {"incidents"}
    merge(ledger, ben, into=ann)
    step = ledger.decisions.warn(ann, **facts(other))
    assert step.decision is not None
    assert step.decision.made.incidents[0].ref == other.id
    assert ledger.decisions.of(ben).decisions == ledger.decisions.of(ann).decisions
    assert ledger.decisions.get(step).made.incidents[0].ref == other.id


def test_warning_under_one_name_counts_under_the_other_once_they_are_merged(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ben = ledger.customers.add("A. Miller")
    warned(ledger, ben)
    hit = incident(ledger, ann)
    wanted = facts(hit, safety=[hit])
    assert codes(ledger.decisions.do_not_serve(ann, **wanted)) == {"warning"}
    merge(ledger, ben, into=ann)
    assert ledger.decisions.do_not_serve(ann, **wanted).done
    assert [d.made.ref.subject for d in ledger.decisions.all()] == [ben.id, ann.id]


def test_merge_takes_nothing_from_what_was_decided_before_it(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    """The other name's warning would make an older incident no new one."""
    ben = ledger.customers.add("A. Miller")
    hit = incident(ledger, ann)
    clock.advance(DAY)
    warned(ledger, ben)
    why = Override("The theft is before the court; we do not wait.", frozenset({Missing.WARNING}))
    ban = ledger.decisions.do_not_serve(ann, **facts(hit, safety=[hit], override=why))
    told(ledger, ban)
    merge(ledger, ben, into=ann)
    clock.advance(DAY)
    assert ledger.decisions.get(ban).in_force(ledger.today())
    assert ledger.decisions.of(ann).ignored == ()


def test_what_rested_on_a_merge_stays_when_all_are_merged_into_somebody_else(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ben, cleo = ledger.customers.add("A. Miller"), ledger.customers.add("Anna Miller")
    warned(ledger, ben)
    matches = MatchBook(ledger.context)
    matches.merge(ben, into=ann, reason="same voice")
    hit = incident(ledger, ann)
    ban = ledger.decisions.do_not_serve(ann, **facts(hit, safety=[hit]))
    told(ledger, ban)
    matches.merge(ann, into=cleo, reason="same address")
    clock.advance(DAY)
    assert ledger.decisions.of(cleo).ignored == ()
    assert [d.made.ref for d in ledger.decisions.in_force()][-1] == ban.entry
    assert ledger.check_service(cleo, "order").verdict.value == "deny"
    matches.unmerge(ben, reason="two people after all")
    assert (
        ledger.check_service(cleo, "order").verdict.value == "allow"
    )  # the warning was not theirs


@pytest.mark.parametrize("kind", ["warn", "notice", "extend", "end", "decide_appeal", "reinstate"])
def test_program_decides_nothing(
    ledger: Ledger, location: str, ann: Customer, clock: Clock, kind: str
) -> None:
    ledger.staff.add("shop", role="program")
    hit = incident(ledger, ann)
    made = ledger.decisions.warn(ann, **facts(hit))
    told(ledger, made)
    before = entries(ledger, ann)
    with open_ledger(location, actor="shop", now=clock) as shops:
        book = shops.decisions
        step = {
            "warn": lambda: book.warn(ann, **facts(hit)),
            "notice": lambda: book.notice(made, how="mail", appeal_route=ROUTE),
            "extend": lambda: book.extend(made, review_on=shops.today() + 300 * DAY, reasons=WHY),
            "end": lambda: book.end(made, reasons=WHY),
            "decide_appeal": lambda: book.decide_appeal(made, overturned=True, reasons=WHY),
            "reinstate": lambda: book.reinstate(ann, reasons=WHY),
        }[kind]()
    assert ("twice" if kind == "notice" else "no_person") in codes(step)
    assert entries(ledger, ann) == before


def test_second_notice_is_refused_and_the_first_stays(ledger: Ledger, ann: Customer) -> None:
    made = warned(ledger, ann)
    before = entries(ledger, ann)
    assert made.decision is not None
    again = ledger.decisions.notice(made, how="mail", appeal_route=ROUTE)
    assert codes(again) == {"twice"}
    assert entries(ledger, ann) == before


def test_notice_tells_reasons_review_and_route(ledger: Ledger, ann: Customer) -> None:
    made = ledger.decisions.warn(ann, **facts(incident(ledger, ann)))
    wrong: dict[str, dict[str, Any]] = {
        "how": {"how": " "},
        "appeal_route": {"appeal_route": ""},
        "reasons": {"reasons": "Your score is 83."},
        "review_on": {"review_on": ledger.today()},
    }
    for code, words in wrong.items():
        step = ledger.decisions.notice(made, **{"how": "mail", "appeal_route": ROUTE, **words})
        assert codes(step) == {code}
    step = ledger.decisions.notice(made, how="mail", appeal_route=ROUTE)
    assert step.decision is not None
    assert step.decision.notice is not None
    assert step.decision.notice.reasons == WHY
    assert step.decision.notice.review_on == ledger.today() + timedelta(183)


def test_appeal_is_decided_by_another_person(ledger: Ledger, sams: Ledger, ann: Customer) -> None:
    made = warned(ledger, ann)
    words = "It was my brother on the phone."
    assert ledger.decisions.appeal(made, words=words).done
    assert codes(ledger.decisions.appeal(made, words=words)) == {"twice"}
    before = entries(ledger, ann)
    own = ledger.decisions.decide_appeal(made, overturned=False, reasons=WHY)
    assert codes(own) == {"other_person"}
    outsider = ledger.decisions.decide_appeal(
        made, overturned=False, reasons=WHY, outsider="Rita Bell"
    )
    assert codes(outsider) == {"outsider"}
    assert entries(ledger, ann) == before
    decided = sams.decisions.decide_appeal(made, overturned=True, reasons="The voice was another.")
    assert decided.decision is not None
    assert decided.decision.phase(ledger.today()) is Phase.OVERTURNED
    report = ledger.decisions.error_report()
    assert (report.all.overturned, report.all.overturn_rate) == (1, 1.0)


def test_sole_trader_names_an_outsider_or_looks_again_later(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ledger.staff.deactivate("Sam")
    first, second = warned(ledger, ann), warned(ledger, ann)
    for made in (first, second):
        ledger.decisions.appeal(made, words="Not me.")
    assert codes(ledger.decisions.decide_appeal(first, overturned=False, reasons=WHY)) == {
        "other_person"
    }
    outside = ledger.decisions.decide_appeal(
        first, overturned=False, reasons=WHY, outsider="Rita Bell"
    )
    assert outside.decision is not None
    assert outside.decision.marks == ("the appeal was decided by an outsider, Rita Bell",)
    clock.advance(14 * DAY)
    again = ledger.decisions.decide_appeal(second, overturned=False, reasons=WHY)
    assert again.decision is not None
    assert "reviewed again by the decider" in again.decision.marks[0]


def test_appeal_after_the_window_is_refused_and_one_received_within_it_is_not(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    made = warned(ledger, ann)
    clock.advance(21 * DAY)
    before = entries(ledger, ann)
    assert codes(ledger.decisions.appeal(made, words="Not me.")) == {"window"}
    assert entries(ledger, ann) == before
    in_time = ledger.today() - DAY
    assert ledger.decisions.appeal(made, words="Not me.", received_on=in_time).done


def test_bypass_acts_at_once_and_leaves_its_mark_and_its_duties(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    hit = incident(ledger, ann)
    step = ledger.decisions.do_not_serve(
        ann, **facts(hit, safety=[hit], bypass="He came to the door with a knife.")
    )
    assert step.decision is not None
    assert step.decision.in_force(ledger.today())
    assert step.decision.marks == ("took effect at once for somebody's safety",)
    assert [duty.what for duty in step.decision.duties] == ["notice", "review"]
    assert step.decision.review_on == ledger.today() + timedelta(5)
    clock.advance(5 * DAY)
    assert ledger.decisions.in_force() == []
    assert ledger.decisions.error_report().lapsed_unreviewed == 1


def test_override_is_the_owners_alone_and_leaves_its_mark(
    ledger: Ledger, sams: Ledger, ann: Customer
) -> None:
    hit = incident(ledger, ann)
    lacking = frozenset({Missing.EVIDENCE, Missing.WARNING, Missing.NOTICE})
    why = Override("The theft is before the court; we do not wait.", lacking)
    assert codes(sams.decisions.do_not_serve(ann, **facts(hit, override=why))) == {"owner"}
    step = ledger.decisions.do_not_serve(ann, **facts(hit, override=why))
    assert step.decision is not None
    assert step.decision.marks == ("the owner went on without: evidence, notice, warning",)
    assert ledger.decisions.error_report().overrides == tuple((m, 1) for m in sorted(lacking))


def test_extension_and_end_by_review(ledger: Ledger, ann: Customer, clock: Clock) -> None:
    made = warned(ledger, ann)
    assert made.decision is not None
    until = ledger.today() + timedelta(300)
    assert codes(ledger.decisions.extend(made, review_on=until, reasons="")) == {"reasons"}
    assert codes(ledger.decisions.extend(made, review_on=ledger.today(), reasons=WHY)) == {
        "review_on"
    }
    assert ledger.decisions.extend(made, review_on=until, reasons="Again rude in May.").done
    assert ledger.decisions.get(made).review_on == until
    assert ledger.decisions.end(made, reasons="Friendly since the summer.").done
    assert ledger.decisions.get(made).phase(ledger.today()) is Phase.ENDED
    clock.advance(DAY)
    assert codes(ledger.decisions.extend(made, review_on=until, reasons=WHY)) == {"over"}


def test_lapsed_decision_is_not_extended(ledger: Ledger, ann: Customer, clock: Clock) -> None:
    made = warned(ledger, ann)
    clock.advance(184 * DAY)
    later = ledger.today() + timedelta(30)
    assert codes(ledger.decisions.extend(made, review_on=later, reasons=WHY)) == {"over"}


def test_reinstatement_ends_all_under_every_name_and_survives_an_unmerging(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ben = ledger.customers.add("A. Miller")
    first, second = warned(ledger, ben), warned(ledger, ann)
    merge(ledger, ben, into=ann)
    assert codes(ledger.decisions.reinstate(ann, reasons="")) == {"reasons"}
    step = ledger.decisions.reinstate(ann, reasons="They explained, and apologised.")
    assert step.done
    assert ledger.decisions.in_force() == []
    assert codes(ledger.decisions.reinstate(ann, reasons=WHY)) == {"nothing_to_end"}
    unmerge = next(e for e in ledger.history(ben) if e.kind is EntryKind.MERGE)
    with ledger.context.write() as journal:
        from custledger.storage.corrections import void
        from custledger.storage.tables import EventRow

        void(journal, ledger.context, EventRow, unmerge.ref, "two people")
    for made in (first, second):
        assert ledger.decisions.get(made).phase(ledger.today()) is Phase.ENDED


def test_block_is_ended_by_unblock_and_other_decisions_stay(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    warning = warned(ledger, ann)
    block = ledger.decisions.block(ann, account="@ann", **facts(incident(ledger, ann)))
    told(ledger, block)
    clock.advance(DAY)
    assert block.decision is not None
    assert block.decision.made.scope.channels == {Channel.SOCIAL}
    assert ledger.decisions.unblock(block, reasons="They deleted the posts.").done
    assert [d.made.ref for d in ledger.decisions.in_force()] == [warning.decision.made.ref]  # type: ignore[union-attr]
    assert codes(ledger.decisions.unblock(block, reasons=WHY)) == {"nothing_to_end"}


def test_voided_warning_takes_the_do_not_serve_that_rests_on_it_along_and_says_so(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    ban = banned(ledger, ann, clock)
    warning = ledger.decisions.of(ann).decisions[0]
    gone = ledger.decisions.void(warning, reason="was said to her sister")
    assert gone.done
    assert [ref.seq for ref in gone.entries] == [3, 4]
    assert [d.made.ref for d in gone.fallen] == [ban.entry]
    state = ledger.decisions.of(ann)
    assert state.decisions == ()
    assert next(refusal.code for _, found in state.ignored for refusal in found) == "warning"
    assert ledger.check_service(ann, "order").verdict.value == "allow"


def test_what_speaks_for_the_customer_is_not_taken_back_by_somebody_else(
    ledger: Ledger, sams: Ledger, ann: Customer, clock: Clock
) -> None:
    made = warned(ledger, ann)
    appeal = ledger.decisions.appeal(made, words="Not me.")
    assert codes(sams.decisions.void(appeal, reason="a slip")) == {"appeal"}
    overturned = sams.decisions.decide_appeal(made, overturned=True, reasons="Another voice.")
    before = entries(ledger, ann)
    assert codes(ledger.decisions.void(overturned, reason="no")) == {"brings_back"}
    assert codes(ledger.decisions.void(appeal, reason="no")) == {"decided"}
    clock.advance(DAY)
    assert codes(sams.decisions.void(overturned, reason="no")) == {"brings_back"}
    assert entries(ledger, ann) == before


def test_slip_of_the_same_day_is_taken_back_by_who_made_it(
    ledger: Ledger, sams: Ledger, ann: Customer
) -> None:
    made = warned(ledger, ann)
    ended = ledger.decisions.end(made, reasons="Friendly since the summer.")
    assert codes(sams.decisions.void(ended, reason="no")) == {"brings_back"}
    assert ledger.decisions.void(ended, reason="meant Ben").done
    assert ledger.decisions.get(made).in_force(ledger.today())
    with pytest.raises(NotFoundError):
        ledger.decisions.void(ended, reason="again")
    with pytest.raises(BadInputError, match="reason"):
        ledger.decisions.void(made, reason=" ")


def test_decision_that_does_not_exist_is_told_so(ledger: Ledger, ann: Customer) -> None:
    nowhere = EntryRef(ann.id, 9)
    with pytest.raises(NotFoundError, match="decision list"):
        ledger.decisions.get(nowhere)
    assert codes(ledger.decisions.end(nowhere, reasons=WHY)) == {"unknown_decision"}
    with pytest.raises(BadInputError, match="Name a decision"):
        ledger.decisions.get("Ann Miller")  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="customer_text"):
        ledger.decisions.warn(ann, reasons=WHY)  # type: ignore[call-arg]


def test_erased_decision_is_gone_with_its_notice(ledger: Ledger, ann: Customer) -> None:
    made = warned(ledger, ann)
    assert made.decision is not None
    assert ledger.privacy.erase(made.decision.made.ref, ground="unlawful").entries == 2
    assert ledger.decisions.of(ann).decisions == ()


def test_policy_is_versioned_and_judges_nothing_before_it(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    made = warned(ledger, ann)
    short = ledger.decisions.set_policy(appeal_days=5, reason="a month was too long")
    assert (short.version, short.appeal_days, short.review_days) == (1, 5, 183)
    later = warned(ledger, ann)
    clock.advance(10 * DAY)
    assert ledger.decisions.appeal(made, words="Not me.").done
    assert codes(ledger.decisions.appeal(later, words="Not me.")) == {"window"}
    ahead = ledger.today() + 30 * DAY
    ledger.decisions.set_policy(appeal_days=40, reason="from spring on", effective_on=ahead)
    assert ledger.decisions.policy().appeal_days == 5
    assert ledger.decisions.policy(on=ahead).appeal_days == 40
    with pytest.raises(BadInputError, match="at the earliest"):
        ledger.decisions.set_policy(appeal_days=9, reason="sooner")
    with pytest.raises(BadInputError, match="Not a period"):
        ledger.decisions.set_policy(patience=9, reason="?")
    with pytest.raises(BadInputError, match="review_days"):
        ledger.decisions.set_policy(review_days=700, reason="?", effective_on=ahead)


def test_reviews_due_are_the_open_ones_with_a_near_date(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    near = ledger.today() + 20 * DAY
    step = ledger.decisions.warn(ann, **facts(incident(ledger, ann), review_on=near))
    warned(ledger, ann)
    assert ledger.decisions.reviews_due() == []
    clock.advance(6 * DAY)
    assert [d.made.ref for d in ledger.decisions.reviews_due()] == [step.entry]
    clock.advance(14 * DAY)
    assert ledger.decisions.reviews_due() == []


def test_lines_that_were_passed_are_told_once_each(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    start = clock()
    near = ledger.today() + 20 * DAY
    made = ledger.decisions.warn(ann, **facts(incident(ledger, ann), review_on=near))
    cursor, told_of = start - DAY, []
    for _ in range(30):
        told_of += ledger.decisions.passed(since=cursor, as_of=clock())
        cursor = clock()
        clock.advance(DAY)
    assert [(item.kind.value, item.text, item.ref) for item in told_of] == [
        (
            "decision_review",
            "The warning about Ann Miller lapses on 25 January 2026 unless somebody extends it "
            "with reasons.",
            made.entry,
        ),
        (
            "decision_lapsed",
            "The warning about Ann Miller lapsed on 25 January 2026: it no longer holds.",
            made.entry,
        ),
    ]
    assert [item.passed_at.isoformat() for item in told_of] == [
        "2026-01-10T23:00:00+00:00",
        "2026-01-24T23:00:00+00:00",
    ]
    with pytest.raises(BadInputError, match="time zone"):
        ledger.decisions.passed(since=start.replace(tzinfo=None), as_of=start)


def test_duties_of_an_immediate_measure_are_told_until_they_are_done(
    ledger: Ledger, ann: Customer, clock: Clock
) -> None:
    start = clock()
    hit = incident(ledger, ann)
    made = ledger.decisions.do_not_serve(
        ann, **facts(hit, safety=[hit], bypass="He came to the door with a knife.")
    )
    since = start - DAY
    first = ledger.decisions.passed(since=since, as_of=start)
    assert [item.kind.value for item in first] == [
        "decision_duty",
        "decision_duty",
        "decision_review",
    ]
    assert first[0].text == (
        "The do-not-serve about Ann Miller took effect at once: telling the customer is owed by "
        "10 January 2026 at the latest."
    )
    told(ledger, made)
    left = ledger.decisions.passed(since=since, as_of=start)
    assert [item.key.rpartition(":")[2] for item in left] == ["review", "2026-01-10"]
