"""Where steps of decisions are written: behind the locks of all chains of one person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Self
from uuid import UUID

from sqlalchemy import Connection, func, select

from custledger.core.clock import date_of_day, day_of
from custledger.core.decisions.bodies import event_body, event_staff_body
from custledger.core.decisions.events import (
    Cited,
    DecisionMade,
    DecisionPolicy,
    Event,
    ScoreFlag,
    is_human,
)
from custledger.core.decisions.rules import refusals
from custledger.core.decisions.state import CustomerDecisions
from custledger.core.decisions.steps import DecisionStep
from custledger.core.records import EntryKind, EntryRef, PolicyTopic, Staff
from custledger.core.refusal import Refusal
from custledger.core.score.policy import ScorePolicy
from custledger.errors import LedgerBusyError, NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.decisions.decisions import (
    DecisionReader,
    GroupEvents,
    policy_from,
    registered_staff,
)
from custledger.storage.events import append_event
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.merges import group_of
from custledger.storage.policies import policy_on
from custledger.storage.reading import ledger_bodies
from custledger.storage.scoring.standings import fit_of
from custledger.storage.tables import (
    CustomerRow,
    EntryRow,
    EvidenceRow,
    InteractionRow,
    MoneyRow,
    ScorePolicyRow,
)

__all__ = ["DecisionDesk", "chain_key"]

_entry, _score_policy = table_of(EntryRow), table_of(ScorePolicyRow)
_customer = table_of(CustomerRow)
_RECORDS: Final = (table_of(InteractionRow), table_of(MoneyRow), table_of(EvidenceRow))
_BUSY: Final = (
    "Somebody merged this customer with another one just now. Nothing was written; look at what "
    "is decided about the other one, and try again."
)


@dataclass(frozen=True, slots=True)
class DecisionDesk:
    """What a step is checked against; nobody else writes about the person until it is written."""

    journal: Journal
    context: Context
    key: int
    group: GroupEvents
    people: tuple[Staff, ...]
    today: date

    @classmethod
    def at(cls, journal: Journal, context: Context, key: int) -> Self:
        """The desk for a customer; takes the locks first and reads then."""
        keys = group_of(journal.connection, key)
        lock_chains(journal.connection, journal.ledger, sorted(keys))
        if group_of(journal.connection, key) != keys:
            raise LedgerBusyError(_BUSY)
        group = DecisionReader(journal.connection, context).group(keys)
        people = tuple(registered_staff(journal.connection))
        today = date_of_day(day_of(journal.recorded_at, journal.zone))
        return cls(journal, context, key, group, people, today)

    @property
    def connection(self) -> Connection:
        """The connection of the write."""
        return self.journal.connection

    @property
    def state(self) -> CustomerDecisions:
        """Where the decisions about the person stand today."""
        return self.group.state(self.today)

    @property
    def writer(self) -> Staff:
        """Who writes."""
        return next(s for s in self.people if s.id == self.journal.actor_id)

    @property
    def policy(self) -> DecisionPolicy:
        """The policy of decisions that holds today."""
        day = day_of(self.journal.recorded_at, self.journal.zone)
        found = policy_on(self.connection, self.context, PolicyTopic.DECISIONS, day)
        return DecisionPolicy() if found is None else policy_from(found.version, found.body)

    @property
    def registered(self) -> frozenset[UUID]:
        """The ids of the people (no programs) who are registered and active."""
        return frozenset(s.id for s in self.people if s.active and is_human(s))

    def next_ref(self) -> EntryRef:
        """The reference that the next entry of the chain gets."""
        last = select(func.max(_entry.c.seq)).where(_entry.c.subject_id == self.key)
        uuid = self.context.identities.uuid(self.connection, self.key)
        return EntryRef(uuid, (self.connection.scalar(last) or 0) + 1)

    def flag(self) -> ScoreFlag | None:
        """Whether the score flags the person today under any name, by the current policy."""
        newest = select(_score_policy.c.entry_id).order_by(_score_policy.c.version.desc()).limit(1)
        policy = ScorePolicy.from_body(ledger_bodies(self.connection, newest)[0])
        day = day_of(self.journal.recorded_at, self.journal.zone)
        current = select(_customer.c.id).where(_customer.c.id.in_(self.group.keys))
        for key in self.connection.scalars(current).all():
            found = fit_of(
                self.connection,
                key,
                policy=policy,
                as_of_day=day,
                currency=self.context.currency,
            )
            if found.flag:
                return ScoreFlag(found.as_of, found.policy_version)
        return None

    def cited(self, refs: Sequence[EntryRef]) -> tuple[tuple[Cited, ...], tuple[Refusal, ...]]:
        """Entries with their days, and refusals for those that are no current record of theirs."""
        found, missing = [], []
        for ref in dict.fromkeys(refs):
            day = self._day_of(ref)
            if day is None:
                name = f"#{ref.seq}" if ref.subject in self.group.ids else str(ref)
                missing.append(
                    Refusal(
                        "incidents",
                        f"{name} is no contact, money entry or evidence of this customer that "
                        "stands. Name one that does: `custledger history` lists them.",
                    )
                )
            else:
                found.append(Cited(ref, day))
        return tuple(found), tuple(missing)

    def write(self, event: Event, also: Iterable[Refusal] = ()) -> DecisionStep:
        """Write the event if nothing stands against it."""
        named = tuple(also)
        codes = {refusal.code for refusal in named}  # they say it better
        rules = refusals(event, self.state, self.group.ids)
        found = (*named, *(refusal for refusal in rules if refusal.code not in codes))
        if found:
            return DecisionStep(tuple(dict.fromkeys(found)))
        entry = append_event(
            self.journal,
            self.key,
            EntryKind.DECISION,
            event_body(event),
            staff_body=event_staff_body(event) or None,
        ).id
        made = isinstance(event, DecisionMade)
        case = event.ref if isinstance(event, DecisionMade) else event.decision
        assert not made or entry == case
        after = replace(self, group=self._reread()).state
        return DecisionStep(decision=after.get(case), entry=entry)

    def _reread(self) -> GroupEvents:
        return DecisionReader(self.connection, self.context).group(self.group.keys)

    def _day_of(self, ref: EntryRef) -> date | None:
        if ref.subject not in self.group.ids:
            return None
        key = self.context.identities.key(self.connection, ref.subject)
        for record in _RECORDS:
            query = (
                select(_entry.c.recorded_at, _entry.c.occurred_at)
                .join(record, record.c.entry_id == _entry.c.id)
                .where(record.c.customer_id == key, record.c.seq == ref.seq)
            )
            row = self.connection.execute(query).one_or_none()
            if row is not None:
                moment = row.recorded_at if row.occurred_at is None else row.occurred_at
                return date_of_day(day_of(moment, self.journal.zone))
        return None


def chain_key(connection: Connection, context: Context, decision: EntryRef) -> int:
    """The key of the customer whose chain a decision is in; NotFoundError where there is none."""
    key = context.identities.key(connection, decision.subject)
    if key is None:
        raise NotFoundError(
            f"There is no decision {decision}. `custledger decision list` shows those there are."
        )
    return key
