"""A write about what one customer owes: nobody else changes it meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from custledger.core.canonical import JsonValue
from custledger.core.checks import check_moment
from custledger.core.clock import date_of_day, day_of
from custledger.core.receivables.dunning import Account, is_invoice
from custledger.core.records import EntryRef
from custledger.core.refusal import Refusal
from custledger.errors import BadInputError
from custledger.storage.context import Context
from custledger.storage.debts import Debtor, debtor_of
from custledger.storage.heads import lock_chains
from custledger.storage.journal import Journal
from custledger.storage.lookup import CustomerLike, customer_key
from custledger.storage.merges import group_of

__all__ = ["At", "future", "named", "own_number", "ref_of", "refuse_other", "writing"]


class At(NamedTuple):
    """Where something is written: in whose chain, when it happened, on which day, and today.

    ``occurred_at`` is in microseconds; None is now.
    """

    debtor: Debtor
    key: int
    own: UUID
    occurred_at: int | None
    day: date
    today: date

    @property
    def account(self) -> Account:
        """What the customer owes, and what was done about it."""
        return self.debtor.account


@contextmanager
def writing(
    context: Context, customer: CustomerLike, occurred_at: datetime | None
) -> Iterator[tuple[Journal, At]]:
    """A write in the chain of the customer who is named; all names of the customer are locked."""
    at = None if occurred_at is None else check_moment(occurred_at, "occurred_at")
    with context.write() as journal:
        key = customer_key(journal.connection, context, customer)
        keys = group_of(journal.connection, key)
        lock_chains(journal.connection, context.ledger, sorted(keys))
        today = day_of(journal.recorded_at, context.zone)
        day = today if at is None else day_of(at, context.zone)
        found = debtor_of(journal.connection, context, key, max(day, today))
        own = context.identities.uuid(journal.connection, key)
        yield journal, At(found, key, own, at, date_of_day(day), date_of_day(today))


def future(journal: Journal, at: At) -> tuple[Refusal, ...]:
    """Why what has not happened yet is not recorded."""
    if at.occurred_at is None or at.occurred_at <= journal.recorded_at:
        return ()
    text = "What has not happened yet is not recorded. Give an earlier time."
    return (Refusal("in_future", text),)


def ref_of(record: object) -> EntryRef:
    """The reference of a record, or the reference itself."""
    ref = getattr(record, "id", record)
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"Name an entry by its record or its id (an EntryRef), not {record!r}.")
    return ref


def named(ref: EntryRef, own: UUID) -> JsonValue:
    """An entry of the same chain by its number; one of another name of the customer in full."""
    return ref.seq if ref.subject == own else str(ref)


def own_number(ref: EntryRef, own: UUID) -> int:
    """The number of an entry of this very chain."""
    if ref.subject != own:
        raise BadInputError(f"{ref} stands under another name of the customer: name that one.")
    return ref.seq


def refuse_other(account: Account, ref: EntryRef) -> None:
    """Raise BadInputError unless the reference is that of a current invoice of the customer."""
    if not is_invoice(account, ref):
        raise BadInputError(f"{ref} is no current invoice of the customer. Look it up again.")
