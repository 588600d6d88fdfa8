"""The book of retention: how long what is kept, what would go, and what goes.

Nothing is erased unless the firm set a schedule, and then only when ``apply`` is told to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from custledger.core.canonical import JsonValue
from custledger.core.checks import check_text
from custledger.core.clock import date_of_day
from custledger.core.privacy.erasure import STAYS, Ground
from custledger.core.privacy.retention import (
    Block,
    Kept,
    Retained,
    RetentionRule,
    RetentionSchedule,
    Ruling,
    Stay,
    Unit,
    judge,
)
from custledger.core.privacy.retention_money import changes_what_is_owed
from custledger.core.privacy.retention_plan import (
    Going,
    RetentionPlan,
    RetentionRun,
    Staying,
)
from custledger.core.records import PolicyTopic
from custledger.core.refusal import Refusal
from custledger.errors import BadInputError
from custledger.storage.bulk import portions
from custledger.storage.context import Context
from custledger.storage.erasing.purging import Remains
from custledger.storage.erasing.rules import erase_by_rules
from custledger.storage.erasing.targets import Subject, chain_of, numbered
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.policies import add_policy, policy_on, policy_versions
from custledger.storage.retention import Held, customers_in, facts_of, groups

__all__ = ["RetentionBook"]

Progress = Callable[[int, int], None]
"""Told how many customers are done, of how many."""

_AT_ONCE = 200
"""Customers in one transaction: on SQLite each transaction that erases writes the file anew."""


class RetentionBook:
    """Schedules as numbered versions, what they would erase, and erasing it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._remains = Remains(context)

    def set(
        self, rules: Sequence[RetentionRule] | Mapping[str, Any], *, reason: str = ""
    ) -> RetentionSchedule:
        """Add a version of the schedule; it holds from now on, and replaces the one before.

        ``rules`` are RetentionRules, or the body that ``RetentionSchedule.to_body`` makes. No rules
        at all end the schedule: nothing goes from then on.
        """
        why = check_text(reason, "reason")
        with self._context.write() as journal:
            # In the ledger's own chain: two who set one at a time get two numbers.
            lock_chains(journal.connection, self._context.ledger, [self._context.key])
            last = self._versions(journal.connection)
            version = last[-1].version + 1 if last else 1
            given = rules if isinstance(rules, Mapping) else None
            schedule = (
                RetentionSchedule(version, _rules(rules))
                if given is None
                else RetentionSchedule.from_body(given, version)
            )
            body = schedule.to_body()
            add_policy(
                journal,
                self._context,
                PolicyTopic.RETENTION,
                version,
                body,
                effective_day=self._context.today(),
                reason=why,
            )
            return schedule

    def schedule(self) -> RetentionSchedule:
        """The version that holds today; version 0, without rules, where none was set."""
        with self._context.read() as connection:
            return self._schedule(connection)

    def all(self) -> list[RetentionSchedule]:
        """Every version, oldest first."""
        with self._context.read() as connection:
            return self._versions(connection)

    def due(self, as_of: date | None = None, *, progress: Progress | None = None) -> RetentionPlan:
        """What would go as of a day (default today), what stays although it is over, and why."""
        day = date_of_day(self._context.day(as_of))
        with self._context.read() as connection:
            schedule = self._schedule(connection)
            if not schedule.rules:
                return RetentionPlan(day, schedule)
            found = list(groups(connection, customers_in(connection)))
            going, staying, younger, done = list[Going](), list[Staying](), 0, 0
            for portion in portions(found):
                for held in facts_of(connection, self._context, portion, day):
                    told = self._told(connection, held, _ruling(held, schedule, day))
                    going += told[0]
                    staying += told[1]
                    younger += told[2]
                done += len(portion)
                if progress is not None:
                    progress(done, len(found))
        return RetentionPlan(day, schedule, tuple(going), tuple(staying), younger)

    def apply(
        self,
        as_of: date | None = None,
        *,
        dry_run: bool = True,
        progress: Progress | None = None,
        at_once: int = _AT_ONCE,
    ) -> RetentionRun:
        """Erase what ``due`` lists; unless ``dry_run`` is False, only say what would go.

        Each customer is looked at again before anything of theirs goes. ``at_once`` customers go in
        one transaction; where it breaks off, what was done stays done, and the next run goes on.
        Erased is by the rules of ``privacy.erase``, on the ground ``retention_ended``. Refused for
        a day to come, and where no schedule is set.
        """
        plan = self.due(as_of)
        refusals = () if dry_run else tuple(self._refusals(plan))
        if dry_run or refusals:
            return RetentionRun(False, plan, refusals)
        if at_once < 1:
            raise BadInputError(f"at_once is a number of customers, 1 or more, not {at_once!r}.")
        self._remains.forget()
        run = RetentionRun(True, plan)
        ids = list(dict.fromkeys(going.group for going in plan.going))
        for start in range(0, len(ids), at_once):
            portion = ids[start : start + at_once]
            with self._context.transaction():
                self._lock(key for group in portion for key in group)
                counts = [self._erase(group, plan) for group in portion]
            entries, files = (sum(numbers) for numbers in zip(*counts, strict=True))
            run = replace(
                run,
                customers=run.customers + sum(1 for number, _ in counts if number),
                entries=run.entries + entries,
                files=run.files + files,
            )
            if progress is not None:
                progress(min(start + at_once, len(ids)), len(ids))
        return self._remains.told(run)

    def _refusals(self, plan: RetentionPlan) -> Iterator[Refusal]:
        if not plan.schedule.rules:
            yield Refusal(
                "no_schedule", "No periods are set, so nothing goes: custledger retention set FILE."
            )
        if plan.as_of > date_of_day(self._context.today()):
            yield Refusal(
                "future", f"{plan.as_of.isoformat()} is to come: nothing goes before its time."
            )

    def _lock(self, keys: Iterable[int]) -> None:
        # Before anything is read: what another writer adds meanwhile may be a reason to stay.
        with self._context.write() as journal:
            lock_chains(journal.connection, self._context.ledger, sorted(keys))

    def _erase(self, group: tuple[int, ...], plan: RetentionPlan) -> tuple[int, int]:
        """Erase what is due of customers who are one; the numbers of entries and files."""
        with self._context.write() as journal:
            connection = journal.connection
            schedule = self._schedule(connection)
            now = list(groups(connection, [group[0]]))
            if now != [group] or schedule != plan.schedule:
                return 0, 0
            found = facts_of(connection, self._context, now, plan.as_of)
            entries = files = 0
            for held in found:
                ruling = _ruling(held, schedule, plan.as_of)
                for key, rule, seqs in _targets(held, ruling, schedule):
                    more = self._erase_entries(journal, key, rule, seqs, schedule)
                    entries, files = entries + more[0], files + more[1]
            return entries, files

    def _erase_entries(
        self,
        journal: Journal,
        key: int,
        rule: RetentionRule,
        seqs: Sequence[int],
        schedule: RetentionSchedule,
    ) -> tuple[int, int]:
        connection = journal.connection
        subject = Subject(key, self._context.identities.uuid(connection, key))
        targets = (
            [numbered_ for _, numbered_ in sorted(numbered(connection, key, seqs).items())]
            if rule.kind not in (Kept.PROSPECT, Kept.CUSTOMER)
            else [t for t in chain_of(connection, key) if t.kind not in STAYS]
        )
        said: dict[str, JsonValue] = {
            "ground": Ground.RETENTION_ENDED.value,
            "reason": f"retention schedule, version {schedule.version}: {rule.kind}, {rule}",
        }
        ruling = erase_by_rules(journal, self._context, subject, targets, said, self._remains)
        erased = ruling.erased
        return (0, 0) if erased is None else (erased.entries, erased.files)

    def _told(
        self, connection: Connection, held: Held, ruling: Ruling
    ) -> tuple[list[Going], list[Staying], int]:
        facts = held.facts
        who = (held.keys, facts.customer_id, facts.name)
        going = []
        if ruling.person is not None:
            entries = sum(
                1
                for key in held.keys
                for target in chain_of(connection, key)
                if target.kind not in STAYS
            )
            kind = ruling.person.kind
            going.append(Going(*who, kind, len(facts.units), entries, facts.since, ()))
        for kind, units in groupby(sorted(ruling.going, key=_order), key=lambda u: u.kind):
            found = list(units)
            seqs = tuple((u.customer, seq) for u in found for seq in u.seqs)
            going.append(
                Going(*who, kind, len(found), len(seqs), min(u.oldest for u in found), seqs)
            )
        staying = [
            Staying(*who, r.unit.kind, r.unit.seqs, r.unit.oldest, r.block.why, r.block.text)
            for r in ruling.staying
        ]
        return going, staying, ruling.younger

    def _schedule(self, connection: Connection) -> RetentionSchedule:
        found = policy_on(connection, self._context, PolicyTopic.RETENTION, self._context.today())
        if found is None:
            return RetentionSchedule()
        return RetentionSchedule.from_body(found.body, found.version)

    def _versions(self, connection: Connection) -> list[RetentionSchedule]:
        found = policy_versions(connection, self._context, PolicyTopic.RETENTION)
        return [RetentionSchedule.from_body(v.body, v.version) for v in found]


def _ruling(held: Held, schedule: RetentionSchedule, day: date) -> Ruling:
    """What goes; all of the money stays where without some of it another sum would be owed."""
    ruling = judge(held.facts, schedule, day)
    money = [u for u in ruling.going if u.kind is Kept.MONEY]
    wrong = [
        unit
        for customer, entries in held.money.items()
        if changes_what_is_owed(
            entries, [seq for u in money if u.customer == customer for seq in u.seqs], day
        )
        for unit in money
        if unit.customer == customer
    ]
    if not wrong:
        return ruling
    block = Block(Stay.BALANCE, "Without it, something else would count as unpaid.")
    return replace(
        ruling,
        going=tuple(u for u in ruling.going if u not in wrong),
        staying=(*ruling.staying, *(Retained(u, block) for u in wrong)),
    )


def _targets(
    held: Held, ruling: Ruling, schedule: RetentionSchedule
) -> Iterator[tuple[int, RetentionRule, list[int]]]:
    """What is erased at a time: of one chain, by one rule."""
    if ruling.person is not None:
        for key in held.keys:
            yield key, ruling.person, []
        return
    uuids = list(held.money)
    for key, uuid in zip(held.keys, uuids, strict=True):
        units = sorted((u for u in ruling.going if u.customer == uuid), key=_order)
        for kind, found in groupby(units, key=lambda u: u.kind):
            rule = schedule.rule(kind)
            if rule is not None:
                yield key, rule, [seq for unit in found for seq in unit.seqs]


def _order(unit: Unit) -> tuple[int, tuple[int, ...]]:
    return list(Kept).index(unit.kind), unit.seqs


def _rules(rules: object) -> tuple[RetentionRule, ...]:
    if not isinstance(rules, Sequence) or not all(isinstance(r, RetentionRule) for r in rules):
        raise BadInputError(f"rules is a list of RetentionRules, not {rules!r}.")
    return tuple(rules)
