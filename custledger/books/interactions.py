"""The interaction book: each contact with a customer, what it was for, and what it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from custledger.core.bodies import interaction_from
from custledger.core.facts import InteractionFacts
from custledger.core.records import EntryRef, Interaction
from custledger.storage.context import Context
from custledger.storage.drafting import Drafting, Wording
from custledger.storage.entries import Entries, check_changes, check_rows
from custledger.storage.journal import Draft, Journal
from custledger.storage.lookup import CustomerKeys, CustomerLike, StaffMembers
from custledger.storage.tables import InteractionRow

__all__ = ["InteractionBook"]


class InteractionBook:
    """Contacts by phone, mail, chat, visit ...; the unit in which staff time is recorded."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._entries = Entries(context, InteractionRow, interaction_from)

    def record(self, customer: CustomerLike, **facts: Unpack[InteractionFacts]) -> Interaction:
        """Record a contact; ``channel`` is required, the moments default to now.

        The hourly rate of the staff's day is kept as a snapshot unless ``hourly_rate`` is given.
        """
        with self._context.write() as journal:
            draft = self._drafts(journal, [{**facts, "customer": customer}])[0]
            return self._entries.record(journal, draft)

    def record_many(self, rows: Iterable[Mapping[str, Any]]) -> list[EntryRef]:
        """Record contacts from mappings of named facts with ``customer``, in one transaction."""
        with self._context.write() as journal:
            return journal.refs(
                self._entries.append(journal, self._drafts(journal, check_rows(rows)))
            )

    def get(self, interaction: Interaction | EntryRef) -> Interaction:
        """The current state of an interaction, or NotFoundError once it was voided."""
        return self._entries.get(interaction)

    def of(self, customer: CustomerLike) -> list[Interaction]:
        """A customer's interactions, in the order they happened."""
        return self._entries.of(customer)

    def correct(
        self,
        interaction: Interaction | EntryRef,
        *,
        reason: str,
        **changes: Unpack[InteractionFacts],
    ) -> Interaction:
        """Record how it really was; facts that are not named stay, as does the old entry.

        Two facts follow others unless they are named. ``hourly_rate`` is taken anew where ``staff``
        or ``occurred_at`` changes: another hour, or another person's, costs what it cost then
        (``hourly_rate=None`` takes it anew in any case). ``known_at`` moves along where it would
        lie before a later ``occurred_at``.
        """
        named = check_changes(changes)

        def reworded(journal: Journal, old: Interaction) -> Wording:
            facts = _facts_of(old) | named
            members = StaffMembers(journal.connection, self._context)
            who = facts.get("staff")
            member = None if who is None else members.member(who)
            return Drafting(journal, self._context).interaction(facts, member, old=old)

        return self._entries.correct(interaction, reason, reworded)

    def void(self, interaction: Interaction | EntryRef, *, reason: str) -> None:
        """Take an interaction recorded by mistake out of the current state; the trail keeps it."""
        self._entries.void(interaction, reason)

    def _drafts(self, journal: Journal, rows: Sequence[Mapping[str, Any]]) -> list[Draft]:
        connection, drafting = journal.connection, Drafting(journal, self._context)
        members = StaffMembers(connection, self._context)
        whose = CustomerKeys(connection, self._context, (row.get("customer") for row in rows))
        drafts = []
        for row in rows:
            facts = dict(row)
            subject = whose.key(facts.pop("customer", ""))
            who = facts.get("staff")
            member = None if who is None else members.member(who)
            drafts.append(drafting.interaction(facts, member).draft(subject))
        return drafts


def _facts_of(interaction: Interaction) -> dict[str, Any]:
    """What stays in a correction; the rate and when it was known follow the other facts."""
    follow = {"staff", "hourly_rate", "known_at"}
    facts = {
        n: getattr(interaction, n) for n in InteractionFacts.__annotations__ if n not in follow
    }
    return facts | {"staff": interaction.staff_id}
