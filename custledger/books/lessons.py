"""The lessons book: what incidents cost and taught, and the house rules that came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from custledger.core.bodies import StoredEntry
from custledger.core.canonical import JsonValue
from custledger.core.checks import (
    check_day,
    check_name,
    check_reason,
    check_required,
    check_text,
)
from custledger.core.clock import date_of_day, day_number, day_of, from_microseconds
from custledger.core.contact import folded
from custledger.core.lessons import (
    HouseRule,
    IncidentCost,
    Lesson,
    LessonOutcome,
    RuleCheck,
    RuleOutcome,
    RuleRecord,
    cost_of,
    rule_on,
)
from custledger.core.money import Money
from custledger.core.records import (
    EntryKind,
    EntryRef,
    Evidence,
    Interaction,
    MoneyEntry,
    PolicyTopic,
)
from custledger.core.refusal import Refusal
from custledger.core.words import day_in_words
from custledger.errors import BadInputError, NotFoundError
from custledger.storage.briefings.incidents import cost_entries, moment_of_incident
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.events import append_event, events_where, firm_events
from custledger.storage.heads import lock_chains
from custledger.storage.house_rules import house_rules, rule_applies
from custledger.storage.journal import Draft, Journal
from custledger.storage.policies import add_policy
from custledger.storage.tables import EventRow

__all__ = ["LessonBook"]

Incident = Interaction | MoneyEntry | Evidence | EntryRef
_event = table_of(EventRow)


class LessonBook:
    """Lessons and house rules, in the ledger's own chain: put no personal data into their texts."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(
        self,
        incident: Incident,
        *,
        change: str,
        summary: str = "",
        entries: Iterable[Incident] = (),
    ) -> LessonOutcome:
        """Close an incident with a lesson: what it cost, and what to change.

        The cost is that of the incident's own entry and of ``entries``, as they are now: handling
        time at its hourly rate, refunds, chargebacks, write-offs, concessions. It is kept as it was
        when the lesson was written. An incident closes once.
        """
        ref, others = _ref(incident), dict.fromkeys(map(_ref, _several(entries)))
        others.pop(ref, None)
        said: dict[str, JsonValue] = {"change": check_required(change, "change")}
        if text := check_text(summary, "summary"):
            said["summary"] = text
        with self._context.write() as journal:
            self._lock(journal)
            connection = journal.connection
            moment_of_incident(connection, self._context, ref)
            before = [x for x in self._lessons(connection) if x.incident == ref]
            if before:
                told = (
                    f"The incident closed with lesson #{before[0].id.seq} already. Void that one "
                    "to record another."
                )
                return LessonOutcome(False, (Refusal("closed_already", told),), before[0])
            cost = cost_of(cost_entries(connection, self._context, [ref, *others]))
            body = {"event": "lesson", "firm": True, "incident": str(ref), **said}
            body |= {"entries": [*map(str, others)]} if others else {}
            body |= _cost_body(cost)
            key = self._context.key
            return LessonOutcome(
                True, (), _lesson_from(append_event(journal, key, EntryKind.LESSON, body))
            )

    def all(self) -> list[Lesson]:
        """Every lesson, oldest first."""
        with self._context.read() as connection:
            return self._lessons(connection)

    def get(self, lesson: Lesson | EntryRef) -> Lesson:
        """One lesson, or NotFoundError once it was voided."""
        ref = _ref(lesson)
        with self._context.read() as connection:
            return self._lesson(connection, ref)

    def void(self, lesson: Lesson | EntryRef, *, reason: str) -> None:
        """Take back a lesson that was recorded by mistake; the history keeps it."""
        ref, why = _ref(lesson), check_reason(reason)
        with self._context.write() as journal:
            self._lock(journal)
            self._lesson(journal.connection, ref)
            body: dict[str, JsonValue] = {"reason": why}
            draft = Draft(self._context.key, EntryKind.VOID, body, supersedes=ref.seq)
            journal.append([draft])

    def set_rule(
        self,
        name: str,
        text: str,
        *,
        effective_on: date | None = None,
        answers: Lesson | EntryRef | None = None,
        reason: str = "",
    ) -> RuleOutcome:
        """Add a rule, or a new version of one, in force from today or a later day on."""
        said, why = check_required(text, "text"), check_text(reason, "reason")
        lesson = None if answers is None else _ref(answers)
        return self._add_rule(name, said, effective_on, lesson, why)

    def withdraw_rule(
        self, name: str, *, reason: str, effective_on: date | None = None
    ) -> RuleOutcome:
        """Take a rule back from today or a later day on; NotFoundError where there is none."""
        why = check_reason(reason)
        self.versions(name)
        return self._add_rule(name, "", effective_on, None, why)

    def rules(self, as_of: date | datetime | None = None) -> list[HouseRule]:
        """The rules in force on a day (default today), by name."""
        day = date_of_day(self._context.day(as_of))
        with self._context.read() as connection:
            found = [rule_on(v, day) for v in self._rules(connection).values()]
        return [rule for rule in found if rule is not None]

    def versions(self, name: str) -> list[HouseRule]:
        """Every version of a rule, oldest first; NotFoundError where there is none."""
        with self._context.read() as connection:
            return self._versions(connection, name)

    def applies(self, rule: HouseRule | str, incident: Incident) -> RuleCheck:
        """Whether a rule may be applied to an incident: never to what happened before the rule."""
        name = rule.name if isinstance(rule, HouseRule) else rule
        with self._context.read() as connection:
            versions = self._versions(connection, name)
            return rule_applies(connection, self._context, versions, _ref(incident))

    def report(self) -> list[RuleRecord]:
        """Every rule, withdrawn ones too, with its decisions and how many were overturned."""
        with self._context.read() as connection:
            rules = self._rules(connection)
            made, overturned = self._decisions(connection)
        return [
            RuleRecord(versions[-1], made[name], overturned[name])
            for name, versions in rules.items()
        ]

    def _add_rule(
        self, name: str, text: str, effective_on: date | None, answers: EntryRef | None, reason: str
    ) -> RuleOutcome:
        wanted = check_name(name)
        if effective_on is not None:
            check_day(effective_on, "effective_on")
        with self._context.write() as journal:
            self._lock(journal)
            connection = journal.connection
            before = self._rules(connection).get(folded(wanted), [])
            today = date_of_day(day_of(journal.recorded_at, self._context.zone))
            if answers is not None:
                self._lesson(connection, answers)
            rule = HouseRule(
                before[0].name if before else wanted,
                len(before) + 1,
                text,
                effective_on or today,
                from_microseconds(journal.recorded_at),
                answers,
                reason,
            )
            refusals = _refusals_of_rule(rule, before, today)
            if refusals:
                return RuleOutcome(False, refusals)
            policy: dict[str, JsonValue] = {"text": text}
            if answers is not None:
                policy["answers"] = answers.seq
            add_policy(
                journal,
                self._context,
                PolicyTopic.HOUSE_RULE,
                rule.version,
                policy,
                name=rule.name,
                effective_day=day_number(rule.effective_on),
                reason=reason,
            )
            return RuleOutcome(True, (), rule)

    def _decisions(self, connection: Connection) -> tuple[Counter[str], Counter[str]]:
        """How many decisions named each rule (by folded name), and how many were overturned."""
        words = _event.c.event.in_(("decision", "appeal_decided"))
        events = events_where(connection, self._context, _event.c.kind == EntryKind.DECISION, words)
        rule_of: dict[EntryRef, str] = {}
        overturned: Counter[str] = Counter()
        for event in events:
            body = event.body
            if body.get("event") == "decision" and body.get("rule"):
                rule_of[event.id] = folded(body["rule"])
            elif body.get("overturned"):
                made = EntryRef(event.id.subject, body["of"])
                if made in rule_of:
                    overturned[rule_of[made]] += 1
        return Counter(rule_of.values()), overturned

    def _lesson(self, connection: Connection, ref: EntryRef) -> Lesson:
        for lesson in self._lessons(connection):
            if lesson.id == ref:
                return lesson
        raise NotFoundError(f"There is no lesson {ref}. `custledger lesson list` shows all.")

    def _lessons(self, connection: Connection) -> list[Lesson]:
        found = firm_events(connection, self._context, EntryKind.LESSON)
        return [_lesson_from(stored) for stored in found]

    def _versions(self, connection: Connection, name: str) -> list[HouseRule]:
        found = self._rules(connection).get(folded(check_name(name)))
        if found is None:
            raise NotFoundError(f"There is no rule {name!r}. `custledger rule list` shows all.")
        return found

    def _rules(self, connection: Connection) -> dict[str, list[HouseRule]]:
        return house_rules(connection, self._context)

    def _lock(self, journal: Journal) -> None:
        lock_chains(journal.connection, self._context.ledger, [self._context.key])


def _refusals_of_rule(rule: HouseRule, before: list[HouseRule], today: date) -> tuple[Refusal, ...]:
    if rule.effective_on < today:
        text = (
            f"{day_in_words(rule.effective_on)} has passed: a rule is never applied to what "
            "happened before it. Name today or a later day."
        )
        return (Refusal("effective_in_past", text),)
    last = before[-1] if before else None
    if last is not None and rule.effective_on < last.effective_on:
        text = (
            f"Version {last.version} takes effect on {day_in_words(last.effective_on)}: the "
            "version after it takes effect no earlier."
        )
        return (Refusal("overlap", text),)
    if last is not None and (last.text, last.answers) == (rule.text, rule.answers):
        state = "was withdrawn" if rule.withdrawn else "says that"
        text = f"The rule {rule.name!r} {state} already."
        return (Refusal("unchanged", text),)
    return ()


def _lesson_from(stored: StoredEntry) -> Lesson:
    body = stored.body
    return Lesson(
        id=stored.id,
        incident=EntryRef.parse(body["incident"]),
        change=body["change"],
        cost=_cost_from(body),
        recorded_at=from_microseconds(stored.recorded_at),
        recorded_by=stored.actor,
        entries=tuple(map(EntryRef.parse, body.get("entries", ()))),
        summary=body.get("summary", ""),
    )


def _cost_body(cost: IncidentCost) -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = {
        "seconds": round(cost.handling_time.total_seconds()),
        "time_cost": [[m.minor, m.currency] for m in cost.time_cost],
        "lost": [[m.minor, m.currency] for m in cost.lost],
        "unpriced_seconds": round(cost.unpriced.total_seconds()),
    }
    return {name: value for name, value in body.items() if value}


def _cost_from(body: Mapping[str, Any]) -> IncidentCost:
    return IncidentCost(
        timedelta(seconds=body.get("seconds", 0)),
        tuple(Money(*pair) for pair in body.get("time_cost", ())),
        tuple(Money(*pair) for pair in body.get("lost", ())),
        timedelta(seconds=body.get("unpriced_seconds", 0)),
    )


def _several(entries: object) -> Iterable[object]:
    if isinstance(entries, str | EntryRef) or not isinstance(entries, Iterable):
        raise BadInputError("entries must be a list of records or ids of entries.")
    return entries


def _ref(named: object) -> EntryRef:
    ref = getattr(named, "id", named)
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name an entry by its record or its id (an EntryRef), not {named!r}.")
    return ref
