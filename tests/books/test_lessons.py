"""Lessons and house rules, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from custledger import EntryRef, Ledger, Money
from custledger.core.lessons import HouseRule, IncidentCost, RuleRecord
from custledger.core.records import Customer, EntryKind, Interaction
from custledger.errors import BadInputError, NotFoundError
from custledger.pytest_plugin import Clock
from custledger.storage.events import append_event


@pytest.fixture
def call(ledger: Ledger, ann: Customer) -> Interaction:
    return ledger.interactions.record(
        ann, channel="phone", handling_time=timedelta(minutes=45), staff="Sam"
    )


def codes(outcome: Any) -> list[str]:
    assert not outcome.done
    return [refusal.code for refusal in outcome.refusals]


def test_incident_closes_with_what_it_cost_and_what_to_change(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    refund = ledger.money.record_refund(ann, amount=Money(1200, "EUR"), fault="ours")
    note = ledger.evidence.attach(ann, text="the menu")
    outcome = ledger.lessons.add(
        call,
        change="Taste the wine before it is served.",
        summary="corked wine",
        entries=[refund, note.id, call],
    )
    lesson = outcome.lesson
    assert outcome.done
    assert lesson is not None
    assert lesson.cost == IncidentCost(
        timedelta(minutes=45), (Money(2250, "EUR"),), (Money(1200, "EUR"),)
    )
    assert lesson.cost.total == (Money(3450, "EUR"),)
    assert (lesson.incident, lesson.entries) == (call.id, (refund.id, note.id))
    assert (lesson.change, lesson.summary) == ("Taste the wine before it is served.", "corked wine")
    assert ledger.lessons.all() == [lesson]
    assert ledger.lessons.get(lesson.id) == lesson
    assert ledger.history()[-1].kind is EntryKind.LESSON
    assert len(ledger.history(ann)) == 4


def test_cost_stays_as_it_was_when_the_lesson_was_written(
    ledger: Ledger, ann: Customer, call: Interaction
) -> None:
    ledger.lessons.add(call, change="Call back in time.")
    ledger.interactions.correct(call, handling_time=timedelta(hours=9), reason="misread")
    ledger.privacy.erase_person(ann, ground="objection")
    [lesson] = ledger.lessons.all()
    assert lesson.cost.handling_time == timedelta(minutes=45)


def test_incident_closes_once(ledger: Ledger, call: Interaction) -> None:
    lesson = ledger.lessons.add(call, change="Call back in time.").lesson
    assert lesson
    before = ledger.history()
    again = ledger.lessons.add(call, change="Never mind.")
    assert codes(again) == ["closed_already"]
    assert again.lesson == lesson
    assert ledger.history() == before
    ledger.lessons.void(lesson, reason="it was another incident")
    assert ledger.lessons.all() == []
    assert ledger.lessons.add(call, change="Never mind.").done
    ledger.rebuild()
    assert len(ledger.lessons.all()) == 1


def test_bad_calls_write_nothing(ledger: Ledger, ann: Customer, call: Interaction) -> None:
    book = ledger.lessons
    voided = ledger.interactions.record(ann, channel="chat")
    ledger.interactions.void(voided, reason="twice")
    book.set_rule("calls", "None at night.")
    before = (ledger.history(), ledger.history(ann))
    nobody, first = EntryRef(UUID(int=1), 1), EntryRef(ann.id, 1)
    calls: list[tuple[type[Exception], str, Callable[[], object]]] = [
        (BadInputError, "change", lambda: book.add(call, change=" ")),
        (BadInputError, "Name an entry", lambda: book.add("Ann#2", change="x")),  # type: ignore[arg-type]
        (BadInputError, "entries", lambda: book.add(call, change="x", entries=call)),  # type: ignore[arg-type]
        (BadInputError, "entries", lambda: book.add(call, change="x", entries="12")),  # type: ignore[arg-type]
        (NotFoundError, "no current entry", lambda: book.add(voided, change="x")),
        (NotFoundError, "no current entry", lambda: book.add(nobody, change="x")),
        (NotFoundError, "no current entry", lambda: book.add(first, change="x")),
        (NotFoundError, "no current entry", lambda: book.add(call, change="x", entries=[nobody])),
        (NotFoundError, "no lesson", lambda: book.void(call.id, reason="x")),
        (NotFoundError, "no lesson", lambda: book.get(call.id)),
        (BadInputError, "text", lambda: book.set_rule("calls", "")),
        (BadInputError, "name", lambda: book.set_rule(" ", "x")),
        (BadInputError, "effective_on", lambda: book.set_rule("calls", "x", effective_on="now")),  # type: ignore[arg-type]
        (NotFoundError, "no lesson", lambda: book.set_rule("calls", "x", answers=call.id)),
        (BadInputError, "reason", lambda: book.withdraw_rule("calls", reason="")),
        (NotFoundError, "no rule", lambda: book.withdraw_rule("deposit", reason="x")),
        (NotFoundError, "no rule", lambda: book.versions("deposit")),
        (NotFoundError, "no rule", lambda: book.applies("deposit", call)),
    ]
    for error, text, bad in calls:
        with pytest.raises(error, match=text):
            bad()
    assert (ledger.history(), ledger.history(ann)) == before


def test_lesson_becomes_a_rule_in_force_from_its_day_on(
    ledger: Ledger, call: Interaction, clock: Clock
) -> None:
    book = ledger.lessons
    lesson = book.add(call, change="Ask for a deposit.").lesson
    assert lesson
    first = book.set_rule("Deposit", "Half is paid before.", answers=lesson, reason="no-shows").rule
    assert first == HouseRule(
        "Deposit", 1, "Half is paid before.", date(2026, 1, 5), clock(), lesson.id, "no-shows"
    )
    second = book.set_rule("deposit", "A third is paid before.", effective_on=date(2026, 2, 1)).rule
    assert second is not None
    assert (second.name, second.version) == ("Deposit", 2)
    assert book.rules() == [first]
    assert book.rules(date(2026, 2, 1)) == [second]
    assert book.rules(date(2026, 1, 4)) == []
    assert book.versions("DEPOSIT") == [first, second]
    gone = book.withdraw_rule("deposit", reason="it scared", effective_on=date(2026, 3, 1)).rule
    assert gone is not None
    assert gone.withdrawn
    assert book.rules(date(2026, 3, 1)) == []


def test_rule_that_overlaps_or_judges_the_past_is_refused(ledger: Ledger, clock: Clock) -> None:
    book = ledger.lessons
    book.set_rule("deposit", "Half.", effective_on=date(2026, 2, 1))
    before = ledger.history()
    assert codes(book.set_rule("deposit", "x", effective_on=date(2026, 1, 4))) == [
        "effective_in_past"
    ]
    assert codes(book.set_rule("deposit", "x", effective_on=date(2026, 1, 31))) == ["overlap"]
    assert codes(book.set_rule("Deposit", "Half.", effective_on=date(2026, 3, 1))) == ["unchanged"]
    assert codes(book.withdraw_rule("deposit", reason="x")) == ["overlap"]
    assert ledger.history() == before


def test_rule_is_not_applied_to_what_happened_before_it(
    ledger: Ledger, ann: Customer, call: Interaction, clock: Clock
) -> None:
    clock.advance(timedelta(hours=1))
    rule = ledger.lessons.set_rule("calls", "None at night.").rule
    assert rule
    refused = ledger.lessons.applies("calls", call)
    assert not refused.applies
    assert "earlier on that day" in refused.reason
    clock.advance(timedelta(hours=1))
    later = ledger.interactions.record(ann, channel="phone")
    assert ledger.lessons.applies(rule, later).rule == rule
    dated_back = ledger.interactions.record(
        ann, channel="phone", occurred_at=datetime(2025, 12, 31, tzinfo=UTC)
    )
    assert not ledger.lessons.applies(rule, dated_back.id).applies
    proof = ledger.evidence.attach(ann, text="a note")
    assert ledger.lessons.applies("Calls", proof).applies


def test_rule_shows_the_decisions_that_did_not_stand(ledger: Ledger, ann: Customer) -> None:
    """As the entries of decisions are written: see core.decision_bodies."""
    for name in ("calls", "deposit"):
        ledger.lessons.set_rule(name, "Text.")
    with ledger.context.write() as journal:
        key = journal.key_of(ann.id)
        made = [
            append_event(journal, key, EntryKind.DECISION, {"event": "decision", "rule": rule})
            for rule in ("calls", "Calls", "", "another")
        ]
        for decision, overturned in zip(made, (True, False, True, True), strict=True):
            seq = decision.id.seq
            body = {
                "event": "appeal_decided",
                "of": seq,
                "decision": seq,
                "overturned": overturned,
            }
            append_event(journal, key, EntryKind.DECISION, body)
    rules = {rule.name: rule for rule in ledger.lessons.rules()}
    assert ledger.lessons.report() == [
        RuleRecord(rules["calls"], 2, 1),
        RuleRecord(rules["deposit"], 0, 0),
    ]
