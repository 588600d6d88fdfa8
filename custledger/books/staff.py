"""The staff book: who works here, in which role, and what their hour costs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date
from typing import Final

from sqlalchemy import select

from custledger.core.bodies import hourly_rate_from, staff_from
from custledger.core.checks import check_name
from custledger.core.clock import date_of_day
from custledger.core.contact import folded
from custledger.core.facts import hourly_rate_body, staff_body
from custledger.core.money import Money
from custledger.core.records import EntryKind, HourlyRate, Staff, StaffRole
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.journal import Draft, Journal
from custledger.storage.lookup import StaffLike, staff_key
from custledger.storage.reading import ledger_bodies
from custledger.storage.tables import EntryRow, HourlyRateRow, StaffRow

__all__ = ["SINCE_EVER", "StaffBook"]

_staff = table_of(StaffRow)
_rate = table_of(HourlyRateRow)
_entry = table_of(EntryRow)

SINCE_EVER: Final = date(1900, 1, 1)
"""The day from which the first rate of a member of staff holds; no entry is older."""


class StaffBook:
    """Members of staff and programs; a name is unique, so that it can stand for the person.

    Case and white space make no other name: "Sam" and "sam" are one person.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(
        self,
        name: str,
        *,
        role: StaffRole | str = StaffRole.AGENT,
        hourly_rate: Money | None = None,
    ) -> Staff:
        """Register someone; ``hourly_rate`` is what their hour costs the firm, since ever."""
        with self._context.write() as journal:
            staff = self._add(journal, name, role)
            if hourly_rate is not None:
                self.set_rate(hourly_rate, staff=staff)
        return staff

    def add_many(self, names: list[str], *, role: StaffRole | str = StaffRole.AGENT) -> list[Staff]:
        """Register several people of one role, in one transaction."""
        with self._context.write() as journal:
            return [self._add(journal, name, role) for name in _listed(names)]

    def get(self, who: StaffLike) -> Staff:
        """The member of staff with that id or name, or NotFoundError."""
        with self._context.read() as connection:
            key = staff_key(connection, self._context, who)
            query = select(_staff.c.entry_id).where(_staff.c.id == key)
            return staff_from(ledger_bodies(connection, query)[0])

    def all(self) -> list[Staff]:
        """Everyone registered, in the order of registration."""
        with self._context.read() as connection:
            query = select(_staff.c.entry_id).order_by(_staff.c.id)
            return [staff_from(body) for body in ledger_bodies(connection, query)]

    def deactivate(self, who: StaffLike) -> Staff:
        """Note that someone left: they can no longer write; what they did stays."""
        with self._context.write() as journal:
            key = staff_key(journal.connection, self._context, who)
            staff = self.get(who)
            if key == journal.actor:
                raise BadInputError("You cannot deactivate yourself: let another member do it.")
            body = staff_body(staff.id, staff.name, staff.role, active=False)
            seq = journal.connection.scalar(
                select(_entry.c.seq)
                .join(_staff, _staff.c.entry_id == _entry.c.id)
                .where(_staff.c.id == key)
            )
            journal.append([Draft(self._context.key, EntryKind.STAFF, body, supersedes=seq)])
        return staff_from(body)

    def set_rate(
        self, rate: Money, *, staff: StaffLike | None = None, effective_on: date | None = None
    ) -> HourlyRate:
        """What an hour costs from a day on; without ``staff``, the ledger's rate for everyone else.

        The first rate holds since ever unless a day is given, a later one from today. An
        interaction keeps the rate of its day, so a later raise rewrites nothing.
        """
        with self._context.write() as journal:
            member = None if staff is None else self.get(staff).id
            first = all(rate.staff_id != member for rate in self.rates())
            since = SINCE_EVER if first else date_of_day(self._context.today())
            day = since if effective_on is None else effective_on
            body = hourly_rate_body(rate, day, member)
            journal.append([Draft(self._context.key, EntryKind.HOURLY_RATE, body)])
        return hourly_rate_from(body)

    def rates(self) -> list[HourlyRate]:
        """All hourly rates, oldest first."""
        with self._context.read() as connection:
            query = select(_rate.c.id).order_by(_rate.c.effective_day, _rate.c.id)
            return [hourly_rate_from(body) for body in ledger_bodies(connection, query)]

    def _add(self, journal: Journal, name: str, role: StaffRole | str) -> Staff:
        name = check_name(name)
        taken = select(_staff.c.name).where(_staff.c.name_folded == folded(name))
        known = journal.connection.scalar(taken)
        if known is not None:
            raise BadInputError(
                f"{known!r} is registered already. Give the other person another name."
            )
        body = staff_body(uuid.uuid4(), name, role)
        staff = staff_from(body)
        self._context.identities.add(journal.connection, [staff.id])
        journal.append([Draft(self._context.key, EntryKind.STAFF, body)])
        return staff


def _listed(names: object) -> list[str]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise BadInputError(f"names must be a list of names, not {names!r}.")
    return list(names)
