"""The book of referrals: who came because somebody spoke well of us, and what these are worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.bodies import StoredEntry
from custledger.core.checks import check_moment, check_text
from custledger.core.clock import date_of_day, from_microseconds
from custledger.core.records import EntryKind, EntryRef
from custledger.core.refusal import Refusal
from custledger.core.worth.earning import Brought, Referral, ReferralAnswer, ReferredRow
from custledger.errors import BadInputError
from custledger.storage.bulk import portions, table_of
from custledger.storage.complaints.resolutions import names_of
from custledger.storage.context import Context
from custledger.storage.corrections import void
from custledger.storage.events import append_event, events_of, events_where
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.merges import group_of, persons, stands_for
from custledger.storage.scoring.accounts import fit_of
from custledger.storage.scoring.score_policy import current_score_policy
from custledger.storage.tables import EventRow

__all__ = ["ReferralBook"]

_event = table_of(EventRow)
_REFERRAL = EntryKind.REFERRAL
_ONESELF = Refusal("oneself", "Nobody refers themselves: both names are of the same customer.")
_IN_FUTURE = Refusal("in_future", "It lies in the future: record it when it has happened.")


class ReferralBook:
    """Referrals, in the chain of the customer who came; at most one for each, and no circle.

    Customers who were merged are one person here as well.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def record(
        self,
        customer: CustomerLike,
        *,
        referred_by: CustomerLike,
        note: str = "",
        occurred_at: datetime | None = None,
    ) -> ReferralAnswer:
        """Record who brought a customer; ``occurred_at`` is by default now.

        Refused, with nothing written: oneself, a second referral of the same customer, a circle
        (somebody whom this customer brought, directly or through others), a time in the future.
        """
        text = check_text(note, "note")
        at = None if occurred_at is None else check_moment(occurred_at, "occurred_at")
        with self._context.write() as journal:
            connection = journal.connection
            came = customer_key(connection, self._context, customer)
            by = customer_key(connection, self._context, referred_by)
            refusals = self._refusals(journal, came, by, at)
            if refusals:
                return ReferralAnswer(None, refusals)
            body = {
                "event": "referred",
                "other": str(self._context.identities.uuid(connection, by)),
            } | ({"note": text} if text else {})
            stored = append_event(journal, came, _REFERRAL, body, occurred_at=at)
            return ReferralAnswer(_referral(stored))

    def void(self, referral: Referral | EntryRef, *, reason: str) -> None:
        """Take a referral recorded by mistake out of the current state; the trail keeps it."""
        ref = referral.id if isinstance(referral, Referral) else referral
        if not isinstance(ref, EntryRef):
            raise BadInputError(f"Name a referral by the record or its id, not {referral!r}.")
        with self._context.write() as journal:
            key = self._context.identities.key(journal.connection, ref.subject)
            found = [] if key is None else self._of(journal.connection, [key])
            if all(stored.id != ref for stored in found):
                raise BadInputError(f"{ref} is no referral. `custledger referral list` shows them.")
            void(journal, self._context, EventRow, ref, reason)

    def of(self, customer: CustomerLike) -> Referral | None:
        """Who brought a customer, or None."""
        with self._context.read() as connection:
            key = customer_key(connection, self._context, customer)
            found = self._by_others(connection, group_of(connection, key))
            return _referral(found[0]) if found else None

    def all(self) -> list[Referral]:
        """Every referral, in the order of recording."""
        with self._context.read() as connection:
            found = events_where(connection, self._context, _event.c.kind == _REFERRAL)
            return [_referral(stored) for stored in found]

    def brought(self, customer: CustomerLike, as_of: date | None = None) -> Brought:
        """Whom a customer brought, directly and through others, with their net contributions.

        The most valuable first, step by step. Each figure is that of the statement
        (``ledger.score``).
        """
        day = self._context.day(as_of)
        with self._context.read() as connection:
            key = customer_key(connection, self._context, customer)
            head = stands_for(connection, key)
            found = _tree(connection, head, persons(connection), day)
            rows = self._rows(connection, found, day)
            head_id = self._context.identities.uuid(connection, head)
        direct = [row.net_minor for row in rows if row.steps == 1]
        return Brought(
            customer_id=str(head_id),
            as_of=date_of_day(day),
            currency=self._context.currency,
            direct=len(direct),
            direct_minor=sum(direct),
            all_minor=sum(row.net_minor for row in rows),
            customers=tuple(rows),
        )

    def _refusals(
        self, journal: Journal, came: int, by: int, at: int | None
    ) -> tuple[Refusal, ...]:
        if at is not None and at > journal.recorded_at:
            return (_IN_FUTURE,)
        connection = journal.connection
        above = self._locked_above(journal, came, by)
        head = stands_for(connection, came)
        if above[0] == head:
            return (_ONESELF,)
        refusals = []
        if self._by_others(connection, group_of(connection, came)):
            refusals.append(
                Refusal("twice", "Who brought this customer is recorded. Void it, if it is wrong.")
            )
        if head in above:
            refusals.append(
                Refusal("circle", "It would be a circle: the customer brought that one here.")
            )
        return tuple(refusals)

    def _locked_above(self, journal: Journal, came: int, by: int) -> list[int]:
        """Who stands above, from the referrer on, with all their chains locked.

        Two writers who close a circle from both ends have all of it above them, so that they wait
        for each other.
        """
        connection = journal.connection
        above: list[int] = []
        while (found := _above(connection, by)) != above:
            above = found
            groups = [key for head in (came, *above) for key in group_of(connection, head)]
            lock_chains(connection, journal.ledger, sorted({came, by, *groups}))
        return above

    def _of(self, connection: Connection, keys: Iterable[int]) -> list[StoredEntry]:
        return events_of(connection, self._context, _REFERRAL, keys)

    def _by_others(self, connection: Connection, group: Iterable[int]) -> list[StoredEntry]:
        """The referrals of a person; one name that brought another, before a merge, is none."""
        uuids = {str(u) for u in self._context.identities.uuids(connection, group).values()}
        return [s for s in self._of(connection, group) if s.body["other"] not in uuids]

    def _rows(
        self, connection: Connection, found: Mapping[int, _Place], day: int
    ) -> list[ReferredRow]:
        policy, currency = current_score_policy(connection), self._context.currency
        names = names_of(connection, found)
        keys = found.keys() | {place.by for place in found.values()}
        uuids = self._context.identities.uuids(connection, keys)
        rows = [
            ReferredRow(
                customer_id=str(uuids[key]),
                name=names[key],
                referred_by=str(uuids[place.by]),
                steps=place.steps,
                currency=currency,
                net_minor=fit_of(
                    connection, key, policy=policy, as_of_day=day, currency=currency
                ).statement.net.minor,
            )
            for key, place in found.items()
            if key in names
        ]
        return sorted(rows, key=lambda r: (r.steps, -r.net_minor, r.name, r.customer_id))


class _Place(NamedTuple):
    by: int
    steps: int


def _above(connection: Connection, customer: int) -> list[int]:
    """Who stands for the customer, for who brought this one, and so on to the first."""
    found = [stands_for(connection, customer)]
    while True:
        group = group_of(connection, found[-1])
        query = select(_event.c.other_id).where(
            _event.c.kind == _REFERRAL,
            _event.c.customer_id.in_(group),
            _event.c.other_id.not_in(group),
        )
        by = connection.scalar(query.order_by(_event.c.id).limit(1))
        head = None if by is None else stands_for(connection, by)
        if head is None or head in found:  # a circle that a later merge closed ends here
            return found
        found.append(head)


def _tree(
    connection: Connection, head: int, person: Mapping[int, int], day: int
) -> dict[int, _Place]:
    """Everyone brought by a person until a day, by who stands for them."""
    names: dict[int, list[int]] = {}
    for customer, stands in person.items():
        names.setdefault(stands, []).append(customer)
    found: dict[int, _Place] = {}
    level, steps = [head], 0
    while level:
        steps += 1
        asked = sorted(key for one in level for key in (one, *names.get(one, ())))
        level = []
        for customer, by in _referred(connection, asked, day):
            one, place = person.get(customer, customer), _Place(person.get(by, by), steps)
            if one != head and one not in found:
                found[one] = place
                level.append(one)
    return found


def _referred(connection: Connection, by: list[int], day: int) -> list[tuple[int, int]]:
    c = _event.c
    found: list[tuple[int, int]] = []
    for portion in portions(by):
        query = select(c.customer_id, c.other_id).where(
            c.kind == _REFERRAL, c.other_id.in_(portion), c.occurred_day <= day
        )
        found += [(row[0], row[1]) for row in connection.execute(query.order_by(c.id))]
    return found


def _referral(stored: StoredEntry) -> Referral:
    body: Mapping[str, Any] = stored.body
    at = stored.recorded_at if stored.occurred_at is None else stored.occurred_at
    return Referral(
        id=stored.id,
        customer_id=stored.id.subject,
        referred_by=UUID(body["other"]),
        occurred_at=from_microseconds(at),
        recorded_at=from_microseconds(stored.recorded_at),
        recorded_by=stored.actor,
        note=body.get("note", ""),
    )
