"""The money book: what was asked for, paid, given back, reversed, given up or conceded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from sqlalchemy import Connection, select, tuple_

from custledger.core.bodies import money_from
from custledger.core.checks import check_reason
from custledger.core.facts import MoneyFacts, money_body, staff_part
from custledger.core.records import EntryKind, EntryRef, MoneyEntry, MoneyKind
from custledger.errors import BadInputError
from custledger.storage.bulk import table_of
from custledger.storage.context import Context
from custledger.storage.corrections import current, void
from custledger.storage.external import refuse_known
from custledger.storage.journal import Draft, Journal, Written
from custledger.storage.lookup import CustomerLike, customer_key, customers_by_id
from custledger.storage.moments import moments_of
from custledger.storage.reading import stored_entries
from custledger.storage.tables import MoneyRow

__all__ = ["MoneyBook"]

_table = table_of(MoneyRow)
_OWED = frozenset({MoneyKind.INVOICE, MoneyKind.SALE})
_CHUNK = 5_000


class MoneyBook:
    """Invoices, sales, payments, refunds, chargebacks, write-offs and concessions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def record_invoice(self, customer: CustomerLike, **facts: Unpack[MoneyFacts]) -> MoneyEntry:
        """What the customer owes until it is paid; ``amount`` and ``due_on`` are required."""
        return self._record(MoneyKind.INVOICE, customer, facts)

    def record_sale(self, customer: CustomerLike, **facts: Unpack[MoneyFacts]) -> MoneyEntry:
        """What was sold and paid at once: revenue that makes nobody a debtor."""
        return self._record(MoneyKind.SALE, customer, facts)

    def record_payment(self, customer: CustomerLike, **facts: Unpack[MoneyFacts]) -> MoneyEntry:
        """What the customer paid on invoices; ``applies_to`` names the invoice where known."""
        return self._record(MoneyKind.PAYMENT, customer, facts)

    def record_refund(self, customer: CustomerLike, **facts: Unpack[MoneyFacts]) -> MoneyEntry:
        """What was paid back; with ``goods_returned`` only the margin is lost."""
        return self._record(MoneyKind.REFUND, customer, facts)

    def record_chargeback(self, customer: CustomerLike, **facts: Unpack[MoneyFacts]) -> MoneyEntry:
        """What the card issuer took back for the customer."""
        return self._record(MoneyKind.CHARGEBACK, customer, facts)

    def record_write_off(self, customer: CustomerLike, **facts: Unpack[MoneyFacts]) -> MoneyEntry:
        """What the firm no longer expects to be paid."""
        return self._record(MoneyKind.WRITE_OFF, customer, facts)

    def record_concession(self, customer: CustomerLike, **facts: Unpack[MoneyFacts]) -> MoneyEntry:
        """What the firm gave of its own accord, as a goodwill discount; never in the score."""
        return self._record(MoneyKind.CONCESSION, customer, facts)

    def record_many(self, rows: Iterable[Mapping[str, Any]]) -> list[EntryRef]:
        """Record entries from mappings of facts with ``kind`` and ``customer``, as a whole."""
        with self._context.write() as journal:
            return journal.refs([written for _, written in self._append(journal, list(rows))])

    def get(self, entry: MoneyEntry | EntryRef) -> MoneyEntry:
        """The current state of a money entry, or NotFoundError once it was voided."""
        with self._context.read() as connection:
            ref = _ref(entry)
            found = current(connection, self._context, MoneyRow, ref)
            return self._read(connection, [(found.entry_id, ref.seq)])[0]

    def of(self, customer: CustomerLike) -> list[MoneyEntry]:
        """A customer's money entries, in the order they happened."""
        with self._context.read() as connection:
            key = customer_key(connection, self._context, customer)
            query = (
                select(_table.c.entry_id, _table.c.seq)
                .where(_table.c.customer_id == key)
                .order_by(_table.c.occurred_at, _table.c.seq)
            )
            return self._read(
                connection, [(entry, seq) for entry, seq in connection.execute(query)]
            )

    def correct(
        self, entry: MoneyEntry | EntryRef, *, reason: str, **changes: Unpack[MoneyFacts]
    ) -> MoneyEntry:
        """Record how it really was; facts that are not named stay, the kind always stays."""
        ref = _ref(entry)
        with self._context.write() as journal:
            found = current(journal.connection, self._context, MoneyRow, ref)
            old = self.get(ref)
            row = _facts_of(old) | dict(changes) | {"kind": old.kind, "customer": ref.subject}
            draft = self._draft(journal, row, {})
            draft.body["reason"] = check_reason(reason)
            refuse_known(journal.connection, MoneyRow, [draft.body], but=found.entry_id)
            self._check_targets(journal, [draft])
            journal.append([draft._replace(supersedes=found.seq)])
        return self.get(ref)

    def void(self, entry: MoneyEntry | EntryRef, *, reason: str) -> None:
        """Take an entry recorded by mistake out of the current state; the trail keeps it."""
        with self._context.write() as journal:
            void(journal, self._context, MoneyRow, _ref(entry), reason)

    def _record(self, kind: MoneyKind, customer: CustomerLike, facts: Any) -> MoneyEntry:
        with self._context.write() as journal:
            row = {**facts, "kind": kind, "customer": customer}
            draft, written = self._append(journal, [row])[0]
            return money_from(journal.stored(draft, written))

    def _append(
        self, journal: Journal, rows: Sequence[Mapping[str, Any]]
    ) -> list[tuple[Draft, Written]]:
        customers = customers_by_id(journal.connection, (row.get("customer") for row in rows))
        drafts = [self._draft(journal, row, customers) for row in rows]
        refuse_known(journal.connection, MoneyRow, (draft.body for draft in drafts))
        self._check_targets(journal, drafts)
        return list(zip(drafts, journal.append(drafts), strict=True))

    def _draft(
        self, journal: Journal, row: Mapping[str, Any], customers: dict[object, int]
    ) -> Draft:
        facts = dict(row)
        kind = _kind(facts.pop("kind", ""))
        who = facts.pop("customer", "")
        if who not in customers:
            customers[who] = customer_key(journal.connection, self._context, who)
        subject = customers[who]
        target = facts.get("applies_to")
        if target is not None:
            facts["applies_to"] = self._target(journal, target, subject)
        occurred, known = moments_of(facts, journal.recorded_at)
        body = money_body(kind, facts, occurred_at=occurred, known_at=known)
        return Draft(subject, EntryKind(kind.value), body, occurred, staff_part(facts))

    def _target(self, journal: Journal, target: object, subject: int) -> EntryRef:
        ref = target.id if isinstance(target, MoneyEntry) else target
        if not isinstance(ref, EntryRef):
            raise BadInputError(
                f"applies_to must be an invoice or sale, or its id, not {target!r}."
            )
        if self._context.identities.key(journal.connection, ref.subject) != subject:
            raise BadInputError(f"applies_to names {ref}, an entry of another customer.")
        return ref

    def _check_targets(self, journal: Journal, drafts: Iterable[Draft]) -> None:
        wanted = {
            (draft.subject_id, draft.body["applies_to"])
            for draft in drafts
            if "applies_to" in draft.body
        }
        places = sorted(wanted, key=str)
        for start in range(0, len(places), _CHUNK):
            chunk = places[start : start + _CHUNK]
            query = select(_table.c.customer_id, _table.c.seq).where(
                tuple_(_table.c.customer_id, _table.c.seq).in_(chunk), _table.c.kind.in_(_OWED)
            )
            owed = {(subject, seq) for subject, seq in journal.connection.execute(query)}
            for place in chunk:
                if place not in owed:
                    raise BadInputError(
                        f"applies_to names entry {place[1]}, which is no current invoice or sale. "
                        "Name another one, or None."
                    )

    def _read(self, connection: Connection, rows: list[tuple[int, int]]) -> list[MoneyEntry]:
        stored = stored_entries(connection, self._context.identities, rows)
        return [money_from(entry) for entry in stored]


def _kind(value: object) -> MoneyKind:
    try:
        return MoneyKind(value)  # type: ignore[arg-type]
    except ValueError:
        raise BadInputError(
            f"{value!r} is not a kind of money entry. Use one of: {', '.join(MoneyKind)}."
        ) from None


def _ref(entry: MoneyEntry | EntryRef) -> EntryRef:
    return entry.id if isinstance(entry, MoneyEntry) else entry


def _facts_of(entry: MoneyEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in MoneyFacts.__annotations__}
