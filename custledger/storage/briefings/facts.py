"""What a briefing is made of, read from the ledger: the flag, what it rests on, the decisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.bodies import StoredEntry, interaction_from, money_from
from custledger.core.briefings.content import (
    CustomerBriefing,
    Known,
    TeamBriefing,
    customer_briefing,
    team_briefing,
)
from custledger.core.clock import date_of_day
from custledger.core.decisions.state import DecisionState
from custledger.core.records import EntryRef, Interaction, MoneyEntry, Staff, StaffRole
from custledger.core.score.fit import Fit
from custledger.core.score.policy import ScorePolicy
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.decisions.decisions import DecisionReader, GroupEvents, registered_staff
from custledger.storage.merges import group_of, stands_for
from custledger.storage.reading import stored_entries
from custledger.storage.scoring.score_policy import current_score_policy
from custledger.storage.scoring.standings import fit_of, score_rows
from custledger.storage.tables import CustomerRow, InteractionRow, MoneyRow

__all__ = ["BriefingFacts"]

_customer = table_of(CustomerRow)
_interaction, _money = table_of(InteractionRow), table_of(MoneyRow)


@dataclass(frozen=True)
class BriefingFacts:
    """Reads briefings over one connection; policy, staff and decisions are read once."""

    connection: Connection
    context: Context

    def team(self, day: int) -> TeamBriefing:
        """The briefing for staff as of a day: first those of whom something is decided."""
        rows = score_rows(
            self.connection,
            policy=self.policy,
            as_of_day=day,
            currency=self.context.currency,
        )
        flagged = [self._key(UUID(row.customer_id)) for row in rows if row.flag]
        decided = [group.keys[0] for group in self._groups if self._in_force(group, day)]
        told = map(self._reader(day), dict.fromkeys((*decided, *flagged)))
        return team_briefing(
            (briefing for briefing in told if briefing is not None),
            date_of_day(day),
            self._owners,
            can_flag=self.policy.margin is not None,
            watched=sum(row.watch for row in rows),
            policy_version=self.policy.version,
        )

    def customer(self, key: int, day: int) -> CustomerBriefing | None:
        """The briefing on a customer under whatever name; None where nobody is there any more."""
        return self._reader(day)(stands_for(self.connection, key))

    @cached_property
    def policy(self) -> ScorePolicy:
        """The score policy that holds now."""
        return current_score_policy(self.connection)

    @cached_property
    def people(self) -> list[Staff]:
        """Everyone registered, in the order of registration."""
        return registered_staff(self.connection)

    def _reader(self, day: int) -> Callable[[int], CustomerBriefing | None]:
        decided = {group.keys[0]: self._in_force(group, day) for group in self._groups}

        def read(key: int) -> CustomerBriefing | None:
            return self._customer(key, day, decided.get(key, ()))

        return read

    def _customer(
        self, key: int, day: int, decided: Sequence[DecisionState]
    ) -> CustomerBriefing | None:
        name = self.connection.scalar(select(_customer.c.name).where(_customer.c.id == key))
        if name is None:
            return None
        fit = fit_of(
            self.connection,
            key,
            policy=self.policy,
            as_of_day=day,
            currency=self.context.currency,
        )
        known = Known(
            self.context.identities.uuid(self.connection, key),
            name,
            fit if fit.flag else None,
            self._adverse(key, fit) if fit.flag else (),
            tuple(decided),
        )
        return customer_briefing(known, date_of_day(day), self._owners, self.context.zone)

    def _adverse(self, key: int, fit: Fit) -> tuple[Interaction | MoneyEntry, ...]:
        """The incidents; what was our own fault, and no abuse, is not among them."""
        refs: set[EntryRef] = set()
        for reason in fit.reasons:
            if reason.code == "conduct":
                refs |= {EntryRef(fit.customer_id, seq) for seq in reason.entries}
                refs |= set(reason.merged_entries)
        keys = group_of(self.connection, key) if refs else []
        contacts = map(interaction_from, self._entries(_interaction, keys, refs))
        return (*contacts, *map(money_from, self._entries(_money, keys, refs)))

    def _entries(self, table: Any, keys: Sequence[int], refs: set[EntryRef]) -> list[StoredEntry]:
        seqs = {ref.seq for ref in refs}
        query = (
            select(table.c.entry_id, table.c.seq)
            .where(table.c.customer_id.in_(keys))
            .order_by(table.c.occurred_at, table.c.seq)
        )
        rows = [(entry, seq) for entry, seq in self.connection.execute(query) if seq in seqs]
        found = stored_entries(self.connection, self.context.identities, rows)
        return [stored for stored in found if stored.id in refs]

    def _in_force(self, group: GroupEvents, day: int) -> tuple[DecisionState, ...]:
        return group.state(date_of_day(day)).in_force

    @cached_property
    def _groups(self) -> list[GroupEvents]:
        return DecisionReader(self.connection, self.context).groups()

    @cached_property
    def _owners(self) -> list[str]:
        return [s.name for s in self.people if s.role is StaffRole.OWNER and s.active]

    def _key(self, customer: UUID) -> int:
        key = self.context.identities.key(self.connection, customer)
        assert key is not None
        return key
