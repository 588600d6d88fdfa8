"""The money book: what was asked for, paid, given back, reversed, given up or conceded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from custledger.core.bodies import money_from
from custledger.core.facts import MoneyFacts
from custledger.core.records import EntryRef, MoneyEntry, MoneyKind
from custledger.errors import BadInputError
from custledger.storage.context import Context
from custledger.storage.drafting import Drafting, Wording
from custledger.storage.entries import Entries, check_changes, check_rows
from custledger.storage.journal import Draft, Journal
from custledger.storage.lookup import CustomerKeys, CustomerLike
from custledger.storage.tables import MoneyRow
from custledger.storage.targets import Target, target_ref, targets_at

__all__ = ["MoneyBook"]


class MoneyBook:
    """Invoices, sales, payments, refunds, chargebacks, write-offs and concessions."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._entries = Entries(context, MoneyRow, money_from)

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
            return journal.refs(
                self._entries.append(journal, self._drafts(journal, check_rows(rows)))
            )

    def get(self, entry: MoneyEntry | EntryRef) -> MoneyEntry:
        """The current state of a money entry, or NotFoundError once it was voided."""
        return self._entries.get(entry)

    def of(self, customer: CustomerLike) -> list[MoneyEntry]:
        """A customer's money entries, in the order they happened."""
        return self._entries.of(customer)

    def correct(
        self, entry: MoneyEntry | EntryRef, *, reason: str, **changes: Unpack[MoneyFacts]
    ) -> MoneyEntry:
        """Record how it really was; facts that are not named stay, the kind always stays.

        ``known_at``, unless it is named, moves along where it would lie before a later
        ``occurred_at``.
        """
        named = check_changes(changes)

        def reworded(journal: Journal, old: MoneyEntry) -> Wording:
            facts = _facts_of(old) | named
            targets = self._targets(journal, [facts])
            _apply(facts, targets, journal.key_of(old.customer_id))
            return Drafting(journal, self._context).money(old.kind, facts, old=old)

        return self._entries.correct(entry, reason, reworded)

    def void(self, entry: MoneyEntry | EntryRef, *, reason: str) -> None:
        """Take an entry recorded by mistake out of the current state; the trail keeps it."""
        self._entries.void(entry, reason)

    def _record(self, kind: MoneyKind, customer: CustomerLike, facts: Any) -> MoneyEntry:
        with self._context.write() as journal:
            row = {**facts, "kind": kind, "customer": customer}
            return self._entries.record(journal, self._drafts(journal, [row])[0])

    def _drafts(self, journal: Journal, rows: Sequence[Mapping[str, Any]]) -> list[Draft]:
        connection, drafting = journal.connection, Drafting(journal, self._context)
        whose = CustomerKeys(connection, self._context, (row.get("customer") for row in rows))
        targets = self._targets(journal, rows)
        drafts = []
        for row in rows:
            facts = dict(row)
            kind = _kind(facts.pop("kind", ""))
            subject = whose.key(facts.pop("customer", ""))
            _apply(facts, targets, subject)
            drafts.append(drafting.money(kind, facts).draft(subject))
        return drafts

    def _targets(
        self, journal: Journal, rows: Iterable[Mapping[str, Any]]
    ) -> dict[EntryRef, Target]:
        named = (row.get("applies_to") for row in rows)
        refs = [_target(target) for target in named if target is not None]
        return targets_at(journal.connection, self._context.identities, refs)


def _kind(value: object) -> MoneyKind:
    try:
        return MoneyKind(value)  # type: ignore[arg-type]
    except ValueError:
        raise BadInputError(
            f"{value!r} is not a kind of money entry. Use one of: {', '.join(MoneyKind)}."
        ) from None


def _apply(facts: dict[str, Any], targets: Mapping[EntryRef, Target], subject: int) -> None:
    """Put the reference of what the entry applies to among its facts, or BadInputError."""
    if facts.get("applies_to") is not None:
        ref = _target(facts["applies_to"])
        facts["applies_to"] = target_ref(ref, targets.get(ref), subject)


def _target(target: object) -> EntryRef:
    ref = target.id if isinstance(target, MoneyEntry) else target
    if not isinstance(ref, EntryRef):
        raise BadInputError(f"applies_to must be an invoice or sale, or its id, not {target!r}.")
    return ref


def _facts_of(entry: MoneyEntry) -> dict[str, Any]:
    """What stays in a correction; when it was known follows ``occurred_at``."""
    return {n: getattr(entry, n) for n in MoneyFacts.__annotations__ if n != "known_at"}
