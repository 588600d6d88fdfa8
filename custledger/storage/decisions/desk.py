"""Where steps of decisions are written: behind the locks of all chains of one person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Self
from uuid import UUID

from sqlalchemy import Connection, func, select

from custledger.core.checks import check_text
from custledger.core.clock import date_of_day, day_of
from custledger.core.contact import folded
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
from custledger.core.records import Conduct, EntryKind, EntryRef, Staff
from custledger.core.refusal import Refusal
from custledger.errors import LedgerBusyError, NotFoundError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.decisions.decisions import (
    DecisionReader,
    GroupEvents,
    registered_staff,
)
from custledger.storage.decisions.periods import periods_on
from custledger.storage.events import append_event
from custledger.storage.heads import lock_chains
from custledger.storage.house_rules import house_rules, rule_applies
from custledger.storage.journal import Journal
from custledger.storage.merges import group_of
from custledger.storage.scoring.score_policy import current_score_policy
from custledger.storage.scoring.standings import fit_of
from custledger.storage.tables import (
    CustomerRow,
    EntryRow,
    EvidenceRow,
    InteractionRow,
    MoneyRow,
)

__all__ = ["DecisionDesk", "chain_key"]

_entry, _customer = table_of(EntryRow), table_of(CustomerRow)
_interaction, _evidence = table_of(InteractionRow), table_of(EvidenceRow)
_RECORDS: Final = (_interaction, table_of(MoneyRow), _evidence)
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
        return periods_on(self.connection, self.context, day)

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
        policy = current_score_policy(self.connection)
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

    def safety(self, refs: Sequence[EntryRef]) -> tuple[tuple[Cited, ...], tuple[Refusal, ...]]:
        """The same for what put somebody's safety at risk: evidence, or a contact that says so."""
        found, missing = self.cited(refs)
        harmless = [cited.ref for cited in found if not self._endangers(cited.ref)]
        return found, (
            *missing,
            *(
                Refusal(
                    "safety",
                    f"#{ref.seq} records nothing that puts anybody's safety at risk. If the "
                    "customer's conduct did, correct the entry first.",
                )
                for ref in harmless
            ),
        )

    def rule(self, name: str, incidents: Sequence[Cited]) -> tuple[str, tuple[Refusal, ...]]:
        """A house rule's name as it was given, and refusals where it does not apply to them all."""
        name = check_text(name, "rule")
        if not name:
            return "", ()
        versions = house_rules(self.connection, self.context).get(folded(name))
        if versions is None:
            text = f"There is no house rule {name!r}. `custledger rule list` shows those there are."
            return name, (Refusal("rule", text),)
        refs = [cited.ref for cited in incidents]
        checks = [(r, rule_applies(self.connection, self.context, versions, r)) for r in refs]
        return versions[0].name, tuple(
            Refusal("rule", f"#{ref.seq}: {check.reason} Decide without that incident or the rule.")
            for ref, check in checks
            if not check.applies
        )

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

    def _endangers(self, ref: EntryRef) -> bool:
        key = self.context.identities.key(self.connection, ref.subject)
        contact, proof = (
            select(column).where(table.c.customer_id == key, table.c.seq == ref.seq)
            for table, column in (
                (_interaction, _interaction.c.conduct),
                (_evidence, _evidence.c.seq),
            )
        )
        conduct = self.connection.scalar(contact)
        if conduct is None:
            return self.connection.scalar(proof) is not None
        return conduct is not Conduct.NONE

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
