"""What an entry will say, from the facts about it: the rules that books and imports share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from custledger.core.checks import check_day
from custledger.core.clock import day_of, to_microseconds
from custledger.core.facts import (
    Body,
    customer_body,
    interaction_body,
    money_body,
    staff_part,
)
from custledger.core.money import Money
from custledger.core.records import EntryKind, Interaction, MoneyEntry, MoneyKind
from custledger.storage.context import Context
from custledger.storage.journal import Draft, Journal
from custledger.storage.lookup import Member
from custledger.storage.moments import moments_of
from custledger.storage.rates import Rates

__all__ = ["Drafting", "Wording"]


class Wording(NamedTuple):
    """What an entry will say, before it is known in whose chain it will stand."""

    kind: EntryKind
    body: Body
    occurred_at: int | None
    staff_body: Body | None

    def draft(self, subject_id: int) -> Draft:
        """The draft of the entry in a subject's chain."""
        return Draft(subject_id, self.kind, self.body, self.occurred_at, self.staff_body)


class Drafting:
    """Words the entries of one write, by its moment; the hourly rates are read once."""

    def __init__(self, journal: Journal, context: Context) -> None:
        self._connection, self._now = journal.connection, journal.recorded_at
        self._zone, self._region = context.zone, context.region
        self._rates: Rates | None = None

    def customer(self, facts: Mapping[str, Any]) -> Wording:
        """A customer; joined today in the ledger's zone where nothing is said."""
        joined_on = facts.get("joined_on")
        today = day_of(self._now, self._zone)
        joined = today if joined_on is None else check_day(joined_on, "joined_on")
        body = customer_body(facts, joined_day=joined, region=self._region)
        return Wording(EntryKind.CUSTOMER, body, None, staff_part(facts))

    def interaction(
        self, facts: Mapping[str, Any], member: Member | None, *, old: Interaction | None = None
    ) -> Wording:
        """An interaction with the rate of the member's day, unless ``hourly_rate`` is given.

        A correction of ``old`` keeps when the firm learned of it. It keeps the rate too, or that
        there was none, while the member of staff and the moment stay and no rate is named.
        """
        occurred, known = moments_of(facts, self._now, learned=_learned(old))
        uuid = None if member is None else member.uuid
        rate = facts.get("hourly_rate")
        if old and "hourly_rate" not in facts and _same_hour(old, uuid, occurred):
            rate = old.hourly_rate
        elif rate is None:
            rate = self._rate(member, occurred)
        body = interaction_body(facts, occurred_at=occurred, known_at=known, staff=uuid, rate=rate)
        return Wording(EntryKind.INTERACTION, body, occurred, staff_part(facts))

    def money(
        self, kind: MoneyKind, facts: Mapping[str, Any], *, old: MoneyEntry | None = None
    ) -> Wording:
        """A money entry; a correction of ``old`` keeps when the firm learned of it."""
        occurred, known = moments_of(facts, self._now, learned=_learned(old))
        body = money_body(kind, facts, occurred_at=occurred, known_at=known)
        return Wording(EntryKind(kind.value), body, occurred, staff_part(facts))

    def _rate(self, member: Member | None, occurred: int) -> Money | None:
        if self._rates is None:
            self._rates = Rates(self._connection)
        key = None if member is None else member.key
        return self._rates.on(key, day_of(occurred, self._zone))


def _learned(old: Interaction | MoneyEntry | None) -> int | None:
    return None if old is None else to_microseconds(old.known_at)


def _same_hour(old: Interaction, staff: UUID | None, occurred: int) -> bool:
    return (old.staff_id, to_microseconds(old.occurred_at)) == (staff, occurred)
