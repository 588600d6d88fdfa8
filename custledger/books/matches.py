"""The book of matches: who may be one person, and the merges that named people decided on.

A merge is an entry in the chain of the customer that was merged. It moves nothing: entries stay
where they were recorded, and imports go on recording there. What is reckoned (the score, flags,
debts, decisions) is reckoned of all who are one, under the one who stands for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from custledger.core.bodies import StoredEntry
from custledger.core.checks import check_reason
from custledger.core.clock import from_microseconds
from custledger.core.facts import Body
from custledger.core.matching import Candidates, candidates_among
from custledger.core.merging import Merge, MergeOutcome, below
from custledger.core.records import EntryKind, EntryRef, StaffRole
from custledger.errors import LedgerBusyError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import Current, void_draft
from custledger.storage.events import append_event, events_of, events_where
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Draft, Journal
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.merges import group_of
from custledger.storage.scoring.parties import parties_alike
from custledger.storage.tables import EventRow, StaffRow

__all__ = ["MatchBook"]

_event, _staff = table_of(EventRow), table_of(StaffRow)
_KIND = EntryKind.MERGE
_KEPT = ("reason", "merged_at", "merged_by")
"""What a merge goes on saying when it has to name another one who stands for all."""


class MatchBook:
    """One person, several names. A named person merges; nothing here merges by itself."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def candidates(self, customer: CustomerLike | None = None) -> Candidates:
        """Who may be one person, on what evidence: of all customers, or with one of them.

        Contact points that several can share (a household's phone, an info@ mailbox) are listed
        apart: they make nobody the same person.
        """
        with self._context.read() as connection:
            if customer is None:
                return candidates_among(parties_alike(connection, self._context))
            group = group_of(connection, customer_key(connection, self._context, customer))
            found = candidates_among(parties_alike(connection, self._context, group))
            head = self._context.identities.uuid(connection, group[0])
        return Candidates(
            tuple(match for match in found.matches if head in (match.first, match.second)),
            tuple(point for point in found.shared if head in point.customers),
        )

    def merge(self, duplicate: CustomerLike, *, into: CustomerLike, reason: str) -> MergeOutcome:
        """Record that a customer is another name of somebody, who stands for both from now on.

        If others were merged into the duplicate, they come along. Refused, and nothing written,
        where the two are one already, and to programs. NotFoundError for who is no customer.
        """
        said = check_reason(reason)
        with self._context.write() as journal:
            child, parent, members = self._locked(journal, duplicate, into)
            refusal = self._program(journal) or self._refusal(journal, child, parent, members)
            if refusal:
                return refusal
            head = group_of(journal.connection, parent)[0]
            entry = self._record(journal, child, parent, head, said)
            self._point(journal, members.group[1:], head)
            return self._outcome(journal, child, entry)

    def unmerge(self, customer: CustomerLike, *, reason: str) -> MergeOutcome:
        """Take a merge back: the customer is a person of their own again.

        Who had been merged into the customer before goes along; all is as if the two had never been
        merged. The entry of the merge is voided, and stays in the history.
        """
        check_reason(reason)
        with self._context.write() as journal:
            child, _, members = self._locked(journal, customer, customer)
            merge = members.merges.get(child)
            if refusal := self._program(journal):
                return refusal
            if merge is None:
                return self._not_merged(members)
            along = below(members.parents, child)
            found = _current(child, merge)
            journal.append([void_draft(found, reason)])
            self._point(journal, [key for key in members.group if key in along], child)
            return self._outcome(journal, child, merge.id)

    def group(self, customer: CustomerLike) -> list[UUID]:
        """All who are one with the customer: first who stands for them; often the customer alone.

        Who was merged stands where they always did, under their own id.
        """
        with self._context.read() as connection:
            keys = group_of(connection, customer_key(connection, self._context, customer))
            return [self._context.identities.uuid(connection, key) for key in keys]

    def merged(self, customer: CustomerLike | None = None) -> list[Merge]:
        """The merges that stand, oldest first: all, or those among who is one with a customer."""
        with self._context.read() as connection:
            if customer is None:
                found = events_where(connection, self._context, _event.c.kind == _KIND)
            else:
                keys = group_of(connection, customer_key(connection, self._context, customer))
                found = events_of(connection, self._context, _KIND, keys)
        return [_merge_from(stored) for stored in found]

    def _locked(
        self, journal: Journal, one: CustomerLike, other: CustomerLike
    ) -> tuple[int, int, _Members]:
        """Two customers, once nobody else can write about them or who is one with either."""
        connection = journal.connection
        a, b = (customer_key(connection, self._context, who) for who in (one, other))
        held = self._everybody(connection, a, b)
        lock_chains(connection, journal.ledger, sorted(held))
        # They may have been merged, voided or erased while the locks were waited for.
        for key in (a, b):
            customer_key(connection, self._context, journal.identities.uuid(connection, key))
        if not self._everybody(connection, a, b) <= held:
            raise LedgerBusyError(
                "Somebody merged one of these customers at the same moment. Nothing was written; "
                "look at them, and try again."
            )
        return a, b, self._members(connection, a)

    def _everybody(self, connection: Connection, *customers: int) -> set[int]:
        return {key for customer in customers for key in group_of(connection, customer)}

    def _members(self, connection: Connection, customer: int) -> _Members:
        keys = group_of(connection, customer)
        found = events_of(connection, self._context, _KIND, keys)
        return _Members(
            keys,
            {self._key(connection, s.id.subject): s for s in found},
            {self._key(connection, s.id.subject): self._key(connection, _into(s)) for s in found},
        )

    def _key(self, connection: Connection, uuid: UUID) -> int:
        key = self._context.identities.key(connection, uuid)
        return 0 if key is None else key

    def _refusal(
        self, journal: Journal, child: int, parent: int, members: _Members
    ) -> MergeOutcome | None:
        if child == parent:
            said = "That is one and the same customer. Name the duplicate, and the other."
            return MergeOutcome.refused("itself", said)
        if parent in members.group and child == members.group[0]:
            said = "The two are one already. To have the other stand for both, unmerge it first."
            return MergeOutcome.refused("circle", said)
        if parent in members.group:
            return MergeOutcome.refused("already", "The two are one already: nothing is to do.")
        if child in members.merges:
            head = journal.identities.uuid(journal.connection, members.group[0])
            said = (
                f"The customer was merged into {head} before. If all are one person, merge {head}; "
                "if that was a mistake, unmerge the customer first."
            )
            return MergeOutcome.refused("merged", said)
        return None

    def _program(self, journal: Journal) -> MergeOutcome | None:
        role = select(_staff.c.role).where(_staff.c.id == journal.actor)
        if journal.connection.scalar(role) is not StaffRole.PROGRAM:
            return None
        said = (
            "A program cannot say who is one person. Show what it found (matches.candidates) to "
            "somebody who decides in their own name."
        )
        return MergeOutcome.refused("person", said)

    def _record(
        self, journal: Journal, child: int, parent: int, head: int, reason: str
    ) -> EntryRef:
        uuids = journal.identities.uuids(journal.connection, (parent, head))
        body: Body = {"event": "merged", "other": str(uuids[head]), "reason": reason}
        if parent != head:
            body["into"] = str(uuids[parent])
        return append_event(journal, child, _KIND, body).id

    def _point(self, journal: Journal, members: Iterable[int], head: int) -> None:
        """Say of members of a group that another one stands for them now."""
        found = events_of(journal.connection, self._context, _KIND, members)
        new = journal.identities.uuid(journal.connection, head)
        drafts = []
        for stored in found:
            key, into = self._key(journal.connection, stored.id.subject), _into(stored)
            body = {name: stored.body[name] for name in _KEPT if name in stored.body}
            body = {"merged_at": stored.recorded_at, "merged_by": str(stored.actor), **body}
            body |= {"event": "merged", "other": str(new)}
            if into != new:
                body["into"] = str(into)
            drafts.append(Draft(key, _KIND, body, supersedes=stored.entry.seq))
        journal.append(drafts)

    def _not_merged(self, members: _Members) -> MergeOutcome:
        others = len(members.group) - 1
        hint = "There is nothing to take back."
        if others:
            hint = "They stand for others: name the one of these that is another person."
        return MergeOutcome.refused("not_merged", f"The customer was not merged. {hint}")

    def _outcome(self, journal: Journal, customer: int, entry: EntryRef) -> MergeOutcome:
        keys = group_of(journal.connection, customer)
        found = journal.identities.uuids(journal.connection, keys)
        return MergeOutcome(True, tuple(found[key] for key in keys), (), entry)


class _Members(NamedTuple):
    """Who is one with a customer; by key, the entry of each merge, and whom a person named."""

    group: list[int]
    merges: dict[int, StoredEntry]
    parents: dict[int, int]


def _into(stored: StoredEntry) -> UUID:
    return UUID(stored.body.get("into", stored.body["other"]))


def _current(customer: int, stored: StoredEntry) -> Current:
    return Current(customer, 0, stored.entry.seq, _KIND)


def _merge_from(stored: StoredEntry) -> Merge:
    return Merge(
        id=stored.id,
        customer_id=stored.id.subject,
        into=_into(stored),
        head=UUID(stored.body["other"]),
        reason=stored.body.get("reason", ""),
        merged_at=from_microseconds(stored.body.get("merged_at", stored.recorded_at)),
        merged_by=UUID(stored.body.get("merged_by", str(stored.actor))),
    )
