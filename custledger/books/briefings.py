"""The book of briefings: what staff are told, who has read it, and who has not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from custledger.core.briefings.acknowledgements import (
    Acknowledged,
    Acknowledgement,
    Current,
    Outstanding,
    last_words,
    unread,
)
from custledger.core.briefings.content import CustomerBriefing, TeamBriefing
from custledger.core.checks import check_flag, check_text
from custledger.core.due import DueItem
from custledger.core.facts import Body
from custledger.core.records import EntryKind, Staff, StaffRole
from custledger.core.refusal import Refusal
from custledger.errors import BadInputError
from custledger.storage.briefings.facts import BriefingFacts
from custledger.storage.briefings.marks import AcknowledgementReader
from custledger.storage.briefings.moments import Window, due_items
from custledger.storage.context import Context
from custledger.storage.events import append_event
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, StaffLike, customer_key, staff_key
from custledger.storage.merges import group_of

__all__ = ["BriefingBook"]

_EVENT: Final = "acknowledged"
_CHANGED: Final = Refusal(
    "changed",
    "No briefing has this version now: it changed since. Read it again (`custledger brief`) and "
    "acknowledge the version that it shows.",
)
Subject = CustomerBriefing | TeamBriefing


class BriefingBook:
    """Briefings on customers and for the team, acknowledged by version.

    A customer has something to tell of while they are flagged or a decision about them is in force.
    Having complained, or being on watch, is no reason.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def team(self, as_of: date | None = None) -> TeamBriefing:
        """The briefing on everyone of whom there is something to tell, as of a day."""
        with self._context.read() as connection:
            return BriefingFacts(connection, self._context).team(self._context.day(as_of))

    def of(self, customer: CustomerLike, as_of: date | None = None) -> CustomerBriefing:
        """The briefing on one customer; where there is nothing to tell, its version says so."""
        with self._context.read() as connection:
            key = customer_key(connection, self._context, customer)
            facts = BriefingFacts(connection, self._context)
            found = facts.customer(key, self._context.day(as_of))
            assert found is not None  # who stands for a group is there
            return found

    def outstanding(self, as_of: date | None = None) -> list[Outstanding]:
        """Which active people have not acknowledged which briefing as it is on a day.

        By person and then as in the team's briefing. Who has acknowledged something about a
        customer that no longer holds is told that once: its version is then as-usual.
        """
        with self._context.read() as connection:
            facts = BriefingFacts(connection, self._context)
            return self._outstanding(facts, self._context.day(as_of))

    def acknowledge(
        self, briefing: Subject | str, *, staff: StaffLike | None = None, on_paper: bool = False
    ) -> Acknowledged:
        """Record that who writes has read a briefing: the record, or its version, as shown.

        The team's covers those of the customers in it. Refused, and nothing written, if it is not
        the current version, or was acknowledged already. Nobody does it for somebody else, but an
        owner may record a signature ``on_paper`` of another member of ``staff``.
        """
        paper = check_flag(on_paper, "on_paper")
        with self._context.write() as journal:
            facts = BriefingFacts(journal.connection, self._context)
            actor, person = self._people(facts, staff)
            found = tuple(_not_for(actor, person, paper))
            current = self._current(facts, briefing)
            if current is None:
                found += (_CHANGED,)
            if found or current is None:
                return Acknowledged(False, found)
            self._lock(journal, current)
            if not self._asks(facts, current, person):
                before = f"{person.name} acknowledged this version before."
                if current.as_usual:
                    before = "Nothing is told here: there is nothing to acknowledge."
                return Acknowledged(False, (Refusal("already", before),))
            return Acknowledged(True, (), self._write(journal, facts, current, person, paper))

    def acknowledged(self, customer: CustomerLike | None = None) -> list[Acknowledgement]:
        """What was acknowledged, in the order of recording: the team's, or a customer's."""
        with self._context.read() as connection:
            reader = self._reader(BriefingFacts(connection, self._context))
            if customer is None:
                return reader.of_team()
            key = customer_key(connection, self._context, customer)
            return reader.of_customers(group_of(connection, key))

    def passed(self, *, since: datetime, as_of: datetime) -> list[DueItem]:
        """What became outstanding in a period and is outstanding still, an item a person.

        A briefing changes when an entry is taken or a day begins. An entry that changes nothing in
        it may bring an item again, with the same key.
        """
        with self._context.read() as connection:
            facts = BriefingFacts(connection, self._context)
            window = Window.of(self._context, since, as_of)
            return due_items(facts, self._outstanding(facts, window.last_day), window)

    def _outstanding(self, facts: BriefingFacts, day: int) -> list[Outstanding]:
        known = self._reader(facts).all()
        told = facts.team(day).customers
        current = {c.customer_id: Current(c.customer_id, c.name, c.version) for c in told}
        before = [a.customer_id for a in known if a.customer_id is not None]
        before += [customer for a in known for customer in a.covers]
        for customer in dict.fromkeys(before):
            key = self._context.identities.key(facts.connection, customer)
            if customer not in current and key is not None:
                over = facts.customer(key, day)
                if over is not None:
                    current[customer] = Current(customer, over.name, over.version)
        return unread(facts.people, current.values(), known)

    def _current(self, facts: BriefingFacts, briefing: Subject | str) -> Subject | None:
        """Today's briefing of that version, or None where there is none."""
        today = self._context.today()
        if isinstance(briefing, CustomerBriefing):
            key = self._context.identities.key(facts.connection, briefing.customer_id)
            found = None if key is None else facts.customer(key, today)
            return found if found is not None and found.version == briefing.version else None
        team = facts.team(today)
        if isinstance(briefing, TeamBriefing):
            return team if team.version == briefing.version else None
        if not isinstance(briefing, str):
            raise BadInputError(f"Name a briefing by its record or its version, not {briefing!r}.")
        wanted = check_text(briefing, "version")
        every: tuple[Subject, ...] = (team, *team.customers)
        return next((one for one in every if one.version == wanted), None)

    def _asks(self, facts: BriefingFacts, current: Subject, person: Staff) -> bool:
        """Whether the person has not acknowledged it, or something in it, as it is now."""
        if isinstance(current, TeamBriefing):
            rows = self._outstanding(facts, self._context.today())
            return any(row.staff_id == person.id for row in rows)
        known = self._reader(facts).all()
        return current.version not in last_words(known, person.id, current.customer_id)

    def _lock(self, journal: Journal, current: Subject) -> None:
        # Before it is read what was acknowledged: the same twice would be written twice.
        keys = [self._context.key]
        if isinstance(current, CustomerBriefing):
            keys.append(journal.key_of(current.customer_id))
        lock_chains(journal.connection, journal.ledger, keys)

    def _write(
        self, journal: Journal, facts: BriefingFacts, current: Subject, person: Staff, paper: bool
    ) -> Acknowledgement:
        body: Body = {"event": _EVENT, "other": str(person.id), "mark": current.version}
        if paper:
            body["on_paper"] = True
        if isinstance(current, TeamBriefing):
            versions: Body = {str(c.customer_id): c.version for c in current.customers}
            body |= {"firm": True, "covers": versions}
            key = self._context.key
        else:
            key = journal.key_of(current.customer_id)
        return self._reader(facts).record(append_event(journal, key, EntryKind.BRIEFING, body))

    def _people(self, facts: BriefingFacts, staff: StaffLike | None) -> tuple[Staff, Staff]:
        """Who writes, and who has read."""
        by_id = {person.id: person for person in facts.people}
        actor = by_id[self._context.actor_id]
        if staff is None:
            return actor, actor
        key = staff_key(facts.connection, self._context, staff)
        return actor, by_id[self._context.identities.uuid(facts.connection, key)]

    def _reader(self, facts: BriefingFacts) -> AcknowledgementReader:
        return AcknowledgementReader(facts.connection, self._context, facts.people)


def _not_for(actor: Staff, person: Staff, paper: bool) -> Iterator[Refusal]:
    if person.role is StaffRole.PROGRAM:
        yield Refusal("program", f"{person.name} is a program: people read briefings.")
    elif not person.active:
        yield Refusal("left", f"{person.name} left, and need not acknowledge anything.")
    elif person.id != actor.id and not paper:
        yield Refusal(
            "not_yours",
            f"Only {person.name} can say that {person.name} has read it. An owner may record a "
            "signature on paper.",
        )
    elif person.id != actor.id and actor.role is not StaffRole.OWNER:
        yield Refusal("not_owner", "Only an owner records what others signed on paper.")
